// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/observe.h"
#include "attach/privilege.h"
#include "base/own.h"
#include "cli/commands.h"
#include "cli/doctor.h"
#include "kernel/verified.h"

static void tt_doctor_features(const struct tt_features *features)
{
	char why[256];

	puts("kernel features");
	for (int i = 0; i < TT_FEATURE_MAX; i++) {
		const struct tt_feature_row *row = &tt_feature_rows[i];

		const char *word = features->has[i]	  ? "yes"
				   : features->refused[i] ? "unused"
				   : features->absent[i]  ? "no"
							  : "missing";

		printf("  %-9s %-40s %s\n", word, row->name, row->purpose);
		if (!features->has[i])
			printf("  %-9s %-40s why: %s\n", "", "", tt_feature_why(features, i, why, sizeof(why)));
	}
}

/* All there are, so that what they cost can be compared. */
static void tt_doctor_sets(const struct tt_kernel_report *report)
{
	puts("hook row sets at the socket, in the order they are tried");
	for (size_t i = 0; i < report->set_count; i++) {
		const struct tt_hook_verdict *v = &report->sets[i];
		char name[64];

		printf("  %-13s %-22s %s\n", tt_hook_state_words[v->state], tt_kernel_set_title(v->set, name, sizeof(name)),
		       v->set->cost);
		if (v->reason[0])
			printf("  %-13s %-22s why: %s\n", "", "", v->reason);
	}
}

static void tt_doctor_common(const struct tt_doctor *d)
{
	puts("other hooks");
	if (d->status != 0)
		puts("  not tried: they are attached with a set of the above");
	for (size_t i = 0; d->status == 0 && i < tt_hook_common.count; i++) {
		const struct tt_hook_row *row = &tt_hook_common.rows[i];
		const struct tt_hook_verdict *v = &d->report.common[i];
		if (v->chosen)
			printf("  %-8s %s\n", "attached", row->hook);
		else
			printf("  %-8s %-28s %s; without it: %s\n", "not", row->hook, v->reason, row->without);
	}
}

static void tt_doctor_plaintext(const struct tt_doctor *d)
{
	const char *refused = tt_plaintext_refused();
	char why[256];

	puts("TLS libraries (--uprobes)");
	if (d->plaintext)
		printf("  %-9s plaintext of what they encrypt and decrypt\n", "ready");
	else if (d->plaintext_denied)
		printf("  %-9s uprobes are not permitted to who started this (CAP_SYS_ADMIN)\n", "refused");
	else if (!d->report.features.has[TT_FEATURE_UPROBE])
		printf("  %-9s %s\n", "missing", tt_feature_why(&d->report.features, TT_FEATURE_UPROBE, why, sizeof(why)));
	else if (!d->plaintext_wanted)
		printf("  %-9s doctor --uprobes does\n", "not tried");
	else if (d->status != 0)
		printf("  %-9s they are attached with a set of the above\n", "not tried");
	else
		printf("  %-9s this kernel does not take the probes\n", "refused");
	if (d->plaintext_ns[0])
		printf("  %-9s measured: a call of their functions takes %.1f us more, %.1f us where its first instruction is no "
		       "push;\n"
		       "  %-9s that is for all who have the library, in scope or not\n",
		       "cost", (double)d->plaintext_ns[0] / 1000, (double)d->plaintext_ns[1] / 1000, "");
	if (refused)
		printf("  %-9s libraries other than OpenSSL and Go's: %s\n", "not", refused);
}

static void tt_doctor_write_text(const struct tt_doctor *d)
{
	printf("telltale %s on Linux %s %s\n", TT_VERSION, d->name.release, d->name.machine);
	tt_doctor_write_privileges();
	tt_doctor_features(&d->report.features);
	tt_doctor_sets(&d->report);
	tt_doctor_common(d);
	tt_doctor_plaintext(d);
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
	struct tt_scope nobody = {.mode = TT_SCOPE_PIDS};
	struct tt_kernel *kernel = NULL;

	tt_observe_plaintext(&nobody, config);
	int r = tt_kernel_new(&kernel, config->hooks, &config->limits, &nobody, report);
	if (r == 0)
		tt_kernel_verified_of(kernel, tt_doctor_keep, d);
	const bool loaded = r == 0 && tt_plaintext_on(kernel);
	d->plaintext_denied = loaded && tt_plaintext_try(NULL) == -EPERM;
	d->plaintext = loaded && !d->plaintext_denied;
	if (d->plaintext)
		(void)tt_plaintext_cost(kernel, d->plaintext_ns); /* then it is not said */
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

/* A message that did not arrive is none: said with the place it was to go to. */
static bool tt_doctor_tell(const struct tt_config *config, const struct tt_doctor *d)
{
	int r = 0;

	if (config->json) {
		r = tt_doctor_write_json(d, config->json);
	} else {
		tt_doctor_write_text(d);
		r = fflush(stdout) == 0 && !ferror(stdout) ? 0 : -errno;
	}
	if (r < 0)
		tt_error_errno(r, "doctor: %s",
			       !config->json || strcmp(config->json, "-") == 0 ? "standard output" : config->json);
	return r == 0;
}

int tt_doctor_main(struct tt_config *config, int argc, char **argv)
{
	tt_free_auto struct tt_doctor *d = calloc(1, sizeof(*d));
	if (!d) {
		tt_error_errno(-ENOMEM, "doctor");
		return 1;
	}
	uname(&d->name);
	d->plaintext_wanted = config->uprobes;
	d->status = tt_doctor_try(config, d, &d->report);
	if (d->status != 0 && tt_need_explain(d->error, sizeof(d->error)) == 0)
		snprintf(d->error, sizeof(d->error), "%s", d->report.error[0] ? d->report.error : strerror(-d->status));
	if (config->json)
		tt_doctor_ask_verifier(config, d);
	bool told = tt_doctor_tell(config, d);
	if (d->status != 0)
		tt_error("%s", d->error);
	return d->status == 0 && told ? 0 : 1;
}
