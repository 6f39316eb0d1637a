// SPDX-License-Identifier: Apache-2.0
/*
 * Dubbo: the beginnings of bodies. Hessian 2.0 (http://hessian.caucho.com/doc/hessian-serialization.html), JSON lines (fastjson)
 * and JSONB (fastjson2, https://github.com/alibaba/fastjson2/wiki/jsonb_format_en), only as far as strings and small numbers.
 */
#include "base/own.h"
#include "proto/dubbo.h"

enum serialization {
	HESSIAN2 = 2,
	FASTJSON = 6,
	FASTJSON2 = 23,
};

/* Numbers: org.apache.dubbo.common.serialize.Constants. */
static const struct {
	uint8_t number;
	const char *name;
} names[] = {
	{HESSIAN2, "hessian2"},
	{3, "java"},
	{4, "compactedjava"},
	{FASTJSON, "fastjson"},
	{7, "nativejava"},
	{8, "kryo"},
	{9, "fst"},
	{10, "native-hessian"},
	{11, "avro"},
	{12, "protostuff"},
	{16, "gson"},
	{21, "protobuf-json"},
	{22, "protobuf"},
	{FASTJSON2, "fastjson2"},
	{25, "kryo2"},
	{27, "msgpack"},
};

const char *dubbo_serialization_name(uint8_t serialization)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		if (names[i].number == serialization)
			return names[i].name;
	}
	return NULL;
}

/* --- Hessian 2.0 -------------------------------------------------------------------------------------------------------------
 */

/* Lengths count characters of 16 bits, each of one to three bytes. */
static struct tt_span hessian_chars(struct tt_cursor *c, size_t chars)
{
	size_t from = c->pos;

	for (size_t i = 0; i < chars; i++) {
		uint8_t b = tt_cursor_u8(c);
		tt_cursor_skip(c, b >= 0xe0 ? 2 : b >= 0xc0 ? 1 : 0);
		if (tt_cursor_short(c))
			return tt_span(NULL, 0);
	}
	return tt_span(c->data + from, c->pos - from);
}

static struct tt_span hessian_string(struct tt_cursor *c)
{
	uint8_t tag = tt_cursor_u8(c);
	size_t chars;

	if (tt_cursor_short(c))
		return tt_span(NULL, 0);
	if (tag <= 0x1f)
		chars = tag;
	else if (tag >= 0x30 && tag <= 0x33)
		chars = (size_t)(tag - 0x30) << 8 | tt_cursor_u8(c);
	else if (tag == 'S' || tag == 'R')
		chars = tt_cursor_be16(c);
	else if (tag == 'N')
		return tt_span("", 0);
	else
		return tt_span(NULL, 0);
	/* A long text is read as far as it is there. */
	struct tt_span s = hessian_chars(c, TT_MIN(chars, (size_t)DUBBO_NAME_MOST));
	return chars > DUBBO_NAME_MOST || s.data ? s : tt_span(NULL, 0);
}

static void hessian_result(struct tt_cursor *c, struct dubbo_result *ret)
{
	uint8_t kind = tt_cursor_u8(c);

	/* 0 exception, 1 value, 2 null; 3 to 5 the same with attachments. */
	if (tt_cursor_short(c) || kind < 0x90 || kind > 0x95)
		return;
	ret->known = true;
	ret->exception = kind == 0x90 || kind == 0x93;
	if (ret->exception && tt_cursor_u8(c) == 'C' && !tt_cursor_short(c))
		ret->exception_class = hessian_string(c);
}

/* --- JSON lines --------------------------------------------------------------------------------------------------------------
 */

static struct tt_span json_string(struct tt_cursor *c)
{
	struct tt_span line = tt_cursor_line(c);

	if (tt_cursor_short(c))
		return tt_span(NULL, 0);
	if (tt_span_eq(line, TT_SPAN_LIT("null")))
		return tt_span("", 0);
	if (line.len < 2 || line.data[0] != '"' || line.data[line.len - 1] != '"')
		return tt_span(NULL, 0);
	return tt_span_sub(line, 1, line.len - 2);
}

static void json_result(struct tt_cursor *c, struct dubbo_result *ret)
{
	struct tt_span line = tt_cursor_line(c);

	if (tt_cursor_short(c) || line.len != 1 || line.data[0] < '0' || line.data[0] > '5')
		return;
	ret->known = true;
	ret->exception = line.data[0] == '0' || line.data[0] == '3';
}

/* --- JSONB -------------------------------------------------------------------------------------------------------------------
 */

static int32_t jsonb_int(struct tt_cursor *c)
{
	uint8_t tag = tt_cursor_u8(c);

	if (tag >= 0xf0 || tag <= 0x2f)
		return (int8_t)tag;
	if (tag >= 0x30 && tag <= 0x3f)
		return (tag - 0x38) * 256 + tt_cursor_u8(c);
	if (tag >= 0x40 && tag <= 0x47)
		return (tag - 0x44) * 65536 + tt_cursor_be16(c);
	if (tag == 0x48)
		return (int32_t)tt_cursor_be32(c);
	c->short_ = true;
	return 0;
}

static struct tt_span jsonb_text(struct tt_cursor *c)
{
	uint8_t tag = tt_cursor_u8(c);
	int32_t len = 0;

	if (tt_cursor_short(c))
		return tt_span(NULL, 0);
	if (tag == 0xaf) /* null */
		return tt_span("", 0);
	if (tag >= 0x49 && tag <= 0x78)
		len = tag - 0x49;
	else if (tag == 0x79 || tag == 0x7a) /* ASCII, UTF-8 */
		len = jsonb_int(c);
	else
		return tt_span(NULL, 0);
	if (tt_cursor_short(c) || len < 0)
		return tt_span(NULL, 0);
	size_t there = TT_MIN((size_t)len, tt_cursor_left(c));
	return there == (size_t)len || there >= DUBBO_NAME_MOST ? tt_cursor_take(c, there) : tt_span(NULL, 0);
}

/* Dubbo puts each object's length in front, in four bytes. */
static struct tt_span jsonb_string(struct tt_cursor *c)
{
	tt_cursor_skip(c, 4);
	return jsonb_text(c);
}

static void jsonb_result(struct tt_cursor *c, struct dubbo_result *ret)
{
	uint32_t len = tt_cursor_be32(c);
	uint8_t tag = tt_cursor_u8(c);
	uint8_t kind = tt_cursor_u8(c);

	if (tt_cursor_short(c) || len != 2 || tag != 0xbd || kind > 5)
		return;
	ret->known = true;
	ret->exception = kind == 0 || kind == 3;
	tt_cursor_skip(c, 4);
	/* A typed object: its class stands first. */
	uint8_t object = tt_cursor_u8(c);
	if (ret->exception && !tt_cursor_short(c) && (object == 0x92 || object == 0x93))
		ret->exception_class = jsonb_text(c);
}

/* --- by serialization --------------------------------------------------------------------------------------------------------
 */

static const struct {
	uint8_t number;
	struct tt_span (*string)(struct tt_cursor *c);
	void (*result)(struct tt_cursor *c, struct dubbo_result *ret);
} readers[] = {
	{HESSIAN2, hessian_string, hessian_result},
	{FASTJSON, json_string, json_result},
	{FASTJSON2, jsonb_string, jsonb_result},
};

static int reader_of(uint8_t serialization)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(readers); i++) {
		if (readers[i].number == serialization)
			return (int)i;
	}
	return -1;
}

bool dubbo_read_call(uint8_t serialization, struct tt_span body, struct dubbo_call *ret)
{
	int reader = reader_of(serialization);
	struct tt_cursor c = tt_cursor(body);

	*ret = (struct dubbo_call){0};
	if (reader < 0)
		return false;
	ret->dubbo = readers[reader].string(&c);
	ret->service = readers[reader].string(&c);
	ret->version = readers[reader].string(&c);
	ret->method = readers[reader].string(&c);
	return ret->dubbo.data && ret->service.data && ret->version.data && ret->method.data;
}

void dubbo_read_result(uint8_t serialization, struct tt_span body, struct dubbo_result *ret)
{
	int reader = reader_of(serialization);
	struct tt_cursor c = tt_cursor(body);

	*ret = (struct dubbo_result){0};
	if (reader >= 0)
		readers[reader].result(&c, ret);
}

struct tt_span dubbo_read_text(uint8_t serialization, struct tt_span body)
{
	int reader = reader_of(serialization);
	struct tt_cursor c = tt_cursor(body);

	return reader < 0 ? tt_span(NULL, 0) : readers[reader].string(&c);
}
