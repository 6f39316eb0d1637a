// SPDX-License-Identifier: Apache-2.0
#include "tools/docs.h"

#include "tools/runner.h"

static void heading_cell(struct tt_buf *b, const struct tt_field *f)
{
	const char *unit = tt_field_unit_name(f);

	tt_buf_add_str(b, f->name ? f->name : "");
	if (f->name && *unit)
		tt_buf_printf(b, "(%s)", unit);
}

void tt_table_help(struct tt_buf *b, const struct tt_table *table)
{
	tt_buf_printf(b, "`\"kind\": \"%s\"`: %s.\n\n| Column | JSON | Type | |\n| --- | --- | --- | --- |\n", table->kind,
		      table->help);
	for (size_t i = 0; i < table->fields.count; i++) {
		const struct tt_field *f = &table->fields.list[i];

		tt_buf_add_str(b, "| ");
		heading_cell(b, f);
		if (f->json)
			tt_buf_printf(b, " | `%s` | %s or null | ", f->json, tt_field_json_type(f));
		else
			tt_buf_add_str(b, " | | | ");
		tt_buf_printf(b, "%s |\n", f->help);
	}
}

void tt_tools_markdown(struct tt_buf *b)
{
	tt_buf_add_str(b, "# JSON lines of the tools\n\n"
			  "<!-- Made by `telltale help tools --markdown` from the tools' own tables (tools/NAME/NAME.c). -->\n\n"
			  "With `--json` a tool writes one row a line. `kind`, a string, comes first and says which; every line "
			  "has every member of its "
			  "kind, in this order. Units are in the names; what is not known is `null`. Text is valid UTF-8, as in "
			  "[json.md](json.md).\n");
	for (size_t i = 0; i < tt_tool_count; i++) {
		const struct tt_tool *tool = tt_tools[i].tool;

		tt_buf_printf(b, "\n## %s\n%s.\n", tt_tools[i].name, tt_tools[i].summary);
		for (size_t k = 0; k < tool->table_count; k++) {
			tt_buf_add_char(b, '\n');
			tt_table_help(b, tool->tables[k]);
		}
	}
}
