// SPDX-License-Identifier: Apache-2.0
#include "sink/services.h"

#include <errno.h>
#include <stdio.h>

#include "harness/event.h"
#include "harness/unit.h"

struct stage {
	struct tt_sink *sink;
	struct tt_buf text;
};

static void stage_init(struct stage *s, uint64_t services, uint64_t operations)
{
	struct tt_limits limits;
	tt_limits_init(&limits);
	limits.value[TT_LIMIT_SERVICES] = services;
	limits.value[TT_LIMIT_OPERATIONS] = operations;
	*s = (struct stage){.text = TT_BUF(1u << 20)};
	assert_int_equal(tt_services_new(&s->sink, &limits), 0);
}

static void stage_free(struct stage *s)
{
	s->sink = tt_sink_free(s->sink);
	tt_buf_free(&s->text);
}

static void give(struct stage *s, struct tt_made *m, int times)
{
	for (int i = 0; i < times; i++)
		s->sink->ops->exchange(s->sink, &m->e, &m->x);
	tt_made_free(m);
}

static const char *services(struct stage *s)
{
	struct tt_json j = tt_json(&s->text);
	tt_buf_clear(&s->text);
	tt_services_json(&j, s->sink, 1000);
	tt_buf_add_char(&s->text, 0);
	return (char *)s->text.data;
}

static const char *operations(struct stage *s, const char *service)
{
	struct tt_json j = tt_json(&s->text);
	tt_buf_clear(&s->text);
	assert_int_equal(tt_services_operations_json(&j, s->sink, 1000, tt_span_str(service)), 0);
	tt_buf_add_char(&s->text, 0);
	return (char *)s->text.data;
}

static void lists_services_and_operations(void **state)
{
	struct stage s;
	struct tt_made m;
	stage_init(&s, 10, 10);
	tt_made_http(&m, TT_ROLE_SERVER, "/cart/1", 500);
	m.e.route = TT_SPAN_LIT("/cart/{id}");
	give(&s, &m, 3);
	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	m.e.route = TT_SPAN_LIT("/");
	give(&s, &m, 2);
	tt_made_init(&m, "mysql", TT_ROLE_CLIENT);
	tt_made_texts(&m, "PING", NULL, "OK");
	tt_made_unanswered(&m, TT_OUTCOME_RESET);
	snprintf(m.self.container_id, sizeof(m.self.container_id),
		 "c0ffee0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	give(&s, &m, 1);

	assert_string_equal(services(&s),
			    "{\"time_unix_ns\":1005001000,\"window_ns\":1000000000,\"services\":[{\"service\":"
			    "\"shop\",\"container_id\":\"c0ffee0123456789abcdef0123456789abcdef0123456789abcdef0123456789\","
			    "\"server\":{\"count\":5,\"failed\":3,\"unknown\":0,\"rate\":5.000,\"error_rate\":3.000,\"unknown_"
			    "rate\":0.000,\"p50_ns\":"
			    "5000000,\"p95_ns\":5000000,\"p99_ns\":5000000},"
			    "\"client\":{\"count\":1,\"failed\":1,\"unknown\":0,\"rate\":1.000,\"error_rate\":1.000,\"unknown_"
			    "rate\":0.000,\"p50_ns\":"
			    "null,\"p95_ns\":null,\"p99_ns\":null},"
			    "\"protocols\":[\"http\",\"mysql\"],\"operations\":3,\"idle_ns\":0}],\"dropped\":0}");
	assert_string_equal(
		operations(&s, "shop"),
		"{\"time_unix_ns\":1005001000,\"window_ns\":1000000000,\"operations\":["
		"{\"service\":\"shop\",\"kind\":\"server\",\"protocol\":\"http\",\"operation\":\"GET\",\"route\":\"/cart/"
		"{id}\",\"count\":3,\"failed\":3,\"unknown\":0,"
		"\"rate\":3.000,\"error_rate\":3.000,\"unknown_rate\":0.000,\"p50_ns\":5000000,\"p95_ns\":5000000,\"p99_ns\":"
		"5000000,\"idle_ns\":0},"
		"{\"service\":\"shop\",\"kind\":\"server\",\"protocol\":\"http\",\"operation\":\"GET\",\"route\":\"/"
		"\",\"count\":2,\"failed\":0,\"unknown\":0,"
		"\"rate\":2.000,\"error_rate\":0.000,\"unknown_rate\":0.000,\"p50_ns\":5000000,\"p95_ns\":5000000,\"p99_ns\":"
		"5000000,\"idle_ns\":0},"
		"{\"service\":\"shop\",\"kind\":\"client\",\"protocol\":\"mysql\",\"operation\":\"PING\",\"route\":null,"
		"\"count\":1,\"failed\":1,\"unknown\":0,"
		"\"rate\":1.000,\"error_rate\":1.000,\"unknown_rate\":0.000,\"p50_ns\":null,\"p95_ns\":null,\"p99_ns\":null,"
		"\"idle_ns\":0}],"
		"\"dropped\":0}");
	stage_free(&s);
}

/* Whichever end was observed: a page would else show two rates of one thing. */
static void what_is_held_against_the_request_fails_nowhere(void **state)
{
	for (int end = 0; end < 2; end++) {
		struct stage s;
		struct tt_made m;
		stage_init(&s, 10, 10);
		tt_made_http(&m, end ? TT_ROLE_CLIENT : TT_ROLE_SERVER, "/missing", 404);
		give(&s, &m, 2);
		tt_made_http(&m, end ? TT_ROLE_CLIENT : TT_ROLE_SERVER, "/broken", 500);
		give(&s, &m, 1);
		assert_non_null(strstr(services(&s), end ? "\"client\":{\"count\":3,\"failed\":1,\"unknown\":0,"
							 : "\"server\":{\"count\":3,\"failed\":1,\"unknown\":0,"));
		stage_free(&s);
	}
}

static void knows_whom_it_does_not_know(void **state)
{
	struct stage s;
	stage_init(&s, 10, 10);
	struct tt_json j = tt_json(&s.text);
	assert_int_equal(tt_services_operations_json(&j, s.sink, 0, TT_SPAN_LIT("nobody")), -ENOENT);
	assert_int_equal(s.text.len, 0);
	assert_non_null(strstr(operations(&s, NULL), "\"operations\":[]"));
	assert_non_null(strstr(services(&s), "\"services\":[]"));
	stage_free(&s);
}

/* Beyond the limits nothing is lost from the sums: it is on the row {other}, or counted as dropped. */
static void is_bounded(void **state)
{
	struct stage s;
	struct tt_made m;
	stage_init(&s, 2, 5);
	for (int i = 0; i < 300; i++) {
		char route[16];
		snprintf(route, sizeof(route), "/%d", i % 100);
		tt_made_http(&m, TT_ROLE_SERVER, route, 200);
		m.e.route = tt_span_str(route);
		snprintf(m.self.service, sizeof(m.self.service), "shop-%d", i % 3);
		give(&s, &m, 1);
	}

	uint64_t total = 0;
	int rows = 0;
	for (const char *at = operations(&s, NULL); (at = strstr(at, "\"count\":")); at++, rows++)
		total += strtoull(at + 8, NULL, 10);
	assert_int_equal(total, 200);
	assert_int_equal(rows, 5 + 2);
	assert_non_null(strstr(operations(&s, NULL), "\"protocol\":\"other\",\"operation\":null,\"route\":\"{other}\""));
	assert_non_null(strstr(services(&s), "\"dropped\":295}")); /* 100 of the third service, 195 on rows {other} */
	stage_free(&s);
}

static void sorts_services_by_name(void **state)
{
	struct stage s;
	struct tt_made m;
	static const char *const names[] = {"zebra", "ant", "mole"};
	stage_init(&s, 10, 10);
	for (size_t i = 0; i < 3; i++) {
		tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
		snprintf(m.self.service, sizeof(m.self.service), "%s", names[i]);
		give(&s, &m, 1);
	}
	const char *text = services(&s);
	assert_true(strstr(text, "ant") < strstr(text, "mole") && strstr(text, "mole") < strstr(text, "zebra"));
	assert_null(strstr(operations(&s, "mole"), "zebra"));
	stage_free(&s);
}

static void forgets_what_is_idle(void **state)
{
	const uint64_t second = UINT64_C(1000000000);
	struct stage s;
	struct tt_made m;
	struct tt_limits limits;

	tt_limits_init(&limits);
	limits.value[TT_LIMIT_IDLE_EXPIRY] = 100;
	s = (struct stage){.text = TT_BUF(1u << 20)};
	assert_int_equal(tt_services_new(&s.sink, &limits), 0);
	tt_made_init(&m, "http", TT_ROLE_SERVER);
	tt_made_texts(&m, "GET", "/old", "200");
	give(&s, &m, 3);
	s.sink->ops->advance(s.sink, 90 * second);
	tt_made_init(&m, "http", TT_ROLE_SERVER);
	tt_made_texts(&m, "POST", "/new", "200");
	m.x.request_last_ns = m.x.response_last_ns = 95 * second;
	give(&s, &m, 1);
	assert_non_null(strstr(operations(&s, "shop"), "\"GET\""));

	s.sink->ops->advance(s.sink, 110 * second);
	assert_null(strstr(operations(&s, "shop"), "\"GET\""));
	assert_non_null(strstr(operations(&s, "shop"), "\"POST\""));
	assert_int_equal(tt_services_expired(s.sink), 1);
	s.sink->ops->advance(s.sink, 300 * second);
	assert_null(strstr(services(&s), "\"shop\""));
	assert_int_equal(tt_services_expired(s.sink), 2);

	/* Back, it begins anew. */
	tt_made_init(&m, "http", TT_ROLE_SERVER);
	tt_made_texts(&m, "GET", "/old", "200");
	give(&s, &m, 1);
	assert_non_null(strstr(operations(&s, "shop"), "\"count\":1,"));
	stage_free(&s);
}

/* As the summary has it: what was asked for is known, but taught no route. */
static void what_has_no_route_is_said(void **state)
{
	struct stage s;
	struct tt_made m;

	stage_init(&s, 10, 10);
	tt_made_http(&m, TT_ROLE_SERVER, "/no/such/thing", 404);
	m.e.target = TT_SPAN_LIT("/no/such/thing");
	give(&s, &m, 1);
	assert_non_null(strstr(operations(&s, NULL), "\"route\":\"*\","));
	tt_made_free(&m);
	stage_free(&s);
}

TT_UNIT_TESTS(cmocka_unit_test(what_has_no_route_is_said), cmocka_unit_test(lists_services_and_operations),
	      cmocka_unit_test(what_is_held_against_the_request_fails_nowhere), cmocka_unit_test(knows_whom_it_does_not_know),
	      cmocka_unit_test(is_bounded), cmocka_unit_test(sorts_services_by_name), cmocka_unit_test(forgets_what_is_idle))
