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

TT_INLINE void tt_failed(enum tt_place place)
{
	struct tt_kernel_counters *c = tt_counters_here();

	if (c)
		__sync_fetch_and_add(&c->failed[place], 1);
}

/* Events that were to be reported and are not, or their payload. In process context only (struct tt_kernel_counters says why). */
TT_INLINE void tt_lost_many(enum tt_loss_cause cause, __u64 events, __u64 bytes)
{
	struct tt_kernel_counters *c = tt_counters_here();

	if (!c)
		return;
	c->data.produced += events;
	c->data.produced_bytes += bytes;
	c->data.lost[cause] += events;
	c->data.lost_bytes[cause] += bytes;
}

TT_INLINE void tt_lost(enum tt_loss_cause cause, __u64 bytes)
{
	tt_lost_many(cause, 1, bytes);
}

#endif
