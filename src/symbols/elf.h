/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of an ELF file of 64 bits (elf(5)), read piece by piece through whoever may read it. Nothing in it is believed: what
 * lies outside the file is not there, and what is larger than any program's is refused.
 */
#ifndef TT_SYMBOLS_ELF_H
#define TT_SYMBOLS_ELF_H

#include "symbols/functions.h"

/* Adds up to `most` bytes from `offset` on; fewer only where the file ends. 0 or a negative errno. */
typedef int (*tt_elf_read_fn)(void *ctx, uint64_t offset, size_t most, struct tt_buf *to);

#define TT_ELF_SEGMENTS_MOST 16
#define TT_ELF_BUILD_ID_MOST 64
#define TT_ELF_LINK_MOST 256

/* What is loaded as code. */
struct tt_elf_segment {
	uint64_t offset, address, size;
};

struct tt_elf {
	struct tt_elf_segment segments[TT_ELF_SEGMENTS_MOST];
	size_t segment_count;
	uint8_t build_id[TT_ELF_BUILD_ID_MOST];
	size_t build_id_len;	     /* 0: none */
	char link[TT_ELF_LINK_MOST]; /* of .gnu_debuglink: the name of a file with symbols; empty: none */
	uint32_t link_crc;
	bool whole; /* it has its table of all symbols, .symtab */
};

/*
 * Adds the file's functions to `functions` (NULL: they are not wanted), by the addresses the file gives them, and says what else
 * it holds. 0; -ENOEXEC: it is no such file; -EFBIG; what reading failed with; -ENOMEM. What was read before stays.
 */
int tt_elf_read(tt_elf_read_fn read, void *ctx, struct tt_functions *functions, struct tt_elf *ret);

/* The address the file gives what stands at that offset; 0: it is no code. */
uint64_t tt_elf_address(const struct tt_elf *e, uint64_t offset);

#endif
