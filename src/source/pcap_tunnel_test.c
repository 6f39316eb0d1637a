// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_tunnel.h"

#include "harness/pcap_listing.h"

/* An inner packet behind `head`, in IPv4 of this protocol over Ethernet. */
static void add_tunnelled(struct tt_build *b, uint8_t protocol, const char *head, size_t head_len, bool ethernet, bool client,
			  const char *say)
{
	struct tt_buf inner tt_buf_auto = TT_BUF(65536), p tt_buf_auto = TT_BUF(65536);

	tt_buf_add(&inner, head, head_len);
	if (protocol == 17) { /* the length of UDP stands in its header */
		inner.data[4] = 0;
		inner.data[5] = (uint8_t)(head_len + (ethernet ? 14 : 0) + 40 + strlen(say));
	}
	if (ethernet)
		tt_build_ethernet(&inner, 0x0800);
	tt_build_ip4(&inner, client, 6, 20 + strlen(say), 1, 0);
	tt_build_tcp_head(&inner, client, client ? C0 : S0, client ? S0 : C0 + 3, ACK);
	tt_buf_add_str(&inner, say);
	tt_build_ethernet(&p, 0x0800);
	tt_build_ip4(&p, true, protocol, inner.len, 1, 0);
	tt_buf_add(&p, inner.data, inner.len);
	tt_build_packet(b, TT_BUILD_START, tt_buf_span(&p), 0);
}

static void check_tunnel(uint8_t protocol, const char *head, size_t head_len, bool ethernet, bool understood)
{
	struct tt_build b = TT_BUILD();
	struct tt_limits limits = presets();
	struct tt_pcap_stats stats;

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	add_tunnelled(&b, protocol, head, head_len, ethernet, true, "ask");
	expect_with(&b, &limits, false, &stats, understood ? "rx~0+3 ask first role?\n" : "");
	assert_int_equal(stats.tunnelled, understood);
}

#define HEAD(s) s, sizeof(s) - 1
#define UDP(port) "\xc0\x00" port "\x00\x00\x00\x00"

static void tunnels_are_unpacked(void **state)
{
	check_tunnel(4, HEAD(""), false, true);
	check_tunnel(47, HEAD("\x00\x00\x08\x00"), false, true);
	check_tunnel(47, HEAD("\xb0\x00\x08\x00\x11\x22\x00\x00\x00\x00\x00\x07\x00\x00\x00\x01"), false, true);
	check_tunnel(47, HEAD("\x20\x00\x65\x58\x00\x00\x07\x00"), true, true);
	check_tunnel(47, HEAD("\x10\x00\x88\xbe\x00\x00\x00\x01\x10\x00\x00\x00\x00\x00\x00\x00"), true, true);
	check_tunnel(17, HEAD(UDP("\x12\xb5") "\x08\x00\x00\x00\x00\x00\x2a\x00"), true, true);
	check_tunnel(17, HEAD(UDP("\x21\x18") "\x08\x00\x00\x00\x00\x00\x2a\x00"), true, true);
	check_tunnel(17, HEAD(UDP("\x17\xc1") "\x01\x00\x65\x58\x00\x00\x2a\x00\x00\x00\x00\x00"), true, true);
	check_tunnel(17, HEAD(UDP("\x17\xc1") "\x00\x00\x08\x00\x00\x00\x2a\x00"), false, true);
	/* Not what their documents allow, or with a packet that is none: left as they are. */
	check_tunnel(47, HEAD("\x00\x00\x65\x58\x00"), true, false);
	check_tunnel(47, HEAD("\x00\x01\x08\x00"), false, false);
	check_tunnel(47, HEAD("\x00\x00\x88\x0b"), false, false);
}

/* The same addresses in two networks are two connections. */
static void tunnels_stay_apart(void **state)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	add_tunnelled(&b, 17, HEAD(UDP("\x12\xb5") "\x08\x00\x00\x00\x00\x00\x2a\x00"), true, true, "ask");
	add_tunnelled(&b, 17, HEAD(UDP("\x12\xb5") "\x08\x00\x00\x00\x00\x00\x2b\x00"), true, true, "two");
	add_tunnelled(&b, 17, HEAD(UDP("\x12\xb5") "\x08\x00\x00\x00\x00\x00\x2a\x00"), true, false, "yes");
	expect(&b, "rx~0+3 ask first role?\nrx~0+3 two first role?\ntx~0+3 yes role?\n");
}

/* A tunnel in a tunnel, as often as allowed and once more. */
static void depth_is_bounded(void **state)
{
	for (int depth = TT_TUNNELS_MOST - 1; depth <= TT_TUNNELS_MOST; depth++) {
		struct tt_build b = TT_BUILD();
		struct tt_buf p tt_buf_auto = TT_BUF(65536);

		tt_build_pcap(&b, 0xa1b23c4d, 101);
		for (int i = depth; i > 0; i--)
			tt_build_ip4(&p, true, 4, (size_t)(i - 1) * 20 + 43, 1, 0);
		tt_build_ip4(&p, true, 6, 23, 1, 0);
		tt_build_tcp_head(&p, true, C0, S0, ACK);
		tt_buf_add_str(&p, "ask");
		tt_build_packet(&b, TT_BUILD_START, tt_buf_span(&p), 0);
		expect(&b, depth < TT_TUNNELS_MOST ? "rx~0+3 ask first role?\n" : "");
	}
}

TT_UNIT_TESTS(cmocka_unit_test(tunnels_are_unpacked), cmocka_unit_test(tunnels_stay_apart), cmocka_unit_test(depth_is_bounded))
