/* SPDX-License-Identifier: Apache-2.0 */
/* What tools ask of the kernel beside loading (kernel/programs.h): what it has, and what their programs counted in maps. */
#ifndef TT_KERNEL_TABLES_H
#define TT_KERNEL_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/programs.h"

/* A question about the kernel's BTF. */
struct tt_kernel_question {
	const char *function;	/* of this name; NULL: not asked */
	const char *tracepoint; /* or this tracepoint's type */
	/* Answers. */
	bool has;
	unsigned arguments; /* of the tracepoint */
};

/* Answers all of them in one look. 0; -ENOENT without kernel BTF (then none has an answer). */
int tt_kernel_ask(struct tt_kernel_question *questions, size_t count);

/* Has the kernel count the programs' time until the descriptor returned is closed; or a negative errno. */
int tt_kernel_count_time(void);

/* Runs a task iterator of the programs once, over all tasks there are; it is to be among the rows. 0 or a negative errno. */
int tt_kernel_iterate(const struct tt_kernel *k, const char *program);

/* What takes an entry: 0, 1 if it is to go from the map, or a negative errno, which ends the walk. */
typedef int (*tt_kernel_entry_fn)(void *ctx, const void *key, const void *value);

/*
 * Gives each entry of a hash to `take`. Where others remove entries meanwhile, some may come twice, and the walk ends when it has
 * seen twice as many as the hash has room for. Keys and values are as large as `key_size` and `value_size`, which are checked. 0,
 * -EINVAL, or a negative errno.
 */
int tt_kernel_map_walk(const struct tt_kernel *k, const char *name, size_t key_size, size_t value_size, tt_kernel_entry_fn take,
		       void *ctx);

/*
 * The same of a hash that others change meanwhile: each entry that is there all the time comes once, one that comes or goes once
 * at most (it is read bucket by bucket; 5.6, 057996380a42).
 */
int tt_kernel_map_read(const struct tt_kernel *k, const char *name, size_t key_size, size_t value_size, tt_kernel_entry_fn take,
		       void *ctx);

/* One entry. 0; -ENOENT: it is not there; or a negative errno. */
int tt_kernel_map_get(const struct tt_kernel *k, const char *name, const void *key, void *value);
int tt_kernel_map_set(const struct tt_kernel *k, const char *name, const void *key, const void *value);

#endif
