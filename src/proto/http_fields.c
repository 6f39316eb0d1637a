// SPDX-License-Identifier: Apache-2.0
#include "proto/http_fields.h"

#include "base/own.h"
#include "proto/http_names.h"

const bool tt_http_first_letter[256] = {
	['c'] = true, ['C'] = true, ['e'] = true, ['E'] = true, ['h'] = true, ['H'] = true,
	['t'] = true, ['T'] = true, ['u'] = true, ['U'] = true, ['x'] = true, ['X'] = true,
};

bool tt_http_is_name(const uint8_t *text, const char *lower, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (tt_ascii_lower(text[i]) != (uint8_t)lower[i])
			return false;
	}
	return true;
}

enum tt_http_field tt_http_field_of(struct tt_span line)
{
	struct tt_span value;
	bool spaced;
	return tt_http_field_line(line, &value, &spaced);
}

bool tt_http_method_is_known(struct tt_span method)
{
	static const struct tt_span methods[] = {
		TT_SPAN_LIT("GET"),   TT_SPAN_LIT("POST"),    TT_SPAN_LIT("HEAD"),    TT_SPAN_LIT("PUT"),   TT_SPAN_LIT("DELETE"),
		TT_SPAN_LIT("PATCH"), TT_SPAN_LIT("OPTIONS"), TT_SPAN_LIT("CONNECT"), TT_SPAN_LIT("TRACE"), TT_SPAN_LIT("QUERY"),
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(methods); i++) {
		if (tt_span_eq(method, methods[i]))
			return true;
	}
	return false;
}

void tt_http_method_attr(struct tt_message *m)
{
	struct tt_span method = tt_message_get(m, TT_TEXT_OPERATION);

	if (!method.data)
		return;
	if (tt_http_method_is_known(method)) {
		tt_message_attr_text(m, "http.request.method", TT_TEXT_OPERATION);
		return;
	}
	tt_message_attr_static(m, "http.request.method", TT_SPAN_LIT("_OTHER"));
	tt_message_attr_text(m, "http.request.method_original", TT_TEXT_OPERATION);
}

void tt_http_set_method(struct tt_message *m, struct tt_span method)
{
	if (tt_http_method_is_known(method)) {
		tt_message_text_attr(m, TT_TEXT_OPERATION, "http.request.method", method);
		return;
	}
	tt_message_text(m, TT_TEXT_OPERATION, method);
	tt_http_method_attr(m);
}

static void http_set_path(struct tt_message *m, struct tt_span path)
{
	ptrdiff_t query = tt_span_find(path, '?');
	struct tt_span only = tt_span_sub(path, 0, query < 0 ? path.len : (size_t)query);
	if (only.len)
		tt_message_attr(m, "url.path", only);
	if (query >= 0)
		tt_message_attr(m, "url.query", tt_span_sub(path, (size_t)query + 1, SIZE_MAX));
}

/* Where "//" stands after a scheme, or -1. */
static ptrdiff_t http_scheme_end(struct tt_span target)
{
	ptrdiff_t colon = tt_span_find(tt_span_sub(target, 0, 16), ':');
	if (colon <= 0 || !tt_span_starts(tt_span_sub(target, (size_t)colon, SIZE_MAX), TT_SPAN_LIT("://")))
		return -1;
	return colon + 1;
}

/* All but a path. Rare, and what it keeps in registers should not be saved for every target. */
__attribute__((noinline)) static bool http_set_target_any(struct tt_message *m, struct tt_span target)
{
	tt_message_text(m, TT_TEXT_RESOURCE, target);
	if (tt_span_eq(target, TT_SPAN_LIT("*")))
		return false;

	/* absolute-form */
	ptrdiff_t scheme = http_scheme_end(target);
	if (scheme < 0)
		return false;
	struct tt_span rest = tt_span_sub(target, (size_t)scheme + 2, SIZE_MAX);
	size_t end = 0;
	while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?')
		end++;
	tt_http_set_authority(m, tt_span_sub(rest, 0, end));
	if (end < rest.len)
		http_set_path(m, tt_span_sub(rest, end, SIZE_MAX));
	return true;
}

bool tt_http_set_target(struct tt_message *m, struct tt_span target)
{
	/* origin-form; '*' asks about the server itself and has no path */
	if (target.data[0] != '/')
		return http_set_target_any(m, target);
	if (!tt_span_has(target, '?')) {
		tt_message_text_attr(m, TT_TEXT_RESOURCE, "url.path", target);
		return false;
	}
	tt_message_text(m, TT_TEXT_RESOURCE, target);
	tt_http_set_path(m);
	return false;
}

void tt_http_set_path(struct tt_message *m)
{
	struct tt_span target = tt_message_get(m, TT_TEXT_RESOURCE);
	ptrdiff_t query = target.len && target.data[0] == '/' ? tt_span_find(target, '?') : -1;

	if (!target.len || target.data[0] != '/')
		return;
	if (query < 0) {
		tt_message_attr_text(m, "url.path", TT_TEXT_RESOURCE);
		return;
	}
	/* Parts of a text that is there: nothing is copied. */
	tt_message_attr_part(m, "url.path", TT_TEXT_RESOURCE, 0, (size_t)query);
	tt_message_attr_part(m, "url.query", TT_TEXT_RESOURCE, (size_t)query + 1, target.len - (size_t)query - 1);
}

/* Splits "host:port" at the colon that has only digits behind it; *ret_port is -1 where there is none. */
static inline struct tt_span http_host(struct tt_span authority, int *ret_port)
{
	static const uint16_t places[] = {1, 10, 100, 1000, 10000};
	const uint8_t *end = authority.data + authority.len - 1;
	unsigned port = 0;
	size_t n = 0;

	*ret_port = -1;
	for (; n < authority.len && (uint8_t)(*(end - n) - '0') <= 9; n++)
		port += n < TT_ARRAY_LEN(places) ? (unsigned)(*(end - n) - '0') * places[n] : UINT16_MAX + 1u;
	if (n == authority.len || *(end - n) != ':')
		return authority;
	if (n && port <= UINT16_MAX)
		*ret_port = (int)port;
	return tt_span(authority.data, authority.len - n - 1);
}

void tt_http_set_authority(struct tt_message *m, struct tt_span authority)
{
	int port = -1;

	/* User information is not part of the host, and a password may hold an @ of its own. */
	const uint8_t *at = tt_span_has(authority, '@') ? memrchr(authority.data, '@', authority.len) : NULL;
	if (at)
		authority = tt_span_sub(authority, (size_t)(at + 1 - authority.data), SIZE_MAX);
	if (!authority.len)
		return;
	struct tt_span host = http_host(authority, &port);
	if (host.len && host.data[0] == '[' && host.len >= 2 && host.data[host.len - 1] == ']')
		host = tt_span(host.data + 1, host.len - 2);
	if (host.len)
		tt_message_attr(m, "server.address", host);
	if (port >= 0)
		tt_message_attr_int(m, "server.port", port);
}

void tt_http_set_status(struct tt_message *m, struct tt_span digits, unsigned status)
{
	tt_message_text(m, TT_TEXT_STATUS, digits);
	tt_message_attr_int(m, "http.response.status_code", status);
	if (status >= 500)
		tt_message_fail(m, digits);
	else if (status >= 400)
		tt_message_refuse(m, digits);
}

void tt_http_set_field(struct tt_message *m, enum tt_http_field field, struct tt_span value)
{
	static const char *const keys[TT_HTTP_FIELD_MAX] = {
		[TT_HTTP_USER_AGENT] = "user_agent.original",
		[TT_HTTP_TRACEPARENT] = "http.request.header.traceparent",
	};
	if (keys[field])
		tt_message_attr(m, keys[field], value);
}
