// SPDX-License-Identifier: Apache-2.0
#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* Host and port of "name:port", "[v6]:port", or either without its port (port empty then). */
static bool tt_host_split(struct tt_span text, struct tt_span *host, struct tt_span *port, bool *bracketed)
{
	*bracketed = text.len && text.data[0] == '[';
	size_t end;
	if (*bracketed) {
		ptrdiff_t close = tt_span_find(text, ']');
		if (close < 0)
			return false;
		*host = tt_span_sub(text, 1, (size_t)close - 1);
		end = (size_t)close + 1;
	} else {
		ptrdiff_t colon = tt_span_find(text, ':');
		end = colon < 0 ? text.len : (size_t)colon;
		*host = tt_span_sub(text, 0, end);
	}
	if (end == text.len) {
		*port = tt_span(NULL, 0);
		return host->len > 0;
	}
	*port = tt_span_sub(text, end + 1, text.len);
	return host->len > 0 && text.data[end] == ':';
}

static bool tt_port_parse(struct tt_span text, in_port_t *ret)
{
	unsigned port = 0;

	if (text.len == 0 || text.len > 5)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		port = port * 10 + (text.data[i] - '0');
	}
	*ret = htons((in_port_t)port);
	return port <= 65535;
}

/* A literal address. IPv6 stands in brackets. */
static bool tt_literal_parse(struct tt_span host, bool bracketed, union tt_listen *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.data, host.len);
	text[host.len] = 0;
	if (strlen(text) != host.len)
		return false;
	*ret = (union tt_listen){.sa.sa_family = bracketed ? AF_INET6 : AF_INET};
	return inet_pton(ret->sa.sa_family, text, bracketed ? (void *)&ret->in6.sin6_addr : (void *)&ret->in.sin_addr) == 1;
}

int tt_listen_parse(const char *text, union tt_listen *ret)
{
	struct tt_span host, port;
	union tt_listen l = {.sa.sa_family = AF_INET};
	in_port_t number;
	bool bracketed;

	l.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (tt_port_parse(tt_span_str(text), &number)) {
		l.in.sin_port = number;
		*ret = l;
		return 0;
	}
	if (!tt_host_split(tt_span_str(text), &host, &port, &bracketed) || !tt_port_parse(port, &number))
		return -EINVAL;
	if (!tt_span_ieq(host, TT_SPAN_LIT("localhost")) && !tt_literal_parse(host, bracketed, &l))
		return -EINVAL;
	if (l.sa.sa_family == AF_INET6)
		l.in6.sin6_port = number;
	else
		l.in.sin_port = number;
	*ret = l;
	return 0;
}

socklen_t tt_listen_len(const union tt_listen *l)
{
	return l->sa.sa_family == AF_INET6 ? sizeof(l->in6) : sizeof(l->in);
}

static bool tt_listen_any(const union tt_listen *l)
{
	return l->sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&l->in6.sin6_addr) : l->in.sin_addr.s_addr == INADDR_ANY;
}

static bool tt_listen_loopback(const union tt_listen *l)
{
	return l->sa.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&l->in6.sin6_addr)
					   : l->in.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static bool tt_listen_same(const union tt_listen *a, const union tt_listen *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	return a->sa.sa_family == AF_INET6 ? IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr)
					   : a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

bool tt_host_allowed(const union tt_listen *l, const char *const *allowed, struct tt_span text)
{
	struct tt_span host, port;
	union tt_listen literal;
	in_port_t number;
	bool bracketed;

	if (!tt_host_split(text, &host, &port, &bracketed) || (port.len && !tt_port_parse(port, &number)))
		return false;
	if (tt_literal_parse(host, bracketed, &literal) &&
	    (tt_listen_any(l) || tt_listen_loopback(&literal) || tt_listen_same(l, &literal)))
		return true;
	if (!bracketed && tt_span_ieq(host, TT_SPAN_LIT("localhost")))
		return true;
	for (; allowed && *allowed; allowed++) {
		if (tt_span_ieq(host, tt_span_str(*allowed)))
			return true;
	}
	return false;
}
