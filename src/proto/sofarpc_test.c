// SPDX-License-Identifier: Apache-2.0
/* Calls over Bolt in both versions. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_sofarpc;

/* clang-format off */
#define SERVICE "\0\0\0\x18" "sofa_head_target_service" "\0\0\0\7" "a.S:1.0"
#define METHOD "\0\0\0\x15" "sofa_head_method_name" "\0\0\0\5" "hello"
#define NONE "\0\0\0\1x\xff\xff\xff\xff"
/* 35 + 4 + 7 ... : 39 and 34 bytes, and 9 that stand for nothing */
#define HEADERS NONE SERVICE METHOD
#define REQUEST(type, id, content_len, content) "\1" type "\0\1" "\1" "\0\0\0" id "\1" "\0\0\x0b\xb8" "\0\3" "\0\x52" "\0\0\0" content_len "a.R" HEADERS content
#define RESPONSE(id, status, header_len, content_len, rest) "\1\0\0\2\1\0\0\0" id "\1" "\0" status "\0\3" "\0" header_len "\0\0\0" content_len "a.A" rest
#define SOFA_RESPONSE "O\xbe" "com.alipay.sofa.rpc.core.response.SofaResponse" "\x94\1a\1b\1c\1d" "o\x90"
#define CALL(id) REQUEST("\1", id, "\2", "xy")
#define OK(id) RESPONSE(id, "\0", "\0", "\x40", SOFA_RESPONSE "FN\2ok")
#define THROWN(id) RESPONSE(id, "\0", "\0", "\x4a", SOFA_RESPONSE "FNO\x9b" "a.Exception")
#define ERROR(id) RESPONSE(id, "\0", "\x24", "\0", "\0\0\0\x18" "sofa_head_response_error" "\0\0\0\4" "true")
#define BUSY(id) RESPONSE(id, "\4", "\0", "\0", "")
#define BEAT "\1\1\0\0\1\0\0\0\x0e\1\xff\xff\xff\xff\0\0\0\0\0\0\0\0"
#define BEAT_ANSWER "\1\0\0\0\1\0\0\0\x0e\1\0\0\0\0\0\0\0\0\0\0"
/* Version 2 with a checksum. */
#define CALL_2 "\2\2\1\0\1\1\0\0\0\1\1\1\0\0\x0b\xb8\0\3\0\x52\0\0\0\2" "a.R" HEADERS "xy" "crc!"
#define OK_2 "\2\2\0\0\2\1\0\0\0\1\1\1\0\0\0\3\0\0\0\0\0\0" "a.A" "crc!"
#define CALLED "rpc.system.name=sofarpc,rpc.method=a.S:1.0/hello,sofarpc.codec=hessian\n"
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_sofarpc, script, expected);
	tt_talk_truncate(&tt_proto_sofarpc, script);
}

static void gives(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(NULL, script);
	assert_string_equal(lines, expected);
	free(lines);
}

static void calls(void **state)
{
	const struct tt_line script[] = {TT_C(CALL("\1") CALL("\2")),
					 TT_S(THROWN("\2")),
					 TT_S(OK("\1")),
					 TT_C(REQUEST("\2", "\3", "\2", "xy")),
					 TT_C(CALL("\4")),
					 TT_S(ERROR("\4")),
					 TT_C(CALL("\5")),
					 TT_S(BUSY("\5")),
					 TT_C(BEAT),
					 TT_S(BEAT_ANSWER),
					 TT_TALK_END};

	check(script, "hello|a.S:1.0|EXCEPTION|a.Exception|109|97|complete|" CALLED "hello|a.S:1.0|OK|-|109|87|complete|" CALLED
		      "hello|a.S:1.0|-|-|109|0|complete|" CALLED "hello|a.S:1.0|ERROR|ERROR|109|59|complete|" CALLED
		      "hello|a.S:1.0|SERVER_THREADPOOL_BUSY|SERVER_THREADPOOL_BUSY|109|23|complete|" CALLED
		      "heartbeat|-|OK|-|22|20|complete|rpc.system.name=sofarpc\n");
}

static void of_version_two(void **state)
{
	const struct tt_line script[] = {TT_C(CALL_2), TT_S(OK_2), TT_TALK_END};

	check(script, "hello|a.S:1.0|OK|-|115|29|complete|" CALLED);
}

static void from_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID, TT_S("content of before"), TT_C(CALL("\1")), TT_S(OK("\1")), TT_TALK_END};

	check(script, "hello|a.S:1.0|OK|-|109|87|complete|" CALLED);
}

static void hostile(void **state)
{
	const struct tt_line content[] = {TT_C("\1\1\0\1\1\0\0\0\1\1\0\0\x0b\xb8\0\3\0\0\xff\xff\xff\xff"
					       "a.R"),
					  TT_TALK_END};
	const struct tt_line class_name[] = {TT_C("\1\1\0\1\1\0\0\0\1\1\0\0\x0b\xb8\xff\xff\0\0\0\0\0\0"
						  "a.R"),
					     TT_TALK_END};
	const struct tt_line headers[] = {TT_C("\1\1\0\1\1\0\0\0\1\1\0\0\x0b\xb8\0\3\0\4\0\0\0\0"
					       "a.R"
					       "\x7f\xff\xff\xff"),
					  TT_S(BUSY("\1")), TT_TALK_END};

	gives(content, "");
	gives(class_name, "");
	check(headers,
	      "-|-|SERVER_THREADPOOL_BUSY|SERVER_THREADPOOL_BUSY|29|23|complete|rpc.system.name=sofarpc,sofarpc.codec=hessian\n");
}

TT_UNIT_TESTS(cmocka_unit_test(calls), cmocka_unit_test(of_version_two), cmocka_unit_test(from_the_middle),
	      cmocka_unit_test(hostile))
