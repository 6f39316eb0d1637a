/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the Kafka parser share. Format: https://kafka.apache.org/protocol. kafka.c (frames), kafka_detect.c (telling
 * it by its bytes), kafka_fields.c (what fields mean for their message), kafka_walk.c (where fields are).
 */
#ifndef TT_PROTO_KAFKA_INTERNAL_H
#define TT_PROTO_KAFKA_INTERNAL_H

#include "proto/kafka_walk.h"
#include "proto/proto.h"

#define KAFKA_TOPIC_MAX 249
#define KAFKA_ID_BYTES 16
#define KAFKA_SIZE_MAX (1u << 30) /* of a message; servers refuse more than 100 MiB by default */

enum kafka_api {
	KAFKA_PRODUCE = 0,
	KAFKA_FETCH = 1,
	KAFKA_METADATA = 3,
	KAFKA_SASL_HANDSHAKE = 17,
	KAFKA_API_VERSIONS = 18,
	KAFKA_CREATE_TOPICS = 19,
};

/* A topic by name (len not 0) or by id. */
struct kafka_topic {
	bool known;
	bool by_id;
	uint8_t len;
	uint8_t name[KAFKA_TOPIC_MAX];
	uint8_t id[KAFKA_ID_BYTES];
};

/* The message of one side that is being read. */
struct kafka_reading {
	bool open;
	bool walking;	/* its layout is known and not at its end */
	bool enough;	/* nothing more is wanted of it */
	bool has_topic; /* the first topic was seen */
	bool has_code;	/* an error code was seen */
	bool failed;	/* one of them was an error */
	bool told;	/* the error's message was seen, or a later code */
	bool has_group;
	bool fits;	 /* the layout was gone through to its end and the message's */
	bool not_in_set; /* the request did not name its topic: the response may */
	int16_t key;
	int16_t version;
	int32_t epoch;	 /* of a fetch session */
	uint64_t topics; /* in the request */
	uint64_t left;	 /* bytes not gone through yet */
	struct tt_message *message;
	struct tt_kafka_walk walk;
	struct kafka_topic topic; /* latest named in a response */
};

struct kafka_state {
	struct kafka_reading reading[2]; /* by enum tt_side */
	struct kafka_topic session;	 /* first topic of the fetch session */
	bool raw_sasl;			 /* SaslHandshake 0 was answered: tokens without headers follow */
	uint32_t tokens;		 /* not answered yet */
};

/* kafka_fields.c */
void kafka_describe_request(struct kafka_reading *r);
void kafka_take_request(struct tt_link *link, struct kafka_state *st, const struct tt_kafka_field *f);
void kafka_end_request(struct tt_link *link, struct kafka_state *st);
void kafka_take_response(struct tt_link *link, struct kafka_state *st, const struct tt_kafka_field *f);
void kafka_end_response(struct kafka_state *st);

/* kafka_detect.c */
enum tt_verdict kafka_detect(const struct tt_first *first);
ssize_t kafka_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes);
/* Can a request have this key and version? Future ones too. */
bool kafka_is_request_kind(int16_t key, int16_t version);

#endif
