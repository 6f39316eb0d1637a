// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
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

/* Nobody reads what it writes any more. */
static bool tt_watch_unread(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 0) > 0 && out.revents & (POLLERR | POLLHUP);
}

/* As with any filter that is over then; but only here, where everything is detached. */
static void tt_watch_end(struct tt_session *session)
{
	if (!tt_watch_unread())
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

int tt_watch_main(struct tt_config *config, int argc, char **argv)
{
	struct tt_live_run run = {
		.config = config, .prepare = tt_watch_prepare, .ends = true, .over = tt_watch_unread, .end = tt_watch_end};

	if (config->connect)
		return tt_remote_watch(config) < 0;
	if (tt_loop_prepare() < 0)
		return 1;
	return tt_live_run(&run) < 0;
}
