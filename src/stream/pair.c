// SPDX-License-Identifier: Apache-2.0
/*
 * Messages to exchanges. Requests stand in a list in the order they began until they are reported; responses that nothing is
 * known to have asked for stand in a second one. The rules after a hole are in docs/architecture.md.
 */
#include "stream/internal.h"

#define TT_PAIR_IDLE_NS 1000000000u /* silence after which nothing is outstanding any more */

/* What the server asks is always paired by id. */
static bool tt_pair_in_order(const struct tt_link *link, const struct tt_message *m)
{
	return link->proto->pairing == TT_PAIR_IN_ORDER && !m->back;
}

static bool tt_pair_uses_id(const struct tt_link *link, const struct tt_message *m)
{
	return link->proto->pairing == TT_PAIR_BY_ID || m->back;
}

/* --- finding the other half --------------------------------------------------------------------------------------------------
 */

/* An answer cannot begin before its question; an unknown time forbids nothing. */
static bool tt_pair_possible(const struct tt_message *req, uint64_t response_first_ns)
{
	return !req->first_ns || !response_first_ns || req->first_ns <= response_first_ns;
}

static struct tt_message *tt_pair_next_unanswered(const struct tt_pair *p)
{
	struct tt_message *m = p->first[TT_REQUESTS];
	while (m && (m->peer || m->one_way || m->unsure))
		m = m->next;
	return m;
}

static void tt_pair_attach(struct tt_link *link, struct tt_message *req, struct tt_message *rsp)
{
	struct tt_pair *p = tt_pair_of(link, req);

	req->peer = rsp;
	rsp->peer = req;
	p->attached++;
	/* Attached, it is found through its request only. */
	tt_pair_unhash(p, rsp);
	tt_pair_out_of_list(p, rsp);
}

void tt_message_identify(struct tt_link *link, struct tt_message *m, uint64_t id)
{
	if (!m || m->dead || m->hashed || m->peer || !tt_pair_uses_id(link, m)) {
		if (m && !m->hashed)
			m->id = id;
		return;
	}
	struct tt_pair *p = tt_pair_of(link, m);
	bool asks = tt_message_part(m) == TT_REQUESTS;
	m->id = id;
	tt_pair_hash(p, m);
	struct tt_message *other = tt_pair_single(p, asks ? TT_RESPONSES : TT_REQUESTS, id);
	struct tt_message *req = asks ? m : other, *rsp = asks ? other : m;
	if (other && tt_pair_possible(req, rsp->first_ns))
		tt_pair_attach(link, req, rsp);
}

enum tt_awaited tt_awaited(struct tt_link *link, const struct tt_message **ret)
{
	const struct tt_flow *f = &link->flow[tt_link_dir(link, TT_RESPONSES)];
	struct tt_message *req = tt_pair_next_unanswered(&link->pair);

	*ret = NULL;
	if (req) {
		const struct tt_mark *mark = tt_marks_find(&f->marks, f->at);
		if (!tt_pair_possible(req, mark ? mark->first_ns : 0))
			return TT_NEVER;
		*ret = req;
		return TT_HAVE;
	}
	return link->pair.untrusted || f->give_up ? TT_NEVER : TT_NOT_YET;
}

enum tt_awaited tt_awaited_by_id(struct tt_link *link, uint64_t id, const struct tt_message **ret)
{
	const struct tt_streams *s = link->conn->s;
	const struct tt_flow *f = &link->flow[tt_link_dir(link, TT_RESPONSES)];
	struct tt_message *req = tt_pair_single(&link->pair, TT_REQUESTS, id);
	const struct tt_mark *mark = tt_marks_find(&f->marks, f->at);

	*ret = NULL;
	if (req) {
		if (!tt_pair_possible(req, mark ? mark->first_ns : 0))
			return TT_NEVER;
		*ret = req;
		return TT_HAVE;
	}
	/* At the limit of messages it may have been read without being kept. */
	bool full = s->stats.messages >= tt_streams_limit(s, TT_LIMIT_MESSAGES);
	return f->give_up || full ? TT_NEVER : TT_NOT_YET;
}

/* --- begin and end -----------------------------------------------------------------------------------------------------------
 */

/* Is it certain that the next response answers this request, which just began? */
static bool tt_pair_quiet(const struct tt_link *link, const struct tt_message *req)
{
	const struct tt_pair *p = &link->pair;
	const struct tt_flow *f = &link->flow[tt_link_dir(link, TT_RESPONSES)];

	/* Whatever was asked must have been answered: a client that does not pipeline waits for that, or for long. */
	uint64_t hole_ns = link->flow[tt_link_dir(link, TT_REQUESTS)].hole_ns;
	if (p->unsure_open && req->first_ns < TT_MAX(f->last_ns, hole_ns) + TT_PAIR_IDLE_NS)
		return false;
	return p->count == 0 && !p->first[TT_RESPONSES] && !p->overlapped && (!req->first_ns || f->last_ns <= req->first_ns);
}

static void tt_pair_watch_overlap(struct tt_link *link, const struct tt_message *req)
{
	struct tt_pair *p = &link->pair;
	const struct tt_message *oldest = p->first[TT_REQUESTS];

	/* The same where requests and answers are not known one by one. */
	if (p->unsure_open && p->unsure_ns && p->unsure_ns < p->response_end_ns && p->response_end_ns < req->first_ns)
		p->overlapped = true;
	if (oldest && p->response_end_ns && oldest->first_ns && p->response_end_ns > oldest->first_ns &&
	    req->first_ns > p->response_end_ns) {
		p->overlapped = true;
		/* Begun in the middle and never seen quiet: it may have been paired one off all the time. */
		if (!tt_link_from_start(link) && !p->quiet_seen)
			p->untrusted = true;
	}
}

/* Responses that came first may be this request's. */
static void tt_pair_adopt(struct tt_link *link, struct tt_message *req)
{
	struct tt_message *rsp;

	while ((rsp = link->pair.first[TT_RESPONSES])) {
		if (tt_pair_possible(req, rsp->first_ns)) {
			tt_pair_attach(link, req, rsp);
			return;
		}
		if (!rsp->ended)
			return;
		tt_pair_orphan(link, rsp);
	}
}

static void tt_pair_make_room(struct tt_link *link, struct tt_pair *p)
{
	if (p->count < tt_streams_limit(link->conn->s, TT_LIMIT_PENDING_REQUESTS))
		return;
	link->conn->s->stats.pending_full++;
	bool in_order = tt_pair_in_order(link, p->first[TT_REQUESTS]);
	tt_pair_conclude(link, p->first[TT_REQUESTS], TT_OUTCOME_LOST);
	p->untrusted |= in_order;
}

struct tt_message *tt_request_begin(struct tt_link *link, const struct tt_input *in, size_t at)
{
	struct tt_pair *p = &link->pair;

	struct tt_message *m = tt_message_open(link, TT_REQUESTS, in, at);
	if (!m) {
		p->untrusted = true;
		return NULL;
	}
	tt_pair_make_room(link, p);
	if (link->proto->pairing == TT_PAIR_IN_ORDER) {
		tt_pair_watch_overlap(link, m);
		if (tt_pair_quiet(link, m)) {
			p->quiet_seen |= p->response_end_ns != 0;
			p->untrusted = false;
			p->unsure_open = 0;
			p->unsure_ns = 0;
		}
		m->unsure = p->untrusted;
		if (m->unsure)
			p->unsure_ns = m->first_ns;
	}
	tt_pair_append(p, m);
	if (link->proto->pairing == TT_PAIR_IN_ORDER && !m->unsure)
		tt_pair_adopt(link, m);
	return m;
}

struct tt_message *tt_response_begin(struct tt_link *link, const struct tt_input *in, size_t at)
{
	const struct tt_flow *f = &link->flow[tt_link_dir(link, TT_RESPONSES)];

	struct tt_message *m = tt_message_open(link, TT_RESPONSES, in, at);
	if (!m) {
		link->pair.untrusted = link->proto->pairing == TT_PAIR_IN_ORDER;
		return NULL;
	}
	if (link->proto->pairing == TT_PAIR_IN_ORDER) {
		struct tt_message *req = tt_pair_next_unanswered(&link->pair);
		if (req && tt_pair_possible(req, m->first_ns)) {
			tt_pair_attach(link, req, m);
			return m;
		}
		m->unsure = req || link->pair.untrusted || f->give_up;
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

	if (m->one_way || (link->proto->pairing == TT_PAIR_ONE_WAY && !m->back)) {
		tt_pair_conclude(link, m, TT_OUTCOME_ONE_WAY);
		return;
	}
	if (m->unsure) {
		link->pair.unsure_open++;
		tt_pair_conclude(link, m, TT_OUTCOME_LOST);
		return;
	}
	if (tt_pair_uses_id(link, m) && !m->peer) {
		tt_pair_hash(p, m);
		struct tt_message *rsp = tt_pair_single(p, TT_RESPONSES, m->id);
		if (rsp && tt_pair_possible(m, rsp->first_ns))
			tt_pair_attach(link, m, rsp);
	}
	if (m->peer && m->peer->ended)
		tt_pair_conclude(link, m, TT_OUTCOME_ANSWERED);
}

static void tt_pair_response_ended(struct tt_link *link, struct tt_message *m)
{
	struct tt_pair *p = tt_pair_of(link, m);

	p->response_end_ns = m->last_ns ? m->last_ns : link->flow[tt_link_dir(link, m->side)].last_ns;
	if (tt_pair_uses_id(link, m) && !m->peer) {
		struct tt_message *req = tt_pair_single(p, TT_REQUESTS, m->id);
		if (req && tt_pair_possible(req, m->first_ns))
			tt_pair_attach(link, req, m);
		else
			tt_pair_hash(p, m);
	}
	if (m->peer) {
		if (m->peer->ended)
			tt_pair_conclude(link, m->peer, TT_OUTCOME_ANSWERED);
	} else if (m->unsure) {
		tt_pair_orphan(link, m);
	}
}

/* Its last byte was taken in; `mark` is that byte's (NULL: unknown). */
void tt_pair_sealed(struct tt_link *link, struct tt_message *m, const struct tt_mark *mark)
{
	m->ended = true;
	tt_message_charge(link->conn->s, m);
	m->last_ns = mark ? mark->last_ns : 0;
	if (!m->last_ns && m->end_off > m->first_off)
		m->incomplete = true;
	if (tt_message_part(m) == TT_REQUESTS)
		tt_pair_request_ended(link, m);
	else
		tt_pair_response_ended(link, m);
}

static inline void tt_message_end_off(struct tt_link *link, struct tt_message *m, uint64_t end_off)
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

void tt_request_extend(struct tt_link *link, const struct tt_input *in, uint64_t at)
{
	struct tt_message *m = link->pair.last[TT_REQUESTS];

	if (!m || m->reported)
		return;
	if (m->will_end && !m->ended) {
		struct tt_message **ending = &link->flow[tt_link_dir(link, TT_REQUESTS)].ending;
		while (*ending && *ending != m)
			ending = &(*ending)->ending;
		if (*ending)
			*ending = m->ending;
	}
	tt_pair_unhash(&link->pair, m);
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

/* --- holes, ends, time-outs ---------------------------------------------------------------------------------------------------
 */

/* The message of this side that is open now, if any: attached responses are reached through their requests. */
static struct tt_message *tt_pair_open_response(struct tt_pair *p)
{
	for (struct tt_message *m = p->first[TT_REQUESTS]; m; m = m->next) {
		if (m->peer && !m->peer->ended)
			return m->peer;
	}
	return NULL;
}

static void tt_pair_cut_open(struct tt_link *link, struct tt_message *m)
{
	struct tt_flow *f = &link->flow[tt_link_dir(link, m->side)];

	m->incomplete = true;
	m->will_end = true;
	m->end_off = TT_MAX(m->first_off, f->at);
	tt_pair_sealed(link, m, NULL);
}

static void tt_pair_hole_in_order(struct tt_link *link, enum tt_side side)
{
	struct tt_pair *p = &link->pair;

	p->untrusted = true;
	if (side == TT_REQUESTS) {
		/* What was read of the requests before the hole still stands in order. */
		struct tt_message *open = p->last[TT_REQUESTS];
		if (open && !open->ended)
			tt_pair_cut_open(link, open);
		else
			p->unsure_open++;
		return;
	}
	struct tt_message *open = tt_pair_open_response(p);
	if (open)
		tt_pair_cut_open(link, open);
	while (p->first[TT_RESPONSES])
		tt_pair_orphan(link, p->first[TT_RESPONSES]);
	/* The answer of a single one is what is missing; of several, any number may still come. */
	p->unsure_open = p->count > 1 ? p->count : 0;
	while (p->first[TT_REQUESTS])
		tt_pair_conclude(link, p->first[TT_REQUESTS], TT_OUTCOME_LOST);
}

/* Both halves of what was promised are of one side. */
static void tt_pair_hole_by_id(struct tt_link *link, struct tt_pair *p, enum tt_side side)
{
	struct tt_message *next;
	for (struct tt_message *m = p->first[TT_REQUESTS]; m; m = next) {
		struct tt_message *rsp = m->peer && !m->peer->ended && m->peer->side == side ? m->peer : NULL;
		next = m->next;
		if (!m->ended && m->side == side) {
			rsp = m->one_way ? NULL : rsp;
			tt_pair_cut_open(link, m);
		}
		if (rsp)
			tt_pair_cut_open(link, rsp);
	}
	for (struct tt_message *m = p->first[TT_RESPONSES]; m; m = next) {
		next = m->next;
		if (!m->ended && m->side == side)
			tt_pair_cut_open(link, m);
	}
}

void tt_pair_hole(struct tt_link *link, enum tt_side side, uint64_t now_ns)
{
	link->pair.hole_ns = link->back.hole_ns = TT_MAX(now_ns, (uint64_t)1);
	link->flow[tt_link_dir(link, side)].ending = NULL;
	tt_pair_hole_by_id(link, &link->back, side);
	if (link->proto->pairing == TT_PAIR_BY_ID)
		tt_pair_hole_by_id(link, &link->pair, side);
	else
		tt_pair_hole_in_order(link, side);
}

static void tt_pair_give_up(struct tt_link *link, struct tt_pair *p, enum tt_outcome outcome)
{
	uint64_t hole = p->hole_ns;

	while (p->first[TT_REQUESTS]) {
		struct tt_message *m = p->first[TT_REQUESTS];
		bool hit = hole && tt_pair_uses_id(link, m) && m->first_ns <= hole;
		/* Answered before it was sent whole, and then it was not sent whole. */
		bool answered = m->peer && m->peer->ended;
		m->incomplete |= answered;
		tt_pair_conclude(link, m, answered ? TT_OUTCOME_ANSWERED : hit ? TT_OUTCOME_LOST : outcome);
	}
	while (p->first[TT_RESPONSES])
		tt_pair_orphan(link, p->first[TT_RESPONSES]);
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

	if (!link->proto)
		return;
	tt_pair_end_at_eof(link, &link->pair, side, end);
	tt_pair_end_at_eof(link, &link->back, side, end);
	tt_pair_give_up(link, side == TT_RESPONSES ? &link->pair : &link->back, tt_conn_outcome(link->conn));
}

/* Reported once; in order it keeps its place, so that a late answer finds it. */
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
			/* By id nothing depends on its place, so it need not be kept for ever. */
			if (tt_pair_uses_id(link, m) && since + 2 * limit <= now_ns)
				tt_pair_drop(link, m);
			continue;
		}
		bool hit = p->hole_ns && m->first_ns <= p->hole_ns;
		if (!m->quiet)
			tt_pair_report(link, m, hit ? TT_OUTCOME_LOST : TT_OUTCOME_TIMEOUT);
		m->reported = true;
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
	for (struct tt_message *m = p->first[TT_RESPONSES]; m; m = next) {
		next = m->next;
		if (m->ended && m->last_ns <= before_ns)
			tt_pair_orphan(link, m);
	}
}

void tt_pair_expire(struct tt_link *link, uint64_t before_ns)
{
	tt_pair_drop_old(link, &link->pair, before_ns);
	tt_pair_drop_old(link, &link->back, before_ns);
}
