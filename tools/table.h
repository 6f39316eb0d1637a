/* SPDX-License-Identifier: Apache-2.0 */
/* One kind of rows a tool shows. Most tools have one; each is a table of its own in text, and a kind of JSON lines. */
#ifndef TT_TOOLS_TABLE_H
#define TT_TOOLS_TABLE_H

#include <stdbool.h>

#include "tools/fields.h"

#define TT_TOOL_TABLES_MOST 8

struct tt_table {
	const char *kind; /* of its JSON lines, beside which no other of the tool's has it */
	const char *help; /* what a row is, without capital and full stop */
	struct tt_fields fields;
	size_t row_size;
	size_t rank; /* index of the field --top and --min go by, greatest first; no text */
	bool first; /* where a terminal has no room for all tables it is this one that is shown whole, its last column broken into
		       lines */
	bool in_order; /* as they were added, all of them: --top and --min are not for these */
};

#endif
