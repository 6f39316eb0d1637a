// SPDX-License-Identifier: Apache-2.0
/* NATS's lines as bytes, headers, errors by name; and telling NATS by them. */
#include "proto/nats.h"

#include "base/digits.h"
#include "base/own.h"
#include "base/text.h"

#define CLIENT 1
#define SERVER 2

static const struct {
	const char *word;
	enum tt_nats_verb verb;
	uint8_t sides;
	bool json;     /* what follows is one object */
	uint8_t least; /* words behind the verb; the last numbers are sizes */
	uint8_t most;
	uint8_t sizes;
} verbs[] = {
	{"MSG", TT_NATS_MSG, SERVER, false, 3, 4, 1},
	{"PUB", TT_NATS_PUB, CLIENT, false, 2, 3, 1},
	{"HMSG", TT_NATS_HMSG, SERVER, false, 4, 5, 2},
	{"HPUB", TT_NATS_HPUB, CLIENT, false, 3, 4, 2},
	{"SUB", TT_NATS_SUB, CLIENT, false, 2, 3, 0},
	{"UNSUB", TT_NATS_UNSUB, CLIENT, false, 1, 2, 0},
	{"PING", TT_NATS_PING, CLIENT | SERVER, false, 0, 0, 0},
	{"PONG", TT_NATS_PONG, CLIENT | SERVER, false, 0, 0, 0},
	{"+OK", TT_NATS_OK, SERVER, false, 0, 0, 0},
	{"-ERR", TT_NATS_ERR, SERVER, false, 0, 255, 0},
	{"INFO", TT_NATS_INFO, SERVER, true, 1, 255, 0},
	{"CONNECT", TT_NATS_CONNECT, CLIENT, true, 1, 255, 0},
};

static struct tt_span next_word(struct tt_span line, size_t *at)
{
	while (*at < line.len && (line.data[*at] == ' ' || line.data[*at] == '\t'))
		++*at;
	size_t from = *at;
	while (*at < line.len && line.data[*at] != ' ' && line.data[*at] != '\t')
		++*at;
	return tt_span_sub(line, from, *at - from);
}

static bool read_size(struct tt_span s, uint32_t *ret)
{
	uint64_t n;

	if (s.len > 9 || !tt_digits_read(s, &n))
		return false;
	*ret = (uint32_t)n;
	return n <= TT_NATS_PAYLOAD_MAX;
}

/* The words behind the verb of row i. */
static bool read_words(size_t i, struct tt_span line, size_t at, struct tt_nats_line *ret)
{
	struct tt_span word[6];
	size_t count = 0;

	for (;;) {
		struct tt_span w = next_word(line, &at);
		if (!w.len)
			break;
		if (count == TT_ARRAY_LEN(word))
			return false;
		word[count++] = w;
	}
	if (count < verbs[i].least || count > verbs[i].most)
		return false;
	if (count)
		ret->subject = word[0];
	if (verbs[i].sizes) {
		ret->payload = true;
		if (!read_size(word[count - 1], &ret->size))
			return false;
		if (verbs[i].sizes == 2 && (!read_size(word[count - 2], &ret->headers) || ret->headers > ret->size))
			return false;
		/* The word before the sizes, where there is one more than there must be. */
		if (count == verbs[i].most)
			ret->reply = word[count - 1 - verbs[i].sizes];
	}
	return !count || (word[0].len && tt_is_word(word[0]));
}

static enum tt_nats_read read_line(struct tt_span line, enum tt_side side, struct tt_nats_line *ret)
{
	size_t at = 0;
	struct tt_span word = next_word(line, &at);

	for (size_t i = 0; i < TT_ARRAY_LEN(verbs); i++) {
		if (!tt_span_ieq(word, tt_span_str(verbs[i].word)) || !(verbs[i].sides & (side == TT_REQUESTS ? CLIENT : SERVER)))
			continue;
		*ret = (struct tt_nats_line){.verb = verbs[i].verb, .text = tt_span_trim(tt_span_sub(line, at, line.len))};
		if (verbs[i].json)
			return ret->text.len > 1 && ret->text.data[0] == '{' ? TT_NATS_READ : TT_NATS_BAD;
		if (verbs[i].most == 255)
			return TT_NATS_READ;
		return line.len <= TT_NATS_LINE_MAX && read_words(i, line, at, ret) ? TT_NATS_READ : TT_NATS_BAD;
	}
	return TT_NATS_BAD;
}

/* Can a line that is not there whole become one? */
static bool may_become(struct tt_span start, enum tt_side side)
{
	size_t at = 0;
	struct tt_span word = next_word(start, &at);

	if (at == start.len && start.len && start.data[start.len - 1] == '\r')
		word.len -= word.len > 0;
	for (size_t i = 0; i < TT_ARRAY_LEN(verbs); i++) {
		struct tt_span verb = tt_span_str(verbs[i].word);
		if (!(verbs[i].sides & (side == TT_REQUESTS ? CLIENT : SERVER)))
			continue;
		bool whole = at < start.len;
		if (whole ? tt_span_ieq(word, verb) : word.len <= verb.len && tt_span_ieq(word, tt_span_sub(verb, 0, word.len)))
			return start.len <= (verbs[i].json ? TT_NATS_JSON_MAX : TT_NATS_LINE_MAX);
	}
	return false;
}

enum tt_nats_read tt_nats_line_read(struct tt_cursor *c, enum tt_side side, struct tt_nats_line *ret)
{
	struct tt_cursor at = *c;

	struct tt_span line = tt_cursor_line(&at);
	if (tt_cursor_short(&at))
		return may_become(tt_cursor_rest(c), side) ? TT_NATS_MORE : TT_NATS_BAD;
	if (line.len > TT_NATS_JSON_MAX)
		return TT_NATS_BAD;
	enum tt_nats_read read = read_line(line, side, ret);
	if (read == TT_NATS_READ)
		*c = at;
	return read;
}

/* --- errors and headers ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *text; /* how it begins, without the quote */
	const char *name;
	enum tt_nats_error_of of;
} errors[] = {
	{"Unknown Protocol Operation", "unknown_protocol_operation", TT_NATS_OF_ANY},
	{"Attempted To Connect To Route Port", "wrong_port", TT_NATS_OF_LOGIN},
	{"Authorization Violation", "authorization_violation", TT_NATS_OF_LOGIN},
	{"Authorization Timeout", "authorization_timeout", TT_NATS_OF_LOGIN},
	{"Authentication Timeout", "authentication_timeout", TT_NATS_OF_LOGIN},
	{"Authentication Expired", "authentication_expired", TT_NATS_OF_LOGIN},
	{"User Authentication Expired", "authentication_expired", TT_NATS_OF_LOGIN},
	{"User Authentication Revoked", "authentication_revoked", TT_NATS_OF_LOGIN},
	{"Invalid Client Protocol", "invalid_client_protocol", TT_NATS_OF_LOGIN},
	{"Maximum Control Line Exceeded", "maximum_control_line_exceeded", TT_NATS_OF_ANY},
	{"Maximum Connections Exceeded", "maximum_connections_exceeded", TT_NATS_OF_LOGIN},
	{"Maximum Payload", "maximum_payload_violation", TT_NATS_OF_LATER},
	{"Maximum Subscriptions", "maximum_subscriptions_exceeded", TT_NATS_OF_LATER},
	{"Parser Error", "parser_error", TT_NATS_OF_ANY},
	{"Secure Connection", "tls_required", TT_NATS_OF_LOGIN},
	{"Stale Connection", "stale_connection", TT_NATS_OF_ANY},
	{"Slow Consumer", "slow_consumer", TT_NATS_OF_LATER},
	{"Invalid Subject", "invalid_subject", TT_NATS_OF_LATER},
	{"Invalid Publish Subject", "invalid_subject", TT_NATS_OF_LATER},
	{"Permissions Violation for Publish", "permissions_violation_publish", TT_NATS_OF_LATER},
	{"Permissions Violation for Subscription", "permissions_violation_subscription", TT_NATS_OF_LATER},
	{"No Responders", "no_responders", TT_NATS_OF_LATER},
};

static int find_error(struct tt_span text)
{
	if (text.len && text.data[0] == '\'')
		text = tt_span_sub(text, 1, text.len);
	for (size_t i = 0; i < TT_ARRAY_LEN(errors); i++) {
		struct tt_span known = tt_span_str(errors[i].text);
		if (text.len >= known.len && tt_span_ieq(tt_span_sub(text, 0, known.len), known))
			return (int)i;
	}
	return -1;
}

struct tt_span tt_nats_error(struct tt_span text)
{
	int i = find_error(text);
	return i < 0 ? TT_SPAN_LIT("error") : tt_span_str(errors[i].name);
}

enum tt_nats_error_of tt_nats_error_is_of(struct tt_span text)
{
	int i = find_error(text);
	return i < 0 ? TT_NATS_OF_LOGIN : errors[i].of;
}

unsigned tt_nats_headers_status(struct tt_span headers)
{
	struct tt_span version = TT_SPAN_LIT("NATS/1.0 ");
	uint64_t code;

	if (!tt_span_starts(headers, version) || headers.len < version.len + 3)
		return 0;
	return tt_digits_read(tt_span_sub(headers, version.len, 3), &code) ? (unsigned)code : 0;
}

struct tt_span tt_nats_header(struct tt_span headers, struct tt_span name)
{
	struct tt_cursor c = tt_cursor(headers);

	while (tt_cursor_left(&c)) {
		struct tt_span line = tt_cursor_line(&c);
		if (tt_cursor_short(&c))
			break;
		if (line.len > name.len && line.data[name.len] == ':' && tt_span_ieq(tt_span_sub(line, 0, name.len), name))
			return tt_span_trim(tt_span_sub(line, name.len + 1, line.len));
	}
	return tt_span(NULL, 0);
}

/* --- telling it by its bytes ------------------------------------------------------------------------------------------------ */

enum look {
	NOTHING,
	PARTIAL,
	NO,
	LIKELY, /* words others have too */
	SURE,
};

static enum look look_at(struct tt_span s, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(s);
	enum look best = PARTIAL;

	if (s.len == 0)
		return NOTHING;
	/* A few lines say enough. */
	for (unsigned lines = 0; lines < 16 && tt_cursor_left(&c); lines++) {
		struct tt_nats_line l;
		enum tt_nats_read read = tt_nats_line_read(&c, side, &l);
		if (read != TT_NATS_READ)
			return read == TT_NATS_BAD ? NO : best;
		if (l.verb != TT_NATS_PING && l.verb != TT_NATS_PONG && l.verb != TT_NATS_OK && l.verb != TT_NATS_ERR)
			best = SURE;
		else if (best != SURE)
			best = LIKELY;
		if (!l.payload)
			continue;
		if (tt_cursor_left(&c) < (size_t)l.size + 2)
			return best;
		tt_cursor_skip(&c, l.size);
		if (!tt_span_eq(tt_cursor_take(&c, 2), TT_SPAN_LIT("\r\n")))
			return NO;
	}
	return best;
}

enum tt_verdict tt_nats_detect(const struct tt_first *first)
{
	enum look requests = look_at(first->side[TT_REQUESTS], TT_REQUESTS);
	enum look answers = look_at(first->side[TT_RESPONSES], TT_RESPONSES);

	if (first->datagram || requests == NO || answers == NO)
		return TT_NO;
	if ((requests == PARTIAL && first->ended[TT_REQUESTS]) || (answers == PARTIAL && first->ended[TT_RESPONSES]))
		return TT_NO;
	return requests == SURE || answers == SURE ? TT_YES : TT_MAYBE;
}

ssize_t tt_nats_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return look_at(bytes, side) >= LIKELY ? 0 : -1;
}
