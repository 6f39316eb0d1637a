// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.0 and 1.1 (RFC 9110, 9112). Lines are read once, as they come; bodies are skipped by counting. An upgrade (101) or a
 * tunnel (2xx to CONNECT) ends the protocol on its connection: "Upgrade: h2c" hands it to http2, "Upgrade: websocket" to
 * websocket, and what else is spoken there is found out anew.
 */
#include "proto/http_internal.h"
#include "proto/http_names.h"

extern const struct tt_proto tt_proto_http2;
extern const struct tt_proto tt_proto_websocket;

/* --- lines -------------------------------------------------------------------------------------------------------------------
 */

static inline bool http_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/*
 * The next field line with those that fold on to it (RFC 9112 section 5.2): where it ends is known only from the next line's
 * first byte. An empty line ends at once.
 */
static bool http_field_line(struct http_side *s, struct tt_cursor *c, struct tt_span *ret)
{
	const uint8_t *begin = c->data + c->pos, *end = c->data + c->len, *from = begin + s->scanned;

	if (from < end && begin[0] == '\r' && end - begin >= 2 && begin[1] == '\n') {
		c->pos += 2;
		s->scanned = 0;
		*ret = tt_span(begin, 0);
		return true;
	}
	for (;;) {
		const uint8_t *found = tt_find_near(from, end, '\n');
		if (!found) {
			s->scanned = (size_t)(end - begin);
			return false;
		}

		const uint8_t *last = found > begin && found[-1] == '\r' ? found - 1 : found;
		if (last > begin && found + 1 == end) {
			s->scanned = (size_t)(found - begin);
			return false;
		}
		if (last > begin && http_is_blank(found[1])) {
			s->folded = true;
			from = found + 1;
			continue;
		}
		c->pos = (size_t)(found + 1 - c->data);
		s->scanned = 0;
		*ret = tt_span(begin, (size_t)(last - begin));
		return true;
	}
}

/* A folded value on one line. */
static struct tt_span http_unfold(struct tt_span value, uint8_t text[static HTTP_FOLDED_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < value.len && n < HTTP_FOLDED_MAX; i++) {
		uint8_t c = value.data[i];
		bool blank = c == '\r' || c == '\n' || c == ' ' || c == '\t';
		if (!blank)
			text[n++] = c;
		else if (n && text[n - 1] != ' ')
			text[n++] = ' ';
	}
	return tt_span_trim(tt_span(text, n));
}

/* Passes over a line that is too long to keep. */
int tt_http_drop_line(struct http_side *s, struct tt_cursor *c)
{
	struct tt_span rest = tt_cursor_rest(c);
	if (s->dropping) {
		ptrdiff_t end = tt_span_find(rest, '\n');
		s->dropping = end < 0;
		tt_cursor_skip(c, end < 0 ? rest.len : (size_t)end + 1);
		return s->dropping ? TT_MORE : HTTP_ON;
	}

	enum tt_http_field field = tt_http_field_of(rest);
	if (field == TT_HTTP_CONTENT_LENGTH || field == TT_HTTP_TRANSFER_ENCODING)
		s->framing.doubtful = true;
	s->dropping = rest.data[rest.len - 1] != '\n';
	s->scanned = 0;
	s->folded = false;
	tt_cursor_skip(c, rest.len);
	return TT_MORE;
}

/* --- fields ------------------------------------------------------------------------------------------------------------------
 */

static inline void http_field_value(struct http_side *s, enum tt_side side, enum tt_http_field field, struct tt_span value,
				    bool spaced)
{
	switch (field) {
	case TT_HTTP_CONTENT_LENGTH:
		tt_http_framing_length(&s->framing, value);
		s->framing.doubtful |= spaced && side == TT_REQUESTS;
		break;
	case TT_HTTP_TRANSFER_ENCODING:
		tt_http_framing_coding(&s->framing, value);
		s->framing.doubtful |= spaced && side == TT_REQUESTS;
		/* HTTP/1.0 has none: some go by it all the same (RFC 9112 section 6.1). */
		s->framing.doubtful |= !s->minor && (s->framing.chunked || s->framing.other);
		break;
	case TT_HTTP_UPGRADE:
		s->upgrade = true;
		s->h2c = tt_span_ieq(value, TT_SPAN_LIT("h2c"));
		s->websocket = tt_span_ieq(value, TT_SPAN_LIT("websocket"));
		break;
	case TT_HTTP_CONTENT_TYPE:
		if (s->media != TT_HTTP_MEDIA_CODED)
			s->media = (uint8_t)tt_http_media_of(value);
		break;
	case TT_HTTP_CONTENT_ENCODING:
		if (!tt_span_ieq(value, TT_SPAN_LIT("identity")))
			s->media = TT_HTTP_MEDIA_CODED;
		break;
	case TT_HTTP_AMZ_CONTENT:
		s->s3 = true;
		break;
	case TT_HTTP_ELASTIC:
		s->search = "elasticsearch";
		break;
	case TT_HTTP_OPENSEARCH:
		s->search = "opensearch";
		break;
	case TT_HTTP_EXPECT:
		s->expect = tt_span_ieq(value, TT_SPAN_LIT("100-continue"));
		break;
	case TT_HTTP_HOST:
		if (side == TT_REQUESTS && !s->has_authority)
			tt_http_set_authority(s->m, value);
		break;
	default:
		if (side == TT_REQUESTS)
			tt_http_set_field(s->m, field, value);
	}
}

/* Rare, and its room on the stack should not be taken for every field. */
__attribute__((noinline)) static void http_field_folded(struct http_side *s, enum tt_side side, enum tt_http_field field,
							struct tt_span value, bool spaced)
{
	uint8_t text[HTTP_FOLDED_MAX];
	http_field_value(s, side, field, http_unfold(value, text), spaced);
}

static void http_field(struct http_side *s, enum tt_side side, struct tt_span line)
{
	struct tt_span value;
	bool spaced;
	enum tt_http_field field = tt_http_field_line(line, &value, &spaced);

	if (field == TT_HTTP_OTHER)
		return;
	if (s->folded)
		http_field_folded(s, side, field, value, spaced);
	else
		http_field_value(s, side, field, value, spaced);
}

/* The value where the line is the field `name` as nearly everybody writes it, with its colon and one blank. */
static inline bool http_is_usual(struct tt_span line, struct tt_span name, struct tt_span *ret_value)
{
	if (line.len <= name.len || memcmp(line.data, name.data, name.len) != 0 || line.data[name.len] <= ' ' ||
	    line.data[line.len - 1] <= ' ')
		return false;
	*ret_value = tt_span(line.data + name.len, line.len - name.len);
	return true;
}

/* What http_field does with the two lines that stand in nearly every request, in few steps. False: it is another line. */
static inline bool http_field_usual(struct http_side *s, struct tt_span line)
{
	struct tt_span value;

	if (http_is_usual(line, TT_SPAN_LIT("Host: "), &value)) {
		if (!s->has_authority)
			tt_http_set_authority(s->m, value);
		return true;
	}
	if (!http_is_usual(line, TT_SPAN_LIT("User-Agent: "), &value))
		return false;
	tt_http_set_field(s->m, TT_HTTP_USER_AGENT, value);
	return true;
}

/* --- heads -------------------------------------------------------------------------------------------------------------------
 */

static int http_request_head_end(struct tt_link *link, struct http_link *h, struct tt_input *in)
{
	struct http_side *s = &h->side[TT_REQUESTS];
	enum tt_http_content content = tt_http_request_content(&s->framing);

	if (s->s3)
		tt_http_app_s3(s->m);
	h->hold = s->upgrade || s->kind == HTTP_KIND_CONNECT;
	if (s->expect && (content == TT_HTTP_COUNTED || content == TT_HTTP_CHUNKED)) {
		s->phase = HTTP_EXPECTED;
		h->answered_again = false;
		return HTTP_ON;
	}
	if (content == TT_HTTP_NONE && !s->framing.counted) {
		tt_http_end(link, h, TT_REQUESTS, in, 0);
		return TT_PARSED;
	}
	return tt_http_content(link, h, TT_REQUESTS, in, content);
}

/* An answer whose request was not seen may be one to HEAD: then the next one follows where content would. */
static bool http_next_follows(const struct tt_input *in)
{
	return tt_http_begins_response(tt_cursor_rest(&in->c)) == TT_YES;
}

/* How the request bears on its response's framing. */
static enum http_kind http_asked(const struct http_side *s)
{
	return (enum http_kind)(s->kind & ((1u << TT_HTTP_APP_SHIFT) - 1));
}

static int http_response_head_end(struct tt_link *link, struct http_link *h, struct tt_input *in)
{
	struct http_side *s = &h->side[TT_RESPONSES];
	unsigned status = s->status;

	if (status == 101 && s->h2c) {
		/* The request is answered as HTTP/2's stream 1 (RFC 7540 section 3.2). */
		tt_switch(link, &tt_proto_http2);
		struct tt_message *request = tt_switch_keep(link, s->m, 1);
		if (request) {
			tt_message_attr(request, "network.protocol.version", TT_SPAN_LIT("2"));
			s->m = NULL;
		}
		tt_http_end(link, h, TT_RESPONSES, in, 0);
		return TT_DONE;
	}
	if (status == 101 || (http_asked(s) == HTTP_KIND_CONNECT && status >= 200 && status < 300)) {
		if (status == 101 && s->websocket)
			tt_switch_with(link, &tt_proto_websocket, tt_message_get(s->m ? s->m->peer : NULL, TT_TEXT_RESOURCE));
		else
			tt_switch(link, NULL); /* what is spoken there is found out */
		tt_http_end(link, h, TT_RESPONSES, in, 0);
		return TT_DONE;
	}
	if (status < 200) {
		s->continued |= status == 100;
		s->framing = (struct tt_http_framing){0};
		s->phase = HTTP_START;
		return HTTP_ON;
	}

	if (s->search && s->m)
		tt_http_app_search(s->m, s->m->peer, s->search);
	bool bodiless = http_asked(s) == HTTP_KIND_HEAD || (s->orphan && tt_cursor_left(&in->c) && http_next_follows(in));
	return tt_http_content(link, h, TT_RESPONSES, in, tt_http_response_content(&s->framing, status, bodiless));
}

/*
 * Lines that are there whole and nothing folds on to, as nearly all are. True: that was all of the head. The rest is to be looked
 * at more closely.
 */
static inline bool http_fields_plain(struct http_side *s, enum tt_side side, struct tt_cursor *c)
{
	const uint8_t *at = c->data + c->pos, *end = c->data + c->len, *last;

	if (at < end && http_is_blank(*at))
		return false;
	while (end - at > 2 && *at != '\r' && (last = tt_find_line_end(at, end))) {
		const uint8_t *next = last + 1 + (*last == '\r');
		if (last == at || next >= end || next[-1] != '\n' || http_is_blank(*next))
			break;
		if (tt_http_first_letter[*at]) {
			struct tt_span line = tt_span(at, (size_t)(last - at));
			if (side != TT_REQUESTS || !http_field_usual(s, line))
				http_field(s, side, line);
		}
		at = next;
	}
	bool all = end - at >= 2 && at[0] == '\r' && at[1] == '\n';
	c->pos = (size_t)(at - c->data) + (all ? 2 : 0);
	return all;
}

/* A line's end to some readers, to others none. */
static bool http_has_bare_return(struct tt_span line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == '\r' && (i + 1 == line.len || line.data[i + 1] != '\n'))
			return true;
	}
	return false;
}

__attribute__((noinline)) static int http_fields_any(struct http_side *s, enum tt_side side, struct tt_input *in)
{
	struct tt_span rest = tt_cursor_rest(&in->c);

	/* Nothing is there to fold on to: some take it for a field of its own (RFC 9112 section 2.2). */
	if (!s->dropping && !s->scanned && rest.len && http_is_blank(rest.data[0]))
		s->framing.doubtful = true;
	for (;;) {
		struct tt_span line;
		if (s->dropping && tt_http_drop_line(s, &in->c) == TT_MORE)
			return TT_MORE;
		if (!http_field_line(s, &in->c, &line))
			return tt_cursor_left(&in->c) > HTTP_LINE_MAX ? tt_http_drop_line(s, &in->c) : TT_MORE;
		if (!line.len)
			return HTTP_ON;
		s->framing.doubtful |= http_has_bare_return(line);
		if (tt_http_first_letter[line.data[0]])
			http_field(s, side, line);
		s->folded = false;
	}
}

static int http_fields(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in)
{
	struct http_side *s = &h->side[side];

	if (s->dropping || s->scanned || !http_fields_plain(s, side, &in->c)) {
		int step = http_fields_any(s, side, in);
		if (step != HTTP_ON)
			return step;
	}
	return side == TT_REQUESTS ? http_request_head_end(link, h, in) : http_response_head_end(link, h, in);
}

static int http_request_start(struct tt_link *link, struct http_link *h, struct tt_input *in, struct tt_span line, size_t at)
{
	struct http_side *s = &h->side[TT_REQUESTS];
	struct tt_http_request_line request;
	if (!tt_http_request_line(line, &request))
		return TT_LOST_SYNC;

	/* Between messages all else is as it was at first. */
	s->phase = HTTP_FIELDS;
	s->minor = request.minor;
	s->open = true;
	s->doubt = false;
	if (tt_span_eq(request.method, TT_SPAN_LIT("HEAD")))
		s->kind = HTTP_KIND_HEAD;
	else if (tt_span_eq(request.method, TT_SPAN_LIT("CONNECT")))
		s->kind = HTTP_KIND_CONNECT;

	s->m = tt_request_begin(link, in, at);
	if (s->m)
		s->m->kind = s->kind;
	tt_http_set_method(s->m, request.method);
	s->has_authority = tt_http_set_target(s->m, request.target);
	static const char versions[] = "1.01.11.21.31.41.51.61.71.81.9";
	tt_message_attr_static(s->m, "network.protocol.version", tt_span(versions + request.minor * 3, 3));
	return HTTP_ON;
}

/* An answer behind that to a request whose content waits for leave tells what stands behind that request: it is looked at first.
 */
static bool http_answers_expected(struct http_link *h, unsigned status)
{
	/* A 408 is said unasked, too. */
	bool tells = h->side[TT_REQUESTS].phase == HTTP_EXPECTED && !h->answered_again && status != 408;

	h->answered_again |= tells;
	return tells;
}

static int http_response_start(struct tt_link *link, struct http_link *h, struct tt_input *in, struct tt_span line, size_t at)
{
	struct http_side *s = &h->side[TT_RESPONSES];
	struct tt_http_status_line status;
	if (!tt_http_status_line(line, &status))
		return TT_LOST_SYNC;

	if (!s->open) {
		const struct tt_message *request;
		enum tt_awaited awaited = tt_awaited(link, &request);
		if (awaited != TT_HAVE && (http_answers_expected(h, status.status) || awaited == TT_NOT_YET))
			return TT_WAIT;
		s->open = true;
		s->orphan = awaited == TT_NEVER;
		s->kind = request ? request->kind : 0;
		s->m = tt_response_begin(link, in, at);
	}

	s->phase = HTTP_FIELDS;
	s->status = status.status;
	s->minor = status.minor;
	if (status.status >= 200 || status.status == 101)
		tt_http_set_status(s->m, status.digits, status.status);
	/* RFC 9110, 15.5.9: it is also what a client hears that asked nothing for too long. */
	if (s->m)
		s->m->unasked = status.status == 408;
	return HTTP_ON;
}

/* What follows an upgrade or tunnel request is a request only if the server said no. */
static bool http_held(struct tt_link *link, struct http_link *h)
{
	const struct tt_message *request;
	h->hold = h->hold && (tt_awaited(link, &request) == TT_HAVE || h->side[TT_RESPONSES].open);
	return h->hold;
}

static int http_start(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in)
{
	struct http_side *s = &h->side[side];
	if (side == TT_REQUESTS && http_held(link, h))
		return TT_WAIT;

	size_t at;
	struct tt_span line;
	do {
		at = in->c.pos;
		if (!tt_http_line(s, &in->c, &line)) {
			struct tt_span rest = tt_cursor_rest(&in->c);
			struct tt_cursor left = in->c;
			bool blank = rest.len == 0 || (rest.len == 1 && tt_cursor_u8(&left) == '\r');
			return blank || tt_http_may_become_line(side, rest) ? TT_MORE : TT_LOST_SYNC;
		}
	} while (!line.len);

	int step = side == TT_REQUESTS ? http_request_start(link, h, in, line, at) : http_response_start(link, h, in, line, at);
	if (step == HTTP_ON)
		return http_fields(link, h, side, in);
	in->c.pos = at;
	return step;
}

/* --- the contract ------------------------------------------------------------------------------------------------------------
 */

static enum tt_step http_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	static int (*const phases[HTTP_PHASE_MAX])(struct tt_link *, struct http_link *, enum tt_side, struct tt_input *) = {
		[HTTP_START] = http_start,	    [HTTP_FIELDS] = http_fields,  [HTTP_EXPECTED] = tt_http_expected,
		[HTTP_BODY] = tt_http_body,	    [HTTP_CHUNK] = tt_http_chunk, [HTTP_CHUNK_END] = tt_http_chunk_end,
		[HTTP_TRAILERS] = tt_http_trailers,
	};
	struct http_link *h = tt_link_state(link);
	int step = HTTP_ON;
	while (step == HTTP_ON)
		step = tt_cursor_left(&in->c) ? phases[h->side[side].phase](link, h, side, in) : TT_MORE;
	return (enum tt_step)step;
}

static void http_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct http_link *h = tt_link_state(link);
	tt_http_app_free(h->side[side].app);
	h->side[side] = (struct http_side){.phase = HTTP_START};
	h->side[TT_REQUESTS].doubt = side == TT_RESPONSES;
	h->hold = false;
	h->answered_again = false;
}

static void http_state_free(void *state)
{
	struct http_link *h = state;
	tt_http_app_free(h->side[0].app);
	tt_http_app_free(h->side[1].app);
}

const struct tt_proto tt_proto_http = {
	.name = "http",
	.doc = &tt_http_doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.status_first = true,
	.state_size = sizeof(struct http_link),
	.state_free = http_state_free,
	.detect = tt_http_detect,
	.parse = http_parse,
	.gap = http_gap,
	.unseen = tt_http_unseen,
	.resync = tt_http_resync,
};
