// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Holds a processor up in the kernel for a known time, as faulty code of the kernel would (bpf_loop: since 5.17). */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "hold.h"

#define ROUNDS_MOST (1u << 23)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_hold);
} hold SEC(".maps");

static long is_over(__u32 round, const __u64 *until)
{
	return bpf_ktime_get_ns() >= *until;
}

static __always_inline int hold_up(__u32 kind)
{
	__u32 zero = 0;
	struct tt_hold *h = bpf_map_lookup_elem(&hold, &zero);

	if (!h || h->kind != kind || h->tid != (__u32)bpf_get_current_pid_tgid())
		return 0;
	h->kind = TT_HOLD_NOTHING;
	h->began_ns = bpf_ktime_get_ns();
	__u64 until = h->began_ns + h->ns;
	bpf_loop(ROUNDS_MOST, is_over, &until, 0);
	h->ended_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("raw_tp/sched_waking")
int hold_interrupts(void *ctx)
{
	return hold_up(TT_HOLD_INTERRUPTS);
}

SEC("raw_tp/net_dev_xmit")
int hold_softirqs(void *ctx)
{
	return hold_up(TT_HOLD_SOFTIRQS);
}

SEC("raw_tp/netif_receive_skb")
int hold_receive(void *ctx)
{
	return hold_up(TT_HOLD_RECEIVE);
}

char LICENSE[] SEC("license") = "GPL";
