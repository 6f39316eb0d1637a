// SPDX-License-Identifier: Apache-2.0
/*
 * Apache Thrift: calls in the binary (strict) and compact encodings, framed, without frames, and behind a THeader
 * (thrift-rpc.md, thrift-binary-protocol.md, thrift-compact-protocol.md, HeaderFormat.md in doc/specs of
 * https://github.com/apache/thrift).
 *
 * A reply names the call by its sequence number. Where a client gives all calls the same number (most give 0), replies come in
 * the order of the calls, and so are they paired: then a reply that names another method than the oldest call answers one from
 * before the capture. Values are passed over and never kept.
 */
#include "proto/thrift.h"

#include "proto/detect.h"
#include "proto/pass.h"
#include "proto/rpc.h"

#define NAME_MOST 255u
#define FRAME_MOST (256u << 20)
/* Of a framed reply: enough for the text of an exception. */
#define LOOK_BYTES 512u

enum kind {
	KIND_CALL = 1,
	KIND_REPLY = 2,
	KIND_EXCEPTION = 3,
	KIND_ONEWAY = 4,
};

struct head {
	bool framed;
	bool theader;
	bool opaque; /* behind transformations: what it says is not known */
	bool compact;
	uint8_t kind;
	uint32_t frame; /* bytes behind the frame's length */
	uint32_t id;
	struct tt_span name;
	size_t size; /* up to the structure */
};

struct thrift_side {
	struct thrift_walk walk;
	struct tt_message *open; /* without a frame: its structure is being passed */
	bool walking;
	uint8_t kind;
};

struct thrift_state {
	struct thrift_side side[2];
	bool in_order;
	bool asked;	  /* there was a call: */
	uint32_t last_id; /* the number of the latest */
};

/* --- heads -------------------------------------------------------------------------------------------------------------------
 */

static bool of_side(enum tt_side side, uint8_t kind)
{
	return side == TT_REQUESTS ? kind == KIND_CALL || kind == KIND_ONEWAY : kind == KIND_REPLY || kind == KIND_EXCEPTION;
}

/* The message's own head, at the cursor. */
static enum tt_step read_message(enum tt_side side, struct tt_cursor *c, struct head *h)
{
	uint8_t first = tt_cursor_u8(c);
	uint8_t second = tt_cursor_u8(c);
	uint32_t name_len;

	if (tt_cursor_short(c))
		return TT_MORE;
	h->compact = first == 0x82;
	if (h->compact) {
		h->kind = second >> 5;
		if ((second & 0x1f) != 1 || !of_side(side, h->kind))
			return TT_LOST_SYNC;
		h->id = thrift_varint(c);
		name_len = thrift_varint(c);
	} else {
		uint16_t kind = tt_cursor_be16(c);
		if (first != 0x80 || second != 1 ||
		    (!tt_cursor_short(c) && (kind > KIND_ONEWAY || !of_side(side, (uint8_t)kind))))
			return TT_LOST_SYNC;
		h->kind = (uint8_t)kind;
		name_len = tt_cursor_be32(c);
	}
	if (tt_cursor_short(c))
		return TT_MORE;
	if (name_len > NAME_MOST || (name_len == 0 && h->kind != KIND_EXCEPTION))
		return TT_LOST_SYNC;
	struct tt_span there = tt_span_sub(tt_cursor_rest(c), 0, name_len);
	if (there.len && !tt_rpc_is_name(there))
		return TT_LOST_SYNC;
	h->name = tt_cursor_take(c, name_len);
	if (!h->compact)
		h->id = tt_cursor_be32(c);
	return tt_cursor_short(c) ? TT_MORE : TT_PARSED;
}

/* Behind the frame's length: magic, flags, sequence number, then words of which the first says how the message is encoded. */
static enum tt_step read_theader(enum tt_side side, struct tt_cursor *c, struct head *h)
{
	uint16_t magic = tt_cursor_be16(c);
	if (!tt_cursor_short(c) && magic != 0x0fff)
		return TT_LOST_SYNC;
	tt_cursor_skip(c, 2); /* flags */
	h->id = tt_cursor_be32(c);
	uint32_t size = tt_cursor_be16(c) * 4u;
	if (tt_cursor_short(c) || tt_cursor_left(c) < TT_MIN(size, 64u))
		return TT_MORE;
	struct tt_cursor info = tt_cursor(tt_span_sub(tt_cursor_rest(c), 0, size));
	uint32_t encoding = thrift_varint(&info);
	uint32_t transforms = thrift_varint(&info);
	uint32_t id = h->id;

	if (tt_cursor_short(&info) || size + 10 > h->frame || encoding > 2)
		return TT_LOST_SYNC;
	h->theader = true;
	h->opaque = transforms > 0;
	if (h->opaque)
		return TT_PARSED;
	if (!tt_cursor_skip(c, size))
		return TT_MORE;
	enum tt_step step = read_message(side, c, h);
	h->id = id;
	return step;
}

/* The cursor goes past the head where it is whole, and nowhere else. */
static enum tt_step read_head(enum tt_side side, struct tt_cursor *cursor, struct head *h)
{
	struct tt_cursor c = *cursor;
	struct tt_cursor look = c;
	enum tt_step step;

	*h = (struct head){0};
	if (!tt_cursor_left(&c))
		return TT_MORE;
	if (c.data[c.pos] & 0x80) {
		step = read_message(side, &c, h);
	} else {
		h->framed = true;
		h->frame = tt_cursor_be32(&c);
		tt_cursor_skip(&look, 4);
		uint8_t first = tt_cursor_u8(&look);
		if (cursor->data[cursor->pos] > FRAME_MOST >> 24)
			return TT_LOST_SYNC;
		if (tt_cursor_short(&look))
			return TT_MORE;
		if (h->frame < 8 || h->frame > FRAME_MOST)
			return TT_LOST_SYNC;
		step = first == 0x0f ? read_theader(side, &c, h) : read_message(side, &c, h);
	}
	if (step != TT_PARSED)
		return step;
	h->size = c.pos - cursor->pos;
	if (h->framed && h->size > (size_t)h->frame + 4)
		return TT_LOST_SYNC;
	*cursor = c;
	return TT_PARSED;
}

/* --- what goes into the exchange ---------------------------------------------------------------------------------------------
 */

static void describe_call(struct tt_message *m, const struct head *h)
{
	ptrdiff_t colon = tt_span_find(h->name, ':');
	struct tt_span service = tt_span_sub(h->name, 0, colon > 0 ? (size_t)colon : 0);

	/* Multiplexed services stand in front of the method's name. */
	tt_rpc_describe(m, "thrift", service, tt_span_sub(h->name, colon > 0 ? (size_t)colon + 1 : 0, h->name.len));
	if (!h->opaque)
		tt_message_attr(m, "thrift.protocol", h->compact ? TT_SPAN_LIT("compact") : TT_SPAN_LIT("binary"));
	tt_message_attr(m, "thrift.transport",
			h->theader  ? TT_SPAN_LIT("header")
			: h->framed ? TT_SPAN_LIT("framed")
				    : TT_SPAN_LIT("unframed"));
}

static const char *const exception_types[] = {
	"UNKNOWN",	     "UNKNOWN_METHOD",	 "INVALID_MESSAGE_TYPE",    "WRONG_METHOD_NAME",
	"BAD_SEQUENCE_ID",   "MISSING_RESULT",	 "INTERNAL_ERROR",	    "PROTOCOL_ERROR",
	"INVALID_TRANSFORM", "INVALID_PROTOCOL", "UNSUPPORTED_CLIENT_TYPE",
};

static void describe_reply(struct tt_message *m, uint8_t kind, const struct thrift_walk *w)
{
	const char *status = "OK";

	if (kind == KIND_EXCEPTION) {
		uint32_t type = w->has_type ? (uint32_t)w->type : 0;
		status = exception_types[type < TT_ARRAY_LEN(exception_types) ? type : 0];
		if (w->text_len)
			tt_message_text(m, TT_TEXT_ERROR, tt_span(w->text, w->text_len));
	} else if (w->has_field && w->first_field != 0) {
		/* The result has number 0; the exceptions the method declares have others. */
		status = "EXCEPTION";
		tt_message_attr_int(m, "thrift.exception.field", w->first_field);
	}
	tt_message_text(m, TT_TEXT_STATUS, tt_span_str(status));
	if (w->exception || (w->has_field && w->first_field != 0))
		tt_message_fail(m, tt_span_str(status));
}

/* Do the numbers tell which call a reply answers? What cannot be changed now, because calls are open, is when they are not. */
static void choose_pairing(struct tt_link *link, struct thrift_state *s, enum tt_side side, const struct head *h)
{
	bool in_order = !h->id || (side == TT_REQUESTS && s->asked && h->id == s->last_id);

	if (side == TT_REQUESTS) {
		s->asked = true;
		s->last_id = h->id;
	} else if (s->asked || !in_order) {
		return; /* the client's numbers decide */
	}
	if (tt_pair_as(link, in_order ? TT_PAIR_IN_ORDER : TT_PAIR_BY_ID))
		s->in_order = in_order;
}

enum fit {
	FITS,
	NOT_YET, /* the call may still be read */
	DOUBTFUL,
	FOREIGN, /* it answers a call that was not seen */
};

/* In order: is this the reply to the oldest call? */
static enum fit reply_fits(struct tt_link *link, const struct head *h)
{
	const struct tt_message *call;
	enum tt_awaited awaited = tt_awaited(link, &call);

	if (awaited != TT_HAVE)
		return awaited == TT_NOT_YET ? NOT_YET : FITS;
	struct tt_span method = tt_message_get(call, TT_TEXT_OPERATION);
	if (h->name.len && method.len && !tt_span_eq(h->name, method))
		return FOREIGN;
	return h->id == call->id ? FITS : DOUBTFUL;
}

static struct tt_message *begin(struct tt_link *link, enum tt_side side, const struct tt_input *in, size_t at,
				const struct head *h, enum fit fit)
{
	if (fit == FOREIGN)
		return NULL;
	struct tt_message *m = side == TT_REQUESTS ? tt_request_begin(link, in, at) : tt_response_begin(link, in, at);

	if (m) {
		m->id = h->id;
		m->incomplete = fit == DOUBTFUL;
		m->one_way = h->kind == KIND_ONEWAY;
	}
	if (side == TT_REQUESTS)
		describe_call(m, h);
	return m;
}

/* --- messages ----------------------------------------------------------------------------------------------------------------
 */

/* All of a frame: its beginning is looked at, the rest passed over. */
static enum tt_step take_frame(struct tt_link *link, struct thrift_side *d, enum tt_side side, struct tt_input *in, size_t at,
			       const struct head *h, enum fit fit)
{
	size_t body = (size_t)h->frame + 4 - h->size;
	size_t look = side == TT_RESPONSES && !h->opaque ? TT_MIN(body, (size_t)LOOK_BYTES) : 0;

	if (tt_cursor_left(&in->c) < look) {
		in->c.pos = at;
		return TT_MORE;
	}
	struct tt_message *m = begin(link, side, in, at, h, fit);
	if (look) {
		struct tt_cursor c = tt_cursor(tt_span_sub(tt_cursor_rest(&in->c), 0, look));
		uint64_t skip;
		thrift_walk_begin(&d->walk, h->compact, h->kind == KIND_EXCEPTION);
		thrift_walk_on(&d->walk, &c, &skip);
		describe_reply(m, h->kind, &d->walk);
	}
	tt_message_end(link, m, in, (uint64_t)in->c.pos + body);
	tt_pass(link, side, in, body);
	return TT_PARSED;
}

static enum tt_step take_head(struct tt_link *link, struct thrift_state *s, enum tt_side side, struct tt_input *in)
{
	struct thrift_side *d = &s->side[side];
	size_t at = in->c.pos;
	struct head h;

	enum tt_step step = read_head(side, &in->c, &h);
	if (step != TT_PARSED)
		return step;
	choose_pairing(link, s, side, &h);
	enum fit fit = side == TT_RESPONSES && s->in_order ? reply_fits(link, &h) : FITS;
	if (fit == NOT_YET) {
		in->c.pos = at;
		return TT_WAIT;
	}
	if (h.framed)
		return take_frame(link, d, side, in, at, &h, fit);
	d->open = begin(link, side, in, at, &h, fit);
	d->kind = h.kind;
	d->walking = true;
	thrift_walk_begin(&d->walk, h.compact, h.kind == KIND_EXCEPTION);
	return TT_PARSED;
}

static enum tt_step take_values(struct tt_link *link, struct thrift_side *d, enum tt_side side, struct tt_input *in)
{
	uint64_t skip;
	enum tt_step step = thrift_walk_on(&d->walk, &in->c, &skip);

	if (step != TT_PARSED)
		return step;
	if (!d->walk.over) {
		uint64_t left = tt_cursor_left(&in->c);
		tt_cursor_skip(&in->c, (size_t)left);
		tt_skip(link, side, skip - left);
		return TT_PARSED;
	}
	if (side == TT_RESPONSES)
		describe_reply(d->open, d->kind, &d->walk);
	tt_message_end(link, d->open, in, in->c.pos);
	d->open = NULL;
	d->walking = false;
	return TT_PARSED;
}

static enum tt_step thrift_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct thrift_state *s = tt_link_state(link);
	struct thrift_side *d = &s->side[side];

	return d->walking ? take_values(link, d, side, in) : take_head(link, s, side, in);
}

/* --- the protocol ------------------------------------------------------------------------------------------------------------
 */

static void thrift_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct thrift_state *s = tt_link_state(link);

	s->side[side].open = NULL;
	s->side[side].walking = false;
}

static enum tt_verdict judge(enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct head h;
	enum tt_step step = read_head(side, &c, &h);

	if (step == TT_MORE)
		return TT_MAYBE;
	if (step != TT_PARSED)
		return TT_NO;
	if (h.opaque)
		return TT_YES;
	/* What follows a head is a structure: a field's type, or its end. */
	uint64_t skip;
	struct thrift_walk w;
	thrift_walk_begin(&w, h.compact, false);
	step = thrift_walk_on(&w, &c, &skip);
	if (step == TT_LOST_SYNC)
		return TT_NO;
	return w.over || w.has_field ? TT_YES : TT_MAYBE;
}

static ssize_t thrift_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return judge(side, bytes) == TT_YES ? 0 : -1;
}

static enum tt_verdict judge_side(const struct tt_first *first, enum tt_side side)
{
	enum tt_verdict v = judge(side, first->side[side]);

	/* A server never speaks first. */
	return v == TT_YES && side == TT_RESPONSES && first->from_start[side] ? TT_MAYBE : v;
}

static enum tt_verdict thrift_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge_side);
}

static const struct tt_proto_doc thrift_doc = {
	.title = "Apache Thrift",
	.specification = "thrift-rpc, thrift-binary-protocol, thrift-compact-protocol, HeaderFormat: "
			 "https://github.com/apache/thrift/tree/master/doc/specs",
	.recognised = "the version and type of a message with its name and first field, in or without a frame, or a THeader; at "
		      "any message",
	.operation = "the method",
	.resource = "the service, where services are multiplexed",
	.status = "`OK`; `EXCEPTION` for one the method declares; else the application exception's type (`UNKNOWN_METHOD`)",
	.limits = "the binary encoding without a version (not strict) and JSON are not read; a transformed (compressed) THeader "
		  "message has "
		  "no operation; structures nested deeper than 24 end the reading of a message without a frame",
	.verified = "Debian's Thrift 0.17 for Python (binary, compact, framed, unframed, THeader, multiplexed), npm's for Node; "
		    "the clients' own counts "
		    "and tshark's dissection of the binary encoding",
};

const struct tt_proto tt_proto_thrift = {
	.name = "thrift",
	.doc = &thrift_doc,
	.pairing = TT_PAIR_BY_ID,
	.ids = TT_IDS_IN_TURN,
	.stream = true,
	.state_size = sizeof(struct thrift_state),
	.detect = thrift_detect,
	.parse = thrift_parse,
	.gap = thrift_gap,
	.resync = thrift_resync,
};
