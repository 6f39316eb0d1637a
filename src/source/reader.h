/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a file or pipe piece by piece with bounded memory: look at the next n bytes, then pass over them. Nothing is lost when
 * a pipe has only part of them yet. Knows where in the file it is, so that errors can say so.
 */
#ifndef TT_SOURCE_READER_H
#define TT_SOURCE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct tt_reader {
	int fd;		  /* borrowed, must outlive; -1: bytes in memory only */
	const char *name; /* borrowed, must outlive; for errors */
	uint8_t *data;
	size_t pos;
	size_t len;
	size_t cap;
	uint64_t offset; /* in the file, of data[pos] */
	uint64_t skip;	 /* bytes from there on to pass over first */
	bool owned;	 /* data was allocated here */
	bool waits;	 /* a pipe or terminal: ask before reading, so that reading never blocks */
	bool ended;
	char error[256]; /* last failure as a sentence with file and byte offset; empty: none */
};

void tt_reader_init(struct tt_reader *r, int fd, const char *name);
/* Reads from memory (borrowed, must outlive). */
void tt_reader_init_bytes(struct tt_reader *r, struct tt_span bytes, const char *name);
void tt_reader_free(struct tt_reader *r);

/* tt_reader_need of what is not here yet. */
int tt_reader_need_more(struct tt_reader *r, size_t n, struct tt_span *ret);

/*
 * The next n bytes, not passed over; *ret is borrowed until the next call. 0; -EAGAIN: not there yet (pipes); -ENODATA: the end,
 * before the first of them; -EBADMSG: the end, in the middle of them; -ENOMEM; or what read failed with. All but the first three
 * set `error`. Inline, because it is done twice for each packet.
 */
static inline int tt_reader_need(struct tt_reader *r, size_t n, struct tt_span *ret)
{
	if (r->skip || !n || r->len - r->pos < n)
		return tt_reader_need_more(r, n, ret);
	*ret = tt_span(r->data + r->pos, n);
	return 0;
}

/* As tt_reader_need, but at the end gives what there is (perhaps nothing). */
int tt_reader_peek(struct tt_reader *r, size_t n, struct tt_span *ret);

/* Passes over n bytes; may be more than were looked at. */
void tt_reader_consume(struct tt_reader *r, uint64_t n);

/* Keeps "NAME: byte OFFSET: text" as the error and returns err. */
int tt_reader_fail(struct tt_reader *r, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
