// SPDX-License-Identifier: Apache-2.0
/* Conversations as ZooKeeper and its clients have them. The number behind a record is its length in all. */
#include "proto/proto.h"

#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_zookeeper;

#define ZERO8 "\0\0\0\0\0\0\0\0"
#define PASSWORD "\0\0\0\x10" ZERO8 ZERO8
#define CONNECT "\0\0\0\x2d\0\0\0\0" ZERO8 "\0\0\x75\x30" ZERO8 PASSWORD "\0"	 /* 49 */
#define CONNECTED "\0\0\0\x25\0\0\0\0\0\0\x75\x30\1\0\0\0\0\0\0\1" PASSWORD "\0" /* 41 */
#define EXPIRED "\0\0\0\x25\0\0\0\0\0\0\0\0" ZERO8 PASSWORD "\0"		 /* 41 */
#define HEAD(size, xid, error) "\0\0\0" size xid "\0\0\0\0\0\0\0\x2a" error
#define XID(n) "\0\0\0" n
#define NO_ERROR "\0\0\0\0"
#define PATH "\0\0\0\4/app"
#define ACL "\0\0\0\1\0\0\0\x1f\0\0\0\5world\0\0\0\6anyone"

#define GET(xid) "\0\0\0\x11" XID(xid) "\0\0\0\4" PATH "\0" /* 21 */
#define GOT(xid) \
	HEAD("\x5d", XID(xid), NO_ERROR) "\0\0\0\5value" ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 "\0\0\0\0" /* 97 */
#define NONODE(xid) HEAD("\x10", XID(xid), "\xff\xff\xff\x9b")							    /* 20 */
#define EXISTS(xid) "\0\0\0\x11" XID(xid) "\0\0\0\3" PATH "\1"							    /* 21 */
#define CREATE(xid) "\0\0\0\x38" XID(xid) "\0\0\0\1" PATH "\0\0\0\5value" ACL "\0\0\0\0"			    /* 60 */
#define CREATED(xid) HEAD("\x18", XID(xid), NO_ERROR) PATH							    /* 28 */
#define PING "\0\0\0\x8\xff\xff\xff\xfe\0\0\0\x0b"								    /* 12 */
#define PONG HEAD("\x10", "\xff\xff\xff\xfe", NO_ERROR)								    /* 20 */
#define CLOSE(xid) "\0\0\0\x8" XID(xid) "\xff\xff\xff\xf5"							    /* 12 */
#define CLOSED(xid) HEAD("\x10", XID(xid), NO_ERROR)								    /* 20 */
#define EVENT "\0\0\0\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\3\0\0\0\3" PATH		    /* 36 */

#define DB(operation) "db.system.name=zookeeper,db.operation.name=" operation
#define LINK_UP "connect|-|OK|-|49|41|complete|" DB("connect") "\n"

#define CHECK(expected, ...)                                                       \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check(&tt_proto_zookeeper, script, expected);              \
		tt_talk_truncate(&tt_proto_zookeeper, script);                     \
	} while (0)

static void a_session(void **state)
{
	CHECK(LINK_UP "create|/app|OK|-|60|28|complete|" DB(
		      "create") "\n"
				"getData|/app|OK|-|21|97|complete|" DB(
					"getData") "\n"
						   "getData|/app|NONODE|NONODE|21|20|complete|" DB(
							   "getData") "\n"
								      "exists|/app|NONODE|-|21|20|complete|" DB(
									      "exists") "\n"
											"ping|-|OK|-|12|20|complete|" DB(
												"ping") "\n"
													"closeSession|-|OK|-|12|"
													"20|complete|" DB(
														"closeS"
														"essio"
														"n") "\n",
	      TT_C(CONNECT), TT_S(CONNECTED), TT_C(CREATE("\1")), TT_S(CREATED("\1")), TT_C(GET("\2")), TT_S(GOT("\2")),
	      TT_C(GET("\3")), TT_S(NONODE("\3")), TT_C(EXISTS("\4")), TT_S(NONODE("\4")), TT_C(PING), TT_S(PONG),
	      TT_C(CLOSE("\5")), TT_S(CLOSED("\5")));
}

static void pipelined_with_an_event(void **state)
{
	CHECK(LINK_UP "getData|/app|OK|-|21|97|complete|" DB(
		      "getData") "\n"
				 "<NodeDataChanged|/app|-|-|36|0|complete|" DB(
					 "NodeDataChanged") "\n"
							    "ping|-|OK|-|12|20|complete|" DB(
								    "ping") "\n"
									    "exists|/app|OK|-|21|97|complete|" DB("exists") "\n",
	      TT_C(CONNECT), TT_S(CONNECTED), TT_C(GET("\1") PING EXISTS("\2")), TT_S(GOT("\1") EVENT), TT_S(PONG GOT("\2")));
}

static void expired(void **state)
{
	CHECK("connect|-|SESSIONEXPIRED|SESSIONEXPIRED|49|41|complete|" DB("connect") "\n", TT_C(CONNECT), TT_S(EXPIRED));
}

#define PART(type) "\0\0\0" type "\0\xff\xff\xff\xff"
#define LAST "\xff\xff\xff\xff\1\xff\xff\xff\xff"
#define MULTI(xid)                                                                                                   \
	"\0\0\0\x3b" XID(xid) "\0\0\0\x0e" PART("\x0d") PATH "\0\0\0\1" PART("\2") "\0\0\0\4/old\0\0\0\2" LAST /* 63 \
														*/
#define RESULT(type, error) type "\0" error
#define FINE(xid) HEAD("\x2b", XID(xid), NO_ERROR) RESULT(XID("\x0d"), NO_ERROR) RESULT(XID("\2"), NO_ERROR) LAST /* 47 */
#define BAD_VERSION "\xff\xff\xff\x99"
#define INCONSISTENT "\xff\xff\xff\xfe"
#define FAILED(xid)                                                                                  \
	HEAD("\x33", XID(xid), NO_ERROR)                                                             \
	RESULT("\xff\xff\xff\xff", BAD_VERSION) BAD_VERSION RESULT("\xff\xff\xff\xff", INCONSISTENT) \
	INCONSISTENT LAST /* 55 */

static void multi(void **state)
{
#define BATCH DB("multi") ",db.operation.batch.size=2\n"
	CHECK(LINK_UP "multi|/app|OK|-|63|47|complete|" BATCH "multi|/app|BADVERSION|BADVERSION|63|55|complete|" BATCH,
	      TT_C(CONNECT), TT_S(CONNECTED), TT_C(MULTI("\1")), TT_S(FINE("\1")), TT_C(MULTI("\2")), TT_S(FAILED("\2")));
}

static void begun_in_the_middle(void **state)
{
	CHECK("getData|/app|OK|-|21|97|complete|" DB("getData") "\n"
								"ping|-|OK|-|12|20|complete|" DB("ping") "\n",
	      TT_MID, TT_S(GOT("\7")), TT_C(GET("\x8")), TT_S(GOT("\x8")), TT_C(PING), TT_S(PONG));
}

static void a_word(void **state)
{
	const struct tt_line script[] = {TT_C("ruok"), TT_S("imok"), TT_S_EOF, TT_TALK_END};
	char *got = tt_talk(&tt_proto_zookeeper, script);
	assert_string_equal(got, "ruok|-|OK|-|4|4|complete|" DB("ruok") "\n");
	free(got);
	tt_talk_truncate(&tt_proto_zookeeper, script);
}

/* Others have these words, too, or the beginning of one of theirs. */
static void words_of_others(void **state)
{
	static const struct tt_line scripts[][6] = {
		{TT_C("stat"), TT_C("s\r\n"), TT_S("STAT pid 1\r\nEND\r\n"), TT_C("get k\r\n"), TT_S("END\r\n"), TT_TALK_END},
		{TT_C("stats\n"), TT_S("uptime: 5\nEND\n\n"), TT_TALK_END},
		{TT_C("stat\r\n"), TT_S("ERROR\r\n"), TT_S_EOF, TT_TALK_END},
		{TT_C("conf"), TT_C("ig get x\r\n"), TT_S("*0\r\n"), TT_TALK_END},
		{TT_C("ruok"), TT_S_EOF, TT_TALK_END},
		{TT_C("ruok"), TT_S("imo"), TT_S_EOF, TT_TALK_END},
		{TT_C("wchs"), TT_S("12 connexions"), TT_S_EOF, TT_TALK_END},
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		char *got = tt_talk(&tt_proto_zookeeper, scripts[i]);
		assert_string_equal(got, "");
		free(got);
	}
}

static void words_and_answers(void **state)
{
	static const struct {
		const char *word, *answer;
	} rows[] = {
		{"stat\n", "Zookeeper version: 3.8.4\n"},
		{"wchs\r\n", "1 connections watching 2 paths\nTotal watches:2\n"},
		{"isro", "rw"},
		{"cons", "cons is not executed because it is not in the whitelist.\n"},
		{"mntr\n", "This ZooKeeper instance is not currently serving requests\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tt_line script[] = {{TT_SAY_CLIENT, rows[i].word, strlen(rows[i].word)},
						 {TT_SAY_SERVER, rows[i].answer, strlen(rows[i].answer)},
						 TT_S_EOF,
						 TT_TALK_END};
		char *got = tt_talk(&tt_proto_zookeeper, script);
		assert_non_null(strstr(got, "|-|OK|-|4|"));
		assert_non_null(strstr(got, "|complete|"));
		assert_memory_equal(got, rows[i].word, 4);
		free(got);
	}
}

static void hostile(void **state)
{
#define ROW(s) {TT_SAY_CLIENT, s, sizeof(s) - 1}
	static const struct tt_line rows[] = {
		ROW("\x7f\xff\xff\xff\0\0\0\2\0\0\0\4" PATH "\0"),
		ROW("\0\0\0\4\0\0\0\2"),
		ROW("\0\0\0\x11\0\0\0\2\0\0\0\4\x7f\xff\xff\xff/app\0"),
		ROW("\0\0\0\x11\0\0\0\2\0\0\0\4\xff\xff\xff\xfe/app\0"),
		ROW("\0\0\0\x3c\0\0\0\2\0\0\0\1" PATH
		    "\0\0\0\5value\x7f\xff\xff\xff\0\0\0\x1f\0\0\0\5world\0\0\0\6anyone\0\0\0\0"),
		ROW("\0\0\0\x3b\0\0\0\2\0\0\0\x0e" PART("\x0e") PATH "\0\0\0\1" PART("\2") "\0\0\0\4/old\0\0\0\2" LAST),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tt_line script[] = {TT_C(CONNECT), TT_S(CONNECTED), rows[i], TT_TALK_END};
		tt_talk_truncate(&tt_proto_zookeeper, script);
		char *got = tt_talk(&tt_proto_zookeeper, script);
		assert_non_null(strstr(got, LINK_UP));
		assert_null(strstr(got, "/app"));
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session),	   cmocka_unit_test(pipelined_with_an_event), cmocka_unit_test(expired),
		cmocka_unit_test(multi),	   cmocka_unit_test(begun_in_the_middle),     cmocka_unit_test(a_word),
		cmocka_unit_test(words_of_others), cmocka_unit_test(words_and_answers),	      cmocka_unit_test(hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
