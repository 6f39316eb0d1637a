// SPDX-License-Identifier: Apache-2.0
#include "proto/rocketmq_header.h"

#include "base/digits.h"
#include "base/own.h"

/* The names in a header's list that are wanted. */
static void take_field(struct rocketmq_header *h, struct tt_span name, struct tt_span value)
{
	static const struct {
		struct tt_span name;
		size_t at;
	} wanted[] = {
		{{(const uint8_t *)"topic", 5}, offsetof(struct rocketmq_header, topic)},
		{{(const uint8_t *)"originTopic", 11}, offsetof(struct rocketmq_header, topic)},
		{{(const uint8_t *)"b", 1}, offsetof(struct rocketmq_header, short_topic)},
		{{(const uint8_t *)"consumerGroup", 13}, offsetof(struct rocketmq_header, group)},
		{{(const uint8_t *)"producerGroup", 13}, offsetof(struct rocketmq_header, group)},
		{{(const uint8_t *)"group", 5}, offsetof(struct rocketmq_header, group)},
		{{(const uint8_t *)"a", 1}, offsetof(struct rocketmq_header, short_group)},
		{{(const uint8_t *)"clientID", 8}, offsetof(struct rocketmq_header, client)},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(wanted); i++) {
		if (tt_span_eq(wanted[i].name, name)) {
			struct tt_span *field = (struct tt_span *)((char *)h + wanted[i].at);
			if (value.len && !field->data)
				*field = value;
			return;
		}
	}
}

/* --- binary -------------------------------------------------------------------------------------------------------------------
 */

bool rocketmq_read_binary(struct tt_span bytes, struct rocketmq_header *ret)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct rocketmq_header h = {0};

	h.code = (int16_t)tt_cursor_be16(&c);
	uint8_t language = tt_cursor_u8(&c);
	uint16_t version = tt_cursor_be16(&c);
	h.opaque = tt_cursor_be32(&c);
	h.flag = tt_cursor_be32(&c);
	h.remark = tt_cursor_take32(&c);
	uint32_t fields = tt_cursor_be32(&c);
	if (tt_cursor_short(&c) || fields != tt_cursor_left(&c) || language > 15 || version > 4096)
		return false;
	while (tt_cursor_left(&c)) {
		struct tt_span name = tt_cursor_take16(&c);
		struct tt_span value = tt_cursor_take32(&c);
		if (tt_cursor_short(&c))
			return false;
		take_field(&h, name, value);
	}
	*ret = h;
	return true;
}

/* --- JSON ---------------------------------------------------------------------------------------------------------------------
 */

static void skip_space(struct tt_cursor *c)
{
	while (tt_cursor_left(c) && (c->data[c->pos] == ' ' || (c->data[c->pos] >= '\t' && c->data[c->pos] <= '\r')))
		c->pos++;
}

/* True, and moves on, if the next byte that is no space is this one. */
static bool accept(struct tt_cursor *c, uint8_t byte)
{
	skip_space(c);
	if (!tt_cursor_left(c) || c->data[c->pos] != byte)
		return false;
	c->pos++;
	return true;
}

/* With its escapes as they are. */
static bool read_string(struct tt_cursor *c, struct tt_span *ret)
{
	if (!accept(c, '"'))
		return false;
	size_t start = c->pos;
	for (; c->pos < c->len; c->pos++) {
		if (c->data[c->pos] == '\\') {
			c->pos++;
		} else if (c->data[c->pos] == '"') {
			*ret = tt_span(c->data + start, c->pos++ - start);
			return true;
		}
	}
	c->pos = c->len;
	return false;
}

/* Anything that is no string: up to what ends it, with everything inside. */
static bool read_other(struct tt_cursor *c, struct tt_span *ret)
{
	unsigned depth = 0;
	struct tt_span text;

	skip_space(c);
	size_t start = c->pos;
	while (c->pos < c->len) {
		uint8_t byte = c->data[c->pos];
		if (byte == '"') {
			if (!read_string(c, &text))
				return false;
			continue;
		}
		if (depth == 0 && (byte == ',' || byte == '}' || byte == ']'))
			break;
		depth += byte == '{' || byte == '[';
		depth -= byte == '}' || byte == ']';
		c->pos++;
	}
	*ret = tt_span(c->data + start, c->pos - start);
	return ret->len && c->pos < c->len;
}

/* Numbers stand as such or, in some clients, as strings. */
static bool read_value(struct tt_cursor *c, struct tt_span *ret)
{
	skip_space(c);
	if (tt_cursor_left(c) && c->data[c->pos] == '"')
		return read_string(c, ret);
	return read_other(c, ret);
}

static bool number_of(struct tt_span s, int64_t *ret)
{
	bool negative = s.len && s.data[0] == '-';
	uint64_t v;

	s = tt_span_trim(tt_span_sub(s, negative, s.len));
	if (s.len > 12 || !tt_digits_read(s, &v))
		return false;
	*ret = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

static bool read_fields(struct tt_cursor *c, struct rocketmq_header *h)
{
	struct tt_span name, value;

	if (!accept(c, '{'))
		return read_other(c, &value); /* null */
	if (accept(c, '}'))
		return true;
	do {
		if (!read_string(c, &name) || !accept(c, ':') || !read_value(c, &value))
			return false;
		take_field(h, name, value);
	} while (accept(c, ','));
	return accept(c, '}');
}

enum member {
	CODE = 1,
	OPAQUE = 2,
	FLAG = 4,
};

static bool read_member(struct tt_cursor *c, struct rocketmq_header *h, unsigned *seen)
{
	struct tt_span name, value;
	int64_t number = 0;

	if (!read_string(c, &name) || !accept(c, ':'))
		return false;
	if (tt_span_eq(name, TT_SPAN_LIT("extFields")))
		return read_fields(c, h);
	if (!read_value(c, &value))
		return false;

	bool numeric = number_of(value, &number);
	if (tt_span_eq(name, TT_SPAN_LIT("code"))) {
		h->code = (int32_t)number;
		*seen |= numeric ? CODE : 0u;
	} else if (tt_span_eq(name, TT_SPAN_LIT("opaque"))) {
		h->opaque = (uint32_t)number;
		*seen |= numeric ? OPAQUE : 0u;
	} else if (tt_span_eq(name, TT_SPAN_LIT("flag"))) {
		h->flag = (uint32_t)number;
		*seen |= numeric ? FLAG : 0u;
	} else if (tt_span_eq(name, TT_SPAN_LIT("remark"))) {
		h->remark = value;
	} else if (tt_span_eq(name, TT_SPAN_LIT("language"))) {
		h->language = value;
	}
	return true;
}

bool rocketmq_read_json(struct tt_span bytes, struct rocketmq_header *ret)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct rocketmq_header h = {0};
	unsigned seen = 0;

	if (!accept(&c, '{'))
		return false;
	do {
		if (!read_member(&c, &h, &seen))
			return false;
	} while (accept(&c, ','));
	if (!accept(&c, '}') || seen != (CODE | OPAQUE | FLAG))
		return false;
	skip_space(&c);
	if (tt_cursor_left(&c))
		return false;
	*ret = h;
	return true;
}

/* --- strings ------------------------------------------------------------------------------------------------------------------
 */

/* The unit of four hexadecimal digits at `at`, as UTF-8; returns how many bytes were written, at most 3. */
static size_t put_unit(struct tt_span s, size_t at, uint8_t *to)
{
	unsigned v = 0;

	for (size_t i = 0; i < 4; i++) {
		int digit = at + i < s.len ? tt_hex_digit(s.data[at + i]) : -1;
		if (digit < 0)
			return 0;
		v = v << 4 | (unsigned)digit;
	}
	if (v < 0x80) {
		to[0] = (uint8_t)v;
		return 1;
	}
	if (v < 0x800) {
		to[0] = (uint8_t)(0xc0 | v >> 6);
		to[1] = (uint8_t)(0x80 | (v & 0x3f));
		return 2;
	}
	to[0] = (uint8_t)(0xe0 | v >> 12);
	to[1] = (uint8_t)(0x80 | (v >> 6 & 0x3f));
	to[2] = (uint8_t)(0x80 | (v & 0x3f));
	return 3;
}

struct tt_span rocketmq_unescape(struct tt_span s, uint8_t *buffer, size_t size)
{
	static const char letters[] = "b\bf\fn\nr\rt\t";
	size_t n = 0;

	for (size_t i = 0; i < s.len && n + 3 <= size; i++) {
		if (s.data[i] != '\\' || i + 1 == s.len) {
			buffer[n++] = s.data[i];
			continue;
		}
		uint8_t letter = s.data[++i];
		if (letter == 'u') {
			n += put_unit(s, i + 1, buffer + n);
			i += 4;
			continue;
		}
		const char *at = strchr(letters, letter);
		buffer[n++] = letter && at && (at - letters) % 2 == 0 ? (uint8_t)at[1] : letter;
	}
	return tt_span(buffer, n);
}
