/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every tool's kernel programs include first: scope, rings, counts of bpf/lib, and the programs that keep the scope. A
 * program that runs in the observed task asks tt_in_scope() before anything dear; it is attached before those below, so an
 * exiting process is still in scope for it.
 *
 * A tool with a configuration (struct NAME_config, shared with its user side) declares it with TT_TOOL_CONFIG.
 */
#ifndef TT_TOOL_BPF_H
#define TT_TOOL_BPF_H

#include "lib/prog.h"
#include "lib/ring.h"
#include "lib/scope.h"
#include "shared/tool.h"
#include "tools/times.h"

/* Set before load from the tool's options, so the verifier cuts out what is not wanted. */
#define TT_TOOL_CONFIG(type) const volatile type tt_tool_config = {}

/* --comm, set before load. */
const volatile struct tt_tool_filter tt_tool_filter = {};

/*
 * The first thread of its process, of a task that a tracepoint gives with its type. It is cast first where it can be:
 * TT_TYPED_HERE says why.
 */
TT_INLINE struct task_struct *tt_task_leader(struct task_struct *task)
{
	if (tt_config.has_rdonly_cast)
		task = bpf_rdonly_cast(task, TT_TYPE_ID(struct task_struct));
	return task->group_leader;
}

/* The process, known by its first thread, has the name asked for. */
TT_INLINE bool tt_tool_named(const struct task_struct *leader)
{
	union {
		char text[TT_TOOL_COMM_LEN];
		__u64 word[TT_TOOL_COMM_LEN / 8];
	} comm = {};

	if (!tt_tool_filter.comm[0])
		return true;
	if (bpf_core_read(comm.text, sizeof(comm.text), &leader->comm))
		tt_failed(TT_PLACE_KERNEL_READ);
	/* What stands behind the end is no part of the name. */
	bool ended = false;
	for (int i = 0; i < TT_TOOL_COMM_LEN; i++) {
		ended |= !comm.text[i];
		if (ended)
			comm.text[i] = 0;
	}
	return comm.word[0] == tt_tool_filter.comm[0] && comm.word[1] == tt_tool_filter.comm[1];
}

/* The whole filter: what tt_in_scope() says, and of that what has the name asked for. */
TT_INLINE bool tt_tool_in_scope(void)
{
	return tt_in_scope() &&
	       (!tt_tool_filter.comm[0] || tt_tool_named(TT_READ(struct task_struct, tt_task_here(), group_leader)));
}

/* Run once by the loader, in telltale's own context. */
SEC("raw_tp")
int tt_own(void *ctx)
{
	tt_self.own_tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

SEC("tt_tracepoint/sched_process_fork")
int TT_PROG(tt_scope_fork, struct task_struct *parent, struct task_struct *child)
{
	if (!tt_in_scope())
		return 0;
	__u32 pid = TT_READ(struct task_struct, child, pid);
	__u32 tgid = TT_READ(struct task_struct, child, tgid);

	if (pid == tgid)
		tt_scope_set(tgid, TT_MARK_IN);
	return 0;
}

SEC("tt_tracepoint/sched_process_exit")
int TT_PROG(tt_scope_exit, struct task_struct *task)
{
	if (tt_task_ends_process(task))
		tt_scope_set(bpf_get_current_pid_tgid() >> 32, TT_MARK_NONE);
	return 0;
}

#endif
