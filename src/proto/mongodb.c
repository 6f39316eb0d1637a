// SPDX-License-Identifier: Apache-2.0
/* MongoDB's wire protocol: detection, holes and the protocol's table. The formats are named in mongodb_internal.h. */
#include "proto/mongodb_internal.h"

#include "proto/detect.h"

static enum tt_verdict judge_side(const struct tt_first *first, enum tt_side side)
{
	return tt_judged(first, side, mongodb_judge(first->side[side], side));
}

static enum tt_verdict mongodb_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge_side);
}

static enum tt_step mongodb_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	return mongodb_parse_side(link, tt_link_state(link), side, in);
}

static void mongodb_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct mongodb_state *st = tt_link_state(link);

	st->side[side] = (struct mongodb_side){0};
	if (side == TT_RESPONSES)
		st->streaming = false;
}

static ssize_t mongodb_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return mongodb_judge(bytes, side) == TT_YES ? 0 : -1;
}

static void mongodb_state_free(void *state)
{
	struct mongodb_state *st = state;

	st->stream_operation = tt_sql_text_unref(st->stream_operation);
	st->stream_resource = tt_sql_text_unref(st->stream_resource);
}

static const struct tt_proto_doc doc = {
	.title = "MongoDB",
	.specification = "[MongoDB Wire Protocol](https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/), "
			 "[BSON 1.1](https://bsonspec.org/spec.html)",
	.recognised = "a message header with a known opcode, and a document whose first field is well formed behind it; also in "
		      "mid-connection, where a message begins a segment",
	.operation = "the command: `find`, `insert`, `hello`; legacy operations are called as the commands that took their place",
	.resource = "the collection",
	.status = "`OK`, or the number of the error (`59`); the name (`CommandNotFound`) is the error type. A write that failed "
		  "in part "
		  "(`writeErrors`, `writeConcernError`) has failed",
	.limits = "the command's or reply's own fields are read, documents are passed over by their lengths. Compressed messages "
		  "(snappy, zlib, zstd) are unpacked up to `unpacked_bytes`; where that cannot be the operation is not known",
	.verified =
		"FerretDB 1.24 with PyMongo 4.20, against the client's own count of commands and errors and against tshark. "
		"Compression: PyMongo through a proxy that compresses. Streams of replies and OP_REPLY's error flags: built from "
		"the specification",
};

const struct tt_proto tt_proto_mongodb = {
	.name = "mongodb",
	.doc = &doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct mongodb_state),
	.state_free = mongodb_state_free,
	.detect = mongodb_detect,
	.parse = mongodb_parse,
	.gap = mongodb_gap,
	.resync = mongodb_resync,
};
