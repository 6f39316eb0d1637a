// SPDX-License-Identifier: Apache-2.0
/*
 * Apache Kafka (https://kafka.apache.org/protocol): frames with a length, requests and responses paired by correlation id. A
 * response does not say what it answers, so that it is read only once its request was. Records are skipped by counting.
 */
#include "base/own.h"
#include "proto/kafka_internal.h"
#include "proto/pass.h"

#define REQUEST_HEADER 12 /* length, key, version, correlation id */
#define RESPONSE_HEADER 8
#define WISH_LEAST 4096 /* a shorter skip is not worth telling the kernel about */

static uint32_t kind_of(int16_t key, int16_t version)
{
	return (uint32_t)(uint16_t)key << 16 | (uint16_t)version;
}

/* Passes over n bytes, of which not all may be there. True if they were. */
static bool pass(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t n)
{
	return !tt_pass_unseen(link, side, in, n, WISH_LEAST);
}

/* All that is wanted of the message was read: what is left of it, and of its last field, is passed over. */
static enum tt_step end_message(struct tt_link *link, struct kafka_state *st, enum tt_side side, struct tt_input *in,
				uint64_t of_field)
{
	struct kafka_reading *r = &st->reading[side];
	struct tt_message *m = r->message;
	uint64_t left = r->left + of_field;

	if (side == TT_REQUESTS)
		kafka_end_request(link, st);
	else
		kafka_end_response(st);
	*r = (struct kafka_reading){0};
	tt_message_end(link, m, in, in->c.pos + left);
	pass(link, side, in, left);
	return TT_PARSED;
}

static enum tt_step walk(struct tt_link *link, struct kafka_state *st, enum tt_side side, struct tt_input *in)
{
	struct kafka_reading *r = &st->reading[side];
	uint64_t of_field = 0; /* bytes of the message's last field that are not passed yet */

	while (r->walking && !r->enough) {
		struct tt_cursor c = tt_cursor(tt_span_sub(tt_cursor_rest(&in->c), 0, r->left));
		struct tt_kafka_field f;
		switch (tt_kafka_walk_next(&r->walk, &c, r->left, &f)) {
		case TT_KAFKA_MORE:
			return TT_MORE;
		case TT_KAFKA_OVER:
			r->walking = false;
			r->fits = r->left == 0;
			break;
		case TT_KAFKA_WRONG:
			if (r->message)
				r->message->incomplete = true;
			r->walking = false;
			return end_message(link, st, side, in, of_field);
		case TT_KAFKA_FIELD:
			if (side == TT_REQUESTS)
				kafka_take_request(link, st, &f);
			else
				kafka_take_response(link, st, &f);
			break;
		}
		tt_cursor_skip(&in->c, c.pos);
		r->left -= c.pos + f.skip;
		if (r->left == 0)
			of_field += f.skip;
		else if (!pass(link, side, in, f.skip))
			return TT_PARSED;
	}
	/* More than the layout has: it is another one. */
	if (!r->enough && r->left && r->message)
		r->message->incomplete = true;
	return end_message(link, st, side, in, of_field);
}

/* A frame of one of the old SASL exchanges has nothing but a token. */
static enum tt_step take_token(struct tt_link *link, struct kafka_state *st, enum tt_side side, struct tt_input *in,
			       uint32_t size)
{
	if (side == TT_REQUESTS)
		st->tokens++;
	else
		st->tokens--;
	tt_cursor_skip(&in->c, 4);
	pass(link, side, in, size);
	return TT_PARSED;
}

static enum tt_step begin_request(struct tt_link *link, struct kafka_state *st, struct tt_input *in)
{
	struct kafka_reading *r = &st->reading[TT_REQUESTS];
	struct tt_cursor c = in->c;
	const char *request, *response;

	uint32_t size = tt_cursor_be32(&c);
	int16_t key = (int16_t)tt_cursor_be16(&c);
	int16_t version = (int16_t)tt_cursor_be16(&c);
	uint32_t id = tt_cursor_be32(&c);
	if (size > KAFKA_SIZE_MAX)
		return TT_LOST_SYNC;
	if (tt_cursor_short(&c) && !(st->raw_sasl && tt_cursor_left(&in->c) >= 4u && tt_cursor_left(&in->c) - 4u >= size))
		return TT_MORE;
	if (tt_cursor_short(&c) || size < REQUEST_HEADER - 4 || !kafka_is_request_kind(key, version))
		return st->raw_sasl ? take_token(link, st, TT_REQUESTS, in, size) : TT_LOST_SYNC;

	*r = (struct kafka_reading){.open = true, .key = key, .version = version, .left = size - (REQUEST_HEADER - 4)};
	r->message = tt_request_begin(link, in, in->c.pos);
	if (r->message) {
		r->message->id = id;
		r->message->kind = kind_of(key, version);
	}
	kafka_describe_request(r);
	r->walking = tt_kafka_layout(key, version, &request, &response);
	r->enough = !r->walking;
	if (r->walking)
		tt_kafka_walk_begin(&r->walk, request);
	in->c = c;
	return TT_PARSED;
}

static enum tt_step begin_response(struct tt_link *link, struct kafka_state *st, struct tt_input *in)
{
	struct kafka_reading *r = &st->reading[TT_RESPONSES];
	struct tt_cursor c = in->c;
	const char *request, *response;
	const struct tt_message *asked = NULL;

	uint32_t size = tt_cursor_be32(&c);
	if (!tt_cursor_short(&c) && st->tokens && st->raw_sasl)
		return size > KAFKA_SIZE_MAX ? TT_LOST_SYNC : take_token(link, st, TT_RESPONSES, in, size);
	uint32_t id = tt_cursor_be32(&c);
	if (tt_cursor_short(&c))
		return TT_MORE;
	if (size < RESPONSE_HEADER - 4 || size > KAFKA_SIZE_MAX)
		return TT_LOST_SYNC;
	if (tt_awaited_by_id(link, id, &asked) == TT_NOT_YET)
		return TT_WAIT;

	*r = (struct kafka_reading){.open = true, .key = -1, .version = -1, .left = size - (RESPONSE_HEADER - 4)};
	r->message = tt_response_begin(link, in, in->c.pos);
	if (r->message)
		r->message->id = id;
	if (asked) {
		r->key = (int16_t)(asked->kind >> 16);
		r->version = (int16_t)(asked->kind & 0xffff);
		r->not_in_set = !tt_message_get(asked, TT_TEXT_RESOURCE).data;
		/* The beginning of this one is for ever the same. */
		int16_t known = r->key == KAFKA_API_VERSIONS ? 0 : r->version;
		r->walking = tt_kafka_layout(r->key, known, &request, &response);
	}
	r->enough = !r->walking;
	if (r->walking)
		tt_kafka_walk_begin(&r->walk, response);
	in->c = c;
	return TT_PARSED;
}

static enum tt_step kafka_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct kafka_state *st = tt_link_state(link);

	if (!st->reading[side].open) {
		enum tt_step step = side == TT_REQUESTS ? begin_request(link, st, in) : begin_response(link, st, in);
		if (step != TT_PARSED || !st->reading[side].open)
			return step;
	}
	return walk(link, st, side, in);
}

static void kafka_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct kafka_state *st = tt_link_state(link);

	st->reading[side] = (struct kafka_reading){0};
	st->raw_sasl = false;
	st->tokens = 0;
	if (side == TT_REQUESTS)
		st->session.known = false;
}

static const struct tt_proto_doc kafka_doc = {
	.title = "Apache Kafka",
	.specification = "Kafka protocol guide: https://kafka.apache.org/protocol; message definitions up to Kafka 4.1",
	.recognised = "a request's length, key, version and the whole layout of its body as far as it is there, with the "
		      "response's correlation "
		      "id; in mid-connection at the next request that begins a segment",
	.operation = "the request's name: `Produce`, `Fetch`, `JoinGroup`",
	.resource = "the first topic; where there is none the group, the coordinator's key or the transactional id",
	.status = "`NONE`; the first error code in the response, by name, is a failure (`UNKNOWN_TOPIC_OR_PARTITION`)",
	.limits = "records are counted, not read; a topic that is only named by its id has a name once a response on the "
		  "connection told it; of "
		  "requests newer than Kafka 4.1 only the name, of unknown ones only the number is told",
	.verified = "Kafka 3.9 with its Java clients and tools, kcat (librdkafka) and kafka-python; every exchange compared with "
		    "tshark's "
		    "dissection as far as that knows the version",
};

const struct tt_proto tt_proto_kafka = {
	.name = "kafka",
	.doc = &kafka_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct kafka_state),
	.detect = kafka_detect,
	.parse = kafka_parse,
	.gap = kafka_gap,
	.resync = kafka_resync,
};
