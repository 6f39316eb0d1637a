// SPDX-License-Identifier: Apache-2.0
/* MySQL: what the client sends. */
#include "base/own.h"
#include "proto/mysql_internal.h"

static const struct mysql_command_row commands[] = {
	{0x01, "QUIT", MYSQL_ANSWER_NONE, MYSQL_TEXT_NONE, 1, 1},
	{0x02, "INIT_DB", MYSQL_ANSWER_OK, MYSQL_TEXT_DB, 1, 0},
	{0x03, "QUERY", MYSQL_ANSWER_RESULT, MYSQL_TEXT_SQL, 1, 0},
	{0x04, "FIELD_LIST", MYSQL_ANSWER_FIELDS, MYSQL_TEXT_NONE, 2, 0},
	{0x05, "CREATE_DB", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 2, 0},
	{0x06, "DROP_DB", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 2, 0},
	{0x07, "REFRESH", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 2, 2},
	{0x08, "SHUTDOWN", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 1, 2},
	{0x09, "STATISTICS", MYSQL_ANSWER_TEXT, MYSQL_TEXT_NONE, 1, 1},
	{0x0a, "PROCESS_INFO", MYSQL_ANSWER_RESULT, MYSQL_TEXT_NONE, 1, 1},
	{0x0c, "PROCESS_KILL", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 5, 5},
	{0x0d, "DEBUG", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 1, 1},
	{0x0e, "PING", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 1, 1},
	{0x11, "CHANGE_USER", MYSQL_ANSWER_LOGIN, MYSQL_TEXT_USER, 4, 0},
	{0x12, "BINLOG_DUMP", MYSQL_ANSWER_STREAM, MYSQL_TEXT_NONE, 11, 0},
	{0x13, "TABLE_DUMP", MYSQL_ANSWER_STREAM, MYSQL_TEXT_NONE, 3, 0},
	{0x15, "REGISTER_SLAVE", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 18, 0},
	{0x16, "PREPARE", MYSQL_ANSWER_PREPARE, MYSQL_TEXT_SQL, 1, 0},
	{0x17, "EXECUTE", MYSQL_ANSWER_RESULT, MYSQL_TEXT_STATEMENT, 10, 0},
	{0x18, "STMT_SEND_LONG_DATA", MYSQL_ANSWER_NONE, MYSQL_TEXT_NONE, 7, 0},
	{0x19, "STMT_CLOSE", MYSQL_ANSWER_NONE, MYSQL_TEXT_NONE, 5, 5},
	{0x1a, "STMT_RESET", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 5, 5},
	{0x1b, "SET_OPTION", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 3, 3},
	{0x1c, "STMT_FETCH", MYSQL_ANSWER_ROWS, MYSQL_TEXT_NONE, 9, 9},
	{0x1e, "BINLOG_DUMP_GTID", MYSQL_ANSWER_STREAM, MYSQL_TEXT_NONE, 15, 0},
	{0x1f, "RESET_CONNECTION", MYSQL_ANSWER_OK, MYSQL_TEXT_NONE, 1, 1},
	{0x20, "CLONE", MYSQL_ANSWER_STREAM, MYSQL_TEXT_NONE, 1, 1},
	{0xfa, "BULK_EXECUTE", MYSQL_ANSWER_RESULT, MYSQL_TEXT_STATEMENT, 7, 0},
};

const struct mysql_command_row *mysql_command_find(uint8_t code)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(commands); i++) {
		if (commands[i].code == code)
			return &commands[i];
	}
	return NULL;
}

static bool size_fits(const struct mysql_command_row *row, uint64_t len)
{
	return len >= row->least && (!row->most || len <= row->most);
}

bool mysql_is_name(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < ' ')
			return false;
	}
	return true;
}

bool mysql_command_plausible(struct tt_span payload, uint64_t len)
{
	const struct mysql_command_row *row = payload.len ? mysql_command_find(payload.data[0]) : NULL;
	if (!row || !size_fits(row, len))
		return false;

	struct tt_cursor c = tt_cursor(payload);
	tt_cursor_u8(&c);
	switch (row->text) {
	case MYSQL_TEXT_SQL:
		if (tt_cursor_left(&c) && c.data[c.pos] < 0x09 && !mysql_skip_query_attributes(&c))
			return false;
		return tt_sql_plausible(tt_cursor_rest(&c), true);
	case MYSQL_TEXT_STATEMENT:
		tt_cursor_skip(&c, row->code == MYSQL_BULK_EXECUTE ? 6 : 5);
		/* The iteration count is always 1. */
		return row->code == MYSQL_BULK_EXECUTE ? !tt_cursor_short(&c) : tt_cursor_le32(&c) == 1;
	case MYSQL_TEXT_DB:
		return len > 1 && len <= MYSQL_DB_MAX && mysql_is_name(tt_cursor_rest(&c));
	default:
		return row->most != 0;
	}
}

bool mysql_up_to_date(struct tt_link *link, const struct mysql_state *st)
{
	const struct tt_message *awaited;
	return !st->res.in_answer && tt_awaited(link, &awaited) != TT_HAVE;
}

void mysql_begin_attributes(const struct mysql_state *st, struct tt_message *m, bool current)
{
	tt_message_attr(m, tt_db_system, st->mariadb ? TT_SPAN_LIT("mariadb") : TT_SPAN_LIT("mysql"));
	if (current && st->db_known && st->db_len)
		tt_message_attr(m, tt_db_namespace, tt_span(st->db, st->db_len));
}

/* Statements closed while answers were outstanding are forgotten once there are none. */
static void forget_closed(struct mysql_state *st)
{
	uint8_t id[4];

	for (uint32_t i = 0; i < st->closed_count; i++) {
		mysql_statement_id(st->closed[i], id);
		tt_sql_table_remove(&st->statements, tt_span(id, sizeof(id)));
	}
	st->closed_count = 0;
}

static void close_statement(struct mysql_state *st, struct tt_span payload, bool current)
{
	struct tt_cursor c = tt_cursor(payload);

	tt_cursor_u8(&c);
	uint32_t id = tt_cursor_le32(&c);
	if (tt_cursor_short(&c))
		return;
	if (st->closed_count == MYSQL_CLOSED_MAX)
		return; /* it stays until newer ones push it out */
	st->closed[st->closed_count++] = id;
	if (current)
		forget_closed(st);
}

/* The text of an execution, where it is known already; else the answer's side finds it. */
static void name_execution(struct mysql_state *st, struct tt_message *m, struct tt_span payload, bool current)
{
	struct tt_cursor c = tt_cursor(payload);
	uint8_t key[4];

	tt_cursor_u8(&c);
	uint32_t id = tt_cursor_le32(&c);
	mysql_statement_id(id, key);
	/* MariaDB: -1 is the statement prepared last, whose answer need not have come. */
	struct tt_sql_text *text =
		id == UINT32_MAX ? st->last_prepared : tt_sql_table_get(&st->statements, tt_span(key, sizeof(key)));
	if (m)
		m->id = id;
	if (text) {
		struct tt_span kind = tt_sql_kind(tt_sql_text_span(text), true);
		tt_sql_operation(m, kind.len ? kind : TT_SPAN_LIT("EXECUTE"));
		tt_sql_statement(m, tt_sql_text_span(text));
	} else if (current) {
		tt_sql_operation(m, TT_SPAN_LIT("EXECUTE"));
		if (m)
			m->incomplete = true; /* prepared before telltale, or lost */
	}
}

/* Begins the statement's text with what is there of it. */
static void begin_text(struct mysql_state *st, const struct mysql_command_row *row, struct tt_span payload, uint64_t len,
		       uint64_t keep)
{
	struct mysql_requests *req = &st->req;
	struct tt_cursor c = tt_cursor(payload);
	struct tt_span kind = tt_span(NULL, 0);

	tt_cursor_u8(&c);
	enum mysql_known attributes = row->code == MYSQL_QUERY ? mysql_has(st, MYSQL_QUERY_ATTRIBUTES) : MYSQL_NO;
	if (attributes == MYSQL_UNKNOWN && (!tt_cursor_left(&c) || c.data[c.pos] >= 0x09))
		attributes = MYSQL_NO; /* text does not begin with control characters */
	if (attributes != MYSQL_NO && !mysql_skip_query_attributes(&c)) {
		tt_sql_operation(req->open, tt_span_str(row->name));
		req->skip = len - payload.len;
		return;
	}

	struct tt_span text = tt_cursor_rest(&c);
	if (row->code == MYSQL_QUERY)
		kind = tt_sql_kind(text, true);
	tt_sql_operation(req->open, kind.len ? kind : tt_span_str(row->name));
	tt_message_text(req->open, TT_TEXT_RESOURCE, text);
	uint64_t more = len - payload.len;
	req->text_left = TT_MIN(more, keep);
	req->skip = more - req->text_left;
	req->in_text = true;
}

/* The request's fields from the first bytes of its payload. */
static void read_command(struct tt_link *link, struct mysql_state *st, const struct mysql_command_row *row,
			 struct tt_span payload, uint64_t len)
{
	struct tt_message *m = st->req.open;
	bool current = st->req.current;

	st->req.skip = len - payload.len;
	if (row->text == MYSQL_TEXT_SQL) {
		begin_text(st, row, payload, len, tt_link_limit(link, TT_LIMIT_TEXT_BYTES));
		return;
	}
	if (row->text == MYSQL_TEXT_STATEMENT) {
		name_execution(st, m, payload, current);
		return;
	}
	tt_sql_operation(m, tt_span_str(row->name));
	if (row->text == MYSQL_TEXT_DB) {
		tt_message_text(m, TT_TEXT_RESOURCE, tt_span_sub(payload, 1, MYSQL_DB_MAX));
	} else if (row->text == MYSQL_TEXT_USER) {
		struct tt_cursor c = tt_cursor(payload);
		tt_cursor_u8(&c);
		mysql_read_change_user(st, m, c);
	} else if (row->code == MYSQL_STMT_CLOSE) {
		close_statement(st, payload, current);
	}
}

static void skip_on(struct tt_link *link, struct mysql_state *st, struct tt_input *in, uint64_t n)
{
	uint64_t here = TT_MIN(n, (uint64_t)tt_cursor_left(&in->c));

	in->c.pos += (size_t)here;
	if (n > here)
		mysql_skip(link, st, TT_REQUESTS, n - here);
}

/* The packet's part that is looked at has been taken. */
static enum tt_step finish_packet(struct tt_link *link, struct mysql_state *st, struct tt_input *in)
{
	struct mysql_requests *req = &st->req;

	if (req->in_text) {
		tt_message_attr_text(req->open, "db.query.text", TT_TEXT_RESOURCE);
		if (req->code == MYSQL_STMT_PREPARE) {
			tt_sql_text_unref(st->last_prepared);
			st->last_prepared = req->open ? tt_sql_text_new(tt_message_get(req->open, TT_TEXT_RESOURCE)) : NULL;
		}
	}
	req->in_text = false;
	if (!req->joined) {
		if (req->continued)
			mysql_extend(link, st, in, in->c.pos + req->skip);
		else
			mysql_message_end(link, st, TT_REQUESTS, req->open, in, in->c.pos + req->skip);
		req->open = NULL;
	}
	skip_on(link, st, in, req->skip);
	req->skip = 0;
	req->code = 0;
	return TT_PARSED;
}

static enum tt_step take_text(struct tt_link *link, struct mysql_state *st, struct tt_input *in)
{
	size_t n = (size_t)TT_MIN(st->req.text_left, (uint64_t)tt_cursor_left(&in->c));

	tt_message_text_add(st->req.open, TT_TEXT_RESOURCE, tt_cursor_take(&in->c, n));
	st->req.text_left -= n;
	return st->req.text_left ? TT_MORE : finish_packet(link, st, in);
}

/* Begun as soon as it is known to be one: what is missing of it leaves it incomplete, not unseen. */
static void begin_command(struct tt_link *link, struct mysql_state *st, const struct mysql_command_row *row,
			  const struct tt_input *in, size_t at)
{
	struct mysql_requests *req = &st->req;

	req->code = row->code;
	req->current = mysql_up_to_date(link, st);
	if (req->current)
		forget_closed(st);
	if (row->code == MYSQL_STMT_LONG_DATA)
		return; /* a part of the execution to come */
	req->open = mysql_message_begin(link, st, TT_REQUESTS, in, at);
	if (req->open) {
		req->open->kind = row->code;
		req->open->one_way = row->answer == MYSQL_ANSWER_NONE;
	}
}

static enum tt_step read_new_command(struct tt_link *link, struct mysql_state *st, struct tt_input *in, size_t at, uint32_t len)
{
	struct mysql_requests *req = &st->req;

	/* What comes after the log-in is compressed, if the server agrees to it. */
	if (mysql_is_compressed(st) && !mysql_side_packed(st, TT_REQUESTS)) {
		in->c.pos = at;
		return st->logged_in ? TT_DONE : TT_WAIT;
	}
	if (!tt_cursor_left(&in->c))
		return TT_MORE;
	const struct mysql_command_row *row = mysql_command_find(in->c.data[in->c.pos]);
	if (!row || !size_fits(row, len))
		return TT_LOST_SYNC;

	if (req->code == 0)
		begin_command(link, st, row, in, at);
	size_t look = TT_MIN(len, (uint32_t)(row->text == MYSQL_TEXT_SQL ? TT_SQL_HEAD : MYSQL_LOOK));
	if (tt_cursor_left(&in->c) < look)
		return TT_MORE;
	mysql_begin_attributes(st, req->open, req->current);
	read_command(link, st, row, tt_cursor_take(&in->c, look), len);
	req->seen = true;
	req->continued = false;
	req->joined = len == MYSQL_JOINED;
	return req->in_text && req->text_left ? TT_PARSED : finish_packet(link, st, in);
}

/* A packet with a number behind 0: log-in, or what belongs to the request before (a file, a round of a log-in). */
static enum tt_step read_continuation(struct tt_link *link, struct mysql_state *st, struct tt_input *in, size_t at, uint32_t len)
{
	struct mysql_requests *req = &st->req;

	if (!req->seen) {
		size_t look = TT_MIN(len, (uint32_t)MYSQL_LOOK);
		if (tt_cursor_left(&in->c) < look)
			return TT_MORE;
		struct tt_span payload = tt_cursor_rest(&in->c);
		payload.len = look;
		if (!mysql_is_login(payload, look == len))
			return TT_LOST_SYNC;
		enum tt_step step = mysql_read_login(link, st, in, payload, at);
		if (step != TT_PARSED)
			return step;
		in->c.pos += look;
		req->skip = len - look;
		req->seen = true;
		req->continued = false;
	} else {
		req->skip = len;
		req->continued = true;
	}
	req->joined = len == MYSQL_JOINED;
	return finish_packet(link, st, in);
}

/* The number after 255 is 0, as a new command's: a file of many packets ends only with an empty one. */
static bool is_command(const struct mysql_requests *req, uint8_t seq)
{
	return seq == 0 && !(req->continued && req->seq == 255 && !req->last_empty);
}

static enum tt_step read_packet(struct tt_link *link, struct mysql_state *st, struct tt_input *in)
{
	struct mysql_requests *req = &st->req;
	size_t at = in->c.pos;

	if (tt_cursor_left(&in->c) < MYSQL_HEADER)
		return TT_MORE;
	uint32_t len = tt_cursor_le24(&in->c);
	uint8_t seq = tt_cursor_u8(&in->c);

	enum tt_step step;
	if (req->joined) {
		mysql_set_last_packet(req->open, seq);
		req->joined = len == MYSQL_JOINED;
		req->skip = len;
		step = finish_packet(link, st, in);
	} else if (is_command(req, seq)) {
		step = read_new_command(link, st, in, at, len);
	} else {
		step = read_continuation(link, st, in, at, len);
	}
	if (step != TT_PARSED) {
		if (step != TT_DONE)
			in->c.pos = at;
		return step;
	}
	req->seq = seq;
	req->last_empty = len == 0;
	return TT_PARSED;
}

enum tt_step mysql_parse_request(struct tt_link *link, struct mysql_state *st, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	while (step == TT_PARSED && tt_cursor_left(&in->c)) {
		step = st->req.in_text ? take_text(link, st, in) : read_packet(link, st, in);
	}
	return step;
}
