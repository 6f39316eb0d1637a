// SPDX-License-Identifier: Apache-2.0
#include "base/digits.h"

#include "harness/unit.h"

static void reads_what_it_wrote(void **state)
{
	static const uint64_t numbers[] = {0, 9, 10, 4096, UINT32_MAX, 999999999999999999};
	uint8_t buffer[TT_DIGITS_MAX];
	uint64_t v;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_true(tt_digits_read(tt_digits(numbers[i], buffer), &v));
		assert_int_equal(v, numbers[i]);
	}
	assert_true(tt_digits_read(TT_SPAN_LIT("007"), &v));
	assert_int_equal(v, 7);
}

static void reads_nothing_but_digits(void **state)
{
	static const struct tt_span wrong[] = {
		TT_SPAN_LIT(""),   TT_SPAN_LIT("-1"), TT_SPAN_LIT("+1"), TT_SPAN_LIT("1 "),
		TT_SPAN_LIT("1/"), TT_SPAN_LIT(":1"), TT_SPAN_LIT("1a"), TT_SPAN_LIT("1000000000000000000"),
	};
	uint64_t v = 42;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(tt_digits_read(wrong[i], &v));
	assert_int_equal(v, 42);
}

TT_UNIT_TESTS(cmocka_unit_test(reads_what_it_wrote), cmocka_unit_test(reads_nothing_but_digits))
