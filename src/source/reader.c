// SPDX-License-Identifier: Apache-2.0
#include "source/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/own.h"

/* One read's size where little is asked for. */
#define TT_READER_STEP (64u << 10)

void tt_reader_init(struct tt_reader *r, int fd, const char *name)
{
	struct stat st;

	*r = (struct tt_reader){.fd = fd, .name = name, .owned = true};
	r->waits = fstat(fd, &st) < 0 || !S_ISREG(st.st_mode);
}

void tt_reader_init_bytes(struct tt_reader *r, struct tt_span bytes, const char *name)
{
	*r = (struct tt_reader){
		.fd = -1, .name = name, .data = (uint8_t *)bytes.data, .len = bytes.len, .cap = bytes.len, .ended = true};
}

void tt_reader_free(struct tt_reader *r)
{
	if (r->owned)
		free(r->data);
	r->data = NULL;
	r->pos = r->len = r->cap = 0;
}

int tt_reader_fail(struct tt_reader *r, int err, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(r->error, sizeof(r->error), "%.64s: byte %" PRIu64 ": %s", r->name, r->offset, text);
	return err;
}

/* Makes room for n bytes from pos on. */
static int tt_reader_room(struct tt_reader *r, size_t n)
{
	if (r->cap - r->pos >= n && r->len < r->cap)
		return 0;
	if (r->pos) {
		memmove(r->data, r->data + r->pos, r->len - r->pos);
		r->len -= r->pos;
		r->pos = 0;
	}
	size_t cap = TT_MAX(n, (size_t)TT_READER_STEP);
	if (cap <= r->cap)
		return 0;
	uint8_t *data = realloc(r->data, cap);
	if (!data)
		return tt_reader_fail(r, -ENOMEM, "no memory for %zu bytes", cap);
	r->data = data;
	r->cap = cap;
	return 0;
}

/* 1: some bytes came; 0: the end. */
static int tt_reader_fill(struct tt_reader *r)
{
	if (r->ended)
		return 0;
	if (r->waits) {
		struct pollfd p = {.fd = r->fd, .events = POLLIN};
		if (poll(&p, 1, 0) == 0)
			return -EAGAIN;
	}

	ssize_t n;
	do {
		n = read(r->fd, r->data + r->len, r->cap - r->len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : tt_reader_fail(r, -errno, "reading: %s", strerror(errno));
	r->len += (size_t)n;
	r->ended = n == 0;
	return n > 0;
}

/* Passes over what is to be skipped as far as it is here. */
static void tt_reader_drop(struct tt_reader *r)
{
	size_t n = (size_t)TT_MIN(r->skip, (uint64_t)(r->len - r->pos));
	r->pos += n;
	r->offset += n;
	r->skip -= n;
}

int tt_reader_peek(struct tt_reader *r, size_t n, struct tt_span *ret)
{
	for (tt_reader_drop(r); r->skip || r->len - r->pos < n; tt_reader_drop(r)) {
		if (r->ended)
			break;
		int e = tt_reader_room(r, n);
		if (e < 0)
			return e;
		e = tt_reader_fill(r);
		if (e < 0)
			return e;
	}
	*ret = tt_span(r->data ? r->data + r->pos : NULL, TT_MIN(n, r->len - r->pos));
	return 0;
}

int tt_reader_need_more(struct tt_reader *r, size_t n, struct tt_span *ret)
{
	struct tt_span s = {0};

	int e = tt_reader_peek(r, n, &s);
	if (e < 0)
		return e;
	if (r->skip)
		return tt_reader_fail(r, -EBADMSG, "the file ends in the middle of a record (%" PRIu64 " bytes are missing)",
				      r->skip);
	if (s.len == 0 && n)
		return -ENODATA;
	if (s.len < n)
		return tt_reader_fail(r, -EBADMSG, "the file ends in the middle of a record (%zu of %zu bytes)", s.len, n);
	*ret = s;
	return 0;
}

void tt_reader_consume(struct tt_reader *r, uint64_t n)
{
	r->skip += n;
	tt_reader_drop(r);
}
