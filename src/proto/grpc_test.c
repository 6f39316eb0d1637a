// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc.h"

#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_http2;

#define PREFACE                            \
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" \
	"\0\0\0\4\0\0\0\0\0"
#define SETTINGS "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"

/* POST http, /p.S/M, content-type application/grpc: 28 bytes of block */
#define CALL_FIELDS                        \
	"\x83\x86\x04\6/p.S/M\x0f\x10\x10" \
	"application/grpc"
#define CALL(id) "\0\0\x1d\1\4\0\0\0" id CALL_FIELDS /* 38 */
#define HEAD(id)                                   \
	"\0\0\x14\1\4\0\0\0" id "\x88\x0f\x10\x10" \
	"application/grpc"						     /* 29 */
#define MESSAGE(id, flags) "\0\0\x8\0" flags "\0\0\0" id "\0\0\0\0\3abc"     /* 17: one message of 3 bytes */
#define TRAILERS(id, code) "\0\0\xf\1\5\0\0\0" id "\0\x0bgrpc-status\1" code /* 24 */

#define A_CALL "rpc.method=p.S/M,rpc.system.name=grpc,rpc.request.message.count="
#define CHECK(expected, ...)                                                       \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check(&tt_proto_grpc, script, expected);                   \
		tt_talk_truncate(&tt_proto_grpc, script);                          \
	} while (0)

#define CHECK_BOTH(server, client, ...)                                            \
	do {                                                                       \
		static const struct tt_line script[] = {__VA_ARGS__, TT_TALK_END}; \
		tt_talk_check_both(&tt_proto_grpc, script, server, client);        \
		tt_talk_truncate(&tt_proto_grpc, script);                          \
	} while (0)

static void content(void **state)
{
	assert_true(tt_grpc_content(TT_SPAN_LIT("application/grpc")));
	assert_true(tt_grpc_content(TT_SPAN_LIT("application/grpc+proto")));
	assert_true(tt_grpc_content(TT_SPAN_LIT("application/grpc;charset=utf-8")));
	assert_false(tt_grpc_content(TT_SPAN_LIT("application/grpc-web+proto")));
	assert_false(tt_grpc_content(TT_SPAN_LIT("application/grpcx")));
	assert_false(tt_grpc_content(TT_SPAN_LIT("application/json")));
}

static void paths(void **state)
{
	static const char *const cases[][3] = {
		{"/p.S/M", "p.S", "M"},
		{"p.S/M", "p.S", "M"},
		{"/s/M?token=hunter2", "s", "M"},
		{"/api/v1/p.S/M", "api/v1/p.S", "M"},
		{"/org.apache.S/$invoke", "org.apache.S", "$invoke"},
		{"", NULL},
		{"/", NULL},
		{"?", NULL},
		{"/M", NULL},
		{"/s/", NULL},
		{"//M", NULL},
		{"/s?/M", NULL},
		{"/hunter2@x.org/M", NULL},
		{"/a;pw=hunter2/M", NULL},
		{"//s/M", NULL},
		{"/a/b/c/eyJhbGciOiJIUzI1NiJ9abc/s/M", NULL},
		{"/a/b/eyJhbGciOiJIUzI1NiJ9abc/M", NULL},
		{"/a.eyJhbGciOiJIUzI1NiJ9abc.b/M", NULL},
		{"/google.cloud.speech.v1p1beta1.Speech/StreamingRecognizeV2", "google.cloud.speech.v1p1beta1.Speech",
		 "StreamingRecognizeV2"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		struct tt_span service, method;
		bool named = tt_grpc_path(tt_span_str(cases[i][0]), &service, &method);
		assert_int_equal(named, cases[i][1] != NULL);
		if (!named)
			continue;
		assert_true(tt_span_eq(service, tt_span_str(cases[i][1])));
		assert_true(tt_span_eq(method, tt_span_str(cases[i][2])));
	}
}

/* Nothing of a query comes out, and what names no method is HTTP, whose paths are redacted. */
static void chosen_by_the_client(void **state)
{
	CHECK("M|p.S|OK|-|40|53|complete|rpc.method=p.S/"
	      "M,rpc.system.name=grpc,rpc.request.message.count=0,rpc.request.message.size=0,"
	      "rpc.response.message.count=0,rpc.response.message.size=0\n",
	      TT_C(PREFACE "\0\0\x1f\1\5\0\0\0\1\x83\x86\x04\x08/p.S/M?x\x0f\x10\x10"
			   "application/grpc"),
	      TT_S(SETTINGS HEAD("\1") TRAILERS("\1", "0")));
	static const struct tt_line script[] = {TT_C(PREFACE "\0\0\x1f\1\5\0\0\0\1\x83\x86\x04\x08/p@S/M?x\x0f\x10\x10"
							     "application/grpc"),
						TT_S(SETTINGS HEAD("\1") TRAILERS("\1", "0")), TT_TALK_END};
	char *told = tt_talk(NULL, script);
	assert_non_null(strstr(told, "http2|POST|/p@S/M?x|200|"));
	assert_null(strstr(told, "grpc|"));
	assert_null(strstr(told, "rpc.method"));
	free(told);
}

static void unary(void **state)
{
	CHECK("M|p.S|OK|-|55|70|complete|" A_CALL
	      "1,rpc.request.message.size=3,rpc.response.message.count=1,rpc.response.message.size=3\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")), TT_S(SETTINGS HEAD("\1") MESSAGE("\1", "\0") TRAILERS("\1", "0")));
}

static void streams_both_ways(void **state)
{
	CHECK("M|p.S|OK|-|89|87|complete|" A_CALL
	      "3,rpc.request.message.size=9,rpc.response.message.count=2,rpc.response.message.size=6\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\0")), TT_S(SETTINGS HEAD("\1") MESSAGE("\1", "\0")),
	      TT_C(MESSAGE("\1", "\0") MESSAGE("\1", "\1")), TT_S(MESSAGE("\1", "\0") TRAILERS("\1", "0")));
}

/* Its status would have come last: what came before is told without it. */
static void an_answer_broken_off(void **state)
{
	static const struct tt_line script[] = {TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")),
						TT_S(SETTINGS HEAD("\1") MESSAGE("\1", "\0")), TT_S_EOF, TT_TALK_END};
	char *got = tt_talk(&tt_proto_grpc, script);
	assert_string_equal(got, "M|p.S|-|closed_by_server|55|46|complete|" A_CALL "1,rpc.request.message.size=3\n");
	free(got);
}

static void messages_cut_anywhere(void **state)
{
	/* two messages over four frames, one of them padded, prefixes cut; the second is compressed */
	CHECK("M|p.S|OK|-|55|121|complete|" A_CALL "1,rpc.request.message.size=3,rpc.response.message.count=2,rpc.response."
	      "message.size=10,rpc.response.message.compressed=1\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")),
	      TT_S(SETTINGS HEAD("\1") "\0\0\2\0\0\0\0\0\1\0\0"
				       "\0\0\x8\0\x8\0\0\0\1\2\0\0\6"
				       "ab!!"
				       "\0\0\7\0\0\0\0\0\1"
				       "cdef\1\0\0"
				       "\0\0\0\0\0\0\0\0\1"
				       "\0\0\6\0\0\0\0\0\1\0\4wxyz" TRAILERS("\1", "0")));
}

static void large_messages_are_passed_over(void **state)
{
	CHECK("M|p.S|OK|-|55|1073|complete|" A_CALL
	      "1,rpc.request.message.size=3,rpc.response.message.count=2,rpc.response.message.size=1001\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")), TT_S(SETTINGS HEAD("\1") "\0\3\xf3\0\0\0\0\0\1\0\0\0\3\xe8"),
	      TT_S_HOLE(1000),
	      TT_S("\0\0\0\0\1"
		   "a" TRAILERS("\1", "0")));
}

static void failures(void **state)
{
	/* trailers only, with the caller's and the server's failure, and the text */
	CHECK_BOTH("M|p.S|NOT_FOUND|-|55|29|complete|" A_CALL
		   "1,rpc.request.message.size=3,rpc.response.message.count=0,rpc.response.message.size=0\n",
		   "M|p.S|NOT_FOUND|NOT_FOUND|55|29|complete|" A_CALL
		   "1,rpc.request.message.size=3,rpc.response.message.count=0,rpc.response.message.size=0\n",
		   TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")),
		   TT_S(SETTINGS "\0\0\x14\1\5\0\0\0\1\x88\0\x0bgrpc-status\1"
				 "5\x0f\x10\1"
				 "a"));
	CHECK("M|p.S|INTERNAL|INTERNAL|55|71|complete|" A_CALL
	      "1,rpc.request.message.size=3,rpc.response.message.count=1,rpc.response.message.size=3\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")),
	      TT_S(SETTINGS HEAD("\1") MESSAGE("\1", "\0") "\0\0\x10\1\5\0\0\0\1\0\x0bgrpc-status\2"
							   "13"));
	CHECK("M|p.S|503|503|55|14|complete|" A_CALL "1,rpc.request.message.size=3,http.response.status_code=503,rpc.response."
	      "message.count=0,rpc.response.message.size=0\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")),
	      TT_S(SETTINGS "\0\0\5\1\5\0\0\0\1\x08\3"
			    "503"));
	CHECK("M|p.S|-|no_grpc_status|55|46|complete|" A_CALL
	      "1,rpc.request.message.size=3,rpc.response.message.count=1,rpc.response.message.size=3\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")), TT_S(SETTINGS HEAD("\1") MESSAGE("\1", "\1")));
}

/* A client library takes it for UNKNOWN. */
static void a_status_that_is_no_code(void **state)
{
	CHECK("M|p.S|-|no_grpc_status|55|54|complete|" A_CALL
	      "1,rpc.request.message.size=3,rpc.response.message.count=0,rpc.response.message.size=0\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")),
	      TT_S(SETTINGS HEAD("\1") "\0\0\x10\1\5\0\0\0\1\0\x0bgrpc-status\2"
				       "-1"));
	CHECK("M|p.S|-|no_grpc_status|55|52|complete|" A_CALL
	      "1,rpc.request.message.size=3,rpc.response.message.count=0,rpc.response.message.size=0\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")), TT_S(SETTINGS HEAD("\1") "\0\0\xe\1\5\0\0\0\1\0\x0bgrpc-status\0"));
	/* with a status of HTTP that says more */
	CHECK("M|p.S|503|503|55|29|complete|" A_CALL "1,rpc.request.message.size=3,http.response.status_code=503,rpc.response."
	      "message.count=0,rpc.response.message.size=0\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")),
	      TT_S(SETTINGS "\0\0\x14\1\5\0\0\0\1\x08\3"
			    "503\0\x0bgrpc-status\1x"));
}

/* Which of two a client goes by is not known. */
static void a_status_said_twice(void **state)
{
	CHECK("M|p.S|OK|-|55|85|incomplete|" A_CALL "1,rpc.request.message.size=3,rpc.response."
	      "message.count=1,rpc.response.message.size=3\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\1")),
	      TT_S(SETTINGS HEAD("\1") MESSAGE("\1", "\0") "\0\0\x1e\1\5\0\0\0\1\0\x0bgrpc-status\1"
							   "0"
							   "\0\x0bgrpc-status\1"
							   "7"));
}

static void cancelled(void **state)
{
	CHECK("M|p.S|-|CANCEL|55|46|complete|" A_CALL
	      "1,rpc.request.message.size=3,rpc.response.message.count=1,rpc.response.message.size=3\n",
	      TT_C(PREFACE CALL("\1") MESSAGE("\1", "\0")), TT_S(SETTINGS HEAD("\1") MESSAGE("\1", "\0")),
	      TT_C("\0\0\4\3\0\0\0\0\1\0\0\0\x8"));
}

/* Only http2 is wanted: a call is one of grpc all the same. Only grpc: other streams are no calls. */
static void chosen(void **state)
{
	static const struct tt_line script[] = {TT_C(PREFACE CALL("\1") "\0\0\3\1\5\0\0\0\3\x82\x86\x84" MESSAGE("\1", "\1")),
						TT_S(SETTINGS HEAD("\1") "\0\0\1\1\5\0\0\0\3\x88" TRAILERS("\1", "0")),
						TT_TALK_END};
	char *both = tt_talk(NULL, script), *one = tt_talk(&tt_proto_grpc, script), *other = tt_talk(&tt_proto_http2, script);
	assert_non_null(strstr(both, "http2|GET|/|200|"));
	assert_non_null(strstr(both, "grpc|M|p.S|OK|"));
	assert_int_equal(strncmp(one, "M|p.S|OK|", 9), 0);
	assert_null(strstr(one, "GET"));
	assert_non_null(strstr(other, "GET|/|200|"));
	assert_non_null(strstr(other, "grpc|M|p.S|OK|"));
	free(both);
	free(one);
	free(other);
}

/* The request's content-type is from before: the response tells. */
static void told_by_the_response(void **state)
{
	CHECK("M|p.S|OK|-|37|53|incomplete|network.protocol.version=2,http.request.method=POST,url.path=/p.S/"
	      "M,http.request.body.size=8,"
	      "rpc.method=p.S/M,rpc.system.name=grpc,rpc.response.message.count=0,rpc.response.message.size=0\n",
	      TT_MID,
	      TT_C("\0\0\x0b\1\4\0\0\0\x07\x83\x86\xbe\x04\6/p.S/M"
		   "\0\0\x8\0\1\0\0\0\x07\0\0\0\0\3abc"),
	      TT_S(HEAD("\x07") TRAILERS("\x07", "0")));
}

/* Only the trailers tell, behind messages nobody counted: how many there were is not known. */
static void told_by_the_trailers(void **state)
{
	CHECK("M|p.S|OK|-|37|51|incomplete|network.protocol.version=2,http.request.method=POST,url.path=/p.S/"
	      "M,http.request.body.size=8,"
	      "rpc.method=p.S/M,rpc.system.name=grpc,http.response.status_code=200\n",
	      TT_MID,
	      TT_C("\0\0\x0b\1\4\0\0\0\x07\x83\x86\xbe\x04\6/p.S/M"
		   "\0\0\x8\0\1\0\0\0\x07\0\0\0\0\3abc"),
	      TT_S("\0\0\1\1\4\0\0\0\x07\x88" MESSAGE("\x07", "\0") TRAILERS("\x07", "0")));
}

static struct tt_message *fresh(struct tt_message *m)
{
	tt_buf_free(&m->bytes);
	*m = (struct tt_message){.bytes = TT_BUF(4096)};
	return m;
}

static void timeouts(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {{"1H", 3600000000000},
		     {"2M", 120000000000},
		     {"3S", 3000000000},
		     {"250m", 250000000},
		     {"5u", 5000},
		     {"99999999n", 99999999},
		     {"99999999H", -1},
		     {"m", -1},
		     {"1x", -1},
		     {"123456789S", -1},
		     {"-1S", -1}};
	struct tt_message m = {0};
	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		tt_grpc_timeout(fresh(&m), tt_span_str(cases[i].text));
		assert_int_equal(m.attribute_count, cases[i].ns >= 0);
		if (m.attribute_count)
			assert_int_equal(m.attributes[0].number, cases[i].ns);
	}
	tt_buf_free(&m.bytes);
}

static void texts(void **state)
{
	struct tt_message m = {0};
	tt_grpc_error(fresh(&m), TT_SPAN_LIT("no%20such%20th\xc3\xafng%2"));
	assert_true(tt_span_eq(tt_message_get(&m, TT_TEXT_ERROR), TT_SPAN_LIT("no such th\xc3\xafng%2")));
	tt_grpc_status(fresh(&m), TT_SPAN_LIT("16"));
	assert_true(tt_span_eq(tt_message_get(&m, TT_TEXT_STATUS), TT_SPAN_LIT("UNAUTHENTICATED")));
	tt_grpc_status(fresh(&m), TT_SPAN_LIT("99"));
	assert_true(tt_span_eq(tt_message_get(&m, TT_TEXT_STATUS), TT_SPAN_LIT("99")));
	assert_true(m.failed);
	assert_false(tt_grpc_status(fresh(&m), TT_SPAN_LIT("x")));
	assert_null(tt_message_get(&m, TT_TEXT_STATUS).data);
	tt_buf_free(&m.bytes);
}

TT_UNIT_TESTS(cmocka_unit_test(content), cmocka_unit_test(paths), cmocka_unit_test(chosen_by_the_client), cmocka_unit_test(unary),
	      cmocka_unit_test(streams_both_ways), cmocka_unit_test(an_answer_broken_off),
	      cmocka_unit_test(messages_cut_anywhere), cmocka_unit_test(large_messages_are_passed_over),
	      cmocka_unit_test(failures), cmocka_unit_test(a_status_that_is_no_code), cmocka_unit_test(a_status_said_twice),
	      cmocka_unit_test(cancelled), cmocka_unit_test(chosen), cmocka_unit_test(told_by_the_response),
	      cmocka_unit_test(told_by_the_trailers), cmocka_unit_test(timeouts), cmocka_unit_test(texts))
