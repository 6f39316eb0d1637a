/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a process is: its name, service, container. Filled from process records as they come, from /proc for processes that were
 * there before, and from identity records of a recording. Names of ended processes are kept for process_grace_s.
 */
#ifndef TT_IDENTITY_IDENTITY_H
#define TT_IDENTITY_IDENTITY_H

#include <stdbool.h>

#include "identity/proc.h"
#include "shared/limits.h"
#include "shared/record.h"

struct tt_identity {
	uint32_t tgid;
	uint64_t start_ns;
	char comm[TT_COMM_LEN];
	char service[TT_IDENTITY_NAME_LEN];	/* service_name: never empty */
	char instance[TT_IDENTITY_NAME_LEN];	/* service_instance_id: stable over restarts; empty: not known (captures) */
	char container_id[TT_CONTAINER_ID_LEN]; /* empty: none */
};

struct tt_identities;

struct tt_identities_stats {
	uint64_t processes; /* kept now */
	uint64_t evicted;   /* forgotten early because of the limit */
	uint64_t unknown;   /* times nothing was known of a process that was asked for */
};

/* `use_proc`: look in /proc for what no record told (live); false for captures and recordings. *ret untouched on failure
 * (-ENOMEM). */
int tt_identities_new(struct tt_identities **ret, const struct tt_limits *limits, bool use_proc);
/* NULL-safe, returns NULL. */
struct tt_identities *tt_identities_free(struct tt_identities *ids);

/* From now on /proc is not read but asked for through fn; ctx is borrowed and must outlive it. Nothing without `use_proc`. */
void tt_identities_ask(struct tt_identities *ids, tt_proc_fn fn, void *ctx);

/* Takes process, identity and exit records; others are ignored. */
void tt_identities_record(struct tt_identities *ids, const struct tt_record *rec);

/* Never NULL: a process nothing is known of gets an identity with service "unknown". Borrowed until the next call on ids. */
const struct tt_identity *tt_identities_find(struct tt_identities *ids, uint32_t tgid, uint64_t start_ns, uint64_t cgroup_id);

/* The same for what is told late: of a process nothing is known of (any more), `comm` (of TT_COMM_LEN bytes; NULL: not known)
 * tells the service. */
const struct tt_identity *tt_identities_named(struct tt_identities *ids, uint32_t tgid, uint64_t start_ns, const char *comm);

/* Forgets processes that ended longer ago than the grace. */
void tt_identities_advance(struct tt_identities *ids, uint64_t now_ns);

/* Reads all of /proc now, so that processes which end before they are first asked for have names too. Nothing without `use_proc`.
 */
void tt_identities_seed(struct tt_identities *ids);

/* What is known as a record, for a recording. time_ns: now, monotonic. */
struct tt_identity_record tt_identity_to_record(const struct tt_identity *identity, uint64_t time_ns);

void tt_identities_stats(const struct tt_identities *ids, struct tt_identities_stats *ret);

#endif
