/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of TLS share, and how another protocol hands its connection over to TLS.
 *
 * STARTTLS and its like: a parser that has read the server's consent returns tt_tls_takes_over(link) from that call, with
 * everything consumed that was still in the clear. Until the consent is read, its request side must not consume what follows the
 * wish: it returns TT_WAIT. The handshake is then an exchange of the protocol `tls`, and what follows is only counted.
 */
#ifndef TT_PROTO_TLS_H
#define TT_PROTO_TLS_H

#include "proto/proto.h"

extern const struct tt_proto tt_proto_tls;

static inline enum tt_step tt_tls_takes_over(struct tt_link *link)
{
	tt_switch(link, &tt_proto_tls);
	return TT_DONE;
}

enum tt_tls_record {
	TT_TLS_CHANGE_CIPHER_SPEC = 20,
	TT_TLS_ALERT = 21,
	TT_TLS_HANDSHAKE = 22,
	TT_TLS_APPLICATION_DATA = 23,
};

enum tt_tls_message {
	TT_TLS_CLIENT_HELLO = 1,
	TT_TLS_SERVER_HELLO = 2,
	TT_TLS_CERTIFICATE = 11,
	TT_TLS_SERVER_KEY_EXCHANGE = 12,
};

#define TT_TLS_RECORD_HEAD 5u
#define TT_TLS_MESSAGE_HEAD 4u
/* RFC 8446, 5.2: the longest ciphertext; RFC 5246 allows 2048 bytes over the plaintext's 2^14. */
#define TT_TLS_RECORD_MOST (16384u + 2048u)
/* Of a hello. Longer ones are read as far as this. */
#define TT_TLS_HELLO_MOST 16384u

#define TT_TLS_1_2 0x0303
#define TT_TLS_1_3 0x0304

/* Spans are borrowed from the bytes read; not there: data NULL. */
struct tt_tls_hello {
	uint16_t version; /* chosen by a server, the highest offered by a client */
	uint16_t cipher;  /* a server's choice */
	uint16_t group;	  /* the same; 0 not said here */
	bool retry;	  /* HelloRetryRequest */
	bool resumes;	  /* a server that takes a pre-shared key */
	bool early_data;  /* a client that sends data at once */
	struct tt_span session;
	struct tt_span server_name;
	struct tt_span protocols; /* ALPN: names, each with a byte of length in front */
};

/* A record's head that may stand there. False also where it is cut. */
bool tt_tls_read_record(struct tt_cursor *c, uint8_t *ret_type, uint16_t *ret_len);

/* The body of a ClientHello or ServerHello (RFC 8446, 4.1.2 and 4.1.3; RFC 5246, 7.4.1). False: it is none. */
bool tt_tls_read_hello(enum tt_tls_message type, struct tt_span body, struct tt_tls_hello *ret);

/* Could these be the first bytes of a ClientHello (a ServerHello, an alert), record head and all? */
enum tt_verdict tt_tls_begins_hello(enum tt_side side, struct tt_span bytes);

/* Are these records, one behind the other, as in the middle of a connection? */
enum tt_verdict tt_tls_is_records(struct tt_span bytes);

/* What a hello says, as attributes and texts of its message. NULL messages: nothing. */
void tt_tls_describe_request(struct tt_message *m, const struct tt_tls_hello *h);
void tt_tls_describe_response(struct tt_message *m, const struct tt_tls_hello *h);
/* An attribute: the name, or without one the number in hexadecimal digits. */
void tt_tls_set_number(struct tt_message *m, const char *key, const char *name, uint16_t number);

/* The handshake failed, for this reason: its name is the status and the error's type. */
void tt_tls_fail(struct tt_message *m, const char *name);
void tt_tls_fail_with_alert(struct tt_message *m, uint8_t alert);
/* … as a library says; where it does not say why, or by a number without a name here: TT_TLS_FAILED. */
#define TT_TLS_FAILED "handshake_failed"
/* It failed: not where this end was through, unless the other one refuses after all, by an alert, nor only because nothing
 * follows what was said (`through`: all of it). */
bool tt_tls_told_failed(const struct tt_handshake_told *told, bool through);
void tt_tls_fail_as_told(struct tt_message *m, const struct tt_handshake_told *told);

/* Names by number, NULL if it has none here. Static storage. */
const char *tt_tls_alert_name(uint8_t alert);
const char *tt_tls_cipher_name(uint16_t cipher);
const char *tt_tls_group_name(uint16_t group);
/* Of libssl's reasons (SSL_R_), and of what GnuTLS returns. */
const char *tt_tls_openssl_name(uint16_t reason);
const char *tt_tls_gnutls_name(int32_t error);

#endif
