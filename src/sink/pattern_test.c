// SPDX-License-Identifier: Apache-2.0
#include "sink/pattern.h"

#include "harness/unit.h"

static void check(struct tt_buf *b, const char *expected)
{
	assert_int_equal(tt_buf_add_char(b, 0), 0);
	assert_string_equal((char *)b->data, expected);
	tt_buf_clear(b);
}

static void tells_ids_from_words(void **state)
{
	static const char *const ids[] = {"17",
					  "0",
					  "550e8400-e29b-41d4-a716-446655440000",
					  "deadbeef1",
					  "da39a3ee5e6b4b0d3255bfef95601890afd80709",
					  "someone@example.org",
					  "someone%40example.org",
					  "2024-01-31",
					  "1.2.3",
					  "order1234",
					  "item-7",
					  "bWFpbiBw0aGVy7Q",
					  "abcdefghijklmnopqrst1",
					  "app.3f2a9c1b.js",
					  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee",
					  "dGhp-c2lz_YXNl-Y3Jl_dAxx",
					  "aGVsbG8-d29ybGQ_",
					  "k3f9a-x8b2q-zz1zz",
					  "bot12:abcdefghijklmnop",
					  "key!abcdefghijklmnopqrst1abc",
					  "token=hunter",
					  "token%3Dhunter",
					  "x\001y"};
	static const char *const words[] = {"",
					    "cart",
					    "v1",
					    "v2beta1",
					    "oauth2",
					    "s3",
					    "api",
					    "facade",
					    "decade",
					    "index.html",
					    "my-articles",
					    "~",
					    "{id}",
					    "YQ==",
					    "*",
					    "well-known",
					    "caf\xc3\xa9",
					    "getUserByIdAndName",
					    "XMLHttpRequestFactory",
					    "Terms-Of-Service-And-Use",
					    "oauth2-callback-v2"};

	for (size_t i = 0; i < TT_ARRAY_LEN(ids); i++) {
		if (!tt_pattern_is_id(tt_span_str(ids[i])))
			fail_msg("%s is an identifier", ids[i]);
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(words); i++) {
		if (tt_pattern_is_id(tt_span_str(words[i])))
			fail_msg("%s is a word", words[i]);
	}
}

static void makes_key_patterns(void **state)
{
	static const char *const cases[][2] = {
		{"user:17:cart", "user:{id}:cart"},
		{"item17", "item{id}"},
		{"user-17_x", "user-{id}_x"},
		{"session:550e8400-e29b-41d4-a716-446655440000", "session:{id}"},
		{"session:da39a3ee5e6b4b0d3255bfef95601890afd80709:data", "session:{id}:data"},
		{"mail:a@b.c", "mail:{id}.c"},
		{"plain", "plain"},
		{"", ""},
		{":a::b:", ":a::b:"},
		{"key:000000000042", "key:{id}"},
		{"bin:\x01\xff", "bin:{id}"},
	};
	tt_buf_auto struct tt_buf b = TT_BUF(1024);

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		tt_pattern_key(&b, tt_span_str(cases[i][0]));
		check(&b, cases[i][1]);
	}
}

static void makes_host_patterns(void **state)
{
	static const char *const cases[][2] = {
		{"example.org", "example.org"},
		{"4.3.2.1.in-addr.arpa", "{id}.{id}.{id}.{id}.in-addr.arpa"},
		{"ip-10-0-0-1.ec2.internal", "{id}.ec2.internal"},
		{"localhost", "localhost"},
		{"", ""},
	};
	tt_buf_auto struct tt_buf b = TT_BUF(1024);

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		tt_pattern_host(&b, tt_span_str(cases[i][0]));
		check(&b, cases[i][1]);
	}
}

static void makes_destination_patterns(void **state)
{
	static const char *const cases[][2] = {
		{"orders.2024", "orders.2024"},
		{"_INBOX.SOljHGvRYTcYnRWtURe3R8.a1", "_INBOX.{id}"},
		{"_INBOX.", "_INBOX."},
		{"amq.gen-Vh85rdleUhBkmo9MD4WabQ", "amq.gen-{id}"},
		{"ID:vm-42401-1795331630722-1:1:1", "ID:{id}"},
		{"$JS.ACK.ORDERS.puller.1.4.4.1795319528348593683.1", "$JS.ACK.ORDERS.puller.{id}"},
		{"$JS.ACK.ORDERS", "$JS.ACK.{id}"},
		{"$JS.API.STREAM.NAMES", "$JS.API.STREAM.NAMES"},
		{"", ""},
	};
	tt_buf_auto struct tt_buf b = TT_BUF(1024);

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		tt_pattern_destination(&b, tt_span_str(cases[i][0]));
		check(&b, cases[i][1]);
	}
}

static void finds_the_path(void **state)
{
	static const char *const cases[][2] = {
		{"/a/b?x=1", "/a/b"}, {"/", "/"},	    {"/a#f", "/a"}, {"*", "*"}, {"http://h:1/p?q", "/p"},
		{"http://h", "/"},    {"https://h?x", "/"}, {"h:443", ""},  {"", ""},	{"?x", ""},
	};
	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++)
		assert_true(tt_span_eq(tt_pattern_path(tt_span_str(cases[i][0])), tt_span_str(cases[i][1])));
}

TT_UNIT_TESTS(cmocka_unit_test(tells_ids_from_words), cmocka_unit_test(makes_key_patterns), cmocka_unit_test(makes_host_patterns),
	      cmocka_unit_test(makes_destination_patterns), cmocka_unit_test(finds_the_path))
