// SPDX-License-Identifier: Apache-2.0
#include "source/pieces.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/seed.h"

#define TT_PIECE_EIGHTH_BITS 3

/* What points to the first piece of each list that ends behind an offset. */
struct tt_place {
	struct tt_piece **at;
	struct tt_piece **skip[TT_PIECE_LISTS];
};

static size_t tt_piece_lists(const struct tt_piece *piece)
{
	return (size_t)(piece->data - (const uint8_t *)piece->skip) / sizeof(piece->skip[0]);
}

static uint64_t tt_piece_cost(const struct tt_piece *piece)
{
	return sizeof(*piece) + tt_piece_lists(piece) * sizeof(piece->skip[0]) + piece->captured;
}

/* One in eight is in the first of the other lists, and so on; which ones nobody outside knows. */
static size_t tt_piece_lists_of(int64_t off)
{
	uint64_t chance = tt_seed_hash(&off, 1);
	size_t lists = 0;

	for (; lists < TT_PIECE_LISTS && !(chance & ((1u << TT_PIECE_EIGHTH_BITS) - 1)); lists++)
		chance >>= TT_PIECE_EIGHTH_BITS;
	return lists;
}

/* Nothing of this or behind it is kept. */
static bool tt_pieces_end_before(const struct tt_pieces *p, int64_t off)
{
	return !p->tail || p->tail->off + p->tail->len <= off;
}

static bool tt_piece_ends_before(struct tt_pieces *p, const struct tt_piece *piece, int64_t off)
{
	p->looks += piece != NULL;
	return piece && piece->off + piece->len <= off;
}

static struct tt_place tt_pieces_find(struct tt_pieces *p, int64_t off)
{
	struct tt_piece *before = NULL;
	struct tt_place place;

	for (size_t i = TT_PIECE_LISTS; i-- > 0;) {
		struct tt_piece **at = before ? &before->skip[i] : &p->skip[i];
		while (tt_piece_ends_before(p, *at, off)) {
			before = *at;
			at = &before->skip[i];
		}
		place.skip[i] = at;
	}
	place.at = before ? &before->next : &p->head;
	while (tt_piece_ends_before(p, *place.at, off))
		place.at = &(*place.at)->next;
	return place;
}

static struct tt_piece *tt_piece_new(int64_t off, uint32_t len, struct tt_span captured, uint64_t time_ns)
{
	size_t lists = tt_piece_lists_of(off);

	struct tt_piece *piece = malloc(sizeof(*piece) + lists * sizeof(piece->skip[0]) + captured.len);
	if (!piece)
		return NULL;
	*piece = (struct tt_piece){.off = off, .len = len, .captured = (uint32_t)captured.len, .time_ns = time_ns};
	piece->data = (uint8_t *)&piece->skip[lists];
	if (captured.len)
		memcpy(piece->data, captured.data, captured.len);
	return piece;
}

static int tt_pieces_insert(struct tt_pieces *p, int64_t off, uint32_t len, struct tt_span captured, uint64_t time_ns)
{
	struct tt_place place = {.at = p->tail ? &p->tail->next : &p->head};
	struct tt_piece *piece = tt_piece_new(off, len, captured, time_ns);

	if (!piece)
		return -ENOMEM;
	size_t lists = tt_piece_lists(piece);
	/* Behind one that is missing they mostly come in order. */
	if (lists || !tt_pieces_end_before(p, off))
		place = tt_pieces_find(p, off);
	piece->next = *place.at;
	*place.at = piece;
	for (size_t i = 0; i < lists; i++) {
		piece->skip[i] = *place.skip[i];
		*place.skip[i] = piece;
	}
	if (!piece->next)
		p->tail = piece;
	p->bytes += tt_piece_cost(piece);
	p->covered += len;
	if (p->head == piece && !(piece->next && piece->next->off == off + len))
		p->run = piece;
	return 0;
}

int tt_pieces_add(struct tt_pieces *p, int64_t off, uint32_t len, struct tt_span captured, uint64_t time_ns)
{
	const struct tt_piece *known = len && !tt_pieces_end_before(p, off) ? *tt_pieces_find(p, off).at : NULL;

	while (len) {
		/* Up to the next piece is new; what that one covers is passed over. */
		bool covered = known && known->off <= off;
		int64_t until = covered ? known->off + known->len : known ? known->off : INT64_MAX;
		uint32_t n = (uint32_t)TT_MIN((int64_t)len, until - off);
		int r = covered ? 0 : tt_pieces_insert(p, off, n, tt_span_sub(captured, 0, n), time_ns);
		if (r < 0)
			return r;
		if (covered) {
			known = known->next;
			p->looks++;
		}
		captured = tt_span_sub(captured, n, SIZE_MAX);
		off += n;
		len -= n;
	}
	return 0;
}

int64_t tt_pieces_whole(struct tt_pieces *p)
{
	while (p->run->next && p->run->next->off == p->run->off + p->run->len) {
		p->run = p->run->next;
		p->looks++;
	}
	return p->run->off + p->run->len;
}

struct tt_piece *tt_pieces_pop(struct tt_pieces *p)
{
	struct tt_piece *piece = p->head;

	if (!piece)
		return NULL;
	p->head = piece->next;
	for (size_t i = 0; i < tt_piece_lists(piece); i++)
		p->skip[i] = piece->skip[i];
	p->tail = p->head ? p->tail : NULL;
	p->run = p->run == piece ? p->head : p->run;
	p->bytes -= tt_piece_cost(piece);
	p->covered -= piece->len;
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

bool tt_pieces_have(struct tt_pieces *p, int64_t off, uint32_t len)
{
	const struct tt_piece *at = tt_pieces_end_before(p, off) ? NULL : *tt_pieces_find(p, off).at;

	return len && at && at->off < off + len;
}

bool tt_pieces_differ(struct tt_pieces *p, int64_t off, struct tt_span captured, struct tt_conflict *ret)
{
	*ret = (struct tt_conflict){0};
	if (tt_pieces_end_before(p, off))
		return false;
	for (const struct tt_piece *at = *tt_pieces_find(p, off).at; at && at->off < off + (int64_t)captured.len; at = at->next) {
		p->looks++;
		tt_conflict_add(ret, off, captured, at->off, tt_span(at->data, at->captured));
	}
	return ret->end > ret->off;
}
