/* SPDX-License-Identifier: Apache-2.0 */
/* Pulsar's commands (Apache Pulsar, pulsar-common/src/main/proto/PulsarApi.proto): which there are, and what is read of one. */
#ifndef TT_PROTO_PULSAR_COMMAND_H
#define TT_PROTO_PULSAR_COMMAND_H

#include "base/cursor.h"

enum pulsar_command_type {
	PULSAR_CONNECT = 2,
	PULSAR_CONNECTED = 3,
	PULSAR_SUBSCRIBE = 4,
	PULSAR_PRODUCER = 5,
	PULSAR_ACK = 10,
	PULSAR_ERROR = 14,
	PULSAR_CLOSE_PRODUCER = 15,
	PULSAR_CLOSE_CONSUMER = 16,
	PULSAR_PRODUCER_SUCCESS = 17,
	PULSAR_AUTH_CHALLENGE = 36,
	PULSAR_AUTH_RESPONSE = 37,
};

/* What pairs a command. */
enum pulsar_key {
	PULSAR_BY_NOTHING,  /* nobody answers it */
	PULSAR_BY_REQUEST,  /* request id */
	PULSAR_BY_SEQUENCE, /* producer and sequence */
	PULSAR_BY_CONNECT,  /* there is one at a time */
	PULSAR_BY_PING,
	PULSAR_BY_AUTH,
};

enum pulsar_says {
	PULSAR_CLIENT_ASKS = 1,
	PULSAR_CLIENT_ANSWERS = 2,
	PULSAR_SERVER_ASKS = 4,
	PULSAR_SERVER_ANSWERS = 8,
};

/* Field numbers; 0: it has none. */
struct pulsar_row {
	uint8_t type;
	uint8_t says; /* enum pulsar_says, or'ed */
	uint8_t key;  /* enum pulsar_key */
	uint8_t request_id;
	uint8_t topic;
	uint8_t producer;
	uint8_t consumer;
	uint8_t error;
	uint8_t text;
	const char *name;
};

struct pulsar_command {
	const struct pulsar_row *row;
	bool has_request_id;
	bool has_error;
	bool not_ready; /* PRODUCER_SUCCESS: another one follows */
	uint64_t request_id;
	uint64_t owner; /* producer or consumer id */
	bool has_owner;
	uint64_t sequence; /* of SEND and its answers */
	uint64_t messages; /* of SEND */
	uint64_t error;
	struct tt_span topic; /* data NULL: none */
	struct tt_span subscription;
	struct tt_span text;
};

enum pulsar_read {
	PULSAR_WRONG,
	PULSAR_CUT, /* as far as it was there */
	PULSAR_WHOLE,
};

/* `bytes` are the command's, or its first ones if it is longer: `length` in all. */
enum pulsar_read pulsar_command_read(struct tt_span bytes, uint32_t length, struct pulsar_command *ret);

/* Name of a ServerError; NULL if there is none. */
const char *pulsar_error_name(uint64_t code);

#endif
