// SPDX-License-Identifier: Apache-2.0
/* Pairing by id: the hash of messages that have theirs, and which one is meant where several have the same. */
#include <errno.h>

#include "base/seed.h"
#include "stream/internal.h"

static struct tt_message **tt_pair_bucket(const struct tt_pair *p, enum tt_side part, uint64_t id)
{
	return &p->hash[part][(id * p->hash_by) >> (64 - p->hash_bits[part])];
}

int tt_pair_prepare(struct tt_pair *p)
{
	p->hash_by = tt_seed() | 1;
	for (int part = 0; part < 2; part++) {
		if (!p->hash[part])
			p->hash[part] = calloc(1u << TT_PAIR_BUCKET_BITS, sizeof(struct tt_message *));
		if (!p->hash[part])
			return -ENOMEM;
		p->hash_bits[part] = TT_MAX(p->hash_bits[part], (uint8_t)TT_PAIR_BUCKET_BITS);
	}
	return 0;
}

static inline void tt_pair_into(struct tt_message **bucket, struct tt_message *m)
{
	m->same_hash = *bucket;
	m->hash_at = bucket;
	if (*bucket)
		(*bucket)->hash_at = &m->same_hash;
	*bucket = m;
}

/* Four times the buckets; without memory for them the chains just get longer. */
static void tt_pair_grow(struct tt_pair *p, enum tt_side part)
{
	uint32_t count = 1u << p->hash_bits[part];
	struct tt_message **old = p->hash[part];

	p->hash[part] = calloc(4 * count, sizeof(*old));
	if (!p->hash[part]) {
		p->hash[part] = old;
		return;
	}
	p->hash_bits[part] += 2;
	for (uint32_t i = 0; i < count; i++) {
		/* Newer ones stay in front of older ones. */
		struct tt_message *turned = NULL, *next;
		for (struct tt_message *m = old[i]; m; m = next) {
			next = m->same_hash;
			m->same_hash = turned;
			turned = m;
		}
		for (struct tt_message *m = turned; m; m = next) {
			next = m->same_hash;
			tt_pair_into(tt_pair_bucket(p, part, m->id), m);
		}
	}
	free(old);
}

void tt_pair_hash(struct tt_pair *p, struct tt_message *m)
{
	enum tt_side part = tt_message_part(m);

	if (m->hashed)
		return;
	if (p->hashed[part] >= 2u << p->hash_bits[part] && p->hash_bits[part] < TT_PAIR_BUCKET_BITS_MOST)
		tt_pair_grow(p, part);
	tt_pair_into(tt_pair_bucket(p, part, m->id), m);
	m->hashed = true;
	p->hashed[part]++;
	p->open[part]--;
}

void tt_pair_unhash(struct tt_pair *p, struct tt_message *m)
{
	if (!m->hashed)
		return;
	*m->hash_at = m->same_hash;
	if (m->same_hash)
		m->same_hash->hash_at = m->hash_at;
	m->hashed = false;
	p->hashed[tt_message_part(m)]--;
	p->open[tt_message_part(m)]++;
}

/* --- which one --------------------------------------------------------------------------------------------------------- */

/* A hole since it began may have held its other half: a newer one with its id means that it did. */
static bool tt_pair_given_up(const struct tt_pair *p, const struct tt_message *m)
{
	return m->reported || (p->hole_ns && m->first_ns <= p->hole_ns);
}

/* When what was asked would have timed out by now, had it not been in a capture; 0: never. */
static uint64_t tt_pair_past(const struct tt_link *link, uint64_t answer_ns)
{
	uint64_t limit = tt_streams_limit(link->conn->s, TT_LIMIT_EXCHANGE_TIMEOUT) * 1000000000u;

	return tt_conn_is_capture(link->conn) && link->proto->ids == TT_IDS_UNIQUE && answer_ns > limit ? answer_ns - limit : 0;
}

/* Of those that are in no hash because they have not ended: there are few, and only they are looked at. */
static struct tt_message *tt_pair_unhashed(const struct tt_link *link, const struct tt_pair *p, enum tt_side part, uint64_t id)
{
	bool back = p == &link->back;

	for (int side = 0; p->open[part] && side < 2; side++) {
		for (struct tt_message *m = link->open[side]; m; m = m->open_next) {
			if (!m->hashed && m->id == id && !m->peer && m->back == back && tt_message_part(m) == part)
				return m;
		}
	}
	return NULL;
}

/* So many requests of one id are looked at for the one that is answered. */
#define TT_PAIR_LOOKS 256

/* Requests with one id that had begun when an answer came. */
struct tt_same {
	struct tt_message *newest;
	struct tt_message *oldest; /* that is not given up */
	struct tt_message *later;  /* the first one that had not begun: for clocks that differ */
	uint32_t count;
	uint32_t given_up;
};

static struct tt_same tt_pair_same(const struct tt_link *link, const struct tt_pair *p, uint64_t id, uint64_t answer_ns)
{
	uint64_t past_ns = tt_pair_past(link, answer_ns);
	struct tt_same same = {0};

	/* Buckets grow at the front, so what is older than one that is given up is so, too. Behind so many equal ones the oldest
	 * is not looked for: then it is as if it were given up. */
	for (struct tt_message *m = *tt_pair_bucket(p, TT_REQUESTS, id); m && !same.given_up; m = m->same_hash) {
		if (m->id != id || m->peer)
			continue;
		if (answer_ns && m->first_ns > answer_ns) {
			same.later = m;
			continue;
		}
		bool given_up = same.count == TT_PAIR_LOOKS || tt_pair_given_up(p, m) || m->first_ns < past_ns;
		same.newest = same.newest ? same.newest : m;
		same.oldest = given_up ? same.oldest : m;
		same.given_up += given_up;
		same.count++;
	}
	return same;
}

struct tt_message *tt_pair_asked(const struct tt_link *link, const struct tt_pair *p, uint64_t id, uint64_t answer_ns,
				 bool *ret_doubt)
{
	struct tt_message *first = p->first[TT_REQUESTS];
	bool in_turn = link->proto->ids == TT_IDS_IN_TURN;

	*ret_doubt = false;
	if (!p->hash[TT_REQUESTS])
		return NULL;
	/* Datagrams are read in the order they came. */
	if (link->conn->datagram && answer_ns)
		answer_ns += TT_PAIR_SLACK_NS;
	/* The oldest of all, as where every id is the same. */
	if (in_turn && first && first->hashed && first->id == id && !first->peer && !tt_pair_given_up(p, first) &&
	    first->first_ns <= answer_ns)
		return first;
	struct tt_same same = tt_pair_same(link, p, id, answer_ns);
	if (!same.count)
		return same.later ? same.later : tt_pair_unhashed(link, p, TT_REQUESTS, id);
	if (in_turn) {
		*ret_doubt = same.given_up;
		return same.oldest ? same.oldest : same.newest;
	}
	bool only_one_left = same.given_up == same.count - 1 && same.oldest;
	bool again = link->proto->ids == TT_IDS_AGAIN;
	*ret_doubt = again ? same.given_up && !same.oldest : same.count > 1 && !only_one_left;
	return same.newest;
}

void tt_pair_join(struct tt_link *link, struct tt_message *rsp)
{
	struct tt_pair *p = tt_pair_of(link, rsp);
	bool doubt;

	struct tt_message *req = tt_pair_asked(link, p, rsp->id, rsp->first_ns, &doubt);
	if (!req || !tt_pair_possible(link, req, rsp->first_ns, true))
		return;
	req->incomplete |= doubt;
	tt_pair_attach(link, req, rsp);
	if (link->proto->ids == TT_IDS_IN_TURN)
		return;
	/* Asked again under the same id: what was asked before will not be answered, or it was just now. */
	struct tt_message *next;
	for (struct tt_message *m = *tt_pair_bucket(p, TT_REQUESTS, rsp->id); m; m = next) {
		next = m->same_hash;
		if (m->id == rsp->id && !m->peer && m->ended && m->first_ns <= req->first_ns)
			tt_pair_conclude(link, m, TT_OUTCOME_LOST);
	}
}

/* The same of answers; behind so many the oldest is not looked for. Answers that are read before what they answer are many. */
#define TT_PAIR_ANSWER_LOOKS 4096

/* The oldest answer with its id that may be this request's, which is incomplete where there may be an older one. */
static struct tt_message *tt_pair_answer(const struct tt_link *link, const struct tt_pair *p, struct tt_message *req)
{
	struct tt_message *found = NULL, *first = p->first[TT_RESPONSES];
	unsigned looks = 0;

	if (!p->hash[TT_RESPONSES])
		return NULL;
	/* The oldest of all, as where every id is the same. */
	if (first && first->hashed && first->id == req->id && !first->peer && tt_pair_possible(link, req, first->first_ns, false))
		return first;
	for (struct tt_message *m = *tt_pair_bucket(p, TT_RESPONSES, req->id); m && looks < TT_PAIR_ANSWER_LOOKS;
	     m = m->same_hash) {
		if (m->id != req->id || m->peer)
			continue;
		looks++;
		if (tt_pair_possible(link, req, m->first_ns, false))
			found = m;
	}
	if (found) {
		req->incomplete |= looks == TT_PAIR_ANSWER_LOOKS;
		return found;
	}
	found = tt_pair_unhashed(link, p, TT_RESPONSES, req->id);
	return found && tt_pair_possible(link, req, found->first_ns, false) ? found : NULL;
}

void tt_pair_adopt_by_id(struct tt_link *link, struct tt_message *req)
{
	struct tt_message *rsp = tt_pair_answer(link, tt_pair_of(link, req), req);

	if (rsp)
		tt_pair_attach(link, req, rsp);
}

/* Both halves are kept while one of them is still open. */
static struct tt_message *tt_pair_attached(const struct tt_link *link, const struct tt_pair *p, uint64_t id)
{
	if (!p->attached || !p->hash[TT_REQUESTS])
		return NULL;
	for (struct tt_message *m = *tt_pair_bucket(p, TT_REQUESTS, id); m; m = m->same_hash) {
		if (m->id == id && m->peer)
			return m;
	}
	for (int side = 0; side < 2; side++) {
		for (struct tt_message *m = link->open[side]; m; m = m->open_next) {
			if (!m->hashed && m->id == id && m->peer && m->back == (p == &link->back) &&
			    tt_message_part(m) == TT_REQUESTS)
				return m;
		}
	}
	return NULL;
}

/* When the bytes came that are read now; 0: not known. */
static uint64_t tt_flow_reads_ns(const struct tt_flow *f)
{
	const struct tt_mark *mark = f->busy ? tt_marks_find(&f->marks, f->at) : NULL;

	return mark ? mark->first_ns : 0;
}

static struct tt_message *tt_pair_by_id(const struct tt_link *link, const struct tt_pair *p, enum tt_side part, uint64_t id)
{
	struct tt_message *m = NULL;
	bool doubt;

	if (part == TT_REQUESTS) {
		enum tt_side answers = p == &link->back ? TT_REQUESTS : TT_RESPONSES;
		m = tt_pair_asked(link, p, id, tt_flow_reads_ns(&link->flow[tt_link_dir(link, answers)]), &doubt);
	} else if (p->hash[part]) {
		for (m = *tt_pair_bucket(p, part, id); m && (m->id != id || m->peer); m = m->same_hash)
			;
		m = m ? m : tt_pair_unhashed(link, p, part, id);
	}
	struct tt_message *req = m ? NULL : tt_pair_attached(link, p, id);
	return !req ? m : part == TT_REQUESTS ? req : req->peer;
}

struct tt_message *tt_message_by_id(struct tt_link *link, enum tt_side side, uint64_t id)
{
	return tt_pair_by_id(link, &link->pair, side, id);
}

struct tt_message *tt_server_request_by_id(struct tt_link *link, uint64_t id)
{
	return tt_pair_by_id(link, &link->back, TT_REQUESTS, id);
}

void tt_message_identify(struct tt_link *link, struct tt_message *m, uint64_t id)
{
	if (!m || m->dead || m->hashed || m->peer || !tt_pair_uses_id(link, m)) {
		if (m && !m->hashed)
			m->id = id;
		return;
	}
	m->id = id;
	tt_pair_hash(tt_pair_of(link, m), m);
	if (tt_message_part(m) == TT_REQUESTS)
		tt_pair_adopt_by_id(link, m);
	else
		tt_pair_join(link, m);
}

enum tt_awaited tt_awaited_by_id(struct tt_link *link, uint64_t id, const struct tt_message **ret)
{
	const struct tt_streams *s = link->conn->s;
	const struct tt_flow *f = &link->flow[tt_link_dir(link, TT_RESPONSES)];
	const struct tt_mark *mark = tt_marks_find(&f->marks, f->at);
	uint64_t answer_ns = mark ? mark->first_ns : 0;
	bool doubt;

	*ret = NULL;
	struct tt_message *req = tt_pair_asked(link, &link->pair, id, answer_ns, &doubt);
	if (req) {
		if (!tt_pair_possible(link, req, answer_ns, true))
			return TT_NEVER;
		*ret = req;
		return TT_HAVE;
	}
	/* At the limit of messages it may have been read without being kept. */
	return f->give_up || tt_room_is_short(s) ? TT_NEVER : TT_NOT_YET;
}
