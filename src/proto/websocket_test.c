// SPDX-License-Identifier: Apache-2.0
/* Sessions of frames, behind an upgrade and in mid-connection. */
#include <stdlib.h>
#include <string.h>

#include "harness/script.h"

extern const struct tt_proto tt_proto_websocket;

/* clang-format off */
#define ASK "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define GRANT "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n"
/* The mask is of zeroes but where it matters, so that text stays text. */
#define MASKED(first, len, data) first len "\0\0\0\0" data
#define C_TEXT MASKED("\x81", "\x85", "hello")
#define C_PART MASKED("\x01", "\x82", "he")
#define C_REST MASKED("\x80", "\x83", "llo")
#define C_PONG MASKED("\x8a", "\x80", "")
#define C_CLOSE "\x88\x82\1\2\3\4\x02\xea" /* 1000 */
#define S_TEXT "\x81\x05hello"
#define S_COMPRESSED "\xc1\x04\xff\xff\xff\xff"
#define S_PING "\x89\0"
#define S_CLOSE "\x88\x02\x03\xe8"
#define S_CLOSE_AS(code) "\x88\x06" code "oops"
/* clang-format on */

#define COUNTS(c, cb, s, sb)                                                                                 \
	"websocket.client.messages=" c ",websocket.client.payload_bytes=" cb ",websocket.server.messages=" s \
	",websocket.server.payload_bytes=" sb
#define CLOSED(code, by) ",websocket.close.code=" code ",websocket.close.by=" by

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_websocket, script, expected);
	tt_talk_truncate(&tt_proto_websocket, script);
}

static void gives(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(NULL, script);
	assert_string_equal(lines, expected);
	free(lines);
}

static void behind_an_upgrade(void **state)
{
	const struct tt_line script[] = {TT_C(ASK),    TT_S(GRANT S_PING), TT_C(C_PONG C_TEXT), TT_S(S_TEXT S_COMPRESSED),
					 TT_C(C_PART), TT_C(C_REST),	   TT_C(C_CLOSE),	TT_S(S_CLOSE),
					 TT_S_EOF,     TT_C_EOF,	   TT_TALK_END};

	char *lines = tt_talk(NULL, script);
	const char *session = strstr(lines, "websocket|");
	assert_non_null(session);
	assert_string_equal(session, "websocket|session|/chat|1000|-|42|19|complete|" COUNTS("2", "10", "2", "9")
					     CLOSED("1000", "client") "\n");
	assert_non_null(strstr(lines, "http|GET|/chat|101|-|"));
	free(lines);
}

/* The server alone speaks, and closes. */
static void of_a_server_that_speaks(void **state)
{
	const struct tt_line script[] = {TT_C(ASK),	TT_S(GRANT), TT_S(S_TEXT), TT_S(S_TEXT), TT_S(S_CLOSE_AS("\x03\xf3")),
					 TT_C(C_CLOSE), TT_TALK_END};

	char *lines = tt_talk(NULL, script);
	const char *session = strstr(lines, "websocket|");
	assert_non_null(session);
	assert_string_equal(session, "websocket|session|/chat|1011|1011|0|22|complete|" COUNTS("0", "0", "2", "10")
					     CLOSED("1011", "server") "\n");
	free(lines);
}

static void broken_off(void **state)
{
	const struct tt_line script[] = {TT_C(ASK), TT_S(GRANT), TT_C(C_TEXT), TT_S(S_TEXT), TT_S_EOF, TT_C_EOF, TT_TALK_END};

	char *lines = tt_talk(NULL, script);
	const char *session = strstr(lines, "websocket|");
	assert_non_null(session);
	assert_string_equal(session, "websocket|session|/chat|-|closed_by_server|11|0|complete|" COUNTS("1", "5", "1", "5") "\n");
	free(lines);
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,       TT_C(C_TEXT C_PONG), TT_S(S_TEXT S_TEXT), TT_C(C_TEXT),
					 TT_S(S_TEXT), TT_C(C_CLOSE),	    TT_S(S_CLOSE),	 TT_TALK_END};

	tt_talk_truncate(&tt_proto_websocket, script);
	char *lines = tt_talk(NULL, script);
	assert_non_null(strstr(lines, "websocket|session|-|1000|-|"));
	assert_non_null(strstr(lines, "|incomplete|"));
	free(lines);
}

/* Payload that was never captured is counted all the same; a length that cannot be is no frame. */
static void large_and_hostile(void **state)
{
	const struct tt_line large[] = {TT_C(ASK),	  TT_S(GRANT),	 TT_C("\x82\xff\0\0\0\0\0\1\0\0\0\0\0\0ab"),
					TT_C_HOLE(65534), TT_C(C_CLOSE), TT_S(S_CLOSE),
					TT_TALK_END};
	const struct tt_line lengths[] = {TT_MID, TT_C("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"), TT_S(S_TEXT),
					  TT_TALK_END};
	const struct tt_line longer[] = {TT_MID, TT_C(C_TEXT), TT_S("\x82\x7e\0\x05hello"), TT_TALK_END};

	char *lines = tt_talk(NULL, large);
	assert_non_null(strstr(lines, "websocket|session|/chat|1000|-|65558|4|complete|" COUNTS("1", "65536", "0", "0")));
	free(lines);
	gives(lengths, "");
	gives(longer, "");
	check(lengths, "");
}

static void is_not_misled(void **state)
{
	/* Not text; not masked; masked by the server; from the start. */
	const struct tt_line text[] = {TT_MID, TT_C(MASKED("\x81", "\x83", "\xff\xfe\x01")), TT_S(S_TEXT), TT_TALK_END};
	const struct tt_line unmasked[] = {TT_MID, TT_C(S_TEXT), TT_S(S_TEXT), TT_TALK_END};
	const struct tt_line start[] = {TT_C(C_TEXT), TT_S(S_TEXT), TT_TALK_END};

	gives(text, "");
	gives(unmasked, "");
	gives(start, "");
}

TT_UNIT_TESTS(cmocka_unit_test(behind_an_upgrade), cmocka_unit_test(of_a_server_that_speaks), cmocka_unit_test(broken_off),
	      cmocka_unit_test(in_the_middle), cmocka_unit_test(large_and_hostile), cmocka_unit_test(is_not_misled))
