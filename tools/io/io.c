// SPDX-License-Identifier: Apache-2.0
/* telltale io: who reads and writes which file on which disk. */
#include "tools/io/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/symbols.h"
#include "kernel/tables.h"
#include "tools/io/state.h"

static const struct tt_table *const tables[TT_IO_TABLE_MAX] = {
	[TT_IO_TABLE_FILES] = &tt_io_files_table,	  [TT_IO_TABLE_DISKS] = &tt_io_disks_table,
	[TT_IO_TABLE_LATENCIES] = &tt_io_latencies_table, [TT_IO_TABLE_SIZES] = &tt_io_sizes_table,
	[TT_IO_TABLE_SLOW] = &tt_io_slow_table,		  [TT_IO_TABLE_LOST] = &tt_io_lost_table,
};

static const struct tt_option_row options[] = {
	{"disk", 0, "NAME", TT_ROW_TEXT, offsetof(struct tt_io_settings, disk), 0, 0,
	 "observe only this disk, as /sys/block names it"},
	{"slow", 0, "MS", TT_ROW_MILLISECONDS, offsetof(struct tt_io_settings, config.slow_ns), 1, 3600000000000ull,
	 "instead of tables, list each request that takes at least so many milliseconds, and where its time went"},
	{"latency", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_io_settings, config.latency), 0, 0,
	 "show how many requests took how long, by disk and operation"},
	{"sizes", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_io_settings, config.sizes), 0, 0,
	 "show how many requests were how large, by disk and operation"},
};

enum hook {
	HOOK_FOLIO,
	HOOK_PAGE,
	HOOK_INSERT,
	HOOK_QUEUE,
	HOOK_ISSUE,
	HOOK_COMPLETE,
	HOOK_BIO_DONE,
};

static const struct tt_hook_row hooks[] = {
	[HOOK_FOLIO] = {"tt_io_dirty_folio", "writeback_dirty_folio", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "unknown who wrote"},
	[HOOK_PAGE] = {"tt_io_dirty_page", "writeback_dirty_page", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "unknown who wrote"},
	[HOOK_INSERT] = {"tt_io_inserted", "block_rq_insert", TT_FEATURE_BTF, TT_HOOK_REQUIRED,
			 "time in the scheduler is not known"},
	/* What removes comes before what adds. */
	[HOOK_BIO_DONE] = {"tt_io_bio_done", "block_bio_complete", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "nothing is seen"},
	[HOOK_COMPLETE] = {"tt_io_completed", "block_rq_complete", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "nothing is seen"},
	[HOOK_ISSUE] = {"tt_io_issued", "block_rq_issue", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "time in the driver is not known"},
	[HOOK_QUEUE] = {"tt_io_bio_queued", "block_bio_queue", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "nothing is seen"},
};

static const struct tt_map_row maps[] = {
	{"tt_io_bios", TT_LIMIT_TOOL_REQUESTS},	   {"tt_io_requests", TT_LIMIT_TOOL_REQUESTS},
	{"tt_io_rows", TT_LIMIT_TOOL_KERNEL_ROWS}, {"tt_io_dirty", TT_LIMIT_TOOL_DIRTY},
	{"tt_io_files", TT_LIMIT_TOOL_FILES},	   {"tt_io_works", TT_MAP_PER_CPU},
	{"tt_io_counts", TT_MAP_PER_CPU},
};

/* Only single requests go through rings, with --slow. */
static const struct tt_tool_preset presets[] = {
	{TT_LIMIT_RING_BYTES, 64u << 10},
	{TT_LIMIT_CONTROL_RING_BYTES, 1u << 20},
};

/* --- before load --- */

static const struct {
	long number;
	enum tt_io_call call;
} calls[] = {
	{SYS_read, TT_IO_CALL_READ},
	{SYS_pread64, TT_IO_CALL_READ},
	{SYS_readv, TT_IO_CALL_READ},
	{SYS_preadv, TT_IO_CALL_READ},
	{SYS_preadv2, TT_IO_CALL_READ},
	{SYS_write, TT_IO_CALL_WRITE},
	{SYS_pwrite64, TT_IO_CALL_WRITE},
	{SYS_writev, TT_IO_CALL_WRITE},
	{SYS_pwritev, TT_IO_CALL_WRITE},
	{SYS_pwritev2, TT_IO_CALL_WRITE},
	{SYS_fsync, TT_IO_CALL_WRITE},
	{SYS_fdatasync, TT_IO_CALL_WRITE},
	{SYS_sync_file_range, TT_IO_CALL_WRITE},
	{SYS_fallocate, TT_IO_CALL_WRITE},
	{SYS_ftruncate, TT_IO_CALL_WRITE},
};

enum question {
	ASK_FOLIO,
	ASK_PAGE,
	ASK_ISSUE,
	ASK_QUEUE,
	ASK_REGS,
	ASK_TASK,
	ASK_MAX,
};

int tt_io_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_io_settings *s = settings;
	struct tt_symbol symbols[] = {{.name = "iomap_dio_bio_end_io"}, {.name = "bio_chain_endio"}};
	struct tt_kernel_question q[ASK_MAX] = {
		[ASK_FOLIO] = {.tracepoint = "writeback_dirty_folio"}, [ASK_PAGE] = {.tracepoint = "writeback_dirty_page"},
		[ASK_ISSUE] = {.tracepoint = "block_rq_issue"},	       [ASK_QUEUE] = {.tracepoint = "block_bio_queue"},
		[ASK_REGS] = {.function = "bpf_task_pt_regs"},	       [ASK_TASK] = {.function = "bpf_get_current_task_btf"},
	};

	if (s->disk && !(s->config.disk = tt_disk_number(s->disk)))
		return tt_tool_fail(e, "--disk: there is no whole disk '%.60s' in /sys/block", s->disk);
	for (size_t i = 0; i < TT_ARRAY_LEN(calls); i++)
		s->config.call[calls[i].number] = (uint8_t)calls[i].call;
	/* Without either, less is known: of direct requests only those of calls that name their file. */
	(void)tt_symbols_find(symbols, TT_ARRAY_LEN(symbols));
	(void)tt_kernel_ask(q, TT_ARRAY_LEN(q));
	s->config.iomap_end = symbols[0].address;
	s->config.chain_end = symbols[1].address;
	s->config.request_queue = q[ASK_ISSUE].arguments == 2;
	s->config.bio_queue = q[ASK_QUEUE].arguments == 2;
	s->config.has_task_regs = q[ASK_REGS].has && q[ASK_TASK].has;
	s->has_folio = q[ASK_FOLIO].has;
	s->has_page = q[ASK_PAGE].has;
	return 0;
}

static uint64_t io_unwanted(const void *settings)
{
	const struct tt_io_settings *s = settings;

	return (s->has_folio ? 0 : 1u << HOOK_FOLIO) | (s->has_page ? 0 : 1u << HOOK_PAGE) |
	       (s->config.slow_ns ? 0 : 1u << HOOK_INSERT);
}

static bool io_at_once(const void *settings)
{
	return ((const struct tt_io_settings *)settings)->config.slow_ns != 0;
}

/* --- the tool --- */

static int io_begin(struct tt_tool_run *run)
{
	struct tt_io_state *s = calloc(1, sizeof(*s));

	run->state = s;
	if (!s)
		return -ENOMEM;
	s->since_ns = s->lost_since_ns = tt_now_ns();
	return tt_disks_read(&s->disks);
}

static int io_record(struct tt_tool_run *run, const struct tt_record *rec)
{
	if (rec->type != (uint16_t)TT_IO_SLOW || rec->len < sizeof(struct tt_io_slow))
		return 0;
	return tt_io_slow_record(run, (const struct tt_io_slow *)rec);
}

static int count_open(void *ctx, const void *key, const void *value)
{
	(void)key;
	(void)value;
	(*(uint64_t *)ctx)++;
	return 0;
}

static int io_end(struct tt_tool_run *run)
{
	const struct tt_io_state *s = run->state;

	tt_io_lost_count(run);
	run->notes[TT_IO_NOTE_NO_DISK] = s->disks.turned_away;
	run->notes[TT_IO_NOTE_OPEN] = 0;
	return tt_kernel_map_walk(run->kernel, "tt_io_bios", sizeof(uint64_t), sizeof(struct tt_io_bio), count_open,
				  &run->notes[TT_IO_NOTE_OPEN]);
}

/* What is missing comes last. */
static int io_interval(struct tt_tool_run *run)
{
	int r = tt_io_show(run);

	return r < 0 ? r : tt_io_lost_show(run);
}

static void io_free(struct tt_tool_run *run)
{
	free(run->state);
	run->state = NULL;
}

const struct tt_tool tt_tool_io = {
	.tables = tables,
	.table_count = TT_ARRAY_LEN(tables),
	.options = options,
	.option_count = TT_ARRAY_LEN(options),
	.settings_size = sizeof(struct tt_io_settings),
	.config_size = sizeof(struct tt_io_config),
	.prepare = tt_io_prepare,
	.at_once = io_at_once,
	.unwanted = io_unwanted,
	.presets = presets,
	.preset_count = TT_ARRAY_LEN(presets),
	.hooks = hooks,
	.hook_count = TT_ARRAY_LEN(hooks),
	.maps = maps,
	.map_count = TT_ARRAY_LEN(maps),
	.notes = {[TT_IO_NOTE_NO_BIO] = "requests not followed, for want of room (limit tool_requests)",
		  [TT_IO_NOTE_NO_ROW] = "requests in no row, for want of room (limit tool_kernel_rows)",
		  [TT_IO_NOTE_NO_REQUEST] =
			  "requests whose time in the driver is not known, for want of room (limit tool_requests)",
		  [TT_IO_NOTE_NO_DIRTIER] =
			  "writes by the kernel of what nobody is known to have made dirty, or was forgotten (limit tool_dirty)",
		  [TT_IO_NOTE_NO_HISTOGRAM] = "requests not among latencies or sizes, for want of room",
		  [TT_IO_NOTE_NO_END] = "requests in no row, because the kernel did not tell that they were done",
		  [TT_IO_NOTE_OPEN] = "requests not done by then, as far as the kernel told",
		  [TT_IO_NOTE_NO_DISK] = "disks not known, for want of room"},
	.begin = io_begin,
	.record = io_record,
	.interval = io_interval,
	.end = io_end,
	.free = io_free,
	.inside = &tt_io_inside,
};
