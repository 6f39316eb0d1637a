// SPDX-License-Identifier: Apache-2.0
/* MySQL: the packets that end an answer, and what stands in front of a statement. */
#include "proto/mysql_internal.h"

uint64_t mysql_lenenc(struct tt_cursor *c)
{
	uint8_t first = tt_cursor_u8(c);

	switch (first) {
	case 0xfc:
		return tt_cursor_le16(c);
	case 0xfd:
		return tt_cursor_le24(c);
	case 0xfe:
		return tt_cursor_le64(c);
	case 0xfb:
	case 0xff:
		c->short_ = true;
		return 0;
	default:
		return first;
	}
}

struct tt_span mysql_lenenc_str(struct tt_cursor *c)
{
	uint64_t len = mysql_lenenc(c);
	if (len > tt_cursor_left(c)) {
		c->short_ = true;
		return tt_span(NULL, 0);
	}
	return tt_cursor_take(c, (size_t)len);
}

/* Session state information: type, length, data; type 1 is the current database. */
static struct tt_span read_schema(struct tt_cursor c)
{
	mysql_lenenc_str(&c); /* the text for people */
	struct tt_cursor block = tt_cursor(mysql_lenenc_str(&c));

	while (!tt_cursor_short(&block) && tt_cursor_left(&block)) {
		uint8_t type = tt_cursor_u8(&block);
		struct tt_cursor entry = tt_cursor(mysql_lenenc_str(&block));
		if (type != 1)
			continue;
		struct tt_span name = mysql_lenenc_str(&entry);
		return tt_cursor_short(&entry) ? tt_span(NULL, 0) : name;
	}
	return tt_span(NULL, 0);
}

bool mysql_read_ok(struct tt_span payload, struct mysql_ok *ret)
{
	struct tt_cursor c = tt_cursor(payload);
	struct mysql_ok ok = {0};
	uint8_t first = tt_cursor_u8(&c);

	if (first == 0xfe && payload.len < 7) {
		if (payload.len == 5) {
			tt_cursor_le16(&c);
			ok.status = tt_cursor_le16(&c);
			ok.has_status = true;
		} else if (payload.len != 1) { /* 1: before 4.1 */
			return false;
		}
		*ret = ok;
		return true;
	}
	if (first != 0 && first != 0xfe)
		return false;

	ok.affected = mysql_lenenc(&c);
	mysql_lenenc(&c); /* last insert id */
	ok.status = tt_cursor_le16(&c);
	ok.has_status = true;
	tt_cursor_le16(&c); /* warnings */
	if (tt_cursor_short(&c))
		return false;
	if (ok.status & MYSQL_STATE_CHANGED)
		ok.schema = read_schema(c);
	*ret = ok;
	return true;
}

bool mysql_read_err(struct tt_span payload, struct mysql_err *ret)
{
	struct tt_cursor c = tt_cursor(payload);
	struct mysql_err err = {0};

	if (tt_cursor_u8(&c) != 0xff)
		return false;
	err.code = tt_cursor_le16(&c);
	if (tt_cursor_short(&c))
		return false;
	struct tt_span rest = tt_cursor_rest(&c);
	if (rest.len >= 6 && rest.data[0] == '#') {
		err.sql_state = tt_span_sub(rest, 1, 5);
		rest = tt_span_sub(rest, 6, rest.len);
	}
	err.text = rest;
	*ret = err;
	return true;
}

bool mysql_is_definition(struct tt_span payload)
{
	return tt_span_starts(payload, TT_SPAN_LIT("\x03"
						   "def"));
}

/* Bytes of a binary value of this type; -1: a length-encoded string, -2: a length byte stands before it. */
static int value_size(uint8_t type)
{
	static const int8_t size[] = {
		[0x00] = -1, [0x01] = 1, [0x02] = 2, [0x03] = 4,  [0x04] = 4,  [0x05] = 8,  [0x06] = 0,
		[0x07] = -2, [0x08] = 8, [0x09] = 4, [0x0a] = -2, [0x0b] = -2, [0x0c] = -2, [0x0d] = 2,
	};
	return type < TT_ARRAY_LEN(size) ? size[type] : -1;
}

static void skip_value(struct tt_cursor *c, uint8_t type)
{
	int size = value_size(type);

	if (size == -1)
		mysql_lenenc_str(c);
	else
		tt_cursor_skip(c, size == -2 ? tt_cursor_u8(c) : (size_t)size);
}

bool mysql_skip_query_attributes(struct tt_cursor *c)
{
	uint64_t count = mysql_lenenc(c);
	uint64_t sets = mysql_lenenc(c);

	if (tt_cursor_short(c) || sets != 1 || count > 256)
		return false;
	if (count == 0)
		return true;

	struct tt_span null = tt_cursor_take(c, (size_t)(count + 7) / 8);
	if (tt_cursor_u8(c) != 1 || !null.data)
		return false;
	uint8_t type[256];
	for (size_t i = 0; i < count; i++) {
		type[i] = (uint8_t)tt_cursor_le16(c);
		mysql_lenenc_str(c); /* name */
	}
	if (tt_cursor_short(c))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!(null.data[i / 8] & 1 << i % 8))
			skip_value(c, type[i]);
	}
	return !tt_cursor_short(c);
}
