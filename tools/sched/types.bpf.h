/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's types of tasks and queues, as far as these programs read them; relocated when they are loaded. */
#ifndef TT_SCHED_TYPES_BPF_H
#define TT_SCHED_TYPES_BPF_H

#include "lib/prog.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cfs_rq___sched {
	int throttle_count;
	u64 throttled_clock_pelt_time;
};

/* Before 5.19. */
struct cfs_rq___before {
	u64 throttled_clock_task_time;
};

struct sched_entity___sched {
	struct cfs_rq___sched *cfs_rq;
};

struct task_struct___sched {
	struct sched_entity___sched se;
	unsigned in_iowait : 1;
	void *stack;
};

/* With CONFIG_PSI. */
struct task_struct___psi {
	unsigned in_memstall : 1;
};

struct task_struct___state {
	unsigned int __state;
};

/* Before 5.14. */
struct task_struct___before {
	volatile long state;
};

/* Since 6.18 a task is throttled by itself, not with its queue. */
struct task_struct___throttled {
	bool throttled;
};

struct thread_info___cpu {
	u32 cpu;
};

struct task_struct___info {
	struct thread_info___cpu thread_info;
};

/* Before 5.16. */
struct task_struct___cpu {
	unsigned int cpu;
};

struct bpf_iter_meta;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#endif
