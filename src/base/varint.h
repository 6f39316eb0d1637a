/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in groups of seven bits, the low ones first, each byte but the last with its high bit set (LEB128). */
#ifndef TT_BASE_VARINT_H
#define TT_BASE_VARINT_H

#include "base/cursor.h"

/* Bytes a number of so many bits takes at most. */
#define TT_VARINT_28 4
#define TT_VARINT_32 5
#define TT_VARINT_64 10

enum tt_varint_read {
	TT_VARINT_WHOLE,
	TT_VARINT_CUT,	/* the bytes end within it, or before: short_ is set, *ret has what is there */
	TT_VARINT_LONG, /* it goes on behind `most` bytes; they are passed */
};

/* At most `most` bytes, of which there may be TT_VARINT_64; bits beyond 64 are dropped. */
static inline enum tt_varint_read tt_varint_read(struct tt_cursor *c, unsigned most, uint64_t *ret)
{
	*ret = 0;
	if (tt_cursor_short(c))
		return TT_VARINT_CUT;
	for (unsigned i = 0; i < most; i++) {
		if (!tt_cursor_skip(c, 1))
			return TT_VARINT_CUT;
		uint8_t b = c->data[c->pos - 1];
		*ret |= (uint64_t)(b & 0x7f) << 7 * i;
		if (!(b & 0x80))
			return TT_VARINT_WHOLE;
	}
	return TT_VARINT_LONG;
}

/* The same where it is one whether it is cut or too long: 0 and short_ then. */
static inline uint64_t tt_varint(struct tt_cursor *c, unsigned most)
{
	uint64_t v;

	if (tt_varint_read(c, most, &v) == TT_VARINT_WHOLE)
		return v;
	c->short_ = true;
	return 0;
}

/* A signed number whose sign stands in the lowest bit. */
static inline int32_t tt_zigzag32(uint32_t v)
{
	return (int32_t)(v >> 1) ^ -(int32_t)(v & 1);
}

#endif
