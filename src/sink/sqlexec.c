// SPDX-License-Identifier: Apache-2.0
#include "sink/sqlexec.h"

#include "base/own.h"
#include "proto/sqltext.h"

static bool tt_word_is_one_of(struct tt_span word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (tt_span_ieq(word, tt_span_str(words[i])))
			return true;
	}
	return false;
}

/* 0: there is none, or a number begins there (.5 apart from the name). */
static uint8_t tt_first_sign(struct tt_span rest)
{
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.data[i] <= ' ')
			continue;
		bool number = i && rest.data[i] == '.' && i + 1 < rest.len && rest.data[i + 1] >= '0' && rest.data[i + 1] <= '9';
		return number ? 0 : rest.data[i];
	}
	return 0;
}

/* The name has parts, and may stand behind a variable that takes what the procedure returns. */
static void tt_sql_exec_named(struct tt_sql_exec *e, bool variable, struct tt_span rest)
{
	uint8_t next = tt_first_sign(rest);

	e->state = next == '.' || (variable && next == '=') ? TT_SQL_EXEC_NAME : TT_SQL_EXEC_ARGUMENTS;
}

static bool tt_sql_exec_begins(struct tt_span word)
{
	static const char *const words[] = {"EXEC", "EXECUTE"};

	return tt_word_is_one_of(word, words, TT_ARRAY_LEN(words));
}

static bool tt_sql_exec_argument(struct tt_sql_exec *e, struct tt_span word, uint8_t before)
{
	static const char *const keywords[] = {"OUTPUT", "OUT", "DEFAULT", "NULL"};

	if (before == '@' || tt_word_is_one_of(word, keywords, TT_ARRAY_LEN(keywords)))
		return false;
	if (before == ',' || before == '=' || !tt_sql_begins_statement(word))
		return true;
	e->state = tt_sql_exec_begins(word) ? TT_SQL_EXEC_NAME : TT_SQL_EXEC_NONE;
	return false;
}

bool tt_sql_exec_word(struct tt_sql_exec *e, struct tt_span word, uint8_t before, struct tt_span rest)
{
	static const char *const other_uses[] = {"AS", "ON"}; /* EXECUTE AS somebody, GRANT EXECUTE ON something */

	if (e->state == TT_SQL_EXEC_BATCH && !tt_sql_begins_statement(word))
		e->state = TT_SQL_EXEC_NAME;
	else if (e->state <= TT_SQL_EXEC_NONE) {
		e->state = tt_sql_exec_begins(word) ? TT_SQL_EXEC_NAME : TT_SQL_EXEC_NONE;
		return false;
	}
	if (e->state == TT_SQL_EXEC_ARGUMENTS)
		return tt_sql_exec_argument(e, word, before);
	if (tt_word_is_one_of(word, other_uses, TT_ARRAY_LEN(other_uses)))
		e->state = TT_SQL_EXEC_NONE;
	else
		tt_sql_exec_named(e, before == '@', rest);
	return false;
}

bool tt_sql_exec_bracket(struct tt_sql_exec *e, struct tt_span rest)
{
	if (e->state == TT_SQL_EXEC_BATCH || e->state == TT_SQL_EXEC_NAME)
		tt_sql_exec_named(e, false, rest);
	else
		return e->state == TT_SQL_EXEC_ARGUMENTS;
	return false;
}

void tt_sql_exec_sign(struct tt_sql_exec *e, uint8_t c)
{
	/* EXEC ('...') runs a text. */
	if (c == ';' || (c == '(' && e->state <= TT_SQL_EXEC_NAME))
		e->state = TT_SQL_EXEC_NONE;
}
