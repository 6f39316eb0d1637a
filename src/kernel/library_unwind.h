/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where functions of an ELF file begin and end, by what is kept to unwind their stacks: a program that was stripped has it still.
 * (Linux Standard Base, .eh_frame_hdr and .eh_frame; only in the form GNU's and LLVM's compilers and linkers write for C.)
 */
#ifndef TT_KERNEL_LIBRARY_UNWIND_H
#define TT_KERNEL_LIBRARY_UNWIND_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/library_window.h"

/* Borrows both; they must outlive it. */
struct tt_unwind {
	Elf *elf;
	struct tt_window *w;
	uint64_t address; /* of the sorted table's head, which all in it counts from; of .eh_frame where there is no table */
	uint64_t offset;  /* … in the file */
	uint64_t count;	  /* of functions in the table; 0: there is none … */
	uint64_t bytes;	  /* … and .eh_frame, of so many, is read from its begin on */
};

/* A function's code, by the addresses it is loaded at. */
struct tt_unwind_function {
	uint64_t begin;
	uint64_t size; /* in bytes */
};

/* -ENOEXEC: the file has neither, or a table of another form. */
int tt_unwind_open(struct tt_unwind *ret, Elf *elf, struct tt_window *w);

/* The function the address lies in; false: in none that is known. Calls w for other bytes. */
bool tt_unwind_find(const struct tt_unwind *u, uint64_t address, struct tt_unwind_function *ret);

#endif
