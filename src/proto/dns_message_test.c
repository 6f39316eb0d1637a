// SPDX-License-Identifier: Apache-2.0
#include "proto/dns_message.h"

#include "base/own.h"
#include "harness/unit.h"

#define BYTES(s) tt_span((s), sizeof(s) - 1)

static void name_is(struct tt_span wire, size_t from, const char *text, size_t after)
{
	struct tt_cursor c = tt_cursor(wire);
	uint8_t name[TT_DNS_NAME_TEXT];
	size_t len = 0;

	c.pos = from;
	bool read = tt_dns_name(&c, name, &len);
	if (!text) {
		assert_false(read);
		return;
	}
	assert_true(read);
	assert_true(tt_span_eq(tt_span(name, len), tt_span_str(text)));
	assert_int_equal(c.pos, after);
}

static void names(void **state)
{
	name_is(BYTES("\x03"
		      "www\x02"
		      "de\0"),
		0, "www.de", 8);
	name_is(BYTES("\0"), 0, ".", 1);
	name_is(BYTES("\x04"
		      "a.b\\\x01\x80\0"),
		0, "a\\.b\\\\.\\128", 8);
	/* Pointers: to what stands before, once or several times. */
	name_is(BYTES("\x02"
		      "de\0\x03"
		      "www\xc0\x00\x01"
		      "x\xc0\x04"),
		10, "x.www.de", 14);
}

static void names_that_are_none(void **state)
{
	name_is(BYTES("\xc0\x00"), 0, NULL, 0); /* to itself */
	name_is(BYTES("\x01"
		      "a\xc0\x00"),
		0, NULL, 0);				/* to the name it is in */
	name_is(BYTES("\xc0\x02\xc0\x00"), 2, NULL, 0); /* a loop of two */
	name_is(BYTES("\xc0\x04\0\0\0"), 0, NULL, 0);	/* forward */
	name_is(BYTES("\x40"
		      "a\0"),
		0, NULL, 0); /* kinds of labels that are reserved */
	name_is(BYTES("\x80"
		      "a\0"),
		0, NULL, 0);
	name_is(BYTES("\x05"
		      "ab"),
		0, NULL, 0);

	/* 255 bytes are a name, 256 are not. */
	uint8_t wire[300] = {0};
	for (size_t i = 0; i < 4; i++)
		wire[i * 64] = i < 3 ? 63 : 61;
	memset(wire + 1, 'a', 63);
	memset(wire + 65, 'b', 63);
	memset(wire + 129, 'c', 63);
	memset(wire + 193, 0xff, 61);
	struct tt_cursor c = tt_cursor(tt_span(wire, sizeof(wire)));
	uint8_t name[TT_DNS_NAME_TEXT];
	size_t len;
	assert_true(tt_dns_name(&c, name, &len));
	assert_int_equal(c.pos, 255);
	assert_int_equal(len, 3 * 64 + 61 * 4);
	wire[192] = 62;
	wire[254] = 0xff;
	c = tt_cursor(tt_span(wire, sizeof(wire)));
	assert_false(tt_dns_name(&c, name, &len));
}

static void type_is(uint16_t type, const char *text)
{
	char buffer[16];
	assert_true(tt_span_eq(tt_dns_type_name(type, buffer), tt_span_str(text)));
}

static void rcode_is(uint16_t rcode, const char *text)
{
	char buffer[16];
	assert_true(tt_span_eq(tt_dns_rcode_name(rcode, buffer), tt_span_str(text)));
}

static void names_of_numbers(void **state)
{
	type_is(1, "A");
	type_is(28, "AAAA");
	type_is(53, "SMIMEA");
	type_is(54, "TYPE54");
	type_is(65, "HTTPS");
	type_is(255, "ANY");
	type_is(257, "CAA");
	type_is(32769, "DLV");
	type_is(65280, "TYPE65280");
	rcode_is(0, "NOERROR");
	rcode_is(3, "NXDOMAIN");
	rcode_is(12, "RCODE12");
	rcode_is(16, "BADVERS");
	rcode_is(23, "BADCOOKIE");
	rcode_is(4095, "RCODE4095");
	for (const uint16_t *code = (const uint16_t[]){2, 4, 11, 12, 24, 258, 259, 0}; *code; code++)
		assert_true(tt_dns_rcode_server_failed(*code));
	for (const uint16_t *code = (const uint16_t[]){1, 3, 5, 9, 16, 23, 0}; *code; code++)
		assert_false(tt_dns_rcode_server_failed(*code));
}

#define HEADER "\x12\x34\x81\x80\0\x01\0\x01\0\0\0\x01"
#define QUESTION \
	"\x01"   \
	"a\0\0\x01\0\x01"
#define ANSWER "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01"
#define OPT "\0\0\x29\x10\0\x01\0\0\0\0\0"

static void reads_to_the_end(void **state)
{
	struct tt_dns_message m;

	tt_dns_read(BYTES(HEADER QUESTION ANSWER OPT), &m, NULL);
	assert_int_equal(m.extent, TT_DNS_WHOLE);
	assert_int_equal(m.trailing, 0);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.type, 1);
	assert_int_equal(m.rcode, 16); /* the upper bits stand in OPT */
	tt_dns_read(BYTES(HEADER QUESTION ANSWER OPT "x"), &m, NULL);
	assert_int_equal(m.trailing, 1);
}

static void reads_what_there_is(void **state)
{
	static const uint8_t bytes[] = HEADER QUESTION ANSWER OPT;
	size_t header = sizeof(HEADER) - 1, question = header + sizeof(QUESTION) - 1;
	struct tt_dns_message m;

	for (size_t len = 0; len < sizeof(bytes) - 1; len++) {
		tt_dns_read(tt_span(bytes, len), &m, NULL);
		assert_int_equal(m.extent, len < header ? TT_DNS_NOTHING : len < question ? TT_DNS_HEADER : TT_DNS_ASKED);
	}
}

/* Case does not matter, everything else does. */
static void pairs_by_the_question(void **state)
{
	static const char *const different[] = {
		"\x12\x35\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", "\x12\x34\1\0\0\1\0\0\0\0\0\0\1b\0\0\1\0\1",
		"\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\2\0\1", "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\3"};
	struct tt_dns_message one, other;

	tt_dns_read(tt_span("\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 19), &one, NULL);
	assert_int_equal(one.extent, TT_DNS_WHOLE);
	tt_dns_read(tt_span("\x12\x34\x81\0\0\1\0\0\0\0\0\0\1A\0\0\1\0\1", 19), &other, NULL);
	assert_true(one.pairing_id == other.pairing_id);
	for (size_t i = 0; i < TT_ARRAY_LEN(different); i++) {
		tt_dns_read(tt_span(different[i], 19), &other, NULL);
		assert_int_equal(other.extent, TT_DNS_WHOLE);
		assert_false(one.pairing_id == other.pairing_id);
	}
}

/* Of a billion random messages hardly one may be taken for DNS; of these few, none. */
static void random_bytes_are_not_dns(void **state)
{
	uint64_t x = 88172645463325252ull;
	uint8_t bytes[64];

	for (int i = 0; i < 200000; i++) {
		for (size_t k = 0; k < sizeof(bytes); k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			bytes[k] = (uint8_t)x;
		}
		for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
			assert_int_equal(tt_dns_judge(tt_span(bytes, sizeof(bytes)), side, true), TT_NO);
			assert_int_equal(tt_dns_judge(tt_span(bytes, sizeof(bytes)), side, false), TT_NO);
		}
	}
}

static void relatives_are_told_apart(void **state)
{
	/* NetBIOS name service, multicast DNS (query and announcement), a class from nowhere, a header alone. */
	assert_int_equal(tt_dns_judge(BYTES("\x12\x34\x01\x10\0\1\0\0\0\0\0\0 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\1"),
				      TT_REQUESTS, true),
			 TT_NO);
	assert_int_equal(tt_dns_judge(BYTES("\0\0\0\0\0\1\0\0\0\0\0\0\4_foo\5local\0\0\x0c\0\1"), TT_REQUESTS, true), TT_NO);
	assert_int_equal(tt_dns_judge(BYTES("\0\0\x84\0\0\0\0\1\0\0\0\0\1a\5local\0\0\1\x80\1\0\0\0\x78\0\4\x7f\0\0\1"),
				      TT_RESPONSES, true),
			 TT_NO);
	assert_int_equal(tt_dns_judge(BYTES("\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\x80\1"), TT_REQUESTS, true), TT_NO);
	assert_int_equal(tt_dns_judge(BYTES("\x12\x34\1\0\0\0\0\0\0\0\0\0"), TT_REQUESTS, true), TT_NO);
	/* What they resemble. */
	assert_int_equal(tt_dns_judge(BYTES("\0\0\0\0\0\1\0\0\0\0\0\0\4_foo\3org\0\0\x0c\0\1"), TT_REQUESTS, true), TT_YES);
	assert_int_equal(tt_dns_judge(BYTES("\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), TT_REQUESTS, true), TT_YES);
	assert_int_equal(tt_dns_judge(BYTES("\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), TT_RESPONSES, true), TT_NO);
	assert_int_equal(tt_dns_judge(BYTES("\0\x13\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), TT_REQUESTS, false), TT_YES);
	assert_int_equal(tt_dns_judge(BYTES("\0\x13\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0"), TT_REQUESTS, false), TT_MAYBE);
	assert_int_equal(tt_dns_judge(BYTES("\0\x14\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1x"), TT_REQUESTS, false), TT_NO);
}

TT_UNIT_TESTS(cmocka_unit_test(names), cmocka_unit_test(names_that_are_none), cmocka_unit_test(names_of_numbers),
	      cmocka_unit_test(reads_to_the_end), cmocka_unit_test(reads_what_there_is), cmocka_unit_test(pairs_by_the_question),
	      cmocka_unit_test(random_bytes_are_not_dns), cmocka_unit_test(relatives_are_told_apart))
