// SPDX-License-Identifier: Apache-2.0
/* What FastCGI's parameters and a program's headers say, by OpenTelemetry's names: RFC 3875, 4.1 and 6.3. */
#include "base/digits.h"
#include "base/own.h"
#include "proto/fastcgi.h"

#define KIND_HAS_URI 1u /* tt_message.kind while parameters are read; the parser sets its own behind these bits */

enum what {
	METHOD,
	URI,	/* as the client asked for it */
	SCRIPT, /* where there is no URI: the path, and what follows it */
	PATH_INFO,
	QUERY,
	HOST, /* as the client named it: a port may follow */
	TEXT,
	NUMBER,
};

static const struct {
	const char *name;
	enum what what;
	const char *key;
} params[] = {
	{"REQUEST_METHOD", METHOD, NULL},
	{"REQUEST_URI", URI, NULL},
	{"SCRIPT_NAME", SCRIPT, "fastcgi.script_name"},
	{"PATH_INFO", PATH_INFO, "fastcgi.path_info"},
	{"QUERY_STRING", QUERY, "url.query"},
	{"SCRIPT_FILENAME", TEXT, "fastcgi.script_filename"},
	{"CONTENT_LENGTH", NUMBER, "http.request.body.size"},
	{"SERVER_NAME", TEXT, "server.address"},
	{"SERVER_PORT", NUMBER, "server.port"},
	{"HTTP_HOST", HOST, NULL},
	{"REMOTE_ADDR", TEXT, "client.address"},
	{"HTTP_USER_AGENT", TEXT, "user_agent.original"},
	{"HTTP_TRACEPARENT", TEXT, "http.request.header.traceparent"},
};

static void set_host(struct tt_message *m, struct tt_span value)
{
	const uint8_t *colon = memrchr(value.data, ':', value.len);
	size_t host = colon ? (size_t)(colon - value.data) : value.len;
	uint64_t port;

	if (colon && tt_digits_read(tt_span_sub(value, host + 1, value.len), &port) && port <= UINT16_MAX)
		tt_message_attr_int(m, "server.port", (int64_t)port);
	else
		host = value.len;
	if (host)
		tt_message_attr(m, "server.address", tt_span_sub(value, 0, host));
}

void tt_fastcgi_param(struct tt_message *m, struct tt_span name, struct tt_span value)
{
	uint64_t number;
	size_t row = 0;

	while (row < TT_ARRAY_LEN(params) && !tt_span_eq(name, tt_span_str(params[row].name)))
		row++;
	if (row == TT_ARRAY_LEN(params) || !value.len)
		return;
	switch (params[row].what) {
	case METHOD:
		tt_message_text(m, TT_TEXT_OPERATION, value);
		tt_message_attr_text(m, "http.request.method", TT_TEXT_OPERATION);
		break;
	case URI:
		tt_message_text(m, TT_TEXT_RESOURCE, value);
		if (m)
			m->kind |= KIND_HAS_URI;
		break;
	case HOST:
		set_host(m, value);
		break;
	case NUMBER:
		if (tt_digits_read(value, &number))
			tt_message_attr_int(m, params[row].key, (int64_t)number);
		break;
	default:
		tt_message_attr(m, params[row].key, value);
		break;
	}
}

/* Added one by one: a span into the message's own text does not outlive a change of it. */
static void build_uri(struct tt_message *m)
{
	static const char *const parts[] = {"fastcgi.script_name", "fastcgi.path_info", "url.query"};
	uint8_t copy[2048];

	for (size_t i = 0; i < TT_ARRAY_LEN(parts); i++) {
		struct tt_span part = tt_message_find(m, parts[i]);
		size_t len = TT_MIN(part.len, sizeof(copy));
		if (!len)
			continue;
		memcpy(copy, part.data, len);
		if (i == 2)
			tt_message_text_add(m, TT_TEXT_RESOURCE, TT_SPAN_LIT("?"));
		tt_message_text_add(m, TT_TEXT_RESOURCE, tt_span(copy, len));
	}
}

void tt_fastcgi_params_end(struct tt_message *m)
{
	if (!m)
		return;
	if (!(m->kind & KIND_HAS_URI))
		build_uri(m);
	struct tt_span uri = tt_message_get(m, TT_TEXT_RESOURCE);
	ptrdiff_t mark = tt_span_find(uri, '?');
	size_t path = mark < 0 ? uri.len : (size_t)mark;
	if (path)
		tt_message_attr_part(m, "url.path", TT_TEXT_RESOURCE, 0, path);
}

/* --- what a program answers ------------------------------------------------------------------------------------------------- */

static void set_status(struct tt_message *m, int64_t status)
{
	char digits[3] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10)};

	tt_message_status_int(m, status);
	tt_message_attr_int(m, "http.response.status_code", status);
	if (status >= 500)
		tt_message_fail(m, tt_span(digits, 3));
	else if (status >= 400)
		tt_message_refuse(m, tt_span(digits, 3));
}

void tt_fastcgi_headers(struct tt_message *m, struct tt_span headers)
{
	struct tt_cursor c = tt_cursor(headers);
	uint64_t status = 0;
	bool moved = false;

	while (tt_cursor_left(&c)) {
		struct tt_span rest = tt_cursor_rest(&c);
		struct tt_span line = tt_cursor_line(&c);
		if (tt_cursor_short(&c)) {
			line = rest;
			c.pos = c.len;
		}
		ptrdiff_t colon = tt_span_find(line, ':');
		if (colon < 0)
			continue;
		struct tt_span name = tt_span_sub(line, 0, (size_t)colon);
		struct tt_span value = tt_span_trim(tt_span_sub(line, (size_t)colon + 1, line.len));
		if (tt_span_ieq(name, TT_SPAN_LIT("Status")) && !tt_digits_read(tt_span_sub(value, 0, 3), &status))
			status = UINT64_MAX;
		moved |= tt_span_ieq(name, TT_SPAN_LIT("Location")) && value.len && value.data[0] != '/';
	}
	/* RFC 3875, 6.3.3 and 6.2.3. */
	if (status == 0)
		status = moved ? 302 : 200;
	if (status >= 100 && status <= 999)
		set_status(m, (int64_t)status);
	else if (m)
		m->incomplete = true;
}
