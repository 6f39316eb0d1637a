/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the MQTT parser share. Only they include this. */
#ifndef TT_PROTO_MQTT_H
#define TT_PROTO_MQTT_H

#include "proto/proto.h"

enum tt_mqtt_type {
	TT_MQTT_CONNECT = 1,
	TT_MQTT_CONNACK,
	TT_MQTT_PUBLISH,
	TT_MQTT_PUBACK,
	TT_MQTT_PUBREC,
	TT_MQTT_PUBREL,
	TT_MQTT_PUBCOMP,
	TT_MQTT_SUBSCRIBE,
	TT_MQTT_SUBACK,
	TT_MQTT_UNSUBSCRIBE,
	TT_MQTT_UNSUBACK,
	TT_MQTT_PINGREQ,
	TT_MQTT_PINGRESP,
	TT_MQTT_DISCONNECT,
	TT_MQTT_AUTH,
};

/* Of a packet so much is read; the rest is passed. */
#define TT_MQTT_READ_MAX 8192u

struct tt_mqtt_packet {
	uint8_t type;
	uint8_t flags;
	uint32_t length;     /* of what follows the fixed header */
	uint8_t head;	     /* bytes of the fixed header */
	struct tt_span body; /* as much of it as is to be read */
};

/* Properties of MQTT 5 that mean something here. */
struct tt_mqtt_properties {
	uint32_t alias; /* 0: none */
	struct tt_span reason;
	struct tt_span traceparent;
};

/* Topics the other end knows by a number. */
struct tt_mqtt_aliases {
	struct tt_buf text; /* topics one behind the other; a changed one is added again */
	struct tt_mqtt_alias {
		uint16_t number;
		uint32_t off;
		uint32_t len;
	} *list;
	size_t count;
	size_t cap;
	struct tt_link *link; /* NULL: there were none yet */
};

struct tt_mqtt {
	uint8_t level;	 /* 3, 4, 5; 0 not known */
	bool logging_in; /* CONNECT was read, CONNACK not yet */
	struct tt_mqtt_aliases aliases[2];
};

enum tt_mqtt_read {
	TT_MQTT_OK,
	TT_MQTT_MORE,
	TT_MQTT_BAD,
};

/*
 * The packet at the cursor, which moves behind its fixed header. `body` has all its bytes, or as many as READ_MAX allows; with
 * `partly` as many as are there.
 */
enum tt_mqtt_read tt_mqtt_packet_read(struct tt_cursor *c, enum tt_side side, bool partly, struct tt_mqtt_packet *ret);

/* Reads a property list; false if it is none (or not there whole). */
bool tt_mqtt_properties_read(struct tt_cursor *c, struct tt_mqtt_properties *ret);

/* Is it a topic as one publishes to? */
bool tt_mqtt_is_topic(struct tt_span s, bool filter);

/* Moves behind properties where the level has them; for a level not known, where what follows are filters only with them. */
void tt_mqtt_to_filters(struct tt_mqtt *s, struct tt_cursor *c, bool options);

/* How many topic filters there are, 0: these are none. *ret_first is the first. */
unsigned tt_mqtt_filters(struct tt_cursor c, bool options, struct tt_span *ret_first);

/* A code's name in lower case; NULL if it has none. */
const char *tt_mqtt_reason(uint8_t code, uint8_t level);

/* Takes in or looks up an alias; an empty span if it is not known. */
void tt_mqtt_alias_set(struct tt_link *link, struct tt_mqtt_aliases *a, uint16_t number, struct tt_span topic);
struct tt_span tt_mqtt_alias_get(const struct tt_mqtt_aliases *a, uint16_t number);
void tt_mqtt_aliases_free(struct tt_mqtt_aliases *a);

enum tt_verdict tt_mqtt_detect(const struct tt_first *first);
ssize_t tt_mqtt_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes);

#endif
