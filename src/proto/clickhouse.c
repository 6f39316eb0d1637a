// SPDX-License-Identifier: Apache-2.0
/* ClickHouse's native protocol (clickhouse.com documentation, "Native Protocol"). One query at a time: pairing is in order. */
#include "proto/clickhouse.h"
#include "base/own.h"
#include "proto/pass.h"

/* So many packets of one byte in a row may stand before a query that a connection is recognised by. */
#define ALONE_MOST 16

static enum tt_step clickhouse_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct ch_state *st = tt_link_state(link);
	const struct ch_block *block = side == TT_REQUESTS ? &st->req.block : &st->res.block;
	enum tt_step step = TT_PARSED;

	/* That a block is over needs no byte to be told. */
	st->skips = false;
	while (step == TT_PARSED && !st->skips && (tt_cursor_left(&in->c) || block->on))
		step = side == TT_REQUESTS ? ch_parse_request(link, st, in) : ch_parse_response(link, st, in);
	return step;
}

static void clickhouse_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct ch_state *st = tt_link_state(link);

	if (side == TT_REQUESTS) {
		st->req = (struct ch_requests){.greeted = true, .hole = true};
		st->db_len = 0; /* there may have been a USE */
	} else {
		st->res = (struct ch_responses){0};
	}
}

uint64_t ch_skip(struct tt_link *link, struct ch_state *st, enum tt_side side, struct tt_input *in, uint64_t n)
{
	uint64_t to_come = tt_pass(link, side, in, n);

	st->skips |= to_come > 0;
	return to_come;
}

/* A query packet, with its client's revision and the rest as it should be. */
static enum tt_verdict is_query(struct tt_span bytes)
{
	struct ch_reader r = {.c = tt_cursor(bytes)};
	struct ch_query q;
	uint32_t revision, least;

	if (tt_cursor_u8(&r.c) != CH_PACKET_QUERY)
		return TT_NO;
	enum tt_step step = ch_read_query_any(&r, &q, &revision, &least);
	if (step != TT_PARSED)
		return step == TT_MORE ? TT_MAYBE : TT_NO;
	return tt_cursor_left(&r.c) ? TT_YES : TT_MAYBE;
}

/* A client asks first whether the server is still there, and gives up what it asked, in a byte each: they stand before a query.
 */
static size_t before_query(struct tt_span bytes)
{
	size_t n = 0;

	while (n < TT_MIN(bytes.len, (size_t)ALONE_MOST) &&
	       (bytes.data[n] == CH_PACKET_PING || bytes.data[n] == CH_PACKET_CANCEL))
		n++;
	return n;
}

static ssize_t clickhouse_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	const struct ch_state *st = tt_link_state(link);
	size_t at = side == TT_REQUESTS ? before_query(bytes) : 0;
	bool begins =
		side == TT_REQUESTS ? is_query(tt_span_sub(bytes, at, SIZE_MAX)) == TT_YES : ch_response_plausible(st, bytes);

	return begins ? (ssize_t)at : -1;
}

static enum tt_verdict clickhouse_detect(const struct tt_first *first)
{
	struct tt_span asked = first->side[TT_REQUESTS];

	if (!asked.len)
		return TT_NO;
	if (first->from_start[TT_REQUESTS])
		return asked.data[0] == CH_PACKET_HELLO ? ch_is_hello(asked) : is_query(asked);
	asked = tt_span_sub(asked, before_query(asked), SIZE_MAX);
	return asked.len ? is_query(asked) : TT_NO;
}

static const struct tt_proto_doc clickhouse_doc = {
	.title = "ClickHouse (native protocol)",
	.specification = "ClickHouse documentation, Native Protocol: https://clickhouse.com/docs/native-protocol/basics",
	.recognised = "the client's hello with its revision; in mid-connection a query packet (behind a PING or not), whose "
		      "client, settings and "
		      "statement must "
		      "fit the layout of one revision",
	.operation = "the statement's first word, `SELECT`, or `QUERY` where it begins none; `CONNECT`, `PING`, `CANCEL`",
	.resource = "the statement; of a log-in the database",
	.status = "`OK`, or the exception's code: `60`",
	.limits = "revisions from 54058 (2017) on. Plain blocks carry no length: their columns are walked by type; where a type "
		  "is not known "
		  "(JSON, Variant, Dynamic, states of aggregate functions, sparse columns), or bytes of a string column were not "
		  "captured, the answer is reported incomplete and the connection followed again from the next query. Compressed "
		  "blocks "
		  "are passed over by their frames. Chunked packets (a mode of 24.10 and later that both ends must choose) and "
		  "what "
		  "servers say to each other (interserver secrets) are only counted",
	.verified = "clickhouse-server 18.16 (revision 54412) with its own client and clickhouse-driver, plain, LZ4 and ZSTD; "
		    "revision 54468 with "
		    "clickhouse-driver against a scripted server made of that package's encoders, as no newer server was "
		    "available; what the "
		    "clients saw. Fields of revisions from 54469 on are read by the documentation alone",
};

const struct tt_proto tt_proto_clickhouse = {
	.name = "clickhouse",
	.doc = &clickhouse_doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.state_size = sizeof(struct ch_state),
	.detect = clickhouse_detect,
	.parse = clickhouse_parse,
	.gap = clickhouse_gap,
	.resync = clickhouse_resync,
};
