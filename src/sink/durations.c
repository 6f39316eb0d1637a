// SPDX-License-Identifier: Apache-2.0
#include "sink/durations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define TT_DURATION_BITS 4 /* of TT_DURATION_PARTS */

/* Power 0 is 0 ... 15, power p > 0 is 2^(p+3) ... 2^(p+4) - 1. */
static unsigned tt_duration_power(uint64_t ns)
{
	return ns < TT_DURATION_PARTS ? 0 : 64u - (unsigned)__builtin_clzll(ns) - TT_DURATION_BITS;
}

static unsigned tt_duration_part(uint64_t ns, unsigned power)
{
	return (unsigned)(ns >> (power ? power - 1 : 0)) % TT_DURATION_PARTS;
}

/* The least value of a part, or of the one behind it. */
static double tt_duration_least(unsigned power, unsigned part)
{
	return power ? (double)(TT_DURATION_PARTS + part) * (double)(UINT64_C(1) << (power - 1)) : part;
}

/* The counts of a power; made, and zero, where there were none. NULL: no memory. */
static uint32_t *tt_durations_row(struct tt_durations *d, unsigned power)
{
	const uint64_t bit = UINT64_C(1) << power;
	size_t at = (size_t)__builtin_popcountll(d->powers & (bit - 1));

	if (d->powers & bit)
		return d->counts[at];
	size_t rows = (size_t)__builtin_popcountll(d->powers);
	void *more = reallocarray(d->counts, rows + 1, sizeof(*d->counts));
	if (!more)
		return NULL;
	d->counts = more;
	memmove(d->counts[at + 1], d->counts[at], (rows - at) * sizeof(*d->counts));
	memset(d->counts[at], 0, sizeof(*d->counts));
	d->powers |= bit;
	return d->counts[at];
}

static void tt_durations_count(uint32_t *to, uint32_t more)
{
	*to = more > UINT32_MAX - *to ? UINT32_MAX : *to + more;
}

static void tt_durations_extremes(struct tt_durations *d, uint64_t shortest_ns, uint64_t longest_ns)
{
	d->shortest_ns = d->count ? TT_MIN(d->shortest_ns, shortest_ns) : shortest_ns;
	d->longest_ns = d->count ? TT_MAX(d->longest_ns, longest_ns) : longest_ns;
}

int tt_durations_add(struct tt_durations *d, uint64_t ns)
{
	unsigned power = tt_duration_power(ns);
	uint32_t *row = tt_durations_row(d, power);

	if (!row)
		return -ENOMEM;
	tt_durations_count(&row[tt_duration_part(ns, power)], 1);
	tt_durations_extremes(d, ns, ns);
	d->count++;
	return 0;
}

int tt_durations_merge(struct tt_durations *d, const struct tt_durations *other)
{
	size_t from = 0;

	if (!other->count)
		return 0;
	for (uint64_t left = other->powers; left; left &= left - 1, from++) {
		uint32_t *row = tt_durations_row(d, (unsigned)__builtin_ctzll(left));
		if (!row)
			return -ENOMEM;
		for (size_t part = 0; part < TT_DURATION_PARTS; part++)
			tt_durations_count(&row[part], other->counts[from][part]);
	}
	tt_durations_extremes(d, other->shortest_ns, other->longest_ns);
	d->count += other->count;
	return 0;
}

/* Between `low` and `high`, and the extremes of all values. */
static uint64_t tt_durations_between(const struct tt_durations *d, double low, double high, double share)
{
	low = TT_MAX(low, (double)d->shortest_ns);
	high = TT_MIN(high, (double)d->longest_ns);
	double value = low + (high > low ? high - low : 0) * share;
	return value < (double)d->longest_ns ? (uint64_t)value : d->longest_ns;
}

bool tt_durations_quantile(const struct tt_durations *d, double q, uint64_t *ret)
{
	const double rank = q * (double)d->count;
	double below = 0;
	size_t row = 0;

	if (!d->count)
		return false;
	for (uint64_t left = d->powers; left; left &= left - 1, row++) {
		unsigned power = (unsigned)__builtin_ctzll(left);
		for (unsigned part = 0; part < TT_DURATION_PARTS; part++) {
			const double count = d->counts[row][part];
			if (count > 0 && below + count >= rank) {
				*ret = tt_durations_between(d, tt_duration_least(power, part),
							    tt_duration_least(power, part + 1) - 1,
							    rank < below ? 0 : (rank - below) / count);
				return true;
			}
			below += count;
		}
	}
	*ret = d->longest_ns; /* rounding ran past the last value */
	return true;
}

void tt_durations_free(struct tt_durations *d)
{
	if (!d)
		return;
	free(d->counts);
	*d = (struct tt_durations){0};
}
