/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slowest and the failed exchanges of the last five minutes, as JSON text of their own. Bounded by `recent_exchanges` each;
 * failures are taken in at most as many a second, so that a storm of them costs little, and the rest is counted.
 */
#ifndef TT_SINK_RECENT_H
#define TT_SINK_RECENT_H

#include "shared/limits.h"
#include "sink/json.h"
#include "sink/jsonl.h"
#include "sink/sink.h"

#define TT_RECENT_KEEP_NS (300 * UINT64_C(1000000000))

/* Entries longer than this are not kept. */
#define TT_RECENT_ENTRY_MAX (64u << 10)

/* *ret untouched on failure (-ENOMEM). */
int tt_recent_new(struct tt_sink **ret, const struct tt_limits *limits, const struct tt_jsonl_options *options);

/* The document of /api/v1/exchanges (docs/api.md), at most `limit` entries. 0 or -ENOMEM (nothing written). */
int tt_recent_json(struct tt_json *j, const struct tt_sink *s, int64_t wall_minus_mono_ns, bool failed, size_t limit);

/* Entries not kept: failures that came too fast, and exchanges too long to keep. */
uint64_t tt_recent_dropped(const struct tt_sink *s);

#endif
