/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the MySQL parser share. Formats: MySQL internals manual, "Client/Server Protocol"; MariaDB knowledge base,
 * "MariaDB Internals: Client/Server Protocol". mysql.c (frames, detection), mysql_request.c (commands), mysql_login.c (greeting,
 * log-in), mysql_response.c (packets to answers), mysql_answer.c (what a packet means in its answer), mysql_db.c (current
 * database), mysql_packet.c (OK, ERR, attributes), mysql_compressed.c (the compressed protocol).
 */
#ifndef TT_PROTO_MYSQL_INTERNAL_H
#define TT_PROTO_MYSQL_INTERNAL_H

#include "proto/proto.h"
#include "proto/sqltable.h"
#include "shared/limits.h"

#define MYSQL_HEADER 4
#define MYSQL_JOINED 0xffffffu /* a payload of this length goes on in the next packet */
#define MYSQL_DB_MAX 256
#define MYSQL_CLOSED_MAX 16
#define MYSQL_LOOK 640 /* bytes of a packet looked at: an OK with its notes, an ERR with its text (at most 512) */

enum mysql_capability {
	MYSQL_CLIENT_MYSQL = 1 << 0, /* not set by MariaDB: then its extended capabilities follow */
	MYSQL_CONNECT_WITH_DB = 1 << 3,
	MYSQL_COMPRESS = 1 << 5,
	MYSQL_PROTOCOL_41 = 1 << 9,
	MYSQL_SSL = 1 << 11,
	MYSQL_SECURE_CONNECTION = 1 << 15,
	MYSQL_PLUGIN_AUTH = 1 << 19,
	MYSQL_AUTH_LENENC = 1 << 21,
	MYSQL_DEPRECATE_EOF = 1 << 24,
	MYSQL_OPTIONAL_METADATA = 1 << 25,
	MYSQL_ZSTD = 1 << 26,
	MYSQL_QUERY_ATTRIBUTES = 1 << 27,
};

enum mysql_status {
	MYSQL_MORE_RESULTS = 0x0008,
	MYSQL_CURSOR_EXISTS = 0x0040,
	MYSQL_NO_BACKSLASH_ESCAPES = 0x0200,
	MYSQL_STATE_CHANGED = 0x4000,
};

/* What is sent in answer to a command. */
enum mysql_answer {
	MYSQL_ANSWER_NONE = 0,
	MYSQL_ANSWER_OK,     /* OK, EOF or ERR */
	MYSQL_ANSWER_RESULT, /* OK, ERR, result sets, a file asked for */
	MYSQL_ANSWER_PREPARE,
	MYSQL_ANSWER_ROWS,   /* rows without definitions */
	MYSQL_ANSWER_TEXT,   /* one packet of text, or ERR */
	MYSQL_ANSWER_FIELDS, /* definitions up to EOF */
	MYSQL_ANSWER_LOGIN,
	MYSQL_ANSWER_STREAM,  /* without end (replication), or ERR */
	MYSQL_ANSWER_UNKNOWN, /* the request was not seen */
};

enum mysql_command {
	MYSQL_QUIT = 0x01,
	MYSQL_INIT_DB = 0x02,
	MYSQL_QUERY = 0x03,
	MYSQL_CHANGE_USER = 0x11,
	MYSQL_STMT_PREPARE = 0x16,
	MYSQL_STMT_EXECUTE = 0x17,
	MYSQL_STMT_LONG_DATA = 0x18,
	MYSQL_STMT_CLOSE = 0x19,
	MYSQL_RESET_CONNECTION = 0x1f,
	MYSQL_BULK_EXECUTE = 0xfa,
	MYSQL_LOGIN = 0x100, /* telltale's own: the log-in */
};

enum mysql_text {
	MYSQL_TEXT_NONE,
	MYSQL_TEXT_SQL,
	MYSQL_TEXT_DB,
	MYSQL_TEXT_STATEMENT, /* statement id */
	MYSQL_TEXT_USER,      /* COM_CHANGE_USER */
};

/* One command. Indexed through mysql_command_find. */
struct mysql_command_row {
	uint8_t code;
	const char *name;
	enum mysql_answer answer;
	enum mysql_text text;
	uint8_t least; /* bytes of the payload, the command's included */
	uint8_t most;  /* 0: no bound */
};

enum mysql_known {
	MYSQL_UNKNOWN,
	MYSQL_NO,
	MYSQL_YES,
};

enum mysql_reading {
	MYSQL_AT_START,	    /* of an answer, or of a further result */
	MYSQL_AT_PARAMS,    /* parameter definitions of a prepared statement */
	MYSQL_AT_COLUMNS,   /* column definitions */
	MYSQL_AFTER_PARAMS, /* where an EOF may stand */
	MYSQL_AFTER_COLUMNS,
	MYSQL_AFTER_PREPARE,
	MYSQL_AT_ROWS,
};

/* One packet of the server, as much of it as is looked at. */
struct mysql_packet {
	size_t at; /* of its header in the input */
	uint32_t len;
	uint8_t seq;
	struct tt_span look;
};

/* What a packet means for its answer. */
enum mysql_next {
	MYSQL_GOES_ON,
	MYSQL_ENDS,
	MYSQL_STREAMS, /* without end */
	MYSQL_LOST,
};

/* The client's side. */
struct mysql_requests {
	struct tt_message *open; /* being read */
	uint64_t text_left;	 /* bytes of the statement not yet taken */
	uint64_t skip;		 /* payload bytes behind them */
	uint32_t code;		 /* of the open request */
	bool current;		 /* nothing was unanswered when it began */
	bool joined;		 /* the packet goes on in the next one */
	bool in_text;		 /* the statement's head was taken, more of it follows */
	bool seen;		 /* a request was read */
	bool continued;		 /* the last packet belonged to an earlier request */
	uint8_t seq;		 /* of the last packet */
	bool last_empty;	 /* the last packet was empty: a file ended */
};

/* The server's side. */
struct mysql_responses {
	struct tt_message *open;
	enum mysql_answer answer;
	enum mysql_reading reading;
	uint32_t code;	  /* of the request answered */
	uint64_t left;	  /* definitions to come */
	uint64_t columns; /* PREPARE: column definitions behind the parameters */
	int64_t rows;
	int64_t affected;
	bool has_rows; /* there was a result set */
	bool has_affected;
	bool in_answer;
	bool doubts_db; /* afterwards the current database is not known */
	bool seen;
	bool joined;
	bool seq_free; /* the client sends packets in between: the next number is not known */
	uint8_t seq;   /* the next packet's number */
};

/* One direction of the compressed protocol. */
struct mysql_packed {
	bool on;
	bool over;	     /* what follows is of no interest (replication) */
	bool held;	     /* the packet at the cursor is unpacked already */
	struct tt_buf plain; /* bytes the parser has not taken yet */
	size_t kept;	     /* of it, as accounted for */
	uint64_t skip;	     /* plain bytes to pass over that are not unpacked yet */
	uint64_t rest;	     /* plain bytes of the packet that were not unpacked */
	/* While a packet is read: where it stands. */
	const struct tt_input *outer;
	size_t at;
	uint64_t end;
};

struct mysql_packed_sides {
	struct mysql_packed side[2];
};

struct mysql_state {
	struct mysql_requests req;
	struct mysql_responses res;
	uint32_t server_caps;
	uint32_t client_caps;
	uint32_t server_ext; /* MariaDB */
	uint32_t client_ext;
	bool server_known;
	bool client_known;
	bool mariadb;
	bool logged_in;
	enum mysql_known deprecate_eof; /* found from the bytes where capabilities are not known */
	bool db_known;
	uint16_t db_len;
	uint16_t login_db_len;
	uint32_t closed_count;
	char *db;			   /* MYSQL_DB_MAX bytes: current, by the responses */
	char *login_db;			   /* what a log-in or change of user asked for */
	uint32_t closed[MYSQL_CLOSED_MAX]; /* ids closed while requests were outstanding */
	struct tt_sql_table statements;
	struct tt_sql_text *last_prepared;
	struct mysql_packed_sides *packed; /* NULL: nothing is compressed */
};

/* A request's message: its kind is the command, its id the statement's number (32 bits) and, above that, its last packet's. */
static inline void mysql_set_last_packet(struct tt_message *m, uint8_t seq)
{
	if (m)
		m->id = (m->id & UINT32_MAX) | (uint64_t)seq << 32;
}

static inline uint8_t mysql_last_packet(const struct tt_message *m)
{
	return (uint8_t)(m->id >> 32);
}

struct mysql_ok {
	uint64_t affected;
	uint16_t status;
	bool has_status;       /* an EOF from before 4.1 has none */
	struct tt_span schema; /* current database, where the session's state says it changed */
};

struct mysql_err {
	uint16_t code;
	struct tt_span sql_state; /* data NULL: none */
	struct tt_span text;
};

/* mysql_request.c */
const struct mysql_command_row *mysql_command_find(uint8_t code);
enum tt_step mysql_parse_request(struct tt_link *link, struct mysql_state *st, struct tt_input *in);
/* No control characters: the name of a database or a file. */
bool mysql_is_name(struct tt_span s);
/* True if the payload's first bytes (of `len`) are a command's. Strict. */
bool mysql_command_plausible(struct tt_span payload, uint64_t len);
/* `current`: the database is known to be the one this request meets. */
void mysql_begin_attributes(const struct mysql_state *st, struct tt_message *m, bool current);
/* Nothing that was asked is unanswered: what the responses tell is up to date. */
bool mysql_up_to_date(struct tt_link *link, const struct mysql_state *st);

/* mysql_login.c */
enum tt_step mysql_read_login(struct tt_link *link, struct mysql_state *st, struct tt_input *in, struct tt_span payload,
			      size_t at);
void mysql_read_greeting(struct mysql_state *st, struct tt_span payload);
void mysql_read_change_user(struct mysql_state *st, struct tt_message *m, struct tt_cursor c);
bool mysql_is_greeting(struct tt_span payload);
bool mysql_is_login(struct tt_span payload, bool whole);
bool mysql_is_compressed(const struct mysql_state *st);
/* Is the capability in force? */
enum mysql_known mysql_has(const struct mysql_state *st, uint32_t capability);
bool mysql_set_db(char **db, uint16_t *db_len, struct tt_span name);

/* mysql_response.c */
enum tt_step mysql_parse_response(struct tt_link *link, struct mysql_state *st, struct tt_input *in);
void mysql_statement_id(uint32_t id, uint8_t buf[4]);
bool mysql_is_eof(const struct mysql_packet *p);

/* mysql_answer.c */
/* Takes the next packet of the open answer; `request` is given with its first packet only, if it is known. */
enum mysql_next mysql_read_part(struct tt_link *link, struct mysql_state *st, const struct tt_message *request,
				const struct mysql_packet *p);
/* Can these bytes begin an answer? Strict. */
bool mysql_answer_plausible(const struct mysql_packet *p);

/* mysql_db.c */
void mysql_follow_success(struct mysql_state *st, const struct tt_message *request, const struct mysql_ok *ok);
/* The statement may change the database in a way only the server knows. */
bool mysql_doubts_db(struct tt_span text);

/* mysql_packet.c */
/* Length-encoded integer and string. 0 / empty and c->short_ where they do not fit. */
uint64_t mysql_lenenc(struct tt_cursor *c);
struct tt_span mysql_lenenc_str(struct tt_cursor *c);
/* OK packet, or EOF packet (0xfe). False: it is none. */
bool mysql_read_ok(struct tt_span payload, struct mysql_ok *ret);
bool mysql_read_err(struct tt_span payload, struct mysql_err *ret);
/* A column definition begins like this. */
bool mysql_is_definition(struct tt_span payload);
/* Passes over query attributes, which stand before a statement's text. False: not as they should be, or cut. */
bool mysql_skip_query_attributes(struct tt_cursor *c);

/* mysql_compressed.c: in place of the core's functions where bytes may be compressed. */
struct tt_message *mysql_message_begin(struct tt_link *link, const struct mysql_state *st, enum tt_side side,
				       const struct tt_input *in, size_t at);
void mysql_message_end(struct tt_link *link, const struct mysql_state *st, enum tt_side side, struct tt_message *m,
		       const struct tt_input *in, uint64_t at);
void mysql_extend(struct tt_link *link, const struct mysql_state *st, const struct tt_input *in, uint64_t at);
void mysql_skip(struct tt_link *link, struct mysql_state *st, enum tt_side side, uint64_t n);
void mysql_skip_to_eof(struct tt_link *link, struct mysql_state *st);
bool mysql_side_packed(const struct mysql_state *st, enum tt_side side);
/* From the bytes at the cursor on the side is compressed. TT_DONE: no memory. */
enum tt_step mysql_parse_packed(struct tt_link *link, struct mysql_state *st, enum tt_side side, struct tt_input *in);
void mysql_packed_gap(struct mysql_state *st, enum tt_side side);
/* The plain beginning of a compressed packet that begins a command or an answer. False: these bytes are none. */
bool mysql_packed_head(const struct mysql_state *st, enum tt_side side, struct tt_span bytes, struct tt_buf *out);
void mysql_packed_free(struct mysql_state *st);

#endif
