// SPDX-License-Identifier: Apache-2.0
#include "sink/sqlword.h"

static bool tt_sql_word_is(struct tt_span word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (tt_span_ieq(word, tt_span_str(words[i])))
			return true;
	}
	return false;
}

static bool tt_sql_sets(const struct tt_sql_words *w)
{
	return w->dialect == TT_SQL_STANDARD || w->dialect == TT_SQL_POSTGRESQL || w->dialect == TT_SQL_MYSQL;
}

static void tt_sql_set_begin(struct tt_sql_words *w, struct tt_span word)
{
	static const char *const alters[] = {"ALTER", "CREATE"};

	w->set = TT_SQL_SET_NONE;
	w->depth = 0;
	if (tt_span_ieq(word, TT_SPAN_LIT("SET")))
		w->set = TT_SQL_SET_STATEMENT;
	else if (w->dialect != TT_SQL_MYSQL && tt_sql_word_is(word, alters, TT_ARRAY_LEN(alters)))
		w->set = TT_SQL_SET_ALTERS;
}

/* MySQL takes words for strings only where they are all of the value; variables and functions are what they are. */
static bool tt_sql_set_value(struct tt_sql_words *w, struct tt_span word, uint8_t before, uint8_t next)
{
	if (w->dialect != TT_SQL_MYSQL)
		return true;
	if (!w->depth && tt_span_ieq(word, TT_SPAN_LIT("FOR"))) { /* SET STATEMENT name = value FOR statement */
		w->set = TT_SQL_SET_BEGIN;
		return false;
	}
	return !w->depth && before != '@' && next != '(';
}

/* `word` is empty for a quoted name. */
static bool tt_sql_set_word(struct tt_sql_words *w, struct tt_span word, uint8_t before, uint8_t next)
{
	static const char *const scopes[] = {"SESSION", "LOCAL"};
	bool set = tt_span_ieq(word, TT_SPAN_LIT("SET")), to = tt_span_ieq(word, TT_SPAN_LIT("TO"));

	switch (w->set) {
	case TT_SQL_SET_BEGIN:
		tt_sql_set_begin(w, word);
		return false;
	case TT_SQL_SET_ALTERS:
		w->set = set ? TT_SQL_SET_NAME : TT_SQL_SET_ALTERS;
		return false;
	case TT_SQL_SET_NAME:
		if (!tt_sql_word_is(word, scopes, TT_ARRAY_LEN(scopes)))
			w->set = TT_SQL_SET_NAMED;
		return false;
	case TT_SQL_SET_NAMED:
		w->set = to ? TT_SQL_SET_VALUE : set ? TT_SQL_SET_NAME : TT_SQL_SET_ALTERS;
		return false;
	case TT_SQL_SET_STATEMENT:
		if (to && w->dialect != TT_SQL_MYSQL)
			w->set = TT_SQL_SET_VALUE;
		return false;
	case TT_SQL_SET_VALUE:
		return tt_sql_set_value(w, word, before, next);
	default:
		return false;
	}
}

bool tt_sql_words_word(struct tt_sql_words *w, struct tt_span word, uint8_t before, struct tt_span rest)
{
	if (w->dialect == TT_SQL_TSQL)
		return tt_sql_exec_word(&w->exec, word, before, rest);
	return tt_sql_sets(w) && tt_sql_set_word(w, word, before, rest.len ? rest.data[0] : 0);
}

bool tt_sql_words_name(struct tt_sql_words *w, uint8_t before, struct tt_span rest)
{
	if (w->dialect == TT_SQL_TSQL)
		return tt_sql_exec_bracket(&w->exec, rest);
	return tt_sql_sets(w) && tt_sql_set_word(w, tt_span(NULL, 0), before, 0);
}

static void tt_sql_set_value_sign(struct tt_sql_words *w, uint8_t c)
{
	if (c == '(')
		w->depth++;
	else if (c == ')')
		w->depth -= w->depth != 0;
	else if (c == ',' && !w->depth && w->dialect == TT_SQL_MYSQL) /* PostgreSQL's go on with a list */
		w->set = TT_SQL_SET_STATEMENT;
}

void tt_sql_words_sign(struct tt_sql_words *w, uint8_t c)
{
	tt_sql_exec_sign(&w->exec, c);
	if (c == ';')
		w->set = TT_SQL_SET_BEGIN;
	else if (w->set == TT_SQL_SET_VALUE)
		tt_sql_set_value_sign(w, c);
	else if (c == '=' && (w->set == TT_SQL_SET_STATEMENT || w->set == TT_SQL_SET_NAMED))
		w->set = TT_SQL_SET_VALUE;
	else if (w->set == TT_SQL_SET_NAME || w->set == TT_SQL_SET_NAMED)
		w->set = c == '.' ? TT_SQL_SET_NAME : TT_SQL_SET_ALTERS;
}
