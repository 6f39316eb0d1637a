// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/2 (RFC 9113) as frames and streams: where messages begin and end, and which belong together. What they say comes from
 * headers decoded elsewhere; without those operation, resource and status stay unset. No payload is kept and there is no table of
 * streams: the core's messages are the streams, within its limits.
 */
#include "proto/http2_frame.h"
#include "proto/http_fields.h"
#include "shared/limits.h"

/* Fewer bytes than this ahead are not worth telling the source about. */
#define HTTP2_WISH_LEAST 65536

/* Streams looked at when a GOAWAY says which were not taken. */
#define HTTP2_GOAWAY_STREAMS 256

/* Told by a frame function, which otherwise gives an enum tt_step: the payload is to be passed over. */
#define HTTP2_ON (-1)

/* tt_message.kind: who opened it. */
enum http2_kind {
	HTTP2_BY_HEADERS = 0, /* decoded headers, ahead of the frames or without them */
	HTTP2_BY_FRAMES = 1,
};

struct http2_side {
	uint64_t end;	 /* stream offset past the last frame read */
	uint32_t block;	 /* stream whose header block goes on in CONTINUATION; 0 none */
	bool block_ends; /* and with the block the stream's message */
	bool begun;	 /* past the preface */
};

struct http2_link {
	struct http2_side side[2];
	uint32_t highest; /* newest stream a request was seen on */
	uint32_t unsure;  /* up to this stream responses may have begun in a hole */
};

struct http2_at {
	struct tt_link *link;
	struct http2_link *h;
	enum tt_side side;
	struct tt_input *in;
	size_t start;		     /* of the frame */
	struct tt_http2_frame frame; /* the cursor is at its payload */
};

/* --- messages ----------------------------------------------------------------------------------------------------------------
 */

/* The stream's message on this side, opened if it may be a new one. NULL: none, and none to be. */
static struct tt_message *http2_message(struct tt_link *link, struct http2_link *h, enum tt_side side, uint32_t stream,
					const struct tt_input *in, size_t at)
{
	if (!(stream & 1)) /* even: pushed, which nobody asked for */
		return NULL;
	struct tt_message *m = side == TT_RESPONSES || stream <= h->highest ? tt_message_by_id(link, side, stream) : NULL;
	if (m)
		return m;

	/* Up to the newest request's stream all are known: what is not there any more is over. */
	if (stream <= h->highest && (side == TT_REQUESTS || !tt_message_by_id(link, TT_REQUESTS, stream)))
		return NULL;

	m = side == TT_REQUESTS ? tt_request_begin(link, in, at) : tt_response_begin(link, in, at);
	if (side == TT_REQUESTS)
		h->highest = stream;
	if (!m)
		return NULL;
	m->id = stream;
	m->incomplete = side == TT_RESPONSES && stream <= h->unsure;
	if (side == TT_REQUESTS)
		tt_message_attr(m, "network.protocol.version", TT_SPAN_LIT("2"));
	return m;
}

static void http2_end(const struct http2_at *a, struct tt_message *m)
{
	if (m && !m->ended)
		tt_message_end(a->link, m, a->in, a->in->c.pos + a->frame.length);
}

/* Where a side has been read to, as a place to begin or end a message at. */
static struct tt_input http2_place(const struct http2_link *h, enum tt_side side)
{
	return (struct tt_input){.offset = h->side[side].end};
}

/* A stream was broken off: its exchange ends here, failed with the code unless the response was whole already. */
static void http2_abort(const struct http2_at *a, uint32_t stream, uint32_t code)
{
	struct tt_message *request = tt_message_by_id(a->link, TT_REQUESTS, stream);
	struct tt_message *response = tt_message_by_id(a->link, TT_RESPONSES, stream);
	struct tt_input here[2] = {http2_place(a->h, TT_REQUESTS), http2_place(a->h, TT_RESPONSES)};
	uint64_t at[2] = {0, 0};
	here[a->side] = *a->in;
	at[a->side] = a->in->c.pos + a->frame.length;

	if (!response || !response->ended) {
		response = http2_message(a->link, a->h, TT_RESPONSES, stream, &here[TT_RESPONSES],
					 a->side == TT_RESPONSES ? a->start : 0);
		tt_message_fail(response, tt_http2_error_name(code));
		if (response)
			tt_message_end(a->link, response, &here[TT_RESPONSES], at[TT_RESPONSES]);
	}
	if (request && !request->ended)
		tt_message_end(a->link, request, &here[TT_REQUESTS], at[TT_REQUESTS]);
}

/* --- frames ------------------------------------------------------------------------------------------------------------------
 */

static int http2_data(struct http2_at *a)
{
	struct tt_message *m = tt_message_by_id(a->link, a->side, a->frame.stream);
	if (m)
		m->own_bytes += TT_HTTP2_FRAME_HEAD + a->frame.length;
	if (a->frame.flags & TT_HTTP2_END_STREAM)
		http2_end(a, m);
	return HTTP2_ON;
}

/* HEADERS and CONTINUATION: with the block's last frame it may be the message's end. */
static void http2_block_part(struct http2_at *a, struct tt_message *m)
{
	struct http2_side *s = &a->h->side[a->side];
	bool last = a->frame.flags & TT_HTTP2_END_HEADERS;
	if (m)
		m->own_bytes += TT_HTTP2_FRAME_HEAD + a->frame.length;
	if (last && s->block_ends)
		http2_end(a, m);
	s->block = last ? 0 : a->frame.stream;
}

static int http2_headers_frame(struct http2_at *a)
{
	struct tt_message *m = http2_message(a->link, a->h, a->side, a->frame.stream, a->in, a->start);
	if (m)
		m->kind = HTTP2_BY_FRAMES;
	a->h->side[a->side].block_ends = a->frame.flags & TT_HTTP2_END_STREAM;
	http2_block_part(a, m);
	return HTTP2_ON;
}

static int http2_continuation(struct http2_at *a)
{
	if (a->h->side[a->side].block != a->frame.stream)
		return TT_LOST_SYNC;
	http2_block_part(a, tt_message_by_id(a->link, a->side, a->frame.stream));
	return HTTP2_ON;
}

/* The promised stream's messages are not looked at, but its block may go on. */
static int http2_push_promise(struct http2_at *a)
{
	struct http2_side *s = &a->h->side[a->side];
	s->block_ends = false;
	s->block = a->frame.flags & TT_HTTP2_END_HEADERS ? 0 : a->frame.stream;
	return HTTP2_ON;
}

static int http2_rst_stream(struct http2_at *a)
{
	struct tt_cursor c = a->in->c;
	uint32_t code = tt_cursor_be32(&c);
	if (tt_cursor_short(&c))
		return TT_MORE;
	http2_abort(a, a->frame.stream, code);
	return HTTP2_ON;
}

/* Requests past the last stream the server took will not be answered (section 6.8). */
static int http2_goaway(struct http2_at *a)
{
	struct tt_cursor c = a->in->c;
	uint32_t last = tt_cursor_be32(&c) & 0x7fffffff;
	uint32_t code = tt_cursor_be32(&c);
	if (tt_cursor_short(&c))
		return TT_MORE;
	if (a->side != TT_RESPONSES || last >= a->h->highest)
		return HTTP2_ON;

	/* One that was not taken may be sent again, whatever made the server go: REFUSED_STREAM says so where the code says
	 * nothing. */
	uint32_t first = last + 1 + (last & 1);
	if (a->h->highest - first > 2 * HTTP2_GOAWAY_STREAMS)
		first = a->h->highest - 2 * HTTP2_GOAWAY_STREAMS;
	for (uint32_t stream = first; stream <= a->h->highest; stream += 2) {
		if (tt_message_by_id(a->link, TT_REQUESTS, stream))
			http2_abort(a, stream, code ? code : 7);
	}
	return HTTP2_ON;
}

/* --- the contract ------------------------------------------------------------------------------------------------------------
 */

/* 0 when the preface is read or there is none to come, TT_MORE while it may be going on, TT_LOST_SYNC. */
static int http2_begin(struct tt_link *link, struct http2_side *s, enum tt_side side, struct tt_input *in)
{
	struct tt_span rest = tt_cursor_rest(&in->c);
	bool preface = side == TT_REQUESTS && memcmp(rest.data, TT_HTTP2_PREFACE, TT_MIN(rest.len, TT_HTTP2_PREFACE_LEN)) == 0;
	if (preface && !tt_cursor_skip(&in->c, TT_HTTP2_PREFACE_LEN))
		return TT_MORE;
	s->begun = true;
	return HTTP2_ON;
}

/* Passes over the payload. Payload that has not come yet need not be copied, what follows it is wanted again. */
static int http2_pass(struct http2_at *a)
{
	struct tt_input *in = a->in;
	size_t left = tt_cursor_left(&in->c);
	uint32_t length = a->frame.length;
	a->h->side[a->side].end = in->offset + in->c.pos + length;
	if (length <= left) {
		tt_cursor_skip(&in->c, length);
		return HTTP2_ON;
	}

	tt_skip(a->link, a->side, length);
	if (a->frame.type == TT_HTTP2_DATA && length - left >= HTTP2_WISH_LEAST)
		tt_wish(a->link, a->side, in, in->c.pos + length, (uint32_t)tt_link_limit(a->link, TT_LIMIT_CAPTURE_BYTES));
	return TT_PARSED;
}

static int http2_frame(struct http2_at *a)
{
	static int (*const frames[TT_HTTP2_TYPE_MAX])(struct http2_at *) = {
		[TT_HTTP2_DATA] = http2_data,
		[TT_HTTP2_HEADERS] = http2_headers_frame,
		[TT_HTTP2_RST_STREAM] = http2_rst_stream,
		[TT_HTTP2_PUSH_PROMISE] = http2_push_promise,
		[TT_HTTP2_GOAWAY] = http2_goaway,
		[TT_HTTP2_CONTINUATION] = http2_continuation,
	};

	a->start = a->in->c.pos;
	if (!tt_http2_frame_head(&a->in->c, &a->frame))
		return TT_MORE;
	const struct tt_http2_frame *f = &a->frame;
	/* Nothing may come between the frames of a header block (section 4.3). */
	if (!tt_http2_frame_valid(f) || (a->h->side[a->side].block && f->type != TT_HTTP2_CONTINUATION))
		return TT_LOST_SYNC;

	int step = f->type < TT_HTTP2_TYPE_MAX && frames[f->type] ? frames[f->type](a) : HTTP2_ON;
	if (step == HTTP2_ON)
		return http2_pass(a);
	if (step == TT_MORE)
		a->in->c.pos = a->start;
	return step;
}

static enum tt_step http2_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct http2_link *h = tt_link_state(link);
	struct http2_at a = {.link = link, .h = h, .side = side, .in = in};
	int step = h->side[side].begun ? HTTP2_ON : http2_begin(link, &h->side[side], side, in);
	while (step == HTTP2_ON)
		step = http2_frame(&a);
	return (enum tt_step)step;
}

static void http2_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct http2_link *h = tt_link_state(link);
	h->side[side] = (struct http2_side){.begun = true, .end = h->side[side].end};
	if (side == TT_RESPONSES)
		h->unsure = h->highest;
}

/* After an upgrade in the middle of a connection the preface is still to come. */
static ssize_t http2_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct http2_link *h = tt_link_state(link);
	if (side == TT_REQUESTS && tt_span_starts(bytes, TT_SPAN_LIT(TT_HTTP2_PREFACE))) {
		h->side[side].begun = false;
		return 0;
	}
	return tt_http2_resync(link, side, bytes);
}

/* --- decoded headers ---------------------------------------------------------------------------------------------------------
 */

static void http2_status(struct tt_message *m, struct tt_span value)
{
	unsigned status = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return;
		status = status * 10 + (value.data[i] - '0');
	}
	if (value.len == 3 && status >= 200)
		tt_http_set_status(m, value, status);
}

static void http2_field(struct tt_message *m, enum tt_side side, const struct tt_header *field)
{
	if (!field->value.data || !field->value.len)
		return;
	if (side == TT_RESPONSES) {
		if (tt_span_eq(field->name, TT_SPAN_LIT(":status")))
			http2_status(m, field->value);
		return;
	}

	if (tt_span_eq(field->name, TT_SPAN_LIT(":method")))
		tt_http_set_method(m, field->value);
	else if (tt_span_eq(field->name, TT_SPAN_LIT(":path")))
		tt_http_set_target(m, field->value);
	else if (tt_span_eq(field->name, TT_SPAN_LIT(":authority")))
		tt_http_set_authority(m, field->value);
	else
		tt_http_set_field(m, tt_http_field_named(field->name), field->value);
}

static void http2_headers(struct tt_link *link, enum tt_side side, const struct tt_headers *headers)
{
	struct http2_link *h = tt_link_state(link);
	if (headers->stream_id == 0 || headers->stream_id > 0x7fffffff)
		return;
	struct tt_message *m = http2_message(link, h, side, (uint32_t)headers->stream_id, NULL, 0);
	if (!m)
		return;

	for (size_t i = 0; i < headers->count; i++)
		http2_field(m, side, &headers->header[i]);
	if (headers->end_stream && m->kind == HTTP2_BY_HEADERS && !m->ended)
		tt_message_end(link, m, NULL, 0);
}

static const struct tt_proto_doc http2_doc = {
	.title = "HTTP/2",
	.specification = "RFC 9113: https://www.rfc-editor.org/rfc/rfc9113",
	.recognised = "the client's preface and SETTINGS",
	.operation = "method where known",
	.resource = "path where known",
	.status = "`200`; 5xx or a stream broken off is a failure",
	.limits = "header blocks are not decoded yet: values that are not known are null",
	.verified = "nginx with curl and nghttp2",
};

const struct tt_proto tt_proto_http2 = {
	.name = "http2",
	.doc = &http2_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct http2_link),
	.detect = tt_http2_detect,
	.parse = http2_parse,
	.gap = http2_gap,
	.resync = http2_resync,
	.headers = http2_headers,
};
