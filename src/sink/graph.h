/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service map itself: nodes (services of this host, addresses beyond it), edges between them, and the figures on the edges.
 * Bounded by the limit rows `map_edges` and `map_addresses`: what comes after them is counted on edges of the node
 * `address:other`.
 */
#ifndef TT_SINK_GRAPH_H
#define TT_SINK_GRAPH_H

#include "sink/kind.h"
#include "sink/series.h"
#include "sink/window.h"

struct tt_graph;
struct tt_graph_node;
struct tt_edge;

/* Adds its families to `series` (borrowed, must outlive the graph). *ret untouched on failure (-ENOMEM, -ENOSPC). */
int tt_graph_new(struct tt_graph **ret, const struct tt_limits *limits, struct tt_series_set *series);
/* NULL-safe, returns NULL. */
struct tt_graph *tt_graph_free(struct tt_graph *g);

/* One end of an edge: a service that is known, or else an address. */
struct tt_graph_end {
	struct tt_graph_node *service; /* from tt_graph_service; NULL: not known */
	struct tt_sockaddr address;
};

/* The node of a service, made if need be; NULL without memory or beyond the limit `services`. It stays while it has edges or is
 * held. */
struct tt_graph_node *tt_graph_service(struct tt_graph *g, const struct tt_identity *id);

/* For who keeps the node of a service; NULL-safe. */
void tt_graph_hold(struct tt_graph_node *service);
void tt_graph_release(struct tt_graph_node *service);

/*
 * The edge, made if need be. `protocol` and `type` (the service graph's connection type) have static storage. NULL only without
 * memory. It may be kept while tt_graph_generation stays the same.
 */
struct tt_edge *tt_graph_edge(struct tt_graph *g, const struct tt_graph_end *client, const struct tt_graph_end *server,
			      const char *protocol, const char *type);

/* One exchange, seen at one end or both. */
struct tt_edge_exchange {
	enum tt_result result;	/* for the metrics: as either end judges */
	enum tt_result counted; /* in the figures (tt_measure_result) */
	bool client_timed;
	bool server_timed;
	uint64_t client_ns;
	uint64_t server_ns;
	bool client_seen; /* counts in the client's (server's) histogram, timed or not */
	bool server_seen;
};

/* Drops edges on which nothing happened within `idle_expiry_s`, and nodes nothing leads to; looks only every so often. */
void tt_graph_expire(struct tt_graph *g, uint64_t now_ns);
uint64_t tt_graph_generation(const struct tt_graph *g);
/* Edges dropped so. */
uint64_t tt_graph_expired(const struct tt_graph *g);

void tt_edge_count(struct tt_graph *g, struct tt_edge *e, uint64_t now_ns, const struct tt_edge_exchange *x);

/* Differences of what happened on connections. */
struct tt_edge_traffic {
	uint64_t connects;
	uint64_t connects_failed;
	uint64_t request_bytes;
	uint64_t response_bytes;
};

void tt_edge_traffic(struct tt_edge *e, uint64_t now_ns, const struct tt_edge_traffic *t);

/* "nodes", "edges" and "total" of docs/api.md, into an object that is open. */
void tt_graph_json(struct tt_json *j, const struct tt_graph *g, uint64_t now_ns, uint64_t window_ns);

/* What was counted on the edges of `address:other` instead of its own: edges asked for beyond the limits. */
uint64_t tt_graph_dropped(const struct tt_graph *g);

#endif
