// SPDX-License-Identifier: Apache-2.0
#include "agent/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sink/metrics.h"
#include "sink/prometheus.h"

#define TT_METRICS_MAX (256u << 20)

struct tt_outputs {
	const struct tt_config *config;
	struct tt_pipeline *pipeline;
	struct tt_series_set *series;
	struct tt_outputs_about about;
};

int tt_outputs_new(struct tt_outputs **ret, const struct tt_config *config, struct tt_pipeline *pipeline)
{
	struct tt_outputs *o = calloc(1, sizeof(*o));
	struct tt_sink *sink = NULL;

	if (!o)
		return -ENOMEM;
	o->config = config;
	o->pipeline = pipeline;
	int r = tt_series_set_new(&o->series, &config->limits);
	if (r == 0)
		r = tt_metrics_new(&sink, o->series);
	if (r == 0)
		r = tt_pipeline_add(pipeline, sink);
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
	free(o);
	return NULL;
}

void tt_outputs_describe(struct tt_outputs *o, const struct tt_outputs_about *about)
{
	o->about = *about;
}

void tt_outputs_stream_to(struct tt_outputs *o, struct tt_mailbox *mailbox)
{
}

void tt_outputs_render(void *outputs, const struct tt_ask *ask, struct tt_answer *answer)
{
	struct tt_outputs *o = outputs;
	tt_prometheus_write(&answer->body, o->series);
}

int tt_outputs_write_metrics(struct tt_outputs *o, const char *path)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TT_METRICS_MAX);
	int r = tt_prometheus_write(&text, o->series);
	if (r < 0)
		return r;
	tt_close_auto int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < text.len;) {
		ssize_t n = write(fd, text.data + at, text.len - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int tt_outputs_write_summary(struct tt_outputs *o, int fd)
{
	struct tt_stream_stats st;
	tt_pipeline_stats(o->pipeline, &st);
	dprintf(fd, "%llu exchanges %llu incomplete %llu holes %llu chunks\n", (unsigned long long)st.exchanges, (unsigned long long)st.incomplete, (unsigned long long)st.holes, (unsigned long long)st.chunks);
	return 0;
}
