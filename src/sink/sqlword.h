/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that are strings without quotes, by dialect: arguments of Transact-SQL's procedure calls (sqlexec.h), and what SET gives
 * a parameter in PostgreSQL and MySQL, where a bare word or a quoted name is taken for a string (PostgreSQL 15, SET, ALTER ROLE,
 * ALTER SYSTEM; MySQL 8.0, section 13.7.6.1). All functions are for tt_sql_normalise.
 */
#ifndef TT_SINK_SQLWORD_H
#define TT_SINK_SQLWORD_H

#include "sink/sqlexec.h"
#include "sink/sqlnorm.h"

/* Zeroed but for the dialect: at the beginning of the text. */
struct tt_sql_words {
	enum tt_sql_dialect dialect;
	struct tt_sql_exec exec;
	enum {
		TT_SQL_SET_BEGIN, /* of a statement */
		TT_SQL_SET_NONE,
		TT_SQL_SET_ALTERS, /* a SET may come within it */
		TT_SQL_SET_NAME,   /* a parameter's is awaited there */
		TT_SQL_SET_NAMED,
		TT_SQL_SET_STATEMENT, /* a SET of its own, up to the next value */
		TT_SQL_SET_VALUE,
	} set;
	uint32_t depth; /* of brackets in the value */
};

/* A bare word, `before` being the sign right before it (perhaps behind white space; 0: none) and `rest` what follows. True: it is
 * a string. */
bool tt_sql_words_word(struct tt_sql_words *w, struct tt_span word, uint8_t before, struct tt_span rest);

/* A name in quotes or brackets, likewise. */
bool tt_sql_words_name(struct tt_sql_words *w, uint8_t before, struct tt_span rest);

/* A sign that is no part of a word. */
void tt_sql_words_sign(struct tt_sql_words *w, uint8_t c);

#endif
