/* SPDX-License-Identifier: Apache-2.0 */
/* Digits without stdio. */
#ifndef TT_BASE_DIGITS_H
#define TT_BASE_DIGITS_H

#include "base/span.h"

#define TT_DIGITS_MAX 20

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

/* The value of a hexadecimal digit, or -1. */
static inline int tt_hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
