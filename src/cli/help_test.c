// SPDX-License-Identifier: Apache-2.0
/* `help_test ROOT` compares the generated files of the tree with the tables; `help_test ROOT --write` makes them anew. */
#include "cli/help.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/unit.h"
#include "tools/docs.h"
#include "tools/man.h"

static const char *root;

static const struct generated {
	const char *path;
	void (*make)(struct tt_buf *b);
} generated[] = {
	{"packaging/telltale.1", tt_help_man},
	{"docs/limits.md", tt_help_limits_markdown},
	{"docs/configuration.md", tt_help_configuration_markdown},
	{"docs/protocols.md", tt_help_protocols_markdown},
	{"docs/tools.md", tt_tools_markdown},
};

/* Behind those, a page for each tool. */
#define GENERATED_COUNT (TT_ARRAY_LEN(generated) + tt_tool_count)

static const char *generate(size_t i, struct tt_buf *b)
{
	static char path[128];

	if (i < TT_ARRAY_LEN(generated)) {
		generated[i].make(b);
		return generated[i].path;
	}
	const struct tt_tool_entry *tool = &tt_tools[i - TT_ARRAY_LEN(generated)];
	tt_tool_man(b, tool);
	snprintf(path, sizeof(path), "packaging/telltale-%s.1", tool->name);
	return path;
}

static FILE *open_generated(const char *name, const char *mode)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	FILE *f = fopen(path, mode);
	if (!f)
		perror(path);
	return f;
}

static void the_tree_agrees_with_the_tables(void **state)
{
	for (size_t i = 0; i < GENERATED_COUNT; i++) {
		struct tt_buf made tt_buf_auto = TT_HELP_BUF(), kept tt_buf_auto = TT_HELP_BUF();
		const char *path = generate(i, &made);
		FILE *f = open_generated(path, "re");
		assert_non_null(f);
		for (int c; (c = fgetc(f)) != EOF;)
			tt_buf_add_char(&kept, (char)c);
		fclose(f);
		if (!tt_span_eq(tt_buf_span(&made), tt_buf_span(&kept)))
			fail_msg("%s is old: build/src/cli/cli_help_test %s --write", path, root);
	}
}

static void help_names_every_option(void **state)
{
	for (const struct tt_command_row *c = tt_commands; c->name; c++) {
		struct tt_buf b tt_buf_auto = TT_HELP_BUF();
		tt_help_command(&b, c);
		tt_buf_add_char(&b, 0);
		for (size_t i = 0; i < tt_options_count; i++) {
			char name[64];
			snprintf(name, sizeof(name), "--%s", tt_options[i].name);
			bool there = false;
			for (const char *at = (char *)b.data; (at = strstr(at, name)); at++)
				there |= strchr(" \n[", at[strlen(name)]) != NULL;
			assert_true(there || !(tt_options[i].commands & c->bit));
		}
		for (const char *line = (char *)b.data; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 110);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_tree_agrees_with_the_tables),
					   cmocka_unit_test(help_names_every_option)};

	root = argc > 1 ? argv[1] : ".";
	if (argc > 2 && strcmp(argv[2], "--write") == 0) {
		for (size_t i = 0; i < GENERATED_COUNT; i++) {
			struct tt_buf b tt_buf_auto = TT_HELP_BUF();
			FILE *f = open_generated(generate(i, &b), "we");
			if (!f || fwrite(b.data, 1, b.len, f) != b.len || fclose(f) != 0)
				return 1;
		}
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
