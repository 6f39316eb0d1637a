/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the SIP parser share. Formats: RFC 3261 (messages in section 7, transactions in 17, transports in 18),
 * compact header names also RFC 6665. sip.c (framing, exchanges, detection), sip_head.c (start lines and header fields),
 * sip_transaction.c (what is remembered of transactions).
 */
#ifndef TT_PROTO_SIP_H
#define TT_PROTO_SIP_H

#include "proto/proto.h"

#define SIP_HEAD_MOST 32768u /* start line and header fields */
#define SIP_BODY_MOST 0x7fffffffu

struct sip_start {
	struct tt_span method; /* of a request; data NULL: a response */
	struct tt_span uri;
	struct tt_span digits; /* of a response */
	struct tt_span reason;
	uint16_t status;
};

struct sip_head {
	struct sip_start start;
	struct tt_span branch; /* of the topmost Via; empty: none, as before RFC 3261 */
	struct tt_span call_id;
	struct tt_span cseq_method;
	struct tt_span from; /* URIs */
	struct tt_span to;
	struct tt_span user_agent; /* or Server */
	struct tt_span event;
	uint32_t cseq;
	uint32_t body; /* Content-Length */
	bool has_body; /* it is there */
	bool has_via;
	bool has_cseq;
};

/* One transaction, told apart by its id and by who asked. */
struct sip_transaction {
	struct sip_transaction *same_bucket;
	struct sip_transaction *older;
	struct sip_transaction *newer;
	struct tt_message *response; /* open since the first provisional response; NULL: none */
	uint64_t id;
	uint64_t bytes; /* of the responses so far */
	uint32_t provisional;
	uint32_t retransmissions; /* of the request */
	uint16_t provisional_status;
	uint8_t asker; /* enum tt_side */
	bool asked;    /* its request was read */
	bool done;     /* its final response was read */
	bool doubtful; /* provisional responses may have been missed */
};

/* Zeroed is empty. */
struct sip_table {
	struct sip_transaction **bucket;
	struct sip_transaction *oldest;
	struct sip_transaction *newest;
	uint32_t bucket_count; /* a power of two */
	uint32_t count;
};

struct sip_state {
	struct sip_table transactions;
	size_t scanned[2]; /* bytes of the head being waited for that were searched for its end */
};

/* sip_head.c */
/* TT_YES: the first line is there and is one of SIP's. TT_MAYBE: the bytes end before it does. */
enum tt_verdict sip_read_start(struct tt_span bytes, struct sip_start *ret);
/* `bytes`: the head with its start line. False: it is none, or lacks what every message has. */
bool sip_read_head(struct tt_span bytes, struct sip_head *ret);
/* What pairs a response with its request (RFC 3261 section 17.1.3). */
uint64_t sip_id(const struct sip_head *h);

/* sip_transaction.c */
/* The transaction, made where there is none. At the limit row the oldest one is forgotten. NULL: no memory. */
struct sip_transaction *sip_transaction(struct tt_link *link, struct sip_table *t, uint64_t id, enum tt_side asker);
/* A hole on that side: responses do not go on, and any may have been lost. */
void sip_table_gap(struct sip_table *t, enum tt_side side);
void sip_table_free(struct sip_table *t);

#endif
