/* SPDX-License-Identifier: Apache-2.0 */
/* What the streams hand to the sinks: exchanges, and what happened to connections. All borrowed for the time of the call. */
#ifndef TT_STREAM_EXCHANGE_H
#define TT_STREAM_EXCHANGE_H

#include "proto/proto.h"
#include "shared/record.h"

/* How an exchange ended without its response; the names are error_type's values. */
#define TT_OUTCOMES(X)                          \
	X(ANSWERED, "")                         \
	X(ONE_WAY, "")                          \
	X(CLOSED_BY_CLIENT, "closed_by_client") \
	X(CLOSED_BY_SERVER, "closed_by_server") \
	X(RESET, "reset")                       \
	X(TIMEOUT, "timeout")                   \
	X(LOST, "lost")                         \
	X(UNFINISHED, "unfinished")

/*
 * LOST: its end was not seen. UNFINISHED: it was under way when the capture, or telltale, ended. TIMEOUT: nothing came for so
 * long, and its connection lives. Of the first two the result is not known, nor of the last one where a stream may bring it yet.
 */
enum tt_outcome {
#define TT_OUTCOME_ENUM(id, name) TT_OUTCOME_##id,
	TT_OUTCOMES(TT_OUTCOME_ENUM)
#undef TT_OUTCOME_ENUM
		TT_OUTCOME_MAX,
};

/* The process at the observed end, as the kernel named it; names are found by identity/. */
struct tt_actor {
	uint32_t tgid; /* 0 unknown */
	uint32_t tid;
	uint64_t start_ns;
	uint64_t cgroup_id;
};

/* What the ends of a Unix connection are bound to, ended by 0; an abstract name begins with '@'. Empty: not bound. */
struct tt_unix_paths {
	char local[TT_UNIX_PATH_LEN + 1];
	char peer[TT_UNIX_PATH_LEN + 1];
};

struct tt_endpoints {
	struct tt_conn_id conn;
	struct tt_sockaddr local;
	struct tt_sockaddr peer;
	uint32_t netns;
	uint8_t transport;		   /* enum tt_transport */
	uint8_t origin;			   /* enum tt_origin */
	uint8_t role;			   /* enum tt_role of the observed end; unknown is shown as server */
	const struct tt_unix_paths *paths; /* NULL: not a Unix connection, or not known */
};

static inline bool tt_transport_datagrams(uint8_t transport)
{
	return transport == TT_TRANSPORT_UDP || transport == TT_TRANSPORT_UNIX_DGRAM;
}

struct tt_exchange {
	const struct tt_proto *proto;
	const struct tt_endpoints *ends;
	struct tt_actor actor;
	const struct tt_message *request;
	/* With TT_OUTCOME_ANSWERED the whole of it, else what came of it before it broke off (`status_first`); NULL: nothing. */
	const struct tt_message *response;
	enum tt_outcome outcome;
	bool complete;		   /* nothing of it was missing */
	uint64_t request_first_ns; /* monotonic; 0 unknown */
	uint64_t request_last_ns;
	uint64_t response_first_ns;
	uint64_t response_last_ns;
	uint64_t request_bytes;
	uint64_t response_bytes;
};

/*
 * Did the operation fail? Of two ends' verdicts the greater one counts. Unknown: how it ended was not seen, or the part of the
 * answer that tells was not, so it is neither.
 */
enum tt_result {
	TT_RESULT_UNKNOWN,
	TT_RESULT_OK,
	TT_RESULT_FAILED,
};
enum tt_result tt_exchange_result(const struct tt_exchange *x);

static inline bool tt_exchange_failed(const struct tt_exchange *x)
{
	return tt_exchange_result(x) == TT_RESULT_FAILED;
}

/* What telltale did not see is why there is no answer. */
static inline bool tt_outcome_unknown(enum tt_outcome outcome)
{
	return outcome == TT_OUTCOME_LOST || outcome == TT_OUTCOME_UNFINISHED;
}

/* The error's short name: the response's own, or the outcome's ("lost" of an answer whose verdict is unknown); empty (data NULL)
 * if there is none. */
struct tt_span tt_exchange_error_type(const struct tt_exchange *x);

/* Request first byte to response last byte, and request last byte to response first byte. 0 where an end is unknown or the clocks
 * cross. */
uint64_t tt_exchange_duration_ns(const struct tt_exchange *x);
uint64_t tt_exchange_ttfb_ns(const struct tt_exchange *x);

/* The request's text, or the response's where only that tells; data NULL: not known. */
struct tt_span tt_exchange_text(const struct tt_exchange *x, enum tt_text which);

/* Client's and server's address of the exchange. */
const struct tt_sockaddr *tt_exchange_client(const struct tt_exchange *x);
const struct tt_sockaddr *tt_exchange_server(const struct tt_exchange *x);

/* The path of that end where it is a Unix socket bound to a known one, else data NULL. */
struct tt_span tt_exchange_path(const struct tt_exchange *x, bool server);

/* What happened on a connection since the last such report: counts are differences, so sinks just add. */
struct tt_conn_report {
	const struct tt_endpoints *ends;
	const struct tt_proto *proto; /* NULL unknown */
	struct tt_actor actor;
	bool opened;	     /* seen opening */
	bool connect_failed; /* it did not open */
	bool closed;
	int error;	     /* positive errno of the failure, 0 none */
	uint64_t connect_ns; /* with opened: SYN to established; 0 unknown */
	uint64_t tx_bytes;
	uint64_t rx_bytes;
	uint32_t retransmits;
	uint32_t resets;
	uint32_t rtt_us; /* latest; 0 unknown */
	uint64_t time_ns;
};

#endif
