// SPDX-License-Identifier: Apache-2.0
#include "sink/metrics.h"

#include "harness/event.h"
#include "harness/unit.h"
#include "sink/prometheus.h"

struct stage {
	struct tt_series_set *set;
	struct tt_sink *sink;
	struct tt_buf text;
};

static void stage_init(struct stage *s)
{
	struct tt_limits limits;
	tt_limits_init(&limits);
	*s = (struct stage){.text = TT_BUF(1u << 20)};
	assert_int_equal(tt_series_set_new(&s->set, &limits), 0);
	assert_int_equal(tt_metrics_new(&s->sink, s->set), 0);
}

static void stage_free(struct stage *s)
{
	s->sink = tt_sink_free(s->sink);
	s->set = tt_series_set_free(s->set);
	tt_buf_free(&s->text);
}

/* The exposition has this line. */
static void expect(struct stage *s, const char *line)
{
	tt_buf_clear(&s->text);
	assert_int_equal(tt_prometheus_write(&s->text, s->set), 0);
	tt_buf_add_char(&s->text, 0);
	const char *at = strstr((char *)s->text.data, line);
	if (!at || at[strlen(line)] != '\n' || (at > (char *)s->text.data && at[-1] != '\n'))
		fail_msg("no line %s in\n%s", line, (char *)s->text.data);
}

static void give(struct stage *s, struct tt_made *m)
{
	s->sink->ops->exchange(s->sink, &m->e, &m->x);
	tt_made_free(m);
}

static void counts_http(void **state)
{
	struct stage s;
	struct tt_made m;
	stage_init(&s);

	tt_made_http(&m, TT_ROLE_SERVER, "/cart/17", 200);
	m.e.route = TT_SPAN_LIT("/cart/{id}");
	snprintf(m.self.container_id, sizeof(m.self.container_id), "c0ffee");
	give(&s, &m);
	expect(&s, "http_server_request_duration_seconds_sum{service_name=\"shop\",service_instance_id=\"shop-1\",container_id="
		   "\"c0ffee\","
		   "http_request_method=\"GET\",http_route=\"/cart/"
		   "{id}\",http_response_status_code=\"200\",server_address=\"10.0.0.2\","
		   "server_port=\"8080\"} 0.005");

	tt_made_http(&m, TT_ROLE_CLIENT, "/", 404);
	tt_message_attr(&m.request, "server.address", TT_SPAN_LIT("shop.example"));
	tt_message_attr_int(&m.request, "server.port", 443);
	tt_message_text(&m.request, TT_TEXT_OPERATION, TT_SPAN_LIT("BREW"));
	give(&s, &m);
	expect(&s, "http_client_request_duration_seconds_count{service_name=\"shop\",service_instance_id=\"shop-1\","
		   "http_request_method=\"_OTHER\",http_response_status_code=\"404\",error_type=\"404\",server_address=\"shop."
		   "example\","
		   "server_port=\"443\"} 1");

	/* What a client puts into Host names no series of the server. */
	tt_made_http(&m, TT_ROLE_SERVER, "/", 500);
	tt_message_attr(&m.request, "server.address", TT_SPAN_LIT("evil"));
	give(&s, &m);
	expect(&s, "http_server_request_duration_seconds_count{service_name=\"shop\",service_instance_id=\"shop-1\","
		   "http_request_method=\"GET\",http_response_status_code=\"500\",error_type=\"500\",server_address=\"10.0.0.2\","
		   "server_port=\"8080\"} 1");
	stage_free(&s);
}

static void counts_what_was_not_answered(void **state)
{
	struct stage s;
	struct tt_made m;
	stage_init(&s);

	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	tt_made_unanswered(&m, TT_OUTCOME_CLOSED_BY_CLIENT);
	give(&s, &m);
	expect(&s,
	       "http_server_request_duration_seconds_count{service_name=\"shop\",service_instance_id=\"shop-1\","
	       "http_request_method=\"GET\",error_type=\"closed_by_client\",server_address=\"10.0.0.2\",server_port=\"8080\"} 1");
	expect(&s,
	       "http_server_request_duration_seconds_sum{service_name=\"shop\",service_instance_id=\"shop-1\","
	       "http_request_method=\"GET\",error_type=\"closed_by_client\",server_address=\"10.0.0.2\",server_port=\"8080\"} 0");
	expect(&s, "http_server_request_duration_seconds_bucket{service_name=\"shop\",service_instance_id=\"shop-1\","
		   "http_request_method=\"GET\",error_type=\"closed_by_client\",server_address=\"10.0.0.2\",server_port=\"8080\","
		   "le=\"68.719476736\"} 0");

	tt_made_init(&m, "mysql", TT_ROLE_CLIENT);
	tt_made_texts(&m, "QUIT", NULL, NULL);
	tt_made_unanswered(&m, TT_OUTCOME_ONE_WAY);
	give(&s, &m);
	expect(&s, "db_client_operation_duration_seconds_sum{service_name=\"shop\",service_instance_id=\"shop-1\","
		   "db_system_name=\"mysql\",db_operation_name=\"QUIT\"} 0.001");
	stage_free(&s);
}

static void counts_each_protocol_in_its_family(void **state)
{
	static const struct {
		const char *protocol;
		enum tt_role role;
		const char *attribute;
		const char *value;
		const char *line;
	} cases[] = {
		{"mysql", TT_ROLE_SERVER, "db.namespace", "shop",
		 "db_server_operation_duration_seconds_count{WHOdb_system_name=\"mysql\",db_operation_name=\"OP\",db_namespace="
		 "\"shop\",error_type=\"1064\"} 1"},
		{"mysql", TT_ROLE_CLIENT, "db.system.name", "mariadb",
		 "db_client_operation_duration_seconds_count{WHOdb_system_name=\"mariadb\",db_operation_name=\"OP\",error_type="
		 "\"1064\"} 1"},
		{"redis", TT_ROLE_UNKNOWN, NULL, NULL,
		 "db_server_operation_duration_seconds_count{WHOdb_system_name=\"redis\",db_operation_name=\"OP\",error_type="
		 "\"1064\"} 1"},
		{"dns", TT_ROLE_CLIENT, NULL, NULL,
		 "dns_lookup_duration_seconds_count{WHOdns_question_name=\"thing\",error_type=\"1064\"} 1"},
		{"dns", TT_ROLE_SERVER, NULL, NULL,
		 "dns_server_lookup_duration_seconds_count{WHOdns_question_name=\"thing\",error_type=\"1064\"} 1"},
		{"grpc", TT_ROLE_SERVER, NULL, NULL,
		 "rpc_server_call_duration_seconds_count{WHOrpc_system_name=\"grpc\",rpc_method=\"OP\",rpc_response_status_code="
		 "\"1064\",error_type=\"1064\"} 1"},
		{"grpc", TT_ROLE_CLIENT, "rpc.method", "a.B/c",
		 "rpc_client_call_duration_seconds_count{WHOrpc_system_name=\"grpc\",rpc_method=\"a.B/"
		 "c\",rpc_response_status_code=\"1064\",error_type=\"1064\"} 1"},
		{"kafka", TT_ROLE_CLIENT, NULL, NULL,
		 "messaging_client_operation_duration_seconds_count{WHOmessaging_system=\"kafka\",messaging_operation_name="
		 "\"OP\",messaging_destination_name=\"topic\",error_type=\"1064\"} 1"},
		{"amqp", TT_ROLE_SERVER, "messaging.system", "rabbitmq",
		 "messaging_server_operation_duration_seconds_count{WHOmessaging_system=\"rabbitmq\",messaging_operation_name="
		 "\"OP\",messaging_destination_name=\"topic\",error_type=\"1064\"} 1"},
		/* Protocols nobody wrote a row for. */
		{"newdb", TT_ROLE_CLIENT, "db.system.name", "newdb",
		 "db_client_operation_duration_seconds_count{WHOdb_system_name=\"newdb\",db_operation_name=\"OP\",error_type="
		 "\"1064\"} 1"},
		{"newcall", TT_ROLE_CLIENT, NULL, NULL,
		 "rpc_client_call_duration_seconds_count{WHOrpc_system_name=\"newcall\",rpc_method=\"OP\",rpc_response_status_"
		 "code=\"1064\",error_type=\"1064\"} 1"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		struct stage s;
		struct tt_made m;
		stage_init(&s);
		tt_made_init(&m, cases[i].protocol, cases[i].role);
		tt_made_texts(&m, "OP", "topic", "1064");
		m.e.route = TT_SPAN_LIT("thing");
		if (cases[i].attribute)
			tt_message_attr(&m.request, cases[i].attribute, tt_span_str(cases[i].value));
		tt_message_fail(&m.response, TT_SPAN_LIT("1064"));
		give(&s, &m);

		char line[512];
		const char *who = strstr(cases[i].line, "WHO");
		snprintf(line, sizeof(line), "%.*sservice_name=\"shop\",service_instance_id=\"shop-1\",%s",
			 (int)(who - cases[i].line), cases[i].line, who + 3);
		expect(&s, line);
		stage_free(&s);
	}
}

static void counts_connections(void **state)
{
	struct stage s;
	struct tt_made m;
	stage_init(&s);
	tt_made_init(&m, "http", TT_ROLE_CLIENT);
	struct tt_conn_report r = {.ends = &m.ends,
				   .opened = true,
				   .connect_ns = 250000,
				   .tx_bytes = 10,
				   .rx_bytes = 20,
				   .retransmits = 3,
				   .resets = 1,
				   .rtt_us = 40};

	s.sink->ops->connection(s.sink, &m.e, &r);
	r = (struct tt_conn_report){.ends = &m.ends, .connect_failed = true, .error = 111};
	s.sink->ops->connection(s.sink, &m.e, &r);
	m.ends.role = TT_ROLE_SERVER;
	r = (struct tt_conn_report){.ends = &m.ends, .opened = true};
	s.sink->ops->connection(s.sink, &m.e, &r);
	m.ends.transport = TT_TRANSPORT_UNIX;
	r = (struct tt_conn_report){.ends = &m.ends, .opened = true, .rx_bytes = 5};
	s.sink->ops->connection(s.sink, &m.e, &r);

#define WHO "service_name=\"shop\",service_instance_id=\"shop-1\""
	expect(&s, "tcp_connect_total{" WHO "} 2");
	expect(&s, "tcp_connect_failed_total{" WHO ",error_type=\"ECONNREFUSED\"} 1");
	expect(&s, "tcp_connect_duration_seconds_sum{" WHO "} 0.00025");
	expect(&s, "tcp_accept_total{" WHO "} 1");
	expect(&s, "tcp_rtt_seconds_sum{" WHO "} 0.00004");
	expect(&s, "tcp_retransmit_total{" WHO "} 3");
	expect(&s, "tcp_reset_total{" WHO "} 1");
	expect(&s, "network_io_bytes_total{" WHO ",network_transport=\"tcp\",direction=\"transmit\"} 10");
	expect(&s, "network_io_bytes_total{" WHO ",network_transport=\"tcp\",direction=\"receive\"} 20");
	expect(&s, "network_io_bytes_total{" WHO ",network_transport=\"unix\",direction=\"receive\"} 5");
	tt_made_free(&m);
	stage_free(&s);
}

static void joins_deltas_to_the_same_series(void **state)
{
	struct stage s;
	struct tt_made m;
	stage_init(&s);
	tt_made_init(&m, "redis", TT_ROLE_CLIENT);
	tt_made_texts(&m, "GET", "k", "OK");
	give(&s, &m);

	struct tt_label labels[] = {{"db_operation_name", TT_SPAN_LIT("GET")},
				    {"db_system_name", TT_SPAN_LIT("redis")},
				    {"service_name", TT_SPAN_LIT("shop")},
				    {"service_instance_id", TT_SPAN_LIT("shop-1")}};
	uint64_t buckets[TT_BUCKETS] = {[20] = 2};
	struct tt_delta d = {.metric = "db_client_operation_duration_seconds",
			     .labels = labels,
			     .label_count = 4,
			     .count = 2,
			     .sum_ns = 2000000,
			     .buckets = buckets};
	s.sink->ops->delta(s.sink, &d);
	expect(&s, "db_client_operation_duration_seconds_count{" WHO ",db_system_name=\"redis\",db_operation_name=\"GET\"} 3");
	expect(&s, "db_client_operation_duration_seconds_sum{" WHO ",db_system_name=\"redis\",db_operation_name=\"GET\"} 0.007");
	assert_int_equal(tt_metrics_bad_deltas(s.sink), 0);

	d.buckets = NULL; /* a histogram needs them */
	s.sink->ops->delta(s.sink, &d);
	d.metric = "tcp_reset_total"; /* has no such labels */
	s.sink->ops->delta(s.sink, &d);
	d.metric = "nothing_total";
	s.sink->ops->delta(s.sink, &d);
	assert_int_equal(tt_metrics_bad_deltas(s.sink), 3);
	d.metric = "tcp_reset_total";
	d.labels = &labels[2];
	d.label_count = 2;
	s.sink->ops->delta(s.sink, &d);
	expect(&s, "tcp_reset_total{" WHO "} 2");
	stage_free(&s);
}

TT_UNIT_TESTS(cmocka_unit_test(counts_http), cmocka_unit_test(counts_what_was_not_answered),
	      cmocka_unit_test(counts_each_protocol_in_its_family), cmocka_unit_test(counts_connections),
	      cmocka_unit_test(joins_deltas_to_the_same_series))
