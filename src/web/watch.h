/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines waiting for one streaming client: a bounded ring of bytes with one writer (the draining thread) and one reader (the
 * serving thread), without locks. A line that does not fit whole is dropped and counted; as soon as there is room again the
 * writer puts {"dropped":n} where the lines are missing. Both sides hold a reference, the last one to let go frees it.
 */
#ifndef TT_WEB_WATCH_H
#define TT_WEB_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct tt_watch;

/* A ring of `bytes` (at least 256), with one reference. 0, -ENOMEM. */
int tt_watch_new(struct tt_watch **ret, size_t bytes);

struct tt_watch *tt_watch_ref(struct tt_watch *w);

/* Drops one reference; NULL-safe; returns NULL. */
struct tt_watch *tt_watch_unref(struct tt_watch *w);

/* Writer: adds the line and a newline, or counts it as dropped. Returns true where the reader has something new. */
bool tt_watch_push(struct tt_watch *w, struct tt_span line);

/* Writer: says what was dropped if there is room for it by now. Returns true where the reader has something new. */
bool tt_watch_settle(struct tt_watch *w);

/* Writer: lines dropped in all. */
uint64_t tt_watch_dropped(const struct tt_watch *w);

/* Reader: moves up to max bytes to buf and returns how many. */
size_t tt_watch_read(struct tt_watch *w, void *buf, size_t max);
bool tt_watch_readable(const struct tt_watch *w);

/* Either side: nobody reads any more; the writer lets go when it sees it. */
void tt_watch_close(struct tt_watch *w);
bool tt_watch_closed(const struct tt_watch *w);

#endif
