// SPDX-License-Identifier: Apache-2.0
/* Conversations as redis-server and its clients have them, in every way of arriving. */
#include <stdio.h>
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"
#include "proto/redis.h"

extern const struct tt_proto tt_proto_redis;

#define LEN(s) (sizeof(s) - 1)

/* The expected lines of the running test. */
static char expected[16384];
static size_t expected_len;

static int expect_nothing(void **state)
{
	expected_len = 0;
	expected[0] = '\0';
	return 0;
}

/* What it was, of a word that is no command. */
static const char *original = "";

static void expect_line(const char *operation, const char *resource, const char *status, const char *error_type, size_t request,
			const char *response, const char *attributes)
{
	expected_len +=
		(size_t)snprintf(expected + expected_len, sizeof(expected) - expected_len,
				 "%s|%s|%s|%s|%zu|%s|complete|%s%s%sdb.system.name=redis,db.operation.name=%s%s\n", operation,
				 resource, status, error_type, request, response, *original ? "telltale.operation.original=" : "",
				 original, *original ? "," : "", operation, attributes);
	original = "";
	assert_true(expected_len < sizeof(expected));
}

static const char *digits(size_t n)
{
	static char text[24];
	snprintf(text, sizeof(text), "%zu", n);
	return text;
}

/* An exchange that went well; lengths from the literals. */
#define OK(operation, resource, request, response, attributes) \
	expect_line(operation, resource, "OK", "-", LEN(request), digits(LEN(response)), attributes)
#define ERROR(operation, resource, code, request, response, attributes) \
	expect_line(operation, resource, code, code, LEN(request), digits(LEN(response)), attributes)
#define ONE_WAY(operation, resource, request) expect_line(operation, resource, "-", "-", LEN(request), "0", "")

static void check(const struct tt_line *script)
{
	tt_talk_check(&tt_proto_redis, script, expected);
	tt_talk_truncate(&tt_proto_redis, script);
	expect_nothing(NULL);
}

/* For conversations that only make sense whole or are large: played once. */
static void check_once(const struct tt_line *script)
{
	char *lines = tt_talk(&tt_proto_redis, script);
	assert_string_equal(lines, expected);
	free(lines);
	expect_nothing(NULL);
}

#define PING "*1\r\n$4\r\nPING\r\n"
#define PONG "+PONG\r\n"
#define GET "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
#define SET "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$2\r\nvv\r\n"
#define VALUE "$2\r\nvv\r\n"
#define SAID_OK "+OK\r\n"
#define QUEUED "+QUEUED\r\n"
#define MULTI "*1\r\n$5\r\nMULTI\r\n"
#define EXEC "*1\r\n$4\r\nEXEC\r\n"

static void one_after_the_other(void **state)
{
#define LPUSH "*3\r\n$5\r\nLPUSH\r\n$1\r\nk\r\n$1\r\nx\r\n"
#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
	const struct tt_line script[] = {TT_C(SET),	  TT_S(SAID_OK), TT_C(GET),	TT_S(VALUE), TT_C(GET),
					 TT_S("$-1\r\n"), TT_C(GET),	 TT_S("_\r\n"), TT_C(LPUSH), TT_S(WRONGTYPE),
					 TT_C(PING),	  TT_S(PONG),	 TT_TALK_END};

	OK("SET", "k", SET, SAID_OK, "");
	OK("GET", "k", GET, VALUE, "");
	OK("GET", "k", GET, "$-1\r\n", "");
	OK("GET", "k", GET, "_\r\n", "");
	ERROR("LPUSH", "k", "WRONGTYPE", LPUSH, WRONGTYPE, "");
	OK("PING", "-", PING, PONG, "");
	check(script);
}

static void pipelined(void **state)
{
	const struct tt_line script[] = {TT_C(SET GET PING GET),
					 TT_S(SAID_OK VALUE PONG "$0\r\n\r\n"),
					 TT_C(GET GET),
					 TT_S(VALUE),
					 TT_S(VALUE),
					 TT_TALK_END};

	OK("SET", "k", SET, SAID_OK, "");
	OK("GET", "k", GET, VALUE, "");
	OK("PING", "-", PING, PONG, "");
	OK("GET", "k", GET, "$0\r\n\r\n", "");
	OK("GET", "k", GET, VALUE, "");
	OK("GET", "k", GET, VALUE, "");
	check(script);
}

static void inline_commands(void **state)
{
#define INLINE_SET "set \"a\\x20key\" 'it is' \r\n"
	const struct tt_line script[] = {
		TT_C("PING\r\n"), TT_S(PONG),	    TT_C("\r\nGET k\n"), TT_S(VALUE), TT_C("CONFIG get x\r\n"),
		TT_S("*0\r\n"),	  TT_C(INLINE_SET), TT_S(SAID_OK),	 TT_TALK_END};

	OK("PING", "-", "PING\r\n", PONG, "");
	OK("GET", "k", "GET k\n", VALUE, "");
	OK("CONFIG GET", "-", "CONFIG get x\r\n", "*0\r\n", "");
	OK("SET", "a key", INLINE_SET, SAID_OK, "");
	check(script);
}

static void operations_and_keys(void **state)
{
	static const struct {
		const char *request;
		const char *operation;
		const char *resource;
		const char *original;
	} rows[] = {
		{"*3\r\n$6\r\nCLIENT\r\n$7\r\nsetname\r\n$1\r\nx\r\n", "CLIENT SETNAME", "-", ""},
		{"*3\r\n$6\r\nobject\r\n$8\r\nencoding\r\n$3\r\nkey\r\n", "OBJECT ENCODING", "key", ""},
		{"*4\r\n$5\r\nBITOP\r\n$3\r\nAND\r\n$4\r\ndest\r\n$3\r\nsrc\r\n", "BITOP", "dest", ""},
		{"*5\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$3\r\nkey\r\n$3\r\narg\r\n", "EVAL", "key", ""},
		{"*3\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n0\r\n", "EVAL", "-", ""},
		{"*4\r\n$6\r\nZUNION\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\nb\r\n", "ZUNION", "a", ""},
		{"*6\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$1\r\n2\r\n$7\r\nstreams\r\n$1\r\ns\r\n$1\r\n0\r\n", "XREAD", "s", ""},
		{"*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$2\r\nhi\r\n", "PUBLISH", "news", ""},
		{"*2\r\n$4\r\nauth\r\n$6\r\nsecret\r\n", "AUTH", "-", ""},
		{"*3\r\n$8\r\nJSON.GET\r\n$3\r\ndoc\r\n$1\r\n$\r\n", "JSON.GET", "doc", ""},
		{"*2\r\n$7\r\nUNHEARD\r\n$2\r\nof\r\n", "_OTHER", "-", "UNHEARD"},
		{"*1\r\n$7\r\nhunter2\r\n", "_OTHER", "-", "hunter2"},
		{"*2\r\n$8\r\nSENTINEL\r\n$7\r\nhunter2\r\n", "SENTINEL", "-", "hunter2"},
		{"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "GET", "", ""},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		const struct tt_line script[] = {
			{TT_SAY_CLIENT, rows[i].request, strlen(rows[i].request)}, TT_S(SAID_OK), TT_TALK_END};
		original = rows[i].original;
		expect_line(rows[i].operation, rows[i].resource, "OK", "-", strlen(rows[i].request), "5", "");
		check(script);
	}
}

static void transactions(void **state)
{
#define BATCH ",db.operation.batch.size=2"
#define NOT_FOUND "-ERR unknown command 'FOO', with args beginning with: \r\n"
#define ABORTED "-EXECABORT Transaction discarded because of previous errors.\r\n"
#define FOO "*1\r\n$3\r\nFOO\r\n"
#define DISCARD "*1\r\n$7\r\nDISCARD\r\n"
	const struct tt_line script[] = {TT_C(MULTI),
					 TT_S(SAID_OK),
					 TT_C(SET GET),
					 TT_S(QUEUED QUEUED),
					 TT_C(EXEC),
					 TT_S("*2\r\n" SAID_OK VALUE),
					 TT_C(MULTI SET GET EXEC),
					 TT_S(SAID_OK QUEUED QUEUED "*-1\r\n"),
					 TT_C(MULTI),
					 TT_S(SAID_OK),
					 TT_C(SET GET FOO EXEC),
					 TT_S(QUEUED QUEUED NOT_FOUND ABORTED),
					 TT_C(MULTI),
					 TT_S(SAID_OK),
					 TT_C(SET),
					 TT_S(QUEUED),
					 TT_C(DISCARD),
					 TT_S(SAID_OK),
					 TT_TALK_END};

	OK("MULTI", "-", MULTI, SAID_OK, "");
	OK("SET", "k", SET, QUEUED, "");
	OK("GET", "k", GET, QUEUED, "");
	OK("EXEC", "-", EXEC, "*2\r\n" SAID_OK VALUE, BATCH);
	OK("MULTI", "-", MULTI, SAID_OK, "");
	OK("SET", "k", SET, QUEUED, "");
	OK("GET", "k", GET, QUEUED, "");
	OK("EXEC", "-", EXEC, "*-1\r\n", BATCH);
	OK("MULTI", "-", MULTI, SAID_OK, "");
	OK("SET", "k", SET, QUEUED, "");
	OK("GET", "k", GET, QUEUED, "");
	original = "FOO";
	ERROR("_OTHER", "-", "ERR", FOO, NOT_FOUND, "");
	ERROR("EXEC", "-", "EXECABORT", EXEC, ABORTED, BATCH);
	OK("MULTI", "-", MULTI, SAID_OK, "");
	OK("SET", "k", SET, QUEUED, "");
	OK("DISCARD", "-", DISCARD, SAID_OK, "");
	check(script);
}

static void databases(void **state)
{
#define SELECT(n) "*2\r\n$6\r\nSELECT\r\n$1\r\n" #n "\r\n"
#define NO_SUCH_DB "-ERR DB index is out of range\r\n"
#define RESET "*1\r\n$5\r\nRESET\r\n"
	const struct tt_line script[] = {TT_C(GET SELECT(3) GET),
					 TT_S(VALUE SAID_OK VALUE),
					 TT_C(SELECT(9)),
					 TT_S(NO_SUCH_DB),
					 TT_C(GET),
					 TT_S(VALUE),
					 TT_C(MULTI SELECT(4) EXEC GET),
					 TT_S(SAID_OK QUEUED "*1\r\n" SAID_OK VALUE),
					 TT_C(RESET GET),
					 TT_S("+RESET\r\n" VALUE),
					 TT_TALK_END};

	OK("GET", "k", GET, VALUE, "");
	OK("SELECT", "-", SELECT(3), SAID_OK, ",db.namespace=3");
	OK("GET", "k", GET, VALUE, ",db.namespace=3");
	ERROR("SELECT", "-", "ERR", SELECT(9), NO_SUCH_DB, ",db.namespace=3");
	OK("GET", "k", GET, VALUE, ",db.namespace=3");
	OK("MULTI", "-", MULTI, SAID_OK, ",db.namespace=3");
	OK("SELECT", "-", SELECT(4), QUEUED, ",db.namespace=3");
	OK("EXEC", "-", EXEC, "*1\r\n" SAID_OK, ",db.namespace=4");
	OK("GET", "k", GET, VALUE, ",db.namespace=4");
	OK("RESET", "-", RESET, "+RESET\r\n", "");
	OK("GET", "k", GET, VALUE, "");
	check(script);
}

#define SUBSCRIBE_A_B "*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n"
#define CONFIRM(kind, len, channel, n) "*3\r\n$" #len "\r\n" kind "\r\n$1\r\n" channel "\r\n:" #n "\r\n"
#define MESSAGE "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n"
#define UNSUBSCRIBE "*1\r\n$11\r\nUNSUBSCRIBE\r\n"

static void channels_in_resp2(void **state)
{
#define PSUBSCRIBE "*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\nn*\r\n"
#define PCONFIRM "*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:3\r\n"
#define PMESSAGE "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$2\r\nnn\r\n$1\r\nx\r\n"
#define TWO CONFIRM("subscribe", 9, "a", 1) CONFIRM("subscribe", 9, "b", 2)
#define GONE CONFIRM("unsubscribe", 11, "b", 2) CONFIRM("unsubscribe", 11, "a", 1)
#define PGONE "*3\r\n$12\r\npunsubscribe\r\n$2\r\nn*\r\n:0\r\n"
#define PUNSUBSCRIBE "*2\r\n$12\r\nPUNSUBSCRIBE\r\n$2\r\nn*\r\n"
#define NOTHING_LEFT "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"
	const struct tt_line script[] = {TT_C(SUBSCRIBE_A_B), TT_S(TWO), TT_S(MESSAGE), TT_S(MESSAGE MESSAGE), TT_C(PSUBSCRIBE),
					 TT_S(MESSAGE PCONFIRM PMESSAGE), TT_C(PING),
					 TT_S(MESSAGE "*2\r\n$4\r\npong\r\n$0\r\n\r\n"), TT_C(UNSUBSCRIBE), TT_S(GONE PMESSAGE),
					 TT_C(PUNSUBSCRIBE), TT_S(PGONE), TT_C(UNSUBSCRIBE), TT_S(NOTHING_LEFT),
					 /* Not listening to anything, this is an answer like any other. */
					 TT_C(GET), TT_S(MESSAGE), TT_TALK_END};

	OK("SUBSCRIBE", "a", SUBSCRIBE_A_B, TWO, "");
	OK("PSUBSCRIBE", "n*", PSUBSCRIBE, PCONFIRM, "");
	OK("PING", "-", PING, "*2\r\n$4\r\npong\r\n$0\r\n\r\n", "");
	OK("UNSUBSCRIBE", "-", UNSUBSCRIBE, GONE, "");
	OK("PUNSUBSCRIBE", "n*", PUNSUBSCRIBE, PGONE, "");
	OK("UNSUBSCRIBE", "-", UNSUBSCRIBE, NOTHING_LEFT, "");
	OK("GET", "k", GET, MESSAGE, "");
	check(script);
}

static void pushes_in_resp3(void **state)
{
#define HELLO "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"
#define GREETING "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n"
#define PUSHED(kind, len, channel, n) ">3\r\n$" #len "\r\n" kind "\r\n$1\r\n" channel "\r\n:" #n "\r\n"
#define NEWS ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n"
#define INVALIDATE ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
#define BOTH PUSHED("subscribe", 9, "a", 1) PUSHED("subscribe", 9, "b", 2)
#define BOTH_GONE PUSHED("unsubscribe", 11, "a", 1) PUSHED("unsubscribe", 11, "b", 0)
	const struct tt_line script[] = {TT_C(HELLO),
					 TT_S(GREETING),
					 TT_C(SUBSCRIBE_A_B GET),
					 TT_S(BOTH NEWS VALUE),
					 TT_S(INVALIDATE),
					 TT_C(GET),
					 TT_S(NEWS INVALIDATE VALUE NEWS),
					 TT_C(UNSUBSCRIBE),
					 TT_S(BOTH_GONE),
					 TT_C(GET),
					 TT_S(VALUE),
					 TT_TALK_END};

	OK("HELLO", "-", HELLO, GREETING, "");
	OK("SUBSCRIBE", "a", SUBSCRIBE_A_B, BOTH, "");
	OK("GET", "k", GET, VALUE, "");
	OK("GET", "k", GET, VALUE, "");
	OK("UNSUBSCRIBE", "-", UNSUBSCRIBE, BOTH_GONE, "");
	OK("GET", "k", GET, VALUE, "");
	check(script);
}

static void subscriber_from_before(void **state)
{
	const struct tt_line script[] = {TT_MID,
					 TT_C(PING),
					 TT_S("*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
					 TT_S(MESSAGE),
					 TT_S(MESSAGE),
					 TT_C(UNSUBSCRIBE),
					 TT_S(CONFIRM("unsubscribe", 11, "a", 1)),
					 TT_S(CONFIRM("unsubscribe", 11, "b", 0)),
					 TT_C(GET),
					 TT_S(VALUE),
					 TT_TALK_END};

	/* How many answers there would be to UNSUBSCRIBE was not known. */
	char *lines = tt_talk(&tt_proto_redis, script);
	assert_string_equal(lines, "PING|-|OK|-|14|20|complete|db.system.name=redis,db.operation.name=PING\n"
				   "UNSUBSCRIBE|-|OK|-|22|33|incomplete|db.system.name=redis,db.operation.name=UNSUBSCRIBE\n"
				   "GET|k|OK|-|20|8|complete|db.system.name=redis,db.operation.name=GET\n");
	free(lines);
}

static void silenced_commands(void **state)
{
#define REPLY(len, mode) "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$" #len "\r\n" mode "\r\n"
	const struct tt_line script[] = {TT_C(GET),
					 TT_S(VALUE),
					 TT_C(REPLY(4, "SKIP") SET GET),
					 TT_S(VALUE),
					 TT_C(REPLY(3, "off") SET SET),
					 TT_C(REPLY(2, "ON") GET),
					 TT_S(SAID_OK VALUE),
					 TT_TALK_END};

	OK("GET", "k", GET, VALUE, "");
	ONE_WAY("CLIENT REPLY", "-", REPLY(4, "SKIP"));
	ONE_WAY("SET", "k", SET);
	OK("GET", "k", GET, VALUE, "");
	ONE_WAY("CLIENT REPLY", "-", REPLY(3, "off"));
	ONE_WAY("SET", "k", SET);
	ONE_WAY("SET", "k", SET);
	OK("CLIENT REPLY", "-", REPLY(2, "ON"), SAID_OK, "");
	OK("GET", "k", GET, VALUE, "");
	check(script);
}

#define NO_CLIENT "-NOPERM this user has no permissions to run the 'client|reply' command\r\n"
#define UNKNOWN_CLIENT "-ERR unknown command 'CLIENT', with args beginning with: 'REPLY' 'OFF' \r\n"

/* The server refused to be silent: all is answered, in its turn. */
static void silence_refused(void **state)
{
	const struct tt_line script[] = {
		TT_C(REPLY(4, "SKIP")), TT_S(NO_CLIENT),      TT_C(GET),     TT_S(VALUE),	  TT_C(PING), TT_S(PONG),
		TT_C(REPLY(3, "OFF")),	TT_S(UNKNOWN_CLIENT), TT_C(SET GET), TT_S(SAID_OK VALUE), TT_TALK_END};

	ERROR("CLIENT REPLY", "-", "NOPERM", REPLY(4, "SKIP"), NO_CLIENT, "");
	OK("GET", "k", GET, VALUE, "");
	OK("PING", "-", PING, PONG, "");
	ERROR("CLIENT REPLY", "-", "ERR", REPLY(3, "OFF"), UNKNOWN_CLIENT, "");
	OK("SET", "k", SET, SAID_OK, "");
	OK("GET", "k", GET, VALUE, "");
	check(script);

	const struct tt_line pipelined[] = {TT_C(REPLY(3, "OFF") SET PING REPLY(4, "SKIP") GET GET PING),
					    TT_S(NO_CLIENT SAID_OK PONG NO_CLIENT VALUE VALUE PONG), TT_TALK_END};
	ERROR("CLIENT REPLY", "-", "NOPERM", REPLY(3, "OFF"), NO_CLIENT, "");
	OK("SET", "k", SET, SAID_OK, "");
	OK("PING", "-", PING, PONG, "");
	ERROR("CLIENT REPLY", "-", "NOPERM", REPLY(4, "SKIP"), NO_CLIENT, "");
	OK("GET", "k", GET, VALUE, "");
	OK("GET", "k", GET, VALUE, "");
	OK("PING", "-", PING, PONG, "");
	check(pipelined);
}

/* Until EXEC it is a command like any other. */
static void silence_queued(void **state)
{
	const struct tt_line script[] = {TT_C(MULTI), TT_S(SAID_OK), TT_C(REPLY(4, "SKIP") GET), TT_S(QUEUED QUEUED),
					 TT_TALK_END};

	OK("MULTI", "-", MULTI, SAID_OK, "");
	OK("CLIENT REPLY", "-", REPLY(4, "SKIP"), QUEUED, "");
	OK("GET", "k", GET, QUEUED, "");
	check(script);
}

/* An error behind a silenced command may be the answer to what came after it, or the refusal to be silent. */
static void silence_unsure(void **state)
{
	const struct tt_line clear[] = {TT_C(REPLY(4, "SKIP") SET LPUSH PING), TT_S(WRONGTYPE PONG), TT_TALK_END};
	ONE_WAY("CLIENT REPLY", "-", REPLY(4, "SKIP"));
	ONE_WAY("SET", "k", SET);
	ERROR("LPUSH", "k", "WRONGTYPE", LPUSH, WRONGTYPE, "");
	OK("PING", "-", PING, PONG, "");
	check(clear);

	const struct tt_line unsure[] = {TT_C(REPLY(4, "SKIP") SET LPUSH PING), TT_S("-ERR no\r\n" PONG), TT_TALK_END};
	char *lines = tt_talk(&tt_proto_redis, unsure);
	assert_null(strstr(lines, "|complete|"));
	free(lines);
}

/* Of more silent commands than are waited for it is not known that they are not answered. */
static void many_silenced(void **state)
{
	enum { MANY = 1000 };
	static char text[MANY * LEN(SET) + 64];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", REPLY(3, "OFF"));

	for (int i = 0; i < MANY; i++, len += LEN(SET))
		memcpy(text + len, SET, LEN(SET));
	const struct tt_line script[] = {{TT_SAY_CLIENT, text, len}, TT_C(REPLY(2, "ON")), TT_S(SAID_OK), TT_TALK_END};
	char *lines = tt_talk(&tt_proto_redis, script);
	size_t complete = 0, incomplete = 0;
	for (const char *at = lines; (at = strstr(at, "SET|k|-|-|")); at++)
		*(strstr(at, "|complete|") && strstr(at, "|complete|") < strchr(at, '\n') ? &complete : &incomplete) += 1;
	assert_int_equal(complete, 255);
	assert_int_equal(incomplete, MANY - 255);
	assert_non_null(strstr(lines, "CLIENT REPLY|-|OK|-|"));
	free(lines);
}

#define MONITOR "*1\r\n$7\r\nMONITOR\r\n"
#define MONITOR_LINE "+1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"*\"\r\n"

/* Whether a SELECT that is not answered succeeded cannot be known. */
static void silenced_select(void **state)
{
	const struct tt_line script[] = {TT_C(SELECT(3)), TT_S(SAID_OK),   TT_C(REPLY(4, "SKIP") SELECT(4) GET),
					 TT_S(VALUE),	  TT_C(SELECT(5)), TT_S(SAID_OK),
					 TT_TALK_END};

	OK("SELECT", "-", SELECT(3), SAID_OK, ",db.namespace=3");
	ONE_WAY("CLIENT REPLY", "-", REPLY(4, "SKIP"));
	ONE_WAY("SELECT", "-", SELECT(4));
	OK("GET", "k", GET, VALUE, "");
	OK("SELECT", "-", SELECT(5), SAID_OK, ",db.namespace=5");
	check(script);
}

/* The confirmations after the first are more than EXEC's array promised. */
static void subscribed_in_a_transaction(void **state)
{
#define EXECUTED "*1\r\n" CONFIRM("subscribe", 9, "a", 1)
	const struct tt_line script[] = {TT_C(MULTI SUBSCRIBE_A_B EXEC PING),
					 TT_S(SAID_OK QUEUED EXECUTED CONFIRM("subscribe", 9, "b", 2) PONG),
					 TT_S(MESSAGE),
					 TT_C(PING),
					 TT_S(MESSAGE PONG),
					 TT_TALK_END};

	OK("MULTI", "-", MULTI, SAID_OK, "");
	OK("SUBSCRIBE", "a", SUBSCRIBE_A_B, QUEUED, "");
	OK("EXEC", "-", EXEC, EXECUTED, "");
	OK("PING", "-", PING, PONG, "");
	OK("PING", "-", PING, PONG, "");
	check_once(script);
}

static void monitor_ends_it(void **state)
{
	const struct tt_line script[] = {TT_C(GET),
					 TT_S(VALUE),
					 TT_C(MONITOR),
					 TT_S(SAID_OK),
					 TT_S(MONITOR_LINE MONITOR_LINE),
					 TT_C("*1\r\n$4\r\nQUIT\r\n"),
					 TT_S(SAID_OK),
					 TT_TALK_END};

	OK("GET", "k", GET, VALUE, "");
	OK("MONITOR", "-", MONITOR, SAID_OK, "");
	check(script);
}

static void monitor_refused(void **state)
{
#define NOPERM "-NOPERM this user has no permissions to run the 'monitor' command\r\n"
	const struct tt_line script[] = {TT_C(MONITOR GET), TT_S(NOPERM VALUE), TT_TALK_END};

	ERROR("MONITOR", "-", "NOPERM", MONITOR, NOPERM, "");
	OK("GET", "k", GET, VALUE, "");
	check(script);
}

static void replicas_are_left_alone(void **state)
{
#define REPLCONF "*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n6380\r\n"
#define ACK "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n"
#define PSYNC "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"
#define FULL "+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761 0\r\n"
	const struct tt_line script[] = {TT_C(REPLCONF), TT_S(SAID_OK),	  TT_C(PSYNC),
					 TT_S("\n"),	 TT_S("\n" FULL), TT_S("$11\r\nREDIS0009xx" SET SET),
					 TT_C(ACK),	 TT_S(SET),	  TT_TALK_END};
	OK("REPLCONF LISTENING-PORT", "-", REPLCONF, SAID_OK, "");
	OK("PSYNC", "-", PSYNC, FULL, "");
	check_once(script);

	const struct tt_line joined[] = {TT_MID, TT_C(ACK), TT_S(SET), TT_C(ACK), TT_S(SET PING), TT_TALK_END};
	check_once(joined);
}

static void every_type_of_reply(void **state)
{
	static const char *const replies[] = {
		":-9223372036854775808\r\n",
		":+42\r\n",
		"*-1\r\n",
		"*0\r\n",
		"*3\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n+x\r\n",
		",1.25e-10\r\n",
		",-inf\r\n",
		"#t\r\n",
		"(3492890328409238509324850943850943825024385\r\n",
		"=15\r\ntxt:Some string\r\n",
		"~2\r\n:1\r\n:2\r\n",
		"%2\r\n+a\r\n:1\r\n+b\r\n%1\r\n+c\r\n_\r\n",
		"%0\r\n",
		"|1\r\n+ttl\r\n:3600\r\n$2\r\nvv\r\n",
		"*2\r\n|1\r\n+ttl\r\n:3600\r\n:1\r\n:2\r\n",
		"|0\r\n:1\r\n",
		"$?\r\n;4\r\nHell\r\n;3\r\no w\r\n;0\r\n",
		"*?\r\n:1\r\n*1\r\n:2\r\n.\r\n",
		"%?\r\n+a\r\n:1\r\n.\r\n",
		"*1\r\n$?\r\n;0\r\n",
		"*2\r\n-ERR inside\r\n:1\r\n",
		"$12\r\nwith\r\nline\r\n\r\n",
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(replies); i++) {
		const struct tt_line script[] = {
			TT_C(GET), {TT_SAY_SERVER, replies[i], strlen(replies[i])}, TT_C(PING), TT_S(PONG), TT_TALK_END};
		expect_line("GET", "k", "OK", "-", LEN(GET), digits(strlen(replies[i])), "");
		OK("PING", "-", PING, PONG, "");
		check(script);
	}
}

static void errors(void **state)
{
	static const struct {
		const char *reply;
		const char *code;
	} rows[] = {
		{"-ERR\r\n", "ERR"},
		{"-MOVED 3999 127.0.0.1:6381\r\n", "MOVED"},
		{"-my own words, with a secret\r\n", "ERR"},
		{"-\r\n", "ERR"},
		{"-THISCODEISLONGERTHANANYTHATTHESERVERHAS x\r\n", "ERR"},
		{"!21\r\nSYNTAX invalid syntax\r\n", "SYNTAX"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		const struct tt_line script[] = {
			TT_C(GET), {TT_SAY_SERVER, rows[i].reply, strlen(rows[i].reply)}, TT_C(PING), TT_S(PONG), TT_TALK_END};
		expect_line("GET", "k", rows[i].code, rows[i].code, LEN(GET), digits(strlen(rows[i].reply)), "");
		OK("PING", "-", PING, PONG, "");
		check(script);
	}
}

static void huge_values_are_counted_only(void **state)
{
#define BIG_SET "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10485760\r\n"
	const struct tt_line script[] = {TT_C(BIG_SET "beginning"),
					 TT_C_HOLE(10485760 - 9),
					 TT_C("\r\n"),
					 TT_S(SAID_OK),
					 TT_C(GET),
					 TT_S("$10485760\r\nbeginning"),
					 TT_S_HOLE(10485760 - 9 + 2),
					 TT_C(GET),
					 TT_S("*2\r\n$1000000\r\n"),
					 TT_S_HOLE(1000002),
					 TT_S(VALUE),
					 TT_TALK_END};

	expect_line("SET", "k", "OK", "-", LEN(BIG_SET) + 10485760 + 2, "5", "");
	expect_line("GET", "k", "OK", "-", LEN(GET), "10485773", "");
	expect_line("GET", "k", "OK", "-", LEN(GET), digits(4 + 10 + 1000002 + LEN(VALUE)), "");
	check_once(script);
}

static void long_keys_are_cut(void **state)
{
	char request[4200], key[TT_REDIS_KEY_BYTES + 1];

	memset(key, 'x', TT_REDIS_KEY_BYTES);
	key[TT_REDIS_KEY_BYTES] = '\0';
	size_t len = (size_t)snprintf(request, sizeof(request), "*2\r\n$3\r\nGET\r\n$4000\r\n");
	memset(request + len, 'x', 4000);
	memcpy(request + len + 4000, "\r\n", 2);
	len += 4002;

	const struct tt_line script[] = {{TT_SAY_CLIENT, request, len}, TT_S(VALUE), TT_C(PING), TT_S(PONG), TT_TALK_END};
	expect_line("GET", key, "OK", "-", len, digits(LEN(VALUE)), "");
	OK("PING", "-", PING, PONG, "");
	check_once(script);
}

/* A reply of a million elements, a little at a time. */
static void large_arrays(void **state)
{
	enum { ELEMENTS = 1000000 };
	size_t len = 0, max = 16 + ELEMENTS * 8;
	char *reply = malloc(max);

	assert_non_null(reply);
	len += (size_t)snprintf(reply, max, "*%d\r\n", ELEMENTS);
	for (int i = 0; i < ELEMENTS; i++) {
		memcpy(reply + len, "$2\r\nvv\r\n", 8);
		len += 8;
	}
	const struct tt_line script[] = {TT_C(GET), {TT_SAY_SERVER, reply, len}, TT_C(PING), TT_S(PONG), TT_TALK_END};
	expect_line("GET", "k", "OK", "-", LEN(GET), digits(len), "");
	OK("PING", "-", PING, PONG, "");
	check_once(script);
	free(reply);
}

/* Lengths nobody means, and what no reply may look like: nothing complete comes of them. */
static void nonsense(void **state)
{
	static const char *const replies[] = {
		"$9223372036854775807\r\nx",
		"$18446744073709551616\r\nx",
		"$-2\r\n",
		"$1\r\nxx\r\n",
		"*9223372036854775807\r\n",
		"*1\r\n;3\r\nabc\r\n",
		".\r\n",
		":\r\n",
		":1x\r\n",
		"+OK\n",
		"#x\r\n",
		"_x\r\n",
		"hello\r\n",
		"$+1\r\nx\r\n",
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(replies); i++) {
		const struct tt_line script[] = {TT_C(GET), {TT_SAY_SERVER, replies[i], strlen(replies[i])}, TT_TALK_END};
		char *lines = tt_talk(&tt_proto_redis, script);
		assert_null(strstr(lines, "|complete|"));
		free(lines);
	}
}

static void too_deep(void **state)
{
	char reply[4 * (TT_RESP_DEPTH + 1) + 5];

	for (size_t i = 0; i < TT_RESP_DEPTH; i++)
		memcpy(reply + 4 * i, "*1\r\n", 4);
	memcpy(reply + 4 * TT_RESP_DEPTH, ":1\r\n", 5);
	const struct tt_line deep[] = {TT_C(GET), {TT_SAY_SERVER, reply, strlen(reply)}, TT_TALK_END};
	expect_line("GET", "k", "OK", "-", LEN(GET), digits(strlen(reply)), "");
	check_once(deep);

	memcpy(reply + 4 * TT_RESP_DEPTH, "*1\r\n:1\r\n", 9);
	const struct tt_line deeper[] = {TT_C(GET), {TT_SAY_SERVER, reply, strlen(reply)}, TT_TALK_END};
	char *lines = tt_talk(&tt_proto_redis, deeper);
	assert_null(strstr(lines, "|complete|"));
	free(lines);
}

static void begins_in_the_middle(void **state)
{
	const struct tt_line script[] = {
		TT_MID,	    TT_C("lue of something\r\n"), TT_S("+OK\r\n"), TT_C(GET), TT_S(VALUE), TT_C(SET), TT_S(SAID_OK),
		TT_TALK_END};
	char *lines = tt_talk(&tt_proto_redis, script);
	assert_non_null(strstr(lines, "SET|k|OK|-|"));
	assert_null(strstr(lines, "lue"));
	free(lines);
}

/* Begun in the middle, by whom what is said is not known: what a server lists may look as a command does. */
static void sides_in_the_middle(void **state)
{
#define CONFIG_SAVE "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n"
#define SAVES "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"
#define LISTED "*2\r\n$1\r\na\r\n$1\r\nb\r\n"
#define REPLICA_ACK "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n42\r\n"
	static const struct {
		const char *asks, *answers;
		enum tt_verdict verdict;
	} rows[] = {
		{GET, VALUE, TT_YES},
		{GET, LISTED, TT_YES},
		{PING CONFIG_SAVE, PONG SAVES, TT_YES},
		{CONFIG_SAVE PING, SAVES PONG, TT_YES},
		{PING, CONFIRM("subscribe", 9, "a", 1), TT_YES},
		{GET, "", TT_MAYBE},
		{SAVES, "", TT_MAYBE},
		{SAVES, CONFIG_SAVE, TT_MAYBE},
		{CONFIG_SAVE, SAVES, TT_MAYBE},
		{MESSAGE, SUBSCRIBE_A_B, TT_MAYBE},
		{SELECT(0) SET, "", TT_MAYBE},
		{SELECT(0) SET, REPLICA_ACK, TT_NO},
		{REPLICA_ACK, SELECT(0) SET, TT_NO},
		{VALUE, GET, TT_NO},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		const struct tt_first first = {.side = {tt_span_str(rows[i].asks), tt_span_str(rows[i].answers)}};
		assert_int_equal(tt_redis_detect(&first), rows[i].verdict);
	}
}

static void is_not(const struct tt_line *script)
{
	char *lines = tt_talk(&tt_proto_redis, script);
	assert_string_equal(lines, "");
	free(lines);
}

static void others_are_told_apart(void **state)
{
	const struct tt_line http[] = {TT_C("GET /k HTTP/1.1\r\nHost: x\r\n\r\n"), TT_S("HTTP/1.1 200 OK\r\n\r\n"), TT_TALK_END};
	const struct tt_line pop3[] = {TT_S("+OK POP3 ready\r\n"), TT_C("CAPA\r\n"), TT_S("+OK\r\n.\r\n"), TT_TALK_END};
	const struct tt_line pop3_auth[] = {TT_S("+OK POP3 ready\r\n"), TT_C("AUTH\r\n"), TT_S("+OK\r\n.\r\n"),
					    TT_C("QUIT\r\n"),		TT_S("+OK\r\n"),  TT_TALK_END};
	const struct tt_line memcached[] = {TT_C("get k\r\n"), TT_S("VALUE k 0 2\r\nvv\r\nEND\r\n"), TT_TALK_END};
	const struct tt_line nats[] = {TT_S("INFO {\"server_id\":\"x\"}\r\n"), TT_C("CONNECT {}\r\nPING\r\n"), TT_S("PONG\r\n"),
				       TT_TALK_END};
	const struct tt_line imap[] = {TT_S("* OK ready\r\n"), TT_C("a1 LOGIN u p\r\n"), TT_S("a1 OK\r\n"), TT_TALK_END};
	const struct tt_line random[] = {TT_C("*\x01\x02\x03\xff\xfe"), TT_S("\x00\x00\x00\x01"), TT_TALK_END};

	is_not(http);
	is_not(pop3);
	is_not(pop3_auth);
	is_not(memcached);
	is_not(nats);
	is_not(imap);
	is_not(random);
}

#define TEST(name) cmocka_unit_test_setup(name, expect_nothing)

TT_UNIT_TESTS(TEST(one_after_the_other), TEST(pipelined), TEST(inline_commands), TEST(operations_and_keys), TEST(transactions),
	      TEST(databases), TEST(channels_in_resp2), TEST(pushes_in_resp3), TEST(subscriber_from_before),
	      TEST(silenced_commands), TEST(silenced_select), TEST(silence_refused), TEST(silence_queued), TEST(silence_unsure),
	      TEST(many_silenced), TEST(sides_in_the_middle), TEST(subscribed_in_a_transaction), TEST(monitor_ends_it),
	      TEST(monitor_refused), TEST(replicas_are_left_alone), TEST(every_type_of_reply), TEST(errors),
	      TEST(huge_values_are_counted_only), TEST(long_keys_are_cut), TEST(large_arrays), TEST(nonsense), TEST(too_deep),
	      TEST(begins_in_the_middle), TEST(others_are_told_apart))
