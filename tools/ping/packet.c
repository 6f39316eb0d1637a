// SPDX-License-Identifier: Apache-2.0
#include "tools/ping/packet.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "base/own.h"

#define TT_PING_NOTHING 16 /* bytes of 0 behind the flags */

static int read_steps(struct tt_cursor *c, struct tt_ping_packet *p)
{
	size_t count = tt_cursor_left(c) / TT_PING_STEP_LEN;

	if (count > TT_PING_STEPS_MOST || tt_cursor_left(c) % TT_PING_STEP_LEN)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		struct tt_ping_step *s = &p->step[i];
		s->point = tt_cursor_u8(c);
		uint8_t reply = tt_cursor_u8(c);
		uint16_t zero = tt_cursor_be16(c);
		s->ns = tt_cursor_be64(c);
		s->reply = reply;
		/* Only what a kernel stamps, in the order it does. */
		if (s->point < TT_PING_QUEUE || s->point > TT_PING_RECEIVE || reply > 1 || zero)
			return -EINVAL;
		if (i ? s->ns < s[-1].ns || s->reply < s[-1].reply : s->ns != 0)
			return -EINVAL;
	}
	p->step_count = count;
	return 0;
}

int tt_ping_packet_read(struct tt_span payload, struct tt_ping_packet *ret)
{
	struct tt_cursor c = tt_cursor(payload);
	struct tt_ping_packet p = {0};

	if (tt_cursor_be32(&c) != TT_PING_MAGIC)
		return -EINVAL;
	uint8_t version = tt_cursor_u8(&c);
	p.kind = tt_cursor_u8(&c);
	uint16_t length = tt_cursor_be16(&c);
	p.session = tt_cursor_be64(&c);
	p.number = tt_cursor_be32(&c);
	p.flags = tt_cursor_be32(&c);
	tt_cursor_skip(&c, TT_PING_NOTHING);
	if (tt_cursor_short(&c))
		return -EINVAL;
	if (version != TT_PING_VERSION)
		return -EPROTONOSUPPORT;
	if (length < TT_PING_HEAD || length > payload.len)
		return -EINVAL;
	c = tt_cursor(tt_span_sub(payload, TT_PING_HEAD, length - TT_PING_HEAD));
	if (p.kind == TT_PING_REPORT ? read_steps(&c, &p) < 0 : p.kind != TT_PING_ECHO || length != TT_PING_HEAD)
		return -EINVAL;
	*ret = p;
	return 0;
}

static uint8_t *put(uint8_t *to, uint64_t value, size_t bytes)
{
	for (size_t i = bytes; i-- > 0; value >>= 8)
		to[i] = (uint8_t)value;
	return to + bytes;
}

void tt_ping_packet_write(const struct tt_ping_packet *p, uint8_t *to, size_t size)
{
	size_t steps = TT_MIN(p->step_count, (size - TT_PING_HEAD) / TT_PING_STEP_LEN);

	memset(to, 0, size);
	to = put(to, TT_PING_MAGIC, 4);
	to = put(to, TT_PING_VERSION, 1);
	to = put(to, p->kind, 1);
	to = put(to, TT_PING_HEAD + steps * TT_PING_STEP_LEN, 2);
	to = put(to, p->session, 8);
	to = put(to, p->number, 4);
	to = put(to, p->flags, 4);
	to += TT_PING_NOTHING;
	for (size_t i = 0; i < steps; i++) {
		to = put(to, p->step[i].point, 1);
		to = put(to, p->step[i].reply, 1);
		to = put(to, 0, 2);
		to = put(to, p->step[i].ns, 8);
	}
}

/* --- in an ICMP message --- */

enum {
	IPV4_REPLY = 0,
	IPV4_REQUEST = 8,
	IPV6_REQUEST = 128,
	IPV6_REPLY = 129,
	IPV4_LEAST = 20,
};

int tt_ping_message_read(struct tt_span message, unsigned family, struct tt_ping_message *ret)
{
	struct tt_ping_message m = {0};
	struct tt_cursor c = tt_cursor(message);

	if (family == 4) {
		size_t header = (tt_cursor_u8(&c) & 0xfu) * 4;
		if (header < IPV4_LEAST || !tt_cursor_skip(&c, header - 1))
			return -EINVAL;
	}
	uint8_t type = tt_cursor_u8(&c), code = tt_cursor_u8(&c);
	tt_cursor_skip(&c, 2);
	m.id = tt_cursor_be16(&c);
	m.sequence = tt_cursor_be16(&c);
	m.reply = type == (family == 4 ? IPV4_REPLY : IPV6_REPLY);
	if (tt_cursor_short(&c) || code || (!m.reply && type != (family == 4 ? IPV4_REQUEST : IPV6_REQUEST)))
		return -EINVAL;
	int r = tt_ping_packet_read(tt_cursor_rest(&c), &m.packet);
	if (r == 0)
		*ret = m;
	return r;
}

/* RFC 1071 */
static uint16_t checksum(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void tt_ping_message_head(uint8_t *message, size_t size, unsigned family, bool reply, uint16_t id, uint16_t sequence)
{
	uint8_t *at = message;

	at = put(at, family == 4 ? (reply ? IPV4_REPLY : IPV4_REQUEST) : (reply ? IPV6_REPLY : IPV6_REQUEST), 1);
	at = put(at, 0, 3);
	at = put(at, id, 2);
	put(at, sequence, 2);
	if (family == 4)
		put(message + 2, checksum(message, size), 2);
}
