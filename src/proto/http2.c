// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/2 (RFC 9113): frames, the streams they belong to, and content that is passed over by counting. Header blocks are read in
 * http2_block.c, what they say is found in http2_head.c; a stream that carries gRPC is an exchange of grpc.
 */
#include "base/own.h"
#include "proto/http2_internal.h"
#include "shared/limits.h"

/* Fewer bytes than this ahead are not worth telling the source about. */
#define HTTP2_WISH_LEAST 65536

#define HTTP2_REFUSED_STREAM 7

/* --- streams ---------------------------------------------------------------------------------------------------------------- */

static void http2_forget(struct tt_link *link, struct http2_link *h, struct http2_stream *s)
{
	for (int side = 0; side < 2; side++) {
		if (!s->half[side].m)
			continue;
		s->half[side].m->incomplete = true;
		tt_message_drop(link, s->half[side].m);
	}
	tt_http2_stream_remove(tt_http2_table(h, s->id), s);
}

/* More are open than may be: the oldest gives way. The core has given up its request by then, and counted that. */
static void http2_make_room(struct tt_link *link, struct http2_link *h, struct http2_streams *t)
{
	if (t->count > tt_link_limit(link, TT_LIMIT_PENDING_REQUESTS))
		http2_forget(link, h, &t->slot[t->oldest]);
}

/* The stream, if this side may have something to say on it. */
static struct http2_stream *http2_stream(struct tt_link *link, struct http2_link *h, enum tt_side side, uint32_t id)
{
	struct http2_stream *s = tt_http2_find(h, side, id);

	if (s)
		return s->half[side].over ? NULL : s;
	/* Even: pushed, and the promise was not seen. Up to the newest request's stream all are known: this one is over. */
	if (!(id & 1) || id <= h->highest)
		return NULL;
	http2_make_room(link, h, &h->streams);
	return tt_http2_stream_add(link, &h->streams, id);
}

struct http2_stream *tt_http2_promise(struct tt_link *link, struct http2_link *h, uint32_t id, const struct tt_input *in,
				      size_t at)
{
	if ((id & 1) || id <= h->promised)
		return NULL;
	h->promised = id;
	http2_make_room(link, h, &h->pushed);
	struct http2_stream *s = tt_http2_stream_add(link, &h->pushed, id);
	if (!s)
		return NULL;
	struct tt_message *m = tt_promised_request_begin(link, in, at);
	s->half[TT_REQUESTS].m = m;
	tt_message_identify(link, m, id);
	tt_message_attr_bool(m, "http.request.pushed", true);
	return s;
}

/* A request has no stream: there was no room for one, unless its id is known already. */
static void http2_unopened(struct tt_link *link, struct http2_link *h, enum tt_side side, uint32_t id)
{
	if (side != TT_REQUESTS || !(id & 1) || id <= TT_MAX(h->highest, h->unopened))
		return;
	h->unopened = id;
	tt_request_unopened(link);
}

struct tt_message *tt_http2_open(struct tt_link *link, struct http2_link *h, enum tt_side side, uint32_t id,
				 const struct tt_input *in, size_t at, struct http2_stream **ret_stream)
{
	struct http2_stream *s = http2_stream(link, h, side, id);

	*ret_stream = s;
	if (!s) {
		http2_unopened(link, h, side, id);
		return NULL;
	}
	if (side == TT_REQUESTS)
		h->highest = TT_MAX(h->highest, id);
	struct http2_half *half = &s->half[side];
	if (half->m)
		return half->m;

	struct tt_message *m = side == TT_REQUESTS ? tt_request_begin(link, in, at) : tt_response_begin(link, in, at);
	if (!m)
		return NULL;
	half->m = m;
	m->incomplete = half->doubt;
	tt_message_identify(link, m, id);
	return m;
}

/* Nothing more is to come: a request that was not seen and is past will not be either. */
static bool http2_done(const struct http2_link *h, const struct http2_stream *s)
{
	const struct http2_half *request = &s->half[TT_REQUESTS];

	return s->half[TT_RESPONSES].over && (request->over || (!request->m && s->id <= h->highest));
}

void tt_http2_close(struct tt_link *link, struct http2_link *h, enum tt_side side, struct http2_stream *s,
		    const struct tt_input *in, uint64_t at)
{
	struct http2_half *half = &s->half[side];
	struct tt_message *m = half->m;

	tt_http2_look_end(h, s, side);
	tt_http2_half_end(s, side);
	half->m = NULL;
	half->over = true;
	if (http2_done(h, s))
		tt_http2_stream_remove(tt_http2_table(h, s->id), s);
	tt_message_end(link, m, in, at);
}

/* A stream was broken off: its exchange ends here, failed with the code unless the response was whole already. */
static void http2_abort(const struct http2_at *a, uint32_t id, uint32_t code)
{
	struct http2_stream *s = tt_http2_stream_find(tt_http2_table(a->h, id), id);
	/* On the other side it ends with what came. */
	const struct tt_input *here[2] = {NULL, NULL};
	uint64_t at[2] = {0, 0};

	here[a->side] = a->in;
	at[a->side] = a->in->c.pos + a->frame.length;
	/* The sides are read independently of each other: what the server breaks off may not have been asked yet. */
	bool early = !s && a->side == TT_RESPONSES;
	if (early)
		s = http2_stream(a->link, a->h, TT_RESPONSES, id);
	if (!s)
		return;

	struct tt_message *request = s->half[TT_REQUESTS].m, *response = NULL;
	tt_http2_look_end(a->h, s, TT_REQUESTS);
	tt_http2_look_end(a->h, s, TT_RESPONSES);
	if (!s->half[TT_RESPONSES].over) {
		response = tt_http2_open(a->link, a->h, TT_RESPONSES, id, here[TT_RESPONSES],
					 a->side == TT_RESPONSES ? a->start : 0, &s);
		if (s->grpc)
			tt_http2_told(&s->half[TT_RESPONSES], TT_RESPONSES, response);
		if (response && a->side == TT_REQUESTS && !response->own_bytes)
			response->unbegun = true;
		tt_message_fail(response, tt_http2_error_name(code));
	}
	if (request && s->grpc)
		tt_http2_told(&s->half[TT_REQUESTS], TT_REQUESTS, request);
	s->half[TT_RESPONSES].over = true;
	s->half[TT_RESPONSES].m = NULL;
	if (!early)
		tt_http2_stream_remove(tt_http2_table(a->h, id), s);
	tt_message_end(a->link, response, here[TT_RESPONSES], at[TT_RESPONSES]);
	/* The server's promise is of its side, too. */
	enum tt_side asked = id & 1 ? TT_REQUESTS : TT_RESPONSES;
	tt_message_end(a->link, request, here[asked], at[asked]);
}

/* --- content ---------------------------------------------------------------------------------------------------------------- */

int tt_http2_pass(struct http2_at *a, uint64_t n, bool content)
{
	struct tt_input *in = a->in;
	size_t left = tt_cursor_left(&in->c);

	if (n <= left) {
		tt_cursor_skip(&in->c, (size_t)n);
		return HTTP2_ON;
	}
	tt_skip(a->link, a->side, n);
	if (content && n - left >= HTTP2_WISH_LEAST)
		tt_wish(a->link, a->side, in, in->c.pos + n, (uint32_t)tt_link_limit(a->link, TT_LIMIT_CAPTURE_BYTES));
	return TT_PARSED;
}

/* Content of a stream with gRPC: only the messages' prefixes are looked at. */
static int http2_messages(struct http2_at *a)
{
	struct http2_side *side = &a->h->side[a->side];
	struct http2_stream *s = tt_http2_find(a->h, a->side, side->data_stream);
	struct tt_cursor *c = &a->in->c;

	while (s && side->data_left) {
		struct tt_grpc_count *count = &s->half[a->side].grpc;
		struct tt_span part = tt_span_sub(tt_cursor_rest(c), 0, side->data_left);
		size_t used = tt_grpc_take(count, part);
		tt_cursor_skip(c, used);
		side->data_left -= (uint32_t)used;
		/* The rest of the frame is the inside of a message, or nothing is left of what came. */
		if (count->odd || count->left >= side->data_left) {
			count->left -= count->odd ? 0 : side->data_left;
			break;
		}
		if (count->left) {
			uint32_t n = count->left;
			count->left = 0;
			side->data_left -= n;
			return tt_http2_pass(a, n, true);
		}
		if (!tt_cursor_left(c))
			return TT_MORE;
	}

	uint64_t rest = (uint64_t)side->data_left + side->data_pad;
	side->data_stream = side->data_left = 0;
	if (s && side->data_ends)
		tt_http2_close(a->link, a->h, a->side, s, a->in, c->pos + rest);
	return tt_http2_pass(a, rest, true);
}

static int http2_data(struct http2_at *a)
{
	struct http2_side *side = &a->h->side[a->side];
	struct http2_stream *s = tt_http2_find(a->h, a->side, a->frame.stream);
	struct http2_half *half = s ? &s->half[a->side] : NULL;
	bool ends = a->frame.flags & TT_HTTP2_END_STREAM;
	uint32_t length = a->frame.length;
	uint8_t pad = 0;

	if (a->frame.flags & TT_HTTP2_PADDED) {
		if (!length)
			return TT_LOST_SYNC;
		if (!tt_cursor_left(&a->in->c))
			return TT_MORE;
		pad = tt_cursor_u8(&a->in->c);
		if (pad > --length)
			return TT_LOST_SYNC;
	}
	if (!half || half->over)
		return tt_http2_pass(a, length, true);

	if (half->m)
		half->m->own_bytes += TT_HTTP2_FRAME_HEAD + a->frame.length;
	half->has_data = true;
	half->data += length - pad;
	bool grpc = s->grpc && half->m && !half->doubt;
	if (grpc || (!s->grpc && tt_http2_look(a, s, half))) {
		side->data_stream = s->id;
		side->data_left = length - pad;
		side->data_pad = pad;
		side->data_ends = ends;
		half->uncounted |= !grpc && length > pad;
		return grpc ? http2_messages(a) : tt_http2_content(a);
	}
	half->uncounted |= length > pad;
	if (ends)
		tt_http2_close(a->link, a->h, a->side, s, a->in, a->in->c.pos + length);
	return tt_http2_pass(a, length, true);
}

/* --- other frames ----------------------------------------------------------------------------------------------------------- */

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
	 * nothing. They are the newest, so that a server that goes over and over costs no more. */
	const struct http2_streams *t = &a->h->streams;
	while (t->newest && t->slot[t->newest].id > last)
		http2_abort(a, t->slot[t->newest].id, code ? code : HTTP2_REFUSED_STREAM);
	return HTTP2_ON;
}

/* --- the contract ------------------------------------------------------------------------------------------------------------
 */

/* HTTP2_ON when the preface is read or there is none to come, TT_MORE while it may be going on. */
static int http2_begin(struct tt_link *link, struct http2_side *s, enum tt_side side, struct tt_input *in)
{
	struct tt_span rest = tt_cursor_rest(&in->c);
	bool preface = side == TT_REQUESTS && memcmp(rest.data, TT_HTTP2_PREFACE, TT_MIN(rest.len, TT_HTTP2_PREFACE_LEN)) == 0;
	if (preface && !tt_cursor_skip(&in->c, TT_HTTP2_PREFACE_LEN))
		return TT_MORE;
	s->begun = true;
	tt_hpack_init(&s->hpack, (uint32_t)tt_link_limit(link, TT_LIMIT_HPACK_TABLE_BYTES), !s->late);
	return HTTP2_ON;
}

static int http2_frame(struct http2_at *a)
{
	static int (*const frames[TT_HTTP2_TYPE_MAX])(struct http2_at *) = {
		[TT_HTTP2_DATA] = http2_data,
		[TT_HTTP2_HEADERS] = tt_http2_headers_frame,
		[TT_HTTP2_RST_STREAM] = http2_rst_stream,
		[TT_HTTP2_PUSH_PROMISE] = tt_http2_push_promise,
		[TT_HTTP2_GOAWAY] = http2_goaway,
		[TT_HTTP2_CONTINUATION] = tt_http2_continuation,
	};
	struct http2_side *side = &a->h->side[a->side];
	const struct tt_http2_frame *f = &a->frame;

	if (side->data_stream) {
		const struct http2_stream *s = tt_http2_find(a->h, a->side, side->data_stream);
		return s && !s->half[a->side].looking ? http2_messages(a) : tt_http2_content(a);
	}
	a->start = a->in->c.pos;
	if (!tt_http2_frame_head(&a->in->c, &a->frame))
		return TT_MORE;
	/* Nothing may come between the frames of a header block (section 4.3). */
	if (!tt_http2_frame_valid(f) || (side->block.stream && f->type != TT_HTTP2_CONTINUATION))
		return TT_LOST_SYNC;

	int step = f->type < TT_HTTP2_TYPE_MAX && frames[f->type] ? frames[f->type](a) : HTTP2_ON;
	if (f->type == TT_HTTP2_DATA && !(step == TT_MORE && !side->data_stream))
		return step;
	if (step == TT_MORE || step == TT_WAIT)
		a->in->c.pos = a->start;
	if (step != HTTP2_ON)
		return step;
	return tt_http2_pass(a, f->length, false);
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

/* The side's messages are not ours any more. What had begun is cut; what had not may have begun in the hole. */
static void http2_gap_streams(struct http2_link *h, struct http2_streams *t, enum tt_side side)
{
	uint32_t next;

	for (uint32_t at = t->oldest; at; at = next) {
		struct http2_stream *s = &t->slot[at];
		struct http2_half *half = &s->half[side];
		next = s->newer;
		half->doubt |= side == TT_RESPONSES;
		half->over |= half->m != NULL;
		half->m = NULL;
		if (http2_done(h, s))
			tt_http2_stream_remove(t, s);
		if (!t->count)
			break;
	}
}

/* What the server promised and says is all of its side. */
static void http2_gap_pushed(struct http2_link *h, enum tt_side side)
{
	if (side == TT_REQUESTS)
		return;
	for (uint32_t at = h->pushed.oldest; at; at = h->pushed.slot[at].newer) {
		struct http2_half *request = &h->pushed.slot[at].half[TT_REQUESTS];
		request->over = true;
		request->m = NULL;
	}
	http2_gap_streams(h, &h->pushed, side);
}

static void http2_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct http2_link *h = tt_link_state(link);
	struct http2_side *s = &h->side[side];

	tt_http2_looks_drop(h, side);
	http2_gap_streams(h, &h->streams, side);
	http2_gap_pushed(h, side);
	tt_keep_free(link, &s->block.bytes);
	s->block.stream = s->block.promised = 0;
	s->block.lost = false;
	s->data_stream = s->data_left = 0;
	s->late = true;
	if (s->begun)
		tt_hpack_unknown(&s->hpack);
}

/* After an upgrade in the middle of a connection the preface is still to come. */
static ssize_t http2_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct http2_link *h = tt_link_state(link);

	if (side == TT_REQUESTS && !h->side[side].begun && tt_span_starts(bytes, TT_SPAN_LIT(TT_HTTP2_PREFACE))) {
		h->side[side].late = false;
		return 0;
	}
	h->side[side].late |= !h->side[side].begun;
	return tt_http2_resync(link, side, bytes);
}

static void http2_free(void *state)
{
	struct http2_link *h = state;

	for (int side = 0; side < 2; side++) {
		tt_http2_looks_drop(h, (enum tt_side)side);
		tt_hpack_free(&h->side[side].hpack);
		tt_buf_free(&h->side[side].block.bytes);
	}
	tt_http2_streams_free(&h->streams);
	tt_http2_streams_free(&h->pushed);
}

/* --- headers decoded elsewhere ---------------------------------------------------------------------------------------------- */

static void http2_headers(struct tt_link *link, enum tt_side side, const struct tt_headers *headers)
{
	struct http2_link *h = tt_link_state(link);
	struct http2_stream *s;
	if (headers->stream_id == 0 || headers->stream_id > 0x7fffffff)
		return;
	s = tt_http2_find(h, side, (uint32_t)headers->stream_id);
	bool first = !s || !s->half[side].m;
	struct tt_message *m = tt_http2_open(link, h, side, (uint32_t)headers->stream_id, NULL, 0, &s);
	if (!m)
		return;

	/* They are better than what a block said that depends on what was not seen. */
	struct http2_half *half = &s->half[side];
	half->decoded |= first;
	if (!half->told) {
		half->headed = false;
		half->code = 0;
	}
	half->told = true;

	struct http2_head head = {.m = m, .s = s, .side = side};
	for (size_t i = 0; i < headers->count; i++) {
		const struct tt_header *f = &headers->header[i];
		struct tt_hpack_field field = {f->name, f->value, f->name.data ? tt_hpack_name(f->name) : TT_HPACK_UNKNOWN};
		if (tt_http2_wanted[side] & TT_HPACK_BIT(field.token))
			tt_http2_field(&head, &field);
	}
	tt_http2_head_end(&head);
	/* Where frames are seen too, they say when it ends. */
	if (headers->end_stream && half->decoded)
		tt_http2_close(link, h, side, s, NULL, 0);
}

static const struct tt_proto_doc http2_doc = {
	.title = "HTTP/2",
	.specification = "RFC 9113: https://www.rfc-editor.org/rfc/rfc9113, RFC 7541: https://www.rfc-editor.org/rfc/rfc7541",
	.recognised = "the client's preface; a server's SETTINGS; `Upgrade: h2c` of HTTP/1.1; in mid-connection two frames whose "
		      "heads make sense, "
		      "one of them with headers unless the roles are known",
	.operation = "method, `GET`",
	.resource = "`:path` as sent; of CONNECT the authority",
	.status = "the final status, `200`; failure as in HTTP/1; a stream broken off has the error code's name as `error_type`: "
		  "`CANCEL`, "
		  "`REFUSED_STREAM` (also past a GOAWAY's last stream)",
	.limits = "a pushed stream is an exchange of its own, its request what the promise says (`http.request.pushed`), unless "
		  "the "
		  "promise was not seen; header blocks are kept up to the limit http2_block_bytes, their table up to "
		  "hpack_table_bytes; after a hole, "
		  "or begun in the "
		  "middle, headers are known from the static table and from what was inserted since, and an exchange that needs "
		  "more is "
		  "reported with what is known and `complete` false, as is an answer without a readable `:status`, and what has "
		  "a pseudo-header twice or in its trailers; what is asked within it (GraphQL and others) as in HTTP/1, of "
		  "16 contents at a time",
	.verified = "nginx, nghttpd, Go and Node, h2load, nghttp, curl and Java; tshark's dissection; HPACK entry for entry "
		    "against libnghttp2",
};

const struct tt_proto tt_proto_http2 = {
	.name = "http2",
	.doc = &http2_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.status_first = true,
	.state_size = sizeof(struct http2_link),
	.state_free = http2_free,
	.detect = tt_http2_detect,
	.parse = http2_parse,
	.gap = http2_gap,
	.unseen = tt_http2_unseen,
	.resync = http2_resync,
	.headers = http2_headers,
};
