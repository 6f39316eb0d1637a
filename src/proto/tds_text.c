// SPDX-License-Identifier: Apache-2.0
/* TDS: UTF-16, in which all its texts are. */
#include "proto/tds.h"

static void add(struct tt_buf *out, uint32_t c)
{
	uint8_t b[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		b[i] = (uint8_t)(0x80 | (c & 0x3f));
	b[0] = (uint8_t)(n == 1 ? c : (0xf00u >> n & 0xf0) | c);
	tt_buf_add(out, b, n);
}

void tds_utf8(struct tt_buf *out, struct tt_span utf16)
{
	struct tt_cursor c = tt_cursor(utf16);

	while (tt_cursor_left(&c) >= 2) {
		uint32_t unit = tt_cursor_le16(&c);
		if (unit >= 0xd800 && unit < 0xdc00 && tt_cursor_left(&c) >= 2) {
			size_t at = c.pos;
			uint32_t low = tt_cursor_le16(&c);
			if (low >= 0xdc00 && low < 0xe000) {
				add(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
				continue;
			}
			c.pos = at;
		}
		add(out, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
	}
}
