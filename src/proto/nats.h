/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the NATS parser share. Only they include this. */
#ifndef TT_PROTO_NATS_H
#define TT_PROTO_NATS_H

#include "proto/proto.h"

/* Lines the server takes are at most this long; INFO and CONNECT may be longer. */
#define TT_NATS_LINE_MAX 4096u
#define TT_NATS_JSON_MAX 32768u
#define TT_NATS_PAYLOAD_MAX (64u << 20)

enum tt_nats_verb {
	TT_NATS_NONE,
	TT_NATS_INFO,
	TT_NATS_CONNECT,
	TT_NATS_PUB,
	TT_NATS_HPUB,
	TT_NATS_SUB,
	TT_NATS_UNSUB,
	TT_NATS_MSG,
	TT_NATS_HMSG,
	TT_NATS_PING,
	TT_NATS_PONG,
	TT_NATS_OK,
	TT_NATS_ERR,
};

struct tt_nats_line {
	enum tt_nats_verb verb;
	struct tt_span subject;
	struct tt_span reply;
	struct tt_span text; /* INFO, CONNECT, -ERR: what follows the verb */
	uint32_t headers;    /* bytes of them */
	uint32_t size;	     /* headers and payload */
	bool payload;	     /* size + 2 bytes follow */
};

/* The bit of an id that was made of the subject for the answer. */
#define TT_NATS_ID_REPLY (1ull << 63)

/* Requests for messages that are not known to have ended, the oldest first. */
#define TT_NATS_PULLS 8

struct tt_nats_pulls {
	struct tt_nats_pull {
		uint64_t id; /* of the request */
		uint64_t reply;
		uint64_t consumer;
		uint64_t left; /* messages still to be delivered */
	} open[TT_NATS_PULLS];
	uint8_t count;
	uint64_t made;
};

enum tt_nats_read {
	TT_NATS_READ,
	TT_NATS_MORE,
	TT_NATS_BAD,
};

/* The line at the cursor, which moves behind it. */
enum tt_nats_read tt_nats_line_read(struct tt_cursor *c, enum tt_side side, struct tt_nats_line *ret);

/* The low-cardinality name of an error's text. */
struct tt_span tt_nats_error(struct tt_span text);

/* What an error of the server's says of the log-in. */
enum tt_nats_error_of {
	TT_NATS_OF_LOGIN, /* that it was refused, if it was not answered yet */
	TT_NATS_OF_LATER, /* that it was not: only a client gets it that is logged in */
	TT_NATS_OF_ANY,	  /* nothing */
};

enum tt_nats_error_of tt_nats_error_is_of(struct tt_span text);

/* The code in a headers' first line, 0 if there is none. */
unsigned tt_nats_headers_status(struct tt_span headers);

/* The value of a header, trimmed; data NULL if it is not there. */
struct tt_span tt_nats_header(struct tt_span headers, struct tt_span name);

enum tt_verdict tt_nats_detect(const struct tt_first *first);
ssize_t tt_nats_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes);

/* nats_pull.c */

/* The id of what is answered on this subject. */
uint64_t tt_nats_id(struct tt_span subject);
/* Is it a request for messages of a JetStream consumer? */
bool tt_nats_is_pull(struct tt_span subject);
/* One was made; returns its id. The one that is remembered longest gives way. */
uint64_t tt_nats_pull_begin(struct tt_link *link, struct tt_nats_pulls *p, struct tt_span subject, struct tt_span reply,
			    struct tt_span payload);
/* A message came that is acknowledged there. */
void tt_nats_pull_delivered(struct tt_nats_pulls *p, struct tt_span ack);
/* Something came on the subject: the id of the request it answers, or 0. */
uint64_t tt_nats_pull_answered(struct tt_link *link, struct tt_nats_pulls *p, struct tt_span subject, struct tt_span headers);
/* Deliveries or answers were missed. */
void tt_nats_pull_gap(struct tt_link *link, struct tt_nats_pulls *p);

#endif
