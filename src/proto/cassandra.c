// SPDX-License-Identifier: Apache-2.0
/* Cassandra's native protocol: detection, holes and the protocol's table. The formats are named in cassandra_internal.h. */
#include "proto/cassandra_internal.h"

#include "proto/detect.h"

static enum tt_verdict judge_side(const struct tt_first *first, enum tt_side side)
{
	return tt_judged(first, side, cassandra_judge(first->side[side], side));
}

static enum tt_verdict cassandra_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge_side);
}

static enum tt_step cassandra_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	return cassandra_parse_side(link, tt_link_state(link), side, in);
}

/* Prepared ids stand for the same statement for good; the keyspace may have been changed by what was missed. */
static void cassandra_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct cassandra_state *st = tt_link_state(link);

	st->side[side] = (struct cassandra_side){0};
	st->keyspace = tt_sql_text_unref(st->keyspace);
	st->missed = true;
}

static ssize_t cassandra_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return cassandra_judge(bytes, side) == TT_YES ? 0 : -1;
}

static void cassandra_state_free(void *state)
{
	struct cassandra_state *st = state;

	tt_sql_table_clear(&st->statements);
	st->keyspace = tt_sql_text_unref(st->keyspace);
}

static const struct tt_proto_doc doc = {
	.title = "Apache Cassandra (CQL native protocol)",
	.specification = "[CQL binary protocol v3](https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v3.spec), "
			 "[v4](https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec), "
			 "[v5](https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v5.spec)",
	.recognised = "an envelope's header of version 3 to 5 with what its opcode wants behind it; a frame of version 5 by its "
		      "checksum; "
		      "also in mid-connection, where one begins a segment",
	.operation = "the statement's first word (`QUERY` where it begins none), for prepared executions that of the prepared "
		     "text; `BATCH`, `PREPARE`, `STARTUP`, "
		     "`OPTIONS`, `REGISTER`, `AUTH_RESPONSE`; `EXECUTE` where the text is not known; `EVENT`",
	.resource = "the statement's text; of a batch its statements joined by `; `; of an event its type",
	.status = "`OK`, or the error's code in hexadecimal digits (`2200`); its name (`Invalid`) is the error type",
	.limits = "rows and values are passed over by their lengths. A statement prepared on another connection has no text. "
		  "Compressed "
		  "bodies and frames are unpacked (LZ4, snappy) up to `unpacked_bytes`",
	.verified = "Apache Cassandra 5.0.2 with the DataStax Python driver 3.30 in versions 3, 4 and 5, with and without "
		    "compression, "
		    "against the driver's own count of requests and, where nothing is compressed or framed, tshark",
};

const struct tt_proto tt_proto_cassandra = {
	.name = "cassandra",
	.doc = &doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct cassandra_state),
	.state_free = cassandra_state_free,
	.detect = cassandra_detect,
	.parse = cassandra_parse,
	.gap = cassandra_gap,
	.resync = cassandra_resync,
};
