// SPDX-License-Identifier: Apache-2.0
#include "sink/redact.h"

#include "sink/pattern.h"

enum tt_secret {
	TT_SECRET_QUERY,
	TT_SECRET_PATH,
	TT_SECRET_TARGET,
	TT_SECRET_STATEMENT,
	TT_SECRET_URI,
	TT_SECRET_MAILBOX,
	TT_SECRET_WHOLE,
};

#define TT_SECRET_KEY(key, secret) {key, sizeof(key) - 1, secret}

static const struct {
	const char *key;
	size_t len;
	enum tt_secret secret;
} tt_secrets[] = {
	TT_SECRET_KEY("url.query", TT_SECRET_QUERY),
	TT_SECRET_KEY("url.path", TT_SECRET_PATH),
	TT_SECRET_KEY("aws.s3.key", TT_SECRET_PATH),
	TT_SECRET_KEY("url.full", TT_SECRET_TARGET),
	TT_SECRET_KEY("db.query.text", TT_SECRET_STATEMENT),
	TT_SECRET_KEY("sip.from", TT_SECRET_URI),
	TT_SECRET_KEY("sip.to", TT_SECRET_URI),
	TT_SECRET_KEY("smtp.mail.from", TT_SECRET_MAILBOX),
	/* With some brokers it is the token. */
	TT_SECRET_KEY("user.name", TT_SECRET_WHOLE),
	TT_SECRET_KEY("db.user", TT_SECRET_WHOLE),
	TT_SECRET_KEY("telltale.operation.original", TT_SECRET_WHOLE),
	TT_SECRET_KEY("error.message", TT_SECRET_WHOLE),
	TT_SECRET_KEY("http.request.header.authorization", TT_SECRET_WHOLE),
	TT_SECRET_KEY("http.request.header.proxy-authorization", TT_SECRET_WHOLE),
	TT_SECRET_KEY("http.request.header.cookie", TT_SECRET_WHOLE),
	TT_SECRET_KEY("http.request.header.x-api-key", TT_SECRET_WHOLE),
	TT_SECRET_KEY("http.response.header.set-cookie", TT_SECRET_WHOLE),
};

void tt_redact_query(struct tt_buf *out, struct tt_span query)
{
	while (query.len) {
		size_t len = 0;
		while (len < query.len && query.data[len] != '&' && query.data[len] != ';')
			len++;
		ptrdiff_t equals = tt_span_find(tt_span_sub(query, 0, len), '=');
		if (equals >= 0)
			tt_buf_add(out, query.data, (size_t)equals + 1);
		if (len && (size_t)equals + 1 != len)
			tt_buf_add_str(out, TT_REDACTED);
		if (len < query.len)
			tt_buf_add_char(out, (char)query.data[len++]);
		query = tt_span_sub(query, len, query.len);
	}
}

/* `dt=9A8B` becomes `dt=REDACTED`; random text and mail addresses go whole. */
static void tt_redact_part(struct tt_buf *out, struct tt_span part)
{
	size_t value = tt_pattern_value(part);
	struct tt_span shown = tt_span_sub(part, 0, value ? value : part.len);
	bool secret = tt_pattern_is_secret(shown);

	if (!secret)
		tt_buf_add(out, shown.data, shown.len);
	if (secret || value)
		tt_buf_add_str(out, TT_REDACTED);
}

/* `cart;jsessionid=9A8B` becomes `cart;jsessionid=REDACTED` (RFC 3986 section 3.3). */
static void tt_redact_segment(struct tt_buf *out, struct tt_span segment)
{
	while (segment.len) {
		ptrdiff_t end = tt_span_find(segment, ';');
		struct tt_span part = tt_span_sub(segment, 0, end < 0 ? segment.len : (size_t)end);
		tt_redact_part(out, part);
		if (end >= 0)
			tt_buf_add_char(out, ';');
		segment = tt_span_sub(segment, part.len + 1, segment.len);
	}
}

bool tt_redact_path_is_plain(struct tt_span path)
{
	size_t run = 0;

	for (size_t i = 0; i < path.len; i++) {
		uint8_t c = path.data[i];
		if (c == '?' || c == ';' || c == '@' || c == '%' || c == '=' || c == '#')
			return false;
		run = c == '/' ? 0 : run + 1;
		if (run >= TT_PATTERN_SECRET_LEAST)
			return false;
	}
	return true;
}

void tt_redact_path(struct tt_buf *out, struct tt_span path)
{
	if (tt_redact_path_is_plain(path)) {
		tt_buf_add(out, path.data, path.len);
		return;
	}
	/* No client should send a fragment; one that does may send a token in it (RFC 6749 section 4.2.2). */
	ptrdiff_t mark = tt_span_find(path, '#');
	struct tt_span fragment = tt_span_sub(path, mark < 0 ? path.len : (size_t)mark + 1, path.len);
	path = tt_span_sub(path, 0, mark < 0 ? path.len : (size_t)mark);
	for (size_t from = 0; from < path.len;) {
		struct tt_span rest = tt_span_sub(path, from, path.len);
		ptrdiff_t slash = tt_span_find(rest, '/');
		struct tt_span segment = slash < 0 ? rest : tt_span_sub(rest, 0, (size_t)slash);
		tt_redact_segment(out, segment);
		if (slash >= 0)
			tt_buf_add_char(out, '/');
		from += segment.len + 1;
	}
	if (mark >= 0) {
		tt_buf_add_char(out, '#');
		tt_redact_query(out, fragment);
	}
}

/* The length of what stands before the path: `scheme://authority`, or all of an authority alone; 0: it begins with its path. */
static size_t tt_target_authority(struct tt_span target, size_t *ret_from)
{
	const uint8_t *scheme = target.len && target.data[0] != '/' ? memmem(target.data, target.len, "://", 3) : NULL;

	*ret_from = scheme ? (size_t)(scheme + 3 - target.data) : 0;
	if (!target.len || target.data[0] == '/')
		return 0;
	ptrdiff_t slash = tt_span_find(tt_span_sub(target, *ret_from, target.len), '/');
	return slash < 0 ? target.len : *ret_from + (size_t)slash;
}

void tt_redact_target(struct tt_buf *out, struct tt_span target)
{
	ptrdiff_t mark = tt_span_find(target, '?');
	struct tt_span path = mark < 0 ? target : tt_span_sub(target, 0, (size_t)mark);

	/* scheme://user:password@host/path */
	size_t from, len = tt_target_authority(path, &from);
	struct tt_span authority = tt_span_sub(path, from, len - from);
	const uint8_t *at = authority.len ? memrchr(authority.data, '@', authority.len) : NULL;
	tt_buf_add(out, path.data, from);
	if (at) {
		tt_buf_add_str(out, TT_REDACTED);
		authority = tt_span_sub(authority, (size_t)(at - authority.data), authority.len);
	}
	tt_buf_add(out, authority.data, authority.len);
	tt_redact_path(out, tt_span_sub(path, len, path.len));
	if (mark >= 0) {
		tt_buf_add_char(out, '?');
		tt_redact_query(out, tt_span_sub(target, (size_t)mark + 1, target.len));
	}
}

void tt_redact_uri(struct tt_buf *out, struct tt_span uri)
{
	ptrdiff_t colon = tt_span_find(uri, ':'), at = tt_span_find(uri, '@');
	struct tt_span scheme = tt_span_sub(uri, 0, colon < 0 ? 0 : (size_t)colon);
	struct tt_span host = tt_span_sub(uri, at < 0 ? (size_t)(colon + 1) : (size_t)at + 1, uri.len);
	bool names_host = at >= 0 || tt_span_ieq(scheme, TT_SPAN_LIT("sip")) || tt_span_ieq(scheme, TT_SPAN_LIT("sips"));
	size_t len = 0;

	if (colon < 0 || (at >= 0 && at < colon)) {
		tt_buf_add_str(out, TT_REDACTED);
		return;
	}
	if (!names_host && tt_span_ieq(scheme, TT_SPAN_LIT("urn"))) { /* a service (RFC 5031) */
		tt_buf_add(out, uri.data, uri.len);
		return;
	}
	tt_buf_add(out, uri.data, (size_t)colon + 1);
	if (at >= 0 || !names_host)
		tt_buf_add_str(out, TT_REDACTED);
	if (!names_host)
		return;
	while (len < host.len && host.data[len] != ';' && host.data[len] != '?')
		len++;
	if (at >= 0)
		tt_buf_add_char(out, '@');
	tt_buf_add(out, host.data, len);
}

void tt_redact_mailbox(struct tt_buf *out, struct tt_span address)
{
	const uint8_t *at = address.len ? memrchr(address.data, '@', address.len) : NULL;

	if (at || !tt_span_eq(address, TT_SPAN_LIT("<>")))
		tt_buf_add_str(out, TT_REDACTED);
	else
		tt_buf_add(out, address.data, address.len);
	if (at)
		tt_buf_add(out, at, (size_t)(address.data + address.len - at));
}

/* The length of the first part of a DN; what is escaped or in quotes ends none. */
static size_t tt_entry_part(struct tt_span dn)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < dn.len && (quoted || (dn.data[i] != ',' && dn.data[i] != '+' && dn.data[i] != ';')); i++) {
		if (dn.data[i] == '\\')
			i++;
		else if (dn.data[i] == '"')
			quoted = !quoted;
	}
	return TT_MIN(i, dn.len);
}

/* Of an extension: digits and dots. */
static bool tt_is_object_identifier(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] != '.' && (s.data[i] < '0' || s.data[i] > '9'))
			return false;
	}
	return s.len && memchr(s.data, '.', s.len);
}

void tt_redact_entry(struct tt_buf *out, struct tt_span dn)
{
	static const char *const places[] = {"c", "dc", "l", "o", "ou", "st"};

	if (tt_is_object_identifier(dn)) {
		tt_buf_add(out, dn.data, dn.len);
		return;
	}
	while (dn.len) {
		struct tt_span part = tt_span_sub(dn, 0, tt_entry_part(dn));
		ptrdiff_t equals = tt_span_find(part, '=');
		struct tt_span type = tt_span_sub(part, 0, equals < 0 ? 0 : (size_t)equals);
		bool place = false;
		while (type.len && type.data[0] == ' ')
			type = tt_span_sub(type, 1, type.len);
		for (size_t i = 0; i < TT_ARRAY_LEN(places); i++)
			place |= tt_span_ieq(type, tt_span_str(places[i]));
		tt_buf_add(out, part.data, place ? part.len : (size_t)(equals + 1));
		if (!place && (size_t)(equals + 1) < part.len)
			tt_buf_add_str(out, TT_REDACTED);
		if (part.len < dn.len)
			tt_buf_add_char(out, (char)dn.data[part.len]);
		dn = tt_span_sub(dn, part.len + 1, dn.len);
	}
}

/* Of a mail protocol these name a host or a mechanism. */
static bool tt_names_nobody(const struct tt_exchange *x)
{
	static const char *const operations[] = {"EHLO", "HELO", "LHLO", "AUTH"};
	struct tt_span operation = tt_exchange_text(x, TT_TEXT_OPERATION);

	for (size_t i = 0; i < TT_ARRAY_LEN(operations); i++) {
		if (tt_span_eq(operation, tt_span_str(operations[i])))
			return true;
	}
	return false;
}

/*
 * Error codes of a statement the server could not read, or in which a word names nothing it has: a value without its quotes, or
 * in those of a name.
 */
static bool tt_is_refused(enum tt_sql_dialect dialect, struct tt_span code)
{
	static const struct {
		enum tt_sql_dialect dialect;
		const char *codes[8];
	} rows[] = {
		{TT_SQL_MYSQL, {"1054", "1064", "1149"}},
		/* syntax, column, object (a word before a string is a type there) */
		{TT_SQL_POSTGRESQL, {"42601", "42703", "42704"}},
		{TT_SQL_TSQL, {"102", "103", "105", "128", "156", "170", "207", "4104"}},
		{TT_SQL_CLICKHOUSE, {"47", "62"}},
		{TT_SQL_CQL, {"SyntaxError", "Invalid"}},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		for (size_t k = 0; k < TT_ARRAY_LEN(rows[i].codes) && rows[i].codes[k] && rows[i].dialect == dialect; k++) {
			if (tt_span_eq(code, tt_span_str(rows[i].codes[k])))
				return true;
		}
	}
	return false;
}

static void tt_redact_statement(struct tt_buf *out, const struct tt_exchange *x, const struct tt_kind *kind, struct tt_span text)
{
	struct tt_sql_rules rules = {
		.dialect = kind->dialect,
		.quoting = x->response ? x->response->quoting : TT_QUOTING_UNKNOWN,
		.refused = tt_is_refused(kind->dialect, tt_exchange_error_type(x)),
	};

	tt_sql_normalise(out, text, &rules);
}

bool tt_redact_resource(struct tt_buf *out, const struct tt_exchange *x, const struct tt_kind *kind)
{
	struct tt_span resource = tt_exchange_text(x, TT_TEXT_RESOURCE);
	if (!resource.data)
		return false;

	if (kind->resource == TT_RESOURCE_PATH)
		tt_redact_target(out, resource);
	else if (kind->resource == TT_RESOURCE_URI)
		tt_redact_uri(out, resource);
	else if (kind->resource == TT_RESOURCE_MAILBOX && !tt_names_nobody(x))
		tt_redact_mailbox(out, resource);
	else if (kind->resource == TT_RESOURCE_ENTRY && tt_exchange_attribute(x, "db.user").data)
		tt_buf_add_str(out, TT_REDACTED);
	else if (kind->resource == TT_RESOURCE_ENTRY)
		tt_redact_entry(out, resource);
	else if (kind->resource == TT_RESOURCE_STATEMENT && tt_exchange_attribute(x, "db.query.text").data)
		tt_redact_statement(out, x, kind, resource);
	else /* a name, also where a statement protocol logs in */
		tt_buf_add(out, resource.data, resource.len);
	return true;
}

struct tt_span tt_redact_attribute(struct tt_buf *out, const struct tt_exchange *x, const struct tt_kind *kind, const char *key,
				   struct tt_span value)
{
	size_t row = 0, len = strlen(key);
	while (row < TT_ARRAY_LEN(tt_secrets) && (tt_secrets[row].len != len || memcmp(tt_secrets[row].key, key, len) != 0))
		row++;
	if (row == TT_ARRAY_LEN(tt_secrets) || !value.data)
		return value;

	size_t from = out->len;
	switch (tt_secrets[row].secret) {
	case TT_SECRET_QUERY:
		tt_redact_query(out, value);
		break;
	case TT_SECRET_PATH:
		if (tt_redact_path_is_plain(value))
			return value;
		tt_redact_path(out, value);
		break;
	case TT_SECRET_TARGET:
		tt_redact_target(out, value);
		break;
	case TT_SECRET_STATEMENT:
		tt_redact_statement(out, x, kind, value);
		break;
	case TT_SECRET_URI:
		tt_redact_uri(out, value);
		break;
	case TT_SECRET_MAILBOX:
		tt_redact_mailbox(out, value);
		break;
	case TT_SECRET_WHOLE:
		tt_buf_add_str(out, TT_REDACTED);
		break;
	}
	/* Nothing left, or no memory: still not the value itself. */
	return out->len > from ? tt_span(out->data + from, out->len - from) : tt_span("", 0);
}
