// SPDX-License-Identifier: Apache-2.0
/* Percentiles against the exact ones of the same values: how far off, and what of the extremes. */
#include "sink/durations.h"

#include <stdlib.h>

#include "base/own.h"
#include "harness/unit.h"

#define MOST 2000

static uint64_t values[MOST];

static int order(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Each share of the first `count` values is in the part of the exact one: within a sixteenth of it. */
static void is_near(const struct tt_durations *d, size_t count)
{
	qsort(values, count, sizeof(*values), order);
	for (unsigned percent = 1; percent <= 100; percent++) {
		uint64_t exact = values[(percent * count + 99) / 100 - 1], got = 0;
		assert_true(tt_durations_quantile(d, percent / 100.0, &got));
		if (got > exact + exact / 16 || got < exact - exact / 16)
			fail_msg("p%u of %zu: %llu, exact %llu", percent, count, (unsigned long long)got,
				 (unsigned long long)exact);
		assert_in_range(got, values[0], values[count - 1]);
	}
}

static void percentiles_are_near(void **state)
{
	unsigned seed = 3;

	for (int round = 0; round < 300; round++) {
		struct tt_durations d = {0};
		size_t count = 1 + (size_t)rand_r(&seed) % MOST;
		int wide = 1 + rand_r(&seed) % 30;
		for (size_t i = 0; i < count; i++) {
			values[i] = ((uint64_t)rand_r(&seed) << 20) >> (rand_r(&seed) % wide);
			assert_int_equal(tt_durations_add(&d, values[i]), 0);
		}
		is_near(&d, count);
		tt_durations_free(&d);
	}
}

/* What a load generator says of the same requests: 300 in 10 to 12 ms, and one in twenty of 40. */
static void what_was_off_by_a_third(void **state)
{
	struct tt_durations d = {0};
	uint64_t v;

	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(tt_durations_add(&d, i % 20 == 19 ? 40000000 : 10000000 + i * UINT64_C(2000000) / 300), 0);
	assert_true(tt_durations_quantile(&d, 0.5, &v));
	assert_in_range(v, 10900000, 11200000);
	assert_true(tt_durations_quantile(&d, 0.95, &v));
	assert_in_range(v, 11900000, 12600000);
	assert_true(tt_durations_quantile(&d, 0.99, &v));
	assert_in_range(v, 38000000, 40000000);
	tt_durations_free(&d);
}

static void of_equal_values_it_is_exact(void **state)
{
	static const uint64_t all[] = {0, 1, 15, 16, 17, 31, 32, 33, 1000003, UINT64_MAX - 1, UINT64_MAX};
	uint64_t v = 7;

	for (size_t i = 0; i < TT_ARRAY_LEN(all); i++) {
		struct tt_durations d = {0};
		assert_false(tt_durations_quantile(&d, 0.5, &v));
		assert_int_equal(tt_durations_add(&d, all[i]), 0);
		assert_int_equal(tt_durations_add(&d, all[i]), 0);
		assert_true(tt_durations_quantile(&d, 0, &v));
		assert_true(v == all[i]);
		assert_true(tt_durations_quantile(&d, 0.99, &v));
		assert_true(v == all[i]);
		tt_durations_free(&d);
	}
}

/* In parts, in whatever order, it comes to the same. */
static void sums_are_the_same(void **state)
{
	struct tt_durations whole = {0}, parts[3] = {{0}}, sum = {0};
	unsigned seed = 5;

	for (size_t i = 0; i < MOST; i++) {
		values[i] = (uint64_t)rand_r(&seed) >> (rand_r(&seed) % 31);
		assert_int_equal(tt_durations_add(&whole, values[i]), 0);
		assert_int_equal(tt_durations_add(&parts[i % 3], values[i]), 0);
	}
	for (size_t i = 3; i--;)
		assert_int_equal(tt_durations_merge(&sum, &parts[i]), 0);
	assert_int_equal(sum.count, whole.count);
	assert_true(sum.powers == whole.powers);
	assert_memory_equal(sum.counts, whole.counts, (size_t)__builtin_popcountll(sum.powers) * sizeof(*sum.counts));
	assert_true(sum.shortest_ns == whole.shortest_ns && sum.longest_ns == whole.longest_ns);
	is_near(&sum, MOST);
	assert_int_equal(tt_durations_merge(&sum, &(struct tt_durations){0}), 0);
	assert_int_equal(sum.count, MOST);
	for (size_t i = 0; i < 3; i++)
		tt_durations_free(&parts[i]);
	tt_durations_free(&whole);
	tt_durations_free(&sum);
}

TT_UNIT_TESTS(cmocka_unit_test(percentiles_are_near), cmocka_unit_test(what_was_off_by_a_third),
	      cmocka_unit_test(of_equal_values_it_is_exact), cmocka_unit_test(sums_are_the_same))
