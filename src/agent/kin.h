/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the processes that are observed are there still: those that were named (--pid, a command) and what came from them. So
 * that it can be said when there is nothing left to observe, or what a command left behind.
 */
#ifndef TT_AGENT_KIN_H
#define TT_AGENT_KIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/record.h"

struct tt_kin;

/* `roots` are copied; who descends from them now is looked up in /proc. *ret untouched on failure (-ENOMEM). */
int tt_kin_new(struct tt_kin **ret, const uint32_t *roots, size_t count);
/* NULL-safe, returns NULL. */
struct tt_kin *tt_kin_free(struct tt_kin *f);

/* Forks, execs and exits of observed processes; other records are ignored. */
void tt_kin_record(struct tt_kin *f, const struct tt_record *rec);

/* Looks, at most once a second (monotonic), whether those thought to be there are: a record of an end may have been lost. */
void tt_kin_advance(struct tt_kin *f, uint64_t now_ns);

/* How many are there, and how many of the roots. */
size_t tt_kin_count(const struct tt_kin *f);
size_t tt_kin_roots(const struct tt_kin *f);

/* At most `most` of those that are there, by number; returns how many. */
size_t tt_kin_list(const struct tt_kin *f, uint32_t *pids, size_t most);

#endif
