// SPDX-License-Identifier: Apache-2.0
/* telltale leak: memory that is allocated and not freed, by stack. */
#include "tools/leak/leak.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/attach.h"
#include "base/now.h"
#include "base/own.h"
#include "tools/leak/state.h"

/* Blocks of processes that are gone are taken out so often at most. */
#define TT_LEAK_SWEEP_NS 1000000000u

static const struct tt_table *const tables[TT_LEAK_TABLE_MAX] = {
	[TT_LEAK_TABLE_STACKS] = &tt_leak_stacks_table,
	[TT_LEAK_TABLE_TOTAL] = &tt_leak_total_table,
};

static const struct tt_option_row options[] = {
	{"kernel", 'k', "slab,pages,percpu", TT_ROW_TEXT, offsetof(struct tt_leak_settings, kernel), 0, 0,
	 "memory of the kernel instead of processes' own: slabs, pages, per-CPU memory, one or several"},
	{"older", 'o', "SECONDS", TT_ROW_SECONDS, offsetof(struct tt_leak_settings, older_ns), 1, 86400 * 365 * 1000000000ull,
	 "only blocks that were allocated at least so long ago"},
	{"sample", 0, "BYTES", TT_ROW_COUNT, offsetof(struct tt_leak_settings, config.sample), 2, 1u << 30,
	 "follow one block in so many bytes, and estimate the rest: a block of a tenth of that with a chance of a tenth, one as "
	 "large always"},
	{"mmap", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_leak_settings, mmap), 0, 0,
	 "mappings of mmap(2), too, as far as programs call the C library for them"},
	{"all", 'a', NULL, TT_ROW_FLAG, offsetof(struct tt_leak_settings, all), 0, 0,
	 "show stacks that are steady, too: what they have they free and allocate anew"},
	TT_STACK_OPTIONS(struct tt_leak_settings, stacks),
};

static int leak_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_leak_settings *s = settings;

	if (s->kernel) {
		int of = tt_leak_of_read(s->kernel);
		if (of < 0)
			return tt_tool_fail(e, "--kernel: '%.60s' is not one or several of slab,pages,percpu", s->kernel);
		s->config.of = (uint8_t)of;
	}
	s->stacks.wanted = 1;
	s->stacks.unit = "bytes";
	s->config.cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	tt_leak_hooks_choose(s);
	return 0;
}

static int leak_check(const struct tt_tool_options *o, const void *settings, struct tt_tool_error *e)
{
	const struct tt_leak_settings *s = settings;

	if (s->config.of && s->mmap)
		return tt_tool_fail(e, "--mmap is not for --kernel");
	if (s->config.of || o->command || o->pid_count || o->cgroup || o->comm)
		return 0;
	return tt_tool_fail(e, "whose memory: --pid, --comm, --cgroup, -- COMMAND, or the --kernel's?");
}

static uint64_t leak_unwanted(const void *settings)
{
	return ((const struct tt_leak_settings *)settings)->unwanted;
}

static int leak_begin(struct tt_tool_run *run)
{
	const struct tt_leak_settings *s = run->settings;
	struct tt_leak_run *l = calloc(1, sizeof(*l));

	run->state = l;
	if (!l)
		return -ENOMEM;
	l->sums.most = run->limits->value[TT_LIMIT_TOOL_ROWS];
	l->begun_ns = l->shown_ns = l->swept_ns = tt_now_ns();
	return !run->kernel || s->config.of ? 0 : tt_leak_functions_begin(run);
}

static int leak_record(struct tt_tool_run *run, const struct tt_record *rec)
{
	const struct tt_leak_process *p = (const struct tt_leak_process *)rec;
	struct tt_leak_run *l = run->state;

	if (rec->type != (uint16_t)TT_LEAK_PROCESS || rec->len < sizeof(*p))
		return 0;
	if ((p->event == TT_LEAK_BEGUN || p->event == TT_LEAK_BECAME) && run->attach)
		tt_attach_libraries(run->attach, p->tgid);
	if (p->event == TT_LEAK_BEGUN)
		return 0;
	/* What became another program was the one before until then. */
	tt_leak_sums_gone(&l->sums, p->tgid, p->event == TT_LEAK_ENDED ? p->image : p->image - 1, p->event == TT_LEAK_ENDED,
			  rec->time_ns);
	l->ended = true;
	uint64_t now_ns = tt_now_ns();
	return now_ns - l->swept_ns >= TT_LEAK_SWEEP_NS ? tt_leak_sweep(run, now_ns) : 0;
}

static int leak_interval(struct tt_tool_run *run)
{
	uint64_t now_ns = tt_now_ns();
	int r = tt_leak_view(run, now_ns);

	return r < 0 ? r : tt_leak_show(run, now_ns);
}

static int leak_end(struct tt_tool_run *run)
{
	struct tt_leak_run *l = run->state;

	l->last = true;
	return 0;
}

static const struct tt_stack_wish *leak_stacks(const void *settings)
{
	return &((const struct tt_leak_settings *)settings)->stacks;
}

static void leak_free(struct tt_tool_run *run)
{
	struct tt_leak_run *l = run->state;

	if (l)
		tt_leak_sums_free(&l->sums);
	free(l);
	run->state = NULL;
}

const struct tt_tool tt_tool_leak = {
	.tables = tables,
	.table_count = TT_ARRAY_LEN(tables),
	.options = options,
	.option_count = TT_ARRAY_LEN(options),
	.settings_size = sizeof(struct tt_leak_settings),
	.config_size = sizeof(struct tt_leak_config),
	.prepare = leak_prepare,
	.check = leak_check,
	.stacks = leak_stacks,
	.unwanted = leak_unwanted,
	.presets = tt_leak_presets,
	.preset_count = TT_LEAK_PRESETS,
	.hooks = tt_leak_hooks,
	.hook_count = TT_LEAK_HOOKS,
	.maps = tt_leak_maps,
	.map_count = TT_LEAK_MAPS,
	.notes = {[TT_LEAK_NOTE_SAMPLED] = "blocks not followed, for which others stand (--sample)",
		  [TT_LEAK_NOTE_STEADY] = "steady stacks not shown (--all shows them)",
		  [TT_LEAK_NOTE_MISSED] =
			  "processes not observed: gone before that began, or more at a time than limit tool_processes",
		  [TT_LEAK_NOTE_NO_ROOM] = "blocks not followed, for want of room (limit tool_allocations)",
		  [TT_LEAK_NOTE_NO_ROW] =
			  "blocks not followed, or in no row, for want of room for it (limits tool_kernel_rows, tool_rows)",
		  [TT_LEAK_NOTE_NO_GONE] =
			  "processes whose end was not noted, for want of room: what they had stays (limit tool_rows)",
		  [TT_LEAK_NOTE_NO_CALL] = "calls not followed, for want of room (limit tool_tasks)",
		  [TT_LEAK_NOTE_REPLACED] = "blocks whose end was not told, but their address was given out anew",
		  [TT_LEAK_NOTE_UNKNOWN] = "ends of blocks whose beginning was not seen",
		  [TT_LEAK_NOTE_UNREAD] = "words of a stack that could not be read",
		  [TT_LEAK_NOTE_BUSY] = "ends of blocks that could not be noted: what stands there still may be freed"},
	.begin = leak_begin,
	.record = leak_record,
	.interval = leak_interval,
	.end = leak_end,
	.free = leak_free,
};
