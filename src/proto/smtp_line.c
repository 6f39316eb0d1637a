// SPDX-License-Identifier: Apache-2.0
/* SMTP's commands and replies as lines, and telling SMTP by them. */
#include "proto/smtp.h"

#include "base/digits.h"
#include "base/own.h"
#include "base/text.h"

enum form {
	BARE,	   /* nothing behind it */
	WORDS,	   /* anything, or nothing */
	HOST,	   /* one word */
	PATH,	   /* FROM:<address> or TO:<address>, and parameters */
	CHUNK,	   /* a size, perhaps LAST */
	MECHANISM, /* RFC 4954 */
};

static const struct {
	const char *name;
	enum tt_smtp_verb verb;
	enum form form;
	const char *word; /* PATH: what stands before it */
} verbs[] = {
	{"MAIL", TT_SMTP_MAIL, PATH, "FROM:"},	    {"RCPT", TT_SMTP_RCPT, PATH, "TO:"},
	{"DATA", TT_SMTP_DATA, BARE, NULL},	    {"BDAT", TT_SMTP_BDAT, CHUNK, NULL},
	{"EHLO", TT_SMTP_EHLO, HOST, NULL},	    {"HELO", TT_SMTP_HELO, HOST, NULL},
	{"LHLO", TT_SMTP_LHLO, HOST, NULL},	    {"AUTH", TT_SMTP_AUTH, MECHANISM, NULL},
	{"STARTTLS", TT_SMTP_STARTTLS, BARE, NULL}, {"RSET", TT_SMTP_RSET, BARE, NULL},
	{"QUIT", TT_SMTP_QUIT, BARE, NULL},	    {"NOOP", TT_SMTP_PLAIN, WORDS, NULL},
	{"VRFY", TT_SMTP_PLAIN, WORDS, NULL},	    {"EXPN", TT_SMTP_PLAIN, WORDS, NULL},
	{"HELP", TT_SMTP_PLAIN, WORDS, NULL},	    {"ETRN", TT_SMTP_PLAIN, WORDS, NULL},
	{"XCLIENT", TT_SMTP_PLAIN, WORDS, NULL},    {"XFORWARD", TT_SMTP_PLAIN, WORDS, NULL},
};

/* https://www.iana.org/assignments/sasl-mechanisms; anything else behind AUTH may be a secret. */
static const char *const mechanisms[] = {
	"PLAIN",       "LOGIN",	 "CRAM-MD5",	  "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",   "SCRAM-SHA-256", "XOAUTH2",
	"OAUTHBEARER", "GSSAPI", "GS2-KRB5",	  "GSS-SPNEGO", "NTLM",	       "SCRAM-SHA-256-PLUS", "KERBEROS_V4",   "EXTERNAL",
	"ANONYMOUS",   "OTP",	 "SCRAM-SHA-512", "SECURID",
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The next word; *rest moves behind it. */
static struct tt_span next_word(struct tt_span *rest)
{
	size_t from = 0;

	while (from < rest->len && rest->data[from] == ' ')
		from++;
	size_t to = from;
	while (to < rest->len && rest->data[to] != ' ')
		to++;
	struct tt_span word = tt_span_sub(*rest, from, to - from);
	*rest = tt_span_sub(*rest, to, rest->len);
	return word;
}

/* Of `<"a>b"@c>` the position of the last `>`; -1 if there is none. */
static ptrdiff_t path_end(struct tt_span s)
{
	bool quoted = false;

	for (size_t i = 1; i < s.len; i++) {
		if (quoted && s.data[i] == '\\')
			i++;
		else if (s.data[i] == '"')
			quoted = !quoted;
		else if (s.data[i] == '>' && !quoted)
			return (ptrdiff_t)i;
	}
	return -1;
}

static void read_declared_size(struct tt_span parameters, uint64_t *ret)
{
	for (;;) {
		struct tt_span word = next_word(&parameters);
		if (!word.len)
			return;
		if (word.len > 5 && tt_span_ieq(tt_span_sub(word, 0, 5), TT_SPAN_LIT("SIZE=")))
			tt_digits_read(tt_span_sub(word, 5, word.len), ret);
	}
}

static void read_path(const char *word, struct tt_span rest, struct tt_smtp_command *ret)
{
	struct tt_span before = tt_span_str(word);

	rest = tt_span_trim(rest);
	if (rest.len < before.len || !tt_span_ieq(tt_span_sub(rest, 0, before.len), before))
		return;
	rest = tt_span_trim(tt_span_sub(rest, before.len, rest.len));
	if (rest.len && rest.data[0] == '<') {
		ptrdiff_t end = path_end(rest);
		if (end < 0)
			return;
		/* Of the empty path the brackets are kept: it is an address of its own. */
		ret->subject = end == 1 ? tt_span_sub(rest, 0, 2) : tt_span_sub(rest, 1, (size_t)end - 1);
		rest = tt_span_sub(rest, (size_t)end + 1, rest.len);
		ret->strict = !rest.len || rest.data[0] == ' ';
	} else {
		struct tt_span address = next_word(&rest);
		if (address.len)
			ret->subject = address;
	}
	read_declared_size(rest, &ret->size);
}

static void read_chunk(struct tt_span rest, struct tt_smtp_command *ret)
{
	struct tt_span size = next_word(&rest), last = next_word(&rest);

	if (!tt_digits_read(size, &ret->size) || (last.len && !tt_span_ieq(last, TT_SPAN_LIT("LAST"))) || next_word(&rest).len) {
		ret->size = 0;
		ret->verb = TT_SMTP_PLAIN; /* nothing follows it: RFC 3030, 2, the server refuses */
		return;
	}
	if (last.len)
		ret->verb = TT_SMTP_BDAT_LAST;
	ret->strict = true;
}

static void read_mechanism(struct tt_span rest, struct tt_smtp_command *ret)
{
	struct tt_span word = next_word(&rest);

	for (size_t i = 0; i < TT_ARRAY_LEN(mechanisms); i++) {
		if (!tt_span_ieq(word, tt_span_str(mechanisms[i])))
			continue;
		ret->subject = tt_span_str(mechanisms[i]);
		ret->strict = true;
	}
}

static void read_argument(size_t row, struct tt_span rest, struct tt_smtp_command *ret)
{
	switch (verbs[row].form) {
	case BARE:
		ret->strict = !rest.len;
		break;
	case WORDS:
		break;
	case HOST: {
		struct tt_span host = next_word(&rest);
		if (host.len)
			ret->subject = host;
		ret->strict = host.len && !tt_span_trim(rest).len;
		break;
	}
	case PATH:
		read_path(verbs[row].word, rest, ret);
		break;
	case CHUNK:
		read_chunk(rest, ret);
		break;
	case MECHANISM:
		read_mechanism(rest, ret);
		break;
	}
}

bool tt_smtp_read_command(struct tt_span line, struct tt_smtp_command *ret)
{
	struct tt_span rest = line;
	struct tt_span word = next_word(&rest);

	if (!tt_is_tabbed_text(line))
		return false;
	*ret = (struct tt_smtp_command){.verb = TT_SMTP_OTHER};
	for (size_t i = 0; i < TT_ARRAY_LEN(verbs); i++) {
		if (!tt_span_ieq(word, tt_span_str(verbs[i].name)))
			continue;
		ret->verb = verbs[i].verb;
		ret->name = verbs[i].name;
		read_argument(i, rest, ret);
		break;
	}
	return line.len <= (ret->verb == TT_SMTP_AUTH ? TT_SMTP_LINE_MAX : TT_SMTP_PLAIN_LINE_MAX);
}

/* --- replies ---------------------------------------------------------------------------------------------------------------- */

/* RFC 3463: class.subject.detail, of the class the code has. */
static size_t enhanced_len(struct tt_span text, uint8_t class_digit)
{
	size_t at = 1;

	if (text.len < 5 || text.data[0] != class_digit)
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;
		if (at >= text.len || text.data[at] != '.')
			return 0;
		at++;
		while (at < text.len && is_digit(text.data[at]) && digits < 3)
			at++, digits++;
		if (!digits)
			return 0;
	}
	return at == text.len || text.data[at] == ' ' ? at : 0;
}

bool tt_smtp_read_reply(struct tt_span line, struct tt_smtp_reply *ret)
{
	if (line.len < 3 || line.data[0] < '2' || line.data[0] > '5' || line.data[1] > '5' || !is_digit(line.data[1]) ||
	    !is_digit(line.data[2]) || (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-') || !tt_is_tabbed_text(line))
		return false;
	struct tt_span text = tt_span_sub(line, 4, line.len);
	size_t enhanced = enhanced_len(text, line.data[0]);

	*ret = (struct tt_smtp_reply){
		.code = (uint16_t)((line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + (line.data[2] - '0')),
		.more = line.len > 3 && line.data[3] == '-',
		.enhanced = tt_span_sub(text, 0, enhanced),
		.text = tt_span_trim(tt_span_sub(text, enhanced, text.len)),
	};
	return true;
}

/* --- telling it by its bytes ------------------------------------------------------------------------------------------------ */

enum look {
	NOTHING,
	NO,
	PARTIAL,
	LIKELY, /* others speak like this, too */
	SURE,
};

static bool has_word(struct tt_span text)
{
	return text.data && text.len && (memmem(text.data, text.len, "SMTP", 4) || memmem(text.data, text.len, "LMTP", 4));
}

static enum look look_at_command(struct tt_span line)
{
	struct tt_smtp_command command;

	if (!tt_smtp_read_command(line, &command) || command.verb == TT_SMTP_OTHER)
		return NO;
	if (!command.strict)
		return LIKELY;
	/* These nobody else says so. */
	return command.verb >= TT_SMTP_EHLO && command.verb <= TT_SMTP_RCPT ? SURE : LIKELY;
}

static enum look look_at_reply(struct tt_span line)
{
	struct tt_smtp_reply reply;

	if (!tt_smtp_read_reply(line, &reply))
		return NO;
	return reply.enhanced.len || has_word(reply.text) ? SURE : LIKELY;
}

/* Could this become a line that is not NO? */
static enum look look_at_part(struct tt_span part, enum tt_side side)
{
	if (part.len > TT_SMTP_PLAIN_LINE_MAX)
		return NO;
	if (side == TT_RESPONSES) {
		struct tt_smtp_reply reply;
		uint8_t start[4] = "220 ";
		if (part.len && part.data[part.len - 1] == '\r')
			part.len--;
		memcpy(start, part.data, TT_MIN(part.len, sizeof(start)));
		return tt_smtp_read_reply(part.len > 3 ? part : tt_span(start, sizeof(start)), &reply) ? PARTIAL : NO;
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(verbs); i++) {
		struct tt_span name = tt_span_str(verbs[i].name);
		size_t n = TT_MIN(name.len, part.len);
		if (tt_span_ieq(tt_span_sub(part, 0, n), tt_span_sub(name, 0, n)) &&
		    (part.len <= name.len || part.data[name.len] == ' ' || part.data[name.len] == '\r'))
			return PARTIAL;
	}
	return NO;
}

/* The first lines; of the client's only as far as nothing else than commands can follow. */
static enum look look_at(struct tt_span s, enum tt_side side, bool *ret_whole)
{
	struct tt_cursor c = tt_cursor(s);
	enum look best = NOTHING;

	*ret_whole = false;
	for (unsigned lines = 0; lines < 8 && tt_cursor_left(&c); lines++) {
		struct tt_span rest = tt_cursor_rest(&c);
		struct tt_span line = tt_cursor_line(&c);
		if (tt_cursor_short(&c)) {
			enum look part = look_at_part(rest, side);
			return part == NO ? NO : TT_MAX(best, part);
		}
		enum look look = side == TT_REQUESTS ? look_at_command(line) : look_at_reply(line);
		struct tt_smtp_command command;
		bool text_follows =
			side == TT_REQUESTS && tt_smtp_read_command(line, &command) &&
			(command.verb == TT_SMTP_DATA || command.verb == TT_SMTP_BDAT || command.verb == TT_SMTP_BDAT_LAST ||
			 command.verb == TT_SMTP_AUTH || command.verb == TT_SMTP_STARTTLS);
		if (look == NO)
			return NO;
		best = TT_MAX(best, look);
		if (text_follows)
			break;
	}
	*ret_whole = true;
	return best;
}

enum tt_verdict tt_smtp_detect(const struct tt_first *first)
{
	bool whole[2];
	enum look asks = look_at(first->side[TT_REQUESTS], TT_REQUESTS, &whole[TT_REQUESTS]);
	enum look answers = look_at(first->side[TT_RESPONSES], TT_RESPONSES, &whole[TT_RESPONSES]);

	if (first->datagram || asks == NO || answers == NO)
		return TT_NO;
	if ((asks == PARTIAL && first->ended[TT_REQUESTS]) || (answers == PARTIAL && first->ended[TT_RESPONSES]))
		return TT_NO;
	return asks == SURE || answers == SURE ? TT_YES : TT_MAYBE;
}

bool tt_smtp_resumes(enum tt_side side, struct tt_span bytes, bool surely)
{
	bool whole;
	enum look look = look_at(bytes, side, &whole);

	return whole && (look == SURE || (look == LIKELY && !surely));
}
