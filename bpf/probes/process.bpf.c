// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Life of processes: names of those that live a few milliseconds, and the scope's growth by fork. */
#include "lib/plaintext.h"
#include "lib/prog.h"
#include "lib/ring.h"
#include "lib/scope.h"
#include "lib/stamp.h"

#define TT_SIGNAL_GROUP_EXIT 0x4

/* A process record is larger than the stack should bear; one a CPU, process context only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_process_record);
} tt_process_works SEC(".maps");

TT_INLINE struct tt_process_record *tt_process_fill(enum tt_record_type type, struct task_struct *task, __u32 tid)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct tt_process_record *r = bpf_map_lookup_elem(&tt_process_works, &cpu);

	if (!r)
		return NULL;
	struct task_struct *parent = TT_READ(struct task_struct, task, real_parent);
	const struct cred *cred = TT_READ(struct task_struct, task, real_cred);

	r->rec.type = type;
	r->rec.version = TT_RECORD_VERSION;
	r->rec.reserved = 0;
	r->rec.tid = tid;
	r->rec.tgid = TT_READ(struct task_struct, task, tgid);
	r->rec.start_ns = tt_task_start(task);
	r->rec.cgroup_id = bpf_get_current_cgroup_id();
	r->ppid = TT_READ(struct task_struct, parent, tgid);
	r->uid = TT_READ(struct cred, cred, uid.val);
	r->exit_code = 0;
	r->file_len = 0;
	r->args_len = 0;
	if (bpf_core_read(r->comm, sizeof(r->comm), &task->comm))
		tt_failed(TT_PLACE_KERNEL_READ);
	__builtin_memset(r->file, 0, sizeof(r->file));
	__builtin_memset(r->args, 0, sizeof(r->args));
	return r;
}

SEC("tp_btf/sched_process_fork")
int TT_PROG(tt_fork, struct task_struct *parent, struct task_struct *child)
{
	if (!tt_in_scope())
		return 0;
	__u32 pid = TT_READ(struct task_struct, child, pid);
	__u32 tgid = TT_READ(struct task_struct, child, tgid);
	if (pid != tgid) /* a thread */
		return 0;
	if (tt_config.scope == TT_SCOPE_PIDS)
		tt_scope_set(tgid,
			     tt_scope_begins(TT_READ(struct task_struct, child, mm) == TT_READ(struct task_struct, parent, mm)));
	struct tt_process_record *r = tt_process_fill(TT_REC_FORK, child, pid);
	if (!r)
		return 0;
	r->ppid = TT_READ(struct task_struct, parent, tgid);
	tt_control_submit(&r->rec, sizeof(*r));
	return 0;
}

/* What it borrowed is not its own any more. */
TT_INLINE void tt_alone_executes(__u32 tgid)
{
	if (tt_scope_is(tgid, TT_MARK_BORROWS))
		tt_scope_set(tgid, TT_MARK_LATE);
}

/* The kernel knows a process that is observed alone by its first thread, which ends before it: by itself, or as another executes
 * something. */
TT_INLINE void tt_alone_leaves(struct task_struct *task)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct signal_struct *signal = TT_READ(struct task_struct, task, signal);

	if ((__u32)TT_READ(struct task_struct, task, pid) != tgid || !tt_scope_is(tgid, TT_MARK_ALONE) ||
	    (TT_READ(struct signal_struct, signal, flags) & TT_SIGNAL_GROUP_EXIT))
		return;
	tt_scope_set(tgid, TT_MARK_LATE);
	if (tt_self.plaintext_alone == TT_ALONE)
		tt_self.plaintext_alone = TT_ALONE_LEAVES;
}

SEC("tp_btf/sched_process_exec")
int TT_PROG(tt_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *program)
{
	if (!tt_in_scope())
		return 0;
	if (tt_config.alone)
		tt_alone_executes(bpf_get_current_pid_tgid() >> 32);
	struct tt_process_record *r = tt_process_fill(TT_REC_EXEC, task, TT_READ(struct task_struct, task, pid));
	if (!r)
		return 0;

	long n = bpf_probe_read_kernel_str(r->file, sizeof(r->file), TT_READ(struct linux_binprm, program, filename));
	r->file_len = n > 0 ? n - 1 : 0;
	struct mm_struct *mm = TT_READ(struct task_struct, task, mm);
	__u64 from = TT_READ(struct mm_struct, mm, arg_start);
	__u64 size = TT_READ(struct mm_struct, mm, arg_end) - from;
	if (size > sizeof(r->args))
		size = sizeof(r->args);
	TT_BOUND(size, 2 * TT_PROCESS_ARGS_LEN - 1);
	if (size > sizeof(r->args) || bpf_probe_read_user(r->args, size, (const void *)from))
		tt_failed(TT_PLACE_USER_ARGS);
	else
		r->args_len = size;
	tt_control_submit(&r->rec, sizeof(*r));
	return 0;
}

SEC("tp_btf/sched_process_exit")
int TT_PROG(tt_exit, struct task_struct *task)
{
	if (!tt_config.has_task_storage) {
		__u32 tid = bpf_get_current_pid_tgid();

		bpf_map_delete_elem(&tt_stamps_by_tid, &tid);
		bpf_map_delete_elem(&tt_plain_calls_by_tid, &tid);
	}
	bool in_scope = tt_in_scope();
	if (!tt_task_ends_process(task)) {
		if (tt_config.alone)
			tt_alone_leaves(task);
		return 0;
	}
	if (tt_config.scope == TT_SCOPE_PIDS) /* whoever has the id next is to be asked anew */
		tt_scope_set(bpf_get_current_pid_tgid() >> 32, TT_MARK_NONE);
	if (!in_scope)
		return 0;
	struct tt_process_record *r = tt_process_fill(TT_REC_EXIT, task, TT_READ(struct task_struct, task, pid));
	if (!r)
		return 0;
	struct signal_struct *signal = TT_READ(struct task_struct, task, signal);
	if (TT_READ(struct signal_struct, signal, flags) & TT_SIGNAL_GROUP_EXIT)
		r->exit_code = TT_READ(struct signal_struct, signal, group_exit_code);
	else
		r->exit_code = TT_READ(struct task_struct, task, exit_code);
	tt_control_submit(&r->rec, sizeof(*r));
	return 0;
}
