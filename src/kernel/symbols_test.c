// SPDX-License-Identifier: Apache-2.0
#include "kernel/symbols.h"

#include <string.h>

#include "base/own.h"
#include "harness/unit.h"

/* What the kernel answers is what its list says: the list's own tests are of symbols/kernel.h. */
static void answers_are_as_the_list_says(void **state)
{
	static const char *const names[] = {"schedule", "no_such_symbol_anywhere", "kfree", "bpf_map_lookup_elem"};
	struct tt_symbol asked[TT_ARRAY_LEN(names)] = {0}, listed[TT_ARRAY_LEN(names)] = {0};

	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++)
		asked[i].name = listed[i].name = names[i];
	if (tt_symbols_read(listed, TT_ARRAY_LEN(names)) < 0)
		TT_UNIT_LEAVE_OUT("there is no list of the kernel's symbols");
	assert_int_equal(tt_symbols_find(asked, TT_ARRAY_LEN(names)), 0);
	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		assert_int_equal(asked[i].address, listed[i].address);
		assert_int_equal(asked[i].listed, listed[i].listed);
	}
	assert_false(asked[1].listed);
}

static void too_many_are_read_from_the_list(void **state)
{
	struct tt_symbol many[TT_SYMBOLS_MOST + 1] = {0}, one = {.name = "schedule"};

	for (size_t i = 0; i < TT_ARRAY_LEN(many); i++)
		many[i].name = "schedule";
	if (tt_symbols_read(&one, 1) < 0)
		TT_UNIT_LEAVE_OUT("there is no list of the kernel's symbols");
	assert_int_equal(tt_symbols_find(many, TT_ARRAY_LEN(many)), 0);
	assert_int_equal(many[TT_SYMBOLS_MOST].address, one.address);
}

TT_UNIT_TESTS(cmocka_unit_test(answers_are_as_the_list_says), cmocka_unit_test(too_many_are_read_from_the_list))
