/* SPDX-License-Identifier: Apache-2.0 */
/* The live kernel as a source. */
#ifndef TT_SOURCE_LIVE_H
#define TT_SOURCE_LIVE_H

#include "kernel/load.h"
#include "kernel/stats.h"
#include "source/source.h"

struct tt_live;

/* As tt_kernel_new. The source is freed by tt_source_free. */
int tt_live_new(struct tt_source **ret, const char *hooks, const struct tt_limits *limits, const struct tt_scope *scope,
		struct tt_kernel_report *report);

/* `s` is a live source in all of these. */

/* Adds a process to a scope of TT_SCOPE_PIDS. */
int tt_live_follow(struct tt_source *s, uint32_t tgid);

/* Its kernel side; borrowed. */
struct tt_kernel *tt_live_kernel(const struct tt_source *s);

/* Observes nothing further; what is queued can still be polled. */
void tt_live_stop(struct tt_source *s);

/* How full the fullest ring is, in percent: a reason to poll before the timer. */
unsigned tt_live_fill(const struct tt_source *s);

/* For the self-metrics. */
uint64_t tt_live_listeners_refused(const struct tt_source *s);
void tt_live_kernel_stats(const struct tt_source *s, struct tt_kernel_stats *ret);
size_t tt_live_program_stats(const struct tt_source *s, struct tt_program_stats *ret, size_t most);

#endif
