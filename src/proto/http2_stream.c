// SPDX-License-Identifier: Apache-2.0
/* The streams that are open, found by id at once however many there are. */
#include <stdlib.h>

#include "base/own.h"
#include "base/seed.h"
#include "proto/http2_internal.h"

#define HTTP2_SLOTS_FIRST 4
#define HTTP2_SLOTS_KEPT 256
#define HTTP2_SLOT_BYTES (sizeof(struct http2_stream) + sizeof(uint32_t))

static uint32_t *http2_bucket(const struct http2_streams *t, uint32_t id)
{
	return &t->bucket[tt_seed_bucket(id, (unsigned)__builtin_ctz(t->buckets))];
}

struct http2_stream *tt_http2_stream_find(const struct http2_streams *t, uint32_t id)
{
	uint32_t at = t->buckets ? *http2_bucket(t, id) : 0;

	while (at && t->slot[at].id != id)
		at = t->slot[at].same_hash;
	return at ? &t->slot[at] : NULL;
}

/* Twice the slots and as many buckets. */
static bool http2_streams_grow(struct http2_streams *t)
{
	uint32_t slots = t->slots ? 2 * t->slots : HTTP2_SLOTS_FIRST;
	/* The first are a link's as its state is. */
	size_t more = t->slots ? (slots - t->slots) * HTTP2_SLOT_BYTES : 0;
	uint32_t *bucket = tt_keep_vital(t->link, more) ? calloc(slots, sizeof(*bucket)) : NULL;
	struct http2_stream *slot = bucket ? realloc(t->slot, slots * sizeof(*slot)) : NULL;

	if (!slot) {
		free(bucket);
		return false;
	}
	free(t->bucket);
	t->slot = slot;
	t->bucket = bucket;
	t->buckets = slots;
	for (uint32_t i = slots - 1; i >= TT_MAX(t->slots, 1u); i--) {
		slot[i].same_hash = t->unused;
		t->unused = i;
	}
	t->slots = slots;
	for (uint32_t at = t->oldest; at; at = slot[at].newer) {
		uint32_t *first = http2_bucket(t, slot[at].id);
		slot[at].same_hash = *first;
		*first = at;
	}
	return true;
}

struct http2_stream *tt_http2_stream_add(struct tt_link *link, struct http2_streams *t, uint32_t id)
{
	t->link = link;
	if (!t->unused && !http2_streams_grow(t))
		return NULL;
	uint32_t at = t->unused;
	struct http2_stream *s = &t->slot[at];
	t->unused = s->same_hash;

	uint32_t *first = http2_bucket(t, id);
	*s = (struct http2_stream){.id = id, .same_hash = *first, .older = t->newest};
	*first = at;
	*(t->newest ? &t->slot[t->newest].newer : &t->oldest) = at;
	t->newest = at;
	t->count++;
	return s;
}

void tt_http2_stream_remove(struct http2_streams *t, struct http2_stream *s)
{
	uint32_t at = (uint32_t)(s - t->slot), *p = http2_bucket(t, s->id);

	while (*p != at)
		p = &t->slot[*p].same_hash;
	*p = s->same_hash;
	*(s->older ? &t->slot[s->older].newer : &t->oldest) = s->newer;
	*(s->newer ? &t->slot[s->newer].older : &t->newest) = s->older;
	s->id = 0;
	s->same_hash = t->unused;
	t->unused = at;
	/* A burst is not remembered. */
	if (--t->count == 0 && t->slots > HTTP2_SLOTS_KEPT)
		tt_http2_streams_free(t);
}

void tt_http2_streams_free(struct http2_streams *t)
{
	if (t->slots)
		tt_keep_less(t->link, (t->slots - HTTP2_SLOTS_FIRST) * HTTP2_SLOT_BYTES);
	free(t->slot);
	free(t->bucket);
	*t = (struct http2_streams){0};
}
