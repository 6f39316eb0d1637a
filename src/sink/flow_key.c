// SPDX-License-Identifier: Apache-2.0
#include "sink/flow_key.h"

#include <string.h>

#include "sink/address.h"

/* An unbound UDP socket has no address of its own; towards loopback it can only be loopback's. */
static struct tt_sockaddr tt_join_address(const struct tt_sockaddr *a, const struct tt_sockaddr *other)
{
	struct tt_sockaddr plain = tt_address_plain(a);
	struct tt_sockaddr beside = tt_address_plain(other);
	if (plain.family != TT_FAMILY_UNIX && tt_address_is_any(&plain) && tt_address_is_loopback(&beside)) {
		memset(plain.addr, 0, sizeof(plain.addr));
		plain.family = beside.family;
		plain.addr[beside.family == TT_FAMILY_INET ? 0 : 15] = beside.family == TT_FAMILY_INET ? 127 : 1;
		if (beside.family == TT_FAMILY_INET)
			plain.addr[3] = 1;
	}
	return plain;
}

static void tt_flow_key_unix(struct tt_flow_key *key, const struct tt_endpoints *ends, enum tt_flow_end end)
{
	if (ends->local.scope && ends->peer.scope) {
		memcpy(key->addr[end], &ends->local.scope, sizeof(ends->local.scope));
		memcpy(key->addr[!end], &ends->peer.scope, sizeof(ends->peer.scope));
		return;
	}
	/* Whom it talks to is not known: a flow of its own. */
	memcpy(key->addr[end], &ends->conn, sizeof(ends->conn));
	key->port[end] = 1;
}

struct tt_flow_key tt_flow_key(const struct tt_endpoints *ends, enum tt_flow_end end, struct tt_sockaddr address[2])
{
	struct tt_flow_key key = {.transport = ends->transport};
	address[end] = tt_join_address(&ends->local, &ends->peer);
	address[!end] = tt_join_address(&ends->peer, &ends->local);

	if (ends->local.family == TT_FAMILY_UNIX || ends->peer.family == TT_FAMILY_UNIX) {
		tt_flow_key_unix(&key, ends, end);
		return key;
	}
	for (int i = 0; i < 2; i++) {
		key.family[i] = address[i].family;
		key.port[i] = address[i].port;
		memcpy(key.addr[i], address[i].addr, sizeof(key.addr[i]));
		if (tt_address_is_loopback(&address[i]) || tt_address_is_any(&address[i]))
			key.netns = ends->netns;
	}
	return key;
}
