/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A statement's shape: literals become `?`, lists of them one `?`, comments go, white space is squeezed. It serves twice, as a
 * bounded name and as redaction, so on doubt a piece of text counts as a literal. Cut text is safe: what is open at its end is
 * a literal. Where quoting can be read in more than one way, or the text cannot be what the server read (an apostrophe that
 * nobody doubled), the shape ends at the first string that may not be one; where the server refused it as text or for a name it
 * does not know, at the first place where a value could stand. The rules of quoting are those of the servers' manuals (MySQL 8.0
 * section 9.1, PostgreSQL 15 section 4.1, Transact-SQL's "Database identifiers").
 */
#ifndef TT_SINK_SQLNORM_H
#define TT_SINK_SQLNORM_H

#include "base/buf.h"
#include "base/span.h"
#include "proto/message.h"

enum tt_sql_dialect {
	TT_SQL_STANDARD,   /* '' strings, "" names */
	TT_SQL_CQL,	   /* $$ strings and // comments too */
	TT_SQL_CLICKHOUSE, /* as MySQL; -- is a comment whatever follows, names may hold backslashes */
	TT_SQL_MYSQL,	   /* "" strings, `` names, backslash escapes, # comments, conditional comments */
	TT_SQL_POSTGRESQL, /* "" names, E'' escapes, dollar quotes, nested comments, $1 parameters */
	TT_SQL_TSQL,	   /* [] names, "" strings or names as the session has it, nested comments, arguments that are words */
	TT_SQL_DIALECTS,
};

struct tt_sql_rules {
	enum tt_sql_dialect dialect;
	enum tt_quoting quoting; /* of the session, where the dialect leaves it open (MySQL, PostgreSQL) */
	bool refused;		 /* the server could not read it either, or a name in it is none: words may be values */
};

/* Adds the shape of `sql` to out. It is never longer than the text itself. 0, or -ENOBUFS or -ENOMEM (then nothing was added).
 */
int tt_sql_normalise(struct tt_buf *out, struct tt_span sql, const struct tt_sql_rules *rules);

#endif
