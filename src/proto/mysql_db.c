// SPDX-License-Identifier: Apache-2.0
/* MySQL: which database is in use, as far as the answers tell. What is in doubt is unknown. */
#include "proto/mysql_internal.h"

static void set_db(struct mysql_state *st, struct tt_span name)
{
	st->db_known = mysql_set_db(&st->db, &st->db_len, name);
}

/* USE name, whole; data NULL for another statement. */
static struct tt_span used_database(struct tt_span text)
{
	while (text.len && (text.data[text.len - 1] == ';' || text.data[text.len - 1] == '\n'))
		text.len--;
	text = tt_span_trim(text);
	if (text.len < 5 || !tt_span_ieq(tt_span_sub(text, 0, 3), TT_SPAN_LIT("use")) ||
	    (text.data[3] != ' ' && text.data[3] != '\t'))
		return tt_span(NULL, 0);
	struct tt_span name = tt_span_trim(tt_span_sub(text, 4, text.len));
	if (name.len > 2 && name.data[0] == '`' && name.data[name.len - 1] == '`')
		name = tt_span_sub(name, 1, name.len - 2);
	for (size_t i = 0; i < name.len; i++) {
		if (strchr(" \t\n;`/", name.data[i]))
			return tt_span(NULL, 0);
	}
	return name;
}

static bool has_word(struct tt_span text, struct tt_span word)
{
	for (size_t i = 0; i + word.len <= text.len; i++) {
		if (tt_span_ieq(tt_span_sub(text, i, word.len), word))
			return true;
	}
	return false;
}

bool mysql_doubts_db(struct tt_span text)
{
	struct tt_span kind = tt_sql_kind(text, true);

	if (used_database(text).len)
		return false;
	if (tt_span_eq(kind, TT_SPAN_LIT("DROP")))
		return has_word(text, TT_SPAN_LIT("database")) || has_word(text, TT_SPAN_LIT("schema"));
	return tt_span_eq(kind, TT_SPAN_LIT("USE")) || (tt_span_find(text, ';') >= 0 && has_word(text, TT_SPAN_LIT("use")));
}

static void follow_statement(struct mysql_state *st, struct tt_span text)
{
	struct tt_span name = used_database(text);
	if (name.len)
		set_db(st, name);
}

void mysql_follow_success(struct mysql_state *st, const struct tt_message *request, const struct mysql_ok *ok)
{
	switch (st->res.code) {
	case MYSQL_LOGIN:
	case MYSQL_CHANGE_USER:
		set_db(st, tt_span(st->login_db, st->login_db_len));
		st->logged_in = true;
		if (st->res.code == MYSQL_CHANGE_USER)
			tt_sql_table_clear(&st->statements);
		break;
	case MYSQL_RESET_CONNECTION:
		tt_sql_table_clear(&st->statements);
		break;
	case MYSQL_INIT_DB:
		set_db(st, tt_message_get(request, TT_TEXT_RESOURCE));
		break;
	case MYSQL_QUERY:
		if (request)
			follow_statement(st, tt_message_get(request, TT_TEXT_RESOURCE));
		break;
	default:
		break;
	}
	if (ok->schema.data) {
		set_db(st, ok->schema);
		st->res.doubts_db = false;
	}
}
