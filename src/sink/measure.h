/* SPDX-License-Identifier: Apache-2.0 */
/* Durations that tell zero from unknown. */
#ifndef TT_SINK_MEASURE_H
#define TT_SINK_MEASURE_H

#include <stdbool.h>

#include "stream/exchange.h"

/* Packets without a time have this one (source/pcap.c): what they say is whole, but nothing is known of when. */
#define TT_UNTIMED_NS 1

static inline bool tt_span_of_time(uint64_t from_ns, uint64_t to_ns, uint64_t *ret)
{
	if (from_ns <= TT_UNTIMED_NS || !to_ns || to_ns < from_ns)
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

/*
 * The duration a histogram counts: as above, but 0 where the clocks cross, and for what is never answered by intent the time it
 * took to say it. False: it happened, but how long it took will never be known (no response came, or a moment was not seen).
 */
static inline bool tt_measure_counted(const struct tt_exchange *x, uint64_t *ret)
{
	uint64_t last = x->outcome == TT_OUTCOME_ONE_WAY ? x->request_last_ns : x->response ? x->response_last_ns : 0;
	if (x->request_first_ns <= TT_UNTIMED_NS || !last)
		return false;
	*ret = last > x->request_first_ns ? last - x->request_first_ns : 0;
	return true;
}

/*
 * What the tables of services and the map count as failed, whichever end was observed: no answer, or one in which the server
 * failed. An answer that holds something against the request (HTTP 4xx) is none; by OpenTelemetry's rule, which
 * tt_exchange_failed follows, it fails at the client's end only, and one exchange would have two results.
 */
static inline enum tt_result tt_measure_result(const struct tt_exchange *x)
{
	enum tt_result result = tt_exchange_result(x);

	if (result == TT_RESULT_FAILED && x->outcome == TT_OUTCOME_ANSWERED && x->response && !x->response->failed)
		return TT_RESULT_OK;
	return result;
}

static inline bool tt_is_client(const struct tt_endpoints *ends)
{
	return ends->role == TT_ROLE_CLIENT;
}

#endif
