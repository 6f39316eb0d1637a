/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* How a span of time is shared out between the two sets rows are counted in. */
#ifndef TT_SCHED_SPAN_H
#define TT_SCHED_SPAN_H

#include "tools/sched/sched.h"

/* A span of time as the present set counts it, with what of it lay before the set began. */
struct tt_sched_span {
	__u64 ns;
	__u64 before_ns; /* of the other set */
	__u64 whole_ns;
	__u32 set;
};

/* Of what began before it ended. `n` may be changed meanwhile: of that, each state and each mixture of two leaves sound numbers.
 */
static inline __attribute__((always_inline)) void tt_sched_span_of(struct tt_sched_span *span, const struct tt_sched_now *n,
								   __u64 from, __u64 to)
{
	span->set = n->set & 1;
	span->whole_ns = to - from;
	__u64 begun = n->begun_ns[span->set], earlier = n->begun_ns[span->set ^ 1];
	if (begun > to)
		begun = to;
	/* An `earlier` that is not earlier is the next set's beginning: the sets are just being changed. */
	if (from < begun && earlier < begun && n->split)
		span->before_ns = begun - (from > earlier ? from : earlier);
	span->ns = to - (from > begun ? from : begun);
}

#endif
