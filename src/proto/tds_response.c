// SPDX-License-Identifier: Apache-2.0
/* TDS: what the server answers. Of an answer its first and its last bytes are kept, the rest is passed over by the packets'
 * lengths. */
#include "base/own.h"
#include "proto/tds.h"
#include "shared/limits.h"

/* --- the end of an answer ----------------------------------------------------------------------------------------------------
 */

static void follow_db(struct tds_state *st, const struct tds_outcome *o)
{
	tt_buf_auto struct tt_buf name = TT_BUF(TDS_DB_MOST);

	if (st->may_use)
		st->db_len = 0;
	if (!o->has_db)
		return;
	tds_utf8(&name, o->db);
	st->db_len = (uint16_t)name.len;
	if (name.len)
		memcpy(st->db, name.data, name.len);
}

static void follow_statement(struct tt_link *link, struct tds_state *st, const struct tds_outcome *o)
{
	const uint8_t key[4] = {(uint8_t)(o->handle >> 24), (uint8_t)(o->handle >> 16), (uint8_t)(o->handle >> 8),
				(uint8_t)o->handle};

	if (o->has_handle && st->preparing && !o->error)
		tt_sql_remember(link, &st->statements, tt_span(key, sizeof(key)), st->preparing);
	st->preparing = tt_sql_text_unref(st->preparing);
}

static void fail(struct tt_message *m, const struct tds_outcome *o)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TDS_HEAD_MOST * 2);

	if (!o->has_number) { /* its number stands somewhere within rows */
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("ERROR"));
		tt_message_fail(m, TT_SPAN_LIT("ERROR"));
		return;
	}
	tt_message_status_int(m, o->number);
	tt_message_fail(m, tt_message_get(m, TT_TEXT_STATUS));
	tt_message_attr_text(m, "db.response.status_code", TT_TEXT_STATUS);
	tds_utf8(&text, o->text);
	tt_message_text(m, TT_TEXT_ERROR, tt_buf_span(&text));
}

static void conclude(struct tt_link *link, struct tds_state *st, struct tt_message *m, bool whole)
{
	struct tds_outcome o;

	tds_read_tokens(tt_buf_span(&st->head), whole, tt_buf_span(&st->tail), st->version, &o);
	int64_t returned = (int64_t)o.returned, affected = (int64_t)o.affected;
	if (o.has_version)
		st->version = o.version;
	follow_db(st, &o);
	follow_statement(link, st, &o);
	if (o.attention && st->attentions)
		st->attentions--;
	if (o.attention) {
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("cancelled"));
		tt_message_fail(m, TT_SPAN_LIT("cancelled"));
	} else if (o.error) {
		fail(m, &o);
	} else if (!o.done && m) { /* nothing is certain */
		m->incomplete = true;
		return;
	}
	tt_sql_answered(m, o.has_returned ? &returned : NULL, o.has_affected ? &affected : NULL);
}

/* The answer to PRELOGIN is options, too. */
static void conclude_prelogin(struct tds_state *st, struct tt_message *m)
{
	struct tt_span encryption = tds_encryption(tt_buf_span(&st->head));

	if (encryption.len)
		tt_message_attr(m, "tds.encryption", encryption);
	tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
}

static void finish(struct tt_link *link, struct tds_state *st, const struct tt_input *in)
{
	struct tt_message *m = st->res.open;

	st->res.in_message = false;
	st->res.open = NULL;
	if (st->res.ignored) /* a round of TLS, which answers nothing */
		return;
	if (st->asked == TDS_PRELOGIN && tds_is_prelogin(tt_buf_span(&st->head)))
		conclude_prelogin(st, m);
	else
		conclude(link, st, m, st->res.size == st->head.len);
	tds_spare(link, &st->head);
	tds_spare(link, &st->tail);
	tt_message_end(link, m, in, in->c.pos);
}

/* --- packets -----------------------------------------------------------------------------------------------------------------
 */

/* Without memory it begins anew: only what lies before its end without a gap is of use. */
static void keep_tail(struct tt_link *link, struct tds_state *st, struct tt_span part)
{
	struct tt_buf *tail = &st->tail;

	if (part.len > TDS_TAIL)
		part = tt_span_sub(part, part.len - TDS_TAIL, TDS_TAIL);
	tail->max = 2 * TDS_TAIL;
	if (tail->len + part.len > tail->max)
		tt_buf_consume(tail, tail->len - (TDS_TAIL - part.len));
	if (tt_keep_add(link, tail, part.data, part.len) < 0)
		tt_buf_clear(tail);
}

static enum tt_step payload(struct tt_link *link, struct tds_state *st, struct tt_input *in)
{
	struct tds_reading *r = &st->res;

	/* Past the head only what may end the answer is needed. */
	if (st->head.len >= TDS_HEAD_MOST && r->left > TDS_TAIL) {
		size_t n = r->left - TDS_TAIL, there = TT_MIN(n, tt_cursor_left(&in->c));
		tt_cursor_skip(&in->c, there);
		r->left = TDS_TAIL;
		tt_buf_clear(&st->tail); /* what follows does not join it */
		if (there < n) {
			tt_skip(link, TT_RESPONSES, n - there);
			tt_wish(link, TT_RESPONSES, in, in->c.pos + (n - there),
				(uint32_t)tt_link_limit(link, TT_LIMIT_CAPTURE_BYTES));
			return TT_DONE;
		}
	}
	size_t n = TT_MIN((size_t)r->left, tt_cursor_left(&in->c));
	struct tt_span part = tt_cursor_take(&in->c, n);
	if (part.len) {
		tt_keep_add(link, &st->head, part.data, TT_MIN(part.len, TDS_HEAD_MOST - st->head.len));
		keep_tail(link, st, part);
	}
	r->left -= (uint16_t)n;
	if (r->left)
		return TT_MORE;
	if (r->last)
		finish(link, st, in);
	return TT_PARSED;
}

static enum tt_step begin(struct tt_link *link, struct tds_state *st, const struct tt_input *in, size_t at, uint8_t type)
{
	const struct tt_message *request = NULL;
	bool tls = type == TDS_PRELOGIN;
	enum tt_awaited awaited = tls ? TT_NEVER : tt_awaited(link, &request);

	/* What acknowledges an attention may come behind the answer it was too late for. */
	if (awaited == TT_NOT_YET && !st->attentions)
		return TT_WAIT;
	st->res = (struct tds_reading){.in_message = true, .type = type, .ignored = tls};
	st->asked = request ? request->kind : 0;
	tt_buf_clear(&st->tail);
	tt_buf_clear(&st->head);
	st->head.max = TDS_HEAD_MOST;
	if (awaited == TT_HAVE)
		st->res.open = tt_response_begin(link, in, at);
	return TT_PARSED;
}

static enum tt_step packet(struct tt_link *link, struct tds_state *st, struct tt_input *in)
{
	size_t at = in->c.pos;
	struct tds_packet p;

	/* All of it goes on in TLS: nothing more can be told. */
	if (!st->res.in_message && in->c.data[at] == 0x17)
		return TT_LOST_SYNC;
	enum tt_step step = tds_read_header(&in->c, TT_RESPONSES, &p);
	if (step != TT_PARSED)
		return step;
	if (!st->res.in_message)
		step = begin(link, st, in, at, p.type);
	else if (p.type != st->res.type)
		step = TT_LOST_SYNC;
	if (step != TT_PARSED) {
		in->c.pos = at;
		return step;
	}
	st->res.left = p.len;
	st->res.size += p.len;
	st->res.last = p.status & TDS_EOM;
	return TT_PARSED;
}

enum tt_step tds_parse_response(struct tt_link *link, struct tds_state *st, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	while (step == TT_PARSED && (tt_cursor_left(&in->c) || (st->res.in_message && st->res.last && !st->res.left))) {
		bool in_packet = st->res.in_message && (st->res.left || st->res.last);
		step = in_packet ? payload(link, st, in) : packet(link, st, in);
	}
	return step == TT_DONE ? TT_PARSED : step; /* bytes are skipped */
}
