// SPDX-License-Identifier: Apache-2.0
/*
 * DNS over UDP and TCP (RFC 1035, RFC 7766). A response answers the query with its id and its questions on the same flow.
 *
 * A query that is sent again while its answer is awaited is the same lookup: what the asker sees is one question that took until
 * its first answer. The repetitions are counted in an attribute; an answer to one of them that comes later is nobody's. A zone
 * transfer's answer goes on until its last SOA, over all its messages.
 */
#include "proto/dns_message.h"
#include "proto/proto.h"

#include "base/own.h"

/* A larger message on TCP that is no transfer's is judged by its beginning. */
#define READ_BYTES_MAX 16384u

#define RECENT 8

/* What a response without questions (FORMERR) can be found by. */
struct recent {
	bool set;
	uint16_t id;
	uint64_t pairing_id;
};

struct tt_dns {
	struct recent recent[RECENT];
	uint8_t next_recent;
	bool transferring;
	uint16_t transfer_id;
	uint64_t transfer_answers;
	struct tt_dns_transfer transfer;
	struct tt_message *transfer_message; /* NULL where the limit of messages is reached */
};

/* --- what a message says ------------------------------------------------------------------------------------------------------
 */

static bool is_transfer(const struct tt_dns_message *m)
{
	return m->extent >= TT_DNS_ASKED && m->count[TT_DNS_QUESTION] && (m->type == TT_DNS_AXFR || m->type == TT_DNS_IXFR);
}

static void describe_query(struct tt_message *r, const struct tt_dns_message *m, bool datagram)
{
	char buffer[16];
	struct tt_span name = tt_span(m->name, m->name_len);
	struct tt_span type = tt_dns_type_name(m->type, buffer);
	unsigned opcode = tt_dns_opcode(m);

	tt_message_attr(r, "network.transport", datagram ? TT_SPAN_LIT("udp") : TT_SPAN_LIT("tcp"));
	if (opcode != TT_DNS_QUERY && tt_dns_opcode_name(opcode))
		tt_message_text(r, TT_TEXT_OPERATION, tt_span_str(tt_dns_opcode_name(opcode)));
	if (m->extent < TT_DNS_ASKED || m->count[TT_DNS_QUESTION] == 0)
		return;

	if (opcode == TT_DNS_QUERY)
		tt_message_text(r, TT_TEXT_OPERATION, type);
	tt_message_text(r, TT_TEXT_RESOURCE, name);
	tt_message_attr_text(r, "dns.question.name", TT_TEXT_RESOURCE);
	tt_message_attr(r, "dns.question.type", type);
}

static void describe_response(struct tt_message *r, const struct tt_dns_message *m, uint64_t answers)
{
	char buffer[16];
	struct tt_span code = tt_dns_rcode_name(m->rcode, buffer);

	tt_message_text(r, TT_TEXT_STATUS, code);
	if (m->rcode)
		(tt_dns_rcode_server_failed(m->rcode) ? tt_message_fail : tt_message_refuse)(r, code);
	tt_message_attr_int(r, "dns.response.answers", (int64_t)answers);
	if (m->flags & TT_DNS_TRUNCATED)
		tt_message_attr_bool(r, "dns.response.truncated", true);
}

/* --- pairing ------------------------------------------------------------------------------------------------------------------
 */

static void remember(struct tt_dns *s, const struct tt_dns_message *m)
{
	s->recent[s->next_recent++ % RECENT] = (struct recent){.set = true, .id = m->id, .pairing_id = m->pairing_id};
}

/* Without its questions a response is taken for the answer to the latest query with its id. */
static uint64_t find_recent(const struct tt_dns *s, uint16_t id)
{
	for (unsigned i = 1; i <= RECENT; i++) {
		const struct recent *r = &s->recent[(uint8_t)(s->next_recent - i) % RECENT];
		if (r->set && r->id == id)
			return r->pairing_id;
	}
	return (uint64_t)id << 48;
}

static uint64_t pairing_id(const struct tt_dns *s, const struct tt_dns_message *m)
{
	bool asked = m->extent >= TT_DNS_ASKED && m->count[TT_DNS_QUESTION];
	return asked ? m->pairing_id : find_recent(s, m->id);
}

static void take_query(struct tt_link *link, struct tt_dns *s, const struct tt_dns_message *m, const struct tt_input *in,
		       uint64_t end)
{
	uint64_t id = m->extent >= TT_DNS_ASKED ? m->pairing_id : (uint64_t)m->id << 48;
	struct tt_message *before = in->datagram ? tt_message_by_id(link, TT_REQUESTS, id) : NULL;

	if (before && !before->reported) {
		before->kind++;
		tt_message_attr_int(before, "dns.request.resends", before->kind);
		return;
	}
	struct tt_message *r = tt_request_begin(link, in, 0);
	if (r) {
		r->id = id;
		r->incomplete = in->truncated;
	}
	describe_query(r, m, in->datagram);
	if (m->extent >= TT_DNS_ASKED)
		remember(s, m);
	tt_message_end(link, r, in, end);
}

static bool transfer_is_over(const struct tt_dns *s, const struct tt_dns_message *m)
{
	const struct tt_dns_transfer *t = &s->transfer;

	if (m->rcode || m->extent != TT_DNS_WHOLE)
		return true;
	/* An incremental one may say that nothing changed. */
	if (t->records == 1 && is_transfer(m) && m->type == TT_DNS_IXFR)
		return true;
	return t->records == 0 || t->repeats >= (t->differences ? 3u : 2u);
}

static void take_transfer(struct tt_link *link, struct tt_dns *s, const struct tt_dns_message *m, const struct tt_input *in,
			  uint64_t end)
{
	if (!s->transferring) {
		s->transferring = true;
		s->transfer_id = m->id;
		s->transfer_message = tt_response_begin(link, in, 0);
		if (s->transfer_message)
			s->transfer_message->id = pairing_id(s, m);
	}
	s->transfer_answers += m->count[TT_DNS_ANSWER];
	if (!transfer_is_over(s, m))
		return;

	describe_response(s->transfer_message, m, s->transfer_answers);
	tt_message_end(link, s->transfer_message, in, end);
	s->transferring = false;
	s->transfer_message = NULL;
}

static void take_response(struct tt_link *link, struct tt_dns *s, const struct tt_dns_message *m, const struct tt_input *in,
			  uint64_t end)
{
	if (!in->datagram && (s->transferring ? m->id == s->transfer_id : is_transfer(m))) {
		take_transfer(link, s, m, in, end);
		return;
	}
	struct tt_message *r = tt_response_begin(link, in, 0);
	if (r) {
		r->id = pairing_id(s, m);
		r->incomplete = in->truncated;
	}
	describe_response(r, m, m->count[TT_DNS_ANSWER]);
	tt_message_end(link, r, in, end);
}

/* --- messages from bytes ------------------------------------------------------------------------------------------------------
 */

static bool is_of_side(const struct tt_dns_message *m, enum tt_side side)
{
	return (m->flags & TT_DNS_RESPONSE ? TT_RESPONSES : TT_REQUESTS) == side;
}

static void take(struct tt_link *link, enum tt_side side, const struct tt_dns_message *m, const struct tt_input *in, uint64_t end)
{
	struct tt_dns *s = tt_link_state(link);

	if (side == TT_REQUESTS)
		take_query(link, s, m, in, end);
	else
		take_response(link, s, m, in, end);
}

static enum tt_step parse_datagram(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tt_dns_message m;

	tt_dns_read(tt_cursor_rest(&in->c), &m, NULL);
	tt_cursor_skip(&in->c, tt_cursor_left(&in->c));
	bool cut = in->truncated && m.extent >= TT_DNS_HEADER;
	if ((m.extent != TT_DNS_WHOLE && !cut) || !is_of_side(&m, side))
		return TT_LOST_SYNC;
	take(link, side, &m, in, in->c.len);
	return TT_PARSED;
}

/* What the answers of these bytes count for. A transfer's count starts where its first message begins. */
static struct tt_dns_transfer *transfer_of(struct tt_dns *s, enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);

	if (side == TT_REQUESTS || (s->transferring && tt_cursor_be16(&c) != s->transfer_id))
		return NULL;
	if (!s->transferring) {
		s->transfer = (struct tt_dns_transfer){0};
		s->transfer_answers = 0;
	}
	return &s->transfer;
}

static enum tt_step parse_stream(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tt_dns *s = tt_link_state(link);
	struct tt_dns_message m;

	uint16_t length = tt_cursor_be16(&in->c);
	size_t left = tt_cursor_left(&in->c);
	if (tt_cursor_short(&in->c) || left < TT_MIN(length, READ_BYTES_MAX)) {
		in->c.pos = 0;
		return TT_MORE;
	}
	if (length < TT_DNS_HEADER_BYTES)
		return TT_LOST_SYNC;

	struct tt_span bytes = tt_span_sub(tt_cursor_rest(&in->c), 0, length);
	if (bytes.len < length) {
		tt_dns_read(bytes, &m, NULL);
		bool transfer = side == TT_RESPONSES && (is_transfer(&m) || (s->transferring && m.id == s->transfer_id));
		if (transfer && !in->ended) {
			in->c.pos = 0;
			return TT_MORE;
		}
	}
	tt_dns_read(bytes, &m, transfer_of(s, side, bytes));
	bool beginning = bytes.len < length && m.extent == TT_DNS_ASKED;
	if ((m.extent != TT_DNS_WHOLE && !beginning) || !is_of_side(&m, side))
		return TT_LOST_SYNC;

	uint64_t end = in->c.pos + length;
	tt_cursor_skip(&in->c, bytes.len);
	take(link, side, &m, in, end);
	if (bytes.len < length)
		tt_skip(link, side, length - bytes.len);
	return TT_PARSED;
}

static enum tt_step dns_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	return in->datagram ? parse_datagram(link, side, in) : parse_stream(link, side, in);
}

static void dns_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_dns *s = tt_link_state(link);

	if (side == TT_RESPONSES) {
		s->transferring = false;
		s->transfer_message = NULL;
	}
}

static ssize_t dns_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return tt_dns_judge(bytes, side, false) == TT_YES ? 0 : -1;
}

static enum tt_verdict dns_detect(const struct tt_first *first)
{
	enum tt_verdict best = TT_NO;

	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		if (first->side[side].len == 0)
			continue;
		enum tt_verdict v = tt_dns_judge(first->side[side], side, first->datagram);
		if (v == TT_NO || (v == TT_MAYBE && first->ended[side]))
			return TT_NO;
		best = v == TT_YES || best == TT_YES ? TT_YES : TT_MAYBE;
	}
	return best;
}

static const struct tt_proto_doc dns_doc = {
	.title = "DNS",
	.specification = "RFC 1035 and successors: https://www.rfc-editor.org/rfc/rfc1035",
	.recognised = "header flags, counts and the first question of a datagram, or of a length-prefixed message over TCP; at "
		      "any message",
	.operation = "query type: `A`, `AAAA`, `TYPE65280`",
	.resource = "the name asked",
	.status = "`NOERROR`, or the response code: `NXDOMAIN`, `SERVFAIL`, `BADVERS`",
	.limits = "multicast DNS and NetBIOS names are left alone; encrypted transports are not seen",
	.verified = "dnsmasq, dig and Python clients over UDP and TCP; every exchange compared with tshark's dissection",
};

const struct tt_proto tt_proto_dns = {
	.name = "dns",
	.doc = &dns_doc,
	.pairing = TT_PAIR_BY_ID,
	.ids = TT_IDS_AGAIN,
	.stream = true,
	.datagram = true,
	.state_size = sizeof(struct tt_dns),
	.detect = dns_detect,
	.parse = dns_parse,
	.gap = dns_gap,
	.resync = dns_resync,
};
