// SPDX-License-Identifier: Apache-2.0
/* The table of connections: hash by identity, list by last traffic. */
#include "base/seed.h"
#include "stream/internal.h"

static size_t tt_conn_bucket(const struct tt_streams *s, const struct tt_conn_id *id, uint64_t extra)
{
	return tt_seed_bucket(id->sock ^ (id->ino << 32 | id->ino >> 32) ^ extra, s->bucket_bits);
}

static bool tt_conn_is(const struct tt_conn *c, const struct tt_conn_id *id, uint64_t extra)
{
	return c->ends.conn.sock == id->sock && c->ends.conn.ino == id->ino && c->key_extra == extra;
}

struct tt_conn *tt_conn_find(struct tt_streams *s, const struct tt_conn_id *id, uint64_t extra)
{
	if (s->last && tt_conn_is(s->last, id, extra))
		return s->last;
	for (struct tt_conn *c = s->buckets[tt_conn_bucket(s, id, extra)]; c; c = c->hash_next) {
		if (tt_conn_is(c, id, extra)) {
			s->last = c;
			return c;
		}
	}
	return NULL;
}

static void tt_conn_lru_out(struct tt_conn *c)
{
	struct tt_streams *s = c->s;
	*(c->lru_prev ? &c->lru_prev->lru_next : &s->lru_first) = c->lru_next;
	*(c->lru_next ? &c->lru_next->lru_prev : &s->lru_last) = c->lru_prev;
}

static void tt_conn_lru_in(struct tt_conn *c)
{
	struct tt_streams *s = c->s;
	c->lru_prev = s->lru_last;
	c->lru_next = NULL;
	*(s->lru_last ? &s->lru_last->lru_next : &s->lru_first) = c;
	s->lru_last = c;
}

void tt_conn_touch(struct tt_conn *c, uint64_t now_ns)
{
	c->last_ns = TT_MAX(c->last_ns, now_ns);
	if (c->s->lru_last == c)
		return;
	tt_conn_lru_out(c);
	tt_conn_lru_in(c);
}

struct tt_conn *tt_conn_add(struct tt_streams *s, const struct tt_conn_id *id, uint64_t extra)
{
	if (s->stats.connections >= tt_streams_limit(s, TT_LIMIT_CONNECTIONS) && s->lru_first) {
		s->stats.evicted++;
		tt_conn_end(s->lru_first, TT_OUTCOME_LOST);
	}
	struct tt_conn *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;

	c->s = s;
	c->ends.conn = *id;
	c->key_extra = extra;
	size_t bucket = tt_conn_bucket(s, id, extra);
	c->hash_next = s->buckets[bucket];
	s->buckets[bucket] = c;
	tt_conn_lru_in(c);
	s->last = c;
	s->stats.connections++;
	s->stats.opened++;
	return c;
}

void tt_conn_remove(struct tt_conn *c)
{
	struct tt_streams *s = c->s;

	struct tt_conn **at = &s->buckets[tt_conn_bucket(s, &c->ends.conn, c->key_extra)];
	while (*at != c)
		at = &(*at)->hash_next;
	*at = c->hash_next;
	tt_conn_lru_out(c);
	if (s->last == c)
		s->last = NULL;
	const bool unread = c->encrypted && !c->link[1];
	for (int i = 0; i < TT_LAYERS; i++)
		c->link[i] = tt_link_free(c->link[i]);
	s->stats.connections--;
	s->stats.closed++;
	s->stats.unread += unread;
	tt_conn_tables_free(c);
	free(c->paths);
	free(c);
}

/* Why a request without its answer got none, going by who ended the connection. */
enum tt_outcome tt_conn_outcome(const struct tt_conn *c)
{
	if (c->reset_received)
		return TT_OUTCOME_RESET;
	bool server = c->ends.role != TT_ROLE_CLIENT;
	return c->peer_closed == server ? TT_OUTCOME_CLOSED_BY_CLIENT : TT_OUTCOME_CLOSED_BY_SERVER;
}

void tt_conn_report(struct tt_conn *c, bool closed)
{
	struct tt_streams *s = c->s;
	struct tt_link *link = c->link[0];

	if (!s->ops->connection || (!c->unreported && !closed))
		return;
	struct tt_conn_report report = {
		.ends = &c->ends,
		.proto = c->link[1] && c->link[1]->proto ? c->link[1]->proto
			 : link				 ? link->proto
							 : NULL,
		.actor = c->actor,
		.closed = closed,
		.retransmits = c->retransmits,
		.resets = c->resets,
		.rtt_us = c->rtt_us,
		.time_ns = c->last_ns,
	};
	for (int dir = 0; link && dir < 2; dir++) {
		struct tt_flow *f = &link->flow[dir];
		*(dir == TT_TX ? &report.tx_bytes : &report.rx_bytes) = f->next - f->reported;
		f->reported = f->next;
	}
	c->retransmits = c->resets = 0;
	c->rtt_us = 0;
	c->unreported = false;
	s->ops->connection(s->ctx, &report);
}

/* Brings a direction to its end: what is still missing before it will not come. */
static void tt_conn_end_flow(struct tt_conn *c, struct tt_link *link, int dir)
{
	struct tt_flow *f = &link->flow[dir];

	bool placed = f->started || c->opened || link->flow[!dir].from_start;

	tt_held_release(link, UINT64_MAX);
	tt_flow_release(link, dir, UINT64_MAX);
	if (c->final_known && link->origin <= TT_ORIGIN_PCAP && placed && c->final_off[dir] > f->next)
		tt_flow_missing(link, dir, c->final_off[dir], 0);
	if (tt_flow_lacks_its_last(f))
		tt_pair_unended(link, tt_link_side(link, dir));
	/* A reset that came after the end had been sent takes nothing back. */
	if (!c->reset_received || (dir == TT_TX && c->fin_sent))
		tt_flow_eof(link, dir);
	tt_flow_release(link, dir, UINT64_MAX);
}

void tt_conn_end(struct tt_conn *c, enum tt_outcome outcome)
{
	tt_conn_handshake_over(c);
	for (int i = 0; i < TT_LAYERS; i++) {
		struct tt_link *link = c->link[i];
		if (!link || c->datagram)
			continue;
		/* Requests first: a response that waits for one finds it then. An ended response side reports what is unanswered,
		 * so with another reason than the connection's own the ends are not told. */
		if (outcome == tt_conn_outcome(c) || c->close_ns) {
			tt_conn_end_flow(c, link, tt_link_dir(link, TT_REQUESTS));
			tt_conn_end_flow(c, link, tt_link_dir(link, TT_RESPONSES));
		}
	}
	for (int i = 0; i < TT_LAYERS; i++) {
		if (c->link[i] && c->link[i]->proto)
			tt_pair_abort(c->link[i], outcome);
	}
	tt_conn_report(c, true);
	if (c->s->ops->forget)
		c->s->ops->forget(c->s->ctx, &c->ends.conn, c->close_ns != 0);
	tt_conn_remove(c);
}
