/* SPDX-License-Identifier: Apache-2.0 */
/* Files a program is told to read and to write: none that is written may be read at the same time, nor written twice. */
#ifndef TT_BASE_FILE_USE_H
#define TT_BASE_FILE_USE_H

#include <stddef.h>

struct tt_file_use {
	const char *writer; /* what writes to it, for errors: an option; NULL: it is read */
	const char *path;   /* "-": standard input or output; NULL: not in use */
};

/* Room for one line that names both options, or the option and the file. */
struct tt_file_clash {
	char text[320];
};

/*
 * To be asked before any of them is opened. Ordinary files are compared by device and inode, so through links and relative names
 * too; those that are not there yet by their folder and name. Pipes and devices may be shared, and so may "-". 0, or -EBUSY with
 * *ret saying which.
 */
int tt_file_uses_check(const struct tt_file_use *uses, size_t count, struct tt_file_clash *ret);

#endif
