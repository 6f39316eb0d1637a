/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded cursor: the only way parsers read. A read past the end fails, sets `short_` and moves nothing; a parser may
 * read a whole structure and test tt_cursor_short once at its end.
 */
#ifndef TT_BASE_CURSOR_H
#define TT_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/span.h"

struct tt_cursor {
	const uint8_t *data;
	size_t len;
	size_t pos;
	bool short_; /* a read wanted more than there is */
};

static inline struct tt_cursor tt_cursor(struct tt_span s)
{
	/* Of nothing, too, one may take nothing: NULL plus 0 is undefined. */
	return (struct tt_cursor){.data = s.data ? s.data : (const uint8_t *)"", .len = s.len};
}

static inline size_t tt_cursor_left(const struct tt_cursor *c)
{
	return c->len - c->pos;
}

static inline bool tt_cursor_short(const struct tt_cursor *c)
{
	return c->short_;
}

/* What is left, without moving. */
static inline struct tt_span tt_cursor_rest(const struct tt_cursor *c)
{
	return tt_span(c->data + c->pos, c->len - c->pos);
}

/* The next n bytes, or an empty span (and short_) if there are fewer. */
static inline struct tt_span tt_cursor_take(struct tt_cursor *c, size_t n)
{
	if (n > c->len - c->pos) {
		c->short_ = true;
		return tt_span(NULL, 0);
	}
	struct tt_span s = tt_span(c->data + c->pos, n);
	c->pos += n;
	return s;
}

static inline bool tt_cursor_skip(struct tt_cursor *c, size_t n)
{
	if (n > c->len - c->pos) {
		c->short_ = true;
		return false;
	}
	c->pos += n;
	return true;
}

static inline uint64_t tt_cursor_be_(struct tt_cursor *c, size_t n)
{
	if (!tt_cursor_skip(c, n))
		return 0;
	const uint8_t *p = c->data + c->pos - n;
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint64_t tt_cursor_le_(struct tt_cursor *c, size_t n)
{
	if (!tt_cursor_skip(c, n))
		return 0;
	const uint8_t *p = c->data + c->pos - n;
	uint64_t v = 0;
	for (size_t i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* Fixed-width integers, network (be) or little-endian order; 0 when short. */
static inline uint8_t tt_cursor_u8(struct tt_cursor *c)
{
	return (uint8_t)tt_cursor_be_(c, 1);
}
static inline uint16_t tt_cursor_be16(struct tt_cursor *c)
{
	return (uint16_t)tt_cursor_be_(c, 2);
}
static inline uint32_t tt_cursor_be24(struct tt_cursor *c)
{
	return (uint32_t)tt_cursor_be_(c, 3);
}
static inline uint32_t tt_cursor_be32(struct tt_cursor *c)
{
	return (uint32_t)tt_cursor_be_(c, 4);
}
static inline uint64_t tt_cursor_be64(struct tt_cursor *c)
{
	return tt_cursor_be_(c, 8);
}
static inline uint16_t tt_cursor_le16(struct tt_cursor *c)
{
	return (uint16_t)tt_cursor_le_(c, 2);
}
static inline uint32_t tt_cursor_le24(struct tt_cursor *c)
{
	return (uint32_t)tt_cursor_le_(c, 3);
}
static inline uint32_t tt_cursor_le32(struct tt_cursor *c)
{
	return (uint32_t)tt_cursor_le_(c, 4);
}
static inline uint64_t tt_cursor_le64(struct tt_cursor *c)
{
	return tt_cursor_le_(c, 8);
}

/* The bytes behind their count, which is of 8, 16 or 32 bits in network order. As tt_cursor_take otherwise. */
static inline struct tt_span tt_cursor_take8(struct tt_cursor *c)
{
	return tt_cursor_take(c, tt_cursor_u8(c));
}
static inline struct tt_span tt_cursor_take16(struct tt_cursor *c)
{
	return tt_cursor_take(c, tt_cursor_be16(c));
}
static inline struct tt_span tt_cursor_take32(struct tt_cursor *c)
{
	return tt_cursor_take(c, tt_cursor_be32(c));
}

/* Bytes up to `end`, which is passed over but not returned. An empty span and short_ if `end` is not there. */
static inline struct tt_span tt_cursor_until(struct tt_cursor *c, uint8_t end)
{
	ptrdiff_t at = tt_span_find(tt_cursor_rest(c), end);
	if (at < 0) {
		c->short_ = true;
		return tt_span(NULL, 0);
	}
	struct tt_span s = tt_span(c->data + c->pos, (size_t)at);
	c->pos += (size_t)at + 1;
	return s;
}

/* A line ended by \n, with a \r before it taken off. As tt_cursor_until otherwise. */
static inline struct tt_span tt_cursor_line(struct tt_cursor *c)
{
	struct tt_span s = tt_cursor_until(c, '\n');
	if (s.len && s.data[s.len - 1] == '\r')
		s.len--;
	return s;
}

#endif
