// SPDX-License-Identifier: Apache-2.0
/* One connection at one layer: which protocol it speaks, and the loop that feeds its parser. */
#include <string.h>

#include "stream/internal.h"

#define TT_DETECT_TRIES 8  /* chunks in a row in one direction */
#define TT_DETECT_TURNS 64 /* changes of direction */

struct tt_link *tt_link_new(struct tt_conn *c, enum tt_origin origin)
{
	struct tt_link *link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;

	link->conn = c;
	link->origin = (uint8_t)origin;
	link->role_known = c->ends.role != TT_ROLE_UNKNOWN;
	link->request_dir = c->ends.role == TT_ROLE_CLIENT ? TT_TX : TT_RX;
	for (int dir = 0; dir < 2; dir++)
		link->flow[dir].buf = TT_BUF(tt_streams_limit(c->s, TT_LIMIT_STREAM_BYTES));
	return link;
}

static void tt_link_forget_proto(struct tt_link *link)
{
	tt_pair_free(link);
	if (link->proto && link->proto->state_free && link->state)
		link->proto->state_free(link->state);
	free(link->state);
	tt_keep_less(link, link->parser_bytes);
	link->state = NULL;
	link->proto = NULL;
}

struct tt_link *tt_link_free(struct tt_link *link)
{
	if (!link)
		return NULL;
	tt_pair_discard(link, link->kept);
	tt_link_forget_proto(link);
	if (link->conn->s->most == link)
		link->conn->s->most = NULL;
	for (int dir = 0; dir < 2; dir++)
		tt_flow_free(link->conn->s, &link->flow[dir]);
	tt_buf_free(&link->left);
	free(link);
	return NULL;
}

void tt_link_wish(struct tt_link *link, int dir, uint64_t from, uint32_t bytes)
{
	struct tt_streams *s = link->conn->s;

	if (!s->ops->wish || link->conn->datagram || link->origin == TT_ORIGIN_PCAP)
		return;
	/* Plaintext has wishes of its own: sockets lie at even addresses (bpf/lib/wish.h). */
	struct tt_conn_id id = link->conn->ends.conn;
	id.sock |= link->origin != TT_ORIGIN_SOCKET;
	s->ops->wish(s->ctx, &id, dir, from, bytes);
}

void tt_link_stop(struct tt_link *link)
{
	for (int dir = 0; dir < 2; dir++) {
		/* What is only counted need not be copied. */
		tt_link_wish(link, dir, TT_OFFSET_EOF, 0);
		link->flow[dir].mode = TT_FLOW_STOPPED;
		link->flow[dir].wait_ns = 0;
		link->flow[dir].skip_to = link->flow[dir].optional_to = 0;
	}
}

/* From here on the link speaks this protocol. Memory short: it is not parsed. */
static void tt_link_speak(struct tt_link *link, const struct tt_proto *proto)
{
	if (proto->state_size) {
		link->state = calloc(1, proto->state_size);
		if (!link->state) {
			tt_link_stop(link);
			return;
		}
	}
	if (proto->pairing == TT_PAIR_BY_ID && tt_pair_prepare(&link->pair) < 0) {
		tt_link_stop(link);
		return;
	}
	link->proto = proto;
	link->pairing = (uint8_t)proto->pairing;
	link->conn->unreported = true;

	for (int dir = 0; dir < 2; dir++) {
		struct tt_flow *f = &link->flow[dir];
		bool whole = link->conn->datagram || !f->started || f->from_start;
		f->mode = whole ? TT_FLOW_PARSE : TT_FLOW_RESYNC;
		f->resync_from = 0;
		f->starved = false;
		if (!whole) {
			link->pair.untrusted = true;
			link->pair.unsure_open += f->hole_ns && dir == link->request_dir;
		}
	}
}

/* --- detection ---------------------------------------------------------------------------------------------------------------
 */

static void tt_link_first(const struct tt_link *link, int dir, struct tt_span data, int request_dir, struct tt_first *ret)
{
	*ret = (struct tt_first){.role_known = link->role_known, .datagram = link->conn->datagram};
	for (int d = 0; d < 2; d++) {
		const struct tt_flow *f = &link->flow[d];
		enum tt_side side = d == request_dir ? TT_REQUESTS : TT_RESPONSES;
		ret->side[side] = d == dir ? data : tt_buf_span(&f->buf);
		ret->from_start[side] = f->from_start;
		ret->ended[side] = f->eof;
	}
	const struct tt_endpoints *ends = &link->conn->ends;
	ret->server_port = request_dir == TT_RX ? ends->local.port : ends->peer.port;
}

static bool tt_proto_fits(const struct tt_proto *proto, bool datagram)
{
	return datagram ? proto->datagram : proto->stream;
}

/* A protocol spoken within another one is found by that one. */
static const struct tt_proto *tt_proto_carrier(const struct tt_proto *proto)
{
	return proto->over ? proto->over : proto;
}

/* Asks every protocol under every assumption of role that is possible. TT_YES: *ret_proto and *ret_dir are set. */
static enum tt_verdict tt_link_ask(struct tt_link *link, int dir, struct tt_span data, const struct tt_proto **ret_proto,
				   int *ret_dir)
{
	struct tt_streams *s = link->conn->s;
	enum tt_verdict best = TT_NO;

	for (int turn = 0; turn < (link->role_known ? 1 : 2); turn++) {
		int request_dir = turn == 0 ? link->request_dir : !link->request_dir;
		struct tt_first first;
		tt_link_first(link, dir, data, request_dir, &first);
		for (size_t i = 0; i < s->proto_count; i++) {
			const struct tt_proto *proto = tt_proto_carrier(s->protos[i]);
			if (!tt_proto_fits(proto, link->conn->datagram))
				continue;
			enum tt_verdict v = proto->detect(&first);
			if (v == TT_YES) {
				*ret_proto = proto;
				*ret_dir = request_dir;
				return TT_YES;
			}
			if (v == TT_MAYBE)
				best = TT_MAYBE;
		}
	}
	return best;
}

/* Nobody knows these bytes. In mid-connection the next chunk may be a message's start; otherwise it is settled. */
static void tt_link_unknown(struct tt_link *link, int dir)
{
	struct tt_flow *f = &link->flow[dir];

	if (f->from_start && !link->conn->datagram) {
		tt_link_stop(link);
		return;
	}
	if (dir != link->detect_dir) {
		link->detect_dir = (uint8_t)dir;
		link->detect_tries = 0;
		if (++link->detect_turns >= TT_DETECT_TURNS)
			tt_link_stop(link);
	}
	link->detect_tries++;
}

/* True when the protocol is known now. On false with *ret_drop the bytes of this direction are of no use. */
static bool tt_link_detect(struct tt_link *link, int dir, struct tt_span data, bool *ret_drop)
{
	*ret_drop = false;
	if (dir == link->detect_dir && link->detect_tries >= TT_DETECT_TRIES) {
		*ret_drop = true;
		return false;
	}

	const struct tt_proto *proto = NULL;
	int request_dir = link->request_dir;
	enum tt_verdict v = tt_link_ask(link, dir, data, &proto, &request_dir);
	if (v == TT_YES && proto) {
		link->carrier = !tt_streams_want(link->conn->s, proto);
		link->request_dir = (uint8_t)request_dir;
		if (link->conn->ends.role == TT_ROLE_UNKNOWN)
			link->conn->ends.role = request_dir == TT_RX ? TT_ROLE_SERVER : TT_ROLE_CLIENT;
		tt_link_speak(link, proto);
		return true;
	}
	if (v == TT_NO || link->flow[dir].eof || data.len >= tt_streams_limit(link->conn->s, TT_LIMIT_DETECT_BYTES)) {
		tt_link_unknown(link, dir);
		*ret_drop = true;
	}
	return false;
}

/* --- the loop ----------------------------------------------------------------------------------------------------------------
 */

static void tt_link_switch_now(struct tt_link *link)
{
	const struct tt_proto *to = link->switch_to;

	link->switching = false;
	tt_link_forget_proto(link);
	for (int dir = 0; dir < 2; dir++) {
		/* Behind a hole it is not known where what is spoken next begins. */
		link->flow[dir].from_start &= link->flow[dir].mode != TT_FLOW_RESYNC;
		link->flow[dir].mode = TT_FLOW_DETECT;
		link->flow[dir].skip_to = link->flow[dir].optional_to = 0;
		link->flow[dir].wait_ns = 0;
		link->flow[dir].starved = false;
		link->flow[dir].ending = NULL;
	}
	link->pair.untrusted = false;
	link->detect_tries = link->detect_turns = 0;
	if (to && tt_streams_want(link->conn->s, to))
		tt_link_speak(link, to);
	else if (to)
		tt_link_stop(link);

	struct tt_message *kept = link->kept;
	link->kept = NULL;
	if (kept && link->proto && link->pairing == TT_PAIR_BY_ID) {
		tt_pair_append(&link->pair, kept);
		tt_pair_hash(&link->pair, kept);
	} else {
		tt_pair_discard(link, kept);
	}
}

/* Of the bytes the parser saw `used` still made sense. */
static void tt_link_lost_sync(struct tt_link *link, int dir, size_t used)
{
	struct tt_flow *f = &link->flow[dir];
	uint64_t from = f->at + 1;

	link->conn->s->stats.desyncs++;
	tt_flow_advance_at(link, dir, used);
	tt_link_hole(link, dir, 0, 0);
	f->resync_from = from;
}

/* One call of the parser. Returns how many bytes were consumed; *ret_go: it may be called again. */
static size_t tt_link_parse(struct tt_link *link, int dir, const uint8_t *data, size_t len, bool *ret_go)
{
	struct tt_flow *f = &link->flow[dir];
	struct tt_input in = {.c = tt_cursor(tt_span(data, len)), .offset = f->at, .ended = f->eof};
	const struct tt_proto *proto = link->proto;

	if (!proto) { /* never in this mode */
		*ret_go = false;
		return 0;
	}
	f->pending_skip = f->pending_optional = 0;
	f->busy = true;
	enum tt_step step = proto->parse(link, tt_link_side(link, dir), &in);
	f->busy = false;

	size_t used = in.c.pos;
	if (step == TT_LOST_SYNC) {
		*ret_go = true;
		tt_link_lost_sync(link, dir, used);
		return used;
	}

	tt_flow_advance_at(link, dir, used);
	if (f->pending_skip)
		f->skip_to = tt_skip_end(f->at, f->pending_skip);
	f->optional_to = f->pending_optional ? tt_skip_end(f->at, f->pending_optional) : 0;
	if (step == TT_DONE) {
		*ret_go = true;
		if (link->switching)
			tt_link_switch_now(link);
		else
			tt_link_stop(link);
		return used;
	}
	if (step == TT_WAIT) {
		f->starved = false;
		if (!link->flow[!dir].buf.len) /* else it may be there, and not read yet */
			f->waited = f->next;
		if (!f->wait_ns)
			f->wait_ns = TT_MAX(f->last_ns, (uint64_t)1);
		*ret_go = false;
		return used;
	}
	f->wait_ns = 0;
	f->starved = step == TT_MORE;
	/* A parser that says it moved but did not would be called for ever. */
	*ret_go = step == TT_PARSED && (used || f->pending_skip);
	return used;
}

/* Drops what belongs to the chunk at f->at, or finds a message's start in it. Returns bytes consumed. */
static size_t tt_link_resync(struct tt_link *link, int dir, const uint8_t *data, size_t len)
{
	struct tt_flow *f = &link->flow[dir];
	const struct tt_mark *mark = tt_marks_find(&f->marks, f->at);

	if (mark && mark->begin == f->at && f->at >= f->resync_from && link->proto && link->proto->resync) {
		ssize_t at = link->proto->resync(link, tt_link_side(link, dir), tt_span(data, len));
		if (at >= 0 && (size_t)at <= len) {
			f->mode = TT_FLOW_PARSE;
			link->conn->s->stats.resyncs++;
			tt_flow_advance_at(link, dir, (size_t)at);
			return (size_t)at;
		}
	}
	size_t n = mark ? (size_t)TT_MIN(mark->end - f->at, (uint64_t)len) : len;
	uint64_t dropped_ns = mark && mark->last_ns ? mark->last_ns : f->last_ns;
	tt_flow_advance_at(link, dir, n);
	tt_pair_dropped(link, tt_link_side(link, dir), dropped_ns);
	return n;
}

static size_t tt_link_skip(struct tt_link *link, int dir, size_t len)
{
	struct tt_flow *f = &link->flow[dir];
	size_t n = (size_t)TT_MIN((uint64_t)len, f->skip_to - f->at);

	link->conn->s->stats.skipped_bytes += n;
	tt_flow_advance_at(link, dir, n);
	return n;
}

size_t tt_link_feed(struct tt_link *link, int dir, const uint8_t *data, size_t len)
{
	struct tt_flow *f = &link->flow[dir];
	size_t pos = 0;
	bool go = true;

	while (go && pos < len) {
		if (f->at < f->skip_to) {
			pos += tt_link_skip(link, dir, len - pos);
			continue;
		}
		switch (f->mode) {
		case TT_FLOW_DETECT: {
			bool drop;
			if (tt_link_detect(link, dir, tt_span(data + pos, len - pos), &drop)) {
				/* What was asked comes before its answers: read first it can be told apart from what is asked
				 * later. */
				if (dir != link->request_dir)
					tt_flow_refeed(link, link->request_dir);
				break;
			}
			if (!drop)
				return pos;
			if (f->mode == TT_FLOW_DETECT) {
				tt_flow_advance_at(link, dir, len - pos);
				tt_link_unread(link, len - pos);
				return len;
			}
			break;
		}
		case TT_FLOW_PARSE:
			pos += tt_link_parse(link, dir, data + pos, len - pos, &go);
			break;
		case TT_FLOW_RESYNC:
			pos += tt_link_resync(link, dir, data + pos, len - pos);
			break;
		default:
			tt_link_unread(link, len - pos);
			tt_flow_advance_at(link, dir, len - pos);
			return len;
		}
	}
	return pos;
}

/* Sides that have bytes waiting and can go on now: the other one moved, or the protocol just became known. */
void tt_link_settle(struct tt_link *link)
{
	for (int round = 0; round < 64; round++) {
		bool moved = false;
		for (int dir = 0; dir < 2; dir++) {
			struct tt_flow *f = &link->flow[dir];
			if (f->busy || f->starved || f->buf.len == 0 || f->mode == TT_FLOW_DETECT)
				continue;
			uint64_t at = f->at;
			tt_flow_refeed(link, dir);
			moved |= f->at != at;
		}
		if (!moved)
			return;
	}
}

void tt_link_unseen(struct tt_link *link, int dir, uint64_t missing)
{
	struct tt_flow *f = &link->flow[dir];
	const struct tt_input in = {.c = tt_cursor(tt_span(NULL, 0)), .offset = f->at, .ended = f->eof, .missing = missing};

	f->optional_to = 0;
	link->proto->unseen(link, tt_link_side(link, dir), &in);
}

void tt_link_hole(struct tt_link *link, int dir, uint64_t n, uint64_t by_ns)
{
	struct tt_flow *f = &link->flow[dir];
	enum tt_side side = tt_link_side(link, dir);
	uint64_t now_ns = TT_MAX(f->last_ns, link->flow[!dir].last_ns);

	now_ns = TT_MAX(now_ns, by_ns);

	f->hole_ns = link->pair.hole_ns = link->back.hole_ns = TT_MAX(now_ns, (uint64_t)1);
	f->skip_to = f->optional_to = 0;
	f->wait_ns = 0;
	f->starved = false;
	if (f->mode == TT_FLOW_STOPPED)
		return;
	if (f->mode == TT_FLOW_DETECT) {
		f->from_start = false;
		return;
	}
	f->mode = TT_FLOW_RESYNC;
	f->resync_from = f->at;
	tt_pair_hole(link, side);
	if (link->proto->gap)
		link->proto->gap(link, side, n);
	tt_pair_let_go(link, side);
}

/* As its other direction shows, the connection is new: what stands before this direction's first bytes was missed. */
void tt_link_front_missing(struct tt_link *link, int dir)
{
	struct tt_flow *f = &link->flow[dir];

	f->late_start = false;
	f->hole_ns = TT_MAX(f->last_ns, (uint64_t)1);
	if (!link->proto || link->pairing != TT_PAIR_IN_ORDER)
		return;
	tt_pair_doubt(link);
	link->pair.unsure_open += dir == link->request_dir;
}

void tt_link_datagram(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data)
{
	struct tt_flow *f = &link->flow[dir];
	const struct tt_mark mark = {
		.begin = f->next,
		.end = f->next + TT_MAX(chunk->length, 1u),
		.first_ns = chunk->direction == TT_TX && chunk->entry_ns ? chunk->entry_ns : chunk->rec.time_ns,
		.last_ns = chunk->rec.time_ns,
		.tid = chunk->rec.tid,
		.tgid = chunk->rec.tgid,
	};
	bool drop;

	f->started = true;
	tt_marks_free(&f->marks);
	tt_marks_add(&f->marks, &mark, 1);
	f->at = f->next;
	f->next = mark.end;
	f->reported += !chunk->length; /* an empty datagram has a place, but no bytes */
	f->last_ns = mark.last_ns;
	if (!link->proto && f->mode == TT_FLOW_DETECT)
		tt_link_detect(link, dir, tt_span(data, chunk->captured), &drop);
	if (!link->proto || f->mode != TT_FLOW_PARSE) {
		tt_link_unread(link, chunk->length);
		return;
	}

	struct tt_input in = {
		.c = tt_cursor(tt_span(data, chunk->captured)),
		.offset = f->at,
		.ended = true,
		.datagram = true,
		.truncated = chunk->captured < chunk->length,
	};
	f->busy = true;
	enum tt_step step = link->proto->parse(link, tt_link_side(link, dir), &in);
	f->busy = false;
	f->at = f->next;
	if (step == TT_LOST_SYNC)
		link->conn->s->stats.desyncs++;
}
