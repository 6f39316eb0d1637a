/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that shows each exchange as one line for people: time, who, what, how it ended, how long. */
#ifndef TT_CLI_LINE_H
#define TT_CLI_LINE_H

#include "base/buf.h"
#include "sink/sink.h"

/* A duration as the lines show it, eight characters wide; 0: not known. */
void tt_line_duration(struct tt_buf *out, uint64_t ns);

/* Writes to `fd` (borrowed, must outlive the sink) at each advance and flush. `color`: ANSI colours. *ret untouched on failure
 * (-ENOMEM). */
int tt_line_new(struct tt_sink **ret, int fd, bool color);

#endif
