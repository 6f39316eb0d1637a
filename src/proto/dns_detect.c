// SPDX-License-Identifier: Apache-2.0
/* Telling DNS by its bytes. Strict: every bit with a known meaning must make sense, and the message must be read to its very end.
 */
#include "proto/dns_message.h"
#include "proto/proto.h"

/* More would be a strange message to begin with. */
#define DETECT_QUESTIONS_MAX 4

static bool is_sane_header(const struct tt_dns_message *m, enum tt_side side)
{
	unsigned opcode = tt_dns_opcode(m);
	bool response = m->flags & TT_DNS_RESPONSE;
	uint16_t questions = m->count[TT_DNS_QUESTION];

	if (response != (side == TT_RESPONSES) || m->flags & TT_DNS_ZERO || questions == 0 || questions > DETECT_QUESTIONS_MAX)
		return false;
	if (!tt_dns_opcode_name(opcode))
		return false;
	if (response)
		return true;

	uint16_t never = TT_DNS_TRUNCATED | TT_DNS_RECURSION_AVAILABLE;
	if (opcode != TT_DNS_NOTIFY)
		never |= TT_DNS_AUTHORITATIVE;
	if (m->flags & never || m->rcode)
		return false;
	/* OPT, TSIG and SIG(0) are all that a query may carry; an IXFR also its SOA. */
	return opcode != TT_DNS_QUERY ||
	       (m->count[TT_DNS_ANSWER] == 0 && m->count[TT_DNS_AUTHORITY] <= 1 && m->count[TT_DNS_ADDITIONAL] <= 3);
}

static bool ends_with(struct tt_span name, struct tt_span end)
{
	return name.len >= end.len && tt_span_ieq(tt_span_sub(name, name.len - end.len, end.len), end);
}

/* Multicast DNS (RFC 6762) asks without id and flags, and nobody need answer. */
static bool is_multicast_dns(const struct tt_dns_message *m)
{
	struct tt_span name = tt_span(m->name, m->name_len);
	return m->id == 0 && !(m->flags & TT_DNS_RECURSION_DESIRED) &&
	       (ends_with(name, TT_SPAN_LIT(".local")) || ends_with(name, TT_SPAN_LIT(".arpa")));
}

/* NetBIOS name service (RFC 1002) has the same header; its names are 32 letters A to P, its types other things than ours. */
static bool is_netbios(const struct tt_dns_message *m)
{
	if (m->name_len < 32 || (m->name_len > 32 && m->name[32] != '.') || (m->type != 32 && m->type != 33))
		return false;
	for (size_t i = 0; i < 32; i++) {
		if (m->name[i] < 'A' || m->name[i] > 'P')
			return false;
	}
	return true;
}

static bool is_sane_question(const struct tt_dns_message *m)
{
	/* Internet, Chaos, Hesiod, none, any. */
	bool class_known = m->class_ == 1 || m->class_ == 3 || m->class_ == 4 || m->class_ == 254 || m->class_ == 255;
	return class_known && m->type != 0 && !is_netbios(m) && !is_multicast_dns(m);
}

enum tt_verdict tt_dns_judge(struct tt_span bytes, enum tt_side side, bool datagram)
{
	struct tt_dns_message m;
	struct tt_cursor c = tt_cursor(bytes);
	bool whole = true;

	if (!datagram) {
		uint16_t length = tt_cursor_be16(&c);
		if (!tt_cursor_short(&c) && length < TT_DNS_HEADER_BYTES + 5)
			return TT_NO;
		if (tt_cursor_left(&c) < TT_DNS_HEADER_BYTES)
			return TT_MAYBE;
		whole = tt_cursor_left(&c) >= length;
		bytes = tt_span_sub(tt_cursor_rest(&c), 0, length);
	}

	tt_dns_read(bytes, &m, NULL);
	if (m.extent == TT_DNS_NOTHING || !is_sane_header(&m, side))
		return TT_NO;
	if (m.extent == TT_DNS_HEADER)
		return whole ? TT_NO : TT_MAYBE;
	if (!is_sane_question(&m) || (whole && (m.extent != TT_DNS_WHOLE || m.trailing)))
		return TT_NO;
	return whole ? TT_YES : TT_MAYBE;
}
