/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the live source observes. */
#ifndef TT_KERNEL_SCOPE_H
#define TT_KERNEL_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/kernel.h"

/* All members are borrowed. A zeroed one is the whole host. */
struct tt_scope {
	enum tt_scope_mode mode;
	const uint32_t *pids; /* TT_SCOPE_PIDS: these and every process they fork; may be none at first (tt_kernel_follow) */
	size_t pid_count;
	const char *command;   /* what the first of them is about to execute, by its name; NULL: nothing that is known */
	const char *cgroup;    /* TT_SCOPE_CGROUP: path of a cgroup v2, absolute or below its mount point */
	const char *netns;     /* TT_SCOPE_NETNS: path (/run/netns/NAME, /proc/PID/ns/net) or a name of `ip netns` */
	bool report_own;       /* telltale's own traffic too */
	bool plaintext;	       /* what TLS libraries encrypt and decrypt, too (kernel/plaintext.h) */
	unsigned without;      /* … but for these libraries: tt_library_bit */
	bool no_return_probes; /* for that, where functions return is found in their code, as on kernels whose return probes do
				  harm */
};

/* Opens the cgroup; -ENOENT, -ENOTDIR, -EINVAL where it is not a v2 cgroup. The caller closes. */
int tt_scope_open_cgroup(const char *cgroup);

/* Is that process in scope, as far as /proc tells? For a scope of processes: is it one of those named. */
bool tt_scope_contains(const struct tt_scope *scope, uint32_t pid);

/*
 * Numbers of processes are the kernel's own here, as its programs have them: telltale is in the first pid namespace. Elsewhere
 * the same number is another process, and so it is in /proc.
 */
bool tt_scope_ids_are_the_kernels(void);
/* Before processes are observed by their numbers. 0, or -EINVAL with one line logged where those are not the kernel's. */
int tt_scope_check_ids(void);
/* Logs one line on numbers that are shown and looked up, where they are not. */
void tt_scope_warn_of_ids(void);

/* The inode number by which the kernel names the namespace. Negative errno, -EINVAL for a file that is none. */
int tt_scope_netns_inode(const char *netns, uint32_t *ret);

#endif
