/* SPDX-License-Identifier: Apache-2.0 */
/* What is written about the tools from their tables: columns, docs/tools.md. The first is part of the help, too. */
#ifndef TT_TOOLS_DOCS_H
#define TT_TOOLS_DOCS_H

#include "base/buf.h"
#include "tools/table.h"

/* Columns and JSON members of a table, as Markdown. */
void tt_table_help(struct tt_buf *b, const struct tt_table *table);

/* docs/tools.md: the JSON lines of every tool. */
void tt_tools_markdown(struct tt_buf *b);

#endif
