// SPDX-License-Identifier: Apache-2.0
#include "symbols/perf_map.h"

#include <string.h>

#include "base/own.h"

#define LINE_MOST 4096

/* Takes a hexadecimal number off the front, and the space behind it. False: there is none, or it is too large. */
static bool number(const char **at, const char *end, uint64_t *ret)
{
	const char *p = *at;
	uint64_t value = 0;
	unsigned digits = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (; p < end; p++, digits++) {
		unsigned c = (unsigned char)*p, low = c | 0x20;
		unsigned digit = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : 16;
		if (digit == 16)
			break;
		if (value >> 60)
			return false;
		value = value << 4 | digit;
	}
	if (!digits || p == end || *p != ' ')
		return false;
	*ret = value;
	*at = p + 1;
	return true;
}

static bool line_parse(struct tt_functions *to, const char *at, const char *end)
{
	uint64_t start, size;

	if (!number(&at, end, &start) || !number(&at, end, &size) || !size || start > UINT64_MAX - size)
		return false;
	if (at < end && end[-1] == '\r')
		end--;
	size_t len = (size_t)(end - at);
	if (!len || memchr(at, 0, len))
		return false;
	(void)tt_functions_add(to, start, size, at, len); /* what has no room is counted there */
	return true;
}

size_t tt_perf_map_parse(struct tt_functions *to, struct tt_span text, uint64_t *bad)
{
	const char *at = (const char *)text.data;
	size_t left = text.len;

	while (left) {
		const char *end = memchr(at, '\n', left);
		if (!end && left <= LINE_MOST)
			break;
		size_t len = end ? (size_t)(end - at) : left;
		if (len > LINE_MOST || !line_parse(to, at, at + len))
			*bad += 1;
		len += end != NULL;
		at += len;
		left -= len;
	}
	return text.len - left;
}
