/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen, and which Host headers (RFC 9110, section 7.2) are ours: the guard against DNS rebinding. */
#ifndef TT_WEB_LISTEN_H
#define TT_WEB_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/span.h"

#define TT_LISTEN_PRESET "127.0.0.1:9464"

union tt_listen {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/*
 * Reads "127.0.0.1:9464", "[::1]:9464", "localhost:9464" or "9464" (127.0.0.1). All interfaces are only meant where they are
 * written out: "0.0.0.0:9464", "[::]:9464". 0, or -EINVAL with *ret untouched.
 */
int tt_listen_parse(const char *text, union tt_listen *ret);

/* The address's length for bind(2). */
socklen_t tt_listen_len(const union tt_listen *l);

/*
 * Whether a request with this Host header is for us: localhost, a loopback or the listen address as a literal, any literal where
 * we listen on all addresses (a literal cannot be rebound), or one of the NULL-ended `allowed` names (ASCII case does not matter;
 * NULL: none). The port in the header does not matter: it may be forwarded. An empty or malformed header is refused.
 */
bool tt_host_allowed(const union tt_listen *l, const char *const *allowed, struct tt_span host);

#endif
