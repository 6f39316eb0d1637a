/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stacks of the current task by their number, for rows that have one. The tool's `maps` have TT_STACK_MAPS
 * (tools/stacks/stacks.h). A user stack that is new to a process is told in a record, so that the user side can look its
 * addresses up before the process ends. Frame pointers are followed; a program without them shows where it is, and not always by
 * whom it was called.
 */
#ifndef TT_STACKS_BPF_H
#define TT_STACKS_BPF_H

#include "tools/stacks/ids.h"
#include "tools/tool.bpf.h"

/* uapi/linux/bpf.h, and errno.h */
#define TT_MAP_STACK_TRACE 7
#define TT_STACK_OF_USER (1ull << 8)
#define TT_STACK_NO_SUCH (-14)	 /* EFAULT */
#define TT_STACK_NO_ROOM (-17)	 /* EEXIST: another stack has its place */
#define TT_STACK_TOLD_ONCE (-17) /* EEXIST */

struct {
	__uint(type, TT_MAP_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, TT_STACK_DEPTH * sizeof(__u64));
} tt_stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_stack_told);
	__type(value, __u8);
} tt_stacks_told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_stack_counts);
} tt_stack_counts SEC(".maps");

#define TT_STACK_COUNT(member)                                                             \
	do {                                                                               \
		__u32 _cpu = bpf_get_smp_processor_id();                                   \
		struct tt_stack_counts *_c = bpf_map_lookup_elem(&tt_stack_counts, &_cpu); \
		if (_c)                                                                    \
			__sync_fetch_and_add(&_c->member, 1);                              \
	} while (0)

TT_INLINE __s32 tt_stack_id(void *ctx, __u64 flags)
{
	long id = bpf_get_stackid(ctx, &tt_stacks, flags);

	if (id >= 0)
		return id;
	if (id == TT_STACK_NO_SUCH)
		return TT_STACK_NONE;
	if (id == TT_STACK_NO_ROOM)
		TT_STACK_COUNT(collided);
	else
		TT_STACK_COUNT(missed);
	return TT_STACK_LOST;
}

/* What of the kernel the current task is in. A number, TT_STACK_NONE or TT_STACK_LOST. */
TT_INLINE __s32 tt_stack_kernel(void *ctx)
{
	return tt_stack_id(ctx, 0);
}

/*
 * A stack of the current task's program; told of, if it is new. As above. Where a function has only begun, a walk by frame
 * pointers leaves out who called it, whose address is `caller`; 0: not so.
 */
TT_INLINE __s32 tt_stack_user_called(void *ctx, __u64 caller)
{
	static const __u8 one = 1;
	struct task_struct *task = tt_task_here();
	__s32 id = tt_stack_id(ctx, TT_STACK_OF_USER);

	if (id < 0)
		return id;
	struct tt_stack_told key = {.image = (__u64)TT_READ(struct task_struct, task, mm),
				    .caller = caller,
				    .tgid = bpf_get_current_pid_tgid() >> 32,
				    .id = id};
	if (bpf_map_lookup_elem(&tt_stacks_told, &key))
		return id;
	long r = bpf_map_update_elem(&tt_stacks_told, &key, &one, BPF_NOEXIST);
	if (r == TT_STACK_TOLD_ONCE)
		return id;
	if (r) {
		TT_STACK_COUNT(untold);
		return id;
	}
	struct tt_stack_seen seen = {.rec = {.type = TT_STACK_RECORD, .version = TT_RECORD_VERSION, .tgid = key.tgid},
				     .image = key.image,
				     .caller = caller,
				     .id = id};
	tt_control_submit(&seen.rec, sizeof(seen));
	return id;
}

TT_INLINE __s32 tt_stack_user(void *ctx)
{
	return tt_stack_user_called(ctx, 0);
}

#endif
