// SPDX-License-Identifier: Apache-2.0
#include "sink/api.h"

#include "harness/event.h"
#include "harness/unit.h"
#include "sink/map.h"
#include "sink/metrics.h"
#include "sink/recent.h"
#include "sink/services.h"

struct stage {
	struct tt_series_set *set;
	struct tt_sink *sinks[4];
	struct tt_source_stats source;
	struct tt_stream_stats streams;
	struct tt_selfstats_bpf bpf;
	struct tt_selfstats self;
	struct tt_api api;
	struct tt_buf body;
	const char *type;
};

static void stage_init(struct stage *s)
{
	struct tt_limits limits;
	struct tt_made m;
	tt_limits_init(&limits);
	*s = (struct stage){.body = TT_BUF(1u << 20)};
	assert_int_equal(tt_series_set_new(&s->set, &limits), 0);
	assert_int_equal(tt_metrics_new(&s->sinks[0], s->set), 0);
	assert_int_equal(tt_map_new(&s->sinks[1], &limits, s->set), 0);
	assert_int_equal(tt_services_new(&s->sinks[2], &limits), 0);
	assert_int_equal(tt_recent_new(&s->sinks[3], &limits, &(struct tt_jsonl_options){0}), 0);

	tt_made_http(&m, TT_ROLE_SERVER, "/", 500);
	snprintf(m.self.service, sizeof(m.self.service), "a b/c");
	for (size_t i = 0; i < 4; i++)
		s->sinks[i]->ops->exchange(s->sinks[i], &m.e, &m.x);
	s->sinks[1]->ops->flush(s->sinks[1]);
	tt_made_free(&m);

	s->source = (struct tt_source_stats){
		.produced = 10, .delivered = 7, .queued = 1, .produced_bytes = 100, .delivered_bytes = 90};
	s->source.lost[TT_LOSS_RING_FULL] = 2;
	s->source.lost_bytes[TT_LOSS_RING_FULL] = 10;
	s->streams = (struct tt_stream_stats){.exchanges = 5, .incomplete = 1, .opened = 3, .closed = 2, .connections = 1};
	s->bpf = (struct tt_selfstats_bpf){.program = "sys_exit", .runs = 4, .run_ns = 1500000000, .missed = 1};
	s->self = (struct tt_selfstats){.version = "9.9",
					.scope = "host",
					.hooks = "tracepoint",
					.source_name = "kernel",
					.time_unix_ns = 77,
					.uptime_ns = 2500000000,
					.cpu_ns = 5000000,
					.resident_bytes = 4096,
					.source = &s->source,
					.streams = &s->streams,
					.series = s->set,
					.bpf = &s->bpf,
					.bpf_count = 1,
					.bpf_timed = true};
	s->api = (struct tt_api){
		.map = s->sinks[1], .services = s->sinks[2], .recent = s->sinks[3], .series = s->set, .self = &s->self};
}

static void stage_free(struct stage *s)
{
	for (size_t i = 0; i < 4; i++)
		tt_sink_free(s->sinks[i]);
	s->set = tt_series_set_free(s->set);
	tt_buf_free(&s->body);
}

static const char *ask(struct stage *s, const char *path, const char *query, int status)
{
	tt_buf_clear(&s->body);
	assert_int_equal(tt_api_render(&s->api, tt_span_str(path), tt_span_str(query), &s->body, &s->type), status);
	tt_buf_add_char(&s->body, 0);
	return (char *)s->body.data;
}

static void answers_every_path(void **state)
{
	struct stage s;
	stage_init(&s);
	assert_non_null(strstr(ask(&s, "/api/v1/map", "", 200), "\"nodes\":[{\"id\":\"service:a b/c\""));
	assert_string_equal(s.type, "application/json");
	assert_non_null(strstr(ask(&s, "/api/v1/services", "", 200), "\"service\":\"a b/c\""));
	assert_non_null(strstr(ask(&s, "/api/v1/operations", "service=a%20b%2Fc", 200), "\"operation\":\"GET\""));
	assert_non_null(strstr(ask(&s, "/api/v1/operations", "x=1&service=a+b/c", 200), "\"operation\":\"GET\""));
	assert_non_null(strstr(ask(&s, "/api/v1/operations", "", 200), "\"operation\":\"GET\""));
	assert_non_null(strstr(ask(&s, "/api/v1/exchanges", "kind=slowest", 200), "\"duration_ns\":5000000"));
	assert_non_null(strstr(ask(&s, "/api/v1/exchanges", "kind=failed&limit=1", 200), "\"status\":\"500\""));
	assert_non_null(
		strstr(ask(&s, "/metrics", "", 200), "http_server_request_duration_seconds_count{service_name=\"a b/c\""));
	assert_non_null(strstr(s.type, "text/plain"));
	assert_non_null(strstr(ask(&s, "/metrics", "", 200), "\ntelltale_records_lost_total{cause=\"ring_full\"} 2\n"));
	assert_non_null(strstr(ask(&s, "/metrics", "", 200), "\ntelltale_bpf_run_seconds_total{program=\"sys_exit\"} 1.5\n"));
	assert_non_null(strstr(ask(&s, "/metrics", "", 200), "\ntelltale_stream_exchanges_incomplete_total 1\n"));
	stage_free(&s);
}

static void tells_its_health(void **state)
{
	struct stage s;
	stage_init(&s);
	assert_string_equal(
		ask(&s, "/api/v1/health", "", 200),
		"{\"time_unix_ns\":77,\"version\":\"9.9\",\"uptime_ns\":2500000000,\"status\":\"ok\",\"scope\":\"host\","
		"\"hooks\":\"tracepoint\","
		"\"source\":\"kernel\",\"records\":{\"produced\":10,\"delivered\":7,\"queued\":1,\"lost\":2,\"lost_by_cause\":{"
		"\"ring_full\":2}},"
		"\"bytes\":{\"produced\":100,\"delivered\":90,\"lost\":10,\"lost_by_cause\":{\"ring_full\":10}},"
		"\"exchanges\":{\"total\":5,\"incomplete\":1,\"unpaired\":0,\"late\":0},"
		"\"connections\":{\"now\":1,\"opened\":3,\"closed\":2,\"evicted\":0},\"series\":{\"now\":6,\"limit\":5000,"
		"\"overflowed\":0},"
		"\"cpu_ns\":5000000,\"resident_bytes\":4096,\"bpf\":{\"runs\":4,\"run_ns\":1500000000,\"missed\":1}}");

	s.self.bpf_timed = false;
	assert_non_null(strstr(ask(&s, "/api/v1/health", "", 200), "\"runs\":null,\"run_ns\":null"));
	assert_null(strstr(ask(&s, "/metrics", "", 200), "telltale_bpf_run_seconds_total"));
	assert_null(strstr(ask(&s, "/metrics", "", 200), "telltale_bpf_runs_total"));
	s.self.bpf_count = 0;
	s.self.losing = true;
	assert_non_null(strstr(ask(&s, "/api/v1/health", "", 200), "\"bpf\":null"));
	assert_non_null(strstr(ask(&s, "/api/v1/health", "", 200), "\"status\":\"losing\""));
	stage_free(&s);
}

static void refuses_what_makes_no_sense(void **state)
{
	static const struct {
		const char *path;
		const char *query;
		int status;
	} cases[] = {
		{"/", "", 404},
		{"/api/v1", "", 404},
		{"/api/v1/maps", "", 404},
		{"/api/v1/operations", "service=nobody", 404},
		{"/api/v1/operations", "service=%zz", 400},
		{"/api/v1/operations", "service=%4", 400},
		{"/api/v1/exchanges", "", 400},
		{"/api/v1/exchanges", "kind=", 400},
		{"/api/v1/exchanges", "kind=all", 400},
		{"/api/v1/exchanges", "kind=failed&limit=0", 400},
		{"/api/v1/exchanges", "kind=failed&limit=1001", 400},
		{"/api/v1/exchanges", "kind=failed&limit=99999999999999999999999", 400},
		{"/api/v1/exchanges", "kind=failed&limit=x", 400},
	};
	struct stage s;
	stage_init(&s);
	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		assert_memory_equal(ask(&s, cases[i].path, cases[i].query, cases[i].status), "{\"error\":\"", 10);
		assert_string_equal(s.type, "application/json");
	}
	s.api = (struct tt_api){0};
	ask(&s, "/api/v1/map", "", 404);
	ask(&s, "/api/v1/services", "", 404);
	ask(&s, "/api/v1/operations", "", 404);
	ask(&s, "/api/v1/exchanges", "kind=failed", 404);
	ask(&s, "/api/v1/health", "", 404);
	stage_free(&s);
}

static void says_when_an_answer_is_too_large(void **state)
{
	struct stage s;
	stage_init(&s);
	s.body.max = 200;
	ask(&s, "/metrics", "", 500);
	assert_non_null(strstr((char *)s.body.data, "answer_bytes"));
	stage_free(&s);
}

TT_UNIT_TESTS(cmocka_unit_test(answers_every_path), cmocka_unit_test(tells_its_health),
	      cmocka_unit_test(refuses_what_makes_no_sense), cmocka_unit_test(says_when_an_answer_is_too_large))
