/* SPDX-License-Identifier: Apache-2.0 */
/* What agent, run and watch share: a live session, the server where one is wanted, and the loop. */
#ifndef TT_CLI_LIVE_H
#define TT_CLI_LIVE_H

#include "base/command.h"
#include "cli/session.h"

struct tt_live_run {
	struct tt_config *config;
	struct tt_command *command; /* NULL: none */
	const char *listen;	    /* NULL: no server */
	bool ends;		    /* with the processes that are named, when nothing is left of them */
	bool (*over)(void);	    /* asked often whether to end; NULL: no other reason to */
	/* Adds further sinks before anything is observed; NULL. Negative errno, printed. */
	int (*prepare)(struct tt_session *session);
	/* Everything is in place; NULL. Negative errno, printed. */
	int (*begin)(struct tt_live_run *run);
	/* The last exchange was reported, outputs are still there; NULL. */
	void (*end)(struct tt_session *session);
	int command_status; /* out: wait status of the command */
};

/* Runs to the end. 0 or a negative errno, printed. */
int tt_live_run(struct tt_live_run *run);

#endif
