// SPDX-License-Identifier: Apache-2.0
/* Telling Redis by its bytes. Strict: all bytes at hand must fit the grammar, and a known command must be among them. */
#include "proto/redis.h"

#include "base/own.h"
#include "base/text.h"

enum look {
	NOTHING, /* no bytes */
	PARTIAL, /* too few to tell */
	NO,
	WORD,	 /* a request whose command is not known */
	COMMAND, /* a request whose command is known */
	INLINE,	 /* the same as a line of text */
	LIST,	 /* replies that are arrays of strings, as requests are */
	REPLY,	 /* also one that no request looks like */
	NEWS,	 /* of a channel, which the server says unasked */
};

static bool is_word(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = tt_ascii_lower(s.data[i]);
		bool letter = c >= 'a' && c <= 'z';
		if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '|')))
			return false;
	}
	return true;
}

/* Passes a bulk's bytes; false if they do not end as they must. Past the end of the bytes all is well. */
static bool pass_bulk(struct tt_cursor *c, uint64_t n)
{
	if (tt_cursor_left(c) < 2 || n > tt_cursor_left(c) - 2) {
		tt_cursor_skip(c, tt_cursor_left(c));
		return true;
	}
	tt_cursor_skip(c, n);
	return tt_span_eq(tt_cursor_take(c, 2), TT_SPAN_LIT("\r\n"));
}

/* Arguments after the command's name, and what follows them. */
static bool are_requests(struct tt_cursor c, uint64_t args)
{
	uint64_t n;

	for (;;) {
		if (tt_cursor_left(&c) == 0 || (args == 0 && c.data[c.pos] != '*'))
			return true;
		enum tt_resp_read read = tt_resp_read_count(&c, args ? '$' : '*', &n);
		if (read != TT_RESP_OK)
			return read == TT_RESP_MORE;
		if (args == 0)
			args = n;
		else if (!pass_bulk(&c, n))
			return false;
		else
			args--;
	}
}

static enum look look_at_array(struct tt_span s)
{
	struct tt_cursor c = tt_cursor(s);
	uint64_t args, n = 0;

	enum tt_resp_read read = tt_resp_read_count(&c, '*', &args);
	if (read == TT_RESP_OK && args > 0)
		read = tt_resp_read_count(&c, '$', &n);
	if (read == TT_RESP_MORE)
		return PARTIAL;
	if (read == TT_RESP_BAD || n == 0 || n > TT_REDIS_NAME_BYTES)
		return NO;

	struct tt_span name = tt_span_sub(tt_cursor_rest(&c), 0, n);
	if (!is_word(name))
		return NO;
	if (name.len < n)
		return PARTIAL;
	if (!pass_bulk(&c, n) || !are_requests(c, args - 1))
		return NO;
	return tt_redis_command_find(name) ? COMMAND : WORD;
}

/* Words that other line protocols (POP3) share, with an answer that looks the same. */
static bool is_common_word(struct tt_span word)
{
	return tt_span_ieq(word, TT_SPAN_LIT("quit")) || tt_span_ieq(word, TT_SPAN_LIT("auth"));
}

static enum look look_at_line(struct tt_span s)
{
	ptrdiff_t end = tt_span_find(s, '\n');
	struct tt_span line = tt_span_sub(s, 0, end < 0 ? s.len : (size_t)end);
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;

	ptrdiff_t blank = tt_span_find(line, ' ');
	struct tt_span word = tt_span_sub(line, 0, blank < 0 ? line.len : (size_t)blank);
	if (!tt_is_tabbed_text(line) || !is_word(word) || word.len > TT_REDIS_NAME_BYTES)
		return NO;
	if (end < 0 && blank < 0)
		return PARTIAL;
	if (!tt_redis_command_find(word))
		return NO;
	for (size_t i = 0; i + 8 <= line.len; i++) {
		if (tt_span_starts(tt_span_sub(line, i, 8), TT_SPAN_LIT(" HTTP/1.")))
			return NO;
	}
	return end < 0 || is_common_word(word) ? PARTIAL : INLINE;
}

static enum look look_at_requests(struct tt_span s, bool from_start)
{
	if (s.len == 0)
		return NOTHING;
	if (s.data[0] == '*')
		return look_at_array(s);
	return from_start ? look_at_line(s) : NO;
}

static bool is_plausible(const struct tt_resp *e)
{
	if (e->type == '+')
		return tt_is_tabbed_text(e->line);
	if (e->type == '-')
		return tt_is_tabbed_text(e->line) && is_word(tt_span_sub(e->line, 0, 1));
	return true;
}

/* May this stand so in a request as well, at that depth? */
static bool is_of_request(const struct tt_resp *e, uint8_t depth)
{
	return depth ? e->shape == TT_RESP_BULK : e->type == '*' && e->shape == TT_RESP_AGGREGATE && e->count;
}

static enum look look_at_replies(struct tt_span s)
{
	struct tt_cursor c = tt_cursor(s);
	struct tt_resp_stack stack = {.depth = 0};
	enum tt_redis_news news;
	uint32_t kind;
	bool any = false, lists = true;

	if (s.len == 0)
		return NOTHING;
	while (tt_cursor_left(&c)) {
		struct tt_resp e;
		enum tt_resp_read read = tt_resp_read(&c, &e);
		if (read == TT_RESP_MORE)
			break;
		lists &= is_of_request(&e, stack.depth);
		if (read == TT_RESP_BAD || !is_plausible(&e) || tt_resp_place(&stack, &e) == TT_RESP_WRONG)
			return NO;
		if ((e.shape == TT_RESP_BULK || (e.shape == TT_RESP_CHUNK && e.count)) && !pass_bulk(&c, e.count))
			return NO;
		any = true;
	}
	if (!any)
		return PARTIAL;
	tt_redis_news(tt_cursor(s), &news, &kind);
	if (news != TT_REDIS_NO_NEWS)
		return NEWS;
	return lists ? LIST : REPLY;
}

/*
 * Where it is not known who asks, lists of strings prove little: both sides may say them, and what a server lists may be called
 * as commands are. Something must be said that only a server says, or a list that is no command.
 */
static bool is_told_apart(enum look requests, enum look replies, enum look replies_as_requests)
{
	return replies == REPLY ||
	       (replies >= LIST && (replies_as_requests == NO || (replies_as_requests == WORD && requests == COMMAND)));
}

static enum tt_verdict judge(enum look requests, enum look replies, bool role_known, enum look replies_as_requests)
{
	switch (requests) {
	case NOTHING:
		return replies == NEWS && role_known ? TT_YES : TT_MAYBE;
	case COMMAND:
	case WORD:
		return role_known || is_told_apart(requests, replies, replies_as_requests) ? TT_YES : TT_MAYBE;
	case INLINE:
		return replies >= LIST ? TT_YES : TT_MAYBE;
	default:
		return TT_MAYBE;
	}
}

/* What a replica says of itself. Its master says commands to it, as a client does. */
static bool is_replica(struct tt_span s)
{
	struct tt_cursor c = tt_cursor(s);
	uint64_t n;

	return tt_resp_read_count(&c, '*', &n) == TT_RESP_OK && tt_resp_read_count(&c, '$', &n) == TT_RESP_OK &&
	       tt_span_ieq(tt_span_sub(tt_cursor_rest(&c), 0, n), TT_SPAN_LIT("replconf"));
}

enum tt_verdict tt_redis_detect(const struct tt_first *first)
{
	struct tt_span server = first->side[TT_RESPONSES];
	enum look requests = look_at_requests(first->side[TT_REQUESTS], first->from_start[TT_REQUESTS]);
	enum look replies = look_at_replies(server);

	if (first->datagram || requests == NO || replies == NO)
		return TT_NO;
	if ((requests == PARTIAL && first->ended[TT_REQUESTS]) || (replies == PARTIAL && first->ended[TT_RESPONSES]))
		return TT_NO;
	if (!first->role_known && (is_replica(first->side[TT_REQUESTS]) || is_replica(server)))
		return TT_NO;
	return judge(requests, replies, first->role_known, server.len && server.data[0] == '*' ? look_at_array(server) : NO);
}

ssize_t tt_redis_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	if (side == TT_REQUESTS)
		return look_at_requests(bytes, false) == COMMAND ? 0 : -1;
	return look_at_replies(bytes) >= LIST ? 0 : -1;
}
