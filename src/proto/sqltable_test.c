// SPDX-License-Identifier: Apache-2.0
#include "proto/sqltable.h"

#include <stdio.h>

#include "harness/unit.h"

static struct tt_span number(char buf[16], unsigned int i)
{
	return tt_span(buf, (size_t)snprintf(buf, 16, "s%u", i));
}

static uint32_t put(struct tt_sql_table *t, struct tt_span name, const char *text, uint64_t max_count, uint64_t max_bytes)
{
	struct tt_sql_text *s = tt_sql_text_new(tt_span_str(text));
	uint32_t turned_away = tt_sql_table_put(t, name, s, max_count, max_bytes);
	tt_sql_text_unref(s);
	return turned_away;
}

static void remembers_and_forgets_the_longest_unused(void **state)
{
	struct tt_sql_table t = {0};
	char b[16];
	uint32_t turned_away = 0;

	assert_null(tt_sql_table_get(&t, TT_SPAN_LIT("x")));
	for (unsigned int i = 0; i < 100; i++) {
		turned_away += put(&t, number(b, i), "SELECT 1", 50, 1u << 20);
		if (i >= 10)
			assert_non_null(tt_sql_table_get(&t, TT_SPAN_LIT("s7"))); /* used all the time: stays */
	}
	assert_int_equal(turned_away, 50);
	assert_int_equal(t.count, 50);
	assert_non_null(tt_sql_table_get(&t, TT_SPAN_LIT("s7")));
	assert_null(tt_sql_table_get(&t, TT_SPAN_LIT("s8")));
	assert_non_null(tt_sql_table_get(&t, TT_SPAN_LIT("s99")));
	tt_sql_table_clear(&t);
}

static void keeps_to_its_bytes(void **state)
{
	struct tt_sql_table t = {0};
	char long_text[3001] = {0};
	char b[16];

	memset(long_text, 'x', 3000);
	for (unsigned int i = 0; i < 20; i++) {
		put(&t, number(b, i), long_text, 1000, 10000);
		assert_true(t.bytes <= 10000);
	}
	assert_int_equal(t.count, 3);
	assert_int_equal(put(&t, TT_SPAN_LIT("big"), long_text, 1000, 100), 4);
	assert_int_equal(t.count, 0);
	assert_int_equal(t.bytes, 0);
	tt_sql_table_clear(&t);
}

static void replaces_and_removes(void **state)
{
	struct tt_sql_table t = {0};

	put(&t, TT_SPAN_LIT("a"), "one", 10, 10000);
	struct tt_sql_text *held = tt_sql_text_ref(tt_sql_table_get(&t, TT_SPAN_LIT("a")));
	put(&t, TT_SPAN_LIT("a"), "two", 10, 10000);
	assert_true(tt_span_eq(tt_sql_text_span(held), TT_SPAN_LIT("one")));
	assert_true(tt_span_eq(tt_sql_text_span(tt_sql_table_get(&t, TT_SPAN_LIT("a"))), TT_SPAN_LIT("two")));
	assert_int_equal(t.count, 1);
	tt_sql_text_unref(held);

	put(&t, TT_SPAN_LIT(""), "unnamed", 10, 10000);
	tt_sql_table_remove(&t, TT_SPAN_LIT("a"));
	tt_sql_table_remove(&t, TT_SPAN_LIT("nobody"));
	assert_null(tt_sql_table_get(&t, TT_SPAN_LIT("a")));
	assert_non_null(tt_sql_table_get(&t, TT_SPAN_LIT("")));
	tt_sql_table_clear(&t);
	assert_null(tt_sql_table_get(&t, TT_SPAN_LIT("")));
}

static void finds_the_kind(void **state)
{
	static const struct {
		const char *text;
		bool mysql;
		const char *kind;
	} rows[] = {
		{"SELECT 1", true, "SELECT"},
		{"  \n\t select\n1", false, "SELECT"},
		{"(select 1) union (select 2)", true, "SELECT"},
		{"/* app:x */ -- more\n insert into t values(1)", false, "INSERT"},
		{"# note\nUpdate t set a=1", true, "UPDATE"},
		{"# note", false, ""},
		{"/*!40101 SET NAMES utf8 */", true, "SET"},
		{"/*M!100100 SET x=1 */", true, "SET"},
		{"/*!40101 SET NAMES utf8 */ SHOW", false, "SHOW"},
		{";;begin", false, "BEGIN"},
		{"", true, ""},
		{"/* never ended select", true, ""},
		{"123", true, ""},
		{"abcdefghijklmnopqrstuvwxyz", true, ""},
		{"abcdefghijklmnopqrstuvwx", true, ""},
		{"/* a /* b */ hunter2 */ select 1", false, "SELECT"},
		{"/* a /* b */ select 1", true, "SELECT"},
		{"/* a /* b */ select 1", false, ""},
		{"hunter2secret word", false, ""},
		{"(hunter2) x", false, ""},
		{"/*!99999 hunter2 */ SELECT 1", true, ""},
		{"selectx", false, ""},
		{"abort", false, "ABORT"},
		{"xa start 'a'", true, "XA"},
		{"waitfor delay '0:1'", false, "WAITFOR"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		struct tt_span kind = tt_sql_kind(tt_span_str(rows[i].text), rows[i].mysql);
		if (!tt_span_eq(kind, tt_span_str(rows[i].kind)))
			fail_msg("%s: %.*s", rows[i].text, (int)kind.len, (const char *)kind.data);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(remembers_and_forgets_the_longest_unused), cmocka_unit_test(keeps_to_its_bytes),
	      cmocka_unit_test(replaces_and_removes), cmocka_unit_test(finds_the_kind))
