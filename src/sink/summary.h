/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that was seen, as one table for people: a row an operation of a service (in a capture, of a server's address), over
 * the whole run, and below it the connections that could not be opened. Both bounded by the limit row `operations`. */
#ifndef TT_SINK_SUMMARY_H
#define TT_SINK_SUMMARY_H

#include "base/buf.h"
#include "sink/sink.h"

/* *ret untouched on failure (-ENOMEM). */
int tt_summary_new(struct tt_sink **ret, const struct tt_limits *limits);

/* Adds the table, busiest rows first, at most `rows` of them (the rest as one line). */
void tt_summary_write(struct tt_buf *out, const struct tt_sink *s, size_t rows);

#endif
