// SPDX-License-Identifier: Apache-2.0
/* telltale sched: waiting for a processor, and being blocked. */
#include "tools/sched/sched.h"

#include <errno.h>
#include <stdio.h>

#include "base/own.h"
#include "tools/sched/state.h"

enum tt_sched_report {
	REPORT_NONE,
	REPORT_WAIT,
	REPORT_OFFCPU,
};

enum table {
	TABLE_WAITS,
	TABLE_BEHIND,
	TABLE_LATENCY,
	TABLE_LATE,
	TABLE_BLOCKS,
	TABLE_LENGTHS,
	TABLE_MAX,
};

static const struct tt_table *const tables[TABLE_MAX] = {
	[TABLE_WAITS] = &tt_sched_waits_table, [TABLE_BEHIND] = &tt_sched_behind_table, [TABLE_LATENCY] = &tt_sched_latency_table,
	[TABLE_LATE] = &tt_sched_late_table,   [TABLE_BLOCKS] = &tt_sched_blocks_table, [TABLE_LENGTHS] = &tt_sched_lengths_table,
};

static const struct tt_option_row options[] = {
	{"report", 0, "wait|offcpu", TT_ROW_CHOICE, offsetof(struct tt_sched_settings, report), 0, 0,
	 "what is reported: waiting for a processor, or being blocked; also as first word"},
	{"over", 0, "MS", TT_ROW_MILLISECONDS, offsetof(struct tt_sched_settings, config.late_ns), 1, 3600000000000ull,
	 "with wait: instead of tables, list each wait of at least so many milliseconds, and who had the processor"},
	{"threads", 't', NULL, TT_ROW_FLAG, offsetof(struct tt_sched_settings, config.threads), 0, 0,
	 "a row for each thread, not for each process"},
	{"stacks", 's', NULL, TT_ROW_FLAG, offsetof(struct tt_sched_settings, config.stacks), 0, 0,
	 "with offcpu: a row for each stack of program and kernel, too"},
	TT_STACK_OPTIONS(struct tt_sched_settings, stacks),
	{"latency", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_sched_settings, config.latency), 0, 0,
	 "with offcpu: show how many blocked times took how long, by reason"},
};

static const char *const words[] = {"report", "interval", "count", NULL};

static int sched_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_sched_settings *s = settings;
	bool wait = s->report == REPORT_WAIT;

	if (s->report == REPORT_NONE)
		return tt_tool_fail(e, "what is to be reported: wait or offcpu?");
	bool stacks = s->config.stacks || s->stacks.folded || s->stacks.svg;
	if (wait ? stacks || s->config.latency : s->config.late_ns)
		return tt_tool_fail(e, "%s %s not for %s",
				    !wait    ? "--over"
				    : stacks ? "--stacks, --folded and --svg"
					     : "--latency",
				    wait && stacks ? "are" : "is", wait ? "wait" : "offcpu");
	s->config.behind = wait;
	s->config.blocks = !wait;
	s->config.latency |= wait;
	tt_sched_prepare(s);
	return 0;
}

static bool sched_at_once(const void *settings)
{
	return ((const struct tt_sched_settings *)settings)->config.late_ns != 0;
}

static int sched_record(struct tt_tool_run *run, const struct tt_record *rec)
{
	if (rec->type != (uint16_t)TT_SCHED_LATE || rec->len < sizeof(struct tt_sched_late))
		return 0;
	return tt_sched_show_late(run, TABLE_LATE, (const struct tt_sched_late *)rec);
}

static int sched_interval(struct tt_tool_run *run)
{
	const struct tt_sched_settings *s = run->settings;
	struct tt_sched_view v = {0};

	if (s->config.late_ns)
		return 0;
	int r = tt_sched_view(run, &v);
	if (r == 0 && s->report == REPORT_WAIT) {
		r = tt_sched_show_waits(run, TABLE_WAITS, &v);
		r = r < 0 ? r : tt_sched_show_behind(run, TABLE_BEHIND, &v);
		r = r < 0 ? r : tt_sched_show_latency(run, TABLE_LATENCY, &v);
	} else if (r == 0) {
		r = tt_sched_show_blocks(run, TABLE_BLOCKS, &v);
		if (r == 0 && s->config.latency)
			r = tt_sched_show_lengths(run, TABLE_LENGTHS, &v);
	}
	tt_sched_view_free(&v);
	return r;
}

const struct tt_tool tt_tool_sched = {
	.tables = tables,
	.table_count = TT_ARRAY_LEN(tables),
	.options = options,
	.option_count = TT_ARRAY_LEN(options),
	.words = words,
	.words_help = "wait|offcpu [INTERVAL [COUNT]]",
	.settings_size = sizeof(struct tt_sched_settings),
	.config_size = sizeof(struct tt_sched_config),
	.prepare = sched_prepare,
	.at_once = sched_at_once,
	.unwanted = tt_sched_unwanted,
	.stacks = tt_sched_stacks,
	.presets = tt_sched_presets,
	.preset_count = TT_SCHED_PRESETS,
	.hooks = tt_sched_hooks,
	.hook_count = TT_SCHED_HOOKS,
	.maps = tt_sched_maps,
	.map_count = TT_SCHED_MAPS,
	.notes = {TT_SCHED_NOTE_ROWS},
	.begin = tt_sched_begin,
	.record = sched_record,
	.interval = sched_interval,
	.end = tt_sched_end,
	.free = tt_sched_free,
};
