// SPDX-License-Identifier: Apache-2.0
#include "sink/address.h"

#include "base/own.h"
#include "harness/unit.h"

static void formats_every_family(void **state)
{
	static const struct {
		struct tt_sockaddr a;
		const char *with;
		const char *without;
	} cases[] = {
		{{.family = TT_FAMILY_INET, .port = 80, .addr = {10, 0, 200, 99}}, "10.0.200.99:80", "10.0.200.99"},
		{{.family = TT_FAMILY_INET, .port = 65535, .addr = {255, 255, 255, 255}},
		 "255.255.255.255:65535",
		 "255.255.255.255"},
		{{.family = TT_FAMILY_INET, .port = 53}, "0.0.0.0:53", NULL},
		{{.family = TT_FAMILY_INET}, NULL, NULL},
		{{.family = TT_FAMILY_INET6, .port = 443, .addr = {0xfd, [15] = 1}}, "[fd00::1]:443", "fd00::1"},
		{{.family = TT_FAMILY_INET6, .port = 443, .scope = 2, .addr = {0xfe, 0x80, [15] = 1}},
		 "[fe80::1%2]:443",
		 "fe80::1%2"},
		{{.family = TT_FAMILY_INET6, .port = 8, .addr = {[10] = 0xff, 0xff, 127, 0, 0, 1}}, "127.0.0.1:8", "127.0.0.1"},
		{{.family = TT_FAMILY_UNIX, .scope = 77, .addr = "/run/x.sock"}, "unix:/run/x.sock", "unix:/run/x.sock"},
		{{.family = TT_FAMILY_UNIX, .addr = "\0name"}, "unix:@name", "unix:@name"},
		{{.family = TT_FAMILY_UNIX, .addr = "/0123456789abcde"}, "unix:/0123456789abcde", "unix:/0123456789abcde"},
		{{.family = TT_FAMILY_UNIX, .scope = 77}, NULL, NULL},
		{{.family = TT_FAMILY_NONE, .port = 1}, NULL, NULL},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		for (int port = 0; port < 2; port++) {
			struct tt_address_text t;
			struct tt_span s = tt_address_format(&t, &cases[i].a, port);
			const char *expected = port ? cases[i].with : cases[i].without;
			assert_int_equal(s.data == NULL, expected == NULL);
			if (expected)
				assert_true(tt_span_eq(s, tt_span_str(expected)));
		}
	}
}

static void knows_loopback(void **state)
{
	assert_true(tt_address_is_loopback(&(struct tt_sockaddr){.family = TT_FAMILY_INET, .addr = {127, 9}}));
	assert_true(tt_address_is_loopback(&(struct tt_sockaddr){.family = TT_FAMILY_INET6, .addr = {[15] = 1}}));
	assert_false(tt_address_is_loopback(&(struct tt_sockaddr){.family = TT_FAMILY_INET, .addr = {10}}));
	assert_false(tt_address_is_loopback(&(struct tt_sockaddr){.family = TT_FAMILY_INET6, .addr = {127}}));
}

TT_UNIT_TESTS(cmocka_unit_test(formats_every_family), cmocka_unit_test(knows_loopback))
