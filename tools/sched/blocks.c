// SPDX-License-Identifier: Apache-2.0
/* The table of blocked times, by reason. */
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "kernel/tables.h"
#include "symbols/symbols.h"
#include "tools/sched/state.h"

struct block_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t tid;
	uint64_t count;
	uint64_t ns;
	uint64_t average_ns;
	uint64_t most_ns;
	uint64_t waker_pid;
	char comm[TT_SCHED_COMM_LEN];
	char part[16];
	char call[TT_SCHED_CALL_LEN];
	char waker[TT_SCHED_WHO_LEN];
	char stack[TT_SCHED_STACK_LEN];
	char kernel_stack[1024];
};

static const struct tt_field fields[] = {
	TT_FIELD_MORE(struct block_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct block_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct block_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID,
		 "the process that was blocked, all its threads together"),
	TT_FIELD_TID(struct block_row, tid),
	TT_FIELD(struct block_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "its name"),
	TT_FIELD(struct block_row, part, "BLOCKED BY", TT_UNIT_NONE, 13, "blocked_by", TT_FIELD_TEXT, "the reason: see above"),
	TT_FIELD(struct block_row, call, "CALL", TT_UNIT_NONE, 16, "call", TT_FIELD_TEXT,
		 "the system call it was in; `(exception)`: in none, but at an instruction"),
	TT_FIELD(struct block_row, count, "TIMES", TT_UNIT_NONE, 8, "times", TT_FIELD_COUNT,
		 "how often that ended in the interval; 0: it has not ended yet"),
	TT_FIELD(struct block_row, ns, "BLOCKED", TT_UNIT_MS, 11, "blocked_ns", TT_FIELD_NS,
		 "for how long in all, within the interval"),
	TT_FIELD(struct block_row, average_ns, "AVG", TT_UNIT_MS, 9, "average_ns", TT_FIELD_NS, "of one time"),
	TT_FIELD(struct block_row, most_ns, "MAX", TT_UNIT_MS, 10, "most_ns", TT_FIELD_NS, "the longest, from its beginning"),
	TT_FIELD_MORE(struct block_row, waker_pid, "waker_pid", TT_FIELD_ID, "process that woke it, if it was one"),
	TT_FIELD(struct block_row, waker, "WOKEN BY", TT_UNIT_NONE, 24, "woken_by", TT_FIELD_TEXT,
		 "the thread's name and process, or the kind of interrupt"),
	TT_FIELD_MORE(struct block_row, kernel_stack, "kernel_stack", TT_FIELD_TEXT,
		      "with `--stacks`: functions of the kernel, outermost first, separated by `;`"),
	TT_FIELD(struct block_row, stack, "STACK", TT_UNIT_NONE, 0, "stack", TT_FIELD_TEXT,
		 "the same with those of the program before them"),
};

const struct tt_table tt_sched_blocks_table = {
	.kind = "block",
	.help = "for how long a process was blocked, by what, and who woke it",
	.fields = {fields, TT_ARRAY_LEN(fields)},
	.row_size = sizeof(struct block_row),
	.rank = 8, /* ns */
};

struct showing {
	struct tt_tool_run *run;
	size_t table;
	const struct tt_sched_view *view;
};

/* The whole goes to the flame graph, what fits to the row. */
static void fill_stacks(const struct showing *s, const struct tt_sched_block_key *k, const struct tt_sched_blocked *b,
			struct block_row *row)
{
	const struct tt_stack stack = {.tgid = k->tgid, .user = k->user_stack, .kernel = k->kernel_stack};
	tt_buf_auto struct tt_buf text = TT_BUF(64u << 10);
	struct tt_stacks *stacks = s->run->stacks;

	if (!stacks)
		return;
	if (tt_stacks_kernel_text(stacks, k->kernel_stack, &text) == 0)
		tt_stacks_tail(row->kernel_stack, sizeof(row->kernel_stack), &text);
	tt_buf_clear(&text);
	tt_symbols_clean(&text, row->comm);
	tt_buf_add_char(&text, ';');
	size_t front = text.len;
	(void)tt_stacks_text(stacks, &stack, &text); /* what does not fit is cut */
	text.len -= text.len == front;
	tt_stacks_fold(stacks, (const char *)text.data, text.len, b->ns / 1000);
	tt_buf_consume(&text, TT_MIN(front, text.len));
	tt_stacks_tail(row->stack, sizeof(row->stack), &text);
}

static int show_block(const struct showing *s, const struct tt_sched_block_key *k, const struct tt_sched_blocked *b)
{
	bool task = k->waker_kind == TT_SCHED_WAKER_TASK && k->waker_tgid;
	struct block_row row = {
		.time_ns = s->view->now_ns,
		.interval_ns = s->view->now_ns - s->view->from_ns,
		.pid = k->tgid,
		.tid = k->tid ? k->tid : TT_UNKNOWN,
		.count = b->count,
		.ns = b->ns,
		.average_ns = b->count ? b->ns / b->count : TT_UNKNOWN,
		.most_ns = b->most_ns ? b->most_ns : TT_UNKNOWN,
		.waker_pid = task ? k->waker_tgid : TT_UNKNOWN,
	};

	if (s->view->filter && !s->view->filter(s->view->filter_ctx, k->tgid, k->tid, b->ns))
		return 0;
	memcpy(row.comm, b->comm, sizeof(row.comm));
	if (k->part < TT_SCHED_PART_MAX)
		snprintf(row.part, sizeof(row.part), "%s", tt_sched_part_names[k->part]);
	tt_sched_call_name(k->call, row.call, sizeof(row.call));
	tt_sched_waker(k, b->waker, row.waker, sizeof(row.waker));
	fill_stacks(s, k, b, &row);
	return tt_tool_row(s->run, s->table, &row);
}

static int take_block(void *ctx, const void *key, const void *value)
{
	const struct showing *s = ctx;
	const struct tt_sched_block_key *k = key;

	if (k->set != s->view->set)
		return 0;
	int r = show_block(s, k, value);
	return r < 0 ? r : 1;
}

/* What a task is blocked by now, and has not been woken from. */
static int show_open(const struct showing *s, const struct tt_sched_task *t)
{
	const struct tt_sched_settings *settings = s->run->settings;
	struct tt_sched_block_key k = {.tgid = t->tgid,
				       .tid = settings->config.threads ? t->tid : 0,
				       .kernel_stack = t->kernel_stack,
				       .user_stack = t->user_stack,
				       .call = t->call,
				       .part = t->part};
	struct tt_sched_blocked b = {.most_ns = s->view->now_ns - t->since_ns};
	uint32_t part;
	uint64_t ns;

	if (t->state != TT_SCHED_BLOCKED || !tt_sched_open(s->view, t, &part, &ns))
		return 0;
	b.ns = ns;
	memcpy(b.comm, settings->config.threads ? t->name : t->comm, sizeof(b.comm));
	return show_block(s, &k, &b);
}

int tt_sched_show_blocks(struct tt_tool_run *run, size_t table, const struct tt_sched_view *v)
{
	struct showing s = {run, table, v};
	int r = tt_kernel_map_walk(run->kernel, "tt_sched_blocks", sizeof(struct tt_sched_block_key),
				   sizeof(struct tt_sched_blocked), take_block, &s);

	for (size_t i = 0; r == 0 && i < v->task_count; i++)
		r = show_open(&s, &v->tasks[i]);
	return r;
}
