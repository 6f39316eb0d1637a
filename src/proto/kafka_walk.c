// SPDX-License-Identifier: Apache-2.0
#include "proto/kafka_walk.h"

#include "base/own.h"
#include "base/varint.h"

#define NOT_IN_TAGS UINT32_MAX
#define NO_TEXT UINT64_MAX

void tt_kafka_walk_begin(struct tt_kafka_walk *w, const char *layout)
{
	*w = (struct tt_kafka_walk){.at = layout, .tags = NOT_IN_TAGS};
}

bool tt_kafka_walk_in_topics(const struct tt_kafka_walk *w)
{
	const char *at = *w->at == '~' ? w->at + 1 : w->at;
	return *at == 'T' || *at == 'U';
}

/* More than 32 bits: short_ is set, which no length or count of Kafka's needs. */
static uint32_t read_varint(struct tt_cursor *c)
{
	uint64_t v = tt_varint(c, TT_VARINT_32);

	return v <= UINT32_MAX ? (uint32_t)v : (c->short_ = true, 0);
}

/* What the letter's length or count says; NO_TEXT for null and for what makes no sense (short_ is set then). */
static uint64_t read_length(struct tt_cursor *c, unsigned width)
{
	if (width == 0) {
		uint32_t v = read_varint(c);
		return v == 0 ? NO_TEXT : v - 1;
	}
	int64_t v = width == 2 ? (int16_t)tt_cursor_be16(c) : (int32_t)tt_cursor_be32(c);
	return v < 0 ? NO_TEXT : (uint64_t)v;
}

/* The letter behind the bracket that closes the one before `at`. */
static const char *behind(const char *at)
{
	for (unsigned depth = 1; *at; at++) {
		depth += *at == '(' || *at == '[' || *at == '<';
		depth -= *at == ')' || *at == ']' || *at == '>';
		if (!depth)
			return at + 1;
	}
	return at;
}

static enum tt_kafka_walked enter(struct tt_kafka_walk *w, struct tt_cursor *c, uint64_t left, unsigned width,
				  struct tt_kafka_field *ret)
{
	size_t start = c->pos;
	uint64_t count = read_length(c, width);

	if (tt_cursor_short(c))
		return TT_KAFKA_MORE;
	ret->number = count == NO_TEXT ? 0 : (int64_t)count;
	/* An element has at least a byte. */
	if ((uint64_t)ret->number > left - (c->pos - start))
		return TT_KAFKA_WRONG;
	w->at++;
	if (ret->number == 0) {
		w->at = behind(w->at);
		return TT_KAFKA_FIELD;
	}
	if (w->depth == TT_KAFKA_DEPTH)
		return TT_KAFKA_WRONG;
	w->loop[w->depth].begin = w->at;
	w->loop[w->depth++].left = (uint32_t)ret->number;
	return TT_KAFKA_FIELD;
}

static void leave(struct tt_kafka_walk *w)
{
	if (--w->loop[w->depth - 1].left) {
		w->at = w->loop[w->depth - 1].begin;
		return;
	}
	w->depth--;
	w->at++;
}

/* A string or bytes; `want` bytes of it are read. */
static enum tt_kafka_walked read_text(struct tt_kafka_walk *w, struct tt_cursor *c, uint64_t left, unsigned width, size_t want,
				      struct tt_kafka_field *ret)
{
	size_t start = c->pos;
	uint64_t len = read_length(c, width);

	if (tt_cursor_short(c))
		return TT_KAFKA_MORE;
	if (len != NO_TEXT) {
		if (len > left - (c->pos - start))
			return TT_KAFKA_WRONG;
		size_t n = (size_t)TT_MIN(len, (uint64_t)want);
		ret->text = tt_cursor_take(c, n);
		ret->skip = len - n;
		if (tt_cursor_short(c))
			return TT_KAFKA_MORE;
	}
	w->at++;
	return TT_KAFKA_FIELD;
}

/* One tagged field a call. */
static enum tt_kafka_walked read_tags(struct tt_kafka_walk *w, struct tt_cursor *c, uint64_t left, struct tt_kafka_field *ret)
{
	size_t start = c->pos;
	bool first = w->tags == NOT_IN_TAGS;
	uint32_t tags = first ? read_varint(c) : w->tags;

	if (tt_cursor_short(c))
		return TT_KAFKA_MORE;
	if (tags > left)
		return TT_KAFKA_WRONG;
	if (tags) {
		read_varint(c); /* the tag */
		ret->skip = read_varint(c);
		if (tt_cursor_short(c))
			return TT_KAFKA_MORE;
		if (ret->skip > left - (c->pos - start))
			return TT_KAFKA_WRONG;
		tags--;
	}
	w->tags = tags ? tags : NOT_IN_TAGS;
	w->at += tags == 0;
	return TT_KAFKA_FIELD;
}

static enum tt_kafka_walked read_fixed(struct tt_kafka_walk *w, struct tt_cursor *c, size_t n, struct tt_kafka_field *ret)
{
	struct tt_cursor number = *c;

	ret->text = tt_cursor_take(c, n);
	if (tt_cursor_short(c))
		return TT_KAFKA_MORE;
	ret->number = n == 2 ? (int16_t)tt_cursor_be16(&number) : n == 4 ? (int32_t)tt_cursor_be32(&number) : 0;
	w->at++;
	return TT_KAFKA_FIELD;
}

static enum tt_kafka_walked read_nullable(struct tt_kafka_walk *w, struct tt_cursor *c)
{
	uint8_t there = tt_cursor_u8(c);

	if (tt_cursor_short(c))
		return TT_KAFKA_MORE;
	w->at = (int8_t)there < 0 ? behind(w->at + 1) : w->at + 1;
	return TT_KAFKA_FIELD;
}

static enum tt_kafka_walked read_letter(struct tt_kafka_walk *w, struct tt_cursor *c, uint64_t left, struct tt_kafka_field *ret)
{
	unsigned width = 2;

	if (*w->at == '~') {
		width = 0;
		w->at++;
	}
	ret->letter = *w->at;
	switch (*w->at) {
	case 'b':
		return read_fixed(w, c, 1, ret);
	case 'h':
	case 'A':
	case 'E':
		return read_fixed(w, c, 2, ret);
	case 'i':
	case 'S':
	case 'P':
		return read_fixed(w, c, 4, ret);
	case 'q':
		return read_fixed(w, c, 8, ret);
	case 'u':
	case 'U':
	case 'W':
		return read_fixed(w, c, 16, ret);
	case 's':
		return read_text(w, c, left, width, 0, ret);
	case 'B':
		return read_text(w, c, left, 4, 0, ret);
	case 'c':
		return read_text(w, c, left, 0, 0, ret);
	case '(':
		return enter(w, c, left, 4, ret);
	case '[':
		return enter(w, c, left, 0, ret);
	case '<':
		return read_nullable(w, c);
	case '_':
		return read_tags(w, c, left, ret);
	case '\0':
		return TT_KAFKA_OVER;
	default:
		return read_text(w, c, left, width, TT_KAFKA_TEXT, ret);
	}
}

enum tt_kafka_walked tt_kafka_walk_next(struct tt_kafka_walk *w, struct tt_cursor *c, uint64_t left, struct tt_kafka_field *ret)
{
	const char *from;
	size_t start = c->pos;

	while (*w->at == ')' || *w->at == ']' || *w->at == '>') {
		if (*w->at == '>')
			w->at++;
		else
			leave(w);
	}
	from = w->at;
	*ret = (struct tt_kafka_field){0};
	enum tt_kafka_walked walked = read_letter(w, c, left, ret);
	if (walked == TT_KAFKA_MORE) {
		/* All of the message is there and it is too short, or a number too large. */
		if (c->len - start >= left || c->len - start >= 2 * TT_KAFKA_TEXT)
			return TT_KAFKA_WRONG;
		w->at = from;
		c->pos = start;
		c->short_ = false;
	}
	return walked;
}

/* --- tables -------------------------------------------------------------------------------------------------------------------
 */

static const char *const api_names[] = {
#define TT_KAFKA_API(key, name) [key] = name,
#define TT_KAFKA_LAYOUT(key, first, last, request, response)
#include "proto/kafka_layout.tbl.h"
#undef TT_KAFKA_API
#undef TT_KAFKA_LAYOUT
};

static const struct layout_row {
	uint8_t key;
	uint8_t first;
	uint8_t last;
	const char *request;
	const char *response;
} layouts[] = {
#define TT_KAFKA_API(key, name)
#define TT_KAFKA_LAYOUT(key, first, last, request, response) {key, first, last, request, response},
#include "proto/kafka_layout.tbl.h"
#undef TT_KAFKA_API
#undef TT_KAFKA_LAYOUT
};

/* Numbered from -1 on. */
static const char *const error_names[] = {
#define TT_KAFKA_ERROR(code, name) [code + 1] = name,
#include "proto/kafka_error.tbl.h"
#undef TT_KAFKA_ERROR
};

const char *tt_kafka_api_name(int16_t key)
{
	return key >= 0 && (size_t)key < TT_ARRAY_LEN(api_names) ? api_names[key] : NULL;
}

bool tt_kafka_layout(int16_t key, int16_t version, const char **ret_request, const char **ret_response)
{
	size_t low = 0, high = TT_ARRAY_LEN(layouts);

	/* The rows stand in order of key and version. */
	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct layout_row *row = &layouts[mid];
		if (row->key < key || (row->key == key && row->last < version)) {
			low = mid + 1;
		} else if (row->key > key || row->first > version) {
			high = mid;
		} else {
			*ret_request = row->request;
			*ret_response = row->response;
			return true;
		}
	}
	return false;
}

struct tt_span tt_kafka_error_name(int16_t code, char buffer[static 24])
{
	if (code >= -1 && (size_t)(code + 1) < TT_ARRAY_LEN(error_names) && error_names[code + 1])
		return tt_span_str(error_names[code + 1]);

	char *at = buffer + 24;
	unsigned v = code < 0 ? (unsigned)-code : (unsigned)code;
	do {
		*--at = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	if (code < 0)
		*--at = '-';
	const char prefix[] = "ERROR_";
	at -= sizeof(prefix) - 1;
	memcpy(at, prefix, sizeof(prefix) - 1);
	return tt_span(at, (size_t)(buffer + 24 - at));
}
