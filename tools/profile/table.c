// SPDX-License-Identifier: Apache-2.0
/* The tables: where time went, and functions. */
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "tools/profile/state.h"

#define HOTTEST 3

struct task_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t tid;
	uint64_t wall_ns;
	uint64_t run_ns;
	uint64_t wait_ns;
	uint64_t lock_ns;
	uint64_t disk_ns;
	uint64_t network_ns;
	uint64_t memory_ns;
	uint64_t sleep_ns;
	uint64_t other_ns;
	uint64_t samples;
	char comm[TT_SCHED_COMM_LEN];
	char hottest[320];
};

static const struct tt_field task_fields[] = {
	TT_FIELD_MORE(struct task_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct task_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct task_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "the process, all its threads together"),
	TT_FIELD_TID(struct task_row, tid),
	TT_FIELD(struct task_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD_MORE(struct task_row, wall_ns, "wall_ns", TT_FIELD_NS,
		      "all that follows together: how long it was there within the interval, of several threads the sum"),
	TT_FIELD(struct task_row, run_ns, "RAN", TT_UNIT_MS, 10, "run_ns", TT_FIELD_NS,
		 "time on processors, interrupts included"),
	TT_FIELD(struct task_row, wait_ns, "QUEUED", TT_UNIT_MS, 10, "queued_ns", TT_FIELD_NS,
		 "could run, but others had the processor, or its cgroup had used up its time"),
	TT_FIELD(struct task_row, lock_ns, "LOCK", TT_UNIT_MS, 10, "lock_ns", TT_FIELD_NS,
		 "blocked by locks of programs and the kernel"),
	TT_FIELD(struct task_row, disk_ns, "DISK", TT_UNIT_MS, 10, "disk_ns", TT_FIELD_NS,
		 "blocked by files, disks, async I/O, memory that has to be read"),
	TT_FIELD(struct task_row, network_ns, "NET", TT_UNIT_MS, 10, "network_ns", TT_FIELD_NS,
		 "blocked by sockets, Unix sockets included"),
	TT_FIELD_MORE(struct task_row, memory_ns, "reclaim_ns", TT_FIELD_NS, "had to free memory first"),
	TT_FIELD(struct task_row, sleep_ns, "IDLE", TT_UNIT_MS, 10, "idle_ns", TT_FIELD_NS,
		 "blocked by nothing but its own wish: sleep, poll and the like, pipes, children, signals, terminals"),
	TT_FIELD(struct task_row, other_ns, "OTHER", TT_UNIT_MS, 10, "other_ns", TT_FIELD_NS,
		 "blocked in the kernel, for no reason known"),
	TT_FIELD(struct task_row, samples, "SAMPLES", TT_UNIT_NONE, 8, "samples", TT_FIELD_COUNT, "looks that found it running"),
	TT_FIELD(struct task_row, hottest, "HOTTEST", TT_UNIT_NONE, 0, "hottest", TT_FIELD_TEXT,
		 "the functions it ran most in, themselves, with their share of its samples"),
};

const struct tt_table tt_profile_tasks_table = {
	.kind = "task",
	.help = "where the time of a process went",
	.fields = {task_fields, TT_ARRAY_LEN(task_fields)},
	.row_size = sizeof(struct task_row),
	.rank = 6, /* run_ns */
};

/* Which column a part belongs to, as its offset in the row. */
static const size_t column[TT_SCHED_PART_MAX] = {
#define IN(member) offsetof(struct task_row, member)
	[TT_SCHED_RUN] = IN(run_ns),	      [TT_SCHED_INTERRUPT] = IN(run_ns), [TT_SCHED_WAIT] = IN(wait_ns),
	[TT_SCHED_THROTTLED] = IN(wait_ns),   [TT_SCHED_MEMORY] = IN(memory_ns), [TT_SCHED_LOCK] = IN(lock_ns),
	[TT_SCHED_KERNEL_LOCK] = IN(lock_ns), [TT_SCHED_DISK] = IN(disk_ns),	 [TT_SCHED_NETWORK] = IN(network_ns),
	[TT_SCHED_LOCAL] = IN(network_ns),    [TT_SCHED_PIPE] = IN(sleep_ns),	 [TT_SCHED_EVENTS] = IN(sleep_ns),
	[TT_SCHED_AIO] = IN(disk_ns),	      [TT_SCHED_SLEEP] = IN(sleep_ns),	 [TT_SCHED_CHILD] = IN(sleep_ns),
	[TT_SCHED_FAULT] = IN(disk_ns),	      [TT_SCHED_SWAP] = IN(disk_ns),	 [TT_SCHED_SIGNAL] = IN(sleep_ns),
	[TT_SCHED_DEVICE] = IN(sleep_ns),     [TT_SCHED_KERNEL] = IN(other_ns),	 [TT_SCHED_OTHER] = IN(other_ns),
#undef IN
};

/* The first of that process and thread, or where it would be: the list is by these, hottest first. */
static const struct tt_profile_function *first_of(const struct tt_profile_seen *seen, uint32_t tgid, uint32_t tid)
{
	size_t low = 0, high = seen->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct tt_profile_function *f = &seen->list[middle];
		if (f->tgid < tgid || (f->tgid == tgid && f->tid < tid))
			low = middle + 1;
		else
			high = middle;
	}
	return seen->list + low;
}

static void hottest(const struct tt_profile_seen *seen, struct task_row *row, uint32_t tgid, uint32_t tid)
{
	const struct tt_profile_function *first = first_of(seen, tgid, tid), *end = first;
	size_t len = 0;

	for (; end < seen->list + seen->count && end->tgid == tgid && end->tid == tid; end++)
		row->samples += end->self;
	for (const struct tt_profile_function *f = first; f < end && f < first + HOTTEST; f++) {
		if (!f->self || len >= sizeof(row->hottest))
			break;
		len += (size_t)snprintf(row->hottest + len, sizeof(row->hottest) - len, "%s%.96s %.0f%%", len ? ", " : "",
					f->name, (double)f->self * 100 / (double)row->samples);
	}
}

int tt_profile_show_tasks(struct tt_tool_run *run, const struct tt_sched_view *v, const struct tt_profile_seen *seen)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->sum_count; i++) {
		const struct tt_sched_sum *s = &v->sums[i];
		struct task_row row = {.time_ns = v->now_ns,
				       .interval_ns = v->now_ns - v->from_ns,
				       .pid = s->key.tgid,
				       .tid = s->key.tid ? s->key.tid : TT_UNKNOWN};
		for (uint32_t part = 0; part < TT_SCHED_PART_MAX; part++) {
			uint64_t *to = (uint64_t *)((char *)&row + column[part]);
			*to += s->row.part[part].ns;
			row.wall_ns += s->row.part[part].ns;
		}
		memcpy(row.comm, s->row.comm, sizeof(row.comm));
		hottest(seen, &row, s->key.tgid, s->key.tid);
		if (row.wall_ns || row.samples)
			r = tt_tool_row(run, TT_PROFILE_TASKS, &row);
	}
	return r;
}

struct function_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t tid;
	uint64_t self;
	uint64_t self_share;
	uint64_t total;
	uint64_t total_share;
	char comm[TT_SCHED_COMM_LEN];
	char function[TT_FUNCTION_NAME_KEPT + 1];
};

static const struct tt_field function_fields[] = {
	TT_FIELD_MORE(struct function_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct function_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct function_row, self, "SELF", TT_UNIT_NONE, 8, "self_samples", TT_FIELD_COUNT,
		 "looks that found it running itself"),
	TT_FIELD(struct function_row, self_share, "SELF%", TT_UNIT_NONE, 7, "self_percent", TT_FIELD_PERCENT,
		 "of all samples of the interval"),
	TT_FIELD(struct function_row, total, "TOTAL", TT_UNIT_NONE, 8, "total_samples", TT_FIELD_COUNT,
		 "the same with what it called"),
	TT_FIELD(struct function_row, total_share, "TOTAL%", TT_UNIT_NONE, 7, "total_percent", TT_FIELD_PERCENT,
		 "of all samples of the interval"),
	TT_FIELD(struct function_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "the process it ran in"),
	TT_FIELD_TID(struct function_row, tid),
	TT_FIELD(struct function_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD(struct function_row, function, "FUNCTION", TT_UNIT_NONE, 0, "function", TT_FIELD_TEXT,
		 "its name; `[file+0x…]`: in that file, and no function is known there; `[unknown]`: in no file"),
};

const struct tt_table tt_profile_functions_table = {
	.kind = "function",
	.help = "functions that were found running",
	.fields = {function_fields, TT_ARRAY_LEN(function_fields)},
	.row_size = sizeof(struct function_row),
	.rank = 2, /* self */
};

static uint64_t share(uint64_t part, uint64_t whole)
{
	return whole ? (uint64_t)((double)part * 10000 / (double)whole + 0.5) : 0;
}

int tt_profile_show_functions(struct tt_tool_run *run, const struct tt_sched_view *v, const struct tt_profile_seen *seen)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < seen->count; i++) {
		const struct tt_profile_function *f = &seen->list[i];
		struct function_row row = {.time_ns = v->now_ns,
					   .interval_ns = v->now_ns - v->from_ns,
					   .pid = f->tgid,
					   .tid = f->tid ? f->tid : TT_UNKNOWN,
					   .self = f->self,
					   .self_share = share(f->self, seen->looks),
					   .total = f->total,
					   .total_share = share(f->total, seen->looks)};
		/* Those that only called others come from the files. */
		if (!f->self)
			continue;
		snprintf(row.comm, sizeof(row.comm), "%s", f->comm);
		snprintf(row.function, sizeof(row.function), "%s", f->name);
		r = tt_tool_row(run, TT_PROFILE_FUNCTIONS, &row);
	}
	return r;
}
