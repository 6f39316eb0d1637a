// SPDX-License-Identifier: Apache-2.0
#include "sink/graph.h"

#include <errno.h>
#include <stdio.h>

#include "sink/address.h"
#include "sink/table.h"

struct tt_graph_node {
	struct tt_graph_node *next; /* in the order they came */
	bool service;
	uint32_t edges;
	uint32_t addresses; /* of them, those with an address */
	uint32_t held;
	char container_id[TT_CONTAINER_ID_LEN];
	struct tt_figures served; /* scratch of tt_graph_json, which leaves it empty */
	uint32_t name_len;
	char name[];
};

struct tt_edge {
	struct tt_edge *next;
	struct tt_graph_node *client;
	struct tt_graph_node *server;
	const char *protocol;
	const char *type;
	struct tt_window all; /* counts; durations of the server's end, else the client's */
	struct tt_window client_end;
	struct tt_window server_end;
	struct tt_edge_traffic traffic;
	struct tt_series *requests; /* NULL until the first exchange */
	struct tt_series *failed;
	struct tt_series *unknown;
	struct tt_series *client_seconds;
	struct tt_series *server_seconds;
};

#define TT_GRAPH_FAMILIES 5

/* Sums over edges since the beginning. */
struct tt_graph_total {
	uint64_t count;
	uint64_t failed;
	uint64_t unknown; /* whether they failed */
	uint64_t connects;
	uint64_t connects_failed;
};

struct tt_graph {
	struct tt_table nodes;
	struct tt_table edges;
	struct tt_graph_node *first_node;
	struct tt_graph_node **last_node;
	struct tt_edge *first_edge;
	struct tt_edge **last_edge;
	struct tt_graph_node *other;
	struct tt_graph_node *recalled; /* the service asked for last; NULL: none */
	uint64_t services;
	uint64_t services_limit;
	uint64_t edges_limit;
	uint64_t addresses_limit;
	uint64_t dropped;
	uint64_t idle_ns;	    /* 0: no edge expires */
	uint64_t look_ns;	    /* when it looks next */
	uint64_t expired;	    /* edges */
	uint64_t generation;	    /* changes whenever edges go */
	struct tt_graph_total gone; /* of edges that went */
	struct tt_series_set *series;
	int family[TT_GRAPH_FAMILIES];
};

#define TT_GRAPH_LABELS {"client", "server", "connection_type"}

static const struct tt_metric_family tt_graph_families[TT_GRAPH_FAMILIES] = {
	{"traces_service_graph_request_total", "Requests between two nodes, one count an exchange.", TT_COUNTER, TT_GRAPH_LABELS},
	{"traces_service_graph_request_failed_total", "Requests between two nodes that failed.", TT_COUNTER, TT_GRAPH_LABELS},
	{"traces_service_graph_request_unknown_total", "Requests between two nodes of which it is not known whether they failed.",
	 TT_COUNTER, TT_GRAPH_LABELS},
	{"traces_service_graph_request_client_seconds", "Duration of requests as the client's end saw it.", TT_HISTOGRAM,
	 TT_GRAPH_LABELS},
	{"traces_service_graph_request_server_seconds", "Duration of requests as the server's end saw it.", TT_HISTOGRAM,
	 TT_GRAPH_LABELS},
};

struct tt_node_key {
	struct tt_span name;
	bool service;
};

static bool tt_node_same(const void *item, const void *key)
{
	const struct tt_graph_node *n = item;
	const struct tt_node_key *k = key;
	return n->service == k->service && tt_span_eq(tt_span(n->name, n->name_len), k->name);
}

/* NULL if it is not there. */
static struct tt_graph_node *tt_node_find(const struct tt_graph *g, const struct tt_node_key *key)
{
	return tt_table_find(&g->nodes, tt_table_hash(&g->nodes, key->name.data, key->name.len) + key->service, tt_node_same,
			     key);
}

static struct tt_graph_node *tt_node_add(struct tt_graph *g, const struct tt_node_key *key)
{
	tt_free_auto struct tt_graph_node *n = calloc(1, sizeof(*n) + key->name.len + 1);
	if (!n)
		return NULL;
	n->service = key->service;
	n->name_len = (uint32_t)key->name.len;
	memcpy(n->name, key->name.data, key->name.len);
	if (tt_table_add(&g->nodes, tt_table_hash(&g->nodes, key->name.data, key->name.len) + key->service, n) < 0)
		return NULL;
	*g->last_node = n;
	g->last_node = &n->next;
	return TT_TAKE_PTR(n);
}

int tt_graph_new(struct tt_graph **ret, const struct tt_limits *limits, struct tt_series_set *series)
{
	struct tt_graph *g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->last_node = &g->first_node;
	g->last_edge = &g->first_edge;
	g->services_limit = limits->value[TT_LIMIT_SERVICES];
	g->edges_limit = limits->value[TT_LIMIT_EDGES];
	g->addresses_limit = limits->value[TT_LIMIT_MAP_ADDRESSES];
	g->idle_ns = limits->value[TT_LIMIT_IDLE_EXPIRY] * UINT64_C(1000000000);
	g->series = series;

	int r = 0;
	for (size_t i = 0; i < TT_ARRAY_LEN(g->family) && r >= 0; i++)
		r = g->family[i] = tt_series_family(series, &tt_graph_families[i]);
	if (r >= 0)
		r = tt_table_init(&g->nodes);
	if (r >= 0)
		r = tt_table_init(&g->edges);
	if (r >= 0) {
		g->other = tt_node_add(g, &(struct tt_node_key){.name = TT_SPAN_LIT("other")});
		r = g->other ? 0 : -ENOMEM;
	}
	if (r < 0) {
		tt_graph_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

static void tt_edge_free(struct tt_edge *e)
{
	tt_window_free(&e->all);
	tt_window_free(&e->client_end);
	tt_window_free(&e->server_end);
	free(e);
}

struct tt_graph *tt_graph_free(struct tt_graph *g)
{
	if (!g)
		return NULL;
	while (g->first_node) {
		struct tt_graph_node *n = g->first_node;
		g->first_node = n->next;
		free(n);
	}
	for (struct tt_edge *e; (e = g->first_edge); tt_edge_free(e))
		g->first_edge = e->next;
	tt_table_free(&g->nodes);
	tt_table_free(&g->edges);
	free(g);
	return NULL;
}

struct tt_graph_node *tt_graph_service(struct tt_graph *g, const struct tt_identity *id)
{
	if (g->recalled && strcmp(g->recalled->name, id->service) == 0 &&
	    (!id->container_id[0] || strcmp(g->recalled->container_id, id->container_id) == 0))
		return g->recalled;
	struct tt_node_key key = {.name = tt_span_str(id->service), .service = true};
	struct tt_graph_node *n = tt_node_find(g, &key);
	if (!n) {
		if (g->services >= g->services_limit)
			return NULL;
		n = tt_node_add(g, &key);
		if (!n)
			return NULL;
		g->services++;
	}
	if (id->container_id[0])
		memcpy(n->container_id, id->container_id, sizeof(n->container_id));
	g->recalled = n;
	return n;
}

/* What an address is called: a client's port says nothing, a server's is what was asked for. */
static struct tt_span tt_end_name(struct tt_address_text *text, const struct tt_graph_end *end, bool server)
{
	struct tt_span name = tt_address_format(text, &end->address, server);
	if (name.data)
		return name;
	return end->address.family == TT_FAMILY_UNIX ? TT_SPAN_LIT("unix") : TT_SPAN_LIT("unknown");
}

/* The end's node, if there is one already; else NULL and its name. */
static struct tt_graph_node *tt_end_node(const struct tt_graph *g, const struct tt_graph_end *end, struct tt_span name)
{
	return end->service ? end->service : tt_node_find(g, &(struct tt_node_key){.name = name});
}

struct tt_edge_key {
	const struct tt_graph_node *client;
	const struct tt_graph_node *server;
	const char *protocol;
};

static bool tt_edge_same(const void *item, const void *key)
{
	const struct tt_edge *e = item;
	const struct tt_edge_key *k = key;
	return e->client == k->client && e->server == k->server && strcmp(e->protocol, k->protocol) == 0;
}

static uint64_t tt_edge_hash(const struct tt_graph *g, const struct tt_edge_key *k)
{
	const void *nodes[2] = {k->client, k->server};
	return tt_table_hash(&g->edges, nodes, sizeof(nodes)) ^ tt_table_hash(&g->edges, k->protocol, strlen(k->protocol));
}

static struct tt_edge *tt_edge_add(struct tt_graph *g, const struct tt_edge_key *k, const char *type)
{
	struct tt_edge *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	if (tt_table_add(&g->edges, tt_edge_hash(g, k), e) < 0) {
		free(e);
		return NULL;
	}
	e->client = (struct tt_graph_node *)k->client;
	e->server = (struct tt_graph_node *)k->server;
	e->protocol = k->protocol;
	bool outside = !e->client->service || !e->server->service;
	e->type = *type ? type : outside ? "virtual_node" : "";
	e->client->edges++;
	e->server->edges++;
	e->client->addresses += !e->server->service;
	e->server->addresses += !e->client->service;
	*g->last_edge = e;
	g->last_edge = &e->next;
	return e;
}

/* An address may become a neighbour of `beside` while that one has not too many. */
static struct tt_graph_node *tt_end_admit(struct tt_graph *g, struct tt_graph_node *found, const struct tt_graph_end *end,
					  struct tt_span name, struct tt_graph_node *beside)
{
	if (end->service)
		return found;
	if (beside && beside->addresses >= g->addresses_limit)
		return g->other;
	return found ? found : tt_node_add(g, &(struct tt_node_key){.name = name});
}

struct tt_edge *tt_graph_edge(struct tt_graph *g, const struct tt_graph_end *client, const struct tt_graph_end *server,
			      const char *protocol, const char *type)
{
	struct tt_address_text client_text;
	struct tt_address_text server_text;
	struct tt_span client_name = client->service ? tt_span(NULL, 0) : tt_end_name(&client_text, client, false);
	struct tt_span server_name = server->service ? tt_span(NULL, 0) : tt_end_name(&server_text, server, true);
	struct tt_edge_key k = {tt_end_node(g, client, client_name), tt_end_node(g, server, server_name), protocol};
	struct tt_edge *e = NULL;

	if (k.client && k.server)
		e = tt_table_find(&g->edges, tt_edge_hash(g, &k), tt_edge_same, &k);
	if (e)
		return e;

	struct tt_graph_node *from = NULL;
	struct tt_graph_node *to = NULL;
	if (g->edges.count < g->edges_limit) {
		from = tt_end_admit(g, (struct tt_graph_node *)k.client, client, client_name, server->service);
		to = tt_end_admit(g, (struct tt_graph_node *)k.server, server, server_name, client->service);
	}
	if (!from || !to) {
		from = to = g->other;
		k.protocol = "other";
		type = "";
	}
	g->dropped += from == g->other || to == g->other;

	k.client = from;
	k.server = to;
	e = tt_table_find(&g->edges, tt_edge_hash(g, &k), tt_edge_same, &k);
	if (e)
		return e;
	return tt_edge_add(g, &k, type);
}

static void tt_edge_series(struct tt_graph *g, struct tt_edge *e)
{
	struct tt_span values[] = {tt_span(e->client->name, e->client->name_len), tt_span(e->server->name, e->server->name_len),
				   tt_span_str(e->type)};
	e->requests = tt_series_get(g->series, g->family[0], values);
	e->failed = tt_series_get(g->series, g->family[1], values);
	e->unknown = tt_series_get(g->series, g->family[2], values);
	e->client_seconds = tt_series_get(g->series, g->family[3], values);
	e->server_seconds = tt_series_get(g->series, g->family[4], values);
	tt_series_hold(e->requests);
	tt_series_hold(e->failed);
	tt_series_hold(e->unknown);
	tt_series_hold(e->client_seconds);
	tt_series_hold(e->server_seconds);
}

static void tt_edge_time(struct tt_window *w, struct tt_series *s, uint64_t now_ns, bool timed, uint64_t ns)
{
	if (timed) {
		tt_window_time(w, now_ns, ns);
		tt_series_observe(s, ns);
	} else {
		tt_histogram_add_unknown(s->histogram);
	}
}

void tt_edge_count(struct tt_graph *g, struct tt_edge *e, uint64_t now_ns, const struct tt_edge_exchange *x)
{
	if (!e->requests)
		tt_edge_series(g, e);
	tt_series_add(e->requests, 1);
	tt_series_add(e->failed, x->result == TT_RESULT_FAILED);
	tt_series_add(e->unknown, x->result == TT_RESULT_UNKNOWN);
	tt_window_add(&e->all, now_ns, x->counted, x->server_timed || x->client_timed,
		      x->server_timed ? x->server_ns : x->client_ns);
	if (x->client_seen)
		tt_edge_time(&e->client_end, e->client_seconds, now_ns, x->client_timed, x->client_ns);
	if (x->server_seen)
		tt_edge_time(&e->server_end, e->server_seconds, now_ns, x->server_timed, x->server_ns);
}

void tt_edge_traffic(struct tt_edge *e, uint64_t now_ns, const struct tt_edge_traffic *t)
{
	e->traffic.connects += t->connects;
	e->traffic.connects_failed += t->connects_failed;
	e->traffic.request_bytes += t->request_bytes;
	e->traffic.response_bytes += t->response_bytes;
	tt_window_bytes(&e->all, now_ns, t->request_bytes + t->response_bytes);
	tt_window_refused(&e->all, now_ns, t->connects_failed);
}

/* --- what is idle goes
 * --------------------------------------------------------------------------------------------------------- */

void tt_graph_hold(struct tt_graph_node *service)
{
	if (service)
		service->held++;
}

void tt_graph_release(struct tt_graph_node *service)
{
	if (service)
		service->held--;
}

static void tt_graph_total_add(struct tt_graph_total *t, const struct tt_edge *e)
{
	t->count += e->all.count;
	t->failed += e->all.failed;
	t->unknown += e->all.unknown;
	t->connects += e->traffic.connects;
	t->connects_failed += e->traffic.connects_failed;
}

static void tt_edge_drop(struct tt_graph *g, struct tt_edge *e)
{
	struct tt_series *series[] = {e->requests, e->failed, e->unknown, e->client_seconds, e->server_seconds};
	const struct tt_edge_key key = {e->client, e->server, e->protocol};

	for (size_t i = 0; i < TT_ARRAY_LEN(series); i++) {
		if (series[i])
			tt_series_release(g->series, series[i]);
	}
	e->client->edges--;
	e->server->edges--;
	e->client->addresses -= !e->server->service;
	e->server->addresses -= !e->client->service;
	tt_table_remove(&g->edges, tt_edge_hash(g, &key), e);
	tt_edge_free(e);
}

static void tt_graph_expire_edges(struct tt_graph *g, uint64_t now_ns)
{
	struct tt_edge **at = &g->first_edge;

	while (*at) {
		struct tt_edge *e = *at;
		if (!tt_window_idle(&e->all, now_ns, g->idle_ns)) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		tt_graph_total_add(&g->gone, e);
		tt_edge_drop(g, e);
		g->expired++;
		g->generation++;
	}
	g->last_edge = at;
}

/* Nodes nothing leads to any more. */
static void tt_graph_expire_nodes(struct tt_graph *g)
{
	struct tt_graph_node **at = &g->first_node;

	g->recalled = NULL;
	while (*at) {
		struct tt_graph_node *n = *at;
		if (n->edges || n->held || n == g->other) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		g->services -= n->service;
		tt_table_remove(&g->nodes, tt_table_hash(&g->nodes, n->name, n->name_len) + n->service, n);
		free(n);
	}
	g->last_node = at;
}

void tt_graph_expire(struct tt_graph *g, uint64_t now_ns)
{
	if (!g->idle_ns || now_ns < g->look_ns)
		return;
	g->look_ns = now_ns + TT_EXPIRY_LOOK_NS(g->idle_ns);
	tt_graph_expire_edges(g, now_ns);
	tt_graph_expire_nodes(g);
}

uint64_t tt_graph_generation(const struct tt_graph *g)
{
	return g->generation;
}

uint64_t tt_graph_expired(const struct tt_graph *g)
{
	return g->expired;
}

uint64_t tt_graph_dropped(const struct tt_graph *g)
{
	return g->dropped;
}

/* --- JSON
 * ----------------------------------------------------------------------------------------------------------------------- */

static void tt_node_json_id(struct tt_json *j, const char *key, const struct tt_graph_node *n)
{
	tt_buf_auto struct tt_buf id = TT_BUF(1024);
	tt_buf_add_str(&id, n->service ? "service:" : "address:");
	tt_buf_add(&id, n->name, n->name_len);
	tt_json_key_string(j, key, tt_buf_span(&id));
}

static void tt_node_json(struct tt_json *j, const struct tt_graph_node *n, uint64_t window_ns)
{
	tt_json_object(j);
	tt_node_json_id(j, "id", n);
	tt_json_key_string(j, "name", tt_span(n->name, n->name_len));
	tt_json_key_text(j, "type", n->service ? "service" : "address");
	tt_json_key_text(j, "container_id", n->container_id);
	tt_json_key(j, "served");
	tt_json_object(j);
	tt_figures_json(j, &n->served, window_ns);
	tt_json_object_end(j);
	tt_json_object_end(j);
}

static void tt_edge_json_p95(struct tt_json *j, const char *key, const struct tt_window *w, uint64_t now_ns)
{
	struct tt_figures f = {0};
	uint64_t ns = 0;
	tt_figures_add(&f, w, now_ns);
	bool known = tt_durations_quantile(&f.durations, 0.95, &ns);
	tt_json_key_u64_or_null(j, key, known, ns);
	tt_figures_free(&f);
}

static void tt_edge_json(struct tt_json *j, const struct tt_edge *e, uint64_t now_ns, uint64_t window_ns)
{
	struct tt_figures f = {0};
	tt_figures_add(&f, &e->all, now_ns);

	tt_json_object(j);
	tt_node_json_id(j, "client", e->client);
	tt_node_json_id(j, "server", e->server);
	tt_json_key_text(j, "protocol", e->protocol);
	tt_figures_json(j, &f, window_ns);
	tt_edge_json_p95(j, "client_p95_ns", &e->client_end, now_ns);
	tt_edge_json_p95(j, "server_p95_ns", &e->server_end, now_ns);
	tt_json_key_u64(j, "connects", e->traffic.connects);
	tt_json_key_u64(j, "connects_failed", e->traffic.connects_failed);
	tt_json_key_u64(j, "request_bytes", e->traffic.request_bytes);
	tt_json_key_u64(j, "response_bytes", e->traffic.response_bytes);
	tt_json_key_double(j, "connects_failed_rate", (double)f.refused_lately * 1e9 / (double)window_ns);
	tt_json_key_double(j, "bytes_per_s", (double)f.bytes_lately * 1e9 / (double)window_ns);
	tt_json_key_u64(j, "idle_ns", now_ns - TT_MIN(now_ns, f.last_ns));
	tt_json_object_end(j);
	tt_figures_free(&f);
}

static void tt_graph_json_total(struct tt_json *j, const struct tt_graph *g)
{
	struct tt_graph_total total = g->gone;

	for (const struct tt_edge *e = g->first_edge; e; e = e->next)
		tt_graph_total_add(&total, e);
	tt_json_key(j, "total");
	tt_json_object(j);
	tt_json_key_u64(j, "count", total.count);
	tt_json_key_u64(j, "failed", total.failed);
	tt_json_key_u64(j, "unknown", total.unknown);
	tt_json_key_u64(j, "connects", total.connects);
	tt_json_key_u64(j, "connects_failed", total.connects_failed);
	tt_json_object_end(j);
}

void tt_graph_json(struct tt_json *j, const struct tt_graph *g, uint64_t now_ns, uint64_t window_ns)
{
	for (const struct tt_edge *e = g->first_edge; e; e = e->next)
		tt_figures_add(&e->server->served, &e->all, now_ns);

	tt_json_key(j, "nodes");
	tt_json_array(j);
	for (struct tt_graph_node *n = g->first_node; n; n = n->next) {
		if (n->edges)
			tt_node_json(j, n, window_ns);
		tt_figures_free(&n->served);
	}
	tt_json_array_end(j);
	tt_json_key(j, "edges");
	tt_json_array(j);
	for (const struct tt_edge *e = g->first_edge; e; e = e->next)
		tt_edge_json(j, e, now_ns, window_ns);
	tt_json_array_end(j);
	tt_graph_json_total(j, g);
}
