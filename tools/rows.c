// SPDX-License-Identifier: Apache-2.0
#include "tools/rows.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/greatest.h"

#define TT_ROWS_BUFFER (1u << 20)
/* ECMA-48: to the first line and everything below it erased; bold; normal. */
#define TT_TERMINAL_BEGIN "\033[H\033[J"
#define TT_TERMINAL_BOLD "\033[1m"
#define TT_TERMINAL_NORMAL "\033[0m"

struct output {
	int fd;
	int error;
	struct tt_buf buf;
};

struct tt_rows {
	struct tt_rows_options o;
	struct output text, json;
	struct tt_greatest kept[TT_TOOL_TABLES_MOST];
	size_t headed;	    /* the table the last heading was of; SIZE_MAX: none yet */
	struct tt_buf line; /* of a screen */
	int64_t wall_minus_mono_ns;
	uint64_t shown, left_out;
};

static void ask_wall(struct tt_rows *r)
{
	r->wall_minus_mono_ns = r->o.wall_minus_mono_ns ? r->o.wall_minus_mono_ns() : 0;
}

int tt_rows_new(struct tt_rows **ret, const struct tt_rows_options *options)
{
	struct tt_rows *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->o = *options;
	r->headed = SIZE_MAX;
	r->text = (struct output){.fd = options->text_fd, .buf = TT_BUF(TT_ROWS_BUFFER)};
	r->json = (struct output){.fd = options->json_fd, .buf = TT_BUF(TT_ROWS_BUFFER)};
	r->line = TT_BUF(TT_ROWS_BUFFER);
	for (size_t i = 0; i < options->table_count; i++) {
		const struct tt_table *table = options->tables[i];
		size_t most = table->in_order && options->most_in_order ? options->most_in_order : options->most;
		r->kept[i] = (struct tt_greatest){.table = table, .most = most};
	}
	ask_wall(r);
	*ret = r;
	return 0;
}

struct tt_rows *tt_rows_free(struct tt_rows *r)
{
	if (!r)
		return NULL;
	tt_buf_free(&r->text.buf);
	tt_buf_free(&r->json.buf);
	tt_buf_free(&r->line);
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

static void write_text(struct tt_rows *r, size_t table, const void *row)
{
	const struct tt_fields *fields = &r->o.tables[table]->fields;

	if (r->headed != table) {
		/* Tables stand apart. */
		if (r->headed != SIZE_MAX && r->o.table_count > 1)
			tt_buf_add_char(&r->text.buf, '\n');
		tt_fields_heading(fields, row, &r->text.buf);
		r->headed = table;
	}
	tt_fields_text(fields, row, r->wall_minus_mono_ns, &r->text.buf);
	if (r->text.buf.len > TT_ROWS_BUFFER / 2)
		write_out(&r->text);
}

static void write_row(struct tt_rows *r, size_t table, const void *row)
{
	const struct tt_table *t = r->o.tables[table];

	if (r->text.fd >= 0 && !r->o.live)
		write_text(r, table, row);
	if (r->json.fd >= 0)
		tt_fields_json(&t->fields, t->kind, row, r->wall_minus_mono_ns, &r->json.buf);
	if (r->json.buf.len > TT_ROWS_BUFFER / 2)
		write_out(&r->json);
	r->shown++;
}

/* --- a screen --- */

/* One row, in at most so many lines. Returns how many it took. */
static unsigned screen_row(struct tt_rows *r, size_t table, size_t i, unsigned most)
{
	const struct tt_table *t = r->o.tables[table];
	const void *row = tt_greatest_at(&r->kept[table], i);

	tt_buf_clear(&r->line);
	tt_fields_text(&t->fields, row, r->wall_minus_mono_ns, &r->line);
	return tt_screen_add(&r->text.buf, r->o.screen.columns, tt_fields_last_at(&t->fields, row), most,
			     tt_span(r->line.data, r->line.len));
}

static void screen_heading(struct tt_rows *r, size_t table)
{
	tt_buf_clear(&r->line);
	tt_fields_heading(&r->o.tables[table]->fields, tt_greatest_at(&r->kept[table], 0), &r->line);
	tt_buf_add_str(&r->text.buf, r->o.colours ? TT_TERMINAL_BOLD : "");
	tt_screen_add(&r->text.buf, r->o.screen.columns, 0, 1, tt_span(r->line.data, r->line.len));
	tt_buf_add_str(&r->text.buf, r->o.colours ? TT_TERMINAL_NORMAL : "");
}

static void screen_more(struct tt_rows *r, size_t rows)
{
	tt_buf_printf(&r->text.buf, "… %zu more row%s\n", rows, rows == 1 ? "" : "s");
}

/* So many lines below the heading; where not all fit the last one says how many do not. */
static void screen_table(struct tt_rows *r, size_t table, const struct tt_screen_table *place)
{
	unsigned rows = place->rows, lines = place->given, shown = 0;

	screen_heading(r, table);
	if (lines < rows)
		lines--;
	for (unsigned used = 0; shown < rows && used < lines; shown++) {
		unsigned later = TT_MIN(rows, lines) - shown - 1; /* each of them has a line at least */
		used += screen_row(r, table, shown, place->first ? lines - used - later : 1);
	}
	if (shown < rows)
		screen_more(r, rows - shown);
}

/* How many lines the rows would take. */
static unsigned screen_lines(struct tt_rows *r, size_t table)
{
	size_t before = r->text.buf.len;
	unsigned lines = 0;

	for (size_t i = 0; i < r->kept[table].count; i++) {
		lines += screen_row(r, table, i, UINT_MAX);
		r->text.buf.len = before;
	}
	return lines;
}

static void write_screen(struct tt_rows *r)
{
	struct tt_screen_table places[TT_TOOL_TABLES_MOST] = {0};
	size_t missing = 0;
	bool any = false;

	tt_screen_ask(&r->o.screen, r->text.fd);
	tt_buf_add_str(&r->text.buf, TT_TERMINAL_BEGIN);
	for (size_t i = 0; i < r->o.table_count; i++) {
		places[i].rows = (unsigned)r->kept[i].count;
		places[i].first = r->o.tables[i]->first;
		places[i].lines = places[i].first ? screen_lines(r, i) : places[i].rows;
	}
	bool rest = tt_screen_share(r->o.screen.lines ? r->o.screen.lines : UINT_MAX, places, r->o.table_count);
	for (size_t i = 0; i < r->o.table_count; i++) {
		if (!places[i].given) {
			missing += places[i].rows;
			continue;
		}
		if (any)
			tt_buf_add_char(&r->text.buf, '\n');
		screen_table(r, i, &places[i]);
		any = true;
	}
	if (rest)
		screen_more(r, missing);
}

/* --- rows --- */

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

int tt_rows_flush(struct tt_rows *r)
{
	ask_wall(r);
	/* Headings begin anew where rows were gathered. */
	if (r->o.gather && r->headed != SIZE_MAX)
		r->headed = r->o.table_count;
	for (size_t table = 0; table < r->o.table_count; table++) {
		struct tt_greatest *g = &r->kept[table];
		tt_greatest_sort(g);
		for (size_t i = 0; i < g->count; i++)
			write_row(r, table, tt_greatest_at(g, i));
	}
	if (r->o.live && r->text.fd >= 0)
		write_screen(r);
	for (size_t table = 0; table < r->o.table_count; table++)
		tt_greatest_clear(&r->kept[table]);
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
