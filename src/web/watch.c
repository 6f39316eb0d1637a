// SPDX-License-Identifier: Apache-2.0
#include "web/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define TT_WATCH_LEAST 256 /* bytes: room for the notice of a loss and a short line */

struct tt_watch {
	atomic_uint refs;
	atomic_bool closed;
	/* Positions count up for ever; the place in the ring is the position modulo its size. */
	_Atomic uint64_t written;
	_Atomic uint64_t read;
	uint64_t dropped_now; /* writer's: not yet told to the client */
	uint64_t dropped_all; /* writer's */
	size_t bytes;
	uint8_t *ring;
};

int tt_watch_new(struct tt_watch **ret, size_t bytes)
{
	tt_free_auto struct tt_watch *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;

	w->bytes = TT_MAX(bytes, (size_t)TT_WATCH_LEAST);
	w->ring = malloc(w->bytes);
	if (!w->ring)
		return -ENOMEM;

	atomic_init(&w->refs, 1);
	*ret = TT_TAKE_PTR(w);
	return 0;
}

struct tt_watch *tt_watch_ref(struct tt_watch *w)
{
	atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
	return w;
}

struct tt_watch *tt_watch_unref(struct tt_watch *w)
{
	if (w && atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) == 1) {
		free(w->ring);
		free(w);
	}
	return NULL;
}

static size_t tt_watch_room(const struct tt_watch *w)
{
	uint64_t written = atomic_load_explicit(&w->written, memory_order_relaxed);

	return w->bytes - (size_t)(written - atomic_load_explicit(&w->read, memory_order_acquire));
}

/* Copies without publishing; returns the position behind. The caller has made sure of the room. */
static uint64_t tt_watch_put(struct tt_watch *w, uint64_t at, const void *data, size_t len)
{
	size_t place = (size_t)(at % w->bytes);
	size_t first = TT_MIN(len, w->bytes - place);

	if (first)
		memcpy(w->ring + place, data, first);
	if (len > first)
		memcpy(w->ring, (const uint8_t *)data + first, len - first);
	return at + len;
}

static bool tt_watch_add(struct tt_watch *w, struct tt_span line)
{
	char notice[48];
	size_t notice_len = 0;

	if (w->dropped_now)
		notice_len = (size_t)snprintf(notice, sizeof(notice), "{\"dropped\":%" PRIu64 "}\n", w->dropped_now);

	size_t line_len = line.data ? line.len + 1 : 0;
	size_t room = tt_watch_room(w);
	if (notice_len > room || line_len > room - notice_len)
		return false;

	uint64_t at = atomic_load_explicit(&w->written, memory_order_relaxed);
	at = tt_watch_put(w, at, notice, notice_len);
	if (line_len) {
		at = tt_watch_put(w, at, line.data, line.len);
		at = tt_watch_put(w, at, "\n", 1);
	}
	atomic_store_explicit(&w->written, at, memory_order_release);
	w->dropped_now = 0;
	return true;
}

bool tt_watch_push(struct tt_watch *w, struct tt_span line)
{
	if (tt_watch_add(w, line.data ? line : TT_SPAN_LIT("")))
		return true;
	w->dropped_now++;
	w->dropped_all++;
	return false;
}

bool tt_watch_settle(struct tt_watch *w)
{
	return w->dropped_now && tt_watch_add(w, tt_span(NULL, 0));
}

uint64_t tt_watch_dropped(const struct tt_watch *w)
{
	return w->dropped_all;
}

size_t tt_watch_read(struct tt_watch *w, void *buf, size_t max)
{
	uint64_t at = atomic_load_explicit(&w->read, memory_order_relaxed);
	size_t len = TT_MIN((size_t)(atomic_load_explicit(&w->written, memory_order_acquire) - at), max);
	size_t place = (size_t)(at % w->bytes);
	size_t first = TT_MIN(len, w->bytes - place);

	if (first)
		memcpy(buf, w->ring + place, first);
	if (len > first)
		memcpy((uint8_t *)buf + first, w->ring, len - first);
	atomic_store_explicit(&w->read, at + len, memory_order_release);
	return len;
}

bool tt_watch_readable(const struct tt_watch *w)
{
	return atomic_load_explicit(&w->written, memory_order_acquire) != atomic_load_explicit(&w->read, memory_order_relaxed);
}

void tt_watch_close(struct tt_watch *w)
{
	atomic_store_explicit(&w->closed, true, memory_order_release);
}

bool tt_watch_closed(const struct tt_watch *w)
{
	return atomic_load_explicit(&w->closed, memory_order_acquire);
}
