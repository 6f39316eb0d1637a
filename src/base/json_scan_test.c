// SPDX-License-Identifier: Apache-2.0
#include "base/json_scan.h"

#include <stdlib.h>

#include "base/own.h"
#include "harness/unit.h"

static struct tt_json_value get(const char *json, const char *path)
{
	struct tt_json_value v;
	tt_json_scan(tt_span_str(json), &path, 1, &v);
	return v;
}

static void check(const char *json, const char *path, enum tt_json_type type, const char *text)
{
	struct tt_json_value v = get(json, path);
	assert_int_equal(v.type, type);
	assert_true(tt_span_eq(v.text, tt_span_str(text)));
}

static void finds_values(void **state)
{
	const char *json = " { \"a\" : 1, \"b\":{\"c\":\"x\\\"y\", \"d\":[true,{\"e\":-2.5}]}, \"n\":null, \"b2\":\"last\" } ";

	check(json, "a", TT_JSON_NUMBER, "1");
	check(json, "b.c", TT_JSON_STRING, "x\\\"y");
	check(json, "b.d", TT_JSON_BOOL, "true"); /* an element stands for its list */
	check(json, "b.d.e", TT_JSON_NUMBER, "-2.5");
	check(json, "b", TT_JSON_OBJECT, "{\"c\":\"x\\\"y\", \"d\":[true,{\"e\":-2.5}]}");
	check(json, "b2", TT_JSON_STRING, "last");
	assert_int_equal(get(json, "n").type, TT_JSON_NONE);
	assert_int_equal(get(json, "c").type, TT_JSON_NONE);
	assert_int_equal(get(json, "b.").type, TT_JSON_NONE);
	check("[{\"method\":\"one\"},{\"method\":\"two\"}]", "method", TT_JSON_STRING, "one");
	check("{\"e\":[],\"f\":{}}", "e", TT_JSON_ARRAY, "[]");
}

static void says_where_the_text_is_cut(void **state)
{
	struct tt_json_value v = get("{\"q\":\"query {he", "q");
	assert_true(v.cut && v.type == TT_JSON_STRING);
	assert_true(tt_span_eq(v.text, TT_SPAN_LIT("query {he")));
	assert_int_equal(get("{\"n\":12", "n").type, TT_JSON_NONE);
	check("{\"a\":\"1\",\"n\":12", "a", TT_JSON_STRING, "1");
}

static void numbers(void **state)
{
	uint64_t n = 0;
	struct tt_json_value v = get("{\"n\":12}", "n");
	assert_true(tt_json_value_u64(&v, &n));
	assert_int_equal(n, 12);
	static const char *const no[] = {"{\"n\":-1}", "{\"n\":1.5}", "{\"n\":1e3}", "{\"n\":\"1\"}",
					 "{\"n\":99999999999999999999}"};
	for (size_t i = 0; i < TT_ARRAY_LEN(no); i++) {
		v = get(no[i], "n");
		assert_false(tt_json_value_u64(&v, &n));
	}
}

/* Cut at every byte, each byte replaced, and nested beyond all measure: it ends, and finds nothing that is not there. */
static void survives_anything(void **state)
{
	static const char json[] = "{\"a\":[1,{\"b\":\"c\\\\\"}],\"d\":{\"e\":{\"f\":[[[]]]}},\"g\":-1.5e3}";
	static const char *const paths[] = {"a.b", "d.e", "g"};
	struct tt_json_value v[3];

	for (size_t len = 0; len < sizeof(json); len++) {
		for (int byte = -1; byte < 256; byte += 3) {
			uint8_t *text = malloc(len + 1);
			assert_non_null(text);
			memcpy(text, json, len);
			if (byte >= 0 && len)
				text[len / 2] = (uint8_t)byte;
			tt_json_scan(tt_span(text, len), paths, 3, v);
			for (int i = 0; i < 3; i++)
				assert_true(!v[i].type ||
					    (v[i].text.data >= text && v[i].text.data + v[i].text.len <= text + len));
			free(text);
		}
	}
	char deep[4096];
	for (size_t i = 0; i < sizeof(deep); i += 5)
		memcpy(deep + i, "{\"a\":", TT_MIN((size_t)5, sizeof(deep) - i));
	tt_json_scan(tt_span(deep, sizeof(deep)), paths, 3, v);
	memset(deep, '[', sizeof(deep));
	tt_json_scan(tt_span(deep, sizeof(deep)), paths, 3, v);
	assert_int_equal(v[0].type, TT_JSON_NONE);
}

static void names_may_hold_a_zero(void **state)
{
	static const char json[] = "{\"id\0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\":1,\"b\":{\"c\0\":2},\"id\":3}";
	const char *paths[] = {"id", "b.c"};
	struct tt_json_value v[2];

	tt_json_scan(tt_span(json, sizeof(json) - 1), paths, 2, v);
	assert_true(tt_span_eq(v[0].text, TT_SPAN_LIT("3")));
	assert_int_equal(v[1].type, TT_JSON_NONE);
}

TT_UNIT_TESTS(cmocka_unit_test(names_may_hold_a_zero), cmocka_unit_test(finds_values),
	      cmocka_unit_test(says_where_the_text_is_cut), cmocka_unit_test(numbers), cmocka_unit_test(survives_anything))
