/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes: by number and start, bounded; those that ended wait for their grace in a list of their own. */
#ifndef TT_IDENTITY_PROCESS_H
#define TT_IDENTITY_PROCESS_H

#include "identity/identity.h"

struct tt_process {
	struct tt_identity identity;
	struct tt_process *bucket_next;
	struct tt_process *prev, *next; /* in the list of the living (by use) or of the ended (by end) */
	uint32_t ppid;
	uint64_t end_ns;			  /* monotonic; 0: alive */
	bool look;				  /* /proc may say more */
	bool execed;				  /* its own program was seen to start */
	bool nothing;				  /* nothing is known: an answer to save looking again */
	char asked_service[TT_IDENTITY_NAME_LEN]; /* name its environment or container gives; empty: none */
};

struct tt_process_list {
	struct tt_process *first, *last;
};

struct tt_processes {
	struct tt_process **buckets;
	size_t mask;
	size_t count;
	size_t max;
	uint64_t evicted;
	struct tt_process_list living; /* least lately used first */
	struct tt_process_list ended;  /* longest ended first */
};

int tt_processes_init(struct tt_processes *t, const struct tt_limits *limits);
void tt_processes_free(struct tt_processes *t);

/* start_ns 0: the youngest of that number of which something is known. NULL: not there. */
struct tt_process *tt_processes_find(struct tt_processes *t, uint32_t tgid, uint64_t start_ns);

/* Makes room if need be. NULL without memory. */
struct tt_process *tt_processes_add(struct tt_processes *t, uint32_t tgid, uint64_t start_ns);

void tt_processes_used(struct tt_processes *t, struct tt_process *p);
void tt_processes_end(struct tt_processes *t, struct tt_process *p, uint64_t end_ns);
void tt_processes_drop(struct tt_processes *t, struct tt_process *p);

#endif
