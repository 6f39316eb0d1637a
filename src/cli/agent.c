// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "agent/loop.h"
#include "cli/commands.h"
#include "cli/live.h"

int tt_agent_main(struct tt_config *config, int argc, char **argv)
{
	struct tt_live_run run = {.config = config, .listen = config->listen};

	if (tt_loop_prepare() < 0)
		return 1;
	return tt_live_run(&run) < 0;
}
