/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of services and their operations, for the page. Bounded by `services` and `operations`: an operation beyond the limit
 * counts on its service's row {other}, an exchange of a service beyond the limit is only counted as dropped.
 */
#ifndef TT_SINK_SERVICES_H
#define TT_SINK_SERVICES_H

#include "shared/limits.h"
#include "sink/json.h"
#include "sink/sink.h"

/* *ret untouched on failure (-ENOMEM). */
int tt_services_new(struct tt_sink **ret, const struct tt_limits *limits);

/* The document of /api/v1/services (docs/api.md). */
void tt_services_json(struct tt_json *j, const struct tt_sink *s, int64_t wall_minus_mono_ns);

/* The document of /api/v1/operations, of one service or of all (data NULL). 0; -ENOENT (nothing written) if there is no such
 * service; -ENOMEM. */
int tt_services_operations_json(struct tt_json *j, const struct tt_sink *s, int64_t wall_minus_mono_ns, struct tt_span service);

/* Operations dropped because they were idle (limit row `idle_expiry_s`). */
uint64_t tt_services_expired(const struct tt_sink *s);

#endif
