// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL: what the client sends after the start-up message. */
#include "base/own.h"
#include "proto/postgresql_internal.h"

/* --- units of the extended protocol --------------------------------------------------------------------------------------- */

static void begin_unit(struct tt_link *link, struct pg_state *st, const struct tt_input *in, const struct pg_frame *f)
{
	struct pg_requests *req = &st->req;

	if (req->in_unit)
		return;
	req->in_unit = true;
	req->describes = false;
	req->parsed = tt_sql_text_unref(req->parsed);
	req->open = tt_request_begin(link, in, f->at);
	pg_begin_attributes(st, req->open);
}

static void end_unit(struct tt_link *link, struct pg_state *st, const struct tt_input *in, uint64_t end)
{
	struct pg_requests *req = &st->req;

	tt_message_end(link, req->open, in, end);
	req->open = NULL;
	req->in_unit = false;
}

static void execute(struct pg_state *st, struct tt_span body)
{
	struct tt_sql_text *text = pg_portal_text(st, body);
	const struct pg_parse *parse = pg_parse_open(st, text);
	struct tt_message *m = st->req.open;

	if (m) {
		m->kind = PG_UNIT_EXECUTE;
		m->id = parse ? parse->number : 0;
	}
	/* Else its answer tells which text it was. */
	const struct pg_parse *ambiguous = pg_parse_ambiguous(parse) ? parse : NULL;
	struct tt_span kind = !ambiguous ? pg_describe_execution(m, text) : tt_sql_kind(tt_sql_text_span(text), false);
	if (pg_sql_changes_names(kind))
		pg_sql_follow(st, tt_sql_text_span(text));
	if (ambiguous)
		pg_sql_follow(st, tt_sql_text_span(ambiguous->old));
	st->req.last_execute = true;
	st->req.last_sync = false;
}

static void sync_unit(struct pg_state *st)
{
	struct pg_requests *req = &st->req;
	struct tt_message *m = req->open;

	if (m) {
		m->kind = PG_UNIT_SYNC;
		m->id = st->parses;
		m->quiet = !req->describes;
	}
	tt_sql_operation(m, req->describes ? TT_SPAN_LIT("PREPARE") : TT_SPAN_LIT("SYNC"));
	if (req->describes && req->parsed)
		tt_sql_statement(m, tt_sql_text_span(req->parsed));
	req->last_sync = req->last_execute;
	req->last_execute = false;
}

/* A copy's data, its end, or a password: it belongs to the request before. */
static void extend(struct tt_link *link, struct pg_state *st, const struct tt_input *in, const struct pg_frame *f)
{
	struct pg_requests *req = &st->req;

	tt_request_extend(link, in, (uint64_t)f->at + PG_HEADER + f->len);
	if (f->type != 'c' && f->type != 'f')
		return;
	req->copies_ended++;
	/* A Sync sent with the Execute was read as part of the copy: only the next one is answered. */
	if (req->last_sync)
		req->syncs_ignored++;
	req->last_sync = false;
}

/* A statement described that was prepared earlier. */
static void describe(struct pg_state *st, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	uint8_t what = tt_cursor_u8(&c);
	struct tt_span name = tt_cursor_until(&c, 0);

	st->req.describes = true;
	if (what != 'S' || tt_cursor_short(&c) || st->req.parsed)
		return;
	struct tt_sql_text *text = tt_sql_table_get(&st->statements, name);
	if (!pg_parse_ambiguous(pg_parse_open(st, text)))
		st->req.parsed = tt_sql_text_ref(text);
}

/* --- texts ---------------------------------------------------------------------------------------------------------------- */

static enum tt_step finish_text(struct tt_link *link, struct pg_state *st, struct tt_input *in)
{
	struct pg_requests *req = &st->req;

	if (req->in_text == 'P') {
		pg_statement_parsed(link, st);
		tt_buf_free(&req->text);
	} else {
		tt_message_attr_text(req->open, "db.query.text", TT_TEXT_RESOURCE);
		pg_sql_queried(st, req->open, req->renames);
		tt_message_end(link, req->open, in, in->c.pos + req->skip);
		req->open = NULL;
	}
	req->in_text = 0;
	pg_pass_to(link, TT_REQUESTS, in, in->c.pos + req->skip);
	req->skip = 0;
	return TT_PARSED;
}

static enum tt_step take_text(struct tt_link *link, struct pg_state *st, struct tt_input *in)
{
	struct pg_requests *req = &st->req;
	struct tt_span part = tt_cursor_take(&in->c, (size_t)TT_MIN(req->text_left, (uint64_t)tt_cursor_left(&in->c)));

	if (req->in_text == 'P')
		tt_buf_add(&req->text, part.data, part.len);
	else
		tt_message_text_add(req->open, TT_TEXT_RESOURCE, part);
	req->text_left -= part.len;
	return req->text_left ? TT_MORE : finish_text(link, st, in);
}

static void begin_text(struct tt_link *link, struct pg_state *st, uint8_t type, uint64_t len, uint64_t more)
{
	struct pg_requests *req = &st->req;

	req->in_text = type;
	req->text_left = TT_MIN(len, tt_link_limit(link, TT_LIMIT_TEXT_BYTES));
	req->skip = len - req->text_left + more;
}

static enum tt_step parse(struct tt_link *link, struct pg_state *st, struct tt_input *in, const struct pg_frame *f)
{
	begin_unit(link, st, in, f);
	st->req.describes = true;
	st->req.text = TT_BUF(tt_link_limit(link, TT_LIMIT_TEXT_BYTES));
	begin_text(link, st, 'P', f->len, 0);
	return take_text(link, st, in);
}

static enum tt_step query(struct tt_link *link, struct pg_state *st, struct tt_input *in, const struct pg_frame *f)
{
	struct pg_requests *req = &st->req;
	uint32_t len = f->len - 1; /* the final 0 */

	if (!req->begun) {
		req->begun = true;
		req->open = tt_request_begin(link, in, f->at);
		if (req->open)
			req->open->kind = PG_UNIT_QUERY;
		pg_begin_attributes(st, req->open);
	}
	if (tt_cursor_left(&in->c) < TT_MIN(len, (uint32_t)TT_SQL_HEAD)) {
		in->c.pos = f->at;
		return TT_MORE;
	}
	struct tt_span head = tt_span_sub(tt_cursor_rest(&in->c), 0, TT_MIN(len, (uint32_t)TT_SQL_HEAD));
	struct tt_span kind = tt_sql_kind(head, false);
	tt_sql_operation(req->open, kind.len ? kind : TT_SPAN_LIT("QUERY"));
	req->renames = !kind.len || pg_sql_changes_names(kind);
	tt_message_text(req->open, TT_TEXT_RESOURCE, tt_span("", 0));
	req->begun = req->last_sync = req->last_execute = false;
	begin_text(link, st, 'Q', len, 1);
	return take_text(link, st, in);
}

/* --- messages ------------------------------------------------------------------------------------------------------------- */

static void function_call(struct tt_link *link, struct pg_state *st, const struct tt_input *in, const struct pg_frame *f)
{
	struct tt_message *m = tt_request_begin(link, in, f->at);

	if (m)
		m->kind = PG_UNIT_QUERY;
	pg_begin_attributes(st, m);
	tt_sql_operation(m, TT_SPAN_LIT("FUNCTION_CALL"));
	tt_message_end(link, m, in, (uint64_t)f->at + PG_HEADER + f->len);
	st->req.last_sync = st->req.last_execute = false;
}

/* A message whose meaning stands in its first bytes. */
static void read_short(struct tt_link *link, struct pg_state *st, struct tt_input *in, const struct pg_frame *f,
		       struct tt_span body)
{
	uint64_t end = (uint64_t)f->at + PG_HEADER + f->len;

	switch (f->type) {
	case 'B':
		begin_unit(link, st, in, f);
		pg_statement_bound(link, st, body);
		break;
	case 'D':
		begin_unit(link, st, in, f);
		describe(st, body);
		break;
	case 'C':
		begin_unit(link, st, in, f);
		pg_statement_closed(st, body);
		break;
	case 'E':
		begin_unit(link, st, in, f);
		execute(st, body);
		end_unit(link, st, in, end);
		break;
	case 'S':
		begin_unit(link, st, in, f);
		sync_unit(st);
		end_unit(link, st, in, end);
		break;
	case 'F':
		function_call(link, st, in, f);
		break;
	case 'd':
	case 'c':
	case 'f':
	case 'p':
		extend(link, st, in, f);
		break;
	default: /* Flush, Terminate */
		break;
	}
}

static bool names_something(uint8_t type)
{
	return type == 'B' || type == 'D' || type == 'C' || type == 'E';
}

static enum tt_step read_message(struct tt_link *link, struct pg_state *st, struct tt_input *in)
{
	struct pg_frame f;

	enum tt_step step = pg_read_frame(TT_REQUESTS, &in->c, &f);
	if (step != TT_PARSED)
		return step;
	if (f.type == 'Q' && st->req.in_unit)
		end_unit(link, st, in, f.at); /* nothing the server would accept */
	if (f.type == 'Q')
		return query(link, st, in, &f);
	if (f.type == 'P')
		return parse(link, st, in, &f);

	/* The unit is begun with the header: what is missing of it leaves it incomplete, not unseen. */
	if (names_something(f.type))
		begin_unit(link, st, in, &f);
	size_t look = names_something(f.type) ? TT_MIN(f.len, (uint32_t)PG_LOOK) : 0;
	if (tt_cursor_left(&in->c) < look) {
		in->c.pos = f.at;
		return TT_MORE;
	}
	read_short(link, st, in, &f, tt_span_sub(tt_cursor_rest(&in->c), 0, look));
	pg_pass_to(link, TT_REQUESTS, in, (uint64_t)f.at + PG_HEADER + f.len);
	return TT_PARSED;
}

enum tt_step pg_parse_request(struct tt_link *link, struct pg_state *st, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	/* In the middle of a connection the start-up message, which begins with a 0, is long gone. */
	if (!st->req.started && !tt_link_from_start(link) && in->c.data[0])
		st->req.started = true;
	while (step == TT_PARSED && tt_cursor_left(&in->c)) {
		if (st->req.in_text)
			step = take_text(link, st, in);
		else
			step = st->req.started ? read_message(link, st, in) : pg_read_startup(link, st, in);
	}
	return step;
}
