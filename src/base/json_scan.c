// SPDX-License-Identifier: Apache-2.0
#include "base/json_scan.h"

#include "base/cursor.h"
#include "base/digits.h"

struct tt_scan {
	struct tt_cursor c;
	const char *const *paths;
	size_t count;
	struct tt_json_value *values;
	size_t depth;
	struct tt_span names[TT_JSON_DEPTH]; /* of the objects' members we are in */
	size_t name_count;
};

static int tt_scan_peek(struct tt_scan *s)
{
	while (tt_cursor_left(&s->c)) {
		uint8_t b = s->c.data[s->c.pos];
		if (b != ' ' && b != '\t' && b != '\n' && b != '\r')
			return b;
		s->c.pos++;
	}
	return -1;
}

/* Do the names we are in spell this path? */
static bool tt_scan_at(const struct tt_scan *s, const char *path)
{
	for (size_t i = 0; i < s->name_count; i++) {
		size_t len = s->names[i].len;
		if (i && *path++ != '.')
			return false;
		/* A name may hold a 0, which ends the path. */
		if (strnlen(path, len) < len || memcmp(path, s->names[i].data, len) != 0 || (path[len] != '.' && path[len] != 0))
			return false;
		path += len;
	}
	return *path == 0;
}

static void tt_scan_found(struct tt_scan *s, enum tt_json_type type, struct tt_span text, bool cut)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->values[i].type == TT_JSON_NONE && tt_scan_at(s, s->paths[i]))
			s->values[i] = (struct tt_json_value){.text = text, .type = (uint8_t)type, .cut = cut};
	}
}

/* Behind the opening quote. False: it does not end. */
static bool tt_scan_string(struct tt_scan *s, struct tt_span *ret)
{
	size_t from = s->c.pos;

	while (s->c.pos < s->c.len && s->c.data[s->c.pos] != '"')
		s->c.pos += s->c.data[s->c.pos] == '\\' ? 2 : 1;
	bool ended = s->c.pos < s->c.len;
	if (!ended)
		s->c.pos = s->c.len;
	*ret = tt_span(s->c.data + from, s->c.pos - from);
	s->c.pos += ended;
	return ended;
}

static bool tt_scan_value(struct tt_scan *s);

/* The members or elements behind the opening bracket. False where the scan is over. */
static bool tt_scan_members(struct tt_scan *s, bool object)
{
	uint8_t close = object ? '}' : ']';

	for (;;) {
		int b = tt_scan_peek(s);
		if (b == close || b == ',') {
			s->c.pos++;
			if (b == close)
				return true;
			continue;
		}
		if (object) {
			struct tt_span name;
			s->c.pos++;
			if (b != '"' || !tt_scan_string(s, &name) || tt_scan_peek(s) != ':')
				return false;
			s->c.pos++;
			s->names[s->name_count++] = name;
		}
		if (!tt_scan_value(s))
			return false;
		s->name_count -= object;
	}
}

static bool tt_scan_nested(struct tt_scan *s, bool object)
{
	if (s->depth == TT_JSON_DEPTH)
		return false;
	s->depth++;
	size_t from = s->c.pos - 1;
	bool more = tt_scan_members(s, object);
	s->depth--;
	if (more)
		tt_scan_found(s, object ? TT_JSON_OBJECT : TT_JSON_ARRAY, tt_span(s->c.data + from, s->c.pos - from), false);
	return more;
}

static bool tt_scan_word(struct tt_scan *s)
{
	size_t from = s->c.pos;

	while (s->c.pos < s->c.len && !strchr(",]} \t\r\n", s->c.data[s->c.pos]))
		s->c.pos++;
	struct tt_span word = tt_span(s->c.data + from, s->c.pos - from);
	if (s->c.pos == s->c.len || word.len == 0)
		return false; /* a number may go on */
	bool number = word.data[0] == '-' || (word.data[0] >= '0' && word.data[0] <= '9');
	if (number)
		tt_scan_found(s, TT_JSON_NUMBER, word, false);
	else if (tt_span_eq(word, TT_SPAN_LIT("true")) || tt_span_eq(word, TT_SPAN_LIT("false")))
		tt_scan_found(s, TT_JSON_BOOL, word, false);
	return number || word.data[0] == 't' || word.data[0] == 'f' || word.data[0] == 'n';
}

static bool tt_scan_value(struct tt_scan *s)
{
	int b = tt_scan_peek(s);
	struct tt_span text;
	bool ended;

	switch (b) {
	case -1:
		return false;
	case '{':
	case '[':
		s->c.pos++;
		return tt_scan_nested(s, b == '{');
	case '"':
		s->c.pos++;
		ended = tt_scan_string(s, &text);
		tt_scan_found(s, TT_JSON_STRING, text, !ended);
		return ended;
	default:
		return tt_scan_word(s);
	}
}

void tt_json_scan(struct tt_span json, const char *const *paths, size_t count, struct tt_json_value *values)
{
	struct tt_scan s = {.c = tt_cursor(json), .paths = paths, .count = count, .values = values};

	memset(values, 0, count * sizeof(*values));
	tt_scan_value(&s);
}

bool tt_json_value_u64(const struct tt_json_value *v, uint64_t *ret)
{
	return v->type == TT_JSON_NUMBER && tt_digits_read(v->text, ret);
}
