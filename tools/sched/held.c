// SPDX-License-Identifier: Apache-2.0
/* telltale sched irqoff and nosched: what held a processor up, one by one, and by length. */
#include "tools/sched/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/tables.h"
#include "symbols/symbols.h"
#include "tools/sched/state.h"

#define SECOND_NS 1000000000ull
#define OVER_NS 10000000
#define OVER_LEAST_NS 1000000
/* The clock looks so often within what is too long, and not more often than … */
#define LOOKS 10
#define LOOK_MOST_NS 1000000

struct held_row {
	uint64_t time_ns;
	uint64_t cpu;
	uint64_t ns;
	uint64_t stolen_ns;
	uint64_t pid;
	uint64_t tid;
	char what[16];
	char by[40];
	char comm[TT_SCHED_COMM_LEN];
	char when[8];
	char stack[TT_SCHED_STACK_LEN];
};

static const struct tt_field fields[] = {
	TT_FIELD(struct held_row, time_ns, "TIME", TT_UNIT_NONE, 12, "time_unix_ns", TT_FIELD_TIME, "when it was over"),
	TT_FIELD(struct held_row, cpu, "CPU", TT_UNIT_NONE, 4, "cpu", TT_FIELD_ID, "the processor"),
	TT_FIELD(struct held_row, what, "WHAT", TT_UNIT_NONE, 14, "what", TT_FIELD_TEXT,
		 "`interrupts off`, `softirq late`, `softirq long`, `no reschedule`: see above"),
	TT_FIELD(struct held_row, ns, "HELD", TT_UNIT_MS, 9, "held_ns", TT_FIELD_NS, "for at least so long"),
	TT_FIELD_MORE(struct held_row, stolen_ns, "stolen_ns", TT_FIELD_NS,
		      "beside that: meanwhile a hypervisor had taken the processor away for so long"),
	TT_FIELD(struct held_row, by, "BY", TT_UNIT_NONE, 16, "by", TT_FIELD_TEXT,
		 "the softirq; of interrupts off: the interrupt whose handler ran for half of it or more"),
	TT_FIELD(struct held_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID,
		 "process that was on the processor then; 0: none, it was idle"),
	TT_FIELD_MORE(struct held_row, tid, "tid", TT_FIELD_ID, "its thread"),
	TT_FIELD(struct held_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "the thread's name"),
	TT_FIELD(struct held_row, when, "STACK IS", TT_UNIT_NONE, 8, "stack_is", TT_FIELD_TEXT,
		 "`within`: of a moment when it lasted; `after`: of the moment it was over, since nothing could look before"),
	TT_FIELD(struct held_row, stack, "STACK", TT_UNIT_NONE, 0, "stack", TT_FIELD_TEXT,
		 "functions of the kernel, outermost first, separated by `;`; with `--stacks` those of the program before them"),
};

const struct tt_table tt_held_table = {
	.kind = "held",
	.help = "with irqoff and nosched: a processor that was held up at least as long as `--over` says",
	.fields = {fields, TT_ARRAY_LEN(fields)},
	.row_size = sizeof(struct held_row),
	.rank = 3, /* ns */
};

static const char *const names[TT_HELD_KIND_MAX] = {
#define HELD_NAME(id, name, meaning) name,
	TT_HELD_KINDS(HELD_NAME)
#undef HELD_NAME
};

struct held_run {
	uint64_t from_ns;
	struct tt_sched_latency shown[TT_HELD_KIND_MAX]; /* in earlier intervals */
	struct tt_sched_latency rest[TT_HELD_KIND_MAX];	 /* that the programs had no time to count */
};

int tt_held_prepare(struct tt_sched_settings *s, struct tt_tool_error *e)
{
	struct tt_sched_config *c = &s->config;

	c->late_ns = c->late_ns ? c->late_ns : OVER_NS;
	if (c->late_ns < OVER_LEAST_NS)
		return tt_tool_fail(e, "--over: the clock of irqoff and nosched is good for 1 ms and more");
	uint64_t look_ns = TT_MIN(c->late_ns / LOOKS, (uint64_t)LOOK_MOST_NS);
	/* As perf rounds it, which is told how often a second. */
	c->look_ns = SECOND_NS / (SECOND_NS / look_ns);
	return 0;
}

uint32_t tt_held_hz(const struct tt_sched_settings *s)
{
	return s->config.look_ns ? (uint32_t)(SECOND_NS / s->config.look_ns) : 0;
}

int tt_held_begin(struct tt_tool_run *run)
{
	struct held_run *h = calloc(1, sizeof(*h));

	run->state = h;
	if (h)
		h->from_ns = tt_now_ns();
	return h ? 0 : -ENOMEM;
}

/* The whole goes to the flame graph, what fits to the row. */
static void fill_stack(struct tt_tool_run *run, const struct tt_held_record *h, struct held_row *row)
{
	const struct tt_stack stack = {.tgid = h->rec.tgid,
				       .user = h->user_stack,
				       .kernel = h->kernel_stack,
				       .by_clock = h->within || h->kind == TT_HELD_IRQ_OFF};
	tt_buf_auto struct tt_buf text = TT_BUF(64u << 10);

	if (!run->stacks)
		return;
	tt_symbols_clean(&text, row->comm);
	tt_buf_add_char(&text, ';');
	size_t front = text.len;
	(void)tt_stacks_text(run->stacks, &stack, &text); /* what does not fit is cut */
	text.len -= text.len == front;
	tt_stacks_fold(run->stacks, (const char *)text.data, text.len, h->ns / 1000);
	tt_buf_consume(&text, TT_MIN(front, text.len));
	tt_stacks_tail(row->stack, sizeof(row->stack), &text);
}

int tt_held_take(struct tt_tool_run *run, size_t table, const struct tt_record *rec)
{
	const struct tt_held_record *h = (const struct tt_held_record *)rec;

	if (rec->type != (uint16_t)TT_HELD_RECORD || rec->len < sizeof(*h) || h->kind >= TT_HELD_KIND_MAX)
		return 0;
	struct held_row row = {.time_ns = h->end_ns,
			       .cpu = h->cpu,
			       .ns = h->ns,
			       .stolen_ns = h->stolen_ns,
			       .pid = h->rec.tgid,
			       .tid = h->rec.tid};
	snprintf(row.what, sizeof(row.what), "%s", names[h->kind]);
	snprintf(row.comm, sizeof(row.comm), "%.*s", TT_SCHED_COMM_LEN - 1, h->name);
	snprintf(row.when, sizeof(row.when), "%s", h->within ? "within" : "after");
	if (h->kind == TT_HELD_IRQ_OFF && h->by[0])
		snprintf(row.by, sizeof(row.by), "%u %.*s", h->number, TT_SCHED_COMM_LEN - 1, h->by);
	else if (h->kind == TT_HELD_SOFTIRQ_LATE || h->kind == TT_HELD_SOFTIRQ_LONG)
		snprintf(row.by, sizeof(row.by), "%s", tt_sched_softirq(h->number) ? tt_sched_softirq(h->number) : "");
	fill_stack(run, h, &row);
	return tt_tool_row(run, table, &row);
}

int tt_held_interval(struct tt_tool_run *run, size_t table)
{
	struct held_run *state = run->state;
	struct tt_sched_latency sum[TT_HELD_KIND_MAX];
	struct tt_held_cpu one;
	int r = 0;

	memcpy(sum, state->rest, sizeof(sum));
	for (uint32_t cpu = 0; tt_kernel_map_get(run->kernel, "tt_held_cpus", &cpu, &one) == 0; cpu++) {
		for (unsigned kind = 0; kind < TT_HELD_KIND_MAX; kind++) {
			for (unsigned i = 0; i < TT_SCHED_BUCKETS; i++)
				sum[kind].count[i] += one.lengths[kind].count[i];
		}
	}
	const struct tt_sched_view v = {.from_ns = state->from_ns, .now_ns = tt_now_ns()};
	for (unsigned kind = 0; r == 0 && kind < TT_HELD_KIND_MAX; kind++) {
		struct tt_sched_latency now = sum[kind];
		for (unsigned i = 0; i < TT_SCHED_BUCKETS; i++)
			now.count[i] -= state->shown[kind].count[i];
		state->shown[kind] = sum[kind];
		r = tt_sched_show_buckets(run, table, &v, &now, names[kind]);
	}
	state->from_ns = v.now_ns;
	return r;
}

/* One that still waits for the kernel to book stolen time is taken as it is. 0 or a negative errno. */
static int take_waiting(struct tt_tool_run *run, size_t table, const struct tt_held_cpu *c, struct tt_held_record *h)
{
	const struct tt_sched_settings *settings = run->settings;
	struct held_run *state = run->state;

	if (!h->waiting || h->kind >= TT_HELD_KIND_MAX)
		return 0;
	h->stolen_ns = TT_MIN(c->stolen_ns - h->stolen_ns, h->ns);
	h->ns -= h->stolen_ns;
	h->rec.len = sizeof(*h);
	state->rest[h->kind].count[tt_sched_bucket(h->ns)]++;
	return h->ns < settings->config.late_ns ? 0 : tt_held_take(run, table, &h->rec);
}

int tt_held_end(struct tt_tool_run *run, size_t table)
{
	struct tt_held_cpu one;
	int r = 0;

	for (uint32_t cpu = 0; r >= 0 && tt_kernel_map_get(run->kernel, "tt_held_cpus", &cpu, &one) == 0; cpu++) {
		run->notes[TT_HELD_NOTE_NO_ROOM] += one.no_room;
		run->notes[TT_HELD_NOTE_NO_BEGIN] += one.no_begin;
		for (unsigned i = 0; r >= 0 && i < TT_HELD_WAITING; i++)
			r = take_waiting(run, table, &one, &one.waiting[i]);
	}
	return r;
}
