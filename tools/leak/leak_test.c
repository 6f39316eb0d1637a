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

/* The program's side of a row (tt_leak_row_course in blocks.bpf.h), one block allocated or freed. */
static void allocate(struct tt_leak_row *r)
{
	uint64_t there = r->allocated - r->freed;
	__u64 *low = &r->low[(r->windows - 1) % TT_LEAK_WINDOWS];

	if (r->allocated >= r->next) {
		r->next = r->allocated + r->allocated / 4 + 1;
		r->low[r->windows++ % TT_LEAK_WINDOWS] = there;
	} else if (there < *low) {
		*low = there;
	}
	r->allocated += TT_LEAK_ONE;
}

static void release(struct tt_leak_row *r)
{
	r->freed += TT_LEAK_ONE;
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
	assert_null(tt_leak_sum_find(&sums, &more));
	assert_null(tt_leak_sum_of(&sums, &more));
	assert_int_equal(sums.count, 1000);
}

/* When there is no room those give way of which nothing is left, whose process is gone, and of which that was told. */
static void rows_give_way(void **state)
{
	const struct tt_leak_row_key more = key(1, 5000), still_more = key(1, 5001);

	for (uint32_t i = 0; i < 1000; i++) {
		const struct tt_leak_row_key k = key(i % 10, i);
		struct tt_leak_sum *s = tt_leak_sum_of(&sums, &k);
		s->over = i < 4;
		s->left.seen = i == 1;
		s->now.seen = i == 2;
		s->now.bytes = i == 2 || i == 3;
	}
	assert_non_null(tt_leak_sum_of(&sums, &more));
	assert_int_equal(sums.count, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct tt_leak_row_key k = key(i % 10, i);
		assert_int_equal(tt_leak_sum_find(&sums, &k) == NULL, i == 0);
	}
	/* What has become nothing was not told before. */
	tt_leak_sums_end(&sums);
	tt_leak_sums_begin(&sums);
	tt_leak_sums_read(&sums);
	assert_null(tt_leak_sum_of(&sums, &still_more));
	tt_leak_sums_end(&sums);
	assert_null(tt_leak_sum_of(&sums, &still_more)); /* looked for once in a reading */
	tt_leak_sums_read(&sums);
	assert_non_null(tt_leak_sum_of(&sums, &still_more));
}

/* Blocks without a row are counted anew each time, but for what processes left that are gone. */
static void blocks_without_a_row(void **state)
{
	const struct tt_leak_block b = {.size = 10, .time_ns = 5};

	for (int i = 0; i < 3; i++) {
		tt_leak_sums_begin(&sums);
		tt_leak_now_add(&sums.rest, 0, &b, 0);
		if (i == 1)
			tt_leak_now_add(&sums.rest_left, 0, &b, 0);
		assert_int_equal(sums.rest.seen, i == 2 ? 2 : 1);
		assert_true(tt_leak_rest_grew(&sums) == (i == 1 ? 0 : 10));
		tt_leak_sums_end(&sums);
	}
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

/* Their places are given back once the tables were read often enough, however many there are. */
static void places_of_the_gone(void **state)
{
	for (uint32_t i = 0; i < 5000; i++) {
		tt_leak_sums_gone(&sums, i, 7, true, i);
		if (i % 200 == 199)
			tt_leak_sums_read(&sums);
		assert_non_null(tt_leak_sums_gone_of(&sums, i, 7));
	}
	assert_int_equal(sums.gone_refused, 0);
	assert_int_equal(sums.gone_count, (TT_LEAK_READINGS - 1) * 200);
	assert_null(tt_leak_sums_gone_of(&sums, 100, 7));
	assert_int_equal(tt_leak_sums_gone_of(&sums, 4700, 7)->time_ns, 4700);
}

/* So many turns, of which each allocates one and frees one as soon as there are `kept`; one in `leaks` is forgotten. */
static struct tt_leak_sum course(int turns, uint64_t kept, int leaks)
{
	struct tt_leak_sum s = {.now = {.seen = 1}};
	uint64_t there = 0;

	for (int i = 0; i < turns; i++) {
		if (there == kept) {
			release(&s.row);
			there--;
		}
		allocate(&s.row);
		there += !leaks || i % leaks;
	}
	return s;
}

static void state_without_intervals(void **state)
{
	struct tt_leak_sum s = course(50, 1000, 0);

	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_KEPT);
	s = course(20000, 50, 0); /* a cache: filled, then replaced */
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_STEADY);
	s = course(20000, 1, 2); /* half of it is forgotten */
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_GROWING);
	s = course(20000, 500, 100); /* one in a hundred, beside a cache */
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_GROWING);
	s = course(40, 1, 2);
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_GROWING);
	s.row.missed = s.row.freed / 10;
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_UNTOLD);
	s.row.missed--;
	assert_int_equal(tt_leak_state_of(&s), TT_LEAK_GROWING);
}

/* One turn of a queue that keeps itself at half of `most`; what leaves it ends. */
static void queue_turn(struct tt_leak_row *r, long most)
{
	long there = (long)((r->allocated - r->freed) / TT_LEAK_ONE);

	if (lrand48() % most >= there)
		allocate(r);
	else
		release(r);
}

/* A queue that has a bound varies, and sometimes there are more than ever before: that is no leak. Some hundred of them, and the
 * dice are fixed. */
static void a_queue_is_no_leak(void **state)
{
	static const long sizes[] = {10, 100, 1000};
	int wrong = 0;

	srand48(1);
	for (int i = 0; i < 300; i++) {
		struct tt_leak_sum s = {.now = {.seen = 1}};

		for (int turn = 0; turn < 40000; turn++)
			queue_turn(&s.row, sizes[i % 3]);
		wrong += tt_leak_state_of(&s) == TT_LEAK_GROWING;
	}
	assert_true(wrong <= 1);
}

/* The same by the ends of intervals. */
static void a_queue_of_intervals_is_no_leak(void **state)
{
	const struct tt_leak_row_key k = key(1, 1);
	struct tt_leak_sum *s = tt_leak_sum_of(&sums, &k);
	int wrong = 0;

	srand48(2);
	for (int end = 0; end < 300; end++) {
		for (int turn = 0; turn < 10000; turn++)
			queue_turn(&s->row, 1000);
		s->now.bytes = (double)(s->row.allocated - s->row.freed);
		wrong += tt_leak_state_of(s) == TT_LEAK_GROWING;
		tt_leak_sums_end(&sums);
	}
	assert_true(wrong <= 2);
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

	/* Nothing of it was freed: it is more than before, or it is not. */
	assert_int_equal(interval(s, 100), TT_LEAK_KEPT);
	assert_int_equal(interval(s, 200), TT_LEAK_GROWING);
	assert_int_equal(interval(s, 200), TT_LEAK_STEADY);
	s->row = course(1000, 50, 0).row; /* by its course it is a cache, until … */
	assert_int_equal(interval(s, 250), TT_LEAK_STEADY);
	s->now.bytes = 240;
	assert_true(tt_leak_grew(s) == -10);
	assert_int_equal(interval(s, 300), TT_LEAK_STEADY); /* … five ends tell: these do not rise throughout */
	assert_int_equal(interval(s, 310), TT_LEAK_STEADY);
	assert_int_equal(interval(s, 320), TT_LEAK_GROWING);
	assert_int_equal(interval(s, 10000), TT_LEAK_GROWING); /* a burst … */
	for (int i = 0; i < TT_LEAK_HISTORY; i++)
		assert_int_equal(interval(s, 150), TT_LEAK_STEADY);
	for (int i = 0; i < 4; i++)
		assert_int_equal(interval(s, 160 + i), TT_LEAK_STEADY); /* … is forgotten: one step is no rise, … */
	assert_int_equal(interval(s, 170), TT_LEAK_GROWING);		/* … five are */
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
	      cmocka_unit_test_setup_teardown(rows_give_way, begin, end),
	      cmocka_unit_test_setup_teardown(blocks_without_a_row, begin, end),
	      cmocka_unit_test_setup_teardown(processes_that_are_gone, begin, end),
	      cmocka_unit_test_setup_teardown(places_of_the_gone, begin, end),
	      cmocka_unit_test_setup_teardown(state_without_intervals, begin, end),
	      cmocka_unit_test_setup_teardown(a_queue_is_no_leak, begin, end),
	      cmocka_unit_test_setup_teardown(a_queue_of_intervals_is_no_leak, begin, end),
	      cmocka_unit_test_setup_teardown(state_of_intervals, begin, end),
	      cmocka_unit_test_setup_teardown(ages_and_oldest, begin, end),
	      cmocka_unit_test_setup_teardown(estimates, begin, end),
	      cmocka_unit_test_setup_teardown(what_ended_stays, begin, end),
	      cmocka_unit_test_setup_teardown(kernel_words, begin, end),
	      cmocka_unit_test_setup_teardown(whose_memory, begin, end),
	      cmocka_unit_test_setup_teardown(tables_are_sound, begin, end))
