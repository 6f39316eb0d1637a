/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs counted. produced = submitted to the rings + lost, in records and in stream bytes. */
#ifndef TT_KERNEL_STATS_H
#define TT_KERNEL_STATS_H

#include <stdint.h>

#include "kernel/load.h"

/* Names of the places, as in enum tt_place. */
extern const char *const tt_place_names[TT_PLACE_MAX];
extern const char *const tt_place_meanings[TT_PLACE_MAX];

struct tt_program_stats {
	const char *name;
	uint64_t runs; /* 0 unless the kernel's BPF statistics are on */
	uint64_t ns;
	uint64_t verified; /* instructions the verifier walked at load: known since 5.16 */
	uint64_t missed;   /* runs the kernel skipped (recursion); known since 5.12 */
};

struct tt_kernel_stats {
	uint64_t produced;
	uint64_t produced_bytes;
	uint64_t lost[TT_LOSS_MAX];
	uint64_t lost_bytes[TT_LOSS_MAX];
	uint64_t failed[TT_PLACE_MAX]; /* failing helpers by place */
	uint64_t wishes_displaced;
};

void tt_kernel_stats(const struct tt_kernel *k, struct tt_kernel_stats *ret);

/* What the kernel counts of one attached program; index is its row among them. */
struct tt_program_counts {
	uint64_t index;
	uint64_t runs;
	uint64_t ns;
	uint64_t verified;
	uint64_t missed;
};

/* Of the programs this process holds, at most `most`; returns how many. A few system calls each. */
size_t tt_kernel_program_counts(const struct tt_kernel *k, struct tt_program_counts *ret, size_t most);

/* Listening sockets that were not taken up, because of the limit `listeners`. */
uint64_t tt_kernel_listeners_refused(const struct tt_kernel *k);

/* One row a program, at most `most`; returns how many. A few system calls each. */
size_t tt_kernel_program_stats(const struct tt_kernel *k, struct tt_program_stats *ret, size_t most);

#endif
