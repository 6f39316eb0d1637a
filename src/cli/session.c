// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/protocols.h"
#include "sink/jsonl.h"
#include "source/recording.h"

/* Files are opened at the start: at the end nobody may be allowed to any more. */
static int tt_session_file(const char *path, int how, mode_t mode)
{
	return strcmp(path, "-") == 0 ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | how | O_CLOEXEC, mode);
}

static int tt_session_metrics(struct tt_session *s)
{
	const char *path = s->config->metrics;
	struct tt_config_name name;

	if (!path)
		return 0;
	s->metrics_fd = tt_session_file(path, O_TRUNC, 0644);
	return s->metrics_fd < 0 ? tt_error_errno(-errno, "%s %s", tt_config_name(&name, s->config, "metrics", "--metrics"), path)
				 : 0;
}

static int tt_session_json(struct tt_session *s)
{
	const char *path = s->config->json;
	const struct tt_jsonl_options options = {.show_values = s->config->show_values, .no_times = s->config->no_times};
	struct tt_sink *sink = NULL;
	struct tt_config_name name;

	if (!path)
		return 0;
	s->json_fd = tt_session_file(path, s->config->json_append ? O_APPEND : O_TRUNC, 0640);
	if (s->json_fd < 0)
		return tt_error_errno(-errno, "%s %s", tt_config_name(&name, s->config, "json", "--json"), path);
	int r = tt_jsonl_new(&sink, s->json_fd, &options);
	if (r == 0)
		r = tt_pipeline_add(s->pipeline, sink);
	if (r < 0)
		return tt_error_errno(r, "%s %s", tt_config_name(&name, s->config, "json", "--json"), path);
	tt_outputs_json(s->outputs, sink);
	return 0;
}

static int tt_session_record(struct tt_session *s)
{
	const char *path = s->config->record;
	struct tt_config_name name;

	if (!path)
		return 0;
	s->record_fd = tt_recording_create(path);
	int r = s->record_fd < 0 ? s->record_fd : tt_recording_new(&s->recording, s->record_fd);
	if (r == 0)
		r = tt_recorder_new(&s->recorder, s->recording, s->pipeline);
	if (r < 0)
		return tt_error_errno(r, "%s %s", tt_config_name(&name, s->config, "record", "--record"), path);
	tt_warn("%s will hold raw payload, nothing in it is redacted", path);
	tt_pipeline_set_tap(s->pipeline, tt_recorder_tap, s->recorder);
	return 0;
}

int tt_session_where(struct tt_where **ret, const struct tt_config *config)
{
	struct tt_where_error wrong;
	int r = 0;

	for (size_t i = 0; i < config->where.count && r == 0; i++)
		r = tt_where_add(ret, config->where.list[i], &wrong);
	if (r == -ENOSPC)
		return tt_error("--where: more than %d conditions", TT_WHERE_MOST), r;
	return r < 0 ? tt_error_errno(r, "--where") : 0;
}

static int tt_session_build(struct tt_session *s, struct tt_source *source, bool use_proc)
{
	const char *unknown = NULL;
	size_t count = 0;

	int r = tt_protocols_choose(s->config, &s->protos, &count, &unknown);
	if (r < 0) {
		tt_source_free(source);
		if (r == -ENOENT)
			tt_error("--protocol %s: no such protocol", unknown);
		return r;
	}
	r = tt_session_where(&s->where, s->config);
	if (r < 0) {
		tt_source_free(source);
		return r;
	}
	const struct tt_pipeline_config pipeline = {.limits = &s->config->limits,
						    .protos = s->protos,
						    .proto_count = count,
						    .use_proc = use_proc,
						    .show_values = s->config->show_values,
						    .header_tables = s->config->uprobes || !use_proc,
						    .where = s->where};
	r = tt_pipeline_new(&s->pipeline, &pipeline, source);
	if (r == 0)
		r = tt_outputs_new(&s->outputs, s->config, s->pipeline,
				   use_proc || s->config->metrics ? TT_OUTPUTS_SERVE : TT_OUTPUTS_SUMMARY);
	if (r < 0)
		return tt_error_errno(r, "starting");
	r = tt_session_json(s);
	if (r == 0)
		r = tt_session_metrics(s);
	return r < 0 ? r : tt_session_record(s);
}

int tt_session_open(struct tt_session *ret, struct tt_config *config, struct tt_source *source, bool use_proc)
{
	struct tt_session s = TT_SESSION_NONE;

	s.config = config;
	int r = tt_session_build(&s, source, use_proc);
	if (r < 0) {
		tt_session_close(&s);
		return r;
	}
	*ret = s;
	return 0;
}

int tt_session_close(struct tt_session *s)
{
	int failure = s->pipeline ? tt_pipeline_finish(s->pipeline) : 0;
	if (failure < 0)
		tt_error_errno(failure, "writing %s", s->config->json ? s->config->json : "output");

	int r = s->recording ? tt_recording_flush(s->recording) : 0;
	if (r < 0)
		failure = tt_error_errno(r, "writing %s", s->config->record);
	if (s->outputs && s->metrics_fd >= 0) {
		r = tt_outputs_write_metrics(s->outputs, s->metrics_fd);
		if (r < 0)
			failure = tt_error_errno(r, "writing %s", s->config->metrics);
	}
	/* Sinks belong to the pipeline and read what outputs own: the pipeline goes first. */
	s->pipeline = tt_pipeline_free(s->pipeline);
	s->outputs = tt_outputs_free(s->outputs);
	s->recorder = tt_recorder_free(s->recorder);
	s->recording = tt_recording_free(s->recording);
	free((void *)s->protos);
	s->where = tt_where_free(s->where);
	if (s->json_fd >= 0)
		close(s->json_fd);
	if (s->record_fd >= 0)
		close(s->record_fd);
	if (s->metrics_fd >= 0)
		close(s->metrics_fd);
	*s = TT_SESSION_NONE;
	return failure;
}
