/* SPDX-License-Identifier: Apache-2.0 */
/* How far a long file is read, on one line of a terminal that is written anew and taken away at the end. Elsewhere nothing. */
#ifndef TT_CLI_PROGRESS_H
#define TT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct tt_progress {
	int fd;		  /* the terminal; -1: there is none */
	const char *name; /* borrowed, must outlive */
	uint64_t size;	  /* of the file; 0: not known */
	uint64_t next_ns; /* not before this time */
	bool shown;
};

/*
 * `fd` is shown on if it is a terminal; `input` is what is read. `mute`: something else is being written to the same terminal, so
 * that nothing is shown.
 */
void tt_progress_init(struct tt_progress *p, int fd, int input, const char *name, bool mute);

/* `offset` bytes and so many exchanges so far. Call it as often as you like. */
void tt_progress_show(struct tt_progress *p, uint64_t offset, uint64_t exchanges);

/* Takes the line away. Before anything else is written to the terminal. */
void tt_progress_clear(struct tt_progress *p);

#endif
