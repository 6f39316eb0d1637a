/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of `telltale execs` agree on. */
#ifndef TT_EXECS_H
#define TT_EXECS_H

#include "shared/record.h"

#define TT_EXECS_ARGS_LEN 512 /* a power of two */

enum tt_execs_record_type {
	TT_EXECS_STARTED = TT_REC_TOOL, /* struct tt_execs_started */
	TT_EXECS_FAILED,		/* the same, with error */
	TT_EXECS_ENDED,			/* struct tt_execs_ended */
};

struct tt_execs_started {
	struct tt_record rec;
	__u32 ppid;
	__u32 uid;		      /* real */
	__u32 error;		      /* positive errno of TT_EXECS_FAILED */
	__u32 args_len;		      /* bytes used in args */
	char args[TT_EXECS_ARGS_LEN]; /* each ended by 0; of a failed one the first is the file as it was named */
};

struct tt_execs_ended {
	struct tt_record rec;
	__u32 wait_status;
	__u32 reserved;
};

/* Numbers of system calls, so that the programs know none. */
struct tt_execs_config {
	__u32 execve;
	__u32 execveat;
	__u32 compat_execve; /* of 32-bit callers; ~0: there are none */
	__u32 compat_execveat;
	__u8 no_failed;
	__u8 lookups; /* each file that was looked for is shown */
	__u8 reserved[2];
};

static_assert(sizeof(struct tt_execs_started) == 40 + 16 + TT_EXECS_ARGS_LEN, "layout");
static_assert(sizeof(struct tt_execs_ended) == 48, "layout");
static_assert(sizeof(struct tt_execs_config) == 20, "layout");

#endif
