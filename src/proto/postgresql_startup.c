// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL: what comes before the first typed message: encryption asked for, cancel requests, the start-up message. */
#include "base/own.h"
#include "proto/postgresql_internal.h"

#define PG_STARTUP_MOST 10000u /* the server's own bound */

static bool is_startup(uint32_t code)
{
	return code >> 16 == 3 && (code & 0xffff) < 100;
}

enum tt_verdict pg_detect_startup(struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	uint32_t len = tt_cursor_be32(&c);
	uint32_t code = tt_cursor_be32(&c);

	if (bytes.len && bytes.data[0] != 0)
		return TT_NO;
	if (tt_cursor_short(&c))
		return TT_MAYBE;
	if (code == PG_CODE_SSL || code == PG_CODE_GSS)
		return len == 8 ? TT_YES : TT_NO;
	if (code == PG_CODE_CANCEL)
		return len >= 16 && len <= 268 ? TT_YES : TT_NO;
	if (!is_startup(code) || len < 9 || len > PG_STARTUP_MOST)
		return TT_NO;
	/* Names and values, each ended by 0. */
	for (size_t i = c.pos; i < TT_MIN(bytes.len, (size_t)len); i++) {
		if (bytes.data[i] && bytes.data[i] < ' ')
			return TT_NO;
	}
	return bytes.len >= TT_MIN(len, 14u) ? TT_YES : TT_MAYBE;
}

static void keep(struct tt_sql_text **at, struct tt_span value)
{
	tt_sql_text_unref(*at);
	*at = value.len ? tt_sql_text_new(tt_span_sub(value, 0, 256)) : NULL;
}

static void read_parameters(struct pg_state *st, struct tt_cursor c)
{
	struct tt_span user = tt_span(NULL, 0);
	struct tt_span database = tt_span(NULL, 0);

	while (!tt_cursor_short(&c) && tt_cursor_left(&c) && c.data[c.pos]) {
		struct tt_span name = tt_cursor_until(&c, 0);
		struct tt_span value = tt_cursor_until(&c, 0);
		if (tt_span_eq(name, TT_SPAN_LIT("user")))
			user = value;
		else if (tt_span_eq(name, TT_SPAN_LIT("database")))
			database = value;
	}
	keep(&st->user, user);
	/* The server takes the user's name where no database is named. */
	keep(&st->database, database.len ? database : user);
}

void pg_begin_attributes(const struct pg_state *st, struct tt_message *m)
{
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("postgresql"));
	if (st->database)
		tt_message_attr(m, tt_db_namespace, tt_sql_text_span(st->database));
}

static void log_in(struct tt_link *link, struct pg_state *st, const struct tt_input *in, size_t at, struct tt_span body)
{
	read_parameters(st, tt_cursor(body));

	struct tt_message *m = tt_request_begin(link, in, at);
	if (m)
		m->kind = PG_UNIT_LOGIN;
	pg_begin_attributes(st, m);
	tt_sql_operation(m, TT_SPAN_LIT("CONNECT"));
	if (st->database)
		tt_message_text(m, TT_TEXT_RESOURCE, tt_sql_text_span(st->database));
	if (st->user)
		tt_message_attr(m, tt_db_user, tt_sql_text_span(st->user));
	tt_message_end(link, m, in, in->c.pos);
	st->req.started = true;
}

static void cancel(struct tt_link *link, const struct pg_state *st, const struct tt_input *in, size_t at)
{
	struct tt_message *m = tt_request_begin(link, in, at);
	if (m)
		m->one_way = true;
	pg_begin_attributes(st, m);
	tt_sql_operation(m, TT_SPAN_LIT("CANCEL"));
	tt_message_end(link, m, in, in->c.pos);
}

enum tt_step pg_read_startup(struct tt_link *link, struct pg_state *st, struct tt_input *in)
{
	struct tt_cursor *c = &in->c;
	size_t at = c->pos;

	/* TLS or GSSAPI, once the server says so. */
	if (tt_cursor_left(c) && c->data[at] != 0)
		return st->res.negotiations < st->req.negotiations ? TT_WAIT : st->req.negotiations ? TT_DONE : TT_LOST_SYNC;
	if (tt_cursor_left(c) < 8)
		return TT_MORE;
	uint32_t len = tt_cursor_be32(c);
	uint32_t code = tt_cursor_be32(c);
	if (len < 8 || len > PG_STARTUP_MOST) {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	if (tt_cursor_left(c) < len - 8) {
		c->pos = at;
		return TT_MORE;
	}
	struct tt_span body = tt_cursor_take(c, len - 8);
	if (code == PG_CODE_SSL || code == PG_CODE_GSS) {
		st->req.negotiations++;
	} else if (code == PG_CODE_CANCEL) {
		cancel(link, st, in, at);
	} else if (is_startup(code)) {
		log_in(link, st, in, at, body);
	} else {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	return TT_PARSED;
}
