/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of pointers (open addressing, grows, items are not owned). Hashes are seeded at random per table, so that nobody
 * on the wire can choose keys that collide. What bounds it is its user's limit row.
 */
#ifndef TT_SINK_TABLE_H
#define TT_SINK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tt_table_slot {
	uint64_t hash;
	void *item; /* NULL: free */
};

/* How often a table is looked through for what is idle longer than `idle_ns`. */
#define TT_EXPIRY_LOOK_NS(idle_ns) ((idle_ns) / 8)

struct tt_table {
	struct tt_table_slot *slots;
	size_t mask;
	size_t count;
	uint64_t seed;
};

/* 0 or -ENOMEM. */
int tt_table_init(struct tt_table *t);
/* Frees the table, not the items; a zeroed table is fine. */
void tt_table_free(struct tt_table *t);

uint64_t tt_table_hash(const struct tt_table *t, const void *key, size_t len);

/* The item with this hash for which same(item, key) holds, or NULL. */
void *tt_table_find(const struct tt_table *t, uint64_t hash, bool (*same)(const void *item, const void *key), const void *key);

/* Adds an item that is not there yet. 0 or -ENOMEM (table unchanged). */
int tt_table_add(struct tt_table *t, uint64_t hash, void *item);

/* Takes an item out that is there. */
void tt_table_remove(struct tt_table *t, uint64_t hash, const void *item);

/* Walks all items in no order: start with *at = 0; NULL at the end. The table must not change meanwhile. */
void *tt_table_each(const struct tt_table *t, size_t *at);

#endif
