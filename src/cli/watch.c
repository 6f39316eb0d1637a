// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "agent/loop.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "cli/live.h"
#include "cli/remote.h"

/* Lines for people, unless JSON lines were asked for. */
static int tt_watch_prepare(struct tt_session *session)
{
	struct tt_sink *sink = NULL;

	if (session->config->json)
		return 0;
	int r = tt_line_new(&sink, STDOUT_FILENO, isatty(STDOUT_FILENO));
	if (r == 0)
		r = tt_pipeline_add(session->pipeline, sink);
	return r < 0 ? tt_error_errno(r, "standard output") : 0;
}

int tt_watch_main(struct tt_config *config, int argc, char **argv)
{
	struct tt_live_run run = {.config = config, .prepare = tt_watch_prepare, .ends = true};

	if (config->connect)
		return tt_remote_watch(config) < 0;
	/* As with any filter: once nobody reads what it writes, watching is over. */
	signal(SIGPIPE, SIG_DFL);
	if (tt_loop_prepare() < 0)
		return 1;
	return tt_live_run(&run) < 0;
}
