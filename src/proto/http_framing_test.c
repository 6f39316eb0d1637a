// SPDX-License-Identifier: Apache-2.0
#include "proto/http_framing.h"

#include "harness/unit.h"

/* A head's framing fields in short, and what follows from them. L: Content-Length, T: Transfer-Encoding. */
struct framing_case {
	const char *fields[4]; /* first letter: which */
	uint8_t minor;
	enum tt_http_content request;
	enum tt_http_content response; /* to a GET, with 200 */
	uint64_t length;
};

static struct tt_http_framing framing_of(const struct framing_case *c)
{
	struct tt_http_framing f = {0};
	for (size_t i = 0; i < 4 && c->fields[i]; i++) {
		struct tt_span value = tt_span_str(c->fields[i] + 1);
		if (c->fields[i][0] == 'L')
			tt_http_framing_length(&f, value);
		else
			tt_http_framing_coding(&f, value);
	}
	return f;
}

static void follows_the_rfc(void **state)
{
	static const struct framing_case cases[] = {
		{{NULL}, 1, TT_HTTP_NONE, TT_HTTP_TO_EOF, 0},
		{{"L5"}, 1, TT_HTTP_COUNTED, TT_HTTP_COUNTED, 5},
		{{"L0"}, 1, TT_HTTP_NONE, TT_HTTP_NONE, 0},
		{{"L5", "L5"}, 1, TT_HTTP_COUNTED, TT_HTTP_COUNTED, 5},
		{{"L5, 5"}, 1, TT_HTTP_COUNTED, TT_HTTP_COUNTED, 5},
		{{"L5", "L6"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L5, 6"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L+5"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L-5"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L5x"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L0x5"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L5,"}, 1, TT_HTTP_COUNTED, TT_HTTP_COUNTED, 5},
		{{"L4611686018427387904"}, 1, TT_HTTP_COUNTED, TT_HTTP_COUNTED, TT_HTTP_LENGTH_MAX},
		{{"L4611686018427387905"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L18446744073709551621"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L99999999999999999999999"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"Tchunked"}, 1, TT_HTTP_CHUNKED, TT_HTTP_CHUNKED, 0},
		{{"TChunked"}, 0, TT_HTTP_CHUNKED, TT_HTTP_CHUNKED, 0},
		{{"Tgzip, chunked"}, 1, TT_HTTP_CHUNKED, TT_HTTP_CHUNKED, 0},
		{{"Tgzip", "Tchunked"}, 1, TT_HTTP_CHUNKED, TT_HTTP_CHUNKED, 0},
		{{"Tgzip"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_TO_EOF, 0},
		{{"Tchunked, gzip"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"Tchunked", "Tchunked"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"Txchunked"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_TO_EOF, 0},
		{{"T\vchunked"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_TO_EOF, 0},
		{{"T"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_TO_EOF, 0},
		{{"Tidentity"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_TO_EOF, 0},
		{{"Tidentity", "L5"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_COUNTED, 5},
		/* both: the coding wins by the RFC, and Python's http.server goes by the length */
		{{"Tgzip", "L5"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L5", "Tchunked"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"L0", "Tchunked"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"Tchunked", "L5"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"Tchunked", "L5"}, 0, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"TChunked", "L5"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
		{{"Tchunked", "L5", "L6"}, 1, TT_HTTP_DOUBTFUL, TT_HTTP_DOUBTFUL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct framing_case *c = &cases[i];
		struct tt_http_framing f = framing_of(c);
		if (tt_http_request_content(&f) != c->request || tt_http_response_content(&f, 200, false) != c->response)
			fail_msg("case %zu (%s)", i, c->fields[0] ? c->fields[0] : "no fields");
		if (c->request == TT_HTTP_COUNTED || c->response == TT_HTTP_COUNTED)
			assert_int_equal(f.length, c->length);
	}
}

static void some_responses_have_no_content(void **state)
{
	static const unsigned bodiless[] = {100, 101, 103, 199, 204, 304};
	struct tt_http_framing f = {0};
	tt_http_framing_length(&f, TT_SPAN_LIT("17"));

	for (size_t i = 0; i < sizeof(bodiless) / sizeof(bodiless[0]); i++)
		assert_int_equal(tt_http_response_content(&f, bodiless[i], false), TT_HTTP_NONE);
	assert_int_equal(tt_http_response_content(&f, 200, true), TT_HTTP_NONE);
	assert_int_equal(tt_http_response_content(&f, 205, false), TT_HTTP_COUNTED);

	/* even where the length makes no sense: nobody reads it */
	tt_http_framing_length(&f, TT_SPAN_LIT("18"));
	assert_int_equal(tt_http_response_content(&f, 304, false), TT_HTTP_NONE);
}

static void chunk_sizes(void **state)
{
	static const struct {
		const char *line;
		bool good;
		uint64_t size;
	} cases[] = {
		{"0", true, 0},
		{"1a", true, 26},
		{"1A", true, 26},
		{"0000000000000000000000001", true, 1},
		{"5;name=value", true, 5},
		{"5 ;name=\"v;\"", true, 5},
		{"5   ", true, 5},
		{"4000000000000000", true, TT_HTTP_LENGTH_MAX},
		{"4000000000000001", false, 0},
		{"ffffffffffffffff", false, 0},
		{"10000000000000005", false, 0},
		{"", false, 0},
		{";x", false, 0},
		{" 5", false, 0},
		{"0x5", false, 0},
		{"+5", false, 0},
		{"-1", false, 0},
		{"5 5", false, 0},
		{"5g", false, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t size = 77;
		if (tt_http_chunk_size(tt_span_str(cases[i].line), &size) != cases[i].good ||
		    size != (cases[i].good ? cases[i].size : 77))
			fail_msg("\"%s\"", cases[i].line);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(follows_the_rfc), cmocka_unit_test(some_responses_have_no_content), cmocka_unit_test(chunk_sizes))
