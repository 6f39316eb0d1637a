/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files as they are read here (elf(5)): piece by piece, and never mapped, because who owns one could cut it off. */
#ifndef TT_KERNEL_LIBRARY_ELF_H
#define TT_KERNEL_LIBRARY_ELF_H

#include <gelf.h>
#include <stdint.h>

#define TT_ELF_TABLE_MOST (32u << 20) /* of a table that is read whole: names, symbols, relocations */

/*
 * An ELF file of 64 bits. *fd and *elf are the caller's (close, elf_end) and untouched on failure: -errno, -ENOEXEC, or
 * -EFBIG (beyond 1 GiB, 1 024 sections, 32 MiB of their names).
 */
int tt_elf_open(const char *path, int *fd, Elf **elf);

/* What is loaded at that address stands at this offset; 0: nowhere. */
uint64_t tt_elf_offset(Elf *elf, uint64_t address);
/* The code that is loaded at that address stands at this offset; 0: nowhere. */
uint64_t tt_elf_code_offset(Elf *elf, uint64_t address);

/* The id of the build (.note.gnu.build-id), as long as GNU's linker makes it. -ENOENT: it has none so long; or as above. */
#define TT_BUILD_ID_BYTES 20
int tt_elf_build_id(const char *path, uint8_t *ret);

/*
 * The directories, with colons between, where the dynamic loader is told by the file itself to look for its libraries
 * (DT_RUNPATH, else DT_RPATH), as they stand there: $ORIGIN is the file's own. 0; -ENOENT: it says none; -ENAMETOOLONG, or as
 * above.
 */
int tt_elf_search_path(const char *path, char *ret, size_t size);

#endif
