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

struct tt_piece {
	struct tt_piece *next;
	int64_t off;
	uint32_t len;
	uint32_t captured;
	uint64_t time_ns;
	uint8_t data[];
};

struct tt_pieces {
	struct tt_piece *head;
	struct tt_piece *tail; /* the last one */
	uint64_t bytes;	       /* of memory */
	int64_t whole;	       /* between the first one's begin and this nothing is missing; of no meaning without one */
};

/* Keeps a copy of what is new of the part. 0, or -ENOMEM having kept some of it. */
int tt_pieces_add(struct tt_pieces *p, int64_t off, uint32_t len, struct tt_span captured, uint64_t time_ns);

/* True if some bytes of the part are kept already. */
bool tt_pieces_have(const struct tt_pieces *p, int64_t off, uint32_t len);

/* True if bytes of the part are kept already, and other ones: *ret is from the first of them to behind the last. */
bool tt_pieces_differ(const struct tt_pieces *p, int64_t off, struct tt_span captured, struct tt_conflict *ret);

/* Takes the first one out; the caller frees it with free(). NULL: there is none. */
struct tt_piece *tt_pieces_pop(struct tt_pieces *p);

void tt_pieces_free(struct tt_pieces *p);

/* Adds to *ret, empty (off == end) at first, where two ranges both have bytes that differ: it grows to hold all of them. */
void tt_conflict_add(struct tt_conflict *ret, int64_t a_off, struct tt_span a, int64_t b_off, struct tt_span b);

#endif
