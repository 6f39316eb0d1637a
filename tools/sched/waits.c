// SPDX-License-Identifier: Apache-2.0
/* Tables of waiting for a processor: who waited, behind whom, how long, and single waits. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "kernel/tables.h"
#include "tools/sched/state.h"

struct wait_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t tid;
	uint64_t waits;
	uint64_t wait_ns;
	uint64_t average_ns;
	uint64_t most_ns;
	uint64_t preempted;
	uint64_t throttled_ns;
	uint64_t run_ns;
	char comm[TT_SCHED_COMM_LEN];
};

static const struct tt_field wait_fields[] = {
	TT_FIELD_MORE(struct wait_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct wait_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct wait_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID,
		 "the process that waited, all its threads together"),
	TT_FIELD_TID(struct wait_row, tid),
	TT_FIELD(struct wait_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD(struct wait_row, waits, "WAITS", TT_UNIT_NONE, 8, "waits", TT_FIELD_COUNT,
		 "how often it could run and did not yet; waits that ended in the interval"),
	TT_FIELD(struct wait_row, wait_ns, "WAITED", TT_UNIT_MS, 11, "wait_ns", TT_FIELD_NS,
		 "for how long in all, within the interval"),
	TT_FIELD(struct wait_row, average_ns, "AVG", TT_UNIT_US, 9, "average_ns", TT_FIELD_NS, "of a wait"),
	TT_FIELD(struct wait_row, most_ns, "MAX", TT_UNIT_US, 10, "most_ns", TT_FIELD_NS, "the longest, from its beginning"),
	TT_FIELD(struct wait_row, preempted, "PREEMPTED", TT_UNIT_NONE, 9, "preempted", TT_FIELD_COUNT,
		 "waits that began because it had to give the processor away, not because it was woken"),
	TT_FIELD(struct wait_row, throttled_ns, "THROTTLED", TT_UNIT_MS, 13, "throttled_ns", TT_FIELD_NS,
		 "beside those: could run, but its cgroup had used up its processor time"),
	TT_FIELD(struct wait_row, run_ns, "RAN", TT_UNIT_MS, 10, "run_ns", TT_FIELD_NS,
		 "time on processors, interrupts included"),
};

struct behind_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t tid;
	uint64_t ns;
	uint64_t ahead_pid;
	char comm[TT_SCHED_COMM_LEN];
	char ahead[TT_SCHED_COMM_LEN];
};

static const struct tt_field behind_fields[] = {
	TT_FIELD_MORE(struct behind_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct behind_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct behind_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "the process that waited"),
	TT_FIELD_TID(struct behind_row, tid),
	TT_FIELD(struct behind_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD(struct behind_row, ns, "BEHIND", TT_UNIT_MS, 10, "behind_ns", TT_FIELD_NS,
		 "for so long of its waits that ended this one had the processor; waits of several threads add up"),
	TT_FIELD(struct behind_row, ahead_pid, "AHEAD", TT_UNIT_NONE, 7, "ahead_pid", TT_FIELD_ID,
		 "process that had it; 0: nobody, the processor was waking up; unknown: several that are not remembered, "
		 "`(others)`"),
	TT_FIELD(struct behind_row, ahead, "AHEAD_COMM", TT_UNIT_NONE, 0, "ahead_comm", TT_FIELD_TEXT, "its name"),
};

struct latency_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t from_ns;
	uint64_t to_ns;
	uint64_t count;
	uint64_t bar;
	char part[16];
};

static const struct tt_field latency_fields[] = {
	TT_FIELD_MORE(struct latency_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct latency_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct latency_row, from_ns, "FROM", TT_UNIT_US, 11, "from_ns", TT_FIELD_NS, "waits that took so long …"),
	TT_FIELD(struct latency_row, to_ns, "TO", TT_UNIT_US, 11, "to_ns", TT_FIELD_NS, "… and less than this"),
	TT_FIELD(struct latency_row, count, "WAITS", TT_UNIT_NONE, 8, "waits", TT_FIELD_COUNT, "how many"),
	TT_FIELD(struct latency_row, bar, "", TT_UNIT_NONE, 0, NULL, TT_FIELD_BAR, "the same as a bar"),
};

static const struct tt_field length_fields[] = {
	TT_FIELD_MORE(struct latency_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct latency_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct latency_row, part, "BLOCKED BY", TT_UNIT_NONE, 13, "blocked_by", TT_FIELD_TEXT,
		 "as in the table of reasons"),
	TT_FIELD(struct latency_row, from_ns, "FROM", TT_UNIT_US, 11, "from_ns", TT_FIELD_NS, "blocked times of so long …"),
	TT_FIELD(struct latency_row, to_ns, "TO", TT_UNIT_US, 11, "to_ns", TT_FIELD_NS, "… and less than this"),
	TT_FIELD(struct latency_row, count, "TIMES", TT_UNIT_NONE, 8, "times", TT_FIELD_COUNT, "how many"),
	TT_FIELD(struct latency_row, bar, "", TT_UNIT_NONE, 0, NULL, TT_FIELD_BAR, "the same as a bar"),
};

static const struct tt_field held_length_fields[] = {
	TT_FIELD_MORE(struct latency_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct latency_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct latency_row, part, "WHAT", TT_UNIT_NONE, 14, "what", TT_FIELD_TEXT, "as in the table above"),
	TT_FIELD(struct latency_row, from_ns, "FROM", TT_UNIT_US, 11, "from_ns", TT_FIELD_NS, "what lasted so long …"),
	TT_FIELD(struct latency_row, to_ns, "TO", TT_UNIT_US, 11, "to_ns", TT_FIELD_NS, "… and less than this"),
	TT_FIELD(struct latency_row, count, "TIMES", TT_UNIT_NONE, 8, "times", TT_FIELD_COUNT,
		 "how many; of interrupts off: looks of the clock that were so late"),
	TT_FIELD(struct latency_row, bar, "", TT_UNIT_NONE, 0, NULL, TT_FIELD_BAR, "the same as a bar"),
};

struct late_row {
	uint64_t time_ns;
	uint64_t pid;
	uint64_t tid;
	uint64_t cpu;
	uint64_t wait_ns;
	uint64_t throttled_ns;
	uint64_t first_pid;
	uint64_t first_ns;
	char comm[TT_SCHED_COMM_LEN];
	char how[12];
	char first[TT_SCHED_COMM_LEN];
	char ahead[256];
};

static const struct tt_field late_fields[] = {
	TT_FIELD(struct late_row, time_ns, "TIME", TT_UNIT_NONE, 12, "time_unix_ns", TT_FIELD_TIME, "when it ran again"),
	TT_FIELD(struct late_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "the process that waited"),
	TT_FIELD(struct late_row, tid, "TID", TT_UNIT_NONE, 7, "tid", TT_FIELD_ID, "its thread"),
	TT_FIELD(struct late_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "the thread's name"),
	TT_FIELD(struct late_row, cpu, "CPU", TT_UNIT_NONE, 4, "cpu", TT_FIELD_ID, "processor it runs on now"),
	TT_FIELD(struct late_row, wait_ns, "WAITED", TT_UNIT_MS, 11, "wait_ns", TT_FIELD_NS, "for a processor"),
	TT_FIELD(struct late_row, throttled_ns, "THROTTLED", TT_UNIT_MS, 13, "throttled_ns", TT_FIELD_NS,
		 "of that, its cgroup had used up its processor time"),
	TT_FIELD(struct late_row, how, "SINCE", TT_UNIT_NONE, 9, "since", TT_FIELD_TEXT,
		 "`woken`, or `preempted`: it had to give the processor away"),
	TT_FIELD_MORE(struct late_row, first_pid, "ahead_pid", TT_FIELD_ID, "process that had the processor longest meanwhile"),
	TT_FIELD_MORE(struct late_row, first, "ahead_comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD_MORE(struct late_row, first_ns, "ahead_ns", TT_FIELD_NS, "how long"),
	TT_FIELD(struct late_row, ahead, "AHEAD(ms)", TT_UNIT_NONE, 0, "ahead", TT_FIELD_TEXT,
		 "who had the processor meanwhile, and for how many milliseconds, longest first"),
};

const struct tt_table tt_sched_waits_table = {
	.kind = "wait",
	.help = "how long a process waited for a processor",
	.fields = {wait_fields, TT_ARRAY_LEN(wait_fields)},
	.row_size = sizeof(struct wait_row),
	.rank = 6, /* wait_ns */
};

const struct tt_table tt_sched_behind_table = {
	.kind = "behind",
	.help = "who had the processor while a process waited for it",
	.fields = {behind_fields, TT_ARRAY_LEN(behind_fields)},
	.row_size = sizeof(struct behind_row),
	.rank = 5, /* ns */
};

const struct tt_table tt_sched_latency_table = {
	.kind = "latency",
	.help = "how many waits for a processor took how long",
	.fields = {latency_fields, TT_ARRAY_LEN(latency_fields)},
	.row_size = sizeof(struct latency_row),
	.rank = 4, /* count */
	.in_order = true,
};

const struct tt_table tt_sched_lengths_table = {
	.kind = "length",
	.help = "with `--latency`: how many blocked times took how long",
	.fields = {length_fields, TT_ARRAY_LEN(length_fields)},
	.row_size = sizeof(struct latency_row),
	.rank = 5, /* count */
	.in_order = true,
};

const struct tt_table tt_held_lengths_table = {
	.kind = "held_length",
	.help = "with irqoff and nosched: how many lasted how long",
	.fields = {held_length_fields, TT_ARRAY_LEN(held_length_fields)},
	.row_size = sizeof(struct latency_row),
	.rank = 5, /* count */
	.in_order = true,
};

const struct tt_table tt_sched_late_table = {
	.kind = "late",
	.help = "a wait for a processor at least as long as `--over` says",
	.fields = {late_fields, TT_ARRAY_LEN(late_fields)},
	.row_size = sizeof(struct late_row),
	.rank = 5, /* wait_ns */
};

/* --- who waited --- */

static uint64_t known(uint32_t tid)
{
	return tid ? tid : TT_UNKNOWN;
}

static int show_wait(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v, const struct tt_sched_sum *s)
{
	uint64_t waits = s->row.part[TT_SCHED_WAIT].count, wait_ns = s->row.part[TT_SCHED_WAIT].ns;
	struct wait_row row = {
		.time_ns = v->now_ns,
		.interval_ns = v->now_ns - v->from_ns,
		.pid = s->key.tgid,
		.tid = known(s->key.tid),
		.waits = waits,
		.wait_ns = wait_ns,
		.average_ns = waits ? wait_ns / waits : TT_UNKNOWN,
		.most_ns = s->row.part[TT_SCHED_WAIT].most_ns,
		.preempted = s->row.preempted,
		.throttled_ns = s->row.part[TT_SCHED_THROTTLED].ns,
		.run_ns = s->row.part[TT_SCHED_RUN].ns + s->row.part[TT_SCHED_INTERRUPT].ns + s->row.part[TT_SCHED_MEMORY].ns,
	};

	if (!waits && !wait_ns && !row.throttled_ns && !row.run_ns)
		return 0;
	memcpy(row.comm, s->row.comm, sizeof(row.comm));
	return tt_tool_row(run, table, &row);
}

int tt_sched_show_waits(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->sum_count; i++)
		r = show_wait(run, table, v, &v->sums[i]);
	return r;
}

/* --- behind whom --- */

struct showing {
	struct tt_tool_run *run;
	size_t table;
	const struct tt_sched_view *view;
};

static int take_behind(void *ctx, const void *key, const void *value)
{
	const struct showing *s = ctx;
	const struct tt_sched_behind_key *k = key;
	const struct tt_sched_behind *b = value;

	if (k->set != s->view->set)
		return 0;
	struct behind_row row = {
		.time_ns = s->view->now_ns,
		.interval_ns = s->view->now_ns - s->view->from_ns,
		.pid = k->tgid,
		.tid = known(k->tid),
		.ns = b->ns,
		.ahead_pid = k->ahead_tgid == TT_SCHED_OTHERS ? TT_UNKNOWN : k->ahead_tgid,
	};
	if (s->view->filter && !s->view->filter(s->view->filter_ctx, k->tgid, k->tid, b->ns))
		return 1;
	memcpy(row.comm, b->comm, sizeof(row.comm));
	memcpy(row.ahead, b->ahead, sizeof(row.ahead));
	if (!k->ahead_tgid || k->ahead_tgid == TT_SCHED_OTHERS)
		tt_sched_who("", k->ahead_tgid, row.ahead, sizeof(row.ahead));
	int r = tt_tool_row(s->run, s->table, &row);
	return r < 0 ? r : 1;
}

int tt_sched_show_behind(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v)
{
	struct showing s = {run, table, v};

	return tt_kernel_map_walk(run->kernel, "tt_sched_behinds", sizeof(struct tt_sched_behind_key),
				  sizeof(struct tt_sched_behind), take_behind, &s);
}

/* --- how long --- */

/* Bucket 0 is what took less than a microsecond, bucket n what took from 2^(n-1) on. */
static uint64_t bucket_from(unsigned bucket)
{
	return bucket ? 1000ull << (bucket - 1) : 0;
}

unsigned tt_sched_bucket(uint64_t ns)
{
	unsigned bucket = 0;

	while (bucket + 1 < TT_SCHED_BUCKETS && bucket_from(bucket + 1) <= ns)
		bucket++;
	return bucket;
}

int tt_sched_show_buckets(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v, const struct tt_sched_latency *l,
			  const char *part)
{
	unsigned first = TT_SCHED_BUCKETS, last = 0;
	uint64_t most = 1;
	int r = 0;

	for (unsigned i = 0; i < TT_SCHED_BUCKETS; i++) {
		if (!l->count[i])
			continue;
		first = TT_MIN(first, i);
		last = i;
		most = TT_MAX(most, l->count[i]);
	}
	for (unsigned i = first; r == 0 && i <= last; i++) {
		struct latency_row row = {
			.time_ns = v->now_ns,
			.interval_ns = v->now_ns - v->from_ns,
			.from_ns = bucket_from(i),
			.to_ns = i + 1 < TT_SCHED_BUCKETS ? bucket_from(i + 1) : TT_UNKNOWN,
			.count = l->count[i],
			.bar = (uint64_t)((double)l->count[i] * 10000 / (double)most),
		};
		snprintf(row.part, sizeof(row.part), "%s", part);
		r = tt_tool_row(run, table, &row);
	}
	return r;
}

static int show_part(const struct showing *s, uint32_t part)
{
	static const struct tt_sched_latency none;
	struct tt_sched_latency l;
	uint32_t index = part * 2 + s->view->set;
	int r = tt_kernel_map_get(s->run->kernel, "tt_sched_latencies", &index, &l);

	if (r == 0)
		r = tt_kernel_map_set(s->run->kernel, "tt_sched_latencies", &index, &none);
	return r < 0 ? r : tt_sched_show_buckets(s->run, s->table, s->view, &l, tt_sched_part_names[part]);
}

int tt_sched_show_latency(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v)
{
	return show_part(&(struct showing){run, table, v}, TT_SCHED_WAIT);
}

int tt_sched_show_lengths(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v)
{
	int r = 0;

	for (uint32_t part = TT_SCHED_MEMORY; r == 0 && part < TT_SCHED_PART_MAX; part++)
		r = show_part(&(struct showing){run, table, v}, part);
	return r;
}

/* --- single waits --- */

static int longest_first(const void *a, const void *b)
{
	const struct tt_sched_ahead *x = a, *y = b;

	return x->ns > y->ns ? -1 : x->ns < y->ns;
}

static void ahead_text(const struct tt_sched_ahead *a, size_t count, uint64_t rest_ns, char *to, size_t size)
{
	char who[TT_SCHED_WHO_LEN];
	size_t len = 0;

	to[0] = 0;
	for (size_t i = 0; i < count && len < size; i++) {
		tt_sched_who(a[i].comm, a[i].tgid, who, sizeof(who));
		len += (size_t)snprintf(to + len, size - len, "%s%s %.1f", len ? ", " : "", who, (double)a[i].ns / 1e6);
	}
	if (rest_ns && len < size)
		snprintf(to + len, size - len, "%s(others) %.1f", len ? ", " : "", (double)rest_ns / 1e6);
}

int tt_sched_show_late(struct tt_tool_run *run, size_t table, const struct tt_sched_late *late)
{
	size_t count = TT_MIN(late->ahead_count, (uint32_t)TT_SCHED_AHEAD);
	struct tt_sched_ahead ahead[TT_SCHED_AHEAD];
	struct late_row row = {
		.time_ns = late->rec.time_ns,
		.pid = late->rec.tgid,
		.tid = late->rec.tid,
		.cpu = late->cpu,
		.wait_ns = late->wait_ns,
		.throttled_ns = late->throttled_ns,
		.first_pid = TT_UNKNOWN,
		.first_ns = TT_UNKNOWN,
	};

	memcpy(ahead, late->ahead, sizeof(ahead));
	qsort(ahead, count, sizeof(*ahead), longest_first);
	memcpy(row.comm, late->name, sizeof(row.comm));
	snprintf(row.how, sizeof(row.how), "%s", late->preempted ? "preempted" : "woken");
	if (count) {
		row.first_pid = ahead[0].tgid;
		row.first_ns = ahead[0].ns;
		memcpy(row.first, ahead[0].comm, sizeof(row.first));
	}
	ahead_text(ahead, count, late->rest_ns, row.ahead, sizeof(row.ahead));
	return tt_tool_row(run, table, &row);
}
