// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL: prepared statements and portals, by name. The unnamed ones have the empty name. */
#include "proto/postgresql_internal.h"

void pg_forget_displaced(struct pg_state *st)
{
	st->displaced = tt_sql_text_unref(st->displaced);
	st->displaced_name = tt_sql_text_unref(st->displaced_name);
	st->unsettled = 0;
}

void pg_statement_parsed(struct tt_link *link, struct pg_state *st)
{
	struct tt_cursor c = tt_cursor(tt_buf_span(&st->req.text));
	struct tt_span name = tt_cursor_until(&c, 0);
	struct tt_span text = tt_cursor_rest(&c);

	if (tt_cursor_short(&c))
		return;
	ptrdiff_t end = tt_span_find(text, 0);
	if (end >= 0)
		text.len = (size_t)end;

	if (name.len) {
		struct tt_sql_text *old = tt_sql_text_ref(tt_sql_table_get(&st->statements, name));
		uint32_t unsettled = st->unsettled;
		pg_forget_displaced(st);
		st->displaced = old;
		st->displaced_name = tt_sql_text_new(name);
		st->unsettled = unsettled + 1;
	}
	tt_sql_text_unref(st->req.parsed);
	st->req.parsed = tt_sql_text_new(text);
	/* While the answers cannot be followed the server may refuse it without being heard. */
	if (name.len && !st->answers_followed)
		tt_sql_table_remove(&st->statements, name);
	else
		tt_sql_remember(link, &st->statements, name, st->req.parsed);
}

void pg_statement_refused(struct tt_link *link, struct pg_state *st)
{
	if (st->unsettled != 1 || !st->displaced_name)
		tt_sql_table_clear(&st->statements); /* several were asked for: which name it was is not known */
	else if (st->displaced)
		tt_sql_remember(link, &st->statements, tt_sql_text_span(st->displaced_name), st->displaced);
	else
		tt_sql_table_remove(&st->statements, tt_sql_text_span(st->displaced_name));
	pg_forget_displaced(st);
}

void pg_statement_in_doubt(struct pg_state *st)
{
	if (st->displaced_name)
		tt_sql_table_remove(&st->statements, tt_sql_text_span(st->displaced_name));
	pg_forget_displaced(st);
}

void pg_statement_bound(struct tt_link *link, struct pg_state *st, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	struct tt_span portal = tt_cursor_until(&c, 0);
	struct tt_span statement = tt_cursor_until(&c, 0);

	if (!tt_cursor_short(&c))
		tt_sql_remember(link, &st->portals, portal, tt_sql_table_get(&st->statements, statement));
}

void pg_statement_closed(struct pg_state *st, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	uint8_t what = tt_cursor_u8(&c);
	struct tt_span name = tt_cursor_until(&c, 0);

	if (!tt_cursor_short(&c))
		tt_sql_table_remove(what == 'S' ? &st->statements : &st->portals, name);
}

struct tt_sql_text *pg_portal_text(struct pg_state *st, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	struct tt_span portal = tt_cursor_until(&c, 0);

	return tt_cursor_short(&c) ? NULL : tt_sql_table_get(&st->portals, portal);
}
