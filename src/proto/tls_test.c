// SPDX-License-Identifier: Apache-2.0
/* Handshakes as far as they are in the clear. */
#include <stdlib.h>
#include <string.h>

#include "harness/script.h"

extern const struct tt_proto tt_proto_tls;

/* clang-format off */
#define RANDOM "0123456789abcdef0123456789abcdef"
#define RETRY "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"
#define RECORD(type, len, data) type "\x03\x03\0" len data
#define SNI "\0\0\0\x09\0\x07\0\0\4a.de"
#define ALPN_OFFER "\0\x10\0\x0e\0\x0c\2h2\x08http/1.1"
#define ALPN_CHOICE "\0\x10\0\5\0\3\2h2"
#define VERSIONS "\0\x2b\0\5\4\x7a\x7a\3\4"
/* 4 + 2 + 32 + 1 + 4 + 2 + 2 + the extensions: 13 + 18 + 9 */
#define HELLO_BODY "\3\3" RANDOM "\0\0\2\x13\1\1\0\0\x28" SNI ALPN_OFFER VERSIONS
#define CLIENT_HELLO RECORD("\x16", "\x57", "\1\0\0\x53" HELLO_BODY)
#define CLIENT_HELLO_12 RECORD("\x16", "\x3c", "\1\0\0\x38" "\3\3" RANDOM "\0\0\2\x13\1\1\0\0\x0d" SNI)
#define SERVER_13(random, extensions_len, extensions) RECORD("\x16", "\x36", "\2\0\0\x32\3\3" random "\0\x13\1\0\0\x0a" extensions)
#define KEY_SHARE "\0\x33\0\0"
#define SERVER_HELLO SERVER_13(RANDOM, "", "\0\x2b\0\2\3\4" KEY_SHARE)
#define SERVER_RETRY SERVER_13(RETRY, "", "\0\x2b\0\2\3\4" KEY_SHARE)
#define SERVER_HELLO_12 RECORD("\x16", "\x35", "\2\0\0\x31\3\3" RANDOM "\0\xc0\x2f\0\0\x09" ALPN_CHOICE)
#define CERTIFICATE RECORD("\x16", "\x0a", "\x0b\0\0\6\0\0\3abc")
#define KEY_EXCHANGE RECORD("\x16", "\x09", "\x0c\0\0\5\3\0\x1d" "xy") /* x25519 */
#define SERVER_DONE RECORD("\x16", "\4", "\x0e\0\0\0")
#define CLIENT_KEY RECORD("\x16", "\6", "\x10\0\0\2kk")
#define CHANGE RECORD("\x14", "\1", "\1")
#define FINISHED RECORD("\x16", "\x28", "encrypted.encrypted.encrypted.encrypted.")
#define CIPHERED RECORD("\x17", "\x35", "encrypted.encrypted.encrypted.encrypted.encrypted.123")
#define CIPHERED_ALERT RECORD("\x17", "\x13", "encrypted.encrypted")
#define ALERT(level, alert) RECORD("\x15", "\2", level alert)
#define DATA RECORD("\x17", "\4", "data")

#define ASKED "tls.protocol.name=tls,tls.client.server_name=a.de,tls.client.protocol.version=1.3,tls.client.supported_protocols=h2,http/1.1"
#define ASKED_12 "tls.protocol.name=tls,tls.client.server_name=a.de,tls.client.protocol.version=1.2"
#define CHOSE "tls.protocol.version=1.3,tls.cipher=TLS_AES_128_GCM_SHA256"
#define CHOSE_12 "tls.protocol.version=1.2,tls.cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,tls.next_protocol=h2,tls.curve=x25519"
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_tls, script, expected);
	tt_talk_truncate(&tt_proto_tls, script);
}

static void gives(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(NULL, script);
	assert_string_equal(lines, expected);
	free(lines);
}

static void of_tls13(void **state)
{
	const struct tt_line script[] = {TT_C(CLIENT_HELLO), TT_S(SERVER_HELLO CHANGE CIPHERED),
					 TT_S(CIPHERED),     TT_C(CHANGE CIPHERED DATA),
					 TT_S(DATA DATA),    TT_C(DATA),
					 TT_TALK_END};

	check(script, "handshake|a.de|OK|-|92|181|complete|" ASKED "," CHOSE ",tls.resumed=0,tls.established=1\n");
}

static void of_tls12(void **state)
{
	const struct tt_line script[] = {TT_C(CLIENT_HELLO_12),
					 TT_S(SERVER_HELLO_12 CERTIFICATE),
					 TT_S(KEY_EXCHANGE SERVER_DONE),
					 TT_C(CLIENT_KEY CHANGE FINISHED),
					 TT_S(CHANGE FINISHED),
					 TT_C(DATA),
					 TT_S(DATA),
					 TT_TALK_END};

	check(script, "handshake|a.de|OK|-|65|147|complete|" ASKED_12 "," CHOSE_12 ",tls.resumed=0,tls.established=1\n");
}

static void hellos_in_pieces(void **state)
{
	/* The same hello in two records, the server's first three messages in one. */
	const struct tt_line script[] = {TT_C("\x16\x03\x01\0\x2a"
					      "\1\0\0\x38"
					      "\3\3" RANDOM "\0\0\2\x13\x16\x03\x01\0\x12\1\1\0\0\x0d" SNI),
					 TT_S("\x16\x03\x03\0\x48"
					      "\2\0\0\x31\3\3" RANDOM "\0\xc0\x2f\0\0\x09" ALPN_CHOICE "\x0b\0\0\6\0\0\3abc"
					      "\x0c\0\0\5\3\0\x1d"
					      "xy"),
					 TT_S(SERVER_DONE),
					 TT_C(CLIENT_KEY CHANGE FINISHED),
					 TT_S(CHANGE FINISHED),
					 TT_TALK_END};

	check(script, "handshake|a.de|OK|-|70|137|complete|" ASKED_12 "," CHOSE_12 ",tls.resumed=0,tls.established=1\n");
}

static void asks_for_another_hello(void **state)
{
	const struct tt_line script[] = {TT_C(CLIENT_HELLO),
					 TT_S(SERVER_RETRY CHANGE),
					 TT_C(CHANGE CLIENT_HELLO),
					 TT_S(SERVER_HELLO CIPHERED),
					 TT_C(CIPHERED),
					 TT_TALK_END};

	tt_talk_truncate(&tt_proto_tls, script);
	char *lines = tt_talk(&tt_proto_tls, script);
	assert_string_equal(lines, "handshake|a.de|OK|-|190|182|complete|" ASKED "," CHOSE ",tls.resumed=0,tls.established=1\n");
	free(lines);
}

static void refused_by_the_server(void **state)
{
	const struct tt_line at_once[] = {TT_C(CLIENT_HELLO), TT_S(ALERT("\2", "\x46")), TT_S_EOF, TT_TALK_END};
	const struct tt_line warned[] = {TT_C(CLIENT_HELLO), TT_S(ALERT("\1", "\x70") ALERT("\2", "\x28")), TT_S_EOF,
					 TT_TALK_END};
	const struct tt_line certificate[] = {TT_C(CLIENT_HELLO_12), TT_S(SERVER_HELLO_12 KEY_EXCHANGE SERVER_DONE),
					      TT_C(CLIENT_KEY CHANGE FINISHED), TT_S(ALERT("\2", "\x2a")), TT_TALK_END};
	const struct tt_line unnamed[] = {TT_C(CLIENT_HELLO), TT_S(ALERT("\2", "\xc8")), TT_S_EOF, TT_TALK_END};

	check(at_once, "handshake|a.de|protocol_version|protocol_version|92|7|complete|" ASKED ",tls.established=0\n");
	check(warned, "handshake|a.de|handshake_failure|handshake_failure|92|14|complete|" ASKED ",tls.established=0\n");
	check(certificate,
	      "handshake|a.de|bad_certificate|bad_certificate|65|88|complete|" ASKED_12 "," CHOSE_12 ",tls.established=0\n");
	check(unnamed, "handshake|a.de|alert_200|alert_200|92|7|complete|" ASKED ",tls.established=0\n");
}

static void refused_by_the_client(void **state)
{
	const struct tt_line clear[] = {TT_C(CLIENT_HELLO_12), TT_S(SERVER_HELLO_12 CERTIFICATE KEY_EXCHANGE SERVER_DONE),
					TT_C(ALERT("\2", "\x30")), TT_TALK_END};
	const struct tt_line encrypted[] = {TT_C(CLIENT_HELLO), TT_S(SERVER_HELLO CIPHERED), TT_C(CHANGE CIPHERED_ALERT),
					    TT_C_EOF, TT_TALK_END};

	check(clear, "handshake|a.de|unknown_ca|unknown_ca|65|96|complete|" ASKED_12 "," CHOSE_12 ",tls.established=0\n");
	check(encrypted, "handshake|a.de|encrypted_alert|encrypted_alert|92|117|complete|" ASKED "," CHOSE
			 ",tls.resumed=0,tls.established=0\n");
}

static void answered_in_another_protocol(void **state)
{
	const struct tt_line script[] = {TT_C(CLIENT_HELLO), TT_S("HTTP/1.1 400 Bad Request\r\n\r\n"), TT_S_EOF, TT_TALK_END};
	char *lines = tt_talk(&tt_proto_tls, script);

	assert_string_equal(lines, "handshake|a.de|not_tls|not_tls|92|1|complete|" ASKED ",tls.established=0\n");
	free(lines);
}

static void unanswered(void **state)
{
	const struct tt_line script[] = {TT_C(CLIENT_HELLO), TT_S_EOF, TT_TALK_END};

	check(script, "handshake|a.de|-|closed_by_server|92|0|complete|" ASKED "\n");
}

/* Who ended it, and how, the client says last. */
static void a_hole_before_the_end(void **state)
{
	const struct tt_line read[] = {
		TT_C(CLIENT_HELLO), TT_S(SERVER_HELLO CIPHERED), TT_C_HOLE(6), TT_C(CIPHERED_ALERT), TT_RESET, TT_TALK_END};
	const struct tt_line unread[] = {TT_C(CLIENT_HELLO), TT_S(SERVER_HELLO CIPHERED), TT_C_HOLE(6), TT_S_EOF, TT_TALK_END};

	gives(read, "tls|handshake|a.de|-|lost|92|117|incomplete|" ASKED "\n");
	gives(unread, "tls|handshake|a.de|-|closed_by_server|92|117|incomplete|" ASKED "\n");
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID, TT_C(DATA DATA), TT_S(CIPHERED), TT_C(DATA), TT_TALK_END};

	check(script, "");
	gives(script, "");
}

static void hostile(void **state)
{
	const struct tt_line lengths[] = {TT_C("\x16\x03\x01\x40\xff\1\xff\xff\xff\3\3" RANDOM), TT_S("\x16\x03\x03\xff\xff"),
					  TT_TALK_END};
	const struct tt_line session[] = {TT_C(RECORD("\x16", "\x2d", "\1\0\0\x29\3\3" RANDOM "\xff\0\2\x13\1\1\0")),
					  TT_S(SERVER_HELLO), TT_TALK_END};
	const struct tt_line extension[] = {
		TT_C(RECORD("\x16", "\x33", "\1\0\0\x2f\3\3" RANDOM "\0\0\2\x13\1\1\0\xff\xff\0\0\xff\xff")),
		TT_S(ALERT("\2", "\x32")), TT_TALK_END};

	gives(lengths, "");
	check(session, "");
	check(extension,
	      "handshake|-|decode_error|decode_error|56|7|complete|tls.protocol.name=tls,tls.client.protocol.version=1.2,"
	      "tls.established=0\n");
}

static void is_not_misled(void **state)
{
	const struct tt_line not_a_hello[] = {TT_C("\x16\x03\x01\x00\x20\x02\0\0\x1c\3\3" RANDOM), TT_TALK_END};
	const struct tt_line version[] = {TT_C("\x16\x03\x07\x00\x20\x01\0\0\x1c\3\3" RANDOM), TT_TALK_END};

	gives(not_a_hello, "");
	gives(version, "");
}

TT_UNIT_TESTS(cmocka_unit_test(of_tls13), cmocka_unit_test(of_tls12), cmocka_unit_test(hellos_in_pieces),
	      cmocka_unit_test(asks_for_another_hello), cmocka_unit_test(refused_by_the_server),
	      cmocka_unit_test(refused_by_the_client), cmocka_unit_test(answered_in_another_protocol),
	      cmocka_unit_test(unanswered), cmocka_unit_test(a_hole_before_the_end), cmocka_unit_test(in_the_middle),
	      cmocka_unit_test(hostile), cmocka_unit_test(is_not_misled))
