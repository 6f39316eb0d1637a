// SPDX-License-Identifier: Apache-2.0
/* Records in, and the clock: what is waited for, and for how long. */
#include "stream/stream.h"

#include <errno.h>
#include <string.h>

#include "base/seed.h"
#include "shared/header_table.h"
#include "shared/record.h"
#include "stream/internal.h"

#define TT_NS_PER_MS 1000000u
#define TT_NS_PER_S 1000000000u
#define TT_SWEEP_NS TT_NS_PER_S
#define TT_DATAGRAM_IDLE_NS (30 * (uint64_t)TT_NS_PER_S)

int tt_streams_new(struct tt_streams **ret, const struct tt_limits *limits, const struct tt_proto *const *protos, size_t count,
		   const struct tt_streams_ops *ops, void *ctx)
{
	struct tt_streams *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;

	size_t buckets = 1024;
	while (buckets < limits->value[TT_LIMIT_CONNECTIONS])
		buckets *= 2;
	s->buckets = calloc(buckets, sizeof(struct tt_conn *));
	if (!s->buckets) {
		free(s);
		return -ENOMEM;
	}
	s->bucket_bits = (unsigned)__builtin_ctzll(buckets);
	s->limits = limits;
	s->protos = protos;
	s->proto_count = count;
	s->ops = ops;
	s->ctx = ctx;
	*ret = s;
	return 0;
}

struct tt_streams *tt_streams_free(struct tt_streams *s)
{
	if (!s)
		return NULL;
	while (s->lru_first)
		tt_conn_remove(s->lru_first);
	tt_messages_free(s);
	tt_sql_table_clear(&s->names);
	free(s->buckets);
	free(s);
	return NULL;
}

static bool tt_is_datagram(uint8_t transport, uint16_t flags)
{
	return tt_transport_datagrams(transport) || flags & TT_CHUNK_DATAGRAM;
}

/* It stands for the peer's address, so nobody must be able to choose another one with the same. */
static uint64_t tt_peer_key(const struct tt_sockaddr *peer)
{
	uint64_t words[3] = {peer->port};

	static_assert(sizeof(peer->addr) == 2 * sizeof(words[0]), "all of it is looked at");
	memcpy(words + 1, peer->addr, sizeof(peer->addr));
	return tt_seed_hash(words, TT_ARRAY_LEN(words)) | 1;
}

static void tt_conn_actor(struct tt_conn *c, const struct tt_record *rec)
{
	if (!rec->tgid)
		return;
	c->actor = (struct tt_actor){.tgid = rec->tgid, .tid = rec->tid, .start_ns = rec->start_ns, .cgroup_id = rec->cgroup_id};
}

/* The role may become known later than the first bytes; a protocol that was found by its bytes keeps its sides. */
static void tt_conn_role(struct tt_conn *c, uint8_t role)
{
	if (role == TT_ROLE_UNKNOWN || c->ends.role == role)
		return;
	bool parsed = c->link[0] && c->link[0]->proto;
	if (parsed)
		return;
	c->ends.role = role;
	if (c->link[0]) {
		c->link[0]->role_known = true;
		c->link[0]->request_dir = role == TT_ROLE_CLIENT ? TT_TX : TT_RX;
	}
}

/* --- records -----------------------------------------------------------------------------------------------------------------
 */

static struct tt_conn *tt_conn_catch_up(struct tt_conn *c, uint64_t now_ns);

static struct tt_conn *tt_streams_conn(struct tt_streams *s, const struct tt_conn_id *id, uint64_t extra, uint64_t time_ns)
{
	struct tt_conn *c = tt_conn_find(s, id, extra);
	if (c && tt_conn_is_capture(c))
		c = tt_conn_catch_up(c, time_ns);
	if (!c)
		c = tt_conn_add(s, id, extra);
	if (c)
		tt_conn_touch(c, time_ns);
	return c;
}

static bool tt_chunk_sound(const struct tt_chunk *k)
{
	return k->rec.len >= sizeof(*k) && k->data_off >= sizeof(*k) && k->data_off <= k->rec.len && k->captured <= k->length &&
	       k->captured <= k->rec.len - k->data_off && k->direction <= TT_RX && k->origin < TT_ORIGIN_MAX &&
	       k->offset < TT_OFFSET_EOF - UINT32_MAX;
}

/* One connection ends by one reset, however often it is told: by a record, by a call that fails, by the close. */
static void tt_conn_reset(struct tt_conn *c)
{
	c->resets += !c->reset_counted;
	c->reset_counted = true;
}

static void tt_chunk_error(struct tt_conn *c, const struct tt_chunk *k)
{
	if (k->error == ECONNRESET || k->error == EPIPE || k->error == ECONNABORTED)
		c->reset_received = true;
	if (k->error == ECONNRESET)
		tt_conn_reset(c);
}

static struct tt_link *tt_conn_link(struct tt_conn *c, uint8_t origin)
{
	int layer = origin <= TT_ORIGIN_PCAP ? 0 : 1;

	if (!c->link[layer])
		c->link[layer] = tt_link_new(c, origin);
	/* With the plaintext at hand the bytes of the socket are ciphertext. */
	struct tt_link *socket = c->link[0];
	if (layer == 1 && socket && socket->flow[0].mode != TT_FLOW_STOPPED && !(socket->proto && socket->proto->encrypts))
		tt_link_stop(socket);
	return c->link[layer];
}

static void tt_streams_chunk(struct tt_streams *s, const struct tt_chunk *k)
{
	if (!tt_chunk_sound(k)) {
		s->stats.bad_records++;
		return;
	}
	s->stats.chunks++;
	s->stats.bytes += k->length;

	bool datagram = tt_is_datagram(k->transport, k->flags);
	struct tt_conn *c = tt_streams_conn(s, &k->conn, datagram ? tt_peer_key(&k->peer) : 0, k->rec.time_ns);
	if (!c)
		return;
	c->datagram = datagram;
	if (c->ends.transport == TT_TRANSPORT_UNKNOWN || c->ends.peer.family == TT_FAMILY_NONE) {
		c->ends.local = k->local;
		c->ends.peer = k->peer;
		c->ends.netns = k->netns;
		c->ends.transport = k->transport;
		c->ends.origin = k->origin;
	}
	tt_conn_role(c, k->role);
	tt_conn_actor(c, &k->rec);
	c->unreported = true;

	struct tt_link *link = tt_conn_link(c, k->origin);
	if (!link)
		return;
	if (k->flags & TT_CHUNK_ERROR) {
		tt_chunk_error(c, k);
		/* Nobody listens there (ECONNREFUSED): a stream's end is told by its close, a datagram's only so. */
		if (datagram && link->proto)
			tt_pair_abort(link, TT_OUTCOME_RESET);
		return;
	}
	const uint8_t *data = (const uint8_t *)k + k->data_off;
	if (datagram) {
		tt_link_datagram(link, k->direction, k, data);
		return;
	}
	if (k->flags & TT_CHUNK_HANDSHAKE)
		tt_conn_handshake_is(c, TT_HANDSHAKE_WATCHED, k->rec.time_ns);
	else if (link == c->link[1] && k->length && c->told.state)
		tt_conn_handshake_is(c, TT_HANDSHAKE_DONE, k->rec.time_ns);
	if (k->flags & TT_CHUNK_EOF && k->direction == TT_RX && !c->close_ns && !link->flow[TT_TX].eof)
		c->peer_closed = true;
	tt_flow_chunk(link, k->direction, k, data);
}

static void tt_streams_opened(struct tt_streams *s, const struct tt_conn_record *r)
{
	struct tt_endpoints ends = {.conn = r->conn,
				    .local = r->local,
				    .peer = r->peer,
				    .netns = r->netns,
				    .transport = r->transport,
				    .role = r->role};
	struct tt_conn_report report = {
		.ends = &ends,
		.actor = {.tgid = r->rec.tgid, .tid = r->rec.tid, .start_ns = r->rec.start_ns, .cgroup_id = r->rec.cgroup_id},
		.opened = !(r->flags & TT_CONN_CONNECT_FAILED),
		.connect_failed = r->flags & TT_CONN_CONNECT_FAILED,
		.error = r->error,
		.connect_ns = r->connect_ns,
		.retransmits = r->flags & TT_CONN_CONNECT_FAILED && r->flags & TT_CONN_TCP_INFO ? r->retransmits : 0,
		.time_ns = r->rec.time_ns,
	};

	if (report.opened && !tt_is_datagram(r->transport, 0)) {
		struct tt_conn *c = tt_streams_conn(s, &r->conn, 0, r->rec.time_ns);
		if (c) {
			c->opened = true;
			c->ends.local = r->local;
			c->ends.peer = r->peer;
			c->ends.netns = r->netns;
			c->ends.transport = r->transport;
			tt_conn_role(c, r->role);
			tt_conn_actor(c, &r->rec);
		}
	}
	if (s->ops->connection)
		s->ops->connection(s->ctx, &report);
}

static void tt_conn_sample(struct tt_conn *c, const struct tt_conn_record *r)
{
	if (r->flags & TT_CONN_TCP_INFO) {
		c->rtt_us = r->rtt_us;
		/* What was sent again before it was first seen is history, and was perhaps counted already. */
		if (c->sampled || c->opened)
			c->retransmits += r->retransmits - TT_MIN(c->retransmits_seen, r->retransmits);
		c->retransmits_seen = r->retransmits;
		c->sampled = true;
	}
	if (r->flags & TT_CONN_FIN_SENT)
		c->fin_sent = true;
	if (r->flags & TT_CONN_RESET_RECEIVED)
		c->reset_received = true;
	if (r->flags & (TT_CONN_RESET_RECEIVED | TT_CONN_RESET_SENT))
		tt_conn_reset(c);
	c->unreported = true;
}

static void tt_streams_sample(struct tt_streams *s, const struct tt_conn_record *r)
{
	struct tt_conn *c = tt_conn_find(s, &r->conn, 0);
	if (!c)
		return;
	tt_conn_sample(c, r);
	tt_conn_report(c, false);
}

static void tt_streams_closed(struct tt_streams *s, const struct tt_conn_record *r)
{
	struct tt_conn *c = tt_conn_find(s, &r->conn, 0);
	if (!c || c->close_ns)
		return;
	tt_conn_touch(c, r->rec.time_ns);
	tt_conn_sample(c, r);
	c->close_ns = TT_MAX(r->rec.time_ns, (uint64_t)1);
	if (r->flags & TT_CONN_OFFSETS) {
		c->final_known = true;
		c->final_off[TT_TX] = r->tx_offset;
		c->final_off[TT_RX] = r->rx_offset;
	}
}

static void tt_unix_path(char *ret, const char *path, uint16_t len)
{
	size_t n = len < TT_UNIX_PATH_LEN ? len : TT_UNIX_PATH_LEN;

	memcpy(ret, path, n);
	ret[n] = 0;
	if (n && !ret[0])
		ret[0] = '@';
}

static void tt_streams_unix(struct tt_streams *s, const struct tt_unix_record *r)
{
	struct tt_conn *c = tt_streams_conn(s, &r->conn, 0, r->rec.time_ns);

	if (c && !c->paths)
		c->paths = calloc(1, sizeof(*c->paths));
	if (!c || !c->paths)
		return;
	tt_unix_path(c->paths->local, r->local, r->local_len);
	tt_unix_path(c->paths->peer, r->peer, r->peer_len);
	c->ends.paths = c->paths;
}

static void tt_streams_table(struct tt_streams *s, const struct tt_record *rec)
{
	const struct tt_table_record *r = (const struct tt_table_record *)rec;

	if (rec->len < sizeof(*r) || r->direction > TT_RX) {
		s->stats.bad_records++;
		return;
	}
	struct tt_conn *c = tt_streams_conn(s, &r->conn, 0, rec->time_ns);
	if (c)
		tt_conn_table(c, r);
}

static bool tt_conn_record_sound(const struct tt_record *rec)
{
	return rec->len >= sizeof(struct tt_conn_record);
}

void tt_streams_record(struct tt_streams *s, const struct tt_record *rec)
{
	switch (rec->type) {
	case TT_REC_CHUNK:
		if (rec->len >= sizeof(struct tt_chunk))
			tt_streams_chunk(s, (const struct tt_chunk *)rec);
		else
			s->stats.bad_records++;
		break;
	case TT_REC_UNIX:
		if (rec->len >= sizeof(struct tt_unix_record))
			tt_streams_unix(s, (const struct tt_unix_record *)rec);
		else
			s->stats.bad_records++;
		break;
	case TT_REC_OPEN:
	case TT_REC_CLOSE:
	case TT_REC_L4:
		if (!tt_conn_record_sound(rec)) {
			s->stats.bad_records++;
			break;
		}
		const struct tt_conn_record *r = (const struct tt_conn_record *)rec;
		(rec->type == TT_REC_OPEN    ? tt_streams_opened
		 : rec->type == TT_REC_CLOSE ? tt_streams_closed
					     : tt_streams_sample)(s, r);
		break;
	case TT_REC_HEADER_TABLE:
		tt_streams_table(s, rec);
		break;
	case TT_REC_HANDSHAKE:
		tt_streams_handshake(s, rec);
		break;
	default:
		break;
	}
}

void tt_streams_expect_tables(struct tt_streams *s, bool expected)
{
	s->tables = expected;
}

void tt_streams_headers(struct tt_streams *s, const struct tt_chunk *where, const struct tt_headers *headers)
{
	struct tt_conn *c = tt_streams_conn(s, &where->conn, 0, where->rec.time_ns);
	struct tt_link *link = c ? tt_conn_link(c, where->origin) : NULL;

	if (link && link->proto && link->proto->headers)
		link->proto->headers(link, tt_link_side(link, where->direction), headers);
}

/* --- the clock ---------------------------------------------------------------------------------------------------------------
 */

static uint64_t tt_before(uint64_t now, uint64_t span)
{
	return now > span ? now - span : 0;
}

/* How long a connection may be silent. Datagrams have no close: a flow on which nothing is open is over soon. */
static uint64_t tt_conn_patience(const struct tt_conn *c)
{
	if (!c->datagram)
		return tt_streams_limit(c->s, TT_LIMIT_CONNECTION_IDLE) * TT_NS_PER_S;
	bool open = c->link[0] && c->link[0]->pair.count + c->link[0]->back.count;
	return open ? 2 * tt_streams_limit(c->s, TT_LIMIT_EXCHANGE_TIMEOUT) * TT_NS_PER_S : TT_DATAGRAM_IDLE_NS;
}

/* In a capture what is asked and what answers it are both there, however far apart, so nothing but a flow of datagrams, which
 * has no end, is given up because time passes. */
static bool tt_conn_is_idle(const struct tt_conn *c, uint64_t now_ns)
{
	return (c->datagram || !tt_conn_is_capture(c)) && c->last_ns <= tt_before(now_ns, tt_conn_patience(c));
}

static void tt_conn_idle(struct tt_conn *c, uint64_t now_ns)
{
	c->s->stats.idle++;
	c->s->watermark_ns = TT_MAX(c->s->watermark_ns, now_ns);
	tt_conn_end(c, TT_OUTCOME_LOST);
}

static void tt_link_sweep(struct tt_link *link, uint64_t over)
{
	if (!link->conn->datagram) {
		tt_held_release(link, over);
		tt_flow_release(link, tt_link_dir(link, TT_REQUESTS), over);
		tt_flow_release(link, tt_link_dir(link, TT_RESPONSES), over);
	}
}

static void tt_conn_sweep(struct tt_conn *c, uint64_t now_ns)
{
	uint64_t over = tt_before(now_ns, tt_streams_limit(c->s, TT_LIMIT_STREAM_HOLD) * TT_NS_PER_MS);

	if (c->close_ns && c->close_ns <= over) {
		tt_conn_end(c, tt_conn_outcome(c));
		return;
	}
	if (tt_conn_is_idle(c, now_ns)) {
		tt_conn_idle(c, now_ns);
		return;
	}
	if (tt_conn_handshake_waits(c, over))
		tt_conn_handshake_release(c, now_ns);
	for (int i = 0; i < TT_LAYERS; i++) {
		struct tt_link *link = c->link[i];
		if (!link)
			continue;
		tt_link_sweep(link, over);
		if (!tt_conn_is_capture(c))
			tt_pair_timeout(link, now_ns);
		tt_pair_expire(link, over);
	}
	tt_conn_report(c, false);
}

static bool tt_link_waits(const struct tt_link *link)
{
	bool waits = link->pair.first[TT_RESPONSES] || link->back.first[TT_RESPONSES];

	for (int dir = 0; dir < 2; dir++) {
		const struct tt_flow *f = &link->flow[dir];
		waits |= f->held || f->wait_ns || (f->eof && !f->eof_told);
	}
	return waits;
}

/* For a missing range, the other side or its end. */
static bool tt_conn_waits(const struct tt_conn *c)
{
	bool waits = c->close_ns || tt_conn_handshake_waits(c, UINT64_MAX);

	for (int i = 0; i < TT_LAYERS; i++)
		waits |= c->link[i] && tt_link_waits(c->link[i]);
	return waits;
}

/*
 * Of a capture: what is waited for by now is over before what comes now is looked at. All sweeps in between are for those that
 * nothing comes for any more, so what becomes of a connection does not depend on what else is in the file. NULL: it has ended.
 */
static struct tt_conn *tt_conn_catch_up(struct tt_conn *c, uint64_t now_ns)
{
	uint64_t over = tt_before(now_ns, tt_streams_limit(c->s, TT_LIMIT_STREAM_HOLD) * TT_NS_PER_MS);

	if (tt_conn_is_idle(c, now_ns)) {
		tt_conn_idle(c, now_ns);
		return NULL;
	}
	for (int i = 0; i < TT_LAYERS; i++) {
		struct tt_link *link = c->link[i];
		if (!link || !tt_link_waits(link))
			continue;
		tt_link_sweep(link, over);
		tt_pair_expire(link, over);
	}
	return c;
}

/* Its sweep may find more to do than that it is idle. */
static bool tt_conn_is_busy(const struct tt_conn *c)
{
	bool busy = c->unreported || tt_conn_waits(c);

	for (int i = 0; i < TT_LAYERS; i++)
		busy |= c->link[i] && (c->link[i]->pair.count || c->link[i]->back.count);
	return busy;
}

static void tt_streams_sweep_all(struct tt_streams *s)
{
	uint64_t idle_ns = TT_MIN(tt_streams_limit(s, TT_LIMIT_CONNECTION_IDLE) * TT_NS_PER_S, TT_DATAGRAM_IDLE_NS);
	uint64_t idle_since = tt_before(s->watermark_ns, idle_ns);
	struct tt_conn *next;

	for (struct tt_conn *c = s->lru_first; c; c = next) {
		next = c->lru_next;
		bool old = c->last_ns <= idle_since && (c->datagram || !tt_conn_is_capture(c));
		if (old || tt_conn_is_busy(c))
			tt_conn_sweep(c, s->watermark_ns);
	}
}

/* What waits had traffic lately, and the list is in that order. */
static void tt_streams_sweep_recent(struct tt_streams *s, uint64_t since_ns)
{
	struct tt_conn *prev;
	for (struct tt_conn *c = s->lru_last; c && c->last_ns >= since_ns; c = prev) {
		prev = c->lru_prev;
		if (tt_conn_waits(c))
			tt_conn_sweep(c, s->watermark_ns);
	}
}

void tt_streams_advance(struct tt_streams *s, uint64_t watermark_ns)
{
	uint64_t hold = tt_streams_limit(s, TT_LIMIT_STREAM_HOLD) * TT_NS_PER_MS;
	uint64_t every = TT_MIN((uint64_t)TT_SWEEP_NS, hold / 2 + 1);

	s->watermark_ns = TT_MAX(s->watermark_ns, watermark_ns);
	if (s->watermark_ns < s->swept_ns + every)
		return;
	s->swept_ns = s->watermark_ns;
	if (s->watermark_ns >= s->swept_all_ns + TT_SWEEP_NS) {
		s->swept_all_ns = s->watermark_ns;
		tt_streams_sweep_all(s);
	} else {
		tt_streams_sweep_recent(s, tt_before(s->watermark_ns, 2 * hold + TT_SWEEP_NS));
	}
}

void tt_streams_finish(struct tt_streams *s)
{
	while (s->lru_first) {
		struct tt_conn *c = s->lru_first;
		for (int i = 0; i < TT_LAYERS; i++) {
			if (!c->link[i] || c->datagram)
				continue;
			tt_held_release(c->link[i], UINT64_MAX);
			for (int dir = 0; dir < 2; dir++)
				tt_flow_release(c->link[i], dir, UINT64_MAX);
		}
		tt_conn_end(c, c->close_ns ? tt_conn_outcome(c) : TT_OUTCOME_UNFINISHED);
	}
}

void tt_streams_stats(const struct tt_streams *s, struct tt_stream_stats *ret)
{
	*ret = s->stats;
}
