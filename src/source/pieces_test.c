// SPDX-License-Identifier: Apache-2.0
#include "source/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness/unit.h"

static void expect_whole(struct tt_pieces *p, const uint8_t covered[200])
{
	int64_t end = p->head ? p->head->off : 0;

	while (end < 200 && covered[end])
		end++;
	assert_true(!p->head || tt_pieces_whole(p) == end);
}

/* Adds random parts of a known sequence in random order; what comes out must be that sequence, in order, each byte once. */
static void any_order_gives_the_sequence(void **state)
{
	uint8_t all[200];

	srandom(7);
	for (int i = 0; i < 200; i++)
		all[i] = (uint8_t)random();
	for (int round = 0; round < 2000; round++) {
		struct tt_pieces p = {0};
		uint8_t covered[200] = {0};
		for (int n = 0; n < 12; n++) {
			uint32_t off = (uint32_t)random() % 200, len = (uint32_t)random() % (200 - off);
			assert_int_equal(tt_pieces_have(&p, off, len), memchr(covered + off, 1, len) != NULL);
			assert_int_equal(tt_pieces_add(&p, off, len, tt_span(all + off, len), 1), 0);
			memset(covered + off, 1, len);
			expect_whole(&p, covered);
			struct tt_conflict none;
			assert_false(tt_pieces_differ(&p, off, tt_span(all + off, len), &none));
		}
		struct tt_piece *piece;
		int64_t last = 0;
		while ((piece = tt_pieces_pop(&p))) {
			assert_true(piece->off >= last);
			assert_memory_equal(piece->data, all + piece->off, piece->len);
			for (uint32_t i = 0; i < piece->len; i++)
				covered[piece->off + i] ^= 1;
			last = piece->off + piece->len;
			free(piece);
			expect_whole(&p, covered);
		}
		assert_int_equal(p.bytes, 0);
		for (int i = 0; i < 200; i++)
			assert_int_equal(covered[i], 0);
	}
}

/* Behind a missing part they come in order; one that fills a hole or reaches back is put where it belongs all the same. */
static void what_comes_in_order_is_put_last(void **state)
{
	struct tt_pieces p = {0};
	uint8_t all[64];

	for (int i = 0; i < 64; i++)
		all[i] = (uint8_t)i;
	for (int round = 0; round < 2; round++) {
		static const struct {
			int64_t off;
			uint32_t len;
		} parts[] = {{10, 5}, {15, 5}, {30, 5}, {22, 4}, {33, 10}, {43, 1}, {0, 64}, {60, 4}};
		for (size_t i = 0; i < TT_ARRAY_LEN(parts); i++)
			assert_int_equal(
				tt_pieces_add(&p, parts[i].off, parts[i].len, tt_span(all + parts[i].off, parts[i].len), 1), 0);
		int64_t next = 0;
		for (struct tt_piece *piece; (piece = tt_pieces_pop(&p)); free(piece)) {
			assert_int_equal(piece->off, next);
			assert_memory_equal(piece->data, all + piece->off, piece->len);
			next += piece->len;
		}
		assert_int_equal(next, 64);
		assert_null(p.tail);
	}
}

static void what_came_first_wins(void **state)
{
	struct tt_pieces p = {0};

	tt_pieces_add(&p, 4, 2, TT_SPAN_LIT("EF"), 1);
	tt_pieces_add(&p, 2, 6, TT_SPAN_LIT("cdxxgh"), 2);
	static const char *const expected[] = {"cd", "EF", "gh"};
	for (int i = 0; i < 3; i++) {
		struct tt_piece *piece = tt_pieces_pop(&p);
		assert_int_equal(piece->off, 2 + 2 * i);
		assert_int_equal(piece->len, 2);
		assert_memory_equal(piece->data, expected[i], 2);
		free(piece);
	}
	assert_null(p.head);
}

static void a_cut_tail_is_kept_as_length(void **state)
{
	struct tt_pieces p = {0};

	tt_pieces_add(&p, 6, 2, TT_SPAN_LIT("gh"), 1);
	tt_pieces_add(&p, 0, 10, TT_SPAN_LIT("abc"), 2);
	static const struct {
		int64_t off;
		uint32_t len, captured;
	} expected[] = {{0, 6, 3}, {6, 2, 2}, {8, 2, 0}};
	for (int i = 0; i < 3; i++) {
		struct tt_piece *piece = tt_pieces_pop(&p);
		assert_int_equal(piece->off, expected[i].off);
		assert_int_equal(piece->len, expected[i].len);
		assert_int_equal(piece->captured, expected[i].captured);
		free(piece);
	}
	tt_pieces_free(&p);
}

/* However they come, what each of them costs hardly grows with how many are kept; a list looked through would be 5000 a piece. */
static void many_scattered_ones_cost_little(void **state)
{
	enum { COUNT = 20000, LOOKS = 200 };
	static uint32_t order[COUNT];
	struct tt_pieces p = {0};
	struct tt_conflict none;

	srandom(7);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t other = (uint32_t)random() % (i + 1);
		order[i] = order[other];
		order[other] = i;
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		int64_t off = 2 * (int64_t)order[i];
		assert_false(tt_pieces_have(&p, off, 1));
		assert_false(tt_pieces_differ(&p, off, TT_SPAN_LIT("a"), &none));
		assert_int_equal(tt_pieces_add(&p, off, 1, TT_SPAN_LIT("a"), 1), 0);
	}
	assert_int_equal(p.covered, COUNT);
	assert_true(p.looks < (uint64_t)COUNT * LOOKS);
	/* Each one that fills a gap makes what is whole longer by all behind it that touch. */
	for (uint32_t i = COUNT; i-- > 0;) {
		assert_int_equal(tt_pieces_add(&p, 2 * (int64_t)i + 1, 1, TT_SPAN_LIT("b"), 1), 0);
		assert_int_equal(tt_pieces_whole(&p), i ? 1 : 2 * COUNT);
	}
	assert_true(p.looks < (uint64_t)COUNT * LOOKS * 2);
	tt_pieces_free(&p);
	assert_int_equal(p.bytes + p.covered, 0);
}

TT_UNIT_TESTS(cmocka_unit_test(any_order_gives_the_sequence), cmocka_unit_test(what_comes_in_order_is_put_last),
	      cmocka_unit_test(what_came_first_wins), cmocka_unit_test(a_cut_tail_is_kept_as_length),
	      cmocka_unit_test(many_scattered_ones_cost_little))
