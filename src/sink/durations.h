/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durations in nanoseconds, counted for percentiles: each power of two in sixteen equal parts, from 16 ns on; below, each
 * nanosecond is one. So a part is at most a sixteenth as wide as the values in it. Only powers of two that occurred take room: 64
 * bytes each.
 */
#ifndef TT_SINK_DURATIONS_H
#define TT_SINK_DURATIONS_H

#include <stdbool.h>
#include <stdint.h>

#define TT_DURATION_PARTS 16

/* All zero: none yet. */
struct tt_durations {
	uint64_t powers;		       /* bit i: of those of power i something was counted */
	uint32_t (*counts)[TT_DURATION_PARTS]; /* one row a bit, in their order; owned */
	uint64_t count;
	uint64_t shortest_ns, longest_ns;
};

/* -ENOMEM: it is not counted. */
int tt_durations_add(struct tt_durations *d, uint64_t ns);

/* Adds what the other one counted. -ENOMEM: in part. */
int tt_durations_merge(struct tt_durations *d, const struct tt_durations *other);

/*
 * The value below which the share q (0..1) of the values lies, by linear interpolation within the portion of its part that lies
 * between the extremes of all values: off by less than a sixteenth (6.25 %), and never beyond what was
 * measured; of equal values it is exact. The one estimator, for every output that shows percentiles. False (and *ret untouched)
 * where there are no values.
 */
bool tt_durations_quantile(const struct tt_durations *d, double q, uint64_t *ret);

/* NULL-safe; leaves it empty. */
void tt_durations_free(struct tt_durations *d);

#endif
