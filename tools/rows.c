// SPDX-License-Identifier: Apache-2.0
#include "tools/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/greatest.h"

#define TT_ROWS_BUFFER (1u << 20)
/* ECMA-48: to the first line and everything below it erased; bold; normal. */
#define TT_TERMINAL_BEGIN "\033[H\033[J"
#define TT_TERMINAL_BOLD "\033[1m"
#define TT_TERMINAL_NORMAL "\033[0m"
/* The line the cursor stands in must stay free. */
#define TT_TERMINAL_SPARE 1

struct output {
	int fd;
	int error;
	struct tt_buf buf;
};

struct tt_rows {
	struct tt_rows_options o;
	struct output text, json;
	struct tt_greatest kept[TT_TOOL_TABLES_MOST];
	size_t headed;	/* the table the last heading was of; SIZE_MAX: none yet */
	unsigned lines; /* written since the screen was cleared */
	uint64_t shown, left_out;
};

int tt_rows_new(struct tt_rows **ret, const struct tt_rows_options *options)
{
	struct tt_rows *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->o = *options;
	r->headed = SIZE_MAX;
	r->text = (struct output){.fd = options->text_fd, .buf = TT_BUF(TT_ROWS_BUFFER)};
	r->json = (struct output){.fd = options->json_fd, .buf = TT_BUF(TT_ROWS_BUFFER)};
	for (size_t i = 0; i < options->table_count; i++) {
		const struct tt_table *table = options->tables[i];
		size_t most = table->in_order && options->most_in_order ? options->most_in_order : options->most;
		r->kept[i] = (struct tt_greatest){.table = table, .most = most};
	}
	*ret = r;
	return 0;
}

struct tt_rows *tt_rows_free(struct tt_rows *r)
{
	if (!r)
		return NULL;
	tt_buf_free(&r->text.buf);
	tt_buf_free(&r->json.buf);
	for (size_t i = 0; i < TT_TOOL_TABLES_MOST; i++)
		tt_greatest_free(&r->kept[i]);
	free(r);
	return NULL;
}

/* --- writing --- */

static void write_out(struct output *o)
{
	size_t at = 0;

	if (o->buf.failed && !o->error)
		o->error = -ENOMEM;
	while (at < o->buf.len && !o->error) {
		ssize_t n = write(o->fd, o->buf.data + at, o->buf.len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			o->error = -errno;
	}
	tt_buf_clear(&o->buf);
}

/* Whether so many lines more can be seen. */
static bool has_lines(const struct tt_rows *r, unsigned more)
{
	return !r->o.live || !r->o.lines || r->lines + more + TT_TERMINAL_SPARE <= r->o.lines;
}

static void write_heading(struct tt_rows *r, size_t table, const void *row)
{
	bool bold = r->o.live && r->o.colours;

	/* Tables stand apart. */
	if (r->headed != SIZE_MAX && (r->lines || !r->o.live) && r->o.table_count > 1) {
		tt_buf_add_char(&r->text.buf, '\n');
		r->lines++;
	}
	tt_buf_add_str(&r->text.buf, bold ? TT_TERMINAL_BOLD : "");
	tt_fields_heading(&r->o.tables[table]->fields, row, &r->text.buf);
	tt_buf_add_str(&r->text.buf, bold ? TT_TERMINAL_NORMAL : "");
	r->headed = table;
	r->lines++;
}

static void write_text(struct tt_rows *r, size_t table, const void *row)
{
	bool heading = r->headed != table;

	if (!has_lines(r, heading ? 3 : 1))
		return;
	if (heading)
		write_heading(r, table, row);
	tt_fields_text(&r->o.tables[table]->fields, row, r->o.wall_minus_mono_ns, &r->text.buf);
	r->lines++;
	if (r->text.buf.len > TT_ROWS_BUFFER / 2)
		write_out(&r->text);
}

static void write_row(struct tt_rows *r, size_t table, const void *row)
{
	const struct tt_table *t = r->o.tables[table];

	if (r->text.fd >= 0)
		write_text(r, table, row);
	if (r->json.fd >= 0)
		tt_fields_json(&t->fields, t->kind, row, r->o.wall_minus_mono_ns, &r->json.buf);
	if (r->json.buf.len > TT_ROWS_BUFFER / 2)
		write_out(&r->json);
	r->shown++;
}

static bool too_little(const struct tt_rows *r, const struct tt_table *t, const void *row)
{
	return r->o.least > 0 && !t->in_order &&
	       (double)tt_greatest_rank(t, row) < r->o.least * tt_field_divisor(&t->fields.list[t->rank]);
}

int tt_rows_add(struct tt_rows *r, size_t table, const void *row)
{
	if (too_little(r, r->o.tables[table], row)) {
		r->left_out++;
		return 0;
	}
	if (r->o.gather)
		return tt_greatest_add(&r->kept[table], row);
	write_row(r, table, row);
	return r->text.error ? r->text.error : r->json.error;
}

/* Screens and headings begin anew where rows were gathered. */
static void flush_begin(struct tt_rows *r)
{
	if (r->o.live && r->text.fd >= 0) {
		tt_buf_add_str(&r->text.buf, TT_TERMINAL_BEGIN);
		r->lines = 0;
	}
	if (r->headed != SIZE_MAX)
		r->headed = r->o.table_count;
}

int tt_rows_flush(struct tt_rows *r)
{
	if (r->o.gather)
		flush_begin(r);
	for (size_t table = 0; table < r->o.table_count; table++) {
		struct tt_greatest *g = &r->kept[table];
		tt_greatest_sort(g);
		for (size_t i = 0; i < g->count; i++)
			write_row(r, table, tt_greatest_at(g, i));
		tt_greatest_clear(g);
	}
	write_out(&r->text);
	write_out(&r->json);
	return r->text.error ? r->text.error : r->json.error;
}

uint64_t tt_rows_shown(const struct tt_rows *r)
{
	return r->shown;
}

uint64_t tt_rows_left_out(const struct tt_rows *r)
{
	uint64_t sum = r->left_out;

	for (size_t i = 0; i < r->o.table_count; i++)
		sum += r->kept[i].left_out;
	return sum;
}
