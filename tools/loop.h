/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a tool: drains the rings on a timer, until its time is over, a signal comes, or the command ends. */
#ifndef TT_TOOLS_LOOP_H
#define TT_TOOLS_LOOP_H

#include "attach/attach.h"
#include "base/command.h"
#include "tools/container.h"
#include "tools/cost.h"
#include "tools/tool.h"

struct tt_tool_loop {
	struct tt_tool_run *run;
	const struct tt_tool_options *options;
	struct tt_attach *attach;   /* when it is gone the loop ends with -ECHILD, logged */
	struct tt_command *command; /* pid -1: none. Signals to end are passed on to it */
	struct tt_tool_container *container;
	struct tt_tool_cost *cost; /* what the programs took is asked while they are there */
	uint64_t looked_ns;	   /* when it was looked whether processes are left */
	int command_status;	   /* out: its wait status, once pid is -1 */
};

/* Rows are not shown as they come but together: tables of counts, and whatever is to be ordered. */
static inline bool tt_tool_gathers(const struct tt_tool *tool, const struct tt_tool_options *o, const void *settings)
{
	return o->interval_ns || o->top || (tool->interval && !(tool->at_once && tool->at_once(settings)));
}

/* Blocks the signals it minds; call it before the command is forked. 0 or a negative errno. */
int tt_tool_loop_prepare(void);

/* Runs to the end and empties the rings then. 0, or a negative errno of the tool or of the output. */
int tt_tool_loop_run(struct tt_tool_loop *loop);

#endif
