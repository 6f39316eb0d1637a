// SPDX-License-Identifier: Apache-2.0
/* TDS, the protocol of Microsoft SQL Server ([MS-TDS]). One request at a time: pairing is in order. */
#include "proto/tds.h"

#define SMP 0x53u /* sessions of MARS within the connection */
#define TLS_DATA 0x17u

/* --- packets -----------------------------------------------------------------------------------------------------------------
 */

static bool type_fits(uint8_t type, enum tt_side side)
{
	static const uint32_t asked = 1u << TDS_BATCH | 1u << TDS_RPC | 1u << TDS_ATTENTION | 1u << TDS_BULK |
				      1u << TDS_FED_AUTH | 1u << TDS_TRANSACTION | 1u << TDS_LOGIN7 | 1u << TDS_SSPI |
				      1u << TDS_PRELOGIN;
	static const uint32_t answered = 1u << TDS_RESULT | 1u << TDS_PRELOGIN;

	return type < 32 && (side == TT_REQUESTS ? asked : answered) >> type & 1;
}

enum tt_step tds_read_header(struct tt_cursor *c, enum tt_side side, struct tds_packet *ret)
{
	struct tt_cursor at = *c;

	ret->type = tt_cursor_u8(&at);
	ret->status = tt_cursor_u8(&at);
	uint16_t len = tt_cursor_be16(&at);
	tt_cursor_be16(&at); /* the server's process */
	ret->id = tt_cursor_u8(&at);
	uint8_t window = tt_cursor_u8(&at);
	if (tt_cursor_short(&at))
		return tt_cursor_left(c) && !type_fits(ret->type, side) ? TT_LOST_SYNC : TT_MORE;
	if (!type_fits(ret->type, side) || ret->status > 0x1f || len < TDS_HEADER || len > 32768 || window)
		return TT_LOST_SYNC;
	if (len == TDS_HEADER && ret->type != TDS_ATTENTION)
		return TT_LOST_SYNC;
	ret->len = (uint16_t)(len - TDS_HEADER);
	c->pos = at.pos;
	return TT_PARSED;
}

static enum tt_step tds_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tds_state *st = tt_link_state(link);
	const struct tds_reading *r = side == TT_REQUESTS ? &st->req : &st->res;

	/* Sessions within the connection, or TLS for all of it: what follows is only counted. */
	bool between = !r->in_message && tt_cursor_left(&in->c);
	if (between && (in->c.data[in->c.pos] == SMP || (side == TT_RESPONSES && in->c.data[in->c.pos] == TLS_DATA)))
		return TT_DONE;
	return side == TT_REQUESTS ? tds_parse_request(link, st, in) : tds_parse_response(link, st, in);
}

static void tds_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tds_state *st = tt_link_state(link);

	*(side == TT_REQUESTS ? &st->req : &st->res) = (struct tds_reading){0};
	st->preparing = tt_sql_text_unref(st->preparing);
	/* A database may have been chosen, a handle be given anew. */
	st->db_len = 0;
	tt_sql_table_clear(&st->statements);
	if (side == TT_RESPONSES)
		st->attentions = 0;
}

static void tds_state_free(void *state)
{
	struct tds_state *st = state;

	tt_buf_free(&st->text);
	tt_buf_free(&st->head);
	tt_buf_free(&st->tail);
	tt_sql_table_clear(&st->statements);
	tt_sql_text_unref(st->preparing);
}

/* --- detection ---------------------------------------------------------------------------------------------------------------
 */

/* Text as programs write it: a word that begins statements. */
static bool is_batch(struct tt_span payload, bool headers)
{
	uint8_t narrow[64];
	size_t n = 0;

	for (size_t i = 0; i + 1 < payload.len && n < sizeof(narrow) && payload.data[i + 1] == 0; i += 2)
		narrow[n++] = payload.data[i];
	if (headers)
		return n > 0 || payload.len == 0;
	return n >= 6 && tt_sql_plausible(tt_span(narrow, n), false);
}

static bool begins_request(const struct tds_packet *p, struct tt_span payload)
{
	struct tt_cursor c = tt_cursor(payload);
	bool headers = tds_pass_headers(&c);

	switch (p->type) {
	case TDS_PRELOGIN:
		return tds_is_prelogin(payload);
	case TDS_LOGIN7:
		return tds_is_login7(payload);
	case TDS_BATCH:
		return is_batch(tt_cursor_rest(&c), headers);
	case TDS_RPC:
		return headers && tt_cursor_left(&c) >= 6;
	case TDS_TRANSACTION:
		return headers && tt_cursor_le16(&c) < 10;
	default:
		return false;
	}
}

static enum tt_verdict judge(struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct tds_packet p;
	enum tt_step step = tds_read_header(&c, TT_REQUESTS, &p);

	if (step != TT_PARSED)
		return step == TT_MORE ? TT_MAYBE : TT_NO;
	/* Packets' numbers do not tell a message's first one: some clients count through. */
	if (p.type == TDS_ATTENTION || p.type == TDS_BULK)
		return TT_NO;
	size_t there = tt_cursor_left(&c);
	if (begins_request(&p, tt_span_sub(tt_cursor_rest(&c), 0, p.len)))
		return TT_YES;
	return there < p.len && there < 256 ? TT_MAYBE : TT_NO;
}

static enum tt_verdict tds_detect(const struct tt_first *first)
{
	return first->side[TT_REQUESTS].len ? judge(first->side[TT_REQUESTS]) : TT_NO;
}

static ssize_t tds_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct tds_packet p;

	if (side == TT_REQUESTS)
		return judge(bytes) == TT_YES ? 0 : -1;
	if (tds_read_header(&c, side, &p) != TT_PARSED || p.type != TDS_RESULT || p.id > 1 || !tt_cursor_left(&c))
		return -1;
	return tds_is_token(tt_cursor_u8(&c)) ? 0 : -1;
}

static const struct tt_proto_doc tds_doc = {
	.title = "Microsoft SQL Server (TDS)",
	.specification = "[MS-TDS], Tabular Data Stream Protocol: https://learn.microsoft.com/openspecs/windows_protocols/ms-tds",
	.recognised = "PRELOGIN with its options or LOGIN7; in mid-connection a request whose headers in front are as they "
		      "should be, or a "
		      "batch in UTF-16 that begins as statements do",
	.operation =
		"the statement's first word, `SELECT` (`QUERY` where it begins none), also of what system procedures carry "
		"(`sp_executesql`, `sp_prepexec`) or "
		"run by "
		"handle; `EXECUTE` for procedures, `CONNECT`, `PRELOGIN`, `BEGIN`, `COMMIT`, `ROLLBACK`, `BULK_LOAD`, `CANCEL`",
	.resource = "the statement; the procedure's name; of a log-in the database",
	.status = "`OK`, or the error's number: `208`; `ERROR` where only the end of an answer tells that it failed; `cancelled`",
	.limits =
		"columns and rows are not read: errors in front of rows and at the end of an answer are found, one between "
		"result sets only "
		"if the end tells of it; counts are those of the last statement unless there were no rows. Connections encrypted "
		"throughout, and sessions of MARS, are only counted after PRELOGIN and log-in; TDS 8.0 is TLS from its first "
		"byte. "
		"Of Sybase's TDS 5 nothing is read",
	.verified = "built from the specification; no real server was available: FreeTDS (tsql, pymssql; 7.1 to 7.4) and "
		    "python-tds with a server "
		    "that is a script; what the clients saw, and tshark's dissection of the same captures",
};

const struct tt_proto tt_proto_tds = {
	.name = "tds",
	.doc = &tds_doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.state_size = sizeof(struct tds_state),
	.state_free = tds_state_free,
	.detect = tds_detect,
	.parse = tds_parse,
	.gap = tds_gap,
	.resync = tds_resync,
};
