// SPDX-License-Identifier: Apache-2.0
#include "base/span.h"

#include <stdlib.h>

#include "base/own.h"
#include "harness/unit.h"

enum { LONGEST = 70 };

/* A piece of memory of just that length, so that a read before or behind it is found. */
static uint8_t *filled(size_t len)
{
	uint8_t *bytes = malloc(len ? len : 1);
	assert_non_null(bytes);
	memset(bytes, 'x', len);
	return bytes;
}

static void finds_what_stands_nearest(void **state)
{
	for (size_t len = 0; len <= LONGEST; len++) {
		tt_free_auto uint8_t *bytes = filled(len);

		assert_null(tt_find_near(bytes, bytes + len, '\n'));
		assert_false(tt_span_has(tt_span(bytes, len), '\n'));
		/* From the last on, so that every one stands before those that were there. */
		for (size_t at = len; at-- > 0;) {
			bytes[at] = '\n';
			assert_ptr_equal(tt_find_near(bytes, bytes + len, '\n'), bytes + at);
			assert_true(tt_span_has(tt_span(bytes, len), '\n'));
		}
	}
}

static void finds_each_place_alone(void **state)
{
	for (size_t len = 1; len <= LONGEST; len++) {
		tt_free_auto uint8_t *bytes = filled(len);

		for (size_t at = 0; at < len; at++) {
			bytes[at] = 0;
			assert_ptr_equal(tt_find_near(bytes, bytes + len, 0), bytes + at);
			assert_true(tt_span_has(tt_span(bytes, len), 0));
			/* What stands before the place that is looked from is not found. */
			assert_null(tt_find_near(bytes + at + 1, bytes + len, 0));
			assert_false(tt_span_has(tt_span(bytes + at + 1, len - at - 1), 0));
			bytes[at] = 'x';
		}
	}
}

static void tells_what_it_ends_with(void **state)
{
	assert_true(tt_span_ends(TT_SPAN_LIT("a.b"), TT_SPAN_LIT(".b")));
	assert_true(tt_span_ends(TT_SPAN_LIT(".b"), TT_SPAN_LIT(".b")));
	assert_true(tt_span_ends(tt_span(NULL, 0), tt_span(NULL, 0)));
	assert_false(tt_span_ends(TT_SPAN_LIT("b"), TT_SPAN_LIT(".b")));
	assert_false(tt_span_ends(TT_SPAN_LIT("a.B"), TT_SPAN_LIT(".b")));
	assert_false(tt_span_ends(TT_SPAN_LIT(".b."), TT_SPAN_LIT(".b")));
	assert_false(tt_span_ends(tt_span(NULL, 0), TT_SPAN_LIT(".b")));
}

TT_UNIT_TESTS(cmocka_unit_test(finds_what_stands_nearest), cmocka_unit_test(finds_each_place_alone),
	      cmocka_unit_test(tells_what_it_ends_with))
