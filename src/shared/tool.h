/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of every tool agree on, beside the scope (shared/kernel.h). */
#ifndef TT_SHARED_TOOL_H
#define TT_SHARED_TOOL_H

#include "shared/record.h"

/* A task's name with its end, as the kernel keeps it. */
#define TT_TOOL_COMM_LEN 16

struct tt_tool_filter {
	__u64 comm[TT_TOOL_COMM_LEN / 8]; /* the name of processes observed, as words, filled up with 0; all 0: any */
};

static_assert(sizeof(struct tt_tool_filter) == 16, "layout");

#endif
