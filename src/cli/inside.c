// SPDX-License-Identifier: Apache-2.0
#include "cli/inside.h"

#include "base/now.h"

/* Records. */
#define CATCH_UP_MOST 100000

int tt_cli_inside_new(struct tt_inside **ret, const struct tt_config *config)
{
	const struct tt_strings *wanted = &config->tools;

	if (!wanted->count)
		return 0;
	return tt_inside_new(ret, (const char *const *)wanted->list, wanted->count, &config->limits);
}

static int inside_load(void *ctx, const struct tt_scope *scope)
{
	int r = tt_inside_load(ctx, scope);

	return r < 0 ? r : tt_inside_begin(ctx);
}

static void inside_follow(void *ctx, uint32_t tgid)
{
	tt_inside_follow(ctx, tgid);
}

const struct tt_observe_more *tt_cli_inside_more(struct tt_inside *inside, struct tt_observe_more *more)
{
	*more = (struct tt_observe_more){.ctx = inside, .load = inside_load, .follow = inside_follow};
	return inside ? more : NULL;
}

static size_t inside_programs(void *ctx, struct tt_program_stats *ret, size_t most)
{
	return tt_inside_programs(ctx, ret, most);
}

static size_t inside_lost(void *ctx, struct tt_selfstats_tool *ret, size_t most)
{
	return tt_inside_lost(ctx, ret, most);
}

static void inside_collect(void *ctx)
{
	tt_inside_collect(ctx);
}

static int inside_render(void *ctx, struct tt_span path, struct tt_span query, struct tt_buf *body, const char **ret_type)
{
	return tt_inside_render(ctx, path, query, body, ret_type);
}

void tt_cli_inside_show(struct tt_inside *inside, struct tt_session *session)
{
	const struct tt_outputs_tools tools = {.self = {.ctx = inside, .programs = inside_programs, .lost = inside_lost},
					       .collect = inside_collect,
					       .render = inside_render};

	if (inside)
		tt_outputs_set_tools(session->outputs, &tools);
}

static void inside_delta(void *ctx, const struct tt_delta *d)
{
	tt_pipeline_delta(ctx, d);
}

static void inside_catch_up(void *ctx)
{
	/* What it fails with, it fails with again when its own turn comes. */
	(void)tt_pipeline_run(ctx, CATCH_UP_MOST);
}

void tt_cli_inside_split(struct tt_inside *inside, struct tt_session *session, struct tt_attach *attach)
{
	const struct tt_inside_to to = {.attach = attach,
					.identities = tt_pipeline_identities(session->pipeline),
					.catch_up = inside_catch_up,
					.delta = inside_delta,
					.ctx = session->pipeline};

	if (inside)
		tt_inside_split(inside, &to);
}

void tt_cli_inside_turn(struct tt_inside *inside)
{
	if (inside)
		tt_inside_turn(inside, tt_now_ns());
}
