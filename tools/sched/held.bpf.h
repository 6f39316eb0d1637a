/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What holds a processor up. A clock's interrupt is due on each of them every so often: when it comes too late, interrupts were
 * off; when it comes, it sees what softirqs and the scheduler have been waiting for, and what runs meanwhile. Time a hypervisor
 * took away is booked by the kernel at its own next tick, so what was found waits for that, and the clock sends it.
 */
#ifndef TT_SCHED_HELD_BPF_H
#define TT_SCHED_HELD_BPF_H

#include "tools/sched/task.bpf.h"

#include "tools/sched/held.h"
#include "tools/stacks/stacks.bpf.h"

/* A tick of the slowest clock there is (CONFIG_HZ_100), and some. */
#define TT_HELD_BOOKED_NS 12000000

/* The task's flag that asks it to make room, where no tracepoint names it: before 6.17. */
#if defined(__TARGET_ARCH_x86)
#define TT_HELD_ASKED (1ull << 3)
#define TT_HELD_IN_USER(ctx) (((const __u64 *)(ctx))[17] & 3)	    /* uapi/asm/ptrace.h: cs … */
#define TT_HELD_MASKED(ctx) (!(((const __u64 *)(ctx))[18] & 0x200)) /* … and flags */
#else
#define TT_HELD_ASKED (1ull << 1)
#define TT_HELD_IN_USER(ctx) (!(((const __u64 *)(ctx))[33] & 0xf)) /* pstate */
#define TT_HELD_MASKED(ctx) (((const __u64 *)(ctx))[33] & 0x80)
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info___held {
	unsigned long flags;
};

struct rq___held {
	u64 prev_steal_time;
};

struct cfs_rq___held {
	struct rq___held *rq;
};

struct sched_entity___held {
	struct cfs_rq___held *cfs_rq;
};

struct task_struct___held {
	struct thread_info___held thread_info;
	struct sched_entity___held se;
};

struct irqaction___held {
	const char *name;
};

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_held_cpu);
} tt_held_cpus SEC(".maps");

TT_INLINE struct tt_held_cpu *tt_held_of(__u32 cpu)
{
	return bpf_map_lookup_elem(&tt_held_cpus, &cpu);
}

TT_INLINE struct tt_held_cpu *tt_held_here(void)
{
	return tt_self.phase == TT_PHASE_LIVE ? tt_held_of(bpf_get_smp_processor_id()) : NULL;
}

/* As this processor's run queue counts it. */
TT_INLINE __u64 tt_held_stolen(void)
{
	if (!bpf_core_field_exists(((struct task_struct___held *)0)->se.cfs_rq) ||
	    !bpf_core_field_exists(((struct cfs_rq___held *)0)->rq) ||
	    !bpf_core_field_exists(((struct rq___held *)0)->prev_steal_time))
		return 0;
	const struct cfs_rq___held *queue = TT_READ(struct task_struct___held, tt_task_here(), se.cfs_rq);
	const struct rq___held *rq = TT_READ(struct cfs_rq___held, queue, rq);
	return TT_READ(struct rq___held, rq, prev_steal_time);
}

TT_INLINE void tt_held_count(struct tt_held_cpu *c, __u32 kind, __u64 ns)
{
	__u32 bucket = tt_bucket(ns);

	if (bucket >= TT_SCHED_BUCKETS)
		bucket = TT_SCHED_BUCKETS - 1;
	TT_BOUND(bucket, TT_SCHED_BUCKETS - 1);
	c->lengths[kind].count[bucket]++;
}

/* --- who is there --- */

TT_INLINE __s32 tt_held_user_stack(void *ctx)
{
	if (!tt_tool_config.stacks || !bpf_get_current_pid_tgid() ||
	    TT_READ(struct task_struct, tt_task_here(), flags) & TT_KTHREAD)
		return TT_STACK_NONE;
	return tt_stack_user(ctx);
}

/* But the program's stack: nothing here takes a lock. */
TT_INLINE void tt_held_see_kernel(void *ctx, struct tt_held_look *look, __u64 now)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct task_struct *task = tt_task_here();

	look->at_ns = now;
	look->tgid = id >> 32;
	look->tid = id;
	look->kernel_stack = tt_stack_kernel(ctx);
	look->user_stack = TT_STACK_NONE;
	if (bpf_core_read(look->name, sizeof(look->name), &task->comm))
		tt_failed(TT_PLACE_KERNEL_READ);
}

TT_INLINE void tt_held_see(void *ctx, struct tt_held_look *look, __u64 now)
{
	tt_held_see_kernel(ctx, look, now);
	look->user_stack = tt_held_user_stack(ctx);
}

/* The first look at what has lasted for half of what is too long. */
TT_INLINE void tt_held_within(void *ctx, struct tt_held_cpu *c, __u32 kind, __u64 since, __u64 now)
{
	if (since && now > since && now - since >= tt_tool_config.late_ns / 2 && c->look[kind].at_ns < since)
		tt_held_see(ctx, &c->look[kind], now);
}

/* --- what was found --- */

TT_INLINE void tt_held_send(struct tt_held_cpu *c, struct tt_held_record *h)
{
	__u64 stolen = c->stolen_ns - h->stolen_ns;
	__u32 kind = h->kind;

	if (stolen > h->ns)
		stolen = h->ns;
	h->stolen_ns = stolen;
	h->ns -= stolen;
	h->waiting = 0;
	TT_BOUND(kind, TT_HELD_KIND_MAX - 1);
	tt_held_count(c, kind, h->ns);
	if (h->ns >= tt_tool_config.late_ns)
		tt_control_submit(&h->rec, sizeof(*h));
}

/* It goes into the place given, which is free. */
TT_INLINE void tt_held_put(void *ctx, struct tt_held_cpu *c, struct tt_held_record *h, __u32 kind, __u32 number, __u64 since,
			   __u64 stolen, __u64 end)
{
	struct tt_held_look *look = &c->look[kind];

	h->within = look->at_ns >= since && look->at_ns <= end;
	if (!h->within)
		tt_held_see(ctx, look, end);
	else if (kind == TT_HELD_IRQ_OFF && look->tid == (__u32)bpf_get_current_pid_tgid())
		look->user_stack = tt_held_user_stack(ctx);
	h->rec.type = TT_HELD_RECORD;
	h->rec.version = TT_RECORD_VERSION;
	h->rec.tgid = look->tgid;
	h->rec.tid = look->tid;
	h->end_ns = end;
	h->ns = end - since;
	h->stolen_ns = stolen;
	h->cpu = bpf_get_smp_processor_id();
	h->kind = kind;
	h->number = number;
	h->kernel_stack = look->kernel_stack;
	h->user_stack = look->user_stack;
	__builtin_memcpy(h->name, look->name, sizeof(h->name));
	__builtin_memset(h->by, 0, sizeof(h->by));
	/* From here on the clock, which may interrupt this, sends it. */
	asm volatile("" ::: "memory");
	h->waiting = 1;
}

TT_INLINE void tt_held_found(void *ctx, struct tt_held_cpu *c, __u32 kind, __u32 number, __u64 since, __u64 stolen, __u64 end)
{
	/* Another processor's clock may be a moment ahead, and a slow one stands still meanwhile. */
	if (end < since)
		end = since;
	if (!tt_tool_in_scope())
		return;
	if (end - since < tt_tool_config.late_ns) {
		tt_held_count(c, kind, end - since);
		return;
	}
	for (__u32 i = TT_HELD_CLOCKS; i < TT_HELD_WAITING; i++) {
		if (c->waiting[i].waiting)
			continue;
		tt_held_put(ctx, c, &c->waiting[i], kind, number, since, stolen, end);
		return;
	}
	c->no_room++;
}

/* The same of a softirq. One that is asked for again before its turn in a round is told as one, though it runs twice; and what
 * was asked for when this began, before the clock's first interrupt, is left out. */
TT_INLINE void tt_held_softirq(void *ctx, struct tt_held_cpu *c, __u32 kind, __u32 number, __u64 since, __u64 stolen, __u64 now)
{
	if (since)
		tt_held_found(ctx, c, kind, number, since, stolen, now);
	else if (c->expected_ns && tt_tool_in_scope())
		c->no_begin++;
}

/* --- the clock --- */

/* How late it is. Where the kernel started it anew, or it drifts, its next interrupt is expected as the last one came. */
TT_INLINE __u64 tt_held_lateness(struct tt_held_cpu *c, __u64 now)
{
	__u64 period = tt_tool_config.look_ns, due = c->expected_ns, late = now - due;

	if (!due || now < due) {
		c->expected_ns = now + period;
		return 0;
	}
	c->expected_ns = due + period * (late / period + 1);
	if (late < period / 8)
		c->expected_ns += late / 16;
	return late;
}

TT_INLINE void tt_held_irqs_off(void *ctx, struct tt_held_cpu *c, __u64 late, __u64 longest, __u64 now)
{
	for (__u32 i = 0; i < TT_HELD_CLOCKS; i++) {
		struct tt_held_record *h = &c->waiting[i];
		if (h->waiting)
			continue;
		tt_held_put(ctx, c, h, TT_HELD_IRQ_OFF, c->longest_number, now - late, c->stolen_ns, now);
		if (longest >= late / 2)
			__builtin_memcpy(h->by, c->longest, sizeof(h->by));
		return;
	}
	c->no_room++;
}

TT_INLINE void tt_held_look_irqs(void *ctx, struct tt_held_cpu *c, __u64 now)
{
	__u64 late = tt_held_lateness(c, now), longest = c->longest_ns;

	c->longest_ns = 0;
	if (!tt_tool_in_scope())
		return;
	if (late < tt_tool_config.late_ns)
		tt_held_count(c, TT_HELD_IRQ_OFF, late);
	else
		tt_held_irqs_off(ctx, c, late, longest, now);
	for (__u32 i = 0; i < TT_HELD_SOFTIRQS; i++)
		tt_held_within(ctx, c, TT_HELD_SOFTIRQ_LATE, c->raised_ns[i], now);
	tt_held_within(ctx, c, TT_HELD_SOFTIRQ_LONG, c->softirq_ns, now);
}

TT_INLINE __u64 tt_held_flags(const struct task_struct *task)
{
	return TT_READ(struct task_struct___held, task, thread_info.flags);
}

TT_INLINE void tt_held_look_resched(void *ctx, struct tt_held_cpu *c, __u64 now)
{
	__u64 asked = tt_tool_config.asked_tracepoint ? c->asked_flags : TT_HELD_ASKED, since = c->asked_ns;

	/* Who is in user space makes room on the way back there, and nobody waits for one that is idle. */
	if (!bpf_get_current_pid_tgid() || TT_HELD_IN_USER(ctx)) {
		c->asked_ns = 0;
	} else if (!(tt_held_flags(tt_task_here()) & asked)) {
		/* It was to run on after all. */
		c->asked_ns = 0;
		if (since && c->asked_seen_ns > since)
			tt_held_found(ctx, c, TT_HELD_NO_RESCHED, 0, since, c->asked_stolen_ns, c->asked_seen_ns);
	} else {
		if (!since) {
			c->asked_stolen_ns = c->stolen_ns;
			c->asked_ns = now;
		}
		c->asked_seen_ns = now;
		if (tt_tool_in_scope())
			tt_held_within(ctx, c, TT_HELD_NO_RESCHED, since, now);
	}
}

SEC("tt_clock")
int tt_held_clock(void *ctx)
{
	struct tt_held_cpu *c = tt_held_here();

	if (!c)
		return 0;
	__u64 now = bpf_ktime_get_ns();
	if (tt_tool_config.held == TT_HELD_IRQS)
		tt_held_look_irqs(ctx, c, now);
	else
		tt_held_look_resched(ctx, c, now);
	c->stolen_ns = tt_held_stolen();
	for (__u32 i = 0; i < TT_HELD_WAITING; i++) {
		struct tt_held_record *h = &c->waiting[i];
		if (h->waiting && now - h->end_ns >= TT_HELD_BOOKED_NS)
			tt_held_send(c, h);
	}
	return 0;
}

/* By the processor's cycles, which on x86 is no interrupt that can be off: the clock is overdue, and interrupts are off. */
SEC("tt_clock")
int tt_held_cycles(void *ctx)
{
	struct tt_held_cpu *c = tt_held_here();
	__u64 due = c && TT_HELD_MASKED(ctx) ? c->expected_ns : 0;

	if (!due)
		return 0;
	__u64 now = bpf_ktime_get_ns();
	struct tt_held_look *look = &c->look[TT_HELD_IRQ_OFF];
	if (now > due && now - due >= tt_tool_config.late_ns / 2 && look->at_ns < due)
		tt_held_see_kernel(ctx, look, now);
	return 0;
}

/* --- interrupts --- */

SEC("tt_tracepoint/irq_handler_entry")
int TT_PROG(tt_held_handler_enter)
{
	struct tt_held_cpu *c = tt_held_here();

	if (c)
		c->handler_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tt_tracepoint/irq_handler_exit")
int TT_PROG(tt_held_handler_leave, int number, struct irqaction___held *action)
{
	struct tt_held_cpu *c = tt_held_here();
	__u64 ns = c && c->handler_ns ? bpf_ktime_get_ns() - c->handler_ns : 0;

	if (!c || ns <= c->longest_ns || ns < tt_tool_config.late_ns / 4)
		return 0;
	c->longest_ns = ns;
	c->longest_number = number;
	const char *name = TT_READ(struct irqaction___held, action, name);
	if (bpf_probe_read_kernel_str(c->longest, sizeof(c->longest), name) < 0)
		c->longest[0] = 0;
	return 0;
}

/* --- softirqs --- */

SEC("tt_tracepoint/softirq_raise")
int TT_PROG(tt_held_softirq_raise, unsigned int number)
{
	struct tt_held_cpu *c = tt_held_here();
	__u32 n = number;

	TT_BOUND(n, TT_HELD_SOFTIRQS - 1);
	if (!c || c->raised_ns[n])
		return 0;
	c->raised_stolen_ns[n] = c->stolen_ns;
	c->raised_ns[n] = bpf_ktime_get_ns();
	return 0;
}

SEC("tt_tracepoint/softirq_entry")
int TT_PROG(tt_held_softirq_enter, unsigned int number)
{
	struct tt_held_cpu *c = tt_held_here();
	__u32 n = number;

	TT_BOUND(n, TT_HELD_SOFTIRQS - 1);
	if (!c)
		return 0;
	__u64 now = bpf_ktime_get_ns(), since = c->raised_ns[n];
	c->raised_ns[n] = 0;
	c->softirq_stolen_ns = c->stolen_ns;
	c->softirq_ns = now;
	tt_held_softirq(ctx, c, TT_HELD_SOFTIRQ_LATE, number, since, c->raised_stolen_ns[n], now);
	return 0;
}

SEC("tt_tracepoint/softirq_exit")
int TT_PROG(tt_held_softirq_leave, unsigned int number)
{
	struct tt_held_cpu *c = tt_held_here();

	if (!c)
		return 0;
	__u64 since = c->softirq_ns;
	c->softirq_ns = 0;
	tt_held_softirq(ctx, c, TT_HELD_SOFTIRQ_LONG, number, since, c->softirq_stolen_ns, bpf_ktime_get_ns());
	return 0;
}

/* --- who is to make room --- */

/* Under the lock of that processor's run queue, by another processor too. A flag that is there already is only joined. */
SEC("tt_tracepoint/sched_set_need_resched_tp")
int TT_PROG(tt_held_asked, struct task_struct *task, int cpu, int flag)
{
	struct tt_held_cpu *c = tt_self.phase == TT_PHASE_LIVE ? tt_held_of(cpu) : NULL;

	if (!c || !task->pid)
		return 0;
	__u64 asked = 1ull << (flag & 63);
	if (c->asked_ns && tt_held_flags(task) & c->asked_flags) {
		c->asked_flags |= asked;
		return 0;
	}
	c->asked_flags = asked;
	c->asked_stolen_ns = c->stolen_ns;
	c->asked_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tt_tracepoint/sched_switch")
int TT_PROG(tt_held_switched, bool preempt, struct task_struct *prev)
{
	struct tt_held_cpu *c = tt_held_here();
	__u64 since = c ? c->asked_ns : 0;

	if (!since)
		return 0;
	c->asked_ns = 0;
	if (prev->pid)
		tt_held_found(ctx, c, TT_HELD_NO_RESCHED, 0, since, c->asked_stolen_ns, bpf_ktime_get_ns());
	return 0;
}

#endif
