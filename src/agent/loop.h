/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The draining thread: drains the source on a timer, answers the serving thread between drains, and minds signals. It ends on
 * SIGINT or SIGTERM, or, with a command, when that ends.
 */
#ifndef TT_AGENT_LOOP_H
#define TT_AGENT_LOOP_H

#include "agent/config.h"
#include "agent/outputs.h"
#include "agent/pipeline.h"
#include "attach/attach.h"
#include "base/command.h"
#include "web/mailbox.h"

struct tt_loop {
	struct tt_pipeline *pipeline;
	struct tt_outputs *outputs;
	struct tt_mailbox *mailbox; /* NULL: nobody asks */
	const struct tt_limits *limits;
	struct tt_attach *attach;   /* NULL: none. When it is gone the loop ends with -ECHILD, logged */
	struct tt_command *command; /* NULL: none; signals to end are passed on to it */
	void (*reload)(void *ctx);  /* SIGHUP; NULL: ignored */
	void (*turn)(void *ctx);    /* after every drain; NULL */
	void (*stop)(void *ctx);    /* called once before the last drain, so that nothing new comes; NULL */
	bool (*over)(void *ctx);    /* asked after every drain: true ends the loop; NULL */
	void *ctx;
	int command_status; /* out: wait status of the command */
};

/* Blocks the signals it minds; call it before threads and the command are started. 0 or a negative errno. */
int tt_loop_prepare(void);

/* Runs to the end. 0, or the negative errno of what failed. */
int tt_loop_run(struct tt_loop *loop);

#endif
