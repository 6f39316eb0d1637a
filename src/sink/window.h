/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened lately: counts and durations of the last half minute in slots of five seconds, beside totals for good. Times are
 * whatever clock the caller keeps to, as long as it never goes back.
 */
#ifndef TT_SINK_WINDOW_H
#define TT_SINK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "sink/durations.h"
#include "sink/json.h"
#include "stream/exchange.h"

#define TT_WINDOW_SLOTS 6
#define TT_WINDOW_SLOT_NS (5 * UINT64_C(1000000000))

struct tt_window_slot {
	uint64_t epoch; /* which five seconds these are */
	uint32_t count;
	uint32_t failed;
	uint32_t unknown; /* whether they failed */
	uint64_t bytes;
	uint32_t refused; /* connections that could not be opened */
	struct tt_durations durations;
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

/* NULL-safe; leaves it empty. */
void tt_window_free(struct tt_window *w);

/* True where nothing was counted, timed or moved for longer than idle_ns. */
bool tt_window_idle(const struct tt_window *w, uint64_t now_ns, uint64_t idle_ns);

/* Sums of one window or several; freed with tt_figures_free. */
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
	struct tt_durations durations; /* within the window */
};

/* Where there is no memory, percentiles lack what had no room. */
void tt_figures_add(struct tt_figures *f, const struct tt_window *w, uint64_t now_ns);
/* NULL-safe; leaves it empty. */
void tt_figures_free(struct tt_figures *f);

/* How much time the window covers now, in ns (at least a second): less than all its slots just after `start_ns`. */
uint64_t tt_window_length(uint64_t start_ns, uint64_t now_ns);

/* The fields docs/api.md calls figures, into an object that is open. Quantiles are estimates (sink/durations.h). */
void tt_figures_json(struct tt_json *j, const struct tt_figures *f, uint64_t window_ns);

#endif
