// SPDX-License-Identifier: Apache-2.0
/* Conversations as Kafka brokers and their clients have them. The number behind a frame is its length in all. */
#include "proto/proto.h"

#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_kafka;

#define ID(n) "\0\0\0" n
#define CLIENT "\0\3cli"

#define VERSIONS_3(id) "\0\0\0\x17\0\x12\0\3" ID(id) CLIENT "\0\4jav\0043.9\0" /* 27 */
#define VERSIONS_OK(id) "\0\0\0\x13" ID(id) "\0\0\2\0\0\0\0\0\x0b\0\0\0\0\0\0" /* 23 */
#define VERSIONS_NO(id) "\0\0\0\x10" ID(id) "\0\x23\0\0\0\1\0\x12\0\0\0\3"     /* 20: in version 0 */

#define METADATA_1(id) "\0\0\0\x17\0\3\0\1" ID(id) CLIENT "\0\0\0\1\0\4news"		     /* 27 */
#define METADATA_OK(id) "\0\0\0\x1d" ID(id) "\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\4news\0\0\0\0\0" /* 33 */
#define METADATA_NO(id) "\0\0\0\x1d" ID(id) "\0\0\0\0\0\0\0\1\0\0\0\1\0\3\0\4news\0\0\0\0\0" /* 33 */

#define ZERO8 "\0\0\0\0\0\0\0\0"

/* Two topics, one partition each, 4 bytes of records; acks as said. */
#define PRODUCE_7(id, acks)                                                       \
	"\0\0\0\x46\0\0\0\7" ID(id) CLIENT "\xff\xff" acks "\0\0\x75\x30\0\0\0\2" \
					   "\0\4news\0\0\0\1\0\0\0\0\0\0\0\4recs" \
					   "\0\5other\0\0\0\1\0\0\0\1\0\0\0\4recs" /* 74 */
#define PRODUCED_7(id, error)                                                \
	"\0\0\0\x5d" ID(id) "\0\0\0\2"                                       \
			    "\0\4news\0\0\0\1\0\0\0\0\0\0" ZERO8 ZERO8 ZERO8 \
			    "\0\5other\0\0\0\1\0\0\0\1\0" error ZERO8 ZERO8 ZERO8 "\0\0\0\0" /* 97 */

#define HEARTBEAT_0(id) "\0\0\0\x18\0\x0c\0\0" ID(id) CLIENT "\0\2my\0\0\0\5\0\1m" /* 28 */
#define HEARTBEAT_OK(id, error) "\0\0\0\6" ID(id) "\0" error			   /* 10 */

#define SYSTEM "messaging.system=kafka,messaging.operation.name="
#define BY ",messaging.client.id=cli"

#define CHECK(expected, ...)                                                       \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check(&tt_proto_kafka, script, expected);                  \
		tt_talk_truncate(&tt_proto_kafka, script);                         \
	} while (0)

#define ONCE(expected, ...)                                                        \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		char *got = tt_talk(&tt_proto_kafka, script);                      \
		assert_string_equal(got, expected);                                \
		free(got);                                                         \
	} while (0)

static void one_after_the_other(void **state)
{
	CHECK("ApiVersions|-|NONE|-|27|23|complete|" SYSTEM "ApiVersions,messaging.kafka.api_version=3" BY "\n"
	      "Metadata|news|NONE|-|27|33|complete|" SYSTEM "Metadata,messaging.kafka.api_version=1" BY
	      ",messaging.destination.name=news\n"
	      "Heartbeat|my|NONE|-|28|10|complete|" SYSTEM "Heartbeat,messaging.kafka.api_version=0" BY
	      ",messaging.consumer.group.name=my\n",
	      TT_C(VERSIONS_3("\1")), TT_S(VERSIONS_OK("\1")), TT_C(METADATA_1("\2")), TT_S(METADATA_OK("\2")),
	      TT_C(HEARTBEAT_0("\3")), TT_S(HEARTBEAT_OK("\3", "\0")));
}

#define PRODUCED ",messaging.destination.name=news,messaging.kafka.topic_count=2\n"

static void produce(void **state)
{
	CHECK("Produce|news|NONE|-|74|97|complete|" SYSTEM "Produce,messaging.kafka.api_version=7" BY PRODUCED
	      "Produce|news|MESSAGE_TOO_LARGE|MESSAGE_TOO_LARGE|74|97|complete|" SYSTEM
	      "Produce,messaging.kafka.api_version=7" BY PRODUCED,
	      TT_C(PRODUCE_7("\1", "\xff\xff")), TT_S(PRODUCED_7("\1", "\0")), TT_C(PRODUCE_7("\2", "\0\1")),
	      TT_S(PRODUCED_7("\2", "\x0a")));
}

static void produce_that_is_not_answered(void **state)
{
	CHECK("Produce|news|-|-|74|0|complete|" SYSTEM "Produce,messaging.kafka.api_version=7" BY PRODUCED
	      "Heartbeat|my|NONE|-|28|10|complete|" SYSTEM "Heartbeat,messaging.kafka.api_version=0" BY
	      ",messaging.consumer.group.name=my\n",
	      TT_C(PRODUCE_7("\1", "\0\0")), TT_C(HEARTBEAT_0("\2")), TT_S(HEARTBEAT_OK("\2", "\0")));
}

static void pipelined(void **state)
{
	CHECK("Metadata|news|UNKNOWN_TOPIC_OR_PARTITION|UNKNOWN_TOPIC_OR_PARTITION|27|33|complete|" SYSTEM
	      "Metadata,messaging.kafka.api_version=1" BY ",messaging.destination.name=news\n"
	      "Heartbeat|my|REBALANCE_IN_PROGRESS|REBALANCE_IN_PROGRESS|28|10|complete|" SYSTEM
	      "Heartbeat,messaging.kafka.api_version=0" BY ",messaging.consumer.group.name=my\n",
	      TT_C(METADATA_1("\1")), TT_C(HEARTBEAT_0("\2")), TT_S(METADATA_NO("\1")), TT_S(HEARTBEAT_OK("\2", "\x1b")));
}

static void version_the_server_does_not_know(void **state)
{
	CHECK("ApiVersions|-|UNSUPPORTED_VERSION|UNSUPPORTED_VERSION|27|20|complete|" SYSTEM
	      "ApiVersions,messaging.kafka.api_version=3" BY "\n",
	      TT_C(VERSIONS_3("\1")), TT_S(VERSIONS_NO("\1")));
}

/* Fetch 12 in a session: the first names the topic, the second nothing, the third gives the topic up. */
#define FETCH_12(size, id, epoch, topics, forgotten) \
	"\0\0\0" size "\0\1\0\x0c" ID(id) CLIENT     \
		"\0\xff\xff\xff\xff\0\0\1\xf4\0\0\0\1\3\0\0\0\0\0\0\0\x09" epoch topics forgotten "\1\0"
#define FETCH_TOPIC "\2\5news\2\0\0\0\0\0\0\0\0" ZERO8 "\xff\xff\xff\xff" ZERO8 "\0\1\0\0\0\0"
#define GIVEN_UP "\2\5news\2\0\0\0\0\0"
#define FETCHED_12(size, id, topics) "\0\0\0" size ID(id) "\0\0\0\0\0\0\0\0\0\0\x09" topics "\0"
#define FETCHED_TOPIC "\2\5news\2\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\7" ZERO8 "\1\xff\xff\xff\xff\5recs\0\0"
#define FETCH_ALL(id) FETCH_12("\x53", id, "\0\0\0\0", FETCH_TOPIC, "\1") /* 87 */
#define FETCH_ON(id) FETCH_12("\x2b", id, "\0\0\0\1", "\1", "\1")	  /* 47 */
#define FETCH_LESS(id) FETCH_12("\x36", id, "\0\0\0\2", "\1", GIVEN_UP)	  /* 58 */
#define FETCHED_SOME(id) FETCHED_12("\x41", id, FETCHED_TOPIC)		  /* 69 */
#define FETCHED_NONE(id) FETCHED_12("\x11", id, "\1")			  /* 21 */
#define FETCHED SYSTEM "Fetch,messaging.kafka.api_version=12" BY ",messaging.destination.name=news\n"

static void fetch_session(void **state)
{
	ONCE("Fetch|news|NONE|-|87|69|complete|" FETCHED "Fetch|news|NONE|-|47|21|complete|" FETCHED
	     "Fetch|news|NONE|-|47|69|complete|" FETCHED "Fetch|-|NONE|-|58|21|incomplete|" SYSTEM
	     "Fetch,messaging.kafka.api_version=12" BY "\n",
	     TT_C(FETCH_ALL("\1")), TT_S(FETCHED_SOME("\1")), TT_C(FETCH_ON("\2")), TT_S(FETCHED_NONE("\2")),
	     TT_C(FETCH_ON("\3")), TT_S(FETCHED_SOME("\3")), TT_C(FETCH_LESS("\4")), TT_S(FETCHED_NONE("\4")));
	/* The session began before telltale: only the answer tells the topic. */
	CHECK("Fetch|-|NONE|-|47|21|incomplete|" SYSTEM "Fetch,messaging.kafka.api_version=12" BY "\n"
	      "Fetch|news|NONE|-|47|69|incomplete|" FETCHED,
	      TT_MID, TT_C(FETCH_ON("\7")), TT_S(FETCHED_NONE("\7")), TT_C(FETCH_ON("\x8")), TT_S(FETCHED_SOME("\x8")));
}

/* Metadata 10 tells the topic's id, by which Produce 13 names it. */
#define TOPIC_ID "0123456789abcdef"
#define METADATA_10(id) "\0\0\0\x29\0\3\0\x0a" ID(id) CLIENT "\0\2" ZERO8 ZERO8 "\5news\0\0\0\0\0"			/* 45 */
#define METADATA_10_OK(id) "\0\0\0\x33" ID(id) "\0\0\0\0\0\1\0\0\0\0\1\2\0\0\5news" TOPIC_ID "\0\1\0\0\0\0\0\0\0\0\0\0" /* 55 */
#define PRODUCE_13(id) \
	"\0\0\0\x33\0\0\0\x0d" ID(id) CLIENT "\0\0\xff\xff\0\0\x75\x30\2" TOPIC_ID "\2\0\0\0\0\5recs\0\0\0"	    /* 55 */
#define PRODUCED_13(id) "\0\0\0\x3e" ID(id) "\0\2" TOPIC_ID "\2\0\0\0\0\0\0" ZERO8 ZERO8 ZERO8 "\1\0\0\0\0\0\0\0\0" /* 66 */

static void topics_by_id(void **state)
{
	ONCE("Metadata|news|NONE|-|45|55|complete|" SYSTEM "Metadata,messaging.kafka.api_version=10" BY
	     ",messaging.destination.name=news\n"
	     "Produce|news|NONE|-|55|66|complete|" SYSTEM "Produce,messaging.kafka.api_version=13" BY
	     ",messaging.destination.name=news\n",
	     TT_C(METADATA_10("\1")), TT_S(METADATA_10_OK("\1")), TT_C(PRODUCE_13("\2")), TT_S(PRODUCED_13("\2")));
	CHECK("Produce|-|NONE|-|55|66|incomplete|" SYSTEM "Produce,messaging.kafka.api_version=13" BY
	      ",messaging.kafka.topic.id=MDEyMzQ1Njc4OWFiY2RlZg\n",
	      TT_C(PRODUCE_13("\2")), TT_S(PRODUCED_13("\2")));
}

static void newer_than_known(void **state)
{
	CHECK("ApiVersions|-|NONE|-|27|23|complete|" SYSTEM "ApiVersions,messaging.kafka.api_version=3" BY "\n"
	      "Metadata|-|-|-|27|33|complete|" SYSTEM "Metadata,messaging.kafka.api_version=50\n"
	      "REQUEST_130|-|-|-|16|12|complete|" SYSTEM "REQUEST_130,messaging.kafka.api_version=0\n",
	      TT_C(VERSIONS_3("\1")), TT_S(VERSIONS_OK("\1")), TT_C("\0\0\0\x17\0\3\0\x32" ID("\2") CLIENT "\0\0\0\1\0\4news"),
	      TT_S(METADATA_OK("\2")), TT_C("\0\0\0\x0c\0\x82\0\0" ID("\3") "\xff\xff\0\0"),
	      TT_S("\0\0\0\x8" ID("\3") "\0\0\0\0"));
}

/* The old way: after the handshake each side sends a bare token. */
static void sasl_without_headers(void **state)
{
	CHECK("SaslHandshake|PLAIN|NONE|-|24|21|complete|" SYSTEM "SaslHandshake,messaging.kafka.api_version=0" BY "\n"
	      "Heartbeat|my|NONE|-|28|10|complete|" SYSTEM "Heartbeat,messaging.kafka.api_version=0" BY
	      ",messaging.consumer.group.name=my\n",
	      TT_C("\0\0\0\x14\0\x11\0\0" ID("\1") CLIENT "\0\5PLAIN"), TT_S("\0\0\0\x11" ID("\1") "\0\0\0\0\0\1\0\5PLAIN"),
	      TT_C("\0\0\0\x0e\0golden\0secret"), TT_S("\0\0\0\0"), TT_C(HEARTBEAT_0("\2")), TT_S(HEARTBEAT_OK("\2", "\0")));
}

static void records_that_were_not_copied(void **state)
{
	static const char head[] =
		"\0\0\x40\x2b\0\0\0\3" ID("\1") CLIENT "\xff\xff\xff\xff\0\0\x75\x30\0\0\0\1\0\4news\0\0\0\1\0\0\0\0\0\0\x40\0";
	ONCE("Produce|news|NONE|-|16431|48|complete|" SYSTEM "Produce,messaging.kafka.api_version=3" BY
	     ",messaging.destination.name=news\n"
	     "Heartbeat|my|NONE|-|28|10|complete|" SYSTEM "Heartbeat,messaging.kafka.api_version=0" BY
	     ",messaging.consumer.group.name=my\n",
	     TT_C(head), TT_C_HOLE(16384),
	     TT_S("\0\0\0\x2c" ID("\1") "\0\0\0\1\0\4news\0\0\0\1\0\0\0\0\0\0" ZERO8 ZERO8 "\0\0\0\0"), TT_C(HEARTBEAT_0("\2")),
	     TT_S(HEARTBEAT_OK("\2", "\0")));
}

static void begun_in_the_middle(void **state)
{
	CHECK("Heartbeat|my|NONE|-|28|10|complete|" SYSTEM "Heartbeat,messaging.kafka.api_version=0" BY
	      ",messaging.consumer.group.name=my\n",
	      TT_MID, TT_S(METADATA_OK("\1")), TT_C(HEARTBEAT_0("\2")), TT_S(HEARTBEAT_OK("\2", "\0")));
}

static void hostile(void **state)
{
	static const struct {
		const char *said;
		size_t len;
	} rows[] = {
#define ROW(s) {s, sizeof(s) - 1}
		ROW("\x7f\xff\xff\xff\0\3\0\1" ID("\2") CLIENT),
		ROW("\xff\xff\xff\xff\0\3\0\1" ID("\2") CLIENT),
		ROW("\0\0\0\3\0\3\0\1" ID("\2") CLIENT),
		ROW("\0\0\0\x17\0\3\0\1" ID("\2") CLIENT "\x7f\xff\xff\xff\0\4news"),
		ROW("\0\0\0\x17\0\3\0\1" ID("\2") CLIENT "\0\0\0\1\x7f\xffnews"),
		ROW("\0\0\0\x1a\0\3\0\x0a" ID("\2") CLIENT "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		ROW("\0\0\0\x13\0\3\0\x0a" ID("\2") CLIENT "\xff\xff\xff\xff\x0f\0"),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tt_line script[] = {TT_C(HEARTBEAT_0("\1")),
						 TT_S(HEARTBEAT_OK("\1", "\0")),
						 {TT_SAY_CLIENT, rows[i].said, rows[i].len},
						 TT_TALK_END};
		tt_talk_truncate(&tt_proto_kafka, script);
		char *got = tt_talk(&tt_proto_kafka, script);
		assert_null(strstr(got, "Metadata|news"));
		free(got);
	}
}

static void nothing_else_is_kafka(void **state)
{
	/* ZooKeeper's connect request, TPKT, Dubbo's magic, text. */
	static const struct {
		const char *said;
		size_t len;
	} rows[] = {
		ROW("\0\0\0\x2d\0\0\0\0" ZERO8 "\0\0\x75\x30" ZERO8 "\0\0\0\x10" ZERO8 ZERO8 "\0"),
		ROW("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x8\0\3\0\0\0"),
		ROW("\xda\xbb\xc2\0\0\0\0\0\0\0\0\1\0\0\0\x10"),
		ROW("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		ROW("\0\0\0\x12\0\0\0\1\0\0\0\4\0\0\0\5/path\0"),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tt_first first = {.side = {tt_span(rows[i].said, rows[i].len)}, .from_start = {true, true}};
		assert_int_equal(tt_proto_kafka.detect(&first), TT_NO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(produce),
		cmocka_unit_test(produce_that_is_not_answered),
		cmocka_unit_test(pipelined),
		cmocka_unit_test(version_the_server_does_not_know),
		cmocka_unit_test(fetch_session),
		cmocka_unit_test(topics_by_id),
		cmocka_unit_test(newer_than_known),
		cmocka_unit_test(sasl_without_headers),
		cmocka_unit_test(records_that_were_not_copied),
		cmocka_unit_test(begun_in_the_middle),
		cmocka_unit_test(hostile),
		cmocka_unit_test(nothing_else_is_kafka),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
