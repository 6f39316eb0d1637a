// SPDX-License-Identifier: Apache-2.0
#include "sink/redact.h"

#include "harness/event.h"
#include "harness/unit.h"

static void check(struct tt_buf *b, const char *expected)
{
	assert_int_equal(tt_buf_add_char(b, 0), 0);
	assert_string_equal((char *)b->data, expected);
	tt_buf_clear(b);
}

static void hides_what_urls_carry(void **state)
{
	static const char *const cases[][2] = {
		{"/cart/17", "/cart/17"},
		{"/a?x=1&y=2", "/a?x=REDACTED&y=REDACTED"},
		{"/a?token", "/a?REDACTED"},
		{"/a?x=&y", "/a?x=&REDACTED"},
		{"/a?", "/a?"},
		{"/a?&&x=a=b;z=?", "/a?&&x=REDACTED;z=REDACTED"},
		{"http://user:pw@host/p/th?q=1", "http://REDACTED@host/p/th?q=REDACTED"},
		{"http://host/p", "http://host/p"},
		{"host:443", "host:443"},
		{"user:p@ssw0rd@host:443", "REDACTED@host:443"},
		{"http://u:p@w@host/x", "http://REDACTED@host/x"},
		{"/cart;jsessionid=9A8B;v=;x/y;1", "/cart;jsessionid=REDACTED;v=;x/y;1"},
		{"/bot123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", "/REDACTED/sendMessage"},
		{"/bot123456:abcdefghijklmnopqrstuvwxyzabcdefghi/getMe", "/REDACTED/getMe"},
		{"/bot1%3Aabcdefghijklmnopqrstuvwxyzabcdefghi", "/REDACTED"},
		{"/bots/bottom:up-and-down-and-up-again", "/bots/bottom:up-and-down-and-up-again"},
		{"/cb#access_token=hunter2&state", "/cb#access_token=REDACTED&REDACTED"},
		{"/token=hunter2/x", "/token=REDACTED/x"},
		{"/token==hunter2/YQ==", "/token=REDACTED/YQ=="},
		{"/a%3Ftoken=hunter2", "/a%3Ftoken=REDACTED"},
		{"/token%3dhunter2", "/token%3dREDACTED"},
		{"/users/alice@example.com/orders/17", "/users/REDACTED/orders/17"},
		{"/users/alice%40example.com?x", "/users/REDACTED?REDACTED"},
		{"/o/550e8400-e29b-41d4-a716-446655440000/12345678901234567890",
		 "/o/550e8400-e29b-41d4-a716-446655440000/12345678901234567890"},
		{"/docs/how-to-write-a-very-long-slug-2024-01-31", "/docs/how-to-write-a-very-long-slug-2024-01-31"},
		{"*", "*"},
		{"", ""},
	};
	tt_buf_auto struct tt_buf b = TT_BUF(1024);

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		tt_redact_target(&b, tt_span_str(cases[i][0]));
		check(&b, cases[i][1]);
	}
}

static void hides_by_protocol(void **state)
{
	static const struct {
		const char *protocol;
		const char *resource;
		const char *statement_attribute;
		const char *shown;
	} cases[] = {
		{"http", "/a?x=1", NULL, "/a?x=REDACTED"},
		{"mysql", "SELECT \"x\"", "db.query.text", "SELECT ?"},
		{"postgresql", "SELECT \"x\", 'y'", "db.query.text", "SELECT \"x\", ?"},
		{"mysql", "shop-1", NULL, "shop-1"}, /* a database's name is no statement */
		{"redis", "user:17", NULL, "user:17"},
		{"dns", "example.org", NULL, "example.org"},
		{"sip", "sip:alice@example.com:5060;ob", NULL, "sip:REDACTED@example.com:5060"},
		{"sip", "sips:alice:pw@[::1];transport=tcp?subject=x", NULL, "sips:REDACTED@[::1]"},
		{"sip", "sip:+1;phone-context=x@example.com", NULL, "sip:REDACTED@example.com"},
		{"sip", "sip:example.com;lr", NULL, "sip:example.com"},
		{"sip", "tel:+1-201-555-0123", NULL, "tel:REDACTED"},
		{"sip", "urn:service:sos", NULL, "urn:service:sos"},
		{"sip", "alice", NULL, "REDACTED"},
		{"smtp", "alice@example.org", NULL, "REDACTED@example.org"},
		{"smtp", "alice", NULL, "REDACTED"},
		{"smtp", "<>", NULL, "<>"},
		{"ldap", "uid=new,ou=people,dc=example,dc=org", NULL, "uid=REDACTED,ou=people,dc=example,dc=org"},
		{"ldap", "CN=a\\,b+sn=\"c,d\", OU=x", NULL, "CN=REDACTED+sn=REDACTED, OU=x"},
		{"ldap", "ou=people,dc=example", NULL, "ou=people,dc=example"},
		{"ldap", "1.3.6.1.1.8", NULL, "1.3.6.1.1.8"},
		{"ldap", "alice", NULL, "REDACTED"},
		{"ldap", "", NULL, ""},
		{"newdb", "SELECT 'x'", "db.query.text", "SELECT ?"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		tt_buf_auto struct tt_buf b = TT_BUF(1024);
		struct tt_made m;
		tt_made_init(&m, cases[i].protocol, TT_ROLE_SERVER);
		tt_made_texts(&m, "OP", cases[i].resource, "OK");
		if (cases[i].statement_attribute)
			tt_message_attr(&m.request, cases[i].statement_attribute, tt_span_str(cases[i].resource));
		assert_true(tt_redact_resource(&b, &m.x, tt_kind_of(&m.x)));
		check(&b, cases[i].shown);
		tt_made_free(&m);
	}
}

static void hides_attributes(void **state)
{
	static const char *const cases[][3] = {
		{"url.path", "/a", "/a"},
		{"url.path", "/a;sid=1", "/a;sid=REDACTED"},
		{"aws.s3.key", "keys/da39a3ee5e6b4b0d3255bfef95601890afd80709", "keys/REDACTED"},
		{"user.name", "ACCESSTOKENSECRET", "REDACTED"},
		{"db.user", "alice", "REDACTED"},
		{"telltale.operation.original", "hunter2", "REDACTED"},
		{"url.query", "a=1", "a=REDACTED"},
		{"url.full", "http://u:p@h/?a=1", "http://REDACTED@h/?a=REDACTED"},
		{"db.query.text", "SELECT 'x'", "SELECT ?"},
		{"db.query.text", "-- only a comment", ""},
		{"error.message", "Duplicate entry 'secret'", "REDACTED"},
		{"smtp.mail.from", "\"a@b\"@example.org", "REDACTED@example.org"},
		{"http.request.header.authorization", "Basic eA==", "REDACTED"},
		{"http.request.header.cookie", "sid=1", "REDACTED"},
		{"http.response.header.set-cookie", "sid=1", "REDACTED"},
	};
	struct tt_made m;
	tt_made_init(&m, "mysql", TT_ROLE_SERVER);

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		tt_buf_auto struct tt_buf b = TT_BUF(1024);
		struct tt_span s = tt_redact_attribute(&b, &m.x, tt_kind_of(&m.x), cases[i][0], tt_span_str(cases[i][1]));
		assert_true(tt_span_eq(s, tt_span_str(cases[i][2])));
	}

	/* No room to say it in must not mean saying it as it is. */
	tt_buf_auto struct tt_buf none = TT_BUF(0);
	struct tt_span s = tt_redact_attribute(&none, &m.x, tt_kind_of(&m.x), "error.message", TT_SPAN_LIT("secret"));
	assert_int_equal(s.len, 0);
	tt_made_free(&m);
}

TT_UNIT_TESTS(cmocka_unit_test(hides_what_urls_carry), cmocka_unit_test(hides_by_protocol), cmocka_unit_test(hides_attributes))
