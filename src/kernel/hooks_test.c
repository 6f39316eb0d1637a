// SPDX-License-Identifier: Apache-2.0
#include "kernel/hooks.h"

#include <string.h>

#include "harness/unit.h"

static struct tt_features all(void)
{
	struct tt_features f;

	memset(f.has, true, sizeof(f.has));
	return f;
}

static void names_the_first_missing_required_row(void **state)
{
	struct tt_features f = all();

	assert_null(tt_hook_set_missing(&tt_hook_common, &f));
	f.has[TT_FEATURE_TCP_RETRANSMIT] = false; /* not required */
	assert_null(tt_hook_set_missing(&tt_hook_common, &f));
	f.has[TT_FEATURE_TCP_DESTROY] = false;
	assert_string_equal(tt_hook_set_missing(&tt_hook_common, &f)->program, "tt_destroy");
}

static void every_row_says_what_it_is_for(void **state)
{
	for (size_t s = 0; s < tt_hook_set_count; s++) {
		for (size_t i = 0; i < tt_hook_sets[s].count; i++)
			assert_true(strlen(tt_hook_sets[s].rows[i].without) > 0);
	}
	for (size_t i = 0; i < tt_hook_common.count; i++)
		assert_true(strlen(tt_hook_common.rows[i].without) > 0);
	for (int i = 0; i < TT_FEATURE_MAX; i++)
		assert_true(strlen(tt_feature_rows[i].since) > 0);
}

TT_UNIT_TESTS(cmocka_unit_test(names_the_first_missing_required_row), cmocka_unit_test(every_row_says_what_it_is_for))
