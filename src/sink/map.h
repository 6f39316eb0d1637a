/* SPDX-License-Identifier: Apache-2.0 */
/* The service map as a sink: who calls whom on this host and beyond, each exchange counted once whatever was seen of it. */
#ifndef TT_SINK_MAP_H
#define TT_SINK_MAP_H

#include "sink/join.h"

/* Its metrics go into `series` (borrowed, must outlive the sink). *ret untouched on failure (-ENOMEM, -ENOSPC). */
int tt_map_new(struct tt_sink **ret, const struct tt_limits *limits, struct tt_series_set *series);

/* The document of /api/v1/map (docs/api.md). */
void tt_map_json(struct tt_json *j, const struct tt_sink *s, int64_t wall_minus_mono_ns);

void tt_map_stats(const struct tt_sink *s, struct tt_join_stats *ret);

#endif
