/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hook row sets. A set covers the socket's ways in and out whole, so that no byte is seen twice; the loader takes the first that
 * loads, attaches and passes the self-test, and remembers why the others did not. Beside it stand rows that every set uses.
 */
#ifndef TT_KERNEL_HOOKS_H
#define TT_KERNEL_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/features.h"

enum tt_hook_need {
	TT_HOOK_OPTIONAL,
	TT_HOOK_REQUIRED, /* without it the set (or telltale) is of no use */
	TT_HOOK_IF_THERE, /* a kernel without the feature does not need it either; where it is there, it is required */
};

struct tt_hook_row {
	const char *program; /* its name in the object */
	const char *hook;    /* what it is attached to, for people */
	enum tt_feature needs;
	enum tt_hook_need need;
	const char *without; /* what is missing without it */
};

struct tt_hook_set {
	const char *name;
	const char *form; /* what tells two sets of one name apart; NULL: there is one */
	const char *cost; /* for people, against the others; figures stand in docs/performance.md */
	const struct tt_hook_row *rows;
	size_t count;
	enum tt_called_by called_by;
	bool stamps_all; /* the entries of what receives leave a stamp, too */
};

/* Their names, as --hooks takes them and in the order of tt_hook_sets, where one may be there twice. X(name) */
#define TT_HOOK_SET_NAMES(X) X("fexit") X("tracepoint") X("kprobe")

/* Sets of hooks on socket data, dearest last. */
extern const struct tt_hook_set tt_hook_sets[];
extern const size_t tt_hook_set_count;

/* Hooks used with any set. */
extern const struct tt_hook_set tt_hook_common;

/* What became of a set. X(id, word) */
#define TT_HOOK_STATES(X)                                                                 \
	X(NOT_TRIED, "not tried")     /* another was taken before, or nothing could be */ \
	X(NOT_ASKED, "not asked for") /* --hooks names another */                         \
	X(MISSES, "may miss")	      /* not tried as long as another may do */           \
	X(REFUSED, "refused")	      /* tried: it does not work here */                  \
	X(CHOSEN, "chosen")

enum tt_hook_state {
#define TT_HOOK_STATE_ENUM(id, word) TT_HOOK_##id,
	TT_HOOK_STATES(TT_HOOK_STATE_ENUM)
#undef TT_HOOK_STATE_ENUM
		TT_HOOK_STATE_MAX,
};

extern const char *const tt_hook_state_words[TT_HOOK_STATE_MAX];

/* What became of a set, or of one row of the common ones (then `chosen` and `reason` alone): doctor prints it. */
struct tt_hook_verdict {
	const struct tt_hook_set *set;
	enum tt_hook_state state;
	bool chosen;
	char reason[400]; /* why not, whole words; empty where it was chosen */
};

/* Why others are tried before this set on this kernel: it would miss something, or load slowly. NULL: nothing speaks against it.
 */
const char *tt_hook_set_not_whole(const struct tt_hook_set *set, const struct tt_features *features);

/* The first row of the set that this kernel cannot serve and that is required; NULL: none. */
const struct tt_hook_row *tt_hook_set_missing(const struct tt_hook_set *set, const struct tt_features *features);

#endif
