// SPDX-License-Identifier: Apache-2.0
#include "sink/pattern.h"

/* Longer segments are no words of a route, whatever they are made of. */
#define TT_SEGMENT_MAX 40
/* From this length on letters mixed with digits are taken for random text. */
#define TT_RANDOM_LEAST 20
#define TT_HEX_LEAST 8
/* From this length on several words are judged together too. */
#define TT_TOKEN_LEAST 16

enum tt_letter_class {
	TT_DIGIT = 1 << 0,
	TT_HEX = 1 << 1, /* digits too */
	TT_LOWER = 1 << 2,
	TT_UPPER = 1 << 3,
	TT_ODD = 1 << 4,   /* control characters and what is no ASCII */
	TT_BREAK = 1 << 5, /* stands between words */
	TT_MARK = 1 << 6,  /* @ and =, and % which may hide one */
	TT_PART = 1 << 7,  /* stands between the parts of a key */
};

static const uint8_t tt_classes[256] = {
	[0 ... 0x1f] = TT_ODD,
	[0x7f ... 0xff] = TT_ODD,
	['0' ... '9'] = TT_DIGIT | TT_HEX,
	['a' ... 'f'] = TT_LOWER | TT_HEX,
	['g' ... 'z'] = TT_LOWER,
	['A' ... 'F'] = TT_UPPER | TT_HEX,
	['G' ... 'Z'] = TT_UPPER,
	['-'] = TT_BREAK,
	['_'] = TT_BREAK,
	['.'] = TT_BREAK | TT_PART,
	['~'] = TT_BREAK,
	[','] = TT_BREAK | TT_PART,
	[':'] = TT_BREAK | TT_PART,
	[';'] = TT_BREAK,
	['+'] = TT_BREAK,
	['='] = TT_BREAK | TT_MARK,
	['@'] = TT_MARK,
	['%'] = TT_MARK,
	['/'] = TT_PART,
	['|'] = TT_PART,
	['#'] = TT_PART,
};

static bool tt_is_digit(uint8_t c)
{
	return tt_classes[c] & TT_DIGIT;
}

static bool tt_is_hex(uint8_t c)
{
	return tt_classes[c] & TT_HEX;
}

static bool tt_is_letter(uint8_t c)
{
	return tt_classes[c] & (TT_LOWER | TT_UPPER);
}

/* What a word is made of. */
struct tt_word {
	size_t digits;
	size_t hex;
	size_t lower;
	size_t upper;
	size_t odd;
};

static struct tt_word tt_word_of(struct tt_span s)
{
	struct tt_word w = {0};
	for (size_t i = 0; i < s.len; i++) {
		uint8_t class = tt_classes[s.data[i]];
		w.digits += (class & TT_DIGIT) != 0;
		w.hex += (class & TT_HEX) != 0;
		w.lower += (class & TT_LOWER) != 0;
		w.upper += (class & TT_UPPER) != 0;
		w.odd += (class & TT_ODD) != 0;
	}
	return w;
}

/* A number, a hash, or text nobody would write by hand. */
static bool tt_word_is_id(struct tt_span s)
{
	struct tt_word w = tt_word_of(s);
	if (s.len == 0)
		return false;
	if (w.digits == s.len)
		return true;
	if (w.hex == s.len && ((s.len >= TT_HEX_LEAST && w.digits) || s.len >= TT_RANDOM_LEAST))
		return true;
	if (w.digits && w.digits + w.lower + w.upper == s.len) {
		if (s.len >= TT_RANDOM_LEAST)
			return true;
		if (s.len >= 12 && w.lower && w.upper && w.digits >= 2)
			return true;
		size_t tail = 0; /* order1234 */
		while (tail < s.len && tt_is_digit(s.data[s.len - 1 - tail]))
			tail++;
		return tail >= 3;
	}
	return false;
}

/* How often the kind of letter changes, each time a capital after a small letter or a digit's beginning or end. */
struct tt_mixture {
	struct tt_word all;
	size_t changes;
	size_t pairs;	/* letters and digits side by side */
	size_t knotted; /* parts in which a letter follows a digit */
};

static struct tt_mixture tt_mixture_of(struct tt_span s)
{
	const uint8_t kinds = TT_DIGIT | TT_LOWER | TT_UPPER;
	struct tt_mixture mix = {.all = tt_word_of(s)};
	bool knotted = false;

	for (size_t i = 1; i < s.len; i++) {
		uint8_t a = tt_classes[s.data[i - 1]] & kinds, b = tt_classes[s.data[i]] & kinds;
		if (!b)
			knotted = false;
		if (!a || !b)
			continue;
		mix.pairs++;
		mix.changes += a != b && !(a == TT_UPPER && b == TT_LOWER);
		if (a == TT_DIGIT && b != TT_DIGIT && !knotted) {
			knotted = true;
			mix.knotted++;
		}
	}
	return mix;
}

/* Tokens in base64url and the like, which hold signs that else stand between words: looked at as a whole. */
static bool tt_is_token(struct tt_span s)
{
	if (s.len < TT_TOKEN_LEAST)
		return false;
	struct tt_mixture mix = tt_mixture_of(s);
	bool cases = mix.all.upper && mix.all.lower;
	if (mix.knotted >= 2)
		return true;
	if (cases && mix.all.digits)
		return mix.changes * 4 >= mix.pairs;
	return cases && mix.changes * 5 >= mix.pairs * 2;
}

/* Nearly all segments are plain words: seen at one glance. */
static bool tt_segment_is_word(struct tt_span s)
{
	uint8_t classes = 0;
	for (size_t i = 0; i < s.len; i++)
		classes |= tt_classes[s.data[i]];
	if (s.len >= TT_TOKEN_LEAST && (classes & TT_UPPER))
		return false;
	return s.len < TT_RANDOM_LEAST && !(classes & (TT_DIGIT | TT_ODD | TT_MARK));
}

/* Some word of it is an identifier, or all of it together. */
static bool tt_pattern_varies(struct tt_span segment)
{
	if (segment.len > TT_SEGMENT_MAX)
		return true;
	for (size_t from = 0; from < segment.len;) {
		size_t to = from;
		while (to < segment.len && !(tt_classes[segment.data[to]] & TT_BREAK)) {
			if (segment.data[to] == '@' || segment.data[to] < 0x20)
				return true;
			if (segment.data[to] == '%' && to + 2 < segment.len && memcmp(segment.data + to, "%40", 3) == 0)
				return true;
			to++;
		}
		if (tt_word_is_id(tt_span_sub(segment, from, to - from)))
			return true;
		from = to + 1;
	}
	return tt_is_token(segment);
}

/* 8-4-4-4-12 */
static bool tt_is_uuid(struct tt_span s)
{
	if (s.len != 36)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s.data[i] != '-' : !tt_is_hex(s.data[i]))
			return false;
	}
	return true;
}

/* `bot123456:AAHd…`, a program's key to Telegram: even where it is of letters alone. */
static bool tt_is_bot_key(struct tt_span s)
{
	size_t digits = 3;

	if (!tt_span_starts(s, TT_SPAN_LIT("bot")))
		return false;
	while (digits < s.len && tt_is_digit(s.data[digits]))
		digits++;
	struct tt_span rest = tt_span_sub(s, digits, s.len);
	return digits > 3 && (tt_span_starts(rest, TT_SPAN_LIT(":")) || tt_span_starts(rest, TT_SPAN_LIT("%3A")) ||
			      tt_span_starts(rest, TT_SPAN_LIT("%3a")));
}

bool tt_pattern_is_secret(struct tt_span segment)
{
	size_t word = 0;
	bool digits = false, letters = false;

	if (!segment.len)
		return false;
	if (memchr(segment.data, '@', segment.len) || memmem(segment.data, segment.len, "%40", 3))
		return true;
	if (segment.len < TT_PATTERN_SECRET_LEAST || tt_is_uuid(segment))
		return false;
	for (size_t i = 0; i < segment.len; i++) {
		uint8_t class = tt_classes[segment.data[i]];
		if (!(class & (TT_DIGIT | TT_LOWER | TT_UPPER))) {
			word = 0;
			digits = letters = false;
			continue;
		}
		word++;
		digits |= (class & TT_DIGIT) != 0;
		letters |= (class & (TT_LOWER | TT_UPPER)) != 0;
		if (word >= TT_PATTERN_SECRET_LEAST && digits && letters)
			return true;
	}
	return tt_is_token(segment) || tt_is_bot_key(segment);
}

size_t tt_pattern_value(struct tt_span part)
{
	while (part.len && part.data[part.len - 1] == '=') /* base64's filling */
		part.len--;
	for (size_t i = 0; i < part.len; i++) {
		if (part.data[i] == '=')
			return i + 1;
		if (part.data[i] == '%' && part.len - i > 3 && part.data[i + 1] == '3' && (part.data[i + 2] | 0x20) == 'd')
			return i + 3;
	}
	return 0;
}

bool tt_pattern_is_id(struct tt_span segment)
{
	if (tt_segment_is_word(segment))
		return false;
	return tt_pattern_varies(segment) || tt_pattern_value(segment) || tt_pattern_is_secret(segment);
}

/* One part of a key: wholly an identifier, or with its numbers taken out. */
static void tt_pattern_key_part(struct tt_buf *out, struct tt_span part)
{
	struct tt_word w = tt_word_of(part);
	bool random = part.len > TT_SEGMENT_MAX || w.odd || tt_is_uuid(part) || memchr(part.data, '@', part.len);
	bool plain = w.digits + w.lower + w.upper == part.len;
	if (random || (plain && tt_word_is_id(part) && !(part.len < TT_RANDOM_LEAST && w.hex != part.len))) {
		tt_buf_add_str(out, TT_PATTERN_ID);
		return;
	}
	for (size_t i = 0; i < part.len;) {
		size_t from = i;
		while (i < part.len && !tt_is_digit(part.data[i]))
			i++;
		tt_buf_add(out, part.data + from, i - from);
		from = i;
		while (i < part.len && tt_is_digit(part.data[i]))
			i++;
		if (i > from)
			tt_buf_add_str(out, TT_PATTERN_ID);
	}
}

void tt_pattern_key(struct tt_buf *out, struct tt_span key)
{
	for (size_t from = 0; from < key.len;) {
		size_t to = from;
		while (to < key.len && !(tt_classes[key.data[to]] & TT_PART))
			to++;
		if (to > from)
			tt_pattern_key_part(out, tt_span_sub(key, from, to - from));
		if (to < key.len)
			tt_buf_add_char(out, (char)key.data[to]);
		from = to + 1;
	}
}

void tt_pattern_host(struct tt_buf *out, struct tt_span name)
{
	for (size_t from = 0; from < name.len;) {
		ptrdiff_t dot = tt_span_find(tt_span_sub(name, from, name.len), '.');
		struct tt_span label = tt_span_sub(name, from, dot < 0 ? name.len : (size_t)dot);
		if (tt_pattern_is_id(label))
			tt_buf_add_str(out, TT_PATTERN_ID);
		else
			tt_buf_add(out, label.data, label.len);
		if (dot >= 0)
			tt_buf_add_char(out, '.');
		from += label.len + 1;
	}
}

void tt_pattern_destination(struct tt_buf *out, struct tt_span name)
{
	/* How brokers and their libraries name them; so many parts behind the prefix are the user's. */
	static const struct {
		struct tt_span prefix;
		size_t parts;
	} rows[] = {
		{TT_SPAN_LIT("_INBOX."), 0},		    /* NATS */
		{TT_SPAN_LIT("_R_."), 0},		    /* its gateways' and leaf nodes' */
		{TT_SPAN_LIT("$JS.ACK."), 2},		    /* stream and consumer, then counters */
		{TT_SPAN_LIT("$JS.FC."), 2},		    /* the same */
		{TT_SPAN_LIT("amq.gen-"), 0},		    /* RabbitMQ */
		{TT_SPAN_LIT("amq.rabbitmq.reply-to."), 0}, /* direct reply-to */
		{TT_SPAN_LIT("spring.gen-"), 0},	    /* Spring AMQP */
		{TT_SPAN_LIT("ID:"), 0},		    /* ActiveMQ */
	};
	size_t kept = name.len, row = 0;

	while (row < TT_ARRAY_LEN(rows) && !tt_span_starts(name, rows[row].prefix))
		row++;
	if (row < TT_ARRAY_LEN(rows)) {
		kept = rows[row].prefix.len;
		for (size_t i = 0; i < rows[row].parts; i++) {
			ptrdiff_t dot = tt_span_find(tt_span_sub(name, kept, name.len), '.');
			kept += dot < 0 ? 0 : (size_t)dot + 1;
		}
	}
	tt_buf_add(out, name.data, kept);
	if (kept < name.len)
		tt_buf_add_str(out, TT_PATTERN_ID);
}

struct tt_span tt_pattern_path(struct tt_span target)
{
	size_t len = 0;
	while (len < target.len && target.data[len] != '?' && target.data[len] != '#')
		len++;
	struct tt_span path = tt_span_sub(target, 0, len);
	if (path.len && (path.data[0] == '/' || (path.len == 1 && path.data[0] == '*')))
		return path;

	/* scheme://authority/path */
	size_t scheme = 0;
	while (scheme < path.len && tt_is_letter(path.data[scheme]))
		scheme++;
	if (!scheme || !tt_span_starts(tt_span_sub(path, scheme, 3), TT_SPAN_LIT("://")))
		return tt_span("", 0);
	struct tt_span rest = tt_span_sub(path, scheme + 3, path.len);
	ptrdiff_t slash = tt_span_find(rest, '/');
	return slash < 0 ? TT_SPAN_LIT("/") : tt_span_sub(rest, (size_t)slash, rest.len);
}
