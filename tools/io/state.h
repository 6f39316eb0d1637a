/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `telltale io`, as its files share it. */
#ifndef TT_IO_STATE_H
#define TT_IO_STATE_H

#include "tools/io/disks.h"
#include "tools/io/files.h"
#include "tools/tool.h"

#define TT_IO_PATH_LEN 512
#define TT_IO_CONTAINERS 64 /* processes whose container is remembered */
#define TT_IO_CONTAINER_LEN 72

/* What the tool itself turned away, in run->notes. */
enum tt_io_note {
	TT_IO_NOTE_NO_BIO,
	TT_IO_NOTE_NO_ROW,
	TT_IO_NOTE_NO_REQUEST,
	TT_IO_NOTE_NO_DIRTIER,
	TT_IO_NOTE_NO_HISTOGRAM,
	TT_IO_NOTE_NO_DISK,
	TT_IO_NOTE_NO_END,
	TT_IO_NOTE_OPEN,
	TT_IO_NOTE_MAX,
};

enum tt_io_table {
	TT_IO_TABLE_FILES,
	TT_IO_TABLE_DISKS,
	TT_IO_TABLE_LATENCIES,
	TT_IO_TABLE_SIZES,
	TT_IO_TABLE_SLOW,
	TT_IO_TABLE_LOST,
	TT_IO_TABLE_MAX,
};

struct tt_io_settings {
	struct tt_io_config config; /* first: it goes to the programs */
	const char *disk;	    /* --disk; NULL: all */
	uint8_t has_folio;	    /* this kernel's name of the tracepoint where pages get dirty */
	uint8_t has_page;
};

struct tt_io_container {
	uint32_t tgid;
	uint64_t start_ns;
	char id[TT_IO_CONTAINER_LEN]; /* empty: none */
};

struct tt_io_state {
	struct tt_disks disks;
	struct tt_io_mounts mounts;
	struct tt_io_container containers[TT_IO_CONTAINERS];
	uint32_t set; /* of rows, in which is counted now */
	uint64_t since_ns;
	uint64_t lost_since_ns;
	uint64_t lost[TT_IO_NOTE_MAX]; /* of those shown as lost: what was shown before */
};

/* What files, disks and operations are called in rows. */
struct tt_io_names_of {
	char disk[TT_DISK_NAME];
	char container[TT_IO_CONTAINER_LEN];
	char file[TT_IO_PATH_LEN];
	uint64_t ino; /* TT_UNKNOWN: of no file */
};

extern const char *const tt_io_op_names[TT_IO_OP_MAX];

/* Looks up what is known; what is not stays empty. */
void tt_io_name(struct tt_tool_run *run, const struct tt_io_file *file, uint32_t disk, uint32_t tgid, uint64_t start_ns,
		struct tt_io_names_of *ret);

/* A disk's name, or its number where it is not known. */
void tt_io_disk_name(struct tt_io_state *s, uint32_t number, char *to, size_t size);

extern const struct tt_table tt_io_files_table, tt_io_disks_table, tt_io_latencies_table, tt_io_sizes_table, tt_io_slow_table,
	tt_io_lost_table;

/* From now on the other set of rows is counted in; *ret_set is the one that is to be read and emptied. 0 or a negative errno. */
int tt_io_change_sets(struct tt_tool_run *run, uint32_t *ret_set);

/* Before load: what this kernel has. 0, or -EINVAL with a line in e->text. */
int tt_io_prepare(void *settings, struct tt_tool_error *e);

/* The tool inside the agent (inside.c). */
struct tt_io_inside_row {
	struct tt_io_figure_key key;
	struct tt_io_figure figure;
};

extern const struct tt_tool_inside tt_io_inside;

/* The tool's `interval`. */
int tt_io_show(struct tt_tool_run *run);

/*
 * The rows of what was counted for one file, and in one histogram, in an interval of that length which ended then (monotonic ns).
 * 0 or a negative errno of the output.
 */
int tt_io_file_show(struct tt_tool_run *run, const struct tt_io_key *k, const struct tt_io_value *v, uint64_t now_ns,
		    uint64_t interval_ns);
int tt_io_histogram_show(struct tt_tool_run *run, const struct tt_io_histogram_key *k, const struct tt_io_histogram *h,
			 uint64_t now_ns, uint64_t interval_ns);

/* run->notes of what the programs counted up to now (lost.c). */
void tt_io_lost_count(struct tt_tool_run *run);
/* Shows what is in no row and came since this was called last, by cause. 0 or a negative errno of the output. */
int tt_io_lost_show(struct tt_tool_run *run);

/* A request that took long, and those under way since long. 0 or a negative errno of the output. */
int tt_io_slow_record(struct tt_tool_run *run, const struct tt_io_slow *slow);
int tt_io_slow_waiting(struct tt_tool_run *run);

#endif
