// SPDX-License-Identifier: Apache-2.0
/* Conversations between ZeroMQ sockets. */
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_zmtp;

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_zmtp, script, expected);
	tt_talk_truncate(&tt_proto_zmtp, script);
}

static void check_once(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_zmtp, script);
	assert_string_equal(lines, expected);
	free(lines);
}

#define ZERO15 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define GREETING(mechanism) "\xff\0\0\0\0\0\0\0\1\x7f\3\1" mechanism ZERO15 "\0" ZERO15 ZERO15 "\0"
#define NULL_ GREETING("NULL\0")
#define PLAIN GREETING("PLAIN")
/* READY with a socket type of three letters, or six. */
#define READY_3(type) "\4\x19\5READY\xbSocket-Type\0\0\0\3" type
#define READY_6(type) "\4\x1c\5READY\xbSocket-Type\0\0\0\6" type
#define READY_4(type) "\4\x1a\5READY\xbSocket-Type\0\0\0\4" type
#define SIZE(bytes, frames) "messaging.system=zeromq,messaging.message.body.size=" bytes ",zmtp.frames=" frames

static void request_and_reply(void **state)
{
	const struct tt_line script[] = {TT_C(NULL_),
					 TT_S(NULL_),
					 TT_C(READY_3("REQ")),
					 TT_S(READY_3("REP")),
					 TT_C("\1\0\0\5hello"),
					 TT_S("\1\0\0\2ok"),
					 TT_C("\1\0\1\1a\0\1b"),
					 TT_S("\1\0\0\2ok"),
					 TT_TALK_END};

	check(script, "REQ|-|OK|-|9|6|complete|" SIZE("5", "2") "\nREQ|-|OK|-|8|6|complete|" SIZE("2", "3") "\n");
}

/* The end that listens asks the one that connected. */
static void server_asks(void **state)
{
	const struct tt_line script[] = {TT_C(NULL_),		TT_S(NULL_),	    TT_C(READY_3("REP")), TT_S(READY_3("REQ")),
					 TT_S("\1\0\0\5hello"), TT_C("\1\0\0\2ok"), TT_TALK_END};

	check(script, "<REQ|-|OK|-|9|6|complete|" SIZE("5", "2") "\n");
}

static void publishing(void **state)
{
	const struct tt_line script[] = {TT_C(NULL_),
					 TT_S(NULL_),
					 TT_C(READY_3("SUB")),
					 TT_S(READY_3("PUB")),
					 TT_C("\0\5\1news"),
					 TT_S("\1\6news.a\0\5hello"),
					 TT_C("\4\xe\x9SUBSCRIBEmail"),
					 TT_C("\4\x9\4PING\0\1ab"),
					 TT_S("\0\4once"),
					 TT_TALK_END};

	check(script, "SUBSCRIBE|news|-|-|7|0|complete|messaging.system=zeromq\n"
		      "<PUB|news.a|-|-|15|0|complete|messaging.system=zeromq,messaging.destination.name=news.a,messaging.message."
		      "body.size=11,zmtp.frames=2\n"
		      "SUBSCRIBE|mail|-|-|16|0|complete|messaging.system=zeromq\n"
		      "PING|-|-|-|11|0|complete|messaging.system=zeromq\n"
		      "<PUB|-|-|-|6|0|complete|" SIZE("4", "1") "\n");
}

static void one_way(void **state)
{
	const struct tt_line script[] = {
		TT_C(NULL_),   TT_S(NULL_), TT_C(READY_6("DEALER")), TT_S(READY_6("ROUTER")), TT_C("\0\1a\2\0\0\0\0\0\0\0\1b"),
		TT_S("\0\1c"), TT_TALK_END};
	const struct tt_line push[] = {TT_C(NULL_),	      TT_S(NULL_),   TT_C(READY_4("PUSH")),
				       TT_S(READY_4("PULL")), TT_C("\0\1a"), TT_TALK_END};

	check(script, "DEALER|-|-|-|3|0|complete|" SIZE("1", "1") "\nDEALER|-|-|-|10|0|complete|" SIZE(
			      "1", "1") "\n<ROUTER|-|-|-|3|0|complete|" SIZE("1", "1") "\n");
	check(push, "PUSH|-|-|-|3|0|complete|" SIZE("1", "1") "\n");
}

static void log_in(void **state)
{
#define HELLO "\4\xd\5HELLO\3bob\2pw"
	const struct tt_line good[] = {TT_C(PLAIN),
				       TT_S(PLAIN),
				       TT_C(HELLO),
				       TT_S("\4\x8\7WELCOME"),
				       TT_C("\4\x1c\x8INITIATE\xbSocket-Type\0\0\0\3REQ"),
				       TT_S(READY_3("REP")),
				       TT_C("\1\0\0\5hello"),
				       TT_S("\1\0\0\2ok"),
				       TT_TALK_END};
	const struct tt_line bad[] = {TT_C(PLAIN), TT_S(PLAIN), TT_C(HELLO),
				      TT_S("\4\xa\5ERROR\3"
					   "400"),
				      TT_TALK_END};

	check(good,
	      "HELLO|-|OK|-|15|10|complete|messaging.system=zeromq,user.name=bob\nREQ|-|OK|-|9|6|complete|" SIZE("5", "2") "\n");
	const struct tt_line bad_libzmq[] = {TT_C(PLAIN), TT_S(PLAIN), TT_C(HELLO),
					     TT_S("\4\x9^RROR\3"
						  "400"),
					     TT_TALK_END};

	check_once(bad_libzmq, "HELLO|-|ERROR|ERROR|15|11|complete|messaging.system=zeromq,user.name=bob\n");
	check_once(bad, "HELLO|-|ERROR|ERROR|15|12|complete|messaging.system=zeromq,user.name=bob\n");
}

/* What the sockets are is said behind the greeting, whichever part of that was missed. */
static void a_hole_in_the_greeting(void **state)
{
	const struct tt_line script[] = {TT_C("\xff\0\0\0\0\0\0\0\1\x7f"),
					 TT_C_HOLE(54),
					 TT_S(NULL_),
					 TT_C(READY_3("REQ")),
					 TT_S(READY_3("REP")),
					 TT_PAUSE(2000),
					 TT_C("\0\2ab"),
					 TT_S("\0\2ok"),
					 TT_TALK_END};
	tt_free_auto char *lines = tt_talk(&tt_proto_zmtp, script);

	assert_string_equal(lines, "REQ|-|OK|-|4|4|complete|" SIZE("2", "1") "\n");
}

/* Its answer is not the next question's. */
static void a_question_in_a_hole(void **state)
{
	const struct tt_line script[] = {TT_C(NULL_),	 TT_S(NULL_),	 TT_C(READY_3("REP")), TT_S(READY_3("REQ")), TT_S_HOLE(4),
					 TT_C("\0\2no"), TT_S("\0\2ab"), TT_C("\0\2ok"),       TT_TALK_END};
	tt_free_auto char *lines = tt_talk(&tt_proto_zmtp, script);

	assert_string_equal(lines, "<REQ|-|OK|-|4|4|complete|" SIZE("2", "1") "\n");
}

static void hostile(void **state)
{
	const struct tt_line size[] = {TT_C(NULL_),
				       TT_S(NULL_),
				       TT_C(READY_4("PUSH")),
				       TT_S(READY_4("PULL")),
				       TT_C("\2\x7f\xff\xff\xff\xff\xff\xff\xff"),
				       TT_TALK_END};
	const struct tt_line old[] = {TT_C("\xff\0\0\0\0\0\0\0\1\x7f\1\1\0"), TT_TALK_END};
	const struct tt_line curve[] = {TT_C(GREETING("CURVE")), TT_S(GREETING("CURVE")), TT_C("\4\5secret"), TT_TALK_END};

	check_once(size, "");
	check_once(old, "");
	check_once(curve, "");
}

TT_UNIT_TESTS(cmocka_unit_test(request_and_reply), cmocka_unit_test(server_asks), cmocka_unit_test(publishing),
	      cmocka_unit_test(one_way), cmocka_unit_test(log_in), cmocka_unit_test(a_hole_in_the_greeting),
	      cmocka_unit_test(a_question_in_a_hole), cmocka_unit_test(hostile))
