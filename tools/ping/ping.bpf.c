// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where echoes of telltale pass: one record a point. Packets are only read. They are known by what stands in them: ICMP, the id
 * of this ping, and the front of the payload.
 */
#include "tools/tool.bpf.h"

#include "tools/ping/ping.h"
#include "tools/ping/types.bpf.h"

#define TT_PROTOCOL_ICMP 1
#define TT_PROTOCOL_ICMPV6 58
#define TT_ETH_IPV4 0x0800
#define TT_ETH_IPV6 0x86dd
#define TT_FRAGMENT_OFFSET 0x1fff
#define TT_SOFTIRQ_RECEIVE 3
/* A program that is woken longer after a packet came on that processor is woken for another reason. */
#define TT_PING_WAKE_NS 10000000

TT_TOOL_CONFIG(struct tt_ping_config);

/* One a CPU. */
struct tt_ping_cpu {
	__u64 raised_ns;	      /* the softirq was asked for and has not begun */
	__u64 serving_ns;	      /* it runs, and was asked for then */
	__u64 sending;		      /* packet a driver has now … */
	struct tt_ping_point start;   /* … and what it is */
	struct tt_ping_point arrived; /* a reply the program may be woken for; at_ns 0: none */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_ping_cpu);
} tt_ping_cpus SEC(".maps");

/* The reply the program is being woken for; kind says how far that is. There is one such program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_ping_point);
} tt_ping_woken SEC(".maps");

TT_INLINE struct tt_ping_cpu *tt_ping_here(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&tt_ping_cpus, &cpu);
}

TT_INLINE bool tt_ping_live(void)
{
	return tt_self.phase == TT_PHASE_LIVE;
}

TT_INLINE void tt_ping_send(struct tt_ping_point *p)
{
	p->rec.type = TT_PING_POINT;
	p->rec.version = TT_RECORD_VERSION;
	tt_control_submit(&p->rec, sizeof(*p));
}

/* --- is it one of ours --- */

struct tt_ping_view {
	__u64 at;  /* next byte to be looked at … */
	__u64 end; /* … and where those end that lie in one piece */
};

TT_INLINE bool tt_ping_get(struct tt_ping_view *v, void *to, __u32 size)
{
	return v->at + size <= v->end && !bpf_probe_read_kernel(to, size, (const void *)v->at);
}

TT_INLINE bool tt_ping_ipv4(struct tt_ping_point *p, struct tt_ping_view *v)
{
	struct tt_ipv4 ip;

	if (!tt_ping_get(v, &ip, sizeof(ip)) || ip.protocol != TT_PROTOCOL_ICMP || bpf_ntohs(ip.fragment) & TT_FRAGMENT_OFFSET)
		return false;
	__u32 header = (ip.version_ihl & 0xf) * 4;
	__u32 length = bpf_ntohs(ip.length);
	if (header < sizeof(ip) || length < header + sizeof(struct tt_icmp))
		return false;
	p->family = 4;
	p->payload_len = length - header - sizeof(struct tt_icmp);
	__builtin_memcpy(p->source, ip.source, sizeof(ip.source));
	__builtin_memcpy(p->target, ip.target, sizeof(ip.target));
	v->at += header;
	return true;
}

TT_INLINE bool tt_ping_ipv6(struct tt_ping_point *p, struct tt_ping_view *v)
{
	struct tt_ipv6 ip;

	if (!tt_ping_get(v, &ip, sizeof(ip)) || ip.next != TT_PROTOCOL_ICMPV6)
		return false;
	__u32 length = bpf_ntohs(ip.length);
	if (length < sizeof(struct tt_icmp))
		return false;
	p->family = 6;
	p->payload_len = length - sizeof(struct tt_icmp);
	__builtin_memcpy(p->source, ip.source, sizeof(ip.source));
	__builtin_memcpy(p->target, ip.target, sizeof(ip.target));
	v->at += sizeof(ip);
	return true;
}

TT_INLINE bool tt_ping_icmp(struct tt_ping_point *p, struct tt_ping_view *v)
{
	struct tt_icmp icmp;

	if (!tt_ping_get(v, &icmp, sizeof(icmp)) || icmp.code)
		return false;
	if (icmp.type == (p->family == 4 ? 0 : 129))
		p->reply = 1;
	else if (icmp.type != (p->family == 4 ? 8 : 128))
		return false;
	p->id = bpf_ntohs(icmp.id);
	p->sequence = bpf_ntohs(icmp.sequence);
	v->at += sizeof(icmp);
	return tt_tool_config.serve || p->id == tt_tool_config.id;
}

/*
 * The payload's front. A device may keep it apart from the headers; then this ping's own id has to do, or (serving) the reply,
 * which the kernel makes in one piece.
 */
TT_INLINE bool tt_ping_head(struct tt_ping_point *p, struct tt_ping_view *v)
{
	if (p->payload_len < TT_PING_HEAD)
		return false;
	if (!tt_ping_get(v, p->head, TT_PING_HEAD))
		return true;
	__u32 magic = bpf_ntohl(*(__u32 *)p->head);
	__u64 session = bpf_be64_to_cpu(*(__u64 *)(p->head + 8));
	p->has_head = 1;
	return magic == TT_PING_MAGIC && p->head[4] == TT_PING_VERSION && p->head[5] == TT_PING_ECHO &&
	       (tt_tool_config.serve || session == tt_tool_config.session);
}

TT_INLINE bool tt_ping_look(struct tt_ping_point *p, const void *skb, const void *device, bool received)
{
	struct tt_ping_view v;

	if (!tt_ping_live())
		return false;
	__u16 protocol = bpf_ntohs(TT_READ(struct sk_buff___ping, skb, protocol));
	if (!(protocol == TT_ETH_IPV4 && tt_tool_config.family != 6) && !(protocol == TT_ETH_IPV6 && tt_tool_config.family != 4))
		return false;
	__u64 data = (__u64)TT_READ(struct sk_buff___ping, skb, data);
	v.at = data;
	v.end = data + TT_READ(struct sk_buff___ping, skb, len) - TT_READ(struct sk_buff___ping, skb, data_len);
	/* Before the protocols have it only its data is where the header is. */
	if (!received)
		v.at = (__u64)TT_READ(struct sk_buff___ping, skb, head) + TT_READ(struct sk_buff___ping, skb, network_header);
	if (!(protocol == TT_ETH_IPV4 ? tt_ping_ipv4(p, &v) : tt_ping_ipv6(p, &v)))
		return false;
	if (!tt_ping_icmp(p, &v) || !tt_ping_head(p, &v))
		return false;
	if (!device)
		device = TT_READ(struct sk_buff___ping, skb, dev);
	const struct net *net = TT_READ(struct net_device___ping, device, nd_net.net);
	p->netns = TT_READ(struct net, net, ns.inum);
	p->ifindex = TT_READ(struct net_device___ping, device, ifindex);
	if (bpf_core_read_str(p->device, sizeof(p->device), &((const struct net_device___ping *)device)->name) < 0)
		tt_failed(TT_PLACE_KERNEL_READ);
	p->cpu = bpf_get_smp_processor_id();
	return !tt_tool_config.netns || p->netns == tt_tool_config.netns;
}

/* --- points --- */

SEC("tt_tracepoint/net_dev_queue")
int TT_PROG(tt_ping_queue, struct sk_buff *skb)
{
	struct tt_ping_point p = {.kind = TT_PING_QUEUE, .at_ns = bpf_ktime_get_ns()};

	if (tt_ping_look(&p, skb, NULL, false))
		tt_ping_send(&p);
	return 0;
}

SEC("tt_tracepoint/net_dev_start_xmit")
int TT_PROG(tt_ping_start, struct sk_buff *skb, struct net_device___ping *device)
{
	struct tt_ping_point p = {.kind = TT_PING_START, .at_ns = bpf_ktime_get_ns()};

	if (!tt_ping_look(&p, skb, device, false))
		return 0;
	tt_ping_send(&p);
	struct tt_ping_cpu *here = tt_ping_here();
	if (here) {
		here->sending = (__u64)skb;
		here->start = p;
	}
	return 0;
}

/* The packet may be gone: only its address is looked at. */
SEC("tt_tracepoint/net_dev_xmit")
int TT_PROG(tt_ping_xmit, struct sk_buff *skb, int result)
{
	struct tt_ping_cpu *here = tt_ping_here();
	__u64 packet = (__u64)skb;

	if (!here || !packet || here->sending != packet)
		return 0;
	here->sending = 0;
	if (result)
		return 0;
	struct tt_ping_point p = here->start;
	p.kind = TT_PING_XMIT;
	p.at_ns = bpf_ktime_get_ns();
	tt_ping_send(&p);
	return 0;
}

SEC("tt_tracepoint/netif_receive_skb")
int TT_PROG(tt_ping_receive, struct sk_buff *skb)
{
	struct tt_ping_point p = {.kind = TT_PING_RECEIVE, .at_ns = bpf_ktime_get_ns()};

	if (!tt_ping_look(&p, skb, NULL, true))
		return 0;
	struct tt_ping_cpu *here = tt_ping_here();
	if (here) {
		p.raised_ns = here->serving_ns;
		if (p.reply)
			here->arrived = p;
	}
	tt_ping_send(&p);
	return 0;
}

/* --- the softirq --- */

SEC("tt_tracepoint/softirq_raise")
int TT_PROG(tt_ping_raise, unsigned int vector)
{
	struct tt_ping_cpu *here = vector == TT_SOFTIRQ_RECEIVE ? tt_ping_here() : NULL;

	if (here && !here->raised_ns)
		here->raised_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tt_tracepoint/softirq_entry")
int TT_PROG(tt_ping_softirq, unsigned int vector)
{
	struct tt_ping_cpu *here = vector == TT_SOFTIRQ_RECEIVE ? tt_ping_here() : NULL;

	if (here) {
		here->serving_ns = here->raised_ns;
		here->raised_ns = 0;
	}
	return 0;
}

SEC("tt_tracepoint/softirq_exit")
int TT_PROG(tt_ping_softirq_end, unsigned int vector)
{
	struct tt_ping_cpu *here = vector == TT_SOFTIRQ_RECEIVE ? tt_ping_here() : NULL;

	if (here)
		here->serving_ns = 0;
	return 0;
}

/* --- the program that waits for it --- */

TT_INLINE bool tt_ping_is_own(const void *task)
{
	return tt_ping_live() && TT_READ(struct task_struct, task, pid) == (pid_t)tt_self.own_tgid;
}

TT_INLINE struct tt_ping_point *tt_ping_woken_for(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tt_ping_woken, &zero);
}

/* On the processor the packet came on, just after it did. */
SEC("tt_tracepoint/sched_waking")
int TT_PROG(tt_ping_waking, struct task_struct *task)
{
	if (!tt_ping_is_own(task))
		return 0;
	struct tt_ping_cpu *here = tt_ping_here();
	struct tt_ping_point *woken = tt_ping_woken_for();
	if (!here || !woken)
		return 0;
	__u64 now = bpf_ktime_get_ns();
	woken->at_ns = 0;
	if (!here->arrived.at_ns || now - here->arrived.at_ns > TT_PING_WAKE_NS)
		return 0;
	struct tt_ping_point p = here->arrived;
	here->arrived.at_ns = 0;
	p.kind = TT_PING_WAKING;
	p.at_ns = now;
	*woken = p;
	tt_ping_send(&p);
	return 0;
}

SEC("tt_tracepoint/sched_wakeup")
int TT_PROG(tt_ping_wakeup, struct task_struct *task)
{
	if (!tt_ping_is_own(task))
		return 0;
	struct tt_ping_point *woken = tt_ping_woken_for();
	if (!woken || !woken->at_ns || woken->kind != TT_PING_WAKING)
		return 0;
	woken->kind = TT_PING_WAKEUP;
	struct tt_ping_point p = *woken;
	p.at_ns = bpf_ktime_get_ns();
	p.cpu = bpf_get_smp_processor_id();
	tt_ping_send(&p);
	return 0;
}

SEC("tt_tracepoint/sched_switch")
int TT_PROG(tt_ping_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (!tt_ping_is_own(next))
		return 0;
	struct tt_ping_point *woken = tt_ping_woken_for();
	if (!woken || !woken->at_ns)
		return 0;
	struct tt_ping_point p = *woken;
	woken->at_ns = 0;
	p.kind = TT_PING_SWITCH;
	p.at_ns = bpf_ktime_get_ns();
	p.cpu = bpf_get_smp_processor_id();
	tt_ping_send(&p);
	return 0;
}
