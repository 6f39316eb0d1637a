// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "source/file.h"
#include "source/recording.h"

#define TT_READ_BUDGET 4096

static int tt_read_all(struct tt_session *session, const char *name, struct tt_progress *progress)
{
	struct tt_stream_stats stats;
	int r;

	while ((r = tt_pipeline_run(session->pipeline, TT_READ_BUDGET)) > 0) {
		tt_pipeline_stats(session->pipeline, &stats);
		tt_progress_show(progress, tt_file_source_offset(tt_pipeline_source(session->pipeline)), stats.exchanges);
	}
	tt_progress_clear(progress);
	if (r == -ENODATA || r == 0)
		return 0;
	const char *what = tt_file_source_error(tt_pipeline_source(session->pipeline));
	if (what[0])
		tt_error("%s", what);
	else
		tt_error_errno(r, "%s", name);
	return r;
}

/* A file of any size is read in less than 64 MB: limits that nobody set are lower than those of an agent. */
static const struct {
	enum tt_limit limit;
	uint64_t value;
} tt_read_limits[] = {
	{TT_LIMIT_CONNECTIONS, 12288},
	{TT_LIMIT_MESSAGES, 12288},
	{TT_LIMIT_MESSAGE_BYTES, 8u << 20},
	{TT_LIMIT_STREAM_TOTAL_BYTES, 8u << 20},
	{TT_LIMIT_PCAP_HOLD_TOTAL_BYTES, 4u << 20},
};

/* Of a recording the same exchanges are wanted as when it was made. */
static bool tt_read_is_recording(int fd)
{
	uint8_t head[8];

	return pread(fd, head, sizeof(head), 0) == sizeof(head) && tt_recording_known(tt_span(head, sizeof(head)));
}

static void tt_read_spare(struct tt_limits *limits)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_read_limits); i++) {
		enum tt_limit limit = tt_read_limits[i].limit;
		if (limits->value[limit] == tt_limit_rows[limit].preset)
			limits->value[limit] = tt_read_limits[i].value;
	}
}

/* Everything before a damage is reported, and then the damage. */
static int tt_read_file(struct tt_config *config, const char *name)
{
	struct tt_session session = TT_SESSION_NONE;
	struct tt_source *source = NULL;
	bool standard_input = strcmp(name, "-") == 0;
	tt_close_auto int fd = standard_input ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return tt_error_errno(-errno, "%s", name);
	if (!tt_read_is_recording(fd))
		tt_read_spare(&config->limits);
	int r = tt_file_source_new(&source, fd, standard_input ? "standard input" : name, &config->limits);
	if (r < 0)
		return tt_error_errno(r, "%s", name);
	r = tt_session_open(&session, config, source, false);
	if (r < 0)
		return r;
	/* Lines of JSON that come to the same terminal say enough. */
	bool mute = config->json && strcmp(config->json, "-") == 0 && isatty(STDOUT_FILENO);
	struct tt_progress progress;
	tt_progress_init(&progress, STDERR_FILENO, fd, standard_input ? "standard input" : name, mute);
	r = tt_read_all(&session, name, &progress);
	if (!config->json) {
		tt_pipeline_finish(session.pipeline);
		tt_outputs_write_summary(session.outputs, STDOUT_FILENO);
	}
	int closed = tt_session_close(&session);
	return r < 0 ? r : closed;
}

int tt_read_main(struct tt_config *config, int argc, char **argv)
{
	int failures = 0;

	if (argc < 1) {
		tt_error("read: which file? telltale read [OPTION]... FILE...");
		return 2;
	}
	/* A file's figures are wanted whole at its end. */
	config->limits.value[TT_LIMIT_IDLE_EXPIRY] = 0;
	const struct tt_limits limits = config->limits;
	for (int i = 0; i < argc; i++, config->limits = limits)
		failures += tt_read_file(config, argv[i]) < 0;
	return failures > 0;
}
