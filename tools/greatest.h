/* SPDX-License-Identifier: Apache-2.0 */
/* The greatest rows of many, in bounded memory: a heap with the least of them on top. Or all in their order, up to the bound. */
#ifndef TT_TOOLS_GREATEST_H
#define TT_TOOLS_GREATEST_H

#include "tools/table.h"

struct tt_greatest {
	const struct tt_table *table; /* borrowed */
	size_t most;		      /* rows kept, at least 1 */
	char *kept;		      /* rows, in no order */
	size_t *heap;		      /* their places, the least first */
	size_t count, room;
	uint64_t left_out; /* rows that fell behind */
};

/* The field rows are ordered by; what is not known is least. */
uint64_t tt_greatest_rank(const struct tt_table *table, const void *row);

/* Takes a copy. 0 or -ENOMEM. */
int tt_greatest_add(struct tt_greatest *g, const void *row);

/* Puts them in order; then the rows are tt_greatest_at(0) to (count - 1), the greatest first, until tt_greatest_clear. */
void tt_greatest_sort(struct tt_greatest *g);
const void *tt_greatest_at(const struct tt_greatest *g, size_t i);
void tt_greatest_clear(struct tt_greatest *g);

/* Frees what it holds, not itself. */
void tt_greatest_free(struct tt_greatest *g);

#endif
