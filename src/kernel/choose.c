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

	verdict->state = TT_HOOK_REFUSED;
	verdict->reason[0] = 0;
	if (missing) {
		char why[256];

		tt_kernel_say(verdict->reason, sizeof(verdict->reason), "it needs %s; %s: %s", missing->hook,
			      tt_feature_rows[missing->needs].name,
			      tt_feature_why(&report->features, missing->needs, why, sizeof(why)));
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
			report->features.absent[TT_FEATURE_TASK_STORAGE] =
				"what programs keep there is not found again on this processor (it is without cmpxchg16b)";
			r = -EOPNOTSUPP;
			all++;
		}
	}
	if (r < 0) {
		report->features.has[TT_FEATURE_TASK_STORAGE] = task_storage;
		if (task_storage)
			report->features.absent[TT_FEATURE_TASK_STORAGE] = NULL;
		return r == -ENODATA ? -EOPNOTSUPP : r;
	}
	verdict->reason[0] = 0;
	verdict->state = TT_HOOK_CHOSEN;
	verdict->chosen = true;
	*ret = k;
	return 0;
}

const char *tt_kernel_set_title(const struct tt_hook_set *set, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s", set->name, set->form ? " (" : "", set->form ? set->form : "", set->form ? ")" : "");
	return text;
}

/* Whether the user (or nobody in particular) asked for the set. */
static bool asked_for(const struct tt_hook_set *set, const char *hooks)
{
	return !hooks || strcmp(hooks, "auto") == 0 || strcmp(hooks, set->name) == 0;
}

/* One set's turn. What try_set gives; -EOPNOTSUPP where it was none. */
static int take_turn(struct tt_kernel **ret, bool lenient, const struct tt_limits *limits, const struct tt_scope *scope,
		     struct tt_kernel_report *report, struct tt_hook_verdict *verdict)
{
	const char *not_whole = tt_hook_set_not_whole(verdict->set, &report->features);

	if (verdict->state == TT_HOOK_NOT_ASKED)
		return -EOPNOTSUPP;
	if (lenient != !!not_whole) {
		if (not_whole) {
			verdict->state = TT_HOOK_MISSES;
			tt_kernel_say(verdict->reason, sizeof(verdict->reason), "%s", not_whole);
		}
		return -EOPNOTSUPP;
	}
	return try_set(ret, verdict->set, limits, scope, report, verdict);
}

/*
 * What stands with those that had no turn, and with one the kernel forbids although it permits another: to nobody then, and not
 * to us for want of a capability.
 */
static void explain(struct tt_kernel_report *report, const bool *denied)
{
	const struct tt_hook_set *chosen = NULL;
	char title[64];

	for (size_t i = 0; i < report->set_count; i++)
		chosen = report->sets[i].chosen ? report->sets[i].set : chosen;
	for (size_t i = 0; i < report->set_count; i++) {
		struct tt_hook_verdict *v = &report->sets[i];
		size_t used = strlen(v->reason);

		if (v->state == TT_HOOK_NOT_TRIED && chosen)
			tt_kernel_say(v->reason, sizeof(v->reason), "%s comes before it and works",
				      tt_kernel_set_title(chosen, title, sizeof(title)));
		else if (v->state == TT_HOOK_NOT_TRIED)
			tt_kernel_say(v->reason, sizeof(v->reason), "what came before it failed for another reason");
		else if (denied[i] && chosen)
			tt_kernel_say(v->reason + used, sizeof(v->reason) - used,
				      "; other kinds of programs are permitted: this kernel's build or a security module forbids "
				      "this one");
	}
}

/* First those that see everything; if there is none, any. */
static int try_sets(struct tt_kernel **ret, const char *hooks, const struct tt_limits *limits, const struct tt_scope *scope,
		    struct tt_kernel_report *report)
{
	bool denied[TT_HOOK_SETS_MOST] = {0}, any_denied = false;
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < report->set_count; i++) {
		struct tt_hook_verdict *v = &report->sets[i];

		if (asked_for(v->set, hooks))
			continue;
		v->state = TT_HOOK_NOT_ASKED;
		tt_kernel_say(v->reason, sizeof(v->reason), "%s was asked for", hooks);
	}
	for (int lenient = 0; lenient < 2; lenient++) {
		for (size_t i = 0; (r == -EOPNOTSUPP || r == -EPERM) && i < report->set_count; i++) {
			r = take_turn(ret, lenient, limits, scope, report, &report->sets[i]);
			denied[i] |= r == -EPERM;
			any_denied |= r == -EPERM;
		}
	}
	explain(report, denied);
	/* A kernel may forbid one kind of program to everybody; that none is permitted is the user's lack. */
	if ((r == -EPERM || r == -EOPNOTSUPP) && any_denied && (!hooks || strcmp(hooks, "auto") == 0))
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

		if (!asked_for(v->set, hooks))
			continue;
		tt_kernel_refuse(report, r, "%s; %s: %s",
				 any ? "no set of hooks works on this kernel"
				     : "the set of hooks that was asked for does not work here (auto tries the others, too)",
				 v->set->name, v->reason[0] ? v->reason : strerror(-r));
		return;
	}
}

int tt_kernel_new(struct tt_kernel **ret, const char *hooks, const struct tt_limits *limits, const struct tt_scope *scope,
		  struct tt_kernel_report *report)
{
	*report = (struct tt_kernel_report){0};
	libbpf_print_fn_t before = tt_kernel_complaint_begin();

	for (size_t i = 0; i < tt_hook_set_count; i++) {
		report->sets[i].set = &tt_hook_sets[i];
		snprintf(report->sets[i].reason, sizeof(report->sets[i].reason), "the kernel could not be asked");
	}
	report->set_count = tt_hook_set_count;
	int r = tt_kernel_ask_features(report, true);
	tt_kernel_types_forget();
	if (r == 0)
		r = try_sets(ret, hooks, limits, scope, report);
	if (r < 0 && !report->error[0])
		refuse_all(report, hooks, r);
	libbpf_set_print(before);
	tt_kernel_give_back();
	return r;
}
