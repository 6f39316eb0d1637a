/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel programs, loaded and attached: from here on records come. */
#ifndef TT_KERNEL_LOAD_H
#define TT_KERNEL_LOAD_H

#include "kernel/hooks.h"
#include "kernel/ring.h"
#include "kernel/scope.h"
#include "shared/limits.h"

#define TT_HOOK_SETS_MOST 4

/* What was found and chosen, and in `error` one line saying why nothing could be loaded. */
struct tt_kernel_report {
	struct tt_features features;
	struct tt_hook_verdict sets[TT_HOOK_SETS_MOST];
	size_t set_count;
	struct tt_hook_verdict common[16]; /* one a row of tt_hook_common: `set` is not used */
	char error[600];
	const char *about; /* what was asked for and is the reason of the error, as the configuration names it; NULL: nothing */
};

struct tt_kernel;
struct tt_program_counts;

/* A set's name, with its form where there are two of that name. Returns text. */
const char *tt_kernel_set_title(const struct tt_hook_set *set, char *text, size_t size);

/*
 * Loads, attaches, passes the self-test and begins to observe `scope`. `hooks` names the set to use, NULL or "auto" the best.
 * `limits` is only read during the call; `report` is always filled. -ENOENT no kernel BTF, -EPERM no privilege, -EOPNOTSUPP no
 * hook set works here, and what scope's parts return. *ret is untouched on failure.
 */
int tt_kernel_new(struct tt_kernel **ret, const char *hooks, const struct tt_limits *limits, const struct tt_scope *scope,
		  struct tt_kernel_report *report);
/* Detaches first: afterwards nothing is observed any more. NULL-safe, returns NULL. */
struct tt_kernel *tt_kernel_free(struct tt_kernel *k);

/* Gives everything libbpf and the verifier complain about to fn (NULL: nobody), for finding out why a program was refused. */
void tt_kernel_log(void (*fn)(const char *text));

/* Detaches, but lets what is in the rings be read. */
void tt_kernel_stop(struct tt_kernel *k);

/* Adds a process to a scope of TT_SCOPE_PIDS; its children follow by themselves. -EPERM: handed over already. */
int tt_kernel_follow(struct tt_kernel *k, uint32_t tgid);

/*
 * Where a process with privileges holds the links and programs, and this one only its maps: what that one does for it
 * (attach/attach.h).
 */
struct tt_kernel_remote {
	void (*stop)(void *ctx);
	void (*forget)(void *ctx, const struct tt_conn_id *conn);
	/* As tt_kernel_program_counts. */
	size_t (*programs)(void *ctx, struct tt_program_counts *ret, size_t most);
};

/*
 * Lets go of links and programs, which another process has too, and of the tables but for reading counters and writing wishes:
 * the scope is what it is now. A tool alone looks into its own tables, unless `tables` go as well. `remote` and ctx are borrowed
 * and must outlive k. 0 or a negative errno.
 */
int tt_kernel_hand_over(struct tt_kernel *k, bool tables, const struct tt_kernel_remote *remote, void *ctx);

/* The other process's part of it: unmaps the rings, whose contents it is never to see, and the scope, which nobody adds to by
 * hand any more (4 MB). */
void tt_kernel_unmap(struct tt_kernel *k);

/* The table's part of tt_kernel_forget. */
void tt_kernel_forget_socket(struct tt_kernel *k, const struct tt_conn_id *conn);

/* Calls bpf(2) for something harmless. 0, or -EPERM: this kernel wants CAP_BPF even for that (before 5.19). */
int tt_kernel_try_call(struct tt_kernel *k);

/* Its rings; borrowed. */
struct tt_rings *tt_kernel_rings(struct tt_kernel *k);

/* A time before which no further record can come: the horizon for tt_rings_poll. */
uint64_t tt_kernel_horizon(const struct tt_kernel *k);

/* Obeys a capture wish from the next call on, until the connection is forgotten. */
void tt_kernel_wish(struct tt_kernel *k, const struct tt_conn_id *conn, enum tt_direction dir, uint64_t from, uint32_t bytes);

/*
 * Its wishes go; and, unless it was closed (then the programs have forgotten it themselves), the state of a Unix or UDP socket
 * too, where no other peer uses it. The end of a TCP connection is always seen by the programs.
 */
void tt_kernel_forget(struct tt_kernel *k, const struct tt_conn_id *conn, bool closed);

#endif
