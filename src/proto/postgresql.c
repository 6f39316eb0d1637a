// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL: detection, resynchronisation and the protocol's table. The format is named in postgresql_internal.h. */
#include "proto/postgresql_internal.h"

/* Its first message has a type and a length, as far as they are there. */
static bool pg_begins(enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct pg_frame f;

	return pg_read_frame(side, &c, &f) != TT_LOST_SYNC;
}

static enum tt_verdict pg_detect(const struct tt_first *first)
{
	struct tt_span requests = first->side[TT_REQUESTS];
	struct tt_span responses = first->side[TT_RESPONSES];

	/* The client speaks first. */
	if (first->from_start[TT_REQUESTS] && requests.len)
		return pg_detect_startup(requests);
	if (first->from_start[TT_RESPONSES] && !requests.len)
		return responses.len && !pg_row_find(TT_RESPONSES, responses.data[0]) ? TT_NO : TT_MAYBE;

	if (requests.len && pg_messages_plausible(TT_REQUESTS, requests))
		return TT_YES;
	if (requests.len && !pg_begins(TT_REQUESTS, requests))
		return TT_NO;
	if (responses.len && pg_messages_plausible(TT_RESPONSES, responses))
		return TT_YES;
	if (responses.len && !pg_begins(TT_RESPONSES, responses))
		return TT_NO;
	return TT_MAYBE;
}

static enum tt_step pg_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct pg_state *st = tt_link_state(link);

	return side == TT_REQUESTS ? pg_parse_request(link, st, in) : pg_parse_response(link, st, in);
}

static void pg_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct pg_state *st = tt_link_state(link);

	/* A password or a part of a copy was missed: the request it belongs to had ended for the core. */
	struct tt_message *open = st->res.open;
	if (side == TT_REQUESTS && open && (st->res.copy_in || (open->peer && open->peer->kind == PG_UNIT_LOGIN)))
		open->incomplete = true;
	if (side == TT_REQUESTS) {
		tt_buf_free(&st->req.text);
		tt_sql_text_unref(st->req.parsed);
		st->req = (struct pg_requests){
			.started = true, .copies_ended = st->req.copies_ended, .negotiations = st->req.negotiations};
		/* Names may stand for something else now. */
		pg_statements_clear(st);
	} else {
		st->answers_followed = st->portals_sure = false;
		pg_parses_doubted(st);
		st->res = (struct pg_responses){.copies_ended = st->req.copies_ended, .negotiations = st->req.negotiations};
		st->req.syncs_ignored = 0;
	}
}

static ssize_t pg_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	if (!pg_messages_plausible(side, bytes))
		return -1;
	struct pg_state *st = tt_link_state(link);
	st->req.started = true;
	return 0;
}

static void pg_state_free(void *state)
{
	struct pg_state *st = state;

	tt_buf_free(&st->req.text);
	st->req.parsed = tt_sql_text_unref(st->req.parsed);
	st->user = tt_sql_text_unref(st->user);
	st->database = tt_sql_text_unref(st->database);
	pg_statements_clear(st);
}

static const struct tt_proto_doc postgresql_doc = {
	.title = "PostgreSQL",
	.specification = "frontend/backend protocol 3.0: https://www.postgresql.org/docs/current/protocol.html",
	.recognised = "a start-up message, or typed messages with plausible lengths on both sides",
	.operation = "statement's first word: `SELECT`, `COPY`, `CONNECT`; `QUERY` where it begins none",
	.resource = "statement text; the prepared text of an execution",
	.status = "`OK`; an SQLSTATE is a failure (`42P01`)",
	.limits =
		"after the switch to TLS or GSSAPI encryption the connection is only counted; replication streams are not read. "
		"What SQL does to names (PREPARE, DEALLOCATE, DECLARE, CLOSE, DISCARD) is followed so far that a name it may "
		"have "
		"changed stands for nothing known: such an execution is incomplete, without its statement; within functions and "
		"behind `text_bytes` of a statement it is not seen",
	.verified = "PostgreSQL 15 with psql, pgbench in its three modes and psycopg; compared with the server's own log",
};

const struct tt_proto tt_proto_postgresql = {
	.name = "postgresql",
	.doc = &postgresql_doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.state_size = sizeof(struct pg_state),
	.state_free = pg_state_free,
	.detect = pg_detect,
	.parse = pg_parse,
	.gap = pg_gap,
	.resync = pg_resync,
};
