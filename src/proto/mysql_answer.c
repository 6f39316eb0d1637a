// SPDX-License-Identifier: Apache-2.0
/* MySQL: the packets of one answer, and which of them is the last. */
#include "proto/mysql_internal.h"

static struct tt_span decimal(uint16_t v, char buf[5])
{
	size_t at = 5;

	do
		buf[--at] = (char)('0' + v % 10);
	while (v /= 10);
	return tt_span(buf + at, 5 - at);
}

static enum mysql_next read_err(struct mysql_state *st, const struct mysql_packet *p)
{
	struct tt_message *m = st->res.open;
	struct mysql_err err;
	char code[5];

	if (!mysql_read_err(p->look, &err))
		return MYSQL_LOST;
	if (err.code == 0xffff)
		return MYSQL_GOES_ON; /* MariaDB: how far a long statement has come */
	struct tt_span name = decimal(err.code, code);
	tt_message_fail(m, name);
	tt_message_text(m, TT_TEXT_STATUS, name);
	tt_message_text(m, TT_TEXT_ERROR, err.text);
	tt_message_attr_text(m, "db.response.status_code", TT_TEXT_STATUS);
	if (err.sql_state.data)
		tt_message_attr(m, "db.response.sql_state", err.sql_state);
	return MYSQL_ENDS;
}

/* How the statement was quoted; an ERR does not say. */
static void take_quoting(struct tt_message *m, const struct mysql_ok *ok)
{
	if (m && ok->has_status)
		m->quoting = ok->status & MYSQL_NO_BACKSLASH_ESCAPES ? TT_QUOTING_PLAIN : TT_QUOTING_BACKSLASH;
}

static enum mysql_next read_ok(struct mysql_state *st, const struct tt_message *request, const struct mysql_packet *p)
{
	struct mysql_responses *res = &st->res;
	struct mysql_ok ok;

	if (!mysql_read_ok(p->look, &ok))
		return MYSQL_LOST;
	if (res->answer == MYSQL_ANSWER_RESULT && res->reading == MYSQL_AT_START) {
		res->affected += (int64_t)ok.affected;
		res->has_affected = true;
	}
	mysql_follow_success(st, request, &ok);
	take_quoting(res->open, &ok);
	if (!(ok.status & MYSQL_MORE_RESULTS) || (res->answer != MYSQL_ANSWER_RESULT && res->answer != MYSQL_ANSWER_UNKNOWN))
		return MYSQL_ENDS;
	res->reading = MYSQL_AT_START;
	return MYSQL_GOES_ON;
}

/*
 * The packet that opens a result set: a column count, and where it was agreed on a byte that says whether definitions follow:
 * behind the count (MariaDB) or before it (MySQL). Where the agreement was not seen the values tell: a count is at least 1.
 */
static bool read_columns(const struct mysql_state *st, struct tt_span payload, uint64_t *ret_count, bool *ret_definitions)
{
	struct tt_cursor c = tt_cursor(payload);
	uint64_t count = mysql_lenenc(&c);
	bool definitions = true;

	if (!tt_cursor_short(&c) && tt_cursor_left(&c) == 1) {
		uint8_t behind = c.data[c.pos];
		bool before = st->server_known && st->client_known ? mysql_has(st, MYSQL_OPTIONAL_METADATA) == MYSQL_YES
								   : count == 0 || (count == 1 && behind > 1);
		definitions = before ? count == 1 : behind == 1;
		count = before ? behind : count;
		if (!before && behind > 1)
			return false;
	} else if (tt_cursor_left(&c) > 1 && payload.data[0] <= 1 && st->client_known) {
		/* MySQL's form with a count of more than a byte. */
		c = tt_cursor(payload);
		definitions = tt_cursor_u8(&c) == 1;
		count = mysql_lenenc(&c);
		tt_cursor_skip(&c, tt_cursor_left(&c) ? SIZE_MAX : 0);
	} else if (tt_cursor_left(&c)) {
		return false;
	}
	if (tt_cursor_short(&c) || count == 0 || count > 65535)
		return false;
	*ret_count = count;
	*ret_definitions = definitions;
	return true;
}

/* First packet of a result set. */
static enum mysql_next read_result_head(struct mysql_state *st, const struct mysql_packet *p)
{
	struct mysql_responses *res = &st->res;
	bool definitions;

	if (p->look.len != p->len || !read_columns(st, p->look, &res->left, &definitions))
		return MYSQL_LOST;
	res->has_rows = true;
	res->reading = definitions ? MYSQL_AT_COLUMNS : MYSQL_AFTER_COLUMNS;
	return MYSQL_GOES_ON;
}

/* All definitions of a kind were read. With an agreement known to be the new one nothing stands between them and what follows. */
static enum mysql_next after_definitions(struct mysql_state *st)
{
	struct mysql_responses *res = &st->res;

	if (res->reading == MYSQL_AT_COLUMNS && res->answer != MYSQL_ANSWER_PREPARE) {
		res->reading = MYSQL_AFTER_COLUMNS;
		return MYSQL_GOES_ON;
	}
	bool params = res->reading == MYSQL_AT_PARAMS;
	if (params && res->columns) {
		res->reading = MYSQL_AFTER_PARAMS;
		return MYSQL_GOES_ON;
	}
	/* The last definitions of a prepared statement: they end the answer, or an EOF does. Where that is not known, an EOF may
	 * follow. */
	if (st->deprecate_eof == MYSQL_YES)
		return MYSQL_ENDS;
	res->reading = MYSQL_AFTER_PREPARE;
	if (st->deprecate_eof == MYSQL_NO)
		return MYSQL_GOES_ON;
	if (res->open)
		res->open->incomplete = true;
	return MYSQL_ENDS;
}

static void to_columns(struct mysql_responses *res)
{
	res->reading = MYSQL_AT_COLUMNS;
	res->left = res->columns;
}

static enum mysql_next read_prepared(struct tt_link *link, struct mysql_state *st, const struct tt_message *request,
				     const struct mysql_packet *p)
{
	struct mysql_responses *res = &st->res;
	struct tt_cursor c = tt_cursor(p->look);

	tt_cursor_u8(&c);
	uint32_t id = tt_cursor_le32(&c);
	res->columns = tt_cursor_le16(&c);
	res->left = tt_cursor_le16(&c);
	if (tt_cursor_short(&c) || p->len < 12)
		return MYSQL_LOST;
	/* MySQL: definitions may be left out. */
	if (p->len == 13 && p->look.data[12] == 0)
		res->left = res->columns = 0;

	struct tt_span name = request ? tt_message_get(request, TT_TEXT_RESOURCE) : tt_span(NULL, 0);
	if (name.data) {
		uint8_t key[4];
		mysql_statement_id(id, key);
		struct tt_sql_text *text = tt_sql_text_new(name);
		tt_sql_remember(link, &st->statements, tt_span(key, sizeof(key)), text);
		tt_sql_text_unref(text);
	}
	if (res->left) {
		res->reading = MYSQL_AT_PARAMS;
		return MYSQL_GOES_ON;
	}
	if (!res->columns)
		return MYSQL_ENDS;
	to_columns(res);
	return MYSQL_GOES_ON;
}

static enum mysql_next read_row(struct mysql_state *st, const struct mysql_packet *p)
{
	if (p->look.data[0] == 0xff)
		return read_err(st, p);
	/* A row may begin with this byte only if it holds 16 MB and more. */
	if (p->look.data[0] == 0xfe && p->len < MYSQL_JOINED)
		return read_ok(st, NULL, p);
	st->res.rows++;
	return MYSQL_GOES_ON;
}

/* Where the older agreement puts an EOF. */
static enum mysql_next read_after_columns(struct mysql_state *st, const struct mysql_packet *p)
{
	struct mysql_responses *res = &st->res;
	struct mysql_ok eof = {0};

	res->reading = MYSQL_AT_ROWS;
	if (!mysql_is_eof(p)) {
		if (st->deprecate_eof == MYSQL_UNKNOWN && p->look.data[0] != 0xff)
			st->deprecate_eof = MYSQL_YES;
		return read_row(st, p);
	}
	st->deprecate_eof = MYSQL_NO;
	mysql_read_ok(p->look, &eof);
	take_quoting(res->open, &eof);
	/* With a cursor the rows come only when they are fetched. */
	return eof.status & MYSQL_CURSOR_EXISTS && res->code == MYSQL_STMT_EXECUTE ? MYSQL_ENDS : MYSQL_GOES_ON;
}

static enum mysql_next read_definition(struct mysql_state *st)
{
	return --st->res.left ? MYSQL_GOES_ON : after_definitions(st);
}

static enum mysql_next read_after_params(struct mysql_state *st, const struct mysql_packet *p)
{
	to_columns(&st->res);
	if (mysql_is_eof(p)) {
		st->deprecate_eof = MYSQL_NO;
		return MYSQL_GOES_ON;
	}
	if (st->deprecate_eof == MYSQL_UNKNOWN)
		st->deprecate_eof = MYSQL_YES;
	return read_definition(st);
}

/* The EOF that ends a prepared statement's definitions. */
static enum mysql_next read_after_prepare(struct mysql_state *st, const struct mysql_packet *p)
{
	return mysql_is_eof(p) ? MYSQL_ENDS : MYSQL_LOST;
}

static enum mysql_next read_login_round(struct mysql_state *st, const struct tt_message *request, const struct mysql_packet *p)
{
	if (p->len && p->look.data[0] == 0)
		return read_ok(st, request, p);
	if (p->len && p->look.data[0] == 0xff)
		return read_err(st, p);
	st->res.seq_free = true; /* another round: the client answers in between */
	return MYSQL_GOES_ON;
}

static enum mysql_next read_result_start(struct tt_link *link, struct mysql_state *st, const struct tt_message *request,
					 const struct mysql_packet *p)
{
	bool result = st->res.answer == MYSQL_ANSWER_RESULT;

	switch (p->look.data[0]) {
	case 0x00:
		if (p->len == 2)
			break;
		if (!result && p->len == 12 && p->look.data[9] == 0 && p->look.data[1])
			return read_prepared(link, st, NULL, p);
		return read_ok(st, request, p);
	case 0xff:
		return read_err(st, p);
	case 0xfe:
		return read_ok(st, request, p);
	case 0xfb:
		st->res.seq_free = true; /* the client sends a file */
		return MYSQL_GOES_ON;
	default:
		break;
	}
	return read_result_head(st, p);
}

/* First packet of an answer. */
static enum mysql_next read_start(struct tt_link *link, struct mysql_state *st, const struct tt_message *request,
				  const struct mysql_packet *p)
{
	struct mysql_responses *res = &st->res;

	if (res->answer == MYSQL_ANSWER_LOGIN)
		return read_login_round(st, request, p);
	if (p->len == 0)
		return MYSQL_LOST;
	uint8_t first = p->look.data[0];
	switch (res->answer) {
	case MYSQL_ANSWER_RESULT:
	case MYSQL_ANSWER_UNKNOWN:
		return read_result_start(link, st, request, p);
	case MYSQL_ANSWER_PREPARE:
		return first == 0xff ? read_err(st, p) : first == 0 ? read_prepared(link, st, request, p) : MYSQL_LOST;
	case MYSQL_ANSWER_ROWS:
		res->has_rows = true;
		res->reading = MYSQL_AT_ROWS;
		return read_row(st, p);
	case MYSQL_ANSWER_FIELDS:
		res->reading = MYSQL_AT_ROWS;
		return read_row(st, p);
	case MYSQL_ANSWER_TEXT:
		return first == 0xff ? read_err(st, p) : MYSQL_ENDS;
	case MYSQL_ANSWER_STREAM:
		return first == 0xff ? read_err(st, p) : MYSQL_STREAMS;
	default:
		return first == 0xff ? read_err(st, p) : read_ok(st, request, p);
	}
}

enum mysql_next mysql_read_part(struct tt_link *link, struct mysql_state *st, const struct tt_message *request,
				const struct mysql_packet *p)
{
	switch (st->res.reading) {
	case MYSQL_AT_START:
		return read_start(link, st, request, p);
	case MYSQL_AT_PARAMS:
	case MYSQL_AT_COLUMNS:
		return read_definition(st);
	case MYSQL_AFTER_PARAMS:
		return p->len ? read_after_params(st, p) : MYSQL_LOST;
	case MYSQL_AFTER_PREPARE:
		return p->len ? read_after_prepare(st, p) : MYSQL_LOST;
	case MYSQL_AFTER_COLUMNS:
		return p->len ? read_after_columns(st, p) : MYSQL_LOST;
	default:
		return p->len ? read_row(st, p) : MYSQL_LOST;
	}
}

bool mysql_answer_plausible(const struct mysql_packet *p)
{
	struct mysql_ok ok;
	struct mysql_err err;
	struct mysql_state nothing = {0};
	uint64_t columns;
	bool definitions;

	if (!p->look.len)
		return false;
	switch (p->look.data[0]) {
	case 0x00:
		return (p->len == 12 && p->look.len == 12 && p->look.data[9] == 0) ||
		       (p->len >= 7 && mysql_read_ok(p->look, &ok));
	case 0xff:
		return mysql_read_err(p->look, &err) && err.sql_state.data && err.code >= 1000;
	case 0xfe:
		return p->len == 5;
	case 0xfb: /* a file is asked for */
		return p->len > 1 && p->look.len == p->len && mysql_is_name(tt_span_sub(p->look, 1, p->len));
	case 'U':
		return tt_span_starts(p->look, TT_SPAN_LIT("Uptime: ")); /* of STATISTICS */
	default:
		return p->look.len == p->len && p->len <= 4 && read_columns(&nothing, p->look, &columns, &definitions);
	}
}
