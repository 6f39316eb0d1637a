/* SPDX-License-Identifier: Apache-2.0 */
/* A tool's manual page (man(7)), made from its README, its options and its tables. */
#ifndef TT_TOOLS_MAN_H
#define TT_TOOLS_MAN_H

#include "base/buf.h"
#include "tools/runner.h"

/* Text as roff takes it: a hyphen that is meant as such, no escapes, no requests at a line's start. */
void tt_roff(struct tt_buf *b, const char *text);

/* packaging/telltale-NAME.1 */
void tt_tool_man(struct tt_buf *b, const struct tt_tool_entry *entry);

#endif
