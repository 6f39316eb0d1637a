// SPDX-License-Identifier: Apache-2.0
/* Calls in three serializations, heartbeats from either end. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_dubbo;

/* clang-format off */
#define HEAD(flags, status, id, len) "\xda\xbb" flags status "\0\0\0\0\0\0\0" id "\0\0\0" len
#define NAMES "\5" "2.0.2" "\6" "a.Shop" "\5" "1.2.0" "\5" "hello"
#define CALL(id) HEAD("\xc2", "\0", id, "\x19") NAMES
#define ONE_WAY HEAD("\x82", "\0", "\x09", "\x19") NAMES
#define ANSWER(id) HEAD("\2", "\x14", id, "\4") "\x91\2ok"
#define THROWN(id) HEAD("\2", "\x14", id, "\x0a") "\x90" "C" "\5" "a.Bad" "\x91\1"
#define MISSING(id) HEAD("\2", "\x3c", id, "\4") "\3no!"
#define JSON_CALL HEAD("\xc6", "\0", "\1", "\x25") "\"2.0.2\"\r\n\"a.Shop\"\r\n\"0.0.0\"\r\n\"hello\"\r\n"
#define JSON_ANSWER HEAD("\6", "\x14", "\1", "\7") "4\n\"ok\"\n"
#define LEN(n) "\0\0\0" n
#define JSONB_CALL HEAD("\xd7", "\0", "\1", "\x2a") LEN("\6") "\x4e" "2.0.2" LEN("\7") "\x4f" "a.Shop" LEN("\6") "\x4e" "0.0.0" LEN("\7") "\x79\5" "hello"
#define JSONB_ANSWER HEAD("\x17", "\x14", "\1", "\6") LEN("\2") "\xbd\2"
#define JSONB_THROWN HEAD("\x17", "\x14", "\1", "\x11") LEN("\2") "\xbd\3" LEN("\7") "\x92\x4e" "a.Bad"
#define PROTOBUF_CALL HEAD("\xd6", "\0", "\2", "\3") "\1\2\3"
#define PROTOBUF_ANSWER HEAD("\x16", "\x14", "\2", "\1") "\1"
#define BEAT(id) HEAD("\xe2", "\0", id, "\1") "N"
#define BEAT_ANSWER(id) HEAD("\x22", "\x14", id, "\1") "N"
#define NOTICE HEAD("\xa2", "\0", "\7", "\2") "\1R"

#define CALLED "rpc.system.name=dubbo,rpc.method=a.Shop/hello,dubbo.version=2.0.2,dubbo.service.version=1.2.0,dubbo.serialization=hessian2\n"
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_dubbo, script, expected);
	tt_talk_truncate(&tt_proto_dubbo, script);
}

static void gives(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(NULL, script);
	assert_string_equal(lines, expected);
	free(lines);
}

static void calls(void **state)
{
	const struct tt_line script[] = {
		TT_C(CALL("\1") CALL("\2")), TT_S(THROWN("\2")), TT_S(ANSWER("\1")), TT_C(ONE_WAY), TT_C(CALL("\3")),
		TT_S(MISSING("\3")),	     TT_TALK_END};

	check(script,
	      "hello|a.Shop|EXCEPTION|a.Bad|41|26|complete|" CALLED "hello|a.Shop|OK|-|41|20|complete|" CALLED
	      "hello|a.Shop|-|-|41|0|complete|" CALLED "hello|a.Shop|SERVICE_NOT_FOUND|SERVICE_NOT_FOUND|41|20|complete|" CALLED);
}

static void in_other_serializations(void **state)
{
	const struct tt_line json[] = {TT_C(JSON_CALL), TT_S(JSON_ANSWER), TT_TALK_END};
	const struct tt_line jsonb[] = {TT_C(JSONB_CALL PROTOBUF_CALL), TT_S(JSONB_ANSWER PROTOBUF_ANSWER), TT_TALK_END};

#define OF(name) "rpc.system.name=dubbo,rpc.method=a.Shop/hello,dubbo.version=2.0.2,dubbo.serialization=" name "\n"
	check(json, "hello|a.Shop|OK|-|53|23|complete|" OF("fastjson"));
	const struct tt_line thrown[] = {TT_C(JSONB_CALL), TT_S(JSONB_THROWN), TT_TALK_END};

	check(thrown, "hello|a.Shop|EXCEPTION|a.Bad|58|33|complete|" OF("fastjson2"));
	check(jsonb, "hello|a.Shop|OK|-|58|22|complete|" OF("fastjson2") "-|-|OK|-|19|17|complete|rpc.system.name=dubbo,"
									 "dubbo.serialization=protobuf\n");
}

static void heartbeats(void **state)
{
	const struct tt_line script[] = {TT_C(CALL("\1")), TT_S(ANSWER("\1")),	    TT_C(BEAT("\2")), TT_S(BEAT_ANSWER("\2")),
					 TT_S(BEAT("\1")), TT_C(BEAT_ANSWER("\1")), TT_S(NOTICE),     TT_TALK_END};

	check(script,
	      "hello|a.Shop|OK|-|41|20|complete|" CALLED "heartbeat|-|OK|-|17|17|complete|rpc.system.name=dubbo\n"
	      "<heartbeat|-|OK|-|17|17|complete|rpc.system.name=dubbo\n<event|-|-|-|18|0|complete|rpc.system.name=dubbo\n");
}

static void from_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,	   TT_C("rest of a call"), TT_S(ANSWER("\1")),
					 TT_C(CALL("\2")), TT_S(ANSWER("\2")),	   TT_TALK_END};

	check(script, "hello|a.Shop|OK|-|41|20|complete|" CALLED);
}

static void hostile(void **state)
{
	const struct tt_line length[] = {TT_C("\xda\xbb\xc2\0\0\0\0\0\0\0\0\1\xff\xff\xff\xff"), TT_TALK_END};
	const struct tt_line status[] = {TT_S("\xda\xbb\2\x15\0\0\0\0\0\0\0\1\0\0\0\0"), TT_TALK_END};
	const struct tt_line serialization[] = {TT_C("\xda\xbb\xdf\0\0\0\0\0\0\0\0\1\0\0\0\0"), TT_TALK_END};
	const struct tt_line names[] = {TT_C(HEAD("\xc2", "\0", "\1", "\4") "\x53\xff\xff"
									    "a"),
					TT_S(ANSWER("\1")), TT_TALK_END};

	gives(length, "");
	gives(status, "");
	gives(serialization, "");
	check(names, "-|-|OK|-|20|20|complete|rpc.system.name=dubbo,dubbo.serialization=hessian2\n");
}

TT_UNIT_TESTS(cmocka_unit_test(calls), cmocka_unit_test(in_other_serializations), cmocka_unit_test(heartbeats),
	      cmocka_unit_test(from_the_middle), cmocka_unit_test(hostile))
