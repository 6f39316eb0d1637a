// SPDX-License-Identifier: Apache-2.0
/* telltale profile: what threads run, looked at by a clock, and what they wait for. */
#include "tools/profile/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/tables.h"
#include "tools/profile/state.h"

/* Odd, so that it does not keep step with what programs do every so often. */
#define HZ 49
/* Spans shorter than this would hardly be seen. */
#define SPAN_LEAST_NS 20000
#define TIMELINE_ROWS 64

static const struct tt_table *const tables[TT_PROFILE_TABLES] = {
	[TT_PROFILE_TASKS] = &tt_profile_tasks_table,
	[TT_PROFILE_FUNCTIONS] = &tt_profile_functions_table,
};

static const struct tt_option_row options[] = {
	{"hz", 'F', "N", TT_ROW_COUNT, offsetof(struct tt_profile_settings, hz), 1, 10000,
	 "look at each processor so often a second; 49 if nothing is said"},
	{"threads", 't', NULL, TT_ROW_FLAG, offsetof(struct tt_profile_settings, sched.config.threads), 0, 0,
	 "threads each for itself, not together as processes"},
	TT_STACK_OPTIONS(struct tt_profile_settings, sched.stacks),
	{"wall", 'w', NULL, TT_ROW_FLAG, offsetof(struct tt_profile_settings, wall), 0, 0,
	 "these files have what threads waited for, too, and microseconds instead of samples"},
	{"timeline", 0, "FILE", TT_ROW_OUTPUT, offsetof(struct tt_profile_settings, timeline), 0, 0,
	 "write a picture to this file at the end (SVG): a row a thread, and what it did when"},
};

static int profile_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_profile_settings *s = settings;

	s->hz = s->hz ? s->hz : HZ;
	s->sched.config.blocks = 1;
	s->sched.samples = true;
	if (s->wall && !s->sched.stacks.folded && !s->sched.stacks.svg)
		return tt_tool_fail(e, "--wall is for --folded and --svg");
	s->sched.config.spans_ns = s->timeline ? SPAN_LEAST_NS : 0;
	tt_sched_prepare(&s->sched);
	/* Samples have stacks anyway; what tasks are blocked by only where that is to be seen. */
	s->sched.config.stacks = s->wall;
	s->sched.stacks.wanted = 1;
	s->sched.stacks.unit = s->wall ? "µs" : "samples";
	return 0;
}

static uint32_t profile_hz(const void *settings)
{
	return (uint32_t)((const struct tt_profile_settings *)settings)->hz;
}

static int profile_begin(struct tt_tool_run *run)
{
	const struct tt_profile_settings *settings = run->settings;
	struct tt_profile_run *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	run->state = p;
	if (settings->timeline) {
		int r = tt_timeline_new(&p->timeline, settings->timeline, run->limits->value[TT_LIMIT_TOOL_SPANS]);
		if (r < 0)
			return r;
	}
	return tt_sched_start(run, &p->sched);
}

static void profile_free(struct tt_tool_run *run)
{
	struct tt_profile_run *p = run->state;

	if (p) {
		tt_timeline_free(p->timeline);
		tt_profile_window_free(p->window);
	}
	free(p);
	run->state = NULL;
}

static int profile_record(struct tt_tool_run *run, const struct tt_record *rec)
{
	const struct tt_profile_run *p = run->state;

	if (rec->type == (uint16_t)TT_SCHED_SPAN && rec->len >= sizeof(struct tt_sched_span_record) && p->timeline &&
	    !tt_timeline_add(p->timeline, (const struct tt_sched_span_record *)rec))
		run->notes[TT_PROFILE_NOTE_NO_SPAN]++;
	return 0;
}

static int profile_interval(struct tt_tool_run *run)
{
	struct tt_profile_seen seen = {0};
	struct tt_sched_view v = {0};
	int r = tt_sched_view(run, &v);

	if (r == 0)
		r = tt_profile_see(run, v.set, &seen);
	if (r == 0)
		r = tt_profile_blocks(run, &v);
	if (r == 0)
		r = tt_profile_show_tasks(run, &v, &seen);
	if (r == 0)
		r = tt_profile_show_functions(run, &v, &seen);
	tt_profile_seen_free(&seen);
	tt_sched_view_free(&v);
	return r;
}

struct open_spans {
	struct tt_tool_run *run;
	struct tt_sched_view view; /* of the whole run */
};

/* What a task is in the middle of at the end. */
static int take_open(void *ctx, const void *key, const void *value)
{
	const struct open_spans *o = ctx;
	const struct tt_profile_run *p = o->run->state;
	const struct tt_sched_task *t = value;
	struct tt_sched_span_record span = {.rec = {.tgid = t->tgid, .tid = t->tid}, .to_ns = o->view.now_ns};
	uint64_t ns = 0;

	memcpy(span.name, t->name, sizeof(span.name));
	if (tt_sched_open(&o->view, t, &span.part, &ns)) {
		span.from_ns = o->view.now_ns - ns;
		if (ns && !tt_timeline_add(p->timeline, &span))
			o->run->notes[TT_PROFILE_NOTE_NO_SPAN]++;
	}
	return 0;
}

static int timeline_end(struct tt_tool_run *run)
{
	const struct tt_profile_run *p = run->state;
	struct open_spans o = {.run = run, .view = {.from_ns = p->sched.began_ns, .now_ns = tt_now_ns()}};
	int r = tt_kernel_map_walk(run->kernel, "tt_sched_tasks", sizeof(uint32_t), sizeof(struct tt_sched_task), take_open, &o);

	return r < 0 ? r
		     : tt_timeline_write(p->timeline, o.view.from_ns, o.view.now_ns,
					 run->options->top ? run->options->top : TIMELINE_ROWS);
}

static int profile_end(struct tt_tool_run *run)
{
	const struct tt_profile_run *p = run->state;
	struct tt_profile_counts one;
	int r = tt_sched_end(run);

	for (uint32_t cpu = 0; tt_kernel_map_get(run->kernel, "tt_profile_counts", &cpu, &one) == 0; cpu++)
		run->notes[TT_PROFILE_NOTE_NO_ROW] += one.no_row;
	return r == 0 && p->timeline ? timeline_end(run) : r;
}

static const struct tt_stack_wish *profile_stacks(const void *settings)
{
	return &((const struct tt_profile_settings *)settings)->sched.stacks;
}

static const struct tt_map_row maps[] = {
	TT_SCHED_MAP_ROWS,
	{"tt_profile_samples", TT_LIMIT_TOOL_KERNEL_ROWS},
	{"tt_profile_counts", TT_MAP_PER_CPU},
};

static const struct tt_tool_preset presets[] = {
	{TT_LIMIT_RING_BYTES, 64u << 10},
	{TT_LIMIT_CONTROL_RING_BYTES, 1u << 20},
	{TT_LIMIT_TOOL_KERNEL_ROWS, 4096},
	{TT_LIMIT_TOOL_STACKS, 16384},
};

const struct tt_tool tt_tool_profile = {
	.tables = tables,
	.table_count = TT_ARRAY_LEN(tables),
	.options = options,
	.option_count = TT_ARRAY_LEN(options),
	.settings_size = sizeof(struct tt_profile_settings),
	.config_size = sizeof(struct tt_sched_config),
	.prepare = profile_prepare,
	.unwanted = tt_sched_unwanted,
	.sample_hz = profile_hz,
	.stacks = profile_stacks,
	.presets = presets,
	.preset_count = TT_ARRAY_LEN(presets),
	.hooks = tt_sched_hooks,
	.hook_count = TT_SCHED_HOOKS,
	.maps = maps,
	.map_count = TT_ARRAY_LEN(maps),
	.notes = {TT_SCHED_NOTE_ROWS, [TT_PROFILE_NOTE_NO_ROW] = "samples in no row, for want of room (limit tool_kernel_rows)",
		  [TT_PROFILE_NOTE_NO_FUNCTION] = "samples in no row of functions, for want of room",
		  [TT_PROFILE_NOTE_NO_SPAN] = "spans left out of the timeline, for want of room (limit tool_spans)"},
	.begin = profile_begin,
	.record = profile_record,
	.interval = profile_interval,
	.end = profile_end,
	.free = profile_free,
	.inside = &tt_profile_inside,
};
