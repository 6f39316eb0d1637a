/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes run: the code they have mapped (proc_pid_maps(5)), the files it is from, and what a just-in-time compiler wrote
 * down of its own code. Files are reached as the process has them: deleted ones and those of its own mount namespace, too.
 */
#ifndef TT_IDENTITY_MAPPED_H
#define TT_IDENTITY_MAPPED_H

#include "base/buf.h"

/* The file read last stays open. Begins as TT_MAPPED_NONE; closed by tt_mapped_close. */
struct tt_mapped_file {
	int fd;
	uint32_t pid;
	uint64_t start;
};

#define TT_MAPPED_NONE ((struct tt_mapped_file){.fd = -1})

/* What tells a file from others, and from what it was before it was written anew. */
struct tt_mapped_stamp {
	uint64_t device, inode, size;
	int64_t changed_ns, written_ns; /* its ctime and mtime */
};

/* The offset at which a file has its stamp. */
#define TT_MAPPED_STAMP UINT64_MAX

/* Adds the lines of /proc/PID/maps that are code, as far as they fit. 0 or a negative errno. */
int tt_mapped_lines(uint32_t pid, struct tt_buf *to);

/*
 * Adds what the file of which code is mapped at `start` has from `offset` on: `most` bytes, less at its end; at
 * TT_MAPPED_STAMP its struct tt_mapped_stamp. 0, -ENOENT: no code of a file is mapped there, or the file is not to be had; or a
 * negative errno.
 */
int tt_mapped_read(struct tt_mapped_file *last, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to);
void tt_mapped_close(struct tt_mapped_file *last);

/*
 * Adds what /tmp/perf-PID.map, as the process has it, holds from `offset` on: `most` bytes, less at its end. 0; -ENOENT, -EPERM:
 * it is another user's; or a negative errno. The form: tools/perf/Documentation/jit-interface.txt of the kernel.
 */
int tt_perf_map_read(uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to);

#endif
