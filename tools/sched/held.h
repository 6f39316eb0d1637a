/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of `telltale sched irqoff` and `telltale sched nosched` agree on: what held a processor up. */
#ifndef TT_SCHED_HELD_H
#define TT_SCHED_HELD_H

#include "tools/sched/sched.h"

/* X(id, name, meaning) */
#define TT_HELD_KINDS(X)                                                                   \
	X(IRQ_OFF, "interrupts off", "the clock's interrupt could not come")               \
	X(SOFTIRQ_LATE, "softirq late", "a softirq was asked for and had to wait")         \
	X(SOFTIRQ_LONG, "softirq long", "a softirq ran, and others and tasks had to wait") \
	X(NO_RESCHED, "no reschedule", "code of the kernel ran on although another task was to run")

enum tt_held_kind {
#define TT_HELD_ENUM(id, name, meaning) TT_HELD_##id,
	TT_HELD_KINDS(TT_HELD_ENUM)
#undef TT_HELD_ENUM
		TT_HELD_KIND_MAX, /* a power of two */
};

/* The reports, as the programs are told. */
#define TT_HELD_IRQS 1
#define TT_HELD_RESCHED 2

#define TT_HELD_SOFTIRQS 16 /* a power of two; the kernel has 10 */
/* That wait for what was stolen of them to be booked; the first ones are the clock's own. */
#define TT_HELD_WAITING 16
#define TT_HELD_CLOCKS 8

/* Beside those of sched.h. */
#define TT_HELD_RECORD (TT_SCHED_SPAN + 1)

/* A processor was held up so long. */
struct tt_held_record {
	struct tt_record rec; /* of the task that was there when it was looked at; none: it was idle */
	__u64 end_ns;
	__u64 ns;
	__u64 stolen_ns; /* in the programs: the processor's count before it began; sent: of ns that was taken away already */
	__u32 cpu;
	__u32 kind;   /* enum tt_held_kind */
	__u32 number; /* of a softirq, or of the interrupt that `by` names */
	__s32 kernel_stack;
	__s32 user_stack;
	__u8 within; /* it was looked at while it lasted; else when it was over */
	__u8 waiting;
	__u8 reserved[2];
	char name[TT_SCHED_COMM_LEN]; /* the thread's */
	char by[TT_SCHED_COMM_LEN];   /* interrupts off: whose handler ran meanwhile; empty: none's that took half of it */
};

/* What the clock saw while a processor was held up. */
struct tt_held_look {
	__u64 at_ns;
	__u32 tgid;
	__u32 tid;
	__s32 kernel_stack;
	__s32 user_stack;
	char name[TT_SCHED_COMM_LEN];
};

/* One a CPU, which alone writes it, but for `asked_ns` and `asked_stolen_ns` (under its run queue's lock). */
struct tt_held_cpu {
	__u64 expected_ns;		   /* when the clock's next interrupt is due */
	__u64 stolen_ns;		   /* time a hypervisor took away, as last booked */
	__u64 raised_ns[TT_HELD_SOFTIRQS]; /* since when each softirq waits; 0: it does not */
	__u64 raised_stolen_ns[TT_HELD_SOFTIRQS];
	__u64 softirq_ns; /* since when one runs; 0: none does */
	__u64 softirq_stolen_ns;
	__u64 asked_ns;	     /* since when its task is to make room; 0: it is not */
	__u64 asked_seen_ns; /* when that was seen last */
	__u64 asked_stolen_ns;
	__u64 asked_flags; /* which of the task's flags say so */
	__u64 handler_ns;  /* since when an interrupt's handler runs */
	__u64 longest_ns;  /* the longest one since the last look */
	struct tt_held_look look[TT_HELD_KIND_MAX];
	struct tt_held_record waiting[TT_HELD_WAITING];
	struct tt_sched_latency lengths[TT_HELD_KIND_MAX];
	__u64 no_room;	/* that could not wait */
	__u64 no_begin; /* of softirqs: since when they waited, or ran, was not told */
	__u32 longest_number;
	__u32 reserved;
	char longest[TT_SCHED_COMM_LEN];
};

static_assert(sizeof(struct tt_held_record) == sizeof(struct tt_record) + 24 + 24 + 32, "layout");
static_assert(sizeof(struct tt_held_look) == 40, "layout");
static_assert(sizeof(struct tt_held_cpu) ==
		      80 + 16 * TT_HELD_SOFTIRQS + TT_HELD_KIND_MAX * (40 + 8 * TT_SCHED_BUCKETS) + TT_HELD_WAITING * 120 + 40,
	      "layout");

#endif
