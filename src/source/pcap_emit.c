// SPDX-License-Identifier: Apache-2.0
/* Records of the capture source. */
#include "base/own.h"
#include "source/pcap_core.h"

/* Puts head and tail into the queue as one record, or counts it as lost. */
static void tt_pcap_emit(struct tt_pcap *p, const void *head, size_t len, struct tt_span tail, uint32_t stream_bytes)
{
	static const uint8_t zeros[8];
	size_t fill = -(len + tail.len) & 7;

	p->records.produced++;
	p->records.produced_bytes += stream_bytes;
	if (tt_buf_reserve(&p->queue, len + tail.len + fill) < 0) {
		p->records.lost[TT_LOSS_RING_FULL]++;
		p->records.lost_bytes[TT_LOSS_RING_FULL] += stream_bytes;
		return;
	}
	tt_buf_add(&p->queue, head, len);
	tt_buf_add(&p->queue, tail.data, tail.len);
	tt_buf_add(&p->queue, zeros, fill);
	p->records.queued++;
}

static struct tt_record tt_pcap_record(uint16_t type, size_t len, uint64_t time_ns)
{
	return (struct tt_record){.type = type, .version = TT_RECORD_VERSION, .len = (uint32_t)len, .time_ns = time_ns};
}

void tt_pcap_emit_clock(struct tt_pcap *p, uint64_t time_ns)
{
	struct tt_clock_record r = {.rec = tt_pcap_record(TT_REC_CLOCK, sizeof(r), time_ns)};
	tt_pcap_emit(p, &r, sizeof(r), tt_span(NULL, 0), 0);
}

/*
 * The end shown as the observed one: the server. Where a flow began before the capture, nothing proves which end that is; the
 * lower port is shown then, and the role stays unknown.
 */
static int tt_pcap_local(struct tt_flow *f, int from)
{
	if (f->local < 0) {
		uint16_t here = f->key.end[from].port, there = f->key.end[!from].port;
		f->local = here < there ? from : !from;
	}
	return f->local;
}

static void tt_pcap_chunk(struct tt_pcap *p, struct tt_flow *f, int from, struct tt_chunk *c, struct tt_span captured)
{
	struct tt_pcap_dir *d = &f->dir[from];
	int local = tt_pcap_local(f, from);
	bool tcp = f->key.protocol == TT_IP_TCP;

	/* What waited for something earlier became readable with it. */
	d->last_ns = TT_MAX(c->rec.time_ns, d->last_ns);
	c->rec = tt_pcap_record(TT_REC_CHUNK, sizeof(*c) + captured.len, d->last_ns);
	c->conn.sock = f->serial;
	c->captured = (uint32_t)captured.len;
	c->tcp_seq = tcp ? (uint32_t)d->next + d->bias : 0;
	c->direction = from == local ? TT_TX : TT_RX;
	c->transport = tcp ? TT_TRANSPORT_TCP : TT_TRANSPORT_UDP;
	c->origin = TT_ORIGIN_PCAP;
	c->role = f->server >= 0 ? TT_ROLE_SERVER : TT_ROLE_UNKNOWN;
	if (!f->first_seen && !f->open_sent)
		c->flags |= TT_CHUNK_FIRST_SEEN;
	if (d->from_start)
		c->flags |= TT_CHUNK_FROM_START;
	c->data_off = sizeof(*c);
	c->local = f->key.end[local];
	c->peer = f->key.end[!local];
	f->first_seen = true;
	tt_pcap_emit(p, c, sizeof(*c), captured, c->length);
}

void tt_pcap_emit_data(struct tt_pcap *p, struct tt_flow *f, int from, uint32_t len, struct tt_span captured, uint64_t time_ns)
{
	struct tt_pcap_dir *d = &f->dir[from];
	struct tt_chunk c = {.rec.time_ns = time_ns, .offset = (uint64_t)d->next, .length = len};
	if (f->key.protocol == TT_IP_UDP)
		c.flags = TT_CHUNK_DATAGRAM;
	tt_pcap_chunk(p, f, from, &c, captured);
	d->next += len;
	d->bytes += len;
	p->stats.cut_bytes += len - c.captured;
}

void tt_pcap_emit_mark(struct tt_pcap *p, struct tt_flow *f, int from, uint16_t flag, int error, uint64_t time_ns)
{
	struct tt_chunk c = {.rec.time_ns = time_ns, .offset = (uint64_t)f->dir[from].next, .flags = flag, .error = error};
	tt_pcap_chunk(p, f, from, &c, tt_span(NULL, 0));
}

void tt_pcap_emit_missing(struct tt_pcap *p, struct tt_flow *f, int from, int64_t until, uint64_t time_ns)
{
	struct tt_chunk c = {.rec.time_ns = time_ns, .offset = (uint64_t)until};
	tt_pcap_chunk(p, f, from, &c, tt_span(NULL, 0));
}

void tt_pcap_emit_conflict(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_conflict *what, uint64_t time_ns)
{
	struct tt_chunk c = {
		.rec.time_ns = time_ns,
		.offset = (uint64_t)what->off,
		.length = (uint32_t)(what->end - what->off),
		.flags = TT_CHUNK_NO_PAYLOAD,
	};
	tt_pcap_chunk(p, f, from, &c, tt_span(NULL, 0));
}

void tt_pcap_emit_conn(struct tt_pcap *p, struct tt_flow *f, uint16_t type, uint16_t flags, int error, uint64_t time_ns)
{
	/* Of a connection that was not accepted only its client has one. */
	bool refused = flags & TT_CONN_CONNECT_FAILED;
	int local = tt_pcap_local(f, 0) ^ refused;
	const struct tt_pcap_dir *tx = &f->dir[local], *rx = &f->dir[!local];
	uint64_t latest = TT_MAX(tx->last_ns, rx->last_ns);
	struct tt_conn_record r = {
		.rec = tt_pcap_record(type, sizeof(r), TT_MAX(time_ns, latest)),
		.conn.sock = f->serial,
		.local = f->key.end[local],
		.peer = f->key.end[!local],
		.transport = TT_TRANSPORT_TCP,
		.role = refused		 ? TT_ROLE_CLIENT
			: f->server >= 0 ? TT_ROLE_SERVER
					 : TT_ROLE_UNKNOWN,
		.flags = flags | f->resets,
		.error = error,
		.rtt_us = f->rtt_us,
		.retransmits = tx->retransmits,
		.tx_offset = (uint64_t)tx->next,
		.rx_offset = (uint64_t)rx->next,
		.tx_bytes = tx->bytes,
		.rx_bytes = rx->bytes,
	};

	if (f->syn_ns || f->syn_ack_ns)
		r.flags |= TT_CONN_SEEN_OPEN;
	if (tx->known && rx->known && !tx->unseen && !rx->unseen)
		r.flags |= TT_CONN_OFFSETS;
	if (f->rtt_us || tx->retransmits)
		r.flags |= TT_CONN_TCP_INFO;
	if (type == TT_REC_OPEN && f->syn_ns && !error && time_ns > f->syn_ns)
		r.connect_ns = time_ns - f->syn_ns;
	tt_pcap_emit(p, &r, sizeof(r), tt_span(NULL, 0), 0);
}
