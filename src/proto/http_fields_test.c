// SPDX-License-Identifier: Apache-2.0
#include "proto/http_fields.h"
#include "proto/http_names.h"

#include <stdio.h>

#include "harness/unit.h"

/* The message's attributes as "key=value;..." in a static buffer. */
static const char *attributes(const struct tt_message *m)
{
	static char text[512];
	size_t n = 0;
	text[0] = 0;
	for (uint32_t i = 0; i < m->attribute_count; i++) {
		const struct tt_attribute *a = &m->attributes[i];
		struct tt_span s = tt_message_attr_span(m, a);
		if (a->type == TT_ATTR_STRING)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s=%.*s;", a->key, (int)s.len, (const char *)s.data);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s=%lld;", a->key, (long long)a->number);
	}
	return text;
}

static void targets(void **state)
{
	static const struct {
		const char *target;
		bool authority;
		const char *attributes;
	} cases[] = {
		{"/", false, "url.path=/;"},
		{"/cart/17?x=1", false, "url.path=/cart/17;url.query=x=1;"},
		{"/a?", false, "url.path=/a;url.query=;"},
		{"/a?b?c", false, "url.path=/a;url.query=b?c;"},
		{"*", false, ""},
		{"example.org:443", false, ""},
		{"http://a.org/p?q", true, "server.address=a.org;url.path=/p;url.query=q;"},
		{"http://a.org:81", true, "server.address=a.org;server.port=81;"},
		{"http://a.org?q", true, "server.address=a.org;url.query=q;"},
		{"https://user:secret@[::1]:8443/x", true, "server.address=::1;server.port=8443;url.path=/x;"},
		{"http:/a", false, ""},
		{"://a", false, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_message m = {.bytes = TT_BUF(256)};
		bool authority = tt_http_set_target(&m, tt_span_str(cases[i].target));
		assert_string_equal(attributes(&m), cases[i].attributes);
		assert_int_equal(authority, cases[i].authority);
		assert_true(tt_span_eq(tt_message_get(&m, TT_TEXT_RESOURCE), tt_span_str(cases[i].target)));
		tt_buf_free(&m.bytes);
	}
}

static void authorities(void **state)
{
	static const struct {
		const char *authority;
		const char *attributes;
	} cases[] = {
		{"a", "server.address=a;"},
		{"a:80", "server.address=a;server.port=80;"},
		{"user:p@ssw0rd@a:80", "server.address=a;server.port=80;"},
		{"user@", ""},
		{"127.0.0.1:8080", "server.address=127.0.0.1;server.port=8080;"},
		{"[2001:db8::1]:443", "server.address=2001:db8::1;server.port=443;"},
		{"[::1]", "server.address=::1;"},
		{"[::1", "server.address=[:;server.port=1;"},
		{"a:", "server.address=a;"},
		{"a:x", "server.address=a:x;"},
		{"a:65536", "server.address=a;"},
		{"a:000080", "server.address=a;"},
		{":80", "server.port=80;"},
		{"80", "server.address=80;"},
		{"2001:db8::1:80", "server.address=2001:db8::1;server.port=80;"},
		{"a:99999999999999999999999999", "server.address=a;"},
		{"", ""},
		{"[", "server.address=[;"},
		{"[]", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_message m = {.bytes = TT_BUF(256)};
		tt_http_set_authority(&m, tt_span_str(cases[i].authority));
		assert_string_equal(attributes(&m), cases[i].attributes);
		tt_buf_free(&m.bytes);
	}
}

static void field_lines(void **state)
{
	static const struct {
		const char *line;
		enum tt_http_field field;
		const char *value;
		bool spaced;
	} cases[] = {
		{"Host: a", TT_HTTP_HOST, "a", false},
		{"hOsT:a", TT_HTTP_HOST, "a", false},
		{"Host:", TT_HTTP_HOST, "", false},
		{"CONTENT-LENGTH:\t5 ", TT_HTTP_CONTENT_LENGTH, "5", false},
		{"Transfer-Encoding : chunked", TT_HTTP_TRANSFER_ENCODING, "chunked", true},
		{"Transfer-Encoding\t: chunked", TT_HTTP_TRANSFER_ENCODING, "chunked", true},
		{"traceparent: 00-1", TT_HTTP_TRACEPARENT, "00-1", false},
		{"user-agent: x y", TT_HTTP_USER_AGENT, "x y", false},
		{"Upgrade: h2c", TT_HTTP_UPGRADE, "h2c", false},
		{"Expect: 100-continue", TT_HTTP_EXPECT, "100-continue", false},
		{"Upgrade-Insecure-Requests: 1", TT_HTTP_OTHER, NULL, false},
		{"Hosts: a", TT_HTTP_OTHER, NULL, false},
		{"Hos: a", TT_HTTP_OTHER, NULL, false},
		{"Host", TT_HTTP_OTHER, NULL, false},
		{"Host a:", TT_HTTP_OTHER, NULL, false},
		{" Host: a", TT_HTTP_OTHER, NULL, false},
		{"Accept: */*", TT_HTTP_OTHER, NULL, false},
		{"user\ragent: x", TT_HTTP_OTHER, NULL, false},
		{"", TT_HTTP_OTHER, NULL, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_span value = {NULL, 0};
		bool spaced = false;
		if (tt_http_field_line(tt_span_str(cases[i].line), &value, &spaced) != cases[i].field ||
		    spaced != cases[i].spaced)
			fail_msg("\"%s\"", cases[i].line);
		if (cases[i].value)
			assert_true(tt_span_eq(value, tt_span_str(cases[i].value)));
		else
			assert_null(value.data);
	}
	assert_int_equal(tt_http_field_of(TT_SPAN_LIT("Traceparent:")), TT_HTTP_TRACEPARENT);
	assert_int_equal(tt_http_field_of(TT_SPAN_LIT("traceparents: x")), TT_HTTP_OTHER);
	assert_int_equal(tt_http_field_of(tt_span(NULL, 0)), TT_HTTP_OTHER);
}

static void failures_by_status(void **state)
{
	static const struct {
		const char *digits;
		unsigned status;
		bool failed;
		bool refused;
	} cases[] = {{"200", 200, false, false}, {"302", 302, false, false}, {"404", 404, false, true},
		     {"499", 499, false, true},	 {"500", 500, true, false},  {"503", 503, true, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_message m = {.bytes = TT_BUF(256)};
		tt_http_set_status(&m, tt_span_str(cases[i].digits), cases[i].status);
		assert_int_equal(m.failed, cases[i].failed);
		assert_int_equal(m.refused, cases[i].refused);
		assert_true(tt_span_eq(tt_message_get(&m, TT_TEXT_STATUS), tt_span_str(cases[i].digits)));
		struct tt_span error = cases[i].status >= 400 ? tt_span_str(cases[i].digits) : tt_span(NULL, 0);
		assert_true(tt_span_eq(tt_message_get(&m, TT_TEXT_ERROR_TYPE), error));
		tt_buf_free(&m.bytes);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(targets), cmocka_unit_test(authorities), cmocka_unit_test(field_lines),
	      cmocka_unit_test(failures_by_status))
