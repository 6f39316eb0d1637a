/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes learned per service. A path's segments that look like identifiers become {id}; a place where too many different words
 * were seen becomes {id} as a whole. Bounded by `services`, and per service by `routes`: what comes after is {other}.
 */
#ifndef TT_SINK_ROUTE_H
#define TT_SINK_ROUTE_H

#include "base/buf.h"
#include "base/span.h"
#include "shared/limits.h"
#include "sink/sink.h"

#define TT_ROUTE_OTHER "{other}"

struct tt_routes;

/* *ret untouched on failure (-ENOMEM). */
int tt_routes_new(struct tt_routes **ret, const struct tt_limits *limits);
/* NULL-safe, returns NULL. */
struct tt_routes *tt_routes_free(struct tt_routes *r);

/*
 * Adds the path's route to `out`. `learn` false: only routes already known count (a path the server did not know either must
 * teach nothing); then false is returned and nothing added where it is none of them.
 */
bool tt_routes_path(struct tt_routes *r, struct tt_span service, struct tt_span path, bool learn, struct tt_buf *out);

/*
 * True if `name` is, or may become, one of the service's names of this sort (TT_ROUTE_NAMES, or enum tt_name); each sort is
 * bounded by `routes`. Else it is to be shown as {other} or the like. `learn` false: only names known already count.
 */
bool tt_routes_admit(struct tt_routes *r, struct tt_span service, unsigned sort, struct tt_span name, bool learn);

/* The sort of names that stand where a route stands and are no paths. */
#define TT_ROUTE_NAMES TT_NAME_MAX

/* How often something was {other}. */
uint64_t tt_routes_refused(const struct tt_routes *r);

#endif
