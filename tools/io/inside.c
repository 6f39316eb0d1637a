// SPDX-License-Identifier: Apache-2.0
/* telltale io inside the agent: operations by process and disk, and what the disks count themselves. */
#include <string.h>

#include "base/own.h"
#include "kernel/tables.h"
#include "sink/sink.h"
#include "tools/inside.h"
#include "tools/io/state.h"

static int inside_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_io_settings *s = settings;

	s->config.figures = 1;
	return tt_io_prepare(s, e);
}

static const char *const options[] = {"disk", NULL};

/* Names of files are not wanted, and nothing goes through rings. */
static const struct tt_map_row maps[] = {
	{"tt_io_bios", TT_LIMIT_TOOL_REQUESTS},
	{"tt_io_requests", TT_LIMIT_TOOL_REQUESTS},
	{"tt_io_figures", TT_LIMIT_TOOL_KERNEL_ROWS},
	{"tt_io_dirty", TT_LIMIT_TOOL_DIRTY},
	{"tt_io_works", TT_MAP_PER_CPU},
	{"tt_io_counts", TT_MAP_PER_CPU},
};

static const struct tt_tool_preset presets[] = {
	{TT_LIMIT_RING_BYTES, 64u << 10}, {TT_LIMIT_CONTROL_RING_BYTES, 64u << 10}, {TT_LIMIT_TOOL_KERNEL_ROWS, 4096}};

/* --- in the attach part --- */

struct collecting {
	uint32_t set;
	struct tt_buf *to;
};

static int take(void *ctx, const void *key, const void *value)
{
	const struct collecting *c = ctx;
	struct tt_io_inside_row row;

	memcpy(&row.key, key, sizeof(row.key));
	memcpy(&row.figure, value, sizeof(row.figure));
	if (row.key.set != c->set)
		return 0;
	int r = tt_buf_add(c->to, &row, sizeof(row));
	return r < 0 ? r : 1;
}

static int collect(struct tt_tool_run *run, struct tt_buf *to)
{
	struct collecting c = {.to = to};
	int r = tt_io_change_sets(run, &c.set);

	if (r == 0)
		r = tt_kernel_map_walk(run->kernel, "tt_io_figures", sizeof(struct tt_io_figure_key), sizeof(struct tt_io_figure),
				       take, &c);
	return r;
}

/* --- in the other --- */

static void row_export(struct tt_tool_run *run, const struct tt_inside_to *to, const void *from)
{
	struct tt_io_state *s = run->state;
	char disk[TT_DISK_NAME];
	struct tt_io_inside_row r;

	memcpy(&r, from, sizeof(r));
	if (r.key.op >= TT_IO_OP_MAX)
		return;
	struct tt_disk *d = tt_disks_find(&s->disks, r.key.disk);
	if (d)
		d->used = true;
	tt_io_disk_name(s, r.key.disk, disk, sizeof(disk));
	const struct tt_label labels[] = {{"system_device", tt_span_str(disk)},
					  {"disk_io_direction", tt_span_str(tt_io_op_names[r.key.op])}};
	const struct tt_identity *who = tt_inside_who(to, r.key.tgid, r.key.start_ns, r.figure.comm);

	tt_inside_count(to, "process_disk_io_bytes_total", who, labels, TT_ARRAY_LEN(labels), r.figure.bytes);
	tt_inside_count(to, "process_disk_operation_errors_total", who, labels, TT_ARRAY_LEN(labels), r.figure.errors);
	tt_inside_times(to, "process_disk_operation_duration_seconds", who, labels, TT_ARRAY_LEN(labels), r.figure.requests,
			r.figure.ns, r.figure.times);
}

/* Of one disk and direction, as it counts itself, whoever asked for it. */
static void direction_export(const struct tt_inside_to *to, const char *disk, enum tt_io_op op, uint64_t requests, uint64_t bytes,
			     uint64_t ns)
{
	const struct tt_label labels[] = {{"system_device", tt_span_str(disk)},
					  {"disk_io_direction", tt_span_str(tt_io_op_names[op])}};

	tt_inside_count(to, "system_disk_operations_total", NULL, labels, TT_ARRAY_LEN(labels), requests);
	tt_inside_count(to, "system_disk_io_bytes_total", NULL, labels, TT_ARRAY_LEN(labels), bytes);
	tt_inside_seconds(to, "system_disk_operation_time_seconds_total", NULL, labels, TT_ARRAY_LEN(labels), ns);
}

/* Of disks that were used by what is observed, from the time on when that was first seen. */
static void disks_export(struct tt_tool_run *run, const struct tt_inside_to *to)
{
	struct tt_io_state *s = run->state;

	for (size_t i = 0; i < s->disks.count; i++) {
		const struct tt_disk *d = &s->disks.list[i];
		const struct tt_disk_counts more = tt_disk_more(d);
		const struct tt_label label = {"system_device", tt_span_str(d->name)};

		if (!d->used)
			continue;
		direction_export(to, d->name, TT_IO_READ, more.reads, more.read_bytes, more.read_ns);
		direction_export(to, d->name, TT_IO_WRITE, more.writes, more.write_bytes, more.write_ns);
		tt_inside_seconds(to, "system_disk_io_time_seconds_total", NULL, &label, 1, more.busy_ns);
	}
}

/* Before the rows: what the disks counted meanwhile. */
static int disks_look(struct tt_tool_run *run)
{
	struct tt_io_state *s = run->state;

	return tt_disks_read(&s->disks);
}

static const char *const causes[TT_TOOL_NOTES_MOST] = {
	[TT_IO_NOTE_NO_BIO] = "requests_full",
	[TT_IO_NOTE_NO_ROW] = "rows_full",
	[TT_IO_NOTE_NO_DIRTIER] = "dirtier_unknown",
	[TT_IO_NOTE_NO_END] = "end_untold",
};

const struct tt_tool_inside tt_io_inside = {
	.options = options,
	.prepare = inside_prepare,
	.maps = maps,
	.map_count = TT_ARRAY_LEN(maps),
	.presets = presets,
	.preset_count = TT_ARRAY_LEN(presets),
	.causes = causes,
	.row_size = sizeof(struct tt_io_inside_row),
	.collect = collect,
	.rows_begin = disks_look,
	.row = row_export,
	.rows_end = disks_export,
};
