// SPDX-License-Identifier: Apache-2.0
#include "source/pcap.h"

#include <stdio.h>

#include "harness/pcap_listing.h"

static void a_whole_connection(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, S0, C0 + 3, ACK, "answer");
	tt_build_tcp(&b, 6, true, C0 + 3, S0 + 6, ACK | FIN, "");
	tt_build_tcp(&b, 7, false, S0 + 6, C0 + 4, ACK | FIN, "");
	tt_build_tcp(&b, 8, true, C0 + 4, S0 + 7, ACK, "");

	struct tt_limits limits = presets();
	expect_with(&b, &limits, true, NULL,
		    "open error=0 connect=3000000 rtt=2000 3ms\nrx@0+3 ask 4ms\ntx@0+6 answer 5ms\nrx@3 eof 6ms\ntx@6 eof 7ms\n"
		    "close tx=6 rx=3 7ms\n");
}

static void what_came_twice_is_reported_once(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "abc");
	tt_build_tcp(&b, 5, true, C0, S0, ACK, "abc");
	tt_build_tcp(&b, 6, true, C0 + 1, S0, ACK, "XXde");
	tt_build_tcp(&b, 7, true, C0 + 4, S0, ACK, "");
	expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 abc\nrx@1+2 again\nrx@3+2 de\n");
	assert_int_equal(stats.retransmitted, 2);
}

static void disorder_is_put_right(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp(&b, 4, true, C0 + 6, S0, ACK | FIN, "gh");
	tt_build_tcp(&b, 5, true, C0 + 3, S0, ACK, "def");
	tt_build_tcp(&b, 9, true, C0, S0, ACK, "abc");
	expect_with(&b, &limits, true, &stats,
		    "open error=0 connect=3000000 rtt=2000 3ms\nrx@0+3 abc 9ms\nrx@3+3 def 9ms\nrx@6+2 gh 9ms\nrx@8 eof 9ms\n");
	assert_int_equal(stats.reordered, 2);
	assert_int_equal(stats.missing, 0);
}

static void first_wins_where_held_parts_overlap(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0 + 4, S0, ACK, "EF");
	tt_build_tcp(&b, 5, true, C0 + 2, S0, ACK, "cdxxgh");
	tt_build_tcp(&b, 6, true, C0, S0, ACK, "abyy");
	expect(&b, OPEN "rx@0+2 ab\nrx@2+2 cd\nrx@4+2 EF\nrx@6+2 gh\nrx@2+4 again\n");
}

static void what_was_acknowledged_but_not_captured_is_a_gap(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp(&b, 4, true, C0 + 10, S0, ACK, "late");
	tt_build_tcp(&b, 5, false, S0, C0 + 14, ACK, "");
	tt_build_tcp(&b, 300, false, S0, C0 + 14, ACK, "reply");
	tt_build_tcp(&b, 400, true, C0 + 14, S0 + 5, ACK, "next");
	expect_with(&b, &limits, true, &stats,
		    "open error=0 connect=3000000 rtt=2000 3ms\nrx@10+4 late 4ms\ntx@0+5 reply 300ms\nrx@14+4 next 400ms\n");
	assert_int_equal(stats.missing, 1);
	assert_int_equal(stats.missing_bytes, 10);
}

static void what_nobody_acknowledged_is_waited_for(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0 + 3, S0, ACK, "def");
	tt_build_tcp(&b, 9000, false, S0, C0, ACK, "");
	tt_build_tcp(&b, 9001, true, C0, S0, ACK, "abc");
	tt_build_tcp(&b, 9002, true, C0 + 9, S0, ACK, "jkl");
	tt_build_tcp(&b, 30000, false, S0, C0 + 6, ACK, "x");
	tt_build_tcp(&b, 30001, true, C0 + 6, S0, ACK, "ghi");
	expect(&b, OPEN "rx@0+3 abc\nrx@3+3 def\nrx@9+3 jkl\ntx@0+1 x\n");
}

static void an_end_before_missing_bytes_waits_too(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0 + 3, S0, ACK | FIN, "");
	tt_build_tcp(&b, 5, true, C0, S0, ACK, "abc");
	tt_build_tcp(&b, 6, false, S0 + 8, C0 + 4, ACK | FIN, "");
	expect(&b, OPEN "rx@0+3 abc\nrx@3 eof\ntx@8 eof\nclose tx=0 rx=3\n");
}

static void the_other_direction_waits_too(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "one");
	tt_build_tcp(&b, 5, false, S0, C0 + 3, ACK, "ONE");
	tt_build_tcp(&b, 7, false, S0 + 3, C0 + 6, ACK, "TWO"); /* to what was not captured */
	tt_build_tcp(&b, 8, true, C0 + 6, S0 + 6, ACK, "tri");
	tt_build_tcp(&b, 9, false, S0 + 6, C0 + 9, ACK, "TRI");
	tt_build_tcp(&b, 10, false, S0 + 6, C0 + 9, ACK, "TRI");
	tt_build_tcp(&b, 11, true, C0 + 9, S0 + 9, ACK, "for");
	tt_build_tcp(&b, 12, false, S0 + 9, C0 + 12, ACK, "FOR");
	tt_build_tcp(&b, 400, true, C0 + 12, S0 + 12, ACK | FIN, "");
	tt_build_tcp(&b, 401, false, S0 + 12, C0 + 13, ACK | FIN, "");
	expect_with(
		&b, &limits, true, &stats,
		"open error=0 connect=3000000 rtt=2000 3ms\nrx@0+3 one 4ms\ntx@0+3 ONE 5ms\nrx@6 6ms\ntx@3+3 TWO 7ms\nrx@6+3 tri "
		"8ms\n"
		"tx@6+3 TRI 9ms\nrx@9+3 for 11ms\ntx@9+3 FOR 12ms\nrx@12 eof 400ms\ntx@12 eof 401ms\nclose tx=12 rx=9 401ms\n");
	assert_int_equal(stats.missing, 1);
	assert_int_equal(stats.retransmitted, 1);
	assert_int_equal(stats.reordered, 2); /* what waited behind it */
}

/* While the other direction waits a gap that is filled late was in disorder, and not sent again; what is, counts wherever it
 * stands. */
static void a_gap_filled_late_was_not_sent_again(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp(&b, 4, true, C0 + 3, S0, ACK, "two");
	tt_build_tcp(&b, 5, false, S0, C0 + 6, ACK, "abc");
	tt_build_tcp(&b, 6, false, S0 + 6, C0 + 6, ACK, "ghi");
	tt_build_tcp(&b, 7, false, S0 + 3, C0 + 6, ACK, "def");
	tt_build_tcp(&b, 8, false, S0 + 9, C0 + 6, ACK, "jkl");
	tt_build_tcp(&b, 9, true, C0, S0 + 9, ACK, "one");
	expect_with(&b, &limits, false, &stats, OPEN "tx@0+3 abc\ntx@3+3 def\ntx@6+3 ghi\ntx@9+3 jkl\nrx@0+3 one\nrx@3+3 two\n");
	assert_int_equal(stats.retransmitted, 0);
	assert_int_equal(stats.reordered, 2);

	b = handshake();
	tt_build_tcp(&b, 4, true, C0 + 3, S0, ACK, "two");
	tt_build_tcp(&b, 5, true, C0 + 3, S0, ACK, "two");
	tt_build_tcp(&b, 9, true, C0, S0 + 9, ACK, "one");
	expect_with(&b, &limits, false, &stats, OPEN "tx@9\nrx@0+3 one\nrx@3+3 two\n");
	assert_int_equal(stats.retransmitted, 1);
	assert_int_equal(stats.reordered, 1);
}

/* What one end acknowledges it had: lost, it is missing before what that end says next, and at the end of the connection. */
static void what_was_acknowledged_is_missing_before_the_answer(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 6, true, C0 + 3, S0 + 6, ACK, "more"); /* the answer was not captured */
	tt_build_tcp(&b, 7, true, C0 + 7, S0 + 6, ACK, "and");
	tt_build_tcp(&b, 8, false, S0 + 6, C0 + 10, ACK, "ANSWER");
	tt_build_tcp(&b, 300, true, C0 + 10, S0 + 20, ACK | FIN, "");
	tt_build_tcp(&b, 301, false, S0 + 20, C0 + 11, RST, "");
	expect_with(&b, &limits, false, &stats,
		    OPEN "rx@0+3 ask\ntx@6\nrx@3+4 more\nrx@7+3 and\ntx@6+6 ANSWER\ntx@20\nrx@10 eof\ntx@20 error 104\n"
			 "close tx=6 rx=10 reset sent\n");
	assert_int_equal(stats.missing_bytes, 14);

	/* The end of the stream counts as a byte where it was not captured. What nobody can have sent is none. */
	b = handshake();
	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, S0, C0 + 3, ACK, "ANSWER");
	tt_build_tcp(&b, 6, true, C0 + 3, S0 + 0x40000000, ACK, "odd");
	tt_build_tcp(&b, 7, true, C0 + 6, S0 + 7, ACK | FIN, "");
	expect(&b, OPEN "rx@0+3 ask\ntx@0+6 ANSWER\nrx@3+3 odd\ntx@7\nrx@6 eof\n");

	/* What lies before a reset was sent. */
	b = handshake();
	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, S0 + 6, C0 + 3, ACK | RST, "");
	expect_with(&b, &limits, false, &stats, OPEN "rx@0+3 ask\ntx@6 error 104\nclose tx=0 rx=3 reset sent\n");
	assert_int_equal(stats.missing_bytes, 6);
}

/* Each end has the other's port. */
static void swap_ports(struct tt_build *b)
{
	static const uint8_t ports[2][2] = {{TT_BUILD_CLIENT_PORT >> 8, TT_BUILD_CLIENT_PORT & 255},
					    {TT_BUILD_SERVER_PORT >> 8, TT_BUILD_SERVER_PORT & 255}};

	for (uint8_t *p = b->file.data, *end = p + b->file.len; p + 4 <= end; p++) {
		for (int client = 0; client < 2; client++) {
			if (memcmp(p, ports[!client], 2) != 0 || memcmp(p + 2, ports[client], 2) != 0)
				continue;
			memcpy(p, ports[client], 2);
			memcpy(p + 2, ports[!client], 2);
			p += 4;
			break;
		}
	}
}

/* As by a coarse clock: what the client said at the same time goes first. */
static void of_one_time_the_request_is_first(void **state)
{
	struct tt_limits limits = presets();

	for (int swapped = 0; swapped < 2; swapped++) {
		struct tt_build b = handshake();

		tt_build_tcp(&b, 4, false, S0 + 3, C0, ACK, "hi!"); /* behind what was not captured */
		tt_build_tcp(&b, 5, true, C0, S0, ACK, "one");
		tt_build_tcp(&b, 5, false, S0 + 6, C0 + 3, ACK, "ONE");
		tt_build_tcp(&b, 400, true, C0 + 3, S0 + 9, ACK, "two");
		if (swapped)
			swap_ports(&b);
		expect_with(&b, &limits, true, NULL,
			    "open error=0 connect=3000000 rtt=2000 3ms\ntx@3+3 hi! 4ms\nrx@0+3 one 5ms\ntx@6+3 ONE 5ms\nrx@3+3 "
			    "two 400ms\n");
	}
}

static void what_comes_again_late_is_behind_what_was_said_meanwhile(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, S0 + 3, C0 + 3, ACK, "def");
	tt_build_tcp(&b, 6, true, C0 + 3, S0, ACK, "more");
	tt_build_tcp(&b, 900, false, S0, C0 + 3, ACK, "abc");
	tt_build_tcp(&b, 901, true, C0 + 7, S0 + 6, ACK, "on");
	expect_with(
		&b, &limits, true, NULL,
		"open error=0 connect=3000000 rtt=2000 3ms\nrx@0+3 ask 4ms\nrx@3+4 more 6ms\ntx@0+3 abc 900ms\ntx@3+3 def 900ms\n"
		"rx@7+2 on 901ms\n");
}

/* A direction that misses nothing does not wait for the other one beyond its limit, and loses nothing. */
static void waiting_for_the_other_direction_is_bounded(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;
	char data[1001] = {0};

	memset(data, 'x', 1000);
	limits.value[TT_LIMIT_PCAP_HOLD_BYTES] = 4096;
	tt_build_tcp(&b, 4, true, C0 + 3, S0, ACK, "def");
	for (uint32_t i = 0; i < 5; i++)
		tt_build_tcp(&b, 5, false, S0 + 1000 * i, C0, ACK, data);
	tt_build_tcp(&b, 6, true, C0 + 6, S0, ACK, "ghi");
	struct listing l = {.text = TT_BUF(1u << 20)};
	assert_int_equal(run(tt_buf_span(&b.file), &limits, &l, &stats), -ENODATA);
	assert_int_equal(stats.missing_bytes, 3);
	const char *text = (char *)l.text.data, *def = strstr(text, "rx@3+3 def");
	assert_true(def && strstr(text, "tx@1000+1000 xx") < def && strstr(def, "tx@4000+1000 xx"));
	tt_buf_free(&l.text);
	tt_buf_free(&b.file);
}

static void holding_is_bounded(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;
	char data[1001] = {0};

	memset(data, 'x', 1000);
	limits.value[TT_LIMIT_PCAP_HOLD_BYTES] = 4096;
	for (uint32_t i = 0; i < 5; i++)
		tt_build_tcp(&b, 4, true, C0 + 10 + 1000 * i, S0, ACK, data);
	tt_build_tcp(&b, 5, true, C0, S0, ACK, "0123456789");
	struct listing l = {.text = TT_BUF(1u << 20)};
	assert_int_equal(run(tt_buf_span(&b.file), &limits, &l, &stats), -ENODATA);
	assert_int_equal(stats.missing_bytes, 10);
	assert_int_equal(stats.retransmitted, 1);
	assert_non_null(strstr((char *)l.text.data, "rx@4010+1000 xx"));
	tt_buf_free(&l.text);
	tt_buf_free(&b.file);
}

/* Of the direction nothing was captured yet, but of what the other end had had. */
static void what_lacks_of_the_first_answer_shows(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, true, 77, 2, ACK, "ask");
	tt_build_tcp(&b, 2, true, 80, 8, ACK, "more");
	tt_build_tcp(&b, 300, false, 8, 84, ACK, "answer");
	expect(&b, "rx~0+3 ask first role?\ntx~0 role?\ntx~6 role?\nrx~3+4 more role?\ntx~6+6 answer role?\n");
}

/* An acknowledgement without data is nothing to wait with, but at the capture's end it tells. */
static void what_was_acknowledged_is_missing_at_the_end(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, true, C0 + 3, S0, ACK | FIN, "");
	tt_build_tcp(&b, 6, true, C0 + 4, S0 + 6, ACK, "");
	expect(&b, OPEN "rx@0+3 ask\nrx@3 eof\ntx@6\n");
}

/* It was there for no more of the server, so more came. */
static void a_reset_behind_the_end_answers_what_was_not_captured(void **state)
{
	for (int captured = 0; captured < 2; captured++) {
		struct tt_build b = handshake();
		struct tt_limits limits = presets();
		struct tt_pcap_stats stats;

		tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
		tt_build_tcp(&b, 5, true, C0 + 3, S0, ACK | FIN, "");
		if (captured)
			tt_build_tcp(&b, 6, false, S0, C0 + 4, ACK, "answer");
		tt_build_tcp(&b, 7, true, C0 + 4, 0, RST, "");
		expect_with(&b, &limits, false, &stats,
			    captured ? OPEN "rx@0+3 ask\nrx@3 eof\ntx@0+6 answer\nclose tx=6 rx=3 reset received\n"
				     : OPEN "rx@0+3 ask\nrx@3 eof\nclose tx=0 rx=3 reset received\n");
		assert_int_equal(stats.missing_bytes, !captured);
	}
}

/* It may have been what the other end ended the connection for. */
static void an_end_waits_for_what_the_other_direction_lacks(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0 + 3, S0, ACK, "more");
	tt_build_tcp(&b, 5, false, S0, C0 + 7, ACK | FIN, "");
	tt_build_tcp(&b, 6, true, C0, S0, ACK, "ask");
	expect(&b, OPEN "rx@0+3 ask\nrx@3+4 more\ntx@0 eof\n");
}

static void sequences_wrap(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 0, true, 0xfffffffd, 0, SYN, "");
	tt_build_tcp(&b, 1, false, 0xffffffff, 0xfffffffe, SYN | ACK, "");
	tt_build_tcp(&b, 3, true, 0xfffffffe, 0, ACK, "abcd");
	tt_build_tcp(&b, 4, true, 2, 0, ACK, "ef");
	tt_build_tcp(&b, 5, false, 0, 4, ACK, "reply");
	expect(&b, OPEN "rx@0+4 abcd\nrx@4+2 ef\ntx@0+5 reply\n");
}

static void only_the_answer_to_the_syn(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, false, S0 - 1, C0, SYN | ACK, "");
	tt_build_tcp(&b, 3, true, C0, S0, ACK, "ask");
	expect(&b, "open error=0 connect=0 rtt=2000\nrx@0+3 ask\n");
}

static void refused(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 0, true, C0 - 1, 0, SYN, "");
	tt_build_tcp(&b, 1, false, 0, C0, RST | ACK, "");
	tt_build_tcp(&b, 100, true, 70000, 0, SYN, "");
	tt_build_tcp(&b, 101, false, 0, 70001, RST | ACK, "");
	expect(&b, "open error=111 connect=0 rtt=0\nopen error=111 connect=0 rtt=0\n");
}

static void reset_by_the_client(void **state)
{
	struct tt_build b = handshake();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	tt_build_tcp(&b, 5, false, S0 + 4, C0 + 3, ACK, "half");
	tt_build_tcp(&b, 6, true, C0 + 3, S0, RST, "");
	tt_build_tcp(&b, 7, false, S0 + 8, C0 + 3, ACK, "more");
	expect(&b, OPEN "rx@0+3 ask\ntx@4+4 half\nrx@3 error 104\nclose tx=4 rx=3 reset received\n");
}

static void a_cut_packet_keeps_its_length(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_tcp_cut(&b, 4, true, C0, S0, ACK, TT_SPAN_LIT("0123456789"), 4);
	tt_build_tcp(&b, 5, true, C0 + 10, S0, ACK, "next");
	expect_with(&b, &limits, false, &stats, OPEN "rx@0+10 0123\nrx@10+4 next\n");
	assert_int_equal(stats.cut_bytes, 6);
	assert_int_equal(stats.cut, 1);
}

static void add_udp(struct tt_build *b, uint64_t ms, bool client, const char *data)
{
	struct tt_buf p tt_buf_auto = TT_BUF(65536);

	tt_build_ethernet(&p, 0x0800);
	tt_build_ip4(&p, client, 17, 8 + strlen(data), 1, 0);
	tt_build_udp_head(&p, client, strlen(data));
	tt_buf_add_str(&p, data);
	tt_build_zeros(&p, 6); /* a short frame's padding */
	tt_build_packet(b, TT_BUILD_START + ms * TT_BUILD_MS, tt_buf_span(&p), 0);
}

static void datagrams(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	add_udp(&b, 0, true, "who");
	add_udp(&b, 1, false, "me");
	expect(&b, "rx~0+3 who first datagram role?\ntx~0+2 me datagram role?\n");
}

static void add_fragment(struct tt_build *b, uint64_t ms, struct tt_span part, uint16_t off, bool more)
{
	struct tt_buf p tt_buf_auto = TT_BUF(65536);

	tt_build_ethernet(&p, 0x0800);
	tt_build_ip4(&p, true, 17, part.len, 9, (uint16_t)(off / 8 | (more ? 0x2000 : 0)));
	tt_buf_add(&p, part.data, part.len);
	tt_build_packet(b, TT_BUILD_START + ms * TT_BUILD_MS, tt_buf_span(&p), 0);
}

static void fragments_are_put_together(void **state)
{
	struct tt_build b = TT_BUILD();
	struct tt_buf datagram tt_buf_auto = TT_BUF(1000);
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_udp_head(&datagram, true, 22);
	tt_buf_add_str(&datagram, "abcdefghijklmnopqrstuv");
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	add_fragment(&b, 0, tt_span_sub(tt_buf_span(&datagram), 16, 14), 16, false);
	add_fragment(&b, 1, tt_span_sub(tt_buf_span(&datagram), 0, 16), 0, true);
	add_fragment(&b, 2, tt_span_sub(tt_buf_span(&datagram), 0, 16), 0, true); /* its rest never comes */
	add_fragment(&b, 40000, tt_span_sub(tt_buf_span(&datagram), 16, 14), 16, false);
	expect_with(&b, &limits, false, &stats, "rx~0+22 abcdefghijklmnopqrstuv first datagram role?\n");
	assert_int_equal(stats.fragments, 4);
	assert_int_equal(stats.fragments_dropped, 1);
}

static void add_raw(struct tt_build *b, const struct tt_buf *front, uint16_t type, bool v6)
{
	struct tt_buf p tt_buf_auto = TT_BUF(65536);

	tt_buf_add(&p, front->data, front->len);
	if (type)
		tt_build_be(&p, type, 2);
	if (v6) {
		tt_build_ip6(&p, true, 0, 8 + 20 + 3);
		tt_build_be(&p, 6ull << 56, 8); /* an empty hop-by-hop header */
	} else {
		tt_build_ip4(&p, true, 6, 23, 1, 0);
	}
	tt_build_tcp_head(&p, true, C0, S0, ACK);
	tt_buf_add_str(&p, "ask");
	tt_build_packet(b, TT_BUILD_START, tt_buf_span(&p), 0);
}

static void check_link(uint32_t link, size_t zeros, const char *front, size_t front_len, uint16_t type, bool v6)
{
	struct tt_build b = TT_BUILD();
	struct tt_buf f tt_buf_auto = TT_BUF(100);

	tt_build_zeros(&f, zeros);
	tt_buf_add(&f, front, front_len);
	tt_build_pcap(&b, 0xa1b23c4d, link);
	add_raw(&b, &f, type, v6);
	expect(&b, "rx~0+3 ask first role?\n");
}

static void link_types(void **state)
{
	check_link(1, 12, "", 0, 0x0800, false);
	check_link(1, 12, "", 0, 0x86dd, true);
	check_link(1, 12, "\x81\x00\x00\x07", 4, 0x0800, false);
	check_link(1, 12, "\x88\xa8\x00\x07\x81\x00\x00\x08", 8, 0x86dd, true);
	check_link(0, 0, "\x02\x00\x00\x00", 4, 0, false);
	check_link(0, 0, "\x00\x00\x00\x1e", 4, 0, true);
	check_link(108, 0, "\x00\x00\x00\x02", 4, 0, false);
	check_link(113, 14, "", 0, 0x0800, false);
	check_link(276, 0,
		   "\x86\xdd"
		   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		   20, 0, true);
	static const uint32_t raw[] = {12, 14, 101, 228};
	for (size_t i = 0; i < TT_ARRAY_LEN(raw); i++)
		check_link(raw[i], 0, "", 0, 0, false);
	check_link(229, 0, "", 0, 0, true);
	check_link(101, 0, "", 0, 0, true);
}

/* Every prefix of a capture: what lies before the cut comes out, and the error says where the cut is. */
static void a_damaged_tail_keeps_what_is_before(void **state)
{
	struct tt_build b = handshake();
	struct tt_limits limits = presets();

	tt_build_tcp(&b, 4, true, C0, S0, ACK, "ask");
	size_t whole = b.file.len;
	tt_build_tcp(&b, 5, true, C0 + 3, S0, ACK, "more");
	for (size_t cut = 0; cut < b.file.len; cut++) {
		struct listing l = {.text = TT_BUF(1u << 16)};
		int r = run(tt_span(b.file.data, cut), &limits, &l, NULL);
		assert_true(r == -EBADMSG || r == -ENODATA || r == -EPROTONOSUPPORT);
		if (cut == whole)
			assert_int_equal(r, -ENODATA);
		if (cut > whole)
			assert_int_equal(r, -EBADMSG);
		tt_buf_add_char(&l.text, 0);
		if (cut >= whole)
			assert_string_equal((char *)l.text.data, OPEN "rx@0+3 ask\n");
		tt_buf_free(&l.text);
	}
	tt_buf_free(&b.file);
}

static void the_table_is_bounded(void **state)
{
	struct tt_build b = TT_BUILD();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;
	struct listing l = {.text = TT_BUF(1u << 20)};

	limits.value[TT_LIMIT_CONNECTIONS] = 16;
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	for (uint16_t i = 0; i < 40; i++) {
		struct tt_buf p tt_buf_auto = TT_BUF(2000);
		tt_build_ethernet(&p, 0x0800);
		tt_build_ip4(&p, true, 6, 23, 1, 0);
		tt_build_be(&p, 1000u + i, 2);
		tt_build_be(&p, 80, 2);
		tt_build_be(&p, C0 + 5, 4);
		tt_build_be(&p, 0, 4);
		tt_build_be(&p, 0x5010ffff, 4);
		tt_build_be(&p, 0, 4);
		tt_buf_add_str(&p, "ask");
		tt_build_packet(&b, TT_BUILD_START, tt_buf_span(&p), 0);
	}
	assert_int_equal(run(tt_buf_span(&b.file), &limits, &l, &stats), -ENODATA);
	assert_int_equal(stats.flows, 40);
	assert_int_equal(stats.flows_evicted, 24);
	tt_buf_free(&l.text);
	tt_buf_free(&b.file);
}

TT_UNIT_TESTS(cmocka_unit_test(what_was_acknowledged_is_missing_before_the_answer), cmocka_unit_test(a_whole_connection),
	      cmocka_unit_test(what_came_twice_is_reported_once), cmocka_unit_test(disorder_is_put_right),
	      cmocka_unit_test(first_wins_where_held_parts_overlap),
	      cmocka_unit_test(what_was_acknowledged_but_not_captured_is_a_gap),
	      cmocka_unit_test(what_nobody_acknowledged_is_waited_for), cmocka_unit_test(an_end_before_missing_bytes_waits_too),
	      cmocka_unit_test(holding_is_bounded), cmocka_unit_test(the_other_direction_waits_too),
	      cmocka_unit_test(a_gap_filled_late_was_not_sent_again), cmocka_unit_test(of_one_time_the_request_is_first),
	      cmocka_unit_test(what_comes_again_late_is_behind_what_was_said_meanwhile),
	      cmocka_unit_test(waiting_for_the_other_direction_is_bounded),
	      cmocka_unit_test(what_lacks_of_the_first_answer_shows),
	      cmocka_unit_test(what_was_acknowledged_is_missing_at_the_end),
	      cmocka_unit_test(a_reset_behind_the_end_answers_what_was_not_captured),
	      cmocka_unit_test(an_end_waits_for_what_the_other_direction_lacks), cmocka_unit_test(sequences_wrap),
	      cmocka_unit_test(only_the_answer_to_the_syn), cmocka_unit_test(refused), cmocka_unit_test(reset_by_the_client),
	      cmocka_unit_test(a_cut_packet_keeps_its_length), cmocka_unit_test(datagrams),
	      cmocka_unit_test(fragments_are_put_together), cmocka_unit_test(link_types),
	      cmocka_unit_test(a_damaged_tail_keeps_what_is_before), cmocka_unit_test(the_table_is_bounded))
