/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file in pieces: its tables may be large, who owns it may cut it off, and what reads it is to stay small. */
#ifndef TT_KERNEL_LIBRARY_WINDOW_H
#define TT_KERNEL_LIBRARY_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define TT_WINDOW_BYTES 65536

struct tt_window {
	int fd;	     /* not owned */
	uint64_t at; /* what `data` holds begins there in the file */
	size_t len;
	uint8_t data[TT_WINDOW_BYTES];
};

/* The n (at most TT_WINDOW_BYTES) bytes at that offset, good until the next call; empty where the file does not have them. */
struct tt_span tt_window_at(struct tt_window *w, uint64_t offset, size_t n);
/* The same as many as there are, up to n. */
struct tt_span tt_window_some(struct tt_window *w, uint64_t offset, size_t n);

#endif
