// SPDX-License-Identifier: Apache-2.0
#include "source/pieces.h"

#include <errno.h>

#include "base/own.h"

static uint64_t tt_piece_cost(const struct tt_piece *piece)
{
	return sizeof(*piece) + piece->captured;
}

static int tt_pieces_insert(struct tt_pieces *p, struct tt_piece **at, int64_t off, uint32_t len, struct tt_span captured,
			    uint64_t time_ns)
{
	struct tt_piece *piece = malloc(sizeof(*piece) + captured.len);
	if (!piece)
		return -ENOMEM;
	*piece = (struct tt_piece){.next = *at, .off = off, .len = len, .captured = (uint32_t)captured.len, .time_ns = time_ns};
	if (captured.len)
		memcpy(piece->data, captured.data, captured.len);
	p->bytes += tt_piece_cost(piece);
	if (!piece->next)
		p->tail = piece;
	*at = piece;
	return 0;
}

int tt_pieces_add(struct tt_pieces *p, int64_t off, uint32_t len, struct tt_span captured, uint64_t time_ns)
{
	/* Behind one that is missing they mostly come in order. */
	bool last = p->tail && p->tail->off + p->tail->len <= off;
	struct tt_piece **at = last ? &p->tail->next : &p->head;

	while (len) {
		while (*at && (*at)->off + (*at)->len <= off)
			at = &(*at)->next;

		/* Up to the next piece is new; what that one covers is passed over. */
		uint32_t fresh = len;
		if (*at && (*at)->off < off + len)
			fresh = (*at)->off > off ? (uint32_t)((*at)->off - off) : 0;
		if (fresh) {
			int r = tt_pieces_insert(p, at, off, fresh, tt_span_sub(captured, 0, fresh), time_ns);
			if (r < 0)
				return r;
			at = &(*at)->next;
		}
		uint32_t known = *at && fresh < len ? (*at)->len - (fresh ? 0 : (uint32_t)(off - (*at)->off)) : 0;
		uint32_t done = TT_MIN(len - fresh, known) + fresh;
		captured = tt_span_sub(captured, done, SIZE_MAX);
		off += done;
		len -= done;
	}
	return 0;
}

struct tt_piece *tt_pieces_pop(struct tt_pieces *p)
{
	struct tt_piece *piece = p->head;
	if (piece) {
		p->head = piece->next;
		p->tail = p->head ? p->tail : NULL;
		p->bytes -= tt_piece_cost(piece);
	}
	return piece;
}

void tt_pieces_free(struct tt_pieces *p)
{
	struct tt_piece *piece;

	while ((piece = tt_pieces_pop(p)))
		free(piece);
}
