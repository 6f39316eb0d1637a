/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `telltale sched` or `telltale why`, as their files share it. */
#ifndef TT_SCHED_STATE_H
#define TT_SCHED_STATE_H

#include "tools/sched/sched.h"
#include "tools/stacks/stacks.h"

#define TT_SCHED_CALL_LEN 24
#define TT_SCHED_WHO_LEN 40
#define TT_SCHED_STACK_LEN 2048

struct tt_sched_settings {
	struct tt_sched_config config; /* first: it goes to the programs */
	uint64_t report;	       /* sched: enum tt_sched_report; 0: not said */
	uint64_t unwanted;	       /* hooks */
	struct tt_stack_wish stacks;
	bool samples; /* telltale profile: a clock looks where tasks run */
	bool sent;    /* … inside the agent: nothing else is wanted */
};

/* --- the programs, as both tools load them (hooks.c) --- */

#define TT_SCHED_HOOKS 31
#define TT_SCHED_HOOK_CYCLES (TT_SCHED_HOOKS - 1)
#define TT_SCHED_MAPS (6 + TT_STACK_MAP_COUNT)
#define TT_SCHED_PRESETS 3

extern const struct tt_hook_row tt_sched_hooks[TT_SCHED_HOOKS];
extern const struct tt_map_row tt_sched_maps[TT_SCHED_MAPS];
extern const struct tt_tool_preset tt_sched_presets[TT_SCHED_PRESETS];

enum tt_sched_note {
	TT_SCHED_NOTE_TASK_WAITS,
	TT_SCHED_NOTE_TASK_BLOCKS,
	TT_SCHED_NOTE_NO_WAIT,
	TT_SCHED_NOTE_NO_ROW,
	TT_SCHED_NOTE_NO_AHEAD,
	TT_SCHED_NOTE_NO_BLOCK,
	TT_SCHED_NOTE_NO_WAKER,
	TT_SCHED_NOTE_TURNS_GONE,
	TT_SCHED_NOTE_UNTOLD,
};

/* The tools' `notes`. */
#define TT_SCHED_NOTE_ROWS                                                                                             \
	[TT_SCHED_NOTE_TASK_WAITS] = "waits of threads not followed, for want of room (limit tool_tasks)",             \
	[TT_SCHED_NOTE_TASK_BLOCKS] = "blocked times of threads not followed, for want of room (limit tool_tasks)",    \
	[TT_SCHED_NOTE_NO_WAIT] = "waits in no row, for want of room (limit tool_kernel_rows)",                        \
	[TT_SCHED_NOTE_NO_ROW] = "other times in no row, for want of room (limit tool_kernel_rows)",                   \
	[TT_SCHED_NOTE_NO_AHEAD] = "turns before a waiting task in no row, for want of room (limit tool_kernel_rows)", \
	[TT_SCHED_NOTE_NO_BLOCK] = "blocked times in no row, for want of room (limit tool_kernel_rows)",               \
	[TT_SCHED_NOTE_NO_WAKER] = "blocked times whose end was not seen: waiting for a processor is part of them",    \
	[TT_SCHED_NOTE_TURNS_GONE] = "waits so long that who had the processor first is not known any more",           \
	[TT_SCHED_NOTE_UNTOLD] = "switches between tasks that the kernel did not tell of"

/* Rows of `maps`. */
#define TT_SCHED_MAP_ROWS                                                                                        \
	{"tt_sched_tasks", TT_LIMIT_TOOL_TASKS}, {"tt_sched_rows", TT_LIMIT_TOOL_KERNEL_ROWS},                   \
		{"tt_sched_blocks", TT_LIMIT_TOOL_KERNEL_ROWS}, {"tt_sched_behinds", TT_LIMIT_TOOL_KERNEL_ROWS}, \
		{"tt_sched_cpus", TT_MAP_PER_CPU}, {"tt_sched_counts", TT_MAP_PER_CPU}, TT_STACK_MAPS

/* Completes the settings by what this kernel has. */
void tt_sched_prepare(struct tt_sched_settings *s);
uint64_t tt_sched_unwanted(const void *settings);
const struct tt_stack_wish *tt_sched_stacks(const void *settings);

/* telltale sched inside the agent (inside.c). Of a process: where its threads' time went, or its waits for a processor. */
struct tt_sched_inside_row {
	uint32_t tgid;
	uint32_t reserved;
	uint64_t start_ns;
	uint64_t part_ns[TT_SCHED_PART_MAX];
	struct tt_sched_waits waits;
};

extern const struct tt_tool_inside tt_sched_inside;

/* --- names (names.c) --- */

extern const char *const tt_sched_part_names[TT_SCHED_PART_MAX];
extern const char *const tt_sched_part_meanings[TT_SCHED_PART_MAX];

/* The table of calls: what a task that is blocked in each of them waits for. */
void tt_sched_calls(uint8_t call[TT_SCHED_CALLS]);
/* "futex"; empty: in no call. */
void tt_sched_call_name(uint16_t call, char *to, size_t size);
/* "name[123]", "(timer)", "(idle)"; empty: not known. */
void tt_sched_who(const char *comm, uint32_t tgid, char *to, size_t size);
void tt_sched_waker(const struct tt_sched_block_key *k, const char *comm, char *to, size_t size);
/* "net_rx"; NULL: not known. */
const char *tt_sched_softirq(uint32_t number);

/* --- what was counted (view.c) --- */

struct tt_sched_sum {
	struct tt_sched_key key;
	struct tt_sched_row row;
};

/* An interval's rows and tasks; what tasks are in the middle of is in the rows already. Freed with tt_sched_view_free. */
struct tt_sched_view {
	struct tt_sched_sum *sums; /* by process and thread */
	size_t sum_count;
	struct tt_sched_task *tasks;
	size_t task_count;
	uint64_t from_ns, now_ns;
	uint32_t set;
	/* Which rows of `behind` and `block` are shown (NULL: all). */
	bool (*filter)(void *ctx, uint32_t tgid, uint32_t tid, uint64_t ns);
	void *filter_ctx;
};

struct tt_sched_run {
	struct tt_sched_now now;
	uint64_t began_ns;
};

/* The tools' `begin`, `end` and `free`. */
int tt_sched_begin(struct tt_tool_run *run);
/* What of `begin` is for any tool whose run->state begins with s. 0 or a negative errno. */
int tt_sched_start(struct tt_tool_run *run, struct tt_sched_run *s);
int tt_sched_end(struct tt_tool_run *run);
void tt_sched_free(struct tt_tool_run *run);

/* Ends the interval, and takes what it counted out of the kernel. 0 or a negative errno. */
int tt_sched_view(struct tt_tool_run *run, struct tt_sched_view *ret);
void tt_sched_view_free(struct tt_sched_view *v);
/* A process's, or thread's (tid 0: all), row of it; borrowed. NULL: there is none. */
const struct tt_sched_sum *tt_sched_sum_find(const struct tt_sched_view *v, uint32_t tgid, uint32_t tid);

/* The part a task is in now, and of that what lies within the interval. False: nothing of it. */
bool tt_sched_open(const struct tt_sched_view *v, const struct tt_sched_task *t, uint32_t *part, uint64_t *ns);

/* Sorts tasks by number, each once and as it was first seen (a walk may come by it again). How many there are. */
size_t tt_sched_once(struct tt_sched_task *tasks, size_t count);

/* --- tables --- */

extern const struct tt_table tt_sched_waits_table, tt_sched_behind_table, tt_sched_latency_table, tt_sched_late_table,
	tt_sched_blocks_table, tt_sched_lengths_table, tt_held_table, tt_held_lengths_table;

/* Each shows one table, as the tool's number `table`. 0 or a negative errno. */
int tt_sched_show_waits(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v);
int tt_sched_show_behind(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v);
int tt_sched_show_latency(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v);
int tt_sched_show_late(struct tt_tool_run *run, size_t table, const struct tt_sched_late *late);
int tt_sched_show_blocks(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v);
int tt_sched_show_lengths(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v);

unsigned tt_sched_bucket(uint64_t ns);
/* Counts by length; of the view, its times are used. */
int tt_sched_show_buckets(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v, const struct tt_sched_latency *l,
			  const char *part);

/* --- what held a processor up (held.c); its two tables stand in this order --- */

/* run->notes */
#define TT_HELD_NOTE_NO_ROOM (TT_SCHED_NOTE_UNTOLD + 1)
#define TT_HELD_NOTE_NO_BEGIN (TT_SCHED_NOTE_UNTOLD + 2)

/* Completes the settings: 0, or -EINVAL with a line in e->text. */
int tt_held_prepare(struct tt_sched_settings *s, struct tt_tool_error *e);
/* How often a second the clock looks, for these settings. */
uint32_t tt_held_hz(const struct tt_sched_settings *s);
int tt_held_begin(struct tt_tool_run *run);
/* Shows it, as the tool's table `table`. */
int tt_held_take(struct tt_tool_run *run, size_t table, const struct tt_record *rec);
int tt_held_interval(struct tt_tool_run *run, size_t table);
int tt_held_end(struct tt_tool_run *run, size_t table);

#endif
