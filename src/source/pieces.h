/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a byte sequence that came before what they follow: kept in order, without overlap (what came first wins), each with
 * its time. A part's tail may not have been captured: length is what it covers, captured what there is of it.
 */
#ifndef TT_SOURCE_PIECES_H
#define TT_SOURCE_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* What of a stream came again as something else. */
struct tt_conflict {
	int64_t off;
	int64_t end;
};

/* Besides the list of all of them there are so many of some, each of about an eighth of those below: whoever sends them decides
 * how many there are and in which order they come. */
#define TT_PIECE_LISTS 4

struct tt_piece {
	struct tt_piece *next;
	int64_t off;
	uint64_t time_ns;
	uint32_t len;
	uint32_t captured;
	uint8_t *data;		 /* behind `skip` */
	struct tt_piece *skip[]; /* the next one in each of the other lists it is in */
};

struct tt_pieces {
	struct tt_piece *head;
	struct tt_piece *skip[TT_PIECE_LISTS]; /* the first one in each */
	struct tt_piece *tail;		       /* the last one */
	struct tt_piece *run; /* between the first one and the end of this nothing is missing, as far as is known */
	uint64_t bytes;	      /* of memory */
	uint64_t covered;     /* of the sequence */
	uint64_t looks;	      /* pieces that were looked at, ever */
};

/* Keeps a copy of what is new of the part. 0, or -ENOMEM having kept some of it. */
int tt_pieces_add(struct tt_pieces *p, int64_t off, uint32_t len, struct tt_span captured, uint64_t time_ns);

/* True if some bytes of the part are kept already. */
bool tt_pieces_have(struct tt_pieces *p, int64_t off, uint32_t len);

/* True if bytes of the part are kept already, and other ones: *ret is from the first of them to behind the last. */
bool tt_pieces_differ(struct tt_pieces *p, int64_t off, struct tt_span captured, struct tt_conflict *ret);

/* Between the first one's begin and this nothing is missing. There must be one. */
int64_t tt_pieces_whole(struct tt_pieces *p);

/* Takes the first one out; the caller frees it with free(). NULL: there is none. */
struct tt_piece *tt_pieces_pop(struct tt_pieces *p);

void tt_pieces_free(struct tt_pieces *p);

/* Adds to *ret, empty (off == end) at first, where two ranges both have bytes that differ: it grows to hold all of them. */
void tt_conflict_add(struct tt_conflict *ret, int64_t a_off, struct tt_span a, int64_t b_off, struct tt_span b);

#endif
