/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics sink: counts exchanges, connection reports and deltas into the families docs/metrics.md lists. */
#ifndef TT_SINK_METRICS_H
#define TT_SINK_METRICS_H

#include "sink/series.h"

/* Adds its families to `set` (borrowed, must outlive the sink). *ret untouched on failure (-ENOMEM, -ENOSPC). */
int tt_metrics_new(struct tt_sink **ret, struct tt_series_set *set);

/* Deltas that named a family or label that is not there, or were of another type; they are not counted anywhere else. */
uint64_t tt_metrics_bad_deltas(const struct tt_sink *s);

#endif
