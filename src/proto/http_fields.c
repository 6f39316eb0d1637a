// SPDX-License-Identifier: Apache-2.0
#include "proto/http_fields.h"

struct http_name {
	const char *name; /* lower case */
	uint8_t len;
	uint8_t field;
};

#define HTTP_NAME(text, id) {text, sizeof(text) - 1, TT_HTTP_##id}

/* By the first letter: most lines are told apart from all of these by one look. */
static const struct http_name http_c[] = {HTTP_NAME("content-length", CONTENT_LENGTH), {0}};
static const struct http_name http_e[] = {HTTP_NAME("expect", EXPECT), {0}};
static const struct http_name http_h[] = {HTTP_NAME("host", HOST), {0}};
static const struct http_name http_t[] = {
	HTTP_NAME("transfer-encoding", TRANSFER_ENCODING), HTTP_NAME("traceparent", TRACEPARENT), {0}};
static const struct http_name http_u[] = {HTTP_NAME("user-agent", USER_AGENT), HTTP_NAME("upgrade", UPGRADE), {0}};

static const struct http_name *const http_names[256] = {
	['c'] = http_c, ['C'] = http_c, ['e'] = http_e, ['E'] = http_e, ['h'] = http_h,
	['H'] = http_h, ['t'] = http_t, ['T'] = http_t, ['u'] = http_u, ['U'] = http_u,
};

static bool http_is_name(const uint8_t *text, const struct http_name *n)
{
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

		struct tt_span rest = tt_span_trim(tt_span_sub(line, n->len, SIZE_MAX));
		if (rest.len == 0 || rest.data[0] != ':')
			return TT_HTTP_OTHER;
		*ret_value = tt_span_trim(tt_span_sub(rest, 1, SIZE_MAX));
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
		tt_http_set_authority(m, tt_span_sub(rest, 0, end));
		if (end < rest.len)
			http_set_path(m, tt_span_sub(rest, end, SIZE_MAX));
		return true;
	}
	return false;
}

/* A port that is one, or -1. */
static int64_t http_port(struct tt_span digits)
{
	int64_t port = digits.len && digits.len <= 5 ? 0 : -1;
	for (size_t i = 0; port >= 0 && i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return -1;
		port = port * 10 + (digits.data[i] - '0');
	}
	return port > UINT16_MAX ? -1 : port;
}

void tt_http_set_authority(struct tt_message *m, struct tt_span authority)
{
	/* userinfo is not part of the host and no one's business */
	ptrdiff_t at = tt_span_find(authority, '@');
	if (at >= 0)
		authority = tt_span_sub(authority, (size_t)at + 1, SIZE_MAX);

	struct tt_span host = authority;
	struct tt_span port = tt_span(NULL, 0);
	ptrdiff_t bracket = authority.len && authority.data[0] == '[' ? tt_span_find(authority, ']') : -1;
	if (bracket > 0) {
		host = tt_span_sub(authority, 1, (size_t)bracket - 1);
		port = tt_span_sub(authority, (size_t)bracket + 1, SIZE_MAX);
		if (port.len)
			port = tt_span_sub(port, port.data[0] == ':', SIZE_MAX);
	} else {
		ptrdiff_t colon = tt_span_find(authority, ':');
		if (colon >= 0) {
			host = tt_span_sub(authority, 0, (size_t)colon);
			port = tt_span_sub(authority, (size_t)colon + 1, SIZE_MAX);
		}
	}

	if (host.len)
		tt_message_attr(m, "server.address", host);
	int64_t number = http_port(port);
	if (number >= 0)
		tt_message_attr_int(m, "server.port", number);
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
