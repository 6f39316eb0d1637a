/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's functions by their addresses, from /proc/kallsyms. Who opened it decides whether addresses are shown in it. */
#ifndef TT_SYMBOLS_KERNEL_H
#define TT_SYMBOLS_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct tt_kernel_symbols;

/* Opens it, while that is permitted; it is read when the first name is wanted. 0 or a negative errno; *ret is untouched then. */
int tt_kernel_symbols_new(struct tt_kernel_symbols **ret, const char *path);
/* NULL-safe, returns NULL. */
struct tt_kernel_symbols *tt_kernel_symbols_free(struct tt_kernel_symbols *s);

/* The function that has the address; NULL: not known, or s is NULL. */
const char *tt_kernel_symbol(struct tt_kernel_symbols *s, uint64_t address);

/* Where a function of the kernel lies: [from, to). False: not known. Reads the file anew, and keeps nothing. */
bool tt_kernel_function(const char *name, uint64_t *from, uint64_t *to);

#endif
