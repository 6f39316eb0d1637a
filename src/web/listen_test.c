// SPDX-License-Identifier: Apache-2.0
#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/own.h"
#include "harness/unit.h"

static void reads_addresses(void **state)
{
	static const struct {
		const char *text, *address;
		int family, port;
	} rows[] = {
		{"127.0.0.1:9464", "127.0.0.1", AF_INET, 9464}, {"[::1]:80", "::1", AF_INET6, 80},
		{"localhost:0", "127.0.0.1", AF_INET, 0},	{"9000", "127.0.0.1", AF_INET, 9000},
		{"0.0.0.0:65535", "0.0.0.0", AF_INET, 65535},	{"[::]:9464", "::", AF_INET6, 9464},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		union tt_listen l;
		char text[INET6_ADDRSTRLEN];
		assert_int_equal(tt_listen_parse(rows[i].text, &l), 0);
		assert_int_equal(l.sa.sa_family, rows[i].family);
		bool six = rows[i].family == AF_INET6;
		assert_int_equal(ntohs(six ? l.in6.sin6_port : l.in.sin_port), rows[i].port);
		inet_ntop(rows[i].family, six ? (void *)&l.in6.sin6_addr : (void *)&l.in.sin_addr, text, sizeof(text));
		assert_string_equal(text, rows[i].address);
	}
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const rows[] = {"",	      ":9464", "127.0.0.1",  "127.0.0.1:", "127.0.0.1:x",    "127.0.0.1:65536",
					   "::1:80",  "[::1]", "[::1]80",    "[::1:80",	   "[127.0.0.1]:80", "example.org:80",
					   "127.1:8", "[]:80", "1.2.3.4:-1", "999999",	   "127.0.0.1:80/x", "127.0.0.1:000080"};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		union tt_listen l = {.sa.sa_family = AF_UNIX};
		assert_int_equal(tt_listen_parse(rows[i], &l), -EINVAL);
		assert_int_equal(l.sa.sa_family, AF_UNIX);
	}
}

static void knows_its_own_names(void **state)
{
	static const char *const allowed[] = {"telltale.example", "fd00::7", NULL};
	static const struct {
		const char *listen, *host;
		bool expect;
	} rows[] = {
		{"127.0.0.1:9464", "127.0.0.1:9464", true},
		{"127.0.0.1:9464", "127.0.0.1", true},
		{"127.0.0.1:9464", "localhost:9464", true},
		{"127.0.0.1:9464", "LOCALHOST", true},
		{"127.0.0.1:9464", "localhost:8080", true},
		{"127.0.0.1:9464", "[::1]:9464", true},
		{"127.0.0.1:9464", "[0:0::0:1]", true},
		{"127.0.0.1:9464", "Telltale.Example:9464", true},
		{"127.0.0.1:9464", "[fd00::7]:9464", true},
		{"127.0.0.1:9464", "evil.example", false},
		{"127.0.0.1:9464", "localhost.evil.example", false},
		{"127.0.0.1:9464", "127.0.0.1.evil.example", false},
		{"127.0.0.1:9464", "10.0.0.1:9464", false},
		{"127.0.0.1:9464", "", false},
		{"127.0.0.1:9464", ":9464", false},
		{"127.0.0.1:9464", "localhost:", true},
		{"127.0.0.1:9464", "localhost:99999", false},
		{"127.0.0.1:9464", "localhost:x@evil", false},
		{"127.0.0.1:9464", "[localhost]", false},
		{"127.0.0.1:9464", "[::1", false},
		{"10.0.0.1:9464", "10.0.0.1:9464", true},
		{"10.0.0.1:9464", "10.0.0.2:9464", false},
		{"[fd00::1]:9464", "[fd00:0:0::1]:9464", true},
		{"0.0.0.0:9464", "10.0.0.2:9464", true},
		{"[::]:9464", "[fd00::9]", true},
		{"0.0.0.0:9464", "evil.example", false},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		union tt_listen l;
		assert_int_equal(tt_listen_parse(rows[i].listen, &l), 0);
		if (tt_host_allowed(&l, allowed, tt_span_str(rows[i].host)) != rows[i].expect)
			fail_msg("listening on %s, Host: %s", rows[i].listen, rows[i].host);
	}
	union tt_listen l;
	assert_int_equal(tt_listen_parse("9464", &l), 0);
	assert_false(tt_host_allowed(&l, NULL, TT_SPAN_LIT("telltale.example")));
}

TT_UNIT_TESTS(cmocka_unit_test(reads_addresses), cmocka_unit_test(refuses_what_is_no_address),
	      cmocka_unit_test(knows_its_own_names))
