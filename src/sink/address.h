/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text: `10.0.0.1:80`, `[fd00::1]:80`, `unix:/run/x.sock`, `unix:@abstract`. An IPv4 address mapped into IPv6 is
 * shown as IPv4. */
#ifndef TT_SINK_ADDRESS_H
#define TT_SINK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "shared/record.h"
#include "stream/exchange.h"

#define TT_ADDRESS_LEN 128

struct tt_address_text {
	char text[TT_ADDRESS_LEN];
};

/*
 * Writes the address into `t` and returns it; data NULL where nothing is known (no family, an unnamed Unix socket, 0.0.0.0:0).
 * A Unix path is as long as the record had room for. The span is borrowed from t.
 */
struct tt_span tt_address_format(struct tt_address_text *t, const struct tt_sockaddr *a, bool with_port);

/* The client's or server's address of an exchange, a Unix socket by its whole path. Borrowed from t. */
struct tt_span tt_address_exchange(struct tt_address_text *t, const struct tt_exchange *x, bool server, bool with_port);

/* The same address with an IPv4 one mapped into IPv6 as IPv4. */
struct tt_sockaddr tt_address_plain(const struct tt_sockaddr *a);

/* No address at all, or the wildcard one. */
bool tt_address_is_any(const struct tt_sockaddr *a);
bool tt_address_is_loopback(const struct tt_sockaddr *a);

#endif
