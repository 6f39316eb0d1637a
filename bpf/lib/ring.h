/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records to the user side. User space is never woken from here: it drains on a timer. A record's time is read between tt_*_begin
 * and tt_*_end, which lets the reader know a time before which nothing more can come (src/kernel/ring.h).
 */
#ifndef TT_BPF_RING_H
#define TT_BPF_RING_H

#include "errors.h"

struct tt_inner_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
};

/* One ring for some CPUs each; filled at load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct tt_inner_ring);
} tt_data_rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} tt_control_ring SEC(".maps");

/* Marks a program of process context as under way and returns the time of its records. */
TT_INLINE __u64 tt_data_begin(struct tt_kernel_counters *c)
{
	c->data.busy_ns = 1;
	barrier();
	__u64 now = bpf_ktime_get_ns();
	c->data.busy_ns = now;
	return now;
}

TT_INLINE void tt_data_end(struct tt_kernel_counters *c)
{
	barrier();
	c->data.busy_ns = 0;
}

/* Submits `size` bytes, in process context; `bytes` of a stream are lost with it where there is no room. */
TT_INLINE bool tt_data_submit(struct tt_kernel_counters *c, void *rec, __u64 size, __u64 bytes)
{
	__u32 index = c->ring;
	void *ring = bpf_map_lookup_elem(&tt_data_rings, &index);

	c->data.produced++;
	c->data.produced_bytes += bytes;
	if (ring && !bpf_ringbuf_output(ring, rec, size, BPF_RB_NO_WAKEUP))
		return true;
	if (!ring)
		tt_failed(TT_PLACE_NO_RING);
	c->data.lost[TT_LOSS_RING_FULL]++;
	c->data.lost_bytes[TT_LOSS_RING_FULL] += bytes;
	return false;
}

/*
 * A small record is written where it is to lie, which saves a copy of it; the price is a slot of fixed size, since the verifier
 * wants to know how much is reserved. Returns where to write it, to be given to bpf_ringbuf_submit; NULL where there is no room.
 */
TT_INLINE void *tt_data_reserve(struct tt_kernel_counters *c, __u64 size, __u64 bytes)
{
	__u32 index = c->ring;
	void *ring = bpf_map_lookup_elem(&tt_data_rings, &index);
	void *slot = ring ? bpf_ringbuf_reserve(ring, size, 0) : NULL;

	c->data.produced++;
	c->data.produced_bytes += bytes;
	if (!slot) {
		c->data.lost[TT_LOSS_RING_FULL]++;
		c->data.lost_bytes[TT_LOSS_RING_FULL] += bytes;
	}
	return slot;
}

/* The same for the control ring, where programs of any context may interrupt each other: an outer one's earlier time stays. */
TT_INLINE __u64 tt_control_begin(struct tt_kernel_counters *c, __u64 *outer)
{
	*outer = c->control.busy_ns;
	if (!*outer)
		c->control.busy_ns = 1;
	barrier();
	__u64 now = bpf_ktime_get_ns();
	if (!*outer)
		c->control.busy_ns = now;
	return now;
}

TT_INLINE void tt_control_end(struct tt_kernel_counters *c, __u64 outer)
{
	barrier();
	c->control.busy_ns = outer;
}

/* Stamps the record with the time now and submits it. */
TT_INLINE bool tt_control_submit(struct tt_record *rec, __u32 size)
{
	struct tt_kernel_counters *c = tt_counters_here();
	__u64 outer;

	if (!c)
		return false;
	rec->len = size;
	rec->time_ns = tt_control_begin(c, &outer);
	__sync_fetch_and_add(&c->control.produced, 1);
	long r = bpf_ringbuf_output(&tt_control_ring, rec, size, BPF_RB_NO_WAKEUP);
	if (r)
		__sync_fetch_and_add(&c->control.lost[TT_LOSS_CONTROL_FULL], 1);
	tt_control_end(c, outer);
	return !r;
}

#endif
