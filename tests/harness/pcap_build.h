/* SPDX-License-Identifier: Apache-2.0 */
/* Builds captures in memory for tests: numbers, headers, packets. */
#ifndef TT_HARNESS_PCAP_BUILD_H
#define TT_HARNESS_PCAP_BUILD_H

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

struct tt_build {
	struct tt_buf file;
	bool big; /* numbers of the file format; packets are always in network order */
};

#define TT_BUILD() ((struct tt_build){.file = TT_BUF(64u << 20)})
#define TT_BUILD_MS 1000000ull
#define TT_BUILD_START (1732222222ull * 1000000000ull)

static inline void tt_build_be(struct tt_buf *b, uint64_t v, int bytes)
{
	while (bytes--)
		tt_buf_add_char(b, (char)(v >> bytes * 8));
}

static inline void tt_build_num(struct tt_build *b, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		tt_buf_add_char(&b->file, (char)(v >> (b->big ? bytes - 1 - i : i) * 8));
}

static inline void tt_build_zeros(struct tt_buf *b, size_t n)
{
	while (n--)
		tt_buf_add_char(b, 0);
}

/* magic: 0xa1b2c3d4, 0xa1b23c4d or 0xa1b2cd34 */
static inline void tt_build_pcap(struct tt_build *b, uint32_t magic, uint32_t link)
{
	tt_build_num(b, magic, 4);
	tt_build_num(b, 2, 2);
	tt_build_num(b, 4, 2);
	tt_build_num(b, 0, 8);
	tt_build_num(b, 262144, 4);
	tt_build_num(b, link, 4);
}

/* A packet of a nanosecond pcap; wire 0: as many bytes as given. */
static inline void tt_build_packet(struct tt_build *b, uint64_t ns, struct tt_span data, uint32_t wire)
{
	tt_build_num(b, ns / 1000000000u, 4);
	tt_build_num(b, ns % 1000000000u, 4);
	tt_build_num(b, data.len, 4);
	tt_build_num(b, wire ? wire : data.len, 4);
	tt_buf_add(&b->file, data.data, data.len);
}

static inline void tt_build_ethernet(struct tt_buf *p, uint16_t type)
{
	tt_build_zeros(p, 12);
	tt_build_be(p, type, 2);
}

/* 10.0.0.1 is the client, 10.0.0.2 the server. fragment: flags and offset as in the header. */
static inline void tt_build_ip4(struct tt_buf *p, bool client, uint8_t protocol, size_t payload, uint16_t id, uint16_t fragment)
{
	tt_build_be(p, 0x4500, 2);
	tt_build_be(p, 20 + payload, 2);
	tt_build_be(p, id, 2);
	tt_build_be(p, fragment, 2);
	tt_build_be(p, 64, 1);
	tt_build_be(p, protocol, 1);
	tt_build_be(p, 0, 2);
	tt_build_be(p, client ? 0x0a000001 : 0x0a000002, 4);
	tt_build_be(p, client ? 0x0a000002 : 0x0a000001, 4);
}

static inline void tt_build_ip6(struct tt_buf *p, bool client, uint8_t next, size_t payload)
{
	tt_build_be(p, 0x60000000, 4);
	tt_build_be(p, payload, 2);
	tt_build_be(p, next, 1);
	tt_build_be(p, 64, 1);
	for (int i = 0; i < 2; i++) {
		tt_build_be(p, 0xfd00000000000000, 8);
		tt_build_be(p, (i == 0) == client ? 1 : 2, 8);
	}
}

#define TT_BUILD_CLIENT_PORT 51234
#define TT_BUILD_SERVER_PORT 8080

static inline void tt_build_ports(struct tt_buf *p, bool client)
{
	tt_build_be(p, client ? TT_BUILD_CLIENT_PORT : TT_BUILD_SERVER_PORT, 2);
	tt_build_be(p, client ? TT_BUILD_SERVER_PORT : TT_BUILD_CLIENT_PORT, 2);
}

static inline void tt_build_tcp_head(struct tt_buf *p, bool client, uint32_t seq, uint32_t ack, uint8_t flags)
{
	tt_build_ports(p, client);
	tt_build_be(p, seq, 4);
	tt_build_be(p, ack, 4);
	tt_build_be(p, 0x50, 1);
	tt_build_be(p, flags, 1);
	tt_build_be(p, 0xffff, 2);
	tt_build_be(p, 0, 4);
}

/* A TCP segment over IPv4 and Ethernet; `captured` cuts the frame's payload (SIZE_MAX: whole). */
static inline void tt_build_tcp_cut(struct tt_build *b, uint64_t ms, bool client, uint32_t seq, uint32_t ack, uint8_t flags,
				    struct tt_span data, size_t captured)
{
	struct tt_buf p tt_buf_auto = TT_BUF(1u << 20);

	tt_build_ethernet(&p, 0x0800);
	tt_build_ip4(&p, client, 6, 20 + data.len, 1, 0x4000);
	tt_build_tcp_head(&p, client, seq, ack, flags);
	uint32_t wire = (uint32_t)(p.len + data.len);
	data = tt_span_sub(data, 0, captured);
	tt_buf_add(&p, data.data, data.len);
	tt_build_packet(b, TT_BUILD_START + ms * TT_BUILD_MS, tt_buf_span(&p), wire);
}

static inline void tt_build_tcp(struct tt_build *b, uint64_t ms, bool client, uint32_t seq, uint32_t ack, uint8_t flags,
				const char *data)
{
	tt_build_tcp_cut(b, ms, client, seq, ack, flags, tt_span_str(data), SIZE_MAX);
}

static inline void tt_build_udp_head(struct tt_buf *p, bool client, size_t payload)
{
	tt_build_ports(p, client);
	tt_build_be(p, 8 + payload, 2);
	tt_build_be(p, 0, 2);
}

#endif
