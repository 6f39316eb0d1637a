/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes. A test function that is not in TT_UNIT_TESTS is unused, which fails the build. */
#ifndef TT_HARNESS_UNIT_H
#define TT_HARNESS_UNIT_H

/* cmocka wants these first and in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#define TT_SKIPPED 77 /* of meson and tests/run: what was left out is said in the last line */

/* Why a test of this program was left out, or NULL: then the suite shows the program as skipped with this reason. */
__attribute__((unused)) static const char *tt_unit_left_out;

/* Ends the test: this machine has no means for it. */
#define TT_UNIT_LEAVE_OUT(reason)            \
	do {                                 \
		tt_unit_left_out = (reason); \
		skip();                      \
	} while (0)

/* With what begins and ends the group (cmocka's setup and teardown; NULL none). */
#define TT_UNIT_TESTS_WITHIN(begin, end, ...)                          \
	int main(void)                                                 \
	{                                                              \
		const struct CMUnitTest tests[] = {__VA_ARGS__};       \
		int r = cmocka_run_group_tests(tests, (begin), (end)); \
		if (r || !tt_unit_left_out)                            \
			return r;                                      \
		puts(tt_unit_left_out);                                \
		return TT_SKIPPED;                                     \
	}

#define TT_UNIT_TESTS(...) TT_UNIT_TESTS_WITHIN(NULL, NULL, __VA_ARGS__)

#endif
