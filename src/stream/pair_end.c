// SPDX-License-Identifier: Apache-2.0
/* What becomes of messages where something is missing, a stream ends or time passes. */
#include "stream/internal.h"

/* The answer that is being read, if any. */
static struct tt_message *tt_pair_open_response(const struct tt_link *link)
{
	struct tt_message *m = link->open[TT_RESPONSES];
	while (m && (m->back || !m->peer))
		m = m->open_next;
	return m;
}

static void tt_pair_cut_open(struct tt_link *link, struct tt_message *m)
{
	struct tt_flow *f = &link->flow[tt_link_dir(link, m->side)];

	m->incomplete = true;
	m->will_end = true;
	m->end_off = TT_MAX(m->first_off, f->at);
	tt_pair_sealed(link, m, NULL);
}

/* Answers that nothing is known to have asked for will not be asked for any more. */
static void tt_pair_orphan_all(struct tt_link *link)
{
	struct tt_message *next;

	for (struct tt_message *m = link->pair.first[TT_RESPONSES]; m; m = next) {
		next = m->next;
		if (m->ended)
			tt_pair_orphan(link, m);
		else
			m->unsure = true;
	}
}

static void tt_pair_hole_in_order(struct tt_link *link, enum tt_side side)
{
	struct tt_pair *p = &link->pair;

	p->untrusted = true;
	if (side == TT_REQUESTS) {
		tt_pair_orphan_all(link);
		tt_pair_even(link, link->flow[tt_link_dir(link, TT_REQUESTS)].last_ns);
		/* What was read of the requests before the hole still stands in order. */
		struct tt_message *open = p->last[TT_REQUESTS];
		if (open && !open->ended)
			tt_pair_cut_open(link, open);
		else
			p->unsure_open++;
		return;
	}
	struct tt_message *open = tt_pair_open_response(link);
	if (open)
		tt_pair_cut_open(link, open);
	while (p->first[TT_RESPONSES])
		tt_pair_orphan(link, p->first[TT_RESPONSES]);
	tt_pair_doubt(link);
	p->maybe_overlapped = false;
	/* Where no answer was under way a whole one is missing, or its beginning; how many more, is not known. */
	p->unsure_open -= !open;
	p->at_most = true;
}

/* What is open of this side ends here; what waits for an answer, or has it, is not touched. */
static void tt_pair_hole_by_id(struct tt_link *link, enum tt_side side)
{
	bool all = link->pairing == TT_PAIR_BY_ID;
	struct tt_message *m;

	do {
		for (m = link->open[side]; m && !all && !m->back;)
			m = m->open_next;
		if (m)
			tt_pair_cut_open(link, m);
	} while (m);
}

/* What is passed over may have answered what was asked since the hole: by id the hole goes on, in order nothing open is sure. */
void tt_pair_dropped(struct tt_link *link, enum tt_side side, uint64_t dropped_ns)
{
	struct tt_pair *p = side == TT_RESPONSES ? &link->pair : &link->back;
	const struct tt_message *asked = p->first[TT_REQUESTS];

	p->hole_ns = TT_MAX(p->hole_ns, dropped_ns);
	if (side == TT_REQUESTS || link->pairing != TT_PAIR_IN_ORDER)
		return;
	if (!p->later_open && (!asked || asked->first_ns > dropped_ns))
		return;
	tt_pair_doubt(link);
	p->at_most = true;
}

void tt_pair_hole(struct tt_link *link, enum tt_side side)
{
	if (side == TT_RESPONSES && link == link->conn->link[0])
		tt_conn_handshake_hole(link->conn);
	link->flow[tt_link_dir(link, side)].ending = NULL;
	tt_pair_hole_by_id(link, side);
	if (link->pairing != TT_PAIR_BY_ID)
		tt_pair_hole_in_order(link, side);
}

void tt_pair_unended(struct tt_link *link, enum tt_side side)
{
	for (struct tt_message *m = link->open[side]; m; m = m->open_next)
		m->incomplete = true;
}

static const struct tt_flow *tt_pair_answers(const struct tt_link *link, const struct tt_pair *p)
{
	return &link->flow[tt_link_dir(link, p == &link->pair ? TT_RESPONSES : TT_REQUESTS)];
}

/* By id: until when answers may have been missed, be it that they were said before what was seen first of that side. */
static uint64_t tt_pair_hole_ns(const struct tt_link *link, const struct tt_pair *p)
{
	return TT_MAX(p->hole_ns, tt_pair_answers(link, p)->begun_ns);
}

/* In a capture nothing times out while its connection lives; but it did where the capture goes on for so long. */
static bool tt_pair_timed_out(const struct tt_link *link, const struct tt_pair *p, const struct tt_message *m)
{
	const struct tt_streams *s = link->conn->s;
	uint64_t since = m->last_ns ? m->last_ns : m->first_ns;

	return tt_conn_is_capture(link->conn) && !tt_pair_answers(link, p)->eof && m->ended && since &&
	       since + tt_streams_limit(s, TT_LIMIT_EXCHANGE_TIMEOUT) * 1000000000u <= s->watermark_ns;
}

/* Who asked ended its stream, and nothing had come for it by then, not even in a hole. */
static bool tt_pair_left(const struct tt_link *link, const struct tt_pair *p, const struct tt_message *m)
{
	return !m->peer && tt_pair_hole_ns(link, p) < m->first_ns && !tt_flow_lacks_its_last(tt_pair_answers(link, p)) &&
	       m->ended && link->flow[tt_link_dir(link, p == &link->pair ? TT_REQUESTS : TT_RESPONSES)].eof;
}

/* Of one request that was not answered whole, where the connection's end says `outcome`. */
static enum tt_outcome tt_pair_why(const struct tt_link *link, const struct tt_pair *p, const struct tt_message *m,
				   enum tt_outcome outcome, bool answering)
{
	const struct tt_flow *answers = tt_pair_answers(link, p);
	uint64_t hole = tt_pair_uses_id(link, m) ? tt_pair_hole_ns(link, p) : 0;
	uint64_t unread = answers->mode == TT_FLOW_STOPPED ? answers->last_ns : 0;

	/* What answered it was perhaps in a hole, or is not read any more. */
	if (TT_MAX(hole, unread) && m->first_ns <= TT_MAX(hole, unread))
		return TT_OUTCOME_LOST;
	if (tt_outcome_unknown(outcome) && tt_pair_timed_out(link, p, m))
		return TT_OUTCOME_TIMEOUT;
	if (outcome == TT_OUTCOME_UNFINISHED && !answering && tt_pair_left(link, p, m))
		return p == &link->pair ? TT_OUTCOME_CLOSED_BY_CLIENT : TT_OUTCOME_CLOSED_BY_SERVER;
	return outcome;
}

static void tt_pair_give_up(struct tt_link *link, struct tt_pair *p, enum tt_outcome outcome)
{
	/* In order the others' turn is behind the one that is being answered. */
	bool answering = p == &link->pair && link->pairing == TT_PAIR_IN_ORDER && tt_pair_open_response(link);

	while (p->first[TT_REQUESTS]) {
		struct tt_message *m = p->first[TT_REQUESTS];
		/* Answered before it was sent whole, and then it was not sent whole. */
		bool answered = m->peer && m->peer->ended;
		m->incomplete |= answered;
		tt_pair_conclude(link, m, answered ? TT_OUTCOME_ANSWERED : tt_pair_why(link, p, m, outcome, answering));
	}
	while (p->first[TT_RESPONSES])
		tt_pair_orphan(link, p->first[TT_RESPONSES]);
	if (p == &link->pair)
		tt_pair_later_forget(link);
}

void tt_pair_abort(struct tt_link *link, enum tt_outcome outcome)
{
	tt_pair_give_up(link, &link->pair, outcome);
	tt_pair_give_up(link, &link->back, outcome);
}

static void tt_pair_end_at_eof(struct tt_link *link, struct tt_pair *p, enum tt_side side, uint64_t end)
{
	struct tt_message *next;
	for (struct tt_message *m = p->first[TT_REQUESTS]; m; m = next) {
		next = m->next;
		struct tt_message *open = side == m->side ? m : m->peer;
		if (open && !open->ended && open->ends_at_eof)
			tt_message_end_off(link, open, end);
	}
	/* By id it is known only with its end what a response answers. */
	for (struct tt_message *m = p->first[TT_RESPONSES]; m; m = next) {
		next = m->next;
		if (m->side == side && !m->ended && m->ends_at_eof)
			tt_message_end_off(link, m, end);
	}
}

/* This side's stream ended and everything before was read: what waits for an answer from it waits in vain. */
void tt_pair_eof(struct tt_link *link, enum tt_side side)
{
	uint64_t end = link->flow[tt_link_dir(link, side)].next;
	/* Where what the other side said last was not seen, it may have ended first. */
	bool unseen = tt_flow_lacks_its_last(&link->flow[tt_link_dir(link, (enum tt_side)(side ^ 1))]);

	if (!link->proto)
		return;
	if (side == TT_RESPONSES && link == link->conn->link[0])
		tt_conn_handshake_over(link->conn);
	tt_pair_end_at_eof(link, &link->pair, side, end);
	tt_pair_end_at_eof(link, &link->back, side, end);
	tt_pair_give_up(link, side == TT_RESPONSES ? &link->pair : &link->back,
			unseen ? TT_OUTCOME_LOST : tt_conn_outcome(link->conn));
}

/* Reported once; in order its turn is kept, so that a late answer finds it. */
static void tt_pair_time_out(struct tt_link *link, struct tt_pair *p, uint64_t now_ns)
{
	uint64_t limit = tt_streams_limit(link->conn->s, TT_LIMIT_EXCHANGE_TIMEOUT) * 1000000000u;

	struct tt_message *next;
	for (struct tt_message *m = p->first[TT_REQUESTS]; m; m = next) {
		next = m->next;
		/* While bytes of the answer still come it is slow, not unanswered. */
		if (!m->ended || (m->peer && !m->peer->incomplete))
			continue;
		uint64_t since = m->last_ns ? m->last_ns : m->first_ns;
		if (!since || since + limit > now_ns)
			break;
		if (m->reported) {
			/* By id nothing depends on its turn, so it need not be kept for ever. */
			if (tt_pair_uses_id(link, m) && since + 2 * limit <= now_ns)
				tt_pair_drop(link, m);
			continue;
		}
		uint64_t hole = tt_pair_uses_id(link, m) ? tt_pair_hole_ns(link, p) : p->hole_ns;
		bool hit = hole && m->first_ns <= hole;
		if (!m->quiet)
			tt_pair_report(link, m, hit ? TT_OUTCOME_LOST : TT_OUTCOME_TIMEOUT);
		m->reported = true;
		if (tt_pair_in_order(link, m) && !m->peer && !tt_pair_later(link, m, true))
			link->conn->s->stats.later_full++;
	}
}

void tt_pair_timeout(struct tt_link *link, uint64_t now_ns)
{
	tt_pair_time_out(link, &link->pair, now_ns);
	tt_pair_time_out(link, &link->back, now_ns);
}

static void tt_pair_drop_old(struct tt_link *link, struct tt_pair *p, uint64_t before_ns)
{
	struct tt_message *next;
	/* They stand in the order they began: behind a newer one there are newer ones only. */
	for (struct tt_message *m = p->first[TT_RESPONSES]; m && m->first_ns <= before_ns; m = next) {
		next = m->next;
		if (!m->ended || m->last_ns > before_ns)
			continue;
		m->unsure = true; /* what it answers may turn out to be missing */
		tt_pair_orphan(link, m);
	}
}

void tt_pair_expire(struct tt_link *link, uint64_t before_ns)
{
	tt_pair_drop_old(link, &link->pair, before_ns);
	tt_pair_drop_old(link, &link->back, before_ns);
}
