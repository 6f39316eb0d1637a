/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tasks that are observed, and the rows their time goes to. */
#ifndef TT_SCHED_TASK_BPF_H
#define TT_SCHED_TASK_BPF_H

#include "tools/tool.bpf.h"

#include "tools/sched/sched.h"
#include "tools/sched/span.h"
#include "tools/sched/types.bpf.h"

TT_TOOL_CONFIG(struct tt_sched_config);

#define TT_KTHREAD 0x00200000 /* task_struct.flags */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_sched_task);
} tt_sched_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_sched_key);
	__type(value, struct tt_sched_row);
} tt_sched_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_sched_block_key);
	__type(value, struct tt_sched_blocked);
} tt_sched_blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_sched_key);
	__type(value, struct tt_sched_waits);
} tt_sched_waits SEC(".maps");

/* By part and set: part * 2 + set. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TT_SCHED_PART_MAX * 2);
	__type(key, __u32);
	__type(value, struct tt_sched_latency);
} tt_sched_latencies SEC(".maps");

/* Written by the user side. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_sched_now);
} tt_sched_sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_sched_cpu);
} tt_sched_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_sched_counts);
} tt_sched_counts SEC(".maps");

#define TT_COUNT(member)                                                                   \
	do {                                                                               \
		__u32 _cpu = bpf_get_smp_processor_id();                                   \
		struct tt_sched_counts *_c = bpf_map_lookup_elem(&tt_sched_counts, &_cpu); \
		if (_c)                                                                    \
			__sync_fetch_and_add(&_c->member, 1);                              \
	} while (0)

TT_INLINE struct tt_sched_cpu *tt_cpu_here(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&tt_sched_cpus, &cpu);
}

/* --- tasks --- */

TT_INLINE __u64 tt_task_state(struct task_struct *task)
{
	if (bpf_core_field_exists(((struct task_struct___state *)0)->__state))
		return TT_READ(struct task_struct___state, task, __state);
	return TT_READ(struct task_struct___before, task, state);
}

TT_INLINE __u32 tt_task_cpu(struct task_struct *task)
{
	if (bpf_core_field_exists(((struct task_struct___cpu *)0)->cpu))
		return TT_READ(struct task_struct___cpu, task, cpu);
	return TT_READ(struct task_struct___info, task, thread_info.cpu);
}

/* What tt_tool_in_scope() says, of a task that is not the current one. A cgroup's are known once they have run: `child` is of
 * the current task. */
TT_INLINE bool tt_other_in_scope(struct task_struct *task, bool child)
{
	__u32 tgid = task->tgid;

	if (tt_self.phase != TT_PHASE_LIVE || tgid == tt_self.own_tgid)
		return false;
	if (tt_config.scope == TT_SCOPE_PIDS) {
		const __u8 *mark = tt_scope_mark(tgid);
		if (!mark || *mark != TT_MARK_IN)
			return false;
	} else if (tt_config.scope != TT_SCOPE_ALL && !(child && tt_in_scope())) {
		return false;
	}
	return tt_tool_named(tt_task_leader(task));
}

#define TT_NO_EXEC_YET 0x00000040 /* task_struct.flags */

/* A command of telltale's that is not the command's own program yet: what it does is telltale's. */
TT_INLINE bool tt_task_to_be(struct task_struct *task)
{
	struct task_struct *leader = TT_READ(struct task_struct, task, group_leader);
	struct task_struct *parent = TT_READ(struct task_struct, leader, real_parent);
	__u32 by = TT_READ(struct task_struct, parent, tgid);

	return by == tt_self.own_tgid && TT_READ(struct task_struct, leader, flags) & TT_NO_EXEC_YET;
}

TT_INLINE void tt_task_names(struct tt_sched_task *t, struct task_struct *task)
{
	struct task_struct *leader = tt_task_leader(task);

	if (bpf_core_read(t->comm, sizeof(t->comm), &leader->comm) || bpf_core_read(t->name, sizeof(t->name), &task->comm))
		tt_failed(TT_PLACE_KERNEL_READ);
}

/* An entry of its own; NULL: there is no room, which is to be counted. One that another CPU made meanwhile is as good. */
TT_INLINE struct tt_sched_task *tt_task_new(struct task_struct *task, __u64 now)
{
	static const struct tt_sched_task none = {
		.kernel_stack = TT_STACK_NONE, .user_stack = TT_STACK_NONE, .call = TT_SCHED_NO_CALL};
	__u32 tid = task->pid;

	bpf_map_update_elem(&tt_sched_tasks, &tid, &none, BPF_NOEXIST);
	struct tt_sched_task *t = bpf_map_lookup_elem(&tt_sched_tasks, &tid);
	if (!t || t->tgid)
		return t;
	t->since_ns = now;
	t->start_ns = tt_task_leader(task)->start_boottime;
	t->tid = tid;
	tt_task_names(t, task);
	t->tgid = task->tgid;
	return t;
}

/* --- rows --- */

TT_INLINE struct tt_sched_row *tt_row_of(const struct tt_sched_task *t, __u32 set)
{
	static const struct tt_sched_row none = {};
	struct tt_sched_key key = {.tgid = t->tgid, .tid = tt_tool_config.threads ? t->tid : 0, .set = set};
	struct tt_sched_row *row = bpf_map_lookup_elem(&tt_sched_rows, &key);

	if (!row) {
		bpf_map_update_elem(&tt_sched_rows, &key, &none, BPF_NOEXIST);
		row = bpf_map_lookup_elem(&tt_sched_rows, &key);
	}
	if (!row)
		return NULL;
	row->start_ns = t->start_ns;
	__builtin_memcpy(row->comm, tt_tool_config.threads ? t->name : t->comm, sizeof(row->comm));
	return row;
}

/* Nothing: it has no length. */
TT_INLINE struct tt_sched_span tt_span_between(__u64 from, __u64 to)
{
	struct tt_sched_span span = {};
	__u32 zero = 0;
	const struct tt_sched_now *n = bpf_map_lookup_elem(&tt_sched_sets, &zero);

	if (n && to > from)
		tt_sched_span_of(&span, n, from, to);
	return span;
}

TT_INLINE struct tt_sched_time *tt_time_of(struct tt_sched_row *row, __u32 part)
{
	TT_BOUND(part, TT_SCHED_PARTS_ROOM - 1);
	return &row->part[part];
}

TT_INLINE void tt_span_send(const struct tt_sched_task *t, __u32 part, __u64 from, __u64 to)
{
	struct tt_sched_span_record span = {
		.rec = {.type = TT_SCHED_SPAN, .version = TT_RECORD_VERSION, .tid = t->tid, .tgid = t->tgid},
		.from_ns = from,
		.to_ns = to,
		.part = part,
		.cpu = bpf_get_smp_processor_id()};

	__builtin_memcpy(span.name, t->name, sizeof(span.name));
	tt_control_submit(&span.rec, sizeof(span));
}

/* So much of the task's time went to `part`, which has come to its end. `less_ns` of it did not. */
TT_INLINE struct tt_sched_row *tt_account(const struct tt_sched_task *t, __u32 part, __u64 from, __u64 to, __u64 less_ns)
{
	/* Single waits are wanted, and nobody would empty the rows. */
	if (tt_tool_config.late_ns)
		return NULL;
	if (tt_tool_config.spans_ns && to > from && to - from >= tt_tool_config.spans_ns)
		tt_span_send(t, part, from, to);
	struct tt_sched_span span = tt_span_between(from, to);
	if (span.before_ns) {
		struct tt_sched_row *before = tt_row_of(t, span.set ^ 1);
		if (before)
			__sync_fetch_and_add(&tt_time_of(before, part)->ns, span.before_ns);
		else
			TT_COUNT(no_row);
	}
	struct tt_sched_row *row = tt_row_of(t, span.set);
	if (!row) {
		if (part == TT_SCHED_WAIT)
			TT_COUNT(no_wait);
		else
			TT_COUNT(no_row);
		return NULL;
	}
	if (less_ns > span.ns)
		less_ns = span.ns;
	struct tt_sched_time *time = tt_time_of(row, part);
	__sync_fetch_and_add(&time->ns, span.ns - less_ns);
	__sync_fetch_and_add(&time->count, 1);
	__u64 whole = span.whole_ns - less_ns;
	/* Two that end at the same moment on two processors may leave the smaller one. */
	if (whole > time->most_ns)
		time->most_ns = whole;
	return row;
}

/* A wait for a processor is over. */
TT_INLINE void tt_waits_add(const struct tt_sched_task *t, __u64 ns)
{
	__u32 zero = 0, time = tt_tool_time(ns);
	const struct tt_sched_now *n = bpf_map_lookup_elem(&tt_sched_sets, &zero);
	struct tt_sched_key key = {.tgid = t->tgid, .set = n ? n->set & 1 : 0};
	struct tt_sched_waits *w = bpf_map_lookup_elem(&tt_sched_waits, &key);

	if (!w) {
		static const struct tt_sched_waits none = {};
		bpf_map_update_elem(&tt_sched_waits, &key, &none, BPF_NOEXIST);
		w = bpf_map_lookup_elem(&tt_sched_waits, &key);
	}
	if (!w) {
		TT_COUNT(no_wait);
		return;
	}
	w->start_ns = t->start_ns;
	__sync_fetch_and_add(&w->count, 1);
	__sync_fetch_and_add(&w->ns, ns);
	TT_BOUND(time, 31);
	if (time < TT_TOOL_TIMES)
		__sync_fetch_and_add(&w->times[time], 1);
}

/* Of its own, so that the verifier follows the ways through it once. */
__noinline int tt_bucket(__u64 ns)
{
	__u64 us = ns / 1000;
	__u32 bucket = 0;

	/* Position of the highest bit, by halves. */
	for (__u32 step = 16; step; step /= 2) {
		if (us >> step) {
			us >>= step;
			bucket += step;
		}
	}
	return us ? bucket + 1 : 0;
}

TT_INLINE void tt_latency_add(__u32 part, __u64 ns)
{
	__u32 zero = 0, bucket = tt_bucket(ns);
	const struct tt_sched_now *n = bpf_map_lookup_elem(&tt_sched_sets, &zero);
	__u32 index = part * 2 + (n ? n->set & 1 : 0);
	struct tt_sched_latency *l = bpf_map_lookup_elem(&tt_sched_latencies, &index);

	if (bucket >= TT_SCHED_BUCKETS)
		bucket = TT_SCHED_BUCKETS - 1;
	TT_BOUND(bucket, TT_SCHED_BUCKETS - 1);
	if (l)
		__sync_fetch_and_add(&l->count[bucket], 1);
}

#endif
