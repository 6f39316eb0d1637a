/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte buffer, created with its maximum. Writes past the maximum or without memory set `failed` and change nothing. */
#ifndef TT_BASE_BUF_H
#define TT_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/span.h"

struct tt_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
	bool failed; /* something did not fit: what is there is a true prefix */
};

/* memcpy, out of line. */
void tt_copy_long(uint8_t *to, const uint8_t *from, size_t len);

/* Less than 16 bytes; the second half overlaps the first. */
static inline void tt_copy_tiny(uint8_t *to, const uint8_t *p, size_t len)
{
	if (len >= 8) {
		memcpy(to, p, 8);
		memcpy(to + len - 8, p + len - 8, 8);
	} else if (len >= 4) {
		memcpy(to, p, 4);
		memcpy(to + len - 4, p + len - 4, 4);
	} else if (len) {
		to[0] = p[0];
		to[len / 2] = p[len / 2];
		to[len - 1] = p[len - 1];
	}
}

/* memcpy for what is mostly shorter than a call of it is worth. */
static inline void tt_copy_short(uint8_t *to, const void *from, size_t len)
{
	const uint8_t *p = from;

	/* The second half overlaps the first. */
	if (len > 64) {
		tt_copy_long(to, p, len);
	} else if (len < 16) {
		tt_copy_tiny(to, p, len);
	} else if (len < 32) {
		memcpy(to, p, 16);
		memcpy(to + len - 16, p + len - 16, 16);
	} else {
		memcpy(to, p, 32);
		memcpy(to + len - 32, p + len - 32, 32);
	}
}

#define TT_BUF(max_) ((struct tt_buf){.max = (max_)})
#define tt_buf_auto tt_cleanup(tt_buf_free)

/* The longest number tt_put_u64 writes. */
#define TT_U64_DIGITS 20

/* Frees the bytes and empties it; may be used again. NULL-safe. */
static inline void tt_buf_free(struct tt_buf *b)
{
	if (!b)
		return;
	if (b->data)
		free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

/* tt_buf_reserve where there is no room yet. */
int tt_buf_grow(struct tt_buf *b, size_t more);

/* 0, -ENOBUFS past the maximum, -ENOMEM. The adding functions are inline because every output is made of many short pieces. */
static inline int tt_buf_reserve(struct tt_buf *b, size_t more)
{
	return more <= b->cap - b->len ? 0 : tt_buf_grow(b, more);
}

static inline int tt_buf_add(struct tt_buf *b, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	int r = tt_buf_reserve(b, len);
	if (r < 0)
		return r;
	tt_copy_short(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

static inline int tt_buf_add_str(struct tt_buf *b, const char *s)
{
	return tt_buf_add(b, s, strlen(s));
}

static inline int tt_buf_add_char(struct tt_buf *b, char c)
{
	int r = tt_buf_reserve(b, 1);
	if (r < 0)
		return r;
	b->data[b->len++] = (uint8_t)c;
	return 0;
}

/* Writes the decimal digits at `at`, which has room for TT_U64_DIGITS; returns how many. */
size_t tt_put_u64(uint8_t *at, uint64_t v);
int tt_buf_add_u64(struct tt_buf *b, uint64_t v);
int tt_buf_add_i64(struct tt_buf *b, int64_t v);
int tt_buf_printf(struct tt_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void tt_buf_clear(struct tt_buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Drops the first n bytes (n <= len). */
void tt_buf_consume(struct tt_buf *b, size_t n);

static inline struct tt_span tt_buf_span(const struct tt_buf *b)
{
	return tt_span(b->data, b->len);
}

#endif
