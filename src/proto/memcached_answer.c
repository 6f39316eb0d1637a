// SPDX-License-Identifier: Apache-2.0
/* The server's side of the text protocol, and which request each answer belongs to. */
#include "proto/memcached.h"

#include "base/digits.h"
#include "base/own.h"
#include "base/text.h"

/* Statistics and what crawlers show come a line each, longer ones than commands are. */
#define ANSWER_LINE_MAX 8192u

static const char *const failures[] = {"ERROR", "CLIENT_ERROR", "SERVER_ERROR"};

/* Final words that are the status as they are. */
static const char *const statuses[] = {"STORED", "NOT_STORED", "EXISTS",   "NOT_FOUND", "DELETED", "TOUCHED", "OK",  "END",
				       "RESET",	 "HD",	       "VA",	   "EN",	"NS",	   "EX",      "NF",  "MN",
				       "ME",	 "BUSY",       "BADCLASS", "NOSPARE",	"NOTFULL", "UNSAFE",  "SAME"};

static bool is_one_of(struct tt_span word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (tt_span_eq(word, tt_span_str(list[i])))
			return true;
	}
	return false;
}

static bool is_failure(struct tt_span word)
{
	return is_one_of(word, failures, TT_ARRAY_LEN(failures));
}

static bool is_status(struct tt_span word)
{
	return is_one_of(word, statuses, TT_ARRAY_LEN(statuses));
}

/* "VALUE key flags bytes [cas]" */
static bool read_value(const struct tt_memcached_words *w, uint64_t *ret_bytes)
{
	uint64_t n;

	return w->count >= 4 && w->count <= 5 && tt_span_eq(w->word[0], TT_SPAN_LIT("VALUE")) && tt_digits_read(w->word[2], &n) &&
	       tt_digits_read(w->word[3], ret_bytes) && *ret_bytes <= TT_MEMCACHED_BODY_MAX;
}

/* "VA bytes flags" */
static bool read_meta_value(const struct tt_memcached_words *w, uint64_t *ret_bytes)
{
	return w->count >= 2 && tt_span_eq(w->word[0], TT_SPAN_LIT("VA")) && tt_digits_read(w->word[1], ret_bytes) &&
	       *ret_bytes <= TT_MEMCACHED_BODY_MAX;
}

bool tt_memcached_is_answer(struct tt_span line)
{
	struct tt_memcached_words w;
	uint64_t n;

	tt_memcached_split(line, &w);
	if (w.count == 0 || line.data[0] == ' ')
		return false;
	if (read_value(&w, &n) || read_meta_value(&w, &n))
		return true;
	if (tt_span_eq(w.word[0], TT_SPAN_LIT("VERSION")) || tt_span_eq(w.word[0], TT_SPAN_LIT("STAT")))
		return w.count >= 2;
	if (tt_span_eq(w.word[0], TT_SPAN_LIT("CLIENT_ERROR")) || tt_span_eq(w.word[0], TT_SPAN_LIT("SERVER_ERROR")))
		return true;
	bool meta = w.word[0].len == 2 && is_status(w.word[0]) && !tt_span_eq(w.word[0], TT_SPAN_LIT("VA"));
	return meta || (w.count == 1 && is_status(w.word[0]));
}

/* A flag of a meta answer: its argument's hash. */
static bool find_flag(struct tt_span line, uint8_t flag, uint64_t *ret)
{
	for (size_t i = 2; i + 1 < line.len; i++) {
		if (line.data[i] != ' ' || line.data[i + 1] != flag)
			continue;
		struct tt_span rest = tt_span_sub(line, i + 2, line.len);
		ptrdiff_t blank = tt_span_find(rest, ' ');
		*ret = tt_memcached_hash(tt_span_sub(rest, 0, blank < 0 ? rest.len : (size_t)blank));
		return true;
	}
	return false;
}

/* Words by which a quiet meta command is answered at all. */
static bool answers_quiet(uint32_t kind, struct tt_span word)
{
	static const struct {
		char letter;
		const char *words;
	} rows[] = {{'g', "VA HD"}, {'s', "NS EX NF"}, {'d', "EX"}, {'a', "NS EX"}};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		if ((uint32_t)rows[i].letter == kind >> TT_MEMCACHED_META_SHIFT)
			return word.len == 2 && memmem(rows[i].words, strlen(rows[i].words), word.data, 2);
	}
	return false;
}

enum match {
	MATCH_NO,
	MATCH_PERHAPS,
	MATCH_YES,
};

/* Can this line answer that quiet request? */
static enum match match_quiet(const struct tt_message *request, struct tt_span line, struct tt_span word)
{
	uint64_t tag;

	if (is_failure(word))
		return MATCH_PERHAPS;
	if (!answers_quiet(request->kind, word))
		return MATCH_NO;
	if (!(request->kind & (TT_MEMCACHED_OPAQUE | TT_MEMCACHED_KEY)))
		return MATCH_PERHAPS;
	if (!find_flag(line, request->kind & TT_MEMCACHED_OPAQUE ? 'O' : 'k', &tag))
		return MATCH_NO;
	return tag == (uintptr_t)request->tag ? MATCH_YES : MATCH_NO;
}

/* A line that cannot answer what was asked: what is known of the order is wrong. */
static bool contradicts(uint32_t kind, struct tt_span word)
{
	if (is_failure(word))
		return false;
	switch (kind & TT_MEMCACHED_CLASS) {
	case TT_MEMCACHED_META:
		return word.len != 2 || tt_span_eq(word, TT_SPAN_LIT("MN")) != (kind >> TT_MEMCACHED_META_SHIFT == 'n');
	case TT_MEMCACHED_RETRIEVAL:
		return !tt_span_eq(word, TT_SPAN_LIT("VALUE")) && !tt_span_eq(word, TT_SPAN_LIT("END"));
	case TT_MEMCACHED_LINE:
		return tt_span_eq(word, TT_SPAN_LIT("VALUE")) || tt_span_eq(word, TT_SPAN_LIT("END")) ||
		       tt_span_eq(word, TT_SPAN_LIT("STAT"));
	default:
		return false;
	}
}

/* Opens the answer that begins with this line. */
static enum tt_step begin_answer(struct tt_link *link, struct tt_memcached *s, struct tt_input *in, struct tt_span line,
				 struct tt_span word)
{
	const struct tt_message *request;
	size_t start = in->c.pos;
	enum match match = MATCH_NO;
	enum tt_awaited awaited;

	while ((awaited = tt_awaited(link, &request)) == TT_HAVE && request->kind & TT_MEMCACHED_QUIET) {
		match = request->kind & TT_MEMCACHED_BINARY ? MATCH_NO : match_quiet(request, line, word);
		if (match != MATCH_NO)
			break;
		tt_memcached_silent(link, request, in, start, s->doubt);
	}
	if (awaited == TT_NOT_YET)
		return TT_WAIT;
	if (awaited == TT_HAVE && (request->kind & TT_MEMCACHED_BINARY || contradicts(request->kind, word)))
		return TT_LOST_SYNC;
	s->kind = awaited == TT_HAVE ? request->kind : TT_MEMCACHED_STATS;
	s->answering = true;
	s->values = 0;
	bool barrier = tt_span_eq(word, TT_SPAN_LIT("MN"));
	bool identified = awaited == TT_HAVE && request->kind & TT_MEMCACHED_QUIET && match == MATCH_YES;
	s->doubt = match == MATCH_PERHAPS || (s->doubt && !barrier && !identified);
	s->response = tt_response_begin(link, in, start);
	if (s->response)
		s->response->incomplete = s->doubt;
	return TT_PARSED;
}

static void take_final_line(struct tt_memcached *s, struct tt_span line, struct tt_span word)
{
	struct tt_message *m = s->response;

	tt_message_text(m, TT_TEXT_STATUS, is_status(word) || is_failure(word) ? word : TT_SPAN_LIT("OK"));
	if (is_failure(word)) {
		tt_message_fail(m, word);
		if (line.len > word.len)
			tt_message_text(m, TT_TEXT_ERROR, tt_span_sub(line, word.len + 1, line.len));
	}
	if ((s->kind & TT_MEMCACHED_CLASS) == TT_MEMCACHED_RETRIEVAL && !is_failure(word))
		tt_message_attr_int(m, "db.response.returned_rows", s->values);
}

/* Is it one of several lines, and not the last? */
static bool goes_on(uint32_t kind, struct tt_span word)
{
	switch (kind & TT_MEMCACHED_CLASS) {
	case TT_MEMCACHED_STATS:
		return tt_span_eq(word, TT_SPAN_LIT("STAT")) || tt_span_eq(word, TT_SPAN_LIT("ITEM")) ||
		       tt_span_eq(word, TT_SPAN_LIT("PREFIX"));
	case TT_MEMCACHED_DUMP:
		return !is_failure(word) && !is_status(word);
	default:
		return false;
	}
}

enum tt_step tt_memcached_text_answer(struct tt_link *link, struct tt_memcached *s, struct tt_input *in)
{
	struct tt_cursor at = in->c;
	struct tt_memcached_words w;
	uint64_t bytes;

	at.len = TT_MIN(at.len, at.pos + ANSWER_LINE_MAX);
	struct tt_span line = tt_cursor_line(&at);
	if (tt_cursor_short(&at))
		return tt_cursor_left(&at) >= ANSWER_LINE_MAX ? TT_LOST_SYNC : TT_MORE;
	tt_memcached_split(line, &w);
	if (w.count == 0 || !tt_is_ascii_word(w.word[0]))
		return TT_LOST_SYNC;
	if (!s->answering) {
		enum tt_step step = begin_answer(link, s, in, line, w.word[0]);
		if (step != TT_PARSED)
			return step;
	}

	in->c.pos = at.pos;
	if (read_value(&w, &bytes)) {
		s->values++;
		tt_memcached_pass(link, TT_RESPONSES, in, bytes + 2);
		return TT_PARSED;
	}
	if (goes_on(s->kind, w.word[0]))
		return TT_PARSED;

	uint64_t end = in->c.pos;
	if (read_meta_value(&w, &bytes))
		end = tt_memcached_pass(link, TT_RESPONSES, in, bytes + 2);
	take_final_line(s, line, w.word[0]);
	struct tt_message *m = s->response;
	bool over = (s->kind & TT_MEMCACHED_CLASS) == TT_MEMCACHED_WATCH && !is_failure(w.word[0]);
	s->answering = false;
	s->response = NULL;
	tt_message_end(link, m, in, end);
	return over ? TT_DONE : TT_PARSED;
}

enum tt_memcached_read tt_memcached_answer_line(struct tt_memcached *s, struct tt_span line, uint64_t *ret_bytes)
{
	struct tt_memcached_words w;

	*ret_bytes = 0;
	tt_memcached_split(line, &w);
	if (!w.count || !tt_is_ascii_word(w.word[0]) || contradicts(s->kind, w.word[0]))
		return TT_MEMCACHED_BAD;
	if (read_value(&w, ret_bytes)) {
		s->values++;
		*ret_bytes += 2;
		return TT_MEMCACHED_GOES_ON;
	}
	*ret_bytes = 0;
	if (goes_on(s->kind, w.word[0]))
		return TT_MEMCACHED_GOES_ON;
	*ret_bytes = read_meta_value(&w, ret_bytes) ? *ret_bytes + 2 : 0;
	take_final_line(s, line, w.word[0]);
	return TT_MEMCACHED_FINAL;
}
