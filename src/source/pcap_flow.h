/* SPDX-License-Identifier: Apache-2.0 */
/* The flows of a capture: pairs of endpoints, found by their addresses, in a bounded table that forgets the least lately used. */
#ifndef TT_SOURCE_PCAP_FLOW_H
#define TT_SOURCE_PCAP_FLOW_H

#include <stdbool.h>

#include "shared/limits.h"
#include "source/pcap_decode.h"
#include "source/pieces.h"

/* What one end sends. Offsets are stream offsets: sequence number minus `bias`, unwrapped. */
struct tt_pcap_dir {
	bool known;	 /* next is valid */
	bool from_start; /* offset 0 is the first byte */
	bool unseen;	 /* what the other end acknowledged is all that is known of it */
	bool fin;	 /* fin_off is valid */
	bool ended;	 /* its end was reported */
	uint32_t bias;
	int64_t next; /* offset of the next byte to report */
	int64_t fin_off;
	uint64_t fin_ns;
	int64_t acked;	      /* highest offset the other end acknowledged; valid once acked_ns is set */
	int64_t taken;	      /* the other end acknowledged all before it */
	int64_t told;	      /* bytes before it that were not captured were told of */
	uint64_t history;     /* the latest of its bytes in tt_history */
	uint64_t acked_ns;    /* when it acknowledged what is missing here */
	uint64_t last_ns;     /* of the last record, so that times do not run backwards */
	uint64_t bytes;	      /* reported */
	uint32_t retransmits; /* segments seen again */
	struct tt_pieces held;
	struct tt_conflict doubt; /* in what is held */
};

static inline int64_t tt_dir_offset(const struct tt_pcap_dir *d, uint32_t seq)
{
	return d->next + (int32_t)(seq - ((uint32_t)d->next + d->bias));
}

/* A segment that does not fit, an opening amid an open connection or data: of another one, if what follows goes by its numbers.
 */
struct tt_stray {
	uint64_t time_ns; /* 0: there is none */
	uint32_t last;	  /* the sequence number of its last byte, or of the opening */
	uint32_t ack;
	uint8_t flags;
	uint8_t from;
};

struct tt_flow_key {
	struct tt_sockaddr end[2]; /* in a fixed order, whoever sends */
	uint64_t network;	   /* tt_ip's */
	uint32_t protocol;
	uint32_t unused; /* 0: keys are compared as bytes */
};

struct tt_flow {
	struct tt_flow_key key;
	struct tt_flow *bucket_next;
	struct tt_flow *older, *newer;	       /* by use */
	struct tt_flow *hold_prev, *hold_next; /* flows that hold something */
	bool holding;
	uint64_t serial; /* names this generation of the flow for good */
	int server;	 /* index of end; -1 not known */
	int local;	 /* index of end shown as the observed one */
	bool first_seen; /* a chunk was reported */
	bool open_sent;
	bool closed;	 /* its close was reported: what comes is the tail, or a new connection */
	uint16_t resets; /* enum tt_conn_flags */
	uint64_t syn_ns; /* 0 not seen */
	uint64_t syn_ack_ns;
	uint32_t rtt_us;
	struct tt_stray stray;
	struct tt_pcap_dir dir[2]; /* by sending end */
};

struct tt_flows {
	struct tt_flow **buckets;
	size_t mask;
	size_t count;
	size_t max;
	struct tt_flow *oldest, *newest;
	struct tt_flow *holding;
	uint64_t held_bytes;
	uint64_t serials;
};

/* -ENOMEM. */
int tt_flows_init(struct tt_flows *t, const struct tt_limits *limits);
void tt_flows_free(struct tt_flows *t);

/* The flow of a segment and which end sent it; made as the newest if there is none. NULL without memory. Then tt_flows_over may
 * ask for the oldest to go. */
struct tt_flow *tt_flows_get(struct tt_flows *t, const struct tt_segment *seg, int *ret_from);
bool tt_flows_over(const struct tt_flows *t);
void tt_flows_drop(struct tt_flows *t, struct tt_flow *f);

/* Begins the flow anew, as another connection between the same ends. Nothing may be held. */
void tt_flows_renew(struct tt_flows *t, struct tt_flow *f);

/* Something of this direction waits for what is missing before it: data, or the stream's end. */
static inline bool tt_pcap_dir_waits(const struct tt_pcap_dir *d)
{
	return d->held.head || (d->fin && !d->ended);
}

/* Keeps the list of flows that hold something, and the sum, right after held parts changed by so many bytes. */
void tt_flows_held(struct tt_flows *t, struct tt_flow *f, int64_t change);

#endif
