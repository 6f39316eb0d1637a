// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void tt_copy_long(uint8_t *to, const uint8_t *from, size_t len)
{
	memcpy(to, from, len);
}

int tt_buf_grow(struct tt_buf *b, size_t more)
{
	if (more > b->max || b->len > b->max - more) {
		b->failed = true;
		return -ENOBUFS;
	}

	size_t cap = b->cap ? b->cap : 64;
	while (cap < b->len + more)
		cap *= 2;
	cap = TT_MIN(cap, b->max);

	uint8_t *data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return -ENOMEM;
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

size_t tt_put_u64(uint8_t *at, uint64_t v)
{
	static const char pairs[] = "0001020304050607080910111213141516171819"
				    "2021222324252627282930313233343536373839"
				    "4041424344454647484950515253545556575859"
				    "6061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	static const uint64_t powers[TT_U64_DIGITS] = {
		0,
		10u,
		100u,
		1000u,
		10000u,
		100000u,
		1000000u,
		10000000u,
		100000000u,
		1000000000u,
		10000000000u,
		100000000000u,
		1000000000000u,
		10000000000000u,
		100000000000000u,
		1000000000000000u,
		10000000000000000u,
		100000000000000000u,
		1000000000000000000u,
		10000000000000000000u,
	};
	/* log10(2) is 1233/4096: that is the number of digits or one too many. */
	size_t len = (64u - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12;

	len += v >= powers[len] || len == 0;
	uint8_t *end = at + len;
	for (; v >= 100; v /= 100)
		memcpy(end -= 2, pairs + v % 100 * 2, 2);
	if (v >= 10)
		memcpy(end - 2, pairs + v * 2, 2);
	else
		end[-1] = (uint8_t)('0' + v);
	return len;
}

int tt_buf_add_u64(struct tt_buf *b, uint64_t v)
{
	uint8_t digits[TT_U64_DIGITS];

	if (b->cap - b->len >= sizeof(digits)) {
		b->len += tt_put_u64(b->data + b->len, v);
		return 0;
	}
	size_t len = tt_put_u64(digits, v);
	int r = tt_buf_reserve(b, len);
	if (r < 0)
		return r;
	memcpy(b->data + b->len, digits, len);
	b->len += len;
	return 0;
}

int tt_buf_add_i64(struct tt_buf *b, int64_t v)
{
	if (v >= 0)
		return tt_buf_add_u64(b, (uint64_t)v);
	int r = tt_buf_reserve(b, 21);
	if (r < 0)
		return r;
	b->data[b->len++] = '-';
	return tt_buf_add_u64(b, 0 - (uint64_t)v);
}

int tt_buf_printf(struct tt_buf *b, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int need = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (need < 0)
		return -EINVAL;

	int r = tt_buf_reserve(b, (size_t)need + 1);
	if (r < 0)
		return r;
	va_start(args, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)need + 1, fmt, args);
	va_end(args);
	b->len += (size_t)need;
	return 0;
}

void tt_buf_consume(struct tt_buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}
