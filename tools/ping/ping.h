/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of `telltale ping` agree on. */
#ifndef TT_PING_H
#define TT_PING_H

#include "shared/record.h"

/* The front of every packet, as far as the programs look into it (packet.h has the format). */
#define TT_PING_HEAD 40
#define TT_PING_MAGIC 0x7e117a1eu
#define TT_PING_VERSION 1
#define TT_PING_DEVICE_LEN 16

enum tt_ping_packet_kind {
	TT_PING_ECHO = 1,
	TT_PING_REPORT = 2,
};

/* Points of a packet's path. The numbers stand in reports (packet.h), too. X(id, number) */
#define TT_PING_POINTS(X)                                                                      \
	X(SENT, 1)    /* the program is about to send it */                                    \
	X(QUEUE, 2)   /* handed to a device's queue (net_dev_queue) */                         \
	X(START, 3)   /* out of that, to its driver (net_dev_start_xmit) */                    \
	X(XMIT, 4)    /* the driver is done with it (net_dev_xmit) */                          \
	X(RAISE, 5)   /* a device asked for the softirq that receives (softirq_raise) */       \
	X(RECEIVE, 6) /* the kernel's protocols have it (netif_receive_skb) */                 \
	X(WAKING, 7)  /* it is in the socket, and the program is to be woken (sched_waking) */ \
	X(WAKEUP, 8)  /* the program stands in a processor's queue (sched_wakeup) */           \
	X(SWITCH, 9)  /* the program runs (sched_switch) */                                    \
	X(USER, 10)   /* the program has it */

enum tt_ping_point_kind {
#define TT_PING_POINT_ENUM(id, number) TT_PING_##id = (number),
	TT_PING_POINTS(TT_PING_POINT_ENUM)
#undef TT_PING_POINT_ENUM
		TT_PING_POINT_MAX,
};

enum tt_ping_record_type {
	TT_PING_POINT = TT_REC_TOOL, /* struct tt_ping_point */
};

/* A packet passed a point. */
struct tt_ping_point {
	struct tt_record rec;
	__u64 at_ns;
	__u64 raised_ns; /* of RECEIVE: when the softirq was asked for in whose course it came; 0: not known */
	__u32 netns;	 /* the device's: inode number */
	__u32 ifindex;
	__u32 cpu;
	__u16 id; /* of the ICMP header, as is … */
	__u16 sequence;
	__u16 payload_len; /* bytes behind the ICMP header, as the IP header has it */
	__u8 kind;	   /* enum tt_ping_point_kind */
	__u8 family;	   /* 4 or 6 */
	__u8 reply;	   /* else a request */
	__u8 has_head;	   /* the packet's front could be read */
	__u16 reserved;
	__u8 source[16]; /* addresses, network byte order; of IPv4 the first 4 bytes */
	__u8 target[16];
	char device[TT_PING_DEVICE_LEN];
	__u8 head[TT_PING_HEAD];
};

struct tt_ping_config {
	__u64 session; /* only packets of this one; 0: of any (--serve) */
	__u32 netns;   /* only devices of this namespace; 0: of any */
	__u16 id;
	__u8 family; /* 4 or 6; 0: both */
	__u8 serve;
};

static_assert(sizeof(struct tt_ping_point) == 40 + 16 + 12 + 12 + 32 + 16 + TT_PING_HEAD, "layout");
static_assert(sizeof(struct tt_ping_config) == 16, "layout");

#endif
