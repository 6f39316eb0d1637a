// SPDX-License-Identifier: Apache-2.0
/* TCP streams out of segments: RFC 9293 as seen from the side, where segments may be missing that both ends have. */
#include <errno.h>

#include "base/own.h"
#include "source/pcap_core.h"
#include "source/pcap_dir.h"
#include "source/pcap_fit.h"

/* How often waiting is looked at. */
#define TT_SWEEP_NS (50 * 1000000ull)
#define TT_MS 1000000ull

/* Of a connection begun in the middle: what the other end expects next is where this one begins, or what lacks would not show. */
static void tt_tcp_begin_by_ack(struct tt_flow *f, int to, const struct tt_segment *seg)
{
	struct tt_pcap_dir *d = &f->dir[to];

	if (d->known || (seg->flags & (TT_TCP_SYN | TT_TCP_RST)))
		return;
	tt_dir_begin_mid(d, seg->ack);
	d->unseen = true;
}

/* --- opening and closing -------------------------------------------------------------------------------------------------------
 */

static void tt_tcp_open(struct tt_pcap *p, struct tt_flow *f, uint64_t time_ns)
{
	if (f->open_sent || f->server < 0)
		return;
	tt_pcap_emit_conn(p, f, TT_REC_OPEN, 0, 0, time_ns);
	f->open_sent = true;
}

static void tt_tcp_drain(struct tt_pcap *p, struct tt_flow *f);

static void tt_tcp_close(struct tt_pcap *p, struct tt_flow *f, uint64_t time_ns)
{
	f->closed = true;
	if (f->first_seen || f->open_sent)
		tt_pcap_emit_conn(p, f, TT_REC_CLOSE, 0, 0, time_ns);
}

/* Reports ends that nothing is missing before, in the other direction neither: what is may be what ended it all. */
static void tt_tcp_settle(struct tt_pcap *p, struct tt_flow *f, uint64_t time_ns)
{
	bool freed = false;

	if (!f->dir[0].fin && !f->dir[1].fin)
		return;
	for (int i = 0; i < 2; i++) {
		struct tt_pcap_dir *d = &f->dir[i];
		if (!d->fin || d->ended || d->next < d->fin_off || tt_dir_waits_longer(&f->dir[!i], d))
			continue;
		tt_pcap_emit_mark(p, f, i, TT_CHUNK_EOF, 0, d->fin_ns);
		d->ended = true;
		/* Nothing of the stream can lie behind its end. */
		p->stats.after_end += d->held.head != NULL;
		int64_t held = (int64_t)d->held.bytes;
		freed |= held != 0;
		tt_pieces_free(&d->held);
		tt_flows_held(&p->flows, f, -held);
	}
	tt_flows_held(&p->flows, f, 0);
	if (freed) { /* the other direction waited for it */
		tt_tcp_drain(p, f);
		tt_tcp_settle(p, f, time_ns);
		return;
	}
	if (f->dir[0].ended && f->dir[1].ended && !f->closed)
		tt_tcp_close(p, f, time_ns);
}

/* --- data ----------------------------------------------------------------------------------------------------------------------
 */

/* What came again is something else: the first one stands, which is told once all of it was reported. */
static void tt_tcp_conflict(struct tt_pcap *p, struct tt_flow *f, int from, struct tt_conflict what, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];

	p->stats.conflicts++;
	if (d->taken >= what.end)
		what.off = what.end = d->next;
	if (what.end <= d->next) {
		tt_pcap_emit_conflict(p, f, from, &what, time_ns);
		return;
	}
	bool first = d->doubt.off == d->doubt.end;
	d->doubt.off = first ? what.off : TT_MIN(d->doubt.off, what.off);
	d->doubt.end = TT_MAX(d->doubt.end, what.end);
}

static void tt_tcp_doubt_held(struct tt_pcap *p, struct tt_flow *f, int from)
{
	struct tt_pcap_dir *d = &f->dir[from];

	if (d->doubt.end == d->doubt.off || d->doubt.end > d->next)
		return;
	tt_pcap_emit_conflict(p, f, from, &d->doubt, d->last_ns);
	d->doubt = (struct tt_conflict){0};
}

/* A probe whether the connection is alive repeats the last byte, as whatever it likes (RFC 9293, 3.8.4). */
static bool tt_tcp_is_probe(const struct tt_pcap_dir *d, int64_t off, struct tt_wire w)
{
	return w.wire_len == 1 && off + 1 == d->next && d->taken >= d->next;
}

static void tt_tcp_seen_before(struct tt_pcap *p, struct tt_flow *f, int from, int64_t off, struct tt_wire w, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];
	struct tt_conflict what;

	p->stats.retransmitted++;
	d->retransmits++;
	if (!tt_tcp_is_probe(d, off, w) && tt_history_differs(&p->history, d->history, off, w.data, &what))
		tt_tcp_conflict(p, f, from, what, time_ns);
}

static void tt_tcp_report(struct tt_pcap *p, struct tt_flow *f, int from, struct tt_wire w, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];

	tt_history_add(&p->history, &d->history, d->next, w.data);
	tt_pcap_emit_data(p, f, from, w.wire_len, w.data, time_ns);
}

static void tt_tcp_report_held(struct tt_pcap *p, struct tt_flow *f, int from)
{
	struct tt_piece *piece = tt_pieces_pop(&f->dir[from].held);
	struct tt_wire w = {.data = tt_span(piece->data, piece->captured), .wire_len = piece->len};

	tt_tcp_report(p, f, from, w, piece->time_ns);
	free(piece);
}

/* Of what both ends hold the first; at the same time what the server has not sent. */
static int tt_tcp_first(const struct tt_flow *f)
{
	uint64_t of[2] = {tt_dir_readable_ns(&f->dir[0]), tt_dir_readable_ns(&f->dir[1])};

	return of[1] < of[0] || (of[1] == of[0] && f->server == 0);
}

/*
 * Reports what is held, in the order it could be read, as far as nothing is missing: while one direction waits the other does,
 * too, or answers would come before the requests they belong to.
 */
static void tt_tcp_drain(struct tt_pcap *p, struct tt_flow *f)
{
	const struct tt_pcap_dir *d = f->dir;
	uint64_t before = d[0].held.bytes + d[1].held.bytes;

	if (!d[0].held.head && !d[1].held.head && d[0].doubt.end == d[0].doubt.off && d[1].doubt.end == d[1].doubt.off)
		return;
	while ((d[0].held.head || d[1].held.head) && !tt_dir_lacks(&d[0]) && !tt_dir_lacks(&d[1])) {
		bool both = d[0].held.head && d[1].held.head;
		tt_tcp_report_held(p, f, both ? tt_tcp_first(f) : !d[0].held.head);
	}
	tt_tcp_doubt_held(p, f, 0);
	tt_tcp_doubt_held(p, f, 1);
	tt_flows_held(&p->flows, f, (int64_t)(d[0].held.bytes + d[1].held.bytes - before));
}

/* What is missing first will not come any more; or what waits only for the other direction does so no longer. */
static void tt_tcp_give_up(struct tt_pcap *p, struct tt_flow *f, int from)
{
	struct tt_pcap_dir *d = &f->dir[from];
	int64_t end = tt_dir_awaited_end(d);

	if (end > d->next) {
		p->stats.missing++;
		p->stats.missing_bytes += (uint64_t)(end - d->next);
		d->next = end;
	} else if (d->held.head) {
		uint64_t before = d->held.bytes;
		tt_tcp_report_held(p, f, from);
		tt_flows_held(&p->flows, f, (int64_t)(d->held.bytes - before));
	}
	tt_tcp_drain(p, f);
}

static void tt_tcp_hold(struct tt_pcap *p, struct tt_flow *f, int from, int64_t off, struct tt_wire w, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];
	uint64_t before = d->held.bytes;
	struct tt_conflict what;

	bool again = tt_pieces_have(&d->held, off, w.wire_len);
	p->stats.retransmitted += again;
	d->retransmits += again;
	p->stats.reordered += !again && off > tt_dir_end(d);
	if (tt_pieces_differ(&d->held, off, w.data, &what))
		tt_tcp_conflict(p, f, from, what, time_ns);
	if (tt_pieces_add(&d->held, off, w.wire_len, w.data, time_ns) < 0)
		p->stats.no_memory++;
	tt_flows_held(&p->flows, f, (int64_t)(d->held.bytes - before));
	tt_tcp_drain(p, f);
	while (d->held.head && (d->held.bytes > p->limits->value[TT_LIMIT_PCAP_HOLD_BYTES] ||
				p->flows.held_bytes > p->limits->value[TT_LIMIT_PCAP_HOLD_TOTAL_BYTES]))
		tt_tcp_give_up(p, f, from);
}

static void tt_tcp_data(struct tt_pcap *p, struct tt_flow *f, int from, int64_t off, struct tt_wire w, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];

	if (d->ended && off + w.wire_len > d->next) {
		p->stats.after_end++;
		return;
	}
	if (off < d->next) {
		tt_tcp_seen_before(p, f, from, off, w, time_ns);
		if (off + w.wire_len <= d->next)
			return;
		uint32_t known = (uint32_t)(d->next - off);
		w = (struct tt_wire){.data = tt_span_sub(w.data, known, SIZE_MAX), .wire_len = w.wire_len - known};
		off = d->next;
	}
	if (off == d->next && (!d->held.head || d->held.head->off >= off + w.wire_len) && !f->dir[!from].held.head) {
		tt_tcp_report(p, f, from, w, time_ns);
		tt_tcp_drain(p, f);
	} else {
		tt_tcp_hold(p, f, from, off, w, time_ns);
	}
}

/* --- waiting -------------------------------------------------------------------------------------------------------------------
 */

/* The other end has what is missing here, so it was sent and not captured: it will hardly be sent again. */
static void tt_tcp_acked(struct tt_pcap_dir *d, const struct tt_segment *seg, uint64_t time_ns)
{
	if (!d->known)
		return;
	int64_t off = tt_dir_offset(d, seg->ack);
	if (seg->flags & TT_TCP_RST && off > tt_dir_last(d) + TT_RESET_WINDOW)
		return;
	d->taken = TT_MAX(d->taken, off);
	if (!tt_pcap_dir_waits(d))
		return;
	int64_t end = tt_dir_awaited_end(d);
	if (off < end || (d->acked_ns && d->acked >= end))
		return;
	d->acked = off;
	d->acked_ns = time_ns;
}

/* What the other end had of this direction by then was not captured, or is yet to be: what follows is told behind that. */
static void tt_tcp_heard(struct tt_pcap *p, struct tt_flow *f, int to, int64_t acked, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[to];
	int64_t had = d->known ? tt_dir_had(d, acked) : 0;

	if (!d->known || d->ended || d->held.head || had <= TT_MAX(d->next, d->told))
		return;
	d->told = d->acked = had;
	d->acked_ns = time_ns;
	if (d->unseen) /* its beginning, or there would be nothing the hole is behind */
		tt_pcap_emit_missing(p, f, to, d->next, time_ns - 1);
	d->unseen = false;
	tt_pcap_emit_missing(p, f, to, had, time_ns - 1); /* before what is said now */
}

static bool tt_dir_overdue(const struct tt_pcap *p, const struct tt_pcap_dir *d, uint64_t now_ns)
{
	uint64_t since = tt_dir_since(d);

	if (!tt_pcap_dir_waits(d))
		return false;
	if (now_ns > since && now_ns - since > p->limits->value[TT_LIMIT_PCAP_HOLD] * TT_MS)
		return true;
	/* That of what only waits for the other direction says nothing. */
	return d->acked_ns && d->acked >= tt_dir_awaited_end(d) && tt_dir_awaited_end(d) > d->next && now_ns > d->acked_ns &&
	       now_ns - d->acked_ns > p->limits->value[TT_LIMIT_STREAM_HOLD] * TT_MS;
}

/* The one that waits longest of two directions that may be given up, or of any; -1: none is. */
static int tt_tcp_longest(const struct tt_flow *f, bool first, bool second)
{
	if (first && second)
		return tt_dir_since(&f->dir[1]) < tt_dir_since(&f->dir[0]);
	return first ? 0 : second ? 1 : -1;
}

void tt_pcap_tcp_sweep(struct tt_pcap *p, uint64_t now_ns)
{
	if (now_ns < p->swept_ns + TT_SWEEP_NS)
		return;
	p->swept_ns = now_ns;
	for (struct tt_flow *f = p->flows.holding, *next; f; f = next) {
		next = f->hold_next;
		int from;
		while ((from = tt_tcp_longest(f, tt_dir_overdue(p, &f->dir[0], now_ns), tt_dir_overdue(p, &f->dir[1], now_ns))) >=
		       0) {
			tt_tcp_give_up(p, f, from);
			tt_tcp_settle(p, f, now_ns);
		}
	}
}

void tt_pcap_tcp_flush(struct tt_pcap *p, struct tt_flow *f)
{
	int from;

	while ((from = tt_tcp_longest(f, f->dir[0].held.head, f->dir[1].held.head)) >= 0)
		tt_tcp_give_up(p, f, from);
	for (int i = 0; i < 2; i++) {
		if (tt_pcap_dir_waits(&f->dir[i]))
			tt_tcp_give_up(p, f, i);
	}
	tt_tcp_settle(p, f, p->now_ns);
}

void tt_pcap_tcp_end(struct tt_pcap *p, struct tt_flow *f)
{
	for (int i = 0; i < 2 && !f->closed; i++)
		tt_tcp_heard(p, f, i, f->dir[i].taken, p->now_ns);
}

/* --- segments ------------------------------------------------------------------------------------------------------------------
 */

static void tt_tcp_syn(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];
	bool answer = seg->flags & TT_TCP_ACK;
	uint64_t *seen = answer ? &f->syn_ack_ns : &f->syn_ns;

	if (*seen) {
		p->stats.retransmitted++;
		d->retransmits++;
	} else {
		*seen = time_ns;
	}
	if (!d->known || d->unseen)
		tt_dir_begin(d, seg->seq + 1);
	if (answer && !f->dir[!from].known)
		tt_dir_begin(&f->dir[!from], seg->ack);
	if (!f->first_seen)
		f->server = f->local = answer ? from : !from;
}

/* The client's first segment after the handshake completes it. */
static void tt_tcp_established(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns)
{
	if (f->open_sent || f->server < 0 || (seg->flags & (TT_TCP_SYN | TT_TCP_RST)))
		return;
	if (from != f->server && f->syn_ack_ns && time_ns > f->syn_ack_ns)
		f->rtt_us = (uint32_t)TT_MIN((time_ns - f->syn_ack_ns) / 1000, (uint64_t)UINT32_MAX);
	tt_tcp_open(p, f, time_ns);
}

static void tt_tcp_fin(struct tt_pcap *p, struct tt_flow *f, int from, int64_t end, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];

	if (d->ended || (d->fin && end >= d->fin_off))
		return;
	d->fin = true;
	d->fin_off = TT_MAX(end, d->next);
	d->fin_ns = time_ns;
	tt_flows_held(&p->flows, f, 0);
}

/* What lies before the end of a direction and was not captured is missing, although nothing comes behind it. */
static void tt_tcp_end_at(struct tt_pcap *p, struct tt_pcap_dir *d, int64_t off)
{
	int64_t end = d->known ? tt_dir_had(d, TT_MAX(off, d->taken)) : 0;

	if (!d->known || end <= d->next)
		return;
	p->stats.missing++;
	p->stats.missing_bytes += (uint64_t)(end - d->next);
	d->next = end;
}

/*
 * A reset that acknowledges nothing answers a segment that acknowledged so much as it stands behind (RFC 9293, 3.10.7). Behind
 * the end of its sender that segment brought what nobody was there for any more: more than was captured since, if nothing was.
 */
static bool tt_tcp_answers_unseen(struct tt_flow *f, int from, const struct tt_segment *seg)
{
	struct tt_pcap_dir *d = &f->dir[from];
	const struct tt_pcap_dir *other = &f->dir[!from];

	return d->fin && !(seg->flags & TT_TCP_ACK) && tt_dir_offset(d, seg->seq) == d->fin_off + 1 && !other->fin &&
	       other->last_ns <= d->fin_ns;
}

static void tt_tcp_reset(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns)
{
	struct tt_pcap_dir *other = &f->dir[!from];
	bool refused = f->syn_ns && !f->syn_ack_ns && from == f->server && !f->dir[from].known && !f->open_sent;

	if (refused) {
		tt_pcap_emit_conn(p, f, TT_REC_OPEN, TT_CONN_CONNECT_FAILED, ECONNREFUSED, time_ns);
		f->closed = true;
		return;
	}
	tt_pcap_tcp_flush(p, f);
	if (f->closed)
		return;
	if (other->unseen)
		tt_tcp_heard(p, f, !from, other->taken, time_ns);
	tt_tcp_end_at(p, &f->dir[from], tt_dir_offset(&f->dir[from], seg->seq));
	tt_tcp_end_at(p, other, tt_tcp_answers_unseen(f, from, seg) ? other->next + 1 : 0);
	if (!f->dir[from].ended && (f->first_seen || f->open_sent)) {
		tt_pcap_emit_mark(p, f, from, TT_CHUNK_ERROR, ECONNRESET, time_ns);
		f->dir[from].ended = true;
	}
	f->resets = from == f->local ? TT_CONN_RESET_SENT : TT_CONN_RESET_RECEIVED;
	tt_tcp_close(p, f, time_ns);
}

static void tt_tcp_renew(struct tt_pcap *p, struct tt_flow *f, uint64_t time_ns)
{
	tt_pcap_tcp_flush(p, f);
	if (!f->closed)
		tt_tcp_close(p, f, time_ns);
	tt_flows_renew(&p->flows, f);
	p->stats.flows++;
}

/* Those who sent what did not fit go on from there: far ahead of what was captured more is missing, else it is another
 * connection.
 */
static void tt_tcp_again(struct tt_pcap *p, struct tt_flow *f, uint64_t time_ns)
{
	const struct tt_stray stray = f->stray;
	struct tt_pcap_dir *d = &f->dir[stray.from];
	const struct tt_segment opening = {.seq = stray.last, .ack = stray.ack, .flags = stray.flags};
	int64_t end = tt_dir_offset(d, stray.last + 1);

	f->stray = (struct tt_stray){0};
	if (!(stray.flags & TT_TCP_SYN) && end > d->next) {
		d->taken = TT_MAX(d->taken, end);
		return;
	}
	tt_tcp_renew(p, f, time_ns);
	if (stray.flags & TT_TCP_SYN)
		tt_tcp_syn(p, f, stray.from, &opening, stray.time_ns);
}

static void tt_tcp_unfitting(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns)
{
	p->stats.unfitting++;
	if (seg->flags & TT_TCP_SYN || seg->payload.wire_len)
		tt_flow_note_stray(f, from, seg, time_ns);
}

/* False: the segment is not to be looked at. */
static bool tt_tcp_begin(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns)
{
	if (f->stray.time_ns && !f->closed && tt_flow_is_again(f, from, seg)) {
		tt_tcp_again(p, f, time_ns);
		return true;
	}
	if ((!f->closed && !(seg->flags & TT_TCP_SYN)) || !tt_flow_is_new(f, from, seg))
		return true;
	bool open = !f->closed && (f->open_sent || f->first_seen);
	if (open)
		tt_tcp_unfitting(p, f, from, seg, time_ns);
	else
		tt_tcp_renew(p, f, time_ns);
	return !open;
}

/* As most do, it goes on right where the one before ended. */
static bool tt_dir_goes_on(const struct tt_pcap_dir *d, const struct tt_segment *seg)
{
	return seg->seq == (uint32_t)d->next + d->bias && !(seg->flags & (TT_TCP_SYN | TT_TCP_FIN | TT_TCP_RST));
}

void tt_pcap_tcp(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];
	uint32_t seq = seg->seq;

	if (!tt_tcp_begin(p, f, from, seg, time_ns))
		return;
	if (f->closed) {
		bool again = d->known && tt_dir_offset(d, seq) + seg->payload.wire_len <= d->next;
		*(again ? &p->stats.retransmitted : &p->stats.after_end) += seg->payload.wire_len > 0;
		return;
	}
	if (seg->flags & TT_TCP_SYN) {
		tt_tcp_syn(p, f, from, seg, time_ns);
		seq++;
	}
	if (!tt_dir_goes_on(d, seg) && !tt_flow_fits(f, from, seg, seq)) {
		tt_tcp_unfitting(p, f, from, seg, time_ns);
		return;
	}
	tt_tcp_established(p, f, from, seg, time_ns);
	if (seg->flags & TT_TCP_ACK) {
		tt_tcp_begin_by_ack(f, !from, seg);
		tt_tcp_acked(&f->dir[!from], seg, time_ns);
	}
	if (seg->flags & TT_TCP_RST) {
		tt_tcp_reset(p, f, from, seg, time_ns);
		return;
	}
	if (!seg->payload.wire_len && !(seg->flags & TT_TCP_FIN))
		return;

	if (seg->flags & TT_TCP_ACK)
		tt_tcp_heard(p, f, !from, tt_dir_offset(&f->dir[!from], seg->ack), time_ns);
	if (!d->known)
		tt_dir_begin_mid(d, seq);
	int64_t off = tt_dir_offset(d, seq);
	if (d->unseen && !seg->payload.wire_len && off > d->next) /* its beginning, before what lacks of it */
		tt_pcap_emit_missing(p, f, from, d->next, time_ns - 1);
	d->unseen = false;
	if (seg->payload.wire_len)
		tt_tcp_data(p, f, from, off, seg->payload, time_ns);
	if (seg->flags & TT_TCP_FIN)
		tt_tcp_fin(p, f, from, off + seg->payload.wire_len, time_ns);
	tt_tcp_settle(p, f, time_ns);
}
