// SPDX-License-Identifier: Apache-2.0
#include "proto/http_line.h"

/* No registered method is near this; what is longer before the first space is no request line. */
#define HTTP_METHOD_MAX 32

/* The registered ones (https://www.iana.org/assignments/http-methods) and what caches and UPnP add. */
static const char *const http_known_methods[] = {
	"GET",
	"POST",
	"PUT",
	"HEAD",
	"DELETE",
	"OPTIONS",
	"PATCH",
	"CONNECT",
	"TRACE",
	"ACL",
	"BIND",
	"CHECKIN",
	"CHECKOUT",
	"COPY",
	"LABEL",
	"LINK",
	"LOCK",
	"MERGE",
	"MKACTIVITY",
	"MKCALENDAR",
	"MKCOL",
	"MKREDIRECTREF",
	"MKWORKSPACE",
	"MOVE",
	"ORDERPATCH",
	"PROPFIND",
	"PROPPATCH",
	"QUERY",
	"REBIND",
	"REPORT",
	"SEARCH",
	"UNBIND",
	"UNCHECKOUT",
	"UNLINK",
	"UNLOCK",
	"UPDATE",
	"UPDATEREDIRECTREF",
	"VERSION-CONTROL",
	"PURGE",
	"BAN",
	"NOTIFY",
	"SUBSCRIBE",
	"UNSUBSCRIBE",
	"M-SEARCH",
};

/* A line beginning like a request that goes on for so long is one: inline commands of other protocols do not. */
#define HTTP_SURE_LINE 2048

#define HTTP_VERSION "HTTP/1."
#define HTTP_VERSION_LEN (sizeof(HTTP_VERSION) - 1)

/* tchar, RFC 9110 section 5.6.2. */
static const bool http_token[256] = {
	['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['!'] = true, ['#'] = true, ['$'] = true,
	['%'] = true,	      ['&'] = true,	    ['\''] = true,	  ['*'] = true, ['+'] = true, ['-'] = true,
	['.'] = true,	      ['^'] = true,	    ['_'] = true,	  ['`'] = true, ['|'] = true, ['~'] = true,
};

/* What methods are made of in practice, from GET to VERSION-CONTROL. */
static const bool http_method[256] = {
	['A' ... 'Z'] = true,
	['-'] = true,
	['_'] = true,
};

/* Bytes at the front that are all in the set, at most HTTP_METHOD_MAX + 1. */
static size_t http_run(struct tt_span s, const bool *set)
{
	size_t n = 0;
	while (n < s.len && n <= HTTP_METHOD_MAX && set[s.data[n]])
		n++;
	return n;
}

static bool http_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The same of a method, where two are by far the most frequent. */
static size_t http_method_run(struct tt_span line)
{
	if (tt_span_starts(line, TT_SPAN_LIT("GET ")))
		return 3;
	return tt_span_starts(line, TT_SPAN_LIT("POST ")) ? 4 : http_run(line, http_token);
}

bool tt_http_request_line(struct tt_span line, struct tt_http_request_line *ret)
{
	while (line.len && (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\r'))
		line.len--;

	size_t method = http_method_run(line);
	/* method SP target SP HTTP/1.x */
	size_t least = method + 1 + 1 + 1 + HTTP_VERSION_LEN + 1;
	if (method == 0 || method > HTTP_METHOD_MAX || line.len < least || line.data[method] != ' ')
		return false;

	size_t version = line.len - HTTP_VERSION_LEN - 1;
	if (line.data[version - 1] != ' ' || memcmp(line.data + version, HTTP_VERSION, HTTP_VERSION_LEN) != 0 ||
	    !http_digit(line.data[line.len - 1]))
		return false;

	struct tt_span target = tt_span(line.data + method + 1, version - method - 2);
	if (target.data[0] <= ' ' || target.data[target.len - 1] <= ' ')
		target = tt_span_trim(target);
	if (target.len == 0)
		return false;
	*ret = (struct tt_http_request_line){
		.method = tt_span_sub(line, 0, method), .target = target, .minor = line.data[line.len - 1] - '0'};
	return true;
}

bool tt_http_status_line(struct tt_span line, struct tt_http_status_line *ret)
{
	/* HTTP/1.x SP 3DIGIT [SP reason] */
	const size_t digits = HTTP_VERSION_LEN + 2;
	if (line.len < digits + 3 || memcmp(line.data, HTTP_VERSION, HTTP_VERSION_LEN) != 0)
		return false;

	const uint8_t *p = line.data;
	if (!http_digit(p[HTTP_VERSION_LEN]) || p[HTTP_VERSION_LEN + 1] != ' ' || p[digits] < '1' || !http_digit(p[digits]) ||
	    !http_digit(p[digits + 1]) || !http_digit(p[digits + 2]))
		return false;
	if (line.len > digits + 3 && p[digits + 3] != ' ' && p[digits + 3] != '\r')
		return false;

	*ret = (struct tt_http_status_line){
		.digits = tt_span_sub(line, digits, 3),
		.status = (uint16_t)((p[digits] - '0') * 100 + (p[digits + 1] - '0') * 10 + (p[digits + 2] - '0')),
		.minor = p[HTTP_VERSION_LEN] - '0',
	};
	return true;
}

bool tt_http_may_become_line(enum tt_side side, struct tt_span part)
{
	if (side == TT_RESPONSES)
		return memcmp(part.data, HTTP_VERSION, TT_MIN(part.len, HTTP_VERSION_LEN)) == 0;

	size_t method = http_run(part, http_token);
	return method > 0 && method <= HTTP_METHOD_MAX && (method == part.len || part.data[method] == ' ');
}

/* Empty lines before a message are to be passed over (RFC 9112 section 2.2). */
static struct tt_span http_without_blank_lines(struct tt_span s)
{
	size_t n = 0;
	while (n < s.len && n < 4 && (s.data[n] == '\r' || s.data[n] == '\n'))
		n++;
	return tt_span_sub(s, n, SIZE_MAX);
}

/* The bytes up to the first \n, without it and a \r before it. */
static bool http_first_line(struct tt_span bytes, struct tt_span *ret)
{
	ptrdiff_t end = tt_span_find(bytes, '\n');
	if (end < 0)
		return false;
	if (end > 0 && bytes.data[end - 1] == '\r')
		end--;
	*ret = tt_span_sub(bytes, 0, (size_t)end);
	return true;
}

enum tt_verdict tt_http_begins_request(struct tt_span bytes)
{
	bytes = http_without_blank_lines(bytes);
	size_t method = http_run(bytes, http_method);
	if (method > HTTP_METHOD_MAX)
		return TT_NO;
	if (method == bytes.len)
		return TT_MAYBE;
	if (method == 0 || bytes.data[method] != ' ')
		return TT_NO;

	struct tt_span line;
	if (!http_first_line(bytes, &line))
		return bytes.len >= HTTP_SURE_LINE ? TT_YES : TT_MAYBE;

	struct tt_http_request_line request;
	return tt_http_request_line(line, &request) ? TT_YES : TT_NO;
}

/*
 * Where bytes are not known to begin where a message does, the front may be a method's end: "ET /" is no method, nor can any
 * other that nobody knows be told from that.
 */
static enum tt_verdict http_begins_in_the_middle(struct tt_span bytes)
{
	enum tt_verdict verdict = tt_http_begins_request(bytes);

	bytes = http_without_blank_lines(bytes);
	struct tt_span method = tt_span_sub(bytes, 0, http_run(bytes, http_method));
	if (verdict == TT_NO || (verdict == TT_MAYBE && method.len == bytes.len))
		return verdict;
	for (size_t i = 0; i < TT_ARRAY_LEN(http_known_methods); i++) {
		if (tt_span_eq(method, tt_span_str(http_known_methods[i])))
			return verdict;
	}
	return TT_NO;
}

enum tt_verdict tt_http_begins_response(struct tt_span bytes)
{
	if (memcmp(bytes.data, HTTP_VERSION, TT_MIN(bytes.len, HTTP_VERSION_LEN)) != 0)
		return TT_NO;

	/* "HTTP/1.1 200" and one byte more are enough to tell. */
	const size_t enough = HTTP_VERSION_LEN + 6;
	if (bytes.len < enough)
		return TT_MAYBE;
	struct tt_http_status_line status;
	struct tt_span line = tt_span_sub(bytes, 0, enough - (bytes.data[enough - 1] == '\n'));
	return tt_http_status_line(line, &status) ? TT_YES : TT_NO;
}

enum tt_verdict tt_http_detect(const struct tt_first *first)
{
	struct tt_span requests = first->side[TT_REQUESTS];
	struct tt_span responses = first->side[TT_RESPONSES];
	enum tt_verdict asked = !requests.len			 ? TT_MAYBE
				: first->from_start[TT_REQUESTS] ? tt_http_begins_request(requests)
								 : http_begins_in_the_middle(requests);
	enum tt_verdict answered = responses.len ? tt_http_begins_response(responses) : TT_MAYBE;

	/* A side picked up in the middle may begin inside a body: it says nothing against the other one. */
	if (asked == TT_NO && first->from_start[TT_REQUESTS])
		return TT_NO;
	if (answered == TT_NO && first->from_start[TT_RESPONSES])
		return TT_NO;
	if (asked == TT_YES || answered == TT_YES)
		return TT_YES;
	return asked == TT_NO || answered == TT_NO ? TT_NO : TT_MAYBE;
}

ssize_t tt_http_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	if (side == TT_RESPONSES) {
		struct tt_span line;
		struct tt_http_status_line status;
		return http_first_line(bytes, &line) && tt_http_status_line(line, &status) ? 0 : -1;
	}

	ptrdiff_t end = tt_span_find(bytes, '\n');
	return end >= 0 && http_begins_in_the_middle(tt_span_sub(bytes, 0, (size_t)end + 1)) == TT_YES ? 0 : -1;
}
