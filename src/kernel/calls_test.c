// SPDX-License-Identifier: Apache-2.0
#include "kernel/calls.h"

#include <sys/syscall.h>

#include "harness/unit.h"

static void numbers_mean_what_they_should(void **state)
{
	__u8 table[TT_CALL_NUMBERS];

	tt_calls_fill(table);
	assert_int_equal(table[SYS_read] & TT_CALL_MASK, TT_CALL_READ);
	assert_int_equal(table[SYS_pwritev2] & TT_CALL_MASK, TT_CALL_WRITEV);
	assert_int_equal(table[SYS_accept4] & TT_CALL_MASK, TT_CALL_ACCEPT);
	assert_int_equal(table[SYS_close] & TT_CALL_MASK, TT_CALL_CLOSE);
	assert_int_equal(table[SYS_getpid] & TT_CALL_MASK, TT_CALL_NONE);
	/* pread64 and pwritev fail on sockets; they are not looked at. */
	assert_int_equal(table[SYS_pread64] & TT_CALL_MASK, TT_CALL_NONE);
	assert_true(table[3] & TT_CALL_COMPAT);
	assert_true(table[4] & TT_CALL_COMPAT);
}

static void calls_fit_their_bits(void **state)
{
	assert_true(TT_CALL_MAX <= TT_CALL_MASK + 1);
	assert_int_equal(TT_CALL_MASK & TT_CALL_COMPAT, 0);
}

TT_UNIT_TESTS(cmocka_unit_test(numbers_mean_what_they_should), cmocka_unit_test(calls_fit_their_bits))
