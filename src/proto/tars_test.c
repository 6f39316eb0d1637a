// SPDX-License-Identifier: Apache-2.0
#include "proto/proto.h"

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_tars;

/* version, packet type, message type 0, id, servant A.B.C, function f, two bytes passed, time-out 0, two empty maps */
#define CALL(version, type, id) \
	"\0\0\0\x1f\x10" version type "\x3c\x40" id "\x56\5A.B.C\x66\1f\x7d\0\0\2xy\x8c\x98\x0c\xa8\x0c" /* 31 */
#define TWO_WAY "\x2c"
#define ONE_WAY "\x20\1"
#define ONE_WAY_CALL(id) "\0\0\0\x20\x10\1" ONE_WAY "\x3c\x40" id "\x56\5A.B.C\x66\1f\x7d\0\0\2xy\x8c\x98\x0c\xa8\x0c" /* 32 */
#define OK(id) "\0\0\0\x10\x10\1\x2c\x30" id "\x4c\x5c\x6d\0\x0c\x78\x0c"					       /* 16 */
#define FAILED(id, result) "\0\0\0\x17\x10\1\x2c\x30" id "\x4c\x50" result "\x6d\0\x0c\x78\x0c\x86\4oops"	       /* 23 */
#define TUP_OK(id) "\0\0\0\x16\x10\3\x2c\x3c\x40" id "\x56\0\x66\0\x7d\0\x0c\x8c\x98\x0c\xa8\x0c"		       /* 22 */

#define A_CALL "rpc.system.name=tars,rpc.method=A.B.C/f\n"

#define CHECK(expected, ...)                                                       \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check(&tt_proto_tars, script, expected);                   \
		tt_talk_truncate(&tt_proto_tars, script);                          \
	} while (0)

static void answered_out_of_order(void **state)
{
	CHECK("f|A.B.C|OK|-|31|16|complete|" A_CALL "f|A.B.C|NOFUNCERR|NOFUNCERR|31|23|complete|" A_CALL
	      "f|A.B.C|17|17|31|23|complete|" A_CALL,
	      TT_C(CALL("\1", TWO_WAY, "\1") CALL("\1", TWO_WAY, "\2")), TT_C(CALL("\1", TWO_WAY, "\3")),
	      TT_S(OK("\3") FAILED("\1", "\xfd")), TT_S(FAILED("\2", "\x11")));
}

static void one_way(void **state)
{
	CHECK("f|A.B.C|-|-|32|0|complete|" A_CALL "f|A.B.C|OK|-|31|16|complete|" A_CALL,
	      TT_C(ONE_WAY_CALL("\1") CALL("\1", TWO_WAY, "\2")), TT_S(OK("\2")));
}

static void by_tup(void **state)
{
	CHECK("f|A.B.C|OK|-|31|22|complete|" A_CALL, TT_C(CALL("\3", TWO_WAY, "\1")), TT_S(TUP_OK("\1")));
}

static void said_unasked(void **state)
{
	CHECK("<push|-|-|-|16|0|complete|rpc.system.name=tars\n"
	      "f|A.B.C|OK|-|31|16|complete|" A_CALL,
	      TT_C(CALL("\1", TWO_WAY, "\1")), TT_S(OK("\0")), TT_S(OK("\1")));
}

static void begun_in_the_middle(void **state)
{
	CHECK("f|A.B.C|OK|-|31|16|complete|" A_CALL, TT_MID, TT_S(OK("\5")), TT_C(CALL("\1", TWO_WAY, "\6")), TT_S(OK("\6")));
}

static void unanswered(void **state)
{
	CHECK("f|A.B.C|-|closed_by_server|31|0|complete|" A_CALL, TT_C(CALL("\1", TWO_WAY, "\1")), TT_S_EOF);
}

static enum tt_verdict verdict(enum tt_side side, struct tt_span bytes)
{
	struct tt_first first = {.side = {[0] = tt_span(NULL, 0)}, .from_start = {true, true}, .role_known = true};

	first.side[side] = bytes;
	return tt_proto_tars.detect(&first);
}

static void detection(void **state)
{
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT(CALL("\1", TWO_WAY, "\1"))), TT_YES);
	assert_int_equal(verdict(TT_RESPONSES, TT_SPAN_LIT(OK("\1"))), TT_YES);
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT(OK("\1"))), TT_NO);
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT("\0\0\0\x1f\x10\1")), TT_MAYBE);
	/* versions, types, lengths that are none */
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT(CALL("\x9", TWO_WAY, "\1"))), TT_NO);
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT(CALL("\1", "\x3c", "\1"))), TT_NO);
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT("\0\0\0\4\x10\1\x2c")), TT_NO);
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT("\x7f\xff\xff\xff\x10\1\x2c")), TT_NO);
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT("\xff\xff\xff\xff\x10\1\x2c")), TT_NO);
	/* a name longer than there is; structs within structs without end, where the text would be */
	assert_int_equal(verdict(TT_REQUESTS, TT_SPAN_LIT("\0\0\0\x12\x10\1\x2c\x3c\x4c\x57\xff\xff\xff\xff"
							  "abcd")),
			 TT_NO);
	assert_int_equal(
		verdict(TT_RESPONSES,
			TT_SPAN_LIT("\0\0\0\x18\x10\1\x2c\x3c\x4c\x5c\x6a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a")),
		TT_NO);
}

TT_UNIT_TESTS(cmocka_unit_test(answered_out_of_order), cmocka_unit_test(one_way), cmocka_unit_test(by_tup),
	      cmocka_unit_test(said_unasked), cmocka_unit_test(begun_in_the_middle), cmocka_unit_test(unanswered),
	      cmocka_unit_test(detection))
