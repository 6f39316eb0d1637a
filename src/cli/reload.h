/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the configuration file is read again. */
#ifndef TT_CLI_RELOAD_H
#define TT_CLI_RELOAD_H

#include "agent/config.h"
#include "cli/options.h"

/*
 * Reads arguments and file (what `text` gives of it; NULL: itself) anew. On an error, which is logged, `config` stays as it is.
 * Else what may change in a running agent changes in place (the log level, and limits that are times), and what will change at
 * the next start only is named in a warning. 0 or a negative errno.
 */
int tt_reload(struct tt_config *config, tt_config_text_fn text, void *ctx);

#endif
