/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going through one Kafka message by its layout, letter by letter, so that it need never be there whole.
 *
 *   b h i q u   1, 2, 4, 8, 16 bytes                     s       string, length in 2 bytes (-1: null)
 *   B c         bytes or records, length in 4 bytes or varint
 *   ( ) [ ]     array, count in 4 bytes or varint        < >     structure that may be null
 *   _           tagged fields                            ~       the next string has a varint length
 * Those somebody wants to know:
 *   I client id, T topic, U topic id, O and W a topic and id taken out of a fetch session, G group, K coordinator's key,
 *   X transactional id, L SASL mechanism, A acks, S session id, P session epoch, E error code, M error message
 */
#ifndef TT_PROTO_KAFKA_WALK_H
#define TT_PROTO_KAFKA_WALK_H

#include "base/cursor.h"

#define TT_KAFKA_DEPTH 8

/* Of a string that is wanted so much is read. Topics have at most 249 bytes. */
#define TT_KAFKA_TEXT 1024

struct tt_kafka_walk {
	const char *at; /* the next letter */
	uint32_t tags;	/* tagged fields to come; UINT32_MAX: not in them */
	uint32_t depth;
	struct {
		const char *begin;
		uint32_t left;
	} loop[TT_KAFKA_DEPTH];
};

struct tt_kafka_field {
	char letter;
	int64_t number;	     /* A, S, P, E; the count at the beginning of an array */
	struct tt_span text; /* strings and ids; data NULL: null */
	uint64_t skip;	     /* bytes of the field behind what was consumed */
};

enum tt_kafka_walked {
	TT_KAFKA_FIELD,
	TT_KAFKA_MORE,	/* nothing was consumed: the field is not there whole */
	TT_KAFKA_OVER,	/* the layout's end */
	TT_KAFKA_WRONG, /* these bytes are not laid out so */
};

void tt_kafka_walk_begin(struct tt_kafka_walk *w, const char *layout);

/*
 * The next field. `left`: bytes of the message from the cursor on, of which the cursor may have fewer, never more. The caller
 * passes over `skip`, which is never more than what is left.
 */
enum tt_kafka_walked tt_kafka_walk_next(struct tt_kafka_walk *w, struct tt_cursor *c, uint64_t left, struct tt_kafka_field *ret);

/* After the beginning of an array: its elements name topics. */
bool tt_kafka_walk_in_topics(const struct tt_kafka_walk *w);

/* Name of a request, NULL if there is none with this key. */
const char *tt_kafka_api_name(int16_t key);

/* Layout of a version of a request and its response; false if it is not known. */
bool tt_kafka_layout(int16_t key, int16_t version, const char **ret_request, const char **ret_response);

/* Name of an error code, or its number in `buffer`. */
struct tt_span tt_kafka_error_name(int16_t code, char buffer[static 24]);

#endif
