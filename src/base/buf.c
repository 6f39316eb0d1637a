// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void tt_buf_free(struct tt_buf *b)
{
	if (!b)
		return;
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

int tt_buf_reserve(struct tt_buf *b, size_t more)
{
	if (more <= b->cap - b->len)
		return 0;
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

int tt_buf_add(struct tt_buf *b, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	int r = tt_buf_reserve(b, len);
	if (r < 0)
		return r;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int tt_buf_add_str(struct tt_buf *b, const char *s)
{
	return tt_buf_add(b, s, strlen(s));
}

int tt_buf_add_char(struct tt_buf *b, char c)
{
	return tt_buf_add(b, &c, 1);
}

int tt_buf_add_u64(struct tt_buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return tt_buf_add(b, digits + at, sizeof(digits) - at);
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
