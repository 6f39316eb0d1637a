// SPDX-License-Identifier: Apache-2.0
/*
 * SMTP (RFC 5321) and LMTP (RFC 2033), with pipelining (RFC 2920), chunks (RFC 3030), authentication (RFC 4954) and STARTTLS
 * (RFC 3207). This is the client's side; smtp_reply.c is the server's.
 *
 * After DATA, AUTH and STARTTLS what the client says next depends on the server's answer: the client's side waits for it. What
 * is said within an authentication is counted and never looked at.
 */
#include "proto/smtp.h"

#include "base/own.h"
#include "shared/limits.h"

#define BODY_PIECE (1ull << 62)

static const uint8_t body_end[5] = "\r\n.\r\n";

void tt_smtp_end_open(struct tt_link *link, struct tt_smtp *s, uint64_t offset)
{
	const struct tt_input place = {.offset = offset};

	tt_message_end(link, s->open, &place, 0);
	s->open = NULL;
	s->body = s->holed = false;
}

/* How many of the bytes belong to the text; *ret_ended: its end is among them. */
static size_t find_body_end(struct tt_smtp *s, struct tt_span bytes, bool *ret_ended)
{
	size_t i = 0;

	*ret_ended = false;
	while (i < bytes.len) {
		if (s->seen == 0) {
			ptrdiff_t at = tt_span_find(tt_span_sub(bytes, i, bytes.len), '\r');
			if (at < 0)
				return bytes.len;
			i += (size_t)at;
		}
		uint8_t c = bytes.data[i++];
		s->seen = c == body_end[s->seen] ? (uint8_t)(s->seen + 1) : c == '\r' ? 1 : 0;
		if (s->seen == sizeof(body_end)) {
			*ret_ended = true;
			return i;
		}
	}
	return i;
}

static enum tt_step read_body(struct tt_link *link, struct tt_smtp *s, struct tt_input *in)
{
	bool ended;

	/* Answered, and no end was seen: it was in the hole, and what else was nobody knows. */
	if (s->holed && s->replied)
		return TT_LOST_SYNC;
	tt_cursor_skip(&in->c, find_body_end(s, tt_cursor_rest(&in->c), &ended));
	if (!ended) {
		tt_optional(link, TT_REQUESTS, BODY_PIECE);
		return TT_MORE;
	}
	tt_message_attr_int(s->open, "smtp.message.size", (int64_t)(in->offset + in->c.pos - s->open_end - 3));
	tt_smtp_end_open(link, s, in->offset + in->c.pos);
	return TT_PARSED;
}

static void smtp_unseen(struct tt_link *link, enum tt_side side, const struct tt_input *in)
{
	struct tt_smtp *s = tt_link_state(link);

	s->holed = true;
	s->seen = 0;
	tt_skip(link, side, in->missing);
}

static void describe(struct tt_message *m, const struct tt_smtp_command *command)
{
	if (command->name)
		tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(command->name));
	if (command->subject.data)
		tt_message_text(m, TT_TEXT_RESOURCE, command->subject);
	if (m)
		m->kind = command->verb;
	if (command->verb == TT_SMTP_MAIL && command->size)
		tt_message_attr_int(m, "smtp.mail.size", (int64_t)command->size);
	if (command->verb == TT_SMTP_BDAT || command->verb == TT_SMTP_BDAT_LAST)
		tt_message_attr_int(m, "smtp.message.size", (int64_t)command->size);
}

static enum tt_step take_command(struct tt_link *link, struct tt_smtp *s, struct tt_input *in, size_t start,
				 const struct tt_smtp_command *command)
{
	struct tt_message *m = tt_request_begin(link, in, start);
	uint64_t end = in->c.pos;

	describe(m, command);
	if (command->verb == TT_SMTP_DATA || command->verb == TT_SMTP_AUTH) {
		s->hold = command->verb == TT_SMTP_DATA ? TT_SMTP_HOLD_DATA : TT_SMTP_HOLD_AUTH;
		s->open = m;
		s->replied = false;
		s->open_end = in->offset + end;
		return TT_PARSED;
	}
	if (command->verb == TT_SMTP_STARTTLS)
		s->hold = TT_SMTP_HOLD_STARTTLS;
	if (command->verb == TT_SMTP_BDAT || command->verb == TT_SMTP_BDAT_LAST) {
		uint64_t left = tt_cursor_left(&in->c), take = TT_MIN(left, command->size);
		end += command->size;
		tt_cursor_skip(&in->c, (size_t)take);
		if (command->size > take) {
			tt_wish(link, TT_REQUESTS, in, end, (uint32_t)tt_link_limit(link, TT_LIMIT_CAPTURE_BYTES));
			tt_skip(link, TT_REQUESTS, command->size - take);
		}
	}
	tt_message_end(link, m, in, end);
	return TT_PARSED;
}

static enum tt_step read_line(struct tt_link *link, struct tt_smtp *s, struct tt_input *in)
{
	size_t start = in->c.pos;
	struct tt_smtp_command command;

	struct tt_span line = tt_cursor_line(&in->c);
	if (tt_cursor_short(&in->c))
		return tt_cursor_left(&in->c) > TT_SMTP_LINE_MAX ? TT_LOST_SYNC : TT_MORE;
	if (s->secret) {
		s->secret = false;
		s->hold = TT_SMTP_HOLD_AUTH;
		s->open_end = in->offset + in->c.pos;
		return TT_PARSED;
	}
	if (!tt_smtp_read_command(line, &command)) {
		in->c.pos = start;
		return TT_LOST_SYNC;
	}
	return take_command(link, s, in, start, &command);
}

static enum tt_step parse_requests(struct tt_link *link, struct tt_smtp *s, struct tt_input *in)
{
	if (s->body)
		return read_body(link, s, in);
	if (s->hold && !s->hold_lost)
		return TT_WAIT;
	if (s->hold) {
		/* It was refused if commands follow. A text or a secret may look like some. */
		if (!tt_smtp_resumes(TT_REQUESTS, tt_cursor_rest(&in->c), true))
			return TT_LOST_SYNC;
		if (s->open)
			tt_smtp_end_open(link, s, s->open_end);
		s->hold = TT_SMTP_HOLD_NOT;
		s->hold_lost = false;
	}
	return read_line(link, s, in);
}

/* --- both --------------------------------------------------------------------------------------------------------------------
 */

static enum tt_step smtp_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tt_smtp *s = tt_link_state(link);

	if (!s->started) {
		s->started = true;
		s->known = tt_link_from_start(link);
		s->greeted = !s->known;
	}
	return side == TT_REQUESTS ? parse_requests(link, s, in) : tt_smtp_parse_reply(link, s, in);
}

static void smtp_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_smtp *s = tt_link_state(link);

	s->known = false;
	if (side == TT_RESPONSES) {
		s->greeted = true;
		s->code = 0;
		s->interim = false;
		s->replies = 0;
		s->response = NULL;
		s->hold_lost = s->hold != TT_SMTP_HOLD_NOT;
		return;
	}
	s->body_lost |= s->body || s->hold == TT_SMTP_HOLD_DATA;
	s->body = s->holed = s->secret = s->hold_lost = false;
	s->hold = TT_SMTP_HOLD_NOT;
	s->open = NULL;
}

/* Within a text only its end can be trusted: lines of it may look like commands. */
static ssize_t smtp_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct tt_smtp *s = tt_link_state(link);

	if (side == TT_REQUESTS && s->body_lost && !s->replied) {
		const uint8_t *end = bytes.len ? memmem(bytes.data, bytes.len, body_end, sizeof(body_end)) : NULL;
		s->body_lost = !end;
		return end ? end - bytes.data + (ssize_t)sizeof(body_end) : -1;
	}
	if (!tt_smtp_resumes(side, bytes, false))
		return -1;
	s->body_lost &= side != TT_REQUESTS;
	return 0;
}

static const struct tt_proto_doc doc = {
	.title = "SMTP, LMTP",
	.specification =
		"[RFC 5321](https://www.rfc-editor.org/rfc/rfc5321), [RFC 2033](https://www.rfc-editor.org/rfc/rfc2033), "
		"[RFC 2920](https://www.rfc-editor.org/rfc/rfc2920), [RFC 3030](https://www.rfc-editor.org/rfc/rfc3030), "
		"[RFC 3207](https://www.rfc-editor.org/rfc/rfc3207), [RFC 4954](https://www.rfc-editor.org/rfc/rfc4954)",
	.recognised =
		"a greeting that names SMTP or LMTP, `EHLO`, `HELO`, `LHLO`, `MAIL FROM:<`, `RCPT TO:<` as whole lines, replies "
		"with enhanced status codes; beside them nothing but commands and replies. The same in mid-connection",
	.operation = "the command, `MAIL`; `GREETING` and `SHUTDOWN` where the server refuses unasked",
	.resource =
		"the address of `MAIL` and `RCPT`, the first recipient of `DATA` and the last `BDAT`, the host of `EHLO`, the "
		"mechanism of `AUTH`",
	.status = "the reply's code, `250`; from 400 on a failure with the code as `error_type`",
	.limits = "What is said within `AUTH` and commands that are not known are counted, never shown. A message whose end was "
		  "not "
		  "captured is not complete. After `STARTTLS` only the handshake is read",
	.verified = "Postfix (server, smtp and lmtp clients, smtp-sink), Exim, aiosmtpd, smtplib, swaks and curl, against "
		    "Postfix's queue "
		    "ids and tshark's commands and codes",
};

const struct tt_proto tt_proto_smtp = {
	.name = "smtp",
	.doc = &doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.state_size = sizeof(struct tt_smtp),
	.detect = tt_smtp_detect,
	.parse = smtp_parse,
	.gap = smtp_gap,
	.unseen = smtp_unseen,
	.resync = smtp_resync,
};
