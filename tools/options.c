// SPDX-License-Identifier: Apache-2.0
#include "tools/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_use.h"
#include "base/own.h"
#include "tools/man.h"

#define TT_SECOND 1000000000ull
#define AT(member) offsetof(struct tt_tool_options, member)

const struct tt_option_row tt_common_rows[] = {
	{"duration", 'd', "SECONDS", TT_ROW_SECONDS, AT(duration_ns), TT_SECOND / 1000, 86400 * 365 * TT_SECOND,
	 "end after so long; without it the end is Ctrl-C, or the command's"},
	{"interval", 'i', "SECONDS", TT_ROW_SECONDS, AT(interval_ns), TT_SECOND / 10, 86400 * TT_SECOND,
	 "show what came together every so often, greatest first, instead of each as it comes; also as first word"},
	{"count", 'c', "N", TT_ROW_COUNT, AT(count), 1, UINT32_MAX, "end after N intervals; also as second word"},
	{"top", 'n', "N", TT_ROW_COUNT, AT(top), 1, 1000000, "show only the N greatest, of each interval or of all"},
	{"min", 0, "VALUE", TT_ROW_NUMBER, AT(least), 0, UINT32_MAX,
	 "show only rows with at least so much in the column they are ordered by, in its unit"},
	{"pid", 'p', "PID[,PID]", TT_ROW_PIDS, AT(pids), 0, 0, "observe only this process and its descendants"},
	{"cgroup", 0, "PATH", TT_ROW_TEXT, AT(cgroup), 0, 0,
	 "observe only this cgroup (version 2) and those below it; the path is absolute or below the mount point"},
	{"container", 0, "NAME|ID", TT_ROW_TEXT, AT(container), 0, 0,
	 "observe only this running container and what is started in it later: the name Docker gave it, or as much of its id as "
	 "no "
	 "other begins with (of other engines' containers only the id is known)"},
	{"comm", 0, "NAME", TT_ROW_TEXT, AT(comm), 0, 0, "observe only processes of this name (15 bytes of it count)"},
	{"json", 'j', "FILE", TT_ROW_JSON, AT(json), 0, 0,
	 "JSON lines on standard output instead of tables; with =FILE into this file (- is standard output), beside the tables, "
	 "which are on standard error where a command is run"},
	{"quiet", 'q', NULL, TT_ROW_FLAG, AT(quiet), 0, 0,
	 "no counts of what was lost and what telltale itself took, at the end"},
	{"limit", 0, "NAME=VALUE", TT_ROW_LIMIT, AT(limits), 0, 0, "set a limit (telltale help limits)"},
};

const size_t tt_common_row_count = TT_ARRAY_LEN(tt_common_rows);

int tt_tool_fail(struct tt_tool_error *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

struct reading {
	struct tt_tool_options *options;
	const struct tt_option_row *own;
	size_t own_count;
	void *settings;
	const char *const *words;
	int argc;
	char *const *argv;
	int at;
	struct tt_tool_error *e;
};

/* --- values --- */

static int set_count(const struct tt_option_row *row, void *to, const char *value, struct tt_tool_error *e)
{
	char *end = NULL;

	errno = 0;
	unsigned long long v = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end)
		return tt_tool_fail(e, "--%s: '%.60s' is not a number", row->name, value);
	if (errno || v < row->least || v > row->most)
		return tt_tool_fail(e, "--%s must lie between %llu and %llu", row->name, (unsigned long long)row->least,
				    (unsigned long long)row->most);
	memcpy(to, &(uint64_t){v}, sizeof(uint64_t));
	return 0;
}

static int set_number(const struct tt_option_row *row, void *to, const char *value, struct tt_tool_error *e)
{
	char *end = NULL;
	double v = strtod(value, &end);

	if (((*value < '0' || *value > '9') && *value != '.') || *end)
		return tt_tool_fail(e, "--%s: '%.60s' is not a number", row->name, value);
	if (!(v >= (double)row->least && v <= (double)row->most))
		return tt_tool_fail(e, "--%s must lie between %llu and %llu", row->name, (unsigned long long)row->least,
				    (unsigned long long)row->most);
	memcpy(to, &v, sizeof(v));
	return 0;
}

static int set_time(const struct tt_option_row *row, void *to, const char *value, double unit_ns, const char *unit,
		    struct tt_tool_error *e)
{
	char *end = NULL;
	double v = strtod(value, &end);

	if (((*value < '0' || *value > '9') && *value != '.') || *end)
		return tt_tool_fail(e, "--%s: '%.60s' is not a number of %s", row->name, value, unit);
	if (!(v * unit_ns >= (double)row->least && v * unit_ns <= (double)row->most))
		return tt_tool_fail(e, "--%s must lie between %g and %g %s", row->name, (double)row->least / unit_ns,
				    (double)row->most / unit_ns, unit);
	memcpy(to, &(uint64_t){(uint64_t)(v * unit_ns)}, sizeof(uint64_t));
	return 0;
}

static int set_pids(struct tt_tool_options *o, const char *value, struct tt_tool_error *e)
{
	for (const char *at = value;; at++) {
		char *end = NULL;
		unsigned long pid = strtoul(at, &end, 10);

		if (*at < '0' || *at > '9' || pid < 1 || pid > INT32_MAX || (*end && *end != ','))
			return tt_tool_fail(e, "--pid: '%.60s' is not a process number", value);
		uint32_t *more = reallocarray(o->pids, o->pid_count + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		o->pids = more;
		o->pids[o->pid_count++] = (uint32_t)pid;
		if (!*end)
			return 0;
		at = end;
	}
}

static int set_limit(struct tt_tool_options *o, const char *value, struct tt_tool_error *e)
{
	const char *equals = strchr(value, '=');
	int r = equals ? tt_limits_set(&o->limits, value, (size_t)(equals - value), equals + 1) : -EINVAL;

	if (r == -ENOENT)
		return tt_tool_fail(e, "--limit: there is no limit '%.*s' (telltale help limits)",
				    (int)TT_MIN(equals - value, (ptrdiff_t)60), value);
	if (r == -ERANGE)
		return tt_tool_fail(e, "--limit %.60s: out of its range (telltale help limits)", value);
	return r < 0 ? tt_tool_fail(e, "--limit: '%.60s' is not NAME=VALUE", value) : 0;
}

static int set_choice(const struct tt_option_row *row, void *to, const char *value, struct tt_tool_error *e)
{
	size_t len = strlen(value);
	uint64_t number = 1;

	for (const char *at = row->argument;; number++) {
		size_t size = strcspn(at, "|");
		if (size == len && memcmp(at, value, len) == 0)
			break;
		if (!at[size])
			return tt_tool_fail(e, "'%.60s' is none of %s", value, row->argument);
		at += size + 1;
	}
	memcpy(to, &number, sizeof(number));
	return 0;
}

static int set(struct reading *r, const struct tt_option_row *row, void *base, const char *value)
{
	void *to = (char *)base + row->offset;

	if (!value && row->kind != TT_ROW_FLAG && row->kind != TT_ROW_JSON)
		return tt_tool_fail(r->e, "--%s needs a value", row->name);
	if (!r->options && (row->kind == TT_ROW_PIDS || row->kind == TT_ROW_LIMIT || row->kind == TT_ROW_JSON))
		return tt_tool_fail(r->e, "--%s is an option of all tools, not of this one", row->name);
	switch (row->kind) {
	case TT_ROW_FLAG:
		*(uint8_t *)to = 1;
		return 0;
	case TT_ROW_COUNT:
		return set_count(row, to, value, r->e);
	case TT_ROW_NUMBER:
		return set_number(row, to, value, r->e);
	case TT_ROW_SECONDS:
		return set_time(row, to, value, 1e9, "seconds", r->e);
	case TT_ROW_MILLISECONDS:
		return set_time(row, to, value, 1e6, "milliseconds", r->e);
	case TT_ROW_TEXT:
	case TT_ROW_OUTPUT:
		if (!*value)
			return tt_tool_fail(r->e, "--%s is empty", row->name);
		*(const char **)to = value;
		return 0;
	case TT_ROW_CHOICE:
		return set_choice(row, to, value, r->e);
	case TT_ROW_PIDS:
		return set_pids(r->options, value, r->e);
	case TT_ROW_LIMIT:
		return set_limit(r->options, value, r->e);
	case TT_ROW_JSON:
		if (value && !*value)
			return tt_tool_fail(r->e, "--json= needs a file name");
		r->options->json |= !value;
		r->options->json_file = value ? value : r->options->json_file;
		return 0;
	}
	return -EINVAL;
}

int tt_tool_option_set(const struct tt_option_row *row, void *settings, const char *value, struct tt_tool_error *e)
{
	struct reading r = {.e = e};

	return set(&r, row, settings, value);
}

/* --- arguments --- */

static const struct tt_option_row *find_in(const struct tt_option_row *rows, size_t count, const char *name, size_t len,
					   char letter)
{
	for (size_t i = 0; i < count; i++) {
		if (letter ? rows[i].letter == letter : strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
			return &rows[i];
	}
	return NULL;
}

/* `base` is what its offset is in. */
static const struct tt_option_row *find(const struct reading *r, const char *name, size_t len, char letter, void **base)
{
	const struct tt_option_row *row = find_in(tt_common_rows, tt_common_row_count, name, len, letter);

	*base = r->options;
	if (row)
		return row;
	*base = r->settings;
	return find_in(r->own, r->own_count, name, len, letter);
}

/* One option, as it stands at argv[at]. */
static int take(struct reading *r)
{
	const char *text = r->argv[r->at++];
	bool is_long = text[1] == '-';
	const char *name = text + 1 + is_long;
	size_t len = is_long ? strcspn(name, "=") : 1;
	const char *value = !name[len] ? NULL : name + len + is_long;
	char letter = is_long ? 0 : *name;

	if ((is_long && strcmp(name, "help") == 0) || strcmp(text, "-h") == 0)
		return 1;
	void *base = NULL;
	const struct tt_option_row *row = find(r, name, len, letter, &base);
	if (!row)
		return tt_tool_fail(r->e, "unknown option %.60s", text);
	if (!row->argument && value)
		return tt_tool_fail(r->e, "--%s takes no value", row->name);
	if (row->argument && row->kind != TT_ROW_JSON && !value) {
		if (r->at >= r->argc)
			return tt_tool_fail(r->e, "--%s needs a value: %s", row->name, row->argument);
		value = r->argv[r->at++];
	}
	return set(r, row, base, value);
}

/* What stands without an option is what vmstat(8) and its like take: the interval, then how many; or what the tool says. */
static int take_word(struct reading *r, unsigned *words)
{
	static const char *const interval[] = {"interval", "count", NULL};
	const char *name = (r->words ? r->words : interval)[*words];
	const char *text = r->argv[r->at++];
	void *base = NULL;
	const struct tt_option_row *row = name ? find(r, name, strlen(name), 0, &base) : NULL;

	if (!row || (row->kind != TT_ROW_CHOICE && row->kind != TT_ROW_TEXT && (*text < '0' || *text > '9')))
		return tt_tool_fail(r->e, "unexpected argument '%.60s'; a command stands behind --", text);
	(*words)++;
	return set(r, row, base, text);
}

static int check_outputs(struct reading *r)
{
	tt_free_auto struct tt_file_use *uses = calloc(r->own_count + 1, sizeof(*uses));
	tt_free_auto char(*names)[64] = calloc(r->own_count + 1, sizeof(*names));
	struct tt_file_clash clash;
	size_t count = 0;

	if (!uses || !names)
		return -ENOMEM;
	uses[count++] = (struct tt_file_use){"--json", r->options->json_file};
	for (size_t i = 0; i < r->own_count; i++) {
		if (r->own[i].kind != TT_ROW_OUTPUT)
			continue;
		snprintf(names[count], sizeof(names[count]), "--%s", r->own[i].name);
		uses[count] =
			(struct tt_file_use){names[count], *(const char *const *)((const char *)r->settings + r->own[i].offset)};
		count++;
	}
	return tt_file_uses_check(uses, count, &clash) < 0 ? tt_tool_fail(r->e, "%s", clash.text) : 0;
}

static int check_whole(struct reading *r)
{
	const struct tt_tool_options *o = r->options;

	if ((o->pid_count > 0) + (o->cgroup != NULL) + (o->container != NULL) + (o->command != NULL) > 1)
		return tt_tool_fail(r->e, "--pid, --cgroup, --container and -- COMMAND exclude each other");
	if (o->count && !o->interval_ns)
		return tt_tool_fail(r->e, "--count needs an --interval");
	return check_outputs(r);
}

static int read_all(struct reading *r)
{
	struct tt_tool_options *o = r->options;
	unsigned words = 0;

	while (r->at < r->argc) {
		const char *text = r->argv[r->at];
		if (strcmp(text, "--") == 0) {
			o->command = (char **)r->argv + r->at + 1;
			if (!*o->command)
				return tt_tool_fail(r->e, "-- needs a command behind it");
			break;
		}
		bool is_word = text[0] != '-' || !text[1];
		int result = is_word ? take_word(r, &words) : take(r);
		if (result)
			return result;
	}
	return check_whole(r);
}

int tt_tool_options_read(struct tt_tool_options *ret, const struct tt_option_row *own, size_t own_count, void *settings,
			 const char *const *words, int argc, char *const *argv, struct tt_tool_error *e)
{
	struct reading r = {.options = ret,
			    .own = own,
			    .own_count = own_count,
			    .settings = settings,
			    .words = words,
			    .argc = argc,
			    .argv = argv,
			    .e = e};

	*ret = (struct tt_tool_options){.limits = ret->limits};
	return read_all(&r);
}

void tt_tool_options_free(struct tt_tool_options *o)
{
	if (!o)
		return;
	free(o->pids);
	*o = (struct tt_tool_options){0};
}

/* "-d, --duration SECONDS"; without a letter, room for one if `aligned`. */
static void term_of(const struct tt_option_row *row, bool aligned, char *to, size_t size)
{
	const char *argument = row->argument ? row->argument : "";
	bool optional = row->kind == TT_ROW_JSON;
	char letter[8] = "";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	else if (aligned)
		snprintf(letter, sizeof(letter), "    ");
	snprintf(to, size, "%s--%s%s%s%s", letter, row->name,
		 optional    ? "[="
		 : *argument ? " "
			     : "",
		 argument, optional ? "]" : "");
}

static void help_rows(struct tt_buf *b, const struct tt_option_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char term[64];

		term_of(&rows[i], true, term, sizeof(term));
		tt_buf_printf(b, "  %-26s %s\n", term, rows[i].help);
	}
}

void tt_tool_options_help(struct tt_buf *b, const struct tt_option_row *own, size_t own_count)
{
	help_rows(b, own, own_count);
	help_rows(b, tt_common_rows, tt_common_row_count);
	tt_buf_printf(b, "  %-26s %s\n", "-h, --help", "show this");
}

static void man_rows(struct tt_buf *b, const struct tt_option_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char term[64];

		term_of(&rows[i], false, term, sizeof(term));
		tt_buf_add_str(b, ".TP\n\\fB");
		tt_roff(b, term);
		tt_buf_add_str(b, "\\fR\n");
		tt_roff(b, rows[i].help);
		tt_buf_add_str(b, "\n");
	}
}

void tt_tool_options_man(struct tt_buf *b, const struct tt_option_row *own, size_t own_count)
{
	man_rows(b, own, own_count);
	man_rows(b, tt_common_rows, tt_common_row_count);
	tt_buf_add_str(b, ".TP\n\\fB\\-h, \\-\\-help\\fR\nshow options, description and tables\n");
}
