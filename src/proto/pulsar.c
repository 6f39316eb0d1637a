// SPDX-License-Identifier: Apache-2.0
/*
 * Apache Pulsar's binary protocol (https://pulsar.apache.org/docs/developing-binary-protocol/): frames with a command in Protocol
 * Buffers and, for messages, what is published behind it. Requests are paired by request id, what is sent by producer and
 * sequence; messages are the server's own. Producers and consumers are named by numbers, whose topics their making told.
 */
#include "base/own.h"
#include "proto/detect.h"
#include "proto/pass.h"
#include "proto/proto.h"
#include "proto/pulsar_command.h"
#include "proto/sqltable.h"

#define FRAME 8
#define LENGTH_MAX (64u << 20) /* 5 MiB of message by default */
#define LOOK 16384	       /* of a command so much is read */
#define EARLY 64	       /* and so much before that is there */

/* Requests have their own numbers; the others stand in other ranges. */
#define SEQUENCE_ID (1ull << 63)
#define SINGLE_ID (1ull << 62)

struct pulsar_state {
	struct tt_sql_table topics; /* of producers and consumers, by letter and number */
};

struct frame {
	uint32_t length; /* behind the length's own bytes */
	uint32_t command_length;
	struct pulsar_command command;
};

static enum pulsar_read read_frame(struct tt_span bytes, struct frame *ret)
{
	struct tt_cursor c = tt_cursor(bytes);

	ret->length = tt_cursor_be32(&c);
	if (!tt_cursor_short(&c) && (ret->length < 8 || ret->length > LENGTH_MAX))
		return PULSAR_WRONG;
	ret->command_length = tt_cursor_be32(&c);
	if (tt_cursor_short(&c))
		return PULSAR_CUT;
	if (ret->command_length < 4 || ret->command_length > ret->length - 4)
		return PULSAR_WRONG;
	uint32_t wanted = TT_MIN(ret->command_length, (uint32_t)LOOK);
	struct tt_span command = tt_span_sub(tt_cursor_rest(&c), 0, wanted);
	/* A long one is not begun anew with every segment; its first bytes say soon if it is none. */
	if (command.len < wanted && command.len > EARLY)
		return PULSAR_CUT;
	enum pulsar_read read = pulsar_command_read(command, ret->command_length, &ret->command);
	/* Read as far as it will be. */
	return read == PULSAR_CUT && command.len == wanted && ret->command.row ? PULSAR_WHOLE : read;
}

/* --- topics -------------------------------------------------------------------------------------------------------------------
 */

/* A producer's or a consumer's name in the table. */
static struct tt_span owner_name(const struct pulsar_command *m, uint8_t buffer[static 9])
{
	buffer[0] = m->row->producer ? 'p' : 'c';
	memcpy(buffer + 1, &m->owner, sizeof(m->owner));
	return tt_span(buffer, 9);
}

static void remember_topic(struct tt_link *link, struct pulsar_state *st, const struct pulsar_command *m)
{
	uint8_t name[9];
	struct tt_sql_text *text = tt_sql_text_new(m->topic);

	if (text)
		tt_sql_remember(link, &st->topics, owner_name(m, name), text);
	tt_sql_text_unref(text);
}

/* The topic the command is about, its own or that of its producer or consumer; data NULL: not known. */
static struct tt_span topic_of(struct pulsar_state *st, const struct pulsar_command *m)
{
	uint8_t name[9];

	if (m->topic.data || !m->has_owner)
		return m->topic;
	return tt_sql_text_span(tt_sql_table_get(&st->topics, owner_name(m, name)));
}

/* --- messages -----------------------------------------------------------------------------------------------------------------
 */

static uint64_t id_of(const struct pulsar_command *m)
{
	switch (m->row->key) {
	case PULSAR_BY_REQUEST:
		return m->request_id & ~(SEQUENCE_ID | SINGLE_ID);
	case PULSAR_BY_SEQUENCE:
		return SEQUENCE_ID | (m->owner & 0x7fff) << 48 | (m->sequence & 0xffffffffffff);
	default:
		return SINGLE_ID | m->row->key;
	}
}

static void describe_request(struct pulsar_state *st, struct tt_message *m, const struct pulsar_command *said)
{
	struct tt_span topic = topic_of(st, said);

	tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(said->row->name));
	tt_message_attr(m, "messaging.system", TT_SPAN_LIT("pulsar"));
	tt_message_attr_text(m, "messaging.operation.name", TT_TEXT_OPERATION);
	if (m && said->has_owner && !topic.data)
		m->incomplete = true; /* made before telltale, or in a gap */
	if (topic.data) {
		tt_message_text(m, TT_TEXT_RESOURCE, topic);
		tt_message_attr_text(m, "messaging.destination.name", TT_TEXT_RESOURCE);
	}
	if (said->subscription.data)
		tt_message_attr(m, "messaging.destination.subscription.name", said->subscription);
	if (said->messages > 1)
		tt_message_attr_int(m, "messaging.batch.message_count", (int64_t)said->messages);
}

static void describe_response(struct tt_message *m, const struct pulsar_command *said)
{
	if (!said->has_error) {
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
		return;
	}
	const char *name = pulsar_error_name(said->error);
	tt_message_text(m, TT_TEXT_STATUS, tt_span_str(name ? name : "OtherError"));
	tt_message_fail(m, tt_span_str(name ? name : "OtherError"));
	if (said->text.data)
		tt_message_text(m, TT_TEXT_ERROR, said->text);
}

/* An acknowledgement wants an answer only if it says so; a server that closes does not wait for one. */
static bool is_one_way(enum tt_side side, const struct pulsar_command *said)
{
	bool single = said->row->key == PULSAR_BY_PING || said->row->key == PULSAR_BY_AUTH;

	if (said->row->key == PULSAR_BY_NOTHING || (side == TT_RESPONSES && !single))
		return true;
	return said->row->type == PULSAR_ACK && !said->has_request_id;
}

static struct tt_message *take_request(struct tt_link *link, enum tt_side side, struct tt_input *in,
				       const struct pulsar_command *said)
{
	struct pulsar_state *st = tt_link_state(link);
	struct tt_message *m = tt_begin(link, side, true, in, in->c.pos);

	if (m) {
		m->id = id_of(said);
		m->one_way = is_one_way(side, said);
	}
	if (said->topic.data && said->has_owner)
		remember_topic(link, st, said);
	describe_request(st, m, said);
	return m;
}

static struct tt_message *take_response(struct tt_link *link, enum tt_side side, struct tt_input *in,
					const struct pulsar_command *said)
{
	struct tt_message *m = tt_begin(link, side, false, in, in->c.pos);

	if (m) {
		m->id = id_of(said);
		/* A refused connection is told as an error to request -1. */
		if (said->row->type == PULSAR_ERROR && !tt_message_by_id(link, TT_REQUESTS, m->id) &&
		    tt_message_by_id(link, TT_REQUESTS, SINGLE_ID | PULSAR_BY_CONNECT))
			m->id = SINGLE_ID | PULSAR_BY_CONNECT;
	}
	describe_response(m, said);
	return m;
}

static bool asks(const struct pulsar_row *row, enum tt_side side)
{
	return row->says & (side == TT_REQUESTS ? PULSAR_CLIENT_ASKS : PULSAR_SERVER_ASKS);
}

static bool answers(const struct pulsar_row *row, enum tt_side side)
{
	return row->says & (side == TT_REQUESTS ? PULSAR_CLIENT_ANSWERS : PULSAR_SERVER_ANSWERS);
}

static enum tt_step pulsar_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct frame f;
	struct tt_message *m = NULL;

	f.command.row = NULL;
	switch (read_frame(tt_cursor_rest(&in->c), &f)) {
	case PULSAR_WRONG:
		return TT_LOST_SYNC;
	case PULSAR_CUT:
		return TT_MORE;
	case PULSAR_WHOLE:
		break;
	}
	if (asks(f.command.row, side))
		m = take_request(link, side, in, &f.command);
	else if (!answers(f.command.row, side))
		return TT_LOST_SYNC;
	else if (!f.command.not_ready)
		m = take_response(link, side, in, &f.command);

	uint64_t whole = 4 + (uint64_t)f.length;
	tt_message_end(link, m, in, in->c.pos + whole);
	tt_pass(link, side, in, whole);
	return TT_PARSED;
}

/* --- telling it by its bytes --------------------------------------------------------------------------------------------------
 */

static enum tt_verdict judge(struct tt_span bytes, enum tt_side side, bool from_start)
{
	struct frame f;

	f.command.row = NULL;
	switch (read_frame(bytes, &f)) {
	case PULSAR_WRONG:
		return TT_NO;
	case PULSAR_CUT:
		return bytes.len && bytes.data[0] > LENGTH_MAX >> 24 ? TT_NO : TT_MAYBE;
	case PULSAR_WHOLE:
		break;
	}
	const struct pulsar_row *row = f.command.row;
	if (!asks(row, side) && !answers(row, side))
		return TT_NO;
	if (!from_start)
		return TT_YES;
	bool begins = row->key == PULSAR_BY_CONNECT ||
		      (side == TT_RESPONSES && (row->key == PULSAR_BY_AUTH || row->type == PULSAR_ERROR));
	return begins ? TT_YES : TT_NO;
}

static enum tt_verdict judge_side(const struct tt_first *first, enum tt_side side)
{
	enum tt_verdict v = tt_judged(first, side, judge(first->side[side], side, first->from_start[side]));

	/* The same commands go both ways: of one that may there is nothing to be known of who is who. */
	return v == TT_YES && !first->role_known && !first->from_start[side] && side == TT_RESPONSES ? TT_MAYBE : v;
}

static enum tt_verdict pulsar_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge_side);
}

static ssize_t pulsar_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return judge(bytes, side, false) == TT_YES ? 0 : -1;
}

static void pulsar_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct pulsar_state *st = tt_link_state(link);

	/* A number may have been given to another topic. */
	if (side == TT_REQUESTS)
		tt_sql_table_clear(&st->topics);
}

static void pulsar_state_free(void *state)
{
	struct pulsar_state *st = state;

	tt_sql_table_clear(&st->topics);
}

static const struct tt_proto_doc pulsar_doc = {
	.title = "Apache Pulsar",
	.specification =
		"Pulsar binary protocol: https://pulsar.apache.org/docs/developing-binary-protocol/; commands of PulsarApi.proto",
	.recognised = "a frame's lengths and a command whose type, number, length and required fields fit, said by the end that "
		      "may say it; at any "
		      "frame of either side",
	.operation = "the command: `SEND`, `PRODUCER`, `SUBSCRIBE`, `LOOKUP`, `MESSAGE` (a delivery), `PING`",
	.resource = "the topic as it is (`persistent://public/default/news`), also where only its producer's or consumer's "
		    "number stands; of some "
		    "the namespace",
	.status = "`OK`, or the server's error by name (`TopicNotFound`), a failure",
	.limits = "what is published is counted, not read; of a command 16 KiB are read; topics of producers and consumers made "
		  "before telltale or in "
		  "a gap are not known, and the exchanges are not `complete`",
	.verified = "Pulsar 3.0 (standalone) with its Python client (C++ library), against the broker's own counts; other errors "
		    "from a "
		    "server written from the specification",
};

const struct tt_proto tt_proto_pulsar = {
	.name = "pulsar",
	.doc = &pulsar_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct pulsar_state),
	.state_free = pulsar_state_free,
	.detect = pulsar_detect,
	.parse = pulsar_parse,
	.gap = pulsar_gap,
	.resync = pulsar_resync,
};
