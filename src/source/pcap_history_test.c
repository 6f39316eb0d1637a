// SPDX-License-Identifier: Apache-2.0
/* What comes again as something else (RFC 9293 has no word on it): the first one stands, and that it is in doubt is told. */
#include "source/pcap_history.h"

#include <stdio.h>

#include "harness/pcap_listing.h"

static void expect_conflicts(struct tt_build *b, unsigned conflicts, const char *expected)
{
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	expect_with(b, &limits, false, &stats, expected);
	assert_int_equal(stats.conflicts, conflicts);
}

static void the_first_stands(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "GET /aaaa");
	tt_build_tcp(&b, 5, true, C0, S0, ACK, "GET /abba");
	expect_conflicts(&b, 1, OPEN "rx@0+9 GET /aaaa\nrx@6+2 again\n");
}

static void parts_are_compared_with_parts(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "abc");
	tt_build_tcp(&b, 5, true, C0 + 3, S0, ACK, "def");
	tt_build_tcp(&b, 6, true, C0 + 1, S0, ACK, "bcde");	/* the same */
	tt_build_tcp(&b, 7, true, C0 + 1, S0, ACK, "bXdeYghi"); /* and something new */
	tt_build_tcp(&b, 8, true, C0 + 6, S0, ACK, "ghi");
	expect_conflicts(&b, 1, OPEN "rx@0+3 abc\nrx@3+3 def\nrx@2+4 again\nrx@6+3 ghi\n");
}

static void what_was_acknowledged_was_taken(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "abc");
	tt_build_tcp(&b, 5, false, S0, C0 + 3, ACK, "");
	tt_build_tcp(&b, 6, true, C0, S0, ACK, "YYY");
	tt_build_tcp(&b, 7, true, C0 + 3, S0, ACK, "def");
	expect_conflicts(&b, 1, OPEN "rx@0+3 abc\nrx@3 again\nrx@3+3 def\n");
}

static void probes_are_none(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "abc");
	tt_build_tcp(&b, 5, false, S0, C0 + 3, ACK, "");
	tt_build_tcp_cut(&b, 6, true, C0 + 2, S0, ACK, tt_span("", 1), SIZE_MAX);
	expect_conflicts(&b, 0, OPEN "rx@0+3 abc\n");
}

static void what_waits_is_compared_too(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0 + 3, S0, ACK, "def");
	tt_build_tcp(&b, 5, true, C0 + 3, S0, ACK, "dXf");
	tt_build_tcp(&b, 6, true, C0, S0, ACK, "abc");
	expect_conflicts(&b, 1, OPEN "rx@0+3 abc\nrx@3+3 def\nrx@4+1 again\n");
}

static void what_was_not_captured_is_not_compared(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp_cut(&b, 4, true, C0, S0, ACK, tt_span("abcdef", 6), 3);
	tt_build_tcp(&b, 5, true, C0, S0, ACK, "abcXYZ");
	expect_conflicts(&b, 0, OPEN "rx@0+6 abc\n");
}

/* The ring goes round: what it has written over is not compared, and nothing else is taken for it. */
static void only_the_latest_are_known(void **state)
{
	struct tt_history h;
	struct tt_conflict what;
	uint64_t latest[2] = {0};
	char data[100];

	tt_history_init(&h, 4096);
	for (int i = 0; i < 1000; i++) {
		memset(data, i, sizeof(data));
		tt_history_add(&h, &latest[i % 2], (i / 2) * (int64_t)sizeof(data), tt_span(data, (size_t)(1 + i % 100)));
	}
	memset(data, 'x', sizeof(data));
	unsigned known = 0;
	for (int i = 0; i < 1000; i++)
		known += tt_history_differs(&h, latest[i % 2], (i / 2) * (int64_t)sizeof(data), tt_span(data, 1), &what) ||
			 (i & 255) == 'x';
	assert_in_range(known, 4096 / 128, 4096 / 32);
	assert_true(tt_history_differs(&h, latest[1], 499 * (int64_t)sizeof(data), tt_span(data, 1), &what));
	assert_int_equal(what.off, 499 * (int64_t)sizeof(data));
	assert_int_equal(what.end, what.off + 1);
	assert_false(tt_history_differs(&h, latest[1], 500 * (int64_t)sizeof(data), tt_span(data, 1), &what));
	assert_false(tt_history_differs(&h, 0, 499 * (int64_t)sizeof(data), tt_span(data, 1), &what));
	tt_history_free(&h);
}

TT_UNIT_TESTS(cmocka_unit_test(the_first_stands), cmocka_unit_test(parts_are_compared_with_parts),
	      cmocka_unit_test(what_was_acknowledged_was_taken), cmocka_unit_test(probes_are_none),
	      cmocka_unit_test(what_waits_is_compared_too), cmocka_unit_test(what_was_not_captured_is_not_compared),
	      cmocka_unit_test(only_the_latest_are_known))
