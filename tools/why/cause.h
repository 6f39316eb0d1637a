/* SPDX-License-Identifier: Apache-2.0 */
/* The likely cause, in a sentence. */
#ifndef TT_WHY_CAUSE_H
#define TT_WHY_CAUSE_H

#include "tools/sched/state.h"

#define TT_WHY_CAUSE_LEN 320

/* The longest of what was found of a process, or thread. */
struct tt_why_longest {
	uint64_t ns;
	char call[TT_SCHED_CALL_LEN];
	char who[TT_SCHED_WHO_LEN]; /* who woke it, or was ahead; empty: not known */
};

struct tt_why_facts {
	struct tt_sched_sum sum;
	uint64_t wall_ns; /* all parts together */
	struct tt_why_longest ahead;
	struct tt_why_longest block[TT_SCHED_PART_MAX]; /* by enum tt_sched_part */
};

/* It waits because it has nothing to do, or because it wants to. */
bool tt_why_idle(uint32_t part);

/* The part most time went to. */
uint32_t tt_why_lead(const struct tt_why_facts *f);

void tt_why_cause(const struct tt_why_facts *f, char to[TT_WHY_CAUSE_LEN]);

#endif
