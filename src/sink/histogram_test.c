// SPDX-License-Identifier: Apache-2.0
#include "sink/histogram.h"

#include "harness/unit.h"

static void puts_values_into_buckets(void **state)
{
	assert_int_equal(tt_bucket_of(0), 0);
	assert_int_equal(tt_bucket_of(1), 0);
	for (unsigned i = 1; i < TT_BUCKETS; i++) {
		uint64_t bound = UINT64_C(1) << i;
		assert_int_equal(tt_bucket_of(bound), i);
		assert_int_equal(tt_bucket_of(bound / 2 + 1), i);
	}
	assert_int_equal(tt_bucket_of(UINT64_MAX), TT_BUCKET_LAST);
}

static void adds_and_merges(void **state)
{
	struct tt_histogram a = {0};
	struct tt_histogram b = {0};

	tt_histogram_add(&a, 1000);
	tt_histogram_add(&a, 3000);
	tt_histogram_add_unknown(&a);
	tt_histogram_merge(&b, a.count, a.sum_ns, a.buckets);
	tt_histogram_merge(&b, a.count, a.sum_ns, a.buckets);
	assert_int_equal(b.count, 6);
	assert_int_equal(b.sum_ns, 8000);
	assert_int_equal(b.buckets[10], 2);
	assert_int_equal(b.buckets[12], 2);
	assert_int_equal(b.buckets[TT_BUCKET_LAST], 2);
}

static void estimates_quantiles(void **state)
{
	const struct tt_extremes bounds = {1, 1u << 20};
	struct tt_histogram h = {0};
	uint64_t v = 7;

	assert_false(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, 0.5, &v));
	assert_int_equal(v, 7);

	/* Uniform from 1 to 2^20: interpolation is nearly exact. */
	for (uint64_t i = 1; i <= 1u << 20; i += 16)
		tt_histogram_add(&h, i);
	assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, 0.5, &v));
	assert_in_range(v, 520000, 528000);
	assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, 0.95, &v));
	assert_in_range(v, 990000, 1000000);
	assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, 0, &v));
	assert_in_range(v, 0, 1);
	assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, 1, &v));
	assert_int_equal(v, 1u << 20);
}

/* Whatever the values, the estimate lies in the bucket of the true value. */
static void never_leaves_the_bucket(void **state)
{
	unsigned seed = 3;
	for (int round = 0; round < 200; round++) {
		uint64_t values[50];
		struct tt_histogram h = {0};
		struct tt_extremes bounds = {0};
		for (int i = 0; i < 50; i++) {
			values[i] = (uint64_t)rand_r(&seed) >> (rand_r(&seed) % 30);
			tt_histogram_add(&h, values[i]);
			tt_extremes_add(&bounds, i == 0, values[i]);
		}
		for (int i = 0; i < 50; i++) { /* sort by insertion */
			uint64_t v = values[i];
			int at = i;
			for (; at && values[at - 1] > v; at--)
				values[at] = values[at - 1];
			values[at] = v;
		}
		uint64_t v;
		assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, 0.5, &v));
		unsigned bucket = tt_bucket_of(values[24]);
		assert_true(v <= UINT64_C(1) << bucket);
		assert_true(bucket == 0 || v >= UINT64_C(1) << (bucket - 1));
		for (double q = 0; q <= 1; q += 0.05) {
			assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, q, &v));
			assert_in_range(v, values[0], values[49]);
		}
	}
}

/* Values that share a bucket: the estimate goes from the least to the greatest, and of equal ones it is exact. */
static void stays_between_the_extremes(void **state)
{
	const uint64_t values[] = {550000, 560000, 600000};
	struct tt_extremes bounds = {0};
	struct tt_histogram h = {0};
	uint64_t v;

	for (size_t i = 0; i < TT_ARRAY_LEN(values); i++) {
		tt_extremes_add(&bounds, i == 0, values[i]);
		tt_histogram_add(&h, values[i]);
	}
	assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, 0.5, &v));
	assert_int_equal(v, 575000);
	assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, bounds, 0.99, &v));
	assert_in_range(v, 599000, 600000);

	h = (struct tt_histogram){0};
	tt_histogram_add(&h, UINT64_MAX);
	assert_true(tt_quantile(h.buckets, TT_BUCKETS, 0, (struct tt_extremes){UINT64_MAX, UINT64_MAX}, 0.5, &v));
	assert_true(v == UINT64_MAX);
}

/* A part of the buckets, starting at 2^9. */
static void takes_an_offset(void **state)
{
	uint64_t buckets[4] = {0, 0, 10, 0};
	uint64_t v;
	assert_true(tt_quantile(buckets, 4, 9, (struct tt_extremes){1200, 1u << 11}, 1, &v));
	assert_int_equal(v, 1u << 11);
}

TT_UNIT_TESTS(cmocka_unit_test(puts_values_into_buckets), cmocka_unit_test(adds_and_merges),
	      cmocka_unit_test(estimates_quantiles), cmocka_unit_test(never_leaves_the_bucket),
	      cmocka_unit_test(stays_between_the_extremes), cmocka_unit_test(takes_an_offset))
