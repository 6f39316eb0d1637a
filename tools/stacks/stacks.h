/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of a tool: its programs count by numbers of stacks (stacks.bpf.h), this side has their names. The runner makes it where
 * the tool's `stacks` wants it, before privileges go, feeds it the programs' records, writes the files asked for at the end, and
 * tells what was lost. Processes are looked at while they are there: when the record of a new stack comes.
 *
 * A tool with stacks has in its `maps` TT_STACK_MAPS, in its options TT_STACK_OPTIONS, and `stacks` in struct tt_tool.
 */
#ifndef TT_STACKS_STACKS_H
#define TT_STACKS_STACKS_H

#include "symbols/symbols.h"
#include "tools/stacks/ids.h"
#include "tools/tool.h"

/* Rows of `maps`; the runner keeps them small where no stacks are wanted. */
#define TT_STACK_MAPS                                                                  \
	{"tt_stacks", TT_LIMIT_TOOL_STACKS}, {"tt_stacks_told", TT_LIMIT_TOOL_STACKS}, \
	{                                                                              \
		"tt_stack_counts", TT_MAP_PER_CPU                                      \
	}
#define TT_STACK_MAP_COUNT 3

/* What is wanted; a member of the tool's settings, behind what its programs get. */
struct tt_stack_wish {
	uint8_t wanted;
	const char *unit;   /* of values, for the flame graph: "samples", "µs", "bytes" */
	const char *folded; /* file; NULL: none. "-" is standard output */
	const char *svg;
};

/* Rows of `options`. settings_: the struct; member_: its struct tt_stack_wish. */
#define TT_STACK_OPTIONS(settings_, member_)                                                                      \
	{"folded",                                                                                                \
	 0,                                                                                                       \
	 "FILE",                                                                                                  \
	 TT_ROW_OUTPUT,                                                                                           \
	 offsetof(settings_, member_.folded),                                                                     \
	 0,                                                                                                       \
	 0,                                                                                                       \
	 "write stacks to this file at the end, one a line and outermost first: a;b;c N (- is standard output)"}, \
		{"svg",                                                                                           \
		 0,                                                                                               \
		 "FILE",                                                                                          \
		 TT_ROW_OUTPUT,                                                                                   \
		 offsetof(settings_, member_.svg),                                                                \
		 0,                                                                                               \
		 0,                                                                                               \
		 "write a flame graph to this file at the end"}

/* A stack, as its process was in it. */
struct tt_stack {
	uint32_t tgid;
	int32_t user; /* numbers, TT_STACK_NONE or TT_STACK_LOST */
	int32_t kernel;
	bool by_clock; /* an interrupt looked, and not a program at a tracepoint: nothing in it is the tool's own */
};

struct tt_stacks;

/* `wish` is borrowed and must outlive it. 0 or a negative errno, logged. *ret is untouched on failure. */
int tt_stacks_new(struct tt_stacks **ret, struct tt_tool_run *run, const struct tt_stack_wish *wish);
/* NULL-safe, returns NULL. */
struct tt_stacks *tt_stacks_free(struct tt_stacks *s);

/* True: the record was one of stacks. */
bool tt_stacks_take(struct tt_stacks *s, const struct tt_record *rec);

/*
 * Adds "main;work;read;vfs_read": outermost first, the kernel's functions behind the program's. Nothing is added where there is
 * no stack; "[lost]" stands for what could not be kept. 0 or what `to` fails with.
 */
int tt_stacks_text(struct tt_stacks *s, const struct tt_stack *stack, struct tt_buf *to);

/* A stack by its addresses, innermost first, at most TT_STACK_DEPTH each; a clock's interrupt looked. */
struct tt_stack_frames {
	uint32_t tgid;
	uint64_t image; /* as in struct tt_stack_seen */
	const uint64_t *user, *kernel;
	unsigned user_count, kernel_count;
};

/* The same of these. Nothing is kept: addresses are looked up each time. */
int tt_stacks_frames_text(struct tt_stacks *s, const struct tt_stack_frames *f, struct tt_buf *to);

/* What could not be looked up. */
struct tt_symbols_counts tt_stacks_counts(const struct tt_stacks *s);

/*
 * How many of a stack's innermost functions are the tool's, where a program at a tracepoint looked: from where that was called
 * on. `names`, innermost first, may be NULL. Those of other programs farther out are none of them.
 */
unsigned tt_stacks_own(const char *const names[], unsigned depth);

/* The same of the kernel's part (`id`) or of the program's alone; a program at a tracepoint looked. */
int tt_stacks_kernel_text(struct tt_stacks *s, int32_t id, struct tt_buf *to);
int tt_stacks_user_text(struct tt_stacks *s, uint32_t tgid, int32_t id, struct tt_buf *to);
/* With who called the innermost function, as tt_stack_user_called was told (stacks.bpf.h). */
int tt_stacks_called_text(struct tt_stacks *s, uint32_t tgid, int32_t id, uint64_t caller, struct tt_buf *to);

/* As much of it as fits, the innermost functions: "...;read;vfs_read". */
void tt_stacks_tail(char *to, size_t size, const struct tt_buf *text);

/* For --folded and --svg: `value` more of the text "a;b;c" (len bytes). What has no room (limit tool_stack_bytes) is counted. */
void tt_stacks_fold(struct tt_stacks *s, const char *text, size_t len, uint64_t value);

/* Writes the files asked for. 0 or a negative errno, logged. */
int tt_stacks_write(struct tt_stacks *s);

/* How many were lost, as "; N what" each. */
void tt_stacks_tell(struct tt_stacks *s, struct tt_buf *b);

#endif
