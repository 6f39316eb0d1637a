/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shaping stage, between identity and the sinks: fills in an event's `route` (bounded: for metrics and tables) and `target`
 * (redacted: for people). Parsers keep raw names, so that goldens and replays do not depend on what was seen before.
 */
#ifndef TT_SINK_SHAPE_H
#define TT_SINK_SHAPE_H

#include "sink/sink.h"

struct tt_shape;

/* `show_values`: targets are shown as they are on the wire. Routes never hold values. *ret untouched on failure (-ENOMEM). */
int tt_shape_new(struct tt_shape **ret, const struct tt_limits *limits, bool show_values);
/* NULL-safe, returns NULL. */
struct tt_shape *tt_shape_free(struct tt_shape *s);

/* Sets e->route and e->target from x and e->self. Both are borrowed until the next call. */
void tt_shape_event(struct tt_shape *s, struct tt_event *e, const struct tt_exchange *x);

/* How often a route was {other} because of a limit. */
uint64_t tt_shape_refused(const struct tt_shape *s);

#endif
