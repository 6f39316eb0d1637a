/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed range of bytes, never owned and not ended by 0. */
#ifndef TT_BASE_SPAN_H
#define TT_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct tt_span {
	const uint8_t *data;
	size_t len;
};

#define TT_SPAN_LIT(s) ((struct tt_span){(const uint8_t *)(s), sizeof(s) - 1})

static inline struct tt_span tt_span(const void *data, size_t len)
{
	return (struct tt_span){data, len};
}

static inline struct tt_span tt_span_str(const char *s)
{
	return (struct tt_span){(const uint8_t *)s, s ? strlen(s) : 0};
}

static inline bool tt_span_eq(struct tt_span a, struct tt_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool tt_span_starts(struct tt_span a, struct tt_span prefix)
{
	return a.len >= prefix.len && memcmp(a.data, prefix.data, prefix.len) == 0;
}

static inline uint8_t tt_ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* ASCII case-insensitive. */
static inline bool tt_span_ieq(struct tt_span a, struct tt_span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (tt_ascii_lower(a.data[i]) != tt_ascii_lower(b.data[i]))
			return false;
	}
	return true;
}

#ifdef __SSE2__
/* Where c is among the sixteen bytes, as bits. */
static inline unsigned tt_bytes_eq(__m128i bytes, uint8_t c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)c)));
}
#endif

/* memchr for what mostly stands within some dozen bytes, as ends of lines do: there it makes no call. */
static inline const uint8_t *tt_find_near(const uint8_t *at, const uint8_t *end, uint8_t c)
{
	ptrdiff_t left = end - at;

#ifdef __SSE2__
	if (left >= 16) {
		const uint8_t *last = end - 16;
		unsigned found;

		for (; at <= last; at += 16) {
			found = tt_bytes_eq(_mm_loadu_si128((const __m128i *)at), c);
			if (found)
				return at + __builtin_ctz(found);
		}
		/* The rest with bytes before it, which were looked at. */
		found = tt_bytes_eq(_mm_loadu_si128((const __m128i *)last), c);
		return found ? last + __builtin_ctz(found) : NULL;
	}
#endif
	return left > 0 ? memchr(at, c, (size_t)left) : NULL;
}

/* The same for the first of \r and \n. */
static inline const uint8_t *tt_find_line_end(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
	if (end - at >= 16) {
		const uint8_t *last = end - 16;

		/* The last ones with bytes before them, which were looked at. */
		for (;; at = at < last - 16 ? at + 16 : last) {
			__m128i bytes = _mm_loadu_si128((const __m128i *)at);
			unsigned found = tt_bytes_eq(bytes, '\r') | tt_bytes_eq(bytes, '\n');

			if (found)
				return at + __builtin_ctz(found);
			if (at == last)
				return NULL;
		}
	}
#endif
	while (at < end && *at != '\r' && *at != '\n')
		at++;
	return at < end ? at : NULL;
}

/* Is c there? Without a call where there are few bytes. */
static inline bool tt_span_has(struct tt_span s, uint8_t c)
{
#ifdef __SSE2__
	/* Two halves that overlap; of the shorter ones twice, so that nothing else is compared. */
	if (s.len - 8 < 8)
		return tt_bytes_eq(_mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)s.data),
						      _mm_loadl_epi64((const __m128i *)(s.data + s.len - 8))),
				   c);
	if (s.len - 4 < 4) {
		int32_t low, high;
		memcpy(&low, s.data, 4);
		memcpy(&high, s.data + s.len - 4, 4);
		return tt_bytes_eq(_mm_set_epi32(low, high, low, high), c);
	}
#endif
	if (s.len >= 8)
		return tt_find_near(s.data, s.data + s.len, c);
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == c)
			return true;
	}
	return false;
}

/* Position of byte c, or -1. */
static inline ptrdiff_t tt_span_find(struct tt_span s, uint8_t c)
{
	const uint8_t *at = s.len ? memchr(s.data, c, s.len) : NULL;
	return at ? at - s.data : -1;
}

/* The part from `from` on, at most len bytes; empty past the end. */
static inline struct tt_span tt_span_sub(struct tt_span s, size_t from, size_t len)
{
	if (from >= s.len) /* of nothing there may be no address to count from */
		return (struct tt_span){s.len ? s.data + s.len : s.data, 0};
	if (len > s.len - from)
		len = s.len - from;
	return (struct tt_span){s.data + from, len};
}

static inline bool tt_span_ends(struct tt_span a, struct tt_span end)
{
	return a.len >= end.len && tt_span_eq(tt_span_sub(a, a.len - end.len, end.len), end);
}

/* Without spaces and tabs at both ends. */
static inline struct tt_span tt_span_trim(struct tt_span s)
{
	if (!s.len) /* of nothing there may be no address to count from */
		return s;
	const uint8_t *at = s.data, *end = at + s.len;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (at < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return tt_span(at, (size_t)(end - at));
}

#endif
