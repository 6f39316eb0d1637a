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

#define TT_UNIT_TESTS(...)                                        \
	int main(void)                                            \
	{                                                         \
		const struct CMUnitTest tests[] = {__VA_ARGS__};  \
		return cmocka_run_group_tests(tests, NULL, NULL); \
	}

#endif
