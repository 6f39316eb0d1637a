// SPDX-License-Identifier: Apache-2.0
#include "proto/openwire.h"

#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_openwire;

/* What one can do: nothing, or the tight encoding and the table. */
#define INFO "\0\0\0\x0e\1ActiveMQ\0\0\0\x0c\0"
#define INFO_TIGHT                                           \
	"\0\0\0\x3e\1ActiveMQ\0\0\0\x0c\1\0\0\0\x2c\0\0\0\2" \
	"\0\x14TightEncodingEnabled\1\1\0\x0c"               \
	"CacheEnabled\1\1"

/* The loose way. The number behind each is its length. */
#define DESTINATION(id, name) "\0\0\0\x1c\x08\0\0\0" id "\1\1\x78\1\0\1c\1\x64\1\0\1" name "\0\0\0\0\0\0\0\0\0\0" /* 32 */
#define RESPONSE(id, to) "\0\0\0\x0a\x1e\0\0\0" id "\0\0\0\0" to						  /* 14 */
#define EXCEPTION(id, to) "\0\0\0\x18\x1f\0\0\0" id "\0\0\0\0" to "\1\1\0\3E.x\1\0\4oops"			  /* 28 */
#define KEEP_ALIVE(id) "\0\0\0\6\x0a\0\0\0" id "\0"								  /* 10 */
#define DISPATCH(id) "\0\0\0\x12\x15\0\0\0" id "\0\0\1\x65\1\0\1t\0\0\0\0\0"					  /* 22 */

/* The tight way: a producer of "orders", whose destination gets place 1; one of what is at place 1; an answer. */
#define PRODUCER_NEW(id) "\0\0\0\x1d\6\2\x1f\x1e\0\0\0" id "\0\0\x7b\0\1p\0\1\x64\0\6orders\0\0\0\0" /* 33 */
#define PRODUCER(id) "\0\0\0\x0f\6\1\0\0\0\0" id "\0\0\0\1\0\0\0\0"				     /* 19 */
#define TIGHT_RESPONSE(id, to) "\0\0\0\x0b\x1e\1\0\0\0\0" id "\0\0\0" to			     /* 15 */

#define ATTRIBUTES(operation) "messaging.system=activemq,messaging.operation.name=" operation
#define ON(operation, name, type) \
	ATTRIBUTES(operation) ",messaging.destination.name=" name ",openwire.destination.type=" type "\n"

#define CHECK(expected, ...)                                                       \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check(&tt_proto_openwire, script, expected);               \
		tt_talk_truncate(&tt_proto_openwire, script);                      \
	} while (0)

#define ONCE(expected, ...)                                                        \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		char *got = tt_talk(&tt_proto_openwire, script);                   \
		assert_string_equal(got, expected);                                \
		free(got);                                                         \
	} while (0)

static void types_are_found(void **state)
{
	assert_string_equal(openwire_type(30)->name, "Response");
	assert_null(openwire_type(0));
	assert_null(openwire_type(255));
}

static void asked_and_answered_out_of_order(void **state)
{
	CHECK("DestinationInfo|r|EXCEPTION|E.x|32|28|complete|" ON(
		      "DestinationInfo", "r", "queue") "DestinationInfo|q|OK|-|32|14|complete|" ON("DestinationInfo", "q",
												   "queue"),
	      TT_S(INFO), TT_C(INFO), TT_C(DESTINATION("\1", "q") DESTINATION("\2", "r")),
	      TT_S(EXCEPTION("\1", "\2") RESPONSE("\2", "\1")));
}

static void begun_by_the_server(void **state)
{
	CHECK("<MessageDispatch|t|-|-|22|0|complete|" ON(
		      "MessageDispatch", "t",
		      "topic") "KeepAliveInfo|-|-|-|10|0|complete|" ATTRIBUTES("KeepAliveInfo") "\n"
												"<KeepAliveInfo|-|-|-|10|0|"
												"complete|" ATTRIBUTES(
													"KeepAliveInfo") "\n"
															 "Destina"
															 "tionInf"
															 "o|q|OK|"
															 "-|32|"
															 "14|"
															 "complet"
															 "e|" ON("DestinationInfo",
																 "q",
																 "queue"),
	      TT_C(INFO), TT_S(INFO), TT_C(DESTINATION("\1", "q")), TT_S(DISPATCH("\1")), TT_C(KEEP_ALIVE("\2")),
	      TT_S(KEEP_ALIVE("\2")), TT_S(RESPONSE("\3", "\1")));
}

static void named_by_its_place(void **state)
{
	CHECK("ProducerInfo|orders|OK|-|33|15|complete|" ON(
		      "ProducerInfo", "orders", "queue") "ProducerInfo|orders|-|-|19|0|complete|" ON("ProducerInfo", "orders",
												     "queue"),
	      TT_C(INFO_TIGHT), TT_S(INFO_TIGHT), TT_C(PRODUCER_NEW("\1")), TT_S(TIGHT_RESPONSE("\1", "\1")),
	      TT_C(PRODUCER("\2")));
}

static void begun_in_the_middle(void **state)
{
	/* what stands at the place is known from when it is put there, and no longer after a hole */
	CHECK("ProducerInfo|-|-|-|19|0|incomplete|" ATTRIBUTES(
		      "ProducerInfo") "\n"
				      "ProducerInfo|orders|OK|-|33|15|complete|" ON(
					      "ProducerInfo", "orders",
					      "queue") "ProducerInfo|orders|-|-|19|0|complete|" ON("ProducerInfo", "orders",
												   "queue"),
	      TT_MID, TT_C(PRODUCER("\7")), TT_C(PRODUCER_NEW("\x08")), TT_S(TIGHT_RESPONSE("\5", "\x08")),
	      TT_C(PRODUCER("\x09")));
	ONCE("ProducerInfo|orders|OK|-|33|15|complete|" ON(
		     "ProducerInfo", "orders", "queue") "ProducerInfo|-|-|-|19|0|incomplete|" ATTRIBUTES("ProducerInfo") "\n",
	     TT_C(INFO_TIGHT), TT_S(INFO_TIGHT), TT_C(PRODUCER_NEW("\1")), TT_S(TIGHT_RESPONSE("\1", "\1")), TT_C_HOLE(50),
	     TT_C(PRODUCER("\3")));
}

static void unanswered(void **state)
{
	CHECK("DestinationInfo|q|-|closed_by_server|32|0|complete|" ON("DestinationInfo", "q", "queue"), TT_C(INFO), TT_S(INFO),
	      TT_C(DESTINATION("\1", "q")), TT_S_EOF);
}

static enum tt_verdict verdict(struct tt_span bytes, bool from_start, bool role_known)
{
	struct tt_first first = {
		.side = {bytes, tt_span(NULL, 0)}, .from_start = {from_start, from_start}, .role_known = role_known};

	return tt_proto_openwire.detect(&first);
}

static void detection(void **state)
{
	assert_int_equal(verdict(TT_SPAN_LIT(INFO), true, true), TT_YES);
	assert_int_equal(verdict(TT_SPAN_LIT(INFO), true, false), TT_MAYBE);
	assert_int_equal(verdict(TT_SPAN_LIT(INFO DESTINATION("\1", "q")), true, false), TT_YES);
	assert_int_equal(verdict(TT_SPAN_LIT(DESTINATION("\1", "q")), true, true), TT_NO);
	assert_int_equal(verdict(TT_SPAN_LIT(DESTINATION("\1", "q")), false, false), TT_YES);
	assert_int_equal(verdict(TT_SPAN_LIT(PRODUCER("\1")), false, false), TT_YES);
	/* Tars: an exception, if it is one, hides where it ends */
	static const uint8_t tars[] = {0, 0, 0, 0x19, 0x10, 1, 0x2c, 0x30, 5, 0x4c, 0x5c, 0x6d, 0, 0, 9,
				       1, 2, 3, 4,    5,    6, 7,    8,	   9, 0x78, 0x0c, 0,	0, 0, 0};
	struct tt_first first = {.side = {[TT_RESPONSES] = tt_span(tars, sizeof(tars))}, .role_known = true};
	assert_int_not_equal(tt_proto_openwire.detect(&first), TT_YES);
	/* the server's; a length too large, too small, or not where the fields end; no such type */
	assert_int_equal(verdict(TT_SPAN_LIT(DISPATCH("\1")), false, true), TT_NO);
	assert_int_equal(verdict(TT_SPAN_LIT("\x7f\xff\xff\xff\x08"), false, true), TT_NO);
	assert_int_equal(verdict(TT_SPAN_LIT("\xff\xff\xff\xff\x08"), false, true), TT_NO);
	assert_int_equal(verdict(TT_SPAN_LIT("\0\0\0\0\x08\0\0"), false, true), TT_NO);
	assert_int_equal(verdict(TT_SPAN_LIT("\0\0\0\x0a\4\0\0\0\1\1\0\0\0\0"), false, true), TT_NO);
	assert_int_equal(verdict(TT_SPAN_LIT("\0\0\0\x0a\x63\0\0\0\1\1\0\0\0\0"), false, true), TT_NO);
}

/* Lists in lists, and strings longer than there is: an end is found, whatever is said. */
static void hostile_lengths(void **state)
{
	static const uint8_t long_string[] = {0, 0, 0, 1, 1, 1, 0x78, 1, 0xff, 0xff, 'c'};
	static const uint8_t long_bytes[] = {0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff};
	struct openwire_format loose = {.version = OPENWIRE_VERSION_LAST};
	uint8_t deep[4096];
	struct openwire_said said;

	assert_false(openwire_walk(openwire_type(4), loose, tt_span(long_string, sizeof(long_string)), 0, NULL, &said));
	assert_false(openwire_walk(openwire_type(18), loose, tt_span(long_bytes, sizeof(long_bytes)), 0, NULL, &said));
	/* an answer with a list of as many answers with such lists */
	memset(deep, 0, sizeof(deep));
	for (size_t i = 0; i + 16 < sizeof(deep); i += 13) {
		static const uint8_t list[] = {0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0xff, 0xff, 1};
		memcpy(deep + i, list, sizeof(list));
		deep[i + 13] = 33;
	}
	openwire_walk(openwire_type(33), loose, tt_span(deep, sizeof(deep)), 0, NULL, &said);
	assert_true(said.sets <= OPENWIRE_SETS_MOST);
}

TT_UNIT_TESTS(cmocka_unit_test(types_are_found), cmocka_unit_test(asked_and_answered_out_of_order),
	      cmocka_unit_test(begun_by_the_server), cmocka_unit_test(named_by_its_place), cmocka_unit_test(begun_in_the_middle),
	      cmocka_unit_test(unanswered), cmocka_unit_test(detection), cmocka_unit_test(hostile_lengths))
