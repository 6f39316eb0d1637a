// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "sink/totals.h"
#include "source/file.h"
#include "source/recording.h"

#define TT_READ_BUDGET 4096

struct tt_read_input {
	const char *path;
	const char *name; /* for people */
	bool piped;
	int number; /* of `count`, from 0 */
	int count;
};

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

/* Of a recording the same exchanges are wanted as when it was made. */
static bool tt_read_is_recording(int fd)
{
	uint8_t head[8];

	return pread(fd, head, sizeof(head), 0) == sizeof(head) && tt_recording_known(tt_span(head, sizeof(head)));
}

/* Nothing is mixed into metrics that go to standard output; the summary takes the other then, as that of `run`. */
static int tt_read_summary_fd(const struct tt_config *config)
{
	return config->metrics && strcmp(config->metrics, "-") == 0 ? STDERR_FILENO : STDOUT_FILENO;
}

static bool tt_read_json_only(const struct tt_config *config)
{
	return config->json && strcmp(config->json, "-") == 0;
}

static void tt_read_warn(const char *name, const struct tt_buf *text)
{
	for (struct tt_span rest = tt_buf_span(text); rest.len;) {
		size_t end = (size_t)tt_span_find(rest, '\n');
		tt_warn("%s: %.*s", name, (int)end, (const char *)rest.data);
		rest = tt_span_sub(rest, end + 1, SIZE_MAX);
	}
}

/* Where the lines of JSON have standard output, what is missing is said on the other. */
static void tt_read_warn_all(const struct tt_session *session, const char *name)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	struct tt_stream_stats streams;
	struct tt_pcap_stats capture;

	tt_pipeline_finish(session->pipeline);
	tt_pipeline_stats(session->pipeline, &streams);
	tt_totals_write_limits(&text, &streams);
	if (tt_pcap_stats(tt_pipeline_source(session->pipeline), &capture))
		tt_totals_write_capture(&text, &capture);
	tt_read_warn(name, &text);
}

/* A summary may go elsewhere and unread, so that limits took part of it away is also said here. */
static void tt_read_warn_limits(const struct tt_session *session, const char *name)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	struct tt_stream_stats streams;

	tt_pipeline_stats(session->pipeline, &streams);
	tt_totals_write_limits(&text, &streams);
	if (text.len)
		tt_warn("%s: limits turned part of it away: the end of the summary says which", name);
}

/* One of several says which it is of. */
static int tt_read_summary(struct tt_session *session, const struct tt_read_input *in)
{
	if (in->count > 1)
		dprintf(STDOUT_FILENO, "%s%s:\n", in->number ? "\n" : "", in->name);
	tt_pipeline_finish(session->pipeline);
	tt_read_warn_limits(session, in->name);
	return tt_outputs_write_summary(session->outputs, tt_read_summary_fd(session->config));
}

static int tt_read_open(const struct tt_config *config, const struct tt_read_input *in, int *ret)
{
	*ret = in->piped ? dup(STDIN_FILENO) : open(in->path, O_RDONLY | O_CLOEXEC);
	if (*ret >= 0)
		return 0;
	int r = -errno;
	/* `--json NAME` of other commands writes to that file. */
	const char *hint = r == -ENOENT && tt_read_json_only(config) ? "; to write JSON lines to it: --json=FILE" : "";
	tt_error("%s: %s%s", in->path, strerror(-r), hint);
	return r;
}

/* Everything before a damage is reported, and then the damage. */
static int tt_read_file(struct tt_config *config, const struct tt_read_input *in)
{
	struct tt_session session = TT_SESSION_NONE;
	struct tt_source *source = NULL;
	tt_close_auto int fd = -1;

	int r = tt_read_open(config, in, &fd);
	if (r < 0)
		return r;
	if (!tt_read_is_recording(fd))
		tt_limits_for_capture(&config->limits);
	r = tt_file_source_new(&source, fd, in->name, &config->limits);
	if (r < 0)
		return tt_error_errno(r, "%s", in->name);
	r = tt_session_open(&session, config, source, false);
	if (r < 0)
		return r;
	/* Lines of JSON that come to the same terminal say enough. */
	bool mute = tt_read_json_only(config) && isatty(STDOUT_FILENO);
	struct tt_progress progress;
	tt_progress_init(&progress, STDERR_FILENO, fd, in->name, mute);
	r = tt_read_all(&session, in->name, &progress);
	if (tt_read_json_only(config))
		tt_read_warn_all(&session, in->name);
	else
		tt_read_summary(&session, in);
	int closed = tt_session_close(&session);
	return r < 0 ? r : closed;
}

/* What holds one file's contents as a whole cannot take those of several. */
static int tt_read_refuse(const struct tt_config *config, int argc)
{
	const char *option = argc < 2 ? NULL : config->record ? "--record" : config->metrics ? "--metrics" : NULL;

	if (argc < 1)
		tt_error("read: which file? telltale read [OPTION]... FILE...");
	else if (option)
		tt_error("read: %s takes one file at a time", option);
	return argc < 1 || option ? -EINVAL : 0;
}

int tt_read_main(struct tt_config *config, int argc, char **argv)
{
	int failures = 0;

	if (tt_read_refuse(config, argc) < 0)
		return 2;
	/* As with any filter: once nobody reads what it writes, reading is over. */
	signal(SIGPIPE, SIG_DFL);
	/* A file's figures are wanted whole at its end. */
	config->limits.value[TT_LIMIT_IDLE_EXPIRY] = 0;
	const struct tt_limits limits = config->limits;
	for (int i = 0; i < argc; i++, config->limits = limits) {
		bool piped = strcmp(argv[i], "-") == 0;
		const struct tt_read_input in = {
			.path = argv[i], .name = piped ? "standard input" : argv[i], .piped = piped, .number = i, .count = argc};
		failures += tt_read_file(config, &in) < 0;
		config->json_append = true;
	}
	return failures > 0;
}
