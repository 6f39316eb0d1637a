/* SPDX-License-Identifier: Apache-2.0 */
/* How both ends of a connection call it, so that they are found to be the same. */
#ifndef TT_SINK_FLOW_KEY_H
#define TT_SINK_FLOW_KEY_H

#include "stream/exchange.h"

enum tt_flow_end {
	TT_END_CLIENT,
	TT_END_SERVER,
};

/* Without padding: it is hashed and compared as it is. */
struct tt_flow_key {
	uint32_t netns; /* where an address means nothing outside of it; else 0 */
	uint32_t transport;
	uint16_t family[2]; /* by enum tt_flow_end */
	uint16_t port[2];
	uint8_t addr[2][16];
};
static_assert(sizeof(struct tt_flow_key) == 48, "no padding");

/* The key of the connection seen at `end`, and both addresses by end. */
struct tt_flow_key tt_flow_key(const struct tt_endpoints *ends, enum tt_flow_end end, struct tt_sockaddr address[2]);

#endif
