// SPDX-License-Identifier: Apache-2.0
/* MySQL: what the server sends. Packets are grouped into answers; what they mean is in mysql_answer.c. */
#include "base/own.h"
#include "proto/mysql_internal.h"

void mysql_statement_id(uint32_t id, uint8_t buf[4])
{
	for (int i = 0; i < 4; i++)
		buf[i] = (uint8_t)(id >> 8 * i);
}

bool mysql_is_eof(const struct mysql_packet *p)
{
	return p->len == 5 && p->look.len == 5 && p->look.data[0] == 0xfe;
}

/* What the request could not be told when it was read, because answers were outstanding. */
static void complete_request(struct mysql_state *st, const struct tt_message *request)
{
	struct tt_message *m = st->res.open;

	if (!tt_message_get(request, TT_TEXT_OPERATION).data &&
	    (st->res.code == MYSQL_STMT_EXECUTE || st->res.code == MYSQL_BULK_EXECUTE)) {
		uint8_t key[4];
		mysql_statement_id((uint32_t)request->id, key);
		struct tt_sql_text *text = tt_sql_table_get(&st->statements, tt_span(key, sizeof(key)));
		struct tt_span kind = tt_sql_kind(tt_sql_text_span(text), true);
		tt_sql_operation(m, kind.len ? kind : TT_SPAN_LIT("EXECUTE"));
		if (text)
			tt_sql_statement(m, tt_sql_text_span(text));
		else if (m)
			m->incomplete = true; /* prepared before telltale, or lost */
	}
	for (uint32_t i = 0; i < request->attribute_count; i++) {
		if (request->attributes[i].key == tt_db_namespace)
			return;
	}
	if (st->db_known && st->db_len)
		tt_message_attr(m, tt_db_namespace, tt_span(st->db, st->db_len));
}

static enum mysql_answer answer_of(const struct tt_message *request)
{
	if (!request)
		return MYSQL_ANSWER_UNKNOWN;
	if (request->kind == MYSQL_LOGIN)
		return MYSQL_ANSWER_LOGIN;
	const struct mysql_command_row *row = mysql_command_find((uint8_t)request->kind);
	return row ? row->answer : MYSQL_ANSWER_UNKNOWN;
}

static void begin_answer(struct tt_link *link, struct mysql_state *st, const struct tt_message *request,
			 const struct tt_input *in, const struct mysql_packet *p)
{
	struct mysql_responses *res = &st->res;

	*res = (struct mysql_responses){.seen = true, .in_answer = true, .seq = p->seq, .code = request ? request->kind : 0};
	res->answer = answer_of(request);
	if (st->deprecate_eof == MYSQL_UNKNOWN)
		st->deprecate_eof = mysql_has(st, MYSQL_DEPRECATE_EOF);
	res->open = mysql_message_begin(link, st, TT_RESPONSES, in, p->at);
	if (request)
		complete_request(st, request);
	res->doubts_db = request && request->kind == MYSQL_QUERY && mysql_doubts_db(tt_message_get(request, TT_TEXT_RESOURCE));
}

static void end_answer(struct tt_link *link, struct mysql_state *st, const struct tt_input *in, uint64_t at)
{
	struct mysql_responses *res = &st->res;
	struct tt_message *m = res->open;

	tt_sql_answered(m, res->has_rows ? &res->rows : NULL, res->has_affected ? &res->affected : NULL);
	mysql_message_end(link, st, TT_RESPONSES, m, in, at);
	if (res->doubts_db)
		st->db_known = false;
	res->open = NULL;
	res->in_answer = false;
	/* Else an EOF may follow (begin_at). */
	if (st->deprecate_eof != MYSQL_UNKNOWN)
		res->reading = MYSQL_AT_START;
}

/* The greeting, or a refusal instead of it. Neither answers a request. */
static bool is_before_login(const struct mysql_state *st, const struct mysql_packet *p)
{
	if (st->res.seen || p->seq != 0 || !p->len)
		return false;
	return mysql_is_greeting(p->look) || (!st->req.seen && p->look.data[0] == 0xff);
}

/*
 * Can this packet begin an answer to this request? Servers go on from the number of its last packet (an error may come before
 * they read them all), or of the compressed packet. TT_WAIT: if more of the request is read.
 */
static enum tt_step begins_answer(const struct mysql_state *st, const struct mysql_packet *p, const struct tt_message *request)
{
	if (request && mysql_side_packed(st, TT_RESPONSES))
		return TT_PARSED;
	if (request && request->kind == MYSQL_LOGIN)
		return p->seq > 0 && p->seq < 8 ? TT_PARSED : TT_LOST_SYNC;
	uint8_t next = request ? (uint8_t)(mysql_last_packet(request) + 1) : 1;
	bool early = p->len && p->look.data[0] == 0xff && p->seq > 0 && p->seq < next;
	if (p->seq == next || early)
		return TT_PARSED;
	return request && !request->ended && p->seq > next ? TT_WAIT : TT_LOST_SYNC;
}

static enum tt_step stream_on(struct tt_link *link, struct mysql_state *st, struct tt_input *in)
{
	tt_message_text(st->res.open, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	tt_message_end_at_eof(link, st->res.open);
	st->res.open = NULL;
	in->c.pos = in->c.len;
	mysql_skip_to_eof(link, st);
	return TT_PARSED;
}

static void pass_over(struct tt_link *link, struct mysql_state *st, struct tt_input *in, const struct mysql_packet *p)
{
	uint64_t end = (uint64_t)p->at + MYSQL_HEADER + p->len;

	in->c.pos = (size_t)TT_MIN(end, (uint64_t)in->c.len);
	if (end > in->c.len)
		mysql_skip(link, st, TT_RESPONSES, end - in->c.len);
}

/* How much of the packet has to be there to read it. */
static size_t bytes_to_look_at(const struct mysql_responses *res, const struct tt_cursor *c, uint32_t len)
{
	size_t most = TT_MIN(len, (uint32_t)MYSQL_LOOK);

	if (!res->in_answer || res->reading == MYSQL_AT_START || len == 0)
		return most;
	if (res->reading == MYSQL_AT_PARAMS || res->reading == MYSQL_AT_COLUMNS)
		return 0;
	return tt_cursor_left(c) && c->data[c->pos] >= 0xfe ? most : 1;
}

/* Whole rows that are there, without more ado. */
static void count_rows(struct mysql_responses *res, struct tt_cursor *c)
{
	while (tt_cursor_left(c) > MYSQL_HEADER) {
		const uint8_t *d = c->data + c->pos;
		uint32_t len = d[0] | (uint32_t)d[1] << 8 | (uint32_t)d[2] << 16;
		if (len == 0 || len == MYSQL_JOINED || len > tt_cursor_left(c) - MYSQL_HEADER || d[3] != res->seq || d[4] >= 0xfe)
			return;
		tt_cursor_skip(c, MYSQL_HEADER + len);
		res->rows++;
		res->seq++;
	}
}

/* A packet between answers. TT_PARSED: it begins one; TT_DONE: it was passed over. */
static enum tt_step begin_at(struct tt_link *link, struct mysql_state *st, struct tt_input *in, const struct mysql_packet *p,
			     const struct tt_message **ret_request)
{
	struct mysql_responses *res = &st->res;
	const struct tt_message *request = NULL;

	if (res->reading == MYSQL_AFTER_PREPARE) {
		/* Whether an EOF would follow was not known. */
		res->reading = MYSQL_AT_START;
		st->deprecate_eof = mysql_is_eof(p) && p->seq == res->seq ? MYSQL_NO : MYSQL_YES;
		if (st->deprecate_eof == MYSQL_NO)
			return TT_DONE;
	}
	if (is_before_login(st, p)) {
		if (mysql_is_greeting(p->look))
			mysql_read_greeting(st, p->look);
		return TT_DONE;
	}
	enum tt_awaited awaited = tt_awaited(link, &request);
	if (awaited == TT_NOT_YET)
		return TT_WAIT;
	enum tt_step step = begins_answer(st, p, request);
	if (step != TT_PARSED || (!request && !mysql_answer_plausible(p)))
		return step == TT_PARSED ? TT_LOST_SYNC : step;
	begin_answer(link, st, request, in, p);
	*ret_request = request;
	return TT_PARSED;
}

/* The packet's number must be the next one. An answer to an unknown question may have been taken for longer than it was. */
static bool continues(struct tt_link *link, struct mysql_responses *res, const struct mysql_packet *p)
{
	if (res->seq_free || p->seq == res->seq) {
		res->seq_free = false;
		return true;
	}
	if (res->answer == MYSQL_ANSWER_UNKNOWN && p->seq == 1) {
		tt_message_drop(link, res->open);
		*res = (struct mysql_responses){.seen = true};
	}
	return false;
}

static enum tt_step read_whole(struct tt_link *link, struct mysql_state *st, struct tt_input *in, const struct mysql_packet *p)
{
	struct mysql_responses *res = &st->res;
	const struct tt_message *request = NULL;

	if (res->in_answer && !continues(link, res, p) && res->in_answer)
		return TT_LOST_SYNC;
	if (!res->in_answer) {
		enum tt_step step = begin_at(link, st, in, p, &request);
		if (step == TT_DONE)
			pass_over(link, st, in, p);
		if (step != TT_PARSED)
			return step == TT_DONE ? TT_PARSED : step;
	}

	enum mysql_next next = mysql_read_part(link, st, request, p);
	res->seq = (uint8_t)(p->seq + 1);
	res->joined = p->len == MYSQL_JOINED;
	if (next == MYSQL_LOST)
		return TT_LOST_SYNC;
	if (next == MYSQL_STREAMS)
		return stream_on(link, st, in);
	bool login = res->answer == MYSQL_ANSWER_LOGIN;
	if (next == MYSQL_ENDS)
		end_answer(link, st, in, (uint64_t)p->at + MYSQL_HEADER + p->len);
	pass_over(link, st, in, p);
	bool turns = next == MYSQL_ENDS && login && st->logged_in && mysql_is_compressed(st);
	return turns && !mysql_side_packed(st, TT_RESPONSES) ? TT_DONE : TT_PARSED;
}

static enum tt_step read_packet(struct tt_link *link, struct mysql_state *st, struct tt_input *in)
{
	struct mysql_responses *res = &st->res;
	struct mysql_packet p = {.at = in->c.pos};

	if (tt_cursor_left(&in->c) < MYSQL_HEADER)
		return TT_MORE;
	p.len = tt_cursor_le24(&in->c);
	p.seq = tt_cursor_u8(&in->c);
	if (res->joined) {
		res->joined = p.len == MYSQL_JOINED;
		res->seq = (uint8_t)(p.seq + 1);
		pass_over(link, st, in, &p);
		return TT_PARSED;
	}

	size_t look = bytes_to_look_at(res, &in->c, p.len);
	enum tt_step step = TT_MORE;
	if (tt_cursor_left(&in->c) >= look) {
		p.look = tt_span_sub(tt_cursor_rest(&in->c), 0, look);
		step = read_whole(link, st, in, &p);
	}
	if (step != TT_PARSED && step != TT_DONE)
		in->c.pos = p.at;
	return step;
}

enum tt_step mysql_parse_response(struct tt_link *link, struct mysql_state *st, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	while (step == TT_PARSED && tt_cursor_left(&in->c)) {
		step = read_packet(link, st, in);
		if (step == TT_PARSED && st->res.in_answer && st->res.reading == MYSQL_AT_ROWS && !st->res.joined)
			count_rows(&st->res, &in->c);
	}
	return step;
}
