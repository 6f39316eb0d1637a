// SPDX-License-Identifier: Apache-2.0
#include "sink/sqlnorm.h"

#include <errno.h>

#include "proto/sqltext.h"
#include "sink/sqlword.h"

/* What a byte can begin. */
enum tt_sql_class {
	TT_SQL_SIGN, /* stands for itself */
	TT_SQL_SPACE,
	TT_SQL_WORD,
	TT_SQL_DIGIT,
	TT_SQL_DOLLAR,
	TT_SQL_QUOTE,
	TT_SQL_DOT,
	TT_SQL_CLOSE,
	TT_SQL_COMMENT, /* perhaps */
	TT_SQL_BRACKET, /* a name, in one dialect */
};

static const uint8_t tt_sql_classes[256] = {
	[0] = TT_SQL_SPACE,
	['\t' ... '\r'] = TT_SQL_SPACE,
	[' '] = TT_SQL_SPACE,
	['a' ... 'z'] = TT_SQL_WORD,
	['A' ... 'Z'] = TT_SQL_WORD,
	['_'] = TT_SQL_WORD,
	[0x80 ... 0xff] = TT_SQL_WORD,
	['0' ... '9'] = TT_SQL_DIGIT,
	['$'] = TT_SQL_DOLLAR,
	['\''] = TT_SQL_QUOTE,
	['"'] = TT_SQL_QUOTE,
	['`'] = TT_SQL_QUOTE,
	['.'] = TT_SQL_DOT,
	[')'] = TT_SQL_CLOSE,
	['/'] = TT_SQL_COMMENT,
	['-'] = TT_SQL_COMMENT,
	['#'] = TT_SQL_COMMENT,
	['*'] = TT_SQL_COMMENT,
	['['] = TT_SQL_BRACKET,
};

struct tt_sql {
	const uint8_t *at;
	const uint8_t *end;
	uint8_t *to;	/* there is room: what comes out is never longer than what went in */
	uint8_t *start; /* of what came out */
	enum tt_sql_dialect dialect;
	enum tt_quoting quoting;
	const uint8_t *string; /* the first string or quoted name; NULL: none yet */
	const uint8_t *doubt;  /* from here on what is quoted may be what is not; NULL: all is clear */
	const uint8_t *stop;   /* all from here on is one literal */
	const uint8_t *value;  /* the first place where a word may be a value, if the server did not know it; NULL: none yet */
	struct tt_sql_words words;
	bool refused;
	bool worded;	  /* the statement's first word has come */
	bool space;	  /* white space is owed before the next token */
	bool conditional; /* inside a conditional comment */
};

static bool tt_sql_is_digit(uint8_t c)
{
	return tt_sql_classes[c] == TT_SQL_DIGIT;
}

static bool tt_sql_is_word(uint8_t c)
{
	uint8_t class = tt_sql_classes[c];
	return class >= TT_SQL_WORD && class <= TT_SQL_DOLLAR;
}

static bool tt_sql_is_space(uint8_t c)
{
	return tt_sql_classes[c] == TT_SQL_SPACE;
}

/* The byte `ahead` of here; 0 past the end. */
static uint8_t tt_sql_peek(const struct tt_sql *q, size_t ahead)
{
	return (size_t)(q->end - q->at) > ahead ? q->at[ahead] : 0;
}

static void tt_sql_emit_space(struct tt_sql *q)
{
	if (q->space && q->to > q->start)
		*q->to++ = ' ';
	q->space = false;
}

static void tt_sql_emit_char(struct tt_sql *q, uint8_t c)
{
	tt_sql_emit_space(q);
	*q->to++ = c;
}

static void tt_sql_emit(struct tt_sql *q, const uint8_t *data, size_t len)
{
	tt_sql_emit_space(q);
	tt_copy_short(q->to, data, len);
	q->to += len;
}

static uint8_t tt_sql_last(const struct tt_sql *q)
{
	return q->to > q->start ? q->to[-1] : 0;
}

/* A literal. A sign that can only be its own goes with it. */
static void tt_sql_emit_literal(struct tt_sql *q)
{
	uint8_t last = tt_sql_last(q);
	if ((last == '-' || last == '+') && !q->space && q->to - q->start >= 2) {
		const uint8_t *before = q->to - 2;
		while (before > q->start && *before == ' ')
			before--;
		if (strchr(before < q->to - 2 ? "(,=<>*/%+-" : "(,=<>*/%", *before))
			q->to--;
	}
	tt_sql_emit_char(q, '?');
}

/* A word or name that is one: several in a row are one. */
static void tt_sql_emit_value(struct tt_sql *q)
{
	if (tt_sql_last(q) == '?')
		q->space = false;
	else
		tt_sql_emit_literal(q);
}

/* The earliest doubt is the one that counts. */
static void tt_sql_doubt(struct tt_sql *q, const uint8_t *from)
{
	if (from && (!q->doubt || from < q->doubt))
		q->doubt = from;
}

static uint8_t tt_sql_closing(uint8_t quote)
{
	return quote == '[' ? ']' : quote;
}

/* From here on words may be values, where the server took them for names it does not know. */
static void tt_sql_value(struct tt_sql *q, const uint8_t *at)
{
	if (!q->refused || q->value)
		return;
	while (at < q->end && tt_sql_is_space(*at))
		at++;
	q->value = at;
}

/*
 * Past the quoted piece that begins `at`, or NULL where the text ends inside; the quote doubled stands for itself, and a
 * backslash for the next byte if it escapes.
 */
static const uint8_t *tt_sql_quote_end(const struct tt_sql *q, const uint8_t *at, bool backslash)
{
	uint8_t quote = tt_sql_closing(*at++);
	while (at < q->end) {
		uint8_t c = *at++;
		if (c == '\\' && backslash) {
			if (at < q->end)
				at++;
		} else if (c == quote) {
			if (at == q->end || *at != quote)
				return at;
			at++;
		}
	}
	return NULL;
}

/* Where the same string goes on: behind white space with a new line in it (PostgreSQL 15, section 4.1.2.1); else NULL. */
static const uint8_t *tt_sql_continued(const struct tt_sql *q, const uint8_t *at, uint8_t quote)
{
	bool line = false;
	for (; at < q->end && tt_sql_is_space(*at); at++)
		line |= *at == '\n' || *at == '\r';
	return line && quote == '\'' && at < q->end && *at == quote ? at : NULL;
}

/*
 * Past the quoted piece that begins here, of a token that began at `token`. What is open at the end of the text, or has a word
 * right behind it, was none perhaps, nor then what was quoted before.
 */
static void tt_sql_skip_quoted(struct tt_sql *q, const uint8_t *token, enum tt_quoting quoting)
{
	const uint8_t *next = q->at, *end = NULL;
	uint8_t quote = *q->at;

	if (!q->string)
		q->string = token;
	while (next) {
		end = tt_sql_quote_end(q, next, quoting == TT_QUOTING_BACKSLASH);
		if (quoting == TT_QUOTING_UNKNOWN && end != tt_sql_quote_end(q, next, true))
			tt_sql_doubt(q, token);
		next = end ? tt_sql_continued(q, end, quote) : NULL;
	}
	q->at = end ? end : q->end;
	if (!end || (q->at < q->end && tt_sql_is_word(*q->at)))
		tt_sql_doubt(q, q->string);
}

static void tt_sql_skip_line(struct tt_sql *q)
{
	while (q->at < q->end && *q->at != '\n')
		q->at++;
	q->space = true;
}

static void tt_sql_skip_comment(struct tt_sql *q)
{
	int depth = 0;
	q->space = true;
	while (q->at < q->end) {
		if (tt_sql_peek(q, 0) == '/' && tt_sql_peek(q, 1) == '*' &&
		    (depth == 0 || q->dialect == TT_SQL_POSTGRESQL || q->dialect == TT_SQL_CLICKHOUSE ||
		     q->dialect == TT_SQL_TSQL)) {
			depth++;
			q->at += 2;
		} else if (tt_sql_peek(q, 0) == '*' && tt_sql_peek(q, 1) == '/') {
			q->at += 2;
			if (--depth == 0)
				return;
		} else {
			q->at++;
		}
	}
}

/* What stands in a conditional comment is executed: only its marks are dropped. */
static bool tt_sql_conditional(struct tt_sql *q)
{
	if (q->dialect != TT_SQL_MYSQL)
		return false;
	size_t mark = tt_sql_peek(q, 2) == '!' ? 3 : tt_sql_peek(q, 2) == 'M' && tt_sql_peek(q, 3) == '!' ? 4 : 0;
	if (!mark)
		return false;
	q->at += mark;
	while (q->at < q->end && tt_sql_is_digit(*q->at))
		q->at++;
	q->space = true;
	q->conditional = true;
	return true;
}

static bool tt_sql_comment(struct tt_sql *q)
{
	uint8_t c = tt_sql_peek(q, 0);
	uint8_t next = tt_sql_peek(q, 1);

	if (c == '/' && next == '*') {
		if (!tt_sql_conditional(q))
			tt_sql_skip_comment(q);
		return true;
	}
	/* MySQL's needs white space after it, so that 5--1 stays arithmetic. */
	if (c == '-' && next == '-' && (q->dialect != TT_SQL_MYSQL || tt_sql_is_space(tt_sql_peek(q, 2)))) {
		tt_sql_skip_line(q);
		return true;
	}
	bool line = (c == '#' && (q->dialect == TT_SQL_MYSQL || q->dialect == TT_SQL_CLICKHOUSE)) ||
		    (c == '/' && next == '/' && q->dialect == TT_SQL_CQL);
	if (line) {
		tt_sql_skip_line(q);
		return true;
	}
	if (c == '*' && next == '/' && q->conditional) {
		q->at += 2;
		q->space = true;
		q->conditional = false;
		return true;
	}
	return false;
}

/* $1 and $tag$...$tag$. */
static void tt_sql_dollar(struct tt_sql *q)
{
	const uint8_t *tag = q->at++;
	if (q->at < q->end && tt_sql_is_digit(*q->at)) {
		while (q->at < q->end && tt_sql_is_digit(*q->at))
			q->at++;
		tt_sql_emit_literal(q);
		return;
	}
	while (q->at < q->end && tt_sql_is_word(*q->at) && *q->at != '$')
		q->at++;
	if (q->at < q->end && *q->at != '$') { /* no quote after all */
		tt_sql_emit(q, tag, (size_t)(q->at - tag));
		return;
	}

	size_t len = q->at < q->end ? (size_t)(q->at + 1 - tag) : 0;
	const uint8_t *close = len ? memmem(q->at + 1, (size_t)(q->end - q->at - 1), tag, len) : NULL;
	q->at = close ? close + len : q->end;
	tt_sql_emit_literal(q);
}

/* All that hangs together with a digit: 1, 1.5e-3, 0xFF, 2nd. */
static void tt_sql_number(struct tt_sql *q)
{
	while (q->at < q->end) {
		uint8_t c = *q->at;
		bool exponent = (c == '+' || c == '-') && (q->at[-1] | 0x20) == 'e' && tt_sql_is_digit(tt_sql_peek(q, 1));
		if (!tt_sql_is_word(c) && c != '.' && !exponent)
			break;
		q->at++;
	}
	tt_sql_emit_literal(q);
}

/* Does this word belong to the string right after it, as in N'x', E'\n', X'ff', _utf8'x'? */
static bool tt_sql_is_prefix(struct tt_span word)
{
	if (word.len == 1)
		return strchr("nebxuNEBXU", word.data[0]) != NULL;
	return word.len > 1 && word.data[0] == '_';
}

/* The sign before what comes next; 0: a word is. */
static uint8_t tt_sql_before(const struct tt_sql *q)
{
	uint8_t last = tt_sql_last(q);
	return tt_sql_is_word(last) ? 0 : last;
}

/* Behind some words values stand; and what does not begin as a statement does is nothing that is known. */
static void tt_sql_refused_word(struct tt_sql *q, struct tt_span word)
{
	static const char *const words[] = {"BETWEEN",	"BY",	  "ILIKE", "IN", "LIKE",
					    "PASSWORD", "REGEXP", "RLIKE", "TO", "VALUES"};

	if (!q->worded && !tt_sql_begins_statement(word))
		tt_sql_value(q, word.data);
	q->worded = true;
	for (size_t i = 0; i < TT_ARRAY_LEN(words); i++) {
		if (tt_span_ieq(word, tt_span_str(words[i])))
			tt_sql_value(q, q->at);
	}
}

static void tt_sql_word(struct tt_sql *q)
{
	const uint8_t *from = q->at, *at = from, *end = q->end;
	while (at < end && tt_sql_is_word(*at))
		at++;
	q->at = at;

	struct tt_span word = tt_span(from, (size_t)(q->at - from));
	uint8_t next = tt_sql_peek(q, 0);
	if (next == '&' && tt_sql_peek(q, 1) == '\'' && word.len == 1 && (*from | 0x20) == 'u')
		next = *++q->at; /* U&'...' */
	if (next == '\'' && tt_sql_is_prefix(word)) {
		bool escapes = (*from | 0x20) == 'e' && q->dialect == TT_SQL_POSTGRESQL;
		tt_sql_skip_quoted(q, from, escapes ? TT_QUOTING_BACKSLASH : q->quoting);
		tt_sql_emit_literal(q);
		return;
	}
	if (tt_sql_words_word(&q->words, word, tt_sql_before(q), tt_span(q->at, (size_t)(q->end - q->at)))) {
		tt_sql_emit_value(q);
		return;
	}
	if (q->refused)
		tt_sql_refused_word(q, word);
	tt_sql_emit(q, word.data, word.len);
}

/* Is the piece in these quotes a name? In T-SQL double quotes are as the session has it, which is not known. */
static bool tt_sql_names(struct tt_sql *q, uint8_t quote)
{
	if (quote == '[')
		return true;
	if (q->dialect == TT_SQL_TSQL)
		return false;
	return quote == '`' || (quote == '"' && q->dialect != TT_SQL_MYSQL && q->dialect != TT_SQL_CLICKHOUSE);
}

/* A string, or a quoted name, which is kept. */
static void tt_sql_quoted(struct tt_sql *q)
{
	const uint8_t *from = q->at;
	bool name = tt_sql_names(q, *from);
	tt_sql_skip_quoted(q, from, name && q->dialect != TT_SQL_CLICKHOUSE ? TT_QUOTING_PLAIN : q->quoting);
	/* A name cut off by the end of the text is none for sure. */
	bool whole = q->at - from >= 2 && q->at[-1] == tt_sql_closing(*from);
	if (name && tt_sql_words_name(&q->words, tt_sql_before(q), tt_span(q->at, (size_t)(q->end - q->at))))
		tt_sql_emit_value(q);
	else if (name && whole)
		tt_sql_emit(q, from, (size_t)(q->at - from));
	else
		tt_sql_emit_literal(q);
}

/* Is what came out from `from` to `to` nothing but placeholders and commas? */
static bool tt_sql_only_literals(const uint8_t *from, const uint8_t *to)
{
	bool any = false;
	for (; from < to; from++) {
		if (*from == '?')
			any = true;
		else if (*from != ',' && *from != ' ')
			return false;
	}
	return any;
}

/* (?, ?, ?) becomes (?), and a row of such groups becomes one. */
static void tt_sql_close(struct tt_sql *q)
{
	tt_sql_words_sign(&q->words, ')');
	uint8_t *open = q->to; /* past the bracket */
	while (open > q->start && open[-1] != '(' && open[-1] != ')')
		open--;
	if (open == q->start || open[-1] != '(' || !tt_sql_only_literals(open, q->to)) {
		tt_sql_emit_char(q, ')');
		return;
	}

	q->space = false;
	open[0] = '?';
	open[1] = ')';
	q->to = open + 2;

	uint8_t *before = open - 1; /* the bracket; then the end of what is before it */
	while (before > q->start && (before[-1] == ' ' || before[-1] == ','))
		before--;
	if (before - q->start >= 3 && memcmp(before - 3, "(?)", 3) == 0 && memchr(before, ',', (size_t)(open - 1 - before)))
		q->to = before;
}

static void tt_sql_sign(struct tt_sql *q)
{
	uint8_t c = *q->at++;
	if (c == ';')
		q->worded = false;
	else if (c == '=' || c == '<' || c == '>' || c == '~' || c == '(')
		tt_sql_value(q, q->at);
	tt_sql_words_sign(&q->words, c);
	tt_sql_emit_char(q, c);
}

/* A parameter, a string in dollars, money, or part of a word. */
static void tt_sql_from_dollar(struct tt_sql *q)
{
	if (q->dialect == TT_SQL_TSQL && tt_sql_is_digit(tt_sql_peek(q, 1)))
		tt_sql_number(q);
	else if (q->dialect == TT_SQL_MYSQL || q->dialect == TT_SQL_TSQL)
		tt_sql_word(q);
	else
		tt_sql_dollar(q);
}

static void tt_sql_token(struct tt_sql *q)
{
	switch (tt_sql_classes[*q->at]) {
	case TT_SQL_SPACE:
		q->at++;
		q->space = true;
		break;
	case TT_SQL_WORD:
		tt_sql_word(q);
		break;
	case TT_SQL_DIGIT:
		tt_sql_number(q);
		break;
	case TT_SQL_DOT: /* .5, and p .5, but not t.5 */
		if (tt_sql_is_digit(tt_sql_peek(q, 1)) && !(tt_sql_is_word(tt_sql_last(q)) && tt_sql_is_word(q->at[-1])))
			tt_sql_number(q);
		else
			tt_sql_sign(q);
		break;
	case TT_SQL_DOLLAR:
		tt_sql_from_dollar(q);
		break;
	case TT_SQL_QUOTE:
		tt_sql_quoted(q);
		break;
	case TT_SQL_BRACKET:
		if (q->dialect == TT_SQL_TSQL)
			tt_sql_quoted(q);
		else
			tt_sql_sign(q);
		break;
	case TT_SQL_CLOSE:
		q->at++;
		tt_sql_close(q);
		break;
	case TT_SQL_COMMENT:
		if (!tt_sql_comment(q))
			tt_sql_sign(q);
		break;
	default:
		tt_sql_sign(q);
		break;
	}
}

/* What a backslash means, where the dialect leaves it to the session. */
static enum tt_quoting tt_sql_quoting(const struct tt_sql_rules *rules)
{
	if (rules->dialect == TT_SQL_CQL || rules->dialect == TT_SQL_TSQL)
		return TT_QUOTING_PLAIN;
	return rules->dialect == TT_SQL_CLICKHOUSE ? TT_QUOTING_BACKSLASH : rules->quoting;
}

static void tt_sql_run(struct tt_sql *q)
{
	while (q->at < q->stop)
		tt_sql_token(q);
	if (q->stop < q->end)
		tt_sql_emit_literal(q);
}

int tt_sql_normalise(struct tt_buf *out, struct tt_span sql, const struct tt_sql_rules *rules)
{
	int r = tt_buf_reserve(out, sql.len + 1);
	if (r < 0 || !sql.len)
		return r;

	uint8_t *start = out->data + out->len;
	const uint8_t *end = sql.data + sql.len;
	struct tt_sql begun = {.at = sql.data,
			       .end = end,
			       .stop = end,
			       .to = start,
			       .start = start,
			       .dialect = rules->dialect,
			       .words = {.dialect = rules->dialect},
			       .quoting = tt_sql_quoting(rules),
			       .refused = rules->refused};
	struct tt_sql q = begun;
	tt_sql_run(&q);
	if (rules->refused) {
		tt_sql_doubt(&q, q.string);
		tt_sql_doubt(&q, q.value);
	}
	if (q.doubt) {
		begun.stop = q.doubt;
		q = begun;
		tt_sql_run(&q);
	}
	while (q.to > start && (q.to[-1] == ';' || q.to[-1] == ' '))
		q.to--;
	out->len += (size_t)(q.to - start);
	return 0;
}
