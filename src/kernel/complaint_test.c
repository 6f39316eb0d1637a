// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "harness/unit.h"
#include "kernel/internal.h"

static void a_reason_ends_with_a_whole_word(void **state)
{
	char text[24];

	tt_kernel_say(text, sizeof(text), "%s", "it fits, to the last ch");
	assert_string_equal(text, "it fits, to the last ch");
	tt_kernel_say(text, sizeof(text), "%s", "this is longer than its place");
	assert_string_equal(text, "this is longer ...");
	tt_kernel_say(text, sizeof(text), "%s", "aWordThatIsLongerThanItsPlace");
	assert_int_equal(strlen(text), sizeof(text) - 1);
	assert_string_equal(text + strlen(text) - 4, " ...");
}

TT_UNIT_TESTS(cmocka_unit_test(a_reason_ends_with_a_whole_word))
