/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools inside the agent (`tools:` in its configuration): their programs are loaded beside its own, count by process, and are
 * asked every so often what they counted, which joins the agent's metrics. A tool is there what its `inside` says (tools/tool.h).
 */
#ifndef TT_TOOLS_INSIDE_H
#define TT_TOOLS_INSIDE_H

#include "attach/attach.h"
#include "identity/identity.h"
#include "kernel/stats.h"
#include "sink/selfstats.h"
#include "sink/sink.h"
#include "tools/tool.h"

struct tt_inside;

/* "NAME", or "NAME:OPTION=VALUE", as the configuration has it. 0, or -EINVAL with a line in e->text. */
int tt_inside_judge(const char *text, struct tt_tool_error *e);

/* Names of the tools that may be asked for: "io, profile, sched". Returns to. */
const char *tt_inside_names(char *to, size_t size);

/*
 * Those of `wanted` (as above, borrowed and outliving it); what this kernel has is asked. `limits` outlives it. 0 or a negative
 * errno, logged; *ret is untouched on failure.
 */
int tt_inside_new(struct tt_inside **ret, const char *const *wanted, size_t count, const struct tt_limits *limits);
/* Before the attach part is. NULL-safe, returns NULL. */
struct tt_inside *tt_inside_free(struct tt_inside *i);

/* Loads and attaches all; `scope` is borrowed for the call. 0 or a negative errno, logged. */
int tt_inside_load(struct tt_inside *i, const struct tt_scope *scope);
/* Adds a process to a scope of processes; its children follow by themselves. */
void tt_inside_follow(struct tt_inside *i, uint32_t tgid);
/* Begins to count. 0 or a negative errno, logged. */
int tt_inside_begin(struct tt_inside *i);

/* What the attach part is given; borrowed, as long as `i` is. *ret_count: how many. */
const struct tt_attach_tool *tt_inside_attached(struct tt_inside *i, size_t *ret_count);
/* Stacks are looked up. */
bool tt_inside_stacks(const struct tt_inside *i);

/* Where what they counted goes. */
struct tt_inside_to {
	struct tt_attach *attach;
	struct tt_identities *identities;
	void (*catch_up)(void *ctx); /* has identities learn of all processes that began until now */
	void (*delta)(void *ctx, const struct tt_delta *d);
	void *ctx;
};

/* From now on by the attach part, all privileges being gone. All of `to` is borrowed and must outlive it or the last collection.
 */
void tt_inside_split(struct tt_inside *i, const struct tt_inside_to *to);

/* Takes in what the programs sent, and if it is time what they counted. `now_ns` is monotonic. */
void tt_inside_turn(struct tt_inside *i, uint64_t now_ns);
/* What they counted up to now; nothing if that was taken in just before. */
void tt_inside_collect(struct tt_inside *i);
/* Nothing is attached any more: the last of it. */
void tt_inside_finish(struct tt_inside *i);

/* Their programs, named "io/tt_io_completed"; what they turned away. At most `most`; how many. Names live as long as `i`. */
size_t tt_inside_programs(struct tt_inside *i, struct tt_program_stats *ret, size_t most);
size_t tt_inside_lost(struct tt_inside *i, struct tt_selfstats_tool *ret, size_t most);

/* A document of theirs, as a tool's `render`. */
int tt_inside_render(struct tt_inside *i, struct tt_span path, struct tt_span query, struct tt_buf *body, const char **ret_type);

/* --- for the tools --- */

/* Whose it is; borrowed until the next call. `comm`: its name where that came along (TT_COMM_LEN bytes), for one that is
 * forgotten by now. */
const struct tt_identity *tt_inside_who(const struct tt_inside_to *to, uint32_t tgid, uint64_t start_ns, const char *comm);

/*
 * Adds to a series of a family of sink/metrics.c: of `who` (NULL: nobody's), with `count` labels more. Zero makes no series.
 * `times` are TT_TOOL_TIMES.
 */
void tt_inside_count(const struct tt_inside_to *to, const char *metric, const struct tt_identity *who,
		     const struct tt_label *labels, size_t count, uint64_t value);
void tt_inside_seconds(const struct tt_inside_to *to, const char *metric, const struct tt_identity *who,
		       const struct tt_label *labels, size_t count, uint64_t ns);
void tt_inside_times(const struct tt_inside_to *to, const char *metric, const struct tt_identity *who,
		     const struct tt_label *labels, size_t count, uint64_t values, uint64_t sum_ns, const __u64 *times);

#endif
