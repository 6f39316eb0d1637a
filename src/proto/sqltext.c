// SPDX-License-Identifier: Apache-2.0
#include "proto/sqltext.h"

#include <stdlib.h>

#include "base/own.h"

const char tt_db_system[] = "db.system.name";
const char tt_db_namespace[] = "db.namespace";
const char tt_db_user[] = "db.user";

static bool is_word(uint8_t c)
{
	uint8_t l = tt_ascii_lower(c);
	return (l >= 'a' && l <= 'z') || c == '_';
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '(' || c == ';';
}

/* Position after the end marker `end` (two bytes) from `at`; the text's length without one. */
static size_t skip_block(struct tt_span s, size_t at)
{
	for (; at + 1 < s.len; at++) {
		if (s.data[at] == '*' && s.data[at + 1] == '/')
			return at + 2;
	}
	return s.len;
}

static size_t skip_line(struct tt_span s, size_t at)
{
	while (at < s.len && s.data[at] != '\n')
		at++;
	return at;
}

/* Position after a comment that begins at `at`, or `at` if there is none. */
static size_t skip_comment(struct tt_span s, size_t at, bool hash_comments)
{
	uint8_t c = s.data[at];
	uint8_t d = at + 1 < s.len ? s.data[at + 1] : 0;

	if ((c == '#' && hash_comments) || (c == '-' && d == '-'))
		return skip_line(s, at);
	if (c != '/' || d != '*')
		return at;

	/* What is in slash-star-! (MariaDB: also M!) is executed: only its opening is passed over, with a version number. */
	size_t p = at + 2;
	if (hash_comments && p < s.len && s.data[p] == 'M')
		p++;
	if (!hash_comments || p >= s.len || s.data[p] != '!')
		return skip_block(s, at + 2);
	p++;
	while (p < s.len && s.data[p] >= '0' && s.data[p] <= '9')
		p++;
	return p;
}

static size_t skip_front(struct tt_span s, bool hash_comments)
{
	size_t at = 0;

	while (at < s.len) {
		if (is_blank(s.data[at])) {
			at++;
			continue;
		}
		size_t after = skip_comment(s, at, hash_comments);
		if (after == at)
			break;
		at = after;
	}
	return at;
}

struct tt_span tt_sql_kind(struct tt_span text, bool hash_comments, char buf[TT_SQL_KIND_MAX])
{
	size_t at = skip_front(text, hash_comments);
	size_t n = 0;

	for (; at + n < text.len && is_word(text.data[at + n]); n++) {
		if (n == TT_SQL_KIND_MAX)
			return tt_span(NULL, 0);
		uint8_t c = text.data[at + n];
		buf[n] = (char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
	}
	return n ? tt_span(buf, n) : tt_span(NULL, 0);
}

bool tt_sql_plausible(struct tt_span text, bool hash_comments)
{
	static const char *const words[] = {
		"ABORT",    "ALTER",	"ANALYZE",   "BEGIN",	"CALL",	   "CHANGE",	 "CHECK",   "CHECKPOINT", "CLOSE",
		"CLUSTER",  "COMMENT",	"COMMIT",    "COPY",	"CREATE",  "DEALLOCATE", "DECLARE", "DELETE",	  "DESC",
		"DESCRIBE", "DISCARD",	"DO",	     "DROP",	"END",	   "EXECUTE",	 "EXPLAIN", "FETCH",	  "FLUSH",
		"GRANT",    "HANDLER",	"INSERT",    "KILL",	"LISTEN",  "LOAD",	 "LOCK",    "MERGE",	  "MOVE",
		"NOTIFY",   "OPTIMIZE", "PREPARE",   "REFRESH", "REINDEX", "RELEASE",	 "RENAME",  "REPLACE",	  "RESET",
		"REVOKE",   "ROLLBACK", "SAVEPOINT", "SELECT",	"SET",	   "SHOW",	 "START",   "STOP",	  "TABLE",
		"TRUNCATE", "UNLISTEN", "UNLOCK",    "UPDATE",	"USE",	   "VACUUM",	 "VALUES",  "WITH",	  "XA",
	};
	char buf[TT_SQL_KIND_MAX];
	struct tt_span kind = tt_sql_kind(text, hash_comments, buf);

	for (size_t i = 0; i < TT_ARRAY_LEN(words); i++) {
		if (tt_span_eq(kind, tt_span_str(words[i])))
			return true;
	}
	return false;
}

struct tt_sql_text *tt_sql_text_new(struct tt_span s)
{
	struct tt_sql_text *t = malloc(sizeof(*t) + s.len);
	if (!t)
		return NULL;
	t->refs = 1;
	t->len = (uint32_t)s.len;
	if (s.len)
		memcpy(t->data, s.data, s.len);
	return t;
}

struct tt_sql_text *tt_sql_text_ref(struct tt_sql_text *t)
{
	if (t)
		t->refs++;
	return t;
}

struct tt_sql_text *tt_sql_text_unref(struct tt_sql_text *t)
{
	if (t && --t->refs == 0)
		free(t);
	return NULL;
}

void tt_sql_operation(struct tt_message *m, struct tt_span operation)
{
	tt_message_text(m, TT_TEXT_OPERATION, operation);
	tt_message_attr_text(m, "db.operation.name", TT_TEXT_OPERATION);
}

void tt_sql_statement(struct tt_message *m, struct tt_span text)
{
	tt_message_text(m, TT_TEXT_RESOURCE, text);
	tt_message_attr_text(m, "db.query.text", TT_TEXT_RESOURCE);
}
