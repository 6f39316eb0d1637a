// SPDX-License-Identifier: Apache-2.0
#include "harness/toys.h"

#include <stdlib.h>
#include <string.h>

static bool number(struct tt_span *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;
	while (n < s->len && n < 18 && s->data[n] >= '0' && s->data[n] <= '9')
		v = v * 10 + (uint64_t)(s->data[n++] - '0');
	if (!n)
		return false;
	*s = tt_span_sub(*s, n, s->len);
	*ret = v;
	return true;
}

static enum tt_verdict detect_letter(const struct tt_first *first, uint8_t ask)
{
	struct tt_span q = first->side[TT_REQUESTS], a = first->side[TT_RESPONSES];
	if (q.len && q.data[0] != ask)
		return TT_NO;
	if (a.len && a.data[0] != 'A')
		return TT_NO;
	return (q.len > 1 && (q.data[1] == ' ' || q.data[1] == '#')) || (a.len > 1 && (a.data[1] == ' ' || a.data[1] == '#'))
		       ? TT_YES
		       : TT_MAYBE;
}

static enum tt_verdict detect_ask(const struct tt_first *first)
{
	return detect_letter(first, 'Q');
}

static enum tt_verdict detect_note(const struct tt_first *first)
{
	return detect_letter(first, 'N');
}

/* "X#id text +N": everything after the first letter. */
struct toy_line {
	uint64_t id;
	struct tt_span text;
	uint64_t body;
	bool to_eof;
};

static bool toy_line(struct tt_span s, struct toy_line *ret)
{
	*ret = (struct toy_line){0};
	s = tt_span_sub(s, 1, s.len);
	if (s.len && s.data[0] == '#') {
		s = tt_span_sub(s, 1, s.len);
		if (!number(&s, &ret->id))
			return false;
	}
	if (!s.len || s.data[0] != ' ')
		return false;
	s = tt_span_sub(s, 1, s.len);
	ptrdiff_t space = tt_span_find(s, ' ');
	ret->text = space < 0 ? s : tt_span_sub(s, 0, (size_t)space);
	if (space < 0)
		return true;
	s = tt_span_sub(s, (size_t)space + 1, s.len);
	if (tt_span_eq(s, TT_SPAN_LIT("*"))) {
		ret->to_eof = true;
		return true;
	}
	if (!s.len || s.data[0] != '+')
		return false;
	s = tt_span_sub(s, 1, s.len);
	return number(&s, &ret->body) && s.len == 0;
}

/* What the server asks, the client's answer to it, and what the server only tells. */
static void toy_back(struct tt_link *link, struct tt_input *in, uint8_t letter, const struct toy_line *l)
{
	struct tt_message *m = letter == 'C' ? tt_client_response_begin(link, in, 0) : tt_server_request_begin(link, in, 0);
	if (!m)
		return;
	m->id = l->id;
	m->one_way = letter == 'D';
	if (letter == 'C') {
		tt_message_text(m, TT_TEXT_STATUS, l->text);
	} else {
		tt_message_text(m, TT_TEXT_OPERATION, tt_span(&letter, 1));
		tt_message_text(m, TT_TEXT_RESOURCE, l->text);
	}
	tt_message_end(link, m, in, in->c.pos);
}

static bool toy_letter(enum tt_side side, uint8_t letter)
{
	const char *allowed = side == TT_REQUESTS ? "QNC" : "ABD";
	return letter && strchr(allowed, letter);
}

static enum tt_step toy_parse(struct tt_link *link, enum tt_side side, struct tt_input *in, bool ask_which)
{
	struct tt_span line = tt_cursor_until(&in->c, '\n');
	if (tt_cursor_short(&in->c))
		return TT_MORE;
	struct toy_line l;
	uint8_t letter = line.len ? line.data[0] : 0;
	if (!toy_letter(side, letter) || !toy_line(line, &l))
		return TT_LOST_SYNC;

	if (letter == 'B' || letter == 'C' || letter == 'D') {
		toy_back(link, in, letter, &l);
	} else if (side == TT_REQUESTS) {
		struct tt_message *m = tt_request_begin(link, in, 0);
		tt_message_text(m, TT_TEXT_OPERATION, tt_span(line.data, 1));
		tt_message_text(m, TT_TEXT_RESOURCE, l.text);
		if (m)
			m->id = l.id;
		tt_message_end(link, m, in, in->c.pos + l.body);
	} else {
		const struct tt_message *req;
		if (ask_which && tt_awaited(link, &req) == TT_NOT_YET) {
			in->c.pos = 0;
			return TT_WAIT;
		}
		struct tt_message *m = tt_response_begin(link, in, 0);
		tt_message_text(m, TT_TEXT_STATUS, l.text);
		if (tt_span_eq(l.text, TT_SPAN_LIT("bad")))
			tt_message_fail(m, l.text);
		if (m)
			m->id = l.id;
		if (l.to_eof) {
			tt_message_end_at_eof(link, m);
			tt_skip_to_eof(link, side);
			return TT_PARSED;
		}
		tt_message_end(link, m, in, in->c.pos + l.body);
	}
	if (l.body)
		tt_skip(link, side, l.body);
	return TT_PARSED;
}

static enum tt_step parse_asking(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	return toy_parse(link, side, in, true);
}

static enum tt_step parse_plain(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	return toy_parse(link, side, in, false);
}

static ssize_t resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct toy_line l;
	ptrdiff_t end = tt_span_find(bytes, '\n');
	bool letter = bytes.len && toy_letter(side, bytes.data[0]);
	return letter && end > 0 && toy_line(tt_span_sub(bytes, 0, (size_t)end), &l) ? 0 : -1;
}

const struct tt_proto toy_in_order = {.name = "toy_in_order",
				      .pairing = TT_PAIR_IN_ORDER,
				      .stream = true,
				      .detect = detect_ask,
				      .parse = parse_asking,
				      .resync = resync};
const struct tt_proto toy_by_id = {.name = "toy_by_id",
				   .pairing = TT_PAIR_BY_ID,
				   .stream = true,
				   .datagram = true,
				   .detect = detect_ask,
				   .parse = parse_plain,
				   .resync = resync};
const struct tt_proto toy_one_way = {.name = "toy_one_way",
				     .pairing = TT_PAIR_ONE_WAY,
				     .stream = true,
				     .detect = detect_note,
				     .parse = parse_plain,
				     .resync = resync};
const struct tt_proto toy_early = {.name = "toy_early",
				   .pairing = TT_PAIR_IN_ORDER,
				   .stream = true,
				   .detect = detect_ask,
				   .parse = parse_plain,
				   .resync = resync};
