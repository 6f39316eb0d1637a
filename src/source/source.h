/* SPDX-License-Identifier: Apache-2.0 */
/* Where records come from: live kernel, pcap, recording. A source embeds struct tt_source as its first member. */
#ifndef TT_SOURCE_SOURCE_H
#define TT_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/record.h"

struct tt_source;

/* Takes one record; it is borrowed for the time of the call. A negative return ends the poll with that error. */
typedef int (*tt_record_fn)(void *ctx, const struct tt_record *rec);

/* What a source knows of completeness. produced = delivered + sum of lost + queued, exactly. */
struct tt_source_stats {
	uint64_t produced; /* records the source set out to deliver */
	uint64_t delivered;
	uint64_t queued;	 /* records still waiting in rings */
	uint64_t produced_bytes; /* stream bytes named by chunks */
	uint64_t delivered_bytes;
	uint64_t lost[TT_LOSS_MAX];
	uint64_t lost_bytes[TT_LOSS_MAX];
};

struct tt_source_ops {
	const char *name;
	/*
	 * Delivers what is there, oldest first, at most `budget` records (0: no limit). Returns how many, 0 when nothing is there
	 * now, -ENODATA at the end for good, or another negative errno. Never blocks.
	 */
	int (*poll)(struct tt_source *s, uint64_t budget, tt_record_fn fn, void *ctx);
	/* All records up to this time have been delivered. May be asked while one is: it counts as delivered then. */
	uint64_t (*watermark)(const struct tt_source *s);
	/*
	 * Obeys a capture wish where it can: calls that end before `from` need no payload, others up to `bytes`. The latest wish
	 * of a connection and direction stands. NULL: cannot.
	 */
	void (*wish)(struct tt_source *s, const struct tt_conn_id *conn, enum tt_direction dir, uint64_t from, uint32_t bytes);
	/*
	 * The user side keeps nothing of the connection any more. closed: its end came as a record. Otherwise what the kernel
	 * keeps of it goes too, if nothing there would end it (not TCP) and it is not in use. NULL: keeps nothing.
	 */
	void (*forget)(struct tt_source *s, const struct tt_conn_id *conn, bool closed);
	void (*stats)(struct tt_source *s, struct tt_source_stats *ret);
	void (*free)(struct tt_source *s);
};

struct tt_source {
	const struct tt_source_ops *ops;
};

static inline int tt_source_poll(struct tt_source *s, uint64_t budget, tt_record_fn fn, void *ctx)
{
	return s->ops->poll(s, budget, fn, ctx);
}

/* NULL-safe; returns NULL. */
static inline struct tt_source *tt_source_free(struct tt_source *s)
{
	if (s)
		s->ops->free(s);
	return NULL;
}

#endif
