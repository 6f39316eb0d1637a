/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of files: the names the programs read in the kernel, below the place their file system is mounted at. */
#ifndef TT_IO_FILES_H
#define TT_IO_FILES_H

#include "base/buf.h"
#include "tools/io/io.h"

#define TT_IO_MOUNTS_MOST 256

struct tt_io_mount {
	uint32_t dev;
	char root[256];	 /* what of the file system is there; "/" is all */
	char point[256]; /* where */
};

/* Mounts found so far, by their file system. */
struct tt_io_mounts {
	struct tt_io_mount list[TT_IO_MOUNTS_MOST];
	size_t count;
};

/*
 * Looks a file system up in the text of a mountinfo file (proc_pid_mountinfo(5)): where all of it is mounted, or else most of it.
 * False: not there, or its names are too long.
 */
bool tt_io_mount_find(struct tt_span text, uint32_t dev, struct tt_io_mount *ret);

/* The mount of a file system: as telltale itself sees it, or else as that process does. NULL: neither sees it. Borrowed. */
const struct tt_io_mount *tt_io_mount_of(struct tt_io_mounts *m, uint32_t dev, uint32_t pid);

/* Writes the path, ended; cut with three dots in front if it is longer. `mount` NULL: the path within the file system. */
void tt_io_path(const struct tt_io_names *names, const struct tt_io_mount *mount, char *to, size_t size);

#endif
