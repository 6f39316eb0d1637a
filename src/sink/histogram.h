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

/* The least and the greatest of some values; both 0: of none. */
struct tt_extremes {
	uint64_t shortest_ns;
	uint64_t longest_ns;
};

/* `none`: this is the first value. */
static inline void tt_extremes_add(struct tt_extremes *e, bool none, uint64_t ns)
{
	e->shortest_ns = none ? ns : TT_MIN(e->shortest_ns, ns);
	e->longest_ns = none ? ns : TT_MAX(e->longest_ns, ns);
}

/*
 * The value below which the share q (0..1) of the values lies, by linear interpolation within the part of its bucket that lies
 * between the extremes of all values; so it is off by less than a factor of two, in practice much nearer, and never beyond what
 * was measured: of equal values it is exact. The one estimator, for every output that shows percentiles. `first` is the exponent
 * of buckets[0]: 0 for a struct tt_histogram. False (and *ret untouched) where there are no values.
 */
bool tt_quantile(const uint64_t *buckets, unsigned count, unsigned first, struct tt_extremes bounds, double q, uint64_t *ret);

#endif
