/* SPDX-License-Identifier: Apache-2.0 */
/* Texts for people made from the tables: --help, `telltale help`, the manual page, docs/configuration.md, docs/limits.md. */
#ifndef TT_CLI_HELP_H
#define TT_CLI_HELP_H

#include <stdio.h>

#include "base/buf.h"
#include "cli/options.h"

/* A buffer large enough for any of these texts. */
#define TT_HELP_BUF() TT_BUF(1u << 20)

void tt_help_program(struct tt_buf *b);
/* The same, printed. */
void tt_help_usage(FILE *out);
void tt_help_command(struct tt_buf *b, const struct tt_command_row *command);
void tt_help_limits(struct tt_buf *b);
void tt_help_protocols(struct tt_buf *b);
void tt_help_configuration(struct tt_buf *b);

/* help_docs.c: files kept in the tree, which a test compares with these. */
void tt_help_man(struct tt_buf *b);		       /* packaging/telltale.1 */
void tt_help_limits_markdown(struct tt_buf *b);	       /* docs/limits.md */
void tt_help_configuration_markdown(struct tt_buf *b); /* docs/configuration.md */
void tt_help_protocols_markdown(struct tt_buf *b);     /* docs/protocols.md */

/*
 * `telltale help [COMMAND | limits | protocols | configuration] [--markdown]`, `telltale help --man`; argv[0] is what follows
 * "help". Prints to standard output and returns the exit status; 2 with a line on standard error for a topic that does not exist.
 */
int tt_help_main(int argc, char *const *argv);

#endif
