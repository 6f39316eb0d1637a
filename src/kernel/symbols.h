/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of the kernel's symbols (/proc/kallsyms). */
#ifndef TT_KERNEL_SYMBOLS_H
#define TT_KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tt_symbol {
	const char *name;
	uint64_t address; /* 0: not there, or hidden (kernel.kptr_restrict) */
	bool listed;	  /* it is there */
};

#define TT_SYMBOLS_MOST 8 /* at a time, or the list is read */

/* Looks all of them up. 0 or a negative errno of opening the list. */
int tt_symbols_find(struct tt_symbol *symbols, size_t count);
/* The same from the list, in one pass. */
int tt_symbols_read(struct tt_symbol *symbols, size_t count);

#endif
