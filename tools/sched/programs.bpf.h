/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A task runs, waits for a processor, or is blocked; the tracepoints of the scheduler say when it goes from one to the other.
 * Each span is added to a row when it ends. The scheduler's tracepoints run with interrupts off and under the locks that order
 * them for a task, so an entry is written by one at a time.
 */
#ifndef TT_SCHED_PROGRAMS_BPF_H
#define TT_SCHED_PROGRAMS_BPF_H

#include "tools/sched/reason.bpf.h"
#include "tools/sched/task.bpf.h"
#include "tools/sched/turns.bpf.h"

/* --- running --- */

/* What ran until now: interrupts that were served meanwhile are told apart. */
TT_INLINE void tt_run_end(struct tt_sched_task *t, __u64 now)
{
	__u64 interrupts = t->interrupts_ns;

	t->interrupts_ns = 0;
	if (interrupts > now - t->since_ns)
		interrupts = now - t->since_ns;
	tt_account(t, t->in_memory ? TT_SCHED_MEMORY : TT_SCHED_RUN, t->since_ns, now, interrupts);
	if (interrupts)
		tt_account(t, TT_SCHED_INTERRUPT, now - interrupts, now, 0);
	t->since_ns = now;
}

/* --- waiting --- */

/* For how long the task's queue has been throttled in all; `throttled`: it is now, or the task is. */
TT_INLINE __u64 tt_throttle(struct task_struct *task, bool *throttled)
{
	__u64 ns = 0;

	if (!bpf_core_field_exists(((struct task_struct___sched *)0)->se.cfs_rq) ||
	    !bpf_core_field_exists(((struct cfs_rq___sched *)0)->throttle_count))
		return 0;
	const struct cfs_rq___sched *queue = TT_READ(struct task_struct___sched, task, se.cfs_rq);
	if (bpf_core_field_exists(((struct task_struct___throttled *)0)->throttled))
		*throttled = TT_READ(struct task_struct___throttled, task, throttled);
	else
		*throttled = TT_READ(struct cfs_rq___sched, queue, throttle_count) > 0;
	if (bpf_core_field_exists(((struct cfs_rq___sched *)0)->throttled_clock_pelt_time))
		ns = TT_READ(struct cfs_rq___sched, queue, throttled_clock_pelt_time);
	else if (bpf_core_field_exists(((struct cfs_rq___before *)0)->throttled_clock_task_time))
		ns = TT_READ(struct cfs_rq___before, queue, throttled_clock_task_time);
	return ns;
}

TT_INLINE void tt_wait_begin(struct tt_sched_task *t, struct task_struct *task, __u32 cpu, bool preempted, __u64 now)
{
	bool throttled = false;

	t->throttle_ns = tt_throttle(task, &throttled);
	t->throttled = throttled;
	t->state = TT_SCHED_WAITING;
	t->since_ns = t->queued_ns = now;
	t->cpu = cpu;
	t->preempted = preempted;
	t->ahead_count = 0;
	t->ahead_rest_ns = 0;
}

TT_INLINE void tt_late_send(const struct tt_sched_task *t, struct tt_sched_cpu *c, __u64 wait_ns, __u64 throttled_ns)
{
	struct tt_sched_late *late = &c->late;

	late->rec.type = TT_SCHED_LATE;
	late->rec.version = TT_RECORD_VERSION;
	late->rec.tid = t->tid;
	late->rec.tgid = t->tgid;
	late->rec.start_ns = t->start_ns;
	late->wait_ns = wait_ns;
	late->throttled_ns = throttled_ns;
	late->rest_ns = t->ahead_rest_ns;
	late->ahead_count = t->ahead_count;
	late->cpu = bpf_get_smp_processor_id();
	late->preempted = t->preempted;
	__builtin_memcpy(late->ahead, t->ahead, sizeof(late->ahead));
	__builtin_memcpy(late->name, t->name, sizeof(late->name));
	tt_control_submit(&late->rec, sizeof(*late));
}

TT_INLINE void tt_wait_end(struct tt_sched_task *t, struct task_struct *task, struct tt_sched_cpu *c, __u64 now)
{
	bool is_throttled = false;
	__u64 wait = now - t->since_ns, throttled = tt_throttle(task, &is_throttled) - t->throttle_ns;

	/* The queue may be another one's by now, and before 6.18 the clock stands still while it is throttled. */
	if (t->throttled && (!throttled || throttled > wait))
		throttled = wait;
	if (throttled > wait)
		throttled = 0;
	__u64 from = t->since_ns + throttled;
	tt_behind(t->tid, bpf_get_smp_processor_id(), t->queued_ns > from ? t->queued_ns : from, now);
	if (tt_tool_config.late_ns) {
		if (wait >= tt_tool_config.late_ns)
			tt_late_send(t, c, wait, throttled);
		return;
	}
	if (throttled)
		tt_account(t, TT_SCHED_THROTTLED, t->since_ns, from, 0);
	struct tt_sched_row *row = tt_account(t, TT_SCHED_WAIT, from, now, 0);
	if (row && t->preempted)
		__sync_fetch_and_add(&row->preempted, 1);
	if (tt_tool_config.figures)
		tt_waits_add(t, wait - throttled);
	if (tt_tool_config.latency && !tt_tool_config.blocks)
		tt_latency_add(TT_SCHED_WAIT, wait);
}

/* --- blocked --- */

TT_INLINE void tt_block_add(const struct tt_sched_task *t, __u32 set, __u64 ns, __u64 whole_ns)
{
	struct tt_sched_block_key key = {.tgid = t->tgid,
					 .tid = tt_tool_config.threads ? t->tid : 0,
					 .waker_tgid = t->waker_tgid,
					 .kernel_stack = t->kernel_stack,
					 .user_stack = t->user_stack,
					 .call = t->call,
					 .part = t->part,
					 .waker_kind = t->waker_kind,
					 .set = set};
	struct tt_sched_blocked *b = bpf_map_lookup_elem(&tt_sched_blocks, &key);

	if (!b) {
		static const struct tt_sched_blocked none = {};
		bpf_map_update_elem(&tt_sched_blocks, &key, &none, BPF_NOEXIST);
		b = bpf_map_lookup_elem(&tt_sched_blocks, &key);
	}
	if (!b) {
		TT_COUNT(no_block);
		return;
	}
	__builtin_memcpy(b->comm, tt_tool_config.threads ? t->name : t->comm, sizeof(b->comm));
	__builtin_memcpy(b->waker, t->waker, sizeof(b->waker));
	__sync_fetch_and_add(&b->ns, ns);
	if (!whole_ns)
		return;
	__sync_fetch_and_add(&b->count, 1);
	if (whole_ns > b->most_ns)
		b->most_ns = whole_ns;
}

TT_INLINE void tt_block_end(struct tt_sched_task *t, __u64 now)
{
	struct tt_sched_span span = tt_span_between(t->since_ns, now);

	tt_account(t, t->part, t->since_ns, now, 0);
	if (!tt_tool_config.blocks || tt_tool_config.figures || !span.whole_ns)
		return;
	if (span.before_ns)
		tt_block_add(t, span.set ^ 1, span.before_ns, 0);
	tt_block_add(t, span.set, span.ns, span.whole_ns);
	if (tt_tool_config.latency)
		tt_latency_add(t->part, span.whole_ns);
	t->waker_kind = TT_SCHED_WAKER_UNKNOWN;
	t->waker_tgid = 0;
}

/* --- switches --- */

/* It runs, and no switch to it was told of: when it stopped waiting is not known. */
TT_INLINE void tt_untold(struct tt_sched_task *t, __u64 now)
{
	TT_COUNT(untold);
	tt_account(t, t->state == TT_SCHED_WAITING ? TT_SCHED_WAIT : t->part, t->since_ns, now, 0);
	t->state = TT_SCHED_RUNNING;
	t->since_ns = now;
	/* The end of its wait for a lock may have been among what was not told. */
	t->lock = 0;
}

TT_INLINE void tt_leaves(void *ctx, struct task_struct *prev, __u64 state, bool preempted, __u64 now, struct tt_sched_cpu *c)
{
	__u32 tid = prev->pid;
	bool dead = state & TT_STATE_DEAD, in = tt_tool_in_scope();
	struct tt_sched_task *t = NULL;

	/* Out of scope, yet known: it ends, and its process with it; or it has another name or cgroup now. */
	if (in || dead || c->observed == tid)
		t = bpf_map_lookup_elem(&tt_sched_tasks, &tid);
	c->observed = 0;
	/* A signal that was there already had it not block. */
	bool waits = !state || preempted || !tt_task_state(prev);
	if (!t && in && !dead && !tt_task_to_be(prev)) {
		t = tt_task_new(prev, now);
		if (!t && waits)
			TT_COUNT(task_waits);
		else if (!t)
			TT_COUNT(task_blocks);
	}
	if (!t)
		return;
	/* Its name may have changed, and rows have the last one. */
	tt_task_names(t, prev);
	if (t->state != TT_SCHED_RUNNING)
		tt_untold(t, now);
	tt_run_end(t, now);
	if (dead || (!in && (tt_tool_filter.comm[0] || tt_config.scope == TT_SCOPE_CGROUP))) {
		bpf_map_delete_elem(&tt_sched_tasks, &tid);
		return;
	}
	if (waits) {
		tt_wait_begin(t, prev, bpf_get_smp_processor_id(), true, now);
		return;
	}
	t->state = TT_SCHED_BLOCKED;
	tt_reason_here(ctx, t, prev, state, c);
}

TT_INLINE void tt_arrives(struct task_struct *next, __u64 now, struct tt_sched_cpu *c)
{
	__u32 tid = next->pid;
	struct tt_sched_task *t = tid ? bpf_map_lookup_elem(&tt_sched_tasks, &tid) : NULL;

	if (!t)
		return;
	if (t->state == TT_SCHED_WAITING) {
		tt_wait_end(t, next, c, now);
	} else if (t->state == TT_SCHED_BLOCKED) {
		TT_COUNT(no_waker);
		tt_block_end(t, now);
	} else {
		TT_COUNT(untold);
		tt_run_end(t, now);
	}
	t->state = TT_SCHED_RUNNING;
	t->since_ns = now;
	t->interrupts_ns = 0;
	c->observed = tid;
}

SEC("tt_tracepoint/sched_switch")
int TT_PROG(tt_sched_switched, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct tt_sched_cpu *c = tt_cpu_here();

	if (!c || tt_self.phase != TT_PHASE_LIVE)
		return 0;
	/* With PREEMPT_RT threads serve them, which switch meanwhile. */
	c->interrupts = 0;
	__u64 now = bpf_ktime_get_ns();
	if (prev->pid)
		tt_leaves(ctx, prev, tt_tool_config.state_argument ? (__u32)ctx[3] : tt_task_state(prev), preempt, now, c);
	tt_arrives(next, now, c);
	if (tt_tool_config.behind)
		tt_turn_begin(c, next, now);
	return 0;
}

/* --- wake-ups --- */

/* In the waking task's context, or an interrupt's. */
SEC("tt_tracepoint/sched_waking")
int TT_PROG(tt_sched_waking, struct task_struct *p)
{
	__u32 tid = p->pid;
	struct tt_sched_task *t = bpf_map_lookup_elem(&tt_sched_tasks, &tid);
	const struct tt_sched_cpu *c = tt_cpu_here();

	if (!t || !c || t->state == TT_SCHED_WAITING)
		return 0;
	t->waker_tgid = 0;
	t->waker_kind = c->interrupts & 1u << TT_SCHED_WAKER_TIMER	 ? TT_SCHED_WAKER_TIMER
			: c->interrupts & 1u << TT_SCHED_WAKER_INTERRUPT ? TT_SCHED_WAKER_INTERRUPT
			: c->interrupts					 ? TT_SCHED_WAKER_SOFTIRQ + c->softirq
									 : TT_SCHED_WAKER_TASK;
	if (t->waker_kind != TT_SCHED_WAKER_TASK)
		return 0;
	t->waker_tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(t->waker, sizeof(t->waker));
	return 0;
}

TT_INLINE int tt_runnable(struct task_struct *p, bool child)
{
	__u32 tid = p->pid;
	__u64 now = bpf_ktime_get_ns();
	struct tt_sched_task *t = bpf_map_lookup_elem(&tt_sched_tasks, &tid);

	if (!t) {
		if (!tt_other_in_scope(p, child) || tt_task_to_be(p))
			return 0;
		t = tt_task_new(p, now);
		if (!t) {
			TT_COUNT(task_waits);
			return 0;
		}
	} else if (t->state == TT_SCHED_BLOCKED) {
		tt_block_end(t, now);
	} else {
		return 0;
	}
	tt_wait_begin(t, p, tt_task_cpu(p), false, now);
	return 0;
}

SEC("tt_tracepoint/sched_wakeup")
int TT_PROG(tt_sched_woken, struct task_struct *p)
{
	return tt_runnable(p, false);
}

SEC("tt_tracepoint/sched_wakeup_new")
int TT_PROG(tt_sched_begun, struct task_struct *p)
{
	return tt_runnable(p, true);
}

/* From here on it waits for another CPU. */
SEC("tt_tracepoint/sched_migrate_task")
int TT_PROG(tt_sched_moved, struct task_struct *p, int to)
{
	__u32 tid = p->pid;
	struct tt_sched_task *t = bpf_map_lookup_elem(&tt_sched_tasks, &tid);

	if (!t || t->state != TT_SCHED_WAITING)
		return 0;
	__u64 now = bpf_ktime_get_ns();
	if (!t->throttled)
		tt_behind(tid, t->cpu, t->queued_ns, now);
	t->queued_ns = now;
	t->cpu = to;
	return 0;
}

/* A thread that is not the first takes that one's number with its new program. A command begins here. */
SEC("tt_tracepoint/sched_process_exec")
int TT_PROG(tt_sched_exec, struct task_struct *p, pid_t old)
{
	__u32 tid = old, now = p->pid;
	struct tt_sched_cpu *c = tt_cpu_here();

	if (now != tid)
		bpf_map_delete_elem(&tt_sched_tasks, &tid);
	else if (c && c->observed != tid && tt_tool_in_scope() && !bpf_map_lookup_elem(&tt_sched_tasks, &tid) &&
		 tt_task_new(p, bpf_ktime_get_ns()))
		c->observed = tid;
	return 0;
}

/* --- those that were there before --- */

SEC("tt_iter/task")
int tt_sched_first(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	__u32 tid = task->pid;
	if (!tid || !tt_other_in_scope(task, false) || tt_task_to_be(task) || bpf_map_lookup_elem(&tt_sched_tasks, &tid))
		return 0;
	__u64 state = tt_task_state(task);
	if (state & TT_STATE_DEAD)
		return 0;
	struct tt_sched_task *t = tt_task_new(task, bpf_ktime_get_ns());
	if (!t) {
		if (state)
			TT_COUNT(task_blocks);
		return 0;
	}
	if (!state)
		return 0;
	tt_reason(t, task, state);
	t->state = TT_SCHED_BLOCKED;
	return 0;
}

/* --- interrupts --- */

TT_INLINE int tt_interrupt_enter(__u32 kind)
{
	struct tt_sched_cpu *c = tt_cpu_here();

	if (!c)
		return 0;
	if (!c->interrupts)
		c->interrupt_ns = bpf_ktime_get_ns();
	c->interrupts |= 1u << kind;
	return 0;
}

TT_INLINE int tt_interrupt_leave(__u32 kind)
{
	struct tt_sched_cpu *c = tt_cpu_here();

	if (!c || !(c->interrupts & 1u << kind))
		return 0;
	c->interrupts &= ~(1u << kind);
	__u32 tid = c->observed;
	struct tt_sched_task *t = c->interrupts || !tid ? NULL : bpf_map_lookup_elem(&tt_sched_tasks, &tid);
	__u64 begun = c->interrupt_ns, now = t ? bpf_ktime_get_ns() : 0;
	if (t && now > begun)
		t->interrupts_ns += now - begun;
	return 0;
}

SEC("tt_tracepoint/irq_handler_entry")
int TT_PROG(tt_sched_irq_enter)
{
	return tt_interrupt_enter(TT_SCHED_WAKER_INTERRUPT);
}

SEC("tt_tracepoint/irq_handler_exit")
int TT_PROG(tt_sched_irq_leave)
{
	return tt_interrupt_leave(TT_SCHED_WAKER_INTERRUPT);
}

SEC("tt_tracepoint/local_timer_entry")
int TT_PROG(tt_sched_timer_enter)
{
	return tt_interrupt_enter(TT_SCHED_WAKER_TIMER);
}

SEC("tt_tracepoint/local_timer_exit")
int TT_PROG(tt_sched_timer_leave)
{
	return tt_interrupt_leave(TT_SCHED_WAKER_TIMER);
}

SEC("tt_tracepoint/softirq_entry")
int TT_PROG(tt_sched_softirq_enter, unsigned int number)
{
	struct tt_sched_cpu *c = tt_cpu_here();

	if (c)
		c->softirq = number;
	return tt_interrupt_enter(TT_SCHED_WAKER_SOFTIRQ);
}

SEC("tt_tracepoint/softirq_exit")
int TT_PROG(tt_sched_softirq_leave)
{
	return tt_interrupt_leave(TT_SCHED_WAKER_SOFTIRQ);
}

/* --- what a task does in the kernel --- */

TT_INLINE struct tt_sched_task *tt_observed_here(void)
{
	const struct tt_sched_cpu *c = tt_cpu_here();
	__u32 tid = bpf_get_current_pid_tgid();

	return c && c->observed == tid ? bpf_map_lookup_elem(&tt_sched_tasks, &tid) : NULL;
}

TT_INLINE int tt_memory(bool in)
{
	struct tt_sched_task *t = tt_observed_here();

	if (!t || t->in_memory == in)
		return 0;
	tt_run_end(t, bpf_ktime_get_ns());
	t->in_memory = in;
	return 0;
}

SEC("tt_tracepoint/mm_vmscan_direct_reclaim_begin")
int TT_PROG(tt_sched_reclaim_enter)
{
	return tt_memory(true);
}

SEC("tt_tracepoint/mm_vmscan_direct_reclaim_end")
int TT_PROG(tt_sched_reclaim_leave)
{
	return tt_memory(false);
}

SEC("tt_tracepoint/mm_vmscan_memcg_reclaim_begin")
int TT_PROG(tt_sched_cgroup_enter)
{
	return tt_memory(true);
}

SEC("tt_tracepoint/mm_vmscan_memcg_reclaim_end")
int TT_PROG(tt_sched_cgroup_leave)
{
	return tt_memory(false);
}

SEC("tt_tracepoint/mark_victim")
int TT_PROG(tt_sched_killed)
{
	__u64 victim = tt_first_argument(ctx);
	__u32 tid = tt_tool_config.victim_argument ? TT_READ(struct task_struct, victim, pid) : victim;
	const struct tt_sched_task *t = bpf_map_lookup_elem(&tt_sched_tasks, &tid);
	struct tt_sched_kill k = {.rec = {.type = TT_SCHED_KILL, .version = TT_RECORD_VERSION, .tid = tid}};

	if (!t)
		return 0;
	k.rec.tgid = t->tgid;
	k.rec.start_ns = t->start_ns;
	__builtin_memcpy(k.comm, t->comm, sizeof(k.comm));
	k.by_tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(k.by, sizeof(k.by));
	tt_control_submit(&k.rec, sizeof(k));
	return 0;
}

/* include/trace/events/lock.h: spinning is running, unless it is a mutex's, which may sleep then. */
#define TT_LOCK_SPIN 1
#define TT_LOCK_MUTEX 32

SEC("tt_tracepoint/contention_begin")
int TT_PROG(tt_sched_lock_enter, void *lock, unsigned int flags)
{
	struct tt_sched_task *t = flags & TT_LOCK_SPIN && !(flags & TT_LOCK_MUTEX) ? NULL : tt_observed_here();

	if (t)
		t->lock = (__u64)lock;
	return 0;
}

/* Of that lock, and of no other: spinlocks come between, such as the one inside it, the processor's queue's, and interrupts'. */
SEC("tt_tracepoint/contention_end")
int TT_PROG(tt_sched_lock_leave, void *lock)
{
	struct tt_sched_task *t = tt_observed_here();

	if (t && t->lock == (__u64)lock)
		t->lock = 0;
	return 0;
}

#endif
