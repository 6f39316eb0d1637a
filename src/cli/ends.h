/* SPDX-License-Identifier: Apache-2.0 */
/* What is said when processes that were named for observation end. */
#ifndef TT_CLI_ENDS_H
#define TT_CLI_ENDS_H

#include "agent/config.h"
#include "agent/kin.h"
#include "agent/pipeline.h"

struct tt_ends {
	struct tt_kin *kin; /* NULL: no process was named */
	bool root_told;	    /* that those named have ended */
	bool told;	    /* that nothing is left */
};

/* Begins to follow what the configuration names, or `command` (a pid; 0: none). 0 or -ENOMEM. */
int tt_ends_begin(struct tt_ends *e, const struct tt_config *config, pid_t command, struct tt_pipeline *pipeline);
/* After the pipeline. */
void tt_ends_free(struct tt_ends *e);

/*
 * Call it often. True: nothing is left to observe. That, and the end of those that were named, is logged once; `scope` (their
 * name, `size` bytes) gets a word of it.
 */
bool tt_ends_look(struct tt_ends *e, char *scope, size_t size);

/* The command has ended: logs whom it has left behind, if anybody. */
void tt_ends_left(struct tt_ends *e, struct tt_identities *identities);

#endif
