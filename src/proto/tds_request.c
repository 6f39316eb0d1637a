// SPDX-License-Identifier: Apache-2.0
/* TDS: what the client asks. A request is packets up to one that ends the message; its payload is put together up to a bound. */
#include "base/own.h"
#include "proto/pass.h"
#include "proto/tds.h"
#include "shared/limits.h"

#define ALL_HEADERS_MOST 1024u

bool tds_pass_headers(struct tt_cursor *c)
{
	struct tt_cursor at = *c;
	uint32_t total = tt_cursor_le32(&at);
	uint32_t first = tt_cursor_le32(&at);
	uint16_t type = tt_cursor_le16(&at);

	if (tt_cursor_short(&at) || total < 4 + 6 || total > ALL_HEADERS_MOST || first < 6 || first > total - 4 || type < 1 ||
	    type > 3)
		return false;
	return tt_cursor_skip(c, total);
}

void tds_statement(struct tt_message *m, struct tt_span text)
{
	struct tt_span kind = tt_sql_kind(text, false);

	tt_sql_operation(m, kind.len ? kind : TT_SPAN_LIT("QUERY"));
	tt_sql_statement(m, text);
}

/* Somewhere in it a database may be chosen. */
static bool may_use(struct tt_span text)
{
	for (size_t i = 0; i + 4 <= text.len; i++) {
		bool begins = i == 0 || text.data[i - 1] <= ' ' || text.data[i - 1] == ';';
		if (begins && tt_span_ieq(tt_span_sub(text, i, 3), TT_SPAN_LIT("use")) &&
		    (text.data[i + 3] <= ' ' || text.data[i + 3] == '['))
			return true;
	}
	return false;
}

static void describe_batch(struct tt_link *link, struct tds_state *st, struct tt_message *m, struct tt_span payload)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TDS_REQUEST_MOST);
	struct tt_cursor c = tt_cursor(payload);

	tds_pass_headers(&c);
	tds_utf8(&text, tt_cursor_rest(&c));
	tds_statement(m, tt_buf_span(&text));
	st->may_use = may_use(tt_buf_span(&text));
	if (m)
		m->cut |= st->req.size > st->text.len;
}

static void describe_transaction(struct tt_link *link, struct tds_state *st, struct tt_message *m, struct tt_span payload)
{
	static const char *const names[] = {
		"GET_DTC_ADDRESS", "PROPAGATE_XACT", NULL, NULL, NULL, "BEGIN", "PROMOTE_XACT", "COMMIT", "ROLLBACK", "SAVEPOINT",
	};
	struct tt_cursor c = tt_cursor(payload);

	tds_pass_headers(&c);
	uint16_t type = tt_cursor_le16(&c);
	bool known = !tt_cursor_short(&c) && type < TT_ARRAY_LEN(names) && names[type];
	tt_sql_operation(m, known ? tt_span_str(names[type]) : TT_SPAN_LIT("TRANSACTION"));
}

static void describe_login7(struct tt_link *link, struct tds_state *st, struct tt_message *m, struct tt_span payload)
{
	tt_sql_operation(m, TT_SPAN_LIT("CONNECT"));
	tds_describe_login(st, m, payload);
}

typedef void describe_fn(struct tt_link *link, struct tds_state *st, struct tt_message *m, struct tt_span payload);

static const struct {
	uint8_t type;
	const char *operation; /* where nothing describes it */
	describe_fn *describe;
} requests[] = {
	{TDS_BATCH, NULL, describe_batch},
	{TDS_RPC, NULL, tds_describe_rpc},
	{TDS_BULK, "BULK_LOAD", NULL},
	{TDS_FED_AUTH, "CONNECT", NULL},
	{TDS_TRANSACTION, NULL, describe_transaction},
	{TDS_LOGIN7, NULL, describe_login7},
	{TDS_SSPI, "CONNECT", NULL},
	{TDS_PRELOGIN, "PRELOGIN", NULL},
	{TDS_ATTENTION, "CANCEL", NULL},
};

static void describe(struct tt_link *link, struct tds_state *st, struct tt_message *m)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(requests); i++) {
		if (requests[i].type != st->req.type)
			continue;
		if (requests[i].describe)
			requests[i].describe(link, st, m, tt_buf_span(&st->text));
		else
			tt_sql_operation(m, tt_span_str(requests[i].operation));
	}
}

static void begin(struct tt_link *link, struct tds_state *st, const struct tt_input *in, size_t at, uint32_t kind)
{
	struct tt_message *m = tt_request_begin(link, in, at);

	st->req = (struct tds_reading){.open = m, .in_message = true, .type = (uint8_t)kind};
	tt_buf_clear(&st->text);
	st->text.max = TDS_REQUEST_MOST;
	if (m) {
		m->kind = kind;
		m->one_way = kind == TDS_ATTENTION;
	}
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("microsoft.sql_server"));
	if (st->db_len)
		tt_message_attr(m, tt_db_namespace, tt_span(st->db, st->db_len));
	if (kind != TDS_ATTENTION) {
		st->preparing = tt_sql_text_unref(st->preparing);
		st->may_use = false;
	}
}

/* What was long is not held for the next one. */
void tds_spare(struct tt_link *link, struct tt_buf *b)
{
	if (b->cap > TDS_SPARE)
		tt_keep_free(link, b);
}

static void finish(struct tt_link *link, struct tds_state *st, const struct tt_input *in, uint64_t end)
{
	struct tt_message *m = st->req.open;

	st->req.in_message = false;
	st->req.open = NULL;
	if (st->req.ignored) { /* taken back by the client */
		tt_message_drop(link, m);
		return;
	}
	if (st->req.type == TDS_PRELOGIN && !tds_is_prelogin(tt_buf_span(&st->text))) { /* a round of TLS */
		st->encrypted = true;
		tt_message_drop(link, m);
		return;
	}
	st->attentions += st->req.type == TDS_ATTENTION;
	describe(link, st, m);
	tds_spare(link, &st->text);
	tt_message_end(link, m, in, end);
}

/* As much of the packet's payload as is here. */
static enum tt_step payload(struct tt_link *link, struct tds_state *st, struct tt_input *in)
{
	struct tds_reading *r = &st->req;
	bool wanted = r->type != TDS_BULK && st->text.len < TDS_REQUEST_MOST;
	size_t n = TT_MIN((size_t)r->left, tt_cursor_left(&in->c));
	struct tt_span part = tt_cursor_take(&in->c, n);

	if (wanted)
		tt_keep_add(link, &st->text, part.data, TT_MIN(part.len, TDS_REQUEST_MOST - st->text.len));
	r->left -= (uint16_t)n;
	if (r->left && wanted)
		return TT_MORE;
	size_t beyond = r->left;
	r->left = 0;
	if (beyond)
		tt_skip(link, TT_REQUESTS, beyond);
	if (r->last)
		finish(link, st, in, in->c.pos + beyond);
	return beyond ? TT_DONE : TT_PARSED;
}

/* The login in records of TLS: what it says is not known. */
static enum tt_step login_record(struct tt_link *link, struct tds_state *st, struct tt_input *in)
{
	size_t at = in->c.pos;

	tt_cursor_skip(&in->c, 3);
	uint16_t len = tt_cursor_be16(&in->c);
	if (tt_cursor_short(&in->c)) {
		in->c.pos = at;
		return TT_MORE;
	}
	struct tt_message *m = tt_request_begin(link, in, at);
	if (m)
		m->kind = TDS_LOGIN7;
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("microsoft.sql_server"));
	tt_sql_operation(m, TT_SPAN_LIT("CONNECT"));
	tt_message_end(link, m, in, in->c.pos + (uint64_t)len);
	st->encrypted = false;
	return tt_pass(link, TT_REQUESTS, in, len) ? TT_DONE : TT_PARSED;
}

static enum tt_step packet(struct tt_link *link, struct tds_state *st, struct tt_input *in)
{
	size_t at = in->c.pos;
	struct tds_packet p;

	if (st->encrypted && in->c.data[at] == 0x17)
		return login_record(link, st, in);
	enum tt_step step = tds_read_header(&in->c, TT_REQUESTS, &p);
	if (step != TT_PARSED)
		return step;
	if (st->req.in_message && p.type != st->req.type && p.type != TDS_ATTENTION) {
		in->c.pos = at;
		return TT_LOST_SYNC;
	}
	if (!st->req.in_message || p.type != st->req.type) {
		if (st->req.in_message) { /* cut off by an attention */
			tt_message_drop(link, st->req.open);
		}
		begin(link, st, in, at, p.type);
	}
	st->req.left = p.len;
	st->req.size += p.len;
	st->req.last = p.status & TDS_EOM;
	st->req.ignored = p.status & TDS_IGNORE;
	return TT_PARSED;
}

enum tt_step tds_parse_request(struct tt_link *link, struct tds_state *st, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	while (step == TT_PARSED && (tt_cursor_left(&in->c) || (st->req.in_message && st->req.last && !st->req.left))) {
		bool in_packet = st->req.in_message && (st->req.left || st->req.last);
		step = in_packet ? payload(link, st, in) : packet(link, st, in);
	}
	return step == TT_DONE ? TT_PARSED : step; /* the rest of a packet is skipped */
}
