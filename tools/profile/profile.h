/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of `telltale profile` agree on, beside those of telltale sched. */
#ifndef TT_PROFILE_H
#define TT_PROFILE_H

#include "tools/sched/sched.h"

/* Where a task was when a processor was looked at. */
struct tt_profile_key {
	__u32 tgid;
	__u32 tid; /* 0 if threads are one */
	__s32 user;
	__s32 kernel;
	__u32 set; /* as telltale sched's rows */
	__u32 reserved;
};

struct tt_profile_sample {
	__u64 count;
	char comm[TT_SCHED_COMM_LEN];
};

/* One a CPU, added to atomically. */
struct tt_profile_counts {
	__u64 taken;  /* looks at a task in scope */
	__u64 no_row; /* of those in no row (limit tool_kernel_rows) */
};

enum tt_profile_record_type {
	TT_PROFILE_SEEN = TT_REC_TOOL + 16, /* struct tt_profile_seen_record */
};

/* Inside the agent each look is sent: what was running, and where. The kernel's part is left out where it is empty. */
struct tt_profile_seen_record {
	struct tt_record rec;
	__u64 image; /* the process's memory, as an address: another one after execve(2) */
	__u32 user_count;
	__u32 kernel_count;
	__u64 user[TT_STACK_DEPTH]; /* innermost first */
	__u64 kernel[TT_STACK_DEPTH];
};

static_assert(sizeof(struct tt_profile_seen_record) == sizeof(struct tt_record) + 16 + 16 * TT_STACK_DEPTH, "layout");
static_assert(sizeof(struct tt_profile_key) == 24, "layout");
static_assert(sizeof(struct tt_profile_sample) == 24, "layout");
static_assert(sizeof(struct tt_profile_counts) == 16, "layout");

#endif
