// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/privilege.h"
#include "base/own.h"
#include "cli/commands.h"
#include "cli/doctor.h"
#include "kernel/plaintext.h"
#include "kernel/verified.h"

static void tt_doctor_features(const struct tt_features *features)
{
	puts("kernel features");
	for (int i = 0; i < TT_FEATURE_MAX; i++) {
		const struct tt_feature_row *row = &tt_feature_rows[i];
		printf("  %-8s %-36s %s\n", features->has[i] ? "yes" : "missing", row->name, row->purpose);
		if (!features->has[i] && features->refused[i])
			printf("  %-8s %-36s refused: %s\n", "", "", features->refused[i]);
		else if (!features->has[i])
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

static void tt_doctor_write_text(const struct tt_doctor *d)
{
	printf("telltale %s on Linux %s %s\n", TT_VERSION, d->name.release, d->name.machine);
	tt_doctor_write_privileges();
	tt_doctor_features(&d->report.features);
	tt_doctor_sets(&d->report);
	const char *refused = tt_plaintext_refused();
	printf("TLS libraries (--uprobes)\n  %-8s %s\n", d->plaintext ? "ready" : "not",
	       d->plaintext ? "plaintext of what they encrypt and decrypt"
			    : "not asked for, or this kernel does not take the probes");
	if (refused)
		printf("  %-8s libraries other than Go's: %s\n", "not", refused);
	if (d->status == 0)
		puts("ready");
}

/* A program is told again where a set is tried again. */
static void tt_doctor_keep(void *ctx, const char *program, uint32_t instructions)
{
	struct tt_doctor *d = ctx;
	size_t i = 0;

	while (i < d->program_count && strcmp(d->programs[i].name, program) != 0)
		i++;
	if (i == TT_ARRAY_LEN(d->programs))
		return;
	snprintf(d->programs[i].name, sizeof(d->programs[i].name), "%s", program);
	d->programs[i].verified = instructions;
	if (i == d->program_count)
		d->program_count++;
}

/* Everything is loaded, attached and tested, and nobody is observed: the scope has no process. */
static int tt_doctor_try(const struct tt_config *config, struct tt_doctor *d, struct tt_kernel_report *report)
{
	const struct tt_scope nobody = {.mode = TT_SCOPE_PIDS, .plaintext = config->uprobes};
	struct tt_kernel *kernel = NULL;

	int r = tt_kernel_new(&kernel, config->hooks, &config->limits, &nobody, report);
	if (r == 0)
		tt_kernel_verified_of(kernel, tt_doctor_keep, d);
	d->plaintext = r == 0 && tt_plaintext_on(kernel);
	tt_kernel_free(kernel);
	return r;
}

/* Before 5.16 only the verifier's statistics say it; asked for them it gives no reasons, so that is a load of its own. */
static void tt_doctor_ask_verifier(const struct tt_config *config, struct tt_doctor *d)
{
	struct tt_kernel_report ignored = {0};

	if (d->status != 0 || d->program_count)
		return;
	tt_kernel_verified(tt_doctor_keep, d);
	(void)tt_doctor_try(config, d, &ignored);
	tt_kernel_verified(NULL, NULL);
}

int tt_doctor_main(struct tt_config *config, int argc, char **argv)
{
	tt_free_auto struct tt_doctor *d = calloc(1, sizeof(*d));
	if (!d) {
		tt_error_errno(-ENOMEM, "doctor");
		return 1;
	}
	uname(&d->name);
	d->status = tt_doctor_try(config, d, &d->report);
	if (!config->json) {
		tt_doctor_write_text(d);
	} else {
		tt_doctor_ask_verifier(config, d);
		int r = tt_doctor_write_json(d, config->json);
		if (r < 0)
			tt_error_errno(r, "doctor --json");
	}
	if (d->status == 0)
		return 0;
	fflush(stdout);
	if (tt_need_check() == 0)
		tt_error("%s", d->report.error[0] ? d->report.error : strerror(-d->status));
	return 1;
}
