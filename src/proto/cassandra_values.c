// SPDX-License-Identifier: Apache-2.0
/* Cassandra: the notations a body is made of (section 3 of the specifications). */
#include "proto/cassandra_internal.h"

void cassandra_skip_value(struct tt_cursor *c)
{
	int32_t len = (int32_t)tt_cursor_be32(c);
	if (len > 0) /* below 0: null, not set */
		tt_cursor_skip(c, (size_t)len);
}

void cassandra_skip_prefix(struct tt_cursor *c, uint8_t flags, enum tt_side side)
{
	if (flags & CASSANDRA_TRACING && side == TT_RESPONSES)
		tt_cursor_skip(c, 16);
	if (flags & CASSANDRA_WARNING && side == TT_RESPONSES) {
		for (unsigned n = tt_cursor_be16(c); n && !tt_cursor_short(c); n--)
			tt_cursor_take16(c);
	}
	if (flags & CASSANDRA_PAYLOAD) {
		for (unsigned n = tt_cursor_be16(c); n && !tt_cursor_short(c); n--) {
			tt_cursor_take16(c);
			cassandra_skip_value(c);
		}
	}
}
