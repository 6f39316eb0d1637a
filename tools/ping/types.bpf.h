/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's types of packets and devices, as far as these programs read them; relocated when they are loaded. */
#ifndef TT_PING_TYPES_BPF_H
#define TT_PING_TYPES_BPF_H

#include "lib/prog.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	struct net *net;
} possible_net_t___ping;

struct net_device___ping {
	char name[16];
	int ifindex;
	possible_net_t___ping nd_net;
};

struct sk_buff___ping {
	struct net_device___ping *dev;
	unsigned int len;
	unsigned int data_len;
	__be16 protocol;
	__u16 network_header;
	unsigned char *head;
	unsigned char *data;
};

#pragma clang attribute pop

/* RFC 791, section 3.1 */
struct tt_ipv4 {
	__u8 version_ihl;
	__u8 tos;
	__be16 length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__u8 source[4];
	__u8 target[4];
};

/* RFC 8200, section 3 */
struct tt_ipv6 {
	__be32 version_class_flow;
	__be16 length; /* of what follows this header */
	__u8 next;
	__u8 hops;
	__u8 source[16];
	__u8 target[16];
};

/* RFC 792 and RFC 4443, sections 4.1 and 4.2: echo and its reply */
struct tt_icmp {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 id;
	__be16 sequence;
};

#endif
