/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all tools share: options, loading, the loop with its end (duration, signals, command), rows as text and JSON lines, loss
 * counts. A tool is the rest (tools/tool.h).
 */
#ifndef TT_TOOLS_RUNNER_H
#define TT_TOOLS_RUNNER_H

#include "tools/tool.h"

/* One row a word of `tools` in meson.build, made by tools/registry.py. */
struct tt_tool_entry {
	const char *name;
	const struct tt_tool *tool;
	const char *summary; /* the README's first paragraph, without its full stop */
	const char *readme;
	const void *(*elf)(size_t *size); /* the programs */
};

extern const struct tt_tool_entry tt_tools[];
extern const size_t tt_tool_count;

/* NULL: there is none of that name. */
const struct tt_tool_entry *tt_tool_find(const char *name);

/* `telltale NAME …`: argv[0] is the name. Returns the exit status: 2 for bad use, 1 for what failed, with a command the
 * command's. */
int tt_tool_main(const struct tt_tool_entry *entry, int argc, char **argv);

/* Usage, options and README. */
void tt_tool_help(struct tt_buf *b, const struct tt_tool_entry *entry);

#endif
