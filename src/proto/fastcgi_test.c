// SPDX-License-Identifier: Apache-2.0
/* Conversations between web servers and the programs behind them. */
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_fastcgi;

static void check(const struct tt_line *script, const char *at_server, const char *at_client)
{
	tt_talk_check_both(&tt_proto_fastcgi, script, at_server, at_client ? at_client : at_server);
	tt_talk_truncate(&tt_proto_fastcgi, script);
}

static void check_once(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_fastcgi, script);
	assert_string_equal(lines, expected);
	free(lines);
}

/* Records with ids of one byte and contents below 256 bytes. */
#define RECORD(type, id, size) "\1" type "\0" id "\0" size "\0\0"
#define BEGIN(id) RECORD("\1", id, "\x08") "\0\1\1\0\0\0\0\0"
#define EMPTY(type, id) RECORD(type, id, "\0")
#define STDIN_END(id) EMPTY("\5", id)
#define GET      \
	"\x0e\3" \
	"REQUEST_METHODGET"
#define URI      \
	"\x0b\6" \
	"REQUEST_URI/a?b=c"
#define PARAMS(id) RECORD("\4", id, "\x26") GET URI EMPTY("\4", id)
#define REQUEST(id) BEGIN(id) PARAMS(id) STDIN_END(id)
#define END(id) RECORD("\3", id, "\x08") "\0\0\0\0\0\0\0\0"
#define ANSWER(id) RECORD("\6", id, "\x1b") "Content-Type: text/a\r\n\r\nabc" EMPTY("\6", id) END(id)
#define ATTRIBUTES "http.request.method=GET,url.path=/a"
#define OK(n) "GET|/a?b=c|200|-|78|" n "|complete|" ATTRIBUTES ",http.response.status_code=200,http.response.body.size=3\n"

static void one(void **state)
{
	const struct tt_line script[] = {TT_C(REQUEST("\1")), TT_S(ANSWER("\1")), TT_C(REQUEST("\1")), TT_S(ANSWER("\1")),
					 TT_TALK_END};

	check(script, OK("59") OK("59"), NULL);
}

static void at_once(void **state)
{
	const struct tt_line script[] = {
		TT_C(BEGIN("\1") BEGIN("\2") PARAMS("\2") PARAMS("\1") STDIN_END("\2")),
		TT_S(RECORD("\6", "\2", "\x0b") "Status: 404"),
		TT_C(STDIN_END("\1")),
		TT_S(RECORD("\6", "\1", "\x0d") "Status: 503\r\n" RECORD("\6", "\2", "\4") "\n\nno"),
		TT_S(RECORD("\7", "\1", "\4") "oops" RECORD("\6", "\1", "\2") "\r\n" END("\1") END("\2")),
		TT_TALK_END};
#define FAILED                                          \
	"GET|/a?b=c|503|503|78|59|complete|" ATTRIBUTES \
	",http.response.status_code=503,fastcgi.stderr_bytes=4,http.response.body.size=0\n"
#define MISSING(type) \
	"GET|/a?b=c|404|" type "|78|47|complete|" ATTRIBUTES ",http.response.status_code=404,http.response.body.size=2\n"

	check(script, FAILED MISSING("-"), FAILED MISSING("404"));
}

static void refused(void **state)
{
	const struct tt_line script[] = {TT_C("\1\x09\0\0\0\x11\7\0"
					      "\x0f\0"
					      "FCGI_MPXS_CONNS"
					      "padding"),
					 TT_S("\1\x0a\0\0\0\x12\0\0"
					      "\x0f\1"
					      "FCGI_MPXS_CONNS0"),
					 TT_C(REQUEST("\1")),
					 TT_S(RECORD("\3", "\1", "\x08") "\0\0\0\0\2\0\0\0"),
					 TT_C(REQUEST("\2")),
					 TT_S(RECORD("\7", "\2", "\3") "bad" RECORD("\3", "\2", "\x08") "\0\0\0\xff\0\0\0\0"),
					 TT_TALK_END};

	check(script,
	      "GET_VALUES|-|OK|-|32|26|complete|\n"
	      "GET|/a?b=c|OVERLOADED|OVERLOADED|78|16|complete|" ATTRIBUTES "\n"
	      "GET|/a?b=c|no_headers|no_headers|78|27|complete|" ATTRIBUTES ",fastcgi.app_status=255,fastcgi.stderr_bytes=3\n",
	      NULL);
}

/* Pairs over the ends of records; a path put together from its parts; a body that was not captured; a request given up. */
static void parts(void **state)
{
	const struct tt_line script[] = {
		TT_C(BEGIN("\1") RECORD("\4", "\1",
					"\5") "\x0e\4"
					      "REQ" RECORD(
						      "\4", "\1",
						      "\x1a") "UEST_METHODPOST\x0b\4"
							      "SCRIPT_NA" RECORD("\4", "\1", "\x06") "ME/a.b" RECORD(
								      "\4", "\1",
								      "\x11") "\x0c\x80\0\0\3"
									      "QUERY_STRING" RECORD("\4", "\1", "\3") "x=y" EMPTY(
										      "\4", "\1") "\1\5\0\1\xff\xff\1\0"),
		TT_C_HOLE(65536), TT_C(EMPTY("\2", "\1")), TT_S(RECORD("\6", "\1", "\x14") "Location: http://x\n\n" END("\1")),
		TT_TALK_END};

	check(script,
	      "POST|/a.b?x=y|302|-|65673|44|complete|http.request.method=POST,fastcgi.script_name=/a.b,url.query=x=y,url.path=/"
	      "a.b,"
	      "fastcgi.aborted=1,http.response.status_code=302,http.response.body.size=0\n",
	      NULL);
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID, TT_S("tail" END("\1")), TT_C(REQUEST("\1")), TT_S(ANSWER("\1")), TT_TALK_END};

	tt_talk_check(&tt_proto_fastcgi, script, OK("59"));
}

static void hostile(void **state)
{
	const struct tt_line role[] = {TT_C("\1\1\0\1\0\x08\0\0\0\x09\1\0\0\0\0\0"), TT_TALK_END};
	const struct tt_line lengths[] = {
		TT_C(BEGIN("\1") RECORD("\4", "\1", "\x08") "\xff\xff\xff\xff\xff\xff\xff\xff" STDIN_END("\1")),
		TT_S(ANSWER("\1")), TT_TALK_END};
	const struct tt_line silent[] = {TT_C(REQUEST("\1")), TT_S_EOF, TT_TALK_END};

	check_once(role, "");
	check_once(lengths, "-|-|200|-|40|59|incomplete|http.response.status_code=200,http.response.body.size=3\n");
	check_once(silent, "GET|/a?b=c|-|closed_by_server|78|0|complete|" ATTRIBUTES "\n");
}

TT_UNIT_TESTS(cmocka_unit_test(one), cmocka_unit_test(at_once), cmocka_unit_test(refused), cmocka_unit_test(parts),
	      cmocka_unit_test(in_the_middle), cmocka_unit_test(hostile))
