/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a segment belong to the connection that its ends have? What they would ask themselves (RFC 9293, 3.10.7.4; RFC 5961), as
 * far as it can be told from the side, where segments may be missing that both ends have.
 */
#ifndef TT_SOURCE_PCAP_FIT_H
#define TT_SOURCE_PCAP_FIT_H

#include "source/pcap_flow.h"

/* A reset, and what it acknowledges, lie no further behind what was captured. */
#define TT_RESET_WINDOW 65535

/* The highest offset that is known to have been sent. */
int64_t tt_dir_last(const struct tt_pcap_dir *d);

/* May data, the end or the reset of this segment stand where they do? `seq` is that of its first byte. */
bool tt_flow_fits(struct tt_flow *f, int from, const struct tt_segment *seg, uint32_t seq);

/* True if an opening, or what follows a connection's close, cannot belong to that connection: the ends have another one now. */
bool tt_flow_is_new(const struct tt_flow *f, int from, const struct tt_segment *seg);

/* What does not fit says nothing yet: to an opening the other end would ask back (RFC 5961, 4). It is remembered. */
void tt_flow_note_stray(struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns);

/* Does the other end answer what is remembered, or go its sender's numbers on from there? Near to those of the connection there
 * is only the first shows that it was an opening. */
bool tt_flow_is_again(const struct tt_flow *f, int from, const struct tt_segment *seg);

#endif
