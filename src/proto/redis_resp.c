// SPDX-License-Identifier: Apache-2.0
#include "proto/redis_resp.h"

#include "base/digits.h"
#include "base/own.h"

/* No length, count or integer needs a longer line. */
#define NUMBER_LINE_MAX 32

/* What stands between type and \r\n. */
enum content {
	NOTHING_OF_RESP = 0,
	TEXT,
	INTEGER,
	BIG_NUMBER,
	DOUBLE,
	BOOLEAN,
	EMPTY,
	BYTES,	  /* a length, -1 or ? */
	CHUNK,	  /* a length */
	ELEMENTS, /* a count, -1 or ? */
	PAIRS,	  /* a count of pairs, or ? */
};

static const uint8_t contents[256] = {
	['+'] = TEXT,	  ['-'] = TEXT,	    ['('] = BIG_NUMBER, [':'] = INTEGER, [','] = DOUBLE, ['#'] = BOOLEAN,
	['_'] = EMPTY,	  ['.'] = EMPTY,    ['$'] = BYTES,	['!'] = BYTES,	 ['='] = BYTES,	 [';'] = CHUNK,
	['*'] = ELEMENTS, ['~'] = ELEMENTS, ['>'] = ELEMENTS,	['%'] = PAIRS,	 ['|'] = PAIRS,
};

enum tt_resp_read tt_resp_read_line(struct tt_cursor *c, size_t max, struct tt_span *ret)
{
	struct tt_span rest = tt_span_sub(tt_cursor_rest(c), 0, max);
	ptrdiff_t cr = tt_span_find(rest, '\r');
	size_t seen = cr < 0 ? rest.len : (size_t)cr;

	if (tt_span_find(tt_span_sub(rest, 0, seen), '\n') >= 0)
		return TT_RESP_BAD;
	if (seen + 1 >= rest.len)
		return rest.len == max ? TT_RESP_BAD : TT_RESP_MORE;
	if (rest.data[seen + 1] != '\n')
		return TT_RESP_BAD;
	*ret = tt_cursor_take(c, seen);
	tt_cursor_skip(c, 2);
	return TT_RESP_OK;
}

bool tt_resp_number(struct tt_span s, int64_t *ret)
{
	bool negative = s.len && s.data[0] == '-';
	uint64_t v;

	if (negative)
		s = tt_span_sub(s, 1, s.len);
	if (!tt_digits_read(s, &v))
		return false;
	*ret = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

static bool is_made_of(struct tt_span s, const char *bytes)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '\0' || !strchr(bytes, s.data[i]))
			return false;
	}
	return s.len > 0;
}

/* A 64-bit integer: up to 19 digits, of which only 18 are of use here. */
static bool read_integer(struct tt_resp *r)
{
	struct tt_span s = r->line;
	if (s.len && s.data[0] == '+')
		s = tt_span_sub(s, 1, s.len);
	return tt_resp_number(s, &r->number) || (s.len <= 20 && is_made_of(s, "-0123456789"));
}

/* A length or count; "?" and, where the type has it, -1. */
static bool read_size(struct tt_resp *r, bool bytes)
{
	bool null = r->type == '$' || r->type == '*';
	int64_t n;

	if (r->line.len == 1 && r->line.data[0] == '?' && r->type != ';') {
		r->shape = bytes ? TT_RESP_CHUNKS : TT_RESP_OPEN;
		return !bytes || r->type == '$';
	}
	if (!tt_resp_number(r->line, &n) || n < (null ? -1 : 0) || n > (int64_t)TT_RESP_LENGTH_MAX)
		return false;
	if (n < 0) {
		r->shape = TT_RESP_LINE;
		return true;
	}
	r->shape = r->type == ';' ? TT_RESP_CHUNK : bytes ? TT_RESP_BULK : TT_RESP_AGGREGATE;
	r->count = (uint64_t)n;
	return true;
}

static bool read_content(struct tt_resp *r)
{
	r->shape = TT_RESP_LINE;
	switch ((enum content)contents[r->type]) {
	case TEXT:
		return true;
	case INTEGER:
		return read_integer(r);
	case BIG_NUMBER:
		return is_made_of(r->line, "+-0123456789");
	case DOUBLE:
		return is_made_of(r->line, "+-.0123456789eEinfa");
	case BOOLEAN:
		return r->line.len == 1 && is_made_of(r->line, "tf");
	case EMPTY:
		if (r->type == '.')
			r->shape = TT_RESP_END;
		return r->line.len == 0;
	case BYTES:
	case CHUNK:
		return read_size(r, true);
	case ELEMENTS:
		return read_size(r, false);
	case PAIRS:
		if (!read_size(r, false))
			return false;
		r->count *= 2;
		return true;
	case NOTHING_OF_RESP:
		break;
	}
	return false;
}

enum tt_resp_read tt_resp_read(struct tt_cursor *c, struct tt_resp *ret)
{
	struct tt_cursor at = *c;
	if (tt_cursor_left(&at) == 0)
		return TT_RESP_MORE;

	struct tt_resp r = {.type = tt_cursor_u8(&at)};
	enum content content = contents[r.type];
	if (content == NOTHING_OF_RESP)
		return TT_RESP_BAD;

	bool is_long = content == TEXT || content == BIG_NUMBER;
	enum tt_resp_read read = tt_resp_read_line(&at, is_long ? TT_RESP_LINE_MAX : NUMBER_LINE_MAX, &r.line);
	if (read != TT_RESP_OK)
		return read;
	if (!read_content(&r))
		return TT_RESP_BAD;
	*c = at;
	*ret = r;
	return TT_RESP_OK;
}

enum tt_resp_read tt_resp_read_count(struct tt_cursor *c, uint8_t type, uint64_t *ret)
{
	struct tt_cursor at = *c;
	struct tt_span line;
	int64_t n;

	if (tt_cursor_left(&at) == 0)
		return TT_RESP_MORE;
	if (tt_cursor_u8(&at) != type)
		return TT_RESP_BAD;
	enum tt_resp_read read = tt_resp_read_line(&at, NUMBER_LINE_MAX, &line);
	if (read != TT_RESP_OK)
		return read;
	if (!tt_resp_number(line, &n) || n > (int64_t)TT_RESP_LENGTH_MAX || (n < 0 && type != '*'))
		return TT_RESP_BAD;
	*c = at;
	*ret = n < 0 ? 0 : (uint64_t)n;
	return TT_RESP_OK;
}

static enum tt_resp_place push(struct tt_resp_stack *stack, const struct tt_resp *r)
{
	if (stack->depth == TT_RESP_DEPTH)
		return TT_RESP_WRONG;
	stack->left[stack->depth] = r->count;
	stack->type[stack->depth] = r->type;
	stack->open[stack->depth] = r->shape != TT_RESP_AGGREGATE;
	stack->depth++;
	return TT_RESP_INSIDE;
}

/* An element is complete; with it may be what holds it. Attributes only announce the element that follows them. */
static enum tt_resp_place complete(struct tt_resp_stack *stack, uint8_t type)
{
	while (type != '|') {
		if (stack->depth == 0)
			return TT_RESP_COMPLETE;
		uint8_t top = stack->depth - 1;
		if (stack->open[top] || --stack->left[top] > 0)
			return TT_RESP_INSIDE;
		type = stack->type[top];
		stack->depth = top;
	}
	return TT_RESP_INSIDE;
}

enum tt_resp_place tt_resp_place(struct tt_resp_stack *stack, const struct tt_resp *r)
{
	uint8_t top = stack->depth - 1; /* of use only where depth is not 0 */
	bool in_chunks = stack->depth && stack->open[top] && stack->type[top] == '$';
	bool ends = r->shape == TT_RESP_END || (r->shape == TT_RESP_CHUNK && r->count == 0);

	if (in_chunks != (r->shape == TT_RESP_CHUNK))
		return TT_RESP_WRONG;
	if (ends) {
		if (stack->depth == 0 || !stack->open[top])
			return TT_RESP_WRONG;
		stack->depth = top;
		return complete(stack, stack->type[top]);
	}

	switch (r->shape) {
	case TT_RESP_CHUNKS:
	case TT_RESP_OPEN:
		return push(stack, r);
	case TT_RESP_AGGREGATE:
		return r->count ? push(stack, r) : complete(stack, r->type);
	case TT_RESP_CHUNK:
		return TT_RESP_INSIDE;
	case TT_RESP_LINE:
	case TT_RESP_BULK:
	case TT_RESP_END:
		break;
	}
	return complete(stack, r->type);
}
