// SPDX-License-Identifier: Apache-2.0
/* MongoDB: elements of BSON documents (bsonspec.org, version 1.1). */
#include "base/own.h"
#include "proto/mongodb_internal.h"

enum shape {
	NONE = 0, /* no such type */
	FIXED,
	TEXT,	 /* length, bytes, 0 */
	NESTED,	 /* length that counts itself */
	BINARY,	 /* length, subtype, bytes */
	PATTERN, /* two texts ended by 0 */
	POINTER, /* text, 12 bytes */
};

enum type {
	DOUBLE = 0x01,
	BOOLEAN = 0x08,
	INT32 = 0x10,
	INT64 = 0x12,
};

static const struct {
	uint8_t shape;
	uint8_t size;
} types[256] = {
	[0x01] = {FIXED, 8},   [0x02] = {TEXT, 0},    [0x03] = {NESTED, 0}, [0x04] = {NESTED, 0}, [0x05] = {BINARY, 0},
	[0x06] = {FIXED, 0},   [0x07] = {FIXED, 12},  [0x08] = {FIXED, 1},  [0x09] = {FIXED, 8},  [0x0a] = {FIXED, 0},
	[0x0b] = {PATTERN, 0}, [0x0c] = {POINTER, 0}, [0x0d] = {TEXT, 0},   [0x0e] = {TEXT, 0},	  [0x0f] = {NESTED, 0},
	[0x10] = {FIXED, 4},   [0x11] = {FIXED, 8},   [0x12] = {FIXED, 8},  [0x13] = {FIXED, 16}, [0x7f] = {FIXED, 0},
	[0xff] = {FIXED, 0},
};

/* Text up to a 0 within `most` bytes. */
static enum mongodb_read read_name(struct tt_cursor *c, uint64_t most, struct tt_span *ret)
{
	struct tt_span rest = tt_span_sub(tt_cursor_rest(c), 0, (size_t)TT_MIN(most, (uint64_t)SIZE_MAX));
	ptrdiff_t at = tt_span_find(rest, 0);

	if (at < 0)
		return rest.len == most ? MONGODB_WRONG : MONGODB_SHORT;
	*ret = tt_span_sub(rest, 0, (size_t)at);
	tt_cursor_skip(c, (size_t)at + 1);
	return MONGODB_FINE;
}

static enum mongodb_read size_of_pattern(struct tt_cursor c, uint64_t left, uint64_t *ret)
{
	size_t begin = c.pos;
	uint64_t most = TT_MIN(left, (uint64_t)MONGODB_LOOK);
	struct tt_span part;
	enum mongodb_read r = read_name(&c, most, &part);

	if (r == MONGODB_FINE)
		r = read_name(&c, most - (c.pos - begin), &part);
	*ret = c.pos - begin;
	return r;
}

/* The length in front of a value; what it means depends on the shape. */
static enum mongodb_read size_of_counted(struct tt_cursor c, enum shape shape, uint64_t *ret)
{
	uint32_t len = tt_cursor_le32(&c);

	if (tt_cursor_short(&c))
		return MONGODB_SHORT;
	if (len > MONGODB_MESSAGE_MAX || (shape == NESTED && len < 5) || ((shape == TEXT || shape == POINTER) && len < 1))
		return MONGODB_WRONG;
	*ret = shape == NESTED ? len : shape == BINARY ? len + 5ull : shape == POINTER ? len + 16ull : len + 4ull;
	return MONGODB_FINE;
}

enum mongodb_read mongodb_element(struct tt_cursor *c, uint64_t left, struct mongodb_element *ret)
{
	size_t begin = c->pos;
	struct mongodb_element e = {.type = tt_cursor_u8(c)};

	if (tt_cursor_short(c))
		return MONGODB_SHORT;
	enum shape shape = types[e.type].shape;
	if (shape == NONE || left < 3)
		return MONGODB_WRONG;
	enum mongodb_read r = read_name(c, TT_MIN(left - 2, (uint64_t)MONGODB_KEY_MAX), &e.name);
	if (r != MONGODB_FINE)
		return r;

	left -= c->pos - begin;
	if (shape == FIXED)
		e.size = types[e.type].size;
	else if (shape == PATTERN)
		r = size_of_pattern(*c, left, &e.size);
	else
		r = size_of_counted(*c, shape, &e.size);
	if (r != MONGODB_FINE)
		return r;
	e.prefix = shape == TEXT ? 4 : 0;
	*ret = e;
	/* The document's own end comes behind it. */
	return e.size < left ? MONGODB_FINE : MONGODB_WRONG;
}

struct tt_span mongodb_text(const struct tt_cursor *c, const struct mongodb_element *e)
{
	if (!e->prefix || e->size < 5)
		return tt_span(NULL, 0);
	return tt_span_sub(tt_cursor_rest(c), e->prefix, (size_t)(e->size - 5));
}

bool mongodb_number(const struct tt_cursor *c, const struct mongodb_element *e, int64_t *ret)
{
	struct tt_cursor value = *c;
	uint64_t bits;
	double d;

	switch (e->type) {
	case DOUBLE:
		bits = tt_cursor_le64(&value);
		memcpy(&d, &bits, sizeof(d));
		if (!(d > -9e15 && d < 9e15))
			return false;
		*ret = (int64_t)d;
		break;
	case BOOLEAN:
		*ret = tt_cursor_u8(&value) != 0;
		break;
	case INT32:
		*ret = (int32_t)tt_cursor_le32(&value);
		break;
	case INT64:
		*ret = (int64_t)tt_cursor_le64(&value);
		break;
	default:
		return false;
	}
	return !tt_cursor_short(&value);
}
