/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that shows each exchange as one line for people: time, who, what, how it ended, how long. */
#ifndef TT_CLI_LINE_H
#define TT_CLI_LINE_H

#include "sink/sink.h"

/* Writes to `fd` (borrowed, must outlive the sink) at each advance and flush. `color`: ANSI colours. *ret untouched on failure (-ENOMEM). */
int tt_line_new(struct tt_sink **ret, int fd, bool color);

#endif
