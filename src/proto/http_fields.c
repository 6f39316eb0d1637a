// SPDX-License-Identifier: Apache-2.0
#include "proto/http_fields.h"

const bool tt_http_first_letter[256] = {
	['c'] = true, ['C'] = true, ['e'] = true, ['E'] = true, ['h'] = true, ['H'] = true,
	['t'] = true, ['T'] = true, ['u'] = true, ['U'] = true, ['x'] = true, ['X'] = true,
};

static bool http_is_name(const uint8_t *text, const char *lower, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (tt_ascii_lower(text[i]) != (uint8_t)lower[i])
			return false;
	}
	return true;
}

/* Begins s with the name? Most senders write it like `title`; with its length constant that is two or three words to compare. */
#define HTTP_BEGINS(s, lower, title)     \
	((s).len >= sizeof(lower) - 1 && \
	 (memcmp((s).data, title, sizeof(title) - 1) == 0 || http_is_name((s).data, lower, sizeof(lower) - 1)))

#define HTTP_TRY(s, lower, title, id)                 \
	do {                                          \
		if (HTTP_BEGINS(s, lower, title)) {   \
			*ret_len = sizeof(lower) - 1; \
			return TT_HTTP_##id;          \
		}                                     \
	} while (0)

/* Which field's name s begins with, and how long that is. A switch, since this is done for most lines of every head. */
static inline enum tt_http_field http_front(struct tt_span s, size_t *ret_len)
{
	switch (s.len ? s.data[0] | 0x20 : 0) {
	case 'c':
		HTTP_TRY(s, "content-length", "Content-Length", CONTENT_LENGTH);
		HTTP_TRY(s, "content-type", "Content-Type", CONTENT_TYPE);
		HTTP_TRY(s, "content-encoding", "Content-Encoding", CONTENT_ENCODING);
		break;
	case 'e':
		HTTP_TRY(s, "expect", "Expect", EXPECT);
		break;
	case 'h':
		HTTP_TRY(s, "host", "Host", HOST);
		break;
	case 't':
		HTTP_TRY(s, "transfer-encoding", "Transfer-Encoding", TRANSFER_ENCODING);
		HTTP_TRY(s, "traceparent", "Traceparent", TRACEPARENT);
		break;
	case 'u':
		HTTP_TRY(s, "user-agent", "User-Agent", USER_AGENT);
		HTTP_TRY(s, "upgrade", "Upgrade", UPGRADE);
		break;
	case 'x':
		HTTP_TRY(s, "x-amz-content-sha256", "X-Amz-Content-Sha256", AMZ_CONTENT);
		HTTP_TRY(s, "x-elastic-product", "X-elastic-product", ELASTIC);
		HTTP_TRY(s, "x-opensearch-version", "X-OpenSearch-Version", OPENSEARCH);
		break;
	}
	return TT_HTTP_OTHER;
}

enum tt_http_field tt_http_field_named(struct tt_span name)
{
	size_t len;
	enum tt_http_field field = http_front(name, &len);
	return field != TT_HTTP_OTHER && len == name.len ? field : TT_HTTP_OTHER;
}

enum tt_http_field tt_http_field_line(struct tt_span line, struct tt_span *ret_value, bool *ret_spaced)
{
	size_t len;
	enum tt_http_field field = http_front(line, &len);
	if (field == TT_HTTP_OTHER)
		return TT_HTTP_OTHER;

	struct tt_span rest = tt_span(line.data + len, line.len - len);
	bool spaced = rest.len && rest.data[0] != ':';
	if (spaced)
		rest = rest.data[0] == ' ' || rest.data[0] == '\t' ? tt_span_trim(rest) : tt_span(NULL, 0);
	if (rest.len == 0 || rest.data[0] != ':')
		return TT_HTTP_OTHER;
	*ret_value = tt_span_trim(tt_span(rest.data + 1, rest.len - 1));
	*ret_spaced = spaced;
	return field;
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
static struct tt_span http_host(struct tt_span authority, int *ret_port)
{
	const uint8_t *end = authority.data + authority.len, *at = end;
	uint64_t port = 0, scale = 1;

	/* From behind, so that the digits are looked at once. More than 18 of them are no port anyhow. */
	*ret_port = -1;
	for (; at > authority.data && (uint8_t)(at[-1] - '0') <= 9; at--, scale *= 10)
		port += scale * (uint8_t)(at[-1] - '0');
	if (at == authority.data || at[-1] != ':')
		return authority;
	if (at < end && end - at <= 5 && port <= UINT16_MAX)
		*ret_port = (int)port;
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
