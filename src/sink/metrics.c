// SPDX-License-Identifier: Apache-2.0
#include "sink/metrics.h"

#include <errno.h>

#include "sink/label.h"
#include "sink/measure.h"

#define TT_WHO TT_LABEL_SERVICE, TT_LABEL_INSTANCE, TT_LABEL_CONTAINER
#define TT_HTTP_LABELS                                                                                                         \
	TT_WHO, TT_LABEL_HTTP_METHOD, TT_LABEL_HTTP_ROUTE, TT_LABEL_HTTP_STATUS, TT_LABEL_ERROR_TYPE, TT_LABEL_SERVER_ADDRESS, \
		TT_LABEL_SERVER_PORT
#define TT_RPC_LABELS TT_WHO, TT_LABEL_RPC_SYSTEM, TT_LABEL_RPC_METHOD, TT_LABEL_RPC_STATUS, TT_LABEL_ERROR_TYPE
#define TT_DB_LABELS TT_WHO, TT_LABEL_DB_SYSTEM, TT_LABEL_DB_OPERATION, TT_LABEL_DB_NAMESPACE, TT_LABEL_ERROR_TYPE
#define TT_MESSAGING_LABELS \
	TT_WHO, TT_LABEL_MESSAGING_SYSTEM, TT_LABEL_MESSAGING_OPERATION, TT_LABEL_MESSAGING_DESTINATION, TT_LABEL_ERROR_TYPE
#define TT_DISK_LABELS TT_LABEL_DISK, TT_LABEL_DISK_DIRECTION
#define TT_DNS_LABELS TT_WHO, TT_LABEL_DNS_NAME, TT_LABEL_ERROR_TYPE

/*
 * Every family of this sink, one row each. The first ones stand in the order of enum tt_group, served before made.
 * X(id, name, type, labels in brackets, help)
 */
#define TT_METRICS(X)                                                                                                          \
	X(HTTP_SERVER, "http_server_request_duration_seconds", TT_HISTOGRAM, (TT_HTTP_LABELS), "HTTP requests served.")        \
	X(HTTP_CLIENT, "http_client_request_duration_seconds", TT_HISTOGRAM, (TT_HTTP_LABELS), "HTTP requests made.")          \
	X(RPC_SERVER, "rpc_server_call_duration_seconds", TT_HISTOGRAM, (TT_RPC_LABELS), "Remote calls served.")               \
	X(RPC_CLIENT, "rpc_client_call_duration_seconds", TT_HISTOGRAM, (TT_RPC_LABELS), "Remote calls made.")                 \
	X(DB_SERVER, "db_server_operation_duration_seconds", TT_HISTOGRAM, (TT_DB_LABELS), "Database operations served.")      \
	X(DB_CLIENT, "db_client_operation_duration_seconds", TT_HISTOGRAM, (TT_DB_LABELS), "Database operations made.")        \
	X(MESSAGING_SERVER, "messaging_server_operation_duration_seconds", TT_HISTOGRAM, (TT_MESSAGING_LABELS),                \
	  "Messaging operations served by a broker.")                                                                          \
	X(MESSAGING_CLIENT, "messaging_client_operation_duration_seconds", TT_HISTOGRAM, (TT_MESSAGING_LABELS),                \
	  "Messaging operations made.")                                                                                        \
	X(DNS_SERVER, "dns_server_lookup_duration_seconds", TT_HISTOGRAM, (TT_DNS_LABELS), "DNS lookups served.")              \
	X(DNS_CLIENT, "dns_lookup_duration_seconds", TT_HISTOGRAM, (TT_DNS_LABELS), "DNS lookups made.")                       \
	X(TCP_CONNECT, "tcp_connect_total", TT_COUNTER, (TT_WHO), "TCP connections this end tried to open.")                   \
	X(TCP_CONNECT_FAILED, "tcp_connect_failed_total", TT_COUNTER, (TT_WHO, TT_LABEL_CONNECT_ERROR),                        \
	  "TCP connections this end could not open.")                                                                          \
	X(TCP_CONNECT_DURATION, "tcp_connect_duration_seconds", TT_HISTOGRAM, (TT_WHO), "SYN sent to connection established.") \
	X(TCP_ACCEPT, "tcp_accept_total", TT_COUNTER, (TT_WHO), "TCP connections opened by the other end.")                    \
	X(TCP_RTT, "tcp_rtt_seconds", TT_HISTOGRAM, (TT_WHO), "Smoothed round-trip time, sampled.")                            \
	X(TCP_RETRANSMIT, "tcp_retransmit_total", TT_COUNTER, (TT_WHO), "TCP segments sent again.")                            \
	X(TCP_RESET, "tcp_reset_total", TT_COUNTER, (TT_WHO), "TCP connections ended by a reset.")                             \
	X(IO_BYTES, "network_io_bytes_total", TT_COUNTER, (TT_WHO, TT_LABEL_TRANSPORT, TT_LABEL_DIRECTION),                    \
	  "Bytes moved on connections of any protocol.")                                                                       \
	/* Of tools inside the agent: by deltas only. */                                                                       \
	X(DISK_BYTES, "process_disk_io_bytes_total", TT_COUNTER, (TT_WHO, TT_DISK_LABELS), "Bytes disks moved for a process.") \
	X(DISK_OPERATIONS, "process_disk_operation_duration_seconds", TT_HISTOGRAM, (TT_WHO, TT_DISK_LABELS),                  \
	  "Requests disks have done for a process.")                                                                           \
	X(DISK_ERRORS, "process_disk_operation_errors_total", TT_COUNTER, (TT_WHO, TT_DISK_LABELS),                            \
	  "Requests of a process that disks failed to do.")                                                                    \
	X(SYSTEM_DISK_OPERATIONS, "system_disk_operations_total", TT_COUNTER, (TT_DISK_LABELS),                                \
	  "Requests a disk has done, by its own count.")                                                                       \
	X(SYSTEM_DISK_BYTES, "system_disk_io_bytes_total", TT_COUNTER, (TT_DISK_LABELS), "Bytes a disk moved.")                \
	X(SYSTEM_DISK_OPERATION_TIME, "system_disk_operation_time_seconds_total", TT_SECONDS, (TT_DISK_LABELS),                \
	  "Time a disk's requests took, added up.")                                                                            \
	X(SYSTEM_DISK_TIME, "system_disk_io_time_seconds_total", TT_SECONDS, (TT_LABEL_DISK),                                  \
	  "Time a disk had something to do.")                                                                                  \
	X(THREAD_TIME, "process_thread_time_seconds_total", TT_SECONDS, (TT_WHO, TT_LABEL_PART),                               \
	  "What threads' time goes to: running, or waiting for what.")                                                         \
	X(CPU_WAIT, "process_cpu_wait_duration_seconds", TT_HISTOGRAM, (TT_WHO), "Waits of threads for a processor.")          \
	X(PROFILE_SAMPLES, "process_profile_samples_total", TT_COUNTER, (TT_WHO), "Looks at processors that found it running.")

enum tt_metric {
#define TT_METRIC_ENUM(id, ...) TT_METRIC_##id,
	TT_METRICS(TT_METRIC_ENUM)
#undef TT_METRIC_ENUM
		TT_METRIC_MAX,
};

#define TT_BRACKETS(...) __VA_ARGS__

static const struct {
	const char *name;
	const char *help;
	enum tt_series_type type;
	uint8_t labels[TT_SERIES_LABELS]; /* enum tt_label_id */
} tt_metrics_rows[TT_METRIC_MAX] = {
#define TT_METRIC_ROW(id, name_, type_, labels_, help_) \
	[TT_METRIC_##id] = {.name = name_, .help = help_, .type = type_, .labels = {TT_BRACKETS labels_}},
	TT_METRICS(TT_METRIC_ROW)
#undef TT_METRIC_ROW
};

static_assert(TT_METRIC_HTTP_CLIENT == TT_GROUP_HTTP * 2 + 1 && TT_METRIC_RPC_CLIENT == TT_GROUP_RPC * 2 + 1 &&
		      TT_METRIC_DB_CLIENT == TT_GROUP_DB * 2 + 1 && TT_METRIC_MESSAGING_CLIENT == TT_GROUP_MESSAGING * 2 + 1 &&
		      TT_METRIC_DNS_CLIENT == TT_GROUP_DNS * 2 + 1,
	      "families of exchanges in the order of the groups");

struct tt_metrics {
	struct tt_sink sink;
	struct tt_series_set *set;
	int family[TT_METRIC_MAX];
	struct tt_label_from from; /* of the exchange before, for what it has written */
	uint64_t bad_deltas;
};

static struct tt_series *tt_metrics_get(struct tt_metrics *m, enum tt_metric metric, struct tt_label_from *from)
{
	struct tt_span values[TT_SERIES_LABELS];
	const uint8_t *labels = tt_metrics_rows[metric].labels;
	for (size_t i = 0; i < TT_SERIES_LABELS && labels[i]; i++)
		values[i] = tt_label_value(labels[i], from);
	return tt_series_get(m->set, m->family[metric], values);
}

static void tt_metrics_exchange(struct tt_sink *s, const struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_metrics *m = (struct tt_metrics *)s;
	struct tt_label_from *from = &m->from;
	from->e = e;
	from->x = x;
	from->kind = tt_event_kind(e, x);
	enum tt_metric metric = from->kind->group * 2 + tt_is_client(x->ends);
	struct tt_series *series = tt_metrics_get(m, metric, from);
	uint64_t ns;

	if (tt_measure_counted(x, &ns))
		tt_series_observe(series, ns);
	else
		tt_histogram_add_unknown(series->histogram);
}

static void tt_metrics_count(struct tt_metrics *m, enum tt_metric metric, struct tt_label_from *from, uint64_t n)
{
	if (n)
		tt_series_add(tt_metrics_get(m, metric, from), n);
}

static void tt_metrics_time(struct tt_metrics *m, enum tt_metric metric, struct tt_label_from *from, uint64_t ns)
{
	if (ns)
		tt_series_observe(tt_metrics_get(m, metric, from), ns);
}

static void tt_metrics_tcp(struct tt_metrics *m, struct tt_label_from *from, const struct tt_conn_report *r)
{
	bool client = tt_is_client(r->ends);

	tt_metrics_count(m, TT_METRIC_TCP_CONNECT, from, r->connect_failed || (r->opened && client));
	tt_metrics_count(m, TT_METRIC_TCP_CONNECT_FAILED, from, r->connect_failed);
	tt_metrics_count(m, TT_METRIC_TCP_ACCEPT, from, r->opened && !client && !r->connect_failed);
	tt_metrics_time(m, TT_METRIC_TCP_CONNECT_DURATION, from, r->opened ? r->connect_ns : 0);
	tt_metrics_time(m, TT_METRIC_TCP_RTT, from, r->rtt_us * UINT64_C(1000));
	tt_metrics_count(m, TT_METRIC_TCP_RETRANSMIT, from, r->retransmits);
	tt_metrics_count(m, TT_METRIC_TCP_RESET, from, r->resets);
}

static void tt_metrics_connection(struct tt_sink *s, const struct tt_event *e, const struct tt_conn_report *r)
{
	struct tt_metrics *m = (struct tt_metrics *)s;
	struct tt_label_from from = {.e = e, .report = r};

	if (r->ends->transport == TT_TRANSPORT_TCP)
		tt_metrics_tcp(m, &from, r);
	from.direction = TT_TX;
	tt_metrics_count(m, TT_METRIC_IO_BYTES, &from, r->tx_bytes);
	from.direction = TT_RX;
	tt_metrics_count(m, TT_METRIC_IO_BYTES, &from, r->rx_bytes);
}

/* Puts the delta's labels into the family's order; false if one is not the family's. */
static bool tt_metrics_delta_values(const struct tt_metric_family *family, const struct tt_delta *d, struct tt_span *values)
{
	memset(values, 0, TT_SERIES_LABELS * sizeof(*values));
	for (size_t i = 0; i < d->label_count; i++) {
		size_t at = 0;
		while (at < TT_SERIES_LABELS && family->labels[at] && strcmp(family->labels[at], d->labels[i].name) != 0)
			at++;
		if (at == TT_SERIES_LABELS || !family->labels[at])
			return false;
		values[at] = d->labels[i].value;
	}
	return true;
}

static void tt_metrics_delta(struct tt_sink *s, const struct tt_delta *d)
{
	struct tt_metrics *m = (struct tt_metrics *)s;
	struct tt_span values[TT_SERIES_LABELS];
	int id = tt_series_family_find(m->set, d->metric);
	const struct tt_metric_family *family = id < 0 ? NULL : tt_series_family_at(m->set, id);

	if (!family || (family->type == TT_HISTOGRAM) != (d->buckets != NULL) || !tt_metrics_delta_values(family, d, values)) {
		m->bad_deltas++;
		return;
	}
	struct tt_series *series = tt_series_get(m->set, id, values);
	if (d->buckets)
		tt_histogram_merge(series->histogram, d->count, d->sum_ns, d->buckets);
	else
		tt_series_add(series, family->type == TT_SECONDS ? d->sum_ns : d->count);
}

static void tt_metrics_advance(struct tt_sink *s, uint64_t now_ns)
{
	tt_series_expire(((struct tt_metrics *)s)->set, now_ns);
}

static void tt_metrics_free(struct tt_sink *s)
{
	free(s);
}

static const struct tt_sink_ops tt_metrics_ops = {
	.name = "metrics",
	.exchange = tt_metrics_exchange,
	.connection = tt_metrics_connection,
	.delta = tt_metrics_delta,
	.advance = tt_metrics_advance,
	.free = tt_metrics_free,
};

int tt_metrics_new(struct tt_sink **ret, struct tt_series_set *set)
{
	tt_free_auto struct tt_metrics *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->sink.ops = &tt_metrics_ops;
	m->set = set;

	for (int i = 0; i < TT_METRIC_MAX; i++) {
		struct tt_metric_family family = {
			.name = tt_metrics_rows[i].name, .help = tt_metrics_rows[i].help, .type = tt_metrics_rows[i].type};
		for (size_t l = 0; l < TT_SERIES_LABELS && tt_metrics_rows[i].labels[l]; l++)
			family.labels[l] = tt_label_name(tt_metrics_rows[i].labels[l]);
		m->family[i] = tt_series_family(set, &family);
		if (m->family[i] < 0)
			return m->family[i];
	}
	*ret = &TT_TAKE_PTR(m)->sink;
	return 0;
}

uint64_t tt_metrics_bad_deltas(const struct tt_sink *s)
{
	return ((const struct tt_metrics *)s)->bad_deltas;
}
