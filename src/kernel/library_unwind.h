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

/*
 * Who owns a file says how much there is to be looked through again and again: this is the most for one file. A step by a table
 * of functions, or through .eh_frame, is one (and one more for each KiB that is skipped), to look for a function is TT_WORK_FIND,
 * 4096 of them at most. Node.js and cargo take 32 000, a program of Rust with OpenSSL in it 63 000, a small static one, which has
 * no table, 150 000.
 */
#define TT_WORK_MOST (4u << 20)
#define TT_WORK_FIND 1024u

/* Borrows both; they must outlive it. */
struct tt_unwind {
	Elf *elf;
	struct tt_window *w;
	uint64_t address; /* of the sorted table's head, which all in it counts from; of .eh_frame where there is no table */
	uint64_t offset;  /* … in the file */
	uint64_t count;	  /* of functions in the table; 0: there is none … */
	uint64_t bytes;	  /* … and .eh_frame, of so many, is read from its begin on */
	uint64_t work;	  /* what was done for this file */
};

/* A function's code, by the addresses it is loaded at. */
struct tt_unwind_function {
	uint64_t begin;
	uint64_t size; /* in bytes */
};

/* -ENOEXEC: the file has neither, or a table of another form. */
int tt_unwind_open(struct tt_unwind *ret, Elf *elf, struct tt_window *w);

/* Takes so much of what may be done for this file. False: it is used up, and nothing is found any more. */
bool tt_unwind_work(struct tt_unwind *u, uint64_t work);

/* The function the address lies in; false: in none that is known. Calls w for other bytes. */
bool tt_unwind_find(struct tt_unwind *u, uint64_t address, struct tt_unwind_function *ret);

#endif
