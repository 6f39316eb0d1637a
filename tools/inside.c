// SPDX-License-Identifier: Apache-2.0
#include "tools/inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/wire.h"
#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "tools/inside_wish.h"
#include "tools/stacks/stacks.h"
#include "tools/times.h"

/* A drain is cut after so many records. */
#define BUDGET 20000
/* At the end, with the programs gone, the rings are empty soon. */
#define LAST_DRAINS 1000
/* Who asks more often gets what there was. */
#define NOT_BEFORE_NS 100000000u
#define PROGRAMS_MOST 64
#define NAME_LEN 64

struct tool {
	const struct tt_tool_entry *entry;
	const struct tt_tool_inside *inside;
	struct tt_tool_options options;
	uint64_t settings[TT_TOOL_SETTINGS_MOST / sizeof(uint64_t)]; /* as u64 for its alignment */
	struct tt_stack_wish stacks;
	struct tt_tool_run run;
	char programs[PROGRAMS_MOST][NAME_LEN];
	bool given_up; /* it cannot be asked, which was said */
};

struct tt_inside {
	struct tool tools[TT_ATTACH_TOOLS_MOST];
	struct tt_attach_tool attached[TT_ATTACH_TOOLS_MOST];
	size_t count;
	struct tt_inside_to to;
	uint64_t every_ns;
	uint64_t collected_ns;
	uint64_t next_ns;
};

/* --- making them --- */

static void limits_preset(struct tool *t, const struct tt_limits *limits)
{
	struct tt_limits *own = &t->options.limits;

	*own = *limits;
	for (size_t i = 0; i < t->inside->preset_count; i++) {
		const struct tt_tool_preset *p = &t->inside->presets[i];
		bool ring = p->limit == TT_LIMIT_RING_BYTES || p->limit == TT_LIMIT_CONTROL_RING_BYTES;

		if (ring || !limits->set[p->limit])
			own->value[p->limit] = p->value;
	}
	if (!t->inside->stacks)
		own->value[TT_LIMIT_TOOL_STACKS] = tt_limit_rows[TT_LIMIT_TOOL_STACKS].least;
}

static struct tool *tool_of(struct tt_inside *i, const struct tt_tool_entry *entry, const struct tt_limits *limits)
{
	for (size_t n = 0; n < i->count; n++) {
		if (i->tools[n].entry == entry)
			return &i->tools[n];
	}
	struct tool *t = &i->tools[i->count++];
	*t = (struct tool){.entry = entry, .inside = entry->tool->inside, .stacks = {.wanted = 1, .unit = "samples"}};
	limits_preset(t, limits);
	t->run = (struct tt_tool_run){
		.tool = entry->tool, .settings = t->settings, .options = &t->options, .limits = &t->options.limits, .fd = -1};
	return t;
}

static int tool_prepare(struct tool *t)
{
	struct tt_tool_error e = {""};
	int r = t->inside->prepare(t->settings, &e);

	if (r < 0)
		return tt_error("tools: %s: %s", t->entry->name, e.text), r;
	return t->inside->stacks ? tt_stacks_new(&t->run.stacks, &t->run, &t->stacks) : 0;
}

int tt_inside_new(struct tt_inside **ret, const char *const *wanted, size_t count, const struct tt_limits *limits)
{
	struct tt_inside *i = calloc(1, sizeof(*i));
	int r = 0;

	if (!i)
		return tt_error_errno(-ENOMEM, "tools");
	i->every_ns = limits->value[TT_LIMIT_TOOLS_INTERVAL] * 1000000000u;
	for (size_t n = 0; r == 0 && n < count; n++) {
		struct tt_inside_wish wish;
		struct tt_tool_error e = {""};

		r = tt_inside_wish_read(&wish, wanted[n], &e);
		if (r == 0)
			r = tt_inside_wish_set(&wish, tool_of(i, wish.entry, limits)->settings, &e);
		if (r < 0)
			tt_error("tools: %s", e.text);
	}
	for (size_t n = 0; r == 0 && n < i->count; n++)
		r = tool_prepare(&i->tools[n]);
	if (r < 0)
		tt_inside_free(i);
	else
		*ret = i;
	return r;
}

struct tt_inside *tt_inside_free(struct tt_inside *i)
{
	if (!i)
		return NULL;
	for (size_t n = 0; n < i->count; n++) {
		struct tool *t = &i->tools[n];
		if (t->entry->tool->free)
			t->entry->tool->free(&t->run);
		tt_stacks_free(t->run.stacks);
		tt_kernel_free(t->run.kernel);
	}
	free(i);
	return NULL;
}

/* --- loading --- */

static int tool_load(struct tool *t, const struct tt_scope *scope)
{
	const struct tt_tool *tool = t->entry->tool;
	const struct tt_tool_filter filter = {0};
	struct tt_kernel_report report;
	size_t size = 0;
	const void *elf = t->entry->elf(&size);
	const struct tt_programs programs = {
		.elf = elf,
		.elf_size = size,
		.rows = tool->hooks,
		.row_count = tool->hook_count,
		.data_rings = tool->data_rings,
		.sample_hz = tool->sample_hz ? tool->sample_hz(t->settings) : 0,
		.unwanted = tool->unwanted ? tool->unwanted(t->settings) : 0,
		.maps = t->inside->maps,
		.map_count = t->inside->map_count,
		.config = t->settings,
		.config_size = tool->config_size,
		.filter = &filter,
	};
	int r = tt_programs_load(&t->run.kernel, &programs, t->run.limits, scope, &report);

	if (r < 0)
		tt_error("tools: %s: %s", t->entry->name, report.error);
	return r;
}

int tt_inside_load(struct tt_inside *i, const struct tt_scope *scope)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < i->count; n++)
		r = tool_load(&i->tools[n], scope);
	return r;
}

void tt_inside_follow(struct tt_inside *i, uint32_t tgid)
{
	for (size_t n = 0; n < i->count; n++)
		tt_kernel_follow(i->tools[n].run.kernel, tgid);
}

int tt_inside_begin(struct tt_inside *i)
{
	for (size_t n = 0; n < i->count; n++) {
		struct tool *t = &i->tools[n];
		int (*begin)(struct tt_tool_run *run) = t->inside->begin ? t->inside->begin : t->entry->tool->begin;
		int r = begin ? begin(&t->run) : 0;
		if (r < 0)
			return tt_error_errno(r, "tools: %s", t->entry->name);
	}
	return 0;
}

/* --- the attach part --- */

/* First how often the tool turned something away, by its notes, then its rows. */
static int collect(void *ctx, struct tt_buf *to)
{
	struct tool *t = ctx;

	memset(t->run.notes, 0, sizeof(t->run.notes));
	int r = tt_buf_add(to, t->run.notes, sizeof(t->run.notes));
	if (r == 0)
		r = t->inside->collect(&t->run, to);
	if (r == 0 && t->entry->tool->end)
		r = t->entry->tool->end(&t->run);
	if (r == 0)
		memcpy(to->data, t->run.notes, sizeof(t->run.notes));
	return r;
}

const struct tt_attach_tool *tt_inside_attached(struct tt_inside *i, size_t *ret_count)
{
	for (size_t n = 0; n < i->count; n++) {
		struct tool *t = &i->tools[n];
		i->attached[n] = (struct tt_attach_tool){
			.kernel = t->run.kernel, .collect = t->inside->collect ? collect : NULL, .ctx = t};
	}
	*ret_count = i->count;
	return i->attached;
}

bool tt_inside_stacks(const struct tt_inside *i)
{
	for (size_t n = 0; n < i->count; n++) {
		if (i->tools[n].inside->stacks)
			return true;
	}
	return false;
}

/* --- what comes of it --- */

void tt_inside_split(struct tt_inside *i, const struct tt_inside_to *to)
{
	i->to = *to;
	for (size_t n = 0; n < i->count; n++)
		i->tools[n].run.attach = to->attach;
	i->next_ns = tt_now_ns() + i->every_ns;
}

struct taking {
	struct tool *tool;
	const struct tt_inside_to *to;
};

static int take_record(void *ctx, const struct tt_record *rec)
{
	const struct taking *t = ctx;

	if (t->tool->inside->record)
		t->tool->inside->record(&t->tool->run, t->to, rec);
	return 0;
}

static int drain(struct tt_inside *i, struct tool *t)
{
	struct taking taking = {t, &i->to};

	return tt_rings_poll(tt_kernel_rings(t->run.kernel), tt_kernel_horizon(t->run.kernel), BUDGET, take_record, &taking);
}

static int rows_take(struct tt_inside *i, struct tool *t, const struct tt_buf *b)
{
	size_t at = sizeof(t->run.notes);

	if (b->len < at || (b->len - at) % t->inside->row_size)
		return -EBADMSG;
	memcpy(t->run.notes, b->data, sizeof(t->run.notes));
	int r = t->inside->rows_begin ? t->inside->rows_begin(&t->run) : 0;
	for (; r == 0 && at < b->len; at += t->inside->row_size)
		t->inside->row(&t->run, &i->to, b->data + at);
	if (r == 0 && t->inside->rows_end)
		t->inside->rows_end(&t->run, &i->to);
	return r;
}

static void tool_collect(struct tt_inside *i, size_t n)
{
	tt_buf_auto struct tt_buf b = TT_BUF(TT_ATTACH_ROWS_MOST);
	struct tool *t = &i->tools[n];

	if (!t->inside->collect || t->given_up)
		return;
	int r = tt_attach_rows(i->to.attach, n, &b);
	/* What is counted may be of a process that began, and ended, just now. */
	i->to.catch_up(i->to.ctx);
	if (r == 0)
		r = rows_take(i, t, &b);
	if (r < 0) {
		t->given_up = true;
		tt_error_errno(r, "tools: %s: its figures are not to be had any more", t->entry->name);
	}
}

void tt_inside_collect(struct tt_inside *i)
{
	uint64_t now_ns = tt_now_ns();

	if (!i->to.attach || now_ns - i->collected_ns < NOT_BEFORE_NS)
		return;
	for (size_t n = 0; n < i->count; n++)
		tool_collect(i, n);
	i->collected_ns = tt_now_ns();
	i->next_ns = i->collected_ns + i->every_ns;
}

void tt_inside_turn(struct tt_inside *i, uint64_t now_ns)
{
	for (size_t n = 0; n < i->count; n++) {
		if (i->tools[n].inside->record)
			drain(i, &i->tools[n]);
	}
	if (now_ns >= i->next_ns)
		tt_inside_collect(i);
}

void tt_inside_finish(struct tt_inside *i)
{
	for (size_t n = 0; n < i->count; n++) {
		int left = i->tools[n].inside->record ? LAST_DRAINS : 0;

		tt_kernel_stop(i->tools[n].run.kernel);
		while (left-- > 0 && drain(i, &i->tools[n]) > 0)
			;
	}
	i->collected_ns = 0;
	tt_inside_collect(i);
	i->to.attach = NULL;
}

/* --- what they say of themselves --- */

size_t tt_inside_programs(struct tt_inside *i, struct tt_program_stats *ret, size_t most)
{
	size_t count = 0;

	for (size_t n = 0; n < i->count && count < most; n++) {
		struct tool *t = &i->tools[n];
		size_t more = tt_kernel_program_stats(t->run.kernel, ret + count, TT_MIN(most - count, (size_t)PROGRAMS_MOST));
		for (size_t k = 0; k < more; k++) {
			snprintf(t->programs[k], NAME_LEN, "%s/%s", t->entry->name, ret[count + k].name);
			ret[count + k].name = t->programs[k];
		}
		count += more;
	}
	return count;
}

size_t tt_inside_lost(struct tt_inside *i, struct tt_selfstats_tool *ret, size_t most)
{
	size_t count = 0;

	for (size_t n = 0; n < i->count; n++) {
		struct tool *t = &i->tools[n];
		if (t->inside->count)
			t->inside->count(&t->run);
		for (size_t k = 0; t->inside->causes && k < TT_TOOL_NOTES_MOST && count < most; k++) {
			if (t->inside->causes[k])
				ret[count++] = (struct tt_selfstats_tool){
					.tool = t->entry->name, .cause = t->inside->causes[k], .count = t->run.notes[k]};
		}
	}
	return count;
}

int tt_inside_render(struct tt_inside *i, struct tt_span path, struct tt_span query, struct tt_buf *body, const char **ret_type)
{
	int status = 0;

	for (size_t n = 0; !status && n < i->count; n++) {
		struct tool *t = &i->tools[n];
		if (t->inside->render)
			status = t->inside->render(&t->run, path, query, body, ret_type);
	}
	return status;
}

/* --- for the tools --- */

const struct tt_identity *tt_inside_who(const struct tt_inside_to *to, uint32_t tgid, uint64_t start_ns, const char *comm)
{
	return tt_identities_named(to->identities, tgid, start_ns, comm);
}

static void send(const struct tt_inside_to *to, const struct tt_identity *who, const struct tt_label *more, size_t count,
		 struct tt_delta d)
{
	struct tt_label labels[8];
	size_t n = 0;

	if (who) {
		labels[n++] = (struct tt_label){"service_name", tt_span_str(who->service)};
		labels[n++] = (struct tt_label){"service_instance_id", tt_span_str(who->instance)};
		labels[n++] = (struct tt_label){"container_id", tt_span_str(who->container_id)};
	}
	for (size_t i = 0; i < count && n < TT_ARRAY_LEN(labels); i++)
		labels[n++] = more[i];
	d.labels = labels;
	d.label_count = n;
	to->delta(to->ctx, &d);
}

void tt_inside_count(const struct tt_inside_to *to, const char *metric, const struct tt_identity *who,
		     const struct tt_label *labels, size_t count, uint64_t value)
{
	if (value)
		send(to, who, labels, count, (struct tt_delta){.metric = metric, .count = value});
}

void tt_inside_seconds(const struct tt_inside_to *to, const char *metric, const struct tt_identity *who,
		       const struct tt_label *labels, size_t count, uint64_t ns)
{
	if (ns)
		send(to, who, labels, count, (struct tt_delta){.metric = metric, .sum_ns = ns});
}

void tt_inside_times(const struct tt_inside_to *to, const char *metric, const struct tt_identity *who,
		     const struct tt_label *labels, size_t count, uint64_t values, uint64_t sum_ns, const __u64 *times)
{
	uint64_t buckets[TT_BUCKETS] = {0};

	if (!values)
		return;
	memcpy(buckets + TT_TOOL_TIMES_FIRST, times, TT_TOOL_TIMES * sizeof(*times));
	send(to, who, labels, count, (struct tt_delta){.metric = metric, .count = values, .sum_ns = sum_ns, .buckets = buckets});
}
