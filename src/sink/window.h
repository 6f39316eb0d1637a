/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened lately: counts and durations of the last half minute in slots of five seconds, beside totals for good. Times are
 * whatever clock the caller keeps to, as long as it never goes back.
 */
#ifndef TT_SINK_WINDOW_H
#define TT_SINK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "sink/histogram.h"
#include "sink/json.h"
#include "stream/exchange.h"

#define TT_WINDOW_SLOTS 6
#define TT_WINDOW_SLOT_NS (5 * UINT64_C(1000000000))

/* Durations are kept in base-2 buckets 2^9 ns ... 2^40 ns; what lies outside counts in the first or last. */
#define TT_WINDOW_FIRST 9
#define TT_WINDOW_BUCKETS 32

struct tt_window_slot {
	uint64_t epoch; /* which five seconds these are */
	uint32_t count;
	uint32_t failed;
	uint32_t unknown; /* whether they failed */
	uint64_t bytes;
	uint32_t timed;	  /* durations in the buckets */
	uint32_t refused; /* connections that could not be opened */
	struct tt_extremes extremes;
	uint32_t buckets[TT_WINDOW_BUCKETS];
};

struct tt_window {
	uint64_t count; /* in all */
	uint64_t failed;
	uint64_t unknown;
	uint64_t last_ns; /* when something was last counted; 0 never */
	struct tt_window_slot slots[TT_WINDOW_SLOTS];
};

/* An exchange that took `ns`, if `timed`. */
void tt_window_add(struct tt_window *w, uint64_t now_ns, enum tt_result result, bool timed, uint64_t ns);
/* Only durations are kept, nothing is counted: for a second opinion on what is counted elsewhere. */
void tt_window_time(struct tt_window *w, uint64_t now_ns, uint64_t ns);
void tt_window_bytes(struct tt_window *w, uint64_t now_ns, uint64_t bytes);

void tt_window_refused(struct tt_window *w, uint64_t now_ns, uint64_t connects);

/* True where nothing was counted, timed or moved for longer than idle_ns. */
bool tt_window_idle(const struct tt_window *w, uint64_t now_ns, uint64_t idle_ns);

/* Sums of one window or several. */
struct tt_figures {
	uint64_t count; /* in all */
	uint64_t failed;
	uint64_t unknown;
	uint64_t lately; /* within the window */
	uint64_t failed_lately;
	uint64_t unknown_lately;
	uint64_t bytes_lately;
	uint64_t refused_lately;
	uint64_t last_ns;
	uint64_t timed; /* within the window */
	struct tt_extremes extremes;
	uint64_t buckets[TT_WINDOW_BUCKETS];
};

void tt_figures_add(struct tt_figures *f, const struct tt_window *w, uint64_t now_ns);

/* How much time the window covers now, in ns (at least a second): less than all its slots just after `start_ns`. */
uint64_t tt_window_length(uint64_t start_ns, uint64_t now_ns);

/* False where nothing was timed within the window. */
bool tt_figures_quantile(const struct tt_figures *f, double q, uint64_t *ret);

/* The fields docs/api.md calls figures, into an object that is open. Quantiles are estimates: true within a factor of two. */
void tt_figures_json(struct tt_json *j, const struct tt_figures *f, uint64_t window_ns);

#endif
