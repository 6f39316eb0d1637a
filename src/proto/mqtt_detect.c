// SPDX-License-Identifier: Apache-2.0
/* Telling MQTT by its bytes: by its log-in, or in the middle by segments that are packets from end to end. */
#include "proto/mqtt.h"

#include "base/own.h"

enum look {
	NOTHING,
	PARTIAL,
	NO,
	LIKELY, /* packets, as either end might send them */
	SURE,	/* among them one that only this end sends */
};

/* A packet's inside, where it has one that can be wrong. */
static bool is_sound(const struct tt_mqtt_packet *p, bool *ret_weak)
{
	struct tt_cursor c = tt_cursor(p->body);
	struct tt_mqtt s = {.level = 0};
	struct tt_span first;
	uint16_t number;

	*ret_weak = true;
	switch (p->type) {
	case TT_MQTT_CONNECT:
		first = tt_cursor_take16(&c);
		*ret_weak = false;
		return tt_span_eq(first, TT_SPAN_LIT("MQTT")) || tt_span_eq(first, TT_SPAN_LIT("MQIsdp"));
	case TT_MQTT_PUBLISH:
		first = tt_cursor_take16(&c);
		number = p->flags & 6 ? tt_cursor_be16(&c) : 1;
		*ret_weak = first.len < 2;
		return !tt_cursor_short(&c) && number && tt_mqtt_is_topic(first, false);
	case TT_MQTT_SUBSCRIBE:
	case TT_MQTT_UNSUBSCRIBE:
		number = tt_cursor_be16(&c);
		tt_mqtt_to_filters(&s, &c, p->type == TT_MQTT_SUBSCRIBE);
		*ret_weak = false;
		return number && tt_mqtt_filters(c, p->type == TT_MQTT_SUBSCRIBE, &first);
	case TT_MQTT_CONNACK:
		return p->body.len >= 2 && p->body.data[0] <= 1;
	case TT_MQTT_PUBACK:
	case TT_MQTT_PUBREC:
	case TT_MQTT_PUBREL:
	case TT_MQTT_PUBCOMP:
	case TT_MQTT_SUBACK:
	case TT_MQTT_UNSUBACK:
		return tt_cursor_be16(&c) && (p->length < 256 || p->type == TT_MQTT_SUBACK);
	case TT_MQTT_AUTH:
		return false; /* never where one has to look */
	default:
		return p->length == 0;
	}
}

static bool tells_side(uint8_t type)
{
	return type != TT_MQTT_PUBLISH && type != TT_MQTT_DISCONNECT && (type < TT_MQTT_PUBACK || type > TT_MQTT_PUBCOMP);
}

/* The port brokers have, in the clear and under TLS: between equals it tells which end is the broker, never that it is MQTT. */
static bool is_broker(uint16_t port)
{
	return port == 1883 || port == 8883;
}

/* In the middle: whole packets up to the end, but for the payload of the last; *ret_strong: they cannot be chance. */
static enum look look_in_the_middle(struct tt_span s, enum tt_side side, bool *ret_strong)
{
	struct tt_cursor c = tt_cursor(s);
	bool told = false;
	unsigned packets = 0;

	*ret_strong = false;
	while (tt_cursor_left(&c)) {
		struct tt_mqtt_packet p;
		bool weak;
		enum tt_mqtt_read read = tt_mqtt_packet_read(&c, side, true, &p);
		if (read == TT_MQTT_MORE)
			return packets ? (told ? SURE : LIKELY) : PARTIAL;
		if (read == TT_MQTT_BAD)
			return NO;
		bool whole = p.length <= tt_cursor_left(&c);
		if (!whole && p.body.len < p.length && p.type != TT_MQTT_PUBLISH)
			return packets ? (told ? SURE : LIKELY) : PARTIAL;
		if (!is_sound(&p, &weak))
			return NO;
		told |= tells_side(p.type);
		*ret_strong |= !weak && whole;
		packets++;
		tt_cursor_skip(&c, TT_MIN((size_t)p.length, tt_cursor_left(&c)));
	}
	return told ? SURE : LIKELY;
}

static enum tt_verdict judge_start(struct tt_span s)
{
	struct tt_mqtt_packet p;
	struct tt_cursor c = tt_cursor(s);
	bool weak;

	if (s.len && s.data[0] != TT_MQTT_CONNECT << 4)
		return TT_NO;
	enum tt_mqtt_read read = tt_mqtt_packet_read(&c, TT_REQUESTS, true, &p);
	if (read == TT_MQTT_BAD)
		return TT_NO;
	if (read == TT_MQTT_MORE || p.body.len < 9)
		return TT_MAYBE;
	uint8_t level = p.body.data[p.body.data[1] == 4 ? 6 : 8] & 0x7f;
	return is_sound(&p, &weak) && level >= 3 && level <= 5 ? TT_YES : TT_NO;
}

enum tt_verdict tt_mqtt_detect(const struct tt_first *first)
{
	bool strong[2] = {false, false};
	enum look look[2] = {NOTHING, NOTHING};

	if (first->datagram)
		return TT_NO;
	if (first->from_start[TT_REQUESTS] && first->side[TT_REQUESTS].len)
		return judge_start(first->side[TT_REQUESTS]);
	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		if (first->side[side].len)
			look[side] = look_in_the_middle(first->side[side], side, &strong[side]);
		if (look[side] == NO || (look[side] == PARTIAL && first->ended[side]))
			return TT_NO;
	}
	if (first->from_start[TT_RESPONSES] && first->side[TT_RESPONSES].len &&
	    first->side[TT_RESPONSES].data[0] != TT_MQTT_CONNACK << 4)
		return TT_NO;
	bool side_known =
		first->role_known || look[TT_REQUESTS] == SURE || look[TT_RESPONSES] == SURE || is_broker(first->server_port);
	bool both = look[TT_REQUESTS] >= LIKELY && look[TT_RESPONSES] >= LIKELY;
	return side_known && (strong[TT_REQUESTS] || strong[TT_RESPONSES] || both) ? TT_YES : TT_MAYBE;
}

ssize_t tt_mqtt_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	bool strong;
	enum look look = look_in_the_middle(bytes, side, &strong);

	return look >= LIKELY ? 0 : -1;
}
