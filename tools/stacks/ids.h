/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of a tool with stacks agree on. */
#ifndef TT_STACKS_IDS_H
#define TT_STACKS_IDS_H

#include "shared/record.h"

/* Frames of a stack; the kernel takes no more unless it is told to (kernel.perf_event_max_stack). */
#define TT_STACK_DEPTH 127

/* In the place of a stack's number. */
#define TT_STACK_NONE (-1) /* there is none: the kernel's of a task that was in user space, or the user's of the kernel's own */
#define TT_STACK_LOST (-2) /* it could not be kept, which is counted */

/* Beside a tool's own types. */
#define TT_STACK_RECORD (TT_REC_TOOL + 64)

/* A process was in this stack for the first time: its addresses are to be looked up while it is there. */
struct tt_stack_seen {
	struct tt_record rec; /* of the process */
	__u64 image;	      /* its memory, as an address: another one after execve(2) */
	__u64 caller;	      /* who called the innermost function, where that is known beside the stack; 0: it is not */
	__s32 id;
	__u32 reserved;
};

struct tt_stack_told {
	__u64 image;
	__u64 caller;
	__u32 tgid;
	__s32 id;
};

/* One a CPU, added to atomically. */
struct tt_stack_counts {
	__u64 collided; /* stacks whose place another one has */
	__u64 missed;	/* stacks the kernel could not give */
	__u64 untold;	/* stacks of which no record was sent, for want of room (limit tool_stacks) */
	__u64 reserved;
};

static_assert(sizeof(struct tt_stack_seen) == sizeof(struct tt_record) + 24, "layout");
static_assert(sizeof(struct tt_stack_told) == 24, "layout");
static_assert(sizeof(struct tt_stack_counts) == 32, "layout");

#endif
