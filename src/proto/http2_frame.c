// SPDX-License-Identifier: Apache-2.0
#include "proto/http2_frame.h"

/* Of the preface, as much as no other protocol begins with. */
#define HTTP2_PREFACE_SURE 16

/* Registered types that are passed over: RFC 7838, RFC 8336, RFC 9218. */
enum {
	HTTP2_ALTSVC = 0xa,
	HTTP2_ORIGIN = 0xc,
	HTTP2_PRIORITY_UPDATE = 0x10,
};

/* They end here, and in a stream not known yet frames are not expected to be longer than this. */
#define HTTP2_TYPE_LIKELY HTTP2_PRIORITY_UPDATE
#define HTTP2_LENGTH_LIKELY (1u << 20)
#define HTTP2_BLOCK_LIKELY (1u << 14) /* SETTINGS_MAX_FRAME_SIZE where nothing else is set */

enum http2_where {
	HTTP2_CONNECTION = 1, /* stream 0 only */
	HTTP2_STREAM = 2,     /* any other only */
};

static const struct http2_rule {
	uint8_t where;
	uint8_t flags;	/* all that have a meaning */
	uint32_t least; /* payload */
	uint32_t most;
	uint32_t multiple; /* 0: any length between */
} http2_rules[TT_HTTP2_TYPE_MAX] = {
	[TT_HTTP2_DATA] = {HTTP2_STREAM, 0x9, 0, UINT32_MAX, 0},
	[TT_HTTP2_HEADERS] = {HTTP2_STREAM, 0x2d, 1, UINT32_MAX, 0},
	[TT_HTTP2_PRIORITY] = {HTTP2_STREAM, 0, 5, 5, 0},
	[TT_HTTP2_RST_STREAM] = {HTTP2_STREAM, 0, 4, 4, 0},
	[TT_HTTP2_SETTINGS] = {HTTP2_CONNECTION, 0x1, 0, 6 * 256, 6},
	[TT_HTTP2_PUSH_PROMISE] = {HTTP2_STREAM, 0xc, 4, UINT32_MAX, 0},
	[TT_HTTP2_PING] = {HTTP2_CONNECTION, 0x1, 8, 8, 0},
	[TT_HTTP2_GOAWAY] = {HTTP2_CONNECTION, 0, 8, UINT32_MAX, 0},
	[TT_HTTP2_WINDOW_UPDATE] = {HTTP2_CONNECTION | HTTP2_STREAM, 0, 4, 4, 0},
	[TT_HTTP2_CONTINUATION] = {HTTP2_STREAM, 0x4, 0, UINT32_MAX, 0},
};

bool tt_http2_frame_head(struct tt_cursor *c, struct tt_http2_frame *ret)
{
	if (tt_cursor_left(c) < TT_HTTP2_FRAME_HEAD)
		return false;
	ret->length = tt_cursor_be24(c);
	ret->type = tt_cursor_u8(c);
	ret->flags = tt_cursor_u8(c);
	ret->stream = tt_cursor_be32(c) & 0x7fffffff; /* the first bit means nothing */
	return true;
}

bool tt_http2_frame_valid(const struct tt_http2_frame *f)
{
	if (f->type >= TT_HTTP2_TYPE_MAX)
		return true;
	const struct http2_rule *rule = &http2_rules[f->type];
	return (rule->where & (f->stream ? HTTP2_STREAM : HTTP2_CONNECTION)) && f->length >= rule->least &&
	       f->length <= rule->most && (!rule->multiple || f->length % rule->multiple == 0);
}

struct tt_span tt_http2_error_name(uint32_t code)
{
	static const char *const names[] = {
		"NO_ERROR",
		"PROTOCOL_ERROR",
		"INTERNAL_ERROR",
		"FLOW_CONTROL_ERROR",
		"SETTINGS_TIMEOUT",
		"STREAM_CLOSED",
		"FRAME_SIZE_ERROR",
		"REFUSED_STREAM",
		"CANCEL",
		"COMPRESSION_ERROR",
		"CONNECT_ERROR",
		"ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY",
		"HTTP_1_1_REQUIRED",
	};
	return tt_span_str(code < sizeof(names) / sizeof(names[0]) ? names[code] : "UNKNOWN_ERROR");
}

/* --- recognising -------------------------------------------------------------------------------------------------------------
 */

/* A frame on a connection of which nothing is known is held to more than a reader must. */
static bool http2_frame_likely(const struct tt_http2_frame *f)
{
	if (f->type > HTTP2_TYPE_LIKELY || f->length > HTTP2_LENGTH_LIKELY || !tt_http2_frame_valid(f))
		return false;
	if (f->type < TT_HTTP2_TYPE_MAX && (f->flags & ~http2_rules[f->type].flags))
		return false;
	if ((f->type == TT_HTTP2_HEADERS || f->type == TT_HTTP2_CONTINUATION) && f->length > HTTP2_BLOCK_LIKELY)
		return false;
	bool of_all = f->type == HTTP2_ORIGIN || f->type == HTTP2_PRIORITY_UPDATE;
	return (!of_all || !f->stream) && (!(of_all || f->type == HTTP2_ALTSVC) || !f->flags);
}

/* A header block is not interrupted (RFC 9113, 6.2): `open` is the stream of the one that goes on, 0 none. */
static bool http2_block_likely(const struct tt_http2_frame *f, uint32_t *open, bool first)
{
	bool goes_on = f->type == TT_HTTP2_CONTINUATION;

	if (*open ? !goes_on || f->stream != *open : goes_on && !first)
		return false;
	bool block = goes_on || f->type == TT_HTTP2_HEADERS || f->type == TT_HTTP2_PUSH_PROMISE;
	*open = block && !(f->flags & TT_HTTP2_END_HEADERS) ? f->stream : 0;
	return true;
}

/*
 * Who would say a header block that begins so: a block begins with pseudo-fields, and the first entries of HPACK's static table
 * (RFC 7541 appendix A) are theirs: 1 to 7 a request's, 8 to 14 a response's. A reference to a later entry says nothing.
 */
static bool http2_block_says(const struct tt_http2_frame *f, struct tt_span payload, enum tt_side *ret)
{
	size_t at = (f->flags & TT_HTTP2_PADDED ? 1 : 0) + (f->flags & TT_HTTP2_WITH_PRIORITY ? 5 : 0);
	while (at < payload.len && (payload.data[at] & 0xe0) == 0x20)
		at++; /* table size change */
	if (at >= payload.len)
		return false;

	uint8_t first = payload.data[at];
	unsigned entry = first & 0x80 ? first & 0x7f : first & 0x40 ? first & 0x3f : first & 0x0f;
	if (entry == 0 || entry > 14)
		return false;
	*ret = entry <= 7 ? TT_REQUESTS : TT_RESPONSES;
	return true;
}

struct http2_run {
	unsigned frames; /* heads seen */
	bool whole;	 /* the last one ends with the bytes */
	bool settings;	 /* the first is a SETTINGS */
	bool sets;	 /* it sets something */
	bool side_known; /* a header block says who speaks */
	enum tt_side side;
};

/* Reads frames one behind the other. False: these are none. */
static bool http2_run(struct tt_span bytes, struct http2_run *ret)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct tt_http2_frame f;
	uint32_t open = 0;
	*ret = (struct http2_run){0};

	while (tt_http2_frame_head(&c, &f)) {
		if (!http2_frame_likely(&f) || !http2_block_likely(&f, &open, !ret->frames))
			return false;
		if (ret->frames++ == 0) {
			ret->settings = f.type == TT_HTTP2_SETTINGS && !f.flags;
			ret->sets = f.length > 0;
		}
		struct tt_span payload = tt_span_sub(tt_cursor_rest(&c), 0, f.length);
		if (f.type == TT_HTTP2_HEADERS && !ret->side_known)
			ret->side_known = http2_block_says(&f, payload, &ret->side);
		/* Clients' streams are odd, and nothing is asked on others (5.1.1, 8.4). */
		if (f.type == TT_HTTP2_HEADERS && ret->side_known && ret->side == TT_REQUESTS && !(f.stream & 1))
			return false;
		ret->whole = payload.len == f.length && f.length == tt_cursor_left(&c);
		if (!tt_cursor_skip(&c, f.length))
			break;
	}
	return true;
}

static enum tt_verdict http2_preface(struct tt_span bytes)
{
	if (memcmp(bytes.data, TT_HTTP2_PREFACE, TT_MIN(bytes.len, TT_HTTP2_PREFACE_LEN)) != 0)
		return TT_NO;
	return bytes.len >= HTTP2_PREFACE_SURE ? TT_YES : TT_MAYBE;
}

/* A side's bytes from the middle of a connection, or what a server says first. */
static enum tt_verdict http2_looks(const struct tt_first *first, enum tt_side side)
{
	struct http2_run run;
	if (!http2_run(first->side[side], &run))
		return TT_NO;
	if (run.side_known && run.side != side)
		return TT_NO;
	/* One that sets nothing (Node's) is but a few zeros: what follows has to make sense, too. */
	if (first->from_start[side] && run.frames)
		return !run.settings ? TT_NO : run.sets || run.frames > 1 ? TT_YES : TT_MAYBE;
	if (first->from_start[side])
		return TT_MAYBE;

	/* Frames look the same in both directions; only a header block tells them apart. */
	return run.frames >= 2 && (first->role_known || run.side_known) ? TT_YES : TT_MAYBE;
}

enum tt_verdict tt_http2_detect(const struct tt_first *first)
{
	enum tt_verdict verdict = TT_MAYBE;
	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		if (!first->side[side].len)
			continue;
		bool preface = side == TT_REQUESTS && first->from_start[side];
		enum tt_verdict v = preface ? http2_preface(first->side[side]) : http2_looks(first, side);
		if (v == TT_NO)
			return TT_NO;
		if (v == TT_YES)
			verdict = TT_YES;
	}
	return verdict;
}

ssize_t tt_http2_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct http2_run run;
	if (!http2_run(bytes, &run) || (run.side_known && run.side != side))
		return -1;
	return run.frames >= 2 || (run.frames == 1 && run.whole) ? 0 : -1;
}
