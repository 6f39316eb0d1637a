// SPDX-License-Identifier: Apache-2.0
/* telltale why: what a task's time goes to, and the likely cause. */
#include "tools/why/why.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kernel/tables.h"
#include "tools/why/cause.h"

/* Processes shown, if --top does not say. */
#define SHOWN 5
#define NOTE_NOT_SHOWN (TT_SCHED_NOTE_UNTOLD + 1) /* run->notes */
/* Rows of less than this part of a process's time are left out of the tables beside the division: a hundredth. */
#define LEAST 100

enum table {
	TABLE_PARTS,
	TABLE_BEHIND,
	TABLE_BLOCKS,
	TABLE_KILLS,
	TABLE_CAUSES,
	TABLE_MAX,
};

struct part_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t tid;
	uint64_t wall_ns;
	uint64_t ns;
	uint64_t share;
	uint64_t count;
	uint64_t most_ns;
	char comm[TT_SCHED_COMM_LEN];
	char part[16];
	char meaning[80];
};

static const struct tt_field part_fields[] = {
	TT_FIELD_MORE(struct part_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct part_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct part_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "the process, all its threads together"),
	TT_FIELD_TID(struct part_row, tid),
	TT_FIELD(struct part_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD(struct part_row, part, "PART", TT_UNIT_NONE, 12, "part", TT_FIELD_TEXT,
		 "running, interrupt, cpu wait, throttled, reclaim, swap-in, or what it was blocked by, as in sched"),
	TT_FIELD_MORE(struct part_row, wall_ns, "wall_ns", TT_FIELD_NS,
		      "all parts together: how long it was there within the interval, of several threads the sum"),
	TT_FIELD(struct part_row, ns, "TIME", TT_UNIT_MS, 11, "part_ns", TT_FIELD_NS, "for so long, within the interval"),
	TT_FIELD(struct part_row, share, "SHARE", TT_UNIT_NONE, 8, "part_percent", TT_FIELD_PERCENT, "of all parts together"),
	TT_FIELD(struct part_row, count, "TIMES", TT_UNIT_NONE, 8, "times", TT_FIELD_COUNT,
		 "how often that ended in the interval"),
	TT_FIELD(struct part_row, most_ns, "MAX", TT_UNIT_MS, 10, "most_ns", TT_FIELD_NS, "the longest, from its beginning"),
	TT_FIELD(struct part_row, meaning, "MEANING", TT_UNIT_NONE, 0, "meaning", TT_FIELD_TEXT, "what that is"),
};

struct cause_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t tid;
	uint64_t share;
	char comm[TT_SCHED_COMM_LEN];
	char part[16];
	char cause[TT_WHY_CAUSE_LEN];
};

static const struct tt_field cause_fields[] = {
	TT_FIELD_MORE(struct cause_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct cause_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct cause_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "the process"),
	TT_FIELD_TID(struct cause_row, tid),
	TT_FIELD(struct cause_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD_MORE(struct cause_row, part, "part", TT_FIELD_TEXT, "the part most of its time went to"),
	TT_FIELD_MORE(struct cause_row, share, "part_percent", TT_FIELD_PERCENT, "how much"),
	TT_FIELD(struct cause_row, cause, "LIKELY CAUSE", TT_UNIT_NONE, 0, "cause", TT_FIELD_TEXT, "a sentence"),
};

static const struct tt_table parts_table = {
	.kind = "part",
	.help = "what part of a process's time went where",
	.fields = {part_fields, TT_ARRAY_LEN(part_fields)},
	.row_size = sizeof(struct part_row),
	.rank = 7, /* ns */
	.in_order = true,
};

struct kill_row {
	uint64_t time_ns;
	uint64_t pid;
	uint64_t by_pid;
	char comm[TT_SCHED_COMM_LEN];
	char by[TT_SCHED_WHO_LEN];
};

static const struct tt_field kill_fields[] = {
	TT_FIELD(struct kill_row, time_ns, "TIME", TT_UNIT_NONE, 12, "time_unix_ns", TT_FIELD_TIME, "when it was chosen"),
	TT_FIELD(struct kill_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "the process"),
	TT_FIELD(struct kill_row, comm, "KILLED", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD_MORE(struct kill_row, by_pid, "by_pid", TT_FIELD_ID, "process that wanted memory"),
	TT_FIELD(struct kill_row, by, "FOR", TT_UNIT_NONE, 0, "killed_for", TT_FIELD_TEXT, "the thread's name, and that process"),
};

static const struct tt_table kills_table = {
	.kind = "kill",
	.help = "a process that was killed because there was no memory, in its cgroup or at all",
	.fields = {kill_fields, TT_ARRAY_LEN(kill_fields)},
	.row_size = sizeof(struct kill_row),
	.rank = 0, /* time_ns */
	.in_order = true,
};

static const struct tt_table causes_table = {
	.kind = "cause",
	.help = "why a process took the time it took",
	.fields = {cause_fields, TT_ARRAY_LEN(cause_fields)},
	.row_size = sizeof(struct cause_row),
	.rank = 6, /* share */
	.first = true,
	.in_order = true,
};

static const struct tt_table *const tables[TABLE_MAX] = {
	[TABLE_PARTS] = &parts_table, [TABLE_BEHIND] = &tt_sched_behind_table, [TABLE_BLOCKS] = &tt_sched_blocks_table,
	[TABLE_KILLS] = &kills_table, [TABLE_CAUSES] = &causes_table,
};

static const struct tt_option_row options[] = {
	{"threads", 't', NULL, TT_ROW_FLAG, offsetof(struct tt_sched_settings, config.threads), 0, 0,
	 "threads each for itself, not together as processes"},
	{"stacks", 's', NULL, TT_ROW_FLAG, offsetof(struct tt_sched_settings, config.stacks), 0, 0,
	 "tell blocked times apart by the stack of program and kernel, too"},
	TT_STACK_OPTIONS(struct tt_sched_settings, stacks),
};

static const char *const words[] = {"pid", "interval", "count", NULL};

static int why_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_sched_settings *s = settings;

	s->config.behind = s->config.blocks = 1;
	tt_sched_prepare(s);
	return 0;
}

/* --- what is known of the processes that are shown --- */

struct facts {
	struct tt_tool_run *run;
	const struct tt_sched_view *view;
	struct tt_why_facts *list;
	size_t count;
};

static uint64_t busy_ns(const struct tt_sched_sum *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < TT_SCHED_PART_MAX; i++)
		sum += tt_why_idle(i) ? 0 : s->row.part[i].ns;
	return sum;
}

static uint64_t wall_ns(const struct tt_sched_sum *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < TT_SCHED_PART_MAX; i++)
		sum += s->row.part[i].ns;
	return sum;
}

/* Those that did or wanted something for longest come first. */
static int busiest_first(const void *a, const void *b)
{
	const struct tt_why_facts *x = a, *y = b;
	uint64_t first = busy_ns(&x->sum), second = busy_ns(&y->sum);

	if (first != second)
		return first > second ? -1 : 1;
	return x->wall_ns > y->wall_ns ? -1 : x->wall_ns < y->wall_ns;
}

static int facts_begin(struct facts *f)
{
	f->list = calloc(f->view->sum_count + 1, sizeof(*f->list));
	if (!f->list)
		return -ENOMEM;
	for (size_t i = 0; i < f->view->sum_count; i++) {
		uint64_t wall = wall_ns(&f->view->sums[i]);
		if (wall)
			f->list[f->count++] = (struct tt_why_facts){.sum = f->view->sums[i], .wall_ns = wall};
	}
	qsort(f->list, f->count, sizeof(*f->list), busiest_first);
	size_t shown = TT_MIN(f->count, f->run->options->top ? (size_t)f->run->options->top : SHOWN);
	f->run->notes[NOTE_NOT_SHOWN] += f->count - shown;
	f->count = shown;
	return 0;
}

static struct tt_why_facts *facts_of(const struct facts *f, uint32_t tgid, uint32_t tid)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->list[i].sum.key.tgid == tgid && f->list[i].sum.key.tid == tid)
			return &f->list[i];
	}
	return NULL;
}

static int look_at_behind(void *ctx, const void *key, const void *value)
{
	const struct facts *f = ctx;
	const struct tt_sched_behind_key *k = key;
	const struct tt_sched_behind *b = value;
	struct tt_why_facts *of = k->set == f->view->set ? facts_of(f, k->tgid, k->tid) : NULL;

	if (of && b->ns > of->ahead.ns) {
		of->ahead.ns = b->ns;
		tt_sched_who(b->ahead, k->ahead_tgid, of->ahead.who, sizeof(of->ahead.who));
	}
	return 0;
}

static void longer_block(struct tt_why_facts *of, const struct tt_sched_block_key *k, const char *waker, uint64_t ns)
{
	struct tt_why_longest *l = k->part < TT_SCHED_PART_MAX ? &of->block[k->part] : NULL;

	if (!l || ns <= l->ns)
		return;
	l->ns = ns;
	tt_sched_call_name(k->call == TT_SCHED_EXCEPTION ? TT_SCHED_NO_CALL : k->call, l->call, sizeof(l->call));
	tt_sched_waker(k, waker, l->who, sizeof(l->who));
}

static int look_at_block(void *ctx, const void *key, const void *value)
{
	const struct facts *f = ctx;
	const struct tt_sched_block_key *k = key;
	const struct tt_sched_blocked *b = value;
	struct tt_why_facts *of = k->set == f->view->set ? facts_of(f, k->tgid, k->tid) : NULL;

	if (of)
		longer_block(of, k, b->waker, b->ns);
	return 0;
}

/* What tasks are blocked by now. */
static void look_at_open(const struct facts *f, const struct tt_sched_task *t)
{
	const struct tt_sched_settings *settings = f->run->settings;
	const struct tt_sched_block_key k = {.call = t->call, .part = t->part};
	struct tt_why_facts *of = facts_of(f, t->tgid, settings->config.threads ? t->tid : 0);
	uint32_t part;
	uint64_t ns;

	if (of && t->state == TT_SCHED_BLOCKED && tt_sched_open(f->view, t, &part, &ns))
		longer_block(of, &k, "", ns);
}

static int facts_gather(struct facts *f)
{
	int r = facts_begin(f);

	r = r < 0 ? r
		  : tt_kernel_map_walk(f->run->kernel, "tt_sched_behinds", sizeof(struct tt_sched_behind_key),
				       sizeof(struct tt_sched_behind), look_at_behind, f);
	r = r < 0 ? r
		  : tt_kernel_map_walk(f->run->kernel, "tt_sched_blocks", sizeof(struct tt_sched_block_key),
				       sizeof(struct tt_sched_blocked), look_at_block, f);
	for (size_t i = 0; r == 0 && i < f->view->task_count; i++)
		look_at_open(f, &f->view->tasks[i]);
	return r;
}

/* --- rows --- */

static uint64_t known(uint32_t tid)
{
	return tid ? tid : TT_UNKNOWN;
}

static int show_part(const struct facts *f, const struct tt_why_facts *of, uint32_t part)
{
	const struct tt_sched_time *t = &of->sum.row.part[part];
	struct part_row row = {
		.time_ns = f->view->now_ns,
		.interval_ns = f->view->now_ns - f->view->from_ns,
		.pid = of->sum.key.tgid,
		.tid = known(of->sum.key.tid),
		.wall_ns = of->wall_ns,
		.ns = t->ns,
		.share = (uint64_t)((double)t->ns * 10000 / (double)of->wall_ns + 0.5),
		.count = t->count,
		.most_ns = t->most_ns,
	};

	memcpy(row.comm, of->sum.row.comm, sizeof(row.comm));
	snprintf(row.part, sizeof(row.part), "%s", tt_sched_part_names[part]);
	snprintf(row.meaning, sizeof(row.meaning), "%s", tt_sched_part_meanings[part]);
	return tt_tool_row(f->run, TABLE_PARTS, &row);
}

/* Greatest first. */
static int show_parts(const struct facts *f, const struct tt_why_facts *of)
{
	bool shown[TT_SCHED_PART_MAX] = {false};

	for (uint32_t n = 0; n < TT_SCHED_PART_MAX; n++) {
		uint32_t next = TT_SCHED_PART_MAX;
		for (uint32_t i = 0; i < TT_SCHED_PART_MAX; i++) {
			if (!shown[i] && of->sum.row.part[i].ns &&
			    (next == TT_SCHED_PART_MAX || of->sum.row.part[i].ns > of->sum.row.part[next].ns))
				next = i;
		}
		if (next == TT_SCHED_PART_MAX)
			return 0;
		shown[next] = true;
		int r = show_part(f, of, next);
		if (r < 0)
			return r;
	}
	return 0;
}

static int show_cause(const struct facts *f, const struct tt_why_facts *of)
{
	uint32_t lead = tt_why_lead(of);
	struct cause_row row = {
		.time_ns = f->view->now_ns,
		.interval_ns = f->view->now_ns - f->view->from_ns,
		.pid = of->sum.key.tgid,
		.tid = known(of->sum.key.tid),
	};

	if (lead == TT_SCHED_PART_MAX)
		return 0;
	row.share = (uint64_t)((double)of->sum.row.part[lead].ns * 10000 / (double)of->wall_ns + 0.5);
	memcpy(row.comm, of->sum.row.comm, sizeof(row.comm));
	snprintf(row.part, sizeof(row.part), "%s", tt_sched_part_names[lead]);
	tt_why_cause(of, row.cause);
	return tt_tool_row(f->run, TABLE_CAUSES, &row);
}

/* What the tables beside the division show: of those processes, and not the least of it. */
static bool worth_showing(void *ctx, uint32_t tgid, uint32_t tid, uint64_t ns)
{
	const struct tt_why_facts *of = facts_of(ctx, tgid, tid);

	return of && ns >= of->wall_ns / LEAST;
}

static int show(struct tt_tool_run *run, struct tt_sched_view *v)
{
	struct facts f = {.run = run, .view = v};
	int r = facts_gather(&f);

	v->filter = worth_showing;
	v->filter_ctx = &f;
	for (size_t i = 0; r == 0 && i < f.count; i++)
		r = show_parts(&f, &f.list[i]);
	r = r < 0 ? r : tt_sched_show_behind(run, TABLE_BEHIND, v);
	r = r < 0 ? r : tt_sched_show_blocks(run, TABLE_BLOCKS, v);
	for (size_t i = 0; r == 0 && i < f.count; i++)
		r = show_cause(&f, &f.list[i]);
	free(f.list);
	v->filter = NULL;
	v->filter_ctx = NULL;
	return r;
}

static int why_record(struct tt_tool_run *run, const struct tt_record *rec)
{
	const struct tt_sched_kill *k = (const struct tt_sched_kill *)rec;

	if (rec->type != (uint16_t)TT_SCHED_KILL || rec->len < sizeof(*k))
		return 0;
	struct kill_row row = {.time_ns = rec->time_ns, .pid = rec->tgid, .by_pid = k->by_tgid};
	memcpy(row.comm, k->comm, sizeof(row.comm));
	tt_sched_who(k->by, k->by_tgid, row.by, sizeof(row.by));
	return tt_tool_row(run, TABLE_KILLS, &row);
}

static int why_interval(struct tt_tool_run *run)
{
	struct tt_sched_view v = {0};
	int r = tt_sched_view(run, &v);

	if (r == 0)
		r = show(run, &v);
	tt_sched_view_free(&v);
	return r;
}

const struct tt_tool tt_tool_why = {
	.tables = tables,
	.table_count = TT_ARRAY_LEN(tables),
	.options = options,
	.option_count = TT_ARRAY_LEN(options),
	.words = words,
	.words_help = "[PID [INTERVAL [COUNT]]]",
	.settings_size = sizeof(struct tt_sched_settings),
	.config_size = sizeof(struct tt_sched_config),
	.prepare = why_prepare,
	.unwanted = tt_sched_unwanted,
	.stacks = tt_sched_stacks,
	.top_own = true, /* processes; what is shown of each is whole */
	.presets = tt_sched_presets,
	.preset_count = TT_SCHED_PRESETS,
	.hooks = tt_sched_hooks,
	.hook_count = TT_SCHED_HOOKS,
	.maps = tt_sched_maps,
	.map_count = TT_SCHED_MAPS,
	.notes = {TT_SCHED_NOTE_ROWS, [NOTE_NOT_SHOWN] = "less busy ones not shown (--top)"},
	.begin = tt_sched_begin,
	.record = why_record,
	.interval = why_interval,
	.end = tt_sched_end,
	.free = tt_sched_free,
};
