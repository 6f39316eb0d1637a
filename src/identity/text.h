/* SPDX-License-Identifier: Apache-2.0 */
/* Small text helpers of this room. */
#ifndef TT_IDENTITY_TEXT_H
#define TT_IDENTITY_TEXT_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/span.h"

/* Copies as much as fits, always ended by 0. */
static inline void tt_text_set(char *to, size_t size, struct tt_span s)
{
	size_t n = TT_MIN(s.len, size - 1);
	if (n)
		memcpy(to, s.data, n);
	memset(to + n, 0, size - n);
}

/* Position of `part`, or -1. */
static inline ptrdiff_t tt_span_search(struct tt_span s, struct tt_span part)
{
	const uint8_t *at = s.len ? memmem(s.data, s.len, part.data, part.len) : NULL;
	return at ? at - s.data : -1;
}

static inline bool tt_span_contains(struct tt_span s, struct tt_span part)
{
	return tt_span_search(s, part) >= 0;
}

/* Reads a file to its end or to the buffer's maximum: what is longer is cut. 0 or a negative errno. */
static inline int tt_text_read(int dir, const char *path, struct tt_buf *ret)
{
	tt_close_auto int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	for (;;) {
		size_t step = TT_MIN((size_t)4096, ret->max - ret->len);
		if (!step)
			return 0;
		int r = tt_buf_reserve(ret, step);
		if (r < 0)
			return r;
		ssize_t n = read(fd, ret->data + ret->len, step);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		ret->len += (size_t)n;
	}
}

#endif
