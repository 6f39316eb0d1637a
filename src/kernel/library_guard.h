/* SPDX-License-Identifier: Apache-2.0 */
/* Probes are let go of before the file they are in is written (library_guard.c). Of the attach part. */
#ifndef TT_KERNEL_LIBRARY_GUARD_H
#define TT_KERNEL_LIBRARY_GUARD_H

#include "kernel/internal.h"

/* The thread, and leases of what is attached already. 0, -ENOMEM, or no thread. */
int tt_library_guard_start(struct tt_kernel *k);
void tt_library_guard_stop(struct tt_kernel *k);

/*
 * Before the file's probes: opens it (file->fd, > 0) and keeps writers waiting from then on. 0; -ETXTBSY: somebody writes it, or
 * did since file->state was taken; or -errno of opening. What it opened is closed by tt_library_guard_end in any case.
 */
int tt_library_guard_begin(struct tt_kernel *k, struct tt_library_file *file, const char *path);
/* Behind them. 0; -ETXTBSY: somebody waits to write it, so they are to be let go of. */
int tt_library_guard_done(struct tt_library_file *file);
/* Whoever waits goes on. With the lists locked, where the file is in one. */
void tt_library_guard_end(struct tt_library_file *file);

/* Lets go of what was written without a lease. */
void tt_library_guard_look(struct tt_kernel *k);
/* Somebody still has it open to write. Of a file whose probes were let go of. */
bool tt_library_being_written(const struct tt_kernel *k, struct tt_library_file *file);

/* Held while files are entered, taken out and let go of. */
void tt_library_lists_lock(void);
void tt_library_lists_unlock(void);

#endif
