/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tool's programs at functions of libraries, in the processes it is asked about and in no other: not even the breakpoints are
 * there elsewhere. Functions are found by their symbols in whatever code a process has mapped.
 */
#ifndef TT_KERNEL_PROCESS_PROBES_H
#define TT_KERNEL_PROCESS_PROBES_H

#include "kernel/library.h"
#include "kernel/load.h"

#define TT_PROBE_GROUPS_MOST 16
#define TT_PROBE_SIGNS_MOST 8

/* Functions that are found together, and how. */
struct tt_probe_group {
	/* Its `file` is not used; files that have all its required functions are meant. */
	struct tt_library library;
	/* Return probes are never used: an exception may leave one of the functions, and would not find its way past one. A
	 * function of which it is not sure where it returns is left out then. */
	bool throws;
	/* Only files with one of these functions, too … */
	const char *with[TT_PROBE_SIGNS_MOST];
	/* … and with none of those. */
	const char *without[TT_PROBE_SIGNS_MOST];
};

/*
 * Begins; `groups` (at most TT_PROBE_GROUPS_MOST) is borrowed and must outlive k, at most `processes` are looked after. 0 or
 * -ENOMEM.
 */
int tt_process_probes_begin(struct tt_kernel *k, const struct tt_probe_group *groups, size_t count, size_t processes);

/*
 * Attaches what process `pid` has mapped by now and is not attached there yet: how many functions are. -ENOSPC: there are too
 * many processes already; -ESRCH and its like: it is gone, or not to be looked at; -EOPNOTSUPP: where its functions return is
 * not sure on a kernel whose return probes may end it, about which a line was logged.
 */
int tt_process_probes_look(struct tt_kernel *k, uint32_t pid);

/*
 * How many processes were to be looked at later (tt_plaintext_look_later) and are not observed: they were gone by then, or there
 * was no room. Each counts once; asked in either part.
 */
uint64_t tt_process_probes_missed(const struct tt_kernel *k);

/* The same of one file that it is going to map. */
int tt_process_probes_file(struct tt_kernel *k, uint32_t pid, const char *path);

/* Adds the shared objects the dynamic loader would find for it of those whose name begins with one of `names` (NULL-ended). */
int tt_process_probes_ahead(struct tt_kernel *k, uint32_t pid, const char *const *names);

#endif
