// SPDX-License-Identifier: Apache-2.0
/*
 * NATS, client protocol (https://docs.nats.io/reference/reference-protocols/nats-protocol), with headers and JetStream's
 * subjects.
 *
 * Publishing and delivering are one-way; but a message that names a subject for its answer and the message that comes back on
 * exactly that subject are one exchange, whoever began. In verbose mode the server answers each command of the client in order.
 */
#include "proto/nats.h"

#include "base/digits.h"
#include "base/json_scan.h"
#include "base/own.h"
#include "proto/pass.h"

#define HEADERS_MAX 4096u
#define PEEK 512u
#define INBOX_MAX 64

#define ID_CONNECT (1ull << 56)
#define ID_PING (2ull << 56)
#define ID_VERBOSE (3ull << 56)

/* tt_message.kind of a request: this, and how many holes there were before in what answers it. */
#define KIND_JETSTREAM 1u
#define KIND_HOLES_SHIFT 1

struct tt_nats {
	bool started;
	bool verbose;
	bool holes;	   /* something was missed: answers cannot be counted */
	bool greeted;	   /* the log-in was answered */
	uint16_t lost[2];  /* holes, by side */
	uint64_t asked;	   /* verbose: commands */
	uint64_t answered; /* and their answers */
	uint8_t inbox_len;
	struct tt_nats_pulls pulls;
	uint8_t inbox[INBOX_MAX]; /* where the client awaits answers: the latest such subscription, without its wildcard */
};

/* One line while it is read. */
struct line {
	struct tt_link *link;
	struct tt_nats *s;
	struct tt_input *in;
	enum tt_side side;
	struct tt_nats_line l;
	size_t start;
	uint64_t end;
	struct tt_span headers; /* as much of them and of the payload as is read */
	struct tt_span payload;
};

static void describe(struct tt_message *m, const char *operation)
{
	tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(operation));
	tt_message_attr(m, "messaging.system", TT_SPAN_LIT("nats"));
}

static void set_subject(struct tt_message *m, struct tt_span subject)
{
	tt_message_text(m, TT_TEXT_RESOURCE, subject);
	tt_message_attr_text(m, "messaging.destination.name", TT_TEXT_RESOURCE);
}

static void set_ok(struct tt_message *m)
{
	tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
}

static void set_error(struct tt_message *m, struct tt_span text)
{
	struct tt_span name = tt_nats_error(text);

	tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("-ERR"));
	tt_message_fail(m, name);
	tt_message_text(m, TT_TEXT_ERROR, text);
}

static void end(const struct line *k, struct tt_message *m)
{
	tt_message_end(k->link, m, k->in, k->end);
}

/* --- commands and their answers --------------------------------------------------------------------------------------------- */

/* A command of the client that is answered in verbose mode only. */
static void begin_command(struct line *k, const char *operation, bool subject)
{
	struct tt_message *m = tt_request_begin(k->link, k->in, k->start);

	describe(m, operation);
	if (subject)
		set_subject(m, k->l.subject);
	bool counted = k->s->verbose && !k->s->holes;
	if (m) {
		m->one_way = !counted;
		m->id = ID_VERBOSE | k->s->asked;
	}
	k->s->asked++;
	end(k, m);
}

/* A client that says nothing of it is answered. */
static bool asks_for_answers(struct tt_span connect)
{
	static const char *const paths[] = {"verbose"};
	struct tt_json_value v;

	tt_json_scan(connect, paths, 1, &v);
	return v.type != TT_JSON_BOOL || v.cut || v.text.data[0] != 'f';
}

static void take_connect(struct line *k)
{
	struct tt_message *m = tt_request_begin(k->link, k->in, k->start);

	k->s->verbose = asks_for_answers(k->l.text);
	describe(m, "CONNECT");
	if (m) {
		m->id = ID_CONNECT;
		m->maybe_silent = true;
		m->incomplete = k->s->greeted; /* or not, if that was missed: what answers it is not looked for */
	}
	end(k, m);
}

static void take_subscription(struct line *k)
{
	struct tt_span inbox = k->l.subject;

	if (tt_span_starts(inbox, TT_SPAN_LIT("_INBOX")) && inbox.len <= INBOX_MAX) {
		if (inbox.data[inbox.len - 1] == '*' || inbox.data[inbox.len - 1] == '>')
			inbox.len--;
		memcpy(k->s->inbox, inbox.data, inbox.len);
		k->s->inbox_len = (uint8_t)inbox.len;
	}
	begin_command(k, "SUB", true);
}

static void take_ping(struct line *k)
{
	struct tt_message *m = tt_begin(k->link, k->side, true, k->in, k->start);

	describe(m, "PING");
	if (m)
		m->id = ID_PING;
	end(k, m);
}

/* The first sign from the server answers the log-in; where it answers something else too, without bytes of its own. */
static bool greet(struct line *k, bool shared)
{
	if (k->s->greeted)
		return false;
	k->s->greeted = true;
	struct tt_message *m = tt_response_begin(k->link, k->in, k->start);
	if (m)
		m->id = ID_CONNECT;
	if (k->l.verb == TT_NATS_ERR && !shared)
		set_error(m, k->l.text);
	else
		set_ok(m);
	tt_message_end(k->link, m, k->in, shared ? k->start : k->end);
	return true;
}

static void take_pong(struct line *k)
{
	if (k->side == TT_RESPONSES)
		greet(k, true);
	struct tt_message *m = tt_begin(k->link, k->side, false, k->in, k->start);
	set_ok(m);
	if (m)
		m->id = ID_PING;
	end(k, m);
}

static void take_ok(struct line *k)
{
	if (greet(k, false))
		return;
	uint64_t number = k->s->answered++;
	if (k->s->holes)
		return;
	struct tt_message *m = tt_response_begin(k->link, k->in, k->start);
	set_ok(m);
	if (m)
		m->id = ID_VERBOSE | number;
	end(k, m);
}

/* What the server says of its own accord, or in verbose mode instead of +OK. */
static void take_error(struct line *k)
{
	/* What is said only to who is logged in answers something else. */
	enum tt_nats_error_of of = tt_nats_error_is_of(k->l.text);
	if (of != TT_NATS_OF_ANY && greet(k, of == TT_NATS_OF_LATER) && of == TT_NATS_OF_LOGIN)
		return;
	bool counted = k->s->verbose && !k->s->holes;
	struct tt_message *m =
		counted ? tt_response_begin(k->link, k->in, k->start) : tt_server_request_begin(k->link, k->in, k->start);
	if (m)
		m->id = ID_VERBOSE | k->s->answered;
	k->s->answered++;
	if (!counted) {
		describe(m, "-ERR");
		ptrdiff_t from = tt_span_find(k->l.text, '"');
		struct tt_span rest = from < 0 ? tt_span(NULL, 0) : tt_span_sub(k->l.text, (size_t)from + 1, k->l.text.len);
		ptrdiff_t to = tt_span_find(rest, '"');
		if (to > 0)
			set_subject(m, tt_span_sub(rest, 0, (size_t)to));
		if (m)
			m->one_way = true;
	}
	set_error(m, k->l.text);
	end(k, m);
}

/* --- messages --------------------------------------------------------------------------------------------------------------- */

/* A number in JSON behind `"error":{"code":`, as JetStream answers; 0 if there is none. */
static int64_t jetstream_error(struct tt_span payload)
{
	struct tt_span key = TT_SPAN_LIT("\"error\":{\"code\":");
	const uint8_t *at = payload.len ? memmem(payload.data, payload.len, key.data, key.len) : NULL;
	int64_t code = 0;

	for (size_t i = at ? (size_t)(at - payload.data) + key.len : payload.len; i < payload.len; i++) {
		if (payload.data[i] < '0' || payload.data[i] > '9' || code > 99999)
			break;
		code = code * 10 + (payload.data[i] - '0');
	}
	return code;
}

static void set_code(struct tt_message *m, int64_t code)
{
	static const struct {
		int64_t code;
		const char *name;
	} names[] = {
		{503, "no_responders"}, {404, "not_found"}, {408, "request_timeout"}, {409, "conflict"}, {400, "bad_request"}};

	tt_message_status_int(m, code);
	if (code < 400)
		return;
	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		if (names[i].code == code) {
			tt_message_fail(m, tt_span_str(names[i].name));
			return;
		}
	}
	uint8_t digits[TT_DIGITS_MAX];
	tt_message_fail(m, tt_digits((uint64_t)code, digits));
}

/* What a message that answers says of how it went. */
static void set_outcome(struct line *k, struct tt_message *m, const struct tt_message *request)
{
	unsigned status = tt_nats_headers_status(k->headers);
	int64_t error = request->kind & KIND_JETSTREAM || tt_span_starts(k->payload, TT_SPAN_LIT("{\"error\":{\"code\":"))
				? jetstream_error(k->payload)
				: 0;

	if (status >= 200)
		set_code(m, status);
	else if (error)
		set_code(m, error);
	else if (tt_span_starts(k->l.subject, TT_SPAN_LIT("$JS.ACK.")) && tt_span_starts(k->payload, TT_SPAN_LIT("-NAK"))) {
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("-NAK"));
		tt_message_fail(m, TT_SPAN_LIT("nak"));
	} else
		set_ok(m);
}

static uint32_t holes_until_now(const struct line *k, enum tt_side answering)
{
	return (uint32_t)k->s->lost[answering] << KIND_HOLES_SHIFT;
}

/* Of several answers to a request the first may have been missed since it was asked. */
static bool maybe_later(const struct line *k, const struct tt_message *request)
{
	return (request->kind & ~KIND_JETSTREAM) != holes_until_now(k, k->side);
}

static void describe_message(struct line *k, struct tt_message *m, const char *operation)
{
	describe(m, operation);
	tt_message_attr(m, "messaging.operation.name", tt_span_str(k->side == TT_REQUESTS ? "publish" : "deliver"));
	set_subject(m, k->l.subject);
	tt_message_attr_int(m, "messaging.message.body.size", k->l.size - k->l.headers);
	if (k->l.reply.len)
		tt_message_attr(m, "messaging.message.conversation_id", k->l.reply);
	struct tt_span traceparent = tt_nats_header(k->headers, TT_SPAN_LIT("traceparent"));
	if (traceparent.len)
		tt_message_attr(m, "traceparent", traceparent);
	unsigned status = tt_nats_headers_status(k->headers);
	if (status)
		tt_message_attr_int(m, "nats.status", status);
}

/* The client awaits answers there, so that none came means something. */
static bool is_awaited(const struct tt_nats *s, struct tt_span reply)
{
	return s->inbox_len && tt_span_starts(reply, tt_span(s->inbox, s->inbox_len));
}

static void take_publish(struct line *k)
{
	struct tt_message *request = tt_server_request_by_id(k->link, tt_nats_id(k->l.subject));
	struct tt_nats *s = k->s;
	bool ack = tt_span_starts(k->l.subject, TT_SPAN_LIT("$JS.ACK."));
	bool under_way = ack && tt_span_starts(k->payload, TT_SPAN_LIT("+WPI"));
	if (request && !request->peer && !under_way) {
		struct tt_message *m = tt_client_response_begin(k->link, k->in, k->start);
		if (m) {
			m->id = request->id;
			m->incomplete = maybe_later(k, request);
		}
		set_outcome(k, m, request);
		s->asked++;
		end(k, m);
		return;
	}
	struct tt_message *m = tt_request_begin(k->link, k->in, k->start);
	describe_message(k, m, "PUB");
	bool counted = s->verbose && !s->holes && !k->l.reply.len;
	if (m) {
		m->one_way = !k->l.reply.len && !counted;
		/* Messages that are pulled come as deliveries; only that there are none comes on the inbox. */
		bool pulls = tt_nats_is_pull(k->l.subject);
		m->maybe_silent = k->l.reply.len && (pulls || !is_awaited(s, k->l.reply));
		/* It may answer what was missed. Where nothing was, the delivery was reported already: it waited too long, or was
		 * acknowledged before. */
		m->incomplete = s->holes && (ack ? !under_way : tt_span_starts(k->l.subject, TT_SPAN_LIT("_INBOX")));
		m->id = k->l.reply.len ? tt_nats_id(k->l.reply) : ID_VERBOSE | s->asked;
		if (pulls && k->l.reply.len)
			m->id = tt_nats_pull_begin(k->link, &s->pulls, k->l.subject, k->l.reply, k->payload);
		m->kind = tt_span_starts(k->l.subject, TT_SPAN_LIT("$JS.API.")) ? KIND_JETSTREAM : 0;
		m->kind |= holes_until_now(k, TT_RESPONSES);
	}
	s->asked++;
	end(k, m);
}

/* The request that the message answers, or NULL. */
static struct tt_message *asked_for(struct line *k)
{
	struct tt_message *request = tt_message_by_id(k->link, TT_REQUESTS, tt_nats_id(k->l.subject));
	if (request)
		return request;
	uint64_t pull = tt_nats_pull_answered(k->link, &k->s->pulls, k->l.subject, k->headers);
	return pull ? tt_message_by_id(k->link, TT_REQUESTS, pull) : NULL;
}

static void take_delivery(struct line *k)
{
	struct tt_message *request = asked_for(k);

	tt_nats_pull_delivered(&k->s->pulls, k->l.reply);
	if (request && !request->peer) {
		struct tt_message *m = tt_response_begin(k->link, k->in, k->start);
		if (m) {
			m->id = request->id;
			m->incomplete = maybe_later(k, request);
		}
		set_outcome(k, m, request);
		end(k, m);
		return;
	}
	struct tt_message *m = tt_server_request_begin(k->link, k->in, k->start);
	describe_message(k, m, "MSG");
	if (m) {
		m->one_way = !k->l.reply.len;
		m->maybe_silent = true;
		m->id = k->l.reply.len ? tt_nats_id(k->l.reply) : 0;
		m->kind = holes_until_now(k, TT_REQUESTS);
		/* It may answer what was missed. */
		m->incomplete = k->s->holes && tt_span_starts(k->l.subject, TT_SPAN_LIT("_INBOX"));
	}
	end(k, m);
}

/* --- lines ------------------------------------------------------------------------------------------------------------------ */

static void take(struct line *k)
{
	switch (k->l.verb) {
	case TT_NATS_CONNECT:
		take_connect(k);
		break;
	case TT_NATS_PUB:
	case TT_NATS_HPUB:
		take_publish(k);
		break;
	case TT_NATS_SUB:
		take_subscription(k);
		break;
	case TT_NATS_UNSUB:
		begin_command(k, "UNSUB", false);
		break;
	case TT_NATS_MSG:
	case TT_NATS_HMSG:
		take_delivery(k);
		break;
	case TT_NATS_PING:
		take_ping(k);
		break;
	case TT_NATS_PONG:
		take_pong(k);
		break;
	case TT_NATS_OK:
		take_ok(k);
		break;
	case TT_NATS_ERR:
		take_error(k);
		break;
	default: /* INFO is a greeting */
		break;
	}
}

static enum tt_step nats_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct line k = {.link = link, .s = tt_link_state(link), .in = in, .side = side, .start = in->c.pos};
	struct tt_cursor at = in->c;

	if (!k.s->started) {
		k.s->started = true;
		k.s->holes = k.s->greeted = !tt_link_from_start(link);
	}
	if (tt_cursor_left(&at) == 0)
		return TT_MORE;
	enum tt_nats_read read = tt_nats_line_read(&at, side, &k.l);
	if (read != TT_NATS_READ)
		return read == TT_NATS_MORE ? TT_MORE : TT_LOST_SYNC;

	uint64_t left = tt_cursor_left(&at), rest = k.l.payload ? (uint64_t)k.l.size + 2 : 0;
	uint32_t headers = TT_MIN(k.l.headers, HEADERS_MAX);
	uint32_t payload = k.l.headers > headers ? 0 : TT_MIN(k.l.size - k.l.headers, PEEK);
	if (left < (uint64_t)headers + payload)
		return TT_MORE;
	k.headers = tt_span_sub(tt_cursor_rest(&at), 0, headers);
	k.payload = tt_span_sub(tt_cursor_rest(&at), headers, payload);
	k.end = at.pos + rest;
	if (rest && left >= rest && !tt_span_eq(tt_span_sub(tt_cursor_rest(&at), rest - 2, 2), TT_SPAN_LIT("\r\n")))
		return TT_LOST_SYNC;
	take(&k);

	in->c.pos = at.pos;
	tt_pass_unseen(link, side, in, rest, TT_WISH_FROM);
	return TT_PARSED;
}

static void nats_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_nats *s = tt_link_state(link);
	struct tt_message *login = s->greeted ? NULL : tt_message_by_id(link, TT_REQUESTS, ID_CONNECT);

	if (login)
		login->incomplete = true;
	s->holes = true;
	s->greeted = true;
	s->lost[side]++;
	if (side == TT_RESPONSES)
		tt_nats_pull_gap(link, &s->pulls);
}

static const struct tt_proto_doc doc = {
	.title = "NATS",
	.specification = "[client protocol](https://docs.nats.io/reference/reference-protocols/nats-protocol)",
	.recognised = "lines whose verb, words and sizes are right, with payloads that end where they must; `PING`, `PONG`, "
		      "`+OK` alone do not do. "
		      "The same in mid-connection",
	.operation = "`PUB`, `MSG` (with headers too), `SUB`, `UNSUB`, `CONNECT`, `PING`, `-ERR`",
	.resource = "the subject",
	.status = "`OK`, `-ERR`, a status from the headers (`503`) or JetStream's error code (`404`); `error_type` is its name",
	.limits = "Several answers to one request: the first is the response, the others are deliveries. Of "
		  "requests for messages 8 are followed, older ones are incomplete. Routes, gateways and leaf nodes are not read",
	.verified = "nats-server with nats-py (JetStream, headers, request and reply, verbose mode) and hand-written bytes, "
		    "against what the clients counted",
};

const struct tt_proto tt_proto_nats = {
	.name = "nats",
	.doc = &doc,
	.pairing = TT_PAIR_BY_ID,
	.ids = TT_IDS_IN_TURN,
	.stream = true,
	.state_size = sizeof(struct tt_nats),
	.detect = tt_nats_detect,
	.parse = nats_parse,
	.gap = nats_gap,
	.resync = tt_nats_resync,
};
