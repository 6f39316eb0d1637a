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

TT_UNIT_TESTS(cmocka_unit_test(puts_values_into_buckets), cmocka_unit_test(adds_and_merges))
