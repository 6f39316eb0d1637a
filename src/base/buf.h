/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte buffer, created with its maximum. Writes past the maximum or without memory set `failed` and change nothing. */
#ifndef TT_BASE_BUF_H
#define TT_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "base/span.h"

struct tt_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
	bool failed; /* something did not fit: what is there is a true prefix */
};

#define TT_BUF(max_) ((struct tt_buf){.max = (max_)})
#define tt_buf_auto tt_cleanup(tt_buf_free)

/* Frees the bytes and empties it; may be used again. NULL-safe. */
void tt_buf_free(struct tt_buf *b);

/* 0, -ENOBUFS past the maximum, -ENOMEM. */
int tt_buf_reserve(struct tt_buf *b, size_t more);
int tt_buf_add(struct tt_buf *b, const void *data, size_t len);
int tt_buf_add_str(struct tt_buf *b, const char *s);
int tt_buf_add_char(struct tt_buf *b, char c);
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
