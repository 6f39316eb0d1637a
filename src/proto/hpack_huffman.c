// SPDX-License-Identifier: Apache-2.0
#include "proto/hpack_huffman.h"

#include <errno.h>
#include <stdbool.h>

/* Codes up to this length are found by one look; longer ones stand for bytes that are rare in headers. */
#define HUFFMAN_SHORT 10
#define HUFFMAN_LONGEST 30
#define HUFFMAN_SYMBOLS 256

/*
 * The length of each byte's code is all there is to know: the codes of one length follow each other in the order of the bytes,
 * and shorter ones come before longer ones. The end-of-string symbol is thirty ones, which only padding may begin with.
 */
static const uint8_t huffman_length[HUFFMAN_SYMBOLS] = {
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
	28, 28, 28, 6,	10, 10, 12, 13, 6,  8,	11, 10, 10, 8,	11, 8,	6,  6,	6,  5,	5,  5,	6,  6,	6,  6,	6,  6,	6,
	7,  8,	15, 6,	12, 10, 13, 6,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,
	7,  8,	7,  8,	13, 19, 13, 14, 6,  15, 5,  6,	5,  6,	5,  6,	6,  6,	5,  7,	7,  6,	6,  6,	5,  6,	7,  6,	5,
	5,  6,	7,  7,	7,  7,	7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24,
	24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22,
	23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26,
	27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23,
	22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
};

static struct huffman_tables {
	struct {
		uint8_t symbol;
		uint8_t length; /* 0: the code is longer */
	} entry[1u << HUFFMAN_SHORT];
	uint8_t symbols[HUFFMAN_SYMBOLS];    /* in the order of their codes */
	uint32_t limit[HUFFMAN_LONGEST + 1]; /* past the last code of this length, at the left of 32 bits; 0: none is so long */
	uint32_t first[HUFFMAN_LONGEST + 1]; /* the first one */
	uint16_t place[HUFFMAN_LONGEST + 1]; /* of the first one in `symbols` */
	bool made;
} huffman;

static void huffman_make(void)
{
	uint32_t code = 0;
	uint16_t place = 0;

	for (unsigned length = 1; length <= HUFFMAN_LONGEST; length++) {
		huffman.first[length] = code;
		huffman.place[length] = place;
		for (unsigned symbol = 0; symbol < HUFFMAN_SYMBOLS; symbol++) {
			if (huffman_length[symbol] != length)
				continue;
			huffman.symbols[place++] = (uint8_t)symbol;
			if (length <= HUFFMAN_SHORT) {
				uint32_t at = code >> (32 - HUFFMAN_SHORT);
				uint32_t end = at + (1u << (HUFFMAN_SHORT - length));
				for (; at < end; at++) {
					huffman.entry[at].symbol = (uint8_t)symbol;
					huffman.entry[at].length = (uint8_t)length;
				}
			}
			code += 1u << (32 - length);
		}
		huffman.limit[length] = code;
	}
	huffman.made = true;
}

/* The code at the left of `window` that is longer than HUFFMAN_SHORT; 0: none. */
static unsigned huffman_long(uint32_t window, uint8_t *ret_symbol)
{
	for (unsigned length = HUFFMAN_SHORT + 1; length <= HUFFMAN_LONGEST; length++) {
		if (window < huffman.limit[length]) {
			*ret_symbol =
				huffman.symbols[huffman.place[length] + ((window - huffman.first[length]) >> (32 - length))];
			return length;
		}
	}
	return 0;
}

ssize_t tt_huffman_decode(uint8_t *to, struct tt_span coded)
{
	const uint8_t *at = coded.data, *end = at + coded.len;
	uint64_t bits = 0; /* what was read and not decoded, from the left */
	unsigned have = 0;
	uint8_t *out = to;

	if (!huffman.made)
		huffman_make();
	for (;;) {
		while (have <= 56 && at < end) {
			bits |= (uint64_t)*at++ << (56 - have);
			have += 8;
		}
		unsigned length = huffman.entry[bits >> (64 - HUFFMAN_SHORT)].length;
		uint8_t symbol = huffman.entry[bits >> (64 - HUFFMAN_SHORT)].symbol;
		if (!length)
			length = huffman_long((uint32_t)(bits >> 32), &symbol);
		if (!length || length > have)
			break;
		*out++ = symbol;
		bits <<= length;
		have -= length;
	}

	/* What is left is padding: less than a byte of ones. */
	if (at < end || have > 7 || bits >> 57 != (0x7fu << (7 - have) & 0x7f))
		return -EBADMSG;
	return out - to;
}
