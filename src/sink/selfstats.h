/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent says of itself: the telltale_* families (docs/metrics.md) and /api/v1/health (docs/api.md), from figures it is
 * given. */
#ifndef TT_SINK_SELFSTATS_H
#define TT_SINK_SELFSTATS_H

#include "sink/join.h"
#include "sink/json.h"
#include "sink/series.h"
#include "source/source.h"
#include "stream/stream.h"

/* One kernel program. */
struct tt_selfstats_bpf {
	const char *program;
	uint64_t runs;
	uint64_t run_ns; /* 0 unless the kernel measures it */
	uint64_t missed; /* runs the kernel skipped */
};

/* What a tool inside the agent turned away, or could not find out. */
struct tt_selfstats_tool {
	const char *tool;
	const char *cause;
	uint64_t count;
};

/* All borrowed for the time of the call; what is NULL or 0 is not known and left out or null. */
struct tt_selfstats {
	const char *version;
	const char *scope;	 /* "host", "pid 4242", ... */
	const char *hooks;	 /* the hook row set in use */
	const char *source_name; /* "kernel", "recording", "pcap" */
	int64_t time_unix_ns;
	uint64_t uptime_ns;
	uint64_t cpu_ns; /* user and system */
	uint64_t resident_bytes;
	bool losing; /* something was lost within the last window */
	const struct tt_source_stats *source;
	const struct tt_stream_stats *streams;
	const struct tt_series_set *series;
	const struct tt_join_stats *map;
	const struct tt_selfstats_bpf *bpf;
	size_t bpf_count;
	bool bpf_timed; /* runs and run_ns are known */
	const struct tt_selfstats_tool *tools;
	size_t tool_count;
	uint64_t routes_refused;     /* tt_shape_refused */
	uint64_t bad_deltas;	     /* tt_metrics_bad_deltas */
	uint64_t recent_dropped;     /* tt_recent_dropped */
	uint64_t operations_expired; /* tt_services_expired */
	uint64_t listeners_refused;  /* listening sockets beyond the limit */
	uint64_t watches;	     /* clients watching now */
	uint64_t watch_dropped;	     /* lines they were not sent, having read too slowly */
	uint64_t output_dropped;     /* JSON lines that could not be written */
};

/* Adds the telltale_* families in Prometheus text. When `out` is full `failed` is set there. */
void tt_selfstats_write(struct tt_buf *out, const struct tt_selfstats *self);

/* The document of /api/v1/health. */
void tt_selfstats_json(struct tt_json *j, const struct tt_selfstats *self);

/* "ring_full" and so on: label values and keys for what was lost. */
const char *tt_loss_cause_name(enum tt_loss_cause cause);

#endif
