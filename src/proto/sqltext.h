/* SPDX-License-Identifier: Apache-2.0 */
/* What the SQL protocols share: the kind of a statement, and texts that outlive the message they came in. */
#ifndef TT_PROTO_SQLTEXT_H
#define TT_PROTO_SQLTEXT_H

#include "base/span.h"
#include "proto/message.h"

/* How much of a statement is looked at for its kind. */
#define TT_SQL_HEAD 512

/*
 * The statement's first word in upper case, behind white space, comments and opening brackets; a comment the server executes
 * (slash, star, exclamation mark) is text. Static storage; data NULL if it is no word that begins statements in any dialect: what
 * else a client may write there is its own to choose, and may be a value. `hash_comments`: # begins a comment (MySQL), and
 * comments do not nest.
 */
struct tt_span tt_sql_kind(struct tt_span text, bool hash_comments);

/* Does this word, in any case, begin statements? */
bool tt_sql_begins_statement(struct tt_span word);

/* True if the text begins with a word that begins statements and little else: strict evidence that bytes are SQL. */
bool tt_sql_plausible(struct tt_span text, bool hash_comments);

/* A text shared by counting: tables, portals and the statement now being read hold it together. */
struct tt_sql_text {
	uint32_t refs;
	uint32_t len;
	uint8_t data[];
};

/* One reference, the caller's. NULL without memory. */
struct tt_sql_text *tt_sql_text_new(struct tt_span s);
struct tt_sql_text *tt_sql_text_ref(struct tt_sql_text *t);
/* Gives a reference back; NULL-safe. Returns NULL. */
struct tt_sql_text *tt_sql_text_unref(struct tt_sql_text *t);

/* data NULL for NULL. */
static inline struct tt_span tt_sql_text_span(const struct tt_sql_text *t)
{
	return t ? tt_span(t->data, t->len) : tt_span(NULL, 0);
}

/* Attribute names that more than one file sets: a key is one by its address. */
extern const char tt_db_system[];
extern const char tt_db_namespace[];
extern const char tt_db_user[];

/* Operation and its attribute. */
void tt_sql_operation(struct tt_message *m, struct tt_span operation);

/* Resource and db.query.text. */
void tt_sql_statement(struct tt_message *m, struct tt_span text);

/* The end of an answer: `OK` unless it has a status, rows sent and rows touched where they are known (NULL: not). */
static inline void tt_sql_answered(struct tt_message *m, const int64_t *rows, const int64_t *affected)
{
	if (!tt_message_get(m, TT_TEXT_STATUS).data)
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	if (rows)
		tt_message_attr_int(m, "db.response.returned_rows", *rows);
	if (affected)
		tt_message_attr_int(m, "db.response.affected_rows", *affected);
}

#endif
