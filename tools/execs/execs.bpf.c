// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs started, those that could not be, and their ends: one record each. User space joins start and end. */
#include "tools/tool.bpf.h"

#include "lib/args.h"
#include "tools/execs/execs.h"

#define TT_SIGNAL_GROUP_EXIT 0x4
/* Above are codes that never reach the caller: the call comes again. */
#define TT_ERRNO_MOST 511
#define TT_ARGV_MOST 24
/* Read at a time: one argument of a failed exec. */
#define TT_ARG_LEN 128

TT_TOOL_CONFIG(struct tt_execs_config);

/* Larger than the stack should bear; one a CPU, process context only. An argument may begin at the last byte that is kept. */
struct tt_execs_work {
	struct tt_execs_started started;
	char beyond[TT_ARG_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_execs_work);
} tt_execs_works SEC(".maps");

TT_INLINE struct tt_execs_started *tt_started_new(enum tt_execs_record_type type)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct tt_execs_started *s = bpf_map_lookup_elem(&tt_execs_works, &cpu);

	if (!s)
		return NULL;
	struct task_struct *task = tt_task_here();
	struct task_struct *parent = TT_READ(struct task_struct, task, real_parent);
	const struct cred *cred = TT_READ(struct task_struct, task, real_cred);

	tt_record_here(&s->rec, (enum tt_record_type)type);
	s->rec.len = sizeof(*s);
	s->ppid = TT_READ(struct task_struct, parent, tgid);
	s->uid = TT_READ(struct cred, cred, uid.val);
	s->error = 0;
	s->args_len = 0;
	return s;
}

TT_INLINE void tt_submit(struct tt_record *rec, __u64 size)
{
	struct tt_kernel_counters *c = tt_counters_here();

	if (!c)
		return;
	rec->time_ns = tt_data_begin(c);
	tt_data_submit(c, rec, size, 0);
	tt_data_end(c);
}

/* The new program's stack holds its arguments in one piece. */
SEC("tt_tracepoint/sched_process_exec")
int TT_PROG(tt_execs_started, struct task_struct *task)
{
	if (!tt_tool_in_scope())
		return 0;
	struct tt_execs_started *s = tt_started_new(TT_EXECS_STARTED);
	if (!s)
		return 0;

	struct mm_struct *mm = TT_READ(struct task_struct, task, mm);
	__u64 from = TT_READ(struct mm_struct, mm, arg_start);
	__u64 size = TT_READ(struct mm_struct, mm, arg_end) - from;
	if (size > sizeof(s->args))
		size = sizeof(s->args);
	TT_BOUND(size, 2 * TT_EXECS_ARGS_LEN - 1);
	if (size > sizeof(s->args) || bpf_probe_read_user(s->args, size, (const void *)from))
		tt_failed(TT_PLACE_USER_ARGS);
	else
		s->args_len = size;
	tt_submit(&s->rec, sizeof(*s));
	return 0;
}

/* Adds one string of the caller's; false: it could not be read, or there is no more room. */
TT_INLINE bool tt_add_string(struct tt_execs_started *s, __u64 at)
{
	__u32 len = s->args_len;

	if (len >= TT_EXECS_ARGS_LEN)
		return false;
	TT_BOUND(len, TT_EXECS_ARGS_LEN - 1);
	long n = bpf_probe_read_user_str((char *)s + offsetof(struct tt_execs_started, args) + len, TT_ARG_LEN, (const void *)at);
	if (n < 0) {
		tt_failed(TT_PLACE_USER_ARGS);
		return false;
	}
	s->args_len = len + n < TT_EXECS_ARGS_LEN ? len + n : TT_EXECS_ARGS_LEN;
	return true;
}

/* A failed exec has left the caller's memory as it was: file name and arguments are still where it said. */
TT_INLINE void tt_add_arguments(struct tt_execs_started *s, __u64 file, __u64 argv, __u32 word)
{
	if (!tt_add_string(s, file) || !argv)
		return;
	for (int i = 1; i < TT_ARGV_MOST; i++) {
		__u64 at = 0;

		/* argv may be empty: then what follows its end is no argument. */
		if (i == 1 && (bpf_probe_read_user(&at, word, (const void *)argv) || !at))
			return;
		at = 0;
		if (bpf_probe_read_user(&at, word, (const void *)(argv + i * word)) || !at || !tt_add_string(s, at))
			return;
	}
}

TT_INLINE void tt_add_call(struct tt_execs_started *s, struct pt_regs *regs, bool at, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	if (compat) {
		tt_add_arguments(s, at ? (__u32)regs->cx : (__u32)regs->bx, at ? (__u32)regs->dx : (__u32)regs->cx, 4);
		return;
	}
#else
	if (compat) {
		tt_add_arguments(s, at ? (__u32)TT_ARG2(regs) : TT_COMPAT_ARG1(regs), (__u32)(at ? TT_ARG3(regs) : TT_ARG2(regs)),
				 4);
		return;
	}
#endif
	if (at)
		tt_add_arguments(s, TT_ARG2(regs), TT_ARG3(regs), 8);
	else
		tt_add_arguments(s, TT_ARG1(regs), TT_ARG2(regs), 8);
}

/* The number is looked at before the scope: it dismisses nearly every call for the price of a comparison. */
SEC("tt_tracepoint/sys_exit")
int TT_PROG(tt_execs_failed, struct pt_regs *regs, long ret)
{
	if (ret >= 0 || ret < -TT_ERRNO_MOST)
		return 0;
	__u64 number = TT_ARG_NUMBER(regs);
	if (number != tt_tool_config.execve && number != tt_tool_config.execveat && number != tt_tool_config.compat_execve &&
	    number != tt_tool_config.compat_execveat)
		return 0;
	bool compat = tt_is_compat(tt_task_here());
	bool at = number == (compat ? tt_tool_config.compat_execveat : tt_tool_config.execveat);
	if (!at && number != (compat ? tt_tool_config.compat_execve : tt_tool_config.execve))
		return 0;
	if (!tt_tool_in_scope())
		return 0;

	struct tt_execs_started *s = tt_started_new(TT_EXECS_FAILED);
	if (!s)
		return 0;
	s->error = -ret;
	tt_add_call(s, regs, at, compat);
	tt_submit(&s->rec, sizeof(*s));
	return 0;
}

SEC("tt_tracepoint/sched_process_exit")
int TT_PROG(tt_execs_ended, struct task_struct *task)
{
	struct tt_execs_ended e = {};

	if (!tt_tool_in_scope() || !tt_task_ends_process(task))
		return 0;
	struct signal_struct *signal = TT_READ(struct task_struct, task, signal);
	tt_record_here(&e.rec, (enum tt_record_type)TT_EXECS_ENDED);
	e.rec.len = sizeof(e);
	if (TT_READ(struct signal_struct, signal, flags) & TT_SIGNAL_GROUP_EXIT)
		e.wait_status = TT_READ(struct signal_struct, signal, group_exit_code);
	else
		e.wait_status = TT_READ(struct task_struct, task, exit_code);
	tt_submit(&e.rec, sizeof(e));
	return 0;
}
