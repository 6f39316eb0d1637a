// SPDX-License-Identifier: Apache-2.0
#include "sink/histogram.h"

bool tt_quantile(const uint64_t *buckets, unsigned count, unsigned first, struct tt_extremes bounds, double q, uint64_t *ret)
{
	uint64_t total = 0;
	for (unsigned i = 0; i < count; i++)
		total += buckets[i];
	if (!total)
		return false;

	double rank = q * (double)total;
	uint64_t below = 0;
	unsigned i = 0;
	while (i + 1 < count && (!buckets[i] || (double)(below + buckets[i]) < rank))
		below += buckets[i++];
	while (!buckets[i]) /* rounding ran past the last value */
		below -= buckets[--i];

	/* The values of this bucket lie between its bounds, and between the extremes of all. */
	double low = i ? (double)(UINT64_C(1) << (first + i - 1)) : 0;
	double high = i + 1 < count ? (double)(UINT64_C(1) << (first + i)) : (double)bounds.longest_ns;
	low = TT_MAX(low, (double)bounds.shortest_ns);
	high = TT_MIN(high, (double)bounds.longest_ns);
	double part = (rank - (double)below) / (double)buckets[i];
	part = part < 0 ? 0 : part > 1 ? 1 : part;
	double value = low + (high > low ? high - low : 0) * part;
	*ret = value < (double)bounds.longest_ns ? (uint64_t)value : bounds.longest_ns;
	return true;
}
