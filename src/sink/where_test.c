// SPDX-License-Identifier: Apache-2.0
#include "sink/where.h"

#include <errno.h>

#include "harness/event.h"
#include "harness/unit.h"
#include "sink/where_field.h"

static bool holds(const char *text, const struct tt_made *m, bool show_values)
{
	struct tt_where *w = NULL;
	struct tt_where_error e;

	assert_int_equal(tt_where_add(&w, text, &e), 0);
	bool ret = tt_where_holds(w, &m->e, &m->x, show_values);
	tt_where_free(w);
	return ret;
}

static void made(struct tt_made *m)
{
	tt_made_http(m, TT_ROLE_SERVER, "/cart/17?x=1", 503);
	tt_message_attr(&m->request, "url.path", TT_SPAN_LIT("/cart/17"));
	tt_message_attr(&m->request, "url.query", TT_SPAN_LIT("x=1"));
	m->e.http_route = m->e.route = TT_SPAN_LIT("/cart/{id}");
}

static void fields_compare(void **state)
{
	static const char *const yes[] = {"protocol=http",
					  "protocol == http",
					  "operation=G*",
					  "resource=/cart/*",
					  "status>=500",
					  "status=503",
					  "status=5??",
					  "status!=200",
					  "error=true",
					  "error_type=503",
					  "duration=5ms",
					  "duration_ns=5000000",
					  "duration>4ms",
					  "duration<=5000us",
					  "ttfb<1s",
					  "request_bytes=78",
					  "response_bytes=2k",
					  "response_bytes>=2048",
					  "complete=true",
					  "source=socket",
					  "client=10.0.0.1:*",
					  "server=*:8080",
					  "pid=42",
					  "tid!=42",
					  "comm=server",
					  "service=shop",
					  "container_id=null",
					  "kind=server",
					  "kind=s*",
					  "kind!=client",
					  "protocol=ht*",
					  "error!=null",
					  "time_unix_ns>1s",
					  "time_unix_ns<=9000000000s",
					  "url.path=/cart/17",
					  "http.route=/cart/{id}",
					  "http.response.status_code=503",
					  "http.response.status_code<504",
					  "no.such.attribute=null",
					  "no.such.attribute!=1",
					  "no.such.attribute!=a\\||b",
					  "protocol=http && status=503 && duration>1ms"};
	static const char *const no[] = {"protocol=redis",
					 "operation=g*",
					 "status<500",
					 "status=50",
					 "error=false",
					 "duration<5ms",
					 "response_bytes=2M",
					 "pid=43",
					 "pid=null",
					 "container_id=*",
					 "container_id>1",
					 "comm>1",
					 "no.such.attribute=1",
					 "no.such.attribute>1",
					 "protocol=http && status=200"};
	struct tt_made m;

	made(&m);
	for (size_t i = 0; i < TT_ARRAY_LEN(yes); i++) {
		if (!holds(yes[i], &m, false))
			fail_msg("%s does not hold", yes[i]);
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(no); i++) {
		if (holds(no[i], &m, false))
			fail_msg("%s holds", no[i]);
	}
	assert_true(tt_where_holds(NULL, &m.e, &m.x, false));
	tt_made_free(&m);
}

/* What is hidden in a line cannot be asked for either. */
static void compares_what_is_shown(void **state)
{
	struct tt_made m;

	made(&m);
	assert_true(holds("url.query=x=REDACTED", &m, false));
	assert_false(holds("url.query=x=1", &m, false));
	assert_true(holds("url.query=x=1", &m, true));
	assert_false(holds("resource=*x=1*", &m, false));
	assert_true(holds("resource=*x=1*", &m, true));
	tt_made_free(&m);
}

static void unanswered_is_null(void **state)
{
	struct tt_made m;

	tt_made_init(&m, "dns", TT_ROLE_CLIENT);
	tt_made_unanswered(&m, TT_OUTCOME_TIMEOUT);
	assert_true(holds("status=null && error_type=timeout && kind=client", &m, false));
	assert_false(holds("status!=null", &m, false));
	assert_false(holds("duration>0", &m, false));
	assert_true(holds("response_bytes=null", &m, false));
	tt_made_free(&m);
}

/* Of a line of JSON: here its fields' names are their values. */
static void echo(void *ctx, const char *name, struct tt_where_value *v)
{
	if (strcmp(name, "duration_ns") == 0) {
		v->is_number = true;
		v->number = 7000000;
	} else if (strcmp(name, "status") != 0) {
		v->text = tt_span_str(name);
	}
}

static void compares_what_is_no_exchange(void **state)
{
	static const struct {
		const char *text;
		bool holds;
	} rows[] = {{"operation=operation", true}, {"operation=other", false},	   {"duration=7ms", true},
		    {"duration_ns>7ms", false},	   {"status=null", true},	   {"status!=null", false},
		    {"url.path=url.*", true},	   {"duration>1 && pid=pid", true}};
	struct tt_where_error e;

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		struct tt_where *w = NULL;
		assert_int_equal(tt_where_add(&w, rows[i].text, &e), 0);
		if (tt_where_holds_of(w, echo, NULL) != rows[i].holds)
			fail_msg("%s", rows[i].text);
		tt_where_free(w);
	}
	assert_true(tt_where_holds_of(NULL, echo, NULL));
}

static void names_the_place_of_an_error(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} bad[] = {{"", 0},
		   {"status", 6},
		   {"=5", 0},
		   {"nothing=1", 0},
		   {"status>many", 7},
		   {"status=1&&", 10},
		   {"status=1&&x=2", 10},
		   {"status=1||status=2", 8},
		   {"kind=srv", 5},
		   {"kind=null", 5},
		   {"protocol=htp", 9},
		   {"protocol != HTTP", 12},
		   {"protocol=x*", 9},
		   {"error=yes", 6},
		   {"complete=null", 9},
		   {"source=wire", 7},
		   {"duration>5h", 9},
		   {"status>=99999999999999999999", 8},
		   {"duration>9223372036854775807s", 9}};
	struct tt_where_error e;
	struct tt_where *w = NULL;

	for (size_t i = 0; i < TT_ARRAY_LEN(bad); i++) {
		assert_int_equal(tt_where_add(&w, bad[i].text, &e), -EINVAL);
		assert_int_equal(e.at, bad[i].at);
		assert_non_null(e.what);
		assert_null(w);
	}
	for (int i = 0; i < TT_WHERE_MOST; i++)
		assert_int_equal(tt_where_add(&w, "status=1", &e), 0);
	assert_int_equal(tt_where_add(&w, "status=1", &e), -ENOSPC);
	tt_where_free(w);
}

TT_UNIT_TESTS(cmocka_unit_test(fields_compare), cmocka_unit_test(compares_what_is_shown), cmocka_unit_test(unanswered_is_null),
	      cmocka_unit_test(compares_what_is_no_exchange), cmocka_unit_test(names_the_place_of_an_error))
