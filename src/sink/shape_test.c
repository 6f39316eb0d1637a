// SPDX-License-Identifier: Apache-2.0
#include "sink/shape.h"

#include "harness/event.h"
#include "harness/unit.h"
#include "proto/http_app.h"

static struct tt_shape *shape_of(uint64_t routes, bool show_values)
{
	struct tt_limits limits;
	struct tt_shape *s = NULL;
	tt_limits_init(&limits);
	limits.value[TT_LIMIT_ROUTES] = routes;
	assert_int_equal(tt_shape_new(&s, &limits, show_values), 0);
	return s;
}

static void check(struct tt_shape *s, struct tt_made *m, const char *route, const char *target)
{
	tt_shape_event(s, &m->e, &m->x);
	assert_int_equal(m->e.route.data != NULL, route != NULL);
	assert_int_equal(m->e.target.data != NULL, target != NULL);
	if (route)
		assert_true(tt_span_eq(m->e.route, tt_span_str(route)));
	if (target)
		assert_true(tt_span_eq(m->e.target, tt_span_str(target)));
	tt_made_free(m);
}

static void shapes_each_kind(void **state)
{
	static const struct {
		const char *protocol;
		const char *resource;
		bool statement;
		const char *route;
		const char *target;
	} cases[] = {
		{"http", "/cart/17?x=1", false, "/cart/{id}", "/cart/17?x=REDACTED"},
		{"http", "/cart/17", false, "/cart/{id}", "/cart/17"},
		{"http", "http://u:p@h/cart/17", false, "/cart/{id}", "http://REDACTED@h/cart/17"},
		{"http", "*", false, "*", "*"},
		{"http", "h:443", false, NULL, "h:443"},
		{"http", "", false, NULL, ""},
		{"http", NULL, false, NULL, NULL},
		{"mysql", "SELECT * FROM t WHERE id = 5", true, "SELECT * FROM t WHERE id = ?", "SELECT * FROM t WHERE id = ?"},
		{"mysql", "shop-1", false, "shop-1", "shop-1"},
		{"redis", "user:17", false, "user:{id}", "user:17"},
		{"dns", "4.3.2.1.in-addr.arpa", false, "{id}.{id}.{id}.{id}.in-addr.arpa", "4.3.2.1.in-addr.arpa"},
		{"kafka", "orders", false, "orders", "orders"},
	};
	struct tt_shape *s = shape_of(256, false);

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		struct tt_made m;
		tt_made_init(&m, cases[i].protocol, TT_ROLE_SERVER);
		tt_made_texts(&m, "OP", cases[i].resource, "200");
		if (cases[i].statement)
			tt_message_attr(&m.request, "db.query.text", tt_span_str(cases[i].resource));
		check(s, &m, cases[i].route, cases[i].target);
	}
	s = tt_shape_free(s);
}

/* --show-values shows targets; metrics' names stay bounded and free of values. */
static void shows_values_on_demand(void **state)
{
	struct tt_shape *s = shape_of(256, true);
	struct tt_made m;

	tt_made_http(&m, TT_ROLE_SERVER, "/cart/17?x=1", 200);
	check(s, &m, "/cart/{id}", "/cart/17?x=1");
	tt_made_init(&m, "mysql", TT_ROLE_SERVER);
	tt_made_texts(&m, "SELECT", "SELECT 'x'", "OK");
	tt_message_attr(&m.request, "db.query.text", TT_SPAN_LIT("SELECT 'x'"));
	check(s, &m, "SELECT ?", "SELECT 'x'");
	s = tt_shape_free(s);
}

static void learns_from_what_the_server_knows(void **state)
{
	struct tt_shape *s = shape_of(256, false);
	struct tt_made m;

	tt_made_http(&m, TT_ROLE_SERVER, "/wp-admin", 404);
	check(s, &m, NULL, "/wp-admin");
	tt_made_http(&m, TT_ROLE_SERVER, "/never-answered", 200);
	tt_made_unanswered(&m, TT_OUTCOME_TIMEOUT);
	check(s, &m, NULL, "/never-answered");
	tt_made_http(&m, TT_ROLE_SERVER, "/cart/1", 200);
	check(s, &m, "/cart/{id}", "/cart/1");
	tt_made_http(&m, TT_ROLE_SERVER, "/cart/2", 404);
	check(s, &m, "/cart/{id}", "/cart/2");
	tt_made_http(&m, TT_ROLE_SERVER, "/fails", 500);
	check(s, &m, "/fails", "/fails");
	s = tt_shape_free(s);
}

static void bounds_names(void **state)
{
	struct tt_shape *s = shape_of(4, false);
	struct tt_made m;
	char topic[2] = "a";

	for (int i = 0; i < 6; i++) {
		topic[0] = (char)('a' + i);
		tt_made_init(&m, "kafka", TT_ROLE_CLIENT);
		tt_made_texts(&m, "OP", topic, "0");
		check(s, &m, i < 4 ? topic : "{other}", topic);
	}
	assert_int_equal(tt_shape_refused(s), 2 * 2); /* as a destination, too */

	char path[3000];
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	tt_made_http(&m, TT_ROLE_SERVER, path, 200);
	check(s, &m, "/{id}", path);
	s = tt_shape_free(s);
}

/* Names a client chooses have bounds of their own; what the server does not know is not learned; raw names stay in the exchange.
 */
static void bounds_what_clients_choose(void **state)
{
	struct tt_shape *s = shape_of(4, false);
	struct tt_made m;
	char word[] = "cmd0", db[] = "db0";

	for (int i = 0; i < 20; i++) {
		word[3] = (char)('a' + i);
		db[2] = word[3];
		bool known = i >= 10;
		tt_made_init(&m, "mongodb", TT_ROLE_SERVER);
		tt_made_texts(&m, word, db, known ? "OK" : "59");
		tt_message_attr(&m.request, "db.namespace", tt_span_str(db));
		if (!known)
			tt_message_fail(&m.response, TT_SPAN_LIT("CommandNotFound"));
		tt_shape_event(s, &m.e, &m.x);
		const char *other = known && i < 14 ? NULL : "_OTHER";
		assert_true(tt_span_eq(m.e.names[TT_NAME_OPERATION], tt_span_str(other ? other : word)));
		assert_true(tt_span_eq(m.e.names[TT_NAME_NAMESPACE], tt_span_str(other ? other : db)));
		assert_int_equal(m.e.names[TT_NAME_ERROR].len != 0, !known);
		assert_true(tt_span_eq(tt_exchange_text(&m.x, TT_TEXT_OPERATION), tt_span_str(word)));
		tt_made_free(&m);
	}
	assert_int_equal(tt_shape_refused(s), 3 * 6); /* the resource is one of the names, too */

	tt_made_init(&m, "nats", TT_ROLE_CLIENT);
	tt_made_texts(&m, "PUB", "_INBOX.abc.1", NULL);
	tt_shape_event(s, &m.e, &m.x);
	assert_true(tt_span_eq(m.e.names[TT_NAME_DESTINATION], TT_SPAN_LIT("_INBOX.{id}")));
	check(s, &m, "{other}", "_INBOX.abc.1"); /* of names there were enough */
	s = tt_shape_free(s);
}

/* What is asked within HTTP is part of the name, as far as there may be names; the route stays what it is. */
static void names_what_is_asked_within_http(void **state)
{
	static const struct {
		enum tt_http_app_kind app;
		struct tt_header said[3];
		const char *status;
		const char *route;
	} cases[] = {
		{TT_HTTP_APP_GRAPHQL,
		 {{TT_SPAN_LIT("graphql.operation.type"), TT_SPAN_LIT("query")},
		  {TT_SPAN_LIT("graphql.operation.name"), TT_SPAN_LIT("GetUser")}},
		 "200",
		 "/api GraphQL query GetUser"},
		{TT_HTTP_APP_GRAPHQL,
		 {{TT_SPAN_LIT("graphql.operation.type"), TT_SPAN_LIT("query")}},
		 "200",
		 "/api GraphQL query"},
		{TT_HTTP_APP_GRAPHQL, {}, "200", "/api"},
		{TT_HTTP_APP_JSONRPC, {{TT_SPAN_LIT("rpc.method"), TT_SPAN_LIT("eth_call")}}, "200", "/api JSON-RPC eth_call"},
		{TT_HTTP_APP_JSONRPC, {{TT_SPAN_LIT("rpc.method"), TT_SPAN_LIT("eth_call")}}, "404", "/api"},
		{TT_HTTP_APP_OPENAI,
		 {{TT_SPAN_LIT("gen_ai.operation.name"), TT_SPAN_LIT("chat")},
		  {TT_SPAN_LIT("gen_ai.request.model"), TT_SPAN_LIT("small-1")}},
		 "200",
		 "/api chat small-1"},
		{TT_HTTP_APP_S3,
		 {{TT_SPAN_LIT("rpc.method"), TT_SPAN_LIT("S3/GetObject")},
		  {TT_SPAN_LIT("aws.s3.bucket"), TT_SPAN_LIT("photos")}},
		 "200",
		 "S3/GetObject photos"},
		{TT_HTTP_APP_NONE, {{TT_SPAN_LIT("rpc.method"), TT_SPAN_LIT("none")}}, "200", "/api"},
		/* Past the limit of names only those that are known are told apart. */
		{TT_HTTP_APP_JSONRPC, {{TT_SPAN_LIT("rpc.method"), TT_SPAN_LIT("new")}}, "200", "/api"},
		{TT_HTTP_APP_JSONRPC, {{TT_SPAN_LIT("rpc.method"), TT_SPAN_LIT("eth_call")}}, "200", "/api JSON-RPC eth_call"},
	};
	struct tt_shape *s = shape_of(5, false);

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		struct tt_made m;
		tt_made_init(&m, "http", TT_ROLE_SERVER);
		tt_made_texts(&m, "POST", "/api", cases[i].status);
		m.request.kind = (uint32_t)cases[i].app << TT_HTTP_APP_SHIFT;
		for (size_t k = 0; k < TT_ARRAY_LEN(cases[i].said) && cases[i].said[k].name.data; k++)
			tt_message_attr(&m.request, (const char *)cases[i].said[k].name.data, cases[i].said[k].value);
		tt_shape_event(s, &m.e, &m.x);
		assert_true(tt_span_eq(m.e.http_route, TT_SPAN_LIT("/api")));
		check(s, &m, cases[i].route, "/api");
	}
	s = tt_shape_free(s);
}

TT_UNIT_TESTS(cmocka_unit_test(shapes_each_kind), cmocka_unit_test(shows_values_on_demand),
	      cmocka_unit_test(learns_from_what_the_server_knows), cmocka_unit_test(bounds_names),
	      cmocka_unit_test(bounds_what_clients_choose), cmocka_unit_test(names_what_is_asked_within_http))
