// SPDX-License-Identifier: Apache-2.0
/* Conversations as the specification has them. The number behind a frame is its length. */
#include "proto/proto.h"

#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_pulsar;

#define CONNECT                                                    \
	"\x00\x00\x00\x0f\x00\x00\x00\x0b\x08\x02\x12\x07\x0a\x03" \
	"C++ \x13" /* 19 */
#define CONNECTED                                                  \
	"\x00\x00\x00\x0f\x00\x00\x00\x0b\x08\x03\x1a\x07\x0a\x03" \
	"2.0\x10\x13" /* 19 */
#define REFUSED \
	"\x00\x00\x00\"\x00\x00\x00\x1e\x08\x0er\x1a\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x03\x1a\x0bwho are you" /* 38 */
#define LOOKUP "\x00\x00\x00\x11\x00\x00\x00\x0d\x08\x17\xba\x01\x08\x0a\x04news\x10\x01"	    /* 21 */
#define FOUND "\x00\x00\x00\x19\x00\x00\x00\x15\x08\x18\xc2\x01\x10\x0a\x0apulsar://x\x18\x01 \x01" /* 29 */
#define NOT_FOUND                                                           \
	"\x00\x00\x00\x19\x00\x00\x00\x15\x08\x18\xc2\x01\x10\x18\x02 \x01" \
	"0\x0b:\x08no topic"								       /* 29 */
#define PRODUCER "\x00\x00\x00\x12\x00\x00\x00\x0e\x08\x05*\x0a\x0a\x04news\x10\x05\x18\x02"   /* 22 */
#define NOT_READY "\x00\x00\x00\x10\x00\x00\x00\x0c\x08\x11\x8a\x01\x07\x08\x02\x12\x01p0\x00" /* 20 */
#define MADE "\x00\x00\x00\x0e\x00\x00\x00\x0a\x08\x11\x8a\x01\x05\x08\x02\x12\x01p"	       /* 18 */
#define SEND_0                                  \
	"\x00\x00\x00&\x00\x00\x00\x08\x08\x06" \
	"2\x04\x08\x05\x10\x00\x0e\x01"         \
	"crc0metadata and payload" /* 42 */
#define SEND_1                                     \
	"\x00\x00\x00\x15\x00\x00\x00\x0a\x08\x06" \
	"2\x06\x08\x05\x10\x01\x18\x14payload"								  /* 25 */
#define RECEIPT_0 "\x00\x00\x00\x12\x00\x00\x00\x0e\x08\x07:\x0a\x08\x05\x10\x00\x1a\x04\x08\x01\x10\x00" /* 22 */
#define NOT_SENT_1                                 \
	"\x00\x00\x00\x14\x00\x00\x00\x10\x08\x08" \
	"B\x0c\x08\x05\x10\x01\x18\x02\"\x04"      \
	"disk"													/* 24 */
#define SUBSCRIBE "\x00\x00\x00\x1d\x00\x00\x00\x19\x08\x04\"\x15\x0a\x04news\x12\x07readers\x18\x00 \x07(\x03" /* 33 */
#define SUBSCRIBED "\x00\x00\x00\x0a\x00\x00\x00\x06\x08\x0dj\x02\x08\x03"					/* 14 */
#define FLOW                                                        \
	"\x00\x00\x00\x0c\x00\x00\x00\x08\x08\x0bZ\x04\x08\x07\x10" \
	"d"												      /* 16 */
#define DELIVERED "\x00\x00\x00\x17\x00\x00\x00\x0c\x08\x09J\x08\x08\x07\x12\x04\x08\x01\x10\x00payload"      /* 27 */
#define TOLD "\x00\x00\x00\x0d\x00\x00\x00\x09\x08\x1f\xfa\x01\x04\x08\x07\x10\x01"			      /* 17 */
#define ACK "\x00\x00\x00\x12\x00\x00\x00\x0e\x08\x0aR\x0a\x08\x07\x10\x00\x1a\x04\x08\x01\x10\x00"	      /* 22 */
#define ACK_ASKS "\x00\x00\x00\x14\x00\x00\x00\x10\x08\x0aR\x0c\x08\x07\x10\x00\x1a\x04\x08\x01\x10\x00@\x04" /* 24 */
#define ACK_OK                                                      \
	"\x00\x00\x00\x0d\x00\x00\x00\x09\x08&\xb2\x02\x04\x08\x07" \
	"0\x04"							    /* 17 */
#define PING "\x00\x00\x00\x09\x00\x00\x00\x05\x08\x12\x92\x01\x00" /* 13 */
#define PONG "\x00\x00\x00\x09\x00\x00\x00\x05\x08\x13\x9a\x01\x00" /* 13 */
#define CHALLENGE                                                   \
	"\x00\x00\x00\x0e\x00\x00\x00\x0a\x08$\xa2\x02\x05\x0a\x03" \
	"2.0" /* 18 */
#define AUTH                                                        \
	"\x00\x00\x00\x0e\x00\x00\x00\x0a\x08%\xaa\x02\x05\x0a\x03" \
	"C++" /* 18 */

#define CHECK(expected, ...)                                                       \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check(&tt_proto_pulsar, script, expected);                 \
		tt_talk_truncate(&tt_proto_pulsar, script);                        \
	} while (0)

static void produce(void **state)
{
	CHECK("CONNECT|-|OK|-|19|19|complete|messaging.system=pulsar,messaging.operation.name=CONNECT\n"
	      "LOOKUP|news|OK|-|21|29|complete|messaging.system=pulsar,messaging.operation.name=LOOKUP,messaging.destination."
	      "name=news\n"
	      "PRODUCER|news|OK|-|22|18|complete|messaging.system=pulsar,messaging.operation.name=PRODUCER,messaging.destination."
	      "name=news\n"
	      "SEND|news|OK|-|42|22|complete|messaging.system=pulsar,messaging.operation.name=SEND,messaging.destination.name="
	      "news\n"
	      "SEND|news|PersistenceError|PersistenceError|25|24|complete|messaging.system=pulsar,messaging.operation.name=SEND,"
	      "messaging.destination.name=news,messaging.batch.message_count=20\n",
	      TT_C(CONNECT), TT_S(CONNECTED), TT_C(LOOKUP), TT_S(FOUND), TT_C(PRODUCER), TT_S(NOT_READY), TT_S(MADE),
	      TT_C(SEND_0 SEND_1), TT_S(RECEIPT_0 NOT_SENT_1));
}

static void consume(void **state)
{
	CHECK("CONNECT|-|OK|-|19|19|complete|messaging.system=pulsar,messaging.operation.name=CONNECT\n"
	      "SUBSCRIBE|news|OK|-|33|14|complete|messaging.system=pulsar,messaging.operation.name=SUBSCRIBE,messaging."
	      "destination.name=news,messaging.destination.subscription.name=readers\n"
	      "<ACTIVE_CONSUMER_CHANGE|news|-|-|17|0|complete|messaging.system=pulsar,messaging.operation.name=ACTIVE_CONSUMER_"
	      "CHANGE,messaging.destination.name=news\n"
	      "FLOW|news|-|-|16|0|complete|messaging.system=pulsar,messaging.operation.name=FLOW,messaging.destination.name="
	      "news\n"
	      "<MESSAGE|news|-|-|27|0|complete|messaging.system=pulsar,messaging.operation.name=MESSAGE,messaging.destination."
	      "name=news\n"
	      "ACK|news|-|-|22|0|complete|messaging.system=pulsar,messaging.operation.name=ACK,messaging.destination.name=news\n"
	      "ACK|news|OK|-|24|17|complete|messaging.system=pulsar,messaging.operation.name=ACK,messaging.destination.name="
	      "news\n",
	      TT_C(CONNECT), TT_S(CONNECTED), TT_C(SUBSCRIBE), TT_S(SUBSCRIBED TOLD), TT_C(FLOW), TT_S(DELIVERED),
	      TT_C(ACK ACK_ASKS), TT_S(ACK_OK));
}

static void refused(void **state)
{
	CHECK("CONNECT|-|OK|-|19|19|complete|messaging.system=pulsar,messaging.operation.name=CONNECT\n"
	      "LOOKUP|news|TopicNotFound|TopicNotFound|21|29|complete|messaging.system=pulsar,messaging.operation.name=LOOKUP,"
	      "messaging.destination.name=news\n",
	      TT_C(CONNECT), TT_S(CONNECTED), TT_C(LOOKUP), TT_S(NOT_FOUND));
	CHECK("CONNECT|-|AuthenticationError|AuthenticationError|19|38|complete|messaging.system=pulsar,messaging.operation.name="
	      "CONNECT\n",
	      TT_C(CONNECT), TT_S(REFUSED));
}

/* Both ends ask whether the other is there, and the server who the client is. */
static void the_server_asks(void **state)
{
	CHECK("<AUTH_CHALLENGE|-|OK|-|18|18|complete|messaging.system=pulsar,messaging.operation.name=AUTH_CHALLENGE\n"
	      "CONNECT|-|OK|-|19|19|complete|messaging.system=pulsar,messaging.operation.name=CONNECT\n"
	      "<PING|-|OK|-|13|13|complete|messaging.system=pulsar,messaging.operation.name=PING\n"
	      "PING|-|OK|-|13|13|complete|messaging.system=pulsar,messaging.operation.name=PING\n",
	      TT_C(CONNECT), TT_S(CHALLENGE), TT_C(AUTH), TT_S(CONNECTED), TT_S(PING), TT_C(PONG), TT_C(PING), TT_S(PONG));
}

static void begun_in_the_middle(void **state)
{
	CHECK("<MESSAGE|-|-|-|27|0|incomplete|messaging.system=pulsar,messaging.operation.name=MESSAGE\n"
	      "SEND|-|OK|-|42|22|incomplete|messaging.system=pulsar,messaging.operation.name=SEND\n"
	      "LOOKUP|news|OK|-|21|29|complete|messaging.system=pulsar,messaging.operation.name=LOOKUP,messaging.destination."
	      "name=news\n",
	      TT_MID, TT_S(DELIVERED), TT_C(SEND_0), TT_S(RECEIPT_0), TT_C(LOOKUP), TT_S(FOUND));
}

static void hostile(void **state)
{
#define ROW(s) {TT_SAY_CLIENT, s, sizeof(s) - 1}
	static const struct tt_line rows[] = {
		ROW("\x7f\xff\xff\xff\x00\x00\x00\x0d\x08\x17\xba\x01\x08\x0a\x04news\x10\x01"),
		ROW("\x00\x00\x00\x11\x7f\xff\xff\xff\x08\x17\xba\x01\x08\x0a\x04news\x10\x01"),
		ROW("\x00\x00\x00\x11\x00\x00\x00\x01\x08\x17\xba\x01\x08\x0a\x04news\x10\x01"),
		ROW("\x00\x00\x00\x11\x00\x00\x00\x0d\x08"
		    "c\xba\x01\x08\x0a\x04news\x10\x01"),
		ROW("\x00\x00\x00\x11\x00\x00\x00\x0d\x08\x17\xba\x01\x0a\xff\xff\xff\xff\x0fs\x10\x01"),
		ROW("\x00\x00\x00\x11\x00\x00\x00\x0d\x08\x17\xba\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		ROW("\x00\x00\x00\x08\x00\x00\x00\x04\x08\x17\xba\x01"),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tt_line script[] = {TT_C(CONNECT), TT_S(CONNECTED), rows[i], TT_TALK_END};
		tt_talk_truncate(&tt_proto_pulsar, script);
		char *got = tt_talk(&tt_proto_pulsar, script);
		assert_non_null(strstr(got, "CONNECT|-|OK"));
		assert_null(strstr(got, "LOOKUP"));
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(produce),
		cmocka_unit_test(consume),
		cmocka_unit_test(refused),
		cmocka_unit_test(the_server_asks),
		cmocka_unit_test(begun_in_the_middle),
		cmocka_unit_test(hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
