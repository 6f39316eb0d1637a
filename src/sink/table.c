// SPDX-License-Identifier: Apache-2.0
#include "sink/table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define TT_TABLE_LEAST 64

int tt_table_init(struct tt_table *t)
{
	struct tt_table_slot *slots = calloc(TT_TABLE_LEAST, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	*t = (struct tt_table){.slots = slots, .mask = TT_TABLE_LEAST - 1};
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) < 0)
		t->seed = (uint64_t)(uintptr_t)slots; /* early at boot: better than nothing */
	return 0;
}

void tt_table_free(struct tt_table *t)
{
	free(t->slots);
	*t = (struct tt_table){0};
}

uint64_t tt_table_hash(const struct tt_table *t, const void *key, size_t len)
{
	return XXH3_64bits_withSeed(key, len, t->seed);
}

void *tt_table_find(const struct tt_table *t, uint64_t hash, bool (*same)(const void *item, const void *key), const void *key)
{
	for (size_t at = hash & t->mask; t->slots[at].item; at = (at + 1) & t->mask) {
		if (t->slots[at].hash == hash && same(t->slots[at].item, key))
			return t->slots[at].item;
	}
	return NULL;
}

static void tt_table_place(struct tt_table_slot *slots, size_t mask, struct tt_table_slot slot)
{
	size_t at = slot.hash & mask;
	while (slots[at].item)
		at = (at + 1) & mask;
	slots[at] = slot;
}

static int tt_table_grow(struct tt_table *t)
{
	size_t mask = t->mask * 2 + 1;
	struct tt_table_slot *slots = calloc(mask + 1, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i <= t->mask; i++) {
		if (t->slots[i].item)
			tt_table_place(slots, mask, t->slots[i]);
	}
	free(t->slots);
	t->slots = slots;
	t->mask = mask;
	return 0;
}

int tt_table_add(struct tt_table *t, uint64_t hash, void *item)
{
	/* At most two thirds full; a table that cannot grow may still fill up further, but never wholly. */
	if ((t->count + 1) * 3 > (t->mask + 1) * 2 && tt_table_grow(t) < 0 && t->count + 1 > t->mask)
		return -ENOMEM;
	tt_table_place(t->slots, t->mask, (struct tt_table_slot){.hash = hash, .item = item});
	t->count++;
	return 0;
}

void tt_table_remove(struct tt_table *t, uint64_t hash, const void *item)
{
	size_t at = hash & t->mask;
	while (t->slots[at].item != item) {
		if (!t->slots[at].item)
			return;
		at = (at + 1) & t->mask;
	}

	/* What follows moves up unless it would come to stand before its own place. */
	size_t hole = at;
	for (size_t i = (at + 1) & t->mask; t->slots[i].item; i = (i + 1) & t->mask) {
		size_t home = t->slots[i].hash & t->mask;
		if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = (struct tt_table_slot){0};
	t->count--;
}

void *tt_table_each(const struct tt_table *t, size_t *at)
{
	while (t->slots && *at <= t->mask) {
		void *item = t->slots[(*at)++].item;
		if (item)
			return item;
	}
	return NULL;
}
