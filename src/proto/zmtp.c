// SPDX-License-Identifier: Apache-2.0
/*
 * ZMTP 3.0 and 3.1, the protocol of ZeroMQ (https://rfc.zeromq.org/spec/23/, https://rfc.zeromq.org/spec/37/).
 *
 * Both ends begin with a greeting and say which kind of socket they are. That decides: what a REQ asks (or a DEALER of a REP) is
 * answered in order, everything else is one-way, from either end.
 */
#include "proto/proto.h"

#include "base/own.h"
#include "proto/pass.h"

#define GREETING 64u
#define COMMAND_MAX 8192u
#define TOPIC_MAX 128u
#define FRAME_MAX (1ull << 40)

#define MORE 1u
#define LONG 2u
#define COMMAND 4u

#define ID_PING (1ull << 62)
#define ID_ASKED (2ull << 62)

enum socket_type {
	UNKNOWN,
	REQ,
	REP,
	DEALER,
	ROUTER,
	PUB,
	SUB,
	XPUB,
	XSUB,
	PUSH,
	PULL,
	PAIR,
	TYPES,
};

static const char *const type_names[TYPES] = {
	[UNKNOWN] = "MSG", [REQ] = "REQ",   [REP] = "REP",   [DEALER] = "DEALER", [ROUTER] = "ROUTER", [PUB] = "PUB",
	[SUB] = "SUB",	   [XPUB] = "XPUB", [XSUB] = "XSUB", [PUSH] = "PUSH",	  [PULL] = "PULL",     [PAIR] = "PAIR",
};

/* One side: its greeting, its kind, the message it is sending. */
struct zmtp_side {
	bool greeted;
	uint8_t type; /* enum socket_type */
	bool open;    /* a message is on its way */
	bool answers; /* and it is an answer */
	bool named;   /* its first frame with content was seen */
	uint32_t frames;
	uint64_t bytes;
	struct tt_message *message;
	uint64_t asked; /* messages that want an answer */
	uint64_t answered;
	uint64_t pings;
	uint64_t pongs;
};

struct tt_zmtp {
	bool plain;
	bool holes;
	struct zmtp_side side[2];
};

/* --- greeting --------------------------------------------------------------------------------------------------------------- */

/* As far as the bytes are there: are they a greeting's? */
static bool is_greeting(struct tt_span s)
{
	static const uint8_t signature[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3};

	/* The length in the signature is old readers': some fill it. */
	for (size_t i = 0; i < TT_MIN(s.len, sizeof(signature)); i++) {
		if (s.data[i] != signature[i] && i != 8)
			return false;
	}
	for (size_t i = 12; i < TT_MIN(s.len, (size_t)32); i++) {
		bool letter = s.data[i] >= 'A' && s.data[i] <= 'Z';
		if (!letter && (s.data[i] || i == 12))
			return false;
	}
	return s.len <= 11 || s.data[11] <= 1;
}

static enum tt_step take_greeting(struct tt_zmtp *s, enum tt_side side, struct tt_input *in)
{
	struct tt_span greeting = tt_span_sub(tt_cursor_rest(&in->c), 0, GREETING);

	if (!is_greeting(greeting))
		return TT_LOST_SYNC;
	if (greeting.len < GREETING)
		return TT_MORE;
	struct tt_span mechanism = tt_span_sub(greeting, 12, 20);
	tt_cursor_skip(&in->c, GREETING);
	s->side[side].greeted = true;
	if (tt_span_starts(mechanism, TT_SPAN_LIT("PLAIN\0")))
		s->plain = true;
	else if (!tt_span_starts(mechanism, TT_SPAN_LIT("NULL\0")))
		return TT_DONE; /* what follows is encrypted */
	return TT_PARSED;
}

/* --- commands --------------------------------------------------------------------------------------------------------------- */

/* One frame while it is read. */
struct frame {
	struct tt_link *link;
	struct tt_zmtp *s;
	struct tt_input *in;
	enum tt_side side;
	uint8_t flags;
	uint64_t size;
	size_t start;
	uint64_t end;
	struct tt_span body; /* as much of it as is read */
};

static void describe(struct tt_message *m, const char *operation)
{
	tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(operation));
	tt_message_attr(m, "messaging.system", TT_SPAN_LIT("zeromq"));
}

static struct tt_message *begin(const struct frame *f, bool asks)
{
	return tt_begin(f->link, f->side, asks, f->in, f->start);
}

static void end(const struct frame *f, struct tt_message *m)
{
	tt_message_end(f->link, m, f->in, f->end);
}

/* Metadata: which kind of socket this end is. */
static void take_ready(struct frame *f, struct tt_cursor c)
{
	while (tt_cursor_left(&c)) {
		struct tt_span name = tt_cursor_take8(&c);
		struct tt_span value = tt_cursor_take32(&c);
		if (tt_cursor_short(&c))
			return;
		if (!tt_span_ieq(name, TT_SPAN_LIT("Socket-Type")))
			continue;
		for (unsigned t = UNKNOWN + 1; t < TYPES; t++) {
			if (tt_span_eq(value, tt_span_str(type_names[t])))
				f->s->side[f->side].type = (uint8_t)t;
		}
	}
}

/* PLAIN's log-in: the client's HELLO is answered by WELCOME or ERROR. */
static void take_hello(struct frame *f, struct tt_cursor c)
{
	struct tt_message *m = begin(f, true);
	struct tt_span user = tt_cursor_take8(&c);

	describe(m, "HELLO");
	if (user.len)
		tt_message_attr(m, "user.name", user);
	end(f, m);
}

static void take_error(struct frame *f, struct tt_cursor c)
{
	bool login = f->s->plain && f->side == TT_RESPONSES && f->s->side[TT_RESPONSES].type == UNKNOWN;
	struct tt_message *m = begin(f, !login);
	struct tt_span reason = tt_cursor_take8(&c);

	if (!login) {
		describe(m, "ERROR");
		if (m)
			m->one_way = true;
	} else {
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("ERROR"));
	}
	tt_message_fail(m, TT_SPAN_LIT("ERROR"));
	if (reason.len)
		tt_message_text(m, TT_TEXT_ERROR, reason);
	end(f, m);
}

static void take_subscribe(struct frame *f, const char *operation, struct tt_span topic)
{
	struct tt_message *m = begin(f, true);

	describe(m, operation);
	tt_message_text(m, TT_TEXT_RESOURCE, tt_span_sub(topic, 0, TOPIC_MAX));
	if (m)
		m->one_way = true;
	end(f, m);
}

/* Each end may ask whether the other is there. The client's are apart from what it asks in order: they are one-way. */
static void take_ping(struct frame *f)
{
	struct tt_message *m = begin(f, true);

	describe(m, "PING");
	if (m)
		m->one_way = true;
	end(f, m);
}

static bool take_command(struct frame *f)
{
	struct tt_cursor c = tt_cursor(f->body);

	/* libzmq writes the name of PLAIN's ERROR with its length and first letter as one byte. */
	if (tt_span_starts(f->body, TT_SPAN_LIT("^RROR"))) {
		tt_cursor_skip(&c, 5);
		take_error(f, c);
		return true;
	}
	struct tt_span name = tt_cursor_take8(&c);
	if (tt_cursor_short(&c) || !name.len)
		return false;
	if (tt_span_eq(name, TT_SPAN_LIT("READY")) || tt_span_eq(name, TT_SPAN_LIT("INITIATE"))) {
		take_ready(f, c);
	} else if (tt_span_eq(name, TT_SPAN_LIT("HELLO"))) {
		take_hello(f, c);
	} else if (tt_span_eq(name, TT_SPAN_LIT("WELCOME"))) {
		struct tt_message *m = begin(f, false);
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
		end(f, m);
	} else if (tt_span_eq(name, TT_SPAN_LIT("ERROR"))) {
		take_error(f, c);
	} else if (tt_span_eq(name, TT_SPAN_LIT("SUBSCRIBE")) || tt_span_eq(name, TT_SPAN_LIT("CANCEL"))) {
		take_subscribe(f, name.data[0] == 'S' ? "SUBSCRIBE" : "CANCEL", tt_cursor_rest(&c));
	} else if (tt_span_eq(name, TT_SPAN_LIT("PING"))) {
		take_ping(f);
	}
	return true;
}

/* --- messages --------------------------------------------------------------------------------------------------------------- */

static bool asks(const struct tt_zmtp *s, enum tt_side side)
{
	uint8_t own = s->side[side].type, other = s->side[!side].type;

	return own == REQ || (own == DEALER && other == REP);
}

static void set_topic(struct tt_message *m, struct tt_span topic)
{
	for (size_t i = 0; i < topic.len; i++) {
		if (topic.data[i] < ' ' || topic.data[i] >= 0x7f)
			return;
	}
	if (topic.len == 0)
		return;
	tt_message_text(m, TT_TEXT_RESOURCE, topic);
	tt_message_attr_text(m, "messaging.destination.name", TT_TEXT_RESOURCE);
}

static void begin_message(struct frame *f)
{
	struct zmtp_side *own = &f->s->side[f->side], *other = &f->s->side[!f->side];
	bool asked = asks(f->s, f->side);

	own->answers = asks(f->s, !f->side);
	/* What it answers was in a hole. */
	bool stray = own->answers && f->s->holes && other->answered == other->asked;
	struct tt_message *m = begin(f, !own->answers);
	if (own->answers)
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	else
		describe(m, type_names[own->type]);
	if (m) {
		m->one_way = !own->answers && !asked;
		m->incomplete = own->type == UNKNOWN || other->type == UNKNOWN; /* it was missed what they are */
		/* In order both ways: by numbers where the server asks. */
		m->id = stray ? 0 : ID_ASKED | (own->answers ? other->answered : own->asked);
	}
	own->asked += asked;
	other->answered += own->answers && !stray;
	own->open = true;
	own->named = false;
	own->frames = 0;
	own->bytes = 0;
	own->message = m;
}

static void take_frame(struct frame *f)
{
	struct zmtp_side *own = &f->s->side[f->side];
	bool publishes = own->type == PUB || own->type == XPUB;
	bool more = f->flags & MORE;

	/* Before 3.1 a subscription is a message. */
	bool subscribes = (own->type == SUB || own->type == XSUB) && !own->open && !more && f->size && f->body.len;
	if (subscribes && f->body.data[0] <= 1) {
		take_subscribe(f, f->body.data[0] ? "SUBSCRIBE" : "CANCEL", tt_span_sub(f->body, 1, f->body.len));
		return;
	}
	if (!own->open)
		begin_message(f);
	if (publishes && more && !own->named && f->size <= TOPIC_MAX)
		set_topic(own->message, f->body);
	own->named = true;
	own->frames++;
	own->bytes += f->size;
	if (more)
		return;
	struct tt_message *m = own->message;
	own->open = false;
	own->message = NULL;
	if (!own->answers && own->bytes < 1ull << 62) {
		tt_message_attr_int(m, "messaging.message.body.size", (int64_t)own->bytes);
		tt_message_attr_int(m, "zmtp.frames", own->frames);
	}
	end(f, m);
}

/* --- frames ----------------------------------------------------------------------------------------------------------------- */

/* A frame's head; false if it is none. Short of bytes: the cursor says so. */
static bool read_head(struct tt_cursor *c, uint8_t *ret_flags, uint64_t *ret_size)
{
	*ret_flags = tt_cursor_u8(c);
	*ret_size = *ret_flags & LONG ? tt_cursor_be64(c) : tt_cursor_u8(c);
	return *ret_flags <= (LONG | COMMAND) && (*ret_flags & (MORE | COMMAND)) != (MORE | COMMAND) && *ret_size < FRAME_MAX;
}

/* How a message is to be understood depends on what both ends are. */
static bool must_wait(const struct tt_zmtp *s, enum tt_side side)
{
	return !s->side[!side].greeted || s->side[!side].type == UNKNOWN;
}

static enum tt_step zmtp_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct frame f = {.link = link, .s = tt_link_state(link), .in = in, .side = side, .start = in->c.pos};
	struct zmtp_side *own = &f.s->side[side];
	struct tt_cursor at = in->c;

	if (tt_cursor_left(&in->c) == 0)
		return TT_MORE;
	if (!own->greeted && (tt_link_from_start(link) || in->c.data[in->c.pos] == 0xff))
		return take_greeting(f.s, side, in);
	own->greeted = true; /* or that was missed */
	bool good = read_head(&at, &f.flags, &f.size);
	if (tt_cursor_short(&at))
		return TT_MORE;
	if (!good)
		return TT_LOST_SYNC;
	bool command = f.flags & COMMAND;
	size_t wanted = (size_t)TT_MIN(f.size, (uint64_t)(command ? COMMAND_MAX : TOPIC_MAX + 1));
	if (tt_cursor_left(&at) < wanted)
		return TT_MORE;
	f.body = tt_span_sub(tt_cursor_rest(&at), 0, wanted);
	f.end = at.pos + f.size;
	const struct tt_message *awaited;
	if (!command && own->type != UNKNOWN && must_wait(f.s, side) && tt_awaited(link, &awaited) != TT_NEVER)
		return TT_WAIT;
	if (command && !take_command(&f))
		return TT_LOST_SYNC;
	if (!command)
		take_frame(&f);

	in->c.pos = at.pos;
	tt_pass_unseen(link, side, in, f.size, TT_WISH_FROM);
	return TT_PARSED;
}

static void zmtp_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_zmtp *s = tt_link_state(link);

	s->side[side].open = false;
	s->side[side].message = NULL;
	s->side[side].greeted = true;
	s->holes = true;
	/* Which answer belongs to what the server asked is not known any more. */
	for (int i = 0; i < 2; i++)
		s->side[i].asked = s->side[i].answered =
			(TT_MAX(s->side[i].asked, s->side[i].answered) | 0xffff) + (i ? 0x20000 : 1);
}

/* Frames one behind the other, up to the end of what came at once, the last one a message's last. */
static ssize_t zmtp_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	uint8_t flags = MORE;

	while (tt_cursor_left(&c)) {
		uint64_t size;
		if (!read_head(&c, &flags, &size) || tt_cursor_short(&c) || !tt_cursor_skip(&c, (size_t)size))
			return -1;
	}
	return flags & MORE ? -1 : 0;
}

static enum tt_verdict zmtp_detect(const struct tt_first *first)
{
	bool any = false;

	if (first->datagram)
		return TT_NO;
	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		struct tt_span s = first->side[side];
		if (s.len && (!first->from_start[side] || !is_greeting(s)))
			return TT_NO;
		if (s.len && s.len < 12 && first->ended[side])
			return TT_NO;
		any |= s.len >= 16;
	}
	/* The greeting says nothing about who is who: without a hint from the connection the first end is the client. */
	return any ? TT_YES : TT_MAYBE;
}

static const struct tt_proto_doc doc = {
	.title = "ZMTP (ZeroMQ)",
	.specification = "[ZMTP 3.0](https://rfc.zeromq.org/spec/23/), [3.1](https://rfc.zeromq.org/spec/37/)",
	.recognised = "the greeting of either end: signature, version 3, a mechanism's name. Not in mid-connection",
	.operation = "the kind of socket that sends: `REQ`, `PUB`, `PUSH`, `DEALER`; `SUBSCRIBE`, `CANCEL`, `PING`, `HELLO` "
		     "(log-in), `ERROR`",
	.resource = "what is published: the first of several frames, if it is text; the prefix subscribed to",
	.status = "`OK`, `ERROR`",
	.limits = "Only what a REQ asks, or a DEALER of a REP, has an answer. CURVE and GSSAPI encrypt: only counted",
	.verified = "libzmq through pyzmq with sockets of each kind, NULL and PLAIN, against what the sockets sent",
};

const struct tt_proto tt_proto_zmtp = {
	.name = "zmtp",
	.doc = &doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.state_size = sizeof(struct tt_zmtp),
	.detect = zmtp_detect,
	.parse = zmtp_parse,
	.gap = zmtp_gap,
	.resync = zmtp_resync,
};
