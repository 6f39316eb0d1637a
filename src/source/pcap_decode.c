// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_decode.h"

#include "base/cursor.h"
#include "base/own.h"

#define TT_ETHERTYPE_IPV4 0x0800
#define TT_ETHERTYPE_IPV6 0x86dd
#define TT_IP4_HEAD 20
#define TT_TCP_HEAD_READ 14 /* up to the flags */
/* More headers in front of the payload than any real packet has are not followed. */
#define TT_MAX_TAGS 4
#define TT_MAX_EXTENSIONS 16

/* What is left of the wire bytes after a cursor over its data has moved. */
static struct tt_wire tt_wire_rest(struct tt_wire w, const struct tt_cursor *c)
{
	return (struct tt_wire){.data = tt_cursor_rest(c), .wire_len = w.wire_len - (uint32_t)c->pos};
}

/* Cuts off what follows the first len bytes (padding of short frames). */
static struct tt_wire tt_wire_first(struct tt_wire w, uint32_t len)
{
	return (struct tt_wire){.data = tt_span_sub(w.data, 0, len), .wire_len = len};
}

/* --- link layer: each finds where the IP packet begins ---------------------------------------------------------------------- */

static enum tt_decoded tt_link_ethertype(struct tt_cursor *c, uint16_t type)
{
	static const uint16_t tags[] = {0x8100, 0x88a8, 0x9100};

	for (int n = 0; n < TT_MAX_TAGS; n++) {
		bool tag = false;
		for (size_t i = 0; i < TT_ARRAY_LEN(tags); i++)
			tag |= type == tags[i];
		if (!tag)
			break;
		tt_cursor_skip(c, 2);
		type = tt_cursor_be16(c);
	}
	if (tt_cursor_short(c))
		return TT_MALFORMED;
	return type == TT_ETHERTYPE_IPV4 || type == TT_ETHERTYPE_IPV6 ? TT_DECODED : TT_NOT_IP;
}

static enum tt_decoded tt_link_ethernet(struct tt_cursor *c)
{
	tt_cursor_skip(c, 12);
	return tt_link_ethertype(c, tt_cursor_be16(c));
}

static enum tt_decoded tt_link_cooked(struct tt_cursor *c)
{
	tt_cursor_skip(c, 14);
	return tt_link_ethertype(c, tt_cursor_be16(c));
}

static enum tt_decoded tt_link_cooked2(struct tt_cursor *c)
{
	uint16_t type = tt_cursor_be16(c);
	tt_cursor_skip(c, 18);
	return tt_link_ethertype(c, type);
}

/* An address family in the capturing host's byte order; which families mean IPv6 depends on its system. */
static enum tt_decoded tt_link_null(struct tt_cursor *c)
{
	static const uint32_t families[] = {2, 10, 24, 28, 30};

	uint32_t family = tt_cursor_be32(c);
	for (size_t i = 0; i < TT_ARRAY_LEN(families); i++) {
		if (family == families[i] || family == __builtin_bswap32(families[i]))
			return TT_DECODED;
	}
	return tt_cursor_short(c) ? TT_MALFORMED : TT_NOT_IP;
}

static enum tt_decoded tt_link_raw(struct tt_cursor *c)
{
	return TT_DECODED;
}

static const struct tt_link_row {
	uint32_t link;
	enum tt_decoded (*pass)(struct tt_cursor *c);
} tt_link_rows[] = {
	{0, tt_link_null},   {1, tt_link_ethernet}, {12, tt_link_raw},	{14, tt_link_raw},  {101, tt_link_raw},
	{108, tt_link_null}, {113, tt_link_cooked}, {228, tt_link_raw}, {229, tt_link_raw}, {276, tt_link_cooked2},
};

static const struct tt_link_row *tt_link_find(uint32_t link)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_link_rows); i++) {
		if (tt_link_rows[i].link == link)
			return &tt_link_rows[i];
	}
	return NULL;
}

bool tt_decode_link_known(uint32_t link)
{
	return tt_link_find(link) != NULL;
}

/* --- IP -----------------------------------------------------------------------------------------------------------------------
 */

static void tt_ip_address(struct tt_sockaddr *ret, uint16_t family, struct tt_span bytes)
{
	*ret = (struct tt_sockaddr){.family = family};
	memcpy(ret->addr, bytes.data, bytes.len);
}

/* A length field of 0 is left by segmentation offload: the frame's own length counts then. */
static enum tt_decoded tt_ip_cut(struct tt_wire *packet, uint32_t len, uint32_t least)
{
	if (len == 0)
		return TT_DECODED;
	if (len < least || len > packet->wire_len)
		return TT_MALFORMED;
	*packet = tt_wire_first(*packet, len);
	return TT_DECODED;
}

/* RFC 791. Of a length known in advance nothing is looked at twice. */
static enum tt_decoded tt_ip4(struct tt_wire packet, struct tt_ip *ret)
{
	if (packet.data.len < TT_IP4_HEAD)
		return TT_MALFORMED;

	struct tt_cursor c = tt_cursor(tt_span(packet.data.data, TT_IP4_HEAD));
	uint32_t head = (tt_cursor_u8(&c) & 15u) * 4;
	tt_cursor_skip(&c, 1);
	uint32_t total = tt_cursor_be16(&c);
	ret->fragment_id = tt_cursor_be16(&c);
	uint16_t fragment = tt_cursor_be16(&c);
	tt_cursor_skip(&c, 1);
	ret->protocol = tt_cursor_u8(&c);
	struct tt_span src = tt_span(packet.data.data + TT_IP4_HEAD - 8, 4), dst = tt_span(packet.data.data + TT_IP4_HEAD - 4, 4);
	if (head < TT_IP4_HEAD || tt_ip_cut(&packet, total, head) != TT_DECODED)
		return TT_MALFORMED;

	struct tt_cursor options = tt_cursor(packet.data);
	if (!tt_cursor_skip(&options, head))
		return TT_MALFORMED;
	tt_ip_address(&ret->src, TT_FAMILY_INET, src);
	tt_ip_address(&ret->dst, TT_FAMILY_INET, dst);
	ret->more = fragment & 0x2000;
	ret->fragment_off = (fragment & 0x1fffu) * 8;
	ret->fragment = ret->more || ret->fragment_off;
	ret->payload = tt_wire_rest(packet, &options);
	return TT_DECODED;
}

/* RFC 8200 */
static enum tt_decoded tt_ip6(struct tt_wire packet, struct tt_ip *ret)
{
	struct tt_cursor c = tt_cursor(packet.data);
	tt_cursor_skip(&c, 4);
	uint32_t len = tt_cursor_be16(&c);
	ret->protocol = tt_cursor_u8(&c);
	tt_cursor_skip(&c, 1);
	struct tt_span src = tt_cursor_take(&c, 16);
	struct tt_span dst = tt_cursor_take(&c, 16);
	if (tt_cursor_short(&c))
		return TT_MALFORMED;

	ret->payload = tt_wire_rest(packet, &c);
	if (tt_ip_cut(&ret->payload, len, 0) != TT_DECODED)
		return TT_MALFORMED;
	tt_ip_address(&ret->src, TT_FAMILY_INET6, src);
	tt_ip_address(&ret->dst, TT_FAMILY_INET6, dst);
	return tt_decode_extensions(ret);
}

/* RFC 8200 section 4.5. A fragment that is the whole packet needs no putting together. */
static void tt_ip6_fragment(struct tt_ip *ip, struct tt_cursor *c)
{
	tt_cursor_skip(c, 1);
	uint16_t where = tt_cursor_be16(c);
	ip->fragment_id = tt_cursor_be32(c);
	ip->fragment_off = where & 0xfff8u;
	ip->more = where & 1;
	ip->fragment = ip->more || ip->fragment_off;
}

enum tt_decoded tt_decode_extensions(struct tt_ip *ip)
{
	enum {
		HOP_BY_HOP = 0,
		ROUTING = 43,
		FRAGMENT = 44,
		AUTHENTICATION = 51,
		DESTINATION = 60,
		MOBILITY = 135,
		HIP = 139,
		SHIM = 140
	};

	if (ip->src.family != TT_FAMILY_INET6)
		return TT_DECODED;
	for (int n = 0; n < TT_MAX_EXTENSIONS && !ip->fragment; n++) {
		struct tt_cursor c = tt_cursor(ip->payload.data);
		uint8_t next = tt_cursor_u8(&c);
		switch (ip->protocol) {
		case HOP_BY_HOP:
		case ROUTING:
		case DESTINATION:
		case MOBILITY:
		case HIP:
		case SHIM:
			tt_cursor_skip(&c, tt_cursor_u8(&c) * 8u + 6);
			break;
		case AUTHENTICATION:
			tt_cursor_skip(&c, tt_cursor_u8(&c) * 4u + 6);
			break;
		case FRAGMENT:
			tt_ip6_fragment(ip, &c);
			break;
		default:
			return TT_DECODED;
		}
		if (tt_cursor_short(&c))
			return TT_MALFORMED;
		ip->protocol = next;
		ip->payload = tt_wire_rest(ip->payload, &c);
	}
	return ip->fragment ? TT_DECODED : TT_MALFORMED;
}

enum tt_decoded tt_decode_frame(uint32_t link, struct tt_wire frame, struct tt_ip *ret)
{
	const struct tt_link_row *row = tt_link_find(link);
	if (!row)
		return TT_LINK_UNKNOWN;

	struct tt_cursor c = tt_cursor(frame.data);
	enum tt_decoded d = row->pass(&c);
	if (d != TT_DECODED)
		return d;
	return tt_decode_packet(tt_wire_rest(frame, &c), ret);
}

enum tt_decoded tt_decode_packet(struct tt_wire packet, struct tt_ip *ret)
{
	if (!packet.data.len)
		return TT_MALFORMED;

	*ret = (struct tt_ip){0};
	switch (packet.data.data[0] >> 4) {
	case 4:
		return tt_ip4(packet, ret);
	case 6:
		return tt_ip6(packet, ret);
	default:
		return TT_NOT_IP;
	}
}

/* --- transport ----------------------------------------------------------------------------------------------------------------
 */

/* RFC 9293 section 3.1. The options are not needed, so they need not have been captured. */
static enum tt_decoded tt_tcp(const struct tt_ip *ip, struct tt_segment *ret)
{
	if (ip->payload.data.len < TT_TCP_HEAD_READ)
		return TT_MALFORMED;

	struct tt_cursor c = tt_cursor(tt_span(ip->payload.data.data, TT_TCP_HEAD_READ));
	ret->src.port = tt_cursor_be16(&c);
	ret->dst.port = tt_cursor_be16(&c);
	ret->seq = tt_cursor_be32(&c);
	ret->ack = tt_cursor_be32(&c);
	uint32_t head = (tt_cursor_u8(&c) >> 4) * 4u;
	ret->flags = tt_cursor_u8(&c);
	if (head < 20 || head > ip->payload.wire_len)
		return TT_MALFORMED;
	ret->payload = (struct tt_wire){
		.data = tt_span_sub(ip->payload.data, head, SIZE_MAX),
		.wire_len = ip->payload.wire_len - head,
	};
	return TT_DECODED;
}

/* RFC 768. A length of 0 is a jumbogram's (RFC 2675) or left by segmentation offload. */
static enum tt_decoded tt_udp(const struct tt_ip *ip, struct tt_segment *ret)
{
	struct tt_cursor c = tt_cursor(ip->payload.data);
	ret->src.port = tt_cursor_be16(&c);
	ret->dst.port = tt_cursor_be16(&c);
	uint32_t len = tt_cursor_be16(&c);
	tt_cursor_skip(&c, 2);
	if (tt_cursor_short(&c))
		return TT_MALFORMED;
	if (len == 0)
		len = ip->payload.wire_len;
	if (len < 8 || len > ip->payload.wire_len)
		return TT_MALFORMED;
	ret->payload = tt_wire_first(tt_wire_rest(ip->payload, &c), len - 8);
	return TT_DECODED;
}

enum tt_decoded tt_decode_transport(const struct tt_ip *ip, struct tt_segment *ret)
{
	*ret = (struct tt_segment){.src = ip->src, .dst = ip->dst, .network = ip->network, .protocol = ip->protocol};
	switch (ip->protocol) {
	case TT_IP_TCP:
		return tt_tcp(ip, ret);
	case TT_IP_UDP:
		return tt_udp(ip, ret);
	default:
		return TT_NOT_TRANSPORT;
	}
}
