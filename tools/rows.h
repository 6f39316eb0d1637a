/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows on their way out: written at once, or gathered until they are flushed, the greatest of them first. Gathering keeps a
 * bounded number of rows of each table; what it did not keep is counted.
 */
#ifndef TT_TOOLS_ROWS_H
#define TT_TOOLS_ROWS_H

#include <stdbool.h>

#include "tools/screen.h"
#include "tools/table.h"

struct tt_rows;

struct tt_rows_options {
	const struct tt_table *const *tables; /* borrowed */
	size_t table_count;
	bool gather;		 /* keep rows until tt_rows_flush */
	size_t most;		 /* rows kept of a table, at least 1 … */
	size_t most_in_order;	 /* … and of one in order; 0: as many */
	double least;		 /* rows whose rank is less, in the unit it is shown in, are left out; not of tables in order */
	bool live;		 /* text_fd is a terminal, and what is gathered takes the place of what was shown before it */
	bool colours;		 /* headings stand out there */
	struct tt_screen screen; /* its size, if it does not tell it itself when something is shown */
	int text_fd;		 /* -1: none. Both are borrowed */
	int json_fd;
	int64_t (*wall_minus_mono_ns)(
		void); /* asked whenever rows are flushed: clocks are set, and stand still in a suspend; NULL: 0 */
};

/* *ret is untouched on failure (-ENOMEM). */
int tt_rows_new(struct tt_rows **ret, const struct tt_rows_options *options);
/* What was not flushed is dropped. NULL-safe, returns NULL. */
struct tt_rows *tt_rows_free(struct tt_rows *r);

/* Takes a copy of a row of tables[table]. 0, -ENOMEM, or what writing failed with. */
int tt_rows_add(struct tt_rows *r, size_t table, const void *row);

/* Writes what was gathered, and lets everything written so far be seen. 0 or a negative errno, also of an earlier write. */
int tt_rows_flush(struct tt_rows *r);

uint64_t tt_rows_shown(const struct tt_rows *r);
/* Rows that fell behind the greatest, or were less than the least. */
uint64_t tt_rows_left_out(const struct tt_rows *r);

#endif
