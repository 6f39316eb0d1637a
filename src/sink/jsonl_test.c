// SPDX-License-Identifier: Apache-2.0
#include "sink/jsonl.h"

#include <errno.h>
#include <fcntl.h>

#include "harness/event.h"
#include "harness/unit.h"

static const struct tt_jsonl_options redacted;
static const struct tt_jsonl_options shown = {.show_values = true, .no_times = true};

static void check(const struct tt_made *m, const struct tt_jsonl_options *options, const char *expected)
{
	tt_buf_auto struct tt_buf b = TT_BUF(65536);
	assert_int_equal(tt_jsonl_write(&b, &m->e, &m->x, options), 0);
	assert_int_equal(tt_buf_add_char(&b, 0), 0);
	assert_string_equal((char *)b.data, expected);
}

static void writes_every_field(void **state)
{
	struct tt_made m;
	tt_made_http(&m, TT_ROLE_SERVER, "/cart/17?x=1", 200);
	tt_message_attr(&m.request, "url.path", TT_SPAN_LIT("/cart/17"));
	tt_message_attr(&m.request, "url.query", TT_SPAN_LIT("x=1"));
	m.e.http_route = m.e.route = TT_SPAN_LIT("/cart/{id}");
	check(&m, &redacted,
	      "{\"time_unix_ns\":1700000001000000000,\"kind\":\"server\",\"protocol\":\"http\",\"operation\":\"GET\","
	      "\"resource\":\"/cart/"
	      "17?x=REDACTED\",\"status\":\"200\",\"error\":false,\"error_type\":null,\"duration_ns\":5000000,"
	      "\"ttfb_ns\":3000000,\"request_bytes\":78,\"response_bytes\":2048,\"complete\":true,\"source\":\"socket\","
	      "\"client\":\"10.0.0.1:40000\",\"server\":\"10.0.0.2:8080\",\"pid\":42,\"tid\":43,\"comm\":\"server\",\"service\":"
	      "\"shop\","
	      "\"container_id\":null,\"attributes\":{\"http.request.method\":\"GET\",\"url.path\":\"/cart/17\","
	      "\"url.query\":\"x=REDACTED\",\"http.response.status_code\":200,\"http.route\":\"/cart/{id}\"}}\n");
	check(&m, &shown,
	      "{\"kind\":\"server\",\"protocol\":\"http\",\"operation\":\"GET\",\"resource\":\"/cart/17?x=1\",\"status\":\"200\","
	      "\"error\":false,\"error_type\":null,\"request_bytes\":78,\"response_bytes\":2048,\"complete\":true,\"source\":"
	      "\"socket\","
	      "\"client\":\"10.0.0.1:40000\",\"server\":\"10.0.0.2:8080\",\"pid\":42,\"tid\":43,\"comm\":\"server\",\"service\":"
	      "\"shop\","
	      "\"container_id\":null,\"attributes\":{\"http.request.method\":\"GET\",\"url.path\":\"/cart/"
	      "17\",\"url.query\":\"x=1\","
	      "\"http.response.status_code\":200,\"http.route\":\"/cart/{id}\"}}\n");
	tt_made_free(&m);
}

static void invents_nothing(void **state)
{
	struct tt_made m;
	tt_made_init(&m, "dns", TT_ROLE_UNKNOWN);
	tt_made_unanswered(&m, TT_OUTCOME_TIMEOUT);
	m.ends.peer = m.ends.local = (struct tt_sockaddr){0};
	m.ends.origin = TT_ORIGIN_PCAP;
	m.x.actor = (struct tt_actor){0};
	m.x.complete = false;
	check(&m, &redacted,
	      "{\"time_unix_ns\":1700000001000000000,\"kind\":\"server\",\"protocol\":\"dns\",\"operation\":null,\"resource\":"
	      "null,"
	      "\"status\":null,\"error\":null,\"error_type\":\"timeout\",\"duration_ns\":null,\"ttfb_ns\":null,\"request_bytes\":"
	      "78,"
	      "\"response_bytes\":null,\"complete\":false,\"source\":\"pcap\",\"client\":null,\"server\":null,\"pid\":null,"
	      "\"tid\":null,"
	      "\"comm\":null,\"service\":null,\"container_id\":null,\"attributes\":{}}\n");
	tt_made_free(&m);
}

/* A key both halves set is written once, as the response has it; the error text is shown only on demand. */
static void keeps_secrets_and_keys_apart(void **state)
{
	struct tt_made m;
	tt_made_init(&m, "mysql", TT_ROLE_CLIENT);
	tt_made_texts(&m, "SELECT", "SELECT 'secret'", "1064");
	tt_message_attr(&m.request, "db.query.text", TT_SPAN_LIT("SELECT 'secret'"));
	tt_message_attr(&m.request, "db.namespace", TT_SPAN_LIT("old"));
	tt_message_attr(&m.response, "db.namespace", TT_SPAN_LIT("new"));
	tt_message_attr_bool(&m.response, "flag", true);
	tt_message_fail(&m.response, TT_SPAN_LIT("1064"));
	tt_message_text(&m.response, TT_TEXT_ERROR, TT_SPAN_LIT("near 'secret'"));

	tt_buf_auto struct tt_buf b = TT_BUF(65536);
	assert_int_equal(tt_jsonl_write(&b, &m.e, &m.x, &redacted), 0);
	tt_buf_add_char(&b, 0);
	assert_null(strstr((char *)b.data, "secret"));
	assert_non_null(strstr((char *)b.data, "\"kind\":\"client\""));
	assert_non_null(strstr((char *)b.data, "\"resource\":\"SELECT ?\""));
	assert_non_null(strstr((char *)b.data, "{\"db.query.text\":\"SELECT ?\",\"db.namespace\":\"new\",\"flag\":true}"));
	assert_non_null(strstr((char *)b.data, "\"error\":true,\"error_type\":\"1064\""));

	tt_buf_clear(&b);
	assert_int_equal(tt_jsonl_write(&b, &m.e, &m.x, &shown), 0);
	tt_buf_add_char(&b, 0);
	assert_non_null(strstr((char *)b.data, "\"error.message\":\"near 'secret'\""));
	tt_made_free(&m);
}

static void leaves_no_half_line(void **state)
{
	struct tt_made m;
	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	tt_buf_auto struct tt_buf b = TT_BUF(300);
	tt_buf_add_str(&b, "before");
	assert_int_equal(tt_jsonl_write(&b, &m.e, &m.x, &redacted), -ENOBUFS);
	assert_int_equal(b.len, 6);
	assert_false(b.failed);
	tt_made_free(&m);
}

static void reports_a_full_disk(void **state)
{
	tt_close_auto int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct tt_sink *sink = NULL;
	struct tt_made m;
	uint64_t written;
	uint64_t dropped;

	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	assert_int_equal(tt_jsonl_new(&sink, fd, &redacted), 0);
	sink->ops->exchange(sink, &m.e, &m.x);
	assert_int_equal(sink->ops->flush(sink), -ENOSPC);
	sink->ops->exchange(sink, &m.e, &m.x);
	assert_int_equal(sink->ops->flush(sink), -ENOSPC);
	tt_jsonl_counts(sink, &written, &dropped);
	assert_int_equal(written, 0);
	assert_int_equal(dropped, 2);
	sink = tt_sink_free(sink);
	tt_made_free(&m);
}

static void hands_lines_on(void **state)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct tt_sink *sink = NULL;
	struct tt_made m;
	char text[8192];

	tt_made_http(&m, TT_ROLE_SERVER, "/", 200);
	assert_int_equal(tt_jsonl_new(&sink, ends[1], &redacted), 0);
	sink->ops->exchange(sink, &m.e, &m.x);
	sink->ops->exchange(sink, &m.e, &m.x);
	sink->ops->advance(sink, 0);
	ssize_t n = read(ends[0], text, sizeof(text));
	assert_true(n > 0);
	int lines = 0;
	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 2);
	sink = tt_sink_free(sink);
	close(ends[0]);
	close(ends[1]);
	tt_made_free(&m);
}

TT_UNIT_TESTS(cmocka_unit_test(writes_every_field), cmocka_unit_test(invents_nothing),
	      cmocka_unit_test(keeps_secrets_and_keys_apart), cmocka_unit_test(leaves_no_half_line),
	      cmocka_unit_test(reports_a_full_disk), cmocka_unit_test(hands_lines_on))
