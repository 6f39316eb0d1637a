/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the capture source share; not for others. */
#ifndef TT_SOURCE_PCAP_CORE_H
#define TT_SOURCE_PCAP_CORE_H

#include "base/buf.h"
#include "source/pcap.h"
#include "source/pcap_file.h"
#include "source/pcap_flow.h"
#include "source/pcap_fragment.h"
#include "source/pcap_history.h"

struct tt_pcap {
	struct tt_file_source file; /* first */
	const struct tt_limits *limits;
	struct tt_pcap_file packets;
	struct tt_fragments fragments;
	struct tt_flows flows;
	struct tt_history history;
	struct tt_pcap_stats stats;
	struct tt_source_stats records;
	struct tt_buf queue; /* records not yet delivered, each at a multiple of 8 */
	size_t queue_pos;
	uint64_t now_ns; /* latest packet time */
	uint64_t swept_ns;
	int end;		/* what the file ended with; 0: not yet */
	struct tt_flow *ending; /* told next of what it lacks at the end; NULL: none, or not yet */
	uint32_t last_link;
};

/* pcap_emit.c: records into the queue. `from` is the sending end of the flow. */
void tt_pcap_emit_clock(struct tt_pcap *p, uint64_t time_ns);
void tt_pcap_emit_data(struct tt_pcap *p, struct tt_flow *f, int from, uint32_t len, struct tt_span captured, uint64_t time_ns);
void tt_pcap_emit_mark(struct tt_pcap *p, struct tt_flow *f, int from, uint16_t flag, int error, uint64_t time_ns);
/* What lies before that offset and was not reported was sent, and is missing by that time. */
void tt_pcap_emit_missing(struct tt_pcap *p, struct tt_flow *f, int from, int64_t until, uint64_t time_ns);
/* These bytes, reported before, came again as others, and it is not known which ones the other end took; empty: it is, they were
 * acknowledged (docs of pcap.h). */
void tt_pcap_emit_conflict(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_conflict *what, uint64_t time_ns);
void tt_pcap_emit_conn(struct tt_pcap *p, struct tt_flow *f, uint16_t type, uint16_t flags, int error, uint64_t time_ns);

/* pcap_tcp.c */
void tt_pcap_tcp(struct tt_pcap *p, struct tt_flow *f, int from, const struct tt_segment *seg, uint64_t time_ns);
/* Ends waiting that is over, in all flows. */
void tt_pcap_tcp_sweep(struct tt_pcap *p, uint64_t now_ns);
/* Ends all waiting of this flow. */
void tt_pcap_tcp_flush(struct tt_pcap *p, struct tt_flow *f);
/* No more of it is looked at; nothing waits. What was acknowledged and not captured is told. */
void tt_pcap_tcp_end(struct tt_pcap *p, struct tt_flow *f);

#endif
