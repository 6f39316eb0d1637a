/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that could not be opened, for people: who tried, where to, and why not. Bounded. */
#ifndef TT_SINK_REFUSED_H
#define TT_SINK_REFUSED_H

#include "base/buf.h"
#include "sink/sink.h"
#include "sink/table.h"

struct tt_refused {
	struct tt_table rows;
	uint64_t limit;	 /* rows */
	uint64_t others; /* connects beyond it */
};

/* 0 or -ENOMEM. */
int tt_refused_init(struct tt_refused *r, uint64_t limit);
void tt_refused_free(struct tt_refused *r);

/* Counts the report, if it is one of a connect that failed. */
void tt_refused_count(struct tt_refused *r, const struct tt_event *e, const struct tt_conn_report *report);

/* Adds a line a row, most frequent first, at most `rows` of them and the rest as one. */
void tt_refused_write(struct tt_buf *out, const struct tt_refused *r, size_t rows);

#endif
