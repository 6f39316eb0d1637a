/* SPDX-License-Identifier: Apache-2.0 */
/* A doubly linked list through members of its items. An item that is in no list has both links NULL. */
#ifndef TT_SINK_LIST_H
#define TT_SINK_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct tt_link_node {
	struct tt_link_node *prev;
	struct tt_link_node *next;
};

struct tt_ring {
	struct tt_link_node head; /* next is the first, prev the last */
};

#define TT_ITEM(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))

static inline void tt_ring_init(struct tt_ring *r)
{
	r->head.prev = r->head.next = &r->head;
}

static inline bool tt_ring_empty(const struct tt_ring *r)
{
	return r->head.next == &r->head;
}

/* NULL if empty. */
static inline struct tt_link_node *tt_ring_first(struct tt_ring *r)
{
	return tt_ring_empty(r) ? NULL : r->head.next;
}

static inline bool tt_node_listed(const struct tt_link_node *n)
{
	return n->next != NULL;
}

/* Does nothing if it is in no list. */
static inline void tt_node_remove(struct tt_link_node *n)
{
	if (!n->next)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = NULL;
}

static inline void tt_ring_append(struct tt_ring *r, struct tt_link_node *n)
{
	n->prev = r->head.prev;
	n->next = &r->head;
	n->prev->next = n;
	r->head.prev = n;
}

static inline void tt_ring_move_last(struct tt_ring *r, struct tt_link_node *n)
{
	tt_node_remove(n);
	tt_ring_append(r, n);
}

#endif
