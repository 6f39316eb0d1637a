// SPDX-License-Identifier: Apache-2.0
#include "kernel/wish.h"

#include <stdbool.h>
#include <string.h>

static __u32 hash(__u64 sock)
{
	return (__u32)((sock * 0x9e3779b97f4a7c15ull) >> 32);
}

static bool is_of(const struct tt_wish_slot *slot, const struct tt_conn_id *conn)
{
	return slot->sock == conn->sock && slot->ino == conn->ino;
}

static bool is_taken(const struct tt_wish_slot *slot)
{
	return slot->sock != TT_WISH_FREE && slot->sock != TT_WISH_GONE;
}

/* The connection's slot, or the one it is to take: the first that is not taken, else the one written longest ago. */
static struct tt_wish_slot *find(struct tt_wishes *w, const struct tt_conn_id *conn)
{
	struct tt_wish_slot *best = NULL;

	for (__u32 i = 0; i < TT_WISH_PROBES; i++) {
		struct tt_wish_slot *slot = &w->slots[(hash(conn->sock) + i) & w->mask];

		if (slot->sock == conn->sock) /* of this connection, or of one whose socket it has now */
			return slot;
		if (!best || (is_taken(best) && (!is_taken(slot) || slot->used_ns < best->used_ns)))
			best = slot;
	}
	return best;
}

/* The programs check sock first: it is taken away before the rest changes and given back behind it. */
static void slot_begin(struct tt_wish_slot *slot)
{
	__atomic_store_n(&slot->sock, TT_WISH_GONE, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void tt_wishes_set(struct tt_wishes *w, const struct tt_conn_id *conn, enum tt_direction dir, __u64 from, __u32 bytes)
{
	struct tt_wish_slot *slot = find(w, conn);
	bool fresh = !is_of(slot, conn);

	if (fresh && is_taken(slot) && slot->sock != conn->sock)
		w->displaced++;
	slot_begin(slot);
	if (fresh) {
		slot->ino = conn->ino;
		slot->bytes[0] = TT_WISH_NONE;
		slot->bytes[1] = TT_WISH_NONE;
	}
	slot->from[dir] = from;
	slot->bytes[dir] = bytes;
	slot->used_ns = ++w->clock;
	__atomic_store_n(&slot->sock, conn->sock, __ATOMIC_RELEASE);
}

/* What is gone before a free slot can be free as well: looking ends there anyhow. */
static void free_gone(struct tt_wishes *w, __u32 at)
{
	for (__u32 i = 0; i < TT_WISH_PROBES; i++, at--) {
		if (w->slots[(at + 1) & w->mask].sock != TT_WISH_FREE || w->slots[at & w->mask].sock != TT_WISH_GONE)
			return;
		__atomic_store_n(&w->slots[at & w->mask].sock, TT_WISH_FREE, __ATOMIC_RELEASE);
	}
}

void tt_wishes_forget(struct tt_wishes *w, const struct tt_conn_id *conn)
{
	for (__u32 i = 0; i < TT_WISH_PROBES; i++) {
		__u32 at = hash(conn->sock) + i;
		struct tt_wish_slot *slot = &w->slots[at & w->mask];

		if (slot->sock == TT_WISH_FREE)
			return;
		if (!is_of(slot, conn))
			continue;
		slot_begin(slot);
		free_gone(w, at);
		return;
	}
}
