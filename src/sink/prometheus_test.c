// SPDX-License-Identifier: Apache-2.0
#include "sink/prometheus.h"

#include <errno.h>

#include "harness/unit.h"

static const struct tt_metric_family durations = {"durations_seconds", "How long.\nOr not \\.", TT_HISTOGRAM, {"a", "b"}};
static const struct tt_metric_family counts = {"things_total", "Things.", TT_COUNTER, {"a", "b"}};

static struct tt_series_set *set_of(uint64_t limit)
{
	struct tt_limits limits;
	struct tt_series_set *set = NULL;
	tt_limits_init(&limits);
	limits.value[TT_LIMIT_SERIES] = limit;
	assert_int_equal(tt_series_set_new(&set, &limits), 0);
	assert_int_equal(tt_series_family(set, &durations), 0);
	assert_int_equal(tt_series_family(set, &counts), 1);
	return set;
}

static struct tt_series *get(struct tt_series_set *set, int family, const char *a, const char *b)
{
	struct tt_span values[] = {tt_span_str(a), tt_span_str(b)};
	return tt_series_get(set, family, values);
}

static void writes_counters(void **state)
{
	struct tt_series_set *set = set_of(3);
	tt_buf_auto struct tt_buf b = TT_BUF(65536);

	tt_series_add(get(set, 1, "x\"y\\z\n", "2"), 7);
	tt_series_add(get(set, 1, "", "b"), 8);
	tt_series_add(get(set, 1, "", ""), 9);
	tt_series_add(get(set, 1, "more", "than fits"), 10);
	assert_int_equal(tt_prometheus_write(&b, set), 0);
	tt_buf_add_char(&b, 0);
	assert_string_equal((char *)b.data, "# HELP things_total Things.\n"
					    "# TYPE things_total counter\n"
					    "things_total{a=\"x\\\"y\\\\z\\n\",b=\"2\"} 7\n"
					    "things_total{b=\"b\"} 8\n"
					    "things_total 9\n"
					    "things_total{otel_metric_overflow=\"true\"} 10\n");
	set = tt_series_set_free(set);
}

static void writes_histograms(void **state)
{
	struct tt_series_set *set = set_of(3);
	tt_buf_auto struct tt_buf b = TT_BUF(65536);
	struct tt_series *s = get(set, 0, "x", "");

	tt_series_observe(s, 0);
	tt_series_observe(s, 1024);
	tt_series_observe(s, 1025);
	tt_series_observe(s, UINT64_C(1) << 36);
	tt_series_observe(s, (UINT64_C(1) << 36) + 1);
	tt_histogram_add_unknown(s->histogram);
	assert_int_equal(tt_prometheus_write(&b, set), 0);
	tt_buf_add_char(&b, 0);
	const char *text = (char *)b.data;
	assert_ptr_equal(strstr(text, "# HELP durations_seconds How long.\\nOr not \\\\.\n# TYPE durations_seconds histogram\n"
				      "durations_seconds_bucket{a=\"x\",le=\"0.000001024\"} 2\n"
				      "durations_seconds_bucket{a=\"x\",le=\"0.000002048\"} 3\n"
				      "durations_seconds_bucket{a=\"x\",le=\"0.000004096\"} 3\n"),
			 text);
	assert_non_null(strstr(text, "durations_seconds_bucket{a=\"x\",le=\"34.359738368\"} 3\n"
				     "durations_seconds_bucket{a=\"x\",le=\"68.719476736\"} 4\n"
				     "durations_seconds_bucket{a=\"x\",le=\"+Inf\"} 6\n"
				     "durations_seconds_sum{a=\"x\"} 137.438955522\n"
				     "durations_seconds_count{a=\"x\"} 6\n"));
	set = tt_series_set_free(set);
}

static void writes_single_samples(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(4096);
	struct tt_label labels[] = {{"cause", TT_SPAN_LIT("ring_full")}, {"none", TT_SPAN_LIT("")}};

	tt_prometheus_head(&b, "x_total", "counter", "X.");
	tt_prometheus_u64(&b, "x_total", labels, 2, 5);
	tt_prometheus_u64(&b, "x_total", NULL, 0, UINT64_MAX);
	tt_prometheus_seconds(&b, "x_seconds", NULL, 0, 1500000000);
	tt_prometheus_seconds(&b, "x_seconds", NULL, 0, 3000000000);
	tt_prometheus_seconds(&b, "x_seconds", NULL, 0, 1);
	tt_buf_add_char(&b, 0);
	assert_string_equal((char *)b.data, "# HELP x_total X.\n# TYPE x_total counter\nx_total{cause=\"ring_full\"} 5\n"
					    "x_total 18446744073709551615\nx_seconds 1.5\nx_seconds 3\nx_seconds 0.000000001\n");
}

static void says_when_it_is_too_much(void **state)
{
	struct tt_series_set *set = set_of(3);
	tt_series_observe(get(set, 0, "x", ""), 1);
	for (size_t max = 0; max < 1500; max += 7) {
		tt_buf_auto struct tt_buf b = TT_BUF(max);
		assert_int_equal(tt_prometheus_write(&b, set), -ENOBUFS);
		assert_true(b.len <= max);
	}
	set = tt_series_set_free(set);
}

TT_UNIT_TESTS(cmocka_unit_test(writes_counters), cmocka_unit_test(writes_histograms), cmocka_unit_test(writes_single_samples),
	      cmocka_unit_test(says_when_it_is_too_much))
