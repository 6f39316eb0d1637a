// SPDX-License-Identifier: Apache-2.0
/*
 * PostgreSQL: names that SQL itself makes and drops. What a statement or portal of such a name stands for is not known from there
 * on, whether the server did it or not.
 */
#include "base/own.h"
#include "proto/postgresql_internal.h"

#define NAME_MOST 63 /* the server cuts longer ones (NAMEDATALEN) */

static const struct changing {
	const char *word;
	bool statements;
	bool portals;
} changing[] = {
	{"CLOSE", false, true},	 {"DEALLOCATE", true, false}, {"DECLARE", false, true},
	{"DISCARD", true, true}, {"PREPARE", true, false},
};

static bool is_letter(uint8_t c)
{
	uint8_t l = tt_ascii_lower(c);
	return (l >= 'a' && l <= 'z') || c == '_' || c >= 0x80;
}

static bool is_in_word(uint8_t c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '$';
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct tt_span take_word(struct tt_cursor *c)
{
	size_t at = c->pos, end = at;

	while (end < c->len && is_in_word(c->data[end]))
		end++;
	return tt_cursor_take(c, end - at);
}

bool pg_sql_changes_names(struct tt_span kind)
{
	uint8_t first = kind.len ? kind.data[0] : 0;

	if (first != 'C' && first != 'D' && first != 'P')
		return false;
	for (size_t i = 0; i < TT_ARRAY_LEN(changing); i++) {
		if (tt_span_eq(kind, tt_span_str(changing[i].word)))
			return true;
	}
	return false;
}

/* --- the name behind the word ----------------------------------------------------------------------------------------------- */

enum named {
	NONE,
	ONE,
	ALL, /* or one that is not read here */
};

static enum named read_quoted(struct tt_cursor *c, uint8_t *name, size_t *ret_len)
{
	struct tt_span s = tt_cursor_until(c, '"');

	if (tt_cursor_short(c))
		return NONE;
	if (s.len > NAME_MOST || (tt_cursor_left(c) && c->data[c->pos] == '"'))
		return ALL;
	memcpy(name, s.data, s.len);
	*ret_len = s.len;
	return ONE;
}

static enum named read_name(struct tt_cursor *c, uint8_t *name, size_t *ret_len)
{
	while (tt_cursor_left(c) && is_blank(c->data[c->pos]))
		c->pos++;
	uint8_t first = tt_cursor_left(c) ? c->data[c->pos] : 0;
	if (first == '"') {
		c->pos++;
		return read_quoted(c, name, ret_len);
	}
	if (!is_letter(first))
		return first == '-' || first == '/' ? ALL : NONE; /* a comment */
	struct tt_span word = take_word(c);
	if (word.len > NAME_MOST || (tt_cursor_left(c) && c->data[c->pos] == '&'))
		return ALL;
	for (size_t i = 0; i < word.len; i++) {
		name[i] = tt_ascii_lower(word.data[i]);
		if (name[i] >= 0x80)
			return ALL;
	}
	*ret_len = word.len;
	return tt_span_eq(tt_span(name, word.len), TT_SPAN_LIT("all")) ? ALL : ONE;
}

static void change(struct pg_state *st, const struct changing *how, struct tt_cursor c)
{
	uint8_t name[NAME_MOST];
	size_t len = 0;
	enum named named = read_name(&c, name, &len);

	bool discards = how->statements && how->portals;
	if (named == NONE || (named == ONE && discards))
		return; /* DISCARD PLANS */
	bool one = named == ONE;
	if (how->portals)
		st->portals_sure = false;
	if (how->statements && one)
		tt_sql_table_remove(&st->statements, tt_span(name, len));
	else if (how->statements)
		tt_sql_table_clear(&st->statements);
	if (how->portals && one)
		tt_sql_table_remove(&st->portals, tt_span(name, len));
	else if (how->portals)
		tt_sql_table_clear(&st->portals);
}

/* --- the words -------------------------------------------------------------------------------------------------------------- */

/* Wherever one of them stands, also in quotes: a name forgotten for nothing is but a statement not shown. DEALLOCATE PREPARE is
 * two of them. */
void pg_sql_follow(struct pg_state *st, struct tt_span text)
{
	struct tt_cursor c = tt_cursor(text);

	while (tt_cursor_left(&c)) {
		if (!is_in_word(c.data[c.pos])) {
			c.pos++;
			continue;
		}
		struct tt_span word = take_word(&c);
		/* A cursor WITH HOLD outlives its transaction. */
		st->held |= tt_span_ieq(word, TT_SPAN_LIT("hold"));
		for (size_t i = 0; i < TT_ARRAY_LEN(changing); i++) {
			if (tt_span_ieq(word, tt_span_str(changing[i].word)))
				change(st, &changing[i], c);
		}
	}
}

/* Is there more than one statement, as far as a look can tell? */
static bool holds_several(struct tt_span text)
{
	while (text.len && (is_blank(text.data[text.len - 1]) || text.data[text.len - 1] == ';'))
		text.len--;
	return text.len && memchr(text.data, ';', text.len);
}

void pg_sql_queried(struct pg_state *st, const struct tt_message *m, bool changes)
{
	struct tt_span text = tt_message_get(m, TT_TEXT_RESOURCE);

	if (!m)
		pg_statements_clear(st); /* there was no room to look at it */
	else if (changes || holds_several(text))
		pg_sql_follow(st, text);
}
