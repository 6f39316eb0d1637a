/* SPDX-License-Identifier: Apache-2.0 */
/* How times are spread: least, greatest and sum exactly, percentiles to within 1.6 %, in memory that does not grow. */
#ifndef TT_PING_SPREAD_H
#define TT_PING_SPREAD_H

#include <stdint.h>

#define TT_SPREAD_BITS 5 /* parts of each power of two: 1 << 5 */
#define TT_SPREAD_PARTS (1u << TT_SPREAD_BITS)
#define TT_SPREAD_POWERS 44 /* greater times, over two days, count as the greatest */

struct tt_spread {
	uint64_t count;
	uint64_t sum;
	uint64_t least, most;
	uint32_t part[TT_SPREAD_POWERS * TT_SPREAD_PARTS];
};

void tt_spread_add(struct tt_spread *s, uint64_t ns);
/* Of nothing UINT64_MAX. `hundredths` of a percent: 5000 is the median. */
uint64_t tt_spread_at(const struct tt_spread *s, unsigned hundredths);
uint64_t tt_spread_average(const struct tt_spread *s);

#endif
