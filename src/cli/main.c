// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"
#include "tools/runner.h"

#define TT_STATUS_USAGE 2

static const struct tt_command_row *tt_command_find(const char *name)
{
	for (const struct tt_command_row *row = tt_commands; row->name; row++) {
		if (strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

static int tt_command_run(const struct tt_command_row *row, int argc, char **argv)
{
	struct tt_config config;
	int rest = 0;

	tt_config_init(&config);
	int r = tt_options_parse(&config, row, argc, argv, &rest);
	int status = r < 0 ? TT_STATUS_USAGE : r > 0 ? 0 : row->run(&config, argc - rest, argv + rest);
	tt_config_free(&config);
	return status;
}

int main(int argc, char **argv)
{
	/* A reader of ours that went away is an error of that write, not the end. */
	signal(SIGPIPE, SIG_IGN);

	if (argc < 2)
		return tt_help_usage(stderr), TT_STATUS_USAGE;
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return tt_help_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0)
		return puts("telltale " TT_VERSION) < 0;

	const struct tt_command_row *row = tt_command_find(argv[1]);
	const struct tt_tool_entry *tool = row ? NULL : tt_tool_find(argv[1]);
	if (tool)
		return tt_tool_main(tool, argc - 1, argv + 1);
	if (!row) {
		tt_error("unknown command '%s'; telltale --help lists them", argv[1]);
		return TT_STATUS_USAGE;
	}
	return tt_command_run(row, argc - 1, argv + 1);
}
