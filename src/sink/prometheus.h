/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus text exposition, format 0.0.4. Histograms are shown in seconds with the bounds 2^10 ns (about 1 µs) to 2^36 ns
 * (about 69 s) and +Inf; values are printed from integers, so they are exact. Everything is added to `out`; when it is full
 * `failed` is set there.
 */
#ifndef TT_SINK_PROMETHEUS_H
#define TT_SINK_PROMETHEUS_H

#include "base/buf.h"
#include "sink/series.h"

#define TT_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

#define TT_PROMETHEUS_FIRST 10 /* exponents of the first and last finite bound */
#define TT_PROMETHEUS_LAST 36

/* All families of the store that have series. 0, -ENOBUFS or -ENOMEM. */
int tt_prometheus_write(struct tt_buf *out, const struct tt_series_set *set);

/* --- single samples, for figures that do not live in a store
 * ---------------------------------------------------------------------- */

/* HELP and TYPE lines; type is "counter" or "gauge". */
void tt_prometheus_head(struct tt_buf *out, const char *name, const char *type, const char *help);

/* A sample with at most `count` labels; those with an empty value are left out. */
void tt_prometheus_u64(struct tt_buf *out, const char *name, const struct tt_label *labels, size_t count, uint64_t v);

/* The same with nanoseconds, shown as seconds. */
void tt_prometheus_seconds(struct tt_buf *out, const char *name, const struct tt_label *labels, size_t count, uint64_t ns);

#endif
