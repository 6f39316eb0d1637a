// SPDX-License-Identifier: Apache-2.0
/*
 * MQTT 3.1, 3.1.1 (OASIS, http://docs.oasis-open.org/mqtt/mqtt/v3.1.1/) and 5 (https://docs.oasis-open.org/mqtt/mqtt/v5.0/).
 *
 * Both ends publish. What the client begins and what the broker begins have packet identifiers of their own; of each kind of
 * packet that asks, one answer has its identifier. A message of quality 2 is one exchange: PUBLISH asks, PUBCOMP answers.
 */
#include "proto/mqtt.h"

#include "base/digits.h"
#include "base/own.h"
#include "proto/pass.h"

static uint64_t id_of(enum tt_mqtt_type asked, uint16_t number)
{
	return (uint64_t)asked << 16 | number;
}

/* What the other end of `side` asked with this id and has no answer yet. */
static struct tt_message *asked(struct tt_link *link, enum tt_side side, uint64_t id)
{
	return side == TT_RESPONSES ? tt_message_by_id(link, TT_REQUESTS, id) : tt_server_request_by_id(link, id);
}

static void describe(struct tt_message *m, const char *operation)
{
	tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(operation));
	tt_message_attr(m, "messaging.system", TT_SPAN_LIT("mqtt"));
}

static void set_topic(struct tt_message *m, struct tt_span topic)
{
	if (topic.len == 0)
		return;
	tt_message_text(m, TT_TEXT_RESOURCE, topic);
	tt_message_attr_text(m, "messaging.destination.name", TT_TEXT_RESOURCE);
}

/* One packet while it is read. */
struct packet {
	struct tt_link *link;
	struct tt_mqtt *s;
	struct tt_input *in;
	enum tt_side side;
	const struct tt_mqtt_packet *p;
	size_t start;
	uint64_t end;
	struct tt_cursor c; /* its body */
};

static void set_result(const struct packet *k, struct tt_message *m, uint8_t code, bool failed, struct tt_span reason)
{
	const char *name = tt_mqtt_reason(code, k->p->type == TT_MQTT_CONNACK ? k->s->level : 0);
	uint8_t digits[TT_DIGITS_MAX];

	if (!failed) {
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
		return;
	}
	tt_message_status_int(m, code);
	tt_message_fail(m, name ? tt_span_str(name) : tt_digits(code, digits));
	if (reason.len)
		tt_message_text(m, TT_TEXT_ERROR, reason);
}

static void end(const struct packet *k, struct tt_message *m)
{
	tt_message_end(k->link, m, k->in, k->end);
}

/* --- log-in, pings, farewells ---------------------------------------------------------------------------------------------- */

static bool take_connect(struct packet *k)
{
	static const char *const versions[] = {[3] = "3.1", [4] = "3.1.1", [5] = "5"};
	struct tt_mqtt_properties properties;

	struct tt_span name = tt_cursor_take16(&k->c);
	uint8_t level = tt_cursor_u8(&k->c) & 0x7f; /* the high bit: a bridge */
	uint8_t flags = tt_cursor_u8(&k->c);
	tt_cursor_skip(&k->c, 2);
	if (!tt_span_eq(name, level == 3 ? TT_SPAN_LIT("MQIsdp") : TT_SPAN_LIT("MQTT")) || level < 3 || level > 5)
		return false;
	k->s->level = level;
	k->s->logging_in = true;

	struct tt_message *m = tt_begin(k->link, k->side, true, k->in, k->start);
	describe(m, "CONNECT");
	tt_message_attr(m, "network.protocol.version", tt_span_str(versions[level]));
	if (level == 5)
		tt_mqtt_properties_read(&k->c, &properties);
	struct tt_span client = tt_cursor_take16(&k->c);
	if (client.len)
		tt_message_attr(m, "messaging.client.id", client);
	if (flags & 4) {
		if (level == 5)
			tt_mqtt_properties_read(&k->c, &properties);
		tt_cursor_take16(&k->c);
		tt_cursor_take16(&k->c);
	}
	struct tt_span user = flags & 0x80 ? tt_cursor_take16(&k->c) : tt_span(NULL, 0);
	if (user.len)
		tt_message_attr(m, "user.name", user);
	if (m)
		m->id = id_of(TT_MQTT_CONNECT, 0);
	end(k, m);
	return true;
}

static bool take_connack(struct packet *k)
{
	struct tt_mqtt_properties properties = {.alias = 0};

	uint8_t flags = tt_cursor_u8(&k->c);
	uint8_t code = tt_cursor_u8(&k->c);
	if (flags > 1)
		return false;
	if (k->p->length > 2) {
		k->s->level = 5;
		tt_mqtt_properties_read(&k->c, &properties);
	}
	k->s->logging_in = false;
	struct tt_message *m = tt_begin(k->link, k->side, false, k->in, k->start);
	if (m)
		m->id = id_of(TT_MQTT_CONNECT, 0);
	set_result(k, m, code, code != 0, properties.reason);
	end(k, m);
	return true;
}

static bool take_ping(struct packet *k)
{
	bool asks = k->p->type == TT_MQTT_PINGREQ;

	struct tt_message *m = tt_begin(k->link, k->side, asks, k->in, k->start);
	if (m)
		m->id = id_of(TT_MQTT_PINGREQ, 0);
	if (asks)
		describe(m, "PINGREQ");
	else
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	end(k, m);
	return true;
}

/* In MQTT 5 with a reason, and the broker may say it too. */
static bool take_disconnect(struct packet *k)
{
	struct tt_mqtt_properties properties = {.alias = 0};

	if (k->side == TT_RESPONSES && k->s->level && k->s->level < 5)
		return false;
	uint8_t code = k->p->length ? tt_cursor_u8(&k->c) : 0;
	if (k->p->length > 1)
		tt_mqtt_properties_read(&k->c, &properties);
	struct tt_message *m = tt_begin(k->link, k->side, true, k->in, k->start);
	describe(m, "DISCONNECT");
	if (code)
		tt_message_attr_int(m, "mqtt.reason_code", code);
	if (code >= 0x80) {
		const char *name = tt_mqtt_reason(code, 5);
		tt_message_fail(m, name ? tt_span_str(name) : TT_SPAN_LIT("unknown"));
		if (properties.reason.len)
			tt_message_text(m, TT_TEXT_ERROR, properties.reason);
	}
	if (m)
		m->one_way = true;
	end(k, m);
	return true;
}

/* Rounds of a log-in belong to it; afterwards the client asks to log in anew. */
static bool take_auth(struct packet *k)
{
	struct tt_mqtt_properties properties = {.alias = 0};

	if (k->s->level && k->s->level < 5)
		return false;
	k->s->level = 5;
	if (k->s->logging_in)
		return true;
	uint8_t code = k->p->length ? tt_cursor_u8(&k->c) : 0;
	if (k->p->length > 1)
		tt_mqtt_properties_read(&k->c, &properties);
	bool asks = k->side == TT_REQUESTS;
	struct tt_message *m = tt_begin(k->link, k->side, asks, k->in, k->start);
	if (m)
		m->id = id_of(TT_MQTT_AUTH, 0);
	if (asks)
		describe(m, "AUTH");
	else
		set_result(k, m, code, code >= 0x80, properties.reason);
	end(k, m);
	return true;
}

/* --- subscriptions ---------------------------------------------------------------------------------------------------------- */

static bool take_subscription(struct packet *k)
{
	bool subscribes = k->p->type == TT_MQTT_SUBSCRIBE;
	struct tt_span first = {NULL, 0};

	uint16_t number = tt_cursor_be16(&k->c);
	tt_mqtt_to_filters(k->s, &k->c, subscribes);
	unsigned count = tt_mqtt_filters(k->c, subscribes, &first);
	if (!number || !count)
		return false;
	struct tt_message *m = tt_begin(k->link, k->side, true, k->in, k->start);
	if (m)
		m->id = id_of(k->p->type, number);
	describe(m, subscribes ? "SUBSCRIBE" : "UNSUBSCRIBE");
	set_topic(m, first);
	if (count > 1)
		tt_message_attr_int(m, "mqtt.topic_filters", count);
	end(k, m);
	return true;
}

/* One code a filter; the worst one counts. Before MQTT 5 UNSUBACK has none. */
static bool take_subscription_ack(struct packet *k)
{
	struct tt_mqtt_properties properties = {.alias = 0};
	uint8_t worst = 0;

	uint16_t number = tt_cursor_be16(&k->c);
	if (k->s->level == 5)
		tt_mqtt_properties_read(&k->c, &properties);
	while (tt_cursor_left(&k->c)) {
		uint8_t code = tt_cursor_u8(&k->c);
		worst = TT_MAX(worst, code);
	}
	struct tt_message *m = tt_begin(k->link, k->side, false, k->in, k->start);
	if (m) {
		m->id = id_of(k->p->type == TT_MQTT_SUBACK ? TT_MQTT_SUBSCRIBE : TT_MQTT_UNSUBSCRIBE, number);
		/* Of a level not known properties may be taken for codes. */
		m->incomplete = !k->s->level && worst;
	}
	set_result(k, m, worst, worst >= 0x80, properties.reason);
	end(k, m);
	return true;
}

/* --- messages --------------------------------------------------------------------------------------------------------------- */

static void describe_publish(const struct packet *k, struct tt_message *m, unsigned qos, struct tt_span topic, int64_t body)
{
	describe(m, "PUBLISH");
	tt_message_attr(m, "messaging.operation.name", TT_SPAN_LIT("publish"));
	set_topic(m, topic);
	if (body >= 0)
		tt_message_attr_int(m, "messaging.message.body.size", body);
	if (qos)
		tt_message_attr_int(m, "mqtt.qos", qos);
	if (k->p->flags & 1)
		tt_message_attr_bool(m, "mqtt.retain", true);
}

static bool take_publish(struct packet *k)
{
	struct tt_mqtt_aliases *aliases = &k->s->aliases[k->side];
	struct tt_mqtt_properties properties = {.alias = 0};
	unsigned qos = k->p->flags >> 1;
	uint16_t number = 0;

	qos &= 3;
	struct tt_span topic = tt_cursor_take16(&k->c);
	if (qos)
		number = tt_cursor_be16(&k->c);
	if (tt_cursor_short(&k->c) || (qos && !number) || (topic.len && !tt_mqtt_is_topic(topic, false)))
		return false;
	if (!topic.len && k->s->level && k->s->level < 5)
		return false;
	if (!topic.len)
		k->s->level = 5; /* only there a topic may be left out */
	bool known = k->s->level && (k->s->level < 5 || tt_mqtt_properties_read(&k->c, &properties));
	if (properties.alias && topic.len)
		tt_mqtt_alias_set(k->link, aliases, (uint16_t)properties.alias, topic);
	else if (properties.alias)
		topic = tt_mqtt_alias_get(aliases, (uint16_t)properties.alias);

	/* Sent again while its answer is awaited it is the same message. */
	uint64_t id = id_of(TT_MQTT_PUBLISH, number);
	if (k->p->flags & 8 && asked(k->link, k->side == TT_REQUESTS ? TT_RESPONSES : TT_REQUESTS, id))
		return true;
	struct tt_message *m = tt_begin(k->link, k->side, true, k->in, k->start);
	describe_publish(k, m, qos, topic, known ? (int64_t)k->p->length - (int64_t)k->c.pos : -1);
	if (properties.traceparent.len)
		tt_message_attr(m, "traceparent", properties.traceparent);
	if (m) {
		m->id = id;
		m->one_way = qos == 0;
		m->incomplete = !topic.len;
	}
	end(k, m);
	return true;
}

/* PUBACK, PUBREC, PUBREL and PUBCOMP: an identifier and in MQTT 5 a code, if it is not 0. */
static bool take_acknowledgement(struct packet *k)
{
	struct tt_mqtt_properties properties = {.alias = 0};

	uint16_t number = tt_cursor_be16(&k->c);
	uint8_t code = k->p->length > 2 ? tt_cursor_u8(&k->c) : 0;
	if (!number || (k->p->length > 2 && k->s->level && k->s->level < 5))
		return false;
	if (k->p->length > 2)
		k->s->level = 5;
	if (k->p->length > 3)
		tt_mqtt_properties_read(&k->c, &properties);
	/* Half way: what ends the exchange is PUBCOMP, or a PUBREC that refuses. */
	struct tt_message *published = asked(k->link, k->side, id_of(TT_MQTT_PUBLISH, number));
	if (published && k->p->type == TT_MQTT_PUBREC)
		published->kind = TT_MQTT_PUBREC;
	if (k->p->type == TT_MQTT_PUBREL || (k->p->type == TT_MQTT_PUBREC && code < 0x80))
		return true;
	struct tt_message *m = tt_begin(k->link, k->side, false, k->in, k->start);
	if (m)
		m->id = id_of(TT_MQTT_PUBLISH, number);
	/* Without PUBREC it is not known that it did not refuse: PUBCOMP comes then, too. */
	if (m && published && k->p->type == TT_MQTT_PUBCOMP)
		m->incomplete = published->kind != TT_MQTT_PUBREC;
	set_result(k, m, code, code >= 0x80, properties.reason);
	end(k, m);
	return true;
}

static bool (*const takes[16])(struct packet *k) = {
	[TT_MQTT_CONNECT] = take_connect,
	[TT_MQTT_CONNACK] = take_connack,
	[TT_MQTT_PUBLISH] = take_publish,
	[TT_MQTT_PUBACK] = take_acknowledgement,
	[TT_MQTT_PUBREC] = take_acknowledgement,
	[TT_MQTT_PUBREL] = take_acknowledgement,
	[TT_MQTT_PUBCOMP] = take_acknowledgement,
	[TT_MQTT_SUBSCRIBE] = take_subscription,
	[TT_MQTT_SUBACK] = take_subscription_ack,
	[TT_MQTT_UNSUBSCRIBE] = take_subscription,
	[TT_MQTT_UNSUBACK] = take_subscription_ack,
	[TT_MQTT_PINGREQ] = take_ping,
	[TT_MQTT_PINGRESP] = take_ping,
	[TT_MQTT_DISCONNECT] = take_disconnect,
	[TT_MQTT_AUTH] = take_auth,
};

static enum tt_step mqtt_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tt_cursor at = in->c;
	struct tt_mqtt_packet p;

	enum tt_mqtt_read read = tt_mqtt_packet_read(&at, side, false, &p);
	if (read != TT_MQTT_OK)
		return read == TT_MQTT_MORE ? TT_MORE : TT_LOST_SYNC;
	struct packet k = {
		.link = link,
		.s = tt_link_state(link),
		.in = in,
		.side = side,
		.p = &p,
		.start = in->c.pos,
		.end = in->c.pos + p.head + p.length,
		.c = tt_cursor(p.body),
	};
	if (!takes[p.type](&k))
		return TT_LOST_SYNC;

	in->c.pos = at.pos;
	tt_pass_unseen(link, side, in, p.length, TT_WISH_FROM);
	return TT_PARSED;
}

/* What was missed may have given numbers to other topics. */
static void mqtt_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_mqtt *s = tt_link_state(link);

	s->logging_in = false;
	tt_mqtt_aliases_free(&s->aliases[side]);
}

static void mqtt_free(void *state)
{
	struct tt_mqtt *s = state;

	for (int side = 0; side < 2; side++)
		tt_mqtt_aliases_free(&s->aliases[side]);
}

static const struct tt_proto_doc doc = {
	.title = "MQTT",
	.specification =
		"[3.1.1](http://docs.oasis-open.org/mqtt/mqtt/v3.1.1/), [5](https://docs.oasis-open.org/mqtt/mqtt/v5.0/), 3.1",
	.recognised = "CONNECT with the protocol's name and a known level; in mid-connection segments made of whole packets "
		      "whose flags, "
		      "lengths and topics are right, among them one that says which end is the broker, or on a broker's port "
		      "(1883, 8883)",
	.operation = "the packet that asks: `CONNECT`, `PUBLISH`, `SUBSCRIBE`, `UNSUBSCRIBE`, `PINGREQ`, `DISCONNECT`, `AUTH`",
	.resource = "the topic, the first topic filter",
	.status = "`OK`, or the reason code as a number; `error_type` is its name, `not_authorized`",
	.limits = "MQTT over WebSocket is not read. Of a level that was not seen (mid-connection) a message's size is not known. "
		  "Topics behind "
		  "aliases given before telltale are not known: incomplete",
	.verified =
		"mosquitto with mosquitto_pub, mosquitto_sub and paho-mqtt in 3.1, 3.1.1 and 5; packets and codes against tshark",
};

const struct tt_proto tt_proto_mqtt = {
	.name = "mqtt",
	.doc = &doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct tt_mqtt),
	.state_free = mqtt_free,
	.detect = tt_mqtt_detect,
	.parse = mqtt_parse,
	.gap = mqtt_gap,
	.resync = tt_mqtt_resync,
};
