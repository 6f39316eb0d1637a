/* SPDX-License-Identifier: Apache-2.0 */
/* Functions by their addresses: of a file, of the kernel, or of what was compiled while a program ran. */
#ifndef TT_SYMBOLS_FUNCTIONS_H
#define TT_SYMBOLS_FUNCTIONS_H

#include "base/buf.h"

/* How much of a name is kept. */
#define TT_FUNCTION_NAME_MOST 1024

struct tt_function {
	uint64_t start;
	uint32_t size; /* 0: to the next one */
	uint32_t name; /* where it begins in the names */
};

/* All tables together may take so many bytes. */
struct tt_functions_budget {
	uint64_t left;
	uint64_t refused; /* functions that had no room */
};

struct tt_functions {
	struct tt_function *list;
	size_t count, room;
	size_t sorted;	     /* the first so many are in order */
	struct tt_buf names; /* each ended by 0 */
	bool newest; /* of two at one address the one added last is meant; else the one whose name is rather meant for people */
	uint32_t reach; /* one without a size ends after so many bytes at the latest; 0: at the next one only */
	uint64_t spent; /* of the budget */
	uint64_t most;	/* of it for this table; 0: all of it */
	struct tt_functions_budget *budget; /* borrowed, must outlive it; NULL: there is none */
};

/* Bytes a table may have in all: names are found by 32 bits. */
#define TT_FUNCTIONS_NAMES_MOST (1u << 30)

#define TT_FUNCTIONS(budget_) ((struct tt_functions){.names = TT_BUF(TT_FUNCTIONS_NAMES_MOST), .budget = (budget_)})

/* 0; -ENOBUFS: no room, which is counted; -ENOMEM. A size beyond 4 GiB is cut. */
int tt_functions_add(struct tt_functions *f, uint64_t start, uint64_t size, const char *name, size_t len);

/* The function that has the address; NULL: none. Sorts first, if something was added. */
const char *tt_functions_find(struct tt_functions *f, uint64_t address);

/* Gives its room back to the budget. */
void tt_functions_free(struct tt_functions *f);

#endif
