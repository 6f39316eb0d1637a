/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the PostgreSQL parser share. Format: PostgreSQL documentation, "Frontend/Backend Protocol" (version 3).
 * postgresql.c (table, detection), postgresql_frame.c (message rows, evidence), postgresql_startup.c (before the log-in),
 * postgresql_request.c (what the client sends), postgresql_statement.c (names of statements and portals), postgresql_sql.c (the
 * same by SQL), postgresql_response.c.
 *
 * Requests are cut so that the n-th answer belongs to the n-th of them: a simple query (answered up to ReadyForQuery), an
 * execution with the Parse, Bind and Describe in front of it (answered up to its CommandComplete), and a Sync with what stands
 * between it and the last execution (answered up to ReadyForQuery).
 */
#ifndef TT_PROTO_POSTGRESQL_INTERNAL_H
#define TT_PROTO_POSTGRESQL_INTERNAL_H

#include "proto/proto.h"
#include "proto/sqltable.h"
#include "shared/limits.h"

#define PG_HEADER 5
#define PG_LOOK 640 /* bytes of a message looked at: names, tags, an error's first fields */
#define PG_PARSES 8 /* named Parses of a connection followed until their answers are read */

enum pg_unit {
	PG_UNIT_OPEN = 0, /* extended protocol: it is not known yet how it ends */
	PG_UNIT_EXECUTE,
	PG_UNIT_SYNC,
	PG_UNIT_QUERY,
	PG_UNIT_LOGIN,
};

enum pg_code {
	PG_CODE_CANCEL = 80877102,
	PG_CODE_SSL = 80877103,
	PG_CODE_GSS = 80877104,
};

/* A message type and the lengths (as in its header: 4 and the body) it may have. most 0: no bound of its own. */
struct pg_row {
	uint8_t type;
	bool starts; /* an unsynchronised side may begin again with it */
	uint32_t least;
	uint32_t most;
};

struct pg_requests {
	struct tt_message *open;    /* the unit being read */
	struct tt_sql_text *parsed; /* text of the last Parse in it */
	struct tt_buf text;	    /* of a Parse: name, 0, statement */
	uint64_t text_left;	    /* bytes of a statement's text not yet taken */
	uint64_t skip;		    /* bytes of the message behind them */
	uint32_t copies_ended;	    /* CopyDone and CopyFail */
	uint32_t syncs_ignored;	    /* sent while the server took in a copy: no answer comes */
	uint8_t negotiations;	    /* SSLRequest, GSSENCRequest */
	uint8_t in_text;	    /* type of the message whose text is being taken, 0 none */
	bool started;		    /* the start-up message is behind, or was before telltale */
	bool in_unit;
	bool describes; /* the unit has a Parse or Describe */
	bool begun;	/* Query: its message was opened */
	bool renames;	/* Query: it begins as one that changes names, or as none that is known */
	bool last_sync; /* the last unit was a Sync behind an execution */
	bool last_execute;
};

struct pg_responses {
	struct tt_message *open;
	int64_t rows; /* of the open answer */
	int64_t affected;
	int64_t committed;	/* of them, behind a COMMIT */
	int64_t statement_rows; /* of the current statement */
	uint32_t copies_ended;
	uint8_t negotiations;
	bool in_answer;
	bool has_rows;
	bool has_affected;
	bool copy_in;
	bool failed; /* an error was answered: the rest up to Sync is skipped */
};

enum pg_settled {
	PG_UNSETTLED, /* not answered yet */
	PG_TAKEN,
	PG_REFUSED, /* by an error, or passed over behind one */
	PG_DOUBTED, /* the answer was lost */
};

/* A Parse: its name (NULL: the unnamed statement), its text, and what the name stood for before: the server keeps that if it does
 * not take the new one. */
struct pg_parse {
	struct tt_sql_text *name;
	struct tt_sql_text *text;
	struct tt_sql_text *old;
	uint32_t number; /* the how manieth of the connection, from 1 on; 0 free */
	enum pg_settled settled;
};

struct pg_state {
	struct pg_requests req;
	struct pg_responses res;
	struct tt_sql_text *user;
	struct tt_sql_text *database;
	struct tt_sql_table statements;
	struct tt_sql_table portals;
	struct pg_parse parse[PG_PARSES + 1]; /* the last named ones in turn; the last unnamed one */
	uint32_t named;			      /* Parses with a name */
	uint32_t parses;		      /* all of them */
	uint32_t answered;		      /* of them */
	uint32_t failed;		      /* number of the last one that was not taken */
	uint32_t unfollowed;		      /* of the last one with a name whose place was needed before its answer came */
	bool answers_followed;		      /* a ReadyForQuery was read as the answer it is, and nothing was lost since */
	bool portals_named;		      /* a portal with a name was bound since the table of them was emptied */
	bool portals_sure;		      /* there is none that the table does not know */
	bool held;			      /* but for cursors that outlive transactions */
	uint8_t quoting;		      /* enum tt_quoting, as the server told it */
};

/* One message's header. */
struct pg_frame {
	size_t at;
	uint8_t type;
	uint32_t len; /* of the body */
};

/* postgresql_frame.c */
/* NULL: no such type on this side. */
const struct pg_row *pg_row_find(enum tt_side side, uint8_t type);
/* Reads the header at the cursor. TT_MORE; TT_LOST_SYNC: no message of this side has such a header. */
enum tt_step pg_read_frame(enum tt_side side, struct tt_cursor *c, struct pg_frame *ret);
/* Strict: the bytes are messages of this side, whole or the last one cut, and begin where messages begin. */
bool pg_messages_plausible(enum tt_side side, struct tt_span bytes);
/* Passes over the rest of a message that ends `end` bytes into the input, here or later. */
void pg_pass_to(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t end);

/* postgresql_startup.c */
enum tt_verdict pg_detect_startup(struct tt_span bytes);
enum tt_step pg_read_startup(struct tt_link *link, struct pg_state *st, struct tt_input *in);
void pg_begin_attributes(const struct pg_state *st, struct tt_message *m);

/* postgresql_request.c */
enum tt_step pg_parse_request(struct tt_link *link, struct pg_state *st, struct tt_input *in);

/* postgresql_statement.c */
/* A Parse was read whole: name and text stand in st->req.text. */
void pg_statement_parsed(struct tt_link *link, struct pg_state *st);
/* Bodies of Bind and Close, as far as they are looked at. */
void pg_statement_bound(struct tt_link *link, struct pg_state *st, struct tt_span body);
void pg_statement_closed(struct pg_state *st, struct tt_span body);
/* Text of the portal an Execute names; NULL unknown. Borrowed. */
struct tt_sql_text *pg_portal_text(struct pg_state *st, struct tt_span body);
/* The Parse that brought this text, if it is not known that the server took it. NULL: none. */
const struct pg_parse *pg_parse_open(const struct pg_state *st, const struct tt_sql_text *text);
/* Until it is answered its name may stand for another text. */
bool pg_parse_ambiguous(const struct pg_parse *parse);
/* A ParseComplete was read. */
void pg_parse_complete(struct pg_state *st);
/* A ReadyForQuery was: the first `number` Parses are answered, those not yet complete taken or not. */
void pg_parses_settled(struct tt_link *link, struct pg_state *st, uint32_t number, bool taken);
/* Their answers were lost: what the names stand for is not known. */
void pg_parses_doubted(struct pg_state *st);
/* The same, and the names are gone, too. */
void pg_statements_clear(struct pg_state *st);
/* The execution `m` answers ends: its text, where that hung on a Parse not answered when it was read. */
void pg_execution_answered(struct pg_state *st, struct tt_message *m);
/* Statement and operation of an execution; NULL: not known. Returns the statement's first word. */
struct tt_span pg_describe_execution(struct tt_message *m, const struct tt_sql_text *text);
/* A ReadyForQuery outside of a transaction was read, and nothing behind it asked for: no portal is left. */
void pg_portals_gone(struct pg_state *st);

/* postgresql_sql.c */
/* Does a statement that begins with this word change what names stand for? */
bool pg_sql_changes_names(struct tt_span kind);
/* What the names it changes stand for is not known from here on. */
void pg_sql_follow(struct pg_state *st, struct tt_span text);
/* The same of a Query, which may hold several statements: the message with its text (NULL: none), and whether its first word is
 * one of those. */
void pg_sql_queried(struct pg_state *st, const struct tt_message *m, bool changes);

/* postgresql_response.c */
enum tt_step pg_parse_response(struct tt_link *link, struct pg_state *st, struct tt_input *in);

#endif
