// SPDX-License-Identifier: Apache-2.0
/*
 * HPACK tables as a library tells them to one who comes late: what is true is taken, and with it the late one says the same of
 * every block as libnghttp2 and one who was there, or nothing; a lie harms nobody. One byte: size of the table in units of 64
 * bytes, then blocks of one byte of length and the bytes. Bit 7 of the length: a byte follows that says how the table is told at
 * this block (enum tell).
 */
#include "harness/hpack_peer.h"
#include "shared/header_table.h"

#define WORK_MOST (32u << 10)

enum tell {
	TELL_AFTER = 1, /* as the block left it */
	TELL_MISS = 2,	/* nothing is told: the late one misses the block */
	TELL_LIE = 4,
	TELL_FEW = 8, /* only so many entries as the bits above say */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* What is told is true, and how many entries the block inserts. */
static void tell(const struct tt_hpack_peers *p, struct tt_hpack *late, uint8_t how, size_t newer)
{
	struct tt_header header[TT_TABLE_ENTRIES_MOST];
	size_t most = how & TELL_FEW ? how >> 4 : TT_TABLE_ENTRIES_MOST, all = tt_hpack_peers_table(p, header, most);
	struct tt_hpack_table table = {
		.header = header,
		.count = all < most ? all : most,
		.size = p->ours.size,
		.most = p->ours.max,
		.whole = all <= most,
	};

	int e = tt_hpack_take(late, &table, newer);
	must(newer > table.count ? e < 0 : e == 0);
}

/* Half of it is made up: it is refused, or what is read with it is wrong, but nothing else. */
static void lie(const struct tt_hpack_peers *p, uint8_t how, struct tt_span block, size_t newer)
{
	struct tt_header header[TT_TABLE_ENTRIES_MOST];
	struct tt_hpack late;
	size_t all = tt_hpack_peers_table(p, header, TT_TABLE_ENTRIES_MOST);
	struct tt_hpack_table table = {
		.header = header,
		.count = all < TT_TABLE_ENTRIES_MOST ? all : TT_TABLE_ENTRIES_MOST,
		.size = p->ours.size + (how >> 6),
		.most = how & 16 ? UINT32_MAX : p->ours.max,
		.whole = how & 32,
	};

	if (table.count)
		header[how % table.count].value = block;
	tt_hpack_init(&late, 4096, false);
	if (tt_hpack_take(&late, &table, newer) == 0) {
		must(late.count <= table.count && late.size <= late.keep);
		tt_hpack_block(&late, block, 0, NULL, NULL);
	}
	tt_hpack_free(&late);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_hpack_peers p;
	struct tt_hpack late;
	uint64_t all = 0, known = 0;
	size_t work = 0;

	if (size == 0)
		return 0;
	tt_hpack_peers_init(&p, data[0] * 64u);
	tt_hpack_init(&late, 4096, false);
	for (size_t at = 1; at < size && work < WORK_MOST;) {
		size_t len = data[at] & 0x7f;
		bool event = data[at++] & 0x80;
		uint8_t how = event && at < size ? data[at++] : TELL_MISS;
		len = len < size - at ? len : size - at;
		const struct tt_span block = tt_span(data + at, len);
		at += len;
		ssize_t inserts = tt_hpack_inserts(block);
		bool told = event && !(how & (TELL_MISS | TELL_LIE));

		if (told && !(how & TELL_AFTER))
			tell(&p, &late, how, 0);
		if (!tt_hpack_peers_block(&p, block))
			break;
		must(inserts >= 0);
		work += p.told[0].len + (told ? p.ours.size : 0);
		if (event && how & TELL_LIE)
			lie(&p, how, block, (size_t)inserts);
		if (told && how & TELL_AFTER)
			tell(&p, &late, how, (size_t)inserts);
		if (event && how & TELL_MISS)
			tt_hpack_unknown(&late);
		else
			tt_hpack_peers_late(&p, &late, block, &all, &known);
	}
	tt_hpack_peers_free(&p);
	tt_hpack_free(&late);
	return 0;
}
