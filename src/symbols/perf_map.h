/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What just-in-time compilers write down of their code: lines "START SIZE name" with hexadecimal numbers
 * (tools/perf/Documentation/jit-interface.txt of the kernel). It comes piece by piece, as it grows.
 */
#ifndef TT_SYMBOLS_PERF_MAP_H
#define TT_SYMBOLS_PERF_MAP_H

#include "base/span.h"
#include "symbols/functions.h"

/*
 * Adds the functions of the whole lines there are. How many bytes those are, which may be less than there are: what follows
 * belongs to the next piece. Lines that are none are left out and counted in *bad. A line longer than 4 KiB is none.
 */
size_t tt_perf_map_parse(struct tt_functions *to, struct tt_span text, uint64_t *bad);

#endif
