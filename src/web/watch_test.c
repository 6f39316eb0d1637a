// SPDX-License-Identifier: Apache-2.0
#include "web/watch.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/unit.h"

static struct tt_watch *open_watch(size_t bytes)
{
	struct tt_watch *w = NULL;

	assert_int_equal(tt_watch_new(&w, bytes), 0);
	return w;
}

static void gives_back_lines_in_order(void **state)
{
	struct tt_watch *w = open_watch(4096);
	char text[64] = "";

	assert_false(tt_watch_readable(w));
	assert_true(tt_watch_push(w, TT_SPAN_LIT("one")));
	assert_true(tt_watch_push(w, TT_SPAN_LIT("")));
	assert_true(tt_watch_push(w, TT_SPAN_LIT("three")));
	assert_true(tt_watch_readable(w));
	assert_int_equal(tt_watch_read(w, text, sizeof(text)), 11);
	assert_memory_equal(text, "one\n\nthree\n", 11);
	assert_false(tt_watch_readable(w));
	tt_watch_unref(w);
}

static void says_where_lines_are_missing(void **state)
{
	struct tt_watch *w = open_watch(256);
	char line[100], text[512] = "";

	memset(line, 'x', sizeof(line));
	assert_true(tt_watch_push(w, tt_span(line, sizeof(line))));
	assert_true(tt_watch_push(w, tt_span(line, sizeof(line))));
	for (int i = 0; i < 3; i++)
		assert_false(tt_watch_push(w, tt_span(line, sizeof(line))));
	assert_int_equal(tt_watch_read(w, text, 101), 101);
	/* The next line that fits is preceded by the notice. */
	assert_true(tt_watch_push(w, TT_SPAN_LIT("next")));
	assert_int_equal(tt_watch_read(w, text, sizeof(text)), 101 + 14 + 5);
	assert_memory_equal(text + 101, "{\"dropped\":3}\nnext\n", 19);
	assert_int_equal(tt_watch_dropped(w), 3);
	tt_watch_unref(w);
}

static void tells_of_a_loss_even_if_nothing_follows(void **state)
{
	struct tt_watch *w = open_watch(256);
	char line[255] = "", text[512] = "";

	assert_true(tt_watch_push(w, tt_span(line, sizeof(line))));
	assert_false(tt_watch_push(w, TT_SPAN_LIT("lost")));
	assert_false(tt_watch_settle(w));
	assert_int_equal(tt_watch_read(w, text, sizeof(text)), 256);
	assert_true(tt_watch_settle(w));
	assert_false(tt_watch_settle(w));
	assert_int_equal(tt_watch_read(w, text, sizeof(text)), 14);
	assert_memory_equal(text, "{\"dropped\":1}\n", 14);
	tt_watch_unref(w);
}

static void drops_a_line_larger_than_the_ring(void **state)
{
	struct tt_watch *w = open_watch(256);
	char line[256] = "";

	assert_false(tt_watch_push(w, tt_span(line, sizeof(line))));
	assert_false(tt_watch_readable(w));
	assert_int_equal(tt_watch_dropped(w), 1);
	tt_watch_unref(w);
}

#define LINES 20000

static void *write_lines(void *arg)
{
	struct tt_watch *w = arg;

	for (uint64_t i = 0; i < LINES; i++) {
		char line[64];
		int n = snprintf(line, sizeof(line), "%" PRIu64, i);
		tt_watch_push(w, tt_span(line, (size_t)n));
	}
	while (!tt_watch_closed(w)) {
		tt_watch_settle(w);
		sched_yield();
	}
	tt_watch_unref(w);
	return NULL;
}

/* Every number comes once and in order, or the notice at its place counts it. */
static void loses_nothing_uncounted_between_threads(void **state)
{
	struct tt_watch *w = open_watch(300);
	pthread_t writer;
	char line[64];
	size_t len = 0;
	uint64_t expect = 0;

	assert_int_equal(pthread_create(&writer, NULL, write_lines, tt_watch_ref(w)), 0);
	while (expect < LINES) {
		char buf[77];
		size_t n = tt_watch_read(w, buf, sizeof(buf));
		if (!n)
			sched_yield();
		for (size_t i = 0; i < n; i++) {
			assert_true(len < sizeof(line) - 1);
			line[len++] = buf[i];
			if (buf[i] != '\n')
				continue;
			line[len] = 0;
			uint64_t value = 0;
			if (sscanf(line, "{\"dropped\":%" SCNu64, &value) == 1)
				expect += value;
			else
				assert_int_equal(strtoull(line, NULL, 10), expect++);
			len = 0;
		}
	}
	assert_int_equal(expect, LINES);
	tt_watch_close(w);
	pthread_join(writer, NULL);
	tt_watch_unref(w);
}

TT_UNIT_TESTS(cmocka_unit_test(gives_back_lines_in_order), cmocka_unit_test(says_where_lines_are_missing),
	      cmocka_unit_test(tells_of_a_loss_even_if_nothing_follows), cmocka_unit_test(drops_a_line_larger_than_the_ring),
	      cmocka_unit_test(loses_nothing_uncounted_between_threads))
