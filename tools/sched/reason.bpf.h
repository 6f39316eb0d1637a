/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a task is blocked by: the system call it is in, the file that call is about, and what the kernel says of the task. */
#ifndef TT_SCHED_REASON_BPF_H
#define TT_SCHED_REASON_BPF_H

#include "lib/args.h"
#include "tools/sched/task.bpf.h"
#include "tools/stacks/stacks.bpf.h"

#define TT_STATE_UNINTERRUPTIBLE 0x2
#define TT_STATE_STOPPED 0xc /* or traced */
#define TT_STATE_DEAD 0x80
#define TT_STATE_NO_LOAD 0x400
/* x86 before 5.15: registers stand at the end of the task's stack. */
#define TT_STACK_BYTES 16384
#define TT_MODE_TYPE 0170000
#define TT_MODE_SOCKET 0140000
#define TT_MODE_CHARACTERS 0020000
#define TT_MODE_FIFO 0010000
#define TT_UNIX 1
#define TT_INET 2
#define TT_INET6 10

struct tt_call_now {
	__u64 first; /* argument */
	__u32 number;
};

/* The call a task is in. */
TT_INLINE struct tt_call_now tt_call_of(struct task_struct *task)
{
	struct tt_call_now call = {.number = TT_SCHED_NO_CALL};
	__s64 number = -1;

	if (task->flags & TT_KTHREAD || tt_is_compat(task))
		return call;
	if (tt_tool_config.has_task_regs) {
		const struct pt_regs *regs = (const struct pt_regs *)bpf_task_pt_regs(task);
		number = TT_ARG_NUMBER(regs);
		call.first = TT_ARG1(regs);
	} else {
#if defined(__TARGET_ARCH_x86)
		__u64 stack = (__u64)TT_READ(struct task_struct___sched, task, stack);
		const struct pt_regs *regs = (const void *)(stack + TT_STACK_BYTES - bpf_core_type_size(struct pt_regs));
		number = TT_READ(struct pt_regs, regs, orig_ax);
		call.first = TT_READ(struct pt_regs, regs, di);
#else
		return call;
#endif
	}
	call.number = number >= 0 && number < TT_SCHED_CALLS ? number : number < 0 ? TT_SCHED_EXCEPTION : TT_SCHED_NO_CALL;
	return call;
}

TT_INLINE __u32 tt_socket_part(__u64 file)
{
	const struct socket *socket = TT_READ(struct file, file, private_data);
	const struct sock *sk = TT_READ(struct socket, socket, sk);
	__u32 family = TT_READ(struct sock, sk, __sk_common.skc_family);

	if (family == TT_UNIX)
		return TT_SCHED_LOCAL;
	return family == TT_INET || family == TT_INET6 ? TT_SCHED_NETWORK : TT_SCHED_OTHER;
}

TT_INLINE __u32 tt_file_part(struct task_struct *task, __u64 fd)
{
	const struct files_struct *files = TT_READ(struct task_struct, task, files);

	if (!files)
		return TT_SCHED_OTHER;
	const struct fdtable *table = TT_READ(struct files_struct, files, fdt);
	if ((__u32)fd >= TT_READ(struct fdtable, table, max_fds))
		return TT_SCHED_OTHER;
	__u64 list = (__u64)TT_READ(struct fdtable, table, fd);
	__u64 file = tt_read_word((const void *)(list + (__u64)(__u32)fd * 8));
	if (!file)
		return TT_SCHED_OTHER;
	const struct inode *inode = TT_READ(struct file, file, f_inode);
	__u32 type = TT_READ(struct inode, inode, i_mode) & TT_MODE_TYPE;
	if (type == TT_MODE_SOCKET)
		return tt_socket_part(file);
	if (type == TT_MODE_FIFO)
		return TT_SCHED_PIPE;
	if (type == TT_MODE_CHARACTERS)
		return TT_SCHED_DEVICE;
	return type ? TT_SCHED_DISK : TT_SCHED_EVENTS;
}

TT_INLINE __u32 tt_call_part(struct task_struct *task, const struct tt_call_now *call, __u64 state)
{
	__u32 part = 0, number = call->number;

	if (number == TT_SCHED_EXCEPTION)
		return TT_SCHED_FAULT;
	if (number < TT_SCHED_CALLS) {
		TT_BOUND(number, TT_SCHED_CALLS - 1);
		part = tt_tool_config.call[number];
	}
	if (part == TT_SCHED_BY_FILE)
		return tt_file_part(task, call->first);
	if (part)
		return part;
	/* A thread of the kernel's own has nothing to do, if that is not counted as load. */
	if (task->flags & TT_KTHREAD && (!(state & TT_STATE_UNINTERRUPTIBLE) || state & TT_STATE_NO_LOAD))
		return TT_SCHED_EVENTS;
	return state & TT_STATE_UNINTERRUPTIBLE ? TT_SCHED_KERNEL : TT_SCHED_OTHER;
}

/* Memory keeps it: to be freed, or its cgroup is above memory.high, and it is made to wait. Not what is read from disks for it.
 */
TT_INLINE bool tt_memory_stalls(struct task_struct *task)
{
	return bpf_core_field_exists(((struct task_struct___psi *)0)->in_memstall) &&
	       TT_READ_BITS(struct task_struct___psi, task, in_memstall) &&
	       !TT_READ_BITS(struct task_struct___sched, task, in_iowait);
}

/* Fills in what the task is blocked by, except for its stack. */
TT_INLINE void tt_reason(struct tt_sched_task *t, struct task_struct *task, __u64 state)
{
	struct tt_call_now call = tt_call_of(task);
	__u32 part = tt_call_part(task, &call, state);

	if (state & TT_STATE_STOPPED)
		part = TT_SCHED_SIGNAL;
	else if (t->in_memory || tt_memory_stalls(task))
		part = TT_SCHED_MEMORY;
	else if (t->lock)
		part = TT_SCHED_KERNEL_LOCK;
	else if (part != TT_SCHED_FAULT && part != TT_SCHED_AIO && TT_READ_BITS(struct task_struct___sched, task, in_iowait))
		part = TT_SCHED_DISK;
	t->part = part;
	t->call = call.number;
	t->kernel_stack = t->user_stack = TT_STACK_NONE;
}

/* Of the current task, which waits for memory's contents: the code that swaps in is on its stack. */
TT_INLINE bool tt_swaps_in(void *ctx, struct tt_sched_cpu *c)
{
	long bytes = bpf_get_stack(ctx, c->frames, sizeof(c->frames), 0);

	for (int i = 0; i < TT_SCHED_DEPTH; i++) {
		if (i * 8 >= bytes)
			return false;
		if (c->frames[i] >= tt_tool_config.swap_from && c->frames[i] < tt_tool_config.swap_to)
			return true;
	}
	return false;
}

/* The same of the current task, with its stack. */
TT_INLINE void tt_reason_here(void *ctx, struct tt_sched_task *t, struct task_struct *task, __u64 state, struct tt_sched_cpu *c)
{
	tt_reason(t, task, state);
	if (tt_tool_config.swap_from && t->part == TT_SCHED_FAULT && tt_swaps_in(ctx, c))
		t->part = TT_SCHED_SWAP;
	if (!tt_tool_config.stacks)
		return;
	t->kernel_stack = tt_stack_kernel(ctx);
	t->user_stack = tt_stack_user(ctx);
}

#endif
