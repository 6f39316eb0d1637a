/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the TDS parser share. Format: [MS-TDS], Tabular Data Stream Protocol, versions 7.0 to 7.4. tds.c (packets,
 * detection), tds_request.c (what the client asks), tds_rpc.c (procedures and their statement), tds_login.c (pre-login and
 * login), tds_response.c (answers), tds_token.c (the tokens of answers that can be told without the columns' types), tds_text.c
 * (UTF-16).
 */
#ifndef TT_PROTO_TDS_H
#define TT_PROTO_TDS_H

#include "base/buf.h"
#include "proto/proto.h"
#include "proto/sqltable.h"

#define TDS_HEADER 8u
#define TDS_REQUEST_MOST (24u << 10) /* payload of a request that is read */
#define TDS_HEAD_MOST 4096u	     /* of an answer: its first bytes, and its last ones */
#define TDS_TAIL 2048u
#define TDS_DB_MOST 384u
#define TDS_SPARE 1024u /* of a text, kept for the next one */
#define TDS_VERSION_72 0x72000000u

enum tds_type {
	TDS_BATCH = 0x01,
	TDS_RPC = 0x03,
	TDS_RESULT = 0x04,
	TDS_ATTENTION = 0x06,
	TDS_BULK = 0x07,
	TDS_FED_AUTH = 0x08,
	TDS_TRANSACTION = 0x0e,
	TDS_LOGIN7 = 0x10,
	TDS_SSPI = 0x11,
	TDS_PRELOGIN = 0x12,
	TDS_TLS = 0x100, /* telltale's own: a login in records of TLS */
};

enum tds_status {
	TDS_EOM = 0x01,
	TDS_IGNORE = 0x02,
};

struct tds_packet {
	uint8_t type;
	uint8_t status;
	uint16_t len; /* of the payload */
	uint8_t id;
};

/* Of either side: the packet being read. */
struct tds_reading {
	struct tt_message *open;
	bool in_message;
	bool last; /* the packet ends the message */
	bool ignored;
	uint8_t type;
	uint16_t left; /* bytes of its payload */
	uint64_t size; /* of the message's payload so far */
};

struct tds_state {
	struct tds_reading req;
	struct tds_reading res;
	struct tt_buf text;  /* the request's payload */
	struct tt_buf head;  /* the answer's */
	struct tt_buf tail;  /* and its last ones */
	uint32_t asked;	     /* what the answer being read is to: kind of its request, 0 unknown */
	uint32_t version;    /* 0: not known */
	uint32_t attentions; /* sent and not acknowledged */
	bool encrypted;	     /* the login was sent in TLS */
	bool may_use;	     /* the last batch may have chosen another database */
	char db[TDS_DB_MOST];
	uint16_t db_len;
	struct tt_sql_table statements; /* by handle */
	struct tt_sql_text *preparing;
};

/* What the tokens of an answer tell. Spans are UTF-16 and borrowed. */
struct tds_outcome {
	bool done; /* its end was found */
	bool error;
	bool attention;
	bool has_number;
	bool has_returned;
	bool has_affected;
	bool has_db;
	bool has_handle;
	bool has_version;
	int32_t number;
	uint32_t handle;
	uint32_t version;
	uint64_t returned;
	uint64_t affected;
	struct tt_span text;
	struct tt_span db;
};

/* tds.c */
/* A header of that side. TT_LOST_SYNC: it is none. */
enum tt_step tds_read_header(struct tt_cursor *c, enum tt_side side, struct tds_packet *ret);

/* tds_text.c */
void tds_utf8(struct tt_buf *out, struct tt_span utf16);

/* tds_request.c */
enum tt_step tds_parse_request(struct tt_link *link, struct tds_state *st, struct tt_input *in);
/* Headers in front of a batch, RPC or transaction request (7.2 on) are passed over. False: there are none. */
bool tds_pass_headers(struct tt_cursor *c);
void tds_statement(struct tt_message *m, struct tt_span text);
void tds_spare(struct tt_link *link, struct tt_buf *b);

/* tds_rpc.c */
void tds_describe_rpc(struct tt_link *link, struct tds_state *st, struct tt_message *m, struct tt_span payload);

/* tds_login.c */
bool tds_is_prelogin(struct tt_span payload);
/* "off", "on", "not_supported", "required"; data NULL: it does not say. */
struct tt_span tds_encryption(struct tt_span prelogin);
bool tds_is_login7(struct tt_span payload);
void tds_describe_login(struct tds_state *st, struct tt_message *m, struct tt_span payload);

/* tds_response.c */
enum tt_step tds_parse_response(struct tt_link *link, struct tds_state *st, struct tt_input *in);

/* tds_token.c */
/* `head`: the answer's first bytes, all of it if `whole`; `tail`: its last ones. `version` 0: not known. */
void tds_read_tokens(struct tt_span head, bool whole, struct tt_span tail, uint32_t version, struct tds_outcome *ret);
bool tds_is_token(uint8_t byte);

#endif
