// SPDX-License-Identifier: Apache-2.0
/* Calls by correlation id. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_brpc;

/* clang-format off */
#define MESSAGE(body_len, meta_len, meta, payload) "PRPC" "\0\0\0" body_len "\0\0\0" meta_len meta payload
#define NAMED "\x0a\x0c" "\x0a\4Echo" "\x12\4Ping"
#define CALL(id) MESSAGE("\x12", "\x10", NAMED "\x20" id, "xy")
#define ATTACHED(id) MESSAGE("\x14", "\x12", NAMED "\x20" id "\x28\2", "xy")
#define ANSWER(id) MESSAGE("\7", "\4", "\x12\0\x20" id, "abc")
#define BARE_ANSWER(id) MESSAGE("\2", "\2", "\x20" id, "")
#define FAILED(id) MESSAGE("\x0b", "\x0b", "\x12\7\x08\xea\7\x12\2no" "\x20" id, "")
#define OWN_ERROR(id) MESSAGE("\6", "\6", "\x12\2\x08\x05" "\x20" id, "")
#define CALLED "rpc.system.name=brpc,rpc.method=Echo/Ping"
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_brpc, script, expected);
	tt_talk_truncate(&tt_proto_brpc, script);
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
		TT_C(CALL("\1") CALL("\2")), TT_S(ANSWER("\2")),   TT_S(BARE_ANSWER("\1")), TT_C(CALL("\3")),
		TT_S(FAILED("\3")),	     TT_C(ATTACHED("\4")), TT_S(OWN_ERROR("\4")),   TT_TALK_END};

	check(script, "Ping|Echo|OK|-|30|19|complete|" CALLED "\nPing|Echo|OK|-|30|14|complete|" CALLED
		      "\nPing|Echo|ENOMETHOD|ENOMETHOD|30|23|complete|" CALLED "\nPing|Echo|5|5|32|18|complete|" CALLED
		      ",brpc.request.attachment_bytes=2\n");
}

static void from_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID, TT_S("payload"), TT_C(CALL("\1")), TT_S(ANSWER("\1")), TT_TALK_END};

	check(script, "Ping|Echo|OK|-|30|19|complete|" CALLED "\n");
}

static void hostile(void **state)
{
	const struct tt_line longer_meta[] = {TT_C("PRPC\0\0\0\1\0\0\0\2xx"), TT_TALK_END};
	const struct tt_line huge[] = {TT_C("PRPC\xff\xff\xff\xff\xff\xff\xff\xff"), TT_TALK_END};
	const struct tt_line no_meta[] = {TT_C(MESSAGE("\2", "\2", "\x0a\xff", "")), TT_TALK_END};
	const struct tt_line answer_asked[] = {TT_C(ANSWER("\1")), TT_TALK_END};
	const struct tt_line nameless[] = {TT_C(CALL("\1")), TT_S(ANSWER("\1")), TT_C(MESSAGE("\2", "\2", "\x0a\0", "")),
					   TT_TALK_END};

	gives(longer_meta, "");
	gives(huge, "");
	gives(no_meta, "");
	check(answer_asked, "");
	check(nameless, "Ping|Echo|OK|-|30|19|complete|" CALLED "\n");
}

TT_UNIT_TESTS(cmocka_unit_test(calls), cmocka_unit_test(from_the_middle), cmocka_unit_test(hostile))
