// SPDX-License-Identifier: Apache-2.0
/* MQTT's packets as bytes: fixed header, strings, properties, topic filters, reason codes. */
#include "proto/mqtt.h"

#include "base/own.h"
#include "base/varint.h"

#define CLIENT 1
#define SERVER 2
#define BOTH 3

/* Who may send it, what its flags must be (PUBLISH has its own rules), and how short or long it may be. */
static const struct {
	uint8_t sides;
	uint8_t flags;
	uint8_t least;
	uint32_t most;
} rules[16] = {
	[TT_MQTT_CONNECT] = {CLIENT, 0, 10, 0xfffffff}, [TT_MQTT_CONNACK] = {SERVER, 0, 2, 0xfffffff},
	[TT_MQTT_PUBLISH] = {BOTH, 0, 2, 0xfffffff},	[TT_MQTT_PUBACK] = {BOTH, 0, 2, 0xffff},
	[TT_MQTT_PUBREC] = {BOTH, 0, 2, 0xffff},	[TT_MQTT_PUBREL] = {BOTH, 2, 2, 0xffff},
	[TT_MQTT_PUBCOMP] = {BOTH, 0, 2, 0xffff},	[TT_MQTT_SUBSCRIBE] = {CLIENT, 2, 5, 0xfffffff},
	[TT_MQTT_SUBACK] = {SERVER, 0, 3, 0xfffffff},	[TT_MQTT_UNSUBSCRIBE] = {CLIENT, 2, 5, 0xfffffff},
	[TT_MQTT_UNSUBACK] = {SERVER, 0, 2, 0xfffffff}, [TT_MQTT_PINGREQ] = {CLIENT, 0, 0, 0},
	[TT_MQTT_PINGRESP] = {SERVER, 0, 0, 0},		[TT_MQTT_DISCONNECT] = {BOTH, 0, 0, 0xffff},
	[TT_MQTT_AUTH] = {BOTH, 0, 0, 0xfffff},
};

/* In MQTT 3.1 these three say their quality of service and DUP. */
static bool flags_fit(const struct tt_mqtt_packet *p)
{
	if (p->type == TT_MQTT_PUBLISH)
		return (p->flags & 6) != 6 && !((p->flags & 8) && !(p->flags & 6));
	return (p->flags & ~(rules[p->type].flags ? 8u : 0u)) == rules[p->type].flags;
}

/* A number of up to four bytes, seven bits each, the low ones first. */
static enum tt_mqtt_read read_varint(struct tt_cursor *c, uint32_t *ret)
{
	size_t from = c->pos;
	uint64_t n;

	enum tt_varint_read read = tt_varint_read(c, TT_VARINT_28, &n);
	if (read != TT_VARINT_WHOLE)
		return read == TT_VARINT_CUT ? TT_MQTT_MORE : TT_MQTT_BAD;
	*ret = (uint32_t)n;
	/* In no more bytes than it takes. */
	return c->pos > from + 1 && !c->data[c->pos - 1] ? TT_MQTT_BAD : TT_MQTT_OK;
}

/* How much of a PUBLISH is its head, as far as can be told: all that is read of it. */
static size_t publish_head(struct tt_span body, uint32_t length)
{
	struct tt_cursor c = tt_cursor(body);
	size_t topic = tt_cursor_be16(&c);

	/* Properties are as a rule few; what lies beyond is the payload. */
	return TT_MIN((size_t)length, 2 + topic + 2 + 1024);
}

enum tt_mqtt_read tt_mqtt_packet_read(struct tt_cursor *c, enum tt_side side, bool partly, struct tt_mqtt_packet *ret)
{
	struct tt_mqtt_packet p = {.type = 0};
	struct tt_cursor at = *c;

	uint8_t first = tt_cursor_u8(&at);
	if (tt_cursor_short(&at))
		return TT_MQTT_MORE;
	p.type = first >> 4;
	p.flags = first & 0xf;
	if (!(rules[p.type].sides & (side == TT_REQUESTS ? CLIENT : SERVER)) || !flags_fit(&p))
		return TT_MQTT_BAD;
	enum tt_mqtt_read read = read_varint(&at, &p.length);
	if (read != TT_MQTT_OK)
		return read;
	if (p.length < rules[p.type].least || p.length > rules[p.type].most)
		return TT_MQTT_BAD;
	p.head = (uint8_t)(at.pos - c->pos);

	size_t wanted = TT_MIN(p.length, TT_MQTT_READ_MAX);
	size_t left = tt_cursor_left(&at);
	if (p.type == TT_MQTT_PUBLISH) {
		if (left < 2)
			return TT_MQTT_MORE;
		wanted = publish_head(tt_cursor_rest(&at), p.length);
	}
	if (left < wanted && !partly)
		return TT_MQTT_MORE;
	p.body = tt_span_sub(tt_cursor_rest(&at), 0, wanted);
	*c = at;
	*ret = p;
	return TT_MQTT_OK;
}

enum value {
	NONE,
	BYTE,
	TWO,
	FOUR,
	VARINT,
	TEXT, /* binary data too */
	PAIR,
};

static const uint8_t property_values[0x2b] = {
	[0x01] = BYTE, [0x02] = FOUR, [0x03] = TEXT, [0x08] = TEXT, [0x09] = TEXT, [0x0b] = VARINT, [0x11] = FOUR,
	[0x12] = TEXT, [0x13] = TWO,  [0x15] = TEXT, [0x16] = TEXT, [0x17] = BYTE, [0x18] = FOUR,   [0x19] = BYTE,
	[0x1a] = TEXT, [0x1c] = TEXT, [0x1f] = TEXT, [0x21] = TWO,  [0x22] = TWO,  [0x23] = TWO,    [0x24] = BYTE,
	[0x25] = BYTE, [0x26] = PAIR, [0x27] = FOUR, [0x28] = BYTE, [0x29] = BYTE, [0x2a] = BYTE,
};

#define TOPIC_ALIAS 0x23
#define REASON_STRING 0x1f
#define USER_PROPERTY 0x26

static bool read_property(struct tt_cursor *c, struct tt_mqtt_properties *ret)
{
	uint8_t id = tt_cursor_u8(c);
	uint32_t number;
	struct tt_span text;

	switch (id < sizeof(property_values) ? property_values[id] : NONE) {
	case BYTE:
		return tt_cursor_skip(c, 1);
	case TWO:
		number = tt_cursor_be16(c);
		if (id == TOPIC_ALIAS)
			ret->alias = number;
		break;
	case FOUR:
		return tt_cursor_skip(c, 4);
	case VARINT:
		return read_varint(c, &number) == TT_MQTT_OK;
	case TEXT:
		text = tt_cursor_take16(c);
		if (id == REASON_STRING)
			ret->reason = text;
		break;
	case PAIR:
		text = tt_cursor_take16(c);
		if (tt_span_eq(text, TT_SPAN_LIT("traceparent")))
			ret->traceparent = tt_cursor_take16(c);
		else
			tt_cursor_take16(c);
		break;
	default:
		return false;
	}
	return !tt_cursor_short(c);
}

bool tt_mqtt_properties_read(struct tt_cursor *c, struct tt_mqtt_properties *ret)
{
	uint32_t n;

	*ret = (struct tt_mqtt_properties){.alias = 0};
	if (read_varint(c, &n) != TT_MQTT_OK || n > tt_cursor_left(c))
		return false;
	struct tt_cursor list = tt_cursor(tt_cursor_take(c, n));
	while (tt_cursor_left(&list)) {
		if (!read_property(&list, ret))
			return false;
	}
	return true;
}

bool tt_mqtt_is_topic(struct tt_span s, bool filter)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c < ' ' || c == 0x7f || c >= 0xf8 || (!filter && (c == '#' || c == '+')))
			return false;
	}
	return s.len;
}

unsigned tt_mqtt_filters(struct tt_cursor c, bool options, struct tt_span *ret_first)
{
	unsigned count = 0;

	while (tt_cursor_left(&c)) {
		struct tt_span filter = tt_cursor_take16(&c);
		uint8_t option = options ? tt_cursor_u8(&c) : 0;
		/* A list longer than what is read is cut. */
		if (tt_cursor_short(&c))
			return c.len >= TT_MQTT_READ_MAX - 16 ? count : 0;
		if (!tt_mqtt_is_topic(filter, true) || (option & 0xc0) || (option & 3) == 3)
			return 0;
		if (!count++)
			*ret_first = filter;
	}
	return count;
}

void tt_mqtt_to_filters(struct tt_mqtt *s, struct tt_cursor *c, bool options)
{
	struct tt_mqtt_properties properties;
	struct tt_cursor behind = *c;
	struct tt_span first;

	if (s->level == 3 || s->level == 4)
		return;
	bool there = tt_mqtt_properties_read(&behind, &properties);
	if (s->level == 5) {
		if (there)
			*c = behind;
		return;
	}
	if (tt_mqtt_filters(*c, options, &first))
		return;
	if (there && tt_mqtt_filters(behind, options, &first)) {
		s->level = 5;
		*c = behind;
	}
}

static const struct {
	uint8_t code;
	const char *name;
} reasons[] = {
	{0x80, "unspecified_error"},
	{0x81, "malformed_packet"},
	{0x82, "protocol_error"},
	{0x83, "implementation_specific_error"},
	{0x84, "unsupported_protocol_version"},
	{0x85, "client_identifier_not_valid"},
	{0x86, "bad_user_name_or_password"},
	{0x87, "not_authorized"},
	{0x88, "server_unavailable"},
	{0x89, "server_busy"},
	{0x8a, "banned"},
	{0x8b, "server_shutting_down"},
	{0x8c, "bad_authentication_method"},
	{0x8d, "keep_alive_timeout"},
	{0x8e, "session_taken_over"},
	{0x8f, "topic_filter_invalid"},
	{0x90, "topic_name_invalid"},
	{0x91, "packet_identifier_in_use"},
	{0x92, "packet_identifier_not_found"},
	{0x93, "receive_maximum_exceeded"},
	{0x94, "topic_alias_invalid"},
	{0x95, "packet_too_large"},
	{0x96, "message_rate_too_high"},
	{0x97, "quota_exceeded"},
	{0x98, "administrative_action"},
	{0x99, "payload_format_invalid"},
	{0x9a, "retain_not_supported"},
	{0x9b, "qos_not_supported"},
	{0x9c, "use_another_server"},
	{0x9d, "server_moved"},
	{0x9e, "shared_subscriptions_not_supported"},
	{0x9f, "connection_rate_exceeded"},
	{0xa0, "maximum_connect_time"},
	{0xa1, "subscription_identifiers_not_supported"},
	{0xa2, "wildcard_subscriptions_not_supported"},
};

/* CONNACK's codes before MQTT 5. */
static const char *const refusals[] = {NULL,
				       "unsupported_protocol_version",
				       "client_identifier_not_valid",
				       "server_unavailable",
				       "bad_user_name_or_password",
				       "not_authorized"};

const char *tt_mqtt_reason(uint8_t code, uint8_t level)
{
	if (level && level < 5 && code < TT_ARRAY_LEN(refusals))
		return refusals[code];
	for (size_t i = 0; i < TT_ARRAY_LEN(reasons); i++) {
		if (reasons[i].code == code)
			return reasons[i].name;
	}
	return NULL;
}
