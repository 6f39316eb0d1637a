/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the kernel's ring buffers from their mapped pages: several rings as one stream in order of time, with exact counts of
 * what is queued. (libbpf's reader delivers ring after ring and cannot look without taking.)
 *
 * A ring is in order of reservation, which may differ from order of time by the microseconds between a program's reading of the
 * clock and its submission. Nothing is delivered until no earlier record can come: that time is the horizon, which the caller
 * learns from the programs' busy marks (struct tt_counts).
 */
#ifndef TT_KERNEL_RING_H
#define TT_KERNEL_RING_H

#include <stddef.h>
#include <stdint.h>

#include "shared/record.h"

struct tt_rings;

/* Takes one record, borrowed for the time of the call. A negative return ends the poll with it. */
typedef int (*tt_ring_fn)(void *ctx, const struct tt_record *rec);

struct tt_ring_stats {
	uint64_t delivered;
	uint64_t delivered_bytes; /* stream bytes named by chunks */
	uint64_t bad;		  /* records that made no sense, skipped */
	uint64_t queued;	  /* records submitted and not delivered */
	uint64_t queued_bytes;	  /* bytes of ring they take */
};

/* *ret is untouched on failure (-ENOMEM). */
int tt_rings_new(struct tt_rings **ret);
/* NULL-safe, returns NULL. */
struct tt_rings *tt_rings_free(struct tt_rings *rs);

/* Adds the ring buffer map `fd` (borrowed for the call) of `size` bytes. Negative errno of mmap, -ENOMEM. */
int tt_rings_add(struct tt_rings *rs, int fd, size_t size);

/*
 * Delivers records, oldest first, at most `budget` (0: no limit), and none later than `horizon`. Returns how many, 0 for none
 * now, or what fn returned.
 */
int tt_rings_poll(struct tt_rings *rs, uint64_t horizon, uint64_t budget, tt_ring_fn fn, void *ctx);

/* All records up to this time have been delivered. */
uint64_t tt_rings_watermark(const struct tt_rings *rs);

/* Forgets what was counted and which time was reached, as if new; what is queued stays. */
void tt_rings_reset(struct tt_rings *rs);

/* Walks what is queued: not for every poll. */
void tt_rings_stats(const struct tt_rings *rs, struct tt_ring_stats *ret);

/* Share of the fullest ring in use, in percent. */
unsigned tt_rings_fill(const struct tt_rings *rs);

#endif
