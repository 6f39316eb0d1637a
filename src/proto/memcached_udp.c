// SPDX-License-Identifier: Apache-2.0
/*
 * The text protocol in datagrams (protocol.txt, "UDP protocol"): a frame header of the request's id, the datagram's number, how
 * many there are and a zero. A request is one datagram; an answer may be several, cut anywhere. They are read in their order:
 * where one is missing or comes late, the answer is incomplete.
 */
#include "proto/memcached.h"

#include "base/own.h"

struct frame {
	uint16_t id;
	uint16_t number;
	uint16_t count;
	uint16_t zero;
};

static bool read_frame(struct tt_cursor *c, struct frame *ret)
{
	ret->id = tt_cursor_be16(c);
	ret->number = tt_cursor_be16(c);
	ret->count = tt_cursor_be16(c);
	ret->zero = tt_cursor_be16(c);
	return !tt_cursor_short(c) && (ret->number < ret->count || !tt_cursor_left(c)) && !ret->zero;
}

static enum tt_step take_request(struct tt_link *link, struct tt_memcached *s, const struct frame *f, struct tt_input *in)
{
	/* The server refuses requests of several datagrams. */
	if (f->count != 1)
		return TT_LOST_SYNC;
	s->datagram_id = f->id;
	while (tt_cursor_left(&in->c)) {
		if (tt_memcached_text_request(link, s, in) != TT_PARSED || s->long_line) {
			if (s->request)
				s->request->incomplete = true;
			tt_message_end(link, s->request, in, in->c.len);
			s->request = NULL;
			s->long_line = false;
			return TT_LOST_SYNC;
		}
	}
	return TT_PARSED;
}

static void end_answer(struct tt_link *link, struct tt_memcached *s, const struct tt_input *in, size_t at)
{
	struct tt_message *m = s->response;

	if (m) {
		m->incomplete |= !s->final || s->left;
		m->own_bytes = s->answer_bytes;
	}
	s->answering = false;
	s->response = NULL;
	tt_message_end(link, m, in, at);
}

static void begin_answer(struct tt_link *link, struct tt_memcached *s, const struct frame *f, const struct tt_input *in,
			 size_t at)
{
	const struct tt_message *request;
	bool known = tt_awaited_by_id(link, f->id, &request) == TT_HAVE;

	s->kind = known ? request->kind : TT_MEMCACHED_STATS;
	s->answering = true;
	s->final = false;
	s->answer_id = f->id;
	s->values = 0;
	s->left = 0;
	s->line_len = 0;
	s->answer_bytes = 0;
	s->response = tt_response_begin(link, in, at);
	if (s->response)
		s->response->id = f->id;
}

/* Up to the end of the answer, or of the datagram. False: that is no answer. */
static bool read_lines(struct tt_memcached *s, struct tt_cursor *c)
{
	while (tt_cursor_left(c)) {
		if (s->left) {
			uint64_t there = tt_cursor_left(c), n = TT_MIN(s->left, there);
			tt_cursor_skip(c, (size_t)n);
			s->left -= n;
			continue;
		}
		if (s->final)
			return true;
		uint8_t byte = tt_cursor_u8(c);
		if (byte != '\n') {
			if (s->line_len == sizeof(s->line))
				return false;
			s->line[s->line_len++] = byte;
			continue;
		}
		struct tt_span line = tt_span(s->line, s->line_len);
		line.len -= line.len && line.data[line.len - 1] == '\r';
		s->line_len = 0;
		enum tt_memcached_read read = tt_memcached_answer_line(s, line, &s->left);
		if (read == TT_MEMCACHED_BAD)
			return false;
		s->final = read == TT_MEMCACHED_FINAL;
	}
	return true;
}

/* An answer of several values may come in several such series, each numbered from 0. */
static bool goes_on(const struct tt_memcached *s, const struct frame *f)
{
	bool next = f->number == s->number + 1, series = !f->number && s->number + 1 == s->count;
	return f->id == s->answer_id && (next || series);
}

static enum tt_step take_answer(struct tt_link *link, struct tt_memcached *s, const struct frame *f, struct tt_input *in)
{
	size_t from = 0;

	if (s->answering && !goes_on(s, f))
		end_answer(link, s, in, 0);
	if (!s->answering && f->number)
		return TT_PARSED; /* what it belongs to began before, or is over */
	s->number = f->number;
	s->count = f->count;
	do {
		if (!s->answering)
			begin_answer(link, s, f, in, from);
		if (!read_lines(s, &in->c)) {
			s->answer_bytes += in->c.len - from;
			s->final = false;
			end_answer(link, s, in, in->c.len);
			return TT_LOST_SYNC;
		}
		s->answer_bytes += in->c.pos - from;
		from = in->c.pos;
		if (s->final && !s->left)
			end_answer(link, s, in, from);
	} while (tt_cursor_left(&in->c));
	return TT_PARSED;
}

enum tt_step tt_memcached_datagram(struct tt_link *link, struct tt_memcached *s, enum tt_side side, struct tt_input *in)
{
	struct frame f;

	if (!tt_pair_as(link, TT_PAIR_BY_ID) || !read_frame(&in->c, &f))
		return TT_LOST_SYNC;
	if (!tt_cursor_left(&in->c))
		return TT_PARSED; /* the server sends such ones between values */
	enum tt_step step = side == TT_REQUESTS ? take_request(link, s, &f, in) : take_answer(link, s, &f, in);
	in->c.pos = in->c.len;
	return step;
}

bool tt_memcached_is_frame(struct tt_span *bytes, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(*bytes);
	struct frame f;

	if (!read_frame(&c, &f) || (side == TT_REQUESTS && f.count != 1) || f.number)
		return false;
	*bytes = tt_cursor_rest(&c);
	/* What one datagram says it says whole. */
	return bytes->len >= 2 && (f.count > 1 || bytes->data[bytes->len - 1] == '\n');
}
