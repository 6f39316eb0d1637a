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

struct tt_hook_row {
	const char *program; /* its name in the object */
	const char *hook;    /* what it is attached to, for people */
	enum tt_feature needs;
	bool required;	     /* without it the set (or telltale) is of no use */
	const char *without; /* what is missing without it */
};

struct tt_hook_set {
	const char *name;
	const char *cost; /* measured, per hook */
	const struct tt_hook_row *rows;
	size_t count;
};

/* Their names, as --hooks takes them and in the order of tt_hook_sets. X(name) */
#define TT_HOOK_SET_NAMES(X) X("tracepoints")

/* Sets of hooks on socket data, dearest last. */
extern const struct tt_hook_set tt_hook_sets[];
extern const size_t tt_hook_set_count;

/* Hooks used with any set. */
extern const struct tt_hook_set tt_hook_common;

/* What became of a set: doctor prints it. */
struct tt_hook_verdict {
	const struct tt_hook_set *set;
	bool chosen;
	char reason[200]; /* why not; empty where it was chosen or not tried */
};

/* The first row of the set that this kernel cannot serve and that is required; NULL: none. */
const struct tt_hook_row *tt_hook_set_missing(const struct tt_hook_set *set, const struct tt_features *features);

#endif
