/* SPDX-License-Identifier: Apache-2.0 */
/* The time a sink goes by: that of the events it is given, which in a replay is not now. Never goes back. */
#ifndef TT_SINK_CLOCK_H
#define TT_SINK_CLOCK_H

#include "stream/exchange.h"

struct tt_clock {
	uint64_t start_ns; /* the first moment it was told; 0 none */
	uint64_t now_ns;
};

static inline uint64_t tt_clock_tick(struct tt_clock *c, uint64_t ns)
{
	if (!c->start_ns)
		c->start_ns = ns;
	if (ns > c->now_ns)
		c->now_ns = ns;
	return c->now_ns;
}

/* The last moment the exchange knows of. */
static inline uint64_t tt_clock_exchange(struct tt_clock *c, const struct tt_exchange *x)
{
	uint64_t ns = x->response_last_ns > x->request_last_ns ? x->response_last_ns : x->request_last_ns;
	return tt_clock_tick(c, ns > x->request_first_ns ? ns : x->request_first_ns);
}

#endif
