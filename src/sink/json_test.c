// SPDX-License-Identifier: Apache-2.0
#include "sink/json.h"

#include <errno.h>
#include <math.h>

#include "harness/unit.h"

static void check(struct tt_buf *b, const char *expected)
{
	assert_int_equal(tt_buf_add_char(b, 0), 0);
	assert_string_equal((char *)b->data, expected);
}

static void nests_and_separates(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(1024);
	struct tt_json j = tt_json(&b);

	tt_json_object(&j);
	tt_json_key_u64(&j, "a", UINT64_MAX);
	tt_json_key(&j, "b");
	tt_json_array(&j);
	tt_json_i64(&j, INT64_MIN);
	tt_json_object(&j);
	tt_json_object_end(&j);
	tt_json_array(&j);
	tt_json_array_end(&j);
	tt_json_bool(&j, false);
	tt_json_array_end(&j);
	tt_json_key_text(&j, "c", "");
	tt_json_key_double(&j, "d", 0.25);
	tt_json_key_double(&j, "e", NAN);
	tt_json_key_u64_or_null(&j, "f", false, 1);
	tt_json_key_bool(&j, "g", true);
	tt_json_object_end(&j);
	check(&b,
	      "{\"a\":18446744073709551615,\"b\":[-9223372036854775808,{},[],false],\"c\":null,\"d\":0.250,\"e\":null,\"f\":null,"
	      "\"g\":true}");
}

static void escapes_what_it_must(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} cases[] = {
		{"", 0, "\"\""},
		{"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
		{"\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\""},
		{"\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\""},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"\xff", 1, "\"\\ufffd\""},
		{"\xc3", 1, "\"\\ufffd\""},				     /* cut */
		{"\xc3(", 2, "\"\\ufffd(\""},				     /* no continuation */
		{"\xc0\xaf", 2, "\"\\ufffd\\ufffd\""},			     /* overlong */
		{"\xe0\x9f\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""},	     /* overlong */
		{"\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""},	     /* surrogate */
		{"\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* above U+10FFFF */
		{"\xf0\x9f\x98", 3, "\"\\ufffd\\ufffd\\ufffd\""},	     /* cut */
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		tt_buf_auto struct tt_buf b = TT_BUF(1024);
		struct tt_json j = tt_json(&b);
		tt_json_string(&j, tt_span(cases[i].in, cases[i].len));
		check(&b, cases[i].out);
	}
}

static void tells_when_it_did_not_fit(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(8);
	struct tt_json j = tt_json(&b);

	tt_json_key_u64(&j, "long key", 1);
	assert_true(b.failed);
	assert_true(b.len <= 8);
}

TT_UNIT_TESTS(cmocka_unit_test(nests_and_separates), cmocka_unit_test(escapes_what_it_must),
	      cmocka_unit_test(tells_when_it_did_not_fit))
