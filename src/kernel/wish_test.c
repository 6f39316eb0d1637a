// SPDX-License-Identifier: Apache-2.0
#include "kernel/wish.h"

#include <stdbool.h>
#include <string.h>

#include "base/own.h"
#include "harness/unit.h"

#define SLOTS 16

static struct tt_wish_slot slots[SLOTS];

static struct tt_wishes fresh(void)
{
	memset(slots, 0, sizeof(slots));
	return (struct tt_wishes){.slots = slots, .mask = SLOTS - 1};
}

/* Finds as the programs do. */
static const struct tt_wish_slot *look(const struct tt_wishes *w, const struct tt_conn_id *conn)
{
	__u32 hash = (__u32)((conn->sock * 0x9e3779b97f4a7c15ull) >> 32);

	for (__u32 i = 0; i < TT_WISH_PROBES; i++) {
		const struct tt_wish_slot *slot = &w->slots[(hash + i) & w->mask];
		if (slot->sock == TT_WISH_FREE)
			return NULL;
		if (slot->sock == conn->sock)
			return slot->ino == conn->ino ? slot : NULL;
	}
	return NULL;
}

static void directions_are_apart(void **state)
{
	struct tt_wishes w = fresh();
	struct tt_conn_id conn = {.sock = 0xffff888012345000, .ino = 7};

	tt_wishes_set(&w, &conn, TT_TX, 1000, 64);
	assert_int_equal(look(&w, &conn)->bytes[TT_RX], TT_WISH_NONE);
	tt_wishes_set(&w, &conn, TT_RX, 5, 0);
	assert_int_equal(look(&w, &conn)->from[TT_TX], 1000);
	assert_int_equal(look(&w, &conn)->bytes[TT_TX], 64);
	assert_int_equal(look(&w, &conn)->bytes[TT_RX], 0);
	tt_wishes_forget(&w, &conn);
	assert_null(look(&w, &conn));
}

static void a_recycled_socket_starts_anew(void **state)
{
	struct tt_wishes w = fresh();
	struct tt_conn_id before = {.sock = 0xffff888012345000, .ino = 7};
	struct tt_conn_id after = {.sock = 0xffff888012345000, .ino = 8};

	tt_wishes_set(&w, &before, TT_TX, 1000, 64);
	assert_null(look(&w, &after));
	tt_wishes_set(&w, &after, TT_RX, 0, 9);
	assert_null(look(&w, &before));
	assert_int_equal(look(&w, &after)->bytes[TT_TX], TT_WISH_NONE);
	assert_int_equal(w.displaced, 0);
}

/* A table that is full forgets the wishes written longest ago, counts them, and never loses the newest. */
static void makes_room(void **state)
{
	struct tt_wishes w = fresh();

	for (__u64 i = 1; i <= 200; i++) {
		struct tt_conn_id conn = {.sock = 0xffff888000000000 + i * 2240, .ino = i};
		tt_wishes_set(&w, &conn, TT_TX, i, 1);
		assert_non_null(look(&w, &conn));
	}
	assert_int_equal(w.displaced, 200 - SLOTS);
}

/* Wishes come and go: those that stay are found, and in the end the table is as free as it was. */
static void leaves_nothing_behind(void **state)
{
	struct tt_wishes w = fresh();
	struct tt_conn_id conns[TT_WISH_PROBES]; /* so few always fit */
	unsigned random = 1;

	for (size_t i = 0; i < TT_ARRAY_LEN(conns); i++)
		conns[i] = (struct tt_conn_id){.sock = 0xffff888000000000 + i * 2240, .ino = i};
	bool set[TT_ARRAY_LEN(conns)] = {0};
	for (int round = 0; round < 10000; round++) {
		random = random * 1103515245 + 12345;
		size_t i = random >> 16 & (TT_ARRAY_LEN(conns) - 1);
		if (set[i])
			tt_wishes_forget(&w, &conns[i]);
		else
			tt_wishes_set(&w, &conns[i], TT_RX, i, 5);
		set[i] = !set[i];
		for (size_t k = 0; k < TT_ARRAY_LEN(conns); k++)
			assert_int_equal(look(&w, &conns[k]) != NULL, set[k]);
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(conns); i++)
		tt_wishes_forget(&w, &conns[i]);
	for (size_t i = 0; i < SLOTS; i++)
		assert_int_equal(slots[i].sock, TT_WISH_FREE);
}

TT_UNIT_TESTS(cmocka_unit_test(leaves_nothing_behind), cmocka_unit_test(directions_are_apart),
	      cmocka_unit_test(a_recycled_socket_starts_anew), cmocka_unit_test(makes_room))
