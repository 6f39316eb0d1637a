/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own outputs: metrics, service map, tables of services and recent exchanges, and the documents the API serves of
 * them. */
#ifndef TT_AGENT_OUTPUTS_H
#define TT_AGENT_OUTPUTS_H

#include "agent/config.h"
#include "agent/pipeline.h"
#include "agent/self.h"
#include "web/mailbox.h"

struct tt_outputs;

/* Tools inside the agent (tools/inside.h), which nothing here knows. */
struct tt_outputs_tools {
	struct tt_self_tools self;
	void (*collect)(void *ctx); /* before metrics are written */
	/* A document of theirs: its status, 0 if it is none. */
	int (*render)(void *ctx, struct tt_span path, struct tt_span query, struct tt_buf *body, const char **ret_type);
};

/* What the health document tells beside figures; static or outliving strings. */
struct tt_outputs_about {
	const char *scope;
	const char *hooks;
};

/* What will be asked of them: the sinks of what nobody reads are left out. */
enum tt_outputs_use {
	TT_OUTPUTS_SERVE,   /* everything: an API, metrics */
	TT_OUTPUTS_SUMMARY, /* tt_outputs_write_summary only */
};

/* Adds its sinks to the pipeline (which owns them). config and pipeline are borrowed and must outlive it. *ret untouched on
 * failure. */
int tt_outputs_new(struct tt_outputs **ret, const struct tt_config *config, struct tt_pipeline *pipeline,
		   enum tt_outputs_use use);
/* After the pipeline. NULL-safe, returns NULL. */
struct tt_outputs *tt_outputs_free(struct tt_outputs *o);

void tt_outputs_describe(struct tt_outputs *o, const struct tt_outputs_about *about);

/* `tools` is copied; its ctx must outlive the outputs. */
void tt_outputs_set_tools(struct tt_outputs *o, const struct tt_outputs_tools *tools);

/* The pipeline's sink of JSON lines, whose losses are among the agent's own figures. */
void tt_outputs_json(struct tt_outputs *o, const struct tt_sink *json);

/* Every exchange also goes to the clients watching this mailbox (borrowed). 0, -ENOMEM, -ENOSPC. */
int tt_outputs_stream_to(struct tt_outputs *o, struct tt_mailbox *mailbox);

/* A tt_render_fn; ctx is the outputs. */
void tt_outputs_render(void *outputs, const struct tt_ask *ask, struct tt_answer *answer);

/* The metrics as they stand now, in Prometheus text, to `fd`. 0 or a negative errno. */
int tt_outputs_write_metrics(struct tt_outputs *o, int fd);

/* A table of operations with counts and times to `fd`, for people. */
int tt_outputs_write_summary(struct tt_outputs *o, int fd);

#endif
