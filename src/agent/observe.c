// SPDX-License-Identifier: Apache-2.0
#include "agent/observe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach/privilege.h"
#include "base/own.h"
#include "identity/descendants.h"
#include "kernel/library.h"
#include "kernel/plaintext.h"

/* The hooks do not tell which set was chosen once the report is gone; one process has one live source. */
static const char *chosen_hooks = "none";

/* A set that may miss something is taken where no other works; who did not ask for it is told. */
static void tt_observe_chosen(const struct tt_kernel_report *report, const char *asked)
{
	for (size_t i = 0; i < report->set_count; i++) {
		const struct tt_hook_set *set = report->sets[i].set;

		if (!report->sets[i].chosen)
			continue;
		chosen_hooks = set->name;
		const char *not_whole = tt_hook_set_not_whole(set, &report->features);
		if (not_whole && (!asked || strcmp(asked, "auto") == 0))
			tt_warn("hooks: %s, as no other set works here (telltale doctor): %s", set->name, not_whole);
	}
}

const char *tt_observe_hooks(const struct tt_source *live)
{
	return live ? chosen_hooks : "none";
}

/* Children that were forked between the look at /proc and the attachment. */
static void tt_observe_latecomers(struct tt_source *live, const struct tt_observe_more *more, const uint32_t *roots, size_t count)
{
	tt_free_auto uint32_t *pids = NULL;
	size_t found = 0;
	uint32_t missing;

	if (tt_descendants(&pids, &found, roots, count, &missing) < 0)
		return; /* a root that ended meanwhile: those that are left are followed by their forks */
	for (size_t i = 0; i < found; i++) {
		tt_live_follow(live, pids[i]);
		if (more)
			more->follow(more->ctx, pids[i]);
	}
}

static void tt_observe_refused(const struct tt_config *config, const struct tt_kernel_report *report, int r)
{
	const char *text = report->error[0] ? report->error : strerror(-r);
	struct tt_config_name name;

	if (report->about && tt_config_line(config, report->about))
		tt_error("%s %s", tt_config_name(&name, config, report->about, ""), text);
	else
		tt_error("%s", text);
}

static int tt_observe_scope(struct tt_source **ret, const struct tt_config *config, const struct tt_scope *scope,
			    const struct tt_observe_more *more)
{
	struct tt_kernel_report report;
	struct tt_source *live = NULL;
	struct tt_config_name name;

	int r = tt_live_new(&live, config->hooks, &config->limits, scope, &report);
	if (r < 0) {
		tt_observe_refused(config, &report, r);
		return r;
	}
	tt_observe_chosen(&report, config->hooks);
	tt_scope_warn_of_ids();
	bool on = tt_plaintext_on(tt_live_kernel(live));
	/* What a file says may be meant for when they are wanted. */
	if (!config->uprobes && config->uprobes_without.count && !tt_config_line(config, "uprobes_without"))
		tt_warn("--uprobes-without is without effect: there is no --uprobes");
	if (config->uprobes && (!on || tt_plaintext_refused())) {
		char why[256];
		const char *refused =
			on ? tt_plaintext_refused() : tt_feature_why(&report.features, TT_FEATURE_UPROBE, why, sizeof(why));

		tt_warn("%s TLS libraries are not observed%s: %s", tt_config_name(&name, config, "uprobes", "--uprobes:"),
			on ? ", but OpenSSL, rustls and programs of Go" : "",
			refused[0] ? refused : "this kernel does not take the probes");
	}
	r = more ? more->load(more->ctx, scope) : 0;
	if (r < 0)
		tt_source_free(live);
	else
		*ret = live;
	return r;
}

static int tt_observe_pids(struct tt_source **ret, const struct tt_config *config, struct tt_scope *scope,
			   const struct tt_observe_more *more)
{
	tt_free_auto uint32_t *pids = NULL;
	struct tt_config_name name;
	uint32_t missing = 0;
	size_t count = 0;

	int r = tt_descendants(&pids, &count, config->pids, config->pid_count, &missing);
	if (r == -ESRCH) {
		tt_error("%s %u: no such process", tt_config_name(&name, config, "pids", "--pid"), missing);
		return r;
	}
	if (r < 0)
		return tt_error_errno(r, "reading /proc");
	scope->mode = TT_SCOPE_PIDS;
	scope->pids = pids;
	scope->pid_count = count;
	r = tt_observe_scope(ret, config, scope, more);
	if (r == 0)
		tt_observe_latecomers(*ret, more, config->pids, config->pid_count);
	return r;
}

void tt_observe_plaintext(struct tt_scope *scope, const struct tt_config *config)
{
	scope->plaintext = config->uprobes;
	scope->no_return_probes = config->no_return_probes;
	for (size_t i = 0; i < config->uprobes_without.count; i++)
		scope->without |= tt_library_bit(config->uprobes_without.list[i]);
}

int tt_observe(struct tt_source **ret, const struct tt_config *config, const struct tt_command *command,
	       const struct tt_observe_more *more)
{
	struct tt_scope scope = {.report_own = config->include_self};
	uint32_t pid = command ? (uint32_t)command->pid : 0;

	tt_observe_plaintext(&scope, config);
	int r = tt_need_check();
	if (r == 0 && (command || config->pid_count))
		r = tt_scope_check_ids();
	if (r < 0)
		return r;
	if (!command)
		tt_need_warn();

	if (command) {
		scope.command = command->name;
		scope.mode = TT_SCOPE_PIDS;
		scope.pids = &pid;
		scope.pid_count = 1;
	} else if (config->pid_count) {
		return tt_observe_pids(ret, config, &scope, more);
	} else if (config->cgroup) {
		scope.mode = TT_SCOPE_CGROUP;
		scope.cgroup = config->cgroup;
	} else if (config->netns) {
		scope.mode = TT_SCOPE_NETNS;
		scope.netns = config->netns;
	}
	return tt_observe_scope(ret, config, &scope, more);
}

const char *tt_observe_scope_text(const struct tt_config *config, pid_t command, char *text, size_t size)
{
	if (command > 0)
		snprintf(text, size, "command %d", (int)command);
	else if (config->pid_count)
		snprintf(text, size, "pid %u%s", config->pids[0], config->pid_count > 1 ? " and others" : "");
	else if (config->cgroup)
		snprintf(text, size, "cgroup %s", config->cgroup);
	else if (config->netns)
		snprintf(text, size, "netns %s", config->netns);
	else
		snprintf(text, size, "host");
	return text;
}
