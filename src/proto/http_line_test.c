// SPDX-License-Identifier: Apache-2.0
#include "proto/http_line.h"

#include "harness/unit.h"

static void request_lines(void **state)
{
	static const struct {
		const char *line;
		const char *method; /* NULL: no request line */
		const char *target;
		int minor;
	} cases[] = {
		{"GET / HTTP/1.1", "GET", "/", 1},
		{"GET / HTTP/1.0", "GET", "/", 0},
		{"OPTIONS * HTTP/1.1", "OPTIONS", "*", 1},
		{"CONNECT a:443 HTTP/1.1", "CONNECT", "a:443", 1},
		{"GET http://a/b?c HTTP/1.1", "GET", "http://a/b?c", 1},
		{"VERSION-CONTROL /x HTTP/1.1", "VERSION-CONTROL", "/x", 1},
		{"get / HTTP/1.1", "get", "/", 1},
		{"M!#$%&'*+-.^_`|~09 / HTTP/1.1", "M!#$%&'*+-.^_`|~09", "/", 1},
		{"GET / HTTP/1.1  ", "GET", "/", 1},
		{"GET  /two HTTP/1.1", "GET", "/two", 1},
		{"GET /a b HTTP/1.1", "GET", "/a b", 1},
		{"GET /", NULL, NULL, 0},
		{"GET / HTTP/2.0", NULL, NULL, 0},
		{"PRI * HTTP/2.0", NULL, NULL, 0},
		{"GET / HTTP/1.x", NULL, NULL, 0},
		{"GET / http/1.1", NULL, NULL, 0},
		{"GET /HTTP/1.1", NULL, NULL, 0},
		{"GET HTTP/1.1", NULL, NULL, 0},
		{"GET  HTTP/1.1", NULL, NULL, 0},
		{"GET   HTTP/1.1", NULL, NULL, 0},
		{" GET / HTTP/1.1", NULL, NULL, 0},
		{"G@T / HTTP/1.1", NULL, NULL, 0},
		{"INVITE sip:a@b SIP/2.0", NULL, NULL, 0},
		{"HTTP/1.1 200 OK", NULL, NULL, 0},
		{"", NULL, NULL, 0},
		{"AMETHODTHATISLONGERTHANANYREGISTERED / HTTP/1.1", NULL, NULL, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_http_request_line r = {.minor = 9};
		bool good = tt_http_request_line(tt_span_str(cases[i].line), &r);
		if (good != !!cases[i].method)
			fail_msg("\"%s\"", cases[i].line);
		if (!good) {
			assert_int_equal(r.minor, 9);
			continue;
		}
		assert_true(tt_span_eq(r.method, tt_span_str(cases[i].method)));
		assert_true(tt_span_eq(r.target, tt_span_str(cases[i].target)));
		assert_int_equal(r.minor, cases[i].minor);
	}
}

static void status_lines(void **state)
{
	static const struct {
		const char *line;
		unsigned status; /* 0: no status line */
	} cases[] = {
		{"HTTP/1.1 200 OK", 200}, {"HTTP/1.0 404 Not Found", 404},
		{"HTTP/1.1 200", 200},	  {"HTTP/1.1 200 ", 200},
		{"HTTP/1.1 999 x", 999},  {"HTTP/1.1 099 x", 0},
		{"HTTP/1.1 20 OK", 0},	  {"HTTP/1.1 2000", 0},
		{"HTTP/1.1  200", 0},	  {"HTTP/2 200", 0},
		{"HTTP/1.1 2x0 OK", 0},	  {"HTTP/1.1", 0},
		{"ICY 200 OK", 0},	  {"", 0},
		{"HTTP/1.1 200OK", 0},	  {"GET / HTTP/1.1", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_http_status_line s = {.status = 0};
		bool good = tt_http_status_line(tt_span_str(cases[i].line), &s);
		if (good != !!cases[i].status || s.status != cases[i].status)
			fail_msg("\"%s\"", cases[i].line);
	}
}

static struct tt_first first_of(const char *requests, const char *responses, bool from_start)
{
	struct tt_first f = {.role_known = true};
	f.side[TT_REQUESTS] = tt_span_str(requests);
	f.side[TT_RESPONSES] = tt_span_str(responses);
	f.from_start[0] = f.from_start[1] = from_start;
	return f;
}

static void detection(void **state)
{
	static const struct {
		const char *requests;
		const char *responses;
		bool middle;
		enum tt_verdict verdict;
	} cases[] = {
		{"GET / HTTP/1.1\r\n", "", false, TT_YES},
		{"PROPFIND /dav HTTP/1.1\r\n", "", false, TT_YES},
		{"BREW-COFFEE /pot HTTP/1.1\r\n", "", false, TT_YES},
		{"\r\nGET / HTTP/1.1\r\n", "", false, TT_YES},
		{"GET / HTTP/1.0\n", "", false, TT_YES},
		{"", "HTTP/1.1 200 OK", false, TT_YES},
		{"", "HTTP/1.1 200\r\n", false, TT_YES},
		{"GE", "", false, TT_MAYBE},
		{"GET /index", "", false, TT_MAYBE},
		{"", "HTT", false, TT_MAYBE},
		{"", "HTTP/1.1 20", false, TT_MAYBE},
		{"\r\n", "", false, TT_MAYBE},
		{"*1\r\n$4\r\nPING\r\n", "", false, TT_NO},
		{"GET key\r\n", "", false, TT_NO},
		{"get key\r\n", "", false, TT_NO},
		{"PING\r\n", "", false, TT_NO},
		{"PRI * HTTP/2.0\r\n", "", false, TT_NO},
		{"OPTIONS rtsp://a RTSP/1.0\r\n", "", false, TT_NO},
		{"HTTP/1.1 200 OK\r\n", "", false, TT_NO},
		{"", "GET / HTTP/1.1\r\n", false, TT_NO},
		{"", "SSH-2.0-x\r\n", false, TT_NO},
		{"", "HTTP/2 200 ", false, TT_NO},
		{"", "HTTP/1.1 abc ", false, TT_NO},
		{"\x16\x03\x01\x02", "", false, TT_NO},
		{"GET / HTTP/1.1\r\n", "-ERR", false, TT_NO},
		/* from the middle, the other side may lie inside a body */
		{"GET / HTTP/1.1\r\n", "}}]", true, TT_YES},
		{"a=1&b=2", "HTTP/1.1 200 OK", true, TT_YES},
		{"a=1&b=2", "}}]", true, TT_NO},
		{"ET / HTTP/1.1\r\n", "", true, TT_NO},
		{"ET / HTTP/1.1\r\n", "HTTP/1.1 200 OK", true, TT_YES},
		{"OTHERS / HTTP/1.1\r\n", "", false, TT_YES},
		{"a=1&b=2", "", true, TT_NO},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_first f = first_of(cases[i].requests, cases[i].responses, !cases[i].middle);
		if (tt_http_detect(&f) != cases[i].verdict)
			fail_msg("case %zu: \"%s\" \"%s\"", i, cases[i].requests, cases[i].responses);
	}
}

static void a_long_target_is_not_waited_for(void **state)
{
	char line[2100];
	memset(line, 'a', sizeof(line));
	memcpy(line, "GET /", 5);
	struct tt_span s = tt_span(line, 2000);
	assert_int_equal(tt_http_begins_request(s), TT_MAYBE);
	s.len = sizeof(line);
	assert_int_equal(tt_http_begins_request(s), TT_YES);
}

static void resynchronises_at_whole_lines_only(void **state)
{
	static const struct {
		enum tt_side side;
		const char *bytes;
		ssize_t at;
	} cases[] = {
		{TT_REQUESTS, "GET / HTTP/1.1\r\nHost: a\r\n", 0},
		{TT_REQUESTS, "GET / HTTP/1.1\n", 0},
		{TT_REQUESTS, "VERSION-CONTROL / HTTP/1.1\r\n", 0},
		{TT_REQUESTS, "ET / HTTP/1.1\r\n", -1},
		{TT_REQUESTS, "GET / HTTP/1.1", -1},
		{TT_REQUESTS, "GET / \r\n", -1},
		{TT_REQUESTS, "xGET / HTTP/1.1x\r\n", -1},
		{TT_REQUESTS, "HTTP/1.1 200 OK\r\n", -1},
		{TT_REQUESTS, "", -1},
		{TT_RESPONSES, "HTTP/1.1 200 OK\r\nA: b\r\n", 0},
		{TT_RESPONSES, "HTTP/1.1 200 OK", -1},
		{TT_RESPONSES, "x HTTP/1.1 200 OK\r\n", -1},
		{TT_RESPONSES, "GET / HTTP/1.1\r\n", -1},
		{TT_RESPONSES, "HTTP/1.1 2\r\n", -1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (tt_http_resync(NULL, cases[i].side, tt_span_str(cases[i].bytes)) != cases[i].at)
			fail_msg("\"%s\"", cases[i].bytes);
	}
}

static void gives_up_early_on_what_is_no_line(void **state)
{
	assert_true(tt_http_may_become_line(TT_REQUESTS, TT_SPAN_LIT("GE")));
	assert_true(tt_http_may_become_line(TT_REQUESTS, TT_SPAN_LIT("GET /x")));
	assert_false(tt_http_may_become_line(TT_REQUESTS, TT_SPAN_LIT("\x81\x05hello")));
	assert_false(tt_http_may_become_line(TT_REQUESTS, TT_SPAN_LIT("{\"a\":1}")));
	assert_false(tt_http_may_become_line(TT_REQUESTS, TT_SPAN_LIT("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz")));
	assert_true(tt_http_may_become_line(TT_RESPONSES, TT_SPAN_LIT("HTTP/1")));
	assert_false(tt_http_may_become_line(TT_RESPONSES, TT_SPAN_LIT("HTTP/2 ")));
	assert_false(tt_http_may_become_line(TT_RESPONSES, TT_SPAN_LIT("x")));
}

TT_UNIT_TESTS(cmocka_unit_test(request_lines), cmocka_unit_test(status_lines), cmocka_unit_test(detection),
	      cmocka_unit_test(a_long_target_is_not_waited_for), cmocka_unit_test(resynchronises_at_whole_lines_only),
	      cmocka_unit_test(gives_up_early_on_what_is_no_line))
