/* SPDX-License-Identifier: Apache-2.0 */
/* Digits without stdio: written, and read. */
#ifndef TT_BASE_DIGITS_H
#define TT_BASE_DIGITS_H

#include "base/span.h"

#define TT_DIGITS_MAX 20
#define TT_DIGITS_READ_MAX 18 /* so many are within 64 bits, with a sign too */

/* The digits stand at the end of `buffer`, which the span borrows. */
static inline struct tt_span tt_digits(uint64_t v, uint8_t buffer[TT_DIGITS_MAX])
{
	size_t at = TT_DIGITS_MAX;
	do {
		buffer[--at] = (uint8_t)('0' + v % 10);
		v /= 10;
	} while (v);
	return tt_span(buffer + at, TT_DIGITS_MAX - at);
}

/* Decimal digits and nothing else, 1 to TT_DIGITS_READ_MAX of them. *ret is set if it returns true. */
static inline bool tt_digits_read(struct tt_span s, uint64_t *ret)
{
	uint64_t n = 0;

	if (!s.len || s.len > TT_DIGITS_READ_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.data[i] - '0');
	}
	*ret = n;
	return true;
}

/* The value of a hexadecimal digit, or -1. */
static inline int tt_hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
