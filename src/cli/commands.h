/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands: one row each in commands.c, one file each (agent.c, run.c, ...). */
#ifndef TT_CLI_COMMANDS_H
#define TT_CLI_COMMANDS_H

#include "agent/config.h"

/* Which subcommands an option belongs to: one bit a command. */
enum tt_command_bit {
	TT_COMMAND_AGENT = 1 << 0,
	TT_COMMAND_RUN = 1 << 1,
	TT_COMMAND_WATCH = 1 << 2,
	TT_COMMAND_READ = 1 << 3,
	TT_COMMAND_DOCTOR = 1 << 4,
	TT_COMMAND_LIVE = TT_COMMAND_AGENT | TT_COMMAND_RUN | TT_COMMAND_WATCH,
	TT_COMMAND_ALL = 0xff,
};

struct tt_command_row {
	const char *name;
	unsigned bit;
	const char *arguments; /* after the options, for usage lines; NULL: none are taken */
	const char *summary;   /* one line */
	/* argv: what follows the options, NULL-ended. Returns the exit status. */
	int (*run)(struct tt_config *config, int argc, char **argv);
};

extern const struct tt_command_row tt_commands[]; /* ended by a row without a name */

int tt_agent_main(struct tt_config *config, int argc, char **argv);
int tt_run_main(struct tt_config *config, int argc, char **argv);
int tt_watch_main(struct tt_config *config, int argc, char **argv);
int tt_read_main(struct tt_config *config, int argc, char **argv);
int tt_doctor_main(struct tt_config *config, int argc, char **argv);

#endif
