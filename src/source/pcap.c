// SPDX-License-Identifier: Apache-2.0
#include "source/pcap.h"

#include <errno.h>

#include "base/own.h"
#include "source/pcap_core.h"
#include "source/pcap_tunnel.h"

static void tt_pcap_transport(struct tt_pcap *p, const struct tt_segment *seg, uint64_t time_ns)
{
	uint64_t serials = p->flows.serials;
	int from = 0;

	struct tt_flow *f = tt_flows_get(&p->flows, seg, &from);
	if (!f) {
		p->stats.no_memory++;
		return;
	}
	p->stats.flows += p->flows.serials - serials;
	if (tt_flows_over(&p->flows)) {
		tt_pcap_tcp_flush(p, p->flows.oldest);
		tt_pcap_tcp_end(p, p->flows.oldest);
		tt_flows_drop(&p->flows, p->flows.oldest);
		p->stats.flows_evicted++;
	}
	if (seg->protocol == TT_IP_TCP)
		tt_pcap_tcp(p, f, from, seg, time_ns);
	else
		tt_pcap_emit_data(p, f, from, seg->payload.wire_len, seg->payload.data, time_ns);
}

/* Makes a whole packet of it if it is a fragment. TT_NOT_TRANSPORT while parts are missing. */
static enum tt_decoded tt_pcap_whole(struct tt_pcap *p, struct tt_ip *ip, uint64_t time_ns)
{
	struct tt_ip whole;

	if (!ip->fragment)
		return TT_DECODED;
	p->stats.fragments++;
	if (!tt_fragments_add(&p->fragments, ip, time_ns, &whole))
		return TT_NOT_TRANSPORT;
	whole.network = ip->network;
	*ip = whole;
	enum tt_decoded d = tt_decode_extensions(ip);
	return d != TT_DECODED || ip->fragment ? TT_MALFORMED : TT_DECODED;
}

/* The packet's segment or datagram, if it completes one; of a tunnel the innermost. */
static enum tt_decoded tt_pcap_decode(struct tt_pcap *p, const struct tt_packet *packet, uint64_t time_ns, struct tt_segment *ret)
{
	struct tt_wire frame = {.data = packet->data, .wire_len = packet->wire_len};
	struct tt_ip ip, inner;

	enum tt_decoded d = tt_decode_frame(packet->link, frame, &ip);
	if (d == TT_DECODED)
		d = tt_pcap_whole(p, &ip, time_ns);
	for (int depth = 0; d == TT_DECODED && depth < TT_TUNNELS_MOST; depth++) {
		if (!tt_decode_tunnel(&ip, &inner))
			return tt_decode_transport(&ip, ret);
		p->stats.tunnelled++;
		ip = inner;
		d = tt_pcap_whole(p, &ip, time_ns);
	}
	return d == TT_DECODED ? TT_MALFORMED : d;
}

static void tt_pcap_count_undecoded(struct tt_pcap *p, enum tt_decoded d)
{
	uint64_t *const counters[] = {
		[TT_NOT_IP] = &p->stats.not_ip,
		[TT_NOT_TRANSPORT] = &p->stats.not_transport,
		[TT_LINK_UNKNOWN] = &p->stats.link_unknown,
		[TT_MALFORMED] = &p->stats.malformed,
	};

	++*counters[d];
}

static void tt_pcap_packet(struct tt_pcap *p, const struct tt_packet *packet)
{
	struct tt_segment seg;

	/* 0 says that a time is not known, and what has none is incomplete: it is the same time for all of them. */
	uint64_t time_ns = TT_MAX(packet->time_ns, (uint64_t)1);
	p->stats.untimed += !packet->time_ns;
	if (!p->stats.packets++)
		tt_pcap_emit_clock(p, time_ns);
	p->stats.cut += packet->data.len < packet->wire_len;
	p->now_ns = TT_MAX(p->now_ns, time_ns);
	tt_pcap_tcp_sweep(p, p->now_ns);
	uint64_t fragments = p->stats.fragments;
	enum tt_decoded d = tt_pcap_decode(p, packet, time_ns, &seg);
	if (d == TT_DECODED)
		tt_pcap_transport(p, &seg, time_ns);
	else if (d != TT_NOT_TRANSPORT || fragments == p->stats.fragments)
		tt_pcap_count_undecoded(p, d);
	if (d == TT_LINK_UNKNOWN)
		p->last_link = packet->link;
}

/* Nothing readable in the whole file is an error, not an empty result. */
static int tt_pcap_verdict(struct tt_pcap *p, int r)
{
	if (r == -ENODATA && p->stats.packets && p->stats.link_unknown == p->stats.packets)
		return tt_reader_fail(&p->file.reader, -EPROTONOSUPPORT, "link type %u is not supported", p->last_link);
	return r;
}

/* Gets something into the queue. 0; -EAGAIN; or how the file ended, everything held having been given out. */
static int tt_pcap_advance(struct tt_pcap *p)
{
	struct tt_packet packet;

	if (!p->end) {
		int r = tt_pcap_file_next(&p->packets, &packet);
		if (r == 0)
			tt_pcap_packet(p, &packet);
		if (r == 0 || r == -EAGAIN)
			return r;
		p->end = tt_pcap_verdict(p, r);
		p->ending = p->flows.oldest;
	}
	if (p->flows.holding) {
		tt_pcap_tcp_flush(p, p->flows.holding);
		return 0;
	}
	if (p->ending) {
		tt_pcap_tcp_end(p, p->ending);
		p->ending = p->ending->newer;
		return 0;
	}
	return p->end;
}

/* Delivers one record from the queue. */
static int tt_pcap_deliver(struct tt_pcap *p, tt_record_fn fn, void *ctx)
{
	const struct tt_record *rec = (const struct tt_record *)(p->queue.data + p->queue_pos);
	uint32_t bytes = rec->type == TT_REC_CHUNK ? ((const struct tt_chunk *)rec)->length : 0;

	p->queue_pos += (rec->len + 7u) & ~7u;
	p->records.queued--;
	p->records.delivered++;
	p->records.delivered_bytes += bytes;
	int r = fn(ctx, rec);
	if (p->queue_pos == p->queue.len) {
		tt_buf_clear(&p->queue);
		p->queue_pos = 0;
	}
	return r;
}

static int tt_pcap_poll(struct tt_source *s, uint64_t budget, tt_record_fn fn, void *ctx)
{
	struct tt_pcap *p = (struct tt_pcap *)s;
	uint64_t limit = budget && budget < INT32_MAX ? budget : INT32_MAX;
	int count = 0;

	while ((uint64_t)count < limit) {
		if (!p->queue.len) {
			int r = tt_pcap_advance(p);
			if (r == -EAGAIN || (r < 0 && count))
				break;
			if (r < 0)
				return r;
			continue;
		}
		int r = tt_pcap_deliver(p, fn, ctx);
		if (r < 0)
			return r;
		count++;
	}
	return count;
}

/* What waits for an earlier segment will come with its own time. */
static uint64_t tt_pcap_watermark(const struct tt_source *s)
{
	const struct tt_pcap *p = (const struct tt_pcap *)s;
	uint64_t least = p->now_ns;

	if (p->queue_pos < p->queue.len)
		least = TT_MIN(least, ((const struct tt_record *)(p->queue.data + p->queue_pos))->time_ns);
	for (const struct tt_flow *f = p->flows.holding; f; f = f->hold_next) {
		for (int i = 0; i < 2; i++) {
			const struct tt_pcap_dir *d = &f->dir[i];
			if (tt_pcap_dir_waits(d))
				least = TT_MIN(least, d->held.head ? d->held.head->time_ns : d->fin_ns);
		}
	}
	return least;
}

static void tt_pcap_source_stats(struct tt_source *s, struct tt_source_stats *ret)
{
	*ret = ((struct tt_pcap *)s)->records;
}

static void tt_pcap_free(struct tt_source *s)
{
	struct tt_pcap *p = (struct tt_pcap *)s;

	tt_flows_free(&p->flows);
	tt_fragments_free(&p->fragments);
	tt_history_free(&p->history);
	tt_pcap_file_free(&p->packets);
	tt_reader_free(&p->file.reader);
	tt_buf_free(&p->queue);
	free(p);
}

static const struct tt_source_ops tt_pcap_ops = {
	.name = "pcap",
	.poll = tt_pcap_poll,
	.watermark = tt_pcap_watermark,
	.stats = tt_pcap_source_stats,
	.free = tt_pcap_free,
};

static int tt_pcap_alloc(struct tt_pcap **ret, const struct tt_limits *limits)
{
	struct tt_pcap *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	int r = tt_flows_init(&p->flows, limits);
	if (r < 0) {
		free(p);
		return r;
	}
	p->file.source.ops = &tt_pcap_ops;
	p->limits = limits;
	/* One packet lets out at most what is held, cut into pieces, and its own. */
	p->queue = TT_BUF(16 * (limits->value[TT_LIMIT_PCAP_HOLD_TOTAL_BYTES] + limits->value[TT_LIMIT_PCAP_PACKET_BYTES]));
	tt_pcap_file_init(&p->packets, &p->file.reader, limits);
	tt_fragments_init(&p->fragments, limits);
	tt_history_init(&p->history, limits->value[TT_LIMIT_PCAP_HISTORY_BYTES]);
	*ret = p;
	return 0;
}

int tt_pcap_new(struct tt_source **ret, int fd, const char *name, const struct tt_limits *limits)
{
	struct tt_pcap *p = NULL;

	int r = tt_pcap_alloc(&p, limits);
	if (r < 0)
		return r;
	tt_reader_init(&p->file.reader, fd, name);
	*ret = &p->file.source;
	return 0;
}

int tt_pcap_new_bytes(struct tt_source **ret, struct tt_span bytes, const char *name, const struct tt_limits *limits)
{
	struct tt_pcap *p = NULL;

	int r = tt_pcap_alloc(&p, limits);
	if (r < 0)
		return r;
	tt_reader_init_bytes(&p->file.reader, bytes, name);
	*ret = &p->file.source;
	return 0;
}

bool tt_pcap_stats(const struct tt_source *s, struct tt_pcap_stats *ret)
{
	s = tt_file_source_real(s);
	if (s->ops != &tt_pcap_ops)
		return false;
	const struct tt_pcap *p = (const struct tt_pcap *)s;
	*ret = p->stats;
	ret->fragments_dropped = p->fragments.dropped;
	ret->capture_dropped = p->packets.dropped;
	return true;
}
