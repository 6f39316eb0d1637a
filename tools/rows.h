/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows on their way out: written at once, or gathered until they are flushed, the greatest of them first. Gathering keeps a
 * bounded number of rows, the greatest; what it did not keep is counted.
 */
#ifndef TT_TOOLS_ROWS_H
#define TT_TOOLS_ROWS_H

#include <stdbool.h>

#include "tools/fields.h"

struct tt_rows;

struct tt_rows_options {
	struct tt_fields fields;
	size_t row_size;
	size_t rank; /* field rows are ordered by; unknown is least */
	bool gather; /* keep rows until tt_rows_flush */
	size_t most; /* rows kept, at least 1 */
	int text_fd; /* -1: none. Both are borrowed */
	int json_fd;
	int64_t wall_minus_mono_ns;
};

/* *ret is untouched on failure (-ENOMEM). */
int tt_rows_new(struct tt_rows **ret, const struct tt_rows_options *options);
/* What was not flushed is dropped. NULL-safe, returns NULL. */
struct tt_rows *tt_rows_free(struct tt_rows *r);

/* Takes a copy. 0, -ENOMEM, or what writing failed with. */
int tt_rows_add(struct tt_rows *r, const void *row);

/* Writes what was gathered, and lets everything written so far be seen. 0 or a negative errno, also of an earlier write. */
int tt_rows_flush(struct tt_rows *r);

uint64_t tt_rows_shown(const struct tt_rows *r);
/* Rows that fell behind the greatest. */
uint64_t tt_rows_left_out(const struct tt_rows *r);

#endif
