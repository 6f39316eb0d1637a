// SPDX-License-Identifier: Apache-2.0
/*
 * TLS (RFC 8446, RFC 5246): the handshake as far as it is in the clear, as one exchange; what follows it is only counted.
 *
 * The request is the ClientHello (both of them where the server asks for another), the response everything the server says until
 * the handshake is through: up to its own Finished before TLS 1.3; from 1.3 on, where that cannot be told from what else is
 * encrypted, up to the client's first encrypted record. A client that refuses a TLS 1.3 server says so encrypted, too; but an
 * alert is shorter than any other message there can be, so that it was one is known, only not which.
 *
 * A library says more: whether the handshake is through on its side, or why it failed. Where it speaks, what the bytes say is
 * held until it has, or until a server of TLS 1.3 has gone on, which it does only if it has taken the client's last message.
 */
#include "proto/tls.h"

#include "base/buf.h"
#include "base/own.h"
#include "proto/detect.h"
#include "shared/record.h"

/* RFC 8446, 5.2 and 6: two bytes of alert, one of type, and the tag; Java adds 16 of padding. The messages that may come in its
 * place are of other lengths: EndOfEarlyData 21, an empty Certificate 25 or 41, a Finished at least 45. */
static const uint16_t alert_lengths[] = {19, 19 + 16, 11, 11 + 16};

struct tls_side {
	struct tt_buf hello; /* the body of the hello that is being read */
	uint32_t record_left;
	uint32_t body_left; /* of the handshake message */
	uint16_t record_len;
	uint8_t type; /* of the record; 0: between records */
	uint8_t head[TT_TLS_MESSAGE_HEAD];
	uint8_t head_len;
	uint8_t message;
	bool ciphered; /* its ChangeCipherSpec was read */
};

struct tls_state {
	struct tls_side side[2];
	struct tt_message *request;  /* open */
	struct tt_message *response; /* open */
	uint64_t server_end;	     /* stream offset past what was read of the server's records */
	uint64_t through_end;	     /* the same when the client's last message was read; of `through` */
	uint16_t version;	     /* chosen; 0 not yet */
	uint8_t session[32];	     /* what the client would resume */
	uint8_t session_len;
	bool answered; /* the response was begun */
	bool retry;    /* another ClientHello is to come */
	bool early_data;
	bool certificate; /* the server sent one */
	bool through;	  /* but for what a library says */
	bool refused;	  /* the client's last message was an alert; of `through` */
	bool over;
	uint8_t client_alert; /* read before the server's first record; told by client_alerted */
	bool client_alerted;
};

/* --- how it ends -------------------------------------------------------------------------------------------------------------
 */

static void succeed(struct tls_state *s)
{
	tt_message_text(s->response, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	tt_message_attr_bool(s->response, "tls.established", true);
}

/* The response ends where the server's records were read to, and with it what can be read of this connection. */
static enum tt_step end_response(struct tt_link *link, struct tls_state *s)
{
	const struct tt_input place = {.offset = s->through ? s->through_end : s->server_end};

	tt_message_end(link, s->response, &place, 0);
	s->response = NULL;
	s->over = true;
	return TT_DONE;
}

/* --- handshake messages ------------------------------------------------------------------------------------------------------
 */

static void take_client_hello(struct tls_state *s, const struct tt_tls_hello *h)
{
	s->session_len = (uint8_t)h->session.len;
	if (h->session.len)
		memcpy(s->session, h->session.data, h->session.len);
	s->early_data = h->early_data;
	tt_tls_describe_request(s->request, h);
}

static void take_server_hello(struct tls_state *s, const struct tt_tls_hello *h)
{
	s->retry = h->retry;
	if (h->retry) {
		s->early_data = false;
		return;
	}
	s->version = h->version;
	tt_tls_describe_response(s->response, h);
	if (h->version >= TT_TLS_1_3)
		tt_message_attr_bool(s->response, "tls.resumed", h->resumes);
	else if (!s->session_len || !tt_span_eq(h->session, tt_span(s->session, s->session_len)))
		s->session_len = 0;
}

/* RFC 8422, 5.4: a named curve. */
static void take_key_exchange(struct tls_state *s, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	uint8_t kind = tt_cursor_u8(&c);
	uint16_t group = tt_cursor_be16(&c);

	if (!tt_cursor_short(&c) && kind == 3 && tt_tls_group_name(group))
		tt_tls_set_number(s->response, "tls.curve", tt_tls_group_name(group), group);
}

static bool is_kept(uint8_t message)
{
	return message == TT_TLS_CLIENT_HELLO || message == TT_TLS_SERVER_HELLO || message == TT_TLS_SERVER_KEY_EXCHANGE;
}

static bool take_message(struct tt_link *link, struct tls_state *s, enum tt_side side)
{
	struct tls_side *d = &s->side[side];
	struct tt_span body = tt_buf_span(&d->hello);
	struct tt_tls_hello h;
	bool good = true;

	if (d->message == TT_TLS_CERTIFICATE && side == TT_RESPONSES)
		s->certificate = true;
	if (d->message == TT_TLS_SERVER_KEY_EXCHANGE && side == TT_RESPONSES)
		take_key_exchange(s, body);
	bool kept = !d->hello.failed;
	if (kept && d->message == (side == TT_REQUESTS ? TT_TLS_CLIENT_HELLO : TT_TLS_SERVER_HELLO)) {
		good = tt_tls_read_hello(d->message, body, &h);
		if (good && side == TT_REQUESTS)
			take_client_hello(s, &h);
		else if (good)
			take_server_hello(s, &h);
	}
	tt_keep_free(link, &d->hello);
	d->message = 0;
	d->head_len = 0;
	return good;
}

static void begin_message(struct tls_side *d)
{
	struct tt_cursor c = tt_cursor(tt_span(d->head, sizeof(d->head)));

	d->message = tt_cursor_u8(&c);
	d->body_left = tt_cursor_be24(&c);
	if (is_kept(d->message))
		d->hello = TT_BUF(TT_TLS_HELLO_MOST);
}

/* Messages run over the borders of records, and several stand in one. False: a hello that is none. */
static bool take_handshake(struct tt_link *link, struct tls_state *s, enum tt_side side, struct tt_span bytes)
{
	struct tls_side *d = &s->side[side];
	struct tt_cursor c = tt_cursor(bytes);

	while (tt_cursor_left(&c)) {
		if (d->head_len < sizeof(d->head)) {
			d->head[d->head_len++] = tt_cursor_u8(&c);
			if (d->head_len == sizeof(d->head))
				begin_message(d);
		} else {
			struct tt_span part = tt_cursor_take(&c, TT_MIN((size_t)d->body_left, tt_cursor_left(&c)));
			if (is_kept(d->message))
				tt_keep_add(link, &d->hello, part.data, TT_MIN(part.len, TT_TLS_HELLO_MOST - d->hello.len));
			d->body_left -= (uint32_t)part.len;
		}
		if (d->head_len == sizeof(d->head) && d->body_left == 0 && !take_message(link, s, side))
			return false;
	}
	return true;
}

/* --- records -----------------------------------------------------------------------------------------------------------------
 */

/* Encrypted: nothing of it can be read. */
static bool is_ciphered(const struct tls_side *d)
{
	return d->type == TT_TLS_APPLICATION_DATA || (d->ciphered && d->type != TT_TLS_CHANGE_CIPHER_SPEC);
}

/* An alert of a client in the clear, or one that can be nothing else. */
static enum tt_step client_fails(struct tt_link *link, struct tls_state *s, uint8_t alert)
{
	if (!s->response) {
		s->client_alert = alert;
		s->client_alerted = true;
		return TT_PARSED;
	}
	tt_tls_fail_with_alert(s->response, alert);
	return end_response(link, s);
}

static bool is_alert_length(uint16_t len)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(alert_lengths); i++) {
		if (alert_lengths[i] == len)
			return true;
	}
	return false;
}

/* What the bytes and a library together say; TT_PARSED: more is to come. */
static enum tt_step settle(struct tt_link *link, struct tls_state *s, const struct tt_handshake_told *told)
{
	bool failed = tt_tls_told_failed(told, !s->refused);
	bool done = told->done && !failed;

	if (failed)
		tt_tls_fail_as_told(s->response, told);
	else if (s->refused && told->over)
		tt_tls_fail(s->response, "encrypted_alert");
	else if (!s->refused && (told->hole || (done && (told->server || told->over))))
		succeed(s);
	else if (told->over && told->state == TT_HANDSHAKE_UNDERWAY)
		tt_tls_fail(s->response, TT_TLS_FAILED);
	else if (told->over)
		succeed(s);
	else
		return TT_PARSED;
	return end_response(link, s);
}

/* The client has said its last. */
static enum tt_step come_through(struct tt_link *link, struct tls_state *s, bool refused)
{
	const struct tt_input place = {.offset = s->server_end};
	const struct tt_handshake_told *told = tt_link_handshake(link);

	if (told->state == TT_HANDSHAKE_UNTOLD) {
		if (refused)
			tt_tls_fail(s->response, "encrypted_alert");
		else
			succeed(s);
		return end_response(link, s);
	}
	s->through = true;
	s->refused = refused;
	s->through_end = s->server_end;
	tt_message_note_end(link, s->response, &place, 0);
	return settle(link, s, told);
}

static enum tt_step client_ciphered(struct tt_link *link, struct tls_state *s)
{
	const struct tls_side *d = &s->side[TT_REQUESTS];

	if (s->through)
		return TT_PARSED;
	if (s->version == 0)
		return s->early_data ? TT_PARSED : TT_WAIT;
	bool tls13 = s->version >= TT_TLS_1_3;
	bool alert = tls13 ? is_alert_length(d->record_len) : d->type == TT_TLS_ALERT;
	if (alert && !s->early_data)
		return come_through(link, s, true);
	return tls13 ? come_through(link, s, false) : TT_PARSED;
}

static enum tt_step server_ciphered(struct tt_link *link, struct tls_state *s)
{
	const struct tls_side *d = &s->side[TT_RESPONSES];

	if (s->through && (s->refused || is_alert_length(d->record_len)))
		return TT_PARSED;
	if (s->through) {
		succeed(s);
		return end_response(link, s);
	}
	if (s->version >= TT_TLS_1_3 || s->version == 0)
		return TT_PARSED;
	if (d->type == TT_TLS_ALERT) {
		tt_tls_fail(s->response, "encrypted_alert");
	} else {
		tt_message_attr_bool(s->response, "tls.resumed", s->session_len && !s->certificate);
		succeed(s);
	}
	return end_response(link, s);
}

static enum tt_step take_alert(struct tt_link *link, struct tls_state *s, enum tt_side side, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	uint8_t level = tt_cursor_u8(&c);
	uint8_t alert = tt_cursor_u8(&c);

	/* A warning is no end, unless it says that it is. */
	if (tt_cursor_short(&c) || (level == 1 && alert != 0))
		return TT_PARSED;
	if (side == TT_REQUESTS)
		return client_fails(link, s, alert);
	tt_tls_fail_with_alert(s->response, alert);
	return end_response(link, s);
}

/* The part of the record's body that is there. A short body is looked at whole. */
static enum tt_step take_body(struct tt_link *link, struct tls_state *s, enum tt_side side, struct tt_input *in)
{
	struct tls_side *d = &s->side[side];
	size_t there = TT_MIN((size_t)d->record_left, tt_cursor_left(&in->c));

	if (d->type == TT_TLS_ALERT && !is_ciphered(d) && there < d->record_left)
		return TT_MORE;
	struct tt_span body = tt_cursor_take(&in->c, there);
	d->record_left -= (uint32_t)there;
	if (side == TT_RESPONSES)
		s->server_end = in->offset + in->c.pos;
	enum tt_step step = TT_PARSED;
	if (d->type == TT_TLS_HANDSHAKE && !is_ciphered(d) && !take_handshake(link, s, side, body)) {
		if (side == TT_REQUESTS)
			tt_message_drop(link, TT_TAKE_PTR(s->request));
		return TT_LOST_SYNC;
	}
	if (d->type == TT_TLS_ALERT && !is_ciphered(d))
		step = take_alert(link, s, side, body);
	return step;
}

/* A record was read to its end. */
static enum tt_step end_record(struct tt_link *link, struct tls_state *s, enum tt_side side, struct tt_input *in)
{
	struct tls_side *d = &s->side[side];
	bool hello = side == TT_REQUESTS && s->request && d->head_len == 0 && d->type == TT_TLS_HANDSHAKE;

	if (d->type == TT_TLS_CHANGE_CIPHER_SPEC && s->version && s->version < TT_TLS_1_3)
		d->ciphered = true;
	uint8_t type = d->type;
	d->type = 0;
	if (hello) {
		tt_message_end(link, s->request, in, in->c.pos);
		s->request = NULL;
	} else if (side == TT_REQUESTS && type == TT_TLS_HANDSHAKE && s->retry) {
		tt_request_extend(link, in, in->c.pos);
	}
	if (side == TT_RESPONSES && s->client_alerted) {
		tt_tls_fail_with_alert(s->response, s->client_alert);
		return end_response(link, s);
	}
	return TT_PARSED;
}

static void begin_request(struct tt_link *link, struct tls_state *s, const struct tt_input *in)
{
	s->request = tt_request_begin(link, in, in->c.pos);
	tt_message_text(s->request, TT_TEXT_OPERATION, TT_SPAN_LIT("handshake"));
}

/* What answers is no TLS: a server that speaks something else. Its first byte says so, and is all that counts, however much came
 * with it. */
static enum tt_step other_answer(struct tt_link *link, struct tls_state *s, struct tt_input *in)
{
	if (!s->answered)
		s->response = tt_response_begin(link, in, in->c.pos);
	tt_cursor_skip(&in->c, 1);
	s->server_end = in->offset + in->c.pos;
	tt_tls_fail(s->response, "not_tls");
	return end_response(link, s);
}

static enum tt_step begin_record(struct tt_link *link, struct tls_state *s, enum tt_side side, struct tt_input *in)
{
	struct tls_side *d = &s->side[side];
	struct tt_cursor head = in->c;
	const struct tt_message *asked;
	enum tt_awaited awaited = s->request || s->answered ? TT_HAVE : tt_awaited(link, &asked);

	if (awaited != TT_HAVE) {
		if (side == TT_RESPONSES)
			return awaited == TT_NOT_YET ? TT_WAIT : TT_DONE;
		enum tt_verdict v = tt_tls_begins_hello(side, tt_cursor_rest(&in->c));
		if (v != TT_YES)
			return v == TT_MAYBE ? TT_MORE : TT_LOST_SYNC;
	}
	if (!tt_tls_read_record(&head, &d->type, &d->record_len)) {
		d->type = 0;
		if (tt_cursor_left(&in->c) < TT_TLS_RECORD_HEAD && in->c.data[in->c.pos] >= TT_TLS_CHANGE_CIPHER_SPEC &&
		    in->c.data[in->c.pos] <= TT_TLS_APPLICATION_DATA)
			return TT_MORE;
		return side == TT_RESPONSES ? other_answer(link, s, in) : TT_LOST_SYNC;
	}
	if (side == TT_REQUESTS && awaited != TT_HAVE)
		begin_request(link, s, in);
	if (side == TT_RESPONSES && !s->answered) {
		s->response = tt_response_begin(link, in, in->c.pos);
		s->answered = true;
	}
	d->record_left = d->record_len;
	enum tt_step step = TT_PARSED;
	if (is_ciphered(d) && side == TT_REQUESTS)
		step = client_ciphered(link, s);
	else if (side == TT_REQUESTS && d->type == TT_TLS_CHANGE_CIPHER_SPEC && !s->version && !s->retry && !s->early_data)
		step = TT_WAIT; /* whether the next one is encrypted, the server's version says */
	if (step != TT_PARSED) {
		d->type = 0;
		return step;
	}
	in->c.pos = head.pos;
	return TT_PARSED;
}

static enum tt_step tls_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tls_state *s = tt_link_state(link);
	struct tls_side *d = &s->side[side];
	enum tt_step step = TT_PARSED;

	if (s->over)
		return TT_DONE;
	while (step == TT_PARSED && tt_cursor_left(&in->c)) {
		if (d->type == 0)
			step = begin_record(link, s, side, in);
		else
			step = take_body(link, s, side, in);
		if (step != TT_PARSED || d->type == 0 || d->record_left)
			continue;
		if (is_ciphered(d) && side == TT_RESPONSES)
			step = server_ciphered(link, s);
		if (step == TT_PARSED)
			step = end_record(link, s, side, in);
	}
	return step;
}

/* --- the protocol ------------------------------------------------------------------------------------------------------------
 */

/* What a handshake was is not to be had any more. */
static void tls_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tls_state *s = tt_link_state(link);

	if (s->through && side == TT_REQUESTS)
		return;
	if (s->response && side == TT_REQUESTS) /* where it ends, the client said */
		s->response->incomplete = true;
	if (side == TT_REQUESTS)
		s->request = NULL;
	else
		s->response = NULL;
	s->over = true;
}

/* In the middle of a connection there is nothing to be read but that it is TLS, unless it just switched to it. */
static ssize_t tls_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct tls_state *s = tt_link_state(link);

	if (s->through && !s->over)
		return -1; /* of what follows nothing is read */
	if (!s->over && tt_tls_begins_hello(side, bytes) == TT_YES)
		return 0;
	if (tt_tls_is_records(bytes) == TT_NO)
		return -1;
	s->over = true;
	return 0;
}

static void tls_handshake(struct tt_link *link, const struct tt_handshake_told *told)
{
	struct tls_state *s = tt_link_state(link);

	if (s->over || !s->response)
		return;
	if (s->through) {
		(void)settle(link, s, told);
	} else if (tt_tls_told_failed(told, false)) {
		tt_tls_fail_as_told(s->response, told);
		(void)end_response(link, s);
	}
}

static void tls_state_free(void *state)
{
	struct tls_state *s = state;

	tt_buf_free(&s->side[TT_REQUESTS].hello);
	tt_buf_free(&s->side[TT_RESPONSES].hello);
}

static enum tt_verdict judge_records(const struct tt_first *first, enum tt_side side)
{
	return tt_tls_is_records(first->side[side]);
}

static enum tt_verdict tls_detect(const struct tt_first *first)
{
	struct tt_span requests = first->side[TT_REQUESTS];
	struct tt_span responses = first->side[TT_RESPONSES];

	if (requests.len && (first->from_start[TT_REQUESTS] || tt_tls_begins_hello(TT_REQUESTS, requests) == TT_YES))
		return tt_tls_begins_hello(TT_REQUESTS, requests);
	if (first->from_start[TT_RESPONSES])
		return responses.len && tt_tls_begins_hello(TT_RESPONSES, responses) == TT_NO ? TT_NO : TT_MAYBE;
	return tt_detect_sides(first, judge_records);
}

static const struct tt_proto_doc tls_doc = {
	.title = "TLS",
	.specification = "RFC 8446 (TLS 1.3), RFC 5246 (TLS 1.2), https://www.rfc-editor.org/rfc/rfc8446",
	.recognised =
		"a ClientHello in a handshake record; in mid-connection two records in a row, or one that ends with the bytes. "
		"Also after the consent of a protocol that switches to it (PostgreSQL's SSLRequest, MySQL's SSL request)",
	.operation = "`handshake`: one a connection",
	.resource = "the server's name the client asks for (SNI)",
	.status = "`OK`; the alert's name (`handshake_failure`, `unknown_ca`), or what the library says that is observed "
		  "(`certificate_verify_failed`; `handshake_failed` where it does not say why); `encrypted_alert` where it is "
		  "known to be an alert, not which; `not_tls` where the server answers something else",
	.limits =
		"what is encrypted: in TLS 1.3 the certificates, the protocol chosen by ALPN, and alerts of a server behind its "
		"hello. A library that is observed (docs/tls.md) shows what is spoken inside. DTLS and QUIC are not read",
	.verified =
		"OpenSSL, nginx, curl, Go, Java and Python (TLS 1.0 to 1.3, resumption, retries, refusals by either end, client "
		"certificates); tshark's dissection of the same captures",
};

const struct tt_proto tt_proto_tls = {
	.name = "tls",
	.doc = &tls_doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.encrypts = true,
	.state_size = sizeof(struct tls_state),
	.state_free = tls_state_free,
	.detect = tls_detect,
	.parse = tls_parse,
	.gap = tls_gap,
	.resync = tls_resync,
	.handshake = tls_handshake,
};
