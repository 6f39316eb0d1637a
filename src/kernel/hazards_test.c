// SPDX-License-Identifier: Apache-2.0
#include "kernel/hazards.h"

#include <string.h>

#include "base/own.h"
#include "harness/unit.h"

static const struct {
	struct tt_running_texts texts;
	struct tt_running want;
} releases[] = {
	/* Debian names the package after the first of a line; the build tells which it is. */
	{{.release = "5.10.0-46-cloud-amd64", .build = "#1 SMP Debian 5.10.262-1 (2026-07-31)"}, {{5, 10, 262}, false}},
	{{.release = "6.1.0-50-amd64", .build = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1", .preempt = "none (voluntary) full "},
	 {{6, 1, 176}, false}},
	{{.release = "6.1.0-50-rt-amd64", .build = "#1 SMP PREEMPT_RT Debian 6.1.176-1"}, {{6, 1, 176}, true}},
	{{.release = "7.3.4+deb13-amd64", .build = "#1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1", .preempt = "full (lazy) "},
	 {{7, 3, 4}, true}},
	{{.release = "5.15.0-91-generic", .build = "#101-Ubuntu SMP", .signature = "Ubuntu 5.15.0-91.101-generic 5.15.131"},
	 {{5, 15, 131}, false}},
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "ro preempt=none quiet"}, {{6, 18, 44}, false}},
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "ro quiet"}, {{6, 18, 44}, true}},
	/* The last of several words, and whole ones. */
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "preempt=none preempt=full"}, {{6, 18, 44}, true}},
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "preempt=full  preempt=none"},
	 {{6, 18, 44}, false}},
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "rcu.preempt=none"}, {{6, 18, 44}, true}},
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "xpreempt=none preempted=none"},
	 {{6, 18, 44}, true}},
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "preempt=nonesuch"}, {{6, 18, 44}, true}},
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "quiet -- preempt=none"}, {{6, 18, 44}, true}},
	/* From 7.0 on the command line says nothing of it, the kernel itself does. */
	{{.release = "7.0.4", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "preempt=none"}, {{7, 0, 4}, true}},
	{{.release = "7.0.4", .build = "#1 SMP PREEMPT_DYNAMIC", .preempt = "(none) full", .command = "preempt=full"},
	 {{7, 0, 4}, false}},
	/* What it was built as counts where nobody said anything else. */
	{{.release = "6.1.0",
	  .build = "#1 SMP PREEMPT_DYNAMIC",
	  .command = "quiet",
	  .config = "CONFIG_PREEMPT_VOLUNTARY=y\nCONFIG_PREEMPT_DYNAMIC=y\n"},
	 {{6, 1, 0}, false}},
	{{.release = "6.1.0", .build = "#1 SMP PREEMPT_DYNAMIC", .config = "CONFIG_PREEMPT=y\nCONFIG_PREEMPT_DYNAMIC=y\n"},
	 {{6, 1, 0}, true}},
	{{.release = "6.1.0", .build = "#1 SMP PREEMPT_DYNAMIC", .command = "preempt=full", .config = "CONFIG_PREEMPT_NONE=y\n"},
	 {{6, 1, 0}, true}},
	{{.release = "6.1.0",
	  .build = "#1 SMP PREEMPT_DYNAMIC",
	  .preempt = "none voluntary (full)",
	  .config = "CONFIG_PREEMPT_NONE=y\n"},
	 {{6, 1, 0}, true}},
	{{.release = "6.18.44", .build = "#1 SMP PREEMPT"}, {{6, 18, 44}, true}},
	{{.release = "5.14.0-427.el9.x86_64", .build = "#1 SMP PREEMPT_DYNAMIC", .preempt = "none voluntary (full)"},
	 {{5, 14, 0}, true}},
	{{.release = "made up"}, {{0, 0, 0}, true}},
};

static void a_release_is_read(void **state)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(releases); i++) {
		struct tt_running got;

		tt_running_parse(&releases[i].texts, &got);
		assert_memory_equal(&got.version, &releases[i].want.version, sizeof(got.version));
		assert_int_equal(got.preemptible, releases[i].want.preemptible);
	}
}

static struct tt_features on(unsigned major, unsigned minor, unsigned patch, bool preemptible, bool may_disable)
{
	const struct tt_running running = {{major, minor, patch}, preemptible};
	struct tt_features f = {.preempted[TT_CALLED_BY_TRACEPOINT] = major >= 7};

	memset(f.has, true, sizeof(f.has));
	f.has[TT_FEATURE_PREEMPT_DISABLE] = may_disable;
	tt_hazards_apply(&f, &running);
	return f;
}

static void a_dangerous_feature_is_refused_and_no_other(void **state)
{
	static const unsigned bad[][3] = {{5, 10, 0}, {5, 10, 27}, {5, 8, 3}, {5, 11, 0}, {5, 11, 11}};
	static const unsigned good[][3] = {{5, 10, 28}, {5, 10, 262}, {5, 11, 12}, {5, 12, 0}, {6, 1, 0}, {7, 3, 4}};

	for (size_t i = 0; i < TT_ARRAY_LEN(bad); i++) {
		struct tt_features f = on(bad[i][0], bad[i][1], bad[i][2], false, true);

		assert_false(f.has[TT_FEATURE_FEXIT]);
		assert_non_null(strstr(f.refused[TT_FEATURE_FEXIT], "mended in 5.1"));
		for (int other = 0; other < TT_FEATURE_MAX; other++)
			assert_true(other == TT_FEATURE_FEXIT || (f.has[other] && !f.refused[other]));
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(good); i++) {
		struct tt_features f = on(good[i][0], good[i][1], good[i][2], false, true);

		assert_true(f.has[TT_FEATURE_FEXIT]);
		assert_null(f.refused[TT_FEATURE_FEXIT]);
	}
}

/* Where programs are preempted they must be able to hold that off. */
static void preempted_programs(void **state)
{
	assert_false(on(6, 1, 0, true, false).has[TT_FEATURE_FEXIT]);
	assert_true(on(6, 1, 0, false, false).has[TT_FEATURE_FEXIT]);
	assert_true(on(5, 10, 100, true, false).has[TT_FEATURE_FEXIT]); /* trampolines see to it themselves */

	assert_true(on(6, 12, 0, false, true).has[TT_FEATURE_FEXIT]);
	assert_non_null(strstr(on(6, 12, 0, true, true).refused[TT_FEATURE_FEXIT], "before 6.15"));
	assert_true(on(6, 15, 0, true, true).has[TT_FEATURE_FEXIT]);

	assert_true(on(6, 12, 0, false, true).has[TT_FEATURE_UPROBE]);
	assert_non_null(strstr(on(6, 12, 0, true, true).refused[TT_FEATURE_UPROBE], "before 6.15"));
	assert_true(on(6, 15, 0, true, true).has[TT_FEATURE_UPROBE]);
	assert_false(on(6, 1, 0, true, false).has[TT_FEATURE_UPROBE]);

	struct tt_features f = on(6, 18, 0, true, true);
	assert_true(f.has[TT_FEATURE_FEXIT]);
	assert_true(f.preempted[TT_CALLED_BY_TRAMPOLINE]);
	assert_false(f.preempted[TT_CALLED_BY_TRACEPOINT]);
	assert_true(on(7, 0, 0, true, true).preempted[TT_CALLED_BY_TRACEPOINT]);
	assert_false(on(7, 0, 0, false, true).preempted[TT_CALLED_BY_TRACEPOINT]);
	assert_false(on(7, 0, 0, true, true).preempted[TT_CALLED_BY_PERF]);
}

TT_UNIT_TESTS(cmocka_unit_test(a_release_is_read), cmocka_unit_test(a_dangerous_feature_is_refused_and_no_other),
	      cmocka_unit_test(preempted_programs))
