/* SPDX-License-Identifier: Apache-2.0 */
/* The DNS message format (RFC 1035 section 4; EDNS: RFC 6891; transfers: RFC 5936 and 1995), read as far as an observer needs it.
 */
#ifndef TT_PROTO_DNS_MESSAGE_H
#define TT_PROTO_DNS_MESSAGE_H

#include "proto/proto.h"

#define TT_DNS_HEADER_BYTES 12
#define TT_DNS_QUESTIONS_MAX 16

/* A name of 255 bytes on the wire, all of them written \DDD. */
#define TT_DNS_NAME_TEXT 1024

enum tt_dns_flag {
	TT_DNS_RESPONSE = 0x8000,
	TT_DNS_AUTHORITATIVE = 0x0400,
	TT_DNS_TRUNCATED = 0x0200,
	TT_DNS_RECURSION_DESIRED = 0x0100,
	TT_DNS_RECURSION_AVAILABLE = 0x0080,
	TT_DNS_ZERO = 0x0040,
};

enum tt_dns_opcode {
	TT_DNS_QUERY = 0,
	TT_DNS_STATUS = 2,
	TT_DNS_NOTIFY = 4,
	TT_DNS_UPDATE = 5,
};

enum tt_dns_section {
	TT_DNS_QUESTION,
	TT_DNS_ANSWER,
	TT_DNS_AUTHORITY,
	TT_DNS_ADDITIONAL,
	TT_DNS_SECTIONS,
};

enum tt_dns_type {
	TT_DNS_SOA = 6,
	TT_DNS_OPT = 41,
	TT_DNS_IXFR = 251,
	TT_DNS_AXFR = 252,
};

/* How far a message could be read. */
enum tt_dns_extent {
	TT_DNS_NOTHING, /* these bytes are no DNS message */
	TT_DNS_HEADER,	/* they end before the end of the questions */
	TT_DNS_ASKED,	/* they end before the end of the records */
	TT_DNS_WHOLE,
};

/* How far a zone transfer has come, over all its messages. */
struct tt_dns_transfer {
	uint64_t records;
	uint32_t serial;  /* of the first SOA, which the last one repeats */
	uint32_t repeats; /* SOAs with that serial */
	bool differences; /* incremental: the serial stands once more before the last additions */
};

struct tt_dns_message {
	uint16_t id;
	uint16_t flags;
	uint16_t count[TT_DNS_SECTIONS];
	enum tt_dns_extent extent;
	size_t trailing; /* bytes after a whole message */
	uint16_t type;	 /* of the first question, as its class and name */
	uint16_t class_;
	uint16_t rcode;	     /* with EDNS's upper bits where an OPT record was read */
	uint64_t pairing_id; /* id and a hash of the opcode and all questions; only with the questions read */
	size_t name_len;
	uint8_t name[TT_DNS_NAME_TEXT]; /* text as in zone files, without the final dot; "." for the root */
};

/* `transfer` is advanced by the answer's records; NULL: not wanted. */
void tt_dns_read(struct tt_span bytes, struct tt_dns_message *ret, struct tt_dns_transfer *transfer);

static inline unsigned tt_dns_opcode(const struct tt_dns_message *m)
{
	return m->flags >> 11 & 15;
}

/* Name on the wire at the cursor, pointers followed within c->data. False: no name, or short (tt_cursor_short). `ret` takes
 * TT_DNS_NAME_TEXT. */
bool tt_dns_name(struct tt_cursor *c, uint8_t *ret, size_t *ret_len);

/* Names of the IANA registries; "TYPE65280" (RFC 3597) and "RCODE12" for those without one. `buffer` is used for these. */
struct tt_span tt_dns_type_name(uint16_t type, char buffer[16]);
struct tt_span tt_dns_rcode_name(uint16_t rcode, char buffer[16]);

/* Does the code say that the server failed (SERVFAIL, codes unknown), and not that it holds something against the query? */
bool tt_dns_rcode_server_failed(uint16_t rcode);

/* Of those in enum tt_dns_opcode; NULL for others. */
const char *tt_dns_opcode_name(unsigned opcode);

/* Are these the bytes of a message of this side? On a stream they begin with its length, and TT_MAYBE asks for the rest of it. */
enum tt_verdict tt_dns_judge(struct tt_span bytes, enum tt_side side, bool datagram);

#endif
