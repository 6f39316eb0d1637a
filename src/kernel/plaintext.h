/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS libraries of the processes in scope, attached as they are found. A file is attached once, however many map it, in every
 * process that does; the program asks whether it is in scope.
 */
#ifndef TT_KERNEL_PLAINTEXT_H
#define TT_KERNEL_PLAINTEXT_H

#include "kernel/load.h"

struct tt_plaintext_stats {
	uint64_t files;	    /* attached now */
	uint64_t functions; /* of them, probes at their entries and returns counted each */
	uint64_t unguarded; /* files on which no lease was to be had, so that they may be written at any time */
	uint64_t refused;   /* files that were not attached: no room (limit libraries), or the kernel would not */
};

/*
 * Looks at what process `pid` has mapped by now and attaches what is new. How many files were; 0 also where plaintext is not
 * observed. Negative errno: there is no such process, or it is not to be looked at.
 */
int tt_plaintext_look(struct tt_kernel *k, uint32_t pid);

/*
 * Starts the thread that looks after what is attached, until tt_kernel_stop. 0, also where plaintext is not observed; no thread
 * or memory.
 */
int tt_plaintext_work(struct tt_kernel *k);

/*
 * tt_plaintext_look soon, by that thread, which also lets go of files that no process has any more. 0;
 * -ENOSPC: too many are waiting; no thread or memory.
 */
int tt_plaintext_look_later(struct tt_kernel *k, uint32_t pid);

/*
 * Why return probes are not to be put into processes on the kernel that runs, so only libraries are observed for which the
 * instructions that return can be had (OpenSSL, Go's); NULL: nothing speaks against it. Static text.
 */
const char *tt_plaintext_refused(void);

/* Whether this thread may put uprobes into processes: -EPERM if not. Puts none. A function for tt_privilege_without. */
int tt_plaintext_try(void *unused);

#define TT_PLAINTEXT_COSTS 2

/*
 * What a call takes longer that has a probe at its entry and at its return, in a process out of scope: CPU time of this thread,
 * nanoseconds; of a function whose first instruction the kernel does itself, and of one where it has to step over it. 0;
 * -EOPNOTSUPP: plaintext is not observed; what the kernel says to probes.
 */
int tt_plaintext_cost(struct tt_kernel *k, uint64_t ret_ns[TT_PLAINTEXT_COSTS]);

/*
 * Probes are in the processes of the scope alone, so tt_plaintext_look_later is to be told of what they fork. Asked in either
 * part.
 */
bool tt_plaintext_forks(const struct tt_kernel *k);

/* Plaintext is observed: libraries may be attached from now on. */
bool tt_plaintext_on(const struct tt_kernel *k);

void tt_plaintext_stats(const struct tt_kernel *k, struct tt_plaintext_stats *ret);

#endif
