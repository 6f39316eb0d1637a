// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL: what the server sends. */
#include "base/digits.h"
#include "base/own.h"
#include "proto/postgresql_internal.h"
#include "proto/tls.h"

/* The unit the open answer belongs to; -1: not known. */
static int open_unit(const struct pg_responses *res)
{
	return res->open && res->open->peer ? (int)res->open->peer->kind : -1;
}

static void begin_answer(struct tt_link *link, struct pg_state *st, const struct tt_input *in, size_t at)
{
	struct pg_responses *res = &st->res;

	res->open = tt_response_begin(link, in, at);
	if (!res->open || !res->open->peer) {
		/* One that is nobody's may be read ahead of what it answers. */
		st->answers_followed = false;
		pg_parses_doubted(st);
	}
	res->in_answer = true;
	res->rows = res->affected = res->committed = res->statement_rows = 0;
	res->has_rows = res->has_affected = false;
}

static void end_answer(struct tt_link *link, struct pg_state *st, const struct tt_input *in, uint64_t end)
{
	struct pg_responses *res = &st->res;
	struct tt_message *m = res->open;

	if (m)
		m->quoting = st->quoting;

	if (open_unit(res) == PG_UNIT_EXECUTE && m->peer->id)
		pg_execution_answered(st, m);
	tt_sql_answered(m, res->has_rows ? &res->rows : NULL, res->has_affected ? &res->affected : NULL);
	tt_message_end(link, m, in, end);
	res->open = NULL;
	res->in_answer = false;
}

/* --- the end of a statement ------------------------------------------------------------------------------------------------ */

static bool read_count(struct tt_span tag, int64_t *ret)
{
	size_t i = tag.len;
	uint64_t n;

	while (i && tag.data[i - 1] >= '0' && tag.data[i - 1] <= '9')
		i--;
	if (!i || tag.data[i - 1] != ' ' || !tt_digits_read(tt_span_sub(tag, i, tag.len), &n))
		return false;
	*ret = (int64_t)n;
	return true;
}

/* CommandComplete: what the statement did, and how many rows it did it to. */
static void complete_statement(struct pg_responses *res, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	struct tt_span tag = tt_cursor_until(&c, 0);
	bool selects = tt_span_starts(tag, TT_SPAN_LIT("SELECT")) || tt_span_starts(tag, TT_SPAN_LIT("FETCH"));
	int64_t count;

	/* A SELECT that made a table sends no rows. */
	if (tt_span_eq(tag, TT_SPAN_LIT("COMMIT")))
		res->committed = res->affected;
	bool moves = tt_span_starts(tag, TT_SPAN_LIT("MOVE")); /* rows passed over */
	if (!moves && read_count(tag, &count) && !(selects && count == res->statement_rows)) {
		bool sent = selects ? res->statement_rows != 0 : tt_span_starts(tag, TT_SPAN_LIT("COPY")) && !res->copy_in;
		if (sent) {
			res->rows += count;
			res->has_rows = true;
			res->statement_rows = 0;
			return;
		}
		res->affected += count;
		res->has_affected = true;
	}
	res->has_rows |= selects && !res->has_affected;
	res->rows += res->statement_rows;
	res->statement_rows = 0;
}

static void suspend_statement(struct pg_responses *res)
{
	res->has_rows = true;
	res->rows += res->statement_rows;
	res->statement_rows = 0;
}

/* --- errors ---------------------------------------------------------------------------------------------------------------- */

struct error {
	struct tt_span severity;
	struct tt_span code;
	struct tt_span text;
};

static void read_error(struct tt_span body, struct error *ret)
{
	struct tt_cursor c = tt_cursor(body);

	*ret = (struct error){0};
	while (tt_cursor_left(&c) && c.data[c.pos]) {
		uint8_t field = tt_cursor_u8(&c);
		struct tt_span rest = tt_cursor_rest(&c);
		struct tt_span value = tt_cursor_until(&c, 0);
		if (tt_cursor_short(&c))
			value = rest; /* a long text, cut */
		if (field == 'V' || (field == 'S' && !ret->severity.data))
			ret->severity = value;
		else if (field == 'C')
			ret->code = value;
		else if (field == 'M')
			ret->text = value;
		if (tt_cursor_short(&c))
			return;
	}
}

/* Fails the answer. True if the server ends the connection with it: nothing else will come. */
static bool fail(struct tt_link *link, struct pg_state *st, struct tt_span body)
{
	struct tt_message *m = st->res.open;
	struct error e;

	read_error(body, &e);
	if (e.code.len == 0 || e.code.len > 16)
		e.code = TT_SPAN_LIT("XX000");
	tt_message_fail(m, e.code);
	tt_message_text(m, TT_TEXT_STATUS, e.code);
	tt_message_text(m, TT_TEXT_ERROR, e.text);
	tt_message_attr_text(m, "db.response.status_code", TT_TEXT_STATUS);
	/* There is no such statement: it was not the one that is known by this name. */
	if (m && open_unit(&st->res) == PG_UNIT_EXECUTE && tt_span_eq(e.code, TT_SPAN_LIT("26000")))
		m->incomplete = true;
	/* What came before it in the same answer was one transaction with it, and is undone (PostgreSQL 15, section 55.2.2.1). */
	st->res.affected = st->res.committed;
	st->res.has_affected &= st->res.affected != 0;
	st->res.failed = true;
	return tt_span_eq(e.severity, TT_SPAN_LIT("FATAL")) || tt_span_eq(e.severity, TT_SPAN_LIT("PANIC"));
}

/* --- ReadyForQuery --------------------------------------------------------------------------------------------------------- */

/* The server passed over what it was asked, because of an error before. */
static void skip_answer(struct pg_responses *res)
{
	tt_message_fail(res->open, TT_SPAN_LIT("skipped"));
	tt_message_text(res->open, TT_TEXT_STATUS, TT_SPAN_LIT("skipped"));
}

/* An answer without bytes. */
static void answer_nothing(struct tt_link *link, struct pg_state *st, const struct tt_input *in, size_t at, bool skipped)
{
	begin_answer(link, st, in, at);
	if (skipped)
		skip_answer(&st->res);
	end_answer(link, st, in, at);
}

/*
 * The end of a query, or of everything up to a Sync: what of it was not answered yet was passed over. TT_PARSED: the open answer,
 * if there is one, ends behind this message.
 */
static enum tt_step settle(struct tt_link *link, struct pg_state *st, const struct tt_input *in, const struct pg_frame *f)
{
	struct pg_responses *res = &st->res;
	const struct tt_message *request;

	if (res->in_answer) {
		int unit = open_unit(res);
		if (unit == PG_UNIT_OPEN && !res->open->peer->ended)
			return TT_WAIT;
		if (unit != PG_UNIT_EXECUTE)
			return TT_PARSED;
		end_answer(link, st, in, f->at);
	}
	for (;;) {
		switch (tt_awaited(link, &request)) {
		case TT_NOT_YET:
			return TT_WAIT;
		case TT_NEVER:
			return TT_PARSED;
		default:
			break;
		}
		if (request->kind == PG_UNIT_OPEN && !request->ended)
			return TT_WAIT;
		bool ignored = request->kind == PG_UNIT_SYNC && st->req.syncs_ignored;
		if (request->kind != PG_UNIT_EXECUTE && !ignored) {
			bool skipped = request->kind == PG_UNIT_SYNC && !request->quiet && res->failed;
			begin_answer(link, st, in, f->at);
			if (skipped)
				skip_answer(res);
			return TT_PARSED;
		}
		if (!ignored && !res->failed)
			return TT_LOST_SYNC; /* an execution is always answered */
		if (ignored)
			st->req.syncs_ignored--;
		answer_nothing(link, st, in, f->at, !ignored);
	}
}

/* `status`: I idle, T in a transaction, E in one that failed. A Close or Bind behind an error was passed over. */
static void follow_portals(struct tt_link *link, struct pg_state *st, uint8_t status)
{
	const struct tt_message *request;

	if (st->res.failed)
		st->portals_sure = false;
	if (status == 'I' && (st->portals_named || !st->portals_sure) && !st->req.in_unit &&
	    tt_awaited(link, &request) == TT_NOT_YET)
		pg_portals_gone(st);
}

static enum tt_step ready(struct tt_link *link, struct pg_state *st, const struct tt_input *in, const struct pg_frame *f,
			  struct tt_span body)
{
	struct pg_responses *res = &st->res;

	enum tt_step step = settle(link, st, in, f);
	if (step != TT_PARSED)
		return step;
	if (!res->in_answer)
		begin_answer(link, st, in, f->at);
	bool followed = res->open && res->open->peer;
	if (followed && open_unit(res) == PG_UNIT_SYNC)
		pg_parses_settled(link, st, (uint32_t)res->open->peer->id, !res->failed);
	st->answers_followed = followed;
	end_answer(link, st, in, (uint64_t)f->at + PG_HEADER + f->len);
	follow_portals(link, st, body.len ? body.data[0] : 0);
	res->failed = res->copy_in = false;
	return TT_PARSED;
}

/* --- messages -------------------------------------------------------------------------------------------------------------- */

/* Sent at any time, answers nothing. */
static bool is_async(uint8_t type)
{
	return type == 'A' || type == 'S';
}

/* ParameterStatus: what a backslash means in a string without a prefix. */
static void take_parameter(struct pg_state *st, struct tt_span body)
{
	struct tt_cursor c = tt_cursor(body);
	struct tt_span name = tt_cursor_until(&c, 0);
	struct tt_span value = tt_cursor_until(&c, 0);

	if (!tt_cursor_short(&c) && tt_span_eq(name, TT_SPAN_LIT("standard_conforming_strings")))
		st->quoting = tt_span_eq(value, TT_SPAN_LIT("on")) ? TT_QUOTING_PLAIN : TT_QUOTING_BACKSLASH;
}

static enum tt_step expect_answer(struct tt_link *link, struct pg_state *st, const struct tt_input *in, const struct pg_frame *f)
{
	const struct tt_message *request;

	enum tt_awaited awaited = tt_awaited(link, &request);
	if (awaited == TT_NOT_YET)
		return f->type == 'N' ? TT_PARSED : TT_WAIT;
	begin_answer(link, st, in, f->at);
	return TT_PARSED;
}

/* The statement ends: of a query there may be more, an execution is answered. */
static enum tt_step end_statement(struct tt_link *link, struct pg_state *st, const struct tt_input *in, const struct pg_frame *f,
				  struct tt_span body)
{
	struct pg_responses *res = &st->res;
	int unit = open_unit(res);

	/* Which Sync counts is known only when the end of the copy was read. */
	if (res->copy_in && (unit == PG_UNIT_EXECUTE || unit == PG_UNIT_OPEN) && st->req.copies_ended == res->copies_ended)
		return TT_WAIT;
	if (f->type == 'C')
		complete_statement(res, body);
	else if (f->type == 's')
		suspend_statement(res);
	res->copies_ended = res->copy_in ? st->req.copies_ended : res->copies_ended;
	res->copy_in = false;
	if (unit == PG_UNIT_EXECUTE || unit == PG_UNIT_OPEN)
		end_answer(link, st, in, (uint64_t)f->at + PG_HEADER + f->len);
	return TT_PARSED;
}

static enum tt_step read_body(struct tt_link *link, struct pg_state *st, const struct tt_input *in, const struct pg_frame *f,
			      struct tt_span body)
{
	struct pg_responses *res = &st->res;

	switch (f->type) {
	case '1':
		pg_parse_complete(st);
		return TT_PARSED;
	case 'D':
		res->statement_rows++;
		return TT_PARSED;
	case 'T':
		res->has_rows |= open_unit(res) == PG_UNIT_QUERY;
		return TT_PARSED;
	case 'G':
	case 'W':
		res->copy_in = true;
		return TT_PARSED;
	case 'C':
	case 'I':
	case 's':
		return end_statement(link, st, in, f, body);
	case 'E':
		if (fail(link, st, body) || open_unit(res) == PG_UNIT_LOGIN)
			end_answer(link, st, in, (uint64_t)f->at + PG_HEADER + f->len);
		return TT_PARSED;
	default:
		return TT_PARSED;
	}
}

/* Bytes of the body to look at. */
static size_t bytes_to_look_at(const struct pg_frame *f)
{
	bool looks = f->type == 'C' || f->type == 'E' || f->type == 'S' || f->type == 'Z';
	return looks ? TT_MIN(f->len, (uint32_t)PG_LOOK) : 0;
}

/* Rows that are there whole, without more ado. */
static void count_rows(struct pg_responses *res, struct tt_cursor *c)
{
	while (tt_cursor_left(c) > PG_HEADER && c->data[c->pos] == 'D') {
		struct tt_cursor row = *c;
		struct pg_frame f;
		if (pg_read_frame(TT_RESPONSES, &row, &f) != TT_PARSED || !tt_cursor_skip(&row, f.len))
			return;
		c->pos = row.pos;
		res->statement_rows++;
	}
}

static enum tt_step read_message(struct tt_link *link, struct pg_state *st, struct tt_input *in)
{
	struct pg_responses *res = &st->res;
	struct pg_frame f;

	if (res->in_answer)
		count_rows(res, &in->c);
	enum tt_step step = pg_read_frame(TT_RESPONSES, &in->c, &f);
	if (step != TT_PARSED)
		return step;
	size_t look = bytes_to_look_at(&f);
	if (tt_cursor_left(&in->c) < look) {
		in->c.pos = f.at;
		return TT_MORE;
	}

	struct tt_span body = tt_span_sub(tt_cursor_rest(&in->c), 0, look);
	if (f.type == 'S')
		take_parameter(st, body);
	if (f.type == 'Z')
		step = ready(link, st, in, &f, body);
	else if (!res->in_answer && !is_async(f.type))
		step = expect_answer(link, st, in, &f);
	if (step == TT_PARSED && res->in_answer)
		step = read_body(link, st, in, &f, body);
	if (step != TT_PARSED) {
		in->c.pos = f.at;
		return step;
	}
	pg_pass_to(link, TT_RESPONSES, in, (uint64_t)f.at + PG_HEADER + f.len);
	return TT_PARSED;
}

/* The one byte that answers a wish for encryption. */
static enum tt_step read_negotiation(struct tt_link *link, struct pg_state *st, struct tt_input *in)
{
	uint8_t answer = tt_cursor_u8(&in->c);

	st->res.negotiations++;
	if (answer == 'S')
		return tt_tls_takes_over(link);
	/* GSSAPI's encryption, or an error message: no more of this can be read. */
	return answer == 'N' ? TT_PARSED : TT_DONE;
}

enum tt_step pg_parse_response(struct tt_link *link, struct pg_state *st, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	while (step == TT_PARSED && tt_cursor_left(&in->c)) {
		if (st->res.negotiations < st->req.negotiations)
			step = read_negotiation(link, st, in);
		else if (!st->req.started)
			step = TT_WAIT; /* the client speaks first: what this answers is not known yet */
		else
			step = read_message(link, st, in);
	}
	return step;
}
