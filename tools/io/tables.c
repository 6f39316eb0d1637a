// SPDX-License-Identifier: Apache-2.0
/* telltale io's tables of counts: by file, disk, latency and size. What was counted in the kernel is shown and begins anew. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/tables.h"
#include "tools/io/state.h"

/* Programs under way when the set of rows changes have ended by then. */
#define TT_IO_SETTLE_NS 2000000

struct file_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t requests;
	uint64_t bytes;
	uint64_t rate;
	uint64_t average_ns;
	uint64_t wait_ns;
	uint64_t most_ns;
	uint64_t sequential;
	uint64_t sequential_share;
	uint64_t errors;
	uint64_t ino;
	uint64_t cgroup;
	char comm[TT_IO_COMM_LEN];
	char disk[TT_DISK_NAME];
	char op[8];
	char container[TT_IO_CONTAINER_LEN];
	char file[TT_IO_PATH_LEN];
};

static const struct tt_field file_fields[] = {
	TT_FIELD_MORE(struct file_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct file_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct file_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID,
		 "the process that asked for it, or that had made dirty what the kernel wrote later"),
	TT_FIELD(struct file_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT, "that process's name"),
	TT_FIELD(struct file_row, disk, "DISK", TT_UNIT_NONE, 8, "disk", TT_FIELD_TEXT, "name of the whole disk"),
	TT_FIELD(struct file_row, op, "OP", TT_UNIT_NONE, 7, "operation", TT_FIELD_TEXT,
		 "`read`, `write`, `discard`, `flush` (of the disk's own cache)"),
	TT_FIELD(struct file_row, requests, "REQS", TT_UNIT_NONE, 8, "requests", TT_FIELD_COUNT,
		 "requests the disk has done; one that is for several files counts for the first"),
	TT_FIELD(struct file_row, bytes, "BYTES", TT_UNIT_MIB, 11, "moved_bytes", TT_FIELD_BYTES, "moved by them"),
	TT_FIELD(struct file_row, rate, "RATE", TT_UNIT_MIB, 11, "moved_bytes_per_s", TT_FIELD_RATE, "the same a second"),
	TT_FIELD(struct file_row, average_ns, "AVG", TT_UNIT_MS, 9, "average_ns", TT_FIELD_NS,
		 "from the moment a request was handed to the block layer until it was done"),
	TT_FIELD(struct file_row, most_ns, "MAX", TT_UNIT_MS, 9, "most_ns", TT_FIELD_NS, "the slowest"),
	TT_FIELD(struct file_row, wait_ns, "WAIT", TT_UNIT_MS, 9, "wait_average_ns", TT_FIELD_NS,
		 "part of the average before the driver had it"),
	TT_FIELD(struct file_row, sequential_share, "SEQ", TT_UNIT_NONE, 7, "sequential_percent", TT_FIELD_PERCENT,
		 "part of the requests that began where the one asked for before them ended, by the same process in the same "
		 "direction; of those that had one before them in the interval"),
	TT_FIELD_MORE(struct file_row, sequential, "sequential_requests", TT_FIELD_COUNT, "how many these are"),
	TT_FIELD_MORE(struct file_row, errors, "errors", TT_FIELD_COUNT, "requests that failed"),
	TT_FIELD_MORE(struct file_row, ino, "inode", TT_FIELD_ID, "number of the file's inode"),
	TT_FIELD_MORE(struct file_row, cgroup, "cgroup_id", TT_FIELD_ID, "cgroup (version 2) the process was in"),
	TT_FIELD_MORE(struct file_row, container, "container_id", TT_FIELD_TEXT, "container the process is in"),
	TT_FIELD(struct file_row, file, "FILE", TT_UNIT_NONE, 0, "file", TT_FIELD_TEXT,
		 "path; ` (deleted)` behind one that is gone; a disk's name where it was the page cache of the disk itself: what "
		 "a "
		 "file system keeps beside contents of files"),
};

struct disk_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t reads;
	uint64_t read_bytes;
	uint64_t read_rate;
	uint64_t read_ns;
	uint64_t writes;
	uint64_t write_bytes;
	uint64_t write_rate;
	uint64_t write_ns;
	uint64_t busy;
	char disk[TT_DISK_NAME];
};

static const struct tt_field disk_fields[] = {
	TT_FIELD_MORE(struct disk_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct disk_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct disk_row, disk, "DISK", TT_UNIT_NONE, 8, "disk", TT_FIELD_TEXT, "name of the whole disk"),
	TT_FIELD(struct disk_row, reads, "READS", TT_UNIT_NONE, 8, "reads", TT_FIELD_COUNT,
		 "requests it has done, for whomever: by its own count, not telltale's, as everything in this table"),
	TT_FIELD(struct disk_row, read_bytes, "READ", TT_UNIT_MIB, 10, "read_bytes", TT_FIELD_BYTES, "moved by them"),
	TT_FIELD(struct disk_row, read_rate, "READ", TT_UNIT_MIB, 11, "read_bytes_per_s", TT_FIELD_RATE, "the same a second"),
	TT_FIELD(struct disk_row, read_ns, "RAVG", TT_UNIT_MS, 9, "read_average_ns", TT_FIELD_NS, "time a read took on average"),
	TT_FIELD(struct disk_row, writes, "WRITES", TT_UNIT_NONE, 8, "writes", TT_FIELD_COUNT, "as for reads"),
	TT_FIELD(struct disk_row, write_bytes, "WRITTEN", TT_UNIT_MIB, 13, "write_bytes", TT_FIELD_BYTES, "as for reads"),
	TT_FIELD(struct disk_row, write_rate, "WRITTEN", TT_UNIT_MIB, 14, "write_bytes_per_s", TT_FIELD_RATE, "as for reads"),
	TT_FIELD(struct disk_row, write_ns, "WAVG", TT_UNIT_MS, 9, "write_average_ns", TT_FIELD_NS, "as for reads"),
	TT_FIELD(struct disk_row, busy, "BUSY", TT_UNIT_NONE, 8, "busy_percent", TT_FIELD_PERCENT,
		 "part of the interval in which it had something to do"),
};

/* Of both histograms; from and to in ns or bytes. */
struct histogram_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t from;
	uint64_t to;
	uint64_t requests;
	uint64_t bar;
	char disk[TT_DISK_NAME];
	char op[8];
};

#define HISTOGRAM_FIELDS(unit_, from_, to_, type_, what_)                                                                       \
	TT_FIELD_MORE(struct histogram_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),                     \
		TT_FIELD_MORE(struct histogram_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),                     \
		TT_FIELD(struct histogram_row, disk, "DISK", TT_UNIT_NONE, 8, "disk", TT_FIELD_TEXT, "name of the whole disk"), \
		TT_FIELD(struct histogram_row, op, "OP", TT_UNIT_NONE, 7, "operation", TT_FIELD_TEXT,                           \
			 "as in the table of files"),                                                                           \
		TT_FIELD(struct histogram_row, from, "FROM", unit_, 11, from_, type_, what_),                                   \
		TT_FIELD(struct histogram_row, to, "TO", unit_, 11, to_, type_, "… and less than this"),                        \
		TT_FIELD(struct histogram_row, requests, "REQS", TT_UNIT_NONE, 8, "requests", TT_FIELD_COUNT, "how many"),      \
		TT_FIELD(struct histogram_row, bar, "", TT_UNIT_NONE, 0, NULL, TT_FIELD_BAR, "the same as a bar")

static const struct tt_field latency_fields[] = {
	HISTOGRAM_FIELDS(TT_UNIT_US, "from_ns", "to_ns", TT_FIELD_NS, "requests that took so long …"),
};

static const struct tt_field size_fields[] = {
	HISTOGRAM_FIELDS(TT_UNIT_KIB, "from_bytes", "to_bytes", TT_FIELD_BYTES, "requests of so much …"),
};

const struct tt_table tt_io_files_table = {
	.kind = "file",
	.help = "what one process moved of one file on one disk, in one direction",
	.fields = {file_fields, TT_ARRAY_LEN(file_fields)},
	.row_size = sizeof(struct file_row),
	.rank = 7, /* bytes */
};

const struct tt_table tt_io_disks_table = {
	.kind = "disk",
	.help = "a disk of those files, as a whole",
	.fields = {disk_fields, TT_ARRAY_LEN(disk_fields)},
	.row_size = sizeof(struct disk_row),
	.rank = 4, /* read_bytes */
	.in_order = true,
};

const struct tt_table tt_io_latencies_table = {
	.kind = "latency",
	.help = "with `--latency`: how many requests took how long",
	.fields = {latency_fields, TT_ARRAY_LEN(latency_fields)},
	.row_size = sizeof(struct histogram_row),
	.rank = 6, /* requests */
	.in_order = true,
};

const struct tt_table tt_io_sizes_table = {
	.kind = "size",
	.help = "with `--sizes`: how many requests were how large",
	.fields = {size_fields, TT_ARRAY_LEN(size_fields)},
	.row_size = sizeof(struct histogram_row),
	.rank = 6, /* requests */
	.in_order = true,
};

/* --- each interval --- */

struct showing {
	struct tt_tool_run *run;
	uint32_t set;
	uint64_t now_ns;
	uint64_t interval_ns;
};

static uint64_t per_second(uint64_t interval_ns, uint64_t v)
{
	return interval_ns ? (uint64_t)((double)v * 1e9 / (double)interval_ns) : TT_UNKNOWN;
}

static uint64_t average(uint64_t sum, uint64_t count)
{
	return count ? sum / count : TT_UNKNOWN;
}

int tt_io_file_show(struct tt_tool_run *run, const struct tt_io_key *k, const struct tt_io_value *v, uint64_t now_ns,
		    uint64_t interval_ns)
{
	struct tt_io_state *state = run->state;
	struct tt_io_names_of names;

	/* It was asked for, but not done by then: it counts in the next set. */
	if (!v->requests && !v->bytes)
		return 0;
	struct tt_disk *disk = tt_disks_find(&state->disks, k->disk);
	if (disk)
		disk->used = true;
	tt_io_name(run, &k->file, k->disk, k->tgid, k->start_ns, &names);
	struct file_row row = {
		.time_ns = now_ns,
		.interval_ns = interval_ns,
		.pid = k->tgid,
		.requests = v->requests,
		.bytes = v->bytes,
		.rate = per_second(interval_ns, v->bytes),
		.average_ns = average(v->wait_ns + v->device_ns, v->requests),
		.wait_ns = average(v->wait_ns, v->requests),
		.most_ns = v->requests ? v->most_ns : TT_UNKNOWN,
		.sequential = v->order[TT_IO_ORDER_NEXT],
		.sequential_share =
			average(v->order[TT_IO_ORDER_NEXT] * 10000, v->order[TT_IO_ORDER_NEXT] + v->order[TT_IO_ORDER_ELSEWHERE]),
		.errors = v->errors,
		.ino = names.ino,
		.cgroup = v->cgroup_id ? v->cgroup_id : TT_UNKNOWN,
	};
	memcpy(row.comm, v->comm, sizeof(row.comm));
	memcpy(row.disk, names.disk, sizeof(row.disk));
	memcpy(row.container, names.container, sizeof(row.container));
	memcpy(row.file, names.file, sizeof(row.file));
	if (k->op < TT_IO_OP_MAX)
		snprintf(row.op, sizeof(row.op), "%s", tt_io_op_names[k->op]);
	return tt_tool_row(run, TT_IO_TABLE_FILES, &row);
}

static int take_file(void *ctx, const void *key, const void *value)
{
	const struct showing *s = ctx;
	const struct tt_io_key *k = key;

	if (k->set != s->set)
		return 0;
	int r = tt_io_file_show(s->run, k, value, s->now_ns, s->interval_ns);
	return r < 0 ? r : 1;
}

static int show_disk(const struct showing *s, const struct tt_disk *d)
{
	const struct tt_disk_counts more = tt_disk_more(d);
	struct disk_row row = {
		.time_ns = s->now_ns,
		.interval_ns = s->interval_ns,
		.reads = more.reads,
		.read_bytes = more.read_bytes,
		.read_rate = per_second(s->interval_ns, more.read_bytes),
		.read_ns = average(more.read_ns, more.reads),
		.writes = more.writes,
		.write_bytes = more.write_bytes,
		.write_rate = per_second(s->interval_ns, more.write_bytes),
		.write_ns = average(more.write_ns, more.writes),
		.busy = s->interval_ns ? TT_MIN(more.busy_ns * 10000 / s->interval_ns, (uint64_t)10000) : TT_UNKNOWN,
	};

	memcpy(row.disk, d->name, sizeof(row.disk));
	return tt_tool_row(s->run, TT_IO_TABLE_DISKS, &row);
}

static int show_disks(const struct showing *s)
{
	struct tt_io_state *state = s->run->state;
	int r = 0;

	for (size_t i = 0; r == 0 && i < state->disks.count; i++) {
		struct tt_disk *d = &state->disks.list[i];
		r = d->used ? show_disk(s, d) : 0;
		d->used = false;
	}
	return r;
}

static const struct {
	enum tt_io_table table;
	uint64_t unit;
} histograms[TT_IO_HISTOGRAM_MAX] = {
	[TT_IO_HISTOGRAM_LATENCY] = {TT_IO_TABLE_LATENCIES, TT_IO_LATENCY_UNIT},
	[TT_IO_HISTOGRAM_SIZE] = {TT_IO_TABLE_SIZES, TT_IO_SECTOR},
};

/* Bucket 0 is what is less than one unit, bucket n what is 2^(n-1) of them and more. */
static uint64_t bucket_from(unsigned bucket, uint64_t unit)
{
	return bucket ? unit << (bucket - 1) : 0;
}

int tt_io_histogram_show(struct tt_tool_run *run, const struct tt_io_histogram_key *k, const struct tt_io_histogram *h,
			 uint64_t now_ns, uint64_t interval_ns)
{
	unsigned first = TT_IO_BUCKETS, last = 0;
	uint64_t most = 1;

	if (k->op >= TT_IO_OP_MAX || k->kind >= TT_IO_HISTOGRAM_MAX)
		return 0;
	const uint64_t unit = histograms[k->kind].unit;
	for (unsigned i = 0; i < TT_IO_BUCKETS; i++) {
		if (!h->count[i])
			continue;
		first = TT_MIN(first, i);
		last = i;
		most = TT_MAX(most, h->count[i]);
	}
	for (unsigned i = first; i <= last; i++) {
		struct histogram_row row = {
			.time_ns = now_ns,
			.interval_ns = interval_ns,
			.from = bucket_from(i, unit),
			.to = i + 1 < TT_IO_BUCKETS ? bucket_from(i + 1, unit) : TT_UNKNOWN,
			.requests = h->count[i],
			.bar = (uint64_t)((double)h->count[i] * 10000 / (double)most),
		};
		tt_io_disk_name(run->state, k->disk, row.disk, sizeof(row.disk));
		snprintf(row.op, sizeof(row.op), "%s", tt_io_op_names[k->op]);
		int r = tt_tool_row(run, histograms[k->kind].table, &row);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_histogram(void *ctx, const void *key, const void *value)
{
	const struct showing *s = ctx;
	const struct tt_io_histogram_key *k = key;

	if (k->set != s->set)
		return 0;
	int r = tt_io_histogram_show(s->run, k, value, s->now_ns, s->interval_ns);
	return r < 0 ? r : 1;
}

int tt_io_change_sets(struct tt_tool_run *run, uint32_t *ret_set)
{
	struct tt_io_state *state = run->state;
	const struct timespec settle = {.tv_nsec = TT_IO_SETTLE_NS};

	*ret_set = state->set;
	state->set ^= 1;
	int r = tt_kernel_map_set(run->kernel, "tt_io_set", &(uint32_t){0}, &state->set);
	if (r == 0)
		nanosleep(&settle, NULL);
	return r;
}

int tt_io_show(struct tt_tool_run *run)
{
	const struct tt_io_settings *settings = run->settings;
	struct tt_io_state *state = run->state;
	struct showing s = {.run = run, .now_ns = tt_now_ns()};

	s.interval_ns = s.now_ns - state->since_ns;
	state->since_ns = s.now_ns;
	int r = tt_disks_read(&state->disks);
	if (r < 0)
		return r;
	if (settings->config.slow_ns)
		return tt_io_slow_waiting(run);
	r = tt_io_change_sets(run, &s.set);
	if (r < 0)
		return r;
	r = tt_kernel_map_walk(run->kernel, "tt_io_rows", sizeof(struct tt_io_key), sizeof(struct tt_io_value), take_file, &s);
	if (r == 0)
		r = show_disks(&s);
	if (r == 0 && (settings->config.latency || settings->config.sizes))
		r = tt_kernel_map_walk(run->kernel, "tt_io_histograms", sizeof(struct tt_io_histogram_key),
				       sizeof(struct tt_io_histogram), take_histogram, &s);
	return r;
}
