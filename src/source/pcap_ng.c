// SPDX-License-Identifier: Apache-2.0
/* Blocks of pcapng: draft-ietf-opsawg-pcapng. Unknown blocks are passed over by counting, whatever their size. */
#include <errno.h>

#include "base/cursor.h"
#include "base/own.h"
#include "source/pcap_file.h"

#define TT_NG_SECTION 0x0a0d0d0au
#define TT_NG_ORDER 0x1a2b3c4du
#define TT_NG_FRAME 12 /* type and length before, length after the body */
#define TT_NG_OPTION_TSRESOL 9
#define TT_NG_OPTION_TSOFFSET 14
#define TT_NG_OPTION_IFDROP 5
#define TT_NG_OPTION_OSDROP 7
#define TT_NG_MICROSECONDS 6

static uint16_t tt_ng_u16(const struct tt_pcap_file *f, struct tt_cursor *c)
{
	return f->big ? tt_cursor_be16(c) : tt_cursor_le16(c);
}

static uint32_t tt_ng_u32(const struct tt_pcap_file *f, struct tt_cursor *c)
{
	return f->big ? tt_cursor_be32(c) : tt_cursor_le32(c);
}

static uint64_t tt_ng_u64(const struct tt_pcap_file *f, struct tt_cursor *c)
{
	return f->big ? tt_cursor_be64(c) : tt_cursor_le64(c);
}

/* The value of an option, empty if it is not there. */
static struct tt_span tt_ng_option(const struct tt_pcap_file *f, struct tt_cursor c, uint16_t wanted)
{
	while (tt_cursor_left(&c) >= 4) {
		uint16_t code = tt_ng_u16(f, &c);
		uint16_t len = tt_ng_u16(f, &c);
		struct tt_span value = tt_cursor_take(&c, len);
		if (code == 0 || tt_cursor_short(&c))
			break;
		if (code == wanted)
			return value;
		tt_cursor_skip(&c, TT_MIN((size_t)(-len & 3), tt_cursor_left(&c)));
	}
	return tt_span(NULL, 0);
}

static uint64_t tt_ng_option_u64(const struct tt_pcap_file *f, struct tt_cursor c, uint16_t wanted)
{
	struct tt_cursor v = tt_cursor(tt_ng_option(f, c, wanted));
	return v.len == 8 ? tt_ng_u64(f, &v) : 0;
}

/* A time stamp in the interface's units as nanoseconds. */
static uint64_t tt_ng_time(const struct tt_pcap_interface *i, uint64_t stamp)
{
	unsigned __int128 ns;

	if (i->resolution & 0x80) {
		ns = (unsigned __int128)stamp * 1000000000u >> (i->resolution & 0x7f);
	} else {
		ns = stamp;
		for (unsigned e = i->resolution; e < 9; e++)
			ns *= 10;
		for (unsigned e = i->resolution; e > 9 && ns; e--)
			ns /= 10;
	}
	return (uint64_t)ns + (uint64_t)i->offset_s * 1000000000u;
}

static int tt_ng_bad(struct tt_pcap_file *f, const char *what)
{
	return tt_reader_fail(f->reader, -EBADMSG, "%s", what);
}

/* Handlers take a block's body: 1 a packet, 0 nothing to hand out, or a negative errno. */
static int tt_ng_interface(struct tt_pcap_file *f, struct tt_cursor *c, struct tt_packet *ret)
{
	if (f->interface_count >= f->limits->value[TT_LIMIT_PCAP_INTERFACES])
		return tt_ng_bad(f, "more interfaces than the limit pcap_interfaces");
	struct tt_pcap_interface *all = reallocarray(f->interfaces, f->interface_count + 1, sizeof(*all));
	if (!all)
		return tt_reader_fail(f->reader, -ENOMEM, "no memory for an interface");
	f->interfaces = all;

	struct tt_pcap_interface i = {.link = tt_ng_u16(f, c), .resolution = TT_NG_MICROSECONDS};
	tt_cursor_skip(c, 2);
	i.snaplen = tt_ng_u32(f, c);
	if (tt_cursor_short(c))
		return tt_ng_bad(f, "an interface block is too short");

	struct tt_span resolution = tt_ng_option(f, *c, TT_NG_OPTION_TSRESOL);
	if (resolution.len == 1)
		i.resolution = resolution.data[0];
	i.offset_s = (int64_t)tt_ng_option_u64(f, *c, TT_NG_OPTION_TSOFFSET);
	f->interfaces[f->interface_count++] = i;
	return 0;
}

static int tt_ng_packet(struct tt_pcap_file *f, struct tt_cursor *c, uint32_t number, uint64_t stamp, uint32_t captured,
			uint32_t length, struct tt_packet *ret)
{
	struct tt_span data = tt_cursor_take(c, captured);
	if (tt_cursor_short(c))
		return tt_ng_bad(f, "a packet is longer than its block");
	if (number >= f->interface_count)
		return tt_ng_bad(f, "a packet names an interface that was not described");

	const struct tt_pcap_interface *i = &f->interfaces[number];
	f->last_ns = tt_ng_time(i, stamp);
	*ret = (struct tt_packet){.time_ns = f->last_ns, .wire_len = TT_MAX(length, captured), .link = i->link, .data = data};
	return 1;
}

static int tt_ng_enhanced(struct tt_pcap_file *f, struct tt_cursor *c, struct tt_packet *ret)
{
	uint32_t number = tt_ng_u32(f, c);
	uint64_t stamp = (uint64_t)tt_ng_u32(f, c) << 32;
	stamp |= tt_ng_u32(f, c);
	uint32_t captured = tt_ng_u32(f, c);
	uint32_t length = tt_ng_u32(f, c);
	return tt_ng_packet(f, c, number, stamp, captured, length, ret);
}

/* The obsolete packet block. */
static int tt_ng_old_packet(struct tt_pcap_file *f, struct tt_cursor *c, struct tt_packet *ret)
{
	uint32_t number = tt_ng_u16(f, c);
	uint16_t drops = tt_ng_u16(f, c);
	uint64_t stamp = (uint64_t)tt_ng_u32(f, c) << 32;
	stamp |= tt_ng_u32(f, c);
	uint32_t captured = tt_ng_u32(f, c);
	uint32_t length = tt_ng_u32(f, c);
	if (drops != 0xffff)
		f->dropped += drops;
	return tt_ng_packet(f, c, number, stamp, captured, length, ret);
}

/* Has no time of its own: the packet before it is the nearest that is known. */
static int tt_ng_simple(struct tt_pcap_file *f, struct tt_cursor *c, struct tt_packet *ret)
{
	uint32_t length = tt_ng_u32(f, c);
	if (tt_cursor_short(c) || !f->interface_count)
		return tt_ng_bad(f, "a simple packet block without an interface");
	uint32_t captured = TT_MIN(length, (uint32_t)tt_cursor_left(c));
	if (f->interfaces[0].snaplen)
		captured = TT_MIN(captured, f->interfaces[0].snaplen);
	*ret = (struct tt_packet){
		.time_ns = f->last_ns, .wire_len = length, .link = f->interfaces[0].link, .data = tt_cursor_take(c, captured)};
	return 1;
}

static int tt_ng_statistics(struct tt_pcap_file *f, struct tt_cursor *c, struct tt_packet *ret)
{
	uint32_t number = tt_ng_u32(f, c);
	tt_cursor_skip(c, 8);
	uint64_t total = tt_ng_option_u64(f, *c, TT_NG_OPTION_IFDROP) + tt_ng_option_u64(f, *c, TT_NG_OPTION_OSDROP), before = 0;
	/* Each block has the interface's totals so far. */
	if (number < f->interface_count) {
		before = f->interfaces[number].dropped;
		f->interfaces[number].dropped = TT_MAX(before, total);
	}
	f->dropped += total > before ? total - before : 0;
	return 0;
}

static int tt_ng_section(struct tt_pcap_file *f, struct tt_cursor *c, struct tt_packet *ret)
{
	tt_cursor_skip(c, 4);
	if (tt_ng_u16(f, c) != 1)
		return tt_ng_bad(f, "not version 1 of pcapng");
	f->interface_count = 0;
	return 0;
}

static const struct tt_ng_block {
	uint32_t type;
	int (*take)(struct tt_pcap_file *f, struct tt_cursor *c, struct tt_packet *ret);
} tt_ng_blocks[] = {
	{TT_NG_SECTION, tt_ng_section}, {1, tt_ng_interface}, {2, tt_ng_old_packet}, {3, tt_ng_simple},
	{5, tt_ng_statistics},		{6, tt_ng_enhanced},
};

static const struct tt_ng_block *tt_ng_find(uint32_t type)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_ng_blocks); i++) {
		if (tt_ng_blocks[i].type == type)
			return &tt_ng_blocks[i];
	}
	return NULL;
}

/* Type and length of the next block. A section header also says in which order its numbers are. */
static int tt_ng_head(struct tt_pcap_file *f, uint32_t *ret_type, uint32_t *ret_len)
{
	struct tt_span s = {0};

	int r = tt_reader_need(f->reader, TT_NG_FRAME, &s);
	if (r < 0)
		return r;
	struct tt_cursor c = tt_cursor(s);
	if (tt_ng_u32(f, &c) == TT_NG_SECTION) {
		struct tt_cursor order = tt_cursor(tt_span_sub(s, 8, 4));
		uint32_t mark = tt_cursor_be32(&order);
		f->big = mark == TT_NG_ORDER;
		if (!f->big && mark != __builtin_bswap32(TT_NG_ORDER))
			return tt_ng_bad(f, "a section header without byte order mark");
	}
	c.pos = 0;
	uint32_t type = tt_ng_u32(f, &c);
	uint32_t len = tt_ng_u32(f, &c);
	if (len < TT_NG_FRAME || len % 4)
		return tt_reader_fail(f->reader, -EBADMSG, "a block of %u bytes", len);
	*ret_type = type;
	*ret_len = len;
	return 0;
}

/* One block: as the handlers, having passed over it unless it holds the packet. */
static int tt_ng_block(struct tt_pcap_file *f, struct tt_packet *ret)
{
	struct tt_span s = {0};
	uint32_t type = 0, len = 0;

	int r = tt_ng_head(f, &type, &len);
	if (r < 0)
		return r;
	const struct tt_ng_block *block = tt_ng_find(type);
	if (!block) {
		tt_reader_consume(f->reader, len);
		return 0;
	}
	if (len > f->limits->value[TT_LIMIT_PCAP_PACKET_BYTES])
		return tt_reader_fail(f->reader, -EBADMSG, "a block of %u bytes: damaged, or see the limit pcap_packet_bytes",
				      len);

	r = tt_reader_need(f->reader, len, &s);
	if (r < 0)
		return r;
	struct tt_cursor end = tt_cursor(tt_span_sub(s, len - 4, 4));
	if (tt_ng_u32(f, &end) != len)
		return tt_ng_bad(f, "a block's two lengths differ");
	struct tt_cursor body = tt_cursor(tt_span_sub(s, 8, len - TT_NG_FRAME));
	r = block->take(f, &body, ret);
	if (r == 1)
		f->used = len;
	else if (r == 0)
		tt_reader_consume(f->reader, len);
	return r;
}

int tt_pcap_ng_next(struct tt_pcap_file *f, struct tt_packet *ret)
{
	int r;

	do {
		r = tt_ng_block(f, ret);
	} while (r == 0);
	return r < 0 ? r : 0;
}
