/* SPDX-License-Identifier: Apache-2.0 */
/* From a captured frame to a TCP segment or UDP datagram. Lengths are those on the wire; what was captured of them may be less.
 */
#ifndef TT_SOURCE_PCAP_DECODE_H
#define TT_SOURCE_PCAP_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "shared/record.h"

enum tt_decoded {
	TT_DECODED,	  /* *ret is filled in */
	TT_NOT_IP,	  /* ARP and the like */
	TT_NOT_TRANSPORT, /* IP, but neither TCP nor UDP */
	TT_LINK_UNKNOWN,  /* link type not known */
	TT_MALFORMED,	  /* not what the headers promise, or too little was captured to read them */
};

/* Bytes on the wire, of which data was captured. data.len <= wire_len. */
struct tt_wire {
	struct tt_span data;
	uint32_t wire_len;
};

struct tt_ip {
	struct tt_sockaddr src; /* ports are 0 */
	struct tt_sockaddr dst;
	uint8_t protocol;	/* of the payload */
	struct tt_wire payload; /* borrowed from the frame */
	bool fragment;		/* the payload is a part of a packet */
	bool more;		/* and not its last */
	uint32_t fragment_off;	/* bytes */
	uint32_t fragment_id;
	uint64_t network; /* of the tunnels it came through, so that equal addresses in two of them stay apart; 0: none */
};

/* RFC 9293 header flags. */
enum {
	TT_TCP_FIN = 0x01,
	TT_TCP_SYN = 0x02,
	TT_TCP_RST = 0x04,
	TT_TCP_ACK = 0x10,
};

#define TT_IP_TCP 6
#define TT_IP_UDP 17

struct tt_segment {
	struct tt_sockaddr src;
	struct tt_sockaddr dst;
	uint64_t network; /* tt_ip's */
	uint8_t protocol; /* TT_IP_TCP or TT_IP_UDP */
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	struct tt_wire payload; /* borrowed from the frame */
};

/* The LINKTYPE_ numbers tt_decode_frame knows: NULL 0, Ethernet 1, raw IP 12, 14, 101, 228, 229, LOOP 108, Linux cooked 113 and
 * 276. */
bool tt_decode_link_known(uint32_t link);

/* The IP packet in a frame. Fragments are given as they are. */
enum tt_decoded tt_decode_frame(uint32_t link, struct tt_wire frame, struct tt_ip *ret);

/* The same for an IP packet without a link layer. */
enum tt_decoded tt_decode_packet(struct tt_wire packet, struct tt_ip *ret);

/* Passes over IPv6 extension headers in front of the payload; also for a packet put together from fragments. Nothing to do for
 * IPv4. */
enum tt_decoded tt_decode_extensions(struct tt_ip *ip);

/* What a whole packet carries. */
enum tt_decoded tt_decode_transport(const struct tt_ip *ip, struct tt_segment *ret);

#endif
