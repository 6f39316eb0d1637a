// SPDX-License-Identifier: Apache-2.0
/*
 * WebSocket (RFC 6455; compressed messages, RFC 7692, are counted as they are): a session is one exchange, from its first frame
 * to the server's Close. The upgrade before it is HTTP's own. Messages are counted in both directions and never read.
 *
 * Everything that is known is kept with the request, because a session that is broken off has no response to speak of.
 */
#include "base/cursor.h"
#include "base/own.h"
#include "proto/proto.h"

#define SESSION 1u /* the only one on its connection */

#define CONTROL_MOST 125u

enum opcode {
	OPCODE_CONTINUATION = 0,
	OPCODE_TEXT = 1,
	OPCODE_BINARY = 2,
	OPCODE_CLOSE = 8,
	OPCODE_PING = 9,
	OPCODE_PONG = 10,
};

struct frame {
	uint8_t opcode;
	bool final;
	bool compressed;
	uint8_t mask[4];
	uint64_t len; /* of the payload */
};

struct websocket_side {
	int64_t messages;
	int64_t bytes; /* of payload */
	uint64_t end;  /* stream offset past the last frame read */
};

struct websocket_state {
	struct websocket_side side[2];
	struct tt_message *request;
	struct tt_message *response;
	bool begun;
	bool answered;
	bool lost; /* something was missed: counts are not whole */
	bool over;
	uint16_t code;
};

/* --- frames ------------------------------------------------------------------------------------------------------------------
 */

/* TT_LOST_SYNC: no frame of this side begins here. */
static enum tt_step read_frame(enum tt_side side, struct tt_cursor *c, struct frame *ret)
{
	size_t at = c->pos;
	uint8_t first = tt_cursor_u8(c);
	uint8_t second = tt_cursor_u8(c);
	struct frame f = {.opcode = first & 0x0f, .final = first & 0x80, .compressed = first & 0x40, .len = second & 0x7f};
	bool control = f.opcode & 8;

	if (tt_cursor_short(c)) {
		c->pos = at;
		c->short_ = false;
		return TT_MORE;
	}
	/* A client masks what it sends, a server does not. */
	if ((first & 0x30) || (f.opcode & 7) > 2 || (second >> 7) != (side == TT_REQUESTS) ||
	    (control && (!f.final || f.compressed || f.len > CONTROL_MOST)))
		return TT_LOST_SYNC;

	uint64_t least = 0;
	if (f.len == 126) {
		f.len = tt_cursor_be16(c);
		least = 126;
	} else if (f.len == 127) {
		f.len = tt_cursor_be64(c);
		least = 65536;
	}
	struct tt_span mask = tt_cursor_take(c, side == TT_REQUESTS ? sizeof(f.mask) : 0);
	if (tt_cursor_short(c)) {
		c->pos = at;
		c->short_ = false;
		return TT_MORE;
	}
	if (f.len < least || f.len >> 63)
		return TT_LOST_SYNC;
	if (mask.len)
		memcpy(f.mask, mask.data, sizeof(f.mask));
	*ret = f;
	return TT_PARSED;
}

/* In a message's first frame: what it says is text, as it has to be. The last character may go on in the next frame. */
static bool is_text(const struct frame *f, struct tt_span payload)
{
	unsigned follow = 0;

	for (size_t i = 0; i < payload.len; i++) {
		uint8_t b = payload.data[i] ^ f->mask[i % 4];
		if (follow) {
			if ((b & 0xc0) != 0x80)
				return false;
			follow--;
		} else if (b >= 0x80) {
			if (b < 0xc2 || b > 0xf4)
				return false;
			follow = b >= 0xf0 ? 3 : b >= 0xe0 ? 2 : 1;
		} else if (b < 0x20 && b != '\t' && b != '\n' && b != '\r') {
			return false;
		}
	}
	return !follow || !f->final;
}

/* Bytes of the middle: frames one behind the other, the last one ending where the bytes do. */
static enum tt_verdict is_frames(enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct frame f;

	while (tt_cursor_left(&c)) {
		enum tt_step step = read_frame(side, &c, &f);
		if (step != TT_PARSED)
			return step == TT_MORE ? TT_MAYBE : TT_NO;
		struct tt_span payload = tt_cursor_take(&c, (size_t)TT_MIN(f.len, (uint64_t)tt_cursor_left(&c)));
		if (f.opcode == OPCODE_TEXT && !f.compressed && !is_text(&f, payload))
			return TT_NO;
		if (f.opcode == OPCODE_CLOSE && (f.len == 1 || tt_cursor_left(&c)))
			return TT_NO;
		if (payload.len < f.len)
			return TT_MAYBE;
	}
	return TT_YES;
}

/* --- the session -------------------------------------------------------------------------------------------------------------
 */

static const char *const messages_key[2] = {"websocket.client.messages", "websocket.server.messages"};
static const char *const bytes_key[2] = {"websocket.client.payload_bytes", "websocket.server.payload_bytes"};

static void begin(struct tt_link *link, struct websocket_state *s, enum tt_side side, const struct tt_input *in)
{
	if (!s->begun) {
		s->begun = true;
		s->lost |= !tt_link_from_start(link);
		s->request = tt_request_begin(link, side == TT_REQUESTS ? in : NULL, in->c.pos);
		if (s->request) {
			s->request->id = SESSION;
			s->side[TT_REQUESTS].end = s->request->first_off;
			s->request->incomplete = s->lost;
			/* Begun before anything of it was seen. */
			if (s->lost)
				s->request->first_ns = 0;
		}
		tt_message_text(s->request, TT_TEXT_OPERATION, TT_SPAN_LIT("session"));
		if (tt_switched_with(link).len)
			tt_message_text(s->request, TT_TEXT_RESOURCE, tt_switched_with(link));
		for (int i = 0; i < 2; i++) {
			tt_message_attr_int(s->request, messages_key[i], 0);
			tt_message_attr_int(s->request, bytes_key[i], 0);
		}
	}
	if (side == TT_RESPONSES && !s->answered) {
		s->answered = true;
		s->response = tt_response_begin(link, in, in->c.pos);
		if (s->response) {
			s->response->id = SESSION;
			s->response->incomplete = s->lost;
		}
	}
}

static void set_code(struct websocket_state *s, enum tt_side side, uint16_t code)
{
	if (s->code)
		return;
	s->code = code;
	tt_message_attr_int(s->request, "websocket.close.code", code);
	tt_message_attr(s->request, "websocket.close.by", side == TT_REQUESTS ? TT_SPAN_LIT("client") : TT_SPAN_LIT("server"));
}

/* The server said that it is over: nothing of the session follows but a client's answer to that. */
static enum tt_step end_session(struct tt_link *link, struct websocket_state *s)
{
	const struct tt_input client = {.offset = s->side[TT_REQUESTS].end}, server = {.offset = s->side[TT_RESPONSES].end};
	char digits[5];
	size_t at = sizeof(digits);

	for (unsigned v = s->code; v; v /= 10)
		digits[--at] = (char)('0' + v % 10);
	struct tt_span code = tt_span(digits + at, sizeof(digits) - at);
	tt_message_text(s->response, TT_TEXT_STATUS, code);
	/* RFC 6455, 7.4.1: 1000 done, 1001 going away; 1005 stands for no code at all. */
	if (s->code != 1000 && s->code != 1001 && s->code != 1005)
		tt_message_fail(s->response, code);
	tt_message_end(link, s->response, &server, 0);
	tt_message_end(link, s->request, &client, 0);
	s->request = s->response = NULL;
	s->over = true;
	return TT_DONE;
}

/* The payload of a Close is there whole. */
static enum tt_step take_close(struct tt_link *link, struct websocket_state *s, enum tt_side side, const struct frame *f,
			       struct tt_span payload)
{
	uint16_t code = 1005;

	if (payload.len >= 2)
		code = (uint16_t)((payload.data[0] ^ f->mask[0]) << 8 | (payload.data[1] ^ f->mask[1]));
	set_code(s, side, code);
	return side == TT_RESPONSES ? end_session(link, s) : TT_PARSED;
}

static void take_data(struct websocket_state *s, enum tt_side side, const struct frame *f)
{
	struct websocket_side *d = &s->side[side];

	if (f->opcode & 8)
		return;
	d->messages += f->final;
	d->bytes += (int64_t)TT_MIN(f->len, (uint64_t)(INT64_MAX - d->bytes));
	tt_message_attr_int(s->request, messages_key[side], d->messages);
	tt_message_attr_int(s->request, bytes_key[side], d->bytes);
}

static enum tt_step take_frame(struct tt_link *link, struct websocket_state *s, enum tt_side side, struct tt_input *in)
{
	size_t at = in->c.pos;
	struct frame f;
	enum tt_step step = read_frame(side, &in->c, &f);

	if (step != TT_PARSED) {
		in->c.pos = at;
		return step;
	}
	size_t left = tt_cursor_left(&in->c);
	if (f.opcode == OPCODE_CLOSE && left < f.len) {
		in->c.pos = at;
		return TT_MORE;
	}
	struct tt_cursor head = in->c;
	in->c.pos = at;
	begin(link, s, side, in);
	in->c.pos = head.pos;

	struct tt_span payload = tt_cursor_take(&in->c, (size_t)TT_MIN(f.len, (uint64_t)left));
	s->side[side].end = in->offset + in->c.pos;
	if (f.opcode == OPCODE_CLOSE)
		return take_close(link, s, side, &f, payload);
	take_data(s, side, &f);
	if (payload.len < f.len) {
		tt_skip(link, side, f.len - payload.len);
		s->side[side].end += f.len - payload.len;
	}
	return TT_PARSED;
}

static enum tt_step websocket_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct websocket_state *s = tt_link_state(link);

	return s->over ? TT_DONE : take_frame(link, s, side, in);
}

/* --- the protocol ------------------------------------------------------------------------------------------------------------
 */

static void websocket_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct websocket_state *s = tt_link_state(link);

	s->lost = true;
	if (side == TT_REQUESTS)
		s->request = NULL;
	else
		s->response = NULL;
}

static ssize_t websocket_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return is_frames(side, bytes) == TT_YES ? 0 : -1;
}

/* Only ever in mid-connection: what comes before is HTTP's to see. */
static enum tt_verdict websocket_detect(const struct tt_first *first)
{
	enum tt_verdict best = TT_YES;

	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		struct tt_span bytes = first->side[side];
		/* A part of a message that is neither its first nor its last is but a zero: that says nothing. */
		bool part = bytes.len && !bytes.data[0];
		enum tt_verdict v = first->from_start[side] || part ? TT_NO : bytes.len ? is_frames(side, bytes) : TT_MAYBE;
		if (v == TT_NO)
			return TT_NO;
		if (v == TT_MAYBE)
			best = TT_MAYBE;
	}
	return best;
}

static const struct tt_proto_doc websocket_doc = {
	.title = "WebSocket",
	.specification = "RFC 6455: https://www.rfc-editor.org/rfc/rfc6455",
	.recognised = "HTTP's `101` with `Upgrade: websocket`; in mid-connection whole frames from both ends, masked those of "
		      "the client alone",
	.operation = "`session`: one from the first frame to the server's Close; the upgrade is an exchange of `http`",
	.resource = "the path that was upgraded",
	.status = "the close code: `1000`, `1001`, `1005` (none given); any other one is a failure",
	.limits = "messages are counted, not read; WebSocket over HTTP/2 (RFC 8441) is not seen. A session without the server's "
		  "Close "
		  "is reported when its connection ends, as closed by that end",
	.verified =
		"Python's websockets, Node's ws and nginx as a proxy between them; the ends' own counts, and tshark's dissection",
};

const struct tt_proto tt_proto_websocket = {
	.name = "websocket",
	.doc = &websocket_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct websocket_state),
	.detect = websocket_detect,
	.parse = websocket_parse,
	.gap = websocket_gap,
	.resync = websocket_resync,
};
