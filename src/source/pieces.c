// SPDX-License-Identifier: Apache-2.0
#include "source/pieces.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"

static uint64_t tt_piece_cost(const struct tt_piece *piece)
{
	return sizeof(*piece) + piece->captured;
}

/* What is whole goes on with this piece and those that follow it without a gap. */
static void tt_pieces_join(struct tt_pieces *p, const struct tt_piece *from)
{
	for (; from && from->off == p->whole; from = from->next)
		p->whole += from->len;
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
	bool in_front = at == &p->head, touches = piece->next && piece->next->off == off + len;
	if (in_front && !touches)
		p->whole = off;
	tt_pieces_join(p, piece);
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
		if (p->head && p->head->off != piece->off + piece->len) {
			p->whole = p->head->off;
			tt_pieces_join(p, p->head);
		}
	}
	return piece;
}

void tt_pieces_free(struct tt_pieces *p)
{
	struct tt_piece *piece;

	while ((piece = tt_pieces_pop(p)))
		free(piece);
}

void tt_conflict_add(struct tt_conflict *ret, int64_t a_off, struct tt_span a, int64_t b_off, struct tt_span b)
{
	int64_t off = TT_MAX(a_off, b_off);
	int64_t end = TT_MIN(a_off + (int64_t)a.len, b_off + (int64_t)b.len);

	if (off >= end || memcmp(a.data + (off - a_off), b.data + (off - b_off), (size_t)(end - off)) == 0)
		return;
	while (a.data[off - a_off] == b.data[off - b_off])
		off++;
	while (a.data[end - 1 - a_off] == b.data[end - 1 - b_off])
		end--;
	bool first = ret->off == ret->end;
	ret->off = first ? off : TT_MIN(ret->off, off);
	ret->end = first ? end : TT_MAX(ret->end, end);
}

static bool tt_pieces_end_before(const struct tt_pieces *p, int64_t off)
{
	return !p->tail || p->tail->off + p->tail->len <= off;
}

bool tt_pieces_have(const struct tt_pieces *p, int64_t off, uint32_t len)
{
	const struct tt_piece *at = tt_pieces_end_before(p, off) ? NULL : p->head;

	while (at && at->off + at->len <= off)
		at = at->next;
	return len && at && at->off < off + len;
}

bool tt_pieces_differ(const struct tt_pieces *p, int64_t off, struct tt_span captured, struct tt_conflict *ret)
{
	*ret = (struct tt_conflict){0};
	if (tt_pieces_end_before(p, off))
		return false;
	for (const struct tt_piece *at = p->head; at && at->off < off + (int64_t)captured.len; at = at->next)
		tt_conflict_add(ret, off, captured, at->off, tt_span(at->data, at->captured));
	return ret->end > ret->off;
}
