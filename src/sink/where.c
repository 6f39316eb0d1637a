// SPDX-License-Identifier: Apache-2.0
#include "sink/where.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "sink/jsonl.h"
#include "sink/where_field.h"

enum tt_where_operator {
	TT_WHERE_EQUAL,
	TT_WHERE_DIFFERENT,
	TT_WHERE_LESS,
	TT_WHERE_AT_MOST,
	TT_WHERE_MORE,
	TT_WHERE_AT_LEAST,
};

/* Longer ones first, so that `<=` is not taken for `<`. */
static const struct {
	const char *text;
	enum tt_where_operator op;
} tt_where_operators[] = {
	{"!=", TT_WHERE_DIFFERENT}, {"<=", TT_WHERE_AT_MOST}, {">=", TT_WHERE_AT_LEAST}, {"==", TT_WHERE_EQUAL},
	{"=", TT_WHERE_EQUAL},	    {"<", TT_WHERE_LESS},     {">", TT_WHERE_MORE},
};

struct tt_where_condition {
	const struct tt_where_field *field;
	enum tt_where_operator op;
	char *name;
	char *value;
	bool is_number;
	int64_t number;
};

struct tt_where {
	struct tt_where_condition list[TT_WHERE_MOST];
	size_t count;
};

/* --- reading ------------------------------------------------------------------------------------------------------------- */

static bool tt_where_digits(struct tt_span s, int64_t *ret, size_t *ret_len)
{
	size_t i = s.len && s.data[0] == '-';
	size_t from = i;
	int64_t n = 0;

	for (; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, s.data[i] - '0', &n))
			return false;
	}
	*ret = from ? -n : n;
	*ret_len = i;
	return i > from;
}

/* A whole number and perhaps a unit: durations in nanoseconds, sizes in bytes. */
static bool tt_where_read_number(struct tt_span s, int64_t *ret)
{
	static const struct {
		const char *name;
		int64_t times;
	} units[] = {{"", 1},		{"ns", 1},	{"us", 1000},	{"ms", 1000000},
		     {"s", 1000000000}, {"k", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
	size_t len;

	if (!tt_where_digits(s, ret, &len))
		return false;
	struct tt_span unit = tt_span_sub(s, len, s.len);
	for (size_t i = 0; i < TT_ARRAY_LEN(units); i++) {
		if (tt_span_eq(unit, tt_span_str(units[i].name)))
			return !__builtin_mul_overflow(*ret, units[i].times, ret);
	}
	return false;
}

static char *tt_where_text(struct tt_span s)
{
	return strndup(s.data ? (const char *)s.data : "", s.len);
}

static int tt_where_wrong(struct tt_where_error *e, size_t at, const char *what)
{
	*e = (struct tt_where_error){at, what};
	return -EINVAL;
}

/* One condition, which begins at byte `at` of the whole text. */
static int tt_where_condition(struct tt_where_condition *ret, struct tt_span s, size_t at, struct tt_where_error *e)
{
	size_t i = 0, o = 0;

	while (i < s.len && !strchr("=!<>", s.data[i]))
		i++;
	if (i == s.len)
		o = TT_ARRAY_LEN(tt_where_operators);
	while (o < TT_ARRAY_LEN(tt_where_operators) &&
	       !tt_span_starts(tt_span_sub(s, i, s.len), tt_span_str(tt_where_operators[o].text)))
		o++;
	if (o == TT_ARRAY_LEN(tt_where_operators))
		return tt_where_wrong(e, at + i, "= != < <= > or >= is missing");
	struct tt_span name = tt_span_trim(tt_span_sub(s, 0, i));
	struct tt_span value = tt_span_trim(tt_span_sub(s, i + strlen(tt_where_operators[o].text), s.len));

	*ret = (struct tt_where_condition){.field = tt_where_field_find(name), .op = tt_where_operators[o].op};
	if (!ret->field)
		return tt_where_wrong(e, at, "no such field (docs/json.md; attributes have a dot)");
	ret->is_number = tt_where_read_number(value, &ret->number);
	if (ret->op >= TT_WHERE_LESS && !ret->is_number)
		return tt_where_wrong(e, (size_t)(value.data - s.data) + at,
				      "a whole number, perhaps with a unit, is needed here");
	ret->name = tt_where_text(name);
	ret->value = tt_where_text(value);
	if (!ret->name || !ret->value)
		return -ENOMEM;
	const char *refused = ret->op <= TT_WHERE_DIFFERENT ? tt_where_field_refuses(ret->field, ret->value) : NULL;
	return refused ? tt_where_wrong(e, (size_t)(value.data - s.data) + at, refused) : 0;
}

static void tt_where_forget(struct tt_where *w, size_t count)
{
	for (; w->count > count; w->count--) {
		free(w->list[w->count - 1].name);
		free(w->list[w->count - 1].value);
	}
}

/* Where || stands, which joins nothing here; with a backslash before it, it is part of a value. -1: nowhere. */
static ssize_t tt_where_or(struct tt_span s)
{
	for (size_t i = 0; i + 1 < s.len; i++) {
		if (s.data[i] == '|' && s.data[i + 1] == '|' && !(i && s.data[i - 1] == '\\'))
			return (ssize_t)i;
	}
	return -1;
}

/* Up to && or the end. */
static size_t tt_where_end(struct tt_span s)
{
	size_t i = 0;
	while (i < s.len && !(s.data[i] == '&' && i + 1 < s.len && s.data[i + 1] == '&'))
		i++;
	return i;
}

static int tt_where_add_all(struct tt_where *w, const char *text, struct tt_where_error *e)
{
	struct tt_span rest = tt_span_str(text);
	size_t at = 0;

	ssize_t either = tt_where_or(rest);
	if (either >= 0)
		return tt_where_wrong(e, (size_t)either, "conditions are joined by && only (in a value write \\||)");

	for (;;) {
		size_t len = tt_where_end(rest);
		if (w->count == TT_WHERE_MOST) {
			*e = (struct tt_where_error){at, "too many conditions"};
			return -ENOSPC;
		}
		int r = tt_where_condition(&w->list[w->count++], tt_span_sub(rest, 0, len), at, e);
		if (r < 0)
			return r;
		if (len == rest.len)
			return 0;
		at += len + 2;
		rest = tt_span_sub(rest, len + 2, rest.len);
	}
}

int tt_where_add(struct tt_where **w, const char *text, struct tt_where_error *e)
{
	struct tt_where *into = *w ? *w : calloc(1, sizeof(*into));
	if (!into)
		return -ENOMEM;

	size_t before = into->count;
	int r = tt_where_add_all(into, text, e);
	if (r < 0) {
		tt_where_forget(into, before);
		if (!*w)
			free(into);
		return r;
	}
	*w = into;
	return 0;
}

struct tt_where *tt_where_free(struct tt_where *w)
{
	if (w)
		tt_where_forget(w, 0);
	free(w);
	return NULL;
}

/* --- comparing ----------------------------------------------------------------------------------------------------------- */

/* Text that is a number compares as one: a status is text. */
static bool tt_where_as_number(const struct tt_where_value *v, int64_t *ret)
{
	size_t len;

	*ret = v->number;
	return v->is_number || (tt_where_digits(v->text, ret, &len) && len == v->text.len);
}

static bool tt_where_equal(const struct tt_where_condition *c, const struct tt_where_value *v)
{
	char text[4096];

	if (!v->text.data && !v->is_number)
		return strcmp(c->value, "null") == 0;
	if (v->is_number)
		return c->is_number && v->number == c->number;
	size_t len = TT_MIN(v->text.len, sizeof(text) - 1);
	memcpy(text, v->text.data, len);
	text[len] = 0;
	return fnmatch(c->value, text, 0) == 0;
}

static bool tt_where_ordered(const struct tt_where_condition *c, const struct tt_where_value *v)
{
	int64_t n;

	if (!tt_where_as_number(v, &n))
		return false;
	switch (c->op) {
	case TT_WHERE_LESS:
		return n < c->number;
	case TT_WHERE_AT_MOST:
		return n <= c->number;
	case TT_WHERE_MORE:
		return n > c->number;
	default:
		return n >= c->number;
	}
}

static bool tt_where_one(const struct tt_where_condition *c, const struct tt_where_value *v)
{
	switch (c->op) {
	case TT_WHERE_EQUAL:
		return tt_where_equal(c, v);
	case TT_WHERE_DIFFERENT:
		return !tt_where_equal(c, v);
	default:
		return tt_where_ordered(c, v);
	}
}

bool tt_where_holds(const struct tt_where *w, const struct tt_event *e, const struct tt_exchange *x, bool show_values)
{
	struct tt_where_value v;
	bool holds = true;

	if (!w)
		return true;
	v.scratch = TT_BUF(TT_JSONL_MAX);
	for (size_t i = 0; i < w->count && holds; i++) {
		tt_where_field_get(w->list[i].field, w->list[i].name, e, x, show_values, &v);
		holds = tt_where_one(&w->list[i], &v);
	}
	tt_buf_free(&v.scratch);
	return holds;
}

bool tt_where_holds_of(const struct tt_where *w, tt_where_value_fn get, void *ctx)
{
	struct tt_where_value v = {.scratch = TT_BUF(0)};
	bool holds = true;

	for (size_t i = 0; w && i < w->count && holds; i++) {
		v.text = tt_span(NULL, 0);
		v.is_number = false;
		get(ctx, tt_where_field_key(w->list[i].field, w->list[i].name), &v);
		holds = tt_where_one(&w->list[i], &v);
	}
	return holds;
}
