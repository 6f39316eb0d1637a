// SPDX-License-Identifier: Apache-2.0
/* Calls in both encodings, in frames and without. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"
#include "proto/thrift.h"

extern const struct tt_proto tt_proto_thrift;

/* clang-format off */
#define HEAD(kind, name_len, name, id) "\x80\1\0" kind "\0\0\0" name_len name "\0\0\0" id
#define STOP "\0"
#define I32(field, v) "\x08\0" field "\0\0\0" v
#define STRING(field, len, s) "\x0b\0" field "\0\0\0" len s
/* A structure with a map of lists in it, and a set of booleans. */
#define DEEP "\x0c\0\1" "\x0d\0\1\x0b\x0f\0\0\0\1\0\0\0\1k\x0a\0\0\0\2" "1234567812345678" "\x0e\0\2\2\0\0\0\3\1\0\1" STOP
#define CALL HEAD("\1", "\3", "get", "\7") DEEP STOP
#define REPLY HEAD("\2", "\3", "get", "\7") I32("\0", "\5") STOP
#define VOID_CALL(id) HEAD("\1", "\4", "ping", id) STOP
#define VOID_REPLY(id) HEAD("\2", "\4", "ping", id) STOP
#define DECLARED HEAD("\2", "\3", "get", "\7") "\x0c\0\2" STRING("\1", "\2", "no") STOP STOP
#define UNKNOWN HEAD("\3", "\3", "get", "\7") STRING("\1", "\2", "no") I32("\2", "\1") STOP
#define ONE_WAY HEAD("\4", "\4", "note", "\x09") STRING("\1", "\2", "hi") STOP
#define FRAMED(len, message) "\0\0\0" len message

#define COMPACT(kind, id, name_len, name) "\x82" kind id name_len name
/* A boolean, a varint over two bytes, a list of strings, a map, the field number 100 in its long form. */
#define C_CALL COMPACT("\x21", "\x85\1", "\3", "get") "\x11" "\x15\x80\1" "\x19\x28\1a\1b" "\x1b\1\x85\1k\2" "\x08\xc8\1\1z" STOP
#define C_REPLY COMPACT("\x41", "\x85\1", "\3", "get") "\5\0\4" STOP
#define C_UNKNOWN COMPACT("\x61", "\x85\1", "\3", "get") "\x18\2no" "\x15\2" STOP

#define BINARY(method, transport) "rpc.system.name=thrift,rpc.method=" method ",thrift.protocol=binary,thrift.transport=" transport
#define IN_COMPACT(method, transport) "rpc.system.name=thrift,rpc.method=" method ",thrift.protocol=compact,thrift.transport=" transport
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_thrift, script, expected);
	tt_talk_truncate(&tt_proto_thrift, script);
}

static void gives(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(NULL, script);
	assert_string_equal(lines, expected);
	free(lines);
}

static void without_frames(void **state)
{
	const struct tt_line script[] = {TT_C(CALL),	TT_S(REPLY), TT_C(VOID_CALL("\x08")), TT_S(VOID_REPLY("\x08")),
					 TT_C(ONE_WAY), TT_C(CALL),  TT_S(DECLARED),	      TT_TALK_END};

	check(script,
	      "get|-|OK|-|66|23|complete|" BINARY(
		      "get",
		      "unframed") "\n"
				  "ping|-|OK|-|17|17|complete|" BINARY(
					  "ping",
					  "unframed") "\n"
						      "note|-|-|-|26|0|complete|" BINARY(
							      "note",
							      "unframed") "\n"
									  "get|-|EXCEPTION|EXCEPTION|66|29|complete|" BINARY(
										  "get",
										  "unframed") ",thrift.exception.field=2\n");
}

static void in_frames(void **state)
{
	const struct tt_line script[] = {TT_C(FRAMED("\x11", VOID_CALL("\1")) FRAMED("\x11", VOID_CALL("\2"))),
					 TT_S(FRAMED("\x11", VOID_REPLY("\2"))),
					 TT_S(FRAMED("\x11", VOID_REPLY("\1"))),
					 TT_C(FRAMED("\x42", CALL)),
					 TT_S(FRAMED("\x20", UNKNOWN)),
					 TT_TALK_END};

	check(script,
	      "ping|-|OK|-|21|21|complete|" BINARY(
		      "ping", "framed") "\n"
					"ping|-|OK|-|21|21|complete|" BINARY(
						"ping", "framed") "\n"
								  "get|-|UNKNOWN_METHOD|UNKNOWN_METHOD|70|36|complete|" BINARY(
									  "get", "framed") "\n");
}

static void compactly(void **state)
{
	const struct tt_line script[] = {TT_C(C_CALL), TT_S(C_REPLY), TT_C(FRAMED("\x1e", C_CALL)),
					 TT_S(FRAMED("\x0f", C_UNKNOWN)), TT_TALK_END};

	check(script,
	      "get|-|OK|-|30|12|complete|" IN_COMPACT(
		      "get", "unframed") "\n"
					 "get|-|UNKNOWN_METHOD|UNKNOWN_METHOD|34|19|complete|" IN_COMPACT("get", "framed") "\n");
}

#define THEADER(rest) "\x0f\xff\0\0\0\0\0\x2a\0\1" rest

static void behind_a_theader(void **state)
{
	const struct tt_line script[] = {TT_C(FRAMED("\x1f", THEADER("\0\0\0\0") VOID_CALL("\0"))),
					 TT_S(FRAMED("\x1f", THEADER("\0\0\0\0") VOID_REPLY("\0"))),
					 TT_C(FRAMED("\x14", THEADER("\2\1\1\0") "zipped")),
					 TT_S(FRAMED("\x14", THEADER("\2\1\1\0") "zipped")), TT_TALK_END};

	check(script, "ping|-|OK|-|35|35|complete|" BINARY(
			      "ping", "header") "\n"
						"-|-|-|-|24|24|complete|rpc.system.name=thrift,thrift.transport=header\n");
}

static void multiplexed(void **state)
{
	const struct tt_line script[] = {TT_C(HEAD("\1", "\x09", "Shop:ping", "\1") STOP), TT_S(VOID_REPLY("\1")), TT_TALK_END};

	check(script, "ping|Shop|OK|-|22|17|complete|" BINARY("Shop/ping", "unframed") "\n");
}

static void from_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID, TT_S("a structure's rest"), TT_C(CALL), TT_S(REPLY), TT_TALK_END};

	check(script, "get|-|OK|-|66|23|complete|" BINARY("get", "unframed") "\n");
}

static void hostile(void **state)
{
	const struct tt_line lengths[] = {TT_C(HEAD("\1", "\3", "get", "\1") "\x0b\0\1\xff\xff\xff\xff"), TT_TALK_END};
	const struct tt_line elements[] = {TT_C(HEAD("\1", "\3", "get", "\1") "\x0f\0\1\x0b\x7f\xff\xff\xff\0\0\0\0"), TT_C_EOF,
					   TT_TALK_END};
	const struct tt_line name[] = {TT_C("\x80\1\0\1\x7f\xff\xff\xff"), TT_TALK_END};
	const struct tt_line frame[] = {TT_C("\x7f\xff\xff\xff\x80\1\0\1"), TT_TALK_END};
	const struct tt_line reply_first[] = {TT_S(REPLY), TT_TALK_END};

	gives(lengths, "");
	gives(elements, "thrift|get|-|-|unfinished|27|0|incomplete|" BINARY("get", "unframed") "\n");
	check(name, "");
	check(frame, "");
	gives(reply_first, "");
}

static void too_deep(void **state)
{
	struct thrift_walk w;
	uint8_t nested[3 * (THRIFT_DEPTH + 2)];
	uint64_t skip;

	for (size_t i = 0; i < sizeof(nested); i += 3)
		memcpy(nested + i, "\x0c\0\1", 3);
	struct tt_cursor c = tt_cursor(tt_span(nested, sizeof(nested)));
	thrift_walk_begin(&w, false, false);
	assert_int_equal(thrift_walk_on(&w, &c, &skip), TT_LOST_SYNC);
}

TT_UNIT_TESTS(cmocka_unit_test(without_frames), cmocka_unit_test(in_frames), cmocka_unit_test(compactly),
	      cmocka_unit_test(behind_a_theader), cmocka_unit_test(multiplexed), cmocka_unit_test(from_the_middle),
	      cmocka_unit_test(hostile), cmocka_unit_test(too_deep))
