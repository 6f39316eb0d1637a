/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `telltale leak`, as its files share it. */
#ifndef TT_LEAK_STATE_H
#define TT_LEAK_STATE_H

#include "tools/leak/leak.h"
#include "tools/leak/sums.h"
#include "tools/stacks/stacks.h"
#include "tools/tool.h"

struct tt_leak_settings {
	struct tt_leak_config config; /* first: it goes to the programs */
	uint64_t older_ns;	      /* younger blocks are left out */
	const char *kernel;	      /* --kernel, as it was written; NULL: processes' own memory */
	uint64_t unwanted;	      /* hooks */
	struct tt_stack_wish stacks;
	uint8_t mmap; /* mappings, too */
	uint8_t all;  /* steady stacks, too */
};

enum tt_leak_table {
	TT_LEAK_TABLE_STACKS,
	TT_LEAK_TABLE_TOTAL,
	TT_LEAK_TABLE_MAX,
};

enum tt_leak_note {
	TT_LEAK_NOTE_SAMPLED,
	TT_LEAK_NOTE_STEADY,
	TT_LEAK_NOTE_MISSED,
	TT_LEAK_NOTE_NO_ROOM,
	TT_LEAK_NOTE_NO_ROW,
	TT_LEAK_NOTE_NO_GONE,
	TT_LEAK_NOTE_NO_CALL,
	TT_LEAK_NOTE_REPLACED,
	TT_LEAK_NOTE_UNKNOWN,
	TT_LEAK_NOTE_UNREAD,
	TT_LEAK_NOTE_BUSY,
};

struct tt_leak_run {
	struct tt_leak_sums sums;
	uint64_t begun_ns, shown_ns; /* the last interval's end */
	uint64_t swept_ns;	     /* when blocks of processes that are gone were last taken out */
	bool ended;		     /* a process is gone since */
	bool last;		     /* nothing more comes: files are written of what there is */
};

/* --- the programs (hooks.c) --- */

#define TT_LEAK_HOOKS 29
#define TT_LEAK_MAPS 7
#define TT_LEAK_PRESETS 5

extern const struct tt_hook_row tt_leak_hooks[TT_LEAK_HOOKS];
extern const struct tt_map_row tt_leak_maps[TT_LEAK_MAPS];
extern const struct tt_tool_preset tt_leak_presets[TT_LEAK_PRESETS];

/* Reads "slab,pages": enum tt_leak_of; -EINVAL. */
int tt_leak_of_read(const char *text);
/* Completes the settings by what this kernel has. */
void tt_leak_hooks_choose(struct tt_leak_settings *s);

/* --- functions of allocators (functions.c) --- */

/* Puts the programs at the allocators of those in scope. 0 or a negative errno, logged. */
int tt_leak_functions_begin(struct tt_tool_run *run);

/* --- what was counted (view.c) --- */

/* Brings run->state's sums up to now. 0 or a negative errno. */
int tt_leak_view(struct tt_tool_run *run, uint64_t now_ns);
/* Takes what processes that are gone had out of the kernel, to make room. 0 or a negative errno. */
int tt_leak_sweep(struct tt_tool_run *run, uint64_t now_ns);

/* --- names (names.c) --- */

/* Adds "main;work;malloc": outermost first. What does not fit is cut. */
void tt_leak_text(struct tt_tool_run *run, const struct tt_leak_row_key *key, struct tt_buf *to);

/* --- tables (rows.c) --- */

extern const struct tt_table tt_leak_stacks_table, tt_leak_total_table;

/* Shows all, at the end of an interval. 0 or a negative errno. */
int tt_leak_show(struct tt_tool_run *run, uint64_t now_ns);

#endif
