// SPDX-License-Identifier: Apache-2.0
#include "source/file.h"

#include <errno.h>
#include <poll.h>

#include "base/own.h"
#include "source/pcap.h"
#include "source/pcap_file.h"
#include "source/recording.h"

/* Waits for the first bytes, then becomes the source they ask for. */
struct tt_any_source {
	struct tt_file_source file; /* first; its reader's bytes go to the real source */
	const struct tt_limits *limits;
	int fd;
	struct tt_source *real;
};

/* What people try to read and what to say then. */
static const struct {
	struct tt_span magic;
	const char *text;
} tt_file_hints[] = {
	{{(const uint8_t *)"\x1f\x8b", 2}, "compressed with gzip: give it to standard input through zcat"},
	{{(const uint8_t *)"\x28\xb5\x2f\xfd", 4}, "compressed with zstd: give it to standard input through zstdcat"},
	{{(const uint8_t *)"\xfd"
			   "7zXZ",
	  5},
	 "compressed with xz: give it to standard input through xzcat"},
};

static int tt_any_refuse(struct tt_reader *r, struct tt_span head)
{
	if (!head.len)
		return tt_reader_fail(r, -EPROTONOSUPPORT, "the file is empty");
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_file_hints); i++) {
		if (tt_span_starts(head, tt_file_hints[i].magic))
			return tt_reader_fail(r, -EPROTONOSUPPORT, "%s", tt_file_hints[i].text);
	}
	return tt_reader_fail(r, -EPROTONOSUPPORT, "neither a pcap, a pcapng nor a recording");
}

static int tt_any_choose(struct tt_any_source *s)
{
	struct tt_reader *r = &s->file.reader;
	struct tt_span head = {0};

	int e = tt_reader_peek(r, 8, &head);
	if (e < 0)
		return e;
	if (tt_pcap_file_known(head))
		e = tt_pcap_new(&s->real, r->fd, r->name, s->limits);
	else if (tt_recording_known(head))
		e = tt_recording_source_new(&s->real, r->fd, r->name);
	else
		e = tt_any_refuse(r, head);
	if (e < 0)
		return e;

	/* The bytes read so far move on with the reader. */
	struct tt_file_source *real = (struct tt_file_source *)s->real;
	real->reader = *r;
	*r = (struct tt_reader){.fd = -1, .name = real->reader.name, .ended = true};
	return 0;
}

/* What is there now; 0: nothing. */
static int tt_any_poll_now(struct tt_any_source *s, uint64_t budget, tt_record_fn fn, void *ctx)
{
	if (!s->real) {
		int r = tt_any_choose(s);
		if (r < 0)
			return r == -EAGAIN ? 0 : r;
	}
	return tt_source_poll(s->real, budget, fn, ctx);
}

static int tt_any_poll(struct tt_source *source, uint64_t budget, tt_record_fn fn, void *ctx)
{
	struct tt_any_source *s = (struct tt_any_source *)source;

	for (;;) {
		int r = tt_any_poll_now(s, budget, fn, ctx);
		if (r != 0)
			return r;
		struct pollfd wait = {.fd = s->fd, .events = POLLIN};
		if (poll(&wait, 1, -1) < 0)
			return -errno;
	}
}

static uint64_t tt_any_watermark(const struct tt_source *source)
{
	const struct tt_any_source *s = (const struct tt_any_source *)source;
	return s->real ? s->real->ops->watermark(s->real) : 0;
}

static void tt_any_stats(struct tt_source *source, struct tt_source_stats *ret)
{
	struct tt_any_source *s = (struct tt_any_source *)source;

	*ret = (struct tt_source_stats){0};
	if (s->real)
		s->real->ops->stats(s->real, ret);
}

static void tt_any_free(struct tt_source *source)
{
	struct tt_any_source *s = (struct tt_any_source *)source;

	tt_source_free(s->real);
	tt_reader_free(&s->file.reader);
	free(s);
}

static const struct tt_source_ops tt_any_ops = {
	.name = "file",
	.poll = tt_any_poll,
	.watermark = tt_any_watermark,
	.stats = tt_any_stats,
	.free = tt_any_free,
};

int tt_file_source_new(struct tt_source **ret, int fd, const char *name, const struct tt_limits *limits)
{
	struct tt_any_source *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->file.source.ops = &tt_any_ops;
	s->limits = limits;
	s->fd = fd;
	tt_reader_init(&s->file.reader, fd, name);
	*ret = &s->file.source;
	return 0;
}

const struct tt_source *tt_file_source_real(const struct tt_source *s)
{
	return s->ops == &tt_any_ops && ((const struct tt_any_source *)s)->real ? ((const struct tt_any_source *)s)->real : s;
}

uint64_t tt_file_source_offset(const struct tt_source *s)
{
	return ((const struct tt_file_source *)tt_file_source_real(s))->reader.offset;
}

const char *tt_file_source_error(const struct tt_source *s)
{
	return ((const struct tt_file_source *)tt_file_source_real(s))->reader.error;
}
