/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory of processes: programs at the functions of allocators (tools/leak/functions.c says which). One call of a thread is
 * remembered from its entry to its return. Allocators call each other (calloc malloc, operator new malloc): the outermost counts.
 * A call that is never returned from (an exception, longjmp(3)) is known by its place on the stack.
 */
#ifndef TT_LEAK_PROCESS_BPF_H
#define TT_LEAK_PROCESS_BPF_H

#include "lib/args.h"
#include "tools/leak/blocks.bpf.h"
#include "tools/leak/types.bpf.h"

#define TT_LEAK_NESTED 65536	/* bytes of the stack within which one allocator calls another */
#define TT_LEAK_NESTED_NEW 1024 /* the same of operator new, which does nothing else */
#define TT_LEAK_UNMAPPED_MOST 4 /* mappings of one munmap(2) */
#define TT_LEAK_ERRNO_MOST 4095 /* what mmap(2) returns above -4095 is an error */

enum tt_leak_call_kind {
	TT_LEAK_CALL_ALLOC = 1, /* returns the block */
	TT_LEAK_CALL_REALLOC,	/* the same, and frees `old`, or it fails and does not */
	TT_LEAK_CALL_TO,	/* writes its address to `to`, returns 0 */
	TT_LEAK_CALL_MMAP,	/* returns the block, or -1 */
	TT_LEAK_CALL_REMAP,	/* the same, and frees `old`, or it fails and does not */
	TT_LEAK_CALL_NEW,	/* is not waited for: the allocator it calls is, which counts as called from here */
};

struct tt_leak_call {
	__u64 sp; /* where the return address is */
	__u64 size;
	__u64 to;
	__u64 caller;
	struct tt_leak_key old_key;
	struct tt_leak_block old; /* of realloc, if it was known */
	__s32 stack;
	__u8 kind; /* enum tt_leak_call_kind */
	__u8 sampled;
	__u8 had_old;
	__u8 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct tt_leak_call);
} tt_leak_calls SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define TT_RETURN_SLOT 8 /* the return address is gone from the stack then, unless the instruction that returns is probed */
#else
#define TT_RETURN_SLOT 0
#endif

TT_INLINE __u64 tt_leak_stack(const struct pt_regs *regs)
{
	return regs->sp;
}

/* Who called the function that begins: a walk by frame pointers would leave that one out. */
TT_INLINE __u64 tt_leak_caller(const struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	__u64 caller = 0;

	if (bpf_probe_read_user(&caller, sizeof(caller), (const void *)tt_leak_stack(regs)))
		TT_COUNT(unread);
	return caller;
#else
	return regs->regs[30];
#endif
}

/*
 * Which process of its number this one is, by when it began, and which program, by how many it was before: the next is 1 more.
 * No table, so none that is full.
 */
TT_INLINE __u32 tt_leak_image(void)
{
	const struct task_struct *task = tt_task_here(), *leader = TT_READ(struct task_struct, task, group_leader);
	__u64 began = TT_READ(struct task_struct___leak, leader, start_time);

	return (__u32)(began * 0x9e3779b97f4a7c15ull >> 32) + (__u32)TT_READ(struct task_struct___leak, task, self_exec_id);
}

TT_INLINE struct tt_leak_key tt_leak_key_of(__u64 address)
{
	return (struct tt_leak_key){.address = address, .tgid = bpf_get_current_pid_tgid() >> 32, .image = tt_leak_image()};
}

/* Whether the call at `sp` is one within that other. */
TT_INLINE bool tt_leak_within(const struct tt_leak_call *outer, __u64 sp)
{
	return sp < outer->sp && outer->sp - sp < TT_LEAK_NESTED;
}

/* operator new is still there, and this is the allocator it calls. (It may jump there, so the place may be the same.) */
TT_INLINE bool tt_leak_by_new(const struct tt_leak_call *outer, __u64 sp)
{
	__u64 caller = 0;

	if (outer->kind != TT_LEAK_CALL_NEW || sp > outer->sp || outer->sp - sp >= TT_LEAK_NESTED_NEW)
		return false;
#if defined(__TARGET_ARCH_x86)
	return !bpf_probe_read_user(&caller, sizeof(caller), (const void *)outer->sp) && caller == outer->caller;
#else
	return true;
#endif
}

TT_INLINE void tt_leak_end_of(struct tt_leak_call *c, const struct tt_leak_key *key)
{
	c->had_old = tt_leak_take(key, &c->old, false);
	c->old_key = *key;
	if (!c->had_old && tt_tool_config.sample <= 1)
		TT_COUNT(unknown);
}

/* realloc(3) by who is not followed. */
TT_INLINE void tt_leak_old(__u64 old)
{
	struct tt_leak_key key = tt_leak_key_of(old);
	struct tt_leak_block block;

	if (old)
		tt_leak_take(&key, &block, false);
}

TT_INLINE void tt_leak_enter(struct pt_regs *regs, __u32 kind, __u64 size, __u64 old, __u64 to)
{
	static const struct tt_leak_call none = {};
	__u64 id = bpf_get_current_pid_tgid(), sp = tt_leak_stack(regs);
	struct tt_leak_call *c = bpf_map_lookup_elem(&tt_leak_calls, &id);
	bool by_new = c && tt_leak_by_new(c, sp);

	if (by_new && kind == TT_LEAK_CALL_NEW)
		return;
	if (c && !by_new && c->kind != TT_LEAK_CALL_NEW && tt_leak_within(c, sp))
		return;
	bool fresh = !c;
	if (fresh) {
		bpf_map_update_elem(&tt_leak_calls, &id, &none, BPF_ANY);
		c = bpf_map_lookup_elem(&tt_leak_calls, &id);
	}
	if (!c) {
		TT_COUNT(no_call);
		tt_leak_old(old);
		return;
	}
	/* reallocarray() may jump to realloc(), and the return address is a return probe's by then. */
	bool same = !fresh && c->sp == sp && c->kind != TT_LEAK_CALL_NEW;
	c->kind = kind;
	c->size = size;
	c->to = to;
	if (same && (!old || (c->had_old && c->old_key.address == old)))
		return;
	c->sp = sp;
	c->sampled = kind == TT_LEAK_CALL_NEW || tt_leak_sampled(size);
	if (!by_new && c->sampled) {
		c->caller = tt_leak_caller(regs);
		c->stack = tt_stack_user_called(regs, c->caller);
	}
	c->had_old = 0;
	if (old) {
		struct tt_leak_key key = tt_leak_key_of(old);
		tt_leak_end_of(c, &key);
	}
}

/* It got nothing, so what it was to free is there still: as if it had not been taken out. */
TT_INLINE void tt_leak_restore(const struct tt_leak_call *c)
{
	TT_COUNT(failed);
	if (!c->had_old)
		return;
	struct tt_leak_row *row = bpf_map_lookup_elem(&tt_leak_rows, &c->old.row);
	if (bpf_map_update_elem(&tt_leak_blocks, &c->old_key, &c->old, BPF_NOEXIST)) {
		TT_COUNT(no_room);
		return;
	}
	if (row) {
		__sync_fetch_and_sub(&row->freed, tt_leak_blocks_of(c->old.size));
		__sync_fetch_and_sub(&row->freed_bytes, tt_leak_bytes_of(c->old.size));
	}
}

TT_INLINE __u64 tt_leak_result(const struct tt_leak_call *c, long returned)
{
	__u64 address = 0;

	if (c->kind == TT_LEAK_CALL_TO) {
		if (!returned && bpf_probe_read_user(&address, sizeof(address), (const void *)c->to))
			TT_COUNT(unread);
		return address;
	}
	if ((c->kind == TT_LEAK_CALL_MMAP || c->kind == TT_LEAK_CALL_REMAP) && (__u64)returned >= -(__u64)TT_LEAK_ERRNO_MOST)
		return 0;
	return returned;
}

TT_INLINE void tt_leak_add(const struct tt_leak_call *c, __u64 address)
{
	struct tt_leak_key key = tt_leak_key_of(address);
	struct tt_leak_block block = {
		.row = {.caller = c->caller, .tgid = key.tgid, .image = key.image, .stack = c->stack},
		.size = c->size,
		.time_ns = bpf_ktime_get_ns(),
	};

	tt_leak_put(&key, &block);
}

TT_INLINE void tt_leak_leave(struct pt_regs *regs)
{
	__u64 id = bpf_get_current_pid_tgid(), sp = tt_leak_stack(regs);
	struct tt_leak_call *c = bpf_map_lookup_elem(&tt_leak_calls, &id);

	if (!c || c->kind == TT_LEAK_CALL_NEW || (c->sp != sp && c->sp + TT_RETURN_SLOT != sp))
		return;
	__u64 address = tt_leak_result(c, TT_RETURNED(regs));
	if (address && c->sampled)
		tt_leak_add(c, address);
	else if (address)
		TT_COUNT(sampled);
	else if (c->kind == TT_LEAK_CALL_REMAP || c->size) /* realloc(block, 0) frees and returns nothing */
		tt_leak_restore(c);
	bpf_map_delete_elem(&tt_leak_calls, &id);
}

TT_INLINE void tt_leak_free(struct pt_regs *regs, __u64 address)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct tt_leak_key key = tt_leak_key_of(address);
	struct tt_leak_block block;

	if (!address || tt_leak_take(&key, &block, false) || tt_tool_config.sample > 1)
		return;
	const struct tt_leak_call *c = bpf_map_lookup_elem(&tt_leak_calls, &id);
	if (!c || !tt_leak_within(c, tt_leak_stack(regs)))
		TT_COUNT(unknown);
}

/*
 * The end of a mapping, or its first part, or of some that lie behind each other. Of one that loses another part nothing is told,
 * and if it fails, that is not known.
 */
TT_INLINE void tt_leak_unmap(struct pt_regs *regs, __u64 address, __u64 size)
{
	struct tt_leak_key key = tt_leak_key_of(address);
	struct tt_leak_block block;

	size = (size + 4095) & ~4095ull;
	for (int i = 0; i < TT_LEAK_UNMAPPED_MOST && size; i++) {
		if (!tt_leak_take(&key, &block, false)) {
			if (!i && tt_tool_config.sample <= 1)
				TT_COUNT(unknown);
			return;
		}
		__u64 part = size < block.size ? size : block.size;
		key.address += part;
		if (part < block.size) {
			block.size -= part;
			tt_leak_put(&key, &block);
			return;
		}
		size -= part;
	}
}

/* A first argument times the second; what overflows gets no memory anyway. */
#define TT_LEAK_TIMES(a, b) ((a) * (b))

/* Since 6.0 (8c7dcb84e3b7) programs of uprobes can be preempted. */
#define TT_LEAK_AT_BY(name, section, scope, body, ended) \
	SEC(section)                                     \
	int name(struct pt_regs *regs)                   \
	{                                                \
		if (tt_config.preemptible_uprobes)       \
			bpf_preempt_disable();           \
		if (scope)                               \
			body;                            \
		else if (tt_in_scope())                  \
			ended;                           \
		if (tt_config.preemptible_uprobes)       \
			bpf_preempt_enable();            \
		return 0;                                \
	}

/*
 * A block is followed if its process has the name asked for (--comm) when it allocates; its end is looked for whatever the name
 * is by then.
 */
#define TT_LEAK_AT(name, section, body, ended) TT_LEAK_AT_BY(name, section, tt_tool_in_scope(), body, ended)
#define TT_LEAK_AT_END(name, section, body) TT_LEAK_AT_BY(name, section, tt_in_scope(), body, TT_LEAK_NO_END)
#define TT_LEAK_NO_END ((void)0)

#define TT_LEAK_ARG1 TT_FUNCTION_ARG1(regs)
#define TT_LEAK_ARG2 TT_FUNCTION_ARG2(regs)
#define TT_LEAK_ARG3 TT_FUNCTION_ARG3(regs)

TT_LEAK_AT(tt_leak_malloc, "tt_uprobe", tt_leak_enter(regs, TT_LEAK_CALL_ALLOC, TT_LEAK_ARG1, 0, 0), TT_LEAK_NO_END)
TT_LEAK_AT(tt_leak_calloc, "tt_uprobe", tt_leak_enter(regs, TT_LEAK_CALL_ALLOC, TT_LEAK_TIMES(TT_LEAK_ARG1, TT_LEAK_ARG2), 0, 0),
	   TT_LEAK_NO_END)
TT_LEAK_AT(tt_leak_realloc, "tt_uprobe", tt_leak_enter(regs, TT_LEAK_CALL_REALLOC, TT_LEAK_ARG2, TT_LEAK_ARG1, 0),
	   tt_leak_old(TT_LEAK_ARG1))
TT_LEAK_AT(tt_leak_reallocarray, "tt_uprobe",
	   tt_leak_enter(regs, TT_LEAK_CALL_REALLOC, TT_LEAK_TIMES(TT_LEAK_ARG2, TT_LEAK_ARG3), TT_LEAK_ARG1, 0),
	   tt_leak_old(TT_LEAK_ARG1))
TT_LEAK_AT(tt_leak_memalign, "tt_uprobe", tt_leak_enter(regs, TT_LEAK_CALL_ALLOC, TT_LEAK_ARG2, 0, 0), TT_LEAK_NO_END)
TT_LEAK_AT(tt_leak_posix_memalign, "tt_uprobe", tt_leak_enter(regs, TT_LEAK_CALL_TO, TT_LEAK_ARG3, 0, TT_LEAK_ARG1),
	   TT_LEAK_NO_END)
TT_LEAK_AT(tt_leak_mmap, "tt_uprobe", tt_leak_enter(regs, TT_LEAK_CALL_MMAP, (TT_LEAK_ARG2 + 4095) & ~4095ull, 0, 0),
	   TT_LEAK_NO_END)
TT_LEAK_AT(tt_leak_mremap, "tt_uprobe",
	   tt_leak_enter(regs, TT_LEAK_CALL_REMAP, (TT_LEAK_ARG3 + 4095) & ~4095ull, TT_LEAK_ARG1, 0), tt_leak_old(TT_LEAK_ARG1))
TT_LEAK_AT(tt_leak_new, "tt_uprobe", tt_leak_enter(regs, TT_LEAK_CALL_NEW, TT_LEAK_ARG1, 0, 0), TT_LEAK_NO_END)
TT_LEAK_AT_END(tt_leak_freed, "tt_uprobe", tt_leak_free(regs, TT_LEAK_ARG1))
TT_LEAK_AT_END(tt_leak_munmap, "tt_uprobe", tt_leak_unmap(regs, TT_LEAK_ARG1, TT_LEAK_ARG2))
TT_LEAK_AT_END(tt_leak_returned, "tt_uretprobe", tt_leak_leave(regs))

/* --- processes --- */

TT_INLINE void tt_leak_tell(__u32 tgid, __u32 event, __u32 image)
{
	struct tt_leak_process p = {.tgid = tgid, .event = event, .image = image};

	tt_record_here(&p.rec, (enum tt_record_type)TT_LEAK_PROCESS);
	tt_control_submit(&p.rec, sizeof(p));
}

SEC("tt_tracepoint/sched_process_fork")
int TT_PROG(tt_leak_begun, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = TT_READ(struct task_struct, child, pid), tgid = TT_READ(struct task_struct, child, tgid);

	if (pid == tgid && tt_tool_in_scope())
		tt_leak_tell(tgid, TT_LEAK_BEGUN, 0);
	return 0;
}

/* The name is the new program's by now, and what the old one had is gone whatever that was. */
SEC("tt_tracepoint/sched_process_exec")
int TT_PROG(tt_leak_became)
{
	if (tt_in_scope())
		tt_leak_tell(bpf_get_current_pid_tgid() >> 32, tt_tool_in_scope() ? TT_LEAK_BECAME : TT_LEAK_LEFT,
			     tt_leak_image());
	return 0;
}

SEC("tt_tracepoint/sched_process_exit")
int TT_PROG(tt_leak_ended, struct task_struct *task)
{
	__u64 id = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&tt_leak_calls, &id);
	if (tt_task_ends_process(task) && tt_in_scope())
		tt_leak_tell(id >> 32, TT_LEAK_ENDED, tt_leak_image());
	return 0;
}

#endif
