// SPDX-License-Identifier: Apache-2.0
/* HTTP/1.x content (RFC 9112 sections 6 and 7): counted, chunked or up to the end; skipped, or looked at by http_app.c. */
#include <assert.h>
#include <string.h>

#include "proto/http_internal.h"

static const char *http_size_key(enum tt_side side)
{
	return side == TT_REQUESTS ? "http.request.body.size" : "http.response.body.size";
}

/* The next n bytes are content. A long rest need not be copied by the source, what comes after it is wanted again. */
static void http_skip(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t n)
{
	size_t left = tt_cursor_left(&in->c);
	tt_skip(link, side, n);
	if (n > left && n - left >= HTTP_WISH_LEAST)
		tt_wish(link, side, in, in->c.pos + n, (uint32_t)tt_link_limit(link, TT_LIMIT_CAPTURE_BYTES));
}

/* Between messages nothing is known (HTTP_START is 0). In steps that compilers make vectors of. */
static inline void http_side_clear(struct http_side *s)
{
	enum { STEP = 64 };

	static_assert(HTTP_START == 0 && sizeof(*s) > STEP && sizeof(*s) <= 2 * STEP);
	memset(s, 0, STEP);
	memset((uint8_t *)s + STEP, 0, sizeof(*s) - STEP);
}

/* The open message is over, its last byte lying `ahead` bytes before us. */
void tt_http_end(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in, uint64_t ahead)
{
	struct http_side *s = &h->side[side];
	if (s->app)
		s->app = tt_http_app_end(s->app);
	tt_message_end(link, s->m, in, in->c.pos + ahead);
	if (side == TT_RESPONSES)
		h->last_continued = s->continued;
	http_side_clear(s);
}

/* Is there something to look for in the content that comes now? */
static bool http_look(struct tt_link *link, struct http_side *s, enum tt_side side)
{
	if (s->media == TT_HTTP_MEDIA_OTHER)
		return false;
	s->app = side == TT_REQUESTS
			 ? tt_http_app_request(link, s->m, s->media)
			 : tt_http_app_response(link, s->m, s->media, (enum tt_http_app_kind)(s->kind >> TT_HTTP_APP_SHIFT));
	return s->app != NULL;
}

/* Content is looked at as it comes. What was not captured of it is done without. */
static int http_body_begin(struct tt_link *link, struct http_side *s, enum tt_side side, uint64_t n)
{
	s->left = n;
	s->phase = HTTP_BODY;
	tt_optional(link, side, n);
	return HTTP_ON;
}

/* The rest of what is being looked at need not be seen. */
static void http_body_pass(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in)
{
	struct http_side *s = &h->side[side];
	uint64_t left = s->left;

	if (s->framing.chunked)
		s->phase = HTTP_CHUNK_END;
	else
		tt_http_end(link, h, side, in, left);
	if (left)
		http_skip(link, side, in, left);
}

int tt_http_body(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in)
{
	struct http_side *s = &h->side[side];
	struct tt_span bytes = tt_span_sub(tt_cursor_rest(&in->c), 0, (size_t)TT_MIN(s->left, (uint64_t)SIZE_MAX));
	bool wanted = tt_http_app_take(s->app, link, in, in->c.pos, bytes);

	tt_cursor_skip(&in->c, bytes.len);
	s->left -= bytes.len;
	if (wanted && s->left) {
		tt_optional(link, side, s->left);
		return TT_MORE;
	}
	if (!wanted)
		s->app = tt_http_app_end(s->app);
	if (s->framing.chunked && !s->left) {
		s->phase = HTTP_CHUNK_END;
		return HTTP_ON;
	}
	http_body_pass(link, h, side, in);
	return TT_PARSED;
}

void tt_http_unseen(struct tt_link *link, enum tt_side side, const struct tt_input *in)
{
	struct http_link *h = tt_link_state(link);
	struct tt_input here = *in;

	h->side[side].app = tt_http_app_end(h->side[side].app);
	http_body_pass(link, h, side, &here);
}

/* Takes up the content; what it is was found at the head's end. */
int tt_http_content(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in,
		    enum tt_http_content content)
{
	struct http_side *s = &h->side[side];
	uint64_t length = s->framing.length;

	switch (content) {
	case TT_HTTP_NONE:
		if (s->framing.counted && !length && !s->framing.coded)
			tt_message_attr_int(s->m, http_size_key(side), 0);
		tt_http_end(link, h, side, in, 0);
		return TT_PARSED;
	case TT_HTTP_COUNTED:
		tt_message_attr_int(s->m, http_size_key(side), (int64_t)length);
		/* Declared is not sent: a server that refuses may answer before, and an answer may break off. */
		if (s->m)
			s->m->size_key = http_size_key(side);
		if (http_look(link, s, side))
			return http_body_begin(link, s, side, length);
		tt_http_end(link, h, side, in, length);
		http_skip(link, side, in, length);
		return TT_PARSED;
	case TT_HTTP_CHUNKED:
		http_look(link, s, side);
		s->phase = HTTP_CHUNK;
		return HTTP_ON;
	case TT_HTTP_TO_EOF:
		tt_message_end_at_eof(link, s->m);
		http_side_clear(s);
		tt_skip_to_eof(link, side);
		tt_wish(link, side, in, in->c.len, 0);
		return TT_PARSED;
	case TT_HTTP_DOUBTFUL:
		break;
	}
	return TT_LOST_SYNC;
}

int tt_http_chunk(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in)
{
	struct http_side *s = &h->side[side];
	size_t at = in->c.pos;
	struct tt_span line;
	if (!tt_http_line(s, &in->c, &line))
		return tt_cursor_left(&in->c) > HTTP_LINE_MAX ? TT_LOST_SYNC : TT_MORE;

	uint64_t size;
	if (!tt_http_chunk_size(line, &size)) {
		in->c.pos = at;
		return TT_LOST_SYNC;
	}
	if (size == 0) {
		s->phase = HTTP_TRAILERS;
		return HTTP_ON;
	}

	s->body += size;
	if (s->app)
		return http_body_begin(link, s, side, size);
	s->phase = HTTP_CHUNK_END;
	if (size < tt_cursor_left(&in->c)) {
		tt_cursor_skip(&in->c, size);
		return HTTP_ON;
	}
	http_skip(link, side, in, size);
	return TT_PARSED;
}

int tt_http_chunk_end(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in)
{
	struct tt_span rest = tt_cursor_rest(&in->c);
	if (rest.len == 1 && rest.data[0] == '\r')
		return TT_MORE;
	size_t n = rest.data[0] == '\r' ? 2 : 1;
	if (rest.data[n - 1] != '\n')
		return TT_LOST_SYNC;
	tt_cursor_skip(&in->c, n);
	h->side[side].phase = HTTP_CHUNK;
	return HTTP_ON;
}

int tt_http_trailers(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in)
{
	struct http_side *s = &h->side[side];
	struct tt_span line;
	do {
		if (s->dropping && tt_http_drop_line(s, &in->c) == TT_MORE)
			return TT_MORE;
		if (!tt_http_line(s, &in->c, &line))
			return tt_cursor_left(&in->c) > HTTP_LINE_MAX ? tt_http_drop_line(s, &in->c) : TT_MORE;
	} while (line.len);

	tt_message_attr_int(s->m, http_size_key(side), (int64_t)s->body);
	tt_http_end(link, h, side, in, 0);
	return TT_PARSED;
}

/* Do bytes that are a whole request line begin content all the same? */
enum http_expected {
	HTTP_IS_CONTENT,
	HTTP_IS_REQUEST,
	HTTP_IS_EITHER,
	HTTP_IS_OPEN, /* what the server says next may tell */
};

/* Chunks do not begin so. */
static bool http_is_no_chunk(struct http_side *s, struct tt_cursor c)
{
	struct tt_span line;
	uint64_t size;
	bool whole = tt_http_line(s, &c, &line);

	s->scanned = 0;
	return whole && !tt_http_chunk_size(line, &size);
}

/*
 * The final answer came, with no 100 before it. What was sent before that is content, given without leave. Behind it a client
 * that was refused goes on with its next request, another one gives the content it announced: a server that answers although it
 * has not got all of that took it for a request.
 */
static enum http_expected http_behind_answer(struct tt_link *link, struct http_link *h, const struct tt_input *in)
{
	struct http_side *s = &h->side[TT_REQUESTS];
	const struct tt_message *answer = s->m ? s->m->peer : NULL;
	struct tt_span rest = tt_cursor_rest(&in->c);
	uint64_t since;

	if (!answer)
		return HTTP_IS_EITHER;
	if (tt_since_request(link, TT_REQUESTS, answer, in, in->c.pos, &since) && s->m->first_ns + since < answer->first_ns)
		return HTTP_IS_CONTENT;
	if (s->framing.chunked && http_is_no_chunk(s, in->c))
		return HTTP_IS_REQUEST;
	if (!h->answered_again)
		return HTTP_IS_OPEN;
	if (s->framing.chunked)
		return HTTP_IS_EITHER;
	if (rest.len <= s->framing.length)
		return HTTP_IS_REQUEST;
	rest = tt_span_sub(rest, (size_t)s->framing.length, SIZE_MAX);
	return tt_http_begins_request(rest) == TT_NO ? HTTP_IS_REQUEST : HTTP_IS_EITHER;
}

static enum http_expected http_expected(struct tt_link *link, struct http_link *h, const struct tt_input *in)
{
	const struct tt_message *request;
	bool answered = tt_awaited(link, &request) != TT_HAVE && !h->side[TT_RESPONSES].open;

	if (h->side[TT_REQUESTS].doubt)
		return HTTP_IS_EITHER;
	if (!answered)
		return h->side[TT_RESPONSES].continued ? HTTP_IS_CONTENT : HTTP_IS_OPEN;
	return h->last_continued ? HTTP_IS_CONTENT : http_behind_answer(link, h, in);
}

/* Content that waits for leave (Expect): what comes next may be the next request instead. */
int tt_http_expected(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in)
{
	struct http_side *s = &h->side[side];
	struct tt_span rest = tt_cursor_rest(&in->c);
	enum tt_http_content content = tt_http_request_content(&s->framing);
	enum tt_verdict next = tt_http_begins_request(rest);

	if (next == TT_MAYBE && (content == TT_HTTP_CHUNKED || rest.len < s->framing.length))
		return TT_MORE;
	switch (next == TT_YES ? http_expected(link, h, in) : HTTP_IS_CONTENT) {
	case HTTP_IS_REQUEST:
		tt_http_end(link, h, side, in, 0);
		return HTTP_ON;
	case HTTP_IS_EITHER:
		return TT_LOST_SYNC;
	case HTTP_IS_OPEN:
		return TT_WAIT;
	case HTTP_IS_CONTENT:
		break;
	}
	return tt_http_content(link, h, side, in, content);
}
