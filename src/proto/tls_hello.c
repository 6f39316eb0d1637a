// SPDX-License-Identifier: Apache-2.0
/* TLS: records' heads, and what the two hellos say in the clear. */
#include "base/own.h"
#include "proto/tls.h"

enum extension {
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,
	EXTENSION_PRE_SHARED_KEY = 41,
	EXTENSION_EARLY_DATA = 42,
	EXTENSION_SUPPORTED_VERSIONS = 43,
	EXTENSION_KEY_SHARE = 51,
};

/* RFC 8446, 4.1.3: the random of a ServerHello that asks for another ClientHello. */
static const uint8_t retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
					 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
					 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static bool is_version(uint16_t v)
{
	return v >= 0x0300 && v <= TT_TLS_1_3;
}

bool tt_tls_read_record(struct tt_cursor *c, uint8_t *ret_type, uint16_t *ret_len)
{
	uint8_t type = tt_cursor_u8(c);
	uint16_t version = tt_cursor_be16(c);
	uint16_t len = tt_cursor_be16(c);

	if (tt_cursor_short(c) || type < TT_TLS_CHANGE_CIPHER_SPEC || type > TT_TLS_APPLICATION_DATA || !is_version(version) ||
	    len > TT_TLS_RECORD_MOST || (len == 0 && type != TT_TLS_APPLICATION_DATA))
		return false;
	*ret_type = type;
	*ret_len = len;
	return true;
}

/* --- extensions --------------------------------------------------------------------------------------------------------------
 */

static void read_server_name(struct tt_cursor c, struct tt_tls_hello *h)
{
	struct tt_cursor names = tt_cursor(tt_cursor_take16(&c));
	uint8_t type = tt_cursor_u8(&names);
	struct tt_span name = tt_cursor_take16(&names);

	if (!tt_cursor_short(&names) && type == 0 && name.len)
		h->server_name = name;
}

static void read_versions(struct tt_cursor c, enum tt_tls_message type, struct tt_tls_hello *h)
{
	struct tt_cursor list = type == TT_TLS_CLIENT_HELLO ? tt_cursor(tt_cursor_take8(&c)) : c;

	while (tt_cursor_left(&list) >= 2) {
		uint16_t version = tt_cursor_be16(&list);
		/* Others are drafts, or numbers nobody uses, sent to keep servers tolerant (RFC 8701). */
		if (is_version(version) && (type == TT_TLS_SERVER_HELLO || version > h->version))
			h->version = version;
	}
}

static void read_extension(enum tt_tls_message type, uint16_t extension, struct tt_cursor c, struct tt_tls_hello *h)
{
	bool client = type == TT_TLS_CLIENT_HELLO;

	switch (extension) {
	case EXTENSION_SERVER_NAME:
		if (client)
			read_server_name(c, h);
		break;
	case EXTENSION_ALPN:
		h->protocols = tt_cursor_take16(&c);
		break;
	case EXTENSION_PRE_SHARED_KEY:
		h->resumes = !client;
		break;
	case EXTENSION_EARLY_DATA:
		h->early_data = client;
		break;
	case EXTENSION_SUPPORTED_VERSIONS:
		read_versions(c, type, h);
		break;
	case EXTENSION_KEY_SHARE:
		if (!client)
			h->group = tt_cursor_be16(&c);
		break;
	default:
		break;
	}
}

static void read_extensions(enum tt_tls_message type, struct tt_cursor c, struct tt_tls_hello *h)
{
	while (tt_cursor_left(&c)) {
		uint16_t extension = tt_cursor_be16(&c);
		uint16_t len = tt_cursor_be16(&c);
		if (tt_cursor_short(&c) || len > tt_cursor_left(&c))
			return;
		read_extension(type, extension, tt_cursor(tt_cursor_take(&c, len)), h);
	}
}

/* --- hellos ------------------------------------------------------------------------------------------------------------------
 */

bool tt_tls_read_hello(enum tt_tls_message type, struct tt_span body, struct tt_tls_hello *ret)
{
	struct tt_cursor c = tt_cursor(body);
	struct tt_tls_hello h = {.version = tt_cursor_be16(&c)};

	struct tt_span random = tt_cursor_take(&c, 32);
	h.session = tt_cursor_take8(&c);
	if (tt_cursor_short(&c) || !is_version(h.version) || h.session.len > 32)
		return false;
	if (type == TT_TLS_SERVER_HELLO) {
		h.cipher = tt_cursor_be16(&c);
		h.retry = tt_span_eq(random, tt_span(retry_random, sizeof(retry_random)));
		tt_cursor_skip(&c, 1);
	} else {
		struct tt_span ciphers = tt_cursor_take16(&c);
		struct tt_span compressions = tt_cursor_take8(&c);
		if (!tt_cursor_short(&c) && (ciphers.len < 2 || ciphers.len % 2 || compressions.len < 1))
			return false;
	}
	if (tt_cursor_short(&c))
		return false;
	/* SSL 3.0 has no extensions. A hello cut at its limit has those that are there. */
	if (tt_cursor_left(&c) >= 2) {
		size_t len = tt_cursor_be16(&c);
		read_extensions(type, tt_cursor(tt_cursor_take(&c, TT_MIN(len, tt_cursor_left(&c)))), &h);
	}
	*ret = h;
	return true;
}

/* Also a whole alert: a server that refuses at once. */
static enum tt_verdict begins_alert(struct tt_cursor c, uint16_t len)
{
	uint8_t level = tt_cursor_u8(&c);
	uint8_t alert = tt_cursor_u8(&c);

	if (len != 2)
		return TT_NO;
	if (tt_cursor_short(&c))
		return TT_MAYBE;
	return (level == 1 || level == 2) && tt_tls_alert_name(alert) ? TT_YES : TT_NO;
}

enum tt_verdict tt_tls_begins_hello(enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	uint8_t type;
	uint16_t len;
	bool server = side == TT_RESPONSES;

	if (bytes.len && bytes.data[0] != TT_TLS_HANDSHAKE && !(server && bytes.data[0] == TT_TLS_ALERT))
		return TT_NO;
	if (bytes.len > 1 && bytes.data[1] != 3)
		return TT_NO;
	if (bytes.len < TT_TLS_RECORD_HEAD)
		return TT_MAYBE;
	if (!tt_tls_read_record(&c, &type, &len))
		return TT_NO;
	if (type == TT_TLS_ALERT)
		return begins_alert(c, len);

	uint8_t message = tt_cursor_u8(&c);
	uint32_t body = tt_cursor_be24(&c);
	uint16_t version = tt_cursor_be16(&c);
	if (tt_cursor_short(&c))
		return TT_MAYBE;
	/* A hello has at least its version, random, session, suite and compression. */
	return message == (server ? TT_TLS_SERVER_HELLO : TT_TLS_CLIENT_HELLO) && body >= 2 + 32 + 1 + 3 && body <= 1u << 17 &&
			       is_version(version) && version != TT_TLS_1_3
		       ? TT_YES
		       : TT_NO;
}

enum tt_verdict tt_tls_is_records(struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	unsigned whole = 0;

	if ((bytes.len && (bytes.data[0] < TT_TLS_CHANGE_CIPHER_SPEC || bytes.data[0] > TT_TLS_APPLICATION_DATA)) ||
	    (bytes.len > 1 && bytes.data[1] != 3))
		return TT_NO;
	while (tt_cursor_left(&c) >= TT_TLS_RECORD_HEAD) {
		uint8_t type;
		uint16_t len;
		if (!tt_tls_read_record(&c, &type, &len) || len < 2)
			return TT_NO;
		if (!tt_cursor_skip(&c, len))
			return whole ? TT_YES : TT_MAYBE;
		whole++;
	}
	/* One that ends where the bytes do says as much as two in a row. */
	return whole && (whole > 1 || tt_cursor_left(&c) == 0) ? TT_YES : TT_MAYBE;
}
