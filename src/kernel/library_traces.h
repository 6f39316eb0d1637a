/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the code of a stripped program says of itself: which functions point at a text, which go on at an address, and what one
 * function does. Only what was decoded from a function's first byte to its last counts; x86-64.
 */
#ifndef TT_KERNEL_LIBRARY_TRACES_H
#define TT_KERNEL_LIBRARY_TRACES_H

#include "kernel/library_unwind.h"

#define TT_TRACES_TEXTS 16	    /* at most */
#define TT_TRACES_PLACES 8	    /* of one text in the file, and functions that point at one or go to one address */
#define TT_TRACES_CALLS 128	    /* of one function */
#define TT_TRACES_FILE (128u << 20) /* bytes of a file that are looked through */

struct tt_traces_functions {
	size_t count; /* TT_TRACES_PLACES: or more */
	struct tt_unwind_function at[TT_TRACES_PLACES];
};

struct tt_traces {
	Elf *elf;
	struct tt_window *code; /* of these three the bytes of each are good until the next call */
	struct tt_window *data;
	struct tt_unwind unwind; /* and what work was done for the file */
	const char *source;	 /* the end of a name of a source file */
	const char *const *texts;
	size_t text_count;
	size_t place_count[TT_TRACES_TEXTS];
	uint64_t place[TT_TRACES_TEXTS][TT_TRACES_PLACES]; /* addresses */
};

/* One function. */
struct tt_trace {
	struct tt_unwind_function at;
	uint32_t texts; /* bit by number: points at it */
	bool points;	/* at anything */
	bool source;	/* at the name of the source file */
	bool locks;	/* does something at once for all processors */
	bool tests;	/* whether its first argument is NULL */
	size_t call_count;
	uint64_t calls[TT_TRACES_CALLS]; /* addresses where it goes on outside of itself, by a call or a jump */
};

/*
 * Looks for the texts, of which each is a whole one, in the file t->elf is of. t->unwind, the windows (of that file) and the
 * texts are the caller's and must be set. False: there are too many places of one.
 */
bool tt_traces_texts(struct tt_traces *t);

/* The functions where an instruction may point at text number `text`. */
void tt_traces_pointing(struct tt_traces *t, size_t text, struct tt_traces_functions *ret);

/* The functions from where one may go to that address. */
void tt_traces_going(struct tt_traces *t, uint64_t address, struct tt_traces_functions *ret);

/* What the function does. False: an instruction of it is not known, it is longer than TT_CODE_MOST, or calls too many. */
bool tt_trace_read(struct tt_traces *t, const struct tt_unwind_function *at, struct tt_trace *ret);

bool tt_trace_calls(const struct tt_trace *trace, uint64_t address);

/* The bytes of its code, of at most `most`; empty: there are more. */
struct tt_span tt_trace_code(struct tt_traces *t, const struct tt_unwind_function *at, size_t most);

#endif
