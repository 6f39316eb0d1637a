// SPDX-License-Identifier: Apache-2.0
#include "shared/limits.h"

#include <errno.h>
#include <string.h>

#include "harness/unit.h"

static int set(struct tt_limits *l, const char *name, const char *text)
{
	return tt_limits_set(l, name, strlen(name), text);
}

static void rows_are_sound(void **state)
{
	for (size_t i = 0; i < TT_LIMIT_MAX; i++) {
		assert_true(tt_limit_rows[i].least <= tt_limit_rows[i].preset);
		assert_true(tt_limit_rows[i].preset <= tt_limit_rows[i].most);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(tt_limit_rows[i].name, tt_limit_rows[j].name);
	}
}

static void sets_by_name(void **state)
{
	struct tt_limits l;

	tt_limits_init(&l);
	assert_int_equal(set(&l, "ring_bytes", "1M"), 0);
	assert_int_equal(l.value[TT_LIMIT_RING_BYTES], 1 << 20);
}

/* What somebody set stays, also where it is the preset. */
static void a_capture_has_lower_ones_where_nobody_set_them(void **state)
{
	struct tt_limits l;

	tt_limits_init(&l);
	assert_int_equal(set(&l, "messages", "65536"), 0);
	assert_int_equal(l.value[TT_LIMIT_MESSAGES], tt_limit_rows[TT_LIMIT_MESSAGES].preset);
	tt_limits_for_capture(&l);
	for (int i = 0; i < TT_LIMIT_MAX; i++) {
		uint64_t capture = tt_limit_capture_preset((enum tt_limit)i);
		assert_true(capture <= tt_limit_rows[i].preset && capture >= tt_limit_rows[i].least);
		assert_int_equal(l.value[i], i == TT_LIMIT_MESSAGES ? 65536 : capture);
	}
	assert_true(l.value[TT_LIMIT_CONNECTIONS] < tt_limit_rows[TT_LIMIT_CONNECTIONS].preset);
}

static void refuses_what_is_wrong(void **state)
{
	struct tt_limits l;

	tt_limits_init(&l);
	assert_int_equal(set(&l, "no_such", "1"), -ENOENT);
	assert_int_equal(set(&l, "ring_bytes", "x"), -EINVAL);
	assert_int_equal(set(&l, "ring_bytes", "12x"), -EINVAL);
	assert_int_equal(set(&l, "ring_bytes", "-1"), -EINVAL);
	assert_int_equal(set(&l, "ring_bytes", "1"), -ERANGE);
	assert_int_equal(set(&l, "ring_bytes", "99999999999999G"), -ERANGE);
	assert_int_equal(l.value[TT_LIMIT_RING_BYTES], tt_limit_rows[TT_LIMIT_RING_BYTES].preset);
}

TT_UNIT_TESTS(cmocka_unit_test(rows_are_sound), cmocka_unit_test(sets_by_name), cmocka_unit_test(refuses_what_is_wrong),
	      cmocka_unit_test(a_capture_has_lower_ones_where_nobody_set_them))
