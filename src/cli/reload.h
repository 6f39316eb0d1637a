/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the configuration file is read again. */
#ifndef TT_CLI_RELOAD_H
#define TT_CLI_RELOAD_H

#include "agent/config.h"

/*
 * Reads arguments and file anew. On an error, which is logged, `config` stays as it is. Else what may change in a running agent
 * changes in place (the log level, and limits that are times), and what will change at the next start only is named in a warning.
 * 0 or a negative errno.
 */
int tt_reload(struct tt_config *config);

#endif
