// SPDX-License-Identifier: Apache-2.0
#include "proto/http2_frame.h"

#include "harness/unit.h"

#define SETTINGS_1 "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"
#define SETTINGS_0 "\0\0\0\4\0\0\0\0\0"
#define PING                  \
	"\0\0\x8\6\0\0\0\0\0" \
	"abcdefgh"
#define GET_1 "\0\0\3\1\5\0\0\0\1\x82\x86\x84"
#define OK_1 "\0\0\1\1\4\0\0\0\1\x88"
#define SPAN(text) {(const uint8_t *)(text), sizeof(text) - 1}

static void frames_that_cannot_be(void **state)
{
	static const struct {
		struct tt_http2_frame frame; /* length, stream, type, flags */
		bool valid;
	} cases[] = {
		{{0, 1, TT_HTTP2_DATA, 0}, true},
		{{0, 0, TT_HTTP2_DATA, 0}, false},
		{{16777215, 1, TT_HTTP2_DATA, 0}, true},
		{{1, 1, TT_HTTP2_HEADERS, 0xff}, true},
		{{1, 0, TT_HTTP2_HEADERS, 0}, false},
		{{5, 1, TT_HTTP2_PRIORITY, 0}, true},
		{{4, 1, TT_HTTP2_PRIORITY, 0}, false},
		{{4, 1, TT_HTTP2_RST_STREAM, 0}, true},
		{{4, 0, TT_HTTP2_RST_STREAM, 0}, false},
		{{5, 1, TT_HTTP2_RST_STREAM, 0}, false},
		{{0, 0, TT_HTTP2_SETTINGS, 1}, true},
		{{12, 0, TT_HTTP2_SETTINGS, 0}, true},
		{{13, 0, TT_HTTP2_SETTINGS, 0}, false},
		{{6, 1, TT_HTTP2_SETTINGS, 0}, false},
		{{8, 0, TT_HTTP2_PING, 0}, true},
		{{8, 1, TT_HTTP2_PING, 0}, false},
		{{7, 0, TT_HTTP2_PING, 0}, false},
		{{8, 0, TT_HTTP2_GOAWAY, 0}, true},
		{{7, 0, TT_HTTP2_GOAWAY, 0}, false},
		{{8, 1, TT_HTTP2_GOAWAY, 0}, false},
		{{4, 0, TT_HTTP2_WINDOW_UPDATE, 0}, true},
		{{4, 3, TT_HTTP2_WINDOW_UPDATE, 0}, true},
		{{3, 3, TT_HTTP2_WINDOW_UPDATE, 0}, false},
		{{0, 3, TT_HTTP2_CONTINUATION, 0}, true},
		{{0, 0, TT_HTTP2_CONTINUATION, 0}, false},
		{{4, 2, TT_HTTP2_PUSH_PROMISE, 0}, true},
		{{99, 0, 0xaa, 0xff}, true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (tt_http2_frame_valid(&cases[i].frame) != cases[i].valid)
			fail_msg("case %zu", i);
	}
}

static void error_names(void **state)
{
	assert_true(tt_span_eq(tt_http2_error_name(0), TT_SPAN_LIT("NO_ERROR")));
	assert_true(tt_span_eq(tt_http2_error_name(8), TT_SPAN_LIT("CANCEL")));
	assert_true(tt_span_eq(tt_http2_error_name(13), TT_SPAN_LIT("HTTP_1_1_REQUIRED")));
	assert_true(tt_span_eq(tt_http2_error_name(14), TT_SPAN_LIT("UNKNOWN_ERROR")));
	assert_true(tt_span_eq(tt_http2_error_name(UINT32_MAX), TT_SPAN_LIT("UNKNOWN_ERROR")));
}

static void detection(void **state)
{
	static const struct {
		struct tt_span requests;
		struct tt_span responses;
		bool middle;
		bool role_known;
		enum tt_verdict verdict;
	} cases[] = {
		{SPAN(TT_HTTP2_PREFACE), SPAN(""), false, true, TT_YES},
		{SPAN("PRI * HTTP/2.0\r\n"), SPAN(""), false, true, TT_YES},
		{SPAN("PRI * HTTP"), SPAN(""), false, true, TT_MAYBE},
		{SPAN("P"), SPAN(""), false, true, TT_MAYBE},
		{SPAN("PRO"), SPAN(""), false, true, TT_NO},
		{SPAN("GET / HTTP/1.1\r\n"), SPAN(""), false, true, TT_NO},
		{SPAN(""), SPAN(SETTINGS_1), false, true, TT_YES},
		{SPAN(""), SPAN(SETTINGS_1), false, false, TT_YES},
		{SPAN(SETTINGS_1), SPAN(""), false, false, TT_NO},
		/* one that sets nothing (Node's servers): not for itself */
		{SPAN(""), SPAN(SETTINGS_0), false, true, TT_MAYBE},
		{SPAN(""), SPAN(SETTINGS_0 PING), false, true, TT_YES},
		{SPAN(TT_HTTP2_PREFACE SETTINGS_0), SPAN(SETTINGS_0), false, false, TT_YES},
		{SPAN(""), SPAN(SETTINGS_0 "\0\0\0\4\xff\0\0\0\0"), false, true, TT_NO},
		{SPAN(""), SPAN(PING), false, true, TT_NO},
		{SPAN(""), SPAN("\0\0"), false, true, TT_MAYBE},
		{SPAN(TT_HTTP2_PREFACE), SPAN("HTTP/1.1 400 Bad Request"), false, true, TT_NO},
		/* from the middle: two frames in a row, and a header block where it is not known who speaks */
		{SPAN(PING), SPAN(""), true, true, TT_MAYBE},
		{SPAN(PING GET_1), SPAN(""), true, true, TT_YES},
		{SPAN(PING GET_1), SPAN(""), true, false, TT_YES},
		{SPAN(""), SPAN(PING GET_1), true, false, TT_NO},
		{SPAN(""), SPAN(PING OK_1), true, false, TT_YES},
		{SPAN(PING OK_1), SPAN(""), true, true, TT_NO},
		{SPAN(PING PING), SPAN(""), true, true, TT_YES},
		{SPAN(PING PING), SPAN(""), true, false, TT_MAYBE},
		{SPAN(PING "\0\0\0\4\xff\0\0\0\0"), SPAN(""), true, true, TT_NO},
		{SPAN("\0\0\0\x1c\0\x12\0\4\0\0"), SPAN(""), true, true, TT_NO},
		{SPAN("*1\r\n$4\r\nPING\r\n"), SPAN(""), true, true, TT_NO},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_first first = {
			.side = {cases[i].requests, cases[i].responses},
			.from_start = {!cases[i].middle, !cases[i].middle},
			.role_known = cases[i].role_known,
		};
		if (tt_http2_detect(&first) != cases[i].verdict)
			fail_msg("case %zu", i);
	}
}

static void resynchronises_at_frames_only(void **state)
{
	static const struct {
		enum tt_side side;
		struct tt_span bytes;
		ssize_t at;
	} cases[] = {
		{TT_REQUESTS, SPAN(GET_1), 0},
		{TT_RESPONSES, SPAN(GET_1), -1},
		{TT_RESPONSES, SPAN(OK_1), 0},
		{TT_RESPONSES, SPAN(PING "\0\0\5\0\1\0\0\0\1hel"), 0},
		{TT_RESPONSES, SPAN("\0\0\5\0\1\0\0\0\1hel"), -1},
		{TT_RESPONSES, SPAN("\0\0\5\0\1\0\0\0\1hello"), 0},
		{TT_RESPONSES, SPAN("hello"), -1},
		{TT_RESPONSES, SPAN("hello world, this is a body"), -1},
		{TT_RESPONSES, SPAN(""), -1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (tt_http2_resync(NULL, cases[i].side, cases[i].bytes) != cases[i].at)
			fail_msg("case %zu", i);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(frames_that_cannot_be), cmocka_unit_test(error_names), cmocka_unit_test(detection),
	      cmocka_unit_test(resynchronises_at_frames_only))
