/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source of records from a pcap or pcapng file: packets are put together to byte streams, and those come out as chunks as a
 * live source would give them, seen from the server's end where that is known.
 *
 * Times are the capture's wall clock as it is; a first clock record says so. Offsets are TCP sequence numbers, unwrapped: from
 * the stream's first byte where its beginning was captured. A segment that is missing is waited for while it may still come; what
 * never came is visible as a jump of the offset. A damaged file gives everything before the damage, then the error.
 *
 * What comes again is held against what was reported, as far back as limit pcap_history_bytes goes. Where it is something else,
 * the first one stands and a chunk with TT_CHUNK_NO_PAYLOAD says so: it names the bytes in doubt, which lie before those reported
 * last, or is empty where they had been acknowledged, so that the first ones are what was taken.
 */
#ifndef TT_SOURCE_PCAP_H
#define TT_SOURCE_PCAP_H

#include "source/file.h"

/* X(field, help) */
#define TT_PCAP_STATS(X)                                                           \
	X(packets, "packets read")                                                 \
	X(not_ip, "packets that are not IP")                                       \
	X(not_transport, "IP packets that are neither TCP nor UDP")                \
	X(link_unknown, "packets of a link type that is not supported")            \
	X(malformed, "packets cut too short or contradicting themselves")          \
	X(tunnelled, "packets unpacked from GRE, VXLAN, Geneve or IP in IP")       \
	X(fragments, "IP fragments")                                               \
	X(fragments_dropped, "fragmented packets that were given up")              \
	X(retransmitted, "TCP segments seen before")                               \
	X(conflicts, "TCP segments seen before with other bytes")                  \
	X(reordered, "TCP segments that came before an earlier one")               \
	X(after_end, "TCP segments after their connection's end")                  \
	X(unfitting, "TCP segments that do not fit their connection, passed over") \
	X(missing, "ranges of a TCP stream that never came")                       \
	X(missing_bytes, "bytes in them")                                          \
	X(untimed, "packets without a time")                                       \
	X(cut, "packets cut by the snap length")                                   \
	X(cut_bytes, "bytes not captured because of the snap length")              \
	X(flows, "connections and flows")                                          \
	X(flows_evicted, "of them forgotten because of the limit connections")     \
	X(no_memory, "segments dropped because there was no memory")               \
	X(capture_dropped, "packets lost by the capturing system, as the file says")

struct tt_pcap_stats {
#define TT_PCAP_STAT(field, help) uint64_t field;
	TT_PCAP_STATS(TT_PCAP_STAT)
#undef TT_PCAP_STAT
};

/* As tt_file_source_new, which calls these where the file is a capture. */
int tt_pcap_new(struct tt_source **ret, int fd, const char *name, const struct tt_limits *limits);

/* Reads from memory; `bytes` is borrowed and must outlive the source. */
int tt_pcap_new_bytes(struct tt_source **ret, struct tt_span bytes, const char *name, const struct tt_limits *limits);

/* False if the source is not a capture. */
bool tt_pcap_stats(const struct tt_source *s, struct tt_pcap_stats *ret);

#endif
