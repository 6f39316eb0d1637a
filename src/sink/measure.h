/* SPDX-License-Identifier: Apache-2.0 */
/* Durations that tell zero from unknown. */
#ifndef TT_SINK_MEASURE_H
#define TT_SINK_MEASURE_H

#include <stdbool.h>

#include "stream/exchange.h"

static inline bool tt_span_of_time(uint64_t from_ns, uint64_t to_ns, uint64_t *ret)
{
	if (!from_ns || !to_ns || to_ns < from_ns)
		return false;
	*ret = to_ns - from_ns;
	return true;
}

/* Request's first byte to response's last; false (and *ret untouched) where an end is not known or the clocks cross. */
static inline bool tt_measure_duration(const struct tt_exchange *x, uint64_t *ret)
{
	return x->response && tt_span_of_time(x->request_first_ns, x->response_last_ns, ret);
}

/* Request's last byte to response's first; false too where the response began before the request had ended. */
static inline bool tt_measure_ttfb(const struct tt_exchange *x, uint64_t *ret)
{
	return x->response && tt_span_of_time(x->request_last_ns, x->response_first_ns, ret);
}

static inline bool tt_is_client(const struct tt_endpoints *ends)
{
	return ends->role == TT_ROLE_CLIENT;
}

#endif
