/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* Durations counted in the kernel that join the agent's histograms. Compiled for both sides: the unit test checks it. */
#ifndef TT_TOOLS_TIMES_H
#define TT_TOOLS_TIMES_H

#include "shared/record.h"

/*
 * Number i counts those of more than 2^(i + 9) and at most 2^(i + 10) ns; the first also what is shorter, the last what is
 * longer.
 */
#define TT_TOOL_TIMES 28
#define TT_TOOL_TIMES_FIRST 10

/* Which of them. */
static inline __attribute__((always_inline)) __u32 tt_tool_time(__u64 ns)
{
	__u64 rest = ns ? ns - 1 : 0;
	__u32 bits = 0;

	/* How many bits it has, by halves. */
	for (__u32 step = 32; step; step /= 2) {
		if (rest >> step) {
			rest >>= step;
			bits += step;
		}
	}
	bits += rest ? 1 : 0;
	if (bits < TT_TOOL_TIMES_FIRST)
		return 0;
	bits -= TT_TOOL_TIMES_FIRST;
	return bits < TT_TOOL_TIMES ? bits : TT_TOOL_TIMES - 1;
}

#endif
