// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_history.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"

/* So many segments of a direction are looked at for one that came again. */
#define TT_HISTORY_LOOKS 256

/* Before the bytes, which are filled up to a multiple of 8. */
struct tt_history_entry {
	uint64_t older; /* of the same direction; 0 none */
	int64_t off;
	uint64_t len;
};

void tt_history_init(struct tt_history *h, uint64_t size)
{
	*h = (struct tt_history){.size = size & ~(uint64_t)7};
	h->head = h->size; /* 0 is nobody's place */
}

void tt_history_free(struct tt_history *h)
{
	free(h->ring);
	h->ring = NULL;
}

void tt_history_add(struct tt_history *h, uint64_t *latest, int64_t off, struct tt_span data)
{
	struct tt_history_entry entry = {.older = *latest, .off = off, .len = data.len};
	uint64_t needs = sizeof(entry) + ((data.len + 7) & ~(uint64_t)7);

	if (!data.len || needs > h->size / 8)
		return;
	if (!h->ring)
		h->ring = malloc(h->size);
	if (!h->ring)
		return;
	uint64_t at = h->head % h->size;
	if (h->size - at < needs) { /* in one piece */
		h->head += h->size - at;
		at = 0;
	}
	memcpy(h->ring + at, &entry, sizeof(entry));
	memcpy(h->ring + at + sizeof(entry), data.data, data.len);
	*latest = h->head;
	h->head += needs;
}

static bool tt_history_get(const struct tt_history *h, uint64_t place, struct tt_history_entry *ret, struct tt_span *ret_data)
{
	if (!place || h->head - place > h->size)
		return false;
	const uint8_t *at = h->ring + place % h->size;
	memcpy(ret, at, sizeof(*ret));
	*ret_data = tt_span(at + sizeof(*ret), ret->len);
	return true;
}

bool tt_history_differs(const struct tt_history *h, uint64_t latest, int64_t off, struct tt_span data, struct tt_conflict *ret)
{
	struct tt_history_entry entry;
	struct tt_span known;

	*ret = (struct tt_conflict){0};
	for (int i = 0; i < TT_HISTORY_LOOKS && tt_history_get(h, latest, &entry, &known); i++) {
		if (entry.off + (int64_t)entry.len <= off) /* and so do all that are older */
			break;
		tt_conflict_add(ret, off, data, entry.off, known);
		latest = entry.older;
	}
	return ret->end > ret->off;
}
