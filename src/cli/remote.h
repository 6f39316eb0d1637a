/* SPDX-License-Identifier: Apache-2.0 */
/* Watching what a running agent sees, through its API. */
#ifndef TT_CLI_REMOTE_H
#define TT_CLI_REMOTE_H

#include <stdbool.h>

/*
 * Writes the exchanges the agent at ADDRESS:PORT streams to standard output, as JSON lines or as lines for people, until it ends
 * or we are interrupted. 0, or a negative errno after one printed line.
 */
int tt_remote_watch(const char *address, bool json);

#endif
