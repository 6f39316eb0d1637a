// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_tunnel.h"

#include "base/cursor.h"
#include "base/own.h"

#define TT_LINK_ETHERNET 1
#define TT_ETHERTYPE_BRIDGED 0x6558 /* an Ethernet frame: RFC 7637, RFC 8926 */
#define TT_ETHERTYPE_ERSPAN 0x88be  /* the same behind a header of 8 bytes (draft-foschiano-erspan) */
#define TT_VXLAN_PORT 4789
#define TT_VXLAN_PORT_LINUX 8472 /* Linux's before the other was assigned */
#define TT_GENEVE_PORT 6081

/* Where the inner packet begins, and what it is. */
struct tt_tunnel {
	struct tt_cursor c;
	bool ethernet; /* a frame, else an IP packet */
	uint32_t id;
};

/* RFC 2784, RFC 2890. Version 1 (PPTP) carries no IP packet. */
static bool tt_tunnel_gre(struct tt_tunnel *t)
{
	enum {
		CHECKSUM = 0x8000,
		KEY = 0x2000,
		SEQUENCE = 0x1000,
		ZERO = 0x4fff, /* routing, reserved bits, version */
	};
	uint16_t flags = tt_cursor_be16(&t->c);
	uint16_t type = tt_cursor_be16(&t->c);

	if (flags & ZERO)
		return false;
	if (flags & CHECKSUM)
		tt_cursor_skip(&t->c, 4);
	if (flags & KEY)
		t->id = tt_cursor_be32(&t->c);
	if (flags & SEQUENCE)
		tt_cursor_skip(&t->c, 4);
	if (type == TT_ETHERTYPE_ERSPAN && flags & SEQUENCE)
		tt_cursor_skip(&t->c, 8);
	t->ethernet = type == TT_ETHERTYPE_BRIDGED || type == TT_ETHERTYPE_ERSPAN;
	return t->ethernet || type == 0x0800 || type == 0x86dd;
}

/* RFC 7348: flags with only I set, the network's number, the rest 0. */
static bool tt_tunnel_vxlan(struct tt_tunnel *t)
{
	uint32_t flags = tt_cursor_be32(&t->c);
	uint32_t id = tt_cursor_be32(&t->c);

	t->id = id >> 8;
	t->ethernet = true;
	return flags == 0x08000000 && (id & 0xff) == 0;
}

/* RFC 8926 */
static bool tt_tunnel_geneve(struct tt_tunnel *t)
{
	uint8_t first = tt_cursor_u8(&t->c);
	uint8_t flags = tt_cursor_u8(&t->c);
	uint16_t type = tt_cursor_be16(&t->c);

	t->id = tt_cursor_be32(&t->c) >> 8;
	tt_cursor_skip(&t->c, (first & 0x3fu) * 4u);
	t->ethernet = type == TT_ETHERTYPE_BRIDGED;
	return first < 0x40 && !(flags & 0x3f) && (t->ethernet || type == 0x0800 || type == 0x86dd);
}

static bool tt_tunnel_udp(struct tt_tunnel *t)
{
	static const struct {
		uint16_t port;
		bool (*pass)(struct tt_tunnel *t);
	} rows[] = {{TT_VXLAN_PORT, tt_tunnel_vxlan}, {TT_VXLAN_PORT_LINUX, tt_tunnel_vxlan}, {TT_GENEVE_PORT, tt_tunnel_geneve}};

	tt_cursor_skip(&t->c, 2);
	uint16_t port = tt_cursor_be16(&t->c);
	tt_cursor_skip(&t->c, 4);
	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		if (rows[i].port == port)
			return rows[i].pass(t);
	}
	return false;
}

static bool tt_tunnel_ip(struct tt_tunnel *t)
{
	return true;
}

static const struct {
	uint8_t protocol;
	uint8_t kind; /* keeps the numbers of different tunnels apart */
	bool (*pass)(struct tt_tunnel *t);
} tt_tunnels[] = {
	{4, 1, tt_tunnel_ip},  /* RFC 2003 */
	{41, 1, tt_tunnel_ip}, /* RFC 2473, RFC 4213 */
	{47, 2, tt_tunnel_gre},
	{TT_IP_UDP, 3, tt_tunnel_udp},
};

bool tt_decode_tunnel(const struct tt_ip *outer, struct tt_ip *ret)
{
	struct tt_tunnel t = {.c = tt_cursor(outer->payload.data)};
	size_t i = 0;

	while (i < TT_ARRAY_LEN(tt_tunnels) && tt_tunnels[i].protocol != outer->protocol)
		i++;
	if (i == TT_ARRAY_LEN(tt_tunnels) || !tt_tunnels[i].pass(&t) || tt_cursor_short(&t.c))
		return false;
	struct tt_wire inner = {.data = tt_cursor_rest(&t.c), .wire_len = outer->payload.wire_len - (uint32_t)t.c.pos};
	enum tt_decoded d = t.ethernet ? tt_decode_frame(TT_LINK_ETHERNET, inner, ret) : tt_decode_packet(inner, ret);
	if (d != TT_DECODED)
		return false;
	/* IP in IP has no number of its own. */
	if (tt_tunnels[i].kind > 1)
		ret->network = (outer->network * 31) ^ ((uint64_t)tt_tunnels[i].kind << 32 | t.id);
	else
		ret->network = outer->network;
	return true;
}
