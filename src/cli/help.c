// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <stdio.h>

#include "proto/proto.h"
#include "tools/docs.h"
#include "tools/runner.h"

#define TT_HELP_WIDTH 96
#define TT_HELP_INDENT 30

static const struct tt_command_row *tt_help_find(const char *name)
{
	for (const struct tt_command_row *c = tt_commands; c->name; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

/* Adds words from column `at` on, broken before the width, further lines indented. */
static void tt_help_wrap(struct tt_buf *b, size_t at, size_t indent, const char *text)
{
	size_t column = at;

	for (const char *word = text; *word;) {
		size_t len = strcspn(word, " ");
		if (column > indent && column + 1 + len > TT_HELP_WIDTH) {
			tt_buf_printf(b, "\n%*s", (int)indent, "");
			column = indent;
		} else if (word != text) {
			tt_buf_add_char(b, ' ');
			column++;
		}
		tt_buf_add(b, word, len);
		column += len;
		word += len + (word[len] == ' ');
	}
	tt_buf_add_char(b, '\n');
}

/* A term, and what it means beside or below it. */
static void tt_help_row(struct tt_buf *b, const char *term, size_t indent, const char *text)
{
	size_t len = strlen(term);

	tt_buf_add_str(b, term);
	if (len + 2 > indent)
		tt_buf_printf(b, "\n%*s", (int)indent, "");
	else
		tt_buf_printf(b, "%*s", (int)(indent - len), "");
	tt_help_wrap(b, indent, indent, text);
}

void tt_help_program(struct tt_buf *b)
{
	tt_buf_add_str(b, "telltale shows what every program on a Linux host is doing, without touching the programs.\n\n"
			  "usage: telltale COMMAND [OPTION]... [ARGUMENT]...\n\n");
	for (const struct tt_command_row *c = tt_commands; c->name; c++) {
		char term[32];
		snprintf(term, sizeof(term), "  %s", c->name);
		tt_help_row(b, term, 12, c->summary);
	}
	tt_buf_add_str(b, "\ntools:\n");
	for (size_t i = 0; i < tt_tool_count; i++) {
		char term[32];
		snprintf(term, sizeof(term), "  %s", tt_tools[i].name);
		tt_help_row(b, term, 12, tt_tools[i].summary);
	}
	tt_buf_add_str(b, "\n`telltale COMMAND --help` lists a command's options. More: `telltale help limits`, `telltale help "
			  "protocols`,\n"
			  "`telltale help configuration`, `telltale --version`.\n");
}

void tt_help_command(struct tt_buf *b, const struct tt_command_row *command)
{
	char term[80];

	tt_buf_printf(b, "telltale %s: %s\n\nusage: telltale %s [OPTION]...%s%s\n\n", command->name, command->summary,
		      command->name, command->arguments ? " " : "", command->arguments ? command->arguments : "");
	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		if (!(o->commands & command->bit))
			continue;
		char letter[8] = "    ";
		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(term, sizeof(term), "  %s--%s%s%s%s", letter, o->name,
			 o->bare_value ? "[="
			 : o->argument ? " "
				       : "",
			 o->argument ? o->argument : "", o->bare_value ? "]" : "");
		tt_help_row(b, term, TT_HELP_INDENT + 8, o->help);
	}
	tt_help_row(b, "  -h, --help", TT_HELP_INDENT + 8, "show this");
}

void tt_help_limits(struct tt_buf *b)
{
	char term[80], text[400];

	tt_buf_add_str(b, "Limits, set with --limit NAME=VALUE or below `limits:` in the configuration file.\n\n");
	for (size_t i = 0; i < TT_LIMIT_MAX; i++) {
		const struct tt_limit_row *l = &tt_limit_rows[i];
		snprintf(term, sizeof(term), "  %s", l->name);
		uint64_t capture = tt_limit_capture_preset((enum tt_limit)i);
		char read[48] = "";
		if (capture != l->preset)
			snprintf(read, sizeof(read), ", reading a capture %llu", (unsigned long long)capture);
		snprintf(text, sizeof(text), "%s (%llu %s%s; %llu to %llu)", l->help, (unsigned long long)l->preset, l->unit,
			 read, (unsigned long long)l->least, (unsigned long long)l->most);
		tt_help_row(b, term, TT_HELP_INDENT, text);
	}
}

void tt_help_protocols(struct tt_buf *b)
{
	for (size_t i = 0; i < tt_protos_count; i++)
		tt_buf_printf(b, "%s\n", tt_protos[i]->name);
}

void tt_help_configuration(struct tt_buf *b)
{
	tt_buf_add_str(b, "Keys of the configuration file (YAML), each the same as its option. Options win over the file.\n\n");
	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		char term[80];
		if (!o->key)
			continue;
		snprintf(term, sizeof(term), "  %s", o->key);
		tt_help_row(b, term, TT_HELP_INDENT, o->help);
	}
}

/* --- the subcommand
 * ------------------------------------------------------------------------------------------------------------- */

static const struct tt_help_topic {
	const char *name;
	void (*text)(struct tt_buf *b);
	void (*markdown)(struct tt_buf *b); /* NULL: there is none */
} tt_help_topics[] = {
	{"limits", tt_help_limits, tt_help_limits_markdown},
	{"configuration", tt_help_configuration, tt_help_configuration_markdown},
	{"protocols", tt_help_protocols, tt_help_protocols_markdown},
	{"tools", tt_tools_markdown, tt_tools_markdown},
	{"--man", tt_help_man, NULL},
};

static int tt_help_make(struct tt_buf *b, const char *name, bool markdown)
{
	const struct tt_command_row *command = tt_help_find(name);

	if (command && !markdown) {
		tt_help_command(b, command);
		return 0;
	}
	const struct tt_tool_entry *tool = tt_tool_find(name);
	if (tool && !markdown) {
		tt_tool_help(b, tool);
		return 0;
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_help_topics); i++) {
		const struct tt_help_topic *t = &tt_help_topics[i];
		if (strcmp(t->name, name) != 0 || (markdown && !t->markdown))
			continue;
		(markdown ? t->markdown : t->text)(b);
		return 0;
	}
	return -1;
}

void tt_help_usage(FILE *out)
{
	struct tt_buf b tt_buf_auto = TT_HELP_BUF();

	tt_help_program(&b);
	fwrite(b.data, 1, b.len, out);
}

int tt_help_main(int argc, char *const *argv)
{
	struct tt_buf b tt_buf_auto = TT_HELP_BUF();
	bool markdown = argc == 3 && strcmp(argv[2], "--markdown") == 0;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		tt_help_program(&b);
	} else if (argc > 3 || (argc == 3 && !markdown) || tt_help_make(&b, argv[1], markdown) < 0) {
		tt_error("help: there is nothing on '%s'%s (telltale help)", argv[1], argc > 2 ? " in that form" : "");
		return 2;
	}
	return fwrite(b.data, 1, b.len, stdout) == b.len && fflush(stdout) == 0 && !b.failed ? 0 : 1;
}
