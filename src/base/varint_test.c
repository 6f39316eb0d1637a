// SPDX-License-Identifier: Apache-2.0
#include "base/varint.h"

#include "harness/unit.h"

static struct tt_cursor cursor(const char *bytes, size_t len)
{
	return tt_cursor(tt_span(bytes, len));
}

static void reads_numbers_of_any_length(void **state)
{
	static const struct {
		struct tt_span bytes;
		uint64_t value;
	} rows[] = {
		{TT_SPAN_LIT("\0"), 0},
		{TT_SPAN_LIT("\x7f"), 127},
		{TT_SPAN_LIT("\x80\x01"), 128},
		{TT_SPAN_LIT("\xff\xff\xff\x7f"), (1u << 28) - 1},
		{TT_SPAN_LIT("\xff\xff\xff\xff\x0f"), UINT32_MAX},
		{TT_SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), UINT64_MAX},
		/* Bits beyond 64 are dropped. */
		{TT_SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tt_cursor c = tt_cursor(rows[i].bytes);
		uint64_t v;

		assert_int_equal(tt_varint_read(&c, TT_VARINT_64, &v), TT_VARINT_WHOLE);
		assert_int_equal(v, rows[i].value);
		assert_int_equal(tt_cursor_left(&c), 0);
		assert_false(tt_cursor_short(&c));
	}
}

static void tells_cut_from_too_long(void **state)
{
	struct tt_cursor c = cursor("\x81\x82", 2);
	uint64_t v;

	assert_int_equal(tt_varint_read(&c, TT_VARINT_28, &v), TT_VARINT_CUT);
	assert_int_equal(v, 1 | 2 << 7);
	assert_true(tt_cursor_short(&c));

	c = cursor("\x80\x80\x80\x80\x01", 5);
	assert_int_equal(tt_varint_read(&c, TT_VARINT_28, &v), TT_VARINT_LONG);
	assert_false(tt_cursor_short(&c));
	assert_int_equal(c.pos, TT_VARINT_28);
}

static void reads_nothing_where_a_read_was_short(void **state)
{
	struct tt_cursor c = cursor("\x05", 1);
	uint64_t v;

	tt_cursor_skip(&c, 2);
	assert_int_equal(tt_varint_read(&c, TT_VARINT_28, &v), TT_VARINT_CUT);
	assert_int_equal(v, 0);
	assert_int_equal(c.pos, 0);
}

static void is_short_for_both(void **state)
{
	struct tt_cursor cut = cursor("\x81", 1), over = cursor("\x81\x81\x81\x81\x81\x01", 6), whole = cursor("\x81\x01", 2);

	assert_int_equal(tt_varint(&cut, TT_VARINT_32), 0);
	assert_true(tt_cursor_short(&cut));
	assert_int_equal(tt_varint(&over, TT_VARINT_32), 0);
	assert_true(tt_cursor_short(&over));
	assert_int_equal(tt_varint(&whole, TT_VARINT_32), 129);
	assert_false(tt_cursor_short(&whole));
}

static void takes_the_sign_from_the_lowest_bit(void **state)
{
	assert_int_equal(tt_zigzag32(0), 0);
	assert_int_equal(tt_zigzag32(1), -1);
	assert_int_equal(tt_zigzag32(2), 1);
	assert_int_equal(tt_zigzag32(UINT32_MAX - 1), INT32_MAX);
	assert_int_equal(tt_zigzag32(UINT32_MAX), INT32_MIN);
}

TT_UNIT_TESTS(cmocka_unit_test(reads_numbers_of_any_length), cmocka_unit_test(tells_cut_from_too_long),
	      cmocka_unit_test(reads_nothing_where_a_read_was_short), cmocka_unit_test(is_short_for_both),
	      cmocka_unit_test(takes_the_sign_from_the_lowest_bit))
