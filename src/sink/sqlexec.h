/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of Transact-SQL's procedure calls: behind EXECUTE, which may be left out where a batch begins, a bare word is a
 * string (Microsoft's Transact-SQL reference, EXECUTE). All functions are for tt_sql_normalise.
 */
#ifndef TT_SINK_SQLEXEC_H
#define TT_SINK_SQLEXEC_H

#include "base/span.h"

/* Zeroed: at the beginning of a batch. */
struct tt_sql_exec {
	enum {
		TT_SQL_EXEC_BATCH,
		TT_SQL_EXEC_NONE,
		TT_SQL_EXEC_NAME, /* the procedure's is awaited */
		TT_SQL_EXEC_ARGUMENTS,
	} state;
};

/* A bare word, `before` being the sign right before it (perhaps behind white space) and `rest` what follows. True: it is a
 * string. */
bool tt_sql_exec_word(struct tt_sql_exec *e, struct tt_span word, uint8_t before, struct tt_span rest);

/* A name in brackets, likewise. */
bool tt_sql_exec_bracket(struct tt_sql_exec *e, struct tt_span rest);

/* A sign that is no part of a word. */
void tt_sql_exec_sign(struct tt_sql_exec *e, uint8_t c);

#endif
