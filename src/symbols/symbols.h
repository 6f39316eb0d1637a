/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for addresses of programs: by what a process has mapped, the symbols of those files, separate files with symbols
 * (/usr/lib/debug), and what just-in-time compilers write down. What is found is kept, within limits; a file or
 * a process's list of functions takes a quarter of limit symbol_bytes at most, and those not used for long give way.
 */
#ifndef TT_SYMBOLS_SYMBOLS_H
#define TT_SYMBOLS_SYMBOLS_H

#include "base/buf.h"
#include "shared/limits.h"

#define TT_SYMBOLS_STAMP_MOST 48

/* How processes are looked at: as identity/mapped.h does, or by asking somebody who may. Each adds to `to`. 0 or a negative
 * errno. */
struct tt_symbols_source {
	int (*maps)(void *ctx, uint32_t pid, struct tt_buf *to);
	int (*file)(void *ctx, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to);
	/* What tells the file from all others, and from itself before it was written anew: TT_SYMBOLS_STAMP_MOST bytes at most.
	 */
	int (*stamp)(void *ctx, uint32_t pid, uint64_t start, struct tt_buf *to);
	int (*perf_map)(void *ctx, uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to);
};

struct tt_symbols_counts {
	uint64_t gone;	      /* addresses of processes that could not be looked at (any more) */
	uint64_t no_function; /* addresses in code for which no function is known: they are shown as [file+0x…] */
	uint64_t
		too_much; /* files and lists of functions (perf-PID.map) that were left, as they were too long or no such lists */
	uint64_t no_room; /* processes, files and functions left out (limits symbol_processes, symbol_files, symbol_bytes) */
};

struct tt_symbols;

/* source and ctx are borrowed and must outlive it. 0 or -ENOMEM; *ret is untouched then. */
int tt_symbols_new(struct tt_symbols **ret, const struct tt_symbols_source *source, void *ctx, const struct tt_limits *limits);
/* NULL-safe, returns NULL. */
struct tt_symbols *tt_symbols_free(struct tt_symbols *s);

/*
 * Adds the name of the function that has the address in the process: "main", "[libc.so.6+0x1f0]", "[unknown]"; never empty, and
 * without ';' and control characters. `image` tells programs apart that one process ran (execve(2)). Of an address that is
 * returned to, the call before it is meant: `returned`. 0, -ENOBUFS or -ENOMEM of `to`.
 */
int tt_symbols_add(struct tt_symbols *s, uint32_t pid, uint64_t image, uint64_t address, bool returned, struct tt_buf *to);

/* Whether it lies in memory the process may execute, of a file or not (as a just-in-time compiler's). False, too: it is gone. */
bool tt_symbols_is_code(struct tt_symbols *s, uint32_t pid, uint64_t image, uint64_t address, bool returned);

/* Adds a name as it may stand in a stack. As above. */
int tt_symbols_clean(struct tt_buf *to, const char *name);

struct tt_symbols_counts tt_symbols_counts(const struct tt_symbols *s);

#endif
