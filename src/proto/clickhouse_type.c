// SPDX-License-Identifier: Apache-2.0
/* ClickHouse: columns in the native format, passed over by counting. Only strings are looked at one by one, for their lengths. */
#include "base/own.h"
#include "proto/clickhouse.h"

static const struct {
	const char *name;
	uint8_t size;
} sizes[] = {
	{"Int8", 1},	{"UInt8", 1},	 {"Bool", 1},	     {"Enum8", 1},	{"Nothing", 1},	    {"Int16", 2},
	{"UInt16", 2},	{"Enum16", 2},	 {"Date", 2},	     {"BFloat16", 2},	{"Int32", 4},	    {"UInt32", 4},
	{"Float32", 4}, {"DateTime", 4}, {"Date32", 4},	     {"IPv4", 4},	{"Decimal32", 4},   {"Time", 4},
	{"Int64", 8},	{"UInt64", 8},	 {"Float64", 8},     {"DateTime64", 8}, {"Decimal64", 8},   {"Time64", 8},
	{"Int128", 16}, {"UInt128", 16}, {"UUID", 16},	     {"IPv6", 16},	{"Decimal128", 16}, {"Point", 16},
	{"Int256", 32}, {"UInt256", 32}, {"Decimal256", 32},
};

/* Types made of others. */
enum made {
	MADE_NONE,
	MADE_NULLABLE,
	MADE_ARRAY, /* Map and Nested are arrays of tuples */
	MADE_TUPLE,
	MADE_LOW_CARDINALITY,
	MADE_SAME, /* stored as its last argument */
};

static const struct {
	const char *name;
	enum made made;
} made[] = {
	{"Nullable", MADE_NULLABLE},
	{"Array", MADE_ARRAY},
	{"Map", MADE_ARRAY},
	{"Nested", MADE_ARRAY},
	{"Tuple", MADE_TUPLE},
	{"LowCardinality", MADE_LOW_CARDINALITY},
	{"SimpleAggregateFunction", MADE_SAME},
};

/* --- type texts --------------------------------------------------------------------------------------------------------------
 */

static bool is_name(uint8_t c)
{
	return (tt_ascii_lower(c) >= 'a' && tt_ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static struct tt_span name_of(struct tt_span type)
{
	size_t n = 0;

	while (n < type.len && is_name(type.data[n]))
		n++;
	return tt_span_sub(type, 0, n);
}

/* What stands between the brackets; data NULL: there are none. */
static struct tt_span arguments_of(struct tt_span type)
{
	size_t n = name_of(type).len;

	if (n >= type.len || type.data[n] != '(' || type.data[type.len - 1] != ')')
		return tt_span(NULL, 0);
	return tt_span_sub(type, n + 1, type.len - n - 2);
}

/* The end of a quoted text that begins at `at`. */
static size_t quoted(struct tt_span s, size_t at)
{
	uint8_t quote = s.data[at++];

	while (at < s.len && s.data[at] != quote)
		at += s.data[at] == '\\' ? 2 : 1;
	return at;
}

/* Takes the next argument, without the name it may have in a tuple. */
static bool next_argument(struct tt_span *rest, struct tt_span *ret)
{
	size_t at = 0, depth = 0, from = 0;

	if (!rest->len)
		return false;
	for (; at < rest->len; at++) {
		uint8_t c = rest->data[at];
		if (c == '\'' || c == '`')
			at = quoted(*rest, at);
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth -= depth > 0;
		else if (c == ',' && !depth)
			break;
		else if (c == ' ' && !depth)
			from = at + 1;
	}
	at = TT_MIN(at, rest->len);
	*ret = tt_span_trim(tt_span_sub(*rest, from, at > from ? at - from : 0));
	/* A blank stands behind the comma, too. */
	*rest = tt_span_trim(tt_span_sub(*rest, at + 1, rest->len));
	return true;
}

static uint64_t number_of(struct tt_span s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.len && i < 9 && s.data[i] >= '0' && s.data[i] <= '9'; i++)
		v = v * 10 + (s.data[i] - '0');
	return v;
}

/* Bytes of a value; 0: they differ, or it is not known. */
static uint64_t size_of(struct tt_span type)
{
	struct tt_span name = name_of(type), args = arguments_of(type), first;

	for (size_t i = 0; i < TT_ARRAY_LEN(sizes); i++) {
		if (tt_span_eq(name, tt_span_str(sizes[i].name)))
			return sizes[i].size;
	}
	if (tt_span_starts(name, TT_SPAN_LIT("Interval")))
		return 8;
	if (!next_argument(&args, &first))
		return 0;
	if (tt_span_eq(name, TT_SPAN_LIT("FixedString")))
		return number_of(first);
	if (!tt_span_eq(name, TT_SPAN_LIT("Decimal")))
		return 0;
	uint64_t digits = number_of(first);
	return digits <= 9 ? 4 : digits <= 18 ? 8 : digits <= 38 ? 16 : 32;
}

static enum made made_of(struct tt_span type)
{
	struct tt_span name = name_of(type);

	for (size_t i = 0; i < TT_ARRAY_LEN(made); i++) {
		if (tt_span_eq(name, tt_span_str(made[i].name)))
			return made[i].made;
	}
	return MADE_NONE;
}

/* --- values ------------------------------------------------------------------------------------------------------------------
 */

static struct tt_span text_of(const struct ch_column *col, const struct ch_work *w)
{
	return tt_span(col->type + w->off, w->len);
}

static bool push(struct ch_column *col, enum ch_op op, struct tt_span type, uint64_t n)
{
	if (col->depth == CH_STACK || n > CH_ROWS_MOST)
		return false;
	uint16_t off = type.data ? (uint16_t)(type.data - (const uint8_t *)col->type) : 0;
	col->stack[col->depth++] = (struct ch_work){.n = n, .off = off, .len = (uint16_t)type.len, .op = (uint8_t)op};
	return true;
}

/* All arguments, the first one on top. */
static bool push_arguments(struct ch_column *col, struct tt_span type, uint64_t n)
{
	struct tt_span rest = arguments_of(type), one;
	uint32_t from = col->depth;

	while (next_argument(&rest, &one)) {
		if (!push(col, CH_OP_TYPE, one, n))
			return false;
	}
	for (uint32_t a = from, b = col->depth; a + 1 < b; a++, b--) {
		struct ch_work w = col->stack[a];
		col->stack[a] = col->stack[b - 1];
		col->stack[b - 1] = w;
	}
	return col->depth > from;
}

static bool push_last_argument(struct ch_column *col, struct tt_span type, uint64_t n)
{
	struct tt_span rest = arguments_of(type), one = tt_span(NULL, 0);

	while (next_argument(&rest, &one))
		continue;
	return one.len && push(col, CH_OP_TYPE, one, n);
}

/* The dictionary's head: how wide an index is, how many keys follow. */
static enum tt_step low_cardinality(struct ch_column *col, struct tt_cursor *c, struct tt_span type, uint64_t n)
{
	struct tt_span args = arguments_of(type), inner;

	if (tt_cursor_left(c) < 16)
		return TT_MORE;
	uint64_t flags = tt_cursor_le64(c), keys = tt_cursor_le64(c);
	if ((flags & 0xff) > 3 || (flags & ~UINT64_C(0x7ff)) || !(flags & 0x200) || !next_argument(&args, &inner))
		return TT_LOST_SYNC;
	if (made_of(inner) == MADE_NULLABLE) { /* NULL is the first key, of the inner type */
		args = arguments_of(inner);
		if (!next_argument(&args, &inner))
			return TT_LOST_SYNC;
	}
	col->depth--;
	bool fits = push(col, CH_OP_INDEX, tt_span(NULL, 0), UINT64_C(1) << (flags & 3)) && push(col, CH_OP_TYPE, inner, keys);
	return fits ? TT_PARSED : TT_LOST_SYNC;
}

static enum tt_step expand(struct ch_column *col, struct tt_cursor *c, uint64_t *ret_skip)
{
	struct ch_work w = col->stack[col->depth - 1];
	struct tt_span type = text_of(col, &w);
	uint64_t size = size_of(type);
	bool fits = true;

	if (made_of(type) == MADE_LOW_CARDINALITY && w.n)
		return low_cardinality(col, c, type, w.n);
	col->depth--;
	if (!w.n)
		return TT_PARSED;
	if (size) {
		*ret_skip = w.n * size;
		return size <= UINT32_MAX ? TT_PARSED : TT_LOST_SYNC;
	}
	if (tt_span_eq(type, TT_SPAN_LIT("String"))) {
		col->strings = w.n;
		return TT_PARSED;
	}
	switch (made_of(type)) {
	case MADE_NULLABLE:
		*ret_skip = w.n;
		fits = push_last_argument(col, type, w.n);
		break;
	case MADE_ARRAY:
		*ret_skip = (w.n - 1) * 8;
		fits = push(col, CH_OP_ARRAY_END, type, w.n);
		break;
	case MADE_TUPLE:
		fits = push_arguments(col, type, w.n);
		break;
	case MADE_SAME:
		fits = push_last_argument(col, type, w.n);
		break;
	default:
		fits = false;
	}
	return fits ? TT_PARSED : TT_LOST_SYNC;
}

static enum tt_step array_end(struct ch_column *col, struct tt_cursor *c)
{
	struct ch_work w = col->stack[col->depth - 1];

	if (tt_cursor_left(c) < 8)
		return TT_MORE;
	uint64_t elements = tt_cursor_le64(c);
	col->depth--;
	return elements <= CH_ROWS_MOST && push_arguments(col, text_of(col, &w), elements) ? TT_PARSED : TT_LOST_SYNC;
}

static enum tt_step index_of(struct ch_column *col, struct tt_cursor *c, uint64_t *ret_skip)
{
	struct ch_work w = col->stack[col->depth - 1];

	if (tt_cursor_left(c) < 8)
		return TT_MORE;
	uint64_t rows = tt_cursor_le64(c);
	col->depth--;
	*ret_skip = rows * w.n;
	return rows <= CH_ROWS_MOST ? TT_PARSED : TT_LOST_SYNC;
}

/* As many whole strings as are there; the last one may end further on. */
static enum tt_step pass_strings(struct ch_column *col, struct tt_cursor *c, uint64_t *ret_skip)
{
	while (col->strings) {
		struct ch_reader r = {.c = *c};
		uint64_t len = ch_varuint(&r);
		if (r.bad || len > CH_ROWS_MOST)
			return TT_LOST_SYNC;
		if (tt_cursor_short(&r.c))
			return TT_MORE;
		col->strings--;
		c->pos = r.c.pos;
		if (len > tt_cursor_left(c)) {
			*ret_skip = len;
			return TT_PARSED;
		}
		tt_cursor_skip(c, (size_t)len);
	}
	return TT_PARSED;
}

/* Its brackets close one another. */
static bool is_balanced(struct tt_span type)
{
	size_t depth = 0;

	for (size_t i = 0; i < type.len; i++) {
		if (type.data[i] == '\'' || type.data[i] == '`')
			i = quoted(type, i);
		else if (type.data[i] == ')' && depth-- == 0)
			return false;
		else if (type.data[i] == '(')
			depth++;
	}
	return depth == 0;
}

/* What stands in front of a column's values: one version for each dictionary in its type. */
static uint8_t count_dictionaries(struct tt_span type)
{
	struct tt_span word = TT_SPAN_LIT("LowCardinality(");
	uint8_t count = 0;

	for (size_t i = 0; i < type.len; i++) {
		if (type.data[i] == '\'' || type.data[i] == '`')
			i = quoted(type, i);
		else if (tt_span_starts(tt_span_sub(type, i, type.len), word) && count < UINT8_MAX)
			count++;
	}
	return count;
}

bool ch_column_begin(struct ch_column *col, struct tt_span type, uint64_t rows)
{
	if (!type.len || type.len > sizeof(col->type) || rows > CH_ROWS_MOST || !is_balanced(type))
		return false;
	memcpy(col->type, type.data, type.len);
	col->type_len = (uint16_t)type.len;
	col->strings = col->depth = 0;
	col->prefixes = rows ? count_dictionaries(type) : 0;
	return push(col, CH_OP_TYPE, tt_span(col->type, type.len), rows);
}

enum tt_step ch_column_step(struct ch_column *col, struct tt_cursor *c, uint64_t *ret_skip)
{
	*ret_skip = 0;
	if (col->prefixes) {
		*ret_skip = 8u * (uint64_t)col->prefixes;
		col->prefixes = 0;
		return TT_PARSED;
	}
	if (col->strings)
		return pass_strings(col, c, ret_skip);
	if (!col->depth)
		return TT_DONE;
	switch (col->stack[col->depth - 1].op) {
	case CH_OP_ARRAY_END:
		return array_end(col, c);
	case CH_OP_INDEX:
		return index_of(col, c, ret_skip);
	default:
		return expand(col, c, ret_skip);
	}
}
