// SPDX-License-Identifier: Apache-2.0
/*
 * SIP over UDP and TCP (RFC 3261). A request and its final response are an exchange; provisional responses belong to it. Either
 * end asks. What comes again (retransmissions over UDP) is no new exchange.
 */
#include "proto/sip.h"

#include <string.h>

#include "base/own.h"
#include "proto/pass.h"

/* --- exchanges ---------------------------------------------------------------------------------------------------------------
 */

static void attribute(struct tt_message *m, const char *key, struct tt_span value)
{
	if (value.len)
		tt_message_attr(m, key, value);
}

static void describe_request(struct tt_message *m, const struct sip_head *h, bool datagram)
{
	tt_message_text(m, TT_TEXT_OPERATION, h->start.method);
	tt_message_text(m, TT_TEXT_RESOURCE, h->start.uri);
	tt_message_attr(m, "rpc.system.name", TT_SPAN_LIT("sip"));
	tt_message_attr(m, "rpc.method", h->start.method);
	tt_message_attr(m, "sip.call_id", h->call_id);
	tt_message_attr_int(m, "sip.cseq", h->cseq);
	attribute(m, "sip.from", h->from);
	attribute(m, "sip.to", h->to);
	attribute(m, "sip.event", h->event);
	attribute(m, "user_agent.original", h->user_agent);
	tt_message_attr(m, "network.transport", datagram ? TT_SPAN_LIT("udp") : TT_SPAN_LIT("tcp"));
}

static void take_request(struct tt_link *link, struct sip_state *st, enum tt_side side, const struct tt_input *in, size_t at,
			 const struct sip_head *h, uint64_t end)
{
	uint64_t id = sip_id(h);
	struct sip_transaction *x = sip_transaction(link, &st->transactions, id, side);

	if (x && x->asked) {
		x->retransmissions++;
		return;
	}
	if (x)
		x->asked = true;
	struct tt_message *m = tt_begin(link, side, true, in, at);
	if (m) {
		m->id = id;
		m->one_way = tt_span_eq(h->start.method, TT_SPAN_LIT("ACK"));
		m->incomplete = in->truncated;
	}
	describe_request(m, h, in->datagram);
	tt_message_end(link, m, in, end);
}

/* The answer of the transaction, opened with the first response that is not just 100: that one only says that it was received. */
static struct tt_message *open_response(struct tt_link *link, enum tt_side side, const struct tt_input *in, size_t at,
					uint64_t id)
{
	struct tt_message *m = tt_begin(link, side, false, in, at);

	tt_message_identify(link, m, id);
	return m;
}

/* 4xx and 6xx are the asker's matter (RFC 3261 section 21), as 4xx is in HTTP. */
static void describe_outcome(struct tt_message *m, const struct sip_head *h, const struct sip_transaction *x)
{
	const struct sip_start *s = &h->start;

	tt_message_text(m, TT_TEXT_STATUS, s->digits);
	tt_message_attr_int(m, "rpc.response.status_code", s->status);
	if (s->status >= 400)
		(s->status / 100 == 5 ? tt_message_fail : tt_message_refuse)(m, s->digits);
	if (s->status >= 400 && s->reason.len)
		tt_message_text(m, TT_TEXT_ERROR, s->reason);
	if (x && x->provisional) {
		tt_message_attr_int(m, "sip.provisional_responses", x->provisional);
		tt_message_attr_int(m, "sip.provisional_status", x->provisional_status);
	}
	if (x && x->retransmissions)
		tt_message_attr_int(m, "sip.retransmissions", x->retransmissions);
}

static void take_response(struct tt_link *link, struct sip_state *st, enum tt_side side, const struct tt_input *in, size_t at,
			  const struct sip_head *h, uint64_t end)
{
	uint64_t id = sip_id(h);
	bool final = h->start.status >= 200;
	struct sip_transaction *x =
		sip_transaction(link, &st->transactions, id, side == TT_REQUESTS ? TT_RESPONSES : TT_REQUESTS);

	if (!x || x->done)
		return;
	x->done = final;
	x->bytes += end - at;
	x->provisional += !final;
	x->provisional_status = final ? x->provisional_status : h->start.status;
	if (!x->response && h->start.status != 100)
		x->response = open_response(link, side, in, at, id);
	struct tt_message *m = x->response;
	if (!m || !final)
		return;
	x->response = NULL;
	m->id = id;
	m->own_bytes = x->bytes;
	m->incomplete |= x->doubtful || in->truncated;
	describe_outcome(m, h, x);
	tt_message_end(link, m, in, end);
}

static void take(struct tt_link *link, enum tt_side side, const struct tt_input *in, size_t at, const struct sip_head *h,
		 uint64_t end)
{
	struct sip_state *st = tt_link_state(link);

	if (h->start.method.data)
		take_request(link, st, side, in, at, h, end);
	else
		take_response(link, st, side, in, at, h, end);
}

/* --- framing -----------------------------------------------------------------------------------------------------------------
 */

/* Bytes up to and with the empty line; 0: it is not there. The first `from` bytes were searched before. */
static size_t head_length(struct tt_span bytes, size_t from)
{
	static const char end[] = "\r\n\r\n";
	size_t back = TT_MIN(from, sizeof(end) - 2);
	struct tt_span rest = tt_span_sub(bytes, from - back, bytes.len);
	const uint8_t *at = rest.len ? memmem(rest.data, rest.len, end, sizeof(end) - 1) : NULL;

	return at ? (size_t)(at - bytes.data) + sizeof(end) - 1 : 0;
}

/* The lines of a head that were captured whole. */
static struct tt_span whole_lines(struct tt_span bytes)
{
	const uint8_t *end = bytes.len ? memrchr(bytes.data, '\n', bytes.len) : NULL;

	return tt_span_sub(bytes, 0, end ? (size_t)(end - bytes.data) + 1 : 0);
}

/* Keep-alives stand between messages (RFC 5626). */
static void pass_keep_alives(struct tt_cursor *c)
{
	while (tt_cursor_left(c) && (c->data[c->pos] == '\r' || c->data[c->pos] == '\n'))
		tt_cursor_skip(c, 1);
}

static enum tt_step parse_stream(struct tt_link *link, struct sip_state *st, enum tt_side side, struct tt_input *in)
{
	size_t *scanned = &st->scanned[side];

	pass_keep_alives(&in->c);
	struct tt_span rest = tt_cursor_rest(&in->c);
	size_t len = head_length(rest, TT_MIN(*scanned, rest.len));
	*scanned = len ? 0 : rest.len;
	if (!len)
		return rest.len > SIP_HEAD_MOST ? TT_LOST_SYNC : TT_MORE;

	struct sip_head h;
	if (len > SIP_HEAD_MOST || !sip_read_head(tt_span_sub(rest, 0, len), &h))
		return TT_LOST_SYNC;
	size_t at = in->c.pos;
	take(link, side, in, at, &h, (uint64_t)at + len + h.body);
	tt_cursor_skip(&in->c, len);
	tt_pass(link, side, in, h.body);
	return TT_PARSED;
}

/* Keep-alives in datagrams: empty lines, zeros, and STUN (RFC 5389), whose first two bits are 0. */
static bool is_keep_alive(struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);

	pass_keep_alives(&c);
	return !tt_cursor_left(&c) || c.data[c.pos] < 0x20;
}

static enum tt_step parse_datagram(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tt_span bytes = tt_cursor_rest(&in->c);
	bool nothing = is_keep_alive(bytes);

	pass_keep_alives(&in->c);
	size_t at = in->c.pos;
	struct tt_span rest = tt_cursor_rest(&in->c);
	size_t len = head_length(rest, 0);
	struct tt_span lines = len ? tt_span_sub(rest, 0, len) : in->truncated ? whole_lines(rest) : tt_span(NULL, 0);
	struct sip_head h;
	bool known = !nothing && lines.len && sip_read_head(lines, &h);
	if (known) {
		/* A head that was captured whole says all there is to say. One without its whole body is not to be trusted. */
		uint64_t end = (uint64_t)at + lines.len + h.body;
		in->truncated = (in->truncated && !len) || (!in->truncated && end > in->c.len);
		take(link, side, in, at, &h, TT_MAX(end, (uint64_t)in->c.len));
	}
	in->c.pos = in->c.len;
	return known || nothing ? TT_PARSED : TT_LOST_SYNC;
}

static enum tt_step sip_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	return in->datagram ? parse_datagram(link, side, in) : parse_stream(link, tt_link_state(link), side, in);
}

static void sip_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct sip_state *st = tt_link_state(link);

	st->scanned[side] = 0;
	sip_table_gap(&st->transactions, side);
}

/* A body may hold the beginning of a message (message/sipfrag): only a whole head is trusted. */
static ssize_t sip_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct sip_head h;

	pass_keep_alives(&c);
	size_t len = head_length(tt_cursor_rest(&c), 0);
	return len && sip_read_head(tt_span_sub(tt_cursor_rest(&c), 0, len), &h) ? (ssize_t)c.pos : -1;
}

static void sip_state_free(void *state)
{
	struct sip_state *st = state;

	sip_table_free(&st->transactions);
}

/* --- detection ---------------------------------------------------------------------------------------------------------------
 */

/* A start line alone stands in the bodies of others: a field must follow it. */
static bool field_follows(struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);

	tt_cursor_line(&c);
	struct tt_span rest = tt_cursor_rest(&c);
	for (size_t i = 0; i < rest.len; i++) {
		uint8_t letter = tt_ascii_lower(rest.data[i]);
		if (rest.data[i] == ':')
			return i > 0;
		if ((letter < 'a' || letter > 'z') && letter != '-' && letter != ' ' && letter != '\t')
			return false;
	}
	return false;
}

static enum tt_verdict sip_detect(const struct tt_first *first)
{
	bool known = false, forward = false;

	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		struct tt_cursor c = tt_cursor(first->side[side]);
		struct sip_start start;
		pass_keep_alives(&c);
		enum tt_verdict v = tt_cursor_left(&c) ? sip_read_start(tt_cursor_rest(&c), &start) : TT_MAYBE;
		if (v == TT_NO)
			return TT_NO;
		if (v == TT_MAYBE || !field_follows(tt_cursor_rest(&c)))
			continue;
		known = true;
		forward |= (start.method.data != NULL) == (side == TT_REQUESTS);
	}
	/* Either end may ask: where the roles are known, so be it. Else the one that asks first is the client. */
	if (known)
		return forward || first->role_known ? TT_YES : TT_NO;
	return TT_MAYBE;
}

static const struct tt_proto_doc sip_doc = {
	.title = "SIP",
	.specification = "RFC 3261, SIP: Session Initiation Protocol: https://www.rfc-editor.org/rfc/rfc3261",
	.recognised = "a request or status line of `SIP/2.0` with a header field behind it; after a hole only a whole head with "
		      "Via, CSeq "
		      "and Call-ID",
	.operation = "method, `INVITE`",
	.resource = "Request-URI as sent; outputs hide its user part and parameters: `sip:REDACTED@example.com`",
	.status = "final status code, `200`; 4xx and 6xx fail where the asker is observed, 5xx everywhere",
	.limits = "a response sent to another port than the request came from (no `rport`) is not seen as its answer; dialogs "
		  "and media "
		  "are not followed; how many transactions are remembered for what is sent again is bounded by the limit row "
		  "`sip_transactions`",
	.verified = "sipp as caller and callee over UDP and TCP, baresip phones with kamailio as registrar and proxy; the "
		    "callers' counts, and tshark's dissection of the same captures",
};

const struct tt_proto tt_proto_sip = {
	.name = "sip",
	.doc = &sip_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.datagram = true,
	.state_size = sizeof(struct sip_state),
	.state_free = sip_state_free,
	.detect = sip_detect,
	.parse = sip_parse,
	.gap = sip_gap,
	.resync = sip_resync,
};
