// SPDX-License-Identifier: Apache-2.0
/* ClickHouse: what the client sends. A query is followed by external tables, an empty block ends them; an INSERT's rows come
 * then. */
#include "base/own.h"
#include "base/text.h"
#include "proto/clickhouse.h"
#include "shared/limits.h"

#define NAME_MOST 1024u
#define PASSWORD_MOST 65536u

/* --- log-in ------------------------------------------------------------------------------------------------------------------
 */

struct hello {
	uint32_t revision;
	struct tt_span db;
	struct tt_span user;
};

static enum tt_step read_hello(struct ch_reader *r, struct hello *h)
{
	uint64_t type = ch_varuint(r);
	struct tt_span name = ch_string(r, 256);
	uint64_t major = ch_varuint(r), minor = ch_varuint(r), revision = ch_varuint(r);
	bool cut = tt_cursor_short(&r->c);

	if (r->bad || type != CH_PACKET_HELLO || !tt_is_text(name) || (!cut && (!name.len || major > 1000 || minor > 1000)) ||
	    (!cut && (revision < CH_OLDEST || revision > CH_NEWEST)))
		return TT_LOST_SYNC;
	h->revision = (uint32_t)revision;
	h->db = ch_string(r, NAME_MOST);
	h->user = ch_string(r, NAME_MOST);
	ch_string(r, PASSWORD_MOST);
	if (r->bad || !tt_is_text(h->db) || !tt_is_text(h->user))
		return TT_LOST_SYNC;
	return tt_cursor_short(&r->c) ? TT_MORE : TT_PARSED;
}

enum tt_verdict ch_is_hello(struct tt_span bytes)
{
	struct ch_reader r = {.c = tt_cursor(bytes)};
	struct hello h;
	enum tt_step step = read_hello(&r, &h);

	return step == TT_PARSED ? TT_YES : step == TT_MORE ? TT_MAYBE : TT_NO;
}

static enum tt_step hello(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	struct ch_reader r = {.c = in->c};
	struct hello h;
	size_t at = in->c.pos;

	enum tt_step step = read_hello(&r, &h);
	if (step != TT_PARSED)
		return step;
	struct tt_message *m = tt_request_begin(link, in, at);
	if (m)
		m->kind = CH_CONNECT;
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("clickhouse"));
	tt_sql_operation(m, TT_SPAN_LIT("CONNECT"));
	if (h.db.len) {
		tt_message_text(m, TT_TEXT_RESOURCE, h.db);
		tt_message_attr(m, tt_db_namespace, h.db);
	}
	if (h.user.len)
		tt_message_attr(m, tt_db_user, h.user);
	st->db_len = h.db.len <= sizeof(st->db) ? (uint16_t)h.db.len : 0;
	memcpy(st->db, h.db.data ? h.db.data : (const uint8_t *)"", st->db_len);
	st->client_revision = h.revision;
	st->req.greeted = st->req.addendum = true;
	in->c.pos = r.c.pos;
	tt_message_end(link, m, in, in->c.pos);
	return TT_PARSED;
}

/* What some revisions add once the server has greeted. Where that was not heard, an empty first text tells it. */
static enum tt_step addendum(struct ch_state *st, struct tt_input *in)
{
	struct ch_reader r = {.c = in->c};
	uint32_t revision = st->revision ? st->revision : in->c.data[in->c.pos] == 0 ? CH_ADDENDUM : 0;

	if (revision >= CH_ADDENDUM)
		ch_string(&r, NAME_MOST);
	for (int i = 0; revision >= CH_CHUNKED && i < 2; i++) {
		struct tt_span mode = ch_string(&r, 64);
		if (tt_span_eq(mode, TT_SPAN_LIT("chunked")))
			return TT_DONE;
	}
	if (revision >= CH_REPLICAS_VERSION)
		ch_varuint(&r);
	if (r.bad)
		return TT_LOST_SYNC;
	if (tt_cursor_short(&r.c))
		return TT_MORE;
	in->c.pos = r.c.pos;
	st->req.addendum = false;
	return TT_PARSED;
}

/* --- queries -----------------------------------------------------------------------------------------------------------------
 */

static void end_open(struct tt_link *link, struct ch_state *st, const struct tt_input *in, uint64_t at)
{
	tt_message_end(link, st->req.open, in, at);
	st->req.open = NULL;
}

static void describe(struct ch_state *st, struct tt_message *m, const struct ch_query *q, struct tt_span text)
{
	struct tt_span kind = tt_sql_kind(text, true);

	if (m)
		m->kind = CH_QUERY;
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("clickhouse"));
	if (st->db_len)
		tt_message_attr(m, tt_db_namespace, tt_span(st->db, st->db_len));
	st->req.insert = tt_span_eq(kind, TT_SPAN_LIT("INSERT"));
	tt_sql_operation(m, kind.len ? kind : TT_SPAN_LIT("QUERY"));
	tt_sql_statement(m, text);
	if (m)
		m->cut |= text.len < q->text_len;
	if (q->id.len)
		tt_message_attr(m, "clickhouse.query_id", q->id);
	if (tt_span_eq(kind, TT_SPAN_LIT("USE"))) /* what is in use then is not followed */
		st->db_len = 0;
}

static enum tt_step query(struct tt_link *link, struct ch_state *st, struct tt_input *in, size_t at)
{
	struct ch_reader r = {.c = in->c};
	struct ch_query q;
	uint32_t guess, least;
	bool sure = st->revision && !st->least;

	enum tt_step step = sure ? ch_read_query(&r, st->revision, &q) : ch_read_query_any(&r, &q, &guess, &least);
	if (step != TT_PARSED)
		return step;
	size_t look = (size_t)TT_MIN(q.text_len, tt_link_limit(link, TT_LIMIT_TEXT_BYTES));
	if (tt_cursor_left(&r.c) < look)
		return TT_MORE;
	if (!sure) {
		/* An older one that fits what the server said is kept. */
		bool fits = st->least && st->revision >= least && st->revision < guess;
		st->revision = fits ? st->revision : guess;
		st->least = least;
	}
	end_open(link, st, in, at);
	struct tt_message *m = tt_request_begin(link, in, at);
	describe(st, m, &q, tt_span_sub(tt_cursor_rest(&r.c), 0, look));
	st->req.open = m;
	st->req.external = st->req.counts = true;
	st->req.hole = st->req.finished = false;
	st->req.rows = 0;
	st->req.parameters = st->revision >= CH_PARAMETERS;
	in->c.pos = r.c.pos;
	ch_skip(link, st, TT_REQUESTS, in, q.text_len);
	return TT_PARSED;
}

static enum tt_step parameters(struct ch_state *st, struct tt_input *in)
{
	struct ch_reader r = {.c = in->c};
	enum tt_step step = ch_pass_settings(&r);

	if (step != TT_PARSED)
		return step;
	in->c.pos = r.c.pos;
	st->req.parameters = false;
	return TT_PARSED;
}

static enum tt_step data(struct ch_state *st, struct tt_input *in)
{
	struct ch_reader r = {.c = in->c};

	ch_string(&r, NAME_MOST); /* of the external table */
	if (r.bad)
		return TT_LOST_SYNC;
	if (tt_cursor_short(&r.c))
		return TT_MORE;
	in->c.pos = r.c.pos;
	ch_block_begin(&st->req.block);
	return TT_PARSED;
}

static enum tt_step block(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	struct ch_block *b = &st->req.block;
	uint64_t skip;

	enum tt_step step = ch_block_step(b, &in->c, st->revision, &skip);
	uint64_t beyond = ch_skip(link, st, TT_REQUESTS, in, skip);
	if (step != TT_DONE)
		return step;
	b->on = false;
	uint64_t rows = b->rows;
	st->req.counts &= !b->packed;
	if (!st->req.external) {
		st->req.rows += rows;
		st->req.finished |= b->empty;
	}
	if (!st->req.open)
		tt_request_extend(link, in, in->c.pos + beyond);
	else if (b->empty)
		end_open(link, st, in, in->c.pos + beyond);
	st->req.external &= !b->empty;
	return TT_PARSED;
}

/* --- packets -----------------------------------------------------------------------------------------------------------------
 */

static void alone(struct tt_link *link, struct ch_state *st, const struct tt_input *in, size_t at, bool one_way)
{
	struct tt_message *m = tt_request_begin(link, in, at);

	if (m) {
		m->one_way = one_way;
		m->kind = CH_PING;
	}
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("clickhouse"));
	if (st->db_len)
		tt_message_attr(m, tt_db_namespace, tt_span(st->db, st->db_len));
	tt_sql_operation(m, one_way ? TT_SPAN_LIT("CANCEL") : TT_SPAN_LIT("PING"));
	tt_message_end(link, m, in, in->c.pos);
}

static enum tt_step packet(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	size_t at = in->c.pos;
	enum tt_step step = TT_PARSED;

	switch (tt_cursor_u8(&in->c)) {
	case CH_PACKET_QUERY:
		step = query(link, st, in, at);
		break;
	case CH_PACKET_DATA:
	case CH_PACKET_SCALAR:
		step = data(st, in);
		break;
	case CH_PACKET_CANCEL:
	case CH_PACKET_PING:
		end_open(link, st, in, at);
		alone(link, st, in, at, in->c.data[at] == CH_PACKET_CANCEL);
		break;
	default:
		step = TT_LOST_SYNC;
	}
	if (step != TT_PARSED)
		in->c.pos = at;
	return step;
}

enum tt_step ch_parse_request(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	if (!st->req.greeted && tt_link_from_start(link))
		return hello(link, st, in);
	st->req.greeted = true;
	if (st->req.addendum)
		return addendum(st, in);
	if (st->req.parameters)
		return parameters(st, in);
	return st->req.block.on ? block(link, st, in) : packet(link, st, in);
}
