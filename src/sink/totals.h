/* SPDX-License-Identifier: Apache-2.0 */
/* The closing lines of a summary: how much there was, what is missing of it and why. For people. */
#ifndef TT_SINK_TOTALS_H
#define TT_SINK_TOTALS_H

#include "base/buf.h"
#include "source/pcap.h"
#include "source/source.h"
#include "stream/stream.h"

/* Borrowed for the time of the call. */
struct tt_totals {
	const struct tt_source_stats *source;
	const struct tt_stream_stats *streams;
	const struct tt_pcap_stats *capture; /* NULL: it was none */
	uint64_t filtered;		     /* exchanges a condition kept away */
};

/* A line of sums, then a line for each thing that is missing. */
void tt_totals_write(struct tt_buf *out, const struct tt_totals *t);

/* Only what limits turned away: a line each, nothing where nothing was. */
void tt_totals_write_limits(struct tt_buf *out, const struct tt_stream_stats *streams);

/* Only what a capture's own condition is the cause of: a line each, nothing where nothing is missing. */
void tt_totals_write_capture(struct tt_buf *out, const struct tt_pcap_stats *capture);

#endif
