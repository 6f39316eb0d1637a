// SPDX-License-Identifier: Apache-2.0
#include "sink/address.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t tt_mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

struct tt_sockaddr tt_address_plain(const struct tt_sockaddr *a)
{
	struct tt_sockaddr plain = *a;
	if (a->family == TT_FAMILY_INET6 && memcmp(a->addr, tt_mapped_prefix, sizeof(tt_mapped_prefix)) == 0) {
		plain.family = TT_FAMILY_INET;
		plain.scope = 0;
		memset(plain.addr, 0, sizeof(plain.addr));
		memcpy(plain.addr, a->addr + 12, 4);
	}
	return plain;
}

bool tt_address_is_any(const struct tt_sockaddr *a)
{
	uint64_t half[2];
	uint32_t v4;

	memcpy(&v4, a->addr, sizeof(v4));
	memcpy(half, a->addr, sizeof(half));
	return a->family == TT_FAMILY_NONE || (a->family == TT_FAMILY_INET ? v4 == 0 : (half[0] | half[1]) == 0);
}

bool tt_address_is_loopback(const struct tt_sockaddr *a)
{
	static const uint8_t one[16] = {[15] = 1};
	if (a->family == TT_FAMILY_INET)
		return a->addr[0] == 127;
	return a->family == TT_FAMILY_INET6 && memcmp(a->addr, one, sizeof(one)) == 0;
}

static int tt_address_unix(char *text, size_t size, const struct tt_sockaddr *a)
{
	bool abstract = a->addr[0] == 0;
	const char *name = (const char *)a->addr + abstract;
	size_t len = strnlen(name, sizeof(a->addr) - abstract);
	if (len == 0)
		return 0;
	return snprintf(text, size, "unix:%s%.*s", abstract ? "@" : "", (int)len, name);
}

static int tt_address_inet6(char *text, size_t size, const struct tt_sockaddr *a, bool with_port)
{
	char digits[INET6_ADDRSTRLEN];
	char scope[16] = "";
	if (!inet_ntop(AF_INET6, a->addr, digits, sizeof(digits)))
		return 0;
	if (a->scope)
		snprintf(scope, sizeof(scope), "%%%u", a->scope);
	if (!with_port)
		return snprintf(text, size, "%s%s", digits, scope);
	return snprintf(text, size, "[%s%s]:%u", digits, scope, a->port);
}

/* By hand: this stands on the way of every exchange. */
static int tt_address_inet(char *text, const struct tt_sockaddr *a, bool with_port)
{
	char *at = text;
	for (int i = 0; i < 4; i++) {
		uint8_t v = a->addr[i];
		if (i)
			*at++ = '.';
		if (v >= 100)
			*at++ = (char)('0' + v / 100);
		if (v >= 10)
			*at++ = (char)('0' + v / 10 % 10);
		*at++ = (char)('0' + v % 10);
	}
	if (with_port) {
		char digits[5];
		int n = 0;
		uint16_t port = a->port;
		do {
			digits[n++] = (char)('0' + port % 10);
			port /= 10;
		} while (port);
		*at++ = ':';
		while (n)
			*at++ = digits[--n];
	}
	*at = '\0';
	return (int)(at - text);
}

struct tt_span tt_address_format(struct tt_address_text *t, const struct tt_sockaddr *a, bool with_port)
{
	struct tt_sockaddr plain = tt_address_plain(a);
	int len = 0;

	if (plain.family == TT_FAMILY_UNIX)
		len = tt_address_unix(t->text, sizeof(t->text), &plain);
	else if (tt_address_is_any(&plain) && (plain.port == 0 || !with_port))
		len = 0;
	else if (plain.family == TT_FAMILY_INET)
		len = tt_address_inet(t->text, &plain, with_port);
	else if (plain.family == TT_FAMILY_INET6)
		len = tt_address_inet6(t->text, sizeof(t->text), &plain, with_port);
	return len > 0 ? tt_span(t->text, (size_t)len) : tt_span(NULL, 0);
}

struct tt_span tt_address_exchange(struct tt_address_text *t, const struct tt_exchange *x, bool server, bool with_port)
{
	struct tt_span path = tt_exchange_path(x, server);
	if (path.data) {
		int len = snprintf(t->text, sizeof(t->text), "unix:%.*s", (int)path.len, (const char *)path.data);
		return tt_span(t->text, (size_t)len);
	}
	return tt_address_format(t, server ? tt_exchange_server(x) : tt_exchange_client(x), with_port);
}
