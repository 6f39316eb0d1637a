// SPDX-License-Identifier: Apache-2.0
/*
 * Header blocks (RFC 9113 section 4.3): one frame, or several right behind each other. A block is decoded when it is whole,
 * whatever its stream, because the table depends on all of them; one that cannot be had whole leaves the table unknown.
 */
#include <errno.h>

#include "base/own.h"
#include "proto/http2_internal.h"
#include "shared/limits.h"

/* No stream has this number: the first bit of one is reserved. */
#define HTTP2_NO_STREAM UINT32_MAX

/* The block's part in a frame's payload, without padding and what stands in front. False: the frame is none. */
static bool http2_fragment(const struct http2_at *a, size_t front, struct tt_span *ret)
{
	struct tt_cursor c = a->in->c;
	size_t pad = a->frame.flags & TT_HTTP2_PADDED ? tt_cursor_u8(&c) : 0;
	size_t length = a->frame.length - (a->frame.flags & TT_HTTP2_PADDED ? 1 : 0);

	if (tt_cursor_short(&c) || front + pad > length)
		return false;
	*ret = tt_span_sub(tt_cursor_rest(&c), front, length - front - pad);
	return true;
}

/* A frame that is waited for in whole, if it may be kept. */
static bool http2_whole(const struct http2_at *a)
{
	return a->frame.length <= tt_cursor_left(&a->in->c);
}

static bool http2_too_long(const struct http2_at *a)
{
	return a->frame.length > tt_link_limit(a->link, TT_LIMIT_HTTP2_BLOCK_BYTES);
}

static void http2_lose(struct http2_at *a, struct http2_block *b)
{
	if (!b->lost)
		tt_block_turned_away(a->link);
	b->lost = true;
	tt_keep_free(a->link, &b->bytes);
}

/* Whose headers the block has: those of the frame's stream, or a request's that is promised. */
static enum tt_side http2_block_part(const struct http2_at *a, const struct http2_block *b)
{
	return b->promised ? TT_REQUESTS : a->side;
}

static struct http2_half *http2_half(const struct http2_at *a, const struct http2_block *b, struct http2_stream **ret)
{
	*ret = tt_http2_find(a->h, a->side, b->promised ? b->promised : b->stream);
	return *ret ? &(*ret)->half[http2_block_part(a, b)] : NULL;
}

/* It belongs to no request that may be reported: is it one nevertheless? Only its fields tell, as trailers may come after all. */
static bool http2_is_past(const struct http2_at *a, uint32_t id, const struct http2_half *half)
{
	return half ? half->over : (id & 1) && id <= a->h->highest;
}

/* Reads a whole block. The table may grow with it, if all links together have room for that. */
static int http2_decode(const struct http2_at *a, struct tt_span block, struct http2_head *head)
{
	struct tt_hpack *h = &a->h->side[a->side].hpack;
	size_t before = tt_hpack_bytes(h);

	int e = tt_hpack_block(h, block, head->m ? tt_http2_wanted[head->side] : TT_HPACK_BIT(TT_HPACK_METHOD), tt_http2_field,
			       head);
	size_t after = tt_hpack_bytes(h);
	if (after <= before || tt_keep(a->link, after - before))
		return e;
	tt_keep_less(a->link, before);
	tt_hpack_forget(h);
	return e;
}

/* The block is whole (or lost): it is read, and may end its stream's half. */
static int http2_block_end(struct http2_at *a, struct tt_span block)
{
	struct http2_side *side = &a->h->side[a->side];
	struct http2_block *b = &side->block;
	bool lost = b->lost, ends = b->ends;
	struct http2_stream *s = NULL;
	struct http2_half *half = http2_half(a, b, &s);
	enum tt_side part = http2_block_part(a, b);
	bool past = part == TT_REQUESTS && !b->promised && http2_is_past(a, b->stream, half);
	struct http2_head head = {.m = half && !half->told ? half->m : NULL, .s = s, .side = part};
	if (!lost)
		tt_http2_table_take(a, b->stream, block);
	b->stream = b->promised = 0;
	b->lost = false;

	int e = 0;
	if (lost)
		tt_hpack_unknown(&side->hpack);
	else
		e = http2_decode(a, block, &head);
	if (past && head.seen)
		tt_id_again(a->link);
	tt_buf_clear(&b->bytes);
	if (b->bytes.cap > 4096)
		tt_keep_free(a->link, &b->bytes);
	if (head.m && (e < 0 || lost)) {
		/* Anything may have stood there. */
		head.hidden = tt_http2_wanted[part] & ~head.seen;
		head.m->incomplete = true;
	}
	if (!tt_http2_head_end(&head) && half) {
		tt_message_drop(a->link, half->m);
		half->m = NULL;
		tt_http2_stream_remove(tt_http2_table(a->h, s->id), s);
		s = NULL;
	}
	if (s && ends)
		tt_http2_close(a->link, a->h, part, s, a->in, a->in->c.pos + a->frame.length);
	return e == -EBADMSG ? TT_LOST_SYNC : HTTP2_ON;
}

/* The first or a further part of the block that is open. */
static int http2_part(struct http2_at *a, struct tt_span part)
{
	struct http2_block *b = &a->h->side[a->side].block;
	struct http2_stream *s;
	struct http2_half *half = http2_half(a, b, &s);

	if (half && half->m)
		half->m->own_bytes += TT_HTTP2_FRAME_HEAD + a->frame.length;
	bool last = a->frame.flags & TT_HTTP2_END_HEADERS;
	if (last && !b->bytes.len)
		return http2_block_end(a, part);
	if (!b->lost && tt_keep_add(a->link, &b->bytes, part.data, part.len) < 0)
		http2_lose(a, b);
	return last ? http2_block_end(a, tt_buf_span(&b->bytes)) : HTTP2_ON;
}

static void http2_begin_block(struct http2_at *a, uint32_t promised)
{
	struct http2_block *b = &a->h->side[a->side].block;

	tt_buf_clear(&b->bytes);
	b->bytes.max = tt_link_limit(a->link, TT_LIMIT_HTTP2_BLOCK_BYTES);
	b->stream = a->frame.stream;
	b->promised = promised;
	b->ends = promised || (a->frame.flags & TT_HTTP2_END_STREAM);
	b->lost = false;
	if (http2_too_long(a))
		http2_lose(a, b);
}

int tt_http2_headers_frame(struct http2_at *a)
{
	struct tt_span part = tt_span(NULL, 0);

	if (!http2_too_long(a)) {
		if (!http2_whole(a))
			return TT_MORE;
		if (!http2_fragment(a, a->frame.flags & TT_HTTP2_WITH_PRIORITY ? 5 : 0, &part))
			return TT_LOST_SYNC;
	}
	if (tt_http2_table_awaited(a, part))
		return TT_WAIT;
	struct http2_stream *s;
	tt_http2_open(a->link, a->h, a->side, a->frame.stream, a->in, a->start, &s);
	if (s)
		s->half[a->side].decoded = false;
	http2_begin_block(a, 0);
	return http2_part(a, part);
}

/* The server says a request itself and will answer it on the stream it names (section 8.4). */
int tt_http2_push_promise(struct http2_at *a)
{
	struct tt_span part = tt_span(NULL, 0);
	uint32_t promised = 0;

	if (a->side == TT_REQUESTS)
		return TT_LOST_SYNC;
	if (!http2_too_long(a)) {
		if (!http2_whole(a))
			return TT_MORE;
		if (!http2_fragment(a, 4, &part))
			return TT_LOST_SYNC;
		struct tt_cursor c = tt_cursor(tt_span(part.data - 4, 4));
		promised = tt_cursor_be32(&c) & 0x7fffffff;
	}
	/* Of one that can be none, or was not read, only the table is kept right. */
	struct http2_stream *s = tt_http2_promise(a->link, a->h, promised, a->in, a->start);
	http2_begin_block(a, s ? promised : HTTP2_NO_STREAM);
	return http2_part(a, part);
}

int tt_http2_continuation(struct http2_at *a)
{
	struct http2_block *b = &a->h->side[a->side].block;

	if (b->stream != a->frame.stream)
		return TT_LOST_SYNC;
	if (http2_too_long(a))
		http2_lose(a, b);
	if (!b->lost && !http2_whole(a))
		return TT_MORE;
	return http2_part(a, b->lost ? tt_span(NULL, 0) : tt_span_sub(tt_cursor_rest(&a->in->c), 0, a->frame.length));
}
