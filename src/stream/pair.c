// SPDX-License-Identifier: Apache-2.0
/*
 * Messages to exchanges. Requests stand in a list in the order they began until they are reported; responses that nothing is
 * known to have asked for stand in a second one. The rules after a hole are in docs/architecture.md.
 */
#include "stream/internal.h"

#define TT_NS_PER_S 1000000000u
#define TT_PAIR_IDLE_NS TT_NS_PER_S /* silence after which nothing is outstanding any more */

/* --- finding the other half --------------------------------------------------------------------------------------------------
 */

/* Both streams were seen from their first byte, and nothing of them is missing. */
static bool tt_link_whole(const struct tt_link *link)
{
	return tt_link_from_start(link) && !link->flow[0].hole_ns && !link->flow[1].hole_ns;
}

/* By how much the answer is stamped before its question. An unknown time forbids nothing. */
static uint64_t tt_pair_early(const struct tt_message *req, uint64_t response_first_ns)
{
	return response_first_ns && req->first_ns > response_first_ns ? req->first_ns - response_first_ns : 0;
}

/*
 * May this be the answer, by its time? Where the streams were seen whole and it came behind its question their order decides, as
 * far back as records may be out of order at all: what was asked was captured late. Where it came before and is stamped before it
 * was said unasked, or clocks differ; of datagrams that they came in this order. Elsewhere the clock is all there is: an answer
 * does not begin before its question.
 */
bool tt_pair_possible(const struct tt_link *link, const struct tt_message *req, uint64_t response_first_ns, bool asked_first)
{
	uint64_t early = tt_pair_early(req, response_first_ns), slack = TT_PAIR_SLACK_NS;

	if (!early)
		return true;
	if (link->conn->datagram)
		return asked_first && early <= slack;
	if (tt_pair_in_order(link, req) && asked_first)
		slack = TT_MAX(slack, tt_streams_limit(link->conn->s, TT_LIMIT_STREAM_HOLD) * 1000000u);
	return early <= slack && tt_link_whole(link);
}

void tt_pair_doubt(struct tt_link *link)
{
	struct tt_pair *p = &link->pair;
	struct tt_message *next;

	p->untrusted = true;
	for (struct tt_message *m = p->first[TT_REQUESTS]; m; m = next) {
		next = m->next;
		if (m->peer || m->one_way || m->unsure)
			continue;
		p->unsure_open++;
		tt_pair_conclude(link, m, TT_OUTCOME_LOST);
	}
	p->unsure_open += (int64_t)p->later_open;
	tt_pair_later_forget(link);
}

static struct tt_message *tt_pair_next_unanswered(struct tt_link *link)
{
	struct tt_message *m = link->pair.first[TT_REQUESTS];
	while (m && (m->peer || m->one_way || m->unsure))
		m = m->next;
	return link->pair.later_open ? tt_pair_recall(link, m) : m;
}

/* It was waited for, with something behind it at hand: what answers it may have been read already. */
static bool tt_message_came_late(const struct tt_link *link, const struct tt_message *req)
{
	const struct tt_flow *f = &link->flow[tt_link_dir(link, req->side)];

	return req->first_off >= f->late_from && req->first_off < f->late_to;
}

/* In order: the answer that begins at that place came behind its question, or may have. */
static bool tt_pair_asked_first(const struct tt_link *link, const struct tt_message *req, uint64_t offset)
{
	return offset >= link->flow[tt_link_dir(link, TT_RESPONSES)].waited || tt_message_came_late(link, req);
}

void tt_pair_attach(struct tt_link *link, struct tt_message *req, struct tt_message *rsp)
{
	struct tt_pair *p = tt_pair_of(link, req);

	req->peer = rsp;
	rsp->peer = req;
	p->attached++;
	/* Attached, it is found through its request only. */
	tt_pair_unhash(p, rsp);
	tt_pair_out_of_list(p, rsp);
}

/*
 * Begun in the middle, where what was missed at the front leaves no hole: a client that went on asking before the first answer
 * came may have had one that was not seen.
 */
static bool tt_pair_missed_one(const struct tt_link *link, const struct tt_message *req, uint64_t response_first_ns)
{
	const struct tt_message *newest = link->pair.last[TT_REQUESTS];

	return !tt_link_from_start(link) && !link->pair.response_end_ns && req->first_ns && newest->first_ns > req->first_ns &&
	       newest->first_ns < response_first_ns;
}

enum tt_awaited tt_awaited(struct tt_link *link, const struct tt_message **ret)
{
	const struct tt_flow *f = &link->flow[tt_link_dir(link, TT_RESPONSES)];
	struct tt_message *req = tt_pair_next_unanswered(link);

	*ret = NULL;
	if (req) {
		const struct tt_mark *mark = tt_marks_find(&f->marks, f->at);
		uint64_t first_ns = mark ? mark->first_ns : 0;
		bool missed = tt_pair_missed_one(link, req, first_ns);
		if (missed)
			tt_pair_doubt(link);
		if (missed || !tt_pair_possible(link, req, first_ns, tt_pair_asked_first(link, req, f->at)))
			return TT_NEVER;
		*ret = req;
		return TT_HAVE;
	}
	return link->pair.untrusted || f->give_up ? TT_NEVER : TT_NOT_YET;
}

void tt_awaited_silent(struct tt_link *link)
{
	struct tt_message *req = tt_pair_next_unanswered(link);

	if (!req)
		return;
	req->one_way = true;
	if (req->ended)
		tt_pair_conclude(link, req, TT_OUTCOME_ONE_WAY);
}

/* --- begin and end -----------------------------------------------------------------------------------------------------------
 */

/*
 * Is it certain that the next response answers this request, which just began? Everything asked before must have been answered:
 * by the count of what passed, or because a client that waits for its answers was silent so long. One that was seen not to wait
 * proves nothing by asking again; after the longest an answer is waited for, nothing of it is outstanding all the same.
 */
static bool tt_pair_quiet(const struct tt_link *link, const struct tt_message *req)
{
	const struct tt_pair *p = &link->pair;
	const struct tt_flow *asked = &link->flow[tt_link_dir(link, TT_REQUESTS)];
	const struct tt_flow *answered = &link->flow[tt_link_dir(link, TT_RESPONSES)];

	/* Where an answer told the protocol it is still to be read, as is all behind it. */
	const struct tt_mark *unread = p->response_end_ns ? NULL : tt_marks_find(&answered->marks, answered->at);
	uint64_t answered_ns = unread && unread->first_ns > req->first_ns ? 0 : answered->last_ns;
	if (p->count || p->later_open || p->first[TT_RESPONSES] || (req->first_ns && answered_ns > req->first_ns))
		return false;
	/* Asked before the hole in the answers was known, it is answered in it or behind it. */
	if (req->first_ns && answered->hole_ns >= req->first_ns)
		return false;
	uint64_t latest_ns = TT_MAX(answered_ns, asked->hole_ns);
	uint64_t since_ns = TT_MAX(latest_ns, p->unsure_ns);
	uint64_t silence =
		p->overlapped ? tt_streams_limit(link->conn->s, TT_LIMIT_EXCHANGE_TIMEOUT) * TT_NS_PER_S : TT_PAIR_IDLE_NS;
	if (req->first_ns >= since_ns + silence)
		return true;
	return p->unsure_open <= 0 && !p->overlapped && !p->unsure_overlapped;
}

static void tt_pair_watch_overlap(struct tt_link *link, const struct tt_message *req)
{
	struct tt_pair *p = &link->pair;
	const struct tt_message *oldest = p->first[TT_REQUESTS];
	uint64_t oldest_ns = p->later_open ? tt_pair_later_ns(p) : oldest ? oldest->first_ns : 0;

	/* The same where requests and answers are not known one by one, but how many at least are open. */
	if (p->unsure_open > 0 && !p->at_most && p->unsure_ns && p->unsure_ns < p->response_end_ns &&
	    p->response_end_ns < req->first_ns)
		p->unsure_overlapped = true;
	if (oldest_ns && p->response_end_ns && p->response_end_ns > oldest_ns && req->first_ns > p->response_end_ns) {
		p->maybe_overlapped = true;
		/* Begun in the middle and never seen quiet: it may have been paired one off all the time. */
		if (!tt_link_from_start(link) && !p->quiet_seen)
			p->untrusted = true;
	}
}

/* An answer that is nobody's and one that is a question's own are told apart by a clock here, and it says too little. */
static void tt_pair_watch_clock(struct tt_link *link, const struct tt_message *req, const struct tt_message *rsp,
				bool asked_first)
{
	if (tt_pair_early(req, rsp->first_ns) <= TT_PAIR_SLACK_NS || (tt_link_whole(link) && asked_first))
		tt_pair_doubt(link);
}

/* Responses that came first may be this request's. */
static void tt_pair_adopt(struct tt_link *link, struct tt_message *req)
{
	bool late = tt_message_came_late(link, req);
	struct tt_message *rsp;

	while ((rsp = link->pair.first[TT_RESPONSES])) {
		if (tt_pair_possible(link, req, rsp->first_ns, late)) {
			rsp->incomplete |= !late && tt_pair_early(req, rsp->first_ns);
			tt_pair_attach(link, req, rsp);
			return;
		}
		tt_pair_watch_clock(link, req, rsp, late);
		if (!rsp->ended)
			return;
		tt_pair_orphan(link, rsp);
		if (req->dead)
			return;
	}
}

/* What forbids one more request; NULL: nothing. */
static uint64_t *tt_pair_full(struct tt_link *link, const struct tt_pair *p)
{
	struct tt_streams *s = link->conn->s;

	if (p->count >= tt_streams_limit(s, TT_LIMIT_PENDING_REQUESTS))
		return &s->stats.pending_full;
	return p->count && tt_room_is_short(s) ? &s->stats.share_full : NULL;
}

/* By id the oldest one gives way. */
static void tt_pair_make_room(struct tt_link *link, struct tt_pair *p)
{
	uint64_t *cause = tt_pair_full(link, p);

	if (!cause)
		return;
	++*cause;
	tt_pair_conclude(link, p->first[TT_REQUESTS], TT_OUTCOME_LOST);
}

static void tt_pair_told(struct tt_link *link, struct tt_message *req)
{
	if (!req->reported && !req->quiet)
		tt_pair_report(link, req, TT_OUTCOME_LOST);
	req->reported = true;
}

/* In order the newest one does, as its answer still comes in its turn. */
static void tt_pair_pass(struct tt_link *link, struct tt_message *req)
{
	uint64_t *cause = tt_pair_full(link, &link->pair);

	*(cause ? cause : &link->conn->s->stats.share_full) += 1;
	tt_pair_told(link, req);
	if (tt_pair_later(link, req, false))
		return;
	link->conn->s->stats.later_full++;
	tt_pair_doubt(link);
}

bool tt_pair_give_way(struct tt_link *link, struct tt_message *req)
{
	uint64_t *cause = &link->conn->s->stats.share_full;

	if (!tt_pair_in_order(link, req)) {
		*cause += !req->reported;
		tt_pair_conclude(link, req, TT_OUTCOME_LOST);
		return true;
	}
	*cause += !req->reported;
	tt_pair_told(link, req);
	return tt_pair_later(link, req, true);
}

void tt_pair_even(struct tt_link *link, uint64_t asking_ns)
{
	const struct tt_flow *answered = &link->flow[tt_link_dir(link, TT_RESPONSES)];

	if (link->pair.unsure_open < 0 && answered->last_ns <= asking_ns)
		link->pair.unsure_open = 0;
}

/* Decides what is known of a request that begins. */
static void tt_pair_trust(struct tt_link *link, struct tt_message *req)
{
	struct tt_pair *p = &link->pair;

	tt_pair_even(link, req->first_ns);
	tt_pair_watch_overlap(link, req);
	if (tt_pair_quiet(link, req)) {
		p->quiet_seen |= p->response_end_ns != 0;
		p->untrusted = p->unsure_overlapped = p->maybe_overlapped = p->at_most = false;
		p->unsure_open = 0;
		p->unsure_ns = 0;
	}
	req->unsure = p->untrusted;
	if (req->unsure)
		p->unsure_ns = req->first_ns;
}

struct tt_message *tt_request_begin(struct tt_link *link, const struct tt_input *in, size_t at)
{
	struct tt_pair *p = &link->pair;

	struct tt_message *m = tt_message_open(link, TT_REQUESTS, in, at);
	if (!m) {
		p->untrusted = true;
		p->unsure_open++;
		return NULL;
	}
	m->turn = ++p->turns;
	if (link->pairing == TT_PAIR_IN_ORDER) {
		m->spare = tt_pair_full(link, p);
		tt_pair_trust(link, m);
	} else {
		tt_pair_make_room(link, p);
	}
	tt_pair_append(p, m);
	if (link->pairing == TT_PAIR_IN_ORDER && !m->unsure)
		tt_pair_adopt(link, m);
	return m;
}

struct tt_message *tt_response_begin(struct tt_link *link, const struct tt_input *in, size_t at)
{
	const struct tt_flow *f = &link->flow[tt_link_dir(link, TT_RESPONSES)];

	struct tt_message *m = tt_message_open(link, TT_RESPONSES, in, at);
	if (!m) {
		if (link->pairing == TT_PAIR_IN_ORDER) {
			tt_pair_doubt(link);
			link->pair.unsure_open--;
		}
		return NULL;
	}
	if (link->pairing == TT_PAIR_IN_ORDER) {
		struct tt_message *req = tt_pair_next_unanswered(link);
		if (req && tt_pair_missed_one(link, req, m->first_ns)) {
			tt_pair_doubt(link);
			req = NULL;
		}
		bool asked_first = req && tt_pair_asked_first(link, req, m->first_off);
		if (req && tt_pair_possible(link, req, m->first_ns, asked_first)) {
			/* So near to what it is paired with it may be its own, by clocks that differ, or nobody's. */
			m->incomplete |= !asked_first && tt_pair_early(req, m->first_ns);
			tt_pair_attach(link, req, m);
			return m;
		}
		m->unsure = req || link->pair.untrusted || f->give_up;
		if (req)
			tt_pair_watch_clock(link, req, m, asked_first);
	}
	tt_pair_append(&link->pair, m);
	return m;
}

struct tt_message *tt_promised_request_begin(struct tt_link *link, const struct tt_input *in, size_t at)
{
	struct tt_message *m = tt_message_open(link, TT_RESPONSES, in, at);

	if (!m)
		return NULL;
	m->promised = true;
	tt_pair_make_room(link, &link->pair);
	tt_pair_append(&link->pair, m);
	return m;
}

/* One of an exchange the server begins. */
static struct tt_message *tt_back_begin(struct tt_link *link, enum tt_side side, const struct tt_input *in, size_t at)
{
	struct tt_message *m = tt_pair_prepare(&link->back) == 0 ? tt_message_open(link, side, in, at) : NULL;

	if (!m)
		return NULL;
	m->back = true;
	if (tt_message_part(m) == TT_REQUESTS)
		tt_pair_make_room(link, &link->back);
	tt_pair_append(&link->back, m);
	return m;
}

struct tt_message *tt_server_request_begin(struct tt_link *link, const struct tt_input *in, size_t at)
{
	return tt_back_begin(link, TT_RESPONSES, in, at);
}

struct tt_message *tt_client_response_begin(struct tt_link *link, const struct tt_input *in, size_t at)
{
	return tt_back_begin(link, TT_REQUESTS, in, at);
}

static void tt_pair_request_ended(struct tt_link *link, struct tt_message *m)
{
	struct tt_pair *p = tt_pair_of(link, m);

	if (m->one_way || (link->pairing == TT_PAIR_ONE_WAY && !m->back)) {
		tt_pair_conclude(link, m, TT_OUTCOME_ONE_WAY);
		return;
	}
	if (m->unsure) {
		link->pair.unsure_open++;
		tt_pair_conclude(link, m, TT_OUTCOME_LOST);
		return;
	}
	if (tt_pair_uses_id(link, m)) {
		tt_pair_hash(p, m);
		if (!m->peer)
			tt_pair_adopt_by_id(link, m);
	}
	if (m->peer && m->peer->ended)
		tt_pair_conclude(link, m, TT_OUTCOME_ANSWERED);
	else if (m->spare && !m->peer)
		tt_pair_pass(link, m);
}

static void tt_pair_response_ended(struct tt_link *link, struct tt_message *m)
{
	struct tt_pair *p = tt_pair_of(link, m);

	p->response_end_ns = m->last_ns ? m->last_ns : link->flow[tt_link_dir(link, m->side)].last_ns;
	if (tt_pair_uses_id(link, m) && !m->peer) {
		tt_pair_join(link, m);
		if (!m->peer)
			tt_pair_hash(p, m);
	}
	if (m->peer) {
		p->overlapped |= p->maybe_overlapped;
		if (m->peer->ended)
			tt_pair_conclude(link, m->peer, TT_OUTCOME_ANSWERED);
	} else if (m->unsure) {
		tt_pair_orphan(link, m);
	}
}

/* Its last byte was taken in; `mark` is that byte's (NULL: unknown). */
void tt_pair_sealed(struct tt_link *link, struct tt_message *m, const struct tt_mark *mark)
{
	tt_message_not_open(link, m);
	m->ended = true;
	tt_message_charge(link->conn->s, m);
	if (mark || !m->noted)
		m->last_ns = mark ? mark->last_ns : 0;
	if (!m->last_ns && m->end_off > m->first_off)
		m->incomplete = true;
	if (tt_message_part(m) == TT_REQUESTS)
		tt_pair_request_ended(link, m);
	else
		tt_pair_response_ended(link, m);
}

void tt_message_end_off(struct tt_link *link, struct tt_message *m, uint64_t end_off)
{
	struct tt_flow *f = &link->flow[tt_link_dir(link, m->side)];

	m->end_off = end_off;
	m->will_end = true;
	if (end_off <= f->next) {
		tt_pair_sealed(link, m, tt_marks_find(&f->marks, end_off > m->first_off ? end_off - 1 : end_off));
		return;
	}
	struct tt_message **at = &f->ending;
	while (*at && (*at)->end_off <= end_off)
		at = &(*at)->ending;
	m->ending = *at;
	*at = m;
}

void tt_message_end(struct tt_link *link, struct tt_message *m, const struct tt_input *in, uint64_t at)
{
	if (!m || tt_pair_release(link, m) || m->will_end)
		return;
	const struct tt_flow *f = &link->flow[tt_link_dir(link, m->side)];
	uint64_t base = in ? in->offset : f->next;
	tt_message_end_off(link, m, at > TT_OFFSET_EOF - 1 - base ? TT_OFFSET_EOF - 1 : base + at);
}

void tt_message_note_end(struct tt_link *link, struct tt_message *m, const struct tt_input *in, uint64_t at)
{
	uint64_t end = in->offset + at;
	const struct tt_mark *mark = m && end ? tt_marks_find(&link->flow[tt_link_dir(link, m->side)].marks, end - 1) : NULL;

	if (!mark)
		return;
	m->last_ns = mark->last_ns;
	m->noted = true;
}

void tt_request_extend(struct tt_link *link, const struct tt_input *in, uint64_t at)
{
	struct tt_message *m = link->pair.last[TT_REQUESTS];

	if (!m || m->reported || m->turn != link->pair.turns)
		return;
	if (m->will_end && !m->ended) {
		struct tt_message **ending = &link->flow[tt_link_dir(link, TT_REQUESTS)].ending;
		while (*ending && *ending != m)
			ending = &(*ending)->ending;
		if (*ending)
			*ending = m->ending;
	}
	tt_pair_unhash(&link->pair, m);
	if (m->ended)
		tt_message_is_open(link, m);
	m->ended = m->will_end = false;
	tt_message_end(link, m, in, at);
}

void tt_message_end_at_eof(struct tt_link *link, struct tt_message *m)
{
	if (!m || tt_pair_release(link, m))
		return;
	m->ends_at_eof = true;
	if (link->flow[tt_link_dir(link, m->side)].eof_told)
		tt_message_end_off(link, m, link->flow[tt_link_dir(link, m->side)].next);
}

void tt_message_drop(struct tt_link *link, struct tt_message *m)
{
	if (m && !tt_pair_release(link, m))
		tt_pair_drop(link, m);
}
