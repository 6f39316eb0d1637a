// SPDX-License-Identifier: Apache-2.0
#include "sink/map.h"

#include <stdio.h>

#include "harness/event.h"
#include "harness/unit.h"
#include "sink/prometheus.h"

#define S UINT64_C(1000000000)

struct stage {
	struct tt_series_set *set;
	struct tt_sink *map;
	struct tt_buf text;
};

static void stage_limited(struct stage *s, int limit, uint64_t value)
{
	struct tt_limits limits;
	tt_limits_init(&limits);
	if (limit >= 0)
		limits.value[limit] = value;
	*s = (struct stage){.text = TT_BUF(1u << 20)};
	assert_int_equal(tt_series_set_new(&s->set, &limits), 0);
	assert_int_equal(tt_map_new(&s->map, &limits, s->set), 0);
}

static void stage_init(struct stage *s)
{
	stage_limited(s, -1, 0);
}

static void stage_free(struct stage *s)
{
	s->map = tt_sink_free(s->map);
	s->set = tt_series_set_free(s->set);
	tt_buf_free(&s->text);
}

static const char *document(struct stage *s)
{
	struct tt_json j = tt_json(&s->text);
	tt_buf_clear(&s->text);
	tt_map_json(&j, s->map, 0);
	tt_buf_add_char(&s->text, 0);
	return (char *)s->text.data;
}

static const char *metrics(struct stage *s)
{
	tt_buf_clear(&s->text);
	tt_prometheus_write(&s->text, s->set);
	tt_buf_add_char(&s->text, 0);
	return (char *)s->text.data;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in\n%s", part, text ? text : "");
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("%s in\n%s", part, text ? text : "");
}

/* All exchanges counted on all edges. */
static uint64_t requests(const struct stage *s)
{
	uint64_t n = 0;
	int family = tt_series_family_find(s->set, "traces_service_graph_request_total");
	for (const struct tt_series *i = tt_series_next(s->set, family, NULL); i; i = tt_series_next(s->set, family, i))
		n += i->value;
	return n;
}

static void give(struct stage *s, struct tt_made *m)
{
	s->map->ops->exchange(s->map, &m->e, &m->x);
}

static void report(struct stage *s, struct tt_made *m, struct tt_conn_report r)
{
	r.ends = &m->ends;
	r.actor = m->x.actor;
	s->map->ops->connection(s->map, &m->e, &r);
}

static void advance(struct stage *s, uint64_t now_ns)
{
	s->map->ops->advance(s->map, now_ns);
}

/* The two ends of one exchange: what the client "web" sees lies around what the server "shop" sees. */
static void pair_init(struct tt_made *client, struct tt_made *server, const char *path, int status)
{
	tt_made_http(client, TT_ROLE_CLIENT, path, status);
	tt_made_http(server, TT_ROLE_SERVER, path, status);
	snprintf(client->self.service, sizeof(client->self.service), "web");
	client->x.request_first_ns -= TT_MADE_MS;
	client->x.response_last_ns += TT_MADE_MS;
}

static void pair_free(struct tt_made *client, struct tt_made *server)
{
	tt_made_free(client);
	tt_made_free(server);
}

/* Lost, or answered by what was not seen whole: neither failed nor not; what the other end saw decides. */
static void knows_not_how_it_ended(void **state)
{
	for (int lost = 0; lost < 2; lost++) {
		struct stage s;
		struct tt_made client;
		struct tt_made server;
		stage_init(&s);
		pair_init(&client, &server, "/", 200);
		server.response.text[TT_TEXT_STATUS].set = false;
		server.response.incomplete = true;
		if (lost)
			tt_made_unanswered(&server, TT_OUTCOME_LOST);
		give(&s, &server);
		advance(&s, 100 * S);
		has(metrics(&s), "traces_service_graph_request_failed_total{client=\"10.0.0.1\",server=\"shop\",connection_type="
				 "\"virtual_node\"} 0\n");
		has(metrics(&s), "traces_service_graph_request_unknown_total{client=\"10.0.0.1\",server=\"shop\",connection_type="
				 "\"virtual_node\"} 1\n");
		has(document(&s), "\"count\":1,\"failed\":0,\"unknown\":1,");
		pair_free(&client, &server);
		stage_free(&s);
	}
}

static void takes_the_end_that_knows(void **state)
{
	for (int order = 0; order < 2; order++) {
		struct stage s;
		struct tt_made client;
		struct tt_made server;
		stage_init(&s);
		pair_init(&client, &server, "/", 500);
		server.response.text[TT_TEXT_STATUS].set = false;
		server.response.failed = false;
		server.response.incomplete = true;
		give(&s, order ? &client : &server);
		give(&s, order ? &server : &client);
		has(metrics(&s), "traces_service_graph_request_failed_total{client=\"web\",server=\"shop\"} 1\n");
		has(document(&s), "\"count\":1,\"failed\":1,\"unknown\":0,");
		pair_free(&client, &server);
		stage_free(&s);
	}
}

static void counts_two_ends_once(void **state)
{
	for (int order = 0; order < 2; order++) {
		struct stage s;
		struct tt_made client;
		struct tt_made server;
		stage_init(&s);
		pair_init(&client, &server, "/", 404);
		client.ends.netns = 7; /* containers: each end in its own */
		give(&s, order ? &client : &server);
		assert_int_equal(requests(&s), 0);
		give(&s, order ? &server : &client);

		const char *text = metrics(&s);
		has(text, "traces_service_graph_request_total{client=\"web\",server=\"shop\"} 1\n");
		has(text, "traces_service_graph_request_failed_total{client=\"web\",server=\"shop\"} 1\n");
		/* The figures count what the server is to blame for only. */
		has(document(&s), "\"protocol\":\"http\",\"count\":1,\"failed\":0,\"unknown\":0,");
		text = metrics(&s);
		has(text, "traces_service_graph_request_client_seconds_sum{client=\"web\",server=\"shop\"} 0.007\n");
		has(text, "traces_service_graph_request_server_seconds_sum{client=\"web\",server=\"shop\"} 0.005\n");
		advance(&s, 100 * S);
		assert_int_equal(requests(&s), 1);
		pair_free(&client, &server);
		stage_free(&s);
	}
}

/* As long as they are. */
#define CONTAINER "c0ffee0123456789abcdef0123456789abcdef0123456789abcdef0123456789"

static void names_ends_beyond_the_host(void **state)
{
	struct stage s;
	struct tt_made m;
	stage_init(&s);
	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	give(&s, &m);
	advance(&s, 2 * S);
	assert_int_equal(requests(&s), 0);
	advance(&s, 4 * S);
	has(metrics(&s),
	    "traces_service_graph_request_total{client=\"10.0.0.1\",server=\"shop\",connection_type=\"virtual_node\"} 1\n");

	/* The other end did not tell: the connection's next exchanges need not wait. */
	give(&s, &m);
	assert_int_equal(requests(&s), 2);
	tt_made_free(&m);

	tt_made_init(&m, "mysql", TT_ROLE_CLIENT);
	tt_made_texts(&m, "SELECT", "SELECT 1", "OK");
	m.ends.peer.port = 3306;
	snprintf(m.self.container_id, sizeof(m.self.container_id), CONTAINER);
	give(&s, &m);
	advance(&s, 8 * S);
	has(metrics(&s),
	    "traces_service_graph_request_total{client=\"shop\",server=\"10.0.0.2:3306\",connection_type=\"database\"} 1\n");
	const char *text = document(&s);
	has(text, "{\"id\":\"address:10.0.0.1\",\"name\":\"10.0.0.1\",\"type\":\"address\",\"container_id\":null,\"served\":{"
		  "\"count\":0,");
	has(text, "{\"id\":\"service:shop\",\"name\":\"shop\",\"type\":\"service\",\"container_id\":\"" CONTAINER
		  "\",\"served\":{\"count\":2,");
	has(text, "{\"client\":\"service:shop\",\"server\":\"address:10.0.0.2:3306\",\"protocol\":\"mysql\",\"count\":1,"
		  "\"failed\":0,\"unknown\":0,");
	tt_made_free(&m);
	stage_free(&s);
}

static void tells_loopbacks_apart(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	memcpy(client.ends.peer.addr, "\x7f\0\0\1", 4);
	memcpy(client.ends.local.addr, "\x7f\0\0\1", 4);
	memcpy(server.ends.peer.addr, "\x7f\0\0\1", 4);
	memcpy(server.ends.local.addr, "\x7f\0\0\1", 4);
	client.ends.netns = 7;
	give(&s, &client);
	give(&s, &server);
	advance(&s, 10 * S);
	assert_int_equal(requests(&s), 2);

	client.ends.netns = server.ends.netns;
	client.ends.local.port = server.ends.peer.port = 50000;
	give(&s, &client);
	give(&s, &server);
	assert_int_equal(requests(&s), 3);
	pair_free(&client, &server);
	stage_free(&s);
}

static void joins_unix_sockets_and_unbound_udp(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	client.ends.transport = server.ends.transport = TT_TRANSPORT_UNIX;
	client.ends.local = (struct tt_sockaddr){.family = TT_FAMILY_UNIX, .scope = 11};
	client.ends.peer = (struct tt_sockaddr){.family = TT_FAMILY_UNIX, .scope = 12, .addr = "/run/x"};
	server.ends.local = client.ends.peer;
	server.ends.peer = client.ends.local;
	give(&s, &client);
	give(&s, &server);
	has(metrics(&s), "traces_service_graph_request_total{client=\"web\",server=\"shop\"} 1\n");

	/* The peer is not known: each end is a flow of its own, and named by its path. */
	client.ends.peer.scope = 0;
	give(&s, &client);
	advance(&s, 10 * S);
	has(metrics(&s),
	    "traces_service_graph_request_total{client=\"web\",server=\"unix:/run/x\",connection_type=\"virtual_node\"} 1\n");

	client.ends.transport = server.ends.transport = TT_TRANSPORT_UDP;
	client.ends.local = (struct tt_sockaddr){.family = TT_FAMILY_INET, .port = 40000};
	client.ends.peer = (struct tt_sockaddr){.family = TT_FAMILY_INET, .port = 53, .addr = {127, 0, 0, 1}};
	server.ends.local = (struct tt_sockaddr){.family = TT_FAMILY_INET, .port = 53};
	server.ends.peer = (struct tt_sockaddr){.family = TT_FAMILY_INET, .port = 40000, .addr = {127, 0, 0, 1}};
	give(&s, &client);
	give(&s, &server);
	has(metrics(&s), "traces_service_graph_request_total{client=\"web\",server=\"shop\"} 2\n");
	pair_free(&client, &server);
	stage_free(&s);
}

static void joins_pipelines_and_keep_alive(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	struct tt_join_stats stats;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 16; i++)
			give(&s, &server);
		for (int i = 0; i < 16; i++)
			give(&s, &client);
		tt_made_shift(&client, 20 * TT_MADE_MS);
		tt_made_shift(&server, 20 * TT_MADE_MS);
	}
	assert_int_equal(requests(&s), 1600);
	tt_map_stats(s.map, &stats);
	assert_int_equal(stats.joined, 1600);
	assert_int_equal(stats.waiting, 0);
	pair_free(&client, &server);
	stage_free(&s);
}

/* Of ten exchanges one end lost the fourth: ten are counted, and none is joined with another one's half. */
static void bears_losses(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	struct tt_join_stats stats;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	for (int i = 0; i < 10; i++) {
		if (i != 3)
			give(&s, &server);
		give(&s, &client);
		tt_made_shift(&client, 20 * TT_MADE_MS);
		tt_made_shift(&server, 20 * TT_MADE_MS);
	}
	tt_map_stats(s.map, &stats);
	assert_int_equal(stats.joined, 9);
	assert_int_equal(stats.single, 1);
	assert_int_equal(stats.waiting, 0); /* the fifth told that the fourth's other half will not come */
	has(metrics(&s), "traces_service_graph_request_total{client=\"web\",server=\"shop\"} 10\n");
	has(metrics(&s), "traces_service_graph_request_server_seconds_count{client=\"web\",server=\"shop\"} 9\n");
	has(metrics(&s), "traces_service_graph_request_client_seconds_count{client=\"web\",server=\"shop\"} 10\n");
	pair_free(&client, &server);
	stage_free(&s);
}

/* Heavy loss at one end leaves nothing to be looked through for ever. */
static void is_not_slowed_by_losses(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	struct tt_join_stats stats;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	report(&s, &client, (struct tt_conn_report){.opened = true, .time_ns = S});
	for (int i = 0; i < 1000; i++) {
		give(&s, &server);
		if (i % 2)
			give(&s, &client);
		tt_made_shift(&client, 20 * TT_MADE_MS);
		tt_made_shift(&server, 20 * TT_MADE_MS);
		tt_map_stats(s.map, &stats);
		assert_in_range(stats.waiting, 0, 1);
	}
	assert_int_equal(requests(&s), 1000);
	assert_int_equal(stats.joined, 500);
	pair_free(&client, &server);
	stage_free(&s);
}

/* Multiplexed: what is done quickly says nothing of what is still being read. */
static void bears_slow_readers_beside_quick_ones(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	struct tt_join_stats stats;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	client.proto.pairing = server.proto.pairing = TT_PAIR_BY_ID;
	report(&s, &client, (struct tt_conn_report){.opened = true, .time_ns = S});
	give(&s, &server); /* its reader is done at 25 s only */
	for (int i = 0; i < 10; i++) {
		tt_made_shift(&client, 2000 * TT_MADE_MS);
		tt_made_shift(&server, 2000 * TT_MADE_MS);
		give(&s, &server);
		give(&s, &client);
		advance(&s, client.x.response_last_ns);
	}
	client.x.request_first_ns = S - TT_MADE_MS;
	client.x.response_last_ns = 25 * S;
	give(&s, &client);
	tt_map_stats(s.map, &stats);
	assert_int_equal(stats.joined, 11);
	assert_int_equal(stats.waiting, 0);
	pair_free(&client, &server);
	stage_free(&s);
}

/* The server has written all, the client reads it half a minute long. */
static void waits_for_a_slow_reader(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	report(&s, &client, (struct tt_conn_report){.opened = true, .time_ns = S});
	give(&s, &server);
	for (uint64_t t = 1; t < 31; t++)
		advance(&s, t * S);
	client.x.response_last_ns = 31 * S;
	give(&s, &client);
	advance(&s, 200 * S);
	assert_int_equal(requests(&s), 1);
	pair_free(&client, &server);
	stage_free(&s);
}

static void joins_what_was_not_answered(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	tt_made_unanswered(&client, TT_OUTCOME_CLOSED_BY_SERVER);
	tt_made_unanswered(&server, TT_OUTCOME_CLOSED_BY_SERVER);
	give(&s, &server);
	give(&s, &client);
	has(metrics(&s), "traces_service_graph_request_failed_total{client=\"web\",server=\"shop\"} 1\n");
	has(metrics(&s), "traces_service_graph_request_server_seconds_count{client=\"web\",server=\"shop\"} 1\n");
	pair_free(&client, &server);
	stage_free(&s);
}

static void draws_connections_of_unknown_protocols(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	report(&s, &client, (struct tt_conn_report){.opened = true, .time_ns = S});
	report(&s, &server, (struct tt_conn_report){.opened = true, .time_ns = S});
	advance(&s, 10 * S);
	has(document(&s), "\"edges\":[]"); /* nothing was said yet */

	report(&s, &client, (struct tt_conn_report){.tx_bytes = 100, .rx_bytes = 900, .time_ns = 10 * S});
	report(&s, &server, (struct tt_conn_report){.tx_bytes = 900, .rx_bytes = 100, .time_ns = 10 * S});
	report(&s, &client, (struct tt_conn_report){.tx_bytes = 1, .closed = true, .time_ns = 11 * S});
	report(&s, &server, (struct tt_conn_report){.rx_bytes = 1, .closed = true, .time_ns = 11 * S});
	advance(&s, 14 * S);
	const char *text = document(&s);
	has(text, "\"client\":\"service:web\",\"server\":\"service:shop\",\"protocol\":\"tcp\",\"count\":0,");
	has(text, "\"connects\":1,\"connects_failed\":0,\"request_bytes\":101,\"response_bytes\":900,");

	struct tt_join_stats stats;
	tt_map_stats(s.map, &stats);
	assert_int_equal(stats.flows, 0);
	pair_free(&client, &server);
	stage_free(&s);
}

static void draws_failed_connects_and_known_protocols(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	report(&s, &client, (struct tt_conn_report){.connect_failed = true, .error = 111, .closed = true, .time_ns = S});
	advance(&s, 4 * S);
	has(document(&s), "\"server\":\"address:10.0.0.2:8080\",\"protocol\":\"tcp\",\"count\":0,");
	has(document(&s), "\"connects\":0,\"connects_failed\":1,");
	has(document(&s), "\"connects_failed_rate\":0.333,");
	has(document(&s), "\"total\":{\"count\":0,\"failed\":0,\"unknown\":0,\"connects\":0,\"connects_failed\":1}");

	/* Bytes and exchanges of one protocol are one edge. */
	client.ends.local.port = server.ends.peer.port = 50000;
	report(&s, &client, (struct tt_conn_report){.opened = true, .tx_bytes = 5, .proto = &client.proto, .time_ns = 5 * S});
	give(&s, &client);
	give(&s, &server);
	advance(&s, 10 * S);
	has(document(&s), "\"protocol\":\"http\",\"count\":1,");
	has(document(&s), "\"connects\":1,\"connects_failed\":0,\"request_bytes\":5,");
	assert_int_equal(requests(&s), 1);
	pair_free(&client, &server);
	stage_free(&s);
}

/* Datagrams have no end but that nobody used the socket for long: by then the name of a short-lived program is forgotten. */
static void an_end_told_late_draws_nothing(void **state)
{
	for (int flow_is_there = 0; flow_is_there < 2; flow_is_there++) {
		struct stage s;
		struct tt_made client;
		stage_init(&s);
		tt_made_init(&client, "dns", TT_ROLE_CLIENT);
		client.ends.transport = TT_TRANSPORT_UDP;
		if (flow_is_there)
			report(&s, &client,
			       (struct tt_conn_report){.tx_bytes = 24, .rx_bytes = 40, .proto = &client.proto, .time_ns = S});
		advance(&s, 10 * S);
		client.self = (struct tt_identity){.tgid = client.self.tgid, .service = "unknown"};
		report(&s, &client, (struct tt_conn_report){.closed = true, .proto = &client.proto, .time_ns = 2 * S});
		advance(&s, 40 * S);
		const char *text = document(&s);
		has_not(text, "service:unknown");
		if (flow_is_there) {
			has(text, "\"client\":\"service:shop\",\"server\":\"address:10.0.0.2:8080\",\"protocol\":\"dns\"");
			has(text, "\"request_bytes\":24,\"response_bytes\":40,");
		} else {
			has(text, "\"edges\":[]");
		}
		tt_made_free(&client);
		stage_free(&s);
	}
}

/* What is told after the name was forgotten is still of who it was. */
static void forgotten_names_stay_with_their_connection(void **state)
{
	struct stage s;
	struct tt_made client;
	stage_init(&s);
	tt_made_init(&client, "dns", TT_ROLE_CLIENT);
	report(&s, &client, (struct tt_conn_report){.tx_bytes = 24, .proto = &client.proto, .time_ns = S});
	client.self = (struct tt_identity){.tgid = client.self.tgid, .service = "unknown"};
	report(&s, &client, (struct tt_conn_report){.rx_bytes = 40, .closed = true, .proto = &client.proto, .time_ns = 2 * S});
	advance(&s, 40 * S);
	has(document(&s), "\"client\":\"service:shop\"");
	has(document(&s), "\"request_bytes\":24,\"response_bytes\":40,");
	has_not(document(&s), "service:unknown");
	tt_made_free(&client);
	stage_free(&s);
}

/* Edges, their series, and nodes nothing leads to; a connection that outlives its edge gets a new one. */
static void forgets_what_is_idle(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	struct tt_join_stats stats;
	stage_limited(&s, TT_LIMIT_IDLE_EXPIRY, 100);
	pair_init(&client, &server, "/", 200);
	give(&s, &client);
	give(&s, &server);
	advance(&s, 10 * S);
	assert_int_equal(requests(&s), 1);
	uint64_t series = tt_series_count(s.set);
	report(&s, &client, (struct tt_conn_report){.rtt_us = 5, .time_ns = 80 * S}); /* the flow is in use, the edge is not */
	advance(&s, 130 * S);
	has_not(document(&s), "\"client\":\"service:web\"");
	has_not(document(&s), "\"id\":");
	tt_map_stats(s.map, &stats);
	assert_int_equal(stats.edges_expired, 1);
	assert_int_equal(stats.flows, 1);
	tt_series_expire(s.set, 1000 * S);
	tt_series_expire(s.set, 2000 * S);
	assert_int_equal(tt_series_count(s.set), series - 5);

	report(&s, &client, (struct tt_conn_report){.tx_bytes = 5, .proto = &client.proto, .time_ns = 140 * S});
	advance(&s, 150 * S);
	has(document(&s), "\"client\":\"service:web\",\"server\":\"service:shop\"");
	/* Without the flow the services go too. */
	advance(&s, 1000 * S);
	advance(&s, 1200 * S);
	has_not(document(&s), "\"id\":");
	tt_map_stats(s.map, &stats);
	assert_int_equal(stats.edges_expired, 2);
	assert_int_equal(stats.flows, 0);
	pair_free(&client, &server);
	stage_free(&s);
}

/* The same addresses for connection after connection. */
static void bears_ports_used_again(void **state)
{
	struct stage s;
	struct tt_made client;
	struct tt_made server;
	stage_init(&s);
	pair_init(&client, &server, "/", 200);
	for (uint64_t t = 1; t <= 50; t++) {
		report(&s, &client, (struct tt_conn_report){.opened = true, .time_ns = t * S});
		report(&s, &server, (struct tt_conn_report){.opened = true, .time_ns = t * S});
		give(&s, &server);
		give(&s, &client);
		report(&s, &client,
		       (struct tt_conn_report){.tx_bytes = 10, .proto = &client.proto, .closed = true, .time_ns = t * S});
		report(&s, &server,
		       (struct tt_conn_report){.rx_bytes = 10, .proto = &client.proto, .closed = true, .time_ns = t * S});
	}
	advance(&s, 60 * S);
	assert_int_equal(requests(&s), 50);
	has(document(&s), "\"connects\":50,\"connects_failed\":0,\"request_bytes\":500,");
	pair_free(&client, &server);
	stage_free(&s);
}

/* Whatever limit is reached, the sum of what is counted stays exact. */
static void keeps_sums_at_its_limits(void **state)
{
	static const int limits[] = {TT_LIMIT_JOIN_PENDING, TT_LIMIT_EDGES, TT_LIMIT_MAP_ADDRESSES, TT_LIMIT_CONNECTIONS,
				     TT_LIMIT_SERVICES};
	for (size_t l = 0; l < TT_ARRAY_LEN(limits); l++) {
		struct stage s;
		struct tt_made m;
		stage_limited(&s, limits[l], 3);
		tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
		for (int i = 0; i < 500; i++) {
			m.ends.peer.addr[3] = (uint8_t)i;
			m.ends.peer.port = (uint16_t)(1000 + i);
			snprintf(m.self.service, sizeof(m.self.service), "shop-%d", i % 10);
			report(&s, &m, (struct tt_conn_report){.opened = true, .rx_bytes = 1, .time_ns = S});
			give(&s, &m);
		}
		s.map->ops->flush(s.map);
		assert_int_equal(requests(&s), 500);

		uint64_t bytes = 0;
		for (const char *at = document(&s); (at = strstr(at, "\"request_bytes\":")); at++)
			bytes += strtoull(at + 16, NULL, 10);
		assert_int_equal(bytes, 500);
		if (limits[l] == TT_LIMIT_EDGES)
			has(document(&s), "\"client\":\"address:other\",\"server\":\"address:other\",\"protocol\":\"other\"");
		if (limits[l] == TT_LIMIT_JOIN_PENDING)
			has_not(document(&s), "\"waiting_dropped\":0");
		tt_made_free(&m);
		stage_free(&s);
	}
}

/* Where the observed end has no process there is no service to name. */
static void names_no_unknown_process(void **state)
{
	struct stage s;
	struct tt_made m;
	stage_init(&s);
	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	m.x.actor = (struct tt_actor){0};
	give(&s, &m);
	s.map->ops->flush(s.map);
	has(document(&s), "\"client\":\"address:10.0.0.1\",\"server\":\"address:10.0.0.2:8080\"");
	has_not(document(&s), "service:");
	tt_made_free(&m);
	stage_free(&s);
}

TT_UNIT_TESTS(cmocka_unit_test(knows_not_how_it_ended), cmocka_unit_test(takes_the_end_that_knows),
	      cmocka_unit_test(counts_two_ends_once), cmocka_unit_test(names_ends_beyond_the_host),
	      cmocka_unit_test(tells_loopbacks_apart), cmocka_unit_test(joins_unix_sockets_and_unbound_udp),
	      cmocka_unit_test(joins_pipelines_and_keep_alive), cmocka_unit_test(bears_losses),
	      cmocka_unit_test(is_not_slowed_by_losses), cmocka_unit_test(bears_slow_readers_beside_quick_ones),
	      cmocka_unit_test(waits_for_a_slow_reader), cmocka_unit_test(joins_what_was_not_answered),
	      cmocka_unit_test(draws_connections_of_unknown_protocols),
	      cmocka_unit_test(draws_failed_connects_and_known_protocols), cmocka_unit_test(bears_ports_used_again),
	      cmocka_unit_test(keeps_sums_at_its_limits), cmocka_unit_test(an_end_told_late_draws_nothing),
	      cmocka_unit_test(forgotten_names_stay_with_their_connection), cmocka_unit_test(forgets_what_is_idle),
	      cmocka_unit_test(names_no_unknown_process))
