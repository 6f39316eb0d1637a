// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_file.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/own.h"
#include "source/pcap_decode.h"

#define TT_PCAP_HEADER 24
#define TT_PCAP_PACKET_HEAD 16 /* what all kinds of heads begin with */

/* The first four bytes as they lie in the file. */
static const struct tt_pcap_magic {
	uint8_t bytes[4];
	bool big;
	bool nano;
	uint32_t head_len;
} tt_pcap_magics[] = {
	{{0xd4, 0xc3, 0xb2, 0xa1}, false, false, 16},
	{{0xa1, 0xb2, 0xc3, 0xd4}, true, false, 16},
	{{0x4d, 0x3c, 0xb2, 0xa1}, false, true, 16},
	{{0xa1, 0xb2, 0x3c, 0x4d}, true, true, 16},
	/* The modified header has interface, protocol and packet type after the lengths. */
	{{0x34, 0xcd, 0xb2, 0xa1}, false, false, 24},
	{{0xa1, 0xb2, 0xcd, 0x34}, true, false, 24},
};

static const uint8_t tt_pcap_ng_magic[4] = {0x0a, 0x0d, 0x0d, 0x0a};

static const struct tt_pcap_magic *tt_pcap_magic_find(struct tt_span head)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_pcap_magics); i++) {
		if (tt_span_starts(head, tt_span(tt_pcap_magics[i].bytes, 4)))
			return &tt_pcap_magics[i];
	}
	return NULL;
}

bool tt_pcap_file_known(struct tt_span head)
{
	return tt_pcap_magic_find(head) || tt_span_starts(head, tt_span(tt_pcap_ng_magic, 4));
}

void tt_pcap_file_init(struct tt_pcap_file *f, struct tt_reader *reader, const struct tt_limits *limits)
{
	*f = (struct tt_pcap_file){.reader = reader, .limits = limits};
}

void tt_pcap_file_free(struct tt_pcap_file *f)
{
	free(f->interfaces);
	f->interfaces = NULL;
	f->interface_count = 0;
}

static uint32_t tt_pcap_u32(const struct tt_pcap_file *f, struct tt_cursor *c)
{
	return f->big ? tt_cursor_be32(c) : tt_cursor_le32(c);
}

static int tt_pcap_classic_next(struct tt_pcap_file *f, struct tt_packet *ret)
{
	struct tt_span s = {0};

	int r = tt_reader_need(f->reader, f->head_len, &s);
	if (r < 0)
		return r;

	struct tt_cursor c = tt_cursor(tt_span(s.data, TT_PCAP_PACKET_HEAD));
	uint64_t sec = tt_pcap_u32(f, &c);
	uint64_t frac = tt_pcap_u32(f, &c);
	uint32_t captured = tt_pcap_u32(f, &c);
	uint32_t length = tt_pcap_u32(f, &c);
	if (captured > f->limits->value[TT_LIMIT_PCAP_PACKET_BYTES])
		return tt_reader_fail(f->reader, -EBADMSG, "a packet of %u bytes: damaged, or see the limit pcap_packet_bytes",
				      captured);

	r = tt_reader_need(f->reader, f->head_len + captured, &s);
	if (r < 0)
		return r;
	*ret = (struct tt_packet){
		.time_ns = sec * 1000000000u + frac * (f->nano ? 1 : 1000),
		.wire_len = TT_MAX(length, captured),
		.link = f->link,
		.data = tt_span_sub(s, f->head_len, captured),
	};
	f->used = s.len;
	return 0;
}

static int tt_pcap_classic_open(struct tt_pcap_file *f, const struct tt_pcap_magic *magic)
{
	struct tt_span s = {0};

	int r = tt_reader_need(f->reader, TT_PCAP_HEADER, &s);
	if (r < 0)
		return r;
	f->big = magic->big;
	f->nano = magic->nano;
	f->head_len = magic->head_len;

	/* Version, time zone, accuracy and snap length say nothing the packets do not; the upper half of the link type is about
	 * checksums. */
	struct tt_cursor c = tt_cursor(tt_span_sub(s, TT_PCAP_HEADER - 4, 4));
	f->link = tt_pcap_u32(f, &c) & 0xffff;
	if (!tt_decode_link_known(f->link))
		return tt_reader_fail(f->reader, -EPROTONOSUPPORT, "link type %u is not supported", f->link);
	tt_reader_consume(f->reader, TT_PCAP_HEADER);
	f->next = tt_pcap_classic_next;
	return 0;
}

static int tt_pcap_file_open(struct tt_pcap_file *f)
{
	struct tt_span head = {0};

	int r = tt_reader_peek(f->reader, 4, &head);
	if (r < 0)
		return r;
	const struct tt_pcap_magic *magic = tt_pcap_magic_find(head);
	if (magic)
		return tt_pcap_classic_open(f, magic);
	if (!tt_pcap_file_known(head))
		return tt_reader_fail(f->reader, -EPROTONOSUPPORT, "neither a pcap nor a pcapng file");
	f->next = tt_pcap_ng_next;
	return 0;
}

int tt_pcap_file_next(struct tt_pcap_file *f, struct tt_packet *ret)
{
	tt_reader_consume(f->reader, f->used);
	f->used = 0;
	int r = f->next ? 0 : tt_pcap_file_open(f);
	return r == 0 && f->next ? f->next(f, ret) : r;
}
