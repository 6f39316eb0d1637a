/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who an event happened to. */
#ifndef TT_BPF_TASK_H
#define TT_BPF_TASK_H

#include "compat.h"

TT_INLINE struct task_struct *tt_task_here(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/*
 * The current task with its type, as the kernel gives it since 5.13 at the latest. The verifier goes through all of the kernel's
 * types for each pointer that is loaded from such a one, by name, for whether it may be trusted (since 6.3): tools, which are
 * started for a moment, cast it where they can.
 */
#ifdef TT_TOOL
#define TT_TYPED_HERE (tt_config.has_task_storage && !tt_config.has_rdonly_cast)
#else
#define TT_TYPED_HERE tt_config.has_task_storage
#endif

/* A field of the current task, by a plain load where that can be. */
#define TT_READ_HERE(field)                                                                      \
	({                                                                                       \
		typeof(((struct task_struct *)0)->field) _here;                                  \
		if (TT_TYPED_HERE)                                                               \
			_here = ((const struct task_struct *)bpf_get_current_task_btf())->field; \
		else                                                                             \
			_here = TT_READ(struct task_struct, tt_task_here(), field);              \
		_here;                                                                           \
	})

/* A field of what such a field points to. */
#define TT_READ_TYPED(type, ptr, field) (TT_TYPED_HERE ? ((const type *)(ptr))->field : TT_READ(type, ptr, field))

TT_INLINE __u64 tt_task_start(struct task_struct *task)
{
	struct task_struct *leader = TT_READ(struct task_struct, task, group_leader);

	return TT_READ(struct task_struct, leader, start_boottime);
}

/* An exiting task is the last of its process: do_exit() has counted it out already. */
TT_INLINE bool tt_task_ends_process(struct task_struct *task)
{
	struct signal_struct *signal = TT_READ(struct task_struct, task, signal);

	return TT_READ(struct signal_struct, signal, live.counter) <= 0;
}

TT_INLINE __u64 tt_task_start_here(void)
{
	struct task_struct *leader = TT_READ_HERE(group_leader);

	return TT_READ_TYPED(struct task_struct, leader, start_boottime);
}

/* The task has used io_uring (5.1). */
TT_INLINE bool tt_task_has_ring(struct task_struct *task)
{
	if (!bpf_core_field_exists(((struct task_struct *)0)->io_uring))
		return false;
	return TT_READ(struct task_struct, task, io_uring) != NULL;
}

/* Fills the header of a record about the current task, except for len and time. */
TT_INLINE void tt_record_here(struct tt_record *rec, enum tt_record_type type)
{
	__u64 id = bpf_get_current_pid_tgid();

	rec->type = type;
	rec->version = TT_RECORD_VERSION;
	rec->reserved = 0;
	rec->tid = (__u32)id;
	rec->tgid = id >> 32;
	rec->start_ns = tt_task_start_here();
	rec->cgroup_id = bpf_get_current_cgroup_id();
}

#endif
