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

/* Position after the comment whose inside begins at `at`; the text's length if it does not end. */
static size_t skip_block(struct tt_span s, size_t at, bool nests)
{
	size_t depth = 1;

	while (at + 1 < s.len) {
		bool ends = s.data[at] == '*' && s.data[at + 1] == '/';
		bool begins = nests && s.data[at] == '/' && s.data[at + 1] == '*';
		at += ends || begins ? 2 : 1;
		depth += begins;
		depth -= ends;
		if (!depth)
			return at;
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
		return skip_block(s, at + 2, !hash_comments);
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

/* Words that begin statements of any of the dialects, in order. */
static const struct word {
	const char *word;
	bool telling; /* that bytes begin with it is evidence of SQL */
} words[] = {
	{"ABORT", true},
	{"ADD", false},
	{"ALTER", true},
	{"ALTER_REPLICATION_SLOT", false},
	{"ANALYZE", true},
	{"ATTACH", false},
	{"BACKUP", false},
	{"BASE_BACKUP", false},
	{"BATCH", false},
	{"BEGIN", true},
	{"BINLOG", false},
	{"BREAK", false},
	{"BULK", false},
	{"CACHE", false},
	{"CALL", true},
	{"CHANGE", true},
	{"CHECK", true},
	{"CHECKPOINT", true},
	{"CLONE", false},
	{"CLOSE", true},
	{"CLUSTER", true},
	{"COMMENT", true},
	{"COMMIT", true},
	{"CONTINUE", false},
	{"COPY", true},
	{"CREATE", true},
	{"CREATE_REPLICATION_SLOT", false},
	{"DBCC", false},
	{"DEALLOCATE", true},
	{"DECLARE", true},
	{"DELETE", true},
	{"DENY", false},
	{"DESC", true},
	{"DESCRIBE", true},
	{"DETACH", false},
	{"DISABLE", false},
	{"DISCARD", true},
	{"DO", true},
	{"DROP", true},
	{"DROP_REPLICATION_SLOT", false},
	{"ENABLE", false},
	{"END", true},
	{"EXCHANGE", false},
	{"EXEC", false},
	{"EXECUTE", true},
	{"EXISTS", false},
	{"EXPLAIN", true},
	{"FETCH", true},
	{"FLUSH", true},
	{"FROM", false},
	{"GET", false},
	{"GOTO", false},
	{"GRANT", true},
	{"HANDLER", true},
	{"HELP", false},
	{"IDENTIFY_SYSTEM", false},
	{"IF", false},
	{"IMPORT", false},
	{"INSERT", true},
	{"INSTALL", false},
	{"KILL", true},
	{"LIST", false},
	{"LISTEN", true},
	{"LOAD", true},
	{"LOCK", true},
	{"MERGE", true},
	{"MOVE", true},
	{"NOTIFY", true},
	{"OPEN", false},
	{"OPTIMIZE", true},
	{"PARALLEL", false},
	{"PREPARE", true},
	{"PRINT", false},
	{"PURGE", false},
	{"RAISERROR", false},
	{"READTEXT", false},
	{"READ_REPLICATION_SLOT", false},
	{"REASSIGN", false},
	{"RECEIVE", false},
	{"RECONFIGURE", false},
	{"REFRESH", true},
	{"REINDEX", true},
	{"RELEASE", true},
	{"RENAME", true},
	{"REPAIR", false},
	{"REPLACE", true},
	{"RESET", true},
	{"RESIGNAL", false},
	{"RESTART", false},
	{"RESTORE", false},
	{"RETURN", false},
	{"REVERT", false},
	{"REVOKE", true},
	{"ROLLBACK", true},
	{"SAVE", false},
	{"SAVEPOINT", true},
	{"SELECT", true},
	{"SEND", false},
	{"SET", true},
	{"SHOW", true},
	{"SHUTDOWN", false},
	{"SIGNAL", false},
	{"START", true},
	{"START_REPLICATION", false},
	{"STOP", true},
	{"SYSTEM", false},
	{"TABLE", true},
	{"THROW", false},
	{"TIMELINE_HISTORY", false},
	{"TRUNCATE", true},
	{"UNDROP", false},
	{"UNINSTALL", false},
	{"UNLISTEN", true},
	{"UNLOCK", true},
	{"UPDATE", true},
	{"UPDATETEXT", false},
	{"UPLOAD_MANIFEST", false},
	{"USE", true},
	{"VACUUM", true},
	{"VALUES", true},
	{"WAITFOR", false},
	{"WATCH", false},
	{"WHILE", false},
	{"WITH", true},
	{"WRITETEXT", false},
	{"XA", true},
};

/* No word of these is longer. */
#define WORD_MOST 24

static int compare_word(const void *key, const void *row)
{
	return strcmp(key, ((const struct word *)row)->word);
}

/* The word the text begins with; NULL: none of ours. */
static const struct word *find_word(struct tt_span text)
{
	char upper[WORD_MOST + 1] = "";
	size_t n = 0;

	for (; n < text.len && is_word(text.data[n]); n++) {
		if (n == WORD_MOST)
			return NULL;
		uint8_t c = text.data[n];
		upper[n] = (char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
	}
	return n ? bsearch(upper, words, TT_ARRAY_LEN(words), sizeof(*words), compare_word) : NULL;
}

static const struct word *find_kind(struct tt_span text, bool hash_comments)
{
	return find_word(tt_span_sub(text, skip_front(text, hash_comments), text.len));
}

bool tt_sql_begins_statement(struct tt_span word)
{
	const struct word *found = find_word(word);

	return found && strlen(found->word) == word.len;
}

struct tt_span tt_sql_kind(struct tt_span text, bool hash_comments)
{
	const struct word *found = find_kind(text, hash_comments);

	return found ? tt_span_str(found->word) : tt_span(NULL, 0);
}

bool tt_sql_plausible(struct tt_span text, bool hash_comments)
{
	const struct word *found = find_kind(text, hash_comments);

	return found && found->telling;
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
