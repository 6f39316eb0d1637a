// SPDX-License-Identifier: Apache-2.0
#include "agent/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/self.h"
#include "sink/api.h"
#include "sink/jsonl.h"
#include "sink/map.h"
#include "sink/metrics.h"
#include "sink/recent.h"
#include "sink/services.h"
#include "sink/summary.h"
#include "sink/totals.h"

#define TT_SUMMARY_ROWS 40
#define TT_SUMMARY_MAX (1u << 20)

struct tt_outputs {
	const struct tt_config *config;
	struct tt_pipeline *pipeline;
	struct tt_series_set *series;
	/* The pipeline's. */
	struct tt_sink *metrics;
	struct tt_sink *map;
	struct tt_sink *services;
	struct tt_sink *recent;
	struct tt_sink *summary;
	const struct tt_sink *json; /* NULL: none */
	struct tt_self *self;
	struct tt_mailbox *mailbox;    /* of watching clients; NULL: none */
	struct tt_outputs_tools tools; /* self.ctx NULL: none */
};

/* Gives the sink to the pipeline and remembers it. */
static int tt_outputs_add(struct tt_outputs *o, int made, struct tt_sink **at, struct tt_sink **sink)
{
	if (made < 0)
		return made;
	int r = tt_pipeline_add(o->pipeline, *sink);
	if (r == 0)
		*at = *sink;
	return r;
}

/* What is served. */
static int tt_outputs_build_all(struct tt_outputs *o)
{
	const struct tt_limits *limits = &o->config->limits;
	const struct tt_jsonl_options shown = {.show_values = o->config->show_values};
	struct tt_sink *sink = NULL;

	int r = tt_series_set_new(&o->series, limits);
	if (r == 0)
		r = tt_outputs_add(o, tt_metrics_new(&sink, o->series), &o->metrics, &sink);
	if (r == 0)
		r = tt_outputs_add(o, tt_map_new(&sink, limits, o->series), &o->map, &sink);
	if (r == 0)
		r = tt_outputs_add(o, tt_services_new(&sink, limits), &o->services, &sink);
	if (r == 0)
		r = tt_outputs_add(o, tt_recent_new(&sink, limits, &shown), &o->recent, &sink);
	return r;
}

static int tt_outputs_build(struct tt_outputs *o, enum tt_outputs_use use)
{
	struct tt_sink *sink = NULL;

	int r = use == TT_OUTPUTS_SERVE ? tt_outputs_build_all(o) : 0;
	if (r == 0)
		r = tt_outputs_add(o, tt_summary_new(&sink, &o->config->limits), &o->summary, &sink);
	return r == 0 ? tt_self_new(&o->self, o->pipeline) : r;
}

int tt_outputs_new(struct tt_outputs **ret, const struct tt_config *config, struct tt_pipeline *pipeline, enum tt_outputs_use use)
{
	struct tt_outputs *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;

	o->config = config;
	o->pipeline = pipeline;
	int r = tt_outputs_build(o, use);
	if (r < 0) {
		tt_outputs_free(o);
		return r;
	}
	*ret = o;
	return 0;
}

struct tt_outputs *tt_outputs_free(struct tt_outputs *o)
{
	if (!o)
		return NULL;
	o->series = tt_series_set_free(o->series);
	o->self = tt_self_free(o->self);
	free(o);
	return NULL;
}

void tt_outputs_describe(struct tt_outputs *o, const struct tt_outputs_about *about)
{
	tt_self_describe(o->self, about->scope, about->hooks);
}

void tt_outputs_set_tools(struct tt_outputs *o, const struct tt_outputs_tools *tools)
{
	o->tools = *tools;
	tt_self_set_tools(o->self, &tools->self);
}

void tt_outputs_json(struct tt_outputs *o, const struct tt_sink *json)
{
	o->json = json;
}

/* The figures of now. */
static const struct tt_selfstats *tt_outputs_self(struct tt_outputs *o)
{
	struct tt_selfstats *s = tt_self_look(o->self);

	s->series = o->series;
	s->bad_deltas = tt_metrics_bad_deltas(o->metrics);
	s->recent_dropped = tt_recent_dropped(o->recent);
	s->operations_expired = tt_services_expired(o->services);
	if (o->json) {
		uint64_t written;
		tt_jsonl_counts(o->json, &written, &s->output_dropped);
	}
	if (o->mailbox) {
		struct tt_mailbox_stats stats;
		tt_mailbox_get_stats(o->mailbox, &stats);
		s->watches = stats.watches;
		s->watch_dropped = stats.dropped;
	}
	tt_map_stats(o->map, tt_self_map(o->self));
	return s;
}

static struct tt_api tt_outputs_api(struct tt_outputs *o, struct tt_span path)
{
	if (o->tools.self.ctx && tt_span_eq(path, TT_SPAN_LIT("/metrics")))
		o->tools.collect(o->tools.self.ctx);
	return (struct tt_api){
		.map = o->map,
		.services = o->services,
		.recent = o->recent,
		.series = o->series,
		.self = tt_outputs_self(o),
		.wall_minus_mono_ns = tt_pipeline_wall_minus_mono(o->pipeline),
	};
}

void tt_outputs_render(void *outputs, const struct tt_ask *ask, struct tt_answer *answer)
{
	const struct tt_outputs *o = outputs;

	if (o->tools.self.ctx) {
		int status = o->tools.render(o->tools.self.ctx, ask->path, ask->query, &answer->body, &answer->content_type);
		if (status) {
			answer->status = status;
			return;
		}
	}
	const struct tt_api api = tt_outputs_api(outputs, ask->path);
	answer->status = tt_api_render(&api, ask->path, ask->query, &answer->body, &answer->content_type);
}

static int tt_write_all(int fd, struct tt_span s)
{
	while (s.len) {
		ssize_t n = write(fd, s.data, s.len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			s = tt_span_sub(s, (size_t)n, s.len);
	}
	return 0;
}

int tt_outputs_write_metrics(struct tt_outputs *o, int fd)
{
	const struct tt_api api = tt_outputs_api(o, TT_SPAN_LIT("/metrics"));
	tt_buf_auto struct tt_buf text = TT_BUF(o->config->limits.value[TT_LIMIT_ANSWER_BYTES]);
	const char *type;

	if (tt_api_render(&api, TT_SPAN_LIT("/metrics"), tt_span(NULL, 0), &text, &type) != 200)
		return -ENOBUFS;
	return tt_write_all(fd, tt_buf_span(&text));
}

int tt_outputs_write_summary(struct tt_outputs *o, int fd)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TT_SUMMARY_MAX);
	const struct tt_selfstats *self = tt_self_look(o->self);
	struct tt_pcap_stats capture;
	struct tt_totals totals = {
		.source = self->source, .streams = self->streams, .filtered = tt_pipeline_filtered(o->pipeline)};

	if (tt_pcap_stats(tt_pipeline_source(o->pipeline), &capture))
		totals.capture = &capture;
	tt_summary_write(&text, o->summary, TT_SUMMARY_ROWS);
	tt_totals_write(&text, &totals);
	return tt_write_all(fd, tt_buf_span(&text));
}

/* --- the stream of exchanges for watching clients
 * ------------------------------------------------------------------------------- */

struct tt_stream_sink {
	struct tt_sink sink;
	struct tt_mailbox *mailbox;
	struct tt_jsonl_options options;
	struct tt_buf line;
};

static void tt_stream_exchange(struct tt_sink *s, const struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_stream_sink *stream = (struct tt_stream_sink *)s;

	if (!tt_mailbox_watched(stream->mailbox))
		return;
	tt_buf_clear(&stream->line);
	if (tt_jsonl_write(&stream->line, e, x, &stream->options) == 0)
		tt_mailbox_push(stream->mailbox, tt_span(stream->line.data, stream->line.len - 1)); /* without its newline */
}

static void tt_stream_free(struct tt_sink *s)
{
	tt_buf_free(&((struct tt_stream_sink *)s)->line);
	free(s);
}

static const struct tt_sink_ops stream_ops = {.name = "stream", .exchange = tt_stream_exchange, .free = tt_stream_free};

int tt_outputs_stream_to(struct tt_outputs *o, struct tt_mailbox *mailbox)
{
	struct tt_stream_sink *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	*stream = (struct tt_stream_sink){.sink.ops = &stream_ops,
					  .mailbox = mailbox,
					  .options.show_values = o->config->show_values,
					  .line = TT_BUF(TT_JSONL_MAX)};
	o->mailbox = mailbox;
	return tt_pipeline_add(o->pipeline, &stream->sink);
}
