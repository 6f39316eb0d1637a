/* SPDX-License-Identifier: Apache-2.0 */
/* Separate files with the symbols of stripped ones: by build ID below /usr/lib/debug, or by the name in .gnu_debuglink. */
#ifndef TT_SYMBOLS_DEBUG_FILE_H
#define TT_SYMBOLS_DEBUG_FILE_H

#include "symbols/elf.h"

/*
 * Adds what the separate file of `elf`, mapped from `path`, knows. Below `root` (empty: the system's own) the places are sought.
 * True: there was one, and it is of the same build.
 */
bool tt_debug_file_read(const char *root, const char *path, const struct tt_elf *elf, struct tt_functions *functions);

#endif
