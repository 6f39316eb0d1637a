// SPDX-License-Identifier: Apache-2.0
#include "kernel/hooks.h"

#include <string.h>

#include "harness/unit.h"

static struct tt_features all(void)
{
	struct tt_features f = {0};

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

/* Wherever programs may be preempted there is a set that misses nothing, and a set by every name there is. */
static void a_set_for_every_kernel(void **state)
{
	struct tt_features f = all();

	for (size_t s = 0; s < tt_hook_set_count; s++)
		assert_null(tt_hook_set_not_whole(&tt_hook_sets[s], &f));
	memset(f.preempted, true, sizeof(f.preempted));
	f.preempted[TT_CALLED_BY_PERF] = false;
	size_t whole = 0;
	for (size_t s = 0; s < tt_hook_set_count; s++)
		whole += !tt_hook_set_not_whole(&tt_hook_sets[s], &f);
	assert_int_equal(whole, 2);
#define TT_IS_THERE(name_)                                    \
	for (size_t s = 0;; s++) {                            \
		assert_true(s < tt_hook_set_count);           \
		if (strcmp(tt_hook_sets[s].name, name_) == 0) \
			break;                                \
	}
	TT_HOOK_SET_NAMES(TT_IS_THERE)
}

/* Two sets of one name are told apart, and each says what it costs. */
static void sets_are_told_apart(void **state)
{
	for (size_t a = 0; a < tt_hook_set_count; a++) {
		assert_true(strlen(tt_hook_sets[a].cost) > 0);
		for (size_t b = 0; b < a; b++) {
			if (strcmp(tt_hook_sets[a].name, tt_hook_sets[b].name) != 0)
				continue;
			assert_non_null(tt_hook_sets[a].form);
			assert_non_null(tt_hook_sets[b].form);
			assert_string_not_equal(tt_hook_sets[a].form, tt_hook_sets[b].form);
		}
	}
	for (int i = 0; i < TT_HOOK_STATE_MAX; i++)
		assert_true(strlen(tt_hook_state_words[i]) > 0);
}

/* What a newer kernel does without is no reason against a set; what only an older one lacks is. */
static void what_a_kernel_does_without(void **state)
{
	struct tt_features f = all();

	f.has[TT_FEATURE_SEND_PAGE] = false;
	f.has[TT_FEATURE_SOCK_LENGTH] = false;
	for (size_t s = 0; s < tt_hook_set_count; s++)
		assert_null(tt_hook_set_missing(&tt_hook_sets[s], &f));
	f.has[TT_FEATURE_FEXIT] = false;
	assert_non_null(tt_hook_set_missing(&tt_hook_sets[0], &f));
}

TT_UNIT_TESTS(cmocka_unit_test(a_set_for_every_kernel), cmocka_unit_test(sets_are_told_apart),
	      cmocka_unit_test(what_a_kernel_does_without), cmocka_unit_test(names_the_first_missing_required_row),
	      cmocka_unit_test(every_row_says_what_it_is_for))
