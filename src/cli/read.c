// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "source/file.h"

#define TT_READ_BUDGET 4096

static int tt_read_all(struct tt_session *session, const char *name)
{
	int r;

	do {
		r = tt_pipeline_run(session->pipeline, TT_READ_BUDGET);
	} while (r > 0);
	if (r == -ENODATA || r == 0)
		return 0;
	const char *what = tt_file_source_error(tt_pipeline_source(session->pipeline));
	if (what[0])
		tt_error("%s", what);
	else
		tt_error_errno(r, "%s", name);
	return r;
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
	int r = tt_file_source_new(&source, fd, standard_input ? "standard input" : name, &config->limits);
	if (r < 0)
		return tt_error_errno(r, "%s", name);
	r = tt_session_open(&session, config, source, false);
	if (r < 0)
		return r;
	r = tt_read_all(&session, name);
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
	for (int i = 0; i < argc; i++)
		failures += tt_read_file(config, argv[i]) < 0;
	return failures > 0;
}
