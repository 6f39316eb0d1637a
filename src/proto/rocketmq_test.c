// SPDX-License-Identifier: Apache-2.0
/* Conversations as RocketMQ's brokers and clients have them. The number behind a frame is its length. */
#include "proto/rocketmq_header.h"

#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"
#include "proto/proto.h"

extern const struct tt_proto tt_proto_rocketmq;

#define ROUTE                                                                                         \
	"\x00\x00\x00\x82\x00\x00\x00~{\"code\":105,\"extFields\":{\"topic\":\"news\"},\"flag\":0,\"" \
	"language\":\"JAVA\",\"opaque\":1,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":401}" /* 134 */
#define ROUTE_OK                                                                                     \
	"\x00\x00\x00u\x00\x00\x00_{\"code\":0,\"flag\":1,\"language\":\"JAVA\",\"opaque\":1,\"seri" \
	"alizeTypeCurrentRPC\":\"JSON\",\"version\":401}{\"brokerDatas\":[]}" /* 121 */
#define ROUTE_NO                                                                                     \
	"\x00\x00\x00\x87\x00\x00\x00\x83{\"code\":17,\"flag\":1,\"language\":\"JAVA\",\"opaque\":1" \
	",\"remark\":\"No topic \\\"news\\\"\\nhere\",\"serializeTypeCurrentRPC\":\"JSON\",\"versio" \
	"n\":401}" /* 139 */
#define SEND                                                                                         \
	"\x00\x00\x00\x9f\x00\x00\x00\x96{\"code\":310,\"extFields\":{\"a\":\"makers\",\"b\":\"news" \
	"\",\"i\":\"x\\u0001y\"},\"flag\":0,\"language\":\"JAVA\",\"opaque\":2,\"serializeTypeCurre" \
	"ntRPC\":\"JSON\",\"version\":401}hello" /* 163 */
#define SENT                                                                                         \
	"\x00\x00\x00\x7f\x00\x00\x00{{\"code\":0,\"extFields\":{\"queueId\":\"0\"},\"flag\":1,\"la" \
	"nguage\":\"JAVA\",\"opaque\":2,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":401}" /* 131 */
#define OFFSET                                                                                       \
	"\x00\x00\x00\x9b\x00\x00\x00\x97{\"code\":15,\"extFields\":{\"consumerGroup\":\"readers\"," \
	"\"topic\":\"news\"},\"flag\":2,\"language\":\"JAVA\",\"opaque\":3,\"serializeTypeCurrentRP" \
	"C\":\"JSON\",\"version\":401}" /* 159 */
#define PULL                                                                             \
	"\x00\x00\x00"                                                                   \
	"B\x01\x00\x00>\x00\x0b\x00\x01\x91\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00" \
	"\x00\x00\x00\x00)\x00\x0d"                                                      \
	"consumerGroup\x00\x00\x00\x07readers\x00\x05topic\x00\x00\x00\x04"              \
	"news" /* 70 */
#define PULLED                                                                           \
	"\x00\x00\x00"                                                                   \
	"7\x01\x00\x00+\x00\x00\x00\x01\x91\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00" \
	"\x00\x00\x00\x00\x16\x00\x0fnextBeginOffset\x00\x00\x00\x01"                    \
	"7messages" /* 59 */
#define PULL_NONE                                                                                    \
	"\x00\x00\x00%\x01\x00\x00!\x00\x13\x00\x01\x91\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00" \
	"\x0cOFFSET_FOUND\x00\x00\x00\x00" /* 41 */
#define BEAT                                                                             \
	"\x00\x00\x00"                                                                   \
	"f\x00\x00\x00`{\"code\":34,\"flag\":0,\"language\":\"JAVA\",\"opaque\":5,\"ser" \
	"ializeTypeCurrentRPC\":\"JSON\",\"version\":401}{}" /* 106 */
#define BEAT_OK                                                                          \
	"\x00\x00\x00"                                                                   \
	"c\x00\x00\x00_{\"code\":0,\"flag\":1,\"language\":\"JAVA\",\"opaque\":5,\"seri" \
	"alizeTypeCurrentRPC\":\"JSON\",\"version\":401}" /* 103 */
#define CHANGED                                                                                      \
	"\x00\x00\x00\x8c\x00\x00\x00\x88{\"code\":40,\"extFields\":{\"consumerGroup\":\"readers\"}" \
	",\"flag\":2,\"language\":\"JAVA\",\"opaque\":1,\"serializeTypeCurrentRPC\":\"JSON\",\"vers" \
	"ion\":401}" /* 144 */
#define ASK_BACK                                                                                     \
	"\x00\x00\x00\x85\x00\x00\x00}{\"code\":39,\"extFields\":{\"topic\":\"news\"},\"flag\":0,\"" \
	"language\":\"JAVA\",\"opaque\":9,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":401}half" \
	"" /* 137 */
#define CHECKED                                                                          \
	"\x00\x00\x00"                                                                   \
	"c\x00\x00\x00_{\"code\":0,\"flag\":1,\"language\":\"JAVA\",\"opaque\":9,\"seri" \
	"alizeTypeCurrentRPC\":\"JSON\",\"version\":401}" /* 103 */

#define CHECK(expected, ...)                                                       \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check(&tt_proto_rocketmq, script, expected);               \
		tt_talk_truncate(&tt_proto_rocketmq, script);                      \
	} while (0)

static void one_after_the_other(void **state)
{
	CHECK("GET_ROUTEINFO_BY_TOPIC|news|SUCCESS|-|134|121|complete|messaging.system=rocketmq,messaging.operation.name=GET_"
	      "ROUTEINFO_BY_TOPIC,messaging.destination.name=news\n"
	      "SEND_MESSAGE_V2|news|SUCCESS|-|163|131|complete|messaging.system=rocketmq,messaging.operation.name=SEND_MESSAGE_"
	      "V2,messaging.destination.name=news,messaging.consumer.group.name=makers\n"
	      "HEART_BEAT|-|SUCCESS|-|106|103|complete|messaging.system=rocketmq,messaging.operation.name=HEART_BEAT\n",
	      TT_C(ROUTE), TT_S(ROUTE_OK), TT_C(SEND), TT_S(SENT), TT_C(BEAT), TT_S(BEAT_OK));
}

static void refused(void **state)
{
	CHECK("GET_ROUTEINFO_BY_TOPIC|news|TOPIC_NOT_EXIST|TOPIC_NOT_EXIST|134|139|complete|messaging.system=rocketmq,messaging."
	      "operation.name=GET_ROUTEINFO_BY_TOPIC,messaging.destination.name=news\n",
	      TT_C(ROUTE), TT_S(ROUTE_NO));
}

static void multiplexed_and_binary(void **state)
{
	CHECK("HEART_BEAT|-|SUCCESS|-|106|103|complete|messaging.system=rocketmq,messaging.operation.name=HEART_BEAT\n"
	      "SEND_MESSAGE_V2|news|SUCCESS|-|163|131|complete|messaging.system=rocketmq,messaging.operation.name=SEND_MESSAGE_"
	      "V2,messaging.destination.name=news,messaging.consumer.group.name=makers\n"
	      "PULL_MESSAGE|news|SUCCESS|-|70|59|complete|messaging.system=rocketmq,messaging.operation.name=PULL_MESSAGE,"
	      "messaging.destination.name=news,messaging.consumer.group.name=readers\n",
	      TT_C(SEND), TT_C(PULL BEAT), TT_S(BEAT_OK), TT_S(SENT), TT_S(PULLED));
	CHECK("PULL_MESSAGE|news|PULL_NOT_FOUND|-|70|41|complete|messaging.system=rocketmq,messaging.operation.name=PULL_MESSAGE,"
	      "messaging.destination.name=news,messaging.consumer.group.name=readers\n",
	      TT_C(PULL), TT_S(PULL_NONE));
}

static void one_way(void **state)
{
	CHECK("UPDATE_CONSUMER_OFFSET|news|-|-|159|0|complete|messaging.system=rocketmq,messaging.operation.name=UPDATE_CONSUMER_"
	      "OFFSET,messaging.destination.name=news,messaging.consumer.group.name=readers\n"
	      "HEART_BEAT|-|SUCCESS|-|106|103|complete|messaging.system=rocketmq,messaging.operation.name=HEART_BEAT\n",
	      TT_C(OFFSET), TT_C(BEAT), TT_S(BEAT_OK));
}

static void the_broker_asks(void **state)
{
	CHECK("HEART_BEAT|-|SUCCESS|-|106|103|complete|messaging.system=rocketmq,messaging.operation.name=HEART_BEAT\n"
	      "<NOTIFY_CONSUMER_IDS_CHANGED|readers|-|-|144|0|complete|messaging.system=rocketmq,messaging.operation.name=NOTIFY_"
	      "CONSUMER_IDS_CHANGED,messaging.consumer.group.name=readers\n"
	      "<CHECK_TRANSACTION_STATE|news|SUCCESS|-|137|103|complete|messaging.system=rocketmq,messaging.operation.name=CHECK_"
	      "TRANSACTION_STATE,messaging.destination.name=news\n",
	      TT_C(BEAT), TT_S(BEAT_OK), TT_S(CHANGED ASK_BACK), TT_C(CHECKED));
}

static void begun_in_the_middle(void **state)
{
	CHECK("HEART_BEAT|-|SUCCESS|-|106|103|complete|messaging.system=rocketmq,messaging.operation.name=HEART_BEAT\n", TT_MID,
	      TT_S(SENT), TT_C(BEAT), TT_S(BEAT_OK));
}

static void hostile(void **state)
{
#define ROW(s) {TT_SAY_CLIENT, s, sizeof(s) - 1}
	static const struct tt_line rows[] = {
		ROW("\x00\x00\x00"
		    "B\x01\x00\x00>\x00\x0b\x00\x01\x91\x00\x00\x00\x04\x00\x00\x00\x00\x7f\xff\xff"
		    "\xff\x00\x00\x00)\x00\x0d"
		    "consumerGroup\x00\x00\x00\x07readers\x00\x05topic\x00\x00\x00\x04"
		    "news"),
		ROW("\x00\x00\x00"
		    "B\x01\x00\x00>\x00\x0b\x00\x01\x91\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
		    "\x00\xff\xff\xff\xff\x00\x0d"
		    "consumerGroup\x00\x00\x00\x07readers\x00\x05topic\x00\x00\x00\x04"
		    "news"),
		ROW("\x7f\xff\xff\xff\x01\x00\x00>\x00\x0b\x00\x01\x91\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
		    "\x00\x00\x00\x00)\x00\x0d"
		    "consumerGroup\x00\x00\x00\x07readers\x00\x05topic\x00\x00\x00\x04"
		    "news"),
		ROW("\x00\x00\x00"
		    "B\x01\xff\xff\xff\x00\x0b\x00\x01\x91\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
		    "\x00\x00\x00\x00)\x00\x0d"
		    "consumerGroup\x00\x00\x00\x07readers\x00\x05topic\x00\x00\x00\x04"
		    "news"),
		ROW("\x00\x00\x00@\x00\x00\x00"
		    "7{\"code\":10,\"flag\":0,\"opaque\":7,\"extFields\":{\"topic\":\""
		    "nexxxxx"),
		ROW("\x00\x00\x00}\x00\x00\x00y{\"code\":10,\"flag\":0,\"opaque\":7,\"x\":[{[{[{[{[{[{[{[{[{[{["
		    "{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{\"topic"),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tt_line script[] = {TT_C(BEAT), TT_S(BEAT_OK), rows[i], TT_TALK_END};
		tt_talk_truncate(&tt_proto_rocketmq, script);
		char *got = tt_talk(&tt_proto_rocketmq, script);
		assert_non_null(strstr(got, "HEART_BEAT|-|SUCCESS"));
		assert_null(strstr(got, "MESSAGE"));
		free(got);
	}
}

static void escapes(void **state)
{
	uint8_t buffer[64];
	struct tt_span raw = TT_SPAN_LIT("a\\\"b\\\\c\\n\\u00e9\\u4e2dx\\");
	struct tt_span s = rocketmq_unescape(raw, buffer, sizeof(buffer));
	assert_true(tt_span_eq(s, TT_SPAN_LIT("a\"b\\c\n\xc3\xa9\xe4\xb8\xadx\\")));
	assert_int_equal(rocketmq_unescape(TT_SPAN_LIT("abcdef"), buffer, 5).len, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(refused),
		cmocka_unit_test(multiplexed_and_binary),
		cmocka_unit_test(one_way),
		cmocka_unit_test(the_broker_asks),
		cmocka_unit_test(begun_in_the_middle),
		cmocka_unit_test(hostile),
		cmocka_unit_test(escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
