/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose turn it was on each CPU, and so who had it while another task waited. */
#ifndef TT_SCHED_TURNS_BPF_H
#define TT_SCHED_TURNS_BPF_H

#include "tools/sched/task.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_sched_behind_key);
	__type(value, struct tt_sched_behind);
} tt_sched_behinds SEC(".maps");

TT_INLINE void tt_turn_begin(struct tt_sched_cpu *c, struct task_struct *next, __u64 now)
{
	__u32 at = c->head + 1;
	struct task_struct *leader = tt_task_leader(next);

	TT_BOUND(at, TT_SCHED_TURNS - 1);
	struct tt_sched_turn *turn = &c->turn[at];
	turn->since_ns = now;
	turn->tgid = next->tgid;
	turn->tid = next->pid;
	if (bpf_core_read(turn->comm, sizeof(turn->comm), &leader->comm))
		tt_failed(TT_PLACE_KERNEL_READ);
	c->head = at;
}

TT_INLINE void tt_ahead_row(const struct tt_sched_task *t, __u32 ahead_tgid, const char *ahead, __u64 ns)
{
	__u32 zero = 0;
	const struct tt_sched_now *n = bpf_map_lookup_elem(&tt_sched_sets, &zero);
	struct tt_sched_behind_key key = {
		.tgid = t->tgid, .tid = tt_tool_config.threads ? t->tid : 0, .ahead_tgid = ahead_tgid, .set = n ? n->set & 1 : 0};
	struct tt_sched_behind *b = bpf_map_lookup_elem(&tt_sched_behinds, &key);

	if (!b) {
		static const struct tt_sched_behind none = {};
		bpf_map_update_elem(&tt_sched_behinds, &key, &none, BPF_NOEXIST);
		b = bpf_map_lookup_elem(&tt_sched_behinds, &key);
	}
	if (!b) {
		TT_COUNT(no_ahead);
		return;
	}
	/* Names change with exec: the last ones count. */
	__builtin_memcpy(b->comm, tt_tool_config.threads ? t->name : t->comm, sizeof(b->comm));
	if (ahead)
		__builtin_memcpy(b->ahead, ahead, sizeof(b->ahead));
	__sync_fetch_and_add(&b->ns, ns);
}

/* For the record of one wait. */
TT_INLINE void tt_ahead_add(struct tt_sched_task *t, const struct tt_sched_turn *turn, __u64 ns)
{
	for (__u32 i = 0; i < TT_SCHED_AHEAD; i++) {
		struct tt_sched_ahead *a = &t->ahead[i];
		if (i >= t->ahead_count) {
			t->ahead_count = i + 1;
			a->ns = ns;
			a->tgid = turn->tgid;
			__builtin_memcpy(a->comm, turn->comm, sizeof(a->comm));
			return;
		}
		if (a->tgid == turn->tgid) {
			a->ns += ns;
			return;
		}
	}
	t->ahead_rest_ns += ns;
}

/*
 * What of a wait for `cpu` fell into its turn `back` turns ago. 0: no earlier turn matters. A function of its own, so that the
 * verifier proves it once and not for each turn.
 */
__noinline int tt_behind_turn(__u32 cpu, __u32 back, __u64 from, __u64 to, __u32 tid)
{
	const struct tt_sched_cpu *c = bpf_map_lookup_elem(&tt_sched_cpus, &cpu);
	struct tt_sched_task *t = bpf_map_lookup_elem(&tt_sched_tasks, &tid);

	if (!c || !t)
		return 0;
	__u32 at = c->head - back, after = c->head - back + 1;
	TT_BOUND(at, TT_SCHED_TURNS - 1);
	TT_BOUND(after, TT_SCHED_TURNS - 1);
	const struct tt_sched_turn *turn = &c->turn[at];
	__u64 begin = turn->since_ns, end = to;
	if (back)
		end = c->turn[after].since_ns;
	if (!begin || end <= from)
		return 0;
	__u64 first = begin > from ? begin : from;
	if (end > first && turn->tid != tid) {
		if (tt_tool_config.late_ns)
			tt_ahead_add(t, turn, end - first);
		else
			tt_ahead_row(t, turn->tgid, turn->comm, end - first);
	}
	return begin > from;
}

/* A task waited so long for `cpu`. Of its own as that, for who calls it: the loop is a thousand instructions to prove. Returns 0.
 */
__noinline int tt_behind(__u32 tid, __u32 cpu, __u64 from, __u64 to)
{
	if (!tt_tool_config.behind || to <= from)
		return 0;
	for (__u32 back = 0; back < TT_SCHED_TURNS - 1; back++) {
		if (!tt_behind_turn(cpu, back, from, to, tid))
			return 0;
	}
	/* Longer than turns are remembered. */
	const struct tt_sched_cpu *c = bpf_map_lookup_elem(&tt_sched_cpus, &cpu);
	struct tt_sched_task *t = bpf_map_lookup_elem(&tt_sched_tasks, &tid);
	if (!c || !t)
		return 0;
	__u32 oldest = c->head + 2;
	TT_BOUND(oldest, TT_SCHED_TURNS - 1);
	__u64 begin = c->turn[oldest].since_ns;
	TT_COUNT(turns_gone);
	if (begin <= from)
		return 0;
	if (tt_tool_config.late_ns)
		t->ahead_rest_ns += begin - from;
	else
		tt_ahead_row(t, TT_SCHED_OTHERS, NULL, begin - from);
	return 0;
}

#endif
