// SPDX-License-Identifier: Apache-2.0
#include "proto/http_fields.h"

struct http_name {
	const char *name;  /* lower case */
	const char *title; /* as most senders write it */
	uint8_t len;
	uint8_t field;
};

#define HTTP_NAME(lower, title, id) {lower, title, sizeof(lower) - 1, TT_HTTP_##id}

static const struct http_name http_c[] = {HTTP_NAME("content-length", "Content-Length", CONTENT_LENGTH), {0}};
static const struct http_name http_e[] = {HTTP_NAME("expect", "Expect", EXPECT), {0}};
static const struct http_name http_h[] = {HTTP_NAME("host", "Host", HOST), {0}};
static const struct http_name http_t[] = {HTTP_NAME("transfer-encoding", "Transfer-Encoding", TRANSFER_ENCODING),
					  HTTP_NAME("traceparent", "Traceparent", TRACEPARENT),
					  {0}};
static const struct http_name http_u[] = {
	HTTP_NAME("user-agent", "User-Agent", USER_AGENT), HTTP_NAME("upgrade", "Upgrade", UPGRADE), {0}};

static const struct http_name *const http_names[256] = {
	['c'] = http_c, ['C'] = http_c, ['e'] = http_e, ['E'] = http_e, ['h'] = http_h,
	['H'] = http_h, ['t'] = http_t, ['T'] = http_t, ['u'] = http_u, ['U'] = http_u,
};

const bool tt_http_first_letter[256] = {
	['c'] = true, ['C'] = true, ['e'] = true, ['E'] = true, ['h'] = true,
	['H'] = true, ['t'] = true, ['T'] = true, ['u'] = true, ['U'] = true,
};

static bool http_is_name(const uint8_t *text, const struct http_name *n)
{
	if (memcmp(text, n->title, n->len) == 0)
		return true;
	for (size_t i = 0; i < n->len; i++) {
		if (tt_ascii_lower(text[i]) != (uint8_t)n->name[i])
			return false;
	}
	return true;
}

enum tt_http_field tt_http_field_named(struct tt_span name)
{
	const struct http_name *n = name.len ? http_names[name.data[0]] : NULL;
	for (; n && n->name; n++) {
		if (n->len == name.len && http_is_name(name.data, n))
			return n->field;
	}
	return TT_HTTP_OTHER;
}

enum tt_http_field tt_http_field_line(struct tt_span line, struct tt_span *ret_value, bool *ret_spaced)
{
	const struct http_name *n = line.len ? http_names[line.data[0]] : NULL;
	for (; n && n->name; n++) {
		if (line.len <= n->len)
			continue;
		uint8_t after = line.data[n->len];
		if ((after != ':' && after != ' ' && after != '\t') || !http_is_name(line.data, n))
			continue;

		struct tt_span rest = tt_span(line.data + n->len, line.len - n->len);
		if (after != ':')
			rest = tt_span_trim(rest);
		if (rest.len == 0 || rest.data[0] != ':')
			return TT_HTTP_OTHER;
		*ret_value = tt_span_trim(tt_span(rest.data + 1, rest.len - 1));
		*ret_spaced = after != ':';
		return n->field;
	}
	return TT_HTTP_OTHER;
}

void tt_http_set_method(struct tt_message *m, struct tt_span method)
{
	tt_message_text(m, TT_TEXT_OPERATION, method);
	tt_message_attr_text(m, "http.request.method", TT_TEXT_OPERATION);
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

bool tt_http_set_target(struct tt_message *m, struct tt_span target)
{
	tt_message_text(m, TT_TEXT_RESOURCE, target);

	/* origin-form; '*' asks about the server itself and has no path */
	if (target.data[0] == '/') {
		if (tt_span_find(target, '?') < 0)
			tt_message_attr_text(m, "url.path", TT_TEXT_RESOURCE);
		else
			http_set_path(m, target);
		return false;
	}
	if (tt_span_eq(target, TT_SPAN_LIT("*")))
		return false;

	/* absolute-form */
	ptrdiff_t scheme = http_scheme_end(target);
	if (scheme >= 0) {
		struct tt_span rest = tt_span_sub(target, (size_t)scheme + 2, SIZE_MAX);
		size_t end = 0;
		while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?')
			end++;
		struct tt_span authority = tt_span_sub(rest, 0, end);
		/* userinfo is not part of the host */
		ptrdiff_t at = tt_span_find(authority, '@');
		tt_http_set_authority(m, tt_span_sub(authority, (size_t)(at + 1), SIZE_MAX));
		if (end < rest.len)
			http_set_path(m, tt_span_sub(rest, end, SIZE_MAX));
		return true;
	}
	return false;
}

/* Splits "host:port" at the colon that has only digits behind it; *ret_port is -1 where there is none. */
static struct tt_span http_host(struct tt_span authority, int *ret_port)
{
	const uint8_t *end = authority.data + authority.len, *at = end;

	*ret_port = -1;
	while (at > authority.data && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (at == authority.data || at[-1] != ':')
		return authority;

	int port = 0;
	for (const uint8_t *digit = at; digit < end && end - at <= 5; digit++)
		port = port * 10 + (*digit - '0');
	if (at < end && end - at <= 5 && port <= UINT16_MAX)
		*ret_port = port;
	return tt_span(authority.data, (size_t)(at - 1 - authority.data));
}

void tt_http_set_authority(struct tt_message *m, struct tt_span authority)
{
	int port = -1;
	struct tt_span host = authority.len && authority.data[authority.len - 1] == ']' ? authority : http_host(authority, &port);

	if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		host = tt_span_sub(host, 1, host.len - 2);
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
