// SPDX-License-Identifier: Apache-2.0
/*
 * HPACK blocks, read by us and by libnghttp2 (which must say the same), and by one who comes late (who must say the same or
 * nothing). One byte: size of the table in units of 64 bytes, then blocks of one byte of length and the bytes; bit 7 of the
 * length: the late one comes here, or misses this block.
 */
#include "harness/hpack_peer.h"

#define WORK_MOST (32u << 10) /* bytes that are told of blocks and tables */
#define TABLES_EVERY 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_hpack_peers p;
	struct tt_hpack late = {0};
	bool there = false;
	unsigned blocks = 0;
	uint64_t all = 0, known = 0;
	size_t work = 0; /* a block of a few bytes may name a large entry a hundred times, and the table has hundreds */

	if (size == 0)
		return 0;
	tt_hpack_peers_init(&p, data[0] * 64u);
	for (size_t at = 1; at < size && work < WORK_MOST;) {
		size_t len = data[at] & 0x7f;
		bool event = data[at++] & 0x80;
		len = len < size - at ? len : size - at;
		const struct tt_span block = tt_span(data + at, len);
		at += len;
		if (!tt_hpack_peers_block(&p, block))
			break;
		work += p.told[0].len;
		if (event && !there)
			tt_hpack_init(&late, 4096, false);
		else if (event)
			tt_hpack_unknown(&late);
		if (there && !event)
			tt_hpack_peers_late(&p, &late, block, &all, &known);
		there |= event;
		tt_hpack_peers_sizes(&p);
		if (event || at == size || ++blocks % TABLES_EVERY == 0)
			work += tt_hpack_peers_tables(&p);
	}
	tt_hpack_peers_free(&p);
	tt_hpack_free(&late);
	return 0;
}
