/* SPDX-License-Identifier: Apache-2.0 */
/* Watching what a running agent sees, through its API. */
#ifndef TT_CLI_REMOTE_H
#define TT_CLI_REMOTE_H

#include "agent/config.h"

/*
 * Writes the exchanges the agent at config->connect streams, as JSON lines to standard output or their file, or as lines for
 * people, until it ends or we are interrupted. 0, or a negative errno after one printed line.
 */
int tt_remote_watch(const struct tt_config *config);

#endif
