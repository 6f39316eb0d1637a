// SPDX-License-Identifier: Apache-2.0
#include "tools/man.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TT_MAN_LINE 2048

static void roff_char(struct tt_buf *b, char c)
{
	if (c == '-')
		tt_buf_add_str(b, "\\-");
	else if (c == '\\')
		tt_buf_add_str(b, "\\e");
	else
		tt_buf_add_char(b, c);
}

void tt_roff(struct tt_buf *b, const char *text)
{
	if (*text == '.' || *text == '\'')
		tt_buf_add_str(b, "\\&");
	for (; *text; text++)
		roff_char(b, *text);
}

/* --- Markdown, as far as the READMEs use it: headings, paragraphs, indented examples, tables, `words` --- */

/* A line of running text: what stands between backquotes is bold. */
static void text_line(struct tt_buf *b, const char *line)
{
	bool bold = false;

	if (*line == '.' || *line == '\'')
		tt_buf_add_str(b, "\\&");
	for (; *line; line++) {
		if (*line == '`') {
			bold = !bold;
			tt_buf_add_str(b, bold ? "\\fB" : "\\fR");
		} else {
			roff_char(b, *line);
		}
	}
	tt_buf_add_char(b, '\n');
}

/* A row of a table: its first cell is a term, the others its text. */
static void table_row(struct tt_buf *b, char *line)
{
	char *rest = line + 1;
	unsigned cells = 0;

	tt_buf_add_str(b, ".TP\n");
	for (char *cell; (cell = strsep(&rest, "|"));) {
		while (*cell == ' ')
			cell++;
		for (size_t n = strlen(cell); n && cell[n - 1] == ' ';)
			cell[--n] = 0;
		if (!*cell)
			continue;
		text_line(b, cell);
		cells++;
	}
	if (!cells)
		tt_buf_add_str(b, "\n");
}

struct page {
	struct tt_buf *b;
	bool example; /* within .EX and .EE */
	bool table;   /* its heading and the line below it have been */
	unsigned table_lines;
};

static void example_end(struct page *p)
{
	if (p->example)
		tt_buf_add_str(p->b, ".EE\n.RE\n");
	p->example = false;
}

static void heading(struct page *p, const char *line)
{
	tt_buf_add_str(p->b, ".SH ");
	for (line += strspn(line, "# "); *line; line++)
		roff_char(p->b, (char)toupper((unsigned char)*line));
	tt_buf_add_char(p->b, '\n');
}

static void page_line(struct page *p, char *line)
{
	bool is_example = strncmp(line, "    ", 4) == 0;

	if (!is_example && *line)
		example_end(p);
	if (*line != '|')
		p->table_lines = 0;
	if (is_example) {
		if (!p->example)
			tt_buf_add_str(p->b, ".PP\n.RS\n.EX\n");
		p->example = true;
		tt_roff(p->b, line + 4);
		tt_buf_add_char(p->b, '\n');
	} else if (*line == '#') {
		heading(p, line);
	} else if (*line == '|') {
		/* The first two lines are the heading and what parts it from the rows. */
		if (p->table_lines++ >= 2)
			table_row(p->b, line);
	} else if (!*line) {
		tt_buf_add_str(p->b, p->example ? "" : ".PP\n");
	} else {
		text_line(p->b, line);
	}
}

static void markdown(struct tt_buf *b, const char *text)
{
	struct page p = {.b = b};
	char line[TT_MAN_LINE];

	while (*text) {
		size_t len = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		page_line(&p, line);
		text += len + (text[len] == '\n');
	}
	example_end(&p);
}

/* --- the page --- */

/* What follows the title and the first paragraph, which is the summary. */
static const char *description(const char *readme)
{
	for (int i = 0; i < 2; i++) {
		const char *next = strstr(readme, "\n\n");
		readme = next ? next + 2 : readme + strlen(readme);
	}
	return readme;
}

static void table_item(struct tt_buf *b, const struct tt_field *f)
{
	const char *unit = tt_field_unit_name(f);
	char name[160];

	snprintf(name, sizeof(name), "%s%s%s%s%s%s", f->name ? f->name : "", f->name && *unit ? "(" : "", f->name ? unit : "",
		 f->name && *unit ? ")" : "", f->name && *f->name && f->json ? ", " : "", f->json ? f->json : "");
	tt_buf_add_str(b, ".TP\n\\fB");
	tt_roff(b, name);
	tt_buf_add_str(b, "\\fR\n");
	text_line(b, f->help);
}

void tt_tool_man(struct tt_buf *b, const struct tt_tool_entry *entry)
{
	const struct tt_tool *tool = entry->tool;

	tt_buf_add_str(b, ".\\\" SPDX-License-Identifier: Apache-2.0\n");
	tt_buf_printf(b, ".\\\" Made from tools/%s/README.md and the tool's tables (cli_help_test --write).\n", entry->name);
	tt_buf_add_str(b, ".TH TELLTALE\\-");
	for (const char *c = entry->name; *c; c++)
		roff_char(b, (char)toupper((unsigned char)*c));
	tt_buf_printf(b, " 1 \"\" \"telltale " TT_VERSION "\" \"User Commands\"\n.SH NAME\ntelltale\\-%s \\- ", entry->name);
	tt_buf_add_char(b, (char)tolower((unsigned char)entry->summary[0]));
	tt_roff(b, entry->summary + 1);
	tt_buf_printf(b,
		      "\n.SH SYNOPSIS\n.B telltale %s\n[\\fIOPTION\\fR]... %s "
		      "[\\-\\- COMMAND [ARGUMENT]...]\n.SH DESCRIPTION\n",
		      entry->name, tool->words ? tool->words_help : "[\\fIINTERVAL\\fR [\\fICOUNT\\fR]]");
	markdown(b, description(entry->readme));
	tt_buf_add_str(b, ".SH OPTIONS\n");
	tt_tool_options_man(b, tool->options, tool->option_count);
	tt_buf_add_str(
		b,
		".SH OUTPUT\n"
		"Columns, and behind them the members of JSON lines (\\fB\\-\\-json\\fR), of which \\fBkind\\fR is the first.\n");
	for (size_t i = 0; i < tool->table_count; i++) {
		const struct tt_table *table = tool->tables[i];

		tt_buf_printf(b, ".SS %s\n", table->kind);
		text_line(b, table->help);
		for (size_t k = 0; k < table->fields.count; k++)
			table_item(b, &table->fields.list[k]);
	}
	tt_buf_add_str(b, ".SH SEE ALSO\n.BR telltale (1)\n");
}
