// SPDX-License-Identifier: Apache-2.0
/* Inline commands: words between blanks; "…" with \n \r \t \b \a \xHH and \-anything, '…' with \' only. */
#include "proto/redis.h"

#include "base/digits.h"
#include "base/own.h"

/* The beginning of an argument is all anybody wants. */
struct argument {
	uint8_t bytes[TT_REDIS_KEY_BYTES + 1];
	size_t len;
};

static void put(struct argument *a, uint8_t c)
{
	if (a->len < sizeof(a->bytes))
		a->bytes[a->len++] = c;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* After a backslash between double quotes. */
static uint8_t unescape(struct tt_cursor *c)
{
	static const uint8_t meaning[256] = {['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['b'] = '\b', ['a'] = '\a'};
	struct tt_span rest = tt_cursor_rest(c);

	if (rest.len >= 3 && rest.data[0] == 'x' && tt_hex_digit(rest.data[1]) >= 0 && tt_hex_digit(rest.data[2]) >= 0) {
		tt_cursor_skip(c, 3);
		return (uint8_t)(tt_hex_digit(rest.data[1]) << 4 | tt_hex_digit(rest.data[2]));
	}
	uint8_t plain = tt_cursor_u8(c);
	return meaning[plain] ? meaning[plain] : plain;
}

/* Up to the closing quote, which must end the argument. */
static bool quoted(struct tt_cursor *c, uint8_t quote, struct argument *a)
{
	while (tt_cursor_left(c)) {
		struct tt_span rest = tt_cursor_rest(c);
		uint8_t byte = tt_cursor_u8(c);
		if (byte == quote)
			return tt_cursor_left(c) == 0 || is_blank(rest.data[1]);
		if (byte == '\\' && rest.len > 1 && quote == '"')
			byte = unescape(c);
		else if (byte == '\\' && rest.len > 1 && rest.data[1] == '\'')
			byte = tt_cursor_u8(c);
		put(a, byte);
	}
	return false;
}

bool tt_redis_inline_split(struct tt_span line, tt_redis_take_argument take, void *ctx)
{
	struct tt_cursor c = tt_cursor(line);

	for (;;) {
		struct argument a = {.len = 0};
		while (tt_cursor_left(&c) && is_blank(c.data[c.pos]))
			tt_cursor_skip(&c, 1);
		if (tt_cursor_left(&c) == 0)
			return true;
		while (tt_cursor_left(&c) && !is_blank(c.data[c.pos])) {
			uint8_t byte = tt_cursor_u8(&c);
			if (byte != '"' && byte != '\'')
				put(&a, byte);
			else if (!quoted(&c, byte, &a))
				return false;
		}
		if (take)
			take(ctx, tt_span(a.bytes, a.len));
	}
}
