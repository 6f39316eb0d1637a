// SPDX-License-Identifier: Apache-2.0
#include "sink/prometheus.h"

#include <errno.h>

static const char *const tt_prometheus_types[] = {
	[TT_COUNTER] = "counter", [TT_GAUGE] = "gauge", [TT_HISTOGRAM] = "histogram", [TT_SECONDS] = "counter"};

/* Nanoseconds as seconds, all digits that matter and no more. */
static void tt_prometheus_add_seconds(struct tt_buf *out, uint64_t ns)
{
	tt_buf_add_u64(out, ns / 1000000000);
	uint32_t rest = (uint32_t)(ns % 1000000000);
	if (!rest)
		return;
	char digits[10] = ".000000000";
	size_t len = sizeof(digits);
	for (size_t i = 9; i > 0; i--, rest /= 10)
		digits[i] = (char)('0' + rest % 10);
	while (digits[len - 1] == '0')
		len--;
	tt_buf_add(out, digits, len);
}

static void tt_prometheus_escape(struct tt_buf *out, struct tt_span s, bool quotes)
{
	for (size_t i = 0; i < s.len;) {
		size_t run = i;
		while (run < s.len && s.data[run] != '\\' && s.data[run] != '\n' && (s.data[run] != '"' || !quotes))
			run++;
		tt_buf_add(out, s.data + i, run - i);
		if (run < s.len) {
			char text[2] = {'\\', s.data[run] == '\n' ? 'n' : (char)s.data[run]};
			tt_buf_add(out, text, sizeof(text));
			run++;
		}
		i = run;
	}
}

void tt_prometheus_head(struct tt_buf *out, const char *name, const char *type, const char *help)
{
	tt_buf_add_str(out, "# HELP ");
	tt_buf_add_str(out, name);
	tt_buf_add_char(out, ' ');
	tt_prometheus_escape(out, tt_span_str(help), false);
	tt_buf_add_str(out, "\n# TYPE ");
	tt_buf_add_str(out, name);
	tt_buf_add_char(out, ' ');
	tt_buf_add_str(out, type);
	tt_buf_add_char(out, '\n');
}

/* name="value", with a comma before all but the first; nothing for an empty value. */
static void tt_prometheus_label(struct tt_buf *out, size_t from, const char *name, struct tt_span value)
{
	if (!value.len)
		return;
	if (out->len > from)
		tt_buf_add_char(out, ',');
	tt_buf_add_str(out, name);
	tt_buf_add_str(out, "=\"");
	tt_prometheus_escape(out, value, true);
	tt_buf_add_char(out, '"');
}

static void tt_prometheus_name(struct tt_buf *out, const char *name, const struct tt_label *labels, size_t count)
{
	tt_buf_add_str(out, name);
	size_t brace = out->len;
	tt_buf_add_char(out, '{');
	for (size_t i = 0; i < count; i++)
		tt_prometheus_label(out, brace + 1, labels[i].name, labels[i].value);
	if (out->len == brace + 1)
		out->len = brace;
	else
		tt_buf_add_char(out, '}');
	tt_buf_add_char(out, ' ');
}

void tt_prometheus_u64(struct tt_buf *out, const char *name, const struct tt_label *labels, size_t count, uint64_t v)
{
	tt_prometheus_name(out, name, labels, count);
	tt_buf_add_u64(out, v);
	tt_buf_add_char(out, '\n');
}

void tt_prometheus_seconds(struct tt_buf *out, const char *name, const struct tt_label *labels, size_t count, uint64_t ns)
{
	tt_prometheus_name(out, name, labels, count);
	tt_prometheus_add_seconds(out, ns);
	tt_buf_add_char(out, '\n');
}

/* --- the store
 * ------------------------------------------------------------------------------------------------------------------ */

/* What is the same in every line: made once a scrape (bounds) or once a series (labels). */
struct tt_exposition {
	struct tt_buf *out;
	const struct tt_metric_family *family;
	struct tt_buf labels;
	struct tt_buf bounds[TT_PROMETHEUS_LAST - TT_PROMETHEUS_FIRST + 2];
};

#define TT_PROMETHEUS_BOUNDS TT_ARRAY_LEN(((struct tt_exposition *)0)->bounds)

static void tt_exposition_init(struct tt_exposition *e, struct tt_buf *out)
{
	*e = (struct tt_exposition){.out = out, .labels = TT_BUF(TT_SERIES_LABELS * (TT_SERIES_LABEL_MAX * 2 + 128))};
	for (size_t i = 0; i < TT_PROMETHEUS_BOUNDS; i++) {
		e->bounds[i] = TT_BUF(64);
		tt_buf_add_str(&e->bounds[i], "le=\"");
		if (i + 1 < TT_PROMETHEUS_BOUNDS)
			tt_prometheus_add_seconds(&e->bounds[i], UINT64_C(1) << (TT_PROMETHEUS_FIRST + i));
		else
			tt_buf_add_str(&e->bounds[i], "+Inf");
		tt_buf_add_str(&e->bounds[i], "\"} ");
		e->out->failed |= e->bounds[i].failed;
	}
}

static void tt_exposition_free(struct tt_exposition *e)
{
	tt_buf_free(&e->labels);
	for (size_t i = 0; i < TT_PROMETHEUS_BOUNDS; i++)
		tt_buf_free(&e->bounds[i]);
}

static void tt_exposition_labels(struct tt_exposition *e, const struct tt_series_set *set, const struct tt_series *s)
{
	tt_buf_clear(&e->labels);
	if (s->overflow) {
		tt_prometheus_label(&e->labels, 0, "otel_metric_overflow", TT_SPAN_LIT("true"));
	} else {
		struct tt_span values[TT_SERIES_LABELS];
		tt_series_values(set, s, values);
		for (size_t i = 0; i < TT_SERIES_LABELS && e->family->labels[i]; i++)
			tt_prometheus_label(&e->labels, 0, e->family->labels[i], values[i]);
	}
	e->out->failed |= e->labels.failed;
}

/* name, suffix, labels; `last` is the text of one label more, brace and space included, or NULL. */
static void tt_exposition_name(struct tt_exposition *e, const char *suffix, const struct tt_buf *last)
{
	struct tt_buf *out = e->out;
	tt_buf_add_str(out, e->family->name);
	tt_buf_add_str(out, suffix);
	if (e->labels.len || last) {
		tt_buf_add_char(out, '{');
		tt_buf_add(out, e->labels.data, e->labels.len);
		if (e->labels.len && last)
			tt_buf_add_char(out, ',');
	}
	if (last)
		tt_buf_add(out, last->data, last->len);
	else
		tt_buf_add_str(out, e->labels.len ? "} " : " ");
}

static void tt_exposition_histogram(struct tt_exposition *e, const struct tt_histogram *h)
{
	struct tt_buf *out = e->out;
	uint64_t below = 0;
	unsigned bucket = 0;

	for (size_t i = 0; i < TT_PROMETHEUS_BOUNDS; i++) {
		unsigned to = i + 1 < TT_PROMETHEUS_BOUNDS ? TT_PROMETHEUS_FIRST + (unsigned)i : TT_BUCKET_LAST;
		while (bucket <= to)
			below += h->buckets[bucket++];
		tt_exposition_name(e, "_bucket", &e->bounds[i]);
		tt_buf_add_u64(out, below);
		tt_buf_add_char(out, '\n');
	}
	tt_exposition_name(e, "_sum", NULL);
	tt_prometheus_add_seconds(out, h->sum_ns);
	tt_buf_add_char(out, '\n');
	tt_exposition_name(e, "_count", NULL);
	tt_buf_add_u64(out, h->count);
	tt_buf_add_char(out, '\n');
}

int tt_prometheus_write(struct tt_buf *out, const struct tt_series_set *set)
{
	struct tt_exposition e;
	tt_exposition_init(&e, out);

	for (int i = 0; i < tt_series_families(set) && !out->failed; i++) {
		const struct tt_series *s = tt_series_next(set, i, NULL);
		if (!s)
			continue;
		e.family = tt_series_family_at(set, i);
		tt_prometheus_head(out, e.family->name, tt_prometheus_types[e.family->type], e.family->help);
		for (; s && !out->failed; s = tt_series_next(set, i, s)) {
			tt_exposition_labels(&e, set, s);
			if (s->histogram) {
				tt_exposition_histogram(&e, s->histogram);
				continue;
			}
			tt_exposition_name(&e, "", NULL);
			if (e.family->type == TT_SECONDS)
				tt_prometheus_add_seconds(out, s->value);
			else
				tt_buf_add_u64(out, s->value);
			tt_buf_add_char(out, '\n');
		}
	}
	tt_exposition_free(&e);
	return out->failed ? -ENOBUFS : 0;
}
