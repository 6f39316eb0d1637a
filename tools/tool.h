/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A diagnosis tool: a folder tools/NAME and the word NAME in meson.build. NAME.c defines `const struct tt_tool tt_tool_NAME` and
 * says what the tool is by tables; the runner (tools/runner.h) does the rest. docs/how-to/add-a-tool.md has the steps.
 */
#ifndef TT_TOOLS_TOOL_H
#define TT_TOOLS_TOOL_H

#include "kernel/programs.h"
#include "tools/options.h"
#include "tools/table.h"

#define TT_TOOL_NOTES_MOST 12

struct tt_attach;
struct tt_stack_wish;
struct tt_stacks;
struct tt_tool_run;

struct tt_tool_preset {
	enum tt_limit limit;
	uint64_t value;
};

struct tt_inside_to;

/*
 * A tool inside the agent (tools/inside.h), where its programs count by process and what they counted goes to metrics. `prepare`
 * and `begin` come first, then the process parts (attach/attach.h): `collect` runs in the attach part, which has the programs and
 * their maps, everything else in the other one, which has not. Each part has a state of its own from then on.
 */
struct tt_tool_inside {
	const char *const *options; /* of the tool's rows those that may be set there, NULL-ended; NULL: none */
	int (*prepare)(void *settings, struct tt_tool_error *e); /* instead of the tool's */
	const struct tt_map_row *maps;				 /* instead of the tool's */
	size_t map_count;
	/* Limits: those of rings are the agent's own otherwise, others are preset so where nobody set them. */
	const struct tt_tool_preset *presets;
	size_t preset_count;
	/* What run->notes, which the tool's `end` fills in, are called as causes; NULL: not told. */
	const char *const *causes;
	bool stacks; /* run->stacks is wanted */

	int (*begin)(struct tt_tool_run *run); /* instead of the tool's; NULL: that one */
	/* Adds what was counted since it was last asked: rows of that size. 0 or a negative errno. NULL: nothing is. */
	size_t row_size;
	int (*collect)(struct tt_tool_run *run, struct tt_buf *to);

	/* Before and behind the rows of one collection; may be NULL. */
	int (*rows_begin)(struct tt_tool_run *run);
	void (*row)(struct tt_tool_run *run, const struct tt_inside_to *to, const void *row); /* perhaps not aligned */
	void (*rows_end)(struct tt_tool_run *run, const struct tt_inside_to *to);
	/* What the programs sent; NULL: they send nothing. */
	void (*record)(struct tt_tool_run *run, const struct tt_inside_to *to, const struct tt_record *rec);
	void (*count)(struct tt_tool_run *run); /* fills in run->notes where nothing is collected; NULL: they are as they are */
	/*
	 * A document asked for by HTTP: 0: it has none of that path; else the status, and the body (an error in words) with its
	 * type, of static storage. NULL: there are none.
	 */
	int (*render)(struct tt_tool_run *run, struct tt_span path, struct tt_span query, struct tt_buf *body,
		      const char **ret_type);
};

struct tt_tool {
	const struct tt_table *const *tables; /* at most TT_TOOL_TABLES_MOST */
	size_t table_count;

	/* The tool's own options write into its settings, which begin with what its programs get (TT_TOOL_CONFIG). */
	const struct tt_option_row *options;
	size_t option_count;
	/* What words without an option are for, as tt_tool_options_read takes it (NULL: interval and count), and how the usage
	 * line has them. */
	const char *const *words;
	const char *words_help;
	size_t settings_size; /* at most TT_TOOL_SETTINGS_MOST; 0: none */
	size_t config_size;   /* of the front part that goes to the programs; 0: none */
	/* Completes the settings before load: 0, or a negative errno with a line in e->text (NULL: nothing to be done). */
	int (*prepare)(void *settings, struct tt_tool_error *e);
	/* Whether what was asked for goes together: 0, or -EINVAL with a line in e->text (NULL: it does). */
	int (*check)(const struct tt_tool_options *options, const void *settings, struct tt_tool_error *e);
	/* Rows are shown as they come all the same, though there is an `interval` (NULL: they are not). */
	bool (*at_once)(const void *settings);
	/* How often a second programs that a clock runs look at each processor (NULL: there are none). */
	uint32_t (*sample_hz)(const void *settings);
	bool sample_idle;   /* processors that are idle, too */
	uint64_t by_cycles; /* hooks whose clock is the processor's cycles: one bit a row */
	/* Which hooks the settings make needless: one bit a row (NULL: none). */
	uint64_t (*unwanted)(const void *settings);

	/* What is wanted of stacks (tools/stacks/stacks.h); NULL, or returns NULL or one that is not `wanted`: nothing. */
	const struct tt_stack_wish *(*stacks)(const void *settings);

	bool top_own; /* --top is of something else than rows, the tool minds it itself */

	/* Limits that are others for this tool where nobody sets them. */
	const struct tt_tool_preset *presets;
	size_t preset_count;

	bool data_rings; /* its programs report to rings of some processors each (tt_data_submit), too, not only to that of all */
	const struct tt_hook_row *hooks;
	size_t hook_count;
	const struct tt_map_row *maps;
	size_t map_count;

	/* What the tool itself turned away or could not show, counted in run->notes and told at the end. */
	const char *notes[TT_TOOL_NOTES_MOST];

	/* All may be NULL. 0 or a negative errno, which ends the run. */
	int (*begin)(struct tt_tool_run *run); /* may set run->state, and run->fd */
	/* Each time round the loop: when run->fd can be read, or the rings are about to be drained. 1: the tool's work is done.
	 */
	int (*turn)(struct tt_tool_run *run);
	int (*record)(struct tt_tool_run *run, const struct tt_record *rec); /* rec is borrowed, and as long as it says */
	int (*interval)(struct tt_tool_run *run);			     /* each --interval, and at the end: shows counts */
	int (*end)(struct tt_tool_run *run);				     /* nothing more comes: shows what is still open */
	void (*free)(struct tt_tool_run *run);				     /* NULL-safe on state */

	const struct tt_tool_inside *inside; /* NULL: not inside the agent */
};

#define TT_TOOL_SETTINGS_MOST 1024

/* One run, as its tool sees it. */
struct tt_tool_run {
	const struct tt_tool *tool;
	const void *settings;
	const struct tt_tool_options *options;
	const struct tt_limits *limits;
	struct tt_kernel *kernel; /* for tt_kernel_map_fd */
	struct tt_stacks *stacks; /* NULL: none are wanted */
	struct tt_attach *attach; /* NULL: not yet */
	uint32_t command;	  /* its process, which has not begun in `begin`; 0: there is none */
	void *state;
	int fd; /* the loop comes round when it can be read; the tool's own, -1: none */
	uint64_t notes[TT_TOOL_NOTES_MOST];
	struct tt_rows *rows;
};

/* Shows a row of tables[table], which is copied: at once, or with the others of its interval. 0 or a negative errno of the
 * output. */
int tt_tool_row(struct tt_tool_run *run, size_t table, const void *row);

#endif
