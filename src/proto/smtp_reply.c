// SPDX-License-Identifier: Apache-2.0
/* SMTP's server: replies, what each answers, and what is known of the mail transaction from them. */
#include "base/digits.h"
#include "base/own.h"
#include "proto/smtp.h"
#include "proto/tls.h"

#define CODE_TEXT_FOLLOWS 354 /* RFC 5321, 4.2.2 */
#define CODE_CHALLENGE 334    /* RFC 4954, 4 */
#define CODE_READY 220
#define CODE_BYE 221
#define CODE_CLOSING 421
#define ERROR_ENOUGH 512u /* of a text in many lines */

static void forget_transaction(struct tt_smtp *s)
{
	s->known = true;
	s->accepted = 0;
	s->from.len = s->to.len = 0;
}

static void keep_address(struct tt_smtp_address *a, const struct tt_message *request)
{
	struct tt_span address = tt_message_get(request, TT_TEXT_RESOURCE);

	a->len = address.len <= TT_SMTP_ADDRESS_MAX ? (uint8_t)address.len : 0;
	if (a->len)
		memcpy(a->text, address.data, a->len);
}

static void set_result(struct tt_message *m, uint8_t answers, const struct tt_smtp_reply *reply)
{
	uint8_t digits[TT_DIGITS_MAX];

	tt_message_status_int(m, reply->code);
	if (reply->enhanced.len)
		tt_message_attr(m, "smtp.enhanced_status_code", reply->enhanced);
	if (reply->code < 400)
		return;
	tt_message_fail(m, tt_digits(reply->code, digits));
	/* A server may say again what it was told; that must not have been a secret. */
	if (answers != TT_SMTP_AUTH && answers != TT_SMTP_OTHER)
		tt_message_text(m, TT_TEXT_ERROR, reply->text);
}

/* Servers name the message they took: "queued as 4F1", "OK id=1tA". */
static void set_queue_id(struct tt_message *m, struct tt_span text)
{
	static const char *const before[] = {"queued as ", " id="};

	for (size_t i = 0; i < TT_ARRAY_LEN(before); i++) {
		size_t len = strlen(before[i]);
		const uint8_t *at = text.len ? memmem(text.data, text.len, before[i], len) : NULL;
		if (!at)
			continue;
		struct tt_span id = tt_span_sub(text, (size_t)(at - text.data) + len, 64);
		size_t end = 0;
		while (end < id.len && id.data[end] > ' ' && id.data[end] < 0x7f && id.data[end] != ')')
			end++;
		if (end)
			tt_message_attr(m, "smtp.queue_id", tt_span_sub(id, 0, end));
		return;
	}
}

static void describe_delivery(struct tt_message *m, const struct tt_smtp *s)
{
	/* Of several answers this may have been the first. */
	if (m && (!s->known || (!s->named && s->accepted > 1)))
		m->incomplete = true;
	if (!s->known)
		return;
	if (s->to.len)
		tt_message_text(m, TT_TEXT_RESOURCE, tt_span(s->to.text, s->to.len));
	if (s->from.len)
		tt_message_attr(m, "smtp.mail.from", tt_span(s->from.text, s->from.len));
	if (s->accepted)
		tt_message_attr_int(m, "smtp.rcpt.count", s->accepted);
}

/* What a reply that is over means for the transaction. `request` may be gone: then it is not known. */
static void follow_transaction(struct tt_smtp *s, const struct tt_message *request, uint16_t code)
{
	bool good = code < 300;

	switch (s->answers) {
	case TT_SMTP_LHLO:
	case TT_SMTP_EHLO:
	case TT_SMTP_HELO:
		s->lmtp = good ? s->answers == TT_SMTP_LHLO : s->lmtp;
		s->named |= good;
		forget_transaction(s);
		break;
	case TT_SMTP_MAIL:
		if (!good)
			break;
		forget_transaction(s);
		keep_address(&s->from, request);
		break;
	case TT_SMTP_RCPT:
		if (good && s->accepted++ == 0)
			keep_address(&s->to, request);
		break;
	case TT_SMTP_RSET:
	case TT_SMTP_TEXT:
	case TT_SMTP_BDAT_LAST:
		forget_transaction(s);
		break;
	default:
		break;
	}
}

/* --- which request a reply answers -------------------------------------------------------------------------------------------
 */

/* The server agreed to hear more: a text, a further step of an authentication. */
static void agree(struct tt_smtp *s, uint16_t code)
{
	if (s->hold != (code == CODE_TEXT_FOLLOWS ? TT_SMTP_HOLD_DATA : TT_SMTP_HOLD_AUTH))
		return;
	s->body = s->hold == TT_SMTP_HOLD_DATA;
	if (s->body && s->open)
		s->open->kind = TT_SMTP_TEXT;
	s->secret = s->hold == TT_SMTP_HOLD_AUTH;
	s->seen = s->body ? 2 : 0; /* as if a line had just ended */
	s->hold = TT_SMTP_HOLD_NOT;
	s->hold_lost = false;
}

static bool ends_text(const struct tt_smtp *s)
{
	return s->answers == TT_SMTP_BDAT_LAST || s->answers == TT_SMTP_TEXT;
}

/* What the server says of its own accord: that it takes nobody, or that it goes. */
static void begin_notice(struct tt_link *link, struct tt_smtp *s, struct tt_input *in, size_t start, const char *name)
{
	s->response = tt_server_request_begin(link, in, start);
	if (s->response)
		s->response->one_way = true;
	tt_message_text(s->response, TT_TEXT_OPERATION, tt_span_str(name));
}

static enum tt_step begin_answer(struct tt_link *link, struct tt_smtp *s, struct tt_input *in, size_t start, uint16_t code)
{
	const struct tt_message *request;
	enum tt_awaited awaited = tt_awaited(link, &request);

	if (awaited == TT_NOT_YET)
		return TT_WAIT;
	s->paired = awaited == TT_HAVE;
	s->answers = s->paired ? (uint8_t)request->kind : TT_SMTP_OTHER;
	uint8_t asks = code == CODE_TEXT_FOLLOWS ? TT_SMTP_DATA : code == CODE_CHALLENGE ? TT_SMTP_AUTH : TT_SMTP_OTHER;
	s->interim = asks != TT_SMTP_OTHER && (!s->paired || s->answers == asks);
	if (s->interim)
		return TT_PARSED;
	if (!s->paired && code == CODE_CLOSING) {
		begin_notice(link, s, in, start, "SHUTDOWN");
		return TT_PARSED;
	}
	/* Then it is another's answer. */
	if (code < 300 && (s->answers == TT_SMTP_DATA || (s->answers == TT_SMTP_QUIT && code != CODE_BYE)))
		return TT_LOST_SYNC;
	/* LMTP answers once for each recipient: RFC 2033, 4.2. */
	if (s->lmtp && ends_text(s)) {
		if (!s->known)
			return TT_LOST_SYNC;
		s->replies = s->accepted;
	}
	s->refused = 0;
	s->response = tt_response_begin(link, in, start);
	return TT_PARSED;
}

/* The first line of a reply. */
static enum tt_step begin_reply(struct tt_link *link, struct tt_smtp *s, struct tt_input *in, size_t start,
				const struct tt_smtp_reply *reply)
{
	if (s->replies)
		return TT_PARSED;
	if (!s->greeted) {
		s->greeted = true;
		s->answers = TT_SMTP_PLAIN;
		s->paired = true;
		s->lmtp = s->named = reply->text.len && memmem(reply->text.data, reply->text.len, "LMTP", 4);
		if (reply->code >= 400)
			begin_notice(link, s, in, start, "GREETING");
		return TT_PARSED;
	}
	return begin_answer(link, s, in, start, reply->code);
}

/* --- lines ------------------------------------------------------------------------------------------------------------------ */

static void take_first_line(struct tt_smtp *s, const struct tt_smtp_reply *reply)
{
	struct tt_message *m = s->response;

	/* Of several answers to one text the first that says no is the one that counts. */
	if (!m || !m->text[TT_TEXT_STATUS].set || (reply->code >= 400 && !s->refused))
		set_result(m, s->answers, reply);
	s->refused += reply->code >= 400;
}

static void take_further_line(struct tt_smtp *s, const struct tt_smtp_reply *reply)
{
	struct tt_message *m = s->response;

	if (s->refused > 1 || reply->code < 400 || !m || !m->text[TT_TEXT_ERROR].set || m->text[TT_TEXT_ERROR].len > ERROR_ENOUGH)
		return;
	tt_message_text_add(m, TT_TEXT_ERROR, TT_SPAN_LIT(" "));
	tt_message_text_add(m, TT_TEXT_ERROR, reply->text);
}

/* The server's word on what the client may say next. True: TLS follows. */
static bool release(struct tt_link *link, struct tt_smtp *s, uint16_t code)
{
	static const uint8_t asked_by[] = {[TT_SMTP_HOLD_DATA] = TT_SMTP_DATA,
					   [TT_SMTP_HOLD_AUTH] = TT_SMTP_AUTH,
					   [TT_SMTP_HOLD_STARTTLS] = TT_SMTP_STARTTLS};

	if (!s->hold)
		return false;
	if (!s->paired)
		s->hold_lost = true; /* it may have been meant */
	else if (s->answers != asked_by[s->hold])
		return false;
	bool secured = s->hold == TT_SMTP_HOLD_STARTTLS && code == CODE_READY;
	if (!s->paired)
		return secured;
	if (s->open)
		tt_smtp_end_open(link, s, s->open_end);
	s->hold = TT_SMTP_HOLD_NOT;
	s->hold_lost = false;
	return secured;
}

static enum tt_step end_reply(struct tt_link *link, struct tt_smtp *s, struct tt_input *in, uint16_t code)
{
	s->code = 0;
	if (s->interim) {
		s->interim = false;
		agree(s, code);
		return TT_PARSED;
	}
	if (s->replies > 1) {
		s->replies--;
		return TT_PARSED;
	}
	struct tt_message *m = s->response;
	if (ends_text(s)) {
		describe_delivery(m, s);
		if (s->replies && s->refused)
			tt_message_attr_int(m, "smtp.rcpt.refused", s->refused);
	}
	if (ends_text(s) || s->answers == TT_SMTP_DATA)
		s->replied |= s->body_lost || (m && m->peer == s->open);
	follow_transaction(s, m ? m->peer : NULL, code);
	s->replies = 0;
	s->response = NULL;
	bool secured = release(link, s, code);
	tt_message_end(link, m, in, in->c.pos);
	return secured ? tt_tls_takes_over(link) : TT_PARSED;
}

enum tt_step tt_smtp_parse_reply(struct tt_link *link, struct tt_smtp *s, struct tt_input *in)
{
	size_t start = in->c.pos;
	struct tt_smtp_reply reply;

	struct tt_span line = tt_cursor_line(&in->c);
	if (tt_cursor_short(&in->c))
		return tt_cursor_left(&in->c) > TT_SMTP_PLAIN_LINE_MAX ? TT_LOST_SYNC : TT_MORE;
	if (!tt_smtp_read_reply(line, &reply) || (s->code && s->code != reply.code)) {
		in->c.pos = start;
		return TT_LOST_SYNC;
	}
	bool first = s->code == 0;
	if (first) {
		enum tt_step step = begin_reply(link, s, in, start, &reply);
		if (step != TT_PARSED) {
			in->c.pos = start;
			return step;
		}
		s->code = reply.code;
	}
	if (!s->interim && first)
		take_first_line(s, &reply);
	else if (!s->interim)
		take_further_line(s, &reply);
	if (ends_text(s) && reply.code < 300)
		set_queue_id(s->response, reply.text);
	return reply.more ? TT_PARSED : end_reply(link, s, in, reply.code);
}
