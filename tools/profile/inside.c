// SPDX-License-Identifier: Apache-2.0
/* telltale profile inside the agent: all the time, seldom, and of the last minutes. */
#include <errno.h>
#include <string.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/stats.h"
#include "sink/api.h"
#include "symbols/symbols.h"
#include "tools/inside.h"
#include "tools/profile/state.h"
#include "tools/stacks/svg.h"

/* Odd, as alone; seldom enough for all the time. */
#define HZ 19
#define SECOND_NS 1000000000ull
#define TEXT_MOST (64u << 10)

enum note {
	NOTE_LOST,	/* samples that had no room in the ring */
	NOTE_FULL,	/* … or among the stacks */
	NOTE_GONE,	/* addresses of processes that had ended */
	NOTE_NO_SYMBOL, /* files and lists of functions left out */
};

static const char *const causes[TT_TOOL_NOTES_MOST] = {
	[NOTE_LOST] = "ring_full",
	[NOTE_FULL] = "stacks_full",
	[NOTE_GONE] = "process_gone",
	[NOTE_NO_SYMBOL] = "symbols_full",
};

static int inside_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_profile_settings *s = settings;

	s->hz = s->hz ? s->hz : HZ;
	s->sched.sent = true;
	tt_sched_prepare(&s->sched);
	return 0;
}

static int inside_begin(struct tt_tool_run *run)
{
	struct tt_profile_run *p = calloc(1, sizeof(*p));

	run->state = p;
	if (!p)
		return -ENOMEM;
	p->since_ns = tt_now_ns();
	return tt_profile_window_new(&p->window, run->limits->value[TT_LIMIT_PROFILE_WINDOW] * SECOND_NS,
				     run->limits->value[TT_LIMIT_TOOL_STACK_BYTES]);
}

static void inside_record(struct tt_tool_run *run, const struct tt_inside_to *to, const struct tt_record *rec)
{
	const struct tt_profile_seen_record *r = (const struct tt_profile_seen_record *)rec;
	const struct tt_profile_run *p = run->state;
	tt_buf_auto struct tt_buf text = TT_BUF(TEXT_MOST);
	size_t least = offsetof(struct tt_profile_seen_record, kernel);

	if (rec->type != (uint16_t)TT_PROFILE_SEEN || rec->len < least || r->user_count > TT_STACK_DEPTH ||
	    r->kernel_count > (rec->len < sizeof(*r) ? 0u : TT_STACK_DEPTH))
		return;
	const struct tt_identity *who = tt_inside_who(to, rec->tgid, rec->start_ns, NULL);
	tt_inside_count(to, "process_profile_samples_total", who, NULL, 0, 1);
	const struct tt_stack_frames frames = {.tgid = rec->tgid,
					       .image = r->image,
					       .user = (const uint64_t *)r->user,
					       .kernel = (const uint64_t *)r->kernel,
					       .user_count = r->user_count,
					       .kernel_count = r->kernel_count};
	tt_symbols_clean(&text, who->service);
	tt_buf_add_char(&text, ';');
	size_t front = text.len;
	(void)tt_stacks_frames_text(run->stacks, &frames, &text); /* what does not fit is cut */
	if (text.len == front)
		tt_buf_add_str(&text, "[unknown]");
	(void)tt_profile_window_add(p->window, rec->time_ns, (const char *)text.data, text.len); /* counted there */
}

static void inside_count(struct tt_tool_run *run)
{
	const struct tt_profile_run *p = run->state;
	struct tt_symbols_counts c = tt_stacks_counts(run->stacks);
	struct tt_kernel_stats stats;

	tt_kernel_stats(run->kernel, &stats);
	run->notes[NOTE_LOST] = stats.lost[TT_LOSS_CONTROL_FULL];
	run->notes[NOTE_FULL] = tt_profile_window_refused(p->window);
	run->notes[NOTE_GONE] = c.gone;
	run->notes[NOTE_NO_SYMBOL] = c.no_room + c.too_much;
}

static int inside_render(struct tt_tool_run *run, struct tt_span path, struct tt_span query, struct tt_buf *body,
			 const char **ret_type)
{
	bool svg = tt_span_eq(path, TT_SPAN_LIT("/profile.svg"));
	struct tt_fold fold = TT_FOLD(run->limits->value[TT_LIMIT_TOOL_STACK_BYTES]);
	uint64_t window_s = run->limits->value[TT_LIMIT_PROFILE_WINDOW], seconds;
	const struct tt_profile_run *p = run->state;
	char text[TT_API_VALUE_MAX], name[TT_API_VALUE_MAX + 1] = "";
	tt_buf_auto struct tt_buf title = TT_BUF(4096);
	struct tt_span service;

	if (!svg && !tt_span_eq(path, TT_SPAN_LIT("/profile.folded")))
		return 0;
	if (tt_api_query_text(query, "service", text, &service) < 0)
		return tt_api_error(body, 400, "service: bad percent-encoding, or too long");
	if (tt_api_query_number(query, "seconds", window_s, window_s, &seconds) < 0)
		return tt_api_error(body, 400, "seconds must be a number from 1 to the limit profile_window_s");
	uint64_t now_ns = tt_now_ns(), there_s = (now_ns - p->since_ns) / SECOND_NS + 1; /* the second under way counts */
	tt_profile_window_fold(p->window, now_ns, seconds * SECOND_NS, service, &fold);
	tt_fold_sort(&fold);
	if (service.len)
		memcpy(name, service.data, service.len);
	tt_buf_printf(&title, "telltale: samples of the last %llu s, ", (unsigned long long)TT_MIN(seconds, there_s));
	tt_symbols_clean(&title, name[0] ? name : "all services");
	tt_buf_add_char(&title, 0);
	if (svg)
		tt_flame_graph(&fold, (const char *)title.data, "samples", body);
	else
		tt_fold_text(&fold, body);
	tt_fold_free(&fold);
	if (body->failed || title.failed)
		return tt_api_error(body, 500, "the answer is larger than the limit answer_bytes");
	*ret_type = svg ? "image/svg+xml" : "text/plain; charset=utf-8";
	return 200;
}

static const char *const options[] = {"hz", NULL};

static const struct tt_map_row maps[] = {{"tt_profile_works", TT_MAP_PER_CPU}};

static const struct tt_tool_preset presets[] = {{TT_LIMIT_RING_BYTES, 64u << 10}, {TT_LIMIT_CONTROL_RING_BYTES, 1u << 20}};

const struct tt_tool_inside tt_profile_inside = {
	.options = options,
	.prepare = inside_prepare,
	.maps = maps,
	.map_count = TT_ARRAY_LEN(maps),
	.presets = presets,
	.preset_count = TT_ARRAY_LEN(presets),
	.causes = causes,
	.stacks = true,
	.begin = inside_begin,
	.record = inside_record,
	.count = inside_count,
	.render = inside_render,
};
