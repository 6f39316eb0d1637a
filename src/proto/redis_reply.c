// SPDX-License-Identifier: Apache-2.0
/* The server's side: replies, each read element by element, and which request each answers. */
#include "proto/redis.h"

#include "base/digits.h"
#include "base/own.h"

/* Of an error's text so much is read. */
#define ERROR_BYTES 512

/* No error code is longer. */
#define CODE_BYTES 32

static uint32_t kind_of(const struct tt_message *request)
{
	return request->kind & TT_REDIS_KIND;
}

/* "+1339518083.107412 [0 127.0.0.1:60866] "keys"": what MONITOR shows, on a connection where its request was not seen. */
static bool is_monitor_line(struct tt_span line)
{
	struct tt_span shape = TT_SPAN_LIT("0000000000.000000 [");

	if (line.len < shape.len)
		return false;
	for (size_t i = 0; i < shape.len; i++) {
		bool digit = line.data[i] >= '0' && line.data[i] <= '9';
		if (shape.data[i] == '0' ? !digit : line.data[i] != shape.data[i])
			return false;
	}
	return true;
}

/* The error's first word. One without a code counts as ERR, as in the server's own error statistics. */
static struct tt_span error_code(struct tt_span text)
{
	size_t len = 0;

	while (len < text.len && text.data[len] != ' ') {
		uint8_t c = text.data[len];
		bool first = c >= 'A' && c <= 'Z';
		if ((!first && (len == 0 || !((c >= '0' && c <= '9') || c == '_'))) || len == CODE_BYTES)
			return TT_SPAN_LIT("ERR");
		len++;
	}
	return len ? tt_span_sub(text, 0, len) : TT_SPAN_LIT("ERR");
}

static void fail(struct tt_redis_reply *r, struct tt_span text)
{
	struct tt_span code = error_code(text);

	r->failed = true;
	tt_message_text(r->message, TT_TEXT_STATUS, code);
	tt_message_fail(r->message, code);
	tt_message_text(r->message, TT_TEXT_ERROR, text);
}

/* The outermost element of the reply. */
static void see_outermost(struct tt_redis_reply *r, const struct tt_resp *e)
{
	r->array = e->shape == TT_RESP_AGGREGATE;
	r->count = e->count;
	r->ok = e->type == '+' && tt_span_eq(e->line, TT_SPAN_LIT("OK"));
	r->queued = e->type == '+' && tt_span_eq(e->line, TT_SPAN_LIT("QUEUED"));
	r->stream_follows = r->kind == TT_REDIS_SYNC && e->type == '+';
	if (r->kind == TT_REDIS_MONITOR)
		r->stream_follows = r->ok;
	if (r->role == TT_REDIS_ANSWER && e->type == '-')
		fail(r, e->line);
	else if (r->role == TT_REDIS_ANSWER && e->type != '!')
		tt_message_text(r->message, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
}

static void see_element(struct tt_redis_reply *r, const struct tt_resp *e)
{
	if (r->role == TT_REDIS_PUSH)
		return;
	if (r->stack.depth == 0 && e->type != '|')
		see_outermost(r, e);
	else if (r->role == TT_REDIS_CONFIRMATION && r->stack.depth == 1 && e->type == ':')
		r->subscribed = e->number;
	else if (e->type == '-' || e->type == '!')
		r->part_failed = true;
}

/* The database that commands go to from now on. */
static void follow_database(struct tt_redis *s)
{
	const struct tt_redis_reply *r = &s->reply;

	switch (r->kind) {
	case TT_REDIS_SELECT:
		if (r->queued && s->in_multi)
			s->queued_db = (uint32_t)r->asked;
		else if (!r->failed)
			s->db = (uint32_t)r->asked;
		break;
	case TT_REDIS_EXEC:
		if (s->queued_db && r->array)
			s->db = r->part_failed ? 0 : s->queued_db;
		break;
	case TT_REDIS_RESET:
		if (!r->failed)
			s->db = 0;
		break;
	}
}

/* One operation is no batch. */
static void count_batch(struct tt_message *m, uint64_t operations)
{
	if (operations != 1)
		tt_message_attr_int(m, "db.operation.batch.size", (int64_t)operations);
}

static void follow_transaction(struct tt_redis *s)
{
	struct tt_redis_reply *r = &s->reply;
	bool ends = r->kind == TT_REDIS_EXEC || r->kind == TT_REDIS_DISCARD || r->kind == TT_REDIS_RESET;

	if (r->kind == TT_REDIS_EXEC && (r->array || s->in_multi))
		count_batch(r->message, r->array ? r->count : s->queued);
	if (r->kind == TT_REDIS_MULTI && r->ok) {
		s->in_multi = true;
		s->queued = 0;
		s->queued_db = 0;
	} else if (s->in_multi && r->queued) {
		s->queued++;
		if (tt_redis_kind_is_subscription(r->kind))
			s->channels = (struct tt_redis_channels){.strays = true}; /* EXEC will do it, out of our sight */
	} else if (ends) {
		s->in_multi = false;
		s->queued_db = 0;
	}
	if (r->kind == TT_REDIS_RESET && !r->failed)
		s->channels = (struct tt_redis_channels){.sure = true};
}

/* The answer is complete with the reply that ends before `end`. */
static enum tt_step end_answer(struct tt_link *link, struct tt_redis *s, struct tt_input *in, uint64_t end)
{
	struct tt_redis_reply *r = &s->reply;
	struct tt_message *m = r->message;

	follow_database(s);
	follow_transaction(s);
	if (r->kind == TT_REDIS_MONITOR || r->kind == TT_REDIS_SYNC)
		s->handover = false;
	if (m && s->db) {
		uint8_t digits[TT_DIGITS_MAX];
		tt_message_attr(m, "db.namespace", tt_digits(s->db - 1, digits));
	}
	bool over = r->stream_follows;
	*r = (struct tt_redis_reply){0};
	tt_message_end(link, m, in, end);
	return over ? TT_DONE : TT_PARSED;
}

/* A reply is complete. */
static enum tt_step end_reply(struct tt_link *link, struct tt_redis *s, struct tt_input *in, uint64_t end)
{
	struct tt_redis_reply *r = &s->reply;

	r->open = false;
	switch (r->role) {
	case TT_REDIS_PUSH:
		break;
	case TT_REDIS_ANSWER:
		return end_answer(link, s, in, end);
	case TT_REDIS_CONFIRMATION:
		tt_redis_confirmed(&s->channels, r->kind, r->subscribed);
		if (--r->confirmations_left == 0)
			return end_answer(link, s, in, end);
		break;
	}
	return TT_PARSED;
}

/* Opens the answer to `request` (NULL: not known which). */
static void begin_answer(struct tt_link *link, struct tt_redis *s, struct tt_input *in, const struct tt_message *request)
{
	struct tt_redis_reply *r = &s->reply;

	*r = (struct tt_redis_reply){.answering = true, .message = tt_response_begin(link, in, in->c.pos)};
	if (request) {
		r->kind = kind_of(request);
		r->asked = (uintptr_t)request->tag;
		if (request->kind & TT_REDIS_DB_LOST)
			s->db = 0;
	}
}

static void begin_reply(struct tt_redis *s, enum tt_redis_role role)
{
	s->reply.open = true;
	s->reply.role = role;
	s->reply.stack.depth = 0;
	s->reply.subscribed = -1;
}

/* An array that looks like a published message. In RESP2 it is one where the connection listens; where that is not known, unless
 * a command waits for an answer of its own. */
static bool is_message(struct tt_link *link, struct tt_redis *s)
{
	const struct tt_message *request;

	if (s->channels.active || s->channels.sure)
		return s->channels.active;
	s->channels.active = tt_awaited(link, &request) != TT_HAVE || tt_redis_kind_is_subscription(kind_of(request));
	return s->channels.active;
}

static enum tt_step begin_plain(struct tt_link *link, struct tt_redis *s, struct tt_input *in)
{
	const struct tt_message *request = NULL;
	struct tt_redis_reply *r = &s->reply;

	if (r->answering) {
		/* Fewer confirmations came than were counted on. */
		enum tt_step step = end_answer(link, s, in, in->c.pos);
		if (step != TT_PARSED)
			return step;
	}
	enum tt_step settled = tt_redis_settle(link, s, in);
	if (settled != TT_PARSED)
		return settled;
	if (tt_awaited(link, &request) == TT_NOT_YET)
		return TT_WAIT;
	if (!request && in->c.data[in->c.pos] == '+') {
		struct tt_cursor at = in->c;
		struct tt_resp e;
		if (tt_resp_read(&at, &e) == TT_RESP_MORE)
			return TT_MORE;
		if (at.pos != in->c.pos && is_monitor_line(e.line))
			return TT_DONE;
	}
	if (!request) {
		/* It may have been the answer to anything. */
		s->db = 0;
		s->in_multi = false;
		s->channels.sure = false;
	}
	begin_answer(link, s, in, request);
	begin_reply(s, TT_REDIS_ANSWER);
	return TT_PARSED;
}

/* A confirmation, or a reply that looks like one: which request it answers, if any. */
static enum tt_step begin_confirmation(struct tt_link *link, struct tt_redis *s, struct tt_input *in, uint32_t kind)
{
	struct tt_redis_reply *r = &s->reply;
	const struct tt_redis_channels *c = &s->channels;
	const struct tt_message *request = NULL;

	if (!r->answering) {
		enum tt_step settled = tt_redis_settle(link, s, in);
		if (settled != TT_PARSED)
			return settled;
		enum tt_awaited awaited = tt_awaited(link, &request);
		if (awaited == TT_NOT_YET && !c->strays)
			return TT_WAIT;
		if (awaited == TT_HAVE && kind_of(request) != kind && in->c.data[in->c.pos] == '*' && !c->active && !c->strays)
			return begin_plain(link, s, in);
		if (awaited != TT_HAVE || kind_of(request) != kind) {
			begin_reply(s, TT_REDIS_PUSH);
			return TT_PARSED;
		}
		s->channels.strays = false;
		begin_answer(link, s, in, request);
		r->confirmations_left = tt_redis_confirmations(&s->channels, kind, r->asked);
		if (r->message && s->channels.strays)
			r->message->incomplete = true; /* how many more there are is not known */
		tt_message_text(r->message, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	}
	begin_reply(s, r->kind == kind ? TT_REDIS_CONFIRMATION : TT_REDIS_PUSH);
	return TT_PARSED;
}

/* What the next reply is. Nothing is consumed. */
static enum tt_step begin(struct tt_link *link, struct tt_redis *s, struct tt_input *in)
{
	uint8_t type = in->c.data[in->c.pos];
	enum tt_redis_news news;
	uint32_t kind;

	if (type != '*' && type != '>')
		return begin_plain(link, s, in);

	enum tt_resp_read read = tt_redis_news(in->c, &news, &kind);
	if (read != TT_RESP_OK)
		return read == TT_RESP_MORE ? TT_MORE : TT_LOST_SYNC;
	if (news == TT_REDIS_NEWS_CONFIRMATION)
		return begin_confirmation(link, s, in, kind);
	if (type == '>' || (news == TT_REDIS_NEWS_MESSAGE && is_message(link, s))) {
		begin_reply(s, TT_REDIS_PUSH);
		return TT_PARSED;
	}
	return begin_plain(link, s, in);
}

/* A bulk's bytes: passed, but for the text of an error. */
static enum tt_step read_bulk(struct tt_link *link, struct tt_redis *s, struct tt_input *in, const struct tt_resp *e,
			      uint64_t *ret_end)
{
	struct tt_redis_reply *r = &s->reply;
	uint64_t n = e->count;

	if (e->type == '!' && r->role == TT_REDIS_ANSWER && r->stack.depth == 0) {
		size_t want = TT_MIN(n, (uint64_t)ERROR_BYTES);
		if (tt_cursor_left(&in->c) < want)
			return TT_MORE;
		fail(r, tt_cursor_take(&in->c, want));
		n -= want;
	}
	return tt_redis_pass(link, TT_RESPONSES, in, n, ret_end) ? TT_PARSED : TT_LOST_SYNC;
}

/* One element. *ret_end is the position after it, ahead of the cursor if part of it is skipped. */
static enum tt_step read_element(struct tt_link *link, struct tt_redis *s, struct tt_input *in, uint64_t *ret_end,
				 bool *ret_complete)
{
	struct tt_redis_reply *r = &s->reply;
	size_t start = in->c.pos;
	struct tt_resp e;

	enum tt_resp_read read = tt_resp_read(&in->c, &e);
	if (read != TT_RESP_OK)
		return read == TT_RESP_MORE ? TT_MORE : TT_LOST_SYNC;

	*ret_end = in->c.pos;
	if (r->kind == TT_REDIS_SYNC && r->role == TT_REDIS_ANSWER && r->stack.depth == 0 && e.type == '$') {
		/* What follows is the data set, not a string. */
		see_outermost(r, &e);
		r->stream_follows = *ret_complete = true;
		return TT_PARSED;
	}
	if (e.shape == TT_RESP_BULK || (e.shape == TT_RESP_CHUNK && e.count)) {
		enum tt_step step = read_bulk(link, s, in, &e, ret_end);
		if (step == TT_MORE)
			in->c.pos = start;
		if (step != TT_PARSED)
			return step;
	}
	see_element(r, &e);
	enum tt_resp_place place = tt_resp_place(&r->stack, &e);
	*ret_complete = place == TT_RESP_COMPLETE;
	return place == TT_RESP_WRONG ? TT_LOST_SYNC : TT_PARSED;
}

enum tt_step tt_redis_parse_reply(struct tt_link *link, struct tt_redis *s, struct tt_input *in)
{
	if (tt_cursor_left(&in->c) == 0)
		return TT_MORE;
	if (!s->reply.open) {
		if (s->handover && in->c.data[in->c.pos] == '\n') {
			/* A master keeps a waiting replica awake with these. */
			tt_cursor_skip(&in->c, 1);
			return TT_PARSED;
		}
		enum tt_step step = begin(link, s, in);
		if (step != TT_PARSED)
			return step;
	}

	for (;;) {
		uint64_t end;
		bool complete;
		enum tt_step step = read_element(link, s, in, &end, &complete);
		if (step != TT_PARSED)
			return step;
		if (complete)
			return end_reply(link, s, in, end);
		if (end != in->c.pos)
			return TT_PARSED; /* the rest of the element is skipped first */
	}
}
