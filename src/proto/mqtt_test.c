// SPDX-License-Identifier: Apache-2.0
/* Conversations between MQTT clients and brokers. */
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"
#include "proto/mqtt.h"

extern const struct tt_proto tt_proto_mqtt;

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_mqtt, script, expected);
	tt_talk_truncate(&tt_proto_mqtt, script);
}

static void check_once(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_mqtt, script);
	assert_string_equal(lines, expected);
	free(lines);
}

#define CONNECT_4 "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1c"
#define CONNACK "\x20\x02\0\0"
#define LOGIN(version, bytes)                                                                                                  \
	"CONNECT|-|OK|-|15|" bytes "|complete|messaging.system=mqtt,network.protocol.version=" version ",messaging.client.id=" \
	"c\n"
#define PUB(topic, size)                                                                           \
	"messaging.system=mqtt,messaging.operation.name=publish,messaging.destination.name=" topic \
	",messaging.message.body.size=" size
#define SUB(topic) "messaging.system=mqtt,messaging.destination.name=" topic

static void qualities(void **state)
{
	const struct tt_line script[] = {TT_C(CONNECT_4),
					 TT_S(CONNACK),
					 TT_C("\x30\x07\0\3a/bhi"),
					 TT_C("\x32\x09\0\3a/b\0\1hi"),
					 TT_S("\x40\2\0\1"),
					 TT_C("\x35\x09\0\3a/b\0\2hi"),
					 TT_S("\x50\2\0\2"),
					 TT_C("\x62\2\0\2"),
					 TT_S("\x70\2\0\2"),
					 TT_C("\xc0\0"),
					 TT_S("\xd0\0"),
					 TT_C("\xe0\0"),
					 TT_TALK_END};

	check(script,
	      LOGIN("3.1.1", "4") "PUBLISH|a/b|-|-|9|0|complete|" PUB(
		      "a/b", "2") "\n"
				  "PUBLISH|a/b|OK|-|11|4|complete|" PUB(
					  "a/b", "2") ",mqtt.qos=1\n"
						      "PUBLISH|a/b|OK|-|11|4|complete|" PUB(
							      "a/b",
							      "2") ",mqtt.qos=2,mqtt.retain=1\n"
								   "PINGREQ|-|OK|-|2|2|complete|messaging.system=mqtt\n"
								   "DISCONNECT|-|-|-|2|0|complete|messaging.system=mqtt\n");
}

/* The first answer to a message of quality 2, which may have refused it, was not seen. */
static void half_seen(void **state)
{
	const struct tt_line script[] = {TT_C(CONNECT_4),    TT_S(CONNACK),	 TT_C("\x34\x09\0\3a/b\0\2hi"),
					 TT_C("\x62\2\0\2"), TT_S("\x70\2\0\2"), TT_TALK_END};

	check_once(script, LOGIN("3.1.1", "4") "PUBLISH|a/b|OK|-|11|4|incomplete|" PUB("a/b", "2") ",mqtt.qos=2\n");
}

/* What the broker sends has identifiers of its own, and all of it may go on at once. */
static void deliveries(void **state)
{
	const struct tt_line script[] = {TT_C(CONNECT_4),
					 TT_S(CONNACK),
					 TT_C("\x82\x0c\0\1\0\1#\0\0\3a/b\1"),
					 TT_S("\x90\4\0\1\0\1"),
					 TT_S("\x30\x07\0\3a/bhi"
					      "\x32\x09\0\3a/b\0\1hi"
					      "\x34\x09\0\3a/b\0\2hi"),
					 TT_C("\x32\x09\0\3c/d\0\1hi"),
					 TT_C("\x50\2\0\2\x40\2\0\1"),
					 TT_S("\x62\2\0\2\x40\2\0\1"),
					 TT_C("\x70\2\0\2"),
					 TT_C("\xa2\5\0\2\0\1#"),
					 TT_S("\xb0\2\0\2"),
					 TT_TALK_END};

	check(script,
	      LOGIN("3.1.1", "4") "SUBSCRIBE|#|OK|-|14|6|complete|" SUB(
		      "#") ",mqtt.topic_filters=2\n"
			   "<PUBLISH|a/b|-|-|9|0|complete|" PUB(
				   "a/b",
				   "2") "\n"
					"<PUBLISH|a/b|OK|-|11|4|complete|" PUB(
						"a/b",
						"2") ",mqtt.qos=1\n"
						     "PUBLISH|c/d|OK|-|11|4|complete|" PUB(
							     "c/d",
							     "2") ",mqtt.qos=1\n"
								  "<PUBLISH|a/b|OK|-|11|4|complete|" PUB(
									  "a/b",
									  "2") ",mqtt.qos=2\n"
									       "UNSUBSCRIBE|#|OK|-|7|4|complete|" SUB("#") "\n");
}

static void refusals(void **state)
{
	const struct tt_line script[] = {TT_C("\x10\x10\0\6MQIsdp\3\x80\0\x3c\0\0\0\0"), TT_S("\x20\2\0\5"), TT_TALK_END};
	const struct tt_line filter[] = {TT_C(CONNECT_4), TT_S(CONNACK), TT_C("\x82\6\0\1\0\1x\0"), TT_S("\x90\3\0\1\x80"),
					 TT_TALK_END};

	check(script, "CONNECT|-|5|not_authorized|18|4|complete|messaging.system=mqtt,network.protocol.version=3.1\n");
	check(filter, LOGIN("3.1.1", "4") "SUBSCRIBE|x|128|unspecified_error|8|5|complete|" SUB("x") "\n");
}

#define CONNECT_5 "\x10\x0e\0\4MQTT\5\2\0\x3c\0\0\1c"
#define LOGIN_5 "CONNECT|-|OK|-|16|5|complete|messaging.system=mqtt,network.protocol.version=5,messaging.client.id=c\n"

static void reasons(void **state)
{
	const struct tt_line script[] = {TT_C(CONNECT_5),
					 TT_S("\x20\3\0\0\0"),
					 TT_C("\x32\x0a\0\3a/b\0\1\0hi"),
					 TT_S("\x40\7\0\1\x87\3\x1f\0\0"),
					 TT_C("\x34\x0a\0\3a/b\0\2\0hi"),
					 TT_S("\x50\3\0\2\x97"),
					 TT_C("\x32\x0a\0\3a/b\0\3\0hi"),
					 TT_S("\x40\3\0\3\x10"),
					 TT_C("\x82\7\0\4\0\0\1x\0"),
					 TT_S("\x90\4\0\4\0\x8f"),
					 TT_S("\xe0\2\x8b\0"),
					 TT_TALK_END};

	check(script,
	      LOGIN_5 "PUBLISH|a/b|135|not_authorized|12|9|complete|" PUB(
		      "a/b", "2") ",mqtt.qos=1\n"
				  "PUBLISH|a/b|151|quota_exceeded|12|5|complete|" PUB(
					  "a/b",
					  "2") ",mqtt.qos=2\n"
					       "PUBLISH|a/b|OK|-|12|5|complete|" PUB(
						       "a/b",
						       "2") ",mqtt.qos=1\n"
							    "SUBSCRIBE|x|143|topic_filter_invalid|9|6|complete|" SUB(
								    "x") "\n"
									 "<DISCONNECT|-|-|server_shutting_down|4|0|complete|"
									 "messaging.system=mqtt,mqtt.reason_code=139\n");
}

static void aliases(void **state)
{
	const struct tt_line script[] = {TT_C(CONNECT_5),
					 TT_S("\x20\3\0\0\0"),
					 TT_C("\x30\x0b\0\3a/b\3\x23\0\7hi"),
					 TT_C("\x30\x08\0\0\3\x23\0\7hi"),
					 TT_C("\x30\x08\0\0\3\x23\0\x8hi"),
					 TT_TALK_END};

	check(script, LOGIN_5 "PUBLISH|a/b|-|-|13|0|complete|" PUB(
			      "a/b", "2") "\n"
					  "PUBLISH|a/b|-|-|10|0|complete|" PUB(
						  "a/b", "2") "\n"
							      "PUBLISH|-|-|-|10|0|incomplete|messaging.system=mqtt,messaging."
							      "operation.name=publish,messaging.message.body.size=2\n");
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,
					 TT_C("the rest of something"),
					 TT_C("\x82\6\0\1\0\1x\0"),
					 TT_S("\x90\3\0\1\0"),
					 TT_C("\x32\x09\0\3a/b\0\1hi"),
					 TT_S("\x40\2\0\1"),
					 TT_TALK_END};

	tt_talk_check(&tt_proto_mqtt, script,
		      "SUBSCRIBE|x|OK|-|8|5|complete|" SUB(
			      "x") "\n"
				   "PUBLISH|a/b|OK|-|11|4|complete|messaging.system=mqtt,messaging.operation.name=publish,"
				   "messaging.destination.name=a/b,mqtt.qos=1\n");
}

/* Messages of quality 0 are the same either way: that a side has the brokers' port tells which end it is, and nothing else. */
static void the_port_tells_the_broker(void **state)
{
	struct tt_first first = {.server_port = 1883, .side[TT_REQUESTS] = TT_SPAN_LIT("\x30\7\0\3a/bhi")};

	assert_int_equal(tt_mqtt_detect(&first), TT_YES);
	first.server_port = 5000;
	assert_int_equal(tt_mqtt_detect(&first), TT_MAYBE);
	first = (struct tt_first){.server_port = 1883, .side[TT_REQUESTS] = TT_SPAN_LIT("\x30\7\0\6a/bhi")};
	assert_int_equal(tt_mqtt_detect(&first), TT_NO);
	first.side[TT_REQUESTS] = TT_SPAN_LIT("GET / HTTP/1.1\r\n\r\n");
	assert_int_equal(tt_mqtt_detect(&first), TT_NO);
}

static void large(void **state)
{
	static char payload[300000] = "\x32\xda\xa7\x12\0\3a/b\0\1"; /* 299 994 bytes behind the head */
	const struct tt_line script[] = {TT_C(CONNECT_4),    TT_S(CONNACK),  {TT_SAY_CLIENT, payload, 299998},
					 TT_S("\x40\2\0\1"), TT_C("\xc0\0"), TT_S("\xd0\0"),
					 TT_TALK_END};

	check_once(script, LOGIN("3.1.1", "4") "PUBLISH|a/b|OK|-|299998|4|complete|" PUB(
				   "a/b", "299987") ",mqtt.qos=1\n"
						    "PINGREQ|-|OK|-|2|2|complete|messaging.system=mqtt\n");
}

static void hostile(void **state)
{
	const struct tt_line length[] = {TT_C(CONNECT_4), TT_S(CONNACK), TT_C("\x30\xff\xff\xff\xff\xff"), TT_TALK_END};
	const struct tt_line topic[] = {TT_C(CONNECT_4), TT_S(CONNACK), TT_C("\x30\x03\xff\xff\0"), TT_TALK_END};
	const struct tt_line other[] = {TT_C("\x16\3\1\0\5hello"), TT_TALK_END};

	check_once(length, LOGIN("3.1.1", "4"));
	check_once(topic, LOGIN("3.1.1", "4"));
	check_once(other, "");
}

TT_UNIT_TESTS(cmocka_unit_test(qualities), cmocka_unit_test(half_seen), cmocka_unit_test(deliveries), cmocka_unit_test(refusals),
	      cmocka_unit_test(reasons), cmocka_unit_test(aliases), cmocka_unit_test(in_the_middle),
	      cmocka_unit_test(the_port_tells_the_broker), cmocka_unit_test(large), cmocka_unit_test(hostile))
