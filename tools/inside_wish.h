/* SPDX-License-Identifier: Apache-2.0 */
/* What `tools:` of the agent's configuration asks for: "io", "profile:hz=19". */
#ifndef TT_TOOLS_INSIDE_WISH_H
#define TT_TOOLS_INSIDE_WISH_H

#include "tools/runner.h"

struct tt_inside_wish {
	const struct tt_tool_entry *entry;
	const struct tt_option_row *option; /* NULL: none is set */
	const char *value;		    /* of it, borrowed from the text; NULL: none */
};

/* 0, or -EINVAL with a line in e->text. */
int tt_inside_wish_read(struct tt_inside_wish *ret, const char *text, struct tt_tool_error *e);
/* Sets the option, if there is one, in the tool's settings; text values are borrowed. As above. */
int tt_inside_wish_set(const struct tt_inside_wish *wish, void *settings, struct tt_tool_error *e);

#endif
