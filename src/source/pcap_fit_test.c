// SPDX-License-Identifier: Apache-2.0
/* Which segments belong to a connection, and which are of another one or of none. */
#include "source/pcap_fit.h"

#include <stdio.h>

#include "harness/pcap_listing.h"

static void begins_in_the_middle(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, false, 0xfffffffe, 77, ACK, "tail");
	tt_build_tcp(&b, 2, true, 77, 2, ACK, "ask");
	tt_build_tcp(&b, 3, false, 2, 80, ACK, "more");
	tt_build_tcp(&b, 4, false, 0xfffffffe, 80, ACK, "tail");
	tt_build_tcp(&b, 5, false, 6, 80, ACK | RST, "");
	expect(&b, "tx~0+4 tail first role?\nrx~0+3 ask role?\ntx~4+4 more role?\ntx~8 error 104 role?\nclose tx=8 rx=3 reset "
		   "sent\n");
}

/* Of the server nothing was captured but an end: what the client acknowledges meanwhile was there. */
static void a_direction_begins_where_the_other_end_says(void **state)
{
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	struct tt_build b = TT_BUILD();
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 2, true, C0 + 3, S0 + 40, ACK | FIN, "");
	tt_build_tcp(&b, 3, false, S0 + 40, C0 + 4, ACK | FIN, "");
	expect_with(&b, &limits, false, &stats,
		    "rx~0+3 ask first role?\ntx~0 role?\ntx~40 role?\nrx~3 eof role?\ntx~40 eof role?\nclose tx=0 rx=3\n");
	assert_int_equal(stats.missing_bytes, 40);

	/* The end alone says it, or a reset. */
	b = TT_BUILD();
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 2, false, S0 + 40, C0 + 3, ACK | FIN, "");
	tt_build_tcp(&b, 3, true, C0 + 3, S0 + 41, ACK | FIN, "");
	expect(&b, "rx~0+3 ask first role?\ntx~0 role?\ntx~40 role?\nrx~3 eof role?\ntx~40 eof role?\nclose tx=0 rx=3\n");
	b = TT_BUILD();
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 2, true, C0 + 3, S0 + 40, ACK, "");
	tt_build_tcp(&b, 3, true, C0 + 3, S0 + 40, ACK | RST, "");
	expect(&b, "rx~0+3 ask first role?\ntx~0 role?\ntx~40 role?\nrx~3 error 104 role?\nclose tx=0 rx=3 reset received\n");
}

/* With the client's opening at hand, too. */
static void what_only_one_end_sent_was_answered(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 0, true, C0 - 1, 0, SYN, "");
	tt_build_tcp(&b, 3, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 4, true, C0 + 3, S0 + 40, ACK | FIN, "");
	expect(&b, "open error=0 connect=3000000 rtt=0\nrx@0+3 ask\ntx~0\ntx~40\nrx@3 eof\n");
}

static void what_was_taken_before_the_capture_is_not_new(void **state)
{
	struct tt_build b = TT_BUILD();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, false, S0, C0 + 3, ACK, "");
	tt_build_tcp(&b, 2, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 3, false, S0, C0 + 3, ACK, "answer");
	tt_build_tcp(&b, 4, true, C0 + 1, S0 + 6, ACK, "skmore");
	expect_with(&b, &limits, false, &stats, "tx~0+6 answer first role?\nrx~0+4 more role?\n");
	assert_int_equal(stats.retransmitted, 2);

	/* An end that had been acknowledged, too. */
	b = TT_BUILD();
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, false, S0, C0 + 4, ACK, "answer");
	tt_build_tcp(&b, 2, true, C0 + 3, S0, ACK | FIN, "");
	tt_build_tcp(&b, 3, false, S0 + 6, C0 + 4, ACK | FIN, "");
	expect_with(&b, &limits, false, &stats, "tx~0+6 answer first role?\nrx~0 eof role?\ntx~6 eof role?\nclose tx=6 rx=0\n");
	assert_int_equal(stats.unfitting, 0);
}

static void a_syn_captured_late_is_no_other_connection(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 1, true, C0 - 1, 0, SYN, "");
	tt_build_tcp(&b, 2, true, C0 + 3, S0, ACK, "more");
	expect(&b, "rx~0+3 ask first role?\nrx~3+4 more role?\n");
}

/* Of one end only acknowledgements came before: its opening says where it begins. */
static void an_opening_begins_what_was_only_acknowledged(void **state)
{
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	struct tt_build b = TT_BUILD();
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 0, true, C0 - 1, 0, SYN, "");
	tt_build_tcp(&b, 3, true, C0, S0, ACK, "");
	tt_build_tcp(&b, 3, false, S0 - 1, C0, SYN | ACK, "");
	tt_build_tcp(&b, 4, false, S0, C0, ACK, "hello");
	expect(&b, "open error=0 connect=3000000 rtt=0\ntx@0+5 hello\n");

	/* The tail of an earlier connection, and then another one between the same ports. */
	b = TT_BUILD();
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, true, C0 + 700, S0 + 900, ACK, "");
	tt_build_tcp(&b, 2, false, S0 + 900, C0 + 700, ACK, "");
	tt_build_tcp(&b, 10, true, C0 - 1, 0, SYN, "");
	tt_build_tcp(&b, 11, false, S0 - 1, C0, SYN | ACK, "");
	tt_build_tcp(&b, 13, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 14, false, S0, C0 + 3, ACK, "answer");
	expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 ask\ntx@0+6 answer\n");
	assert_int_equal(stats.flows, 1);
}

/* Ports in TIME_WAIT are used again with numbers right behind those of the connection before. */
static void after_the_end_an_opening_is_another_connection(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 2, false, S0, C0 + 3, ACK | FIN, "");
	tt_build_tcp(&b, 3, true, C0 + 3, S0 + 1, ACK | FIN, "");
	tt_build_tcp(&b, 10, true, C0 + 65540, 0, SYN, "");
	tt_build_tcp(&b, 11, false, S0 + 70000, C0 + 65541, SYN | ACK, "");
	tt_build_tcp(&b, 13, true, C0 + 65541, S0 + 70001, ACK, "two");
	expect(&b, "rx~0+3 ask first role?\ntx~0 eof role?\nrx~3 eof role?\nclose tx=0 rx=3\n" OPEN "rx@0+3 two\n");
}

/* Two questions with their answers; before the last one the server says this, of no bytes. */
static struct tt_build with_stray(uint32_t seq, uint32_t ack, uint8_t flags)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, S0, C0 + 3, ACK, "ANSWER");
	tt_build_tcp(&b, 6, true, C0 + 3, S0 + 6, ACK, "more");
	tt_build_tcp(&b, 7, false, seq, ack, flags, "");
	tt_build_tcp(&b, 8, false, S0 + 6, C0 + 7, ACK, "MORE");
	return b;
}

/* Neither end obeys a reset that does not stand where it expects something. */
static void a_reset_out_of_place_ends_nothing(void **state)
{
	static const uint32_t places[] = {S0 + 123456, S0 - 1000, S0 + 5, 0};

	for (size_t i = 0; i < TT_ARRAY_LEN(places); i++) {
		struct tt_build b = with_stray(places[i], 0, RST);
		struct tt_limits limits = presets();
		struct tt_pcap_stats stats;

		expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 ask\ntx@0+6 ANSWER\nrx@3+4 more\ntx@6+4 MORE\n");
		assert_int_equal(stats.unfitting, 1);
	}
}

/* Amid a connection an opening is one where its other end answers, or its sender goes on from there. */
static void an_opening_amid_a_connection_must_be_answered(void **state)
{
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	struct tt_build b = handshake();
	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, true, 70000000, 0, SYN, "");
	tt_build_tcp(&b, 6, false, 90000000, 17, SYN | ACK, "");
	tt_build_tcp(&b, 7, true, C0 + 2, 0, SYN, "");
	tt_build_tcp(&b, 8, false, S0, C0 + 3, ACK, ""); /* asks back */
	tt_build_tcp(&b, 9, false, S0, C0 + 3, ACK, "ANSWER");
	tt_build_tcp(&b, 10, true, C0 + 3, S0 + 6, ACK, "more");
	expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 ask\ntx@0+6 ANSWER\nrx@3+4 more\n");
	assert_int_equal(stats.unfitting, 3);

	static const char another[] = OPEN "rx@0+3 ask\nclose tx=0 rx=3\n";
	b = handshake();
	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, true, 70000000, 0, SYN, "");
	tt_build_tcp(&b, 6, true, 70000001, 90000001, ACK, "two"); /* its answer was not captured */
	struct listing l = {.text = TT_BUF(1u << 16)};
	assert_int_equal(run(tt_buf_span(&b.file), &limits, &l, &stats), -ENODATA);
	tt_buf_add_char(&l.text, 0);
	assert_memory_equal(l.text.data, another, sizeof(another) - 1);
	assert_non_null(strstr((char *)l.text.data, "rx@0+3 two"));
	assert_int_equal(stats.flows, 2);
	tt_buf_free(&l.text);
	tt_buf_free(&b.file);

	b = handshake();
	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, true, 70000000, 0, SYN, "");
	tt_build_tcp(&b, 6, false, 0, 70000001, RST | ACK, "");
	expect(&b, OPEN "rx@0+3 ask\nclose tx=0 rx=3\nopen error=111 connect=0 rtt=0\n");
}

/* Nothing was sent behind an end, and both its numbers are of the connection. */
static void an_end_out_of_place_ends_nothing(void **state)
{
	static const struct {
		uint32_t seq, ack;
	} places[] = {{S0 - 40, C0 + 7},
		      {S0 + 5, C0 + 7},
		      {S0 + 0x10000000, C0 + 7},
		      {S0 + 0x70000000, C0 + 7},
		      {S0 + 6, C0 + 0x20000000}};

	for (size_t i = 0; i < TT_ARRAY_LEN(places); i++) {
		struct tt_build b = with_stray(places[i].seq, places[i].ack, ACK | FIN);
		struct tt_limits limits = presets();
		struct tt_pcap_stats stats;

		tt_build_tcp(&b, 60000, true, C0 + 7, S0 + 10, ACK, "and");
		tt_build_tcp(&b, 60001, false, S0 + 10, C0 + 10, ACK | FIN, "");
		expect_with(&b, &limits, false, &stats,
			    OPEN "rx@0+3 ask\ntx@0+6 ANSWER\nrx@3+4 more\ntx@6+4 MORE\nrx@7+3 and\ntx@10 eof\n");
		assert_int_equal(stats.unfitting, 1);
		assert_int_equal(stats.missing, 0);
	}
}

/* One that waits for what is before it is not the end where another one comes first. */
static void the_end_that_comes_first_counts(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, S0 + 500, C0 + 3, ACK | FIN, "");
	tt_build_tcp(&b, 6, false, S0, C0 + 3, ACK, "ANSWER");
	tt_build_tcp(&b, 7, false, S0 + 6, C0 + 3, ACK | FIN, "");
	tt_build_tcp(&b, 8, true, C0 + 3, S0 + 7, ACK | FIN, "");
	expect(&b, OPEN "rx@0+3 ask\ntx@0+6 ANSWER\ntx@6 eof\nrx@3 eof\nclose tx=6 rx=3\n");
}

/* What comes again with the end, or behind it, is nothing new. */
static void what_comes_after_the_end_is_counted(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp(&b, 4, true, C0, S0, ACK | FIN, "ask");
	tt_build_tcp(&b, 5, true, C0, S0, ACK | FIN, "ask");
	tt_build_tcp(&b, 6, true, C0 + 3, S0, ACK, "more");
	tt_build_tcp(&b, 7, false, S0, C0 + 4, ACK | FIN, "ANSWER");
	tt_build_tcp(&b, 8, false, S0, C0 + 4, ACK | FIN, "ANSWER");
	tt_build_tcp(&b, 9, false, S0 + 2, C0 + 4, ACK, "SWERS");
	expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 ask\nrx@3 eof\ntx@0+6 ANSWER\ntx@6 eof\nclose tx=6 rx=3\n");
	assert_int_equal(stats.retransmitted, 2);
	assert_int_equal(stats.after_end, 2);
}

static void data_far_off_is_passed_over(void **state)
{
	static const uint32_t places[] = {S0 - 0x60000000, S0 - 0x10000000, S0 + 0x10000000, S0 + 0x60000000};

	for (size_t i = 0; i < TT_ARRAY_LEN(places); i++) {
		struct tt_build b = handshake();
		struct tt_limits limits = presets();
		struct tt_pcap_stats stats;

		tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
		tt_build_tcp(&b, 5, false, places[i], C0 + 3, ACK, "stray");
		tt_build_tcp(&b, 5, false, places[i], C0 + 3, ACK, "stray");
		tt_build_tcp(&b, 6, false, S0, C0 + 3, ACK, "ANSWER");
		tt_build_tcp(&b, 60000, true, C0 + 3, S0 + 6, ACK, "more");
		expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 ask\ntx@0+6 ANSWER\nrx@3+4 more\n");
		assert_int_equal(stats.unfitting, 2);
		assert_int_equal(stats.missing, 0);
		assert_int_equal(stats.flows, 1);
	}
}

/* Where it goes on from there, it is more that was lost, or another connection whose opening was. */
static void data_far_off_that_goes_on_is_taken(void **state)
{
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;
	const uint32_t ahead = S0 + 0x10000000, behind = C0 - 0x10000000;

	struct tt_build b = handshake();
	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, ahead, C0 + 3, ACK, "lost");
	tt_build_tcp(&b, 6, false, ahead + 4, C0 + 3, ACK, "part");
	tt_build_tcp(&b, 60000, true, C0 + 3, ahead + 8, ACK, "more");
	expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 ask\ntx@268435460+4 part\nrx@3+4 more\n");
	assert_int_equal(stats.missing_bytes, 0x10000004);
	assert_int_equal(stats.flows, 1);

	b = handshake();
	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, true, behind, 70000, ACK, "lost");
	tt_build_tcp(&b, 6, false, 70000, behind + 4, ACK, "ANSWER");
	tt_build_tcp(&b, 7, true, behind + 4, 70006, ACK, "more");
	struct listing l = {.text = TT_BUF(1u << 16)};
	assert_int_equal(run(tt_buf_span(&b.file), &limits, &l, &stats), -ENODATA);
	tt_buf_add_char(&l.text, 0);
	assert_non_null(strstr((char *)l.text.data, "ask\nclose tx=0 rx=3\n"));
	assert_non_null(strstr((char *)l.text.data, "+6 ANSWER first role?\n"));
	assert_int_equal(stats.flows, 2);
	tt_buf_free(&l.text);
	tt_buf_free(&b.file);
}

/* A window may be larger than what no disorder reaches over: what was not acknowledged may come again. */
static void all_that_is_unacknowledged_may_come_again(void **state)
{
	static const uint8_t data[60000];
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;
	struct listing l = {.text = TT_BUF(1u << 20)};
	uint32_t seq = S0;

	tt_build_tcp(&b, 4, true, C0, S0 + 1, ACK, "ask");
	for (; seq - S0 < 100u << 20; seq += sizeof(data))
		tt_build_tcp_cut(&b, 5, false, seq, C0 + 3, ACK, tt_span(data, sizeof(data)), 0);
	tt_build_tcp_cut(&b, 6, false, S0, C0 + 3, ACK, tt_span(data, sizeof(data)), 0);
	tt_build_tcp(&b, 7, true, C0 + 3, S0 + sizeof(data), ACK, "");
	tt_build_tcp_cut(&b, 8, false, S0 + sizeof(data), C0 + 3, ACK, tt_span(data, sizeof(data)), 0);
	assert_int_equal(run(tt_buf_span(&b.file), &limits, &l, &stats), -ENODATA);
	assert_int_equal(stats.retransmitted, 2);
	assert_int_equal(stats.unfitting, 0);
	assert_int_equal(stats.flows, 1);
	tt_buf_free(&l.text);
	tt_buf_free(&b.file);
}

/* What the one who resets acknowledges may be of anything. */
static void a_reset_acknowledges_little(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, S0, C0 + 900000, ACK | RST, "");
	expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 ask\ntx@0 error 104\nclose tx=0 rx=3 reset sent\n");
	assert_int_equal(stats.missing, 0);
}

static int list_serials(void *ctx, const struct tt_record *rec)
{
	if (rec->type == TT_REC_CHUNK)
		tt_buf_printf(ctx, "%" PRIu64 " ", (uint64_t)((const struct tt_chunk *)rec)->conn.sock);
	return 0;
}

static void the_same_ports_again_are_another_connection(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_buf serials tt_buf_auto = TT_BUF(1000);
	struct tt_source *s = NULL;

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "one");
	tt_build_tcp(&b, 5, true, C0 - 1, 0, SYN, "");
	tt_build_tcp(&b, 6, true, C0 + 3, S0, ACK, "still one");
	tt_build_tcp(&b, 10, true, 90000, 0, SYN, "");
	tt_build_tcp(&b, 11, false, 400, 90001, SYN | ACK, "");
	tt_build_tcp(&b, 12, true, 90001, 401, ACK, "two");
	/* Far behind: a third whose beginning is not here. */
	tt_build_tcp(&b, 13, true, 0xc0000000, 17, ACK, "lost");
	tt_build_tcp(&b, 14, true, 0xc0000004, 17, ACK, "three");
	assert_int_equal(tt_pcap_new_bytes(&s, tt_buf_span(&b.file), "test", &limits), 0);
	while (tt_source_poll(s, 0, list_serials, &serials) > 0)
		;
	tt_source_free(s);
	tt_buf_add_char(&serials, 0);
	assert_string_equal((char *)serials.data, "1 1 2 3 ");
	tt_buf_free(&b.file);
}

TT_UNIT_TESTS(cmocka_unit_test(begins_in_the_middle), cmocka_unit_test(a_direction_begins_where_the_other_end_says),
	      cmocka_unit_test(what_only_one_end_sent_was_answered),
	      cmocka_unit_test(what_was_taken_before_the_capture_is_not_new),
	      cmocka_unit_test(a_syn_captured_late_is_no_other_connection),
	      cmocka_unit_test(an_opening_begins_what_was_only_acknowledged),
	      cmocka_unit_test(after_the_end_an_opening_is_another_connection),
	      cmocka_unit_test(a_reset_out_of_place_ends_nothing),
	      cmocka_unit_test(an_opening_amid_a_connection_must_be_answered), cmocka_unit_test(an_end_out_of_place_ends_nothing),
	      cmocka_unit_test(the_end_that_comes_first_counts), cmocka_unit_test(what_comes_after_the_end_is_counted),
	      cmocka_unit_test(data_far_off_is_passed_over), cmocka_unit_test(data_far_off_that_goes_on_is_taken),
	      cmocka_unit_test(all_that_is_unacknowledged_may_come_again), cmocka_unit_test(a_reset_acknowledges_little),
	      cmocka_unit_test(the_same_ports_again_are_another_connection))
