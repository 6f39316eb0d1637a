/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `telltale profile`, as its files share it. */
#ifndef TT_PROFILE_STATE_H
#define TT_PROFILE_STATE_H

#include "tools/profile/profile.h"
#include "tools/profile/window.h"
#include "tools/sched/state.h"
#include "tools/stacks/fold.h"

struct tt_profile_settings {
	struct tt_sched_settings sched; /* first: its config goes to the programs */
	uint64_t hz;
	const char *timeline; /* file; NULL: none */
	uint8_t wall;	      /* files have what threads waited for, too */
};

enum tt_profile_table {
	TT_PROFILE_TASKS,
	TT_PROFILE_FUNCTIONS,
	TT_PROFILE_TABLES,
};

extern const struct tt_table tt_profile_tasks_table, tt_profile_functions_table;

/* Of a name, where functions are counted. */
#define TT_FUNCTION_NAME_KEPT 256

/* Behind those of telltale sched. */
enum tt_profile_note {
	TT_PROFILE_NOTE_NO_ROW = TT_SCHED_NOTE_UNTOLD + 1,
	TT_PROFILE_NOTE_NO_FUNCTION,
	TT_PROFILE_NOTE_NO_SPAN,
};

struct tt_timeline;

struct tt_profile_run {
	struct tt_sched_run sched; /* first: tt_sched_begin and the like take it */
	struct tt_timeline *timeline;
	struct tt_profile_window *window; /* inside the agent */
	uint64_t since_ns;		  /* when that began */
};

extern const struct tt_tool_inside tt_profile_inside;

/* --- what was seen in an interval (samples.c) --- */

/* A function, of a process or thread: looks that found it, running itself and in all. */
struct tt_profile_function {
	uint32_t tgid, tid;
	uint64_t self, total;
	const char *name; /* borrowed */
	const char *comm; /* borrowed */
};

struct tt_profile_seen {
	struct tt_profile_function *list; /* by process and thread, most running itself first */
	size_t count;
	uint64_t looks;
	struct tt_fold self, total; /* by process, thread, name of it, name */
	struct tt_fold comms;	    /* names of processes and threads, each with its 0 */
	struct tt_buf names;	    /* each ended by 0 */
	uint64_t hz;
	uint32_t set;
	bool wall;
	struct tt_tool_run *run;
};

/* Takes the interval's samples out of the kernel, and gives their stacks to the files. 0 or a negative errno. */
int tt_profile_see(struct tt_tool_run *run, uint32_t set, struct tt_profile_seen *ret);
void tt_profile_seen_free(struct tt_profile_seen *s);

/* What tasks were blocked for goes to the files, where it is wanted, and is emptied anyway. 0 or a negative errno. */
int tt_profile_blocks(struct tt_tool_run *run, const struct tt_sched_view *v);

/* The tables. 0 or a negative errno. */
int tt_profile_show_tasks(struct tt_tool_run *run, const struct tt_sched_view *v, const struct tt_profile_seen *seen);
int tt_profile_show_functions(struct tt_tool_run *run, const struct tt_sched_view *v, const struct tt_profile_seen *seen);

/* --- spans as a picture (timeline.c) --- */

/* Opens the file. 0 or a negative errno, logged; *ret is untouched on failure. `most`: spans it keeps. */
int tt_timeline_new(struct tt_timeline **ret, const char *file, uint64_t most);
/* NULL-safe, returns NULL. */
struct tt_timeline *tt_timeline_free(struct tt_timeline *t);
/* False: there was no room. */
bool tt_timeline_add(struct tt_timeline *t, const struct tt_sched_span_record *span);
/* The picture as SVG: a row a thread, at most `rows`, those that did most. */
void tt_timeline_draw(struct tt_timeline *t, uint64_t from_ns, uint64_t to_ns, size_t rows, struct tt_buf *to);
/* Draws and writes it. 0 or a negative errno, logged. */
int tt_timeline_write(struct tt_timeline *t, uint64_t from_ns, uint64_t to_ns, size_t rows);

#endif
