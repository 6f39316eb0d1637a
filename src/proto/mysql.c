// SPDX-License-Identifier: Apache-2.0
/* MySQL and MariaDB: detection, resynchronisation and the protocol's table. The formats are named in mysql_internal.h. */
#include "base/own.h"
#include "proto/mysql_internal.h"

/* The first packet of these bytes: what of its payload is there (at most MYSQL_LOOK bytes). False: not even a header and a byte.
 */
static bool first_packet(struct tt_span bytes, struct mysql_packet *ret)
{
	struct tt_cursor c = tt_cursor(bytes);

	ret->at = 0;
	ret->len = tt_cursor_le24(&c);
	ret->seq = tt_cursor_u8(&c);
	if (tt_cursor_short(&c) || !tt_cursor_left(&c) || !ret->len)
		return false;
	ret->look = tt_span_sub(tt_cursor_rest(&c), 0, TT_MIN(ret->len, (uint32_t)MYSQL_LOOK));
	return true;
}

/* The packet is cut short by the end of the bytes so that its look is not what a parser would see. */
static bool is_cut(const struct mysql_packet *p)
{
	return p->look.len < TT_MIN(p->len, (uint32_t)MYSQL_LOOK);
}

/* All of the bytes' packets fit exactly, or only the last one goes on. What stands behind the first must be numbered as `next`
 * allows. */
static bool framed(struct tt_span bytes, bool requests)
{
	struct tt_cursor c = tt_cursor(bytes);
	uint8_t seq = requests ? 0 : 1;

	while (tt_cursor_left(&c) >= MYSQL_HEADER) {
		uint32_t len = tt_cursor_le24(&c);
		if (tt_cursor_u8(&c) != seq || !len)
			return false;
		seq = requests ? 0 : (uint8_t)(seq + 1);
		if (!tt_cursor_skip(&c, len))
			return true;
	}
	return tt_cursor_left(&c) == 0;
}

static enum tt_verdict detect_greeting(struct tt_span bytes)
{
	struct mysql_packet p;

	if (bytes.len > 4 && (bytes.data[3] != 0 || bytes.data[4] != 10))
		return TT_NO;
	if (!first_packet(bytes, &p))
		return bytes.len > 4 ? TT_NO : TT_MAYBE;
	if (p.len < 30 || p.len > 1024)
		return TT_NO;
	if (is_cut(&p))
		return TT_MAYBE;
	return mysql_is_greeting(p.look) ? TT_YES : TT_NO;
}

/* A log-in without a greeting: the greeting is still to come, or was outside of this layer (TLS). */
static enum tt_verdict detect_login(const struct tt_first *first)
{
	struct tt_span bytes = first->side[TT_REQUESTS];
	struct mysql_packet p;

	if (bytes.len > 3 && bytes.data[3] != 1 && bytes.data[3] != 2)
		return TT_NO;
	if (!first_packet(bytes, &p))
		return bytes.len > 4 ? TT_NO : TT_MAYBE;
	if (p.len < 32)
		return TT_NO;
	if (is_cut(&p))
		return TT_MAYBE;
	if (!mysql_is_login(p.look, p.look.len == p.len))
		return TT_NO;
	return p.seq == 2 || first->ended[TT_RESPONSES] ? TT_YES : TT_MAYBE;
}

/* In the middle of a connection: a command that is beyond doubt, or one that is answered as it should be. */
static enum tt_verdict detect_middle(const struct tt_first *first)
{
	struct tt_span requests = first->side[TT_REQUESTS];
	struct tt_span responses = first->side[TT_RESPONSES];
	struct mysql_packet q;
	struct mysql_packet a;

	if (!requests.len)
		return TT_MAYBE;
	if (requests.len >= MYSQL_HEADER && requests.data[3] != 0)
		return TT_NO;
	if (!first_packet(requests, &q))
		return requests.len > MYSQL_HEADER ? TT_NO : TT_MAYBE;
	if (!mysql_command_plausible(q.look, q.len))
		return is_cut(&q) && mysql_command_find(q.look.data[0]) ? TT_MAYBE : TT_NO;
	/* Nothing follows the last word. */
	if (!framed(requests, true) || (q.look.data[0] == MYSQL_QUIT && requests.len > MYSQL_HEADER + q.len))
		return TT_NO;
	if (mysql_command_find(q.look.data[0])->text == MYSQL_TEXT_SQL && q.len + MYSQL_HEADER == requests.len)
		return TT_YES;
	bool whole = q.len + MYSQL_HEADER <= requests.len;
	if (whole && first_packet(responses, &a) && !is_cut(&a) && a.seq == 1 && mysql_answer_plausible(&a))
		return TT_YES;
	return TT_MAYBE;
}

static enum tt_verdict mysql_detect(const struct tt_first *first)
{
	bool from_start = first->from_start[TT_REQUESTS] || first->from_start[TT_RESPONSES];

	/* The server speaks first, so a stream that is known from its start begins with a greeting. */
	if (first->side[TT_RESPONSES].len) {
		enum tt_verdict verdict = detect_greeting(first->side[TT_RESPONSES]);
		if (verdict != TT_NO || first->from_start[TT_RESPONSES]) {
			if (verdict == TT_NO && first->side[TT_REQUESTS].len)
				return detect_login(first) == TT_YES ? TT_YES : TT_NO;
			return verdict;
		}
	}
	if (from_start)
		return first->side[TT_REQUESTS].len ? detect_login(first) : TT_MAYBE;
	return detect_middle(first);
}

static enum tt_step mysql_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct mysql_state *st = tt_link_state(link);

	if (mysql_side_packed(st, side))
		return mysql_parse_packed(link, st, side, in);
	enum tt_step step = side == TT_REQUESTS ? mysql_parse_request(link, st, in) : mysql_parse_response(link, st, in);
	return step == TT_DONE && st->logged_in && mysql_is_compressed(st) ? mysql_parse_packed(link, st, side, in) : step;
}

static void mysql_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct mysql_state *st = tt_link_state(link);

	mysql_packed_gap(st, side);
	/* What was missed may have changed it. Statement ids are never used twice by a server, so their texts stay true. */
	st->db_known = false;
	/* A round of a log-in or a part of a file was missed: the request it belongs to had ended for the core. */
	if (side == TT_REQUESTS && st->res.open && st->res.seq_free)
		st->res.open->incomplete = true;
	if (side == TT_REQUESTS)
		st->req = (struct mysql_requests){.seen = true};
	else
		st->res = (struct mysql_responses){.seen = true};
}

static bool begins_conversation(struct tt_span bytes, enum tt_side side, bool framed_too)
{
	struct mysql_packet p;

	if (!first_packet(bytes, &p))
		return false;
	if (side == TT_REQUESTS)
		return p.seq == 0 && mysql_command_plausible(p.look, p.len) && (!framed_too || framed(bytes, true));
	return p.seq == 1 && mysql_answer_plausible(&p) && (!framed_too || framed(bytes, false));
}

static ssize_t mysql_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	const struct mysql_state *st = tt_link_state(link);
	tt_buf_auto struct tt_buf plain = TT_BUF(0);

	if (!mysql_side_packed(st, side))
		return begins_conversation(bytes, side, true) ? 0 : -1;
	return mysql_packed_head(st, side, bytes, &plain) && begins_conversation(tt_buf_span(&plain), side, false) ? 0 : -1;
}

static void mysql_state_free(void *state)
{
	struct mysql_state *st = state;

	free(st->db);
	free(st->login_db);
	tt_sql_table_clear(&st->statements);
	st->last_prepared = tt_sql_text_unref(st->last_prepared);
	mysql_packed_free(st);
	st->db = st->login_db = NULL;
}

static const struct tt_proto_doc mysql_doc = {
	.title = "MySQL and MariaDB",
	.specification = "client/server protocol 4.1: https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html",
	.recognised = "the server's greeting with the client's answer, or command packets with their sequence numbers",
	.operation = "statement's first word (`QUERY` where it begins none), or the command: `SELECT`, `PING`, `CONNECT`",
	.resource = "statement text; the prepared text of an execution",
	.status = "`OK`; an error number is a failure (`1064`)",
	.limits = "after the switch to TLS the connection is only counted; a compressed one (zlib, zstd) is followed from its "
		  "log-in on, each packet up to `unpacked_bytes`; MySQL's X protocol and replication streams are not read",
	.verified = "MariaDB 10.11 with its command line, C library and raw bytes, zlib compression too; compared with the "
		    "server's general log. MySQL "
		    "8's log-in and zstd by hand-made conversations and blocks",
};

const struct tt_proto tt_proto_mysql = {
	.name = "mysql",
	.doc = &mysql_doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.state_size = sizeof(struct mysql_state),
	.state_free = mysql_state_free,
	.detect = mysql_detect,
	.parse = mysql_parse,
	.gap = mysql_gap,
	.resync = mysql_resync,
};
