// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <errno.h>

#include "harness/unit.h"

static void keeps_to_its_maximum(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(100);
	char block[60] = {0};

	assert_int_equal(tt_buf_add(&b, block, sizeof(block)), 0);
	assert_int_equal(tt_buf_add(&b, block, sizeof(block)), -ENOBUFS);
	assert_int_equal(b.len, 60);
	assert_true(b.failed);
	assert_int_equal(tt_buf_add(&b, block, 40), 0);
	assert_int_equal(b.len, 100);
}

static void prints_numbers(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(1024);

	tt_buf_add_u64(&b, UINT64_MAX);
	tt_buf_add_char(&b, ' ');
	tt_buf_add_i64(&b, INT64_MIN);
	tt_buf_add_char(&b, ' ');
	tt_buf_add_u64(&b, 0);
	tt_buf_printf(&b, " %s=%d", "x", 7);
	assert_int_equal(tt_buf_add_char(&b, 0), 0);
	assert_string_equal((char *)b.data, "18446744073709551615 -9223372036854775808 0 x=7");
}

static void consumes_from_the_front(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(16);

	tt_buf_add_str(&b, "abcdef");
	tt_buf_consume(&b, 4);
	assert_true(tt_span_eq(tt_buf_span(&b), TT_SPAN_LIT("ef")));
}

TT_UNIT_TESTS(cmocka_unit_test(keeps_to_its_maximum), cmocka_unit_test(prints_numbers), cmocka_unit_test(consumes_from_the_front))
