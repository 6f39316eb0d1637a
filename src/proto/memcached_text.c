// SPDX-License-Identifier: Apache-2.0
/* The client's side of the text protocol, meta commands included. */
#include "proto/memcached.h"

#include "base/digits.h"
#include "base/own.h"
#include "base/text.h"

#define NAME_MAX_BYTES 24

/* Sorted by nothing: what is asked for most comes first. */
static const struct tt_memcached_command commands[] = {
	{"get", "GET", TT_MEMCACHED_RETRIEVAL, 1, 0, 2, 0},
	{"set", "SET", TT_MEMCACHED_LINE, 1, 4, 5, 6},
	{"gets", "GETS", TT_MEMCACHED_RETRIEVAL, 1, 0, 2, 0},
	{"delete", "DELETE", TT_MEMCACHED_LINE, 1, 0, 2, 4},
	{"incr", "INCR", TT_MEMCACHED_LINE, 1, 0, 3, 4},
	{"decr", "DECR", TT_MEMCACHED_LINE, 1, 0, 3, 4},
	{"add", "ADD", TT_MEMCACHED_LINE, 1, 4, 5, 6},
	{"cas", "CAS", TT_MEMCACHED_LINE, 1, 4, 6, 7},
	{"touch", "TOUCH", TT_MEMCACHED_LINE, 1, 0, 3, 4},
	{"replace", "REPLACE", TT_MEMCACHED_LINE, 1, 4, 5, 6},
	{"append", "APPEND", TT_MEMCACHED_LINE, 1, 4, 5, 6},
	{"prepend", "PREPEND", TT_MEMCACHED_LINE, 1, 4, 5, 6},
	{"gat", "GAT", TT_MEMCACHED_RETRIEVAL, 2, 0, 3, 0},
	{"gats", "GATS", TT_MEMCACHED_RETRIEVAL, 2, 0, 3, 0},
	{"mg", "MG", TT_MEMCACHED_META, 1, 0, 2, 0},
	{"ms", "MS", TT_MEMCACHED_META, 1, 2, 3, 0},
	{"md", "MD", TT_MEMCACHED_META, 1, 0, 2, 0},
	{"ma", "MA", TT_MEMCACHED_META, 1, 0, 2, 0},
	{"mn", "MN", TT_MEMCACHED_META, 0, 0, 1, 1},
	{"me", "ME", TT_MEMCACHED_META, 1, 0, 2, 0},
	{"stats", "STATS", TT_MEMCACHED_STATS, 0, 0, 1, 5},
	{"version", "VERSION", TT_MEMCACHED_LINE, 0, 0, 1, 1},
	{"flush_all", "FLUSH_ALL", TT_MEMCACHED_LINE, 0, 0, 1, 3},
	{"verbosity", "VERBOSITY", TT_MEMCACHED_LINE, 0, 0, 1, 3},
	{"quit", "QUIT", TT_MEMCACHED_LINE, 0, 0, 1, 1},
	{"shutdown", "SHUTDOWN", TT_MEMCACHED_LINE, 0, 0, 1, 2},
	{"cache_memlimit", "CACHE_MEMLIMIT", TT_MEMCACHED_LINE, 0, 0, 2, 3},
	{"slabs", "SLABS", TT_MEMCACHED_LINE, 0, 0, 2, 5},
	{"lru", "LRU", TT_MEMCACHED_LINE, 0, 0, 2, 6},
	{"lru_crawler", "LRU_CRAWLER", TT_MEMCACHED_LINE, 0, 0, 2, 3},
	{"watch", "WATCH", TT_MEMCACHED_WATCH, 0, 0, 1, 0},
};

const struct tt_memcached_command *tt_memcached_command_find(struct tt_span word)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(commands); i++) {
		if (tt_span_eq(word, tt_span_str(commands[i].word)))
			return &commands[i];
	}
	return NULL;
}

void tt_memcached_split(struct tt_span line, struct tt_memcached_words *ret)
{
	size_t at = 0;

	*ret = (struct tt_memcached_words){.count = 0};
	while (at < line.len) {
		while (at < line.len && line.data[at] == ' ')
			at++;
		size_t from = at;
		while (at < line.len && line.data[at] != ' ')
			at++;
		if (at == from)
			break;
		ret->last = tt_span_sub(line, from, at - from);
		if (ret->count < TT_ARRAY_LEN(ret->word))
			ret->word[ret->count] = ret->last;
		ret->count++;
	}
}

static bool is_key(struct tt_span s)
{
	return s.len && s.len <= TT_MEMCACHED_KEY_MAX && tt_is_word(s);
}

static bool is_signed_number(struct tt_span s)
{
	uint64_t n;
	return tt_digits_read(tt_span_sub(s, s.len && s.data[0] == '-', s.len), &n);
}

/* Flags, time, length of a storage command: numbers. */
static bool has_numbers(const struct tt_memcached_command *c, const struct tt_memcached_words *w)
{
	uint64_t n;

	if (c->bytes && (!tt_digits_read(w->word[c->bytes], &n) || n > TT_MEMCACHED_BODY_MAX))
		return false;
	if (c->bytes == 4)
		return tt_digits_read(w->word[2], &n) && is_signed_number(w->word[3]);
	return true;
}

bool tt_memcached_is_command(const struct tt_memcached_words *w)
{
	const struct tt_memcached_command *c = w->count ? tt_memcached_command_find(w->word[0]) : NULL;

	if (!c || w->count < c->words_min || (c->words_max && w->count > c->words_max))
		return false;
	if (c->key && !is_key(w->word[c->key]))
		return false;
	return has_numbers(c, w);
}

static bool is_retrieval(const struct tt_memcached_command *c)
{
	return c && c->class == TT_MEMCACHED_RETRIEVAL;
}

static void describe(struct tt_message *m, const struct tt_memcached_command *c, const struct tt_memcached_words *w)
{
	/* A word that is no command may be anything, data too: it is no name to count by. */
	if (w->count)
		tt_message_text(m, TT_TEXT_OPERATION, c ? tt_span_str(c->name) : TT_SPAN_LIT("_OTHER"));
	if (c && c->key && w->count > c->key)
		tt_message_text(m, TT_TEXT_RESOURCE, w->word[c->key]);
	tt_message_attr(m, "db.system.name", TT_SPAN_LIT("memcached"));
	tt_message_attr_text(m, "db.operation.name", TT_TEXT_OPERATION);
	if (w->count && !c)
		tt_message_attr(m, "telltale.operation.original", tt_span_sub(w->word[0], 0, NAME_MAX_BYTES));
}

static void count_keys(struct tt_message *m, uint64_t keys)
{
	if (keys > 1)
		tt_message_attr_int(m, "telltale.db.keys", (int64_t)keys);
}

/* Flags behind a meta command's key: quiet, and what its answer will repeat. */
static void read_meta_flags(struct tt_message *m, struct tt_span line, const struct tt_memcached_command *c)
{
	struct tt_span key = tt_message_get(m, TT_TEXT_RESOURCE);
	struct tt_cursor at = tt_cursor(line);
	size_t place = 0;

	m->kind |= (uint32_t)c->word[1] << TT_MEMCACHED_META_SHIFT;
	while (tt_cursor_left(&at)) {
		ptrdiff_t blank = tt_span_find(tt_cursor_rest(&at), ' ');
		struct tt_span word = tt_cursor_take(&at, blank < 0 ? tt_cursor_left(&at) : (size_t)blank);
		tt_cursor_skip(&at, blank >= 0);
		if (word.len == 0)
			continue;
		if (place++ < (c->bytes ? 3u : 2u))
			continue;
		if (word.data[0] == 'q')
			m->kind |= TT_MEMCACHED_QUIET;
		if (word.data[0] == 'k' && !(m->kind & TT_MEMCACHED_OPAQUE)) {
			m->kind |= TT_MEMCACHED_KEY;
			m->tag = (void *)(uintptr_t)tt_memcached_hash(key);
		}
		if (word.data[0] == 'O') {
			m->kind = (m->kind & ~TT_MEMCACHED_KEY) | TT_MEMCACHED_OPAQUE;
			m->tag = (void *)(uintptr_t)tt_memcached_hash(tt_span_sub(word, 1, word.len));
		}
	}
	m->maybe_silent = m->kind & TT_MEMCACHED_QUIET;
}

/* What the answer looks like, by the words behind the command. */
static enum tt_memcached_class class_of(const struct tt_memcached_command *c, const struct tt_memcached_words *w)
{
	if (!c)
		return TT_MEMCACHED_LINE;
	if (tt_span_eq(w->word[0], TT_SPAN_LIT("lru_crawler")) && w->count > 1 &&
	    (tt_span_eq(w->word[1], TT_SPAN_LIT("metadump")) || tt_span_eq(w->word[1], TT_SPAN_LIT("mgdump"))))
		return TT_MEMCACHED_DUMP;
	return c->class;
}

static bool is_one_way(const struct tt_memcached_command *c, const struct tt_memcached_words *w)
{
	if (!c || c->class == TT_MEMCACHED_META || is_retrieval(c))
		return false;
	if (tt_span_eq(w->word[0], TT_SPAN_LIT("quit")) || tt_span_eq(w->word[0], TT_SPAN_LIT("shutdown")))
		return true;
	return w->count > 1 && tt_span_eq(w->last, TT_SPAN_LIT("noreply"));
}

static struct tt_message *begin(struct tt_link *link, const struct tt_memcached *s, const struct tt_input *in, size_t at)
{
	/* The frame header belongs to the first of a datagram. */
	struct tt_message *m = tt_request_begin(link, in, in->datagram && at == TT_MEMCACHED_FRAME ? 0 : at);

	if (m)
		m->id = s->datagram_id;
	return m;
}

/* The beginning of a line that is longer than a command may be: keys, as many as one likes. */
static enum tt_step begin_long_line(struct tt_link *link, struct tt_memcached *s, struct tt_input *in)
{
	struct tt_span start = tt_span_sub(tt_cursor_rest(&in->c), 0, TT_MEMCACHED_LINE_MAX);
	struct tt_memcached_words w;

	tt_memcached_split(start, &w);
	const struct tt_memcached_command *c = w.count ? tt_memcached_command_find(w.word[0]) : NULL;
	if (!is_retrieval(c) || w.count <= c->words_min)
		return TT_LOST_SYNC;

	struct tt_message *m = begin(link, s, in, in->c.pos);
	tt_cursor_skip(&in->c, start.len);
	if (m)
		m->kind = c->class;
	describe(m, c, &w);
	s->request = m;
	s->long_line = true;
	s->keys = w.count - c->key;
	s->between = start.data[start.len - 1] == ' ';
	return TT_PARSED;
}

static enum tt_step go_on_with_long_line(struct tt_link *link, struct tt_memcached *s, struct tt_input *in)
{
	while (tt_cursor_left(&in->c)) {
		uint8_t byte = tt_cursor_u8(&in->c);
		if (byte == '\n') {
			struct tt_message *m = s->request;
			s->long_line = false;
			s->request = NULL;
			count_keys(m, s->keys);
			tt_message_end(link, m, in, in->c.pos);
			return TT_PARSED;
		}
		bool blank = byte == ' ' || byte == '\r';
		s->keys += s->between && !blank;
		s->between = blank;
	}
	return TT_MORE;
}

/* A command the server will not know either: a word and printable text. */
static bool is_text_line(struct tt_span line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] < ' ' && line.data[i] != '\t')
			return false;
	}
	return line.len == 0 || (tt_ascii_lower(line.data[0]) >= 'a' && tt_ascii_lower(line.data[0]) <= 'z');
}

enum tt_step tt_memcached_text_request(struct tt_link *link, struct tt_memcached *s, struct tt_input *in)
{
	if (s->long_line)
		return go_on_with_long_line(link, s, in);

	size_t start = in->c.pos;
	struct tt_cursor at = in->c;
	struct tt_memcached_words w;
	uint64_t bytes = 0;

	at.len = TT_MIN(at.len, at.pos + TT_MEMCACHED_LINE_MAX);
	struct tt_span line = tt_cursor_line(&at);
	if (tt_cursor_short(&at))
		return tt_cursor_left(&at) >= TT_MEMCACHED_LINE_MAX ? begin_long_line(link, s, in) : TT_MORE;
	tt_memcached_split(line, &w);
	const struct tt_memcached_command *c = w.count ? tt_memcached_command_find(w.word[0]) : NULL;
	if (!is_text_line(line))
		return TT_LOST_SYNC;
	/* Of a command the server refuses no data are expected. */
	bool data = c && c->bytes && tt_memcached_is_command(&w) && tt_digits_read(w.word[c->bytes], &bytes);

	in->c.pos = at.pos;
	struct tt_message *m = begin(link, s, in, start);
	describe(m, c, &w);
	if (m) {
		m->kind = class_of(c, &w);
		m->one_way = is_one_way(c, &w);
		if (c && c->class == TT_MEMCACHED_META)
			read_meta_flags(m, line, c);
	}
	if (m && in->datagram && data && bytes + 2 > tt_cursor_left(&in->c))
		m->incomplete = true;
	if (is_retrieval(c) && w.count > c->key)
		count_keys(m, w.count - c->key);
	uint64_t end = data ? tt_memcached_pass(link, TT_REQUESTS, in, bytes + 2) : in->c.pos;
	tt_message_end(link, m, in, end);
	return TT_PARSED;
}
