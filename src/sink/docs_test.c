// SPDX-License-Identifier: Apache-2.0
/*
 * docs/metrics.md and docs/json.md list exactly what is written: the documents' tables are read here and compared with what comes
 * out. With a file name as argument the exposition of all families is written there, for promtool.
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness/event.h"
#include "harness/unit.h"
#include "sink/api.h"
#include "sink/jsonl.h"
#include "sink/map.h"
#include "sink/metrics.h"
#include "sink/prometheus.h"

/* The whole document, ended by 0; the caller frees it. Tests run in the tree's root or in a build directory below it. */
static char *slurp(const char *name)
{
	static const char *const places[] = {"docs", "../docs"};
	FILE *f = NULL;
	for (size_t i = 0; i < TT_ARRAY_LEN(places) && !f; i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		f = fopen(path, "re");
	}
	if (!f)
		fail_msg("cannot read docs/%s", name);
	char *text = calloc(1, 1u << 18);
	assert_true(fread(text, 1, (1u << 18) - 1, f) > 0);
	fclose(f);
	return text;
}

/* --- an exposition with every family and every label ---------------------------------------------------------------------------
 */

static const char *const protocols[] = {"http", "grpc", "mysql", "kafka", "dns"};

static void fill(struct tt_sink *metrics, struct tt_sink *map)
{
	for (size_t p = 0; p < TT_ARRAY_LEN(protocols); p++) {
		for (int role = TT_ROLE_CLIENT; role <= TT_ROLE_SERVER; role++) {
			struct tt_made m;
			tt_made_init(&m, protocols[p], role);
			tt_made_texts(&m, "GET", "thing", "500");
			tt_message_fail(&m.response, TT_SPAN_LIT("500"));
			tt_message_attr(&m.request, "db.namespace", TT_SPAN_LIT("shop"));
			m.e.route = TT_SPAN_LIT("/thing");
			snprintf(m.self.container_id, sizeof(m.self.container_id), "c0ffee");
			m.ends.peer.port++; /* each end a flow of its own */
			metrics->ops->exchange(metrics, &m.e, &m.x);
			map->ops->exchange(map, &m.e, &m.x);
			struct tt_conn_report r = {.ends = &m.ends,
						   .opened = true,
						   .connect_ns = 1,
						   .tx_bytes = 1,
						   .rx_bytes = 1,
						   .retransmits = 1,
						   .resets = 1,
						   .rtt_us = 1};
			metrics->ops->connection(metrics, &m.e, &r);
			r = (struct tt_conn_report){.ends = &m.ends, .connect_failed = true, .error = 111};
			metrics->ops->connection(metrics, &m.e, &r);
			tt_made_free(&m);
		}
	}
	map->ops->flush(map);
}

/* Families of tools inside the agent have nothing but deltas: one with every label. */
static void fill_by_deltas(struct tt_sink *metrics, const struct tt_series_set *set)
{
	static const uint64_t buckets[TT_BUCKETS] = {[10] = 1};

	for (int i = 0; i < tt_series_families(set); i++) {
		const struct tt_metric_family *f = tt_series_family_at(set, i);
		struct tt_label labels[TT_SERIES_LABELS];
		struct tt_delta d = {.metric = f->name, .labels = labels, .count = 1, .sum_ns = 1};
		if (strncmp(f->name, "process_", 8) != 0 && strncmp(f->name, "system_", 7) != 0)
			continue;
		for (; d.label_count < TT_SERIES_LABELS && f->labels[d.label_count]; d.label_count++)
			labels[d.label_count] = (struct tt_label){f->labels[d.label_count], TT_SPAN_LIT("x")};
		d.buckets = f->type == TT_HISTOGRAM ? buckets : NULL;
		assert_null(tt_series_next(set, i, NULL));
		metrics->ops->delta(metrics, &d);
	}
}

/* The families' declared types and labels are what is compared, so the store outlives the call. */
static struct tt_series_set *everything(struct tt_buf *out)
{
	struct tt_limits limits;
	struct tt_series_set *set = NULL;
	struct tt_sink *metrics = NULL;
	struct tt_sink *map = NULL;
	struct tt_source_stats source = {0};
	struct tt_stream_stats streams = {0};
	struct tt_join_stats join;
	struct tt_selfstats_bpf bpf = {.program = "sys_exit", .runs = 1, .run_ns = 1, .missed = 1};
	const struct tt_selfstats_tool tool = {.tool = "io", .cause = "rows_full", .count = 1};

	tt_limits_init(&limits);
	assert_int_equal(tt_series_set_new(&set, &limits), 0);
	assert_int_equal(tt_metrics_new(&metrics, set), 0);
	assert_int_equal(tt_map_new(&map, &limits, set), 0);
	fill(metrics, map);
	fill_by_deltas(metrics, set);
	assert_int_equal(tt_prometheus_write(out, set), 0);
	tt_map_stats(map, &join);
	struct tt_selfstats self = {.version = "1",
				    .source = &source,
				    .streams = &streams,
				    .series = set,
				    .map = &join,
				    .bpf = &bpf,
				    .bpf_count = 1,
				    .bpf_timed = true,
				    .tools = &tool,
				    .tool_count = 1};
	tt_selfstats_write(out, &self);
	assert_int_equal(tt_buf_add_char(out, 0), 0);
	tt_sink_free(metrics);
	tt_sink_free(map);
	return set;
}

/* --- docs/metrics.md
 * ------------------------------------------------------------------------------------------------------------ */

/* The row of the family in the document, or NULL. */
static const char *row_of(const char *doc, const char *family, size_t len)
{
	for (const char *at = doc; (at = strstr(at, "\n| `")); at++) {
		if (strncmp(at + 4, family, len) == 0 && at[4 + len] == '`')
			return at + 1;
	}
	return NULL;
}

/* The third cell of a row says: `a`, `b`. Is this label among them? */
static bool row_has_label(const char *row, const char *label, size_t len)
{
	const char *cell = row;
	for (int i = 0; i < 2; i++)
		cell = strchr(cell + 1, '|');
	const char *end = strchr(cell + 1, '|');
	for (const char *at = cell; (at = strchr(at, '`')) && at < end; at++) {
		if (strncmp(at + 1, label, len) == 0 && at[1 + len] == '`')
			return true;
	}
	return false;
}

static int row_labels(const char *row)
{
	const char *cell = row;
	int marks = 0;
	for (int i = 0; i < 2; i++)
		cell = strchr(cell + 1, '|');
	for (cell++; *cell != '|'; cell++)
		marks += *cell == '`';
	return marks / 2;
}

static void every_family_is_documented(void **state)
{
	tt_free_auto char *doc = slurp("metrics.md");
	tt_buf_auto struct tt_buf out = TT_BUF(1u << 22);
	struct tt_series_set *set = everything(&out);
	int families = 0;

	for (const char *at = (char *)out.data; (at = strstr(at, "# TYPE ")); families++) {
		at += 7;
		size_t len = strcspn(at, " ");
		const char *row = row_of(doc, at, len);
		if (!row)
			fail_msg("docs/metrics.md does not list %.*s", (int)len, at);
		const char *type = at + len + 1;
		size_t type_len = strcspn(type, "\n");
		if (strncmp(strchr(row + 1, '|') + 2, type, type_len) != 0)
			fail_msg("%.*s is a %.*s", (int)len, at, (int)type_len, type);
	}

	int rows = 0;
	for (const char *at = doc; (at = strstr(at, "\n| `")); at += 4)
		rows++;
	assert_int_equal(rows, families); /* and nothing that is not there */
	set = tt_series_set_free(set);
}

static void every_label_is_documented(void **state)
{
	tt_free_auto char *doc = slurp("metrics.md");
	tt_buf_auto struct tt_buf out = TT_BUF(1u << 22);
	struct tt_series_set *set = everything(&out);

	for (int i = 0; i < tt_series_families(set); i++) {
		const struct tt_metric_family *f = tt_series_family_at(set, i);
		const char *row = row_of(doc, f->name, strlen(f->name));
		int labels = 0;
		assert_non_null(row);
		for (; labels < TT_SERIES_LABELS && f->labels[labels]; labels++) {
			char shown[64];
			snprintf(shown, sizeof(shown), "%s=\"", f->labels[labels]);
			if (!row_has_label(row, f->labels[labels], strlen(f->labels[labels])))
				fail_msg("%s: label %s is not documented", f->name, f->labels[labels]);
			if (!strstr((char *)out.data, shown))
				fail_msg("%s: label %s was not written by this test", f->name, f->labels[labels]);
		}
		assert_int_equal(row_labels(row), labels);
	}
	set = tt_series_set_free(set);
}

/* The self-statistics: samples and rows, label by label. */
static void every_self_label_is_documented(void **state)
{
	tt_free_auto char *doc = slurp("metrics.md");
	tt_buf_auto struct tt_buf out = TT_BUF(1u << 22);
	struct tt_series_set *set = everything(&out);

	for (const char *at = (char *)out.data; (at = strstr(at, "\ntelltale_")); at++) {
		size_t len = strcspn(at + 1, "{ ");
		const char *row = row_of(doc, at + 1, len);
		assert_non_null(row);
		if (at[1 + len] != '{') {
			assert_int_equal(row_labels(row), 0);
			continue;
		}
		int labels = 0;
		for (const char *label = at + 1 + len; *label != '}'; label += strcspn(label, ",}"), labels++) {
			label++;
			assert_true(row_has_label(row, label, strcspn(label, "=")));
		}
		assert_int_equal(row_labels(row), labels);
	}
	for (int i = 0; i < TT_LOSS_MAX; i++) {
		char cause[64];
		snprintf(cause, sizeof(cause), "`%s`", tt_loss_cause_name(i));
		if (!strstr(doc, cause))
			fail_msg("docs/metrics.md does not explain %s", cause);
	}
	set = tt_series_set_free(set);
}

/* --- docs/json.md
 * --------------------------------------------------------------------------------------------------------------- */

/* The first table's fields, in order, are the line's keys, in order. */
static void every_field_is_documented(void **state)
{
	tt_free_auto char *doc = slurp("json.md");
	tt_buf_auto struct tt_buf line = TT_BUF(1u << 20);
	struct tt_made m;
	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	assert_int_equal(tt_jsonl_write(&line, &m.e, &m.x, &(struct tt_jsonl_options){0}), 0);
	tt_buf_add_char(&line, 0);
	tt_made_free(&m);

	const char *at = (char *)line.data;
	const char *end = strstr(strstr(doc, "| Field |"), "\n\n");
	for (const char *field = strchr(strstr(doc, "| Field |"), '\n'); field && field < end; field = strchr(field + 1, '\n')) {
		const char *stop = strstr(field, " | ");
		for (const char *mark = strchr(field, '`'); mark && mark < stop; mark = strchr(strchr(mark + 1, '`') + 1, '`')) {
			char key[64];
			snprintf(key, sizeof(key), "\"%.*s\":", (int)strcspn(mark + 1, "`"), mark + 1);
			const char *found = strstr(at, key);
			if (!found || (found[-1] != ',' && found[-1] != '{'))
				fail_msg("%s is not where docs/json.md says, in %s", key, at);
			/* Nothing between the last documented key and this one but a value. */
			for (const char *c = at + 1; at != (char *)line.data && c + 2 < found; c++) {
				if (c[0] == ',' && c[1] == '"')
					fail_msg("not documented: %.40s", c + 1);
			}
			at = found;
		}
	}
	assert_int_equal(strncmp(at, "\"attributes\":", 13), 0); /* the last one */
}

static int write_exposition(const char *path)
{
	tt_buf_auto struct tt_buf out = TT_BUF(1u << 22);
	FILE *f = fopen(path, "we");
	if (!f)
		return 1;
	struct tt_series_set *set = everything(&out);
	size_t n = fwrite(out.data, 1, out.len - 1, f);
	set = tt_series_set_free(set);
	return fclose(f) != 0 || n != out.len - 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_family_is_documented),
		cmocka_unit_test(every_label_is_documented),
		cmocka_unit_test(every_self_label_is_documented),
		cmocka_unit_test(every_field_is_documented),
	};
	if (argc > 1)
		return write_exposition(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
