/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of `telltale sched` and `telltale why` agree on. */
#ifndef TT_SCHED_H
#define TT_SCHED_H

#include "tools/stacks/ids.h"
#include "tools/times.h"

#define TT_SCHED_COMM_LEN 16
#define TT_SCHED_BUCKETS 32 /* by powers of two of microseconds, what is shorter than one in the first */
#define TT_SCHED_TURNS 64   /* of each CPU that are remembered: a power of two */
#define TT_SCHED_AHEAD 4    /* processes named in one record of a long wait */
#define TT_SCHED_DEPTH 32   /* frames looked at for what swaps in */
#define TT_SCHED_CALLS 512

/*
 * What a task's time goes to: every moment of a task belongs to one of them. X(id, name, meaning). Those from LOCK on are what it
 * is blocked by.
 */
#define TT_SCHED_PARTS(X)                                                                            \
	X(RUN, "running", "on a processor")                                                          \
	X(INTERRUPT, "interrupt", "on a processor, but its interrupts were served meanwhile")        \
	X(WAIT, "cpu wait", "could run, but other tasks had the processor")                          \
	X(THROTTLED, "throttled", "could run, but its cgroup had used up its processor time")        \
	X(MEMORY, "reclaim", "had to free memory first, running or blocked; or memory.high held it") \
	X(LOCK, "lock", "futex: a lock or condition of user space")                                  \
	X(KERNEL_LOCK, "kernel lock", "a lock of the kernel")                                        \
	X(DISK, "disk", "files and disks")                                                           \
	X(NETWORK, "network", "a socket of the network")                                             \
	X(LOCAL, "local socket", "a Unix socket")                                                    \
	X(PIPE, "pipe", "a pipe")                                                                    \
	X(EVENTS, "events", "until one of several things happens (poll, epoll, select, eventfd)")    \
	X(AIO, "async I/O", "io_uring and libaio: until something is done")                          \
	X(SLEEP, "sleep", "for a time it chose itself")                                              \
	X(CHILD, "child", "until a process it started changes")                                      \
	X(FAULT, "page fault", "memory whose contents are not there yet")                            \
	X(SWAP, "swap-in", "memory that was swapped out")                                            \
	X(SIGNAL, "signal", "until a signal comes, or stopped by one")                               \
	X(DEVICE, "device", "a terminal or another device that is read and written")                 \
	X(KERNEL, "kernel", "uninterruptible in the kernel, for no reason known")                    \
	X(OTHER, "other", "for no reason known")

enum tt_sched_part {
#define TT_SCHED_ENUM(id, name, meaning) TT_SCHED_##id,
	TT_SCHED_PARTS(TT_SCHED_ENUM)
#undef TT_SCHED_ENUM
		TT_SCHED_PART_MAX,
};

/* In the table of calls: what its first argument, a descriptor, names. */
#define TT_SCHED_BY_FILE 0xff
/* Not numbers of calls: nothing is known, and an exception, not a call. */
#define TT_SCHED_NO_CALL 0xffff
#define TT_SCHED_EXCEPTION 0xfffe

enum tt_sched_state {
	TT_SCHED_RUNNING,
	TT_SCHED_WAITING,
	TT_SCHED_BLOCKED,
};

/* Who woke a task: another one, or an interrupt. */
enum tt_sched_waker {
	TT_SCHED_WAKER_UNKNOWN,
	TT_SCHED_WAKER_TASK,
	TT_SCHED_WAKER_TIMER,
	TT_SCHED_WAKER_INTERRUPT,
	TT_SCHED_WAKER_SOFTIRQ, /* and above: its number */
};

/* A process that had the CPU while another waited for it. */
struct tt_sched_ahead {
	__u64 ns;
	__u32 tgid; /* 0: the CPU was idle: it was waking up */
	__u32 reserved;
	char comm[TT_SCHED_COMM_LEN];
};

/* Stands for those that are not kept apart. */
#define TT_SCHED_OTHERS 0xffffffffu

/* One task, as it is now. */
struct tt_sched_task {
	__u64 since_ns;	     /* of the state */
	__u64 start_ns;	     /* of its process (boot clock) */
	__u64 queued_ns;     /* waiting: since when for this CPU */
	__u64 throttle_ns;   /* waiting: its queue's throttled time when that began */
	__u64 interrupts_ns; /* running: that went to interrupts */
	__u64 lock;	     /* of the kernel that it waits for, or is about to: its address. 0: none */
	__u64 ahead_rest_ns;
	struct tt_sched_ahead ahead[TT_SCHED_AHEAD];
	__u32 tgid;
	__u32 tid;
	__u32 cpu; /* waiting: for this one */
	__u32 waker_tgid;
	__s32 kernel_stack; /* of when it blocked: a number, TT_STACK_NONE, TT_STACK_LOST */
	__s32 user_stack;
	__u16 call;	 /* in which it blocked: a number, or TT_SCHED_NO_CALL and the like */
	__u8 state;	 /* enum tt_sched_state */
	__u8 part;	 /* blocked: enum tt_sched_part */
	__u8 waker_kind; /* enum tt_sched_waker */
	__u8 ahead_count;
	__u8 preempted; /* waiting: it had not blocked before */
	__u8 throttled; /* waiting: from the beginning */
	__u8 in_memory; /* it frees memory */
	__u8 reserved[7];
	char comm[TT_SCHED_COMM_LEN];  /* of the process */
	char name[TT_SCHED_COMM_LEN];  /* its own */
	char waker[TT_SCHED_COMM_LEN]; /* the waking thread's */
};

/* Rows are counted in one of two sets, so that the other can be read and emptied meanwhile. tid is 0 if threads are one. */
struct tt_sched_key {
	__u32 tgid;
	__u32 tid;
	__u32 set;
	__u32 reserved;
};

struct tt_sched_time {
	__u64 ns;
	__u64 count; /* times that ended */
	__u64 most_ns;
};

/* Room for parts: a power of two, as the verifier of old kernels wants it. */
#define TT_SCHED_PARTS_ROOM 32

struct tt_sched_row {
	struct tt_sched_time part[TT_SCHED_PARTS_ROOM];
	__u64 preempted; /* waits of tasks that were not woken but had to give the CPU away */
	__u64 start_ns;
	char comm[TT_SCHED_COMM_LEN];
};

/* Inside the agent: a process's waits for a processor that ended. */
struct tt_sched_waits {
	__u64 start_ns;
	__u64 count;
	__u64 ns;
	__u64 times[TT_TOOL_TIMES];
};

struct tt_sched_behind_key {
	__u32 tgid;
	__u32 tid;
	__u32 ahead_tgid;
	__u32 set;
};

struct tt_sched_behind {
	__u64 ns;
	char comm[TT_SCHED_COMM_LEN];
	char ahead[TT_SCHED_COMM_LEN];
};

struct tt_sched_block_key {
	__u32 tgid;
	__u32 tid;
	__u32 waker_tgid;
	__s32 kernel_stack;
	__s32 user_stack;
	__u16 call;
	__u8 part;
	__u8 waker_kind;
	__u32 set;
};

struct tt_sched_blocked {
	__u64 ns;
	__u64 count;
	__u64 most_ns;
	char comm[TT_SCHED_COMM_LEN];
	char waker[TT_SCHED_COMM_LEN];
};

struct tt_sched_latency {
	__u64 count[TT_SCHED_BUCKETS];
};

/* Which set is counted in, and since when each is. What lay before the set's beginning goes to the other one, while that may be.
 */
struct tt_sched_now {
	__u64 begun_ns[2];
	__u32 set;
	__u32 split;
};

/* A task's turn on a CPU; it ends where the next begins. */
struct tt_sched_turn {
	__u64 since_ns;
	__u32 tgid;
	__u32 tid;
	char comm[TT_SCHED_COMM_LEN];
};

enum tt_sched_record_type {
	TT_SCHED_LATE = TT_REC_TOOL, /* struct tt_sched_late */
	TT_SCHED_KILL,		     /* struct tt_sched_kill */
	TT_SCHED_SPAN,		     /* struct tt_sched_span_record */
};

/* With `spans_ns`: so long a task was in one part; its time is when that ended, at the latest. */
struct tt_sched_span_record {
	struct tt_record rec;
	__u64 from_ns;
	__u64 to_ns;
	__u32 part; /* enum tt_sched_part */
	__u32 cpu;
	char name[TT_SCHED_COMM_LEN];
};

/* A process was chosen to be killed for want of memory. */
struct tt_sched_kill {
	struct tt_record rec; /* of the victim */
	char comm[TT_SCHED_COMM_LEN];
	char by[TT_SCHED_COMM_LEN]; /* thread that wanted memory, and its process */
	__u32 by_tgid;
	__u32 reserved;
};

struct tt_sched_late {
	struct tt_record rec; /* of the task that waited; its time is when it ran */
	__u64 wait_ns;
	__u64 throttled_ns; /* of that */
	__u64 rest_ns;	    /* processes that are not among … */
	struct tt_sched_ahead ahead[TT_SCHED_AHEAD];
	__u32 ahead_count;
	__u32 cpu;
	__u32 preempted;
	__u32 reserved;
	char name[TT_SCHED_COMM_LEN];
};

/* One a CPU; others read its turns. */
struct tt_sched_cpu {
	struct tt_sched_turn turn[TT_SCHED_TURNS];
	struct tt_sched_late late; /* scratch */
	__u64 frames[TT_SCHED_DEPTH];
	__u64 interrupt_ns; /* since when interrupts are served */
	__u32 interrupts;   /* which kinds; 0: none */
	__u32 softirq;
	__u32 observed; /* the task that runs, if it is in scope */
	__u32 head;	/* the present turn */
};

/* One a CPU, added to atomically. */
struct tt_sched_counts {
	__u64 task_waits;  /* waits of tasks that had no room (limit tool_tasks) */
	__u64 task_blocks; /* the same of blocked times */
	__u64 no_wait;	   /* waits that had no row (limit tool_kernel_rows) */
	__u64 no_row;	   /* other times that had no row */
	__u64 no_ahead;	   /* turns before a waiting task that had no row */
	__u64 no_block;	   /* blocked times that had no row */
	__u64 no_waker;	   /* blocked times whose end was not seen */
	__u64 turns_gone;  /* waits longer than the CPU's turns are remembered */
	__u64 untold;	   /* switches the kernel did not tell of */
};

struct tt_sched_config {
	__u8 call[TT_SCHED_CALLS]; /* enum tt_sched_part by number, RUN: none; or TT_SCHED_BY_FILE */
	__u64 late_ns;		   /* 0: rows are counted; else each wait so long is a record */
	__u64 swap_from;	   /* where the kernel's code that swaps in begins; 0: not known … */
	__u64 swap_to;		   /* … and ends */
	__u64 spans_ns;		   /* each span at least so long is a record, too; 0: none is */
	__u64 look_ns;		   /* how often the clock looks what holds a processor up (held.h) */
	__u8 blocks;		   /* what tasks are blocked by is wanted */
	__u8 behind;		   /* who had the CPU is wanted */
	__u8 latency;
	__u8 threads; /* threads are told apart */
	__u8 stacks;
	__u8 state_argument; /* since 5.19 the tracepoint of switches has the task's state */
	__u8 has_task_regs;
	__u8 victim_argument;  /* since 6.8 the tracepoint of kills has the task, not its number */
	__u8 held;	       /* TT_HELD_IRQS, TT_HELD_RESCHED; 0: neither is wanted */
	__u8 asked_tracepoint; /* since 6.17 one says when a task is to make room, and by which flag */
	__u8 figures;	       /* times by process, for the agent: no single blocks */
	__u8 reserved[5];
};

static_assert(sizeof(struct tt_sched_ahead) == 32, "layout");
static_assert(sizeof(struct tt_sched_task) == 56 + 128 + 24 + 2 + 7 + 7 + 48, "layout");
static_assert(sizeof(struct tt_sched_key) == 16, "layout");
static_assert(sizeof(struct tt_sched_row) == 24 * TT_SCHED_PARTS_ROOM + 32, "layout");
static_assert(sizeof(struct tt_sched_behind_key) == 16, "layout");
static_assert(sizeof(struct tt_sched_behind) == 40, "layout");
static_assert(sizeof(struct tt_sched_block_key) == 28, "layout");
static_assert(sizeof(struct tt_sched_blocked) == 56, "layout");
static_assert(sizeof(struct tt_sched_now) == 24, "layout");
static_assert(sizeof(struct tt_sched_turn) == 32, "layout");
static_assert(sizeof(struct tt_sched_late) == 40 + 24 + 128 + 32, "layout");
static_assert(sizeof(struct tt_sched_span_record) == sizeof(struct tt_record) + 40, "layout");
static_assert(sizeof(struct tt_sched_kill) == 40 + 40, "layout");
static_assert(sizeof(struct tt_sched_counts) == 72, "layout");
static_assert(sizeof(struct tt_sched_config) == TT_SCHED_CALLS + 56, "layout");

#endif
