// SPDX-License-Identifier: Apache-2.0
/* Options as main() wants them: errors logged, help printed; and the same once more on a reload. */
#include <errno.h>
#include <stdio.h>

#include "base/file_use.h"
#include "base/own.h"
#include "cli/help.h"

/* The arguments of the process, which do not change: a reload reads them again. */
static struct {
	const struct tt_command_row *command;
	int argc;
	char **argv; /* owned array of borrowed strings */
} tt_given_arguments;

static int tt_arguments_keep(const struct tt_command_row *command, int argc, char **argv)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	free(tt_given_arguments.argv);
	tt_given_arguments.command = command;
	tt_given_arguments.argc = argc;
	tt_given_arguments.argv = copy;
	return 0;
}

static int tt_rest_count(char **rest)
{
	int n = 0;

	while (rest[n])
		n++;
	return n;
}

/* Reads the kept arguments. `rest` has room for them all. */
static int tt_arguments_read(struct tt_config *ret, char **rest)
{
	const struct tt_command_row *command = tt_given_arguments.command;
	struct tt_option_error e = {""};

	int r = tt_options_read(ret, command, tt_given_arguments.argc, tt_given_arguments.argv, rest, &e);
	if (r == 0 && !command->arguments && rest[0]) {
		tt_config_free(ret);
		r = tt_option_fail(&e, "%s: unexpected argument '%.80s' (telltale %s --help)", command->name, rest[0],
				   command->name);
	}
	if (r == -EINVAL)
		tt_error("%s", e.text);
	else if (r < 0)
		tt_error_errno(r, "reading options");
	return r;
}

/* What options write, by the names errors have for them; how many were added to `uses`. */
static size_t tt_files_written(const struct tt_config *c, const struct tt_command_row *command, struct tt_config_name *names,
			       struct tt_file_use *uses)
{
	size_t count = 0;

	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		if (!o->output || !(o->commands & command->bit))
			continue;
		uses[count++] = (struct tt_file_use){
			.writer = o->key ? tt_config_name(&names[i], c, o->key, o->output) : o->output,
			.path = *(char *const *)((const char *)c + o->offset),
		};
	}
	return count;
}

/* `read` has also files that are no option, and writes its tables. */
static int tt_files_together(const struct tt_config *c, const struct tt_command_row *command, char **rest)
{
	tt_free_auto struct tt_config_name *names = calloc(tt_options_count, sizeof(*names));
	tt_free_auto struct tt_file_use *uses = calloc(tt_options_count + 2 + (size_t)tt_rest_count(rest), sizeof(*uses));
	struct tt_file_clash clash;

	if (!names || !uses)
		return tt_error_errno(-ENOMEM, "reading options");
	size_t count = tt_files_written(c, command, names, uses);
	uses[count++].path = c->config_file;
	if (command->bit == TT_COMMAND_READ) {
		uses[count++] = (struct tt_file_use){.writer = "standard output", .path = "-"};
		for (; *rest; rest++)
			uses[count++].path = *rest;
	}
	if (tt_file_uses_check(uses, count, &clash) == 0)
		return 0;
	tt_error("%s", clash.text);
	return -EINVAL;
}

int tt_options_parse(struct tt_config *ret, const struct tt_command_row *command, int argc, char **argv, int *ret_rest)
{
	int r = tt_arguments_keep(command, argc - 1, argv + 1);
	if (r < 0)
		return tt_error_errno(r, "reading options");
	tt_free_auto char **rest = calloc((size_t)argc + 1, sizeof(*rest));
	if (!rest)
		return tt_error_errno(-ENOMEM, "reading options");

	r = tt_arguments_read(ret, rest);
	if (r < 0)
		return r;
	if (r > 0) {
		struct tt_buf b tt_buf_auto = TT_HELP_BUF();
		tt_help_command(&b, command);
		fwrite(b.data, 1, b.len, stdout);
		return r;
	}
	r = tt_files_together(ret, command, rest);
	if (r < 0)
		return r;
	int count = tt_rest_count(rest);
	memcpy(argv + argc - count, rest, (size_t)count * sizeof(*rest));
	*ret_rest = argc - count;
	tt_log_set_level(ret->log_level);
	return 0;
}

int tt_options_reload(struct tt_config *ret)
{
	tt_free_auto char **rest = calloc((size_t)tt_given_arguments.argc + 1, sizeof(*rest));
	if (!rest)
		return tt_error_errno(-ENOMEM, "reading options");
	return tt_arguments_read(ret, rest);
}

/* --- comparing
 * ------------------------------------------------------------------------------------------------------------------- */

static bool tt_strings_equal(const struct tt_strings *a, const struct tt_strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->list[i], b->list[i]) != 0)
			return false;
	}
	return true;
}

static bool tt_option_equal(const struct tt_option *o, const struct tt_config *a, const struct tt_config *b)
{
	const void *at_a = (const char *)a + o->offset, *at_b = (const char *)b + o->offset;
	const char *text_a, *text_b;

	switch (o->kind) {
	case TT_OPTION_FLAG:
		return *(const bool *)at_a == *(const bool *)at_b;
	case TT_OPTION_STRING:
		text_a = *(char *const *)at_a;
		text_b = *(char *const *)at_b;
		return text_a && text_b ? strcmp(text_a, text_b) == 0 : text_a == text_b;
	case TT_OPTION_STRINGS:
		return tt_strings_equal(at_a, at_b);
	case TT_OPTION_PIDS:
		return a->pid_count == b->pid_count &&
		       (!a->pid_count || memcmp(a->pids, b->pids, a->pid_count * sizeof(*a->pids)) == 0);
	case TT_OPTION_LIMITS:
		return memcmp(a->limits.value, b->limits.value, sizeof(a->limits.value)) == 0;
	case TT_OPTION_LEVEL:
		return a->log_level == b->log_level;
	case TT_OPTION_OFF: /* the option whose member these clear says it */
	case TT_OPTION_CLEAR:
		break;
	}
	return true;
}

void tt_options_differences(const struct tt_config *a, const struct tt_config *b, struct tt_buf *names)
{
	size_t before = names->len;

	for (size_t i = 0; i < tt_options_count; i++) {
		if (!tt_option_equal(&tt_options[i], a, b))
			tt_buf_printf(names, "%s%s", names->len > before ? ", " : "", tt_options[i].name);
	}
}
