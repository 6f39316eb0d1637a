/* SPDX-License-Identifier: Apache-2.0 */
/* Passing over what is not read, of which not all may be there yet. */
#ifndef TT_PROTO_PASS_H
#define TT_PROTO_PASS_H

#include "base/own.h"
#include "proto/proto.h"
#include "shared/limits.h"

/* Bytes to come from which on it is worth telling the source, where a parser knows nothing else. */
#define TT_WISH_FROM (64u << 10)

/* The n bytes at the cursor: those that are there now, the others as they come. How many are to come. */
static inline uint64_t tt_pass(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t n)
{
	uint64_t there = TT_MIN(n, (uint64_t)tt_cursor_left(&in->c));

	tt_cursor_skip(&in->c, (size_t)there);
	if (there < n)
		tt_skip(link, side, n - there);
	return n - there;
}

/* The same, and where at least `from` bytes are to come (one or more) the source is told not to copy them. */
static inline uint64_t tt_pass_unseen(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t n, uint64_t from)
{
	uint64_t to_come = tt_pass(link, side, in, n);

	if (to_come >= from)
		tt_wish(link, side, in, in->c.pos + to_come, (uint32_t)tt_link_limit(link, TT_LIMIT_CAPTURE_BYTES));
	return to_come;
}

#endif
