/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether the current task is to be observed. */
#ifndef TT_BPF_SCOPE_H
#define TT_BPF_SCOPE_H

#include "compat.h"
#include "task.h"

/*
 * Processes in scope: a byte for every process id there can be, so that the question costs no hash lookup. (A bit each would want
 * an atomic or, which 5.10 does not have.) Mapped into the user side.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TT_SCOPE_ROWS);
	__type(key, __u32);
	__type(value, struct tt_scope_row);
} tt_scope_pids SEC(".maps");

TT_INLINE __u8 *tt_scope_mark(__u32 tgid)
{
	__u32 index = tgid / TT_SCOPE_ROW;
	struct tt_scope_row *row = bpf_map_lookup_elem(&tt_scope_pids, &index);

	return row ? &row->in[tgid % TT_SCOPE_ROW] : NULL;
}

TT_INLINE void tt_scope_set(__u32 tgid, enum tt_scope_mark now)
{
	__u8 *mark = tt_scope_mark(tgid);

	if (mark)
		*mark = now;
	else
		tt_failed(TT_PLACE_SCOPE_UPDATE);
}

TT_INLINE bool tt_scope_is(__u32 tgid, enum tt_scope_mark what)
{
	const __u8 *mark = tt_scope_mark(tgid);

	return mark && *mark == what;
}

/* Mapped into the user side. */
struct tt_kernel_self tt_self = {};

/* Of a process in scope that begins now. */
TT_INLINE enum tt_scope_mark tt_scope_begins(bool borrows)
{
	if (!tt_config.alone || tt_self.plaintext_alone == TT_ALONE_NOT)
		return TT_MARK_IN;
	return borrows ? TT_MARK_BORROWS : TT_MARK_LATE;
}

/* A process whose parents are sought so far up. */
#define TT_SCOPE_GENERATIONS 16

/*
 * Where programs may be preempted, others on that processor miss their events meanwhile, a fork among them. So a process nobody
 * said anything of is looked at once: it is in scope if it began since and the nearest of its parents that something is known of
 * is.
 */
__noinline int tt_scope_judge(__u32 tgid)
{
	struct task_struct *task = TT_READ(struct task_struct, tt_task_here(), group_leader);
	bool in = false;

	for (int i = 0; i < TT_SCOPE_GENERATIONS && TT_READ(struct task_struct, task, start_boottime) >= tt_config.since_ns;
	     i++) {
		task = TT_READ(struct task_struct, task, real_parent);
		task = TT_READ(struct task_struct, task, group_leader);
		const __u8 *mark = tt_scope_mark(TT_READ(struct task_struct, task, tgid));
		if (!mark || *mark == TT_MARK_NONE)
			continue;
		in = *mark >= TT_MARK_IN;
		break;
	}
	__u8 *own = tt_scope_mark(tgid);
	if (own)
		*own = in ? tt_scope_begins(false) : TT_MARK_OUT;
	return in;
}

TT_INLINE bool tt_in_scope_of_pids(__u32 tgid)
{
	const __u8 *mark = tt_scope_mark(tgid);

	if (mark && *mark == TT_MARK_NONE && tt_config.preemptible)
		return tt_scope_judge(tgid);
	return mark && *mark >= TT_MARK_IN;
}

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tt_scope_cgroup SEC(".maps");

TT_INLINE __u32 tt_task_netns(struct task_struct *task)
{
	struct nsproxy *proxy = TT_READ(struct task_struct, task, nsproxy);

	if (!proxy)
		return 0;
	struct net *net = TT_READ(struct nsproxy, proxy, net_ns);
	return TT_READ(struct net, net, ns.inum);
}

/* During the self-test only telltale's own calls count, and its id is learned: it may run in a pid namespace. */
TT_INLINE bool tt_in_test(__u32 tgid)
{
	struct bpf_pidns_info info = {};

	if (tt_self.phase != TT_PHASE_TESTING ||
	    bpf_get_ns_current_pid_tgid(tt_config.pidns_dev, tt_config.pidns_ino, &info, sizeof(info)) ||
	    info.tgid != tt_config.own_pid)
		return false;
	tt_self.own_tgid = tgid;
	return true;
}

TT_INLINE bool tt_in_scope(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (tt_self.phase != TT_PHASE_LIVE)
		return tt_in_test(tgid);
	if (!tt_config.report_own && tgid == tt_self.own_tgid)
		return false;
	if (tt_config.scope == TT_SCOPE_PIDS)
		return tt_in_scope_of_pids(tgid);
	if (tt_config.scope == TT_SCOPE_CGROUP)
		return bpf_current_task_under_cgroup(&tt_scope_cgroup, 0) == 1;
	if (tt_config.scope == TT_SCOPE_NETNS)
		return tt_task_netns(tt_task_here()) == tt_config.netns;
	return true;
}

#endif
