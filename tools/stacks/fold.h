/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks as text with their sums: "a;b;c", each once. */
#ifndef TT_STACKS_FOLD_H
#define TT_STACKS_FOLD_H

#include "base/buf.h"

struct tt_fold_row {
	uint64_t value;
	uint64_t hash;
	uint32_t text, len; /* in the texts */
};

struct tt_fold {
	struct tt_fold_row *rows;
	uint32_t *slots; /* by hash: 1 + row; 0: free */
	size_t count, room, slot_count;
	struct tt_buf texts;
	uint64_t refused; /* values that had no room */
};

/* `bytes`: as much text as it may hold. */
#define TT_FOLD(bytes) ((struct tt_fold){.texts = TT_BUF(bytes)})

/* Adds to the row of that text, or makes it. NULL: no room, and the value is counted as refused. Good until the next one. */
struct tt_fold_row *tt_fold_add(struct tt_fold *f, const char *text, size_t len, uint64_t value);
/* NULL: there is none. */
struct tt_fold_row *tt_fold_find(const struct tt_fold *f, const char *text, size_t len);
void tt_fold_free(struct tt_fold *f);

/* Puts rows in order of their frames, so that those that begin alike stand together. Nothing may be added or sought afterwards.
 */
void tt_fold_sort(struct tt_fold *f);

/* "a;b;c N\n" each. */
void tt_fold_text(const struct tt_fold *f, struct tt_buf *to);

#endif
