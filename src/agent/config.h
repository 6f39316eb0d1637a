/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user asked for, from options and the configuration file (one option table: cli/options.h). Strings and arrays are
 * owned by the configuration and live as long as it does.
 */
#ifndef TT_AGENT_CONFIG_H
#define TT_AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "shared/limits.h"

struct tt_strings {
	char **list; /* NULL-ended; NULL: none */
	size_t count;
};

/* Values that come from the configuration file, by their key; static storage. */
#define TT_CONFIG_LINES 40
struct tt_config_line {
	const char *key;
	size_t line; /* from 1 */
};

struct tt_config {
	/* Whom to observe: at most one kind. Processes are observed with their descendants. */
	uint32_t *pids;
	size_t pid_count;
	char *cgroup; /* path of a cgroup v2 directory */
	char *netns;  /* name below /run/netns, or a path */
	bool include_self;

	struct tt_strings protocols;	   /* names; none: all */
	char *hooks;			   /* "auto" or one of TT_HOOK_SET_NAMES */
	bool uprobes;			   /* probes in processes themselves: plaintext of TLS */
	struct tt_strings uprobes_without; /* … but for these libraries (TT_LIBRARY_NAMES) */
	bool no_return_probes;		   /* … at instructions only */
	bool show_values;
	struct tt_strings tools; /* inside the agent: NAME or NAME:OPTION=VALUE (tools/inside.h) */
	struct tt_strings where; /* conditions all exchanges shown must fulfil (sink/where.h) */

	char *listen; /* ADDRESS:PORT; NULL: do not listen */
	struct tt_strings allow_hosts;
	char *json;	  /* file, "-": standard output */
	bool json_append; /* what the file holds stays: lines of several sessions */
	char *record;	  /* file */
	char *metrics;	  /* file the metrics are written to at the end */
	char *connect;	  /* watch: the agent's ADDRESS:PORT */
	char *user;	  /* run: the command's user */
	char *drop_to;	  /* what telltale becomes itself; NULL: the preset, empty: nobody else */

	char *config_file;
	struct tt_config_line lines[TT_CONFIG_LINES];
	size_t line_count;
	bool quiet;    /* run: no summary at the end */
	bool no_times; /* JSON lines without times, for comparing */
	enum tt_log_level log_level;
	struct tt_limits limits;
};

/* Nothing asked for, limits at their presets. */
void tt_config_init(struct tt_config *c);
/* Frees what it holds and leaves it as after tt_config_init. NULL-safe. */
void tt_config_free(struct tt_config *c);

/* The value of `key` (static storage) stands in that line of the file; 0: it does no more, an option gave another one. */
void tt_config_stands(struct tt_config *c, const char *key, size_t line);
/* Its line; 0: the value is no file's. */
size_t tt_config_line(const struct tt_config *c, const char *key);

/* Room for a file's name, cut if need be. */
struct tt_config_name {
	char text[300];
};

/* What to call a value in an error: "FILE:LINE: KEY:" where the file gave it, else `option` as it is. Borrowed from `name`. */
const char *tt_config_name(struct tt_config_name *name, const struct tt_config *c, const char *key, const char *option);

/* Adds a copy of `len` bytes of text. 0 or -ENOMEM with s still sound. */
int tt_strings_add(struct tt_strings *s, const char *text, size_t len);
void tt_strings_free(struct tt_strings *s);

#endif
