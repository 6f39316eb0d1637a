/* SPDX-License-Identifier: Apache-2.0 */
/* Detection where either side's bytes may tell. */
#ifndef TT_PROTO_DETECT_H
#define TT_PROTO_DETECT_H

#include "proto/proto.h"

/* What the side's bytes say, of which there are some. */
typedef enum tt_verdict (*tt_judge_fn)(const struct tt_first *first, enum tt_side side);

/* TT_NO as soon as one side says that, else TT_YES if one does. */
static inline enum tt_verdict tt_detect_sides(const struct tt_first *first, tt_judge_fn judge)
{
	enum tt_verdict best = TT_MAYBE;

	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		enum tt_verdict v = first->side[side].len ? judge(first, side) : TT_MAYBE;
		if (v == TT_NO)
			return TT_NO;
		if (v == TT_YES)
			best = TT_YES;
	}
	return best;
}

/* Of what will not become more: TT_MAYBE is TT_NO. */
static inline enum tt_verdict tt_judged(const struct tt_first *first, enum tt_side side, enum tt_verdict v)
{
	return v == TT_MAYBE && first->ended[side] ? TT_NO : v;
}

#endif
