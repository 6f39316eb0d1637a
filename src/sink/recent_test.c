// SPDX-License-Identifier: Apache-2.0
#include "sink/recent.h"

#include "harness/event.h"
#include "harness/unit.h"

#define S UINT64_C(1000000000)

struct stage {
	struct tt_sink *sink;
	struct tt_buf text;
};

static void stage_init(struct stage *s, uint64_t limit)
{
	struct tt_limits limits;
	tt_limits_init(&limits);
	limits.value[TT_LIMIT_RECENT] = limit;
	*s = (struct stage){.text = TT_BUF(1u << 20)};
	assert_int_equal(tt_recent_new(&s->sink, &limits, &(struct tt_jsonl_options){0}), 0);
}

static void stage_free(struct stage *s)
{
	s->sink = tt_sink_free(s->sink);
	tt_buf_free(&s->text);
}

static void give(struct stage *s, uint64_t at_ns, uint64_t duration_ns, int status)
{
	struct tt_made m;
	tt_made_http(&m, TT_ROLE_SERVER, "/", status);
	m.x.request_first_ns = at_ns;
	m.x.request_last_ns = m.x.response_first_ns = at_ns;
	m.x.response_last_ns = at_ns + duration_ns;
	s->sink->ops->exchange(s->sink, &m.e, &m.x);
	tt_made_free(&m);
}

static const char *document(struct stage *s, bool failed, size_t limit)
{
	struct tt_json j = tt_json(&s->text);
	tt_buf_clear(&s->text);
	assert_int_equal(tt_recent_json(&j, s->sink, 0, failed, limit), 0);
	tt_buf_add_char(&s->text, 0);
	return (char *)s->text.data;
}

/* The values of `key`, in the order they are shown. */
static int values(const char *text, const char *key, uint64_t *ret, int max)
{
	int n = 0;
	text = strstr(text, "\"exchanges\":");
	while (n < max && (text = strstr(text, key))) {
		text += strlen(key);
		ret[n++] = strtoull(text, NULL, 10);
	}
	return n;
}

static void keeps_the_slowest(void **state)
{
	struct stage s;
	uint64_t v[20];
	stage_init(&s, 8);
	for (uint64_t i = 0; i < 1000; i++)
		give(&s, 10 * S + i, (i * 7919) % 1000 + 1, 200);
	assert_int_equal(values(document(&s, false, 100), "\"duration_ns\":", v, 20), 8);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(v[i], 1000 - i);
	assert_int_equal(values(document(&s, false, 3), "\"duration_ns\":", v, 20), 3);
	assert_int_equal(values(document(&s, true, 100), "\"duration_ns\":", v, 20), 0);
	stage_free(&s);
}

static void forgets_after_five_minutes(void **state)
{
	struct stage s;
	uint64_t v[20];
	stage_init(&s, 8);
	for (uint64_t i = 0; i < 8; i++)
		give(&s, (10 + i * 60) * S, 1000 - i, 500);
	s.sink->ops->advance(s.sink, 431 * S); /* the first three are too old */
	assert_int_equal(values(document(&s, false, 100), "\"duration_ns\":", v, 20), 5);
	assert_int_equal(v[0], 997);
	assert_int_equal(values(document(&s, true, 100), "\"duration_ns\":", v, 20), 5);
	give(&s, 432 * S, 1, 200);
	assert_int_equal(values(document(&s, false, 100), "\"duration_ns\":", v, 20), 6);
	stage_free(&s);
}

static void keeps_the_latest_failures(void **state)
{
	struct stage s;
	uint64_t v[20];
	stage_init(&s, 8);
	for (uint64_t i = 0; i < 100; i++)
		give(&s, (10 + i) * S, 5, i % 2 ? 500 : 404);
	assert_int_equal(values(document(&s, true, 100), "\"time_unix_ns\":", v, 20), 8);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(v[i], (109 - i * 2) * S + INT64_C(1700000000000000000));
	assert_int_equal(tt_recent_dropped(s.sink), 0);
	stage_free(&s);
}

/* A storm of failures: no more of them a second are written out than there are places. */
static void bears_a_storm(void **state)
{
	struct stage s;
	stage_init(&s, 8);
	for (uint64_t i = 0; i < 1000; i++)
		give(&s, 10 * S + i * 1000, 5, 500);
	assert_int_equal(tt_recent_dropped(s.sink), 992);
	assert_non_null(strstr(document(&s, true, 100), "\"dropped\":992}"));
	give(&s, 11 * S, 5, 500);
	assert_int_equal(tt_recent_dropped(s.sink), 992);
	stage_free(&s);
}

static void keeps_nothing_it_cannot_time(void **state)
{
	struct stage s;
	uint64_t v[20];
	struct tt_made m;
	stage_init(&s, 8);
	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	tt_made_unanswered(&m, TT_OUTCOME_RESET);
	s.sink->ops->exchange(s.sink, &m.e, &m.x);
	tt_made_free(&m);
	assert_int_equal(values(document(&s, false, 100), "\"request_bytes\":", v, 20), 0);
	assert_int_equal(values(document(&s, true, 100), "\"request_bytes\":", v, 20), 1);
	stage_free(&s);
}

TT_UNIT_TESTS(cmocka_unit_test(keeps_the_slowest), cmocka_unit_test(forgets_after_five_minutes),
	      cmocka_unit_test(keeps_the_latest_failures), cmocka_unit_test(bears_a_storm),
	      cmocka_unit_test(keeps_nothing_it_cannot_time))
