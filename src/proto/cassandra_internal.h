/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the Cassandra parser share. Formats: "CQL BINARY PROTOCOL" v3, v4 and v5 (doc/native_protocol_v*.spec of
 * Apache Cassandra). An envelope is a header of 9 bytes and a body; from version 5 on, after the handshake, envelopes travel in
 * frames with checksums. cassandra.c (holes, protocol table), cassandra_detect.c, cassandra_frame.c (frames, envelopes),
 * cassandra_request.c, cassandra_response.c, cassandra_values.c (strings, maps, prefixes of a body).
 */
#ifndef TT_PROTO_CASSANDRA_INTERNAL_H
#define TT_PROTO_CASSANDRA_INTERNAL_H

#include "proto/proto.h"
#include "proto/sqltable.h"
#include "shared/limits.h"

#define CASSANDRA_HEADER 9
#define CASSANDRA_BODY_MAX (256u << 20)
#define CASSANDRA_RESPONSE_LOOK 2048u
#define CASSANDRA_KEYSPACE_MAX 48 /* a server takes no longer name */

enum cassandra_opcode {
	CASSANDRA_ERROR = 0x00,
	CASSANDRA_STARTUP = 0x01,
	CASSANDRA_READY = 0x02,
	CASSANDRA_AUTHENTICATE = 0x03,
	CASSANDRA_OPTIONS = 0x05,
	CASSANDRA_SUPPORTED = 0x06,
	CASSANDRA_QUERY = 0x07,
	CASSANDRA_RESULT = 0x08,
	CASSANDRA_PREPARE = 0x09,
	CASSANDRA_EXECUTE = 0x0a,
	CASSANDRA_REGISTER = 0x0b,
	CASSANDRA_EVENT = 0x0c,
	CASSANDRA_BATCH = 0x0d,
	CASSANDRA_AUTH_CHALLENGE = 0x0e,
	CASSANDRA_AUTH_RESPONSE = 0x0f,
	CASSANDRA_AUTH_SUCCESS = 0x10,
};

enum cassandra_flag {
	CASSANDRA_COMPRESSED = 0x01,
	CASSANDRA_TRACING = 0x02,
	CASSANDRA_PAYLOAD = 0x04,
	CASSANDRA_WARNING = 0x08,
};

/* tt_message.kind: the opcode, and whether the request names a keyspace of its own. */
#define CASSANDRA_OWN_KEYSPACE 0x100u

struct cassandra_header {
	uint8_t version; /* without the direction */
	uint8_t flags;
	uint16_t stream;
	uint8_t opcode;
	uint32_t len;
};

struct cassandra_frame {
	uint32_t header; /* bytes of it */
	uint32_t payload;
	uint32_t unpacked; /* 0: not compressed */
};

enum cassandra_framing {
	CASSANDRA_UNFRAMED = 0, /* so far: frames are known by their checksum */
	CASSANDRA_FRAMED,
	CASSANDRA_FRAMED_COMPRESSED,
};

/* One direction. */
struct cassandra_side {
	struct tt_message *open; /* of an envelope that goes on in further frames */
	enum cassandra_framing framing;
	uint64_t frame_left;	/* payload bytes of the frame that are to come */
	uint64_t envelope_left; /* bytes of the open envelope in further frames */
	uint64_t skip;		/* bytes behind the input to pass over */
};

struct cassandra_state {
	struct cassandra_side side[2];
	struct tt_sql_table statements; /* by prepared id */
	struct tt_sql_text *keyspace;	/* in use; NULL: none, or not known */
	bool missed;			/* there was a hole: a statement may have been prepared in it */
};

/* An envelope as far as it is looked at. */
struct cassandra_envelope {
	struct cassandra_header h;
	struct tt_cursor body; /* unpacked, behind tracing id, warnings and payload */
	bool readable;	       /* the body could be unpacked */
};

/* cassandra_values.c: a 32-bit length in front; c->short_ where it does not fit. A null value is empty. */
void cassandra_skip_value(struct tt_cursor *c);
/* Passes over what stands in front of a body. */
void cassandra_skip_prefix(struct tt_cursor *c, uint8_t flags, enum tt_side side);

/* cassandra_request.c: fills the request. */
void cassandra_request(struct tt_link *link, struct cassandra_state *st, struct tt_message *m,
		       const struct cassandra_envelope *e);
bool cassandra_request_opcode(uint8_t opcode);

/* cassandra_response.c */
void cassandra_response(struct tt_link *link, struct cassandra_state *st, struct tt_message *m,
			const struct cassandra_envelope *e);
void cassandra_event(struct tt_message *m, const struct cassandra_envelope *e);
bool cassandra_response_opcode(uint8_t opcode);
bool cassandra_error_known(uint32_t code);

/* cassandra_frame.c */
enum tt_step cassandra_parse_side(struct tt_link *link, struct cassandra_state *st, enum tt_side side, struct tt_input *in);
/* False: these bytes are no header (ret is as far as they go). */
bool cassandra_header(struct tt_cursor *c, enum tt_side side, struct cassandra_header *ret);
/* The head of a frame that carries a right checksum; `compressed`: in the longer form. */
bool cassandra_frame(struct tt_span bytes, bool compressed, struct cassandra_frame *ret);

/* cassandra_detect.c: what these bytes are, if they begin an envelope or frame of this side. */
enum tt_verdict cassandra_judge(struct tt_span bytes, enum tt_side side);

#endif
