// SPDX-License-Identifier: Apache-2.0
#include "sink/selfstats.h"

#include "sink/prometheus.h"

static const char *const tt_loss_names[TT_LOSS_MAX] = {
#define TT_LOSS_NAME(id, name, meaning) [TT_LOSS_##id] = name,
	TT_LOSS_CAUSES(TT_LOSS_NAME)
#undef TT_LOSS_NAME
};

const char *tt_loss_cause_name(enum tt_loss_cause cause)
{
	return tt_loss_names[cause];
}

/* --- Prometheus
 * ----------------------------------------------------------------------------------------------------------------- */

static void tt_self_counter(struct tt_buf *out, const char *name, const char *help, uint64_t v)
{
	tt_prometheus_head(out, name, "counter", help);
	tt_prometheus_u64(out, name, NULL, 0, v);
}

static void tt_self_gauge(struct tt_buf *out, const char *name, const char *help, uint64_t v)
{
	tt_prometheus_head(out, name, "gauge", help);
	tt_prometheus_u64(out, name, NULL, 0, v);
}

/* Every cause, also those that did not occur: a rate needs a zero to start from. */
static void tt_self_losses(struct tt_buf *out, const char *name, const char *help, const uint64_t *lost)
{
	tt_prometheus_head(out, name, "counter", help);
	for (int i = 0; i < TT_LOSS_MAX; i++) {
		struct tt_label label = {"cause", tt_span_str(tt_loss_names[i])};
		tt_prometheus_u64(out, name, &label, 1, lost[i]);
	}
}

static void tt_self_source(struct tt_buf *out, const struct tt_source_stats *s)
{
	tt_self_counter(out, "telltale_records_produced_total", "Records the source set out to deliver.", s->produced);
	tt_self_counter(out, "telltale_records_delivered_total", "Records that arrived.", s->delivered);
	tt_self_gauge(out, "telltale_records_queued", "Records waiting in the rings.", s->queued);
	tt_self_losses(out, "telltale_records_lost_total", "Records lost, by cause.", s->lost);
	tt_self_counter(out, "telltale_bytes_produced_total", "Stream bytes named by the records produced.", s->produced_bytes);
	tt_self_counter(out, "telltale_bytes_delivered_total", "Stream bytes named by the records that arrived.",
			s->delivered_bytes);
	tt_self_losses(out, "telltale_bytes_lost_total", "Stream bytes lost, by cause.", s->lost_bytes);
}

static void tt_self_streams(struct tt_buf *out, const struct tt_stream_stats *s)
{
#define TT_SELF_STREAM(field, part, help) tt_self_counter(out, "telltale_stream_" part "_total", "Streams: " help ".", s->field);
	TT_STREAM_STATS(TT_SELF_STREAM)
#undef TT_SELF_STREAM
	tt_self_gauge(out, "telltale_stream_connections", "Connections known now.", s->connections);
	tt_self_gauge(out, "telltale_stream_messages", "Messages held now.", s->messages);
	tt_self_gauge(out, "telltale_stream_buffered_bytes", "Unparsed bytes held now.", s->buffered_bytes);
	tt_self_gauge(out, "telltale_stream_parser_bytes", "What protocols keep of their connections now.", s->parser_bytes);
}

static void tt_self_series(struct tt_buf *out, const struct tt_series_set *set)
{
	static const char name[] = "telltale_series_overflow_total";

	tt_self_gauge(out, "telltale_series", "Metric series now.", tt_series_count(set));
	tt_self_gauge(out, "telltale_series_limit", "Metric series there may be.", tt_series_limit(set));
	tt_prometheus_head(out, name, "counter", "Additions that went to a family's overflow series, because of the limit.");
	for (int i = 0; i < tt_series_families(set); i++) {
		struct tt_label label = {"metric", tt_span_str(tt_series_family_at(set, i)->name)};
		tt_prometheus_u64(out, name, &label, 1, tt_series_overflowed(set, i));
	}
}

static void tt_self_map(struct tt_buf *out, const struct tt_join_stats *m)
{
	tt_self_gauge(out, "telltale_map_flows", "Connections the service map knows now.", m->flows);
	tt_self_gauge(out, "telltale_map_waiting", "Exchanges waiting for their other end.", m->waiting);
	tt_self_counter(out, "telltale_map_joined_total", "Exchanges seen at both ends.", m->joined);
	tt_self_counter(out, "telltale_map_single_total", "Exchanges seen at one end.", m->single);
	tt_self_counter(out, "telltale_map_waiting_dropped_total", "Exchanges not waited for, because of join_pending.",
			m->waiting_dropped);
	tt_self_counter(out, "telltale_map_flows_dropped_total", "Connections forgotten early, because of connections.",
			m->flows_dropped);
}

/* What nothing happened on for `idle_expiry_s`. */
static void tt_self_expired(struct tt_buf *out, const struct tt_selfstats *self)
{
	static const char name[] = "telltale_expired_total";
	const struct {
		const char *table;
		uint64_t count;
	} rows[] = {{"series", self->series ? tt_series_expired(self->series) : 0},
		    {"map_edges", self->map ? self->map->edges_expired : 0},
		    {"operations", self->operations_expired}};

	tt_prometheus_head(out, name, "counter", "What was dropped because nothing happened on it for idle_expiry_s.");
	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		struct tt_label label = {"table", tt_span_str(rows[i].table)};
		tt_prometheus_u64(out, name, &label, 1, rows[i].count);
	}
}

static void tt_self_bpf(struct tt_buf *out, const struct tt_selfstats *self)
{
	static const struct {
		const char *name;
		const char *help;
		size_t field;
		bool measured; /* by the kernel only while kernel.bpf_stats_enabled is 1 */
		bool time;
	} rows[] = {
		{"telltale_bpf_runs_total", "Runs of a kernel program.", offsetof(struct tt_selfstats_bpf, runs), true, false},
		{"telltale_bpf_missed_runs_total", "Runs the kernel skipped.", offsetof(struct tt_selfstats_bpf, missed), false,
		 false},
		{"telltale_bpf_run_seconds_total", "Time in a kernel program.", offsetof(struct tt_selfstats_bpf, run_ns), true,
		 true},
	};

	for (size_t r = 0; r < TT_ARRAY_LEN(rows) && self->bpf_count; r++) {
		if (rows[r].measured && !self->bpf_timed)
			continue;
		tt_prometheus_head(out, rows[r].name, "counter", rows[r].help);
		for (size_t i = 0; i < self->bpf_count; i++) {
			struct tt_label label = {"program", tt_span_str(self->bpf[i].program)};
			uint64_t v;
			memcpy(&v, (const uint8_t *)&self->bpf[i] + rows[r].field, sizeof(v));
			(rows[r].time ? tt_prometheus_seconds : tt_prometheus_u64)(out, rows[r].name, &label, 1, v);
		}
	}
}

static void tt_self_tools(struct tt_buf *out, const struct tt_selfstats *self)
{
	static const char name[] = "telltale_tool_refused_total";

	if (self->tool_count)
		tt_prometheus_head(out, name, "counter", "What a tool inside could not follow or tell, by cause.");
	for (size_t i = 0; i < self->tool_count; i++) {
		const struct tt_label labels[] = {{"tool", tt_span_str(self->tools[i].tool)},
						  {"cause", tt_span_str(self->tools[i].cause)}};
		tt_prometheus_u64(out, name, labels, TT_ARRAY_LEN(labels), self->tools[i].count);
	}
}

void tt_selfstats_write(struct tt_buf *out, const struct tt_selfstats *self)
{
	struct tt_label version = {"version", tt_span_str(self->version)};

	tt_prometheus_head(out, "telltale_build_info", "gauge", "Always 1; the version is in the label.");
	tt_prometheus_u64(out, "telltale_build_info", &version, 1, 1);
	tt_prometheus_head(out, "telltale_uptime_seconds", "gauge", "Time since the start.");
	tt_prometheus_seconds(out, "telltale_uptime_seconds", NULL, 0, self->uptime_ns);
	tt_prometheus_head(out, "telltale_cpu_seconds_total", "counter", "User and system time of the agent itself.");
	tt_prometheus_seconds(out, "telltale_cpu_seconds_total", NULL, 0, self->cpu_ns);
	tt_self_gauge(out, "telltale_resident_bytes", "Resident memory of the agent.", self->resident_bytes);
	if (self->source)
		tt_self_source(out, self->source);
	if (self->streams)
		tt_self_streams(out, self->streams);
	if (self->series)
		tt_self_series(out, self->series);
	if (self->map)
		tt_self_map(out, self->map);
	tt_self_bpf(out, self);
	tt_self_tools(out, self);
	tt_self_expired(out, self);
	tt_self_counter(out, "telltale_routes_refused_total", "Names shown as {other} or _OTHER, because of routes or services.",
			self->routes_refused);
	tt_self_counter(out, "telltale_listeners_refused_total", "Listening sockets not taken up, because of listeners.",
			self->listeners_refused);
	tt_self_counter(out, "telltale_deltas_refused_total", "Deltas that named no family or label there is.", self->bad_deltas);
	tt_self_counter(out, "telltale_recent_dropped_total", "Failed or slow exchanges not kept for the page.",
			self->recent_dropped);
	tt_self_gauge(out, "telltale_watch_clients", "Clients watching exchanges.", self->watches);
	tt_self_counter(out, "telltale_watch_dropped_total", "Lines not sent to clients that read too slowly.",
			self->watch_dropped);
	tt_self_counter(out, "telltale_output_dropped_total", "JSON lines that could not be written.", self->output_dropped);
}

/* --- health
 * --------------------------------------------------------------------------------------------------------------------- */

static void tt_health_losses(struct tt_json *j, const uint64_t *lost)
{
	uint64_t sum = 0;
	for (int i = 0; i < TT_LOSS_MAX; i++)
		sum += lost[i];
	tt_json_key_u64(j, "lost", sum);
	tt_json_key(j, "lost_by_cause");
	tt_json_object(j);
	for (int i = 0; i < TT_LOSS_MAX; i++) {
		if (lost[i])
			tt_json_key_u64(j, tt_loss_names[i], lost[i]);
	}
	tt_json_object_end(j);
}

static void tt_health_source(struct tt_json *j, const struct tt_source_stats *s)
{
	tt_json_key(j, "records");
	tt_json_object(j);
	tt_json_key_u64(j, "produced", s->produced);
	tt_json_key_u64(j, "delivered", s->delivered);
	tt_json_key_u64(j, "queued", s->queued);
	tt_health_losses(j, s->lost);
	tt_json_object_end(j);
	tt_json_key(j, "bytes");
	tt_json_object(j);
	tt_json_key_u64(j, "produced", s->produced_bytes);
	tt_json_key_u64(j, "delivered", s->delivered_bytes);
	tt_health_losses(j, s->lost_bytes);
	tt_json_object_end(j);
}

static void tt_health_streams(struct tt_json *j, const struct tt_stream_stats *s)
{
	tt_json_key(j, "exchanges");
	tt_json_object(j);
	tt_json_key_u64(j, "total", s->exchanges);
	tt_json_key_u64(j, "incomplete", s->incomplete);
	tt_json_key_u64(j, "unpaired", s->unpaired);
	tt_json_key_u64(j, "late", s->late);
	tt_json_object_end(j);
	tt_json_key(j, "connections");
	tt_json_object(j);
	tt_json_key_u64(j, "now", s->connections);
	tt_json_key_u64(j, "opened", s->opened);
	tt_json_key_u64(j, "closed", s->closed);
	tt_json_key_u64(j, "evicted", s->evicted);
	tt_json_object_end(j);
}

static void tt_health_series(struct tt_json *j, const struct tt_series_set *set)
{
	uint64_t overflowed = 0;
	for (int i = 0; i < tt_series_families(set); i++)
		overflowed += tt_series_overflowed(set, i);
	tt_json_key(j, "series");
	tt_json_object(j);
	tt_json_key_u64(j, "now", tt_series_count(set));
	tt_json_key_u64(j, "limit", tt_series_limit(set));
	tt_json_key_u64(j, "overflowed", overflowed);
	tt_json_object_end(j);
}

static void tt_health_bpf(struct tt_json *j, const struct tt_selfstats *self)
{
	uint64_t runs = 0;
	uint64_t run_ns = 0;
	uint64_t missed = 0;
	for (size_t i = 0; i < self->bpf_count; i++) {
		runs += self->bpf[i].runs;
		run_ns += self->bpf[i].run_ns;
		missed += self->bpf[i].missed;
	}
	tt_json_key(j, "bpf");
	if (!self->bpf_count) {
		tt_json_null(j);
		return;
	}
	tt_json_object(j);
	tt_json_key_u64_or_null(j, "runs", self->bpf_timed, runs);
	tt_json_key_u64_or_null(j, "run_ns", self->bpf_timed, run_ns);
	tt_json_key_u64(j, "missed", missed);
	tt_json_object_end(j);
}

void tt_selfstats_json(struct tt_json *j, const struct tt_selfstats *self)
{
	static const struct tt_source_stats no_source;
	static const struct tt_stream_stats no_streams;

	tt_json_object(j);
	tt_json_key(j, "time_unix_ns");
	tt_json_i64(j, self->time_unix_ns);
	tt_json_key_text(j, "version", self->version);
	tt_json_key_u64(j, "uptime_ns", self->uptime_ns);
	tt_json_key_text(j, "status", self->losing ? "losing" : "ok");
	tt_json_key_text(j, "scope", self->scope);
	tt_json_key_text(j, "hooks", self->hooks);
	tt_json_key_text(j, "source", self->source_name);
	tt_health_source(j, self->source ? self->source : &no_source);
	tt_health_streams(j, self->streams ? self->streams : &no_streams);
	if (self->series)
		tt_health_series(j, self->series);
	tt_json_key_u64(j, "cpu_ns", self->cpu_ns);
	tt_json_key_u64(j, "resident_bytes", self->resident_bytes);
	tt_health_bpf(j, self);
	tt_json_object_end(j);
}
