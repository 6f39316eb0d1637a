// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "agent/loop.h"
#include "cli/commands.h"
#include "cli/live.h"

static char *const *command_argv;
static int command_error; /* of its exec */

static int tt_run_begin(struct tt_live_run *run)
{
	int r = command_error = tt_command_go(run->command);
	return r < 0 ? tt_error_errno(r, "%s", command_argv[0]) : 0;
}

/* Standard output is the command's; what telltale has to say goes to standard error. */
static void tt_run_end(struct tt_session *session)
{
	tt_outputs_write_summary(session->outputs, STDERR_FILENO);
}

/* Options that are without effect as they are given. */
static void tt_run_warn(const struct tt_config *config)
{
	struct tt_config_name name;

	if (config->tools.count && !config->metrics && !config->listen)
		tt_warn("%s what they find is told by --metrics FILE or --listen ADDRESS, and neither is given",
			tt_config_name(&name, config, "tools", "--tools:"));
}

int tt_run_main(struct tt_config *config, int argc, char **argv)
{
	struct tt_command command = TT_COMMAND_NONE;
	struct tt_config_name name;
	struct tt_live_run run = {.config = config, .command = &command, .listen = config->listen, .begin = tt_run_begin};

	if (argc < 1) {
		tt_error("run: which command? telltale run [OPTION]... -- COMMAND [ARGUMENT]...");
		return 2;
	}
	command_argv = argv;
	tt_run_warn(config);
	if (!config->quiet)
		run.end = tt_run_end;
	/* One command's figures are wanted whole at its end. */
	config->limits.value[TT_LIMIT_IDLE_EXPIRY] = 0;
	if (tt_loop_prepare() < 0)
		return 1;
	int r = tt_command_start(&command, argv, config->user);
	if (r < 0) {
		if (r == -ENOENT) {
			tt_error("%s there is no user '%s'", tt_config_name(&name, config, "user", "--user:"), config->user);
			return 2;
		}
		tt_error_errno(r, "%s", config->user ? config->user : argv[0]);
		return 1;
	}
	r = tt_live_run(&run);
	tt_command_cancel(&command);
	if (command_error < 0)
		return command_error == -ENOENT ? 127 : 126;
	if (r < 0)
		return 1;
	return tt_command_status(run.command_status);
}
