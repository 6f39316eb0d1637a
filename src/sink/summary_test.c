// SPDX-License-Identifier: Apache-2.0
#include "sink/summary.h"

#include <stdio.h>

#include "harness/event.h"
#include "harness/unit.h"
#include "identity/text.h"

static struct tt_sink *summary_new(void)
{
	struct tt_limits limits;
	struct tt_sink *sink = NULL;

	tt_limits_init(&limits);
	assert_int_equal(tt_summary_new(&sink, &limits), 0);
	return sink;
}

static void give(struct tt_sink *sink, struct tt_span operation, struct tt_span route)
{
	struct tt_made m;

	tt_made_init(&m, "redis", TT_ROLE_SERVER);
	tt_message_text(&m.request, TT_TEXT_OPERATION, operation);
	m.e.route = route;
	sink->ops->exchange(sink, &m.e, &m.x);
	tt_made_free(&m);
}

/* The line below the head, without its end. */
static struct tt_span first_line(struct tt_buf *text, const struct tt_sink *sink)
{
	tt_buf_clear(text);
	tt_summary_write(text, sink, 10);
	ptrdiff_t head = tt_span_find(tt_buf_span(text), '\n');
	assert_true(head > 0);
	struct tt_span rest = tt_span_sub(tt_buf_span(text), (size_t)head + 1, SIZE_MAX);
	ptrdiff_t end = tt_span_find(rest, '\n');
	assert_true(end > 0);
	return tt_span_sub(rest, 0, (size_t)end);
}

static bool is_hidden(int byte)
{
	return byte < ' ' || (byte >= 127 && byte < 160);
}

/* Every byte at every place of two words: what a terminal would obey is a dot, all else is as it was. */
static void hides_what_terminals_obey(void **state)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);

	for (int byte = 0; byte < 256; byte++) {
		for (size_t at = 0; at < 19; at++) {
			char route[] = "/abcdefghijklmnopqr";
			char shown[sizeof(route)];
			route[at] = (char)byte;
			memcpy(shown, route, sizeof(route));
			if (is_hidden(byte))
				shown[at] = '.';

			struct tt_sink *sink = summary_new();
			give(sink, TT_SPAN_LIT("GET"), tt_span(route, 19));
			struct tt_span line = first_line(&text, sink);
			assert_true(line.len > 19);
			assert_memory_equal(line.data + line.len - 19, shown, 19);
			tt_sink_free(sink);
		}
	}
}

static void columns_are_filled_and_cut(void **state)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	struct tt_sink *sink = summary_new();
	uint8_t longest[600];

	memset(longest, 'x', sizeof(longest));
	give(sink, tt_span(longest, sizeof(longest)), tt_span(longest, sizeof(longest)));
	struct tt_span line = first_line(&text, sink);
	size_t run = 0;
	while (run < line.len && line.data[line.len - 1 - run] == 'x')
		run++;
	assert_int_equal(run, 64); /* of a route so many are shown */
	size_t operation = 0;
	while (line.data[line.len - 1 - run - 1 - operation] == 'x')
		operation++;
	assert_int_equal(operation, 32);

	struct tt_span before = tt_span_sub(line, 0, line.len - 64 - 1 - 32);
	struct tt_span columns = TT_SPAN_LIT("server redis      ");
	assert_true(before.len > columns.len);
	assert_memory_equal(before.data + before.len - columns.len, columns.data, columns.len);
	tt_sink_free(sink);
}

static void same_text_is_one_row(void **state)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	struct tt_sink *sink = summary_new();

	give(sink, TT_SPAN_LIT("GET"), TT_SPAN_LIT("a\x01"));
	give(sink, TT_SPAN_LIT("GET"), TT_SPAN_LIT("a\x02"));
	struct tt_span line = first_line(&text, sink);
	assert_memory_equal(line.data, "        2 ", 10);
	tt_sink_free(sink);
}

/* A path that taught no route is neither nothing nor told apart from others of its kind. */
static void what_has_no_route_is_said(void **state)
{
	struct tt_sink *sink = summary_new();
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	struct tt_made m;

	tt_made_init(&m, "http", TT_ROLE_SERVER);
	tt_message_text(&m.request, TT_TEXT_OPERATION, TT_SPAN_LIT("GET"));
	m.e.target = TT_SPAN_LIT("/no/such/thing");
	sink->ops->exchange(sink, &m.e, &m.x);
	tt_made_free(&m);
	struct tt_span line = first_line(&text, sink);
	assert_true(line.len > 6);
	assert_memory_equal(line.data + line.len - 6, " GET *", 6);
	tt_sink_free(sink);
}

/* In a capture nobody knows the processes: two servers are two rows. */
static void servers_of_a_capture_are_told_apart(void **state)
{
	struct tt_sink *sink = summary_new();
	tt_buf_auto struct tt_buf text = TT_BUF(4096);

	for (uint16_t port = 8080; port < 8082; port++) {
		struct tt_made m;
		tt_made_http(&m, TT_ROLE_SERVER, "/cart", 200);
		m.x.actor = (struct tt_actor){0};
		m.ends.local.port = port;
		m.e.route = TT_SPAN_LIT("/cart");
		sink->ops->exchange(sink, &m.e, &m.x);
		tt_made_free(&m);
	}
	tt_summary_write(&text, sink, 10);
	tt_buf_add_char(&text, 0);
	assert_non_null(strstr((char *)text.data, "  10.0.0.2:8080    server http       GET /cart\n"));
	assert_non_null(strstr((char *)text.data, "  10.0.0.2:8081    server http       GET /cart\n"));
	tt_sink_free(sink);
}

static void refuse(struct tt_sink *sink, const char *service, uint16_t port, int error, bool failed)
{
	struct tt_made m;

	tt_made_init(&m, "http", TT_ROLE_CLIENT);
	tt_text_set(m.self.service, sizeof(m.self.service), tt_span_str(service));
	m.ends.peer.port = port;
	const struct tt_conn_report r = {.ends = &m.ends, .connect_failed = failed, .opened = !failed, .error = error};
	sink->ops->connection(sink, &m.e, &r);
	tt_made_free(&m);
}

static void shows_connections_not_opened(void **state)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	struct tt_sink *sink = summary_new();

	refuse(sink, "curl", 9, 111, true);
	refuse(sink, "curl", 9, 111, true);
	refuse(sink, "a\x1b[m", 9, 110, true);
	refuse(sink, "curl", 9, 0, false);
	tt_summary_write(&text, sink, 1);
	tt_buf_add_char(&text, 0);
	assert_string_equal((char *)text.data, "        2 connections not opened: curl to 10.0.0.2:9 (ECONNREFUSED)\n"
					       "        1 other connections not opened\n");
	tt_buf_clear(&text);
	tt_summary_write(&text, sink, 2);
	tt_buf_add_char(&text, 0);
	assert_non_null(strstr((char *)text.data, "\n        1 connection not opened: a.[m to 10.0.0.2:9 (ETIMEDOUT)\n"));
	tt_sink_free(sink);
}

static void give_times(struct tt_sink *sink, const char *path, int status, int times)
{
	while (times--) {
		struct tt_made m;
		tt_made_http(&m, TT_ROLE_SERVER, path, status);
		m.e.route = tt_span_str(path);
		sink->ops->exchange(sink, &m.e, &m.x);
		tt_made_free(&m);
	}
}

static void give_taking(struct tt_sink *sink, uint64_t ns)
{
	struct tt_made m;

	tt_made_init(&m, "redis", TT_ROLE_SERVER);
	tt_made_texts(&m, "PING", NULL, "PONG");
	m.x.response_last_ns = m.x.request_first_ns + ns;
	sink->ops->exchange(sink, &m.e, &m.x);
	tt_made_free(&m);
}

/* A percentile is off by 6 % at most; so is what is shown of it. Nothing stands behind an operation without a route. */
static void short_times_are_shown_whole(void **state)
{
	static const uint64_t times[] = {200, 7000, 13000, 456000, 7890000, 123000000};
	tt_buf_auto struct tt_buf text = TT_BUF(4096);

	for (size_t i = 0; i < TT_ARRAY_LEN(times); i++) {
		struct tt_sink *sink = summary_new();
		give_taking(sink, times[i]);
		struct tt_span line = first_line(&text, sink);
		tt_buf_add_char(&text, 0);
		double shown = strtod((const char *)line.data + 17, NULL); /* behind two columns */
		if (shown * 1e6 < (double)times[i] * 0.93 || shown * 1e6 > (double)times[i] * 1.07)
			fail_msg("%llu ns are shown as %f ms", (unsigned long long)times[i], shown);
		assert_memory_equal(line.data + line.len - 5, " PING", 5);
		tt_sink_free(sink);
	}
}

/* Four of eight rows: the two busiest, then those that failed. The rest says how many of it did. */
static void failures_are_not_hidden(void **state)
{
	struct tt_sink *sink = summary_new();
	tt_buf_auto struct tt_buf text = TT_BUF(4096);

	give_times(sink, "/a", 200, 9);
	give_times(sink, "/b", 200, 8);
	give_times(sink, "/c", 200, 7);
	give_times(sink, "/d", 200, 6);
	give_times(sink, "/e500", 500, 3);
	give_times(sink, "/e501", 500, 2);
	give_times(sink, "/e502", 500, 1);
	give_times(sink, "/e503", 500, 1);
	tt_summary_write(&text, sink, 4);
	tt_buf_add_char(&text, 0);
	static const char *const wanted[] = {" /a\n", " /b\n", " /e500\n", " /e501\n", "       15 others, 2 failed\n"};
	const char *at = (char *)text.data;
	for (size_t i = 0; i < TT_ARRAY_LEN(wanted); i++) {
		at = at ? strstr(at, wanted[i]) : NULL;
		if (!at)
			fail_msg("no %s in its place in\n%s", wanted[i], (char *)text.data);
	}
	tt_buf_clear(&text);
	tt_summary_write(&text, sink, 7);
	tt_buf_add_char(&text, 0);
	assert_non_null(strstr((char *)text.data, "        6 others\n"));
	tt_sink_free(sink);
}

TT_UNIT_TESTS(cmocka_unit_test(hides_what_terminals_obey), cmocka_unit_test(columns_are_filled_and_cut),
	      cmocka_unit_test(same_text_is_one_row), cmocka_unit_test(servers_of_a_capture_are_told_apart),
	      cmocka_unit_test(shows_connections_not_opened), cmocka_unit_test(what_has_no_route_is_said),
	      cmocka_unit_test(failures_are_not_hidden), cmocka_unit_test(short_times_are_shown_whole))
