/* SPDX-License-Identifier: Apache-2.0 */
/* Base-2 histograms of nanoseconds, in the buckets sink.h defines: i counts values v with 2^(i-1) < v <= 2^i, 0 counts v <= 1. */
#ifndef TT_SINK_HISTOGRAM_H
#define TT_SINK_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "sink/sink.h"

struct tt_histogram {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t buckets[TT_BUCKETS];
};

/* The last bucket also takes what is larger than its bound, and what happened but has no duration. */
#define TT_BUCKET_LAST (TT_BUCKETS - 1)

static inline unsigned tt_bucket_of(uint64_t ns)
{
	if (ns <= 1)
		return 0;
	unsigned i = 64u - (unsigned)__builtin_clzll(ns - 1);
	return i < TT_BUCKETS ? i : TT_BUCKET_LAST;
}

static inline void tt_histogram_add(struct tt_histogram *h, uint64_t ns)
{
	h->count++;
	h->sum_ns += ns;
	h->buckets[tt_bucket_of(ns)]++;
}

/* It happened, but how long it took is not known (it never ended): counted, not summed, above every bound. */
static inline void tt_histogram_add_unknown(struct tt_histogram *h)
{
	h->count++;
	h->buckets[TT_BUCKET_LAST]++;
}

static inline void tt_histogram_merge(struct tt_histogram *h, uint64_t count, uint64_t sum_ns, const uint64_t *buckets)
{
	h->count += count;
	h->sum_ns += sum_ns;
	for (unsigned i = 0; i < TT_BUCKETS; i++)
		h->buckets[i] += buckets[i];
}

#endif
