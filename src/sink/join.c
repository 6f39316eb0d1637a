// SPDX-License-Identifier: Apache-2.0
#include "sink/join.h"

#include <errno.h>

#include "sink/flow_key.h"
#include "sink/list.h"
#include "sink/measure.h"
#include "sink/table.h"

struct tt_flow {
	struct tt_flow_key key;
	uint64_t hash;
	struct tt_link_node recent;	  /* by last use, oldest first */
	struct tt_link_node dirty;	  /* by dirty_ns: has traffic that is not yet on its edge */
	struct tt_link_node closing;	  /* by close_ns */
	struct tt_ring waiting[2];	  /* exchanges by the end that told of them, oldest first */
	struct tt_graph_node *service[2]; /* by end; NULL: not known */
	bool seen[2];			  /* the end was seen on this host */
	bool talks[2];			  /* its exchanges are seen there */
	bool closed[2];
	bool alone;	      /* what one end says, the other will not tell too */
	int8_t reporter;      /* the end whose connection reports count; -1 none yet */
	const char *protocol; /* NULL: not known */
	const char *type;
	struct tt_sockaddr address[2];
	struct tt_edge *edge; /* of these services and this protocol; NULL: to be looked up */
	uint64_t generation;  /* of the graph, when it was */
	struct tt_edge_traffic traffic;
	uint64_t last_ns;
	uint64_t dirty_ns;
	uint64_t close_ns;
};

/* An exchange seen at one end. */
struct tt_wait {
	struct tt_link_node all;  /* by since_ns */
	struct tt_link_node mine; /* in the flow's */
	struct tt_flow *flow;
	enum tt_flow_end end;
	uint64_t operation; /* hash */
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t since_ns;
	uint64_t duration_ns;
	bool timed;
	enum tt_result result;	/* as the end judges */
	enum tt_result counted; /* in the map's figures */
	bool in_order;
	const char *protocol;
	const char *type;
};

/* Flows by the connections they were found for: their exchanges come in runs, and finding one means writing its key. */
#define TT_FLOWS_RECALLED 16

struct tt_recalled_flow {
	struct tt_flow *flow; /* NULL: none */
	struct tt_conn_id conn;
	struct tt_sockaddr local;
	struct tt_sockaddr peer;
	uint32_t netns;
	uint8_t transport;
	enum tt_flow_end end;
};

struct tt_join {
	struct tt_graph *graph;
	struct tt_table flows;
	struct tt_recalled_flow recalled[TT_FLOWS_RECALLED];
	struct tt_ring recent;
	struct tt_ring dirty;
	struct tt_ring closing;
	struct tt_ring waits;	   /* for an end that was not seen yet */
	struct tt_ring long_waits; /* for an end that is there: it may still be reading */
	uint64_t flows_limit;
	uint64_t waits_limit;
	uint64_t idle_ns;
	uint64_t long_wait_ns;
	struct tt_join_stats stats;
};

int tt_join_new(struct tt_join **ret, const struct tt_limits *limits, struct tt_graph *graph)
{
	tt_free_auto struct tt_join *j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	int r = tt_table_init(&j->flows);
	if (r < 0)
		return r;
	tt_ring_init(&j->recent);
	tt_ring_init(&j->dirty);
	tt_ring_init(&j->closing);
	tt_ring_init(&j->waits);
	tt_ring_init(&j->long_waits);
	j->graph = graph;
	j->flows_limit = limits->value[TT_LIMIT_CONNECTIONS];
	j->waits_limit = limits->value[TT_LIMIT_JOIN_PENDING];
	j->idle_ns = limits->value[TT_LIMIT_CONNECTION_IDLE] * UINT64_C(1000000000);
	j->long_wait_ns = limits->value[TT_LIMIT_EXCHANGE_TIMEOUT] * UINT64_C(1000000000);
	*ret = TT_TAKE_PTR(j);
	return 0;
}

/* --- counting
 * ------------------------------------------------------------------------------------------------------------------- */

static struct tt_graph_end tt_flow_end(const struct tt_flow *f, enum tt_flow_end end)
{
	return (struct tt_graph_end){.service = f->service[end], .address = f->address[end]};
}

static struct tt_edge *tt_flow_edge(struct tt_join *j, struct tt_flow *f, const char *protocol, const char *type)
{
	if (f->edge && f->protocol == protocol && f->generation == tt_graph_generation(j->graph))
		return f->edge;
	struct tt_graph_end client = tt_flow_end(f, TT_END_CLIENT);
	struct tt_graph_end server = tt_flow_end(f, TT_END_SERVER);
	struct tt_edge *edge = tt_graph_edge(j->graph, &client, &server, protocol, type);
	if (f->protocol == protocol) {
		f->edge = edge;
		f->generation = tt_graph_generation(j->graph);
	}
	return edge;
}

static void tt_join_end_times(struct tt_edge_exchange *count, const struct tt_wait *w)
{
	count->result = TT_MAX(count->result, w->result);
	count->counted = TT_MAX(count->counted, w->counted);
	if (w->end == TT_END_CLIENT) {
		count->client_seen = true;
		count->client_timed = w->timed;
		count->client_ns = w->duration_ns;
	} else {
		count->server_seen = true;
		count->server_timed = w->timed;
		count->server_ns = w->duration_ns;
	}
}

/* One exchange, as one end saw it or both (`twin` not NULL). */
static void tt_join_count(struct tt_join *j, const struct tt_wait *w, const struct tt_wait *twin, uint64_t now_ns)
{
	struct tt_edge *edge = tt_flow_edge(j, w->flow, w->protocol, w->type);
	struct tt_edge_exchange count = {0};

	tt_join_end_times(&count, w);
	if (twin)
		tt_join_end_times(&count, twin);
	*(twin ? &j->stats.joined : &j->stats.single) += 1;
	if (edge)
		tt_edge_count(j->graph, edge, now_ns, &count);
}

static void tt_wait_free(struct tt_join *j, struct tt_wait *w)
{
	tt_node_remove(&w->all);
	tt_node_remove(&w->mine);
	free(w);
	j->stats.waiting--;
}

/* Its other end did not come. */
static void tt_wait_end(struct tt_join *j, struct tt_wait *w, uint64_t now_ns)
{
	if (!w->flow->talks[!w->end])
		w->flow->alone = true;
	tt_join_count(j, w, NULL, now_ns);
	tt_wait_free(j, w);
}

static const char *tt_flow_transport(const struct tt_flow *f)
{
	return f->key.transport == TT_TRANSPORT_TCP ? "tcp" : f->key.transport == TT_TRANSPORT_UDP ? "udp" : "unix";
}

static void tt_flow_settle(struct tt_join *j, struct tt_flow *f, uint64_t now_ns)
{
	tt_node_remove(&f->dirty);
	struct tt_edge *edge = tt_flow_edge(j, f, f->protocol ? f->protocol : tt_flow_transport(f), f->protocol ? f->type : "");
	if (edge)
		tt_edge_traffic(edge, now_ns, &f->traffic);
	f->traffic = (struct tt_edge_traffic){0};
}

/* --- flows
 * ---------------------------------------------------------------------------------------------------------------------- */

static void tt_flow_forget(struct tt_join *j, struct tt_flow *f, uint64_t now_ns)
{
	for (int end = 0; end < 2; end++) {
		while (!tt_ring_empty(&f->waiting[end]))
			tt_wait_end(j, TT_ITEM(tt_ring_first(&f->waiting[end]), struct tt_wait, mine), now_ns);
	}
	if (tt_node_listed(&f->dirty))
		tt_flow_settle(j, f, now_ns);
	tt_table_remove(&j->flows, f->hash, f);
	tt_node_remove(&f->recent);
	tt_node_remove(&f->closing);
	tt_graph_release(f->service[0]);
	tt_graph_release(f->service[1]);
	for (size_t i = 0; i < TT_FLOWS_RECALLED; i++) {
		if (j->recalled[i].flow == f)
			j->recalled[i].flow = NULL;
	}
	free(f);
}

static bool tt_flow_same(const void *item, const void *key)
{
	return memcmp(&((const struct tt_flow *)item)->key, key, sizeof(struct tt_flow_key)) == 0;
}

static struct tt_flow *tt_flow_add(struct tt_join *j, const struct tt_flow_key *key, uint64_t hash, uint64_t now_ns)
{
	if (j->flows.count >= j->flows_limit) {
		j->stats.flows_dropped++;
		tt_flow_forget(j, TT_ITEM(tt_ring_first(&j->recent), struct tt_flow, recent), now_ns);
	}
	struct tt_flow *f = calloc(1, sizeof(*f));
	if (!f || tt_table_add(&j->flows, hash, f) < 0) {
		free(f);
		return NULL;
	}
	f->key = *key;
	f->hash = hash;
	f->reporter = -1;
	tt_ring_init(&f->waiting[0]);
	tt_ring_init(&f->waiting[1]);
	return f;
}

static void tt_flow_serves(struct tt_flow *f, enum tt_flow_end end, struct tt_graph_node *service)
{
	tt_graph_hold(service);
	tt_graph_release(f->service[end]);
	f->service[end] = service;
	f->edge = NULL;
}

/* The same connection, seen at the same end: sockets and their numbers may come again, with other addresses. */
static bool tt_flow_recalled(const struct tt_recalled_flow *r, const struct tt_endpoints *ends, enum tt_flow_end end)
{
	return r->flow && r->conn.sock == ends->conn.sock && r->conn.ino == ends->conn.ino && r->end == end &&
	       r->netns == ends->netns && r->transport == ends->transport &&
	       memcmp(&r->local, &ends->local, sizeof(r->local)) == 0 && memcmp(&r->peer, &ends->peer, sizeof(r->peer)) == 0;
}

/* The flow of these ends, looked up or made; NULL without memory. */
static struct tt_flow *tt_flow_find(struct tt_join *j, const struct tt_endpoints *ends, enum tt_flow_end end, uint64_t now_ns)
{
	struct tt_recalled_flow *r = &j->recalled[(ends->conn.sock >> 6 ^ ends->conn.ino) % TT_FLOWS_RECALLED];
	if (tt_flow_recalled(r, ends, end))
		return r->flow;

	struct tt_sockaddr address[2];
	struct tt_flow_key key = tt_flow_key(ends, end, address);
	uint64_t hash = tt_table_hash(&j->flows, &key, sizeof(key));
	struct tt_flow *f = tt_table_find(&j->flows, hash, tt_flow_same, &key);
	if (!f) {
		f = tt_flow_add(j, &key, hash, now_ns);
		if (!f)
			return NULL;
		memcpy(f->address, address, sizeof(address));
	}
	/* Each end names a Unix socket's path only if it is its own or its peer's: keep what tells more. */
	if (!f->seen[end] && (address[end].addr[0] || address[end].addr[1]))
		f->address[end] = address[end];
	f->seen[end] = true;
	*r = (struct tt_recalled_flow){.flow = f,
				       .conn = ends->conn,
				       .local = ends->local,
				       .peer = ends->peer,
				       .netns = ends->netns,
				       .transport = ends->transport,
				       .end = end};
	return f;
}

/* The flow as this end sees it; NULL without memory. */
static struct tt_flow *tt_flow_of(struct tt_join *j, const struct tt_event *e, const struct tt_endpoints *ends,
				  const struct tt_actor *actor, uint64_t now_ns)
{
	enum tt_flow_end end = tt_is_client(ends) ? TT_END_CLIENT : TT_END_SERVER;
	struct tt_flow *f = tt_flow_find(j, ends, end, now_ns);

	if (!f)
		return NULL;
	f->last_ns = now_ns;
	tt_ring_move_last(&j->recent, &f->recent);

	/* Where no process is known there is no service, only an address; who was forgotten meanwhile is who it was. */
	bool named = e->self && actor->tgid && (e->self->comm[0] || !f->service[end]);
	struct tt_graph_node *service = named ? tt_graph_service(j->graph, e->self) : f->service[end];
	if (f->service[end] != service)
		tt_flow_serves(f, end, service);
	if (!f->service[!end] && e->remote)
		tt_flow_serves(f, !end, tt_graph_service(j->graph, e->remote));
	return f;
}

static void tt_flow_name(struct tt_flow *f, const char *protocol, const char *type)
{
	if (f->protocol != protocol) {
		f->protocol = protocol;
		f->type = type;
		f->edge = NULL;
	}
}

/* --- exchanges
 * ------------------------------------------------------------------------------------------------------------------ */

/*
 * The server's end lies within the client's: what one sends the other receives later. Not to the nanosecond, because a call that
 * was not stamped at its entry is dated to its exit. An unknown moment says nothing.
 */
static bool tt_wait_nested(const struct tt_wait *client, const struct tt_wait *server)
{
	if (client->first_ns && server->first_ns && server->first_ns + TT_JOIN_SLACK_NS < client->first_ns)
		return false;
	if (client->last_ns && server->first_ns && client->last_ns + TT_JOIN_SLACK_NS < server->first_ns)
		return false;
	return true;
}

static bool tt_wait_twins(const struct tt_wait *a, const struct tt_wait *b)
{
	if (a->operation != b->operation || a->protocol != b->protocol)
		return false;
	return a->end == TT_END_CLIENT ? tt_wait_nested(a, b) : tt_wait_nested(b, a);
}

/* On a connection that answers in order: what was over before `w` began is not its twin, nor that of anything to come. */
static bool tt_wait_stale(const struct tt_wait *other, const struct tt_wait *w)
{
	return other->in_order && other->last_ns && w->first_ns && other->last_ns + TT_JOIN_SLACK_NS < w->first_ns;
}

/* What the other end told is looked through, oldest first; what can find no twin any more is counted on the way. */
static struct tt_wait *tt_wait_find(struct tt_join *j, const struct tt_wait *w, uint64_t now_ns)
{
	struct tt_link_node *head = &w->flow->waiting[!w->end].head;
	struct tt_link_node *n = head->next;

	for (int looked = 0; n != head && looked < TT_JOIN_LOOKED; looked++) {
		struct tt_wait *other = TT_ITEM(n, struct tt_wait, mine);
		n = n->next;
		if (tt_wait_twins(other, w))
			return other;
		if (tt_wait_stale(other, w))
			tt_wait_end(j, other, now_ns);
	}
	return NULL;
}

/*
 * A server may be done long before a slow reader has it all, and one end may give up long before the other does. But what the
 * client has read whole, the server has told already.
 */
static bool tt_wait_is_long(const struct tt_wait *w)
{
	return w->flow->seen[!w->end] && (w->end == TT_END_SERVER || !w->last_ns);
}

static void tt_wait_keep(struct tt_join *j, const struct tt_wait *w, uint64_t now_ns)
{
	if (j->stats.waiting >= j->waits_limit) {
		struct tt_link_node *oldest = tt_ring_first(tt_ring_empty(&j->long_waits) ? &j->waits : &j->long_waits);
		j->stats.waiting_dropped++;
		tt_wait_end(j, TT_ITEM(oldest, struct tt_wait, all), now_ns);
	}
	struct tt_wait *kept = malloc(sizeof(*kept));
	if (!kept) {
		tt_join_count(j, w, NULL, now_ns);
		return;
	}
	*kept = *w;
	tt_ring_append(tt_wait_is_long(w) ? &j->long_waits : &j->waits, &kept->all);
	tt_ring_append(&w->flow->waiting[w->end], &kept->mine);
	j->stats.waiting++;
}

void tt_join_exchange(struct tt_join *j, const struct tt_event *e, const struct tt_exchange *x, uint64_t now_ns)
{
	struct tt_flow *f = tt_flow_of(j, e, x->ends, &x->actor, now_ns);
	if (!f)
		return;

	const struct tt_kind *kind = tt_event_kind(e, x);
	struct tt_span operation = tt_exchange_text(x, TT_TEXT_OPERATION);
	struct tt_wait w = {
		.flow = f,
		.end = tt_is_client(x->ends) ? TT_END_CLIENT : TT_END_SERVER,
		.operation = tt_table_hash(&j->flows, operation.data, operation.len),
		.first_ns = x->request_first_ns,
		.last_ns = x->response ? x->response_last_ns : 0,
		.since_ns = now_ns,
		.in_order = x->proto->pairing == TT_PAIR_IN_ORDER,
		.result = tt_exchange_result(x),
		.counted = tt_measure_result(x),
		.protocol = x->proto->name,
		.type = tt_kind_connection_type(kind),
	};
	w.timed = tt_measure_counted(x, &w.duration_ns);
	tt_flow_name(f, w.protocol, w.type);
	if (!f->talks[w.end]) {
		f->talks[w.end] = true;
		f->alone = false;
	}

	struct tt_wait *twin = tt_wait_find(j, &w, now_ns);
	if (twin) {
		tt_join_count(j, &w, twin, now_ns);
		tt_wait_free(j, twin);
	} else if (f->alone) {
		tt_join_count(j, &w, NULL, now_ns);
	} else {
		tt_wait_keep(j, &w, now_ns);
	}
}

/* --- connections
 * ---------------------------------------------------------------------------------------------------------------- */

static void tt_flow_traffic(struct tt_flow *f, enum tt_flow_end end, const struct tt_conn_report *r)
{
	f->traffic.connects += r->opened && !r->connect_failed;
	f->traffic.connects_failed += r->connect_failed;
	f->traffic.request_bytes += end == TT_END_CLIENT ? r->tx_bytes : r->rx_bytes;
	f->traffic.response_bytes += end == TT_END_CLIENT ? r->rx_bytes : r->tx_bytes;
}

/* It is over once every end that was seen has closed. */
static void tt_flow_close(struct tt_join *j, struct tt_flow *f, enum tt_flow_end end, uint64_t now_ns)
{
	f->closed[end] = true;
	if ((f->seen[!end] && !f->closed[!end]) || tt_node_listed(&f->closing))
		return;
	f->close_ns = now_ns;
	tt_ring_append(&j->closing, &f->closing);
}

void tt_join_connection(struct tt_join *j, const struct tt_event *e, const struct tt_conn_report *r, uint64_t now_ns)
{
	enum tt_flow_end end = tt_is_client(r->ends) ? TT_END_CLIENT : TT_END_SERVER;
	struct tt_flow *f = tt_flow_of(j, e, r->ends, &r->actor, now_ns);
	if (f && r->opened && f->closed[end]) { /* the same addresses again: another connection */
		tt_flow_forget(j, f, now_ns);
		f = tt_flow_of(j, e, r->ends, &r->actor, now_ns);
	}
	if (!f)
		return;

	if (r->proto && !f->protocol)
		tt_flow_name(f, r->proto->name, tt_kind_connection_type(tt_kind_of_protocol(r->proto->name)));
	if (r->closed)
		tt_flow_close(j, f, end, now_ns);

	/* Two ends tell of the same bytes: the first that does so is believed. */
	if (f->reporter < 0)
		f->reporter = (int8_t)end;
	if (f->reporter != (int8_t)end)
		return;
	tt_flow_traffic(f, end, r);

	/* An open connection on which nothing was said yet is no edge: what it will speak is not known. An end adds nothing. */
	bool worth = r->tx_bytes || r->rx_bytes || r->connect_failed || (r->closed && f->traffic.connects);
	if (worth && !tt_node_listed(&f->dirty)) {
		f->dirty_ns = now_ns;
		tt_ring_append(&j->dirty, &f->dirty);
	}
}

/* --- time
 * ----------------------------------------------------------------------------------------------------------------------- */

static bool tt_join_due(uint64_t since_ns, uint64_t wait_ns, uint64_t now_ns)
{
	return now_ns >= since_ns && now_ns - since_ns >= wait_ns;
}

/* Those whose other end has shown meanwhile go on waiting. */
static void tt_join_expire(struct tt_join *j, uint64_t now_ns)
{
	struct tt_link_node *n;

	while ((n = tt_ring_first(&j->waits)) &&
	       tt_join_due(TT_ITEM(n, struct tt_wait, all)->since_ns, TT_JOIN_WAIT_NS, now_ns)) {
		struct tt_wait *w = TT_ITEM(n, struct tt_wait, all);
		if (tt_wait_is_long(w))
			tt_ring_move_last(&j->long_waits, n);
		else
			tt_wait_end(j, w, now_ns);
	}
	while ((n = tt_ring_first(&j->long_waits)) &&
	       tt_join_due(TT_ITEM(n, struct tt_wait, all)->since_ns, j->long_wait_ns, now_ns))
		tt_wait_end(j, TT_ITEM(n, struct tt_wait, all), now_ns);
	while ((n = tt_ring_first(&j->dirty)) &&
	       tt_join_due(TT_ITEM(n, struct tt_flow, dirty)->dirty_ns, TT_JOIN_WAIT_NS, now_ns))
		tt_flow_settle(j, TT_ITEM(n, struct tt_flow, dirty), now_ns);
}

void tt_join_advance(struct tt_join *j, uint64_t now_ns)
{
	struct tt_link_node *n;

	tt_join_expire(j, now_ns);
	while ((n = tt_ring_first(&j->closing)) &&
	       tt_join_due(TT_ITEM(n, struct tt_flow, closing)->close_ns, TT_JOIN_WAIT_NS, now_ns))
		tt_flow_forget(j, TT_ITEM(n, struct tt_flow, closing), now_ns);
	while ((n = tt_ring_first(&j->recent)) && tt_join_due(TT_ITEM(n, struct tt_flow, recent)->last_ns, j->idle_ns, now_ns))
		tt_flow_forget(j, TT_ITEM(n, struct tt_flow, recent), now_ns);
}

void tt_join_finish(struct tt_join *j, uint64_t now_ns)
{
	struct tt_link_node *n;

	while ((n = tt_ring_first(&j->long_waits)) || (n = tt_ring_first(&j->waits)))
		tt_wait_end(j, TT_ITEM(n, struct tt_wait, all), now_ns);
	while ((n = tt_ring_first(&j->dirty)))
		tt_flow_settle(j, TT_ITEM(n, struct tt_flow, dirty), now_ns);
}

void tt_join_stats(const struct tt_join *j, struct tt_join_stats *ret)
{
	*ret = j->stats;
	ret->flows = j->flows.count;
}

struct tt_join *tt_join_free(struct tt_join *j)
{
	if (!j)
		return NULL;
	struct tt_link_node *n;
	while ((n = tt_ring_first(&j->waits)) || (n = tt_ring_first(&j->long_waits)))
		tt_wait_free(j, TT_ITEM(n, struct tt_wait, all));
	while ((n = tt_ring_first(&j->recent))) {
		tt_node_remove(n);
		free(TT_ITEM(n, struct tt_flow, recent));
	}
	tt_table_free(&j->flows);
	free(j);
	return NULL;
}
