// SPDX-License-Identifier: Apache-2.0
/* Conversations between AMQP clients and RabbitMQ. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_amqp;

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_amqp, script, expected);
	tt_talk_truncate(&tt_proto_amqp, script);
}

static void check_once(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_amqp, script);
	assert_string_equal(lines, expected);
	free(lines);
}

#define FRAME(type, channel, size, payload) type "\0" channel "\0\0\0" size payload "\xce"
#define METHOD(channel, size, class, method, arguments) FRAME("\1", channel, size, "\0" class "\0" method arguments)
/* A content header of a body of `body` bytes without properties; the body. */
#define HEADER(channel, body) FRAME("\2", channel, "\x0e", "\0\x3c\0\0\0\0\0\0\0\0\0" body "\0\0")
#define BODY(channel, size, bytes) FRAME("\3", channel, size, bytes)

#define PROTOCOL "AMQP\0\0\x9\1"
#define START METHOD("\0", "\x12", "\x0a", "\x0a", "\0\x9\0\0\0\0\0\0\0\0\0\0\0\0")
#define START_OK METHOD("\0", "\x0d", "\x0a", "\x0b", "\0\0\0\0\0\0\0\0\0")
#define TUNE METHOD("\0", "\x0c", "\x0a", "\x1e", "\0\0\0\2\0\0\0\x3c")
#define TUNE_OK METHOD("\0", "\x0c", "\x0a", "\x1f", "\0\0\0\2\0\0\0\x3c")
#define OPEN METHOD("\0", "\x08", "\x0a", "\x28", "\1/\0\0")
#define OPEN_OK METHOD("\0", "\x05", "\x0a", "\x29", "\0")
#define CHANNEL METHOD("\1", "\x05", "\x14", "\x0a", "\0")
#define CHANNEL_OK METHOD("\1", "\x08", "\x14", "\x0b", "\0\0\0\0")
#define PUBLISH(channel) METHOD(channel, "\x0c", "\x3c", "\x28", "\0\0\1x\2rk\0")
#define CONTENT(channel) HEADER(channel, "\2") BODY(channel, "\2", "hi")
#define CONFIRM METHOD("\1", "\x05", "\x55", "\x0a", "\0")
#define CONFIRM_OK METHOD("\1", "\x04", "\x55", "\x0b", "")
#define ACK(number, tag, multiple) METHOD("\1", "\x0d", "\x3c", number, "\0\0\0\0\0\0\0" tag multiple)
#define DELIVER(tag) METHOD("\1", "\x14", "\x3c", "\x3c", "\1c\0\0\0\0\0\0\0" tag "\0\1x\2rk")

#define OP(name) "messaging.system=rabbitmq,messaging.operation.name=" name
#define TO "messaging.destination.name=x:rk,messaging.rabbitmq.destination.routing_key=rk"
#define LOGIN                                                                                                               \
	"connection.start-ok|-|OK|-|21|20|complete|" OP("connection.start-ok") "\n"                                         \
									       "connection.open|/|OK|-|16|13|complete|" OP( \
										       "connection.open") "\n"
#define OPENED "channel.open|-|OK|-|13|16|complete|" OP("channel.open") "\n"
#define LOG_IN                                                                                                     \
	TT_C(PROTOCOL), TT_S(START), TT_C(START_OK), TT_S(TUNE), TT_C(TUNE_OK OPEN), TT_S(OPEN_OK), TT_C(CHANNEL), \
		TT_S(CHANNEL_OK)

static void methods(void **state)
{
	const struct tt_line script[] = {LOG_IN,
					 TT_C(METHOD("\1", "\x0d", "\x32", "\x0a", "\0\0\1q\0\0\0\0\0")),
					 TT_S(METHOD("\1", "\x0e", "\x32", "\x0b", "\1q\0\0\0\0\0\0\0\0")),
					 TT_C(METHOD("\1", "\x0c", "\x32", "\x0a", "\0\0\0\0\0\0\0\0")),
					 TT_S(METHOD("\1", "\x0e", "\x32", "\x0b", "\1g\0\0\0\0\0\0\0\0")),
					 TT_C(METHOD("\1", "\x0d", "\x32", "\x0a", "\0\0\1n\x10\0\0\0\0")),
					 TT_C(METHOD("\1", "\x0b", "\x14", "\x28", "\0\xc8\0\0\0\0\0")),
					 TT_S(METHOD("\1", "\x04", "\x14", "\x29", "")),
					 TT_TALK_END};

	check(script,
	      LOGIN OPENED "queue.declare|q|OK|-|21|22|complete|" OP(
		      "queue.declare") ",messaging.destination.name=q\n"
				       "queue.declare|g|OK|-|20|22|complete|" OP(
					       "queue.declare") "\n"
								"queue.declare|n|-|-|21|0|complete|" OP(
									"queue.declare") ",messaging.destination.name=n\n"
											 "channel.close|-|OK|-|19|12|"
											 "complete|" OP("channel.close") "\n");
}

/* Messages of two channels, their frames mixed; heartbeats between them. */
static void one_way(void **state)
{
	const struct tt_line script[] = {LOG_IN,
					 TT_C(PUBLISH("\1") PUBLISH("\2") HEADER("\1", "\4") HEADER("\2", "\0")
						      BODY("\1", "\2", "hi") "\x8\0\0\0\0\0\0\xce" BODY("\1", "\2", "hi")),
					 TT_TALK_END};

	check(script, LOGIN OPENED "basic.publish|x:rk|-|-|42|0|complete|" OP(
			      "basic.publish") "," TO ",messaging.message.body.size=0\n"
					       "basic.publish|x:rk|-|-|62|0|complete|" OP(
						       "basic.publish") "," TO ",messaging.message.body.size=4\n");
}

#define CONFIRMED(status, error) \
	"basic.publish|x:rk|" status "|" error "|52|21|complete|" OP("basic.publish") "," TO ",messaging.message.body.size=2\n"

static void confirms(void **state)
{
	const struct tt_line script[] = {
		LOG_IN,
		TT_C(CONFIRM),
		TT_S(CONFIRM_OK),
		TT_C(PUBLISH("\1") CONTENT("\1")),
		TT_S(ACK("\x50", "\1", "\0")),
		TT_C(PUBLISH("\1") CONTENT("\1") PUBLISH("\1") CONTENT("\1") PUBLISH("\1") CONTENT("\1")),
		TT_S(ACK("\x50", "\3", "\1")),
		TT_S(ACK("\x78", "\4", "\0")),
		TT_TALK_END};

	check_once(script, LOGIN OPENED "confirm.select|-|OK|-|13|12|complete|" OP("confirm.select") "\n" CONFIRMED("ack", "-")
				   CONFIRMED("ack", "-") CONFIRMED("ack", "-") CONFIRMED("nack", "nack"));
}

#define DELIVERED(status, error, bytes)                                                              \
	"<basic.deliver|x:rk|" status "|" error "|60|" bytes "|complete|" OP("basic.deliver") "," TO \
											      ",messaging.message.body.size=2\n"

static void deliveries(void **state)
{
	const struct tt_line script[] = {
		LOG_IN, TT_C(METHOD("\1", "\x0f", "\x3c", "\x14", "\0\0\1q\1c\0\0\0\0\0")),
		TT_S(METHOD("\1", "\x06", "\x3c", "\x15", "\1c")), TT_S(DELIVER("\1") CONTENT("\1")),
		TT_C(ACK("\x50", "\1", "\0")),
		TT_S(DELIVER("\2") CONTENT("\1") DELIVER("\3") CONTENT("\1") DELIVER("\4") CONTENT("\1")),
		TT_C(ACK("\x5a", "\2", "\1")), TT_C(ACK("\x50", "\3", "\0")),
		/* The last one is never settled, which is no failure. */
		TT_C_EOF, TT_TALK_END};

	check(script,
	      LOGIN OPENED "basic.consume|q|OK|-|23|14|complete|" OP("basic.consume") ",messaging.destination.name=q\n" DELIVERED(
		      "ack", "-", "21") DELIVERED("reject", "reject", "21") DELIVERED("ack", "-", "21") DELIVERED("-", "-", "0"));
}

/* Consumers that want no acknowledgements; several at once; a message nobody takes. */
static void deliveries_without_ack(void **state)
{
#define RETURN METHOD("\1", "\x0d", "\x3c", "\x32", "\1\x38\1!\1x\2rk")
	const struct tt_line script[] = {LOG_IN,
					 TT_C(METHOD("\1", "\x0f", "\x3c", "\x14", "\0\0\1q\1c\2\0\0\0\0")),
					 TT_S(METHOD("\1", "\x06", "\x3c", "\x15", "\1c")),
					 TT_S(DELIVER("\1") CONTENT("\1")),
					 TT_S(RETURN CONTENT("\1")),
					 TT_TALK_END};

	check(script,
	      LOGIN OPENED "basic.consume|q|OK|-|23|14|complete|" OP("basic.consume") ",messaging.destination.name=q\n" DELIVERED(
		      "-", "-",
		      "0") "<basic.return|x:rk|-|NO_ROUTE|53|0|complete|" OP("basic.return") "," TO
											     ",amqp.reply_code=312,messaging."
											     "message.body.size=2\n");
}

static void getting(void **state)
{
#define GET METHOD("\1", "\x09", "\x3c", "\x46", "\0\0\1q\0")
	const struct tt_line script[] = {
		LOG_IN,
		TT_C(GET),
		TT_S(METHOD("\1", "\x16", "\x3c", "\x47", "\0\0\0\0\0\0\0\1\0\1x\2rk\0\0\0\0") CONTENT("\1")),
		TT_C(GET),
		TT_S(METHOD("\1", "\x05", "\x3c", "\x48", "\0")),
		TT_TALK_END};

	check(script,
	      LOGIN OPENED "basic.get|q|OK|-|17|62|complete|" OP(
		      "basic.get") ",messaging.destination.name=q,messaging.message.body.size=2\n"
				   "basic.get|q|empty|-|17|13|complete|" OP("basic.get") ",messaging.destination.name=q\n");
}

/* The broker closes because of a request, of a message, of the log-in. */
static void failures(void **state)
{
	const struct tt_line request[] = {LOG_IN, TT_C(METHOD("\1", "\x0d", "\x32", "\x0a", "\0\0\1q\1\0\0\0\0")),
					  TT_S(METHOD("\1", "\x0c", "\x14", "\x28", "\1\x94\1!\0\x32\0\x0a")),
					  TT_C(METHOD("\1", "\x04", "\x14", "\x29", "")), TT_TALK_END};
	const struct tt_line message[] = {LOG_IN, TT_C(PUBLISH("\1") CONTENT("\1")),
					  TT_S(METHOD("\1", "\x0c", "\x14", "\x28", "\1\x94\1!\0\x3c\0\x28")),
					  TT_C(METHOD("\1", "\x04", "\x14", "\x29", "")), TT_TALK_END};
	const struct tt_line login[] = {TT_C(PROTOCOL), TT_S(START), TT_C(START_OK),
					TT_S(METHOD("\0", "\x0c", "\x0a", "\x32", "\1\x93\1!\0\0\0\0")), TT_TALK_END};

	check(request,
	      LOGIN OPENED "queue.declare|q|404|NOT_FOUND|21|20|complete|" OP("queue.declare") ",messaging.destination.name=q\n");
	check(message, LOGIN OPENED
	      "basic.publish|x:rk|-|-|52|0|complete|" OP("basic.publish") "," TO ",messaging.message.body.size=2\n"
									  "<channel.close|-|-|NOT_FOUND|20|0|complete|" OP(
										  "channel.close") ",amqp.reply_code=404\n");
	check_once(login, "connection.start-ok|-|403|ACCESS_REFUSED|21|20|complete|" OP("connection.start-ok") "\n");
}

#define CLOSE METHOD("\1", "\x0b", "\x14", "\x28", "\0\xc8\0\0\0\0\0")
#define CLOSED METHOD("\1", "\x04", "\x14", "\x29", "")
#define NO_EXCHANGE METHOD("\1", "\x0c", "\x14", "\x28", "\1\x94\1!\0\x3c\0\x28")
#define DECLARE(queue) METHOD("\1", "\x0d", "\x32", "\x0a", "\0\0\1" queue "\0\0\0\0\0")
#define DECLARED(queue) METHOD("\1", "\x0e", "\x32", "\x0b", "\1" queue "\0\0\0\0\0\0\0\0")
#define PUBLISHED(status, error, bytes)                                                             \
	"basic.publish|x:rk|" status "|" error "|52|" bytes "|complete|" OP("basic.publish") "," TO \
											     ",messaging.message.body.size=2\n"
#define DECLARATION(queue, status, error, bytes)                 \
	"queue.declare|" queue "|" status "|" error "|21|" bytes \
	"|complete|" OP("queue.declare") ",messaging.destination.name=" queue "\n"
#define SELECTED "confirm.select|-|OK|-|13|12|complete|" OP("confirm.select") "\n"
#define BROKER_CLOSED "<channel.close|-|-|NOT_FOUND|20|0|complete|" OP("channel.close") ",amqp.reply_code=404\n"
#define CLIENT_CLOSED "channel.close|-|OK|-|19|12|complete|" OP("channel.close") "\n"

/* The number of a channel the broker closed is used again: what waited there is answered by the close, not by what comes later.
 */
static void closed_by_broker(void **state)
{
	const struct tt_line script[] = {LOG_IN,
					 TT_C(CONFIRM),
					 TT_S(CONFIRM_OK),
					 TT_C(PUBLISH("\1") CONTENT("\1") PUBLISH("\1") CONTENT("\1")),
					 TT_S(ACK("\x50", "\1", "\0")),
					 TT_C(DECLARE("n")),
					 TT_C(DECLARE("m")),
					 TT_S(NO_EXCHANGE),
					 TT_C(CLOSED),
					 TT_C(CHANNEL),
					 TT_S(CHANNEL_OK),
					 TT_C(CONFIRM),
					 TT_S(CONFIRM_OK),
					 TT_C(PUBLISH("\1") CONTENT("\1") DECLARE("q")),
					 TT_S(ACK("\x50", "\1", "\0")),
					 TT_S(DECLARED("q")),
					 TT_TALK_END};

	check_once(script, LOGIN OPENED SELECTED PUBLISHED("ack", "-", "21") BROKER_CLOSED PUBLISHED("404", "NOT_FOUND", "20")
				   DECLARATION("n", "404", "NOT_FOUND", "20") DECLARATION("m", "404", "NOT_FOUND", "20")
					   OPENED SELECTED PUBLISHED("ack", "-", "21") DECLARATION("q", "OK", "-", "22"));
}

/* The same of methods alone, whichever part of it is seen. */
static void closed_before_an_answer(void **state)
{
	const struct tt_line script[] = {LOG_IN,
					 TT_C(PUBLISH("\1") CONTENT("\1") DECLARE("n")),
					 TT_S(NO_EXCHANGE),
					 TT_C(CLOSED),
					 TT_C(CHANNEL),
					 TT_S(CHANNEL_OK),
					 TT_C(DECLARE("q")),
					 TT_S(DECLARED("q")),
					 TT_C(CLOSE),
					 TT_S(CLOSED),
					 TT_C(CHANNEL DECLARE("r")),
					 TT_S(CHANNEL_OK DECLARED("r")),
					 TT_TALK_END};

	check(script, LOGIN OPENED PUBLISHED("-", "-", "0") BROKER_CLOSED DECLARATION("n", "404", "NOT_FOUND", "20")
			      OPENED DECLARATION("q", "OK", "-", "22") CLIENT_CLOSED OPENED DECLARATION("r", "OK", "-", "22"));
}

/* What the client said before it knew of the close. */
static void said_behind_the_close(void **state)
{
	const struct tt_line script[] = {LOG_IN,
					 TT_C(CONFIRM),
					 TT_S(CONFIRM_OK),
					 TT_C(PUBLISH("\1") CONTENT("\1")),
					 TT_S(NO_EXCHANGE),
					 TT_C(PUBLISH("\1") CONTENT("\1") DECLARE("n")),
					 TT_C(CLOSED CHANNEL),
					 TT_S(CHANNEL_OK),
					 TT_C(DECLARE("q")),
					 TT_S(DECLARED("q")),
					 TT_TALK_END};

	check_once(script,
		   LOGIN OPENED SELECTED BROKER_CLOSED PUBLISHED("404", "NOT_FOUND", "20") PUBLISHED("-", "NOT_FOUND", "0")
			   DECLARATION("n", "-", "NOT_FOUND", "0") OPENED DECLARATION("q", "OK", "-", "22"));
}

static void closed_by_client(void **state)
{
	const struct tt_line script[] = {LOG_IN,
					 TT_C(CONFIRM),
					 TT_S(CONFIRM_OK),
					 TT_S(DELIVER("\1") CONTENT("\1")),
					 TT_C(PUBLISH("\1") CONTENT("\1")),
					 TT_C(CLOSE),
					 TT_S(CLOSED),
					 TT_C(CHANNEL),
					 TT_S(CHANNEL_OK),
					 TT_C(CONFIRM),
					 TT_S(CONFIRM_OK),
					 TT_C(PUBLISH("\1") CONTENT("\1")),
					 TT_S(ACK("\x50", "\1", "\1")),
					 TT_S(DELIVER("\1") CONTENT("\1")),
					 TT_C(ACK("\x5a", "\1", "\0")),
					 TT_C_EOF,
					 TT_TALK_END};

	check_once(script, LOGIN OPENED SELECTED CLIENT_CLOSED PUBLISHED("-", "channel_closed", "12") OPENED SELECTED PUBLISHED(
				   "ack", "-", "21") DELIVERED("reject", "reject", "21") DELIVERED("-", "-", "0"));
}

/* Both ends close it at once. */
static void closed_by_both(void **state)
{
	const struct tt_line script[] = {LOG_IN,
					 TT_C(CLOSE),
					 TT_S(NO_EXCHANGE),
					 TT_S(CLOSED),
					 TT_C(CLOSED),
					 TT_C(CHANNEL DECLARE("q")),
					 TT_S(CHANNEL_OK DECLARED("q")),
					 TT_TALK_END};

	check(script, LOGIN OPENED BROKER_CLOSED CLIENT_CLOSED OPENED DECLARATION("q", "OK", "-", "22"));
}

/* The close, and what opened the channel again, were not seen: what it says from there on is still paired. */
static void opened_again_unseen(void **state)
{
	const struct tt_line client[] = {LOG_IN,
					 TT_C(CLOSE),
					 TT_S(CLOSED),
					 TT_C_HOLE(13),
					 TT_S(CHANNEL_OK),
					 TT_C(DECLARE("q")),
					 TT_PAUSE(5000),
					 TT_S(DECLARED("q")),
					 TT_C(DECLARE("r")),
					 TT_S(DECLARED("r")),
					 TT_TALK_END};
	const struct tt_line broker[] = {LOG_IN,	TT_C(CLOSE),	    TT_S_HOLE(12),	 TT_C(CHANNEL),
					 TT_S_HOLE(16), TT_C(DECLARE("q")), TT_S(DECLARED("q")), TT_TALK_END};
	char *lines = tt_talk(&tt_proto_amqp, client);

	assert_non_null(strstr(lines, DECLARATION("r", "OK", "-", "22")));
	assert_null(strstr(lines, "channel_closed"));
	free(lines);
	lines = tt_talk(&tt_proto_amqp, broker);
	assert_non_null(strstr(lines, DECLARATION("q", "OK", "-", "22")));
	free(lines);
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,
					 TT_C("the rest of a body\xce"),
					 TT_C(PUBLISH("\1") CONTENT("\1")),
					 TT_C(METHOD("\1", "\x0d", "\x32", "\x0a", "\0\0\1q\0\0\0\0\0")),
					 TT_S(METHOD("\1", "\x0e", "\x32", "\x0b", "\1q\0\0\0\0\0\0\0\0")),
					 TT_TALK_END};

	tt_talk_check(&tt_proto_amqp, script,
		      "basic.publish|x:rk|-|-|52|0|complete|" OP(
			      "basic.publish") "," TO ",messaging.message.body.size=2\n"
					       "queue.declare|q|OK|-|21|22|complete|" OP(
						       "queue.declare") ",messaging.destination.name=q\n");
}

static void hostile(void **state)
{
	const struct tt_line frame[] = {LOG_IN, TT_C("\3\0\1\xff\xff\xff\xff"), TT_TALK_END};
	const struct tt_line tags[] = {LOG_IN, TT_S(METHOD("\1", "\x0d", "\x3c", "\x50", "\xff\xff\xff\xff\xff\xff\xff\xff\1")),
				       TT_C(METHOD("\1", "\x0d", "\x3c", "\x50", "\xff\xff\xff\xff\xff\xff\xff\xff\1")),
				       TT_TALK_END};
	const struct tt_line version[] = {TT_C("AMQP\0\1\0\0"), TT_TALK_END};

	check_once(frame, LOGIN OPENED);
	check_once(tags, LOGIN OPENED);
	check_once(version, "");
}

TT_UNIT_TESTS(cmocka_unit_test(methods), cmocka_unit_test(one_way), cmocka_unit_test(confirms), cmocka_unit_test(deliveries),
	      cmocka_unit_test(deliveries_without_ack), cmocka_unit_test(getting), cmocka_unit_test(failures),
	      cmocka_unit_test(closed_by_broker), cmocka_unit_test(closed_before_an_answer),
	      cmocka_unit_test(said_behind_the_close), cmocka_unit_test(closed_by_client), cmocka_unit_test(closed_by_both),
	      cmocka_unit_test(opened_again_unseen), cmocka_unit_test(in_the_middle), cmocka_unit_test(hostile))
