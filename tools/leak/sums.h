/* SPDX-License-Identifier: Apache-2.0 */
/* What stacks have allocated and not freed, over the intervals of a run; and which processes are gone. Knows no kernel. */
#ifndef TT_LEAK_SUMS_H
#define TT_LEAK_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/leak/leak.h"

#define TT_LEAK_AGES 5	      /* less than 1 s, 10 s, 1 min, 10 min; more */
#define TT_LEAK_HISTORY 8     /* interval ends that are remembered of a stack */
#define TT_LEAK_TREND_LEAST 5 /* values, the last one among them, of which it can be said that they rise */
#define TT_LEAK_READINGS 3    /* of the programs' tables, after which nothing of a process that is gone is left in them */

/* Of blocks there are now. Where blocks were sampled, estimates; the variance says how good they are. */
struct tt_leak_now {
	uint64_t seen; /* blocks that were followed */
	double blocks, bytes;
	double blocks_variance, bytes_variance;
	double ages[TT_LEAK_AGES]; /* blocks */
	uint64_t oldest_ns;	   /* when it was allocated; 0: there is none */
};

enum tt_leak_state {
	TT_LEAK_KEPT,	 /* nothing of it was freed */
	TT_LEAK_GROWING, /* it becomes more */
	TT_LEAK_STEADY,	 /* it is allocated and freed, and does not become more */
	TT_LEAK_UNTOLD,	 /* its ends are not all told of */
	TT_LEAK_STATE_MAX,
};

extern const char *const tt_leak_state_names[TT_LEAK_STATE_MAX];

struct tt_leak_sum {
	struct tt_leak_row_key key;
	struct tt_leak_row row; /* as the programs counted */
	struct tt_leak_now now;
	struct tt_leak_now left;      /* of that, what a process had when it ended: it stays */
	double ends[TT_LEAK_HISTORY]; /* bytes at the last interval ends */
	uint64_t intervals;	      /* how many ends there were */
	size_t next;		      /* index + 1; hash chain */
	bool over;		      /* its process is gone: the programs count no more of it */
};

/* A process that is gone, or what it was before it became another program. */
struct tt_leak_gone {
	uint32_t tgid;
	uint32_t image;
	bool ended; /* it ended; else its memory is gone with the program it was */
	unsigned readings;
	uint64_t time_ns;
	size_t next; /* index + 1 */
};

#define TT_LEAK_BUCKETS 1024

struct tt_leak_sums {
	struct tt_leak_sum *list;
	size_t count, room, most;
	size_t buckets[TT_LEAK_BUCKETS];
	struct tt_leak_gone *gone;
	size_t gone_count, gone_room;
	size_t gone_buckets[TT_LEAK_BUCKETS];
	struct tt_leak_now rest;      /* blocks there are now whose row had no room … */
	struct tt_leak_now rest_left; /* … and of those, what processes had when they ended */
	double rest_end;	      /* bytes at the last interval's end */
	bool full;		      /* since the tables were last read no row gives way */
	uint64_t gone_refused;	      /* ends of processes that had no room: what those had stays */
};

/* Frees what it holds, not itself. */
void tt_leak_sums_free(struct tt_leak_sums *s);

/* Its sum. NULL: there is none. Good until the next one is made. */
struct tt_leak_sum *tt_leak_sum_find(struct tt_leak_sums *s, const struct tt_leak_row_key *key);
/*
 * The same, made if it is not there. If there is no room, rows give way of which nothing is left and of which nothing can come
 * any more. NULL: there is none all the same; its blocks belong to `rest`.
 */
struct tt_leak_sum *tt_leak_sum_of(struct tt_leak_sums *s, const struct tt_leak_row_key *key);

/* The process became another program, or ended. */
void tt_leak_sums_gone(struct tt_leak_sums *s, uint32_t tgid, uint32_t image, bool ended, uint64_t time_ns);
/* The programs' tables were read to their end: what has been gone for some of that is forgotten. */
void tt_leak_sums_read(struct tt_leak_sums *s);
/* NULL: it is there. */
const struct tt_leak_gone *tt_leak_sums_gone_of(const struct tt_leak_sums *s, uint32_t tgid, uint32_t image);

/* Before the blocks there are now are added anew. */
void tt_leak_sums_begin(struct tt_leak_sums *s);
void tt_leak_now_add(struct tt_leak_now *n, uint64_t sample, const struct tt_leak_block *block, uint64_t age_ns);
void tt_leak_now_join(struct tt_leak_now *n, const struct tt_leak_now *more);

enum tt_leak_state tt_leak_state_of(const struct tt_leak_sum *s);
/* Bytes more (or less) than at the last interval's end; of those without a row, too. */
double tt_leak_grew(const struct tt_leak_sum *s);
double tt_leak_rest_grew(const struct tt_leak_sums *s);
/* The interval is shown: what there is now is history. */
void tt_leak_sums_end(struct tt_leak_sums *s);

#endif
