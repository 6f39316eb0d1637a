// SPDX-License-Identifier: Apache-2.0
/* telltale sched inside the agent: where threads' time goes, by process, and how long they wait for a processor. */
#include <string.h>

#include "base/own.h"
#include "kernel/tables.h"
#include "sink/sink.h"
#include "tools/inside.h"
#include "tools/sched/state.h"

static int inside_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_sched_settings *s = settings;

	s->config.figures = s->config.blocks = 1;
	tt_sched_prepare(s);
	return 0;
}

static const struct tt_map_row maps[] = {
	{"tt_sched_tasks", TT_LIMIT_TOOL_TASKS},       {"tt_sched_rows", TT_LIMIT_TOOL_KERNEL_ROWS},
	{"tt_sched_waits", TT_LIMIT_TOOL_KERNEL_ROWS}, {"tt_sched_cpus", TT_MAP_PER_CPU},
	{"tt_sched_counts", TT_MAP_PER_CPU},	       {"tt_stack_counts", TT_MAP_PER_CPU},
};

static const struct tt_tool_preset presets[] = {
	{TT_LIMIT_RING_BYTES, 64u << 10}, {TT_LIMIT_CONTROL_RING_BYTES, 64u << 10}, {TT_LIMIT_TOOL_KERNEL_ROWS, 4096}};

/* --- in the attach part --- */

struct collecting {
	uint32_t set;
	struct tt_buf *to;
};

static int take_waits(void *ctx, const void *key, const void *value)
{
	const struct collecting *c = ctx;
	const struct tt_sched_key *k = key;
	struct tt_sched_inside_row row = {.tgid = k->tgid};

	if (k->set != c->set)
		return 0;
	memcpy(&row.waits, value, sizeof(row.waits));
	row.start_ns = row.waits.start_ns;
	int r = tt_buf_add(c->to, &row, sizeof(row));
	return r < 0 ? r : 1;
}

static int collect(struct tt_tool_run *run, struct tt_buf *to)
{
	struct tt_sched_view v = {0};
	int r = tt_sched_view(run, &v);

	for (size_t i = 0; r == 0 && i < v.sum_count; i++) {
		struct tt_sched_inside_row row = {.tgid = v.sums[i].key.tgid, .start_ns = v.sums[i].row.start_ns};
		for (size_t part = 0; part < TT_SCHED_PART_MAX; part++)
			row.part_ns[part] = v.sums[i].row.part[part].ns;
		r = tt_buf_add(to, &row, sizeof(row));
	}
	struct collecting c = {.set = v.set, .to = to};
	if (r == 0)
		r = tt_kernel_map_walk(run->kernel, "tt_sched_waits", sizeof(struct tt_sched_key), sizeof(struct tt_sched_waits),
				       take_waits, &c);
	tt_sched_view_free(&v);
	return r;
}

/* --- in the other --- */

static void row_export(struct tt_tool_run *run, const struct tt_inside_to *to, const void *from)
{
	struct tt_sched_inside_row r;

	memcpy(&r, from, sizeof(r));
	const struct tt_identity *who = tt_inside_who(to, r.tgid, r.start_ns, NULL);
	for (size_t part = 0; part < TT_SCHED_PART_MAX; part++) {
		const struct tt_label label = {"part", tt_span_str(tt_sched_part_names[part])};
		tt_inside_seconds(to, "process_thread_time_seconds_total", who, &label, 1, r.part_ns[part]);
	}
	tt_inside_times(to, "process_cpu_wait_duration_seconds", who, NULL, 0, r.waits.count, r.waits.ns, r.waits.times);
}

static const char *const causes[TT_TOOL_NOTES_MOST] = {
	[TT_SCHED_NOTE_TASK_WAITS] = "tasks_full", [TT_SCHED_NOTE_TASK_BLOCKS] = "tasks_full_blocked",
	[TT_SCHED_NOTE_NO_WAIT] = "waits_full",	   [TT_SCHED_NOTE_NO_ROW] = "rows_full",
	[TT_SCHED_NOTE_NO_WAKER] = "waker_unseen", [TT_SCHED_NOTE_UNTOLD] = "switch_untold",
};

const struct tt_tool_inside tt_sched_inside = {
	.prepare = inside_prepare,
	.maps = maps,
	.map_count = TT_ARRAY_LEN(maps),
	.presets = presets,
	.preset_count = TT_ARRAY_LEN(presets),
	.causes = causes,
	.row_size = sizeof(struct tt_sched_inside_row),
	.collect = collect,
	.row = row_export,
};
