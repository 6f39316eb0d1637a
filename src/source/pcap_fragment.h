/* SPDX-License-Identifier: Apache-2.0 */
/* Puts IP packets together from their fragments, within bounds. What came first wins where fragments overlap (RFC 5722 is
 * stricter). */
#ifndef TT_SOURCE_PCAP_FRAGMENT_H
#define TT_SOURCE_PCAP_FRAGMENT_H

#include "shared/limits.h"
#include "source/pcap_decode.h"

struct tt_fragmented;

struct tt_fragments {
	const struct tt_limits *limits;
	struct tt_fragmented *oldest;
	struct tt_fragmented *newest;
	uint64_t bytes;	  /* of memory */
	uint64_t dropped; /* packets given up: too old, or no room */
	uint8_t *whole;	  /* the packet handed out last */
};

void tt_fragments_init(struct tt_fragments *f, const struct tt_limits *limits);
void tt_fragments_free(struct tt_fragments *f);

/* True if the fragment made a packet whole: *ret is that packet, its payload borrowed until the next call. */
bool tt_fragments_add(struct tt_fragments *f, const struct tt_ip *part, uint64_t time_ns, struct tt_ip *ret);

#endif
