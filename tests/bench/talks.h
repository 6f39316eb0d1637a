/* SPDX-License-Identifier: Apache-2.0 */
/* What the bench says: for each protocol what opens a connection, and one request with its response. */
#ifndef TT_BENCH_TALKS_H
#define TT_BENCH_TALKS_H

#include <stdbool.h>

#include "base/span.h"

#define TT_BENCH_OPENING 4
#define TT_BENCH_STREAMS 4

struct tt_bench_talk {
	const char *proto;
	bool datagram; /* the first two bytes of both halves are an id that changes */
	struct {
		bool from_client;
		struct tt_span bytes;
	} opening[TT_BENCH_OPENING];		/* up to the first without bytes */
	unsigned opening_exchanges;		/* how many exchanges the opening is */
	uint8_t stream_at[2][TT_BENCH_STREAMS]; /* where in response and request HTTP/2's stream stands; up to the first 0 */
	uint16_t port;
	struct tt_span request;
	struct tt_span response;
};

/* NULL if there is none for that protocol. */
const struct tt_bench_talk *tt_bench_talk_find(const char *proto);

#endif
