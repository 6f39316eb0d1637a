/* SPDX-License-Identifier: Apache-2.0 */
/* Packets inside packets: IP in IP, GRE, VXLAN, Geneve. */
#ifndef TT_SOURCE_PCAP_TUNNEL_H
#define TT_SOURCE_PCAP_TUNNEL_H

#include "source/pcap_decode.h"

/* Tunnels in tunnels past this depth are malformed. */
#define TT_TUNNELS_MOST 5

/*
 * True if `outer` (whole, no fragment) carries an IP packet in a tunnel: *ret is that packet, its payload borrowed from the same
 * bytes; it may be a fragment. UDP is taken for a tunnel only on the assigned port, with a header and an inner packet that fit.
 */
bool tt_decode_tunnel(const struct tt_ip *outer, struct tt_ip *ret);

#endif
