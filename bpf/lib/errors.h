/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The counters, and failing helpers counted with the place where they failed. */
#ifndef TT_BPF_ERRORS_H
#define TT_BPF_ERRORS_H

#include "config.h"

/* One entry a CPU, mapped into the user side. An entry is sized up at load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_kernel_counters);
} tt_counters SEC(".maps");

TT_INLINE struct tt_kernel_counters *tt_counters_here(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&tt_counters, &cpu);
}

/*
 * A helper failed at a place (enum tt_place). These two are called from all over: as functions of their own the verifier proves
 * them once and not on every path that leads there.
 */
__noinline int tt_failed(__u32 place)
{
	struct tt_kernel_counters *c = tt_counters_here();

	if (c && place < TT_PLACE_MAX)
		__sync_fetch_and_add(&c->failed[place], 1);
	return 0;
}

/*
 * Events that were to be reported and are not (enum tt_loss_cause), or their payload. In process context only (struct
 * tt_kernel_counters says why).
 */
__noinline int tt_lost_many(__u32 cause, __u64 events, __u64 bytes)
{
	struct tt_kernel_counters *c = tt_counters_here();

	if (!c || cause >= TT_LOSS_MAX)
		return 0;
	c->data.produced += events;
	c->data.produced_bytes += bytes;
	c->data.lost[cause] += events;
	c->data.lost_bytes[cause] += bytes;
	return 0;
}

TT_INLINE void tt_lost(enum tt_loss_cause cause, __u64 bytes)
{
	tt_lost_many(cause, 1, bytes);
}

#endif
