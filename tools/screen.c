// SPDX-License-Identifier: Apache-2.0
#include "tools/screen.h"

#include <sys/ioctl.h>

#include "sink/utf8.h"

/* The line the cursor stands in must stay free. */
#define SPARE 1
/* Less is no use for what a line goes on with. */
#define COLUMNS_LEAST 16

void tt_screen_ask(struct tt_screen *s, int fd)
{
	struct winsize window = {0};

	if (ioctl(fd, TIOCGWINSZ, &window) < 0 || !window.ws_row)
		return;
	s->lines = window.ws_row;
	s->columns = window.ws_col;
}

/* --- lines --- */

/* How many bytes of it fit. Of characters that may be wide it is taken that they are: those of three bytes and more. */
static size_t fitting(struct tt_span line, unsigned columns)
{
	size_t at = 0;

	for (unsigned used = 0; at < line.len;) {
		size_t len = line.data[at] < 0x80 ? 1 : tt_utf8_length(line.data + at, line.len - at);
		used += len > 2 ? 2 : 1;
		if (used > columns)
			break;
		at += len ? len : 1;
	}
	return at;
}

/* Where to break what does not fit: behind the last space there is, but in what the line begins with. */
static size_t break_at(struct tt_span line, size_t fits, size_t from)
{
	for (size_t at = fits; at > from; at--) {
		if (line.data[at] == ' ' || line.data[at - 1] == ' ')
			return at;
	}
	return fits;
}

unsigned tt_screen_add(struct tt_buf *out, unsigned columns, unsigned indent, unsigned most, struct tt_span line)
{
	unsigned lines = 1;

	while (line.len && line.data[line.len - 1] == '\n')
		line.len--;
	for (unsigned from = 0;; from = indent, lines++) {
		size_t fits = columns ? fitting(line, columns - from) : line.len;
		bool last = fits == line.len || lines >= most || columns < indent + COLUMNS_LEAST;
		size_t end = last ? fits : break_at(line, fits, from ? 0 : indent);

		size_t shown = end;
		while (!last && shown && line.data[shown - 1] == ' ')
			shown--;
		tt_buf_add(out, line.data, shown);
		tt_buf_add_char(out, '\n');
		if (last)
			return lines;
		while (end < line.len && line.data[end] == ' ')
			end++;
		line = tt_span(line.data + end, line.len - end);
		for (unsigned i = 0; i < indent; i++)
			tt_buf_add_char(out, ' ');
	}
}

/* --- tables --- */

static void give(struct tt_screen_table *t, unsigned up_to, unsigned *left)
{
	unsigned more = t->given && up_to > t->given ? TT_MIN(up_to - t->given, *left) : 0;

	t->given += more;
	*left -= more;
}

/* A heading and a line each, and what sets it apart from the one above. False: some are without. */
static bool share_headings(struct tt_screen_table *tables, size_t count, unsigned *left)
{
	bool all = true;
	unsigned cost = 2;

	for (int first = 1; first >= 0; first--) {
		for (size_t i = 0; i < count; i++) {
			if (!tables[i].rows || tables[i].first != first)
				continue;
			tables[i].given = *left >= cost;
			all &= *left >= cost;
			*left -= *left >= cost ? cost : 0;
			cost = 3;
		}
	}
	return all;
}

static void share_rest(struct tt_screen_table *tables, size_t count, unsigned left)
{
	for (size_t i = 0; i < count; i++)
		give(&tables[i], tables[i].first ? tables[i].rows : 0, &left);
	for (size_t i = 0; i < count; i++)
		give(&tables[i], TT_MIN(tables[i].rows, 2u), &left);
	for (size_t i = 0; i < count; i++)
		give(&tables[i], tables[i].first ? tables[i].lines : 0, &left);
	/* One to each in turn, until there are none left or nobody wants more. */
	for (unsigned before = left + 1; left && left < before;) {
		before = left;
		for (size_t i = 0; i < count; i++)
			give(&tables[i], TT_MIN(tables[i].given + 1, tables[i].lines), &left);
	}
}

bool tt_screen_share(unsigned lines, struct tt_screen_table *tables, size_t count)
{
	unsigned left = lines > SPARE ? lines - SPARE : 0;
	unsigned again = left ? left - 1 : 0;
	bool all = share_headings(tables, count, &left);

	if (!all) {
		left = again;
		share_headings(tables, count, &left);
	}
	share_rest(tables, count, left);
	return !all;
}
