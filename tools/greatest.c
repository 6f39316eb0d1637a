// SPDX-License-Identifier: Apache-2.0
#include "tools/greatest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t tt_greatest_rank(const struct tt_table *table, const void *row)
{
	uint64_t v;

	memcpy(&v, (const char *)row + table->fields.list[table->rank].offset, sizeof(v));
	return v == TT_UNKNOWN ? 0 : v;
}

static void *kept_at(const struct tt_greatest *g, size_t place)
{
	return g->kept + place * g->table->row_size;
}

static uint64_t heap_rank(const struct tt_greatest *g, size_t i)
{
	return tt_greatest_rank(g->table, kept_at(g, g->heap[i]));
}

static void heap_swap(struct tt_greatest *g, size_t a, size_t b)
{
	size_t place = g->heap[a];

	g->heap[a] = g->heap[b];
	g->heap[b] = place;
}

static void heap_up(struct tt_greatest *g, size_t i)
{
	while (i && heap_rank(g, i) < heap_rank(g, (i - 1) / 2)) {
		heap_swap(g, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void heap_down(struct tt_greatest *g, size_t count)
{
	for (size_t i = 0, least;; i = least) {
		least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++) {
			if (heap_rank(g, child) < heap_rank(g, least))
				least = child;
		}
		if (least == i)
			return;
		heap_swap(g, i, least);
	}
}

static int make_room(struct tt_greatest *g)
{
	if (g->count < g->room)
		return 0;
	size_t room = g->room ? 2 * g->room : 64;
	if (room > g->most)
		room = g->most;
	char *kept = reallocarray(g->kept, room, g->table->row_size);
	if (!kept)
		return -ENOMEM;
	g->kept = kept;
	size_t *heap = reallocarray(g->heap, room, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	g->heap = heap;
	g->room = room;
	return 0;
}

int tt_greatest_add(struct tt_greatest *g, const void *row)
{
	if (g->count == g->most) {
		g->left_out++;
		if (g->table->in_order || tt_greatest_rank(g->table, row) <= heap_rank(g, 0))
			return 0;
		memcpy(kept_at(g, g->heap[0]), row, g->table->row_size);
		heap_down(g, g->count);
		return 0;
	}
	int e = make_room(g);
	if (e < 0)
		return e;
	memcpy(kept_at(g, g->count), row, g->table->row_size);
	g->heap[g->count] = g->count;
	g->count++;
	if (!g->table->in_order)
		heap_up(g, g->count - 1);
	return 0;
}

void tt_greatest_sort(struct tt_greatest *g)
{
	/* The least goes behind the rest, again and again: the heap becomes a list, the greatest first. */
	for (size_t left = g->table->in_order ? 0 : g->count; left > 1;) {
		heap_swap(g, 0, --left);
		heap_down(g, left);
	}
}

const void *tt_greatest_at(const struct tt_greatest *g, size_t i)
{
	return kept_at(g, g->heap[i]);
}

void tt_greatest_clear(struct tt_greatest *g)
{
	g->count = 0;
}

void tt_greatest_free(struct tt_greatest *g)
{
	free(g->kept);
	free(g->heap);
	g->kept = NULL;
	g->heap = NULL;
	g->count = g->room = 0;
}
