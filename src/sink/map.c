// SPDX-License-Identifier: Apache-2.0
#include "sink/map.h"

#include <errno.h>

#include "sink/clock.h"

struct tt_map {
	struct tt_sink sink;
	struct tt_graph *graph;
	struct tt_join *join;
	struct tt_clock clock;
};

static void tt_map_exchange(struct tt_sink *s, const struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_map *m = (struct tt_map *)s;
	tt_join_exchange(m->join, e, x, tt_clock_exchange(&m->clock, x));
}

static void tt_map_connection(struct tt_sink *s, const struct tt_event *e, const struct tt_conn_report *r)
{
	struct tt_map *m = (struct tt_map *)s;
	tt_join_connection(m->join, e, r, tt_clock_tick(&m->clock, r->time_ns));
}

static void tt_map_advance(struct tt_sink *s, uint64_t now_ns)
{
	struct tt_map *m = (struct tt_map *)s;
	tt_join_advance(m->join, tt_clock_tick(&m->clock, now_ns));
	tt_graph_expire(m->graph, m->clock.now_ns);
}

static int tt_map_flush(struct tt_sink *s)
{
	struct tt_map *m = (struct tt_map *)s;
	tt_join_finish(m->join, m->clock.now_ns);
	return 0;
}

static void tt_map_free(struct tt_sink *s)
{
	struct tt_map *m = (struct tt_map *)s;
	tt_join_free(m->join);
	tt_graph_free(m->graph);
	free(m);
}

static const struct tt_sink_ops tt_map_ops = {
	.name = "map",
	.exchange = tt_map_exchange,
	.connection = tt_map_connection,
	.advance = tt_map_advance,
	.flush = tt_map_flush,
	.free = tt_map_free,
};

int tt_map_new(struct tt_sink **ret, const struct tt_limits *limits, struct tt_series_set *series)
{
	struct tt_map *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->sink.ops = &tt_map_ops;
	int r = tt_graph_new(&m->graph, limits, series);
	if (r >= 0)
		r = tt_join_new(&m->join, limits, m->graph);
	if (r < 0) {
		tt_map_free(&m->sink);
		return r;
	}
	*ret = &m->sink;
	return 0;
}

void tt_map_json(struct tt_json *j, const struct tt_sink *s, int64_t wall_minus_mono_ns)
{
	const struct tt_map *m = (const struct tt_map *)s;
	struct tt_join_stats stats;
	uint64_t window_ns = tt_window_length(m->clock.start_ns, m->clock.now_ns);

	tt_join_stats(m->join, &stats);
	tt_json_object(j);
	tt_json_key(j, "time_unix_ns");
	tt_json_i64(j, (int64_t)m->clock.now_ns + wall_minus_mono_ns);
	tt_json_key_u64(j, "window_ns", window_ns);
	tt_graph_json(j, m->graph, m->clock.now_ns, window_ns);
	tt_json_key_u64(j, "dropped", tt_graph_dropped(m->graph));
	tt_json_key_u64(j, "waiting", stats.waiting);
	tt_json_key_u64(j, "waiting_dropped", stats.waiting_dropped);
	tt_json_object_end(j);
}

void tt_map_stats(const struct tt_sink *s, struct tt_join_stats *ret)
{
	const struct tt_map *m = (const struct tt_map *)s;

	tt_join_stats(m->join, ret);
	ret->edges_expired = tt_graph_expired(m->graph);
}
