// SPDX-License-Identifier: Apache-2.0
/* Which set of hooks: tried in their order, and why not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "kernel/internal.h"

static int try_set(struct tt_kernel **ret, const struct tt_hook_set *set, const struct tt_limits *limits,
		   const struct tt_scope *scope, struct tt_kernel_report *report, struct tt_hook_verdict *verdict)
{
	const struct tt_hook_row *missing = tt_hook_set_missing(set, &report->features);
	const bool task_storage = report->features.has[TT_FEATURE_TASK_STORAGE];

	verdict->set = set;
	if (missing) {
		const char *refused = report->features.refused[missing->needs];

		snprintf(verdict->reason, sizeof(verdict->reason), "this kernel %s%s",
			 refused ? "is not to be used with it: " : "has no ", refused ? refused : missing->hook);
		return -EOPNOTSUPP;
	}
	/* If the kernel refuses a program the set could do without, the others shall not suffer for it. */
	int r = -EOPNOTSUPP;
	struct tt_kernel *k = NULL;
	for (int all = 1; r == -EOPNOTSUPP && all >= 0; all--) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return -ENOMEM;
		r = tt_kernel_load_set(k, set, all, limits, scope, report, verdict->reason, sizeof(verdict->reason));
		if (r < 0)
			k = tt_kernel_free(k);
		/*
		 * Since 6.19 or so task storage cannot be had on a processor without cmpxchg16b (an emulated one), although the
		 * helper is there.
		 */
		if (r == -ENODATA && report->features.has[TT_FEATURE_TASK_STORAGE]) {
			report->features.has[TT_FEATURE_TASK_STORAGE] = false;
			r = -EOPNOTSUPP;
			all++;
		}
	}
	if (r < 0) {
		report->features.has[TT_FEATURE_TASK_STORAGE] = task_storage;
		return r == -ENODATA ? -EOPNOTSUPP : r;
	}
	verdict->reason[0] = 0;
	verdict->chosen = true;
	*ret = k;
	return 0;
}

/* Whether the user (or nobody in particular) asked for the set. */
static bool asked_for(const struct tt_hook_set *set, const char *hooks)
{
	return !hooks || strcmp(hooks, "auto") == 0 || strcmp(hooks, set->name) == 0;
}

/* First those that see everything; if there is none, any. */
static int try_sets(struct tt_kernel **ret, const char *hooks, const struct tt_limits *limits, const struct tt_scope *scope,
		    struct tt_kernel_report *report)
{
	int r = -EOPNOTSUPP;
	bool denied = false;

	for (int lenient = 0; lenient < 2; lenient++) {
		for (size_t i = 0; (r == -EOPNOTSUPP || r == -EPERM) && i < tt_hook_set_count; i++) {
			const struct tt_hook_set *set = &tt_hook_sets[i];
			struct tt_hook_verdict *verdict = &report->sets[i];
			const char *not_whole = tt_hook_set_not_whole(set, &report->features);

			verdict->set = set;
			report->set_count = TT_MAX(report->set_count, i + 1);
			if (!asked_for(set, hooks))
				snprintf(verdict->reason, sizeof(verdict->reason), "not asked for");
			else if (!lenient && not_whole)
				snprintf(verdict->reason, sizeof(verdict->reason), "%s", not_whole);
			else if (!lenient || not_whole)
				r = try_set(ret, set, limits, scope, report, verdict);
			denied |= r == -EPERM;
		}
	}
	/* A kernel may forbid one kind of program to everybody; that none is permitted is the user's lack. */
	if ((r == -EPERM || r == -EOPNOTSUPP) && denied && (!hooks || strcmp(hooks, "auto") == 0))
		return tt_kernel_not_permitted(report);
	return r == -EPERM ? -EOPNOTSUPP : r;
}

/* The set whose refusal says most: the first that was asked for. */
static void refuse_all(struct tt_kernel_report *report, const char *hooks, int r)
{
	const bool any = !hooks || strcmp(hooks, "auto") == 0;

	report->about = any ? NULL : "hooks";
	for (size_t i = 0; i < report->set_count; i++) {
		const struct tt_hook_verdict *v = &report->sets[i];

		if (!v->set || !asked_for(v->set, hooks))
			continue;
		tt_kernel_refuse(report, r, "%s; %s: %s",
				 any ? "no set of hooks works on this kernel"
				     : "the set of hooks that was asked for does not work here",
				 v->set->name, v->reason[0] ? v->reason : strerror(-r));
		return;
	}
}

int tt_kernel_new(struct tt_kernel **ret, const char *hooks, const struct tt_limits *limits, const struct tt_scope *scope,
		  struct tt_kernel_report *report)
{
	*report = (struct tt_kernel_report){0};
	libbpf_print_fn_t before = tt_kernel_complaint_begin();

	int r = tt_kernel_ask_features(report);
	if (r == 0)
		r = try_sets(ret, hooks, limits, scope, report);
	if (r < 0 && !report->error[0])
		refuse_all(report, hooks, r);
	libbpf_set_print(before);
	return r;
}
