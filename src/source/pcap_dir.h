/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of a TCP flow: where it begins, what is missing of it, what its other end had. */
#ifndef TT_SOURCE_PCAP_DIR_H
#define TT_SOURCE_PCAP_DIR_H

#include "base/own.h"
#include "source/pcap_flow.h"

/* Where the origin of offsets is arbitrary it lies so high that nothing earlier can be negative. */
#define TT_MID_ORIGIN (1ll << 32)
/* No retransmission of what was acknowledged goes back so far: what lies so far off is of another connection, or behind a large
 * hole. */
#define TT_FAR_BACK (64ll << 20)

static inline void tt_dir_begin(struct tt_pcap_dir *d, uint32_t first_seq)
{
	d->known = d->from_start = true;
	d->unseen = false;
	d->bias = first_seq;
	d->next = 0;
}

static inline void tt_dir_begin_mid(struct tt_pcap_dir *d, uint32_t seq)
{
	d->known = true;
	d->unseen = false;
	d->bias = 0;
	d->next = TT_MID_ORIGIN | seq;
}

/* Data is missing before what is held. */
static inline bool tt_dir_lacks(const struct tt_pcap_dir *d)
{
	return d->held.head && d->held.head->off > d->next;
}

static inline int64_t tt_dir_awaited_end(const struct tt_pcap_dir *d)
{
	return d->held.head ? d->held.head->off : d->fin_off;
}

static inline uint64_t tt_dir_since(const struct tt_pcap_dir *d)
{
	return d->held.head ? d->held.head->time_ns : d->fin_ns;
}

/* This one waited for what is missing before the other one ended. */
static inline bool tt_dir_waits_longer(const struct tt_pcap_dir *d, const struct tt_pcap_dir *ended)
{
	return tt_pcap_dir_waits(d) && tt_dir_awaited_end(d) > d->next && tt_dir_since(d) < ended->fin_ns;
}

/* When the first held piece could be read. */
static inline uint64_t tt_dir_readable_ns(const struct tt_pcap_dir *d)
{
	return TT_MAX(d->held.head->time_ns, d->last_ns);
}

/* How far it was captured without a gap. */
static inline int64_t tt_dir_end(struct tt_pcap_dir *d)
{
	return d->held.head && !tt_dir_lacks(d) ? tt_pieces_whole(&d->held) : d->next;
}

/*
 * The end of what the other end has, by what it acknowledged. The stream's end counts as one byte there: where it was not
 * captured, that byte is missing as any other, as without it nobody knows who closed first.
 */
static inline int64_t tt_dir_had(const struct tt_pcap_dir *d, int64_t acked)
{
	if (acked - d->next > TT_FAR_BACK)
		return d->next;
	return d->fin ? TT_MIN(acked, d->fin_off) : acked;
}

#endif
