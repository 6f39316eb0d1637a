// SPDX-License-Identifier: Apache-2.0
#include "sink/window.h"

#include "harness/unit.h"

#define S UINT64_C(1000000000)

static struct tt_window w;
static struct tt_figures f;

static struct tt_figures figures(const struct tt_window *of, uint64_t now_ns)
{
	tt_figures_free(&f);
	tt_figures_add(&f, of, now_ns);
	return f;
}

static int tear_down(void **state)
{
	tt_figures_free(&f);
	tt_window_free(&w);
	return 0;
}

static void forgets_what_is_old(void **state)
{
	for (uint64_t t = 100; t < 130; t++)
		tt_window_add(&w, t * S, t % 10 == 0 ? TT_RESULT_FAILED : TT_RESULT_OK, true, 1000000);
	assert_int_equal(figures(&w, 129 * S).lately, 30);
	assert_int_equal(figures(&w, 129 * S).failed_lately, 3);
	assert_int_equal(figures(&w, 134 * S).lately, 25);
	assert_int_equal(figures(&w, 154 * S).lately, 5);
	assert_int_equal(figures(&w, 155 * S).lately, 0);
	assert_int_equal(figures(&w, 1000 * S).count, 30);
	assert_int_equal(figures(&w, 1000 * S).failed, 3);
	assert_int_equal(figures(&w, 1000 * S).last_ns, 129 * S);

	/* A slot is used again only after it was emptied. */
	tt_window_add(&w, 160 * S, TT_RESULT_OK, false, 0);
	assert_int_equal(figures(&w, 160 * S).lately, 1);
}

static void covers_less_after_the_start(void **state)
{
	assert_int_equal(tt_window_length(100 * S, 100 * S), S);
	assert_int_equal(tt_window_length(100 * S, 112 * S), 12 * S);
	assert_int_equal(tt_window_length(100 * S, 200 * S), 25 * S);
	assert_int_equal(tt_window_length(100 * S, 204 * S), 29 * S);
	assert_int_equal(tt_window_length(0, 3 * S), 3 * S);
}

static void shows_figures(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(1024);
	struct tt_json j = tt_json(&b);

	for (int i = 0; i < 100; i++)
		tt_window_add(&w, 100 * S, i < 10 ? TT_RESULT_FAILED : i < 15 ? TT_RESULT_UNKNOWN : TT_RESULT_OK, true, 3000000);
	tt_window_add(&w, 100 * S, TT_RESULT_FAILED, false, 0); /* untimed: counts, but makes nothing slower */
	figures(&w, 110 * S);
	tt_json_object(&j);
	tt_figures_json(&j, &f, 10 * S);
	tt_json_object_end(&j);
	tt_figures_free(&f);
	tt_json_object(&j);
	tt_figures_json(&j, &f, 10 * S);
	tt_json_object_end(&j);
	tt_buf_add_char(&b, 0);
	assert_string_equal((char *)b.data, "{\"count\":101,\"failed\":11,\"unknown\":5,\"rate\":10.100,\"error_rate\":1.100,"
					    "\"unknown_rate\":0.500,\"p50_ns\":3000000,\"p95_ns\":3000000,\"p99_"
					    "ns\":3000000},"
					    "{\"count\":0,\"failed\":0,\"unknown\":0,\"rate\":0.000,\"error_rate\":0.000,"
					    "\"unknown_rate\":0.000,\"p50_ns\":null,\"p95_ns\":null,\"p99_ns\":null}");
}

static void keeps_extremes_and_bytes(void **state)
{
	uint64_t ns;

	tt_window_time(&w, S, 0);
	tt_window_bytes(&w, S, 77);
	figures(&w, S);
	assert_int_equal(f.count, 0);
	assert_int_equal(f.bytes_lately, 77);
	assert_true(tt_durations_quantile(&f.durations, 1, &ns));
	assert_int_equal(ns, 0);
	tt_window_time(&w, S, UINT64_MAX);
	figures(&w, S);
	assert_true(tt_durations_quantile(&f.durations, 1, &ns));
	assert_true(ns == UINT64_MAX);
}

/* What was slow in one slot is the bound as long as that slot counts, and no longer. */
static void no_percentile_is_beyond_the_slowest(void **state)
{
	uint64_t ns;

	for (int i = 0; i < 50; i++)
		tt_window_add(&w, 100 * S, TT_RESULT_OK, true, 1100000);
	tt_window_add(&w, 112 * S, TT_RESULT_OK, true, 1300000);
	figures(&w, 112 * S);
	assert_true(tt_durations_quantile(&f.durations, 0.99, &ns));
	assert_in_range(ns, 1100000, 1300000);
	tt_window_add(&w, 131 * S, TT_RESULT_OK, true, 900000);
	figures(&w, 145 * S);
	assert_true(tt_durations_quantile(&f.durations, 0.99, &ns));
	assert_int_equal(ns, 900000);
	figures(&w, 1000 * S);
	assert_false(tt_durations_quantile(&f.durations, 0.99, &ns));
}

#define CLEAN(test) cmocka_unit_test_teardown(test, tear_down)

TT_UNIT_TESTS(CLEAN(forgets_what_is_old), CLEAN(covers_less_after_the_start), CLEAN(shows_figures),
	      CLEAN(keeps_extremes_and_bytes), CLEAN(no_percentile_is_beyond_the_slowest))
