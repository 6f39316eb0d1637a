// SPDX-License-Identifier: Apache-2.0
/* What becomes of blocks and rows: sums, states, estimates; and what --kernel takes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/unit.h"
#include "tools/leak/state.h"
#include "tools/runner.h"

static struct tt_leak_sums sums;

static int begin(void **state)
{
	sums = (struct tt_leak_sums){.most = 1000};
	return 0;
}

static int end(void **state)
{
	tt_leak_sums_free(&sums);
	return 0;
}

static struct tt_leak_row_key key(uint32_t tgid, uint64_t caller)
{
	return (struct tt_leak_row_key){.caller = caller, .tgid = tgid, .stack = 7};
}

/* The row as the programs count it: so many blocks, of which the highest number was reached after `at` of them. */
static void course(struct tt_leak_sum *s, uint64_t allocated, uint64_t freed, uint64_t at)
{
	s->row.allocated = allocated * TT_LEAK_ONE;
	s->row.freed = freed * TT_LEAK_ONE;
	s->row.most_at = at * TT_LEAK_ONE;
}

static void rows_are_found_again(void **state)
{
	for (uint32_t i = 0; i < 1000; i++) {
		const struct tt_leak_row_key k = key(i % 10, i);
		struct tt_leak_sum *s = tt_leak_sum_of(&sums, &k);
		assert_non_null(s);
		s->row.allocated = i;
	}
	for (uint32_t i = 0; i < 1000; i++) {
		const struct tt_leak_row_key k = key(i % 10, i);
		assert_int_equal(tt_leak_sum_of(&sums, &k)->row.allocated, i);
	}
	const struct tt_leak_row_key more = key(1, 5000);
	assert_null(tt_leak_sum_of(&sums, &more));
	assert_int_equal(sums.refused, 1);
	assert_int_equal(sums.count, 1000);
}

static void processes_that_are_gone(void **state)
{
	tt_leak_sums_gone(&sums, 10, 0, false, 5);
	tt_leak_sums_gone(&sums, 10, 1, true, 6);
	tt_leak_sums_gone(&sums, 10, 1, false, 7); /* is told once */
	assert_null(tt_leak_sums_gone_of(&sums, 10, 2));
	assert_null(tt_leak_sums_gone_of(&sums, 11, 0));
	assert_false(tt_leak_sums_gone_of(&sums, 10, 0)->ended);
	assert_true(tt_leak_sums_gone_of(&sums, 10, 1)->ended);
	assert_int_equal(tt_leak_sums_gone_of(&sums, 10, 1)->time_ns, 6);
	assert_int_equal(sums.gone_count, 2);
}

static void state_without_intervals(void **state)
{
	struct tt_leak_sum s = {.now = {.seen = 1, .bytes = 100}};

	course(&s, 50, 0, 50);
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_KEPT);
	course(&s, 20000, 19950, 50); /* a cache: filled, then replaced */
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_STEADY);
	course(&s, 20000, 10000, 19999); /* half of it is forgotten */
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_GROWING);
	s.row.missed = 1000 * TT_LEAK_ONE;
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_UNTOLD);
	s.row.missed = 999 * TT_LEAK_ONE;
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_GROWING);
}

/* One interval's end with so many bytes; what state it is in then. */
static enum tt_leak_state interval(struct tt_leak_sum *s, double bytes)
{
	s->now.bytes = bytes;
	enum tt_leak_state r = tt_leak_state_of(s);
	tt_leak_sums_end(&sums);
	return r;
}

static void state_of_intervals(void **state)
{
	const struct tt_leak_row_key k = key(1, 1);
	struct tt_leak_sum *s = tt_leak_sum_of(&sums, &k);

	assert_int_equal(interval(s, 100), TT_LEAK_KEPT);
	assert_int_equal(interval(s, 200), TT_LEAK_GROWING);
	s->now.bytes = 150;
	assert_true(tt_leak_grew(s) == -50);
	assert_int_equal(interval(s, 150), TT_LEAK_STEADY);
	assert_int_equal(interval(s, 200), TT_LEAK_STEADY); /* no more than there were before */
	assert_int_equal(interval(s, 201), TT_LEAK_GROWING);
	assert_int_equal(interval(s, 10000), TT_LEAK_GROWING); /* a burst … */
	for (int i = 0; i < TT_LEAK_HISTORY; i++)
		assert_int_equal(interval(s, 300 + i), TT_LEAK_STEADY);
	assert_int_equal(interval(s, 310), TT_LEAK_GROWING); /* … is forgotten some time */
}

static void ages_and_oldest(void **state)
{
	static const uint64_t seconds[] = {0, 9, 10, 59, 600, 599};
	struct tt_leak_now n = {0}, other = {0};

	for (size_t i = 0; i < 6; i++) {
		const struct tt_leak_block b = {.size = 10, .time_ns = 1000000000000u - seconds[i] * 1000000000u};
		tt_leak_now_add(&n, 0, &b, seconds[i] * 1000000000u);
	}
	assert_true(n.blocks == 6 && n.bytes == 60 && n.bytes_variance == 0);
	assert_true(n.ages[0] == 1 && n.ages[1] == 1 && n.ages[2] == 2 && n.ages[3] == 1 && n.ages[4] == 1);
	assert_int_equal(n.oldest_ns, 400000000000u);
	tt_leak_now_join(&other, &n);
	tt_leak_now_join(&other, &n);
	assert_true(other.blocks == 12 && other.ages[2] == 4);
	assert_int_equal(other.oldest_ns, 400000000000u);
}

/* By hand: each of 1000 blocks with its chance, and all added up. The estimate is off by six of its errors once in 10^8 times,
 * and the dice are fixed. */
static void estimates(void **state)
{
	static const uint64_t sizes[] = {1, 64, 1000, 4095, 4096, 100000};
	const uint64_t sample = 4096;
	struct tt_leak_now n = {0};
	double blocks = 0, bytes = 0;

	srand48(1);
	for (int i = 0; i < 60000; i++) {
		const struct tt_leak_block b = {.size = sizes[i % 6]};
		blocks++;
		bytes += (double)b.size;
		if (b.size >= sample || drand48() * (double)sample < (double)b.size)
			tt_leak_now_add(&n, sample, &b, 0);
	}
	assert_true(fabs(n.bytes - bytes) < 6 * sqrt(n.bytes_variance));
	assert_true(fabs(n.blocks - blocks) < 6 * sqrt(n.blocks_variance));
	assert_true(sqrt(n.bytes_variance) < bytes / 50);
	assert_true(n.seen < 60000 * 5 / 6);

	struct tt_leak_now large = {0};
	const struct tt_leak_block b = {.size = 4096};
	tt_leak_now_add(&large, sample, &b, 0);
	assert_true(large.blocks == 1 && large.bytes == 4096 && large.bytes_variance == 0);
}

static void what_ended_stays(void **state)
{
	const struct tt_leak_row_key k = key(1, 1);
	const struct tt_leak_block b = {.size = 10, .time_ns = 5};
	struct tt_leak_sum *s = tt_leak_sum_of(&sums, &k);

	tt_leak_now_add(&s->left, 0, &b, 0);
	tt_leak_now_add(&s->now, 0, &b, 0);
	tt_leak_sums_begin(&sums);
	assert_true(s->now.blocks == 1);
}

static void kernel_words(void **state)
{
	assert_int_equal(tt_leak_of_read("slab"), TT_LEAK_OF_SLAB);
	assert_int_equal(tt_leak_of_read("percpu,pages"), TT_LEAK_OF_PERCPU | TT_LEAK_OF_PAGES);
	assert_int_equal(tt_leak_of_read("slab,"), -22);
	assert_int_equal(tt_leak_of_read("slabs"), -22);
	assert_int_equal(tt_leak_of_read(""), -22);
}

static void whose_memory(void **state)
{
	const struct tt_tool *tool = tt_tool_find("leak")->tool;
	struct tt_leak_settings s = {.kernel = NULL};
	struct tt_tool_options o = {.comm = NULL};
	struct tt_tool_error e = {""};

	assert_int_equal(tool->check(&o, &s, &e), -22);
	assert_non_null(strstr(e.text, "whose memory"));
	o.comm = "x";
	assert_int_equal(tool->check(&o, &s, &e), 0);
	o.comm = NULL;
	s.config.of = TT_LEAK_OF_SLAB;
	assert_int_equal(tool->check(&o, &s, &e), 0);
	s.mmap = 1;
	assert_int_equal(tool->check(&o, &s, &e), -22);
	s = (struct tt_leak_settings){.kernel = "pages,heap"};
	assert_int_equal(tool->prepare(&s, &e), -22);
	assert_non_null(strstr(e.text, "'pages,heap'"));
}

static void tables_are_sound(void **state)
{
	const struct tt_tool *tool = tt_tool_find("leak")->tool;

	for (size_t i = 0; i < tool->table_count; i++)
		assert_null(tt_fields_fault(&tool->tables[i]->fields));
	assert_string_equal(tt_leak_stacks_table.fields.list[tt_leak_stacks_table.rank].json, "outstanding_bytes");
	assert_string_equal(tt_leak_total_table.fields.list[tt_leak_total_table.rank].json, "outstanding_bytes");
}

TT_UNIT_TESTS(cmocka_unit_test_setup_teardown(rows_are_found_again, begin, end),
	      cmocka_unit_test_setup_teardown(processes_that_are_gone, begin, end),
	      cmocka_unit_test_setup_teardown(state_without_intervals, begin, end),
	      cmocka_unit_test_setup_teardown(state_of_intervals, begin, end),
	      cmocka_unit_test_setup_teardown(ages_and_oldest, begin, end),
	      cmocka_unit_test_setup_teardown(estimates, begin, end),
	      cmocka_unit_test_setup_teardown(what_ended_stays, begin, end),
	      cmocka_unit_test_setup_teardown(kernel_words, begin, end),
	      cmocka_unit_test_setup_teardown(whose_memory, begin, end),
	      cmocka_unit_test_setup_teardown(tables_are_sound, begin, end))
