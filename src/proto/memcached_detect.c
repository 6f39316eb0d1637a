// SPDX-License-Identifier: Apache-2.0
/* Telling memcached by its bytes. The commands are words other protocols use too, so most need an answer that only memcached
 * gives. */
#include "proto/memcached.h"

#include "base/digits.h"
#include "base/own.h"
#include "base/text.h"

enum look {
	NOTHING,
	PARTIAL, /* too few bytes to tell */
	WEAK,	 /* a word that many protocols have */
	NO,
	LIKELY, /* a line others may say too */
	SURE,
};

static enum look look_at_binary(struct tt_span s, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(s);

	if (s.len < TT_MEMCACHED_HEADER) {
		/* Opcode and data type must fit as far as they are there. */
		bool quiet;
		return (s.len > 1 && !tt_memcached_opcode(s.data[1], &quiet)) || (s.len > 5 && s.data[5]) ? NO : PARTIAL;
	}
	if (!tt_memcached_is_header(s, side))
		return NO;
	tt_cursor_skip(&c, 8);
	uint32_t body = tt_cursor_be32(&c);
	tt_cursor_skip(&c, 12);
	if (!tt_cursor_skip(&c, body) || tt_cursor_left(&c) == 0)
		return SURE;
	return c.data[c.pos] == s.data[0] ? SURE : NO;
}

/* The word at the start of a line not yet complete may become a command. */
static bool may_become_command(struct tt_span start)
{
	struct tt_memcached_words w;

	tt_memcached_split(start, &w);
	if (w.count == 0 || !tt_is_text(start))
		return false;
	if (w.count > 1 || start.data[start.len - 1] == ' ')
		return tt_memcached_command_find(w.word[0]);
	for (size_t i = 0; i < start.len; i++) {
		if (!((start.data[i] >= 'a' && start.data[i] <= 'z') || start.data[i] == '_'))
			return false;
	}
	return start.len <= 14;
}

/* A retrieval of so many keys that its line is longer than any other may be. */
static bool is_long_retrieval(struct tt_span s)
{
	struct tt_span start = tt_span_sub(s, 0, TT_MEMCACHED_LINE_MAX);
	struct tt_memcached_words w;

	tt_memcached_split(start, &w);
	return start.len == TT_MEMCACHED_LINE_MAX && tt_is_text(start) && tt_memcached_is_command(&w) &&
	       tt_memcached_command_find(w.word[0])->class == TT_MEMCACHED_RETRIEVAL;
}

/* beanstalkd and gearman have these; what is answered tells. */
static bool is_weak_command(struct tt_span word)
{
	static const char *const words[] = {"quit", "stats", "version"};

	for (size_t i = 0; i < TT_ARRAY_LEN(words); i++) {
		if (tt_span_eq(word, tt_span_str(words[i])))
			return true;
	}
	return false;
}

static enum look look_at_command(struct tt_span s)
{
	struct tt_cursor c = tt_cursor(s);
	struct tt_memcached_words w;

	struct tt_span line = tt_cursor_line(&c);
	if (is_long_retrieval(s))
		return SURE;
	if (tt_cursor_short(&c)) {
		if (s.len && s.data[s.len - 1] == '\r')
			s.len--;
		return may_become_command(s) ? PARTIAL : NO;
	}
	tt_memcached_split(line, &w);
	if (!tt_is_text(line) || !tt_memcached_is_command(&w))
		return NO;
	if (w.count == 1 && is_weak_command(w.word[0]))
		return WEAK;
	const struct tt_memcached_command *known = tt_memcached_command_find(w.word[0]);
	return known->bytes ? SURE : LIKELY;
}

static bool may_become_answer(struct tt_span start)
{
	for (size_t i = 0; i < start.len && start.data[i] != ' '; i++) {
		uint8_t c = start.data[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c == '\r' && i + 1 == start.len)))
			return false;
	}
	return tt_is_text(tt_span_sub(start, 0, start.len - 1));
}

static enum look look_at_answer(struct tt_span s)
{
	struct tt_cursor c = tt_cursor(s);
	uint64_t n;

	struct tt_span line = tt_cursor_line(&c);
	if (tt_cursor_short(&c))
		return may_become_answer(s) ? PARTIAL : NO;
	if (!tt_memcached_is_answer(line))
		return tt_digits_read(line, &n) || tt_span_eq(line, TT_SPAN_LIT("ERROR")) ? LIKELY : NO;
	bool sure = tt_span_starts(line, TT_SPAN_LIT("VALUE ")) || tt_span_starts(line, TT_SPAN_LIT("STAT ")) ||
		    tt_span_starts(line, TT_SPAN_LIT("VERSION "));
	return sure ? SURE : LIKELY;
}

static enum look look_at(struct tt_span s, enum tt_side side)
{
	if (s.len == 0)
		return NOTHING;
	if (s.data[0] == (side == TT_REQUESTS ? 0x80 : 0x81))
		return look_at_binary(s, side);
	return side == TT_REQUESTS ? look_at_command(s) : look_at_answer(s);
}

static enum look look_at_datagram(struct tt_span s, enum tt_side side)
{
	if (s.len == 0)
		return NOTHING;
	if (!tt_memcached_is_frame(&s, side))
		return NO;
	enum look look = side == TT_REQUESTS ? look_at_command(s) : look_at_answer(s);
	return look == PARTIAL ? NO : look;
}

/* With the frame header a command says enough. */
static enum tt_verdict detect_datagram(const struct tt_first *first)
{
	enum look requests = look_at_datagram(first->side[TT_REQUESTS], TT_REQUESTS);
	enum look answers = look_at_datagram(first->side[TT_RESPONSES], TT_RESPONSES);

	if (requests == NO || answers == NO)
		return TT_NO;
	return requests >= LIKELY || answers == SURE || (answers == LIKELY && first->role_known) ? TT_YES : TT_MAYBE;
}

static bool deletes_number(struct tt_span line)
{
	struct tt_memcached_words w;
	uint64_t n;

	tt_memcached_split(line, &w);
	return w.count == 2 && tt_span_eq(w.word[0], TT_SPAN_LIT("delete")) && tt_digits_read(w.word[1], &n);
}

/*
 * beanstalkd's client deletes jobs, which are numbers, in the same words, and is answered in the same: such pairs at the
 * beginning tell nothing. True if there were some; what is behind them is left.
 */
static bool skip_shared_words(struct tt_span *asked, struct tt_span *told)
{
	bool any = false;

	for (;;) {
		struct tt_cursor request = tt_cursor(*asked), answer = tt_cursor(*told);
		if (!deletes_number(tt_cursor_line(&request)) || tt_cursor_short(&request))
			return any;
		struct tt_span line = tt_cursor_line(&answer);
		any = true;
		*asked = tt_cursor_rest(&request);
		if (!tt_cursor_short(&answer) &&
		    (tt_span_eq(line, TT_SPAN_LIT("DELETED")) || tt_span_eq(line, TT_SPAN_LIT("NOT_FOUND"))))
			*told = tt_cursor_rest(&answer);
	}
}

enum tt_verdict tt_memcached_detect(const struct tt_first *first)
{
	if (first->datagram)
		return detect_datagram(first);
	struct tt_span asked = first->side[TT_REQUESTS], told = first->side[TT_RESPONSES];
	bool shared = skip_shared_words(&asked, &told);
	enum look requests = look_at(asked, TT_REQUESTS);
	enum look answers = look_at(told, TT_RESPONSES);

	if (requests == NO || answers == NO)
		return TT_NO;
	if ((requests == PARTIAL && first->ended[TT_REQUESTS]) || (answers == PARTIAL && first->ended[TT_RESPONSES]))
		return TT_NO;
	if (requests == SURE && answers != PARTIAL)
		return TT_YES;
	if (answers == SURE && (requests >= LIKELY || requests == WEAK || (first->role_known && !shared)))
		return TT_YES;
	return requests == LIKELY && answers == LIKELY ? TT_YES : TT_MAYBE;
}

/* Where a chunk begins with a whole line (or header) of its side. Bodies may hold anything, so weak lines do not count. */
ssize_t tt_memcached_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);

	enum look look = look_at(bytes, side);
	if (look == SURE)
		return 0;
	if (look != LIKELY)
		return -1;
	struct tt_span line = tt_cursor_line(&c);
	return side == TT_REQUESTS || tt_memcached_is_answer(line) ? 0 : -1;
}
