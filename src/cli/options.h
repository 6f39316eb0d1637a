/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of options: parsing arguments, the configuration file's keys, --help, the manual page and docs/configuration.md
 * come from it. An option's value goes straight into its member of struct tt_config.
 */
#ifndef TT_CLI_OPTIONS_H
#define TT_CLI_OPTIONS_H

#include "agent/config.h"
#include "base/buf.h"
#include "base/span.h"
#include "cli/commands.h"

enum tt_option_kind {
	TT_OPTION_FLAG,	   /* bool: no argument; true or false in the file */
	TT_OPTION_OFF,	   /* unsets a flag: no argument */
	TT_OPTION_CLEAR,   /* empties a string: no argument */
	TT_OPTION_STRING,  /* char * */
	TT_OPTION_STRINGS, /* struct tt_strings: given again adds; a comma separates */
	TT_OPTION_PIDS,	   /* pids and pid_count: given again adds */
	TT_OPTION_LIMITS,  /* struct tt_limits: NAME=VALUE; a mapping in the file */
	TT_OPTION_LEVEL,   /* enum tt_log_level */
};

struct tt_option_error;

struct tt_option {
	const char *name;     /* --NAME */
	char letter;	      /* -L; 0: none */
	const char *argument; /* for people; NULL: takes none */
	const char *key;      /* in the configuration file; NULL: an option only */
	enum tt_option_kind kind;
	size_t offset;	   /* in struct tt_config */
	unsigned commands; /* enum tt_command_bit */
	/*
	 * The argument may be left out, for this value; --NAME=VALUE gives another. In the commands of `next` the word behind
	 * gives it too, if it is no option.
	 */
	const char *bare_value; /* NULL: it may not */
	unsigned next;
	bool named;			  /* strings: in the file also a mapping of names to their options: NAME:OPTION=VALUE */
	bool whole;			  /* strings: a comma does not separate */
	bool scope;			  /* excludes the others so marked */
	bool remote;			  /* means something with --connect too */
	const char *output;		  /* a file that is written: "--NAME", for errors; NULL: it is none */
	bool (*check)(const char *value); /* NULL: any text */
	/* Instead of check where there is more to say: 0, or -EINVAL with what is wrong. */
	int (*judge)(const char *value, struct tt_option_error *e);
	const char *expected; /* what check wants, or the choices */
	const char *help;     /* a sentence without capital and full stop */
};

extern const struct tt_option tt_options[];
extern const size_t tt_options_count;

/* One line about what was wrong, naming the option, or file, line and key. */
struct tt_option_error {
	char text[320];
};

/* Keeps the text and returns -EINVAL. */
int tt_option_fail(struct tt_option_error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* NULL: there is none. */
const struct tt_option *tt_option_by_key(const char *key);

/* Sets or adds a value (NULL for flags). 0, -ENOMEM, or -EINVAL with `e` saying what was expected (without naming the option). */
int tt_option_set(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e);
/* Back to the preset. */
void tt_option_unset(const struct tt_option *o, struct tt_config *c);

/*
 * Everything the user asked of a command: presets, then the file named by --config, then the options; what is given by option
 * wins over the file. argv does not contain the command's name; it is not changed. ret_rest has room for argc + 1 and gets what
 * is no option, NULL-ended (borrowed from argv). Options may stand behind arguments, except where the command's arguments begin
 * with `--`.
 *
 * 0, or 1 where help was asked for: *ret is then to be freed with tt_config_free. -EINVAL with `e` set, or -ENOMEM: *ret is
 * untouched. Called again with the same arguments it reads the file anew: that is a reload.
 */
int tt_options_read(struct tt_config *ret, const struct tt_command_row *command, int argc, char *const *argv, char **ret_rest,
		    struct tt_option_error *e);

/*
 * The same for main(): argv[0] is the command's name; errors are logged, help is printed, the log level is set, and arguments
 * that are no options are moved to the end of argv, from *ret_rest on. 0, 1 after help, or a negative errno, all with *ret to be
 * freed.
 */
int tt_options_parse(struct tt_config *ret, const struct tt_command_row *command, int argc, char **argv, int *ret_rest);

/* What tt_options_parse was given last, with the file as it is now. 0, or a negative errno, logged, with *ret untouched. */
int tt_options_reload(struct tt_config *ret);

/* Adds the names of options whose values differ, separated by ", "; nothing if all are equal. */
void tt_options_differences(const struct tt_config *a, const struct tt_config *b, struct tt_buf *names);

/*
 * The configuration file alone (cli/config_file.c): YAML, one mapping of the table's keys. Keys of other commands are checked and
 * not used. Errors are "FILE:LINE: KEY: text". 0, -EINVAL with `e` set, -ENOMEM; c may have been changed in part.
 */
int tt_config_file_read(struct tt_config *c, const struct tt_command_row *command, const char *path, struct tt_option_error *e);

/* Where a file is not to be opened but its text comes from elsewhere. Adds to `text`; 0 or a negative errno. */
typedef int (*tt_config_text_fn)(void *ctx, struct tt_buf *text);
/* For all later tt_config_file_read; fn NULL: they open the file. */
void tt_config_file_from(tt_config_text_fn fn, void *ctx);

#endif
