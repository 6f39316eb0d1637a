// SPDX-License-Identifier: Apache-2.0
/* Conversations between NATS clients and a server. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_nats;

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_nats, script, expected);
	tt_talk_truncate(&tt_proto_nats, script);
}

static void check_once(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_nats, script);
	assert_string_equal(lines, expected);
	free(lines);
}

#define INFO "INFO {\"server_id\":\"X\",\"version\":\"2.9\"}\r\n"
#define CONNECT "CONNECT {\"verbose\":false}\r\nPING\r\n"
#define SYS "messaging.system=nats"
#define LOGIN "CONNECT|-|OK|-|27|0|complete|" SYS "\nPING|-|OK|-|6|6|complete|" SYS "\n"
#define PUB(subject, size) \
	SYS ",messaging.operation.name=publish,messaging.destination.name=" subject ",messaging.message.body.size=" size
#define MSG(subject, size) \
	SYS ",messaging.operation.name=deliver,messaging.destination.name=" subject ",messaging.message.body.size=" size

static void one_way(void **state)
{
	const struct tt_line script[] = {TT_S(INFO),
					 TT_C(CONNECT),
					 TT_S("PONG\r\n"),
					 TT_C("SUB foo.* 1\r\nPUB foo.bar 5\r\nhello\r\npub foo.bar 0\r\n\r\n"),
					 TT_S("MSG foo.bar 1 5\r\nhello\r\nMSG foo.bar 1 0\r\n\r\n"),
					 TT_C("UNSUB 1 7\r\n"),
					 TT_S("PING\r\n"),
					 TT_C("PONG\r\n"),
					 TT_TALK_END};

	check(script, LOGIN
	      "SUB|foo.*|-|-|13|0|complete|" SYS ",messaging.destination.name=foo.*\n"
	      "PUB|foo.bar|-|-|22|0|complete|" PUB(
		      "foo.bar", "5") "\n"
				      "PUB|foo.bar|-|-|17|0|complete|" PUB(
					      "foo.bar", "0") "\n"
							      "<MSG|foo.bar|-|-|24|0|complete|" MSG(
								      "foo.bar",
								      "5") "\n"
									   "<MSG|foo.bar|-|-|19|0|complete|" MSG(
										   "foo.bar",
										   "0") "\n"
											"UNSUB|-|-|-|11|0|complete|" SYS "\n"
											"<PING|-|OK|-|6|6|complete|" SYS "\n");
}

/* The client asks; nobody is there; JetStream refuses; the client is asked. */
static void requests(void **state)
{
	const struct tt_line script[] = {TT_S(INFO),
					 TT_C(CONNECT),
					 TT_S("PONG\r\n"),
					 TT_C("SUB _INBOX.a.* 1\r\n"),
					 TT_C("PUB svc _INBOX.a.1 2\r\nhi\r\nPUB svc _INBOX.a.2 2\r\nhi\r\n"),
					 TT_S("MSG _INBOX.a.2 1 3\r\ntwo\r\nMSG _INBOX.a.1 1 3\r\none\r\n"),
					 TT_C("HPUB svc _INBOX.a.3 16 16\r\nNATS/1.0\r\nA:\r\n\r\n\r\n"),
					 TT_S("HMSG _INBOX.a.3 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"),
					 TT_C("PUB $JS.API.STREAM.INFO.x _INBOX.a.4 0\r\n\r\n"),
					 TT_S("MSG _INBOX.a.4 1 35\r\n{\"type\":\"x\",\"error\":{\"code\":404,\"e\"\r\n"),
					 TT_S("MSG svc 2 _INBOX.b.1 2\r\nhi\r\n"),
					 TT_C("PUB _INBOX.b.1 2\r\nho\r\n"),
					 TT_TALK_END};
#define TO(inbox) ",messaging.message.conversation_id=_INBOX." inbox

	check(script, LOGIN
	      "SUB|_INBOX.a.*|-|-|18|0|complete|" SYS ",messaging.destination.name=_INBOX.a.*\n"
	      "PUB|svc|OK|-|26|25|complete|" PUB("svc", "2")
		      TO("a.2") "\n"
				"PUB|svc|OK|-|26|25|complete|" PUB("svc", "2")
					TO("a.1") "\n"
						  "PUB|svc|503|no_responders|45|43|complete|" PUB("svc", "0") TO(
							  "a.3") "\n"
								 "PUB|$JS.API.STREAM.INFO.x|404|not_found|42|58|complete|" PUB(
									 "$JS.API.STREAM.INFO.x", "0")
									 TO("a.4") "\n"
										   "<MSG|svc|OK|-|28|22|complete|" MSG("svc", "2")
											   TO("b.1") "\n");
}

#define PULL "$JS.API.CONSUMER.MSG.NEXT.s.c"
#define JOB(ack) "MSG o 1 $JS.ACK." ack " 1\r\nx\r\n"
#define NONE_LEFT(left) "HMSG _INBOX.p 1 42 42\r\nNATS/1.0 408\r\nNats-Pending-Messages: " left "\r\n\r\n\r\n"

/* Messages are asked for twice with one subject for the answer: of the second request some are left over. */
static void pulls(void **state)
{
	const struct tt_line script[] = {TT_S(INFO),
					 TT_C(CONNECT),
					 TT_S("PONG\r\n"),
					 TT_C("PUB " PULL " _INBOX.p 11\r\n{\"batch\":2}\r\nPUB " PULL " _INBOX.p 1\r\n3\r\n"),
					 TT_S(JOB("s.c.1.1.1.1.0") JOB("other.c.1.1.1.1.0") JOB("hub.hash.s.c.1.2.2.1.0.r")),
					 TT_S("HMSG _INBOX.p 1 16 16\r\nNATS/1.0 100\r\n\r\n\r\n"),
					 TT_S(JOB("s.c.1.3.3.1.0") NONE_LEFT("2")),
					 TT_C_EOF,
					 TT_S_EOF,
					 TT_TALK_END};
	char *lines = tt_talk(&tt_proto_nats, script);

	assert_non_null(strstr(lines, "PUB|" PULL "|408|request_timeout|49|67|complete|"));
	assert_non_null(strstr(lines, "PUB|" PULL "|-|-|60|0|complete|"));
	assert_non_null(strstr(lines, "<MSG|_INBOX.p|-|-|41|0|complete|"));
	free(lines);

	/* Messages for what was asked before: whose the status is cannot be said. */
	const struct tt_line early[] = {TT_MID, TT_C("PUB " PULL " _INBOX.p 1\r\n3\r\n"),
					TT_S(JOB("s.c.1.1.1.1.0") NONE_LEFT("3")), TT_TALK_END};
	lines = tt_talk(&tt_proto_nats, early);
	assert_non_null(strstr(lines, "PUB|" PULL "|-|lost|49|0|incomplete|"));
	assert_null(strstr(lines, "PUB|" PULL "|408|"));
	free(lines);
}

/* More requests for messages than are followed: the oldest is forgotten, which is counted. */
static void many_pulls(void **state)
{
#define ONE_MORE "PUB " PULL " _INBOX.p 1\r\n1\r\n"
	const struct tt_line script[] = {TT_S(INFO),
					 TT_C(CONNECT),
					 TT_S("PONG\r\n"),
					 TT_C(ONE_MORE ONE_MORE ONE_MORE ONE_MORE ONE_MORE ONE_MORE ONE_MORE ONE_MORE),
					 TT_C(ONE_MORE ONE_MORE),
					 TT_TALK_END};
	free(tt_talk(&tt_proto_nats, script));
	assert_int_equal(tt_talk_stats()->statements_full, 2);
}

/* A message is acknowledged when its delivery was reported as it was, and once more: nothing of that was missed. */
static void late_acknowledgement(void **state)
{
#define ACK "PUB $JS.ACK.s.c.1.1.1.1.0 4\r\n+ACK\r\n"
	const struct tt_line script[] = {TT_S(INFO),	  TT_C(CONNECT), TT_S("PONG\r\n"), TT_S(JOB("s.c.1.1.1.1.0")),
					 TT_PAUSE(61000), TT_C(ACK),	 TT_C(ACK),	   TT_TALK_END};
	char *lines = tt_talk(&tt_proto_nats, script);
	assert_non_null(strstr(lines, "PUB|$JS.ACK.s.c.1.1.1.1.0|-|-|35|0|complete|"));
	tt_talk_check(&tt_proto_nats, script, lines);
	free(lines);

	/* One that answers what was missed is not whole. */
	const struct tt_line missed[] = {TT_S(INFO), TT_C(CONNECT), TT_S("PONG\r\n"), TT_S_HOLE(40), TT_C(ACK), TT_TALK_END};
	lines = tt_talk(&tt_proto_nats, missed);
	assert_non_null(strstr(lines, "PUB|$JS.ACK.s.c.1.1.1.1.0|-|-|35|0|incomplete|"));
	free(lines);
}

static void verbose(void **state)
{
	const struct tt_line script[] = {TT_S(INFO),
					 TT_C("CONNECT {\"verbose\":true}\r\n"),
					 TT_S("+OK\r\n"),
					 TT_C("SUB foo 1\r\nPUB foo 1\r\nx\r\nPUB bar 1\r\nx\r\n"),
					 TT_S("+OK\r\n+OK\r\n-ERR 'Permissions Violation for Publish to \"bar\"'\r\n"),
					 TT_TALK_END};

	check_once(script, "CONNECT|-|OK|-|26|5|complete|" SYS "\n"
			   "SUB|foo|OK|-|11|5|complete|" SYS ",messaging.destination.name=foo\n"
			   "PUB|foo|OK|-|14|5|complete|" PUB(
				   "foo", "1") "\n"
					       "PUB|bar|-ERR|permissions_violation_publish|14|51|complete|" PUB("bar", "1") "\n");
}

static void failures(void **state)
{
	const struct tt_line refused[] = {TT_S(INFO), TT_C(CONNECT), TT_S("-ERR 'Authorization Violation'\r\n"), TT_S_EOF,
					  TT_TALK_END};
	const struct tt_line late[] = {TT_S(INFO), TT_C(CONNECT), TT_S("PONG\r\n"),
				       TT_S("-ERR 'Permissions Violation for Subscription to \"a.b\"'\r\n"), TT_TALK_END};

	/* That a line was not understood says nothing of the log-in. */
	const struct tt_line nonsense[] = {TT_S(INFO), TT_C("CONNECT {\"verbose\":false}\r\n"),
					   TT_S("-ERR 'Unknown Protocol Operation'\r\n"), TT_S_EOF, TT_TALK_END};

	check_once(nonsense, "<-ERR|-|-|unknown_protocol_operation|35|0|complete|" SYS "\n"
			     "CONNECT|-|-|-|27|0|complete|" SYS "\n");
	check_once(refused, "CONNECT|-|-ERR|authorization_violation|27|32|complete|" SYS "\n"
			    "PING|-|-|closed_by_server|6|0|complete|" SYS "\n");
	check(late,
	      LOGIN "<-ERR|a.b|-|permissions_violation_subscription|56|0|complete|" SYS ",messaging.destination.name=a.b\n");
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,
					 TT_S("of a payload\r\n"),
					 TT_C("PUB foo _INBOX.x.1 2\r\nhi\r\n"),
					 TT_S("MSG _INBOX.x.1 9 2\r\nho\r\n"),
					 TT_C("PUB foo 2\r\nhi\r\n"),
					 TT_TALK_END};

	tt_talk_check(&tt_proto_nats, script,
		      "PUB|foo|OK|-|26|24|complete|" PUB("foo", "2") TO("x.1") "\n"
									       "PUB|foo|-|-|15|0|complete|" PUB("foo", "2") "\n");
}

static void hostile(void **state)
{
	const struct tt_line sizes[] = {TT_S(INFO), TT_C("PUB foo 4294967295\r\nhi\r\n"), TT_C("HPUB foo 9 3\r\nabc\r\n"),
					TT_TALK_END};
	const struct tt_line redis[] = {TT_C("PING\r\n"), TT_S("+PONG\r\n"), TT_TALK_END};
	const struct tt_line proxy[] = {TT_C("CONNECT example.org:443 HTTP/1.1\r\n\r\n"), TT_TALK_END};

	check_once(sizes, "");
	check_once(redis, "");
	check_once(proxy, "");
}

TT_UNIT_TESTS(cmocka_unit_test(one_way), cmocka_unit_test(requests), cmocka_unit_test(pulls), cmocka_unit_test(many_pulls),
	      cmocka_unit_test(late_acknowledgement), cmocka_unit_test(verbose), cmocka_unit_test(failures),
	      cmocka_unit_test(in_the_middle), cmocka_unit_test(hostile))
