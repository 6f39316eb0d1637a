/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of one process (proc(5)). */
#ifndef TT_IDENTITY_PROC_H
#define TT_IDENTITY_PROC_H

#include <stdbool.h>

#include "base/buf.h"
#include "shared/record.h"

/* /proc counts the start of a process in clock ticks, the kernel's records in nanoseconds. */
#define TT_PROC_TICK_NS 10000000ull

struct tt_proc {
	uint64_t start_ns; /* boot clock, cut to a tick */
	uint32_t ppid;
	char comm[TT_COMM_LEN];
	char file[256];				  /* of the program; empty where it may not be read */
	char asked_service[TT_IDENTITY_NAME_LEN]; /* what its environment asks to be called; empty: nothing */
	char pod[TT_IDENTITY_NAME_LEN];		  /* name of its pod; empty: none */
	char container_id[TT_CONTAINER_ID_LEN];	  /* empty: none */
	char container[TT_IDENTITY_NAME_LEN];	  /* the name Docker gave it; empty: not known */
	struct tt_buf args;			  /* argv, each ended by 0 */
};

/* How a process is looked up: as tt_proc_read, or by asking somebody who may read more of /proc. */
typedef int (*tt_proc_fn)(void *ctx, uint32_t pid, struct tt_proc *ret);

/* *ret is untouched on failure: -ENOENT or -ESRCH when there is no such process, -ENOMEM, -EBADMSG. The caller frees with
 * tt_proc_free. */
int tt_proc_read(struct tt_proc *ret, const char *root, uint32_t pid);
void tt_proc_free(struct tt_proc *p);

#endif
