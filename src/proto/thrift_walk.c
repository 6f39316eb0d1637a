// SPDX-License-Identifier: Apache-2.0
/*
 * Thrift: past a structure's values, in the binary and the compact encoding (thrift-binary-protocol.md,
 * thrift-compact-protocol.md of Apache Thrift). A message without a frame ends where its structure does, and there is no other
 * way to know.
 */
#include "base/own.h"
#include "proto/thrift.h"

enum thrift_what {
	IN_STRUCT,
	IN_LIST,
	IN_MAP,
};

/* What a type is, whichever its number. */
enum shape {
	SHAPE_NONE,
	SHAPE_FIXED, /* so many bytes */
	SHAPE_VARINT,
	SHAPE_BYTES,
	SHAPE_STRUCT,
	SHAPE_LIST,
	SHAPE_MAP,
};

struct type {
	uint8_t shape;
	uint8_t size;
};

static const struct type binary_types[17] = {
	[2] = {SHAPE_FIXED, 1}, [3] = {SHAPE_FIXED, 1},	 [4] = {SHAPE_FIXED, 8},  [6] = {SHAPE_FIXED, 2},
	[8] = {SHAPE_FIXED, 4}, [10] = {SHAPE_FIXED, 8}, [11] = {SHAPE_BYTES, 0}, [12] = {SHAPE_STRUCT, 0},
	[13] = {SHAPE_MAP, 0},	[14] = {SHAPE_LIST, 0},	 [15] = {SHAPE_LIST, 0},  [16] = {SHAPE_FIXED, 16},
};

static const struct type compact_types[17] = {
	[1] = {SHAPE_FIXED, 1},	  [2] = {SHAPE_FIXED, 1},  [3] = {SHAPE_FIXED, 1}, [4] = {SHAPE_VARINT, 0},
	[5] = {SHAPE_VARINT, 0},  [6] = {SHAPE_VARINT, 0}, [7] = {SHAPE_FIXED, 8}, [8] = {SHAPE_BYTES, 0},
	[9] = {SHAPE_LIST, 0},	  [10] = {SHAPE_LIST, 0},  [11] = {SHAPE_MAP, 0},  [12] = {SHAPE_STRUCT, 0},
	[13] = {SHAPE_FIXED, 16},
};

static struct type type_of(const struct thrift_walk *w, uint8_t number)
{
	if (number >= TT_ARRAY_LEN(binary_types))
		return (struct type){SHAPE_NONE, 0};
	return w->compact ? compact_types[number] : binary_types[number];
}

static bool push(struct thrift_walk *w, enum thrift_what what, uint8_t key, uint8_t value, uint32_t left)
{
	if (w->depth == THRIFT_DEPTH)
		return false;
	w->level[w->depth++] = (struct thrift_level){.what = (uint8_t)what, .key = key, .value = value, .left = left};
	return true;
}

void thrift_walk_begin(struct thrift_walk *w, bool compact, bool exception)
{
	*w = (struct thrift_walk){.compact = compact, .exception = exception};
	push(w, IN_STRUCT, 0, 0, 0);
}

/* --- values ------------------------------------------------------------------------------------------------------------------
 */

static bool wanted(const struct thrift_walk *w, int16_t field)
{
	return w->exception && w->depth == 1 && w->field == field;
}

static enum tt_step bytes(struct thrift_walk *w, struct tt_cursor *c, uint64_t *ret_skip)
{
	uint32_t len = w->compact ? thrift_varint(c) : tt_cursor_be32(c);

	if (tt_cursor_short(c))
		return TT_MORE;
	if (len > INT32_MAX)
		return TT_LOST_SYNC;
	if (wanted(w, 1)) {
		size_t look = TT_MIN((size_t)len, (size_t)THRIFT_TEXT);
		if (tt_cursor_left(c) < look)
			return TT_MORE;
		memcpy(w->text, c->data + c->pos, look);
		w->text_len = (uint16_t)look;
	}
	*ret_skip = len;
	return TT_PARSED;
}

static enum tt_step list(struct thrift_walk *w, struct tt_cursor *c, uint64_t *ret_skip)
{
	uint8_t number = tt_cursor_u8(c);
	uint32_t count;

	if (w->compact) {
		count = number >> 4;
		number &= 0x0f;
		if (count == 15)
			count = thrift_varint(c);
	} else {
		count = tt_cursor_be32(c);
	}
	if (tt_cursor_short(c))
		return TT_MORE;
	struct type type = type_of(w, number);
	if (count > INT32_MAX || (count && type.shape == SHAPE_NONE))
		return TT_LOST_SYNC;
	if (type.shape == SHAPE_FIXED)
		*ret_skip = (uint64_t)count * type.size;
	else if (count && !push(w, IN_LIST, number, 0, count))
		return TT_LOST_SYNC;
	return TT_PARSED;
}

static enum tt_step map(struct thrift_walk *w, struct tt_cursor *c)
{
	uint8_t key = 0, value = 0;
	uint32_t count;

	if (w->compact) {
		count = thrift_varint(c);
		uint8_t types = count && !tt_cursor_short(c) ? tt_cursor_u8(c) : 0;
		key = types >> 4;
		value = types & 0x0f;
	} else {
		key = tt_cursor_u8(c);
		value = tt_cursor_u8(c);
		count = tt_cursor_be32(c);
	}
	if (tt_cursor_short(c))
		return TT_MORE;
	if (count > INT32_MAX || (count && (type_of(w, key).shape == SHAPE_NONE || type_of(w, value).shape == SHAPE_NONE)))
		return TT_LOST_SYNC;
	return !count || push(w, IN_MAP, key, value, count) ? TT_PARSED : TT_LOST_SYNC;
}

static enum tt_step varint(struct thrift_walk *w, struct tt_cursor *c)
{
	uint64_t v;

	enum tt_varint_read read = tt_varint_read(c, TT_VARINT_64, &v);
	if (read != TT_VARINT_WHOLE)
		return read == TT_VARINT_CUT ? TT_MORE : TT_LOST_SYNC;
	if (wanted(w, 2)) {
		w->type = tt_zigzag32((uint32_t)v);
		w->has_type = true;
	}
	return TT_PARSED;
}

static enum tt_step value(struct thrift_walk *w, struct tt_cursor *c, uint8_t number, uint64_t *ret_skip)
{
	struct type type = type_of(w, number);

	switch ((enum shape)type.shape) {
	case SHAPE_FIXED:
		if (type.size == 4 && wanted(w, 2)) {
			w->type = (int32_t)tt_cursor_be32(c);
			w->has_type = !tt_cursor_short(c);
			return w->has_type ? TT_PARSED : TT_MORE;
		}
		*ret_skip = type.size;
		return TT_PARSED;
	case SHAPE_VARINT:
		return varint(w, c);
	case SHAPE_BYTES:
		return bytes(w, c, ret_skip);
	case SHAPE_STRUCT:
		return push(w, IN_STRUCT, 0, 0, 0) ? TT_PARSED : TT_LOST_SYNC;
	case SHAPE_LIST:
		return list(w, c, ret_skip);
	case SHAPE_MAP:
		return map(w, c);
	default:
		return TT_LOST_SYNC;
	}
}

/* --- structures and containers -----------------------------------------------------------------------------------------------
 */

/* A field's head; *ret_type 0 at the structure's end. */
static enum tt_step field_head(struct thrift_walk *w, struct tt_cursor *c, uint8_t *ret_type, bool *ret_inline)
{
	struct thrift_level *l = &w->level[w->depth - 1];
	uint8_t head = tt_cursor_u8(c);
	int16_t field = 0;

	*ret_inline = false;
	if (w->compact && head) {
		uint8_t delta = head >> 4;
		head &= 0x0f;
		field = delta ? (int16_t)(l->field + delta) : (int16_t)tt_zigzag32(thrift_varint(c));
		*ret_inline = head == 1 || head == 2; /* the type is the truth value */
	} else if (head) {
		field = (int16_t)tt_cursor_be16(c);
	}
	if (tt_cursor_short(c))
		return TT_MORE;
	if (head && type_of(w, head).shape == SHAPE_NONE)
		return TT_LOST_SYNC;
	*ret_type = head;
	l->field = field;
	return TT_PARSED;
}

static enum tt_step in_struct(struct thrift_walk *w, struct tt_cursor *c, uint64_t *ret_skip)
{
	struct thrift_level *l = &w->level[w->depth - 1];
	int16_t before = l->field;
	bool outermost = w->depth == 1, in_head;
	uint8_t number;

	enum tt_step step = field_head(w, c, &number, &in_head);
	if (step != TT_PARSED)
		return step;
	if (number == 0) {
		w->depth--;
		return TT_PARSED;
	}
	if (outermost) {
		w->field = l->field;
		if (!w->has_field)
			w->first_field = l->field;
		w->has_field = true;
	}
	step = in_head ? TT_PARSED : value(w, c, number, ret_skip);
	if (step != TT_PARSED)
		l->field = before;
	return step;
}

static enum tt_step in_container(struct thrift_walk *w, struct tt_cursor *c, uint64_t *ret_skip)
{
	uint8_t at = (uint8_t)(w->depth - 1);
	struct thrift_level before = w->level[at];
	struct thrift_level *l = &w->level[at];

	if (l->left == 0) {
		w->depth--;
		return TT_PARSED;
	}
	uint8_t number = l->at_value ? l->value : l->key;
	if (l->what == IN_MAP)
		l->at_value = !l->at_value;
	if (l->what == IN_LIST || before.at_value)
		l->left--;
	enum tt_step step = value(w, c, number, ret_skip);
	if (step != TT_PARSED)
		*l = before;
	return step;
}

enum tt_step thrift_walk_on(struct thrift_walk *w, struct tt_cursor *c, uint64_t *ret_skip)
{
	*ret_skip = 0;
	while (w->depth && *ret_skip <= tt_cursor_left(c)) {
		tt_cursor_skip(c, (size_t)*ret_skip);
		*ret_skip = 0;
		size_t at = c->pos;
		enum tt_step step =
			w->level[w->depth - 1].what == IN_STRUCT ? in_struct(w, c, ret_skip) : in_container(w, c, ret_skip);
		if (step != TT_PARSED) {
			c->pos = at;
			c->short_ = false;
			*ret_skip = 0;
			return step;
		}
	}
	w->over = w->depth == 0;
	return TT_PARSED;
}
