/* SPDX-License-Identifier: Apache-2.0 */
/* Names of fields told apart: inline, because it is done for most lines of every head. */
#ifndef TT_PROTO_HTTP_NAMES_H
#define TT_PROTO_HTTP_NAMES_H

#include "proto/http_fields.h"

/* The name in lower case, whatever case the text has. */
bool tt_http_is_name(const uint8_t *text, const char *lower, size_t len);

/* Does s begin with the name, and nothing go on behind it that is a letter? Most senders write it like `title`. */
#define TT_HTTP_BEGINS(s, lower, title)                                       \
	((s).len > sizeof(lower) - 1 && (s).data[sizeof(lower) - 1] <= ':' && \
	 (memcmp((s).data, title, sizeof(title) - 1) == 0 || tt_http_is_name((s).data, lower, sizeof(lower) - 1)))

#define TT_HTTP_TRY(s, lower, title, id)               \
	do {                                           \
		if (TT_HTTP_BEGINS(s, lower, title)) { \
			*ret_len = sizeof(lower) - 1;  \
			return TT_HTTP_##id;           \
		}                                      \
	} while (0)

/* Which field's name s begins with, and how long that is. */
static inline enum tt_http_field tt_http_front(struct tt_span s, size_t *ret_len)
{
	switch (s.len ? s.data[0] | 0x20 : 0) {
	case 'c':
		TT_HTTP_TRY(s, "content-length", "Content-Length", CONTENT_LENGTH);
		TT_HTTP_TRY(s, "content-type", "Content-Type", CONTENT_TYPE);
		TT_HTTP_TRY(s, "content-encoding", "Content-Encoding", CONTENT_ENCODING);
		break;
	case 'e':
		TT_HTTP_TRY(s, "expect", "Expect", EXPECT);
		break;
	case 'h':
		TT_HTTP_TRY(s, "host", "Host", HOST);
		break;
	case 't':
		TT_HTTP_TRY(s, "transfer-encoding", "Transfer-Encoding", TRANSFER_ENCODING);
		TT_HTTP_TRY(s, "traceparent", "Traceparent", TRACEPARENT);
		break;
	case 'u':
		TT_HTTP_TRY(s, "user-agent", "User-Agent", USER_AGENT);
		TT_HTTP_TRY(s, "upgrade", "Upgrade", UPGRADE);
		break;
	case 'x':
		TT_HTTP_TRY(s, "x-amz-content-sha256", "X-Amz-Content-Sha256", AMZ_CONTENT);
		TT_HTTP_TRY(s, "x-elastic-product", "X-elastic-product", ELASTIC);
		TT_HTTP_TRY(s, "x-opensearch-version", "X-OpenSearch-Version", OPENSEARCH);
		break;
	}
	return TT_HTTP_OTHER;
}

/*
 * Which field a field line is, and its value without spaces around it. `*ret_spaced`: there was white space before the colon,
 * which some readers take for part of the name. TT_HTTP_OTHER leaves both untouched.
 */
static inline enum tt_http_field tt_http_field_line(struct tt_span line, struct tt_span *ret_value, bool *ret_spaced)
{
	size_t len;
	enum tt_http_field field = tt_http_front(line, &len);
	if (field == TT_HTTP_OTHER)
		return TT_HTTP_OTHER;

	struct tt_span rest = tt_span(line.data + len, line.len - len);
	/* As nearly everybody writes it. */
	if (rest.len > 2 && rest.data[0] == ':' && rest.data[1] == ' ' && rest.data[2] > ' ' && rest.data[rest.len - 1] > ' ') {
		*ret_value = tt_span(rest.data + 2, rest.len - 2);
		*ret_spaced = false;
		return field;
	}
	bool spaced = rest.len && rest.data[0] != ':';
	if (spaced)
		rest = rest.data[0] == ' ' || rest.data[0] == '\t' ? tt_span_trim(rest) : tt_span(NULL, 0);
	if (rest.len == 0 || rest.data[0] != ':')
		return TT_HTTP_OTHER;
	*ret_value = tt_span_trim(tt_span(rest.data + 1, rest.len - 1));
	*ret_spaced = spaced;
	return field;
}

#endif
