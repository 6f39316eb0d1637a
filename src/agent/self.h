/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's look at itself: gathers the figures of sink/selfstats.h. */
#ifndef TT_AGENT_SELF_H
#define TT_AGENT_SELF_H

#include "agent/pipeline.h"
#include "kernel/stats.h"
#include "sink/join.h"
#include "sink/selfstats.h"

struct tt_self;

/* The pipeline is borrowed; it may be freed first, if nothing is looked at afterwards. *ret untouched on failure (-ENOMEM). */
int tt_self_new(struct tt_self **ret, struct tt_pipeline *pipeline);
/* NULL-safe, returns NULL. */
struct tt_self *tt_self_free(struct tt_self *s);

/* Static or outliving strings. */
void tt_self_describe(struct tt_self *s, const char *scope, const char *hooks);

/* Tools inside: further kernel programs, and what they turned away; as tt_inside_programs and tt_inside_lost. */
struct tt_self_tools {
	void *ctx; /* borrowed, must outlive it */
	size_t (*programs)(void *ctx, struct tt_program_stats *ret, size_t most);
	size_t (*lost)(void *ctx, struct tt_selfstats_tool *ret, size_t most);
};
void tt_self_set_tools(struct tt_self *s, const struct tt_self_tools *tools);

/* The figures of now; borrowed until the next look, may be added to. Their `map` is what tt_self_map gives. */
struct tt_selfstats *tt_self_look(struct tt_self *s);
struct tt_join_stats *tt_self_map(struct tt_self *s);

#endif
