// SPDX-License-Identifier: Apache-2.0
/* telltale io --slow: single requests, and where their time went. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/tables.h"
#include "tools/io/state.h"

/* What waits for so long when telltale looks is told, though it is not done. */
#define TT_IO_HUNG_NS 1000000000ull

struct slow_row {
	uint64_t time_ns;
	uint64_t pid;
	uint64_t took_ns;
	uint64_t wait_ns;
	uint64_t scheduler_ns;
	uint64_t device_ns;
	uint64_t bytes;
	uint64_t sector;
	uint64_t ino;
	char comm[TT_IO_COMM_LEN];
	char disk[TT_DISK_NAME];
	char op[8];
	char state[8];
	char container[TT_IO_CONTAINER_LEN];
	char file[TT_IO_PATH_LEN];
};

static const struct tt_field fields[] = {
	TT_FIELD(struct slow_row, time_ns, "TIME", TT_UNIT_NONE, 12, "time_unix_ns", TT_FIELD_TIME,
		 "when it was done; of one that is not, when telltale looked"),
	TT_FIELD(struct slow_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "process it was for"),
	TT_FIELD(struct slow_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "that process's name"),
	TT_FIELD(struct slow_row, disk, "DISK", TT_UNIT_NONE, 8, "disk", TT_FIELD_TEXT, "name of the whole disk"),
	TT_FIELD(struct slow_row, op, "OP", TT_UNIT_NONE, 7, "operation", TT_FIELD_TEXT, "`read`, `write`, `discard`, `flush`"),
	TT_FIELD(struct slow_row, bytes, "SIZE", TT_UNIT_KIB, 9, "size_bytes", TT_FIELD_BYTES, "of the request"),
	TT_FIELD(struct slow_row, took_ns, "TOOK", TT_UNIT_MS, 10, "took_ns", TT_FIELD_NS,
		 "since it was handed to the block layer"),
	TT_FIELD(struct slow_row, wait_ns, "WAIT", TT_UNIT_MS, 9, "wait_ns", TT_FIELD_NS,
		 "of that, until a scheduler or the driver got it: throttling, no free request, a flush before it"),
	TT_FIELD(struct slow_row, scheduler_ns, "SCHED", TT_UNIT_MS, 9, "scheduler_ns", TT_FIELD_NS,
		 "of that, in the queue of the I/O scheduler"),
	TT_FIELD(struct slow_row, device_ns, "DEVICE", TT_UNIT_MS, 10, "device_ns", TT_FIELD_NS,
		 "of that, in the driver and the device"),
	TT_FIELD(struct slow_row, state, "STATE", TT_UNIT_NONE, 6, "state", TT_FIELD_TEXT,
		 "`done`, `failed`, or `waits`: it was not done when telltale looked"),
	TT_FIELD_MORE(struct slow_row, sector, "sector", TT_FIELD_ID, "its first, of 512 bytes"),
	TT_FIELD_MORE(struct slow_row, ino, "inode", TT_FIELD_ID, "number of the file's inode"),
	TT_FIELD_MORE(struct slow_row, container, "container_id", TT_FIELD_TEXT, "container the process is in"),
	TT_FIELD(struct slow_row, file, "FILE", TT_UNIT_NONE, 0, "file", TT_FIELD_TEXT, "as in the table of files"),
};

const struct tt_table tt_io_slow_table = {
	.kind = "slow",
	.help = "a request that took at least as long as `--slow` says",
	.fields = {fields, TT_ARRAY_LEN(fields)},
	.row_size = sizeof(struct slow_row),
	.rank = 6, /* took_ns */
};

static void set_names(struct tt_tool_run *run, struct slow_row *row, const struct tt_io_file *file, uint32_t disk, uint32_t tgid,
		      uint64_t start_ns)
{
	struct tt_io_names_of names;

	tt_io_name(run, file, disk, tgid, start_ns, &names);
	row->ino = names.ino;
	memcpy(row->disk, names.disk, sizeof(row->disk));
	memcpy(row->container, names.container, sizeof(row->container));
	memcpy(row->file, names.file, sizeof(row->file));
}

/* From one moment to the next; what was not reached is not known. */
static uint64_t span(uint64_t from, uint64_t to)
{
	return from && to >= from ? to - from : TT_UNKNOWN;
}

/* What came before it was queued is of the request that had its place in memory before, whose end was not told. */
static void set_stages(struct slow_row *row, uint64_t queued, uint64_t inserted, uint64_t issued, uint64_t end)
{
	inserted = inserted < queued ? 0 : inserted;
	issued = issued < queued ? 0 : issued;
	uint64_t left = inserted ? inserted : issued;

	row->took_ns = span(queued, end);
	row->wait_ns = span(queued, left ? left : end);
	row->scheduler_ns = inserted ? span(inserted, issued ? issued : end) : left ? 0 : TT_UNKNOWN;
	row->device_ns = span(issued, end);
}

int tt_io_slow_record(struct tt_tool_run *run, const struct tt_io_slow *s)
{
	struct slow_row row = {.time_ns = s->rec.time_ns, .pid = s->rec.tgid, .bytes = s->bytes, .sector = s->sector};

	set_names(run, &row, &s->file, s->disk, s->rec.tgid, s->rec.start_ns);
	set_stages(&row, s->queued_ns, s->inserted_ns, s->issued_ns, s->rec.time_ns);
	memcpy(row.comm, s->comm, sizeof(row.comm));
	if (s->op < TT_IO_OP_MAX)
		snprintf(row.op, sizeof(row.op), "%s", tt_io_op_names[s->op]);
	snprintf(row.state, sizeof(row.state), "%s", s->error ? "failed" : "done");
	return tt_tool_row(run, TT_IO_TABLE_SLOW, &row);
}

/* --- what is under way --- */

struct waiting {
	struct tt_tool_run *run;
	uint64_t now_ns;
	uint64_t least_ns;
};

static int take_waiting(void *ctx, const void *key, const void *value)
{
	struct waiting *w = ctx;
	const struct tt_io_bio *b = value;
	struct slow_row row = {.time_ns = w->now_ns, .pid = b->who.tgid, .bytes = b->bytes, .sector = b->sector};

	if (w->now_ns < b->queued_ns || w->now_ns - b->queued_ns < w->least_ns)
		return 0;
	set_names(w->run, &row, &b->file, b->disk, b->who.tgid, b->who.start_ns);
	set_stages(&row, b->queued_ns, b->inserted_ns, b->issued_ns, w->now_ns);
	memcpy(row.comm, b->who.comm, sizeof(row.comm));
	if (b->op < TT_IO_OP_MAX)
		snprintf(row.op, sizeof(row.op), "%s", tt_io_op_names[b->op]);
	snprintf(row.state, sizeof(row.state), "waits");
	return tt_tool_row(w->run, TT_IO_TABLE_SLOW, &row);
}

int tt_io_slow_waiting(struct tt_tool_run *run)
{
	const struct tt_io_settings *s = run->settings;
	struct waiting w = {.run = run, .now_ns = tt_now_ns(), .least_ns = TT_MAX(s->config.slow_ns, TT_IO_HUNG_NS)};

	return tt_kernel_map_walk(run->kernel, "tt_io_bios", sizeof(uint64_t), sizeof(struct tt_io_bio), take_waiting, &w);
}
