// SPDX-License-Identifier: Apache-2.0
#include "tools/ping/spread.h"

#include "base/own.h"

/* Times below 32 ns each have a part; then each power of two has 32. */
static uint32_t part_of(uint64_t ns)
{
	unsigned power = ns < TT_SPREAD_PARTS ? 0 : 63u - (unsigned)__builtin_clzll(ns) - TT_SPREAD_BITS + 1;
	uint64_t low = power ? (ns >> (power - 1)) - TT_SPREAD_PARTS : ns;

	return power >= TT_SPREAD_POWERS ? TT_SPREAD_POWERS * TT_SPREAD_PARTS - 1 : power * TT_SPREAD_PARTS + (uint32_t)low;
}

/* The middle of a part. */
static uint64_t middle_of(uint32_t part)
{
	unsigned power = part / TT_SPREAD_PARTS;
	uint64_t low = part % TT_SPREAD_PARTS;

	if (!power)
		return low;
	return ((low + TT_SPREAD_PARTS) << (power - 1)) + ((1ull << (power - 1)) - 1) / 2;
}

void tt_spread_add(struct tt_spread *s, uint64_t ns)
{
	s->least = s->count ? TT_MIN(s->least, ns) : ns;
	s->most = TT_MAX(s->most, ns);
	s->sum += ns;
	s->count++;
	s->part[part_of(ns)]++;
}

uint64_t tt_spread_at(const struct tt_spread *s, unsigned hundredths)
{
	uint64_t rank = (s->count * hundredths + 9999) / 10000, seen = 0;

	if (!s->count)
		return UINT64_MAX;
	if (rank >= s->count)
		return s->most;
	for (uint32_t i = 0; i < TT_ARRAY_LEN(s->part); i++) {
		seen += s->part[i];
		if (seen >= rank) {
			uint64_t at = TT_MAX(middle_of(i), s->least);
			return TT_MIN(at, s->most);
		}
	}
	return s->most;
}

uint64_t tt_spread_average(const struct tt_spread *s)
{
	return s->count ? s->sum / s->count : UINT64_MAX;
}
