// SPDX-License-Identifier: Apache-2.0
/* telltale sched: waiting for a processor, being blocked, and what holds a processor up. */
#include "tools/sched/sched.h"

#include <errno.h>

#include "base/own.h"
#include "tools/sched/held.h"
#include "tools/sched/state.h"

/* Rows of less than this part of a process's waiting are left out of the table beside it: a hundredth. */
#define LEAST 100
#define NOTE_NOT_SHOWN (TT_HELD_NOTE_NO_BEGIN + 1) /* run->notes */

enum tt_sched_report {
	REPORT_NONE,
	REPORT_WAIT,
	REPORT_OFFCPU,
	REPORT_IRQOFF,
	REPORT_NOSCHED,
	REPORT_MAX,
};

enum table {
	TABLE_WAITS,
	TABLE_BEHIND,
	TABLE_LATENCY,
	TABLE_LATE,
	TABLE_BLOCKS,
	TABLE_LENGTHS,
	TABLE_HELD,
	TABLE_HELD_LENGTHS,
	TABLE_MAX,
};

static const struct tt_table *const tables[TABLE_MAX] = {
	[TABLE_WAITS] = &tt_sched_waits_table,
	[TABLE_BEHIND] = &tt_sched_behind_table,
	[TABLE_LATENCY] = &tt_sched_latency_table,
	[TABLE_LATE] = &tt_sched_late_table,
	[TABLE_BLOCKS] = &tt_sched_blocks_table,
	[TABLE_LENGTHS] = &tt_sched_lengths_table,
	[TABLE_HELD] = &tt_held_table,
	[TABLE_HELD_LENGTHS] = &tt_held_lengths_table,
};

static const struct tt_option_row options[] = {
	{"report", 0, "wait|offcpu|irqoff|nosched", TT_ROW_CHOICE, offsetof(struct tt_sched_settings, report), 0, 0,
	 "what is reported: waiting for a processor, being blocked, interrupts or softirqs off, the kernel not rescheduling; "
	 "also as "
	 "first word"},
	{"over", 0, "MS", TT_ROW_MILLISECONDS, offsetof(struct tt_sched_settings, config.late_ns), 1, 3600000000000ull,
	 "with wait: instead of tables, list each wait of at least so many milliseconds, and who had the processor; with irqoff "
	 "and "
	 "nosched: what is too long, 10 if nothing is said"},
	{"threads", 't', NULL, TT_ROW_FLAG, offsetof(struct tt_sched_settings, config.threads), 0, 0,
	 "a row for each thread, not for each process"},
	{"stacks", 's', NULL, TT_ROW_FLAG, offsetof(struct tt_sched_settings, config.stacks), 0, 0,
	 "with offcpu: a row for each stack of program and kernel, too; with irqoff and nosched: the program's functions, too"},
	TT_STACK_OPTIONS(struct tt_sched_settings, stacks),
	{"latency", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_sched_settings, config.latency), 0, 0,
	 "with offcpu: show how many blocked times took how long, by reason"},
};

static const char *const words[] = {"report", "interval", "count", NULL};

/* Which options are for which reports, one bit each. */
static const struct {
	const char *name;
	unsigned reports;
} option_of[] = {
	{"--over is", 1u << REPORT_WAIT | 1u << REPORT_IRQOFF | 1u << REPORT_NOSCHED},
	{"--stacks, --folded and --svg are", 1u << REPORT_OFFCPU | 1u << REPORT_IRQOFF | 1u << REPORT_NOSCHED},
	{"--latency is", 1u << REPORT_OFFCPU},
	{"--threads is", 1u << REPORT_WAIT | 1u << REPORT_OFFCPU},
};

static const char *const report_names[REPORT_MAX] = {"", "wait", "offcpu", "irqoff", "nosched"};

static bool is_held(const void *settings)
{
	return ((const struct tt_sched_settings *)settings)->config.held != 0;
}

static int sched_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_sched_settings *s = settings;
	const bool given[] = {s->config.late_ns, s->config.stacks || s->stacks.folded || s->stacks.svg, s->config.latency,
			      s->config.threads};

	if (s->report == REPORT_NONE)
		return tt_tool_fail(e, "what is to be reported: wait, offcpu, irqoff or nosched?");
	for (size_t i = 0; i < TT_ARRAY_LEN(option_of); i++) {
		if (given[i] && !(option_of[i].reports & 1u << s->report))
			return tt_tool_fail(e, "%s not for %s", option_of[i].name, report_names[s->report]);
	}
	s->config.behind = s->report == REPORT_WAIT;
	s->config.blocks = s->report == REPORT_OFFCPU;
	s->config.held = s->report == REPORT_IRQOFF ? TT_HELD_IRQS : s->report == REPORT_NOSCHED ? TT_HELD_RESCHED : 0;
	s->config.latency |= s->config.behind;
	if (s->config.held && tt_held_prepare(s, e) < 0)
		return -EINVAL;
	tt_sched_prepare(s);
	s->stacks.wanted |= s->config.held != 0;
	return 0;
}

/* Single ones are wanted. */
static bool sched_at_once(const void *settings)
{
	return ((const struct tt_sched_settings *)settings)->config.late_ns != 0;
}

static uint32_t sched_hz(const void *settings)
{
	return tt_held_hz(settings);
}

static int sched_begin(struct tt_tool_run *run)
{
	return is_held(run->settings) ? tt_held_begin(run) : tt_sched_begin(run);
}

static int sched_record(struct tt_tool_run *run, const struct tt_record *rec)
{
	if (rec->type != (uint16_t)TT_SCHED_LATE)
		return tt_held_take(run, TABLE_HELD, rec);
	return rec->len < sizeof(struct tt_sched_late) ? 0
						       : tt_sched_show_late(run, TABLE_LATE, (const struct tt_sched_late *)rec);
}

struct worth {
	struct tt_tool_run *run;
	const struct tt_sched_view *view;
};

static bool worth_showing(void *ctx, uint32_t tgid, uint32_t tid, uint64_t ns)
{
	const struct worth *w = ctx;
	const struct tt_sched_sum *sum = tt_sched_sum_find(w->view, tgid, tid);
	bool worth = !sum || ns >= sum->row.part[TT_SCHED_WAIT].ns / LEAST;

	w->run->notes[NOTE_NOT_SHOWN] += !worth;
	return worth;
}

/* Behind whom: who asks for so many, or so much, gets what was asked for. */
static int show_behind(struct tt_tool_run *run, struct tt_sched_view *v)
{
	struct worth worth = {run, v};

	if (!run->options->top && !(run->options->least > 0))
		v->filter = worth_showing;
	v->filter_ctx = &worth;
	int r = tt_sched_show_behind(run, TABLE_BEHIND, v);
	v->filter = NULL;
	v->filter_ctx = NULL;
	return r;
}

static int sched_interval(struct tt_tool_run *run)
{
	const struct tt_sched_settings *s = run->settings;
	struct tt_sched_view v = {0};

	if (s->config.held)
		return tt_held_interval(run, TABLE_HELD_LENGTHS);
	if (s->config.late_ns)
		return 0;
	int r = tt_sched_view(run, &v);
	if (r == 0 && s->report == REPORT_WAIT) {
		r = tt_sched_show_waits(run, TABLE_WAITS, &v);
		r = r < 0 ? r : show_behind(run, &v);
		r = r < 0 ? r : tt_sched_show_latency(run, TABLE_LATENCY, &v);
	} else if (r == 0) {
		r = tt_sched_show_blocks(run, TABLE_BLOCKS, &v);
		if (r == 0 && s->config.latency)
			r = tt_sched_show_lengths(run, TABLE_LENGTHS, &v);
	}
	tt_sched_view_free(&v);
	return r;
}

static int sched_end(struct tt_tool_run *run)
{
	return is_held(run->settings) ? tt_held_end(run, TABLE_HELD) : tt_sched_end(run);
}

static const struct tt_map_row maps[] = {TT_SCHED_MAP_ROWS, {"tt_held_cpus", TT_MAP_PER_CPU}};

const struct tt_tool tt_tool_sched = {
	.tables = tables,
	.table_count = TT_ARRAY_LEN(tables),
	.options = options,
	.option_count = TT_ARRAY_LEN(options),
	.words = words,
	.words_help = "wait|offcpu|irqoff|nosched [INTERVAL [COUNT]]",
	.settings_size = sizeof(struct tt_sched_settings),
	.config_size = sizeof(struct tt_sched_config),
	.prepare = sched_prepare,
	.at_once = sched_at_once,
	.sample_hz = sched_hz,
	.sample_idle = true,
	.by_cycles = 1ull << TT_SCHED_HOOK_CYCLES,
	.unwanted = tt_sched_unwanted,
	.stacks = tt_sched_stacks,
	.presets = tt_sched_presets,
	.preset_count = TT_SCHED_PRESETS,
	.hooks = tt_sched_hooks,
	.hook_count = TT_SCHED_HOOKS,
	.maps = maps,
	.map_count = TT_ARRAY_LEN(maps),
	.notes = {TT_SCHED_NOTE_ROWS, [TT_HELD_NOTE_NO_ROOM] = "not kept while others of their processor waited to be shown",
		  [TT_HELD_NOTE_NO_BEGIN] = "softirqs in no row, because since when was not told",
		  [NOTE_NOT_SHOWN] = "rows of who was ahead not shown, of less than a hundredth of the waiting (--top, --min)"},
	.begin = sched_begin,
	.record = sched_record,
	.interval = sched_interval,
	.end = sched_end,
	.free = tt_sched_free,
	.inside = &tt_sched_inside,
};
