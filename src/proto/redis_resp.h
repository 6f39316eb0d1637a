/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of RESP2 and RESP3 (Redis serialization protocol specification), one element at a time: nothing here keeps
 * elements, so a reply of a million of them takes no more memory than one.
 */
#ifndef TT_PROTO_REDIS_RESP_H
#define TT_PROTO_REDIS_RESP_H

#include <stdbool.h>

#include "base/cursor.h"

/* Longer lengths and counts are not believed: a terabyte. */
#define TT_RESP_LENGTH_MAX (1ull << 40)

/* A simple string, error or inline command may be so long. */
#define TT_RESP_LINE_MAX (64u << 10)

enum tt_resp_shape {
	TT_RESP_LINE,	   /* whole in its line: simple string, error, number, boolean, null */
	TT_RESP_BULK,	   /* count bytes and \r\n follow */
	TT_RESP_CHUNKS,	   /* chunks follow, until an empty one */
	TT_RESP_CHUNK,	   /* one of them: count bytes and \r\n follow; 0: it was the last */
	TT_RESP_AGGREGATE, /* count elements follow */
	TT_RESP_OPEN,	   /* elements follow until the end mark */
	TT_RESP_END,	   /* the end mark */
};

struct tt_resp {
	uint8_t type; /* the first byte: + - : $ * _ # , ( ! = % ~ > | ; . */
	enum tt_resp_shape shape;
	uint64_t count;	     /* bytes, or elements (for maps: keys and values); 0 for RESP2's nulls, whose shape is a line */
	int64_t number;	     /* of ':' */
	struct tt_span line; /* without type and \r\n; borrowed from the cursor's bytes */
};

enum tt_resp_read {
	TT_RESP_OK,
	TT_RESP_MORE, /* the bytes end inside it */
	TT_RESP_BAD,  /* no element begins here */
};

/* Reads one element's first line. The cursor moves only for TT_RESP_OK. */
enum tt_resp_read tt_resp_read(struct tt_cursor *c, struct tt_resp *ret);

/* An array of arguments' parts, in requests: `*N` and `$N` (N may be negative for `*` only: nothing follows then). */
enum tt_resp_read tt_resp_read_count(struct tt_cursor *c, uint8_t type, uint64_t *ret);

/* The line up to \r\n; TT_RESP_BAD if a \r or \n stands alone or `max` bytes hold no end. */
enum tt_resp_read tt_resp_read_line(struct tt_cursor *c, size_t max, struct tt_span *ret);

/* Decimal, at most 18 digits, a '-' before it allowed. */
bool tt_resp_number(struct tt_span s, int64_t *ret);

/* What one element opens, in depth. */
#define TT_RESP_DEPTH 32

struct tt_resp_stack {
	uint64_t left[TT_RESP_DEPTH]; /* elements still to come */
	uint8_t type[TT_RESP_DEPTH];
	bool open[TT_RESP_DEPTH]; /* ends by a mark, not by a count */
	uint8_t depth;
};

enum tt_resp_place {
	TT_RESP_INSIDE,	  /* more of the outermost element is to come */
	TT_RESP_COMPLETE, /* the outermost element is complete */
	TT_RESP_WRONG,	  /* this element may not stand here, or is too deep */
};

/* Takes an element's first line into account. Bulks and chunks count as if their bytes had been passed. */
enum tt_resp_place tt_resp_place(struct tt_resp_stack *stack, const struct tt_resp *r);

#endif
