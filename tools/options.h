/* SPDX-License-Identifier: Apache-2.0 */
/* Options of tools: common rows, and each tool's own behind them. Parsing and help come from the rows. */
#ifndef TT_TOOLS_OPTIONS_H
#define TT_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "shared/limits.h"

enum tt_option_row_kind {
	TT_ROW_FLAG,	     /* uint8_t: 1 when given */
	TT_ROW_COUNT,	     /* uint64_t: a number between least and most */
	TT_ROW_NUMBER,	     /* double: with decimals, between least and most */
	TT_ROW_TEXT,	     /* const char *, borrowed from argv */
	TT_ROW_OUTPUT,	     /* the same, the name of a file that is written */
	TT_ROW_SECONDS,	     /* uint64_t nanoseconds: seconds with decimals, between least and most nanoseconds */
	TT_ROW_MILLISECONDS, /* the same in milliseconds */
	TT_ROW_CHOICE,	     /* uint64_t: which of the words in `argument` ("a|b"), from 1 on */
	/* For the common rows only. */
	TT_ROW_PIDS,  /* pids and pid_count: given again adds */
	TT_ROW_LIMIT, /* NAME=VALUE */
	TT_ROW_JSON,  /* json, and json_file where there is a value */
};

struct tt_option_row {
	const char *name;     /* --NAME */
	char letter;	      /* 0: none */
	const char *argument; /* for people; NULL: takes none */
	enum tt_option_row_kind kind;
	size_t offset; /* in the tool's settings; of a common row in struct tt_tool_options */
	uint64_t least;
	uint64_t most;
	const char *help; /* a sentence without capital and full stop */
};

/* What every tool may be asked. Freed with tt_tool_options_free. */
struct tt_tool_options {
	uint64_t duration_ns; /* 0: until a signal or the command's end */
	uint64_t interval_ns; /* 0: rows as they come, counts at the end */
	uint64_t count;	      /* end after so many intervals; 0: do not */
	uint64_t top;	      /* 0: all */
	double least;	      /* rows of less are not shown, in the unit of the column they are ordered by */
	uint32_t *pids;	      /* owned */
	size_t pid_count;
	const char *cgroup;
	const char *container; /* once found (tools/container.h) it is pids or cgroup */
	const char *comm;      /* NULL: any */
	uint8_t quiet;	       /* no counts at the end */
	uint8_t json;	       /* rows as JSON lines instead of text … */
	const char *json_file; /* … or beside it, to this file */
	struct tt_limits limits;
	char **command; /* borrowed, NULL-ended; NULL: none */
};

extern const struct tt_option_row tt_common_rows[];
extern const size_t tt_common_row_count;

/* One line saying what was wrong. */
struct tt_tool_error {
	char text[240];
};

/* Says it; -EINVAL, so that it can be returned. */
__attribute__((format(printf, 2, 3))) int tt_tool_fail(struct tt_tool_error *e, const char *fmt, ...);

/*
 * argv does not hold the tool's name; ret->limits are set before, and changed as asked. 0; 1: help was asked for; -EINVAL with
 * `e` set; -ENOMEM. *ret is to be freed after each of them. `settings` gets what the tool's own rows say and keeps the rest.
 * `words` names the rows that words without an option are for, in their order, ended by NULL; NULL: interval and count.
 */
int tt_tool_options_read(struct tt_tool_options *ret, const struct tt_option_row *own, size_t own_count, void *settings,
			 const char *const *words, int argc, char *const *argv, struct tt_tool_error *e);
/* One of a tool's own rows. 0, or -EINVAL with `e` set; text is borrowed. */
int tt_tool_option_set(const struct tt_option_row *row, void *settings, const char *value, struct tt_tool_error *e);

/* NULL-safe; leaves it empty. */
void tt_tool_options_free(struct tt_tool_options *o);

/* The rows' help, one line each. */
void tt_tool_options_help(struct tt_buf *b, const struct tt_option_row *own, size_t own_count);
/* The same as items of a manual page (man(7)). */
void tt_tool_options_man(struct tt_buf *b, const struct tt_option_row *own, size_t own_count);

#endif
