// SPDX-License-Identifier: Apache-2.0
/* What goes into the exchange of a handshake: the hellos' content, and why it failed. */
#include "base/own.h"
#include "proto/tls.h"
#include "shared/record.h"

/* What OpenSSL and BoringSSL add to the number of an alert their peer sent, and by which name part their errors are libssl's. */
#define OPENSSL_ALERT 1000
#define OPENSSL_SSL 20
#define OPENSSL_EOF 294 /* SSL_R_UNEXPECTED_EOF_WHILE_READING */
#define BORINGSSL_SSL 16

static void set_version(struct tt_message *m, const char *key, uint16_t version)
{
	static const char *const names[] = {"3", "1.0", "1.1", "1.2", "1.3"};

	tt_message_attr(m, key, tt_span_str(names[version - 0x0300]));
}

void tt_tls_set_number(struct tt_message *m, const char *key, const char *name, uint16_t number)
{
	static const char digits[] = "0123456789abcdef";
	char text[6] = "0x";

	for (int i = 0; i < 4; i++)
		text[2 + i] = digits[number >> (12 - 4 * i) & 15];
	tt_message_attr(m, key, name ? tt_span_str(name) : tt_span(text, sizeof(text)));
}

/* Names of protocols, with commas between them. */
static void set_protocols(struct tt_message *m, const char *key, struct tt_span protocols)
{
	struct tt_cursor c = tt_cursor(protocols);
	uint8_t list[256];
	size_t len = 0;

	while (tt_cursor_left(&c)) {
		struct tt_span name = tt_cursor_take8(&c);
		/* Names without sense are sent to keep servers tolerant (RFC 8701). */
		bool grease = name.len == 2 && name.data[0] == name.data[1] && (name.data[0] & 0x0f) == 0x0a;
		if (!name.len || grease)
			continue;
		if (len + 1 + name.len > sizeof(list))
			break;
		if (len)
			list[len++] = ',';
		memcpy(list + len, name.data, name.len);
		len += name.len;
	}
	if (len)
		tt_message_attr(m, key, tt_span(list, len));
}

void tt_tls_describe_request(struct tt_message *m, const struct tt_tls_hello *h)
{
	tt_message_attr(m, "tls.protocol.name", h->version > 0x0300 ? TT_SPAN_LIT("tls") : TT_SPAN_LIT("ssl"));
	if (h->server_name.len) {
		tt_message_text(m, TT_TEXT_RESOURCE, h->server_name);
		tt_message_attr_text(m, "tls.client.server_name", TT_TEXT_RESOURCE);
	}
	set_version(m, "tls.client.protocol.version", h->version);
	set_protocols(m, "tls.client.supported_protocols", h->protocols);
}

void tt_tls_describe_response(struct tt_message *m, const struct tt_tls_hello *h)
{
	set_version(m, "tls.protocol.version", h->version);
	tt_tls_set_number(m, "tls.cipher", tt_tls_cipher_name(h->cipher), h->cipher);
	if (h->group)
		tt_tls_set_number(m, "tls.curve", tt_tls_group_name(h->group), h->group);
	set_protocols(m, "tls.next_protocol", h->protocols);
}

void tt_tls_fail(struct tt_message *m, const char *name)
{
	tt_message_text(m, TT_TEXT_STATUS, tt_span_str(name));
	tt_message_fail(m, tt_span_str(name));
	tt_message_attr_bool(m, "tls.established", false);
}

void tt_tls_fail_with_alert(struct tt_message *m, uint8_t alert)
{
	char text[] = "alert_255";
	const char *name = tt_tls_alert_name(alert);

	if (!name) {
		text[6] = (char)('0' + alert / 100);
		text[7] = (char)('0' + alert / 10 % 10);
		text[8] = (char)('0' + alert % 10);
	}
	tt_tls_fail(m, name ? name : text);
}

/* The number of the alert that OpenSSL's peer sent; -1: it did not. */
static int openssl_alert(int32_t error)
{
	int part = error >> TT_HANDSHAKE_PART_SHIFT;
	uint16_t reason = (uint16_t)error;
	bool ssl = part == OPENSSL_SSL || part == BORINGSSL_SSL;

	return ssl && reason >= OPENSSL_ALERT && reason <= OPENSSL_ALERT + UINT8_MAX ? reason - OPENSSL_ALERT : -1;
}

static bool told_alert(const struct tt_handshake_told *told)
{
	return told->origin == TT_ORIGIN_OPENSSL ? openssl_alert(told->error) >= 0 : told->error != 0;
}

static bool told_eof(const struct tt_handshake_told *told)
{
	return told->origin == TT_ORIGIN_OPENSSL && told->error == (OPENSSL_SSL << TT_HANDSHAKE_PART_SHIFT | OPENSSL_EOF);
}

bool tt_tls_told_failed(const struct tt_handshake_told *told, bool through)
{
	return told->state == TT_HANDSHAKE_FAILED && (!told->done || told_alert(told)) && !(through && told_eof(told));
}

static void fail_by_openssl(struct tt_message *m, int32_t error)
{
	bool named = error >> TT_HANDSHAKE_PART_SHIFT == OPENSSL_SSL;
	int alert = openssl_alert(error);

	if (alert >= 0)
		tt_tls_fail_with_alert(m, (uint8_t)alert);
	else
		tt_tls_fail(m, (named ? tt_tls_openssl_name((uint16_t)error) : NULL) ?: TT_TLS_FAILED);
}

void tt_tls_fail_as_told(struct tt_message *m, const struct tt_handshake_told *told)
{
	switch (told->origin) {
	case TT_ORIGIN_OPENSSL:
		fail_by_openssl(m, told->error);
		break;
	case TT_ORIGIN_GNUTLS:
		tt_tls_fail(m, tt_tls_gnutls_name(told->error) ?: TT_TLS_FAILED);
		break;
	default:
		if (told->error & TT_HANDSHAKE_ALERT)
			tt_tls_fail_with_alert(m, (uint8_t)told->error);
		else
			tt_tls_fail(m, TT_TLS_FAILED);
		break;
	}
}
