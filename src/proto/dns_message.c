// SPDX-License-Identifier: Apache-2.0
#include "proto/dns_message.h"

/* A name on the wire is no longer (RFC 1035, 2.3.4). */
#define WIRE_NAME_MAX 255

#define POINTER 0xc0

static size_t put_byte(uint8_t *ret, size_t len, uint8_t c)
{
	if (c == '.' || c == '\\') {
		ret[len++] = '\\';
		ret[len++] = c;
	} else if (c > 0x20 && c < 0x7f) {
		ret[len++] = c;
	} else {
		ret[len++] = '\\';
		ret[len++] = '0' + c / 100;
		ret[len++] = '0' + c / 10 % 10;
		ret[len++] = '0' + c % 10;
	}
	return len;
}

/* A pointer leads only to what stands before the labels it ends, so following them comes to an end. */
bool tt_dns_name(struct tt_cursor *c, uint8_t *ret, size_t *ret_len)
{
	struct tt_cursor at = *c;
	size_t start = at.pos, wire = 0, len = 0;
	bool jumped = false;

	for (;;) {
		uint8_t label = tt_cursor_u8(&at);
		if (tt_cursor_short(&at))
			break;
		if ((label & POINTER) == POINTER) {
			size_t to = (size_t)(label & ~POINTER) << 8 | tt_cursor_u8(&at);
			if (tt_cursor_short(&at))
				break;
			if (!jumped)
				c->pos = at.pos;
			jumped = true;
			if (to >= start)
				return false;
			start = at.pos = to;
			continue;
		}
		struct tt_span bytes = tt_cursor_take(&at, label);
		wire += 1 + (size_t)label;
		if (label & POINTER || wire > WIRE_NAME_MAX)
			return false;
		if (tt_cursor_short(&at))
			break;
		if (label == 0) {
			if (!jumped)
				c->pos = at.pos;
			if (len == 0)
				ret[len++] = '.';
			*ret_len = len;
			return true;
		}
		if (len)
			ret[len++] = '.';
		for (size_t i = 0; i < bytes.len; i++)
			len = put_byte(ret, len, bytes.data[i]);
	}
	c->short_ = true;
	return false;
}

/* As tt_dns_name, but only passes it. */
static bool pass_name(struct tt_cursor *c)
{
	size_t wire = 0;

	for (;;) {
		uint8_t label = tt_cursor_u8(c);
		if (tt_cursor_short(c) || label == 0)
			return !tt_cursor_short(c);
		if ((label & POINTER) == POINTER)
			return tt_cursor_skip(c, 1);
		wire += 1 + (size_t)label;
		if (label & POINTER || wire >= WIRE_NAME_MAX)
			return false;
		if (!tt_cursor_skip(c, label))
			return false;
	}
}

/* FNV-1a. Names compare without regard to case. */
static uint64_t mix(uint64_t hash, uint8_t byte)
{
	return (hash ^ tt_ascii_lower(byte)) * 0x100000001b3ull;
}

static bool read_questions(struct tt_cursor *c, struct tt_dns_message *m)
{
	uint64_t hash = mix(0xcbf29ce484222325ull, (uint8_t)tt_dns_opcode(m));

	for (unsigned i = 0; i < m->count[TT_DNS_QUESTION]; i++) {
		uint8_t name[TT_DNS_NAME_TEXT];
		size_t len;
		if (!tt_dns_name(c, name, &len))
			return false;
		uint16_t type = tt_cursor_be16(c);
		uint16_t class_ = tt_cursor_be16(c);
		if (tt_cursor_short(c))
			return false;
		for (size_t k = 0; k < len; k++)
			hash = mix(hash, name[k]);
		uint32_t rest = (uint32_t)type << 16 | class_;
		for (int shift = 0; shift < 32; shift += 8)
			hash = mix(hash, (uint8_t)(rest >> shift));
		if (i == 0) {
			m->type = type;
			m->class_ = class_;
			m->name_len = len;
			memcpy(m->name, name, len);
		}
	}
	m->pairing_id = (uint64_t)m->id << 48 | (hash >> 16);
	return true;
}

static void advance_transfer(struct tt_dns_transfer *t, uint16_t type, struct tt_span data)
{
	uint32_t serial = 0;

	if (type == TT_DNS_SOA) {
		struct tt_cursor c = tt_cursor(data);
		/* Two names stand before it. */
		if (pass_name(&c)) {
			pass_name(&c);
			serial = tt_cursor_be32(&c);
		}
		if (t->records == 0)
			t->serial = serial;
		if (serial == t->serial)
			t->repeats++;
		else if (t->records == 1)
			t->differences = true;
	}
	t->records++;
}

static bool read_record(struct tt_cursor *c, struct tt_dns_message *m, enum tt_dns_section section,
			struct tt_dns_transfer *transfer)
{
	if (!pass_name(c))
		return false;
	uint16_t type = tt_cursor_be16(c);
	tt_cursor_be16(c);
	uint32_t ttl = tt_cursor_be32(c);
	uint16_t len = tt_cursor_be16(c);
	struct tt_span data = tt_cursor_take(c, len);
	if (tt_cursor_short(c))
		return false;
	if (type == TT_DNS_OPT && section == TT_DNS_ADDITIONAL)
		m->rcode = (uint16_t)((m->flags & 15) | ttl >> 24 << 4);
	if (section == TT_DNS_ANSWER && transfer)
		advance_transfer(transfer, type, data);
	return true;
}

static void read_records(struct tt_cursor *c, struct tt_dns_message *m, struct tt_dns_transfer *transfer)
{
	for (enum tt_dns_section section = TT_DNS_ANSWER; section < TT_DNS_SECTIONS; section++) {
		for (unsigned i = 0; i < m->count[section]; i++) {
			if (!read_record(c, m, section, transfer)) {
				m->extent = tt_cursor_short(c) ? TT_DNS_ASKED : TT_DNS_NOTHING;
				return;
			}
		}
	}
	m->extent = TT_DNS_WHOLE;
	m->trailing = tt_cursor_left(c);
}

void tt_dns_read(struct tt_span bytes, struct tt_dns_message *ret, struct tt_dns_transfer *transfer)
{
	struct tt_cursor c = tt_cursor(bytes);

	ret->extent = TT_DNS_NOTHING;
	ret->pairing_id = 0;
	ret->type = ret->class_ = 0;
	ret->name_len = ret->trailing = 0;
	ret->id = tt_cursor_be16(&c);
	ret->flags = tt_cursor_be16(&c);
	ret->rcode = ret->flags & 15;
	for (enum tt_dns_section section = TT_DNS_QUESTION; section < TT_DNS_SECTIONS; section++)
		ret->count[section] = tt_cursor_be16(&c);
	if (tt_cursor_short(&c) || ret->count[TT_DNS_QUESTION] > TT_DNS_QUESTIONS_MAX)
		return;

	if (!read_questions(&c, ret)) {
		ret->extent = tt_cursor_short(&c) ? TT_DNS_HEADER : TT_DNS_NOTHING;
		return;
	}
	read_records(&c, ret, transfer);
}
