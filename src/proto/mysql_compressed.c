// SPDX-License-Identifier: Apache-2.0
/*
 * MySQL: the compressed protocol ("Compression", MySQL internals manual). After the log-in each side's packets travel in
 * compressed ones, of which each is a block of its own: length, number, length without compression (0: it is not compressed).
 * They are unpacked and given to the parsers of the plain protocol. A message has the place and the bytes of the compressed
 * packets it travelled in.
 */
#include <errno.h>

#include "base/own.h"
#include "base/unpack.h"
#include "proto/mysql_internal.h"

#define HEADER 7u
#define REQUEST_LOOK 16384u /* bytes of a compressed packet of the client's; what is said in it stands at its beginning */
#define LEFT_OVER 65536u    /* plain bytes that may wait for the next packet */

struct header {
	uint32_t len;
	uint8_t seq;
	uint32_t plain; /* bytes when unpacked */
	bool packed;
};

static bool read_header(struct tt_cursor *c, struct header *ret)
{
	ret->len = tt_cursor_le24(c);
	ret->seq = tt_cursor_u8(c);
	ret->plain = tt_cursor_le24(c);
	ret->packed = ret->plain != 0;
	if (!ret->packed)
		ret->plain = ret->len;
	return !tt_cursor_short(c);
}

/* Which way was agreed on is known from the capabilities; a block says it too. */
static enum tt_packing packing(struct tt_span block, bool packed)
{
	if (!packed)
		return TT_PACKED_NOT;
	return tt_span_starts(block, TT_SPAN_LIT("\x28\xb5\x2f\xfd")) ? TT_PACKED_ZSTD : TT_PACKED_ZLIB;
}

/* --- what the parsers of the plain protocol say -------------------------------------------------------------------------------
 */

static struct mysql_packed *packed_side(const struct mysql_state *st, enum tt_side side)
{
	return st->packed && st->packed->side[side].on ? &st->packed->side[side] : NULL;
}

struct tt_message *mysql_message_begin(struct tt_link *link, const struct mysql_state *st, enum tt_side side,
				       const struct tt_input *in, size_t at)
{
	const struct mysql_packed *p = packed_side(st, side);

	if (p) {
		in = p->outer;
		at = p->at;
	}
	return side == TT_REQUESTS ? tt_request_begin(link, in, at) : tt_response_begin(link, in, at);
}

void mysql_message_end(struct tt_link *link, const struct mysql_state *st, enum tt_side side, struct tt_message *m,
		       const struct tt_input *in, uint64_t at)
{
	const struct mysql_packed *p = packed_side(st, side);

	if (p)
		tt_message_end(link, m, p->outer, p->end);
	else
		tt_message_end(link, m, in, at);
}

void mysql_extend(struct tt_link *link, const struct mysql_state *st, const struct tt_input *in, uint64_t at)
{
	const struct mysql_packed *p = packed_side(st, TT_REQUESTS);

	if (p)
		tt_request_extend(link, p->outer, p->end);
	else
		tt_request_extend(link, in, at);
}

void mysql_skip(struct tt_link *link, struct mysql_state *st, enum tt_side side, uint64_t n)
{
	struct mysql_packed *p = packed_side(st, side);

	if (p)
		p->skip = n;
	else
		tt_skip(link, side, n);
}

void mysql_skip_to_eof(struct tt_link *link, struct mysql_state *st)
{
	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		struct mysql_packed *p = packed_side(st, side);
		if (p)
			p->over = true;
		tt_skip_to_eof(link, side);
	}
}

/* --- packets ------------------------------------------------------------------------------------------------------------------
 */

#define SPARE 4096u /* kept for the next packet */

/* What grew or was freed since is accounted for. False: there is no room for it in all. */
static bool keep_plain(struct tt_link *link, struct mysql_packed *p)
{
	if (p->plain.len == 0 && p->plain.cap > SPARE)
		tt_buf_free(&p->plain);
	if (p->plain.cap > p->kept && !tt_keep(link, p->plain.cap - p->kept))
		return false;
	if (p->plain.cap < p->kept)
		tt_keep_less(link, p->kept - p->plain.cap);
	p->kept = p->plain.cap;
	return true;
}

/* Adds the block's plain bytes, as far as they are there or wanted. What follows them is left to `rest`. */
static bool unpack(struct tt_link *link, struct mysql_packed *p, const struct header *h, struct tt_span block)
{
	size_t before = p->plain.len;

	p->plain.max = before + (size_t)tt_link_limit(link, TT_LIMIT_UNPACKED_BYTES);
	int r = tt_unpack(packing(block, h->packed), block, &p->plain);
	uint64_t got = p->plain.len - before;
	bool begun = r == -ENOBUFS || (block.len < h->len && (r == 0 || r == -ENODATA));
	if (got > h->plain || (!begun && (r < 0 || got != h->plain)))
		return false;
	p->rest = h->plain - got;
	uint64_t dropped = TT_MIN(p->skip, got);
	p->skip -= dropped;
	if (dropped)
		tt_buf_consume(&p->plain, (size_t)dropped);
	return keep_plain(link, p);
}

/* The plain bytes are read. What is behind the last of them must be of no interest. */
static enum tt_step read_plain(struct tt_link *link, struct mysql_state *st, enum tt_side side, struct mysql_packed *p)
{
	struct tt_input inner = {.c = tt_cursor(tt_buf_span(&p->plain))};
	enum tt_step step = side == TT_REQUESTS ? mysql_parse_request(link, st, &inner) : mysql_parse_response(link, st, &inner);

	tt_buf_consume(&p->plain, inner.c.pos);
	keep_plain(link, p);
	if (step == TT_PARSED || step == TT_MORE) {
		if (p->rest > p->skip || p->plain.len > LEFT_OVER) {
			tt_unpacked_turned_away(link);
			return TT_LOST_SYNC;
		}
		p->skip -= p->rest;
		p->rest = 0;
		return TT_PARSED;
	}
	return step;
}

static void forget(struct mysql_packed *p)
{
	tt_buf_free(&p->plain);
	*p = (struct mysql_packed){.on = p->on, .over = p->over, .kept = p->kept};
}

static enum tt_step read_packet(struct tt_link *link, struct mysql_state *st, enum tt_side side, struct tt_input *in)
{
	struct mysql_packed *p = &st->packed->side[side];
	struct tt_cursor look = in->c;
	struct header h;

	if (!read_header(&look, &h))
		return TT_MORE;
	if (h.len == 0)
		return TT_LOST_SYNC;
	p->outer = in;
	p->at = in->c.pos;
	p->end = (uint64_t)p->at + HEADER + h.len;
	uint64_t most = TT_MIN(tt_link_limit(link, TT_LIMIT_UNPACKED_BYTES), tt_link_limit(link, TT_LIMIT_STREAM_BYTES) / 2);
	if (side == TT_REQUESTS)
		most = TT_MIN(most, (uint64_t)REQUEST_LOOK);
	size_t need = (size_t)TT_MIN((uint64_t)h.len, most);

	enum tt_step step = TT_PARSED;
	if (!p->held && !p->plain.len && p->skip >= h.plain) {
		p->skip -= h.plain;
	} else {
		if (!p->held && tt_cursor_left(&look) < need)
			return TT_MORE;
		if (!p->held && !unpack(link, p, &h, tt_cursor_take(&look, need)))
			step = TT_LOST_SYNC;
		if (step == TT_PARSED)
			step = read_plain(link, st, side, p);
	}
	/* Where the other side is to be read first the packet stays, and its plain bytes with it. */
	p->held = step == TT_WAIT;
	if (step != TT_PARSED) {
		if (step != TT_WAIT)
			forget(p);
		return step;
	}
	in->c.pos = (size_t)TT_MIN(p->end, (uint64_t)in->c.len);
	if (p->end > in->c.len)
		tt_skip(link, side, p->end - in->c.len);
	return TT_PARSED;
}

static bool turn_on(struct mysql_state *st, enum tt_side side)
{
	if (!st->packed && !(st->packed = calloc(1, sizeof(*st->packed))))
		return false;
	st->packed->side[side].on = true;
	return true;
}

bool mysql_side_packed(const struct mysql_state *st, enum tt_side side)
{
	return packed_side(st, side) != NULL;
}

enum tt_step mysql_parse_packed(struct tt_link *link, struct mysql_state *st, enum tt_side side, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	if (!turn_on(st, side))
		return TT_DONE;
	while (step == TT_PARSED && tt_cursor_left(&in->c) && !st->packed->side[side].over)
		step = read_packet(link, st, side, in);
	if (st->packed->side[side].over)
		in->c.pos = in->c.len;
	return step;
}

void mysql_packed_gap(struct mysql_state *st, enum tt_side side)
{
	if (st->packed)
		forget(&st->packed->side[side]);
}

bool mysql_packed_head(const struct mysql_state *st, enum tt_side side, struct tt_span bytes, struct tt_buf *out)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct header h;

	/* A conversation's first packet in each direction: the numbers go on from there. */
	if (!packed_side(st, side) || !read_header(&c, &h) || h.seq != (side == TT_REQUESTS ? 0 : 1))
		return false;
	struct tt_span block = tt_span_sub(tt_cursor_rest(&c), 0, h.len);
	out->max = MYSQL_LOOK + MYSQL_HEADER;
	int r = tt_unpack(packing(block, h.packed), block, out);
	return r == 0 || r == -ENOBUFS || r == -ENODATA;
}

void mysql_packed_free(struct mysql_state *st)
{
	if (!st->packed)
		return;
	tt_buf_free(&st->packed->side[TT_REQUESTS].plain);
	tt_buf_free(&st->packed->side[TT_RESPONSES].plain);
	free(st->packed);
	st->packed = NULL;
}
