// SPDX-License-Identifier: Apache-2.0
#include "stream/exchange.h"

static const char *const outcome_names[] = {
#define TT_OUTCOME_NAME(id, name) [TT_OUTCOME_##id] = name,
	TT_OUTCOMES(TT_OUTCOME_NAME)
#undef TT_OUTCOME_NAME
};

static enum tt_result tt_result_of(bool failed)
{
	return failed ? TT_RESULT_FAILED : TT_RESULT_OK;
}

static enum tt_result tt_result_of_answer(const struct tt_exchange *x)
{
	const struct tt_message *m = x->response;

	if (!m->failed && !m->refused && m->incomplete && !tt_message_get(m, TT_TEXT_STATUS).data)
		return TT_RESULT_UNKNOWN;
	return tt_result_of(m->failed || (m->refused && x->ends->role == TT_ROLE_CLIENT && x->ends->origin != TT_ORIGIN_PCAP));
}

enum tt_result tt_exchange_result(const struct tt_exchange *x)
{
	switch (x->outcome) {
	case TT_OUTCOME_ANSWERED:
		return tt_result_of_answer(x);
	case TT_OUTCOME_ONE_WAY:
		return tt_result_of(x->request->failed);
	case TT_OUTCOME_LOST:
	case TT_OUTCOME_UNFINISHED:
		return TT_RESULT_UNKNOWN;
	case TT_OUTCOME_TIMEOUT:
		/* A connection lives, and may have the answer yet; a datagram's does not come after so long. */
		return tt_transport_datagrams(x->ends->transport) ? TT_RESULT_FAILED : TT_RESULT_UNKNOWN;
	default:
		return TT_RESULT_FAILED;
	}
}

struct tt_span tt_exchange_error_type(const struct tt_exchange *x)
{
	enum tt_result result = tt_exchange_result(x);

	if (result == TT_RESULT_OK)
		return tt_span(NULL, 0);
	if (result == TT_RESULT_UNKNOWN)
		return tt_span_str(outcome_names[x->outcome == TT_OUTCOME_ANSWERED ? TT_OUTCOME_LOST : x->outcome]);
	if (x->outcome == TT_OUTCOME_ANSWERED)
		return tt_message_get(x->response, TT_TEXT_ERROR_TYPE);
	if (x->outcome == TT_OUTCOME_ONE_WAY)
		return tt_message_get(x->request, TT_TEXT_ERROR_TYPE);
	return tt_span_str(outcome_names[x->outcome]);
}

static uint64_t tt_between(uint64_t from, uint64_t to)
{
	return from && to > from ? to - from : 0;
}

uint64_t tt_exchange_duration_ns(const struct tt_exchange *x)
{
	return tt_between(x->request_first_ns, x->response_last_ns);
}

uint64_t tt_exchange_ttfb_ns(const struct tt_exchange *x)
{
	return tt_between(x->request_last_ns, x->response_first_ns);
}

struct tt_span tt_exchange_text(const struct tt_exchange *x, enum tt_text which)
{
	struct tt_span s = tt_message_get(x->request, which);
	return s.data ? s : tt_message_get(x->response, which);
}

struct tt_span tt_exchange_path(const struct tt_exchange *x, bool server)
{
	const struct tt_unix_paths *paths = x->ends->paths;
	if (!paths)
		return tt_span(NULL, 0);
	bool local = server == (x->ends->role != TT_ROLE_CLIENT);
	const char *path = local ? paths->local : paths->peer;
	return path[0] ? tt_span_str(path) : tt_span(NULL, 0);
}

const struct tt_sockaddr *tt_exchange_client(const struct tt_exchange *x)
{
	return x->ends->role == TT_ROLE_CLIENT ? &x->ends->local : &x->ends->peer;
}

const struct tt_sockaddr *tt_exchange_server(const struct tt_exchange *x)
{
	return x->ends->role == TT_ROLE_CLIENT ? &x->ends->peer : &x->ends->local;
}
