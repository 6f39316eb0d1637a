// SPDX-License-Identifier: Apache-2.0
#include "symbols/functions.h"

#include <errno.h>

#include "harness/unit.h"
#include "symbols/kernel.h"
#include "symbols/perf_map.h"

static void add(struct tt_functions *f, uint64_t start, uint64_t size, const char *name)
{
	assert_int_equal(tt_functions_add(f, start, size, name, strlen(name)), 0);
}

static void check(struct tt_functions *f, uint64_t address, const char *want)
{
	const char *got = tt_functions_find(f, address);

	if (want) {
		assert_non_null(got);
		assert_string_equal(got, want);
	} else {
		assert_null(got);
	}
}

/* Behind a function's end nothing is named, and within another one the inner one is meant. */
static void functions_end(void **state)
{
	struct tt_functions f = TT_FUNCTIONS(NULL);

	add(&f, 200, 10, "second");
	add(&f, 100, 50, "first");
	add(&f, 110, 5, "inner");
	add(&f, 300, 0, "open");
	add(&f, 400, 0, "last");
	check(&f, 99, NULL);
	check(&f, 100, "first");
	check(&f, 112, "inner");
	check(&f, 120, "first");
	check(&f, 150, NULL);
	check(&f, 209, "second");
	check(&f, 210, NULL);
	check(&f, 399, "open");
	check(&f, 400, NULL);
	f.reach = 16;
	check(&f, 315, "open");
	check(&f, 316, NULL);
	check(&f, 415, "last");
	check(&f, 416, NULL);
	tt_functions_free(&f);
}

static void one_name_stands_for_an_address(void **state)
{
	struct tt_functions f = TT_FUNCTIONS(NULL), g = TT_FUNCTIONS(NULL);

	add(&f, 100, 10, "__read");
	add(&f, 100, 10, "read");
	check(&f, 100, "read");
	g.newest = true;
	add(&g, 100, 10, "was compiled");
	check(&g, 100, "was compiled");
	add(&g, 100, 20, "was compiled anew");
	check(&g, 115, "was compiled anew");
	tt_functions_free(&f);
	tt_functions_free(&g);
}

static void what_has_no_room_is_counted(void **state)
{
	struct tt_functions_budget budget = {.left = 100};
	struct tt_functions f = TT_FUNCTIONS(&budget);

	for (int i = 0; i < 10; i++)
		tt_functions_add(&f, 100 + (uint64_t)i, 1, "name", 4);
	assert_int_equal(f.count, 100 / (sizeof(struct tt_function) + 5));
	assert_int_equal(budget.refused, 10 - f.count);
	tt_functions_free(&f);
	assert_int_equal(budget.left, 100);
}

static void check_map(const char *text, size_t taken, uint64_t bad, uint64_t address, const char *want)
{
	struct tt_functions f = TT_FUNCTIONS(NULL);
	uint64_t wrong = 0;

	f.newest = true;
	assert_int_equal(tt_perf_map_parse(&f, tt_span(text, strlen(text)), &wrong), taken);
	assert_int_equal(wrong, bad);
	check(&f, address, want);
	tt_functions_free(&f);
}

static void perf_maps_are_read(void **state)
{
	check_map("7f0010 20 LazyCompile:~work /app.js:3\n", 38, 0, 0x7f002f, "LazyCompile:~work /app.js:3");
	check_map("0x7f0010 0x20 work\r\n", 20, 0, 0x7f0010, "work");
	check_map("7f0010 20 work", 0, 0, 0x7f0010, NULL); /* its end has not been written */
	check_map("nonsense\n7f0010 20 work\n", 24, 1, 0x7f0010, "work");
	check_map("7f0010 0 work\n7f0010 work\n7f0010 20 \n", 37, 3, 0x7f0010, NULL);
	check_map("ffffffffffffffff 20 work\n11111111111111111 1 work\n", 50, 2, 0x7f0010, NULL);
}

static void functions_of_the_kernel_are_found(void **state)
{
	struct tt_kernel_symbols *s = NULL;
	uint64_t from = 0, to = 0;

	assert_false(tt_kernel_function("there is no such function", &from, &to));
	assert_int_equal(tt_kernel_symbols_new(&s, "/there/is/no/such/file"), -ENOENT);
	assert_null(tt_kernel_symbol(NULL, 1));
	if (!tt_kernel_function("schedule", &from, &to))
		return;
	assert_true(to > from);
	assert_int_equal(tt_kernel_symbols_new(&s, "/proc/kallsyms"), 0);
	assert_string_equal(tt_kernel_symbol(s, from), "schedule");
	assert_string_equal(tt_kernel_symbol(s, to - 1), "schedule");
	assert_null(tt_kernel_symbol(s, 1));
	tt_kernel_symbols_free(s);
}

TT_UNIT_TESTS(cmocka_unit_test(functions_end), cmocka_unit_test(one_name_stands_for_an_address),
	      cmocka_unit_test(what_has_no_room_is_counted), cmocka_unit_test(perf_maps_are_read),
	      cmocka_unit_test(functions_of_the_kernel_are_found))
