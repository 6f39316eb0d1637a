/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `--where`: conditions on exchanges, over the fields and attributes of a JSON line (docs/json.md) as they are shown there.
 *
 *   CONDITION [&& CONDITION]...      CONDITION: FIELD OPERATOR VALUE
 *
 * = and != take * and ? as in file names, and null for what is not known; < <= > >= compare whole numbers, with ns, us, ms, s or
 * k, M, G behind them. A field that is not known fulfils nothing but `= null` and `!=`.
 */
#ifndef TT_SINK_WHERE_H
#define TT_SINK_WHERE_H

#include "sink/sink.h"

#define TT_WHERE_MOST 32 /* conditions */

struct tt_where;

/* What is wrong with a text, and where: the byte's number from 0. */
struct tt_where_error {
	size_t at;
	const char *what; /* static */
};

/*
 * Adds the conditions of `text` to *w (NULL: there are none yet). 0, -ENOMEM, or -EINVAL with `e` set, -ENOSPC past
 * TT_WHERE_MOST; *w keeps what it had on failure.
 */
int tt_where_add(struct tt_where **w, const char *text, struct tt_where_error *e);
/* NULL-safe, returns NULL. */
struct tt_where *tt_where_free(struct tt_where *w);

/* True where all hold, or w is NULL. show_values: compared as on the wire, else as redacted. */
bool tt_where_holds(const struct tt_where *w, const struct tt_event *e, const struct tt_exchange *x, bool show_values);

/* The same of what is not an exchange but has its fields. `get` is asked for a field as a JSON line calls it, or an attribute,
 * and fills *v (sink/where_field.h), which is nothing known; text is borrowed until the next call. */
struct tt_where_value;
typedef void (*tt_where_value_fn)(void *ctx, const char *name, struct tt_where_value *v);
bool tt_where_holds_of(const struct tt_where *w, tt_where_value_fn get, void *ctx);

#endif
