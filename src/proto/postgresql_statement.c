// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL: prepared statements and portals, by name. The unnamed ones have the empty name. */
#include "proto/postgresql_internal.h"

/* --- Parses and their answers ---------------------------------------------------------------------------------------------- */

static void forget(struct pg_parse *parse)
{
	tt_sql_text_unref(parse->name);
	tt_sql_text_unref(parse->text);
	tt_sql_text_unref(parse->old);
	*parse = (struct pg_parse){0};
}

static struct tt_span name_of(const struct pg_parse *parse)
{
	return parse->name ? tt_sql_text_span(parse->name) : tt_span("", 0);
}

/* What the name stands for is now `text`. */
static void follow(struct pg_state *st, struct tt_span name, struct tt_sql_text *text)
{
	struct pg_parse *parse = &st->parse[name.len ? st->named++ % PG_PARSES : PG_PARSES];
	struct tt_sql_text *old = tt_sql_text_ref(tt_sql_table_get(&st->statements, name));

	if (parse->number && parse->settled == PG_UNSETTLED && name.len)
		st->unfollowed = parse->number;
	forget(parse);
	*parse = (struct pg_parse){
		.name = name.len ? tt_sql_text_new(name) : NULL, .text = tt_sql_text_ref(text), .old = old, .number = st->parses};
}

void pg_statement_parsed(struct tt_link *link, struct pg_state *st)
{
	struct tt_cursor c = tt_cursor(tt_buf_span(&st->req.text));
	struct tt_span name = tt_cursor_until(&c, 0);
	struct tt_span text = tt_cursor_rest(&c);

	st->parses++;
	if (tt_cursor_short(&c))
		return;
	ptrdiff_t end = tt_span_find(text, 0);
	if (end >= 0)
		text.len = (size_t)end;

	tt_sql_text_unref(st->req.parsed);
	st->req.parsed = tt_sql_text_new(text);
	/* While the answers cannot be followed the server may refuse it without being heard. */
	if (name.len && !st->answers_followed) {
		tt_sql_table_remove(&st->statements, name);
		return;
	}
	follow(st, name, st->req.parsed);
	tt_sql_remember(link, &st->statements, name, st->req.parsed);
}

const struct pg_parse *pg_parse_open(const struct pg_state *st, const struct tt_sql_text *text)
{
	for (size_t i = 0; text && i < TT_ARRAY_LEN(st->parse); i++) {
		if (st->parse[i].text == text && st->parse[i].settled != PG_TAKEN)
			return &st->parse[i];
	}
	return NULL;
}

bool pg_parse_ambiguous(const struct pg_parse *parse)
{
	return parse && parse->name && parse->old;
}

void pg_parse_complete(struct pg_state *st)
{
	if (!st->answers_followed || st->answered == st->parses)
		return;
	st->answered++;
	for (size_t i = 0; i < TT_ARRAY_LEN(st->parse); i++) {
		if (st->parse[i].number == st->answered)
			st->parse[i].settled = PG_TAKEN;
	}
}

/* The name stands for what it stood for before. */
static void refuse(struct tt_link *link, struct pg_state *st, struct pg_parse *parse)
{
	parse->settled = PG_REFUSED;
	if (tt_sql_table_get(&st->statements, name_of(parse)) != parse->text)
		return;
	if (parse->old)
		tt_sql_remember(link, &st->statements, name_of(parse), parse->old);
	else
		tt_sql_table_remove(&st->statements, name_of(parse));
}

/* Some that are not followed any more may not have been taken: which names they had is not known. */
static void clear_unfollowed(struct pg_state *st)
{
	if (st->unfollowed > st->answered)
		tt_sql_table_clear(&st->statements);
}

/* The newest one not yet answered among the first `number`. */
static struct pg_parse *newest_unsettled(struct pg_state *st, uint32_t number)
{
	struct pg_parse *newest = NULL;

	for (size_t i = 0; i < TT_ARRAY_LEN(st->parse); i++) {
		struct pg_parse *parse = &st->parse[i];
		if (parse->number && parse->settled == PG_UNSETTLED && parse->number <= number &&
		    (!newest || parse->number > newest->number))
			newest = parse;
	}
	return newest;
}

void pg_parses_settled(struct tt_link *link, struct pg_state *st, uint32_t number, bool taken)
{
	struct pg_parse *parse;

	if (!taken)
		clear_unfollowed(st);
	while ((parse = newest_unsettled(st, number))) {
		if (taken)
			parse->settled = PG_TAKEN;
		else
			refuse(link, st, parse);
	}
	if (!taken && number > st->answered)
		st->failed = number;
	st->answered = number;
}

void pg_parses_doubted(struct pg_state *st)
{
	struct pg_parse *parse;

	clear_unfollowed(st);
	while ((parse = newest_unsettled(st, UINT32_MAX))) {
		tt_sql_table_remove(&st->statements, name_of(parse));
		parse->settled = PG_DOUBTED;
	}
	st->answered = st->failed = st->parses;
}

void pg_statements_clear(struct pg_state *st)
{
	tt_sql_table_clear(&st->statements);
	tt_sql_table_clear(&st->portals);
	st->portals_sure = false;
	for (size_t i = 0; i < TT_ARRAY_LEN(st->parse); i++)
		forget(&st->parse[i]);
	st->answered = st->failed = st->parses;
}

/* --- what is executed ------------------------------------------------------------------------------------------------------- */

struct tt_span pg_describe_execution(struct tt_message *m, const struct tt_sql_text *text)
{
	struct tt_span kind = tt_sql_kind(tt_sql_text_span(text), false);

	tt_sql_operation(m, kind.len ? kind : text ? TT_SPAN_LIT("QUERY") : TT_SPAN_LIT("EXECUTE"));
	if (text)
		tt_sql_statement(m, tt_sql_text_span(text));
	else if (m)
		m->incomplete = true; /* prepared before telltale, or lost */
	return kind;
}

/* What the name stood for when the server came to it: Parses it did not take change nothing. NULL: not known. */
static const struct tt_sql_text *text_taken(const struct pg_state *st, const struct pg_parse *parse)
{
	const struct tt_sql_text *text = parse->text;

	for (; parse; parse = pg_parse_open(st, text)) {
		if (parse->settled == PG_UNSETTLED)
			return text; /* it is being refused, or passed over, together with its execution */
		text = parse->settled == PG_REFUSED ? parse->old : NULL;
	}
	return text;
}

void pg_execution_answered(struct pg_state *st, struct tt_message *m)
{
	const struct tt_message *request = m->peer;
	bool told = tt_message_get(request, TT_TEXT_OPERATION).data;
	const struct pg_parse *parse = NULL;

	for (size_t i = 0; i < TT_ARRAY_LEN(st->parse); i++) {
		if (st->parse[i].number == request->id)
			parse = &st->parse[i];
	}
	const struct tt_sql_text *text = !parse ? NULL : parse->settled == PG_TAKEN ? parse->text : text_taken(st, parse);
	if (!told)
		pg_describe_execution(m, text);
	else if (parse ? text != parse->text : request->id <= st->failed)
		m->incomplete = true; /* it is not what ran */
}

/* --- names ------------------------------------------------------------------------------------------------------------------ */

/* The server refuses a name that is taken, and only it knows which of its portals are gone: then it is not known what the name
 * stands for, nor for which others that holds. */
static bool may_be_refused(struct pg_state *st, struct tt_span portal, const struct tt_sql_text *text)
{
	if (!portal.len)
		return false;
	st->portals_named = true;
	st->portals_sure &= text && !tt_sql_table_get(&st->portals, portal);
	return !st->portals_sure;
}

void pg_statement_bound(struct tt_link *link, struct pg_state *st, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	struct tt_span portal = tt_cursor_until(&c, 0);
	struct tt_span statement = tt_cursor_until(&c, 0);

	if (tt_cursor_short(&c))
		return;
	struct tt_sql_text *text = tt_sql_table_get(&st->statements, statement);
	if (may_be_refused(st, portal, text))
		tt_sql_table_remove(&st->portals, portal);
	else
		tt_sql_remember(link, &st->portals, portal, text);
}

void pg_portals_gone(struct pg_state *st)
{
	if (st->portals_named)
		tt_sql_table_clear(&st->portals);
	st->portals_named = false;
	st->portals_sure = !st->held;
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
