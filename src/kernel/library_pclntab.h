/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of functions in a program linked by Go (runtime.pclntab): names, where they begin, and how deep the stack is at each
 * instruction. It is there in stripped programs too, because the runtime needs it. After cmd/link/internal/ld/pcln.go,
 * runtime/symtab.go and internal/abi/symtab.go of Go 1.18 to 1.26, for processors of 64 bits, little-endian.
 */
#ifndef TT_KERNEL_LIBRARY_PCLNTAB_H
#define TT_KERNEL_LIBRARY_PCLNTAB_H

#include <stdbool.h>

#include "kernel/library_window.h"

#define TT_PCLNTAB_LEVELS_MOST 64
#define TT_PCLNTAB_NAMES_MOST 16
/* Where the word of the first function's address stands in it, until Go 1.25 (see tt_pclntab.text). */
#define TT_PCLNTAB_TEXT_AT 24

struct tt_pclntab {
	uint64_t at; /* the offset of all in the file … */
	uint64_t size;
	uint64_t functions;
	uint64_t text;	/* address offsets of functions count from; 0: the linker left that to relocations, or since Go 1.26 to
			   others */
	uint64_t names; /* … and those of its parts in it */
	uint64_t names_end;
	uint64_t stacks;
	uint64_t index;
};

struct tt_pclntab_function {
	bool found;
	uint64_t entry; /* from where the functions' offsets count */
	/*
	 * Where the stack is again as deep as at the function's begin, from the entry on: at instructions that return, and where
	 * the code for a larger stack begins, behind all others.
	 */
	size_t level_count;
	uint32_t level[TT_PCLNTAB_LEVELS_MOST];
};

/* The table is at that offset of the file. -ENOEXEC: it is none; -EOPNOTSUPP: of a Go older than 1.18, or another processor's. */
int tt_pclntab_open(struct tt_pclntab *ret, struct tt_window *w, uint64_t at, uint64_t size);

/* ret[i] is the function names[i], `levels`: with them. 0; -E2BIG: one has more places, -ENOEXEC: what the table says cannot be.
 */
int tt_pclntab_find(const struct tt_pclntab *t, struct tt_window *w, const char *const *names, bool levels,
		    struct tt_pclntab_function *ret, size_t count);

#endif
