// SPDX-License-Identifier: Apache-2.0
/* Which tracepoints serve which report, and what this kernel has of them. */
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "identity/text.h"
#include "kernel/tables.h"
#include "symbols/kernel.h"
#include "tools/sched/held.h"
#include "tools/sched/state.h"

#define BLOCKS 1u   /* wanted if what tasks are blocked by is */
#define PARTS 4u    /* wanted for telltale why */
#define SAMPLES 8u  /* wanted for telltale profile, whose program it is */
#define IRQS 16u    /* wanted for sched irqoff, whose program it is … */
#define RESCHED 32u /* … and for sched nosched */
#define SENT 64u    /* wanted for telltale profile inside the agent */
#define MAYBE 2u    /* not every kernel has it */

static const char nothing[] = "nothing is seen";

const struct tt_hook_row tt_sched_hooks[TT_SCHED_HOOKS] = {
	{"tt_sched_exec", "sched_process_exec", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "a thread that becomes another program stays"},
	{"tt_sched_irq_enter", "irq_handler_entry", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "interrupts are not told apart"},
	{"tt_sched_irq_leave", "irq_handler_exit", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_timer_enter", "local_timer_entry", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_timer_leave", "local_timer_exit", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_softirq_enter", "softirq_entry", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_softirq_leave", "softirq_exit", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_reclaim_enter", "mm_vmscan_direct_reclaim_begin", TT_FEATURE_BTF, TT_HOOK_REQUIRED,
	 "reclaim is not told apart"},
	{"tt_sched_reclaim_leave", "mm_vmscan_direct_reclaim_end", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_cgroup_enter", "mm_vmscan_memcg_reclaim_begin", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_cgroup_leave", "mm_vmscan_memcg_reclaim_end", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_lock_enter", "contention_begin", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "locks of the kernel are not told apart"},
	{"tt_sched_lock_leave", "contention_end", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_sched_killed", "mark_victim", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "kills for want of memory are not shown"},
	{"tt_sched_waking", "sched_waking", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "who woke a task is not known"},
	{"tt_sched_woken", "sched_wakeup", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_sched_begun", "sched_wakeup_new", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_sched_moved", "sched_migrate_task", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "who had the CPU is not known"},
	{"tt_sched_switched", "sched_switch", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_sched_first", "iter/task", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "tasks are known when they have run"},
	{"tt_profile_look", "cpu-clock (perf)", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "what runs is not known"},
	{"tt_held_handler_leave", "irq_handler_exit", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "handlers of interrupts are not named"},
	{"tt_held_handler_enter", "irq_handler_entry", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "as above"},
	{"tt_held_softirq_leave", "softirq_exit", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_held_softirq_enter", "softirq_entry", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_held_softirq_raise", "softirq_raise", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_held_switched", "sched_switch", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_held_asked", "sched_set_need_resched_tp", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "the clock sees when it was asked for"},
	{"tt_held_clock", "cpu-clock (perf)", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_profile_sampled", "cpu-clock (perf)", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_held_cycles", "cycles (perf)", TT_FEATURE_BTF, TT_HOOK_OPTIONAL, "stacks are of when interrupts are back"},
};

/* In the order of those. */
static const uint8_t wanted_for[TT_SCHED_HOOKS] = {
	0,
	BLOCKS,
	BLOCKS,
	BLOCKS | MAYBE,
	BLOCKS | MAYBE,
	BLOCKS,
	BLOCKS,
	BLOCKS | MAYBE,
	BLOCKS | MAYBE,
	BLOCKS | MAYBE,
	BLOCKS | MAYBE,
	BLOCKS | MAYBE,
	BLOCKS | MAYBE,
	PARTS | MAYBE,
	BLOCKS,
	[20] = SAMPLES,
	IRQS,
	IRQS,
	IRQS,
	IRQS,
	IRQS,
	RESCHED,
	RESCHED | MAYBE,
	IRQS | RESCHED,
	SENT,
	[TT_SCHED_HOOK_CYCLES] = IRQS,
};

const struct tt_map_row tt_sched_maps[TT_SCHED_MAPS] = {TT_SCHED_MAP_ROWS};

/* Only single waits go through rings, with --over. */
const struct tt_tool_preset tt_sched_presets[TT_SCHED_PRESETS] = {
	{TT_LIMIT_RING_BYTES, 64u << 10},
	{TT_LIMIT_CONTROL_RING_BYTES, 1u << 20},
	{TT_LIMIT_TOOL_KERNEL_ROWS, 4096},
};

static bool is_wanted(const struct tt_sched_settings *s, uint8_t wanted)
{
	if (s->sent || wanted & SENT)
		return s->sent && wanted & SENT;
	if (s->config.held)
		return wanted & (s->config.held == TT_HELD_IRQS ? IRQS : RESCHED);
	return !(wanted & (IRQS | RESCHED)) && !(wanted & BLOCKS && !s->config.blocks) && !(wanted & SAMPLES && !s->samples) &&
	       !(wanted & PARTS && !(s->config.blocks && s->config.behind));
}

/* Whether anything can have been swapped out (proc(5), swaps: a line of headings, then one each). Not known: yes. */
static bool has_swap(void)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);

	if (tt_text_read(AT_FDCWD, "/proc/swaps", &text) < 0)
		return true;
	const uint8_t *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
	return !end || end + 1 < text.data + text.len;
}

/* In a line; of several for one thing the first says it. */
static void tell_lack(const struct tt_hook_row *row)
{
	if (strcmp(row->without, "as above") != 0)
		tt_warn("this kernel has no tracepoint %s: %s", row->hook, row->without);
}

void tt_sched_prepare(struct tt_sched_settings *s)
{
	s->stacks.wanted = s->config.stacks |= s->stacks.folded || s->stacks.svg;
	s->stacks.unit = "µs";
	static const char *const asked[] = {"bpf_task_pt_regs", "bpf_get_current_task_btf"};
	struct tt_kernel_question q[TT_SCHED_HOOKS + TT_ARRAY_LEN(asked)] = {{0}};

	for (size_t i = 0; i < TT_SCHED_HOOKS; i++)
		q[i].tracepoint = tt_sched_hooks[i].hook;
	for (size_t i = 0; i < TT_ARRAY_LEN(asked); i++)
		q[TT_SCHED_HOOKS + i].function = asked[i];
	/* Without BTF nothing loads, which is said then. */
	const bool known = tt_kernel_ask(q, TT_ARRAY_LEN(q)) == 0;
	s->unwanted = 0;
	for (size_t i = 0; i < TT_SCHED_HOOKS; i++) {
		if (!is_wanted(s, wanted_for[i]) || (wanted_for[i] & MAYBE && !q[i].has))
			s->unwanted |= 1ull << i;
		if (known && is_wanted(s, wanted_for[i]) && !q[i].has && wanted_for[i] & MAYBE)
			tell_lack(&tt_sched_hooks[i]);
		if (strcmp(tt_sched_hooks[i].program, "tt_held_asked") == 0)
			s->config.asked_tracepoint = q[i].has;
		if (strcmp(tt_sched_hooks[i].hook, "sched_switch") == 0)
			s->config.state_argument = q[i].arguments >= 4;
		if (strcmp(tt_sched_hooks[i].hook, "mark_victim") == 0)
			s->config.victim_argument = q[i].arguments >= 2;
	}
	s->config.has_task_regs = q[TT_SCHED_HOOKS].has && q[TT_SCHED_HOOKS + 1].has;
	tt_sched_calls(s->config.call);
	uint64_t from, to;
	if (s->config.blocks && has_swap() && tt_kernel_function("do_swap_page", &from, &to)) {
		s->config.swap_from = from;
		s->config.swap_to = to;
	}
}

const struct tt_stack_wish *tt_sched_stacks(const void *settings)
{
	return &((const struct tt_sched_settings *)settings)->stacks;
}

uint64_t tt_sched_unwanted(const void *settings)
{
	return ((const struct tt_sched_settings *)settings)->unwanted;
}
