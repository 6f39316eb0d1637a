// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_fit.h"

#include "base/own.h"
#include "source/pcap_dir.h"

/* A SYN so near to bytes already seen is theirs, captured late. */
#define TT_SYN_NEAR (1ll << 20)

int64_t tt_dir_last(const struct tt_pcap_dir *d)
{
	int64_t last = TT_MAX(d->next, d->taken);

	return d->held.tail ? TT_MAX(last, d->held.tail->off + d->held.tail->len) : last;
}

/* What was not acknowledged is sent again, however much that is. */
static bool tt_dir_is_near(const struct tt_pcap_dir *d, int64_t off, int64_t end)
{
	int64_t first = d->taken ? TT_MIN(d->taken, d->next) : d->next;

	return end >= first - TT_FAR_BACK && off <= tt_dir_last(d) + TT_FAR_BACK;
}

/* The receiver obeys a reset that stands where it expects something (RFC 9293, 3.5.3; RFC 5961, 3). */
static bool tt_dir_reset_fits(struct tt_pcap_dir *d, int64_t off)
{
	return off >= TT_MIN(d->taken, tt_dir_end(d)) && off <= tt_dir_last(d) + TT_RESET_WINDOW;
}

/*
 * Nothing was sent behind an end, so it does not stand before what was captured. One that was acknowledged before anything of its
 * direction was captured stands right before where that begins.
 */
static bool tt_flow_end_fits(struct tt_flow *f, int from, const struct tt_segment *seg, int64_t off)
{
	struct tt_pcap_dir *d = &f->dir[from];
	const struct tt_pcap_dir *other = &f->dir[!from];

	if (off < tt_dir_end(d) - d->unseen)
		return false;
	int64_t ack = tt_dir_offset(other, seg->ack);
	return !(seg->flags & TT_TCP_ACK) || !other->known || tt_dir_is_near(other, ack, ack);
}

bool tt_flow_fits(struct tt_flow *f, int from, const struct tt_segment *seg, uint32_t seq)
{
	struct tt_pcap_dir *d = &f->dir[from];

	if (!d->known || (!seg->payload.wire_len && !(seg->flags & (TT_TCP_FIN | TT_TCP_RST))))
		return true;
	int64_t off = tt_dir_offset(d, seq), end = off + seg->payload.wire_len;
	if (seg->flags & TT_TCP_RST)
		return tt_dir_reset_fits(d, off);
	return tt_dir_is_near(d, off, end) && (!(seg->flags & TT_TCP_FIN) || tt_flow_end_fits(f, from, seg, end));
}

bool tt_flow_is_new(const struct tt_flow *f, int from, const struct tt_segment *seg)
{
	const struct tt_pcap_dir *d = &f->dir[from], *other = &f->dir[!from];

	if (seg->flags & TT_TCP_SYN && d->known && !d->from_start && !f->closed)
		return llabs(tt_dir_offset(d, seg->seq + 1) - d->next) > TT_SYN_NEAR;
	if (seg->flags & TT_TCP_SYN) {
		bool seen = d->known || (!(seg->flags & TT_TCP_ACK) && other->known && !other->unseen);
		return seen && !(d->from_start && d->bias == seg->seq + 1);
	}
	if (!f->closed || !d->known || !seg->payload.wire_len)
		return false;
	int64_t off = tt_dir_offset(d, seg->seq);
	if (off + seg->payload.wire_len < d->next - TT_FAR_BACK)
		return true;
	return !f->resets && d->fin && off > d->fin_off;
}

void tt_flow_note_stray(struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns)
{
	uint32_t last = seg->seq + (seg->flags & TT_TCP_SYN || !seg->payload.wire_len ? 0 : seg->payload.wire_len - 1);

	if (f->stray.time_ns && f->stray.last == last && f->stray.from == from)
		return;
	f->stray = (struct tt_stray){.time_ns = TT_MAX(time_ns, (uint64_t)1),
				     .last = last,
				     .ack = seg->ack,
				     .flags = seg->flags,
				     .from = (uint8_t)from};
}

bool tt_flow_is_again(const struct tt_flow *f, int from, const struct tt_segment *seg)
{
	const struct tt_stray *stray = &f->stray;
	const struct tt_pcap_dir *d = &f->dir[stray->from];
	bool near = d->known && llabs(tt_dir_offset(d, stray->last + 1) - d->next) <= TT_SYN_NEAR;

	if (!stray->time_ns)
		return false;
	if (from != stray->from)
		return seg->flags & TT_TCP_ACK && seg->ack == stray->last + 1 && (seg->flags & TT_TCP_SYN || !near);
	return !near && seg->seq == stray->last + 1 && !(seg->flags & (TT_TCP_SYN | TT_TCP_RST));
}
