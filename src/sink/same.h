/* SPDX-License-Identifier: Apache-2.0 */
/* Equality of what is mostly shorter than a call of memcmp is worth. */
#ifndef TT_SINK_SAME_H
#define TT_SINK_SAME_H

#include "base/span.h"

static inline bool tt_same_words(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t x, y, v, w;

	/* The second half overlaps the first. */
	memcpy(&x, a, 8);
	memcpy(&y, b, 8);
	memcpy(&v, a + len - 8, 8);
	memcpy(&w, b + len - 8, 8);
	return !((x ^ y) | (v ^ w));
}

static inline bool tt_same_halves(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint32_t x, y, v, w;

	memcpy(&x, a, 4);
	memcpy(&y, b, 4);
	memcpy(&v, a + len - 4, 4);
	memcpy(&w, b + len - 4, 4);
	return !((x ^ y) | (v ^ w));
}

static inline bool tt_same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	if (len > 16)
		return memcmp(a, b, len) == 0;
	if (len >= 8)
		return tt_same_words(a, b, len);
	if (len >= 4)
		return tt_same_halves(a, b, len);
	return !len || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

static inline bool tt_same_span(struct tt_span a, struct tt_span b)
{
	return a.len == b.len && tt_same_bytes(a.data, b.data, a.len);
}

/* A few bits of a text: enough to keep those used by turns apart where a handful is remembered. */
static inline unsigned tt_span_tint(struct tt_span s)
{
	return s.len ? (unsigned)s.len * 5 + s.data[0] + 3u * s.data[s.len - 1] : 0;
}

#endif
