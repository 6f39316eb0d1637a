// SPDX-License-Identifier: Apache-2.0
/* Kafka: what the fields of requests and responses mean for their message, and the names of topics that go by their ids. */
#include "proto/kafka_internal.h"

#include "base/digits.h"
#include "base/own.h"

#define ID_TEXT 22

static const char key_destination[] = "messaging.destination.name";
static const char key_topic_id[] = "messaging.kafka.topic.id";

static bool is_zero(struct tt_span id)
{
	static const uint8_t zero[KAFKA_ID_BYTES];
	return tt_span_eq(id, tt_span(zero, sizeof(zero)));
}

/* As Kafka writes ids: base 64 for URLs, without padding. */
static struct tt_span id_text(struct tt_span id, uint8_t buffer[static ID_TEXT])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < ID_TEXT; i++) {
		size_t bit = i * 6, byte = bit / 8;
		unsigned two = (unsigned)id.data[byte] << 8 | (byte + 1 < id.len ? id.data[byte + 1] : 0);
		buffer[i] = (uint8_t)digits[two >> (10 - bit % 8) & 63];
	}
	return tt_span(buffer, ID_TEXT);
}

static void learn(struct tt_link *link, struct tt_span id, struct tt_span name)
{
	if (name.len && !is_zero(id))
		tt_name_learn(link, id, name);
}

static void keep_name(struct kafka_topic *t, struct tt_span name)
{
	*t = (struct kafka_topic){.known = true, .len = (uint8_t)name.len};
	memcpy(t->name, name.data, name.len);
}

static void keep_id(struct kafka_topic *t, struct tt_span id)
{
	*t = (struct kafka_topic){.known = true, .by_id = true};
	memcpy(t->id, id.data, sizeof(t->id));
}

static bool is_topic(const struct kafka_topic *t, struct tt_span s)
{
	return t->known && tt_span_eq(t->by_id ? tt_span(t->id, sizeof(t->id)) : tt_span(t->name, t->len), s);
}

static void name_topic(struct tt_message *m, struct tt_span name)
{
	tt_message_text(m, TT_TEXT_RESOURCE, name);
	tt_message_attr_text(m, key_destination, TT_TEXT_RESOURCE);
}

static void name_topic_by_id(struct tt_link *link, struct tt_message *m, struct tt_span id)
{
	uint8_t buffer[ID_TEXT];
	struct tt_span name = tt_name_known(link, id);

	if (name.data) {
		name_topic(m, name);
		return;
	}
	tt_message_attr(m, key_topic_id, id_text(id, buffer));
	if (m)
		m->incomplete = true;
}

static void name_kept(struct tt_link *link, struct tt_message *m, const struct kafka_topic *t)
{
	if (!t->known)
		return;
	if (t->by_id)
		name_topic_by_id(link, m, tt_span(t->id, sizeof(t->id)));
	else
		name_topic(m, tt_span(t->name, t->len));
}

/* --- requests -----------------------------------------------------------------------------------------------------------------
 */

void kafka_describe_request(struct kafka_reading *r)
{
	const char *name = tt_kafka_api_name(r->key);
	uint8_t digits[TT_DIGITS_MAX];

	if (name) {
		tt_message_text(r->message, TT_TEXT_OPERATION, tt_span_str(name));
	} else {
		tt_message_text(r->message, TT_TEXT_OPERATION, TT_SPAN_LIT("REQUEST_"));
		tt_message_text_add(r->message, TT_TEXT_OPERATION, tt_digits((uint64_t)r->key, digits));
	}
	tt_message_attr(r->message, "messaging.system", TT_SPAN_LIT("kafka"));
	tt_message_attr_text(r->message, "messaging.operation.name", TT_TEXT_OPERATION);
	tt_message_attr_int(r->message, "messaging.kafka.api_version", r->version);
}

/* The first topic of a request; of a fetch more must be read for what its session gives up. */
static void take_topic(struct tt_link *link, struct kafka_state *st, const struct tt_kafka_field *f)
{
	struct kafka_reading *r = &st->reading[TT_REQUESTS];
	bool by_id = f->letter == 'U';

	if (r->has_topic || !f->text.len || (by_id ? is_zero(f->text) : f->text.len > KAFKA_TOPIC_MAX))
		return;
	r->has_topic = true;
	r->enough = r->key != KAFKA_FETCH && r->key != KAFKA_METADATA;
	if (by_id)
		name_topic_by_id(link, r->message, f->text);
	else
		name_topic(r->message, f->text);
	if (r->key != KAFKA_FETCH || (r->epoch > 0 && st->session.known))
		return;
	if (by_id)
		keep_id(&st->session, f->text);
	else
		keep_name(&st->session, f->text);
}

/* What the request is about where it is no topic. */
static void take_other(struct kafka_reading *r, const struct tt_kafka_field *f)
{
	if (f->text.data && !r->has_topic && !tt_message_get(r->message, TT_TEXT_RESOURCE).data)
		tt_message_text(r->message, TT_TEXT_RESOURCE, f->text);
}

static void take_group(struct kafka_reading *r, const struct tt_kafka_field *f)
{
	if (!f->text.data || r->has_group)
		return;
	r->has_group = true; /* of several the first */
	tt_message_attr(r->message, "messaging.consumer.group.name", f->text);
	take_other(r, f);
}

void kafka_take_request(struct tt_link *link, struct kafka_state *st, const struct tt_kafka_field *f)
{
	struct kafka_reading *r = &st->reading[TT_REQUESTS];

	switch (f->letter) {
	case 'I':
		if (f->text.len)
			tt_message_attr(r->message, "messaging.client.id", f->text);
		break;
	case '(':
	case '[':
		if (!r->has_topic && tt_kafka_walk_in_topics(&r->walk))
			r->topics = (uint64_t)f->number;
		break;
	case 'T':
	case 'U':
		take_topic(link, st, f);
		break;
	case 'O':
	case 'W':
		if (is_topic(&st->session, f->text))
			st->session.known = false;
		break;
	case 'G':
		take_group(r, f);
		break;
	case 'K':
	case 'X':
	case 'L':
		take_other(r, f);
		break;
	case 'A':
		if (r->message && r->key == KAFKA_PRODUCE)
			r->message->one_way = f->number == 0;
		break;
	case 'P':
		r->epoch = (int32_t)f->number;
		if (r->epoch <= 0)
			st->session.known = false;
		break;
	}
}

void kafka_end_request(struct tt_link *link, struct kafka_state *st)
{
	struct kafka_reading *r = &st->reading[TT_REQUESTS];

	/* A fetch that changes nothing in its session names no topic. */
	if (r->key == KAFKA_FETCH && !r->has_topic && r->epoch > 0) {
		name_kept(link, r->message, &st->session);
		if (r->message && !st->session.known)
			r->message->incomplete = true;
	}
	if (r->topics > 1)
		tt_message_attr_int(r->message, "messaging.kafka.topic_count", (int64_t)r->topics);
}

/* --- responses ----------------------------------------------------------------------------------------------------------------
 */

static void take_code(struct kafka_reading *r, int64_t code)
{
	char buffer[24];

	r->has_code = true;
	r->told |= r->failed;
	/* Where the server does not know the version it answers in the oldest one; nothing else is wanted here. */
	r->enough = r->fits = r->key == KAFKA_API_VERSIONS;
	if (code == 0 || r->failed)
		return;
	struct tt_span name = tt_kafka_error_name((int16_t)code, buffer);
	r->failed = true;
	tt_message_text(r->message, TT_TEXT_STATUS, name);
	tt_message_fail(r->message, name);
}

/* The request named no topic: the response's first is it. */
static void take_answered_topic(struct tt_link *link, struct kafka_state *st, const struct tt_kafka_field *f)
{
	struct kafka_reading *r = &st->reading[TT_RESPONSES];

	if (r->key != KAFKA_FETCH || r->has_topic || !r->not_in_set || !f->text.len || f->text.len > KAFKA_TOPIC_MAX)
		return;
	r->has_topic = true;
	if (f->letter == 'U')
		name_topic_by_id(link, r->message, f->text);
	else
		name_topic(r->message, f->text);
}

void kafka_take_response(struct tt_link *link, struct kafka_state *st, const struct tt_kafka_field *f)
{
	struct kafka_reading *r = &st->reading[TT_RESPONSES];
	bool names = r->key == KAFKA_METADATA || r->key == KAFKA_CREATE_TOPICS;

	switch (f->letter) {
	case 'E':
		take_code(r, f->number);
		break;
	case 'M':
		if (r->failed && !r->told && f->text.data)
			tt_message_text(r->message, TT_TEXT_ERROR, f->text);
		break;
	case 'T':
		take_answered_topic(link, st, f);
		r->topic.known = names && f->text.len && f->text.len <= KAFKA_TOPIC_MAX;
		if (r->topic.known)
			keep_name(&r->topic, f->text);
		break;
	case 'U':
		take_answered_topic(link, st, f);
		if (r->topic.known)
			learn(link, f->text, tt_span(r->topic.name, r->topic.len));
		r->topic.known = false;
		break;
	}
}

void kafka_end_response(struct kafka_state *st)
{
	struct kafka_reading *r = &st->reading[TT_RESPONSES];

	if (r->key == KAFKA_SASL_HANDSHAKE && r->version == 0 && r->has_code && !r->failed)
		st->raw_sasl = true;
	if (!r->failed && r->fits)
		tt_message_text(r->message, TT_TEXT_STATUS, TT_SPAN_LIT("NONE"));
}
