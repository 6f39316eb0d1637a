// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/commands.h"
#include "kernel/load.h"

static void tt_doctor_features(const struct tt_features *features)
{
	puts("kernel features");
	for (int i = 0; i < TT_FEATURE_MAX; i++) {
		const struct tt_feature_row *row = &tt_feature_rows[i];
		printf("  %-8s %-36s %s\n", features->has[i] ? "yes" : "missing", row->name, row->purpose);
		if (!features->has[i])
			printf("  %-8s %-36s (since %s)\n", "", "", row->since);
	}
}

static void tt_doctor_sets(const struct tt_kernel_report *report)
{
	puts("hook row sets at the socket");
	for (size_t i = 0; i < report->set_count; i++) {
		const struct tt_hook_verdict *v = &report->sets[i];
		printf("  %-8s %-16s %s\n", v->chosen ? "chosen" : "not", v->set->name, v->reason[0] ? v->reason : v->set->cost);
	}
	puts("other hooks");
	for (size_t i = 0; i < tt_hook_common.count; i++) {
		const struct tt_hook_row *row = &tt_hook_common.rows[i];
		const struct tt_hook_verdict *v = &report->common[i];
		if (v->chosen)
			printf("  %-8s %s\n", "attached", row->hook);
		else
			printf("  %-8s %-28s %s; without it: %s\n", "not", row->hook, v->reason, row->without);
	}
}

int tt_doctor_main(struct tt_config *config, int argc, char **argv)
{
	/* A scope without a process: everything is loaded, attached and tested, and nobody is observed. */
	const struct tt_scope nobody = {.mode = TT_SCOPE_PIDS};
	struct tt_kernel_report report = {0};
	struct tt_kernel *kernel = NULL;
	struct utsname name;

	uname(&name);
	printf("telltale %s on Linux %s %s\n", TT_VERSION, name.release, name.machine);
	int r = tt_kernel_new(&kernel, &config->limits, &nobody, &report);
	tt_doctor_features(&report.features);
	tt_doctor_sets(&report);
	tt_kernel_free(kernel);
	if (r < 0) {
		fflush(stdout);
		tt_error("%s", report.error[0] ? report.error : strerror(-r));
		return 1;
	}
	puts("ready");
	return 0;
}
