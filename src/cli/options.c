// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "web/listen.h"

int tt_option_fail(struct tt_option_error *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

const struct tt_option *tt_option_by_key(const char *key)
{
	for (size_t i = 0; i < tt_options_count; i++) {
		if (tt_options[i].key && strcmp(tt_options[i].key, key) == 0)
			return &tt_options[i];
	}
	return NULL;
}

/* --- values: one setter a kind
 * -------------------------------------------------------------------------------------------------- */

static void *tt_option_member(const struct tt_option *o, struct tt_config *c)
{
	return (char *)c + o->offset;
}

static int tt_value_bad(const struct tt_option *o, const char *value, struct tt_option_error *e)
{
	return tt_option_fail(e, "'%.80s' is not %s", value, o->expected);
}

static int tt_set_flag(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
	bool *to = tt_option_member(o, c);

	if (!value) {
		*to = true;
		return 0;
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(yes); i++) {
		bool on = strcmp(value, yes[i]) == 0;
		if (on || strcmp(value, no[i]) == 0) {
			*to = on;
			return 0;
		}
	}
	return tt_option_fail(e, "'%.80s' is neither true nor false", value);
}

static int tt_set_off(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	*(bool *)tt_option_member(o, c) = false;
	return 0;
}

static int tt_set_clear(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	char **to = tt_option_member(o, c);

	free(*to);
	*to = NULL;
	return 0;
}

static int tt_set_string(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	char **to = tt_option_member(o, c);

	if (!*value)
		return tt_option_fail(e, "is empty");
	if (o->check && !o->check(value))
		return tt_value_bad(o, value, e);
	char *copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

/* Calls one(…) for each part between commas. */
static int tt_each_part(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e,
			int (*one)(const struct tt_option *, struct tt_config *, const char *, struct tt_option_error *))
{
	const char *comma;

	do {
		comma = strchrnul(value, ',');
		tt_free_auto char *part = strndup(value, (size_t)(comma - value));
		if (!part)
			return -ENOMEM;
		if (!*part)
			return tt_option_fail(e, "has an empty value");
		int r = one(o, c, part, e);
		if (r < 0)
			return r;
		value = comma + 1;
	} while (*comma);
	return 0;
}

static int tt_add_string(const struct tt_option *o, struct tt_config *c, const char *part, struct tt_option_error *e)
{
	if (o->check && !o->check(part))
		return tt_value_bad(o, part, e);
	int r = o->judge ? o->judge(part, e) : 0;
	return r < 0 ? r : tt_strings_add(tt_option_member(o, c), part, strlen(part));
}

static int tt_set_strings(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	return o->whole ? tt_add_string(o, c, value, e) : tt_each_part(o, c, value, e, tt_add_string);
}

static int tt_add_pid(const struct tt_option *o, struct tt_config *c, const char *part, struct tt_option_error *e)
{
	char *end = NULL;

	errno = 0;
	unsigned long pid = strtoul(part, &end, 10);
	if (*part < '0' || *part > '9' || *end || errno || pid == 0 || pid > INT32_MAX)
		return tt_value_bad(o, part, e);
	uint32_t *pids = reallocarray(c->pids, c->pid_count + 1, sizeof(*pids));
	if (!pids)
		return -ENOMEM;
	c->pids = pids;
	pids[c->pid_count++] = (uint32_t)pid;
	return 0;
}

static int tt_set_pids(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	return tt_each_part(o, c, value, e, tt_add_pid);
}

static const struct tt_limit_row *tt_limit_find_row(const char *name, size_t len)
{
	for (size_t i = 0; i < TT_LIMIT_MAX; i++) {
		if (strlen(tt_limit_rows[i].name) == len && memcmp(tt_limit_rows[i].name, name, len) == 0)
			return &tt_limit_rows[i];
	}
	return NULL;
}

static int tt_set_limit(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	const char *equals = strchr(value, '=');
	if (!equals)
		return tt_option_fail(e, "'%.80s' is not NAME=VALUE", value);

	size_t len = (size_t)(equals - value);
	const struct tt_limit_row *row = tt_limit_find_row(value, len);
	if (!row)
		return tt_option_fail(e, "there is no limit '%.*s' (telltale help limits)", (int)TT_MIN(len, (size_t)80), value);
	switch (tt_limits_set(&c->limits, value, len, equals + 1)) {
	case 0:
		return 0;
	case -ERANGE:
		return tt_option_fail(e, "%s must lie between %llu and %llu %s", row->name, (unsigned long long)row->least,
				      (unsigned long long)row->most, row->unit);
	default:
		return tt_option_fail(e, "%s: '%.80s' is not a number", row->name, equals + 1);
	}
}

static int tt_set_level(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	static const char *const names[] = {
		[TT_LOG_ERROR] = "error", [TT_LOG_WARN] = "warning", [TT_LOG_INFO] = "info", [TT_LOG_DEBUG] = "debug"};

	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			c->log_level = (enum tt_log_level)i;
			return 0;
		}
	}
	return tt_value_bad(o, value, e);
}

int tt_option_set(const struct tt_option *o, struct tt_config *c, const char *value, struct tt_option_error *e)
{
	static int (*const setters[])(const struct tt_option *, struct tt_config *, const char *, struct tt_option_error *) = {
		[TT_OPTION_FLAG] = tt_set_flag,	    [TT_OPTION_OFF] = tt_set_off,	  [TT_OPTION_CLEAR] = tt_set_clear,
		[TT_OPTION_STRING] = tt_set_string, [TT_OPTION_STRINGS] = tt_set_strings, [TT_OPTION_PIDS] = tt_set_pids,
		[TT_OPTION_LIMITS] = tt_set_limit,  [TT_OPTION_LEVEL] = tt_set_level,
	};
	return setters[o->kind](o, c, value, e);
}

void tt_option_unset(const struct tt_option *o, struct tt_config *c)
{
	switch (o->kind) {
	case TT_OPTION_STRING:
		tt_set_clear(o, c, NULL, NULL);
		break;
	case TT_OPTION_STRINGS:
		tt_strings_free(tt_option_member(o, c));
		break;
	case TT_OPTION_PIDS:
		free(c->pids);
		c->pids = NULL;
		c->pid_count = 0;
		break;
	default: /* a new value replaces the old one anyway; limits are set one by one */
		break;
	}
}

/* --- arguments
 * ------------------------------------------------------------------------------------------------------------------ */

struct tt_arguments {
	const struct tt_command_row *command;
	int argc;
	char *const *argv;
	int at;
	char **rest;
	int rest_count;
	uint64_t seen; /* options given, by their place in the table */
	struct tt_option_error *e;
};

_Static_assert(sizeof(((struct tt_arguments *)0)->seen) * 8 >= 64, "one bit an option");

/* One option as it was written. */
struct tt_given {
	const struct tt_option *option; /* NULL: help */
	char shown[80];			/* --name or -l, for errors */
	const char *value;		/* NULL: none attached */
};

static int tt_given_unknown(const struct tt_arguments *a, const struct tt_given *g)
{
	return tt_option_fail(a->e, "unknown option %s (telltale %s --help)", g->shown, a->command->name);
}

static int tt_given_long(const struct tt_arguments *a, const char *text, struct tt_given *g)
{
	size_t len = strcspn(text, "=");

	snprintf(g->shown, sizeof(g->shown), "--%.*s", (int)TT_MIN(len, (size_t)70), text);
	g->value = text[len] ? text + len + 1 : NULL;
	if (strcmp(text, "help") == 0)
		return 0;
	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		if ((o->commands & a->command->bit) && strlen(o->name) == len && memcmp(o->name, text, len) == 0) {
			g->option = o;
			return 0;
		}
	}
	return tt_given_unknown(a, g);
}

static int tt_given_short(const struct tt_arguments *a, const char *text, struct tt_given *g)
{
	snprintf(g->shown, sizeof(g->shown), "-%c", text[0]);
	g->value = text[1] ? text + 1 : NULL;
	if (strcmp(text, "h") == 0)
		return 0;
	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		if ((o->commands & a->command->bit) && o->letter == text[0]) {
			g->option = o;
			return 0;
		}
	}
	return tt_given_unknown(a, g);
}

/* What came from the file gives way, once, when the option is first given; a scope replaces any other. */
static void tt_given_replaces(struct tt_arguments *a, const struct tt_option *o, struct tt_config *c)
{
	uint64_t bit = 1ull << (o - tt_options);

	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *other = &tt_options[i];
		if ((other == o || (other->scope && o->scope)) && !(a->seen & 1ull << i)) {
			tt_option_unset(other, c);
			if (other->key)
				tt_config_stands(c, other->key, 0);
		}
	}
	a->seen |= bit;
}

static int tt_given_apply(struct tt_arguments *a, struct tt_given *g, struct tt_config *c)
{
	const struct tt_option *o = g->option;
	struct tt_option_error why;

	if (!o->argument && g->value)
		return tt_option_fail(a->e, "%s takes no value", g->shown);
	bool word = a->at < a->argc && (a->argv[a->at][0] != '-' || !a->argv[a->at][1]);
	if (o->argument && !g->value && o->bare_value && !(word && (o->next & a->command->bit))) {
		g->value = o->bare_value;
	} else if (o->argument && !g->value) {
		if (a->at >= a->argc)
			return tt_option_fail(a->e, "%s needs a value: %s", g->shown, o->argument);
		g->value = a->argv[a->at++];
	}
	tt_given_replaces(a, o, c);
	int r = tt_option_set(o, c, g->value, &why);
	if (r == -EINVAL)
		return tt_option_fail(a->e, "%s: %s", g->shown, why.text);
	return r;
}

/* 0, 1 for help, or a negative errno. */
static int tt_arguments_apply(struct tt_arguments *a, struct tt_config *c)
{
	bool runs = a->command->arguments && strncmp(a->command->arguments, "--", 2) == 0;
	bool ended = false;

	a->at = a->rest_count = 0;
	a->seen = 0;
	while (a->at < a->argc) {
		const char *text = a->argv[a->at++];
		struct tt_given g = {0};
		if (ended || text[0] != '-' || !text[1]) {
			a->rest[a->rest_count++] = a->argv[a->at - 1];
			ended |= runs;
			continue;
		}
		if (strcmp(text, "--") == 0) {
			ended = true;
			continue;
		}
		int r = text[1] == '-' ? tt_given_long(a, text + 2, &g) : tt_given_short(a, text + 1, &g);
		if (r == 0)
			r = g.option ? tt_given_apply(a, &g, c) : 1;
		if (r)
			return r;
	}
	a->rest[a->rest_count] = NULL;
	return 0;
}

/* A scope by option replaces the file's: two of them are from the same place. */
static int tt_scopes_together(const struct tt_config *c, struct tt_option_error *e)
{
	size_t line = 0;
	const char *last = NULL;

	if ((c->pid_count > 0) + (c->cgroup != NULL) + (c->netns != NULL) < 2)
		return 0;
	for (size_t i = 0; i < c->line_count; i++) {
		const struct tt_option *o = tt_option_by_key(c->lines[i].key);
		if (o && o->scope && c->lines[i].line > line) {
			line = c->lines[i].line;
			last = o->key;
		}
	}
	if (line)
		return tt_option_fail(e, "%s:%zu: %s: pids, cgroup and netns exclude each other", c->config_file, line, last);
	return tt_option_fail(e, "--pid, --cgroup and --netns exclude each other");
}

/* With --connect the agent observes, and has its own options: one that would be of no effect is refused. The file may hold keys
 * for other commands. */
static int tt_connect_together(const struct tt_arguments *a, const struct tt_config *c)
{
	struct tt_config_name name;

	if (!c->connect)
		return 0;
	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		if (a->seen & 1ull << i && !o->remote)
			return tt_option_fail(a->e, "%s the agent there observes: it cannot be joined with --%s",
					      tt_config_name(&name, c, "connect", "--connect:"), o->name);
	}
	return 0;
}

/* "none" is how the file says --no-listen. */
static void tt_options_settle(struct tt_config *c)
{
	if (c->listen && strcmp(c->listen, "none") == 0) {
		free(c->listen);
		c->listen = NULL;
	}
}

static int tt_options_fill(struct tt_config *c, struct tt_arguments *a)
{
	/* First without the file: its name, and errors in the arguments before errors in the file. */
	int r = tt_arguments_apply(a, c);
	if (r)
		return r;
	tt_free_auto char *file = TT_TAKE_PTR(c->config_file);

	tt_config_free(c);
	if (a->command->bit == TT_COMMAND_AGENT && !(c->listen = strdup(TT_LISTEN_PRESET)))
		return -ENOMEM;
	r = file ? tt_config_file_read(c, a->command, file, a->e) : 0;
	if (r == 0)
		r = tt_arguments_apply(a, c);
	if (r == 0)
		r = tt_scopes_together(c, a->e);
	if (r == 0)
		r = tt_connect_together(a, c);
	tt_options_settle(c);
	return r;
}

int tt_options_read(struct tt_config *ret, const struct tt_command_row *command, int argc, char *const *argv, char **ret_rest,
		    struct tt_option_error *e)
{
	struct tt_arguments a = {.command = command, .argc = argc, .argv = argv, .rest = ret_rest, .e = e};
	struct tt_config c;

	tt_config_init(&c);
	int r = tt_options_fill(&c, &a);
	if (r < 0)
		tt_config_free(&c);
	else
		*ret = c;
	return r;
}
