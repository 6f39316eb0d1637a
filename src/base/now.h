/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks as nanoseconds. */
#ifndef TT_BASE_NOW_H
#define TT_BASE_NOW_H

#include <stdint.h>
#include <time.h>

static inline uint64_t tt_clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* CLOCK_MONOTONIC, the clock of records. */
static inline uint64_t tt_now_ns(void)
{
	return tt_clock_ns(CLOCK_MONOTONIC);
}

/* What is to be added to times of records for those of the wall. */
static inline int64_t tt_wall_minus_mono_ns(void)
{
	int64_t wall = (int64_t)tt_clock_ns(CLOCK_REALTIME);

	return wall - (int64_t)tt_now_ns();
}

#endif
