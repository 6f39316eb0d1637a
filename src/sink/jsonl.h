/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange as one JSON line; docs/json.md is the format. */
#ifndef TT_SINK_JSONL_H
#define TT_SINK_JSONL_H

#include "base/buf.h"
#include "sink/sink.h"

struct tt_jsonl_options {
	bool show_values; /* resource and attributes as they were on the wire, and the error text as `error.message` */
	bool no_times;	  /* leaves out time_unix_ns, duration_ns and ttfb_ns: for comparing */
};

/* The longest line that is ever written: text is bounded by `text_bytes`, six bytes a byte at the worst, with the attributes'
 * share. */
#define TT_JSONL_MAX (1u << 20)

/*
 * Adds the line, its \n included. 0, -ENOBUFS or -ENOMEM; on failure `out` is as before. Redacts by itself where the event was
 * not shaped, so a value that must not be shown never depends on the caller.
 */
int tt_jsonl_write(struct tt_buf *out, const struct tt_event *e, const struct tt_exchange *x,
		   const struct tt_jsonl_options *options);

/* The field `source`: what an enum tt_origin is called; data NULL where it has no name. */
struct tt_span tt_jsonl_origin(uint8_t origin);

/*
 * A sink that writes lines to `fd` (borrowed, must outlive the sink; blocking). Lines are gathered and written out when 64 KiB
 * are there, on advance and on flush. After a failed write (reported by flush) lines are counted as dropped, not written. *ret is
 * untouched on failure (-ENOMEM).
 */
int tt_jsonl_new(struct tt_sink **ret, int fd, const struct tt_jsonl_options *options);

/* Lines handed on, and lines that could not be. */
void tt_jsonl_counts(const struct tt_sink *s, uint64_t *ret_written, uint64_t *ret_dropped);

/* The failure that stopped the writing, negative; 0 none. */
int tt_jsonl_error(const struct tt_sink *s);

#endif
