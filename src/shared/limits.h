/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* The limit rows as an enum and a set of values; the rows themselves stand in limits.tbl.h. */
#ifndef TT_SHARED_LIMITS_H
#define TT_SHARED_LIMITS_H

#include <stddef.h>
#include <stdint.h>

enum tt_limit {
#define TT_LIMIT(id, ...) TT_LIMIT_##id,
#include "shared/limits.tbl.h"
#undef TT_LIMIT
	TT_LIMIT_MAX,
};

struct tt_limit_row {
	const char *name;
	uint64_t preset;
	uint64_t least;
	uint64_t most;
	const char *unit;
	const char *help;
};

extern const struct tt_limit_row tt_limit_rows[TT_LIMIT_MAX];

struct tt_limits {
	uint64_t value[TT_LIMIT_MAX];
	uint8_t set[TT_LIMIT_MAX]; /* somebody said so, whatever the value */
};

void tt_limits_init(struct tt_limits *limits);

/*
 * Sets the limit `name` (len bytes) from decimal text, with an optional suffix k, M or G (powers of 1024).
 * Returns 0; -ENOENT for an unknown name, -EINVAL for text that is no number, -ERANGE outside least..most.
 * On failure `limits` is untouched.
 */
int tt_limits_set(struct tt_limits *limits, const char *name, size_t len, const char *text);

/* The preset where a capture is read: a file of any size is read in less than 64 MB. */
uint64_t tt_limit_capture_preset(enum tt_limit limit);

/* Those that nobody set are as that says. */
void tt_limits_for_capture(struct tt_limits *limits);

#endif
