// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "harness/unit.h"
#include "kernel/features.h"

static struct tt_features of(unsigned major, unsigned minor)
{
	return (struct tt_features){.major = major, .minor = minor};
}

static void is(const struct tt_features *f, enum tt_feature id, const char *want)
{
	char text[256];

	assert_string_equal(tt_feature_why(f, id, text, sizeof(text)), want);
}

/* "Since" is a reason on an older kernel only: a newer one was built without it, or Linux has it no more. */
static void the_age_is_blamed_where_it_is_to_blame(void **state)
{
	struct tt_features old = of(6, 1), new = of(6, 18), until = of(6, 3), unknown = of(0, 0);

	is(&old, TT_FEATURE_KPROBE_MULTI, "in Linux since 6.14, 4346ba160409");
	is(&new, TT_FEATURE_KPROBE_MULTI, "this kernel is built without it (in Linux since 6.14, 4346ba160409)");
	is(&new, TT_FEATURE_KPROBE, "this kernel is built without it (in Linux since 4.17, e12f03d7031a)");
	is(&new, TT_FEATURE_SEND_PAGE, "in Linux from 2.6, until 6.4 (2bfc66850952)");
	is(&until, TT_FEATURE_SEND_PAGE, "this kernel is built without it (in Linux since 2.6, until 6.4 (2bfc66850952))");
	is(&unknown, TT_FEATURE_KPROBE, "in Linux since 4.17, e12f03d7031a");
}

static void what_was_found_goes_before_it(void **state)
{
	struct tt_features f = of(6, 18);

	f.absent[TT_FEATURE_PERF_TRACEPOINTS] = "tracefs is not mounted";
	is(&f, TT_FEATURE_PERF_TRACEPOINTS, "tracefs is not mounted");
	f.refused[TT_FEATURE_FEXIT] = "it crashes";
	f.absent[TT_FEATURE_FEXIT] = "is not there";
	is(&f, TT_FEATURE_FEXIT, "not used on this kernel: it crashes");
	f.has[TT_FEATURE_PERF_TRACEPOINTS] = true;
	is(&f, TT_FEATURE_PERF_TRACEPOINTS, "");
}

/* None without words of its own names an age it cannot know: of addresses of pages the age is no version. */
static void every_row_has_an_age_or_is_told_by_its_question(void **state)
{
	for (int i = 0; i < TT_FEATURE_MAX; i++) {
		const char *since = tt_feature_rows[i].since;

		assert_true(i == TT_FEATURE_PAGES || (since[0] >= '0' && since[0] <= '9' && strchr(since, '.')));
	}
}

TT_UNIT_TESTS(cmocka_unit_test(the_age_is_blamed_where_it_is_to_blame), cmocka_unit_test(what_was_found_goes_before_it),
	      cmocka_unit_test(every_row_has_an_age_or_is_told_by_its_question))
