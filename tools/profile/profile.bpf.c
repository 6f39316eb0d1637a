// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The scheduler's programs say for how long tasks run and are blocked; a clock of each processor looks where they run. */
#include "tools/sched/programs.bpf.h"

#include "tools/profile/profile.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_profile_key);
	__type(value, struct tt_profile_sample);
} tt_profile_samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_profile_counts);
} tt_profile_counts SEC(".maps");

/* Scratch, one a CPU: the clock's interrupt only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_profile_seen_record);
} tt_profile_works SEC(".maps");

TT_INLINE struct tt_profile_sample *tt_profile_row(const struct tt_profile_key *key)
{
	struct tt_profile_sample *row = bpf_map_lookup_elem(&tt_profile_samples, key);

	if (row)
		return row;
	struct tt_profile_sample new = {};
	const struct task_struct *task = tt_task_here();
	if (!tt_tool_config.threads)
		task = TT_READ(struct task_struct, task, group_leader);
	if (bpf_core_read(new.comm, sizeof(new.comm), &task->comm))
		tt_failed(TT_PLACE_KERNEL_READ);
	bpf_map_update_elem(&tt_profile_samples, key, &new, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tt_profile_samples, key);
}

SEC("tt_clock")
int tt_profile_look(void *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id(), zero = 0;
	__u64 id = bpf_get_current_pid_tgid();

	if (!id || tt_self.phase != TT_PHASE_LIVE || !tt_tool_in_scope())
		return 0;
	const struct tt_sched_now *n = bpf_map_lookup_elem(&tt_sched_sets, &zero);
	struct tt_profile_counts *c = bpf_map_lookup_elem(&tt_profile_counts, &cpu);
	if (!n || !c)
		return 0;
	__sync_fetch_and_add(&c->taken, 1);
	struct tt_profile_key key = {.tgid = id >> 32,
				     .tid = tt_tool_config.threads ? (__u32)id : 0,
				     .user = tt_stack_user(ctx),
				     .kernel = tt_stack_kernel(ctx),
				     .set = n->set & 1};
	struct tt_profile_sample *row = tt_profile_row(&key);
	if (row)
		__sync_fetch_and_add(&row->count, 1);
	else
		__sync_fetch_and_add(&c->no_row, 1);
	return 0;
}

/* Inside the agent, where numbers of stacks would collide in time: they are sent as they are. */
SEC("tt_clock")
int tt_profile_sampled(void *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 id = bpf_get_current_pid_tgid();

	if (!id || tt_self.phase != TT_PHASE_LIVE || !tt_tool_in_scope())
		return 0;
	struct tt_profile_seen_record *r = bpf_map_lookup_elem(&tt_profile_works, &cpu);
	if (!r)
		return 0;
	long user = bpf_get_stack(ctx, r->user, sizeof(r->user), TT_STACK_OF_USER);
	long kernel = bpf_get_stack(ctx, r->kernel, sizeof(r->kernel), 0);

	r->rec.type = TT_PROFILE_SEEN;
	r->rec.version = TT_RECORD_VERSION;
	r->rec.tgid = id >> 32;
	r->rec.tid = (__u32)id;
	r->rec.start_ns = tt_task_start_here();
	r->image = (__u64)TT_READ(struct task_struct, tt_task_here(), mm);
	r->user_count = user > 0 ? user / 8 : 0;
	r->kernel_count = kernel > 0 ? kernel / 8 : 0;
	if (kernel > 0)
		tt_control_submit(&r->rec, sizeof(*r));
	else
		tt_control_submit(&r->rec, offsetof(struct tt_profile_seen_record, kernel));
	return 0;
}
