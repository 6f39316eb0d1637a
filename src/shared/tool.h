/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of every tool agree on, beside the scope (shared/kernel.h). */
#ifndef TT_SHARED_TOOL_H
#define TT_SHARED_TOOL_H

#include "shared/record.h"

/*
 * Calls that stand for functions of the kernel until the programs are loaded: beyond the numbers of helpers. Where a kernel has
 * no such function they are in no way that is taken.
 */
#define TT_CALL_RDONLY_CAST 0x74740000
#define TT_CALL_PREEMPT_DISABLE 0x74740001
#define TT_CALL_PREEMPT_ENABLE 0x74740002

/* Types whose numbers the programs may ask for (bpf/lib/kernel_calls.h), one more than the last one's. */
#define TT_TYPE_IDS 512

/* A task's name with its end, as the kernel keeps it. */
#define TT_TOOL_COMM_LEN 16

struct tt_tool_filter {
	__u64 comm[TT_TOOL_COMM_LEN / 8]; /* the name of processes observed, as words, filled up with 0; all 0: any */
};

static_assert(sizeof(struct tt_tool_filter) == 16, "layout");

#endif
