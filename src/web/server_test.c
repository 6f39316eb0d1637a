// SPDX-License-Identifier: Apache-2.0
/* The test's own thread plays the draining thread: it serves the mailbox while it waits for what the server sends. */
#include "web/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "harness/unit.h"

#define PATIENCE_MS 10000
#define ANSWER_MS 150
#define BIG (5u << 20)

struct room {
	struct tt_limits limits;
	struct tt_mailbox *mailbox;
	struct tt_server *server;
};

static void render(void *ctx, const struct tt_ask *ask, struct tt_answer *answer)
{
	if (tt_span_eq(ask->path, TT_SPAN_LIT("/big"))) {
		for (unsigned i = 0; i < BIG / 16; i++)
			tt_buf_add_str(&answer->body, "0123456789abcdef");
	} else if (tt_span_eq(ask->path, TT_SPAN_LIT("/metrics"))) {
		answer->content_type = "text/plain; version=0.0.4";
		tt_buf_add_str(&answer->body, "up 1\n");
	} else if (tt_span_starts(ask->path, TT_SPAN_LIT("/api/"))) {
		tt_buf_printf(&answer->body, "[%.*s][%.*s]", (int)ask->path.len, ask->path.data, (int)ask->query.len,
			      ask->query.data);
	} else {
		answer->status = 404;
	}
}

static void open_room(struct room *r, uint64_t clients)
{
	static const char *const names[] = {"telltale.example", NULL};

	tt_limits_init(&r->limits);
	r->limits.value[TT_LIMIT_HTTP_CLIENTS] = clients;
	r->limits.value[TT_LIMIT_WATCH_BYTES] = 4096;
	struct tt_server_config config = {
		.listen = "127.0.0.1:0", .allow_hosts = names, .limits = &r->limits, .answer_timeout_ms = ANSWER_MS};
	assert_int_equal(tt_mailbox_new(&r->mailbox, clients, 8u << 20), 0);
	assert_int_equal(tt_server_new(&r->server, &config, r->mailbox), 0);
	assert_int_not_equal(tt_server_port(r->server), 0);
}

static void close_room(struct room *r)
{
	r->server = tt_server_free(r->server);
	r->mailbox = tt_mailbox_free(r->mailbox);
}

static int dial(const struct room *r)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(tt_server_port(r->server))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Serves the mailbox until fd is readable. */
static void await(struct room *r, int fd)
{
	for (;;) {
		struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = tt_mailbox_fd(r->mailbox), .events = POLLIN}};
		assert_int_not_equal(poll(p, 2, PATIENCE_MS), 0);
		if (p[1].revents)
			tt_mailbox_serve(r->mailbox, render, NULL);
		if (p[0].revents)
			return;
	}
}

/* Reads on until `text` (at most max bytes with its end) ends in `end`; NULL: until the connection ends. Returns its length. */
static size_t hear(struct room *r, int fd, const char *end, char *text, size_t max)
{
	size_t len = 0;

	for (;;) {
		await(r, fd);
		ssize_t n = recv(fd, text + len, max - 1 - len, 0);
		assert_true(n >= 0);
		len += (size_t)n;
		text[len] = 0;
		if (n == 0 && !end)
			return len;
		assert_int_not_equal(n, 0);
		if (end && len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0)
			return len;
	}
}

static char heard[16384];

/* One request on a connection of its own; the reply is in `heard`. */
static const char *ask(struct room *r, const char *method, const char *target, const char *headers)
{
	char text[1024];
	int fd = dial(r);

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n", method, target, headers);
	say(fd, text);
	hear(r, fd, NULL, heard, sizeof(heard));
	close(fd);
	return heard;
}

#define LOCAL "Host: localhost\r\n"

/* Not inlined: the null checks of UBSan make gcc see null texts where there are none. */
static void __attribute__((noinline)) assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void passes_questions_on(void **state)
{
	struct room r;

	open_room(&r, 8);
	const char *reply = ask(&r, "GET", "/api/v1/a%20b?service=x%26y&n=1", LOCAL);
	assert_has(reply, "HTTP/1.1 200 OK\r\n");
	assert_has(reply, "Content-Type: application/json\r\n");
	assert_has(reply, "Cache-Control: no-store\r\n");
	assert_has(reply, "X-Content-Type-Options: nosniff\r\n");
	assert_has(reply, "\r\n\r\n[/api/v1/a b][service=x%26y&n=1]");
	assert_has(ask(&r, "GET", "/metrics", LOCAL), "Content-Type: text/plain; version=0.0.4\r\n");

	reply = ask(&r, "HEAD", "/metrics", LOCAL);
	assert_has(reply, "Content-Length: 5\r\n");
	assert_null(strstr(reply, "up 1"));

	reply = ask(&r, "GET", "/nothing", LOCAL);
	assert_has(reply, "HTTP/1.1 404 Not Found\r\n");
	assert_has(reply, "Content-Type: application/json\r\n");
	assert_has(reply, "\r\n\r\n{\"error\":\"no such path\"}");
	close_room(&r);
}

static void keeps_connections(void **state)
{
	struct room r;

	open_room(&r, 8);
	int fd = dial(&r);
	for (int i = 0; i < 3; i++) {
		say(fd, "GET /api/x HTTP/1.1\r\n" LOCAL "\r\n");
		hear(&r, fd, "[/api/x][]", heard, sizeof(heard));
	}
	close(fd);
	close_room(&r);
}

static void sends_large_bodies_whole(void **state)
{
	struct room r;
	size_t size = BIG + 4096;
	char *text = malloc(size);

	assert_non_null(text);
	open_room(&r, 8);
	int fd = dial(&r);
	say(fd, "GET /big HTTP/1.1\r\n" LOCAL "Connection: close\r\n\r\n");
	size_t len = hear(&r, fd, NULL, text, size);
	const char *body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(len - (size_t)(body + 4 - text), BIG);
	close(fd);
	free(text);
	close_room(&r);
}

static void serves_the_page(void **state)
{
	struct room r;
	char etag[32], headers[128];

	open_room(&r, 8);
	const char *reply = ask(&r, "GET", "/", LOCAL);
	assert_has(reply, "HTTP/1.1 200 OK\r\n");
	assert_has(reply, "Content-Type: text/html; charset=utf-8\r\n");
	assert_has(reply, "Content-Security-Policy: default-src 'self';");
	assert_has(reply, "<title>telltale</title>");
	assert_int_equal(sscanf(strstr(reply, "ETag: "), "ETag: %31s", etag), 1);

	snprintf(headers, sizeof(headers), LOCAL "If-None-Match: %s\r\n", etag);
	reply = ask(&r, "GET", "/", headers);
	assert_has(reply, "HTTP/1.1 304 Not Modified\r\n");
	assert_null(strstr(reply, "<title>"));
	close_room(&r);
}

static void refuses_foreign_names(void **state)
{
	struct room r;
	struct tt_server_stats stats;

	open_room(&r, 8);
	assert_has(ask(&r, "GET", "/", "Host: evil.example\r\n"), "HTTP/1.1 403 Forbidden\r\n");
	assert_has(ask(&r, "GET", "/api/v1/map", "Host: evil.example:9464\r\n"), "HTTP/1.1 403 Forbidden\r\n");
	assert_has(ask(&r, "GET", "/", "Host: telltale.example\r\n"), "HTTP/1.1 200 OK\r\n");
	/* HTTP/1.1 without the header is malformed in itself; HTTP/1.0 without it is nobody's. */
	assert_has(ask(&r, "GET", "/", ""), "HTTP/1.1 400 Bad Request\r\n");
	int fd = dial(&r);
	say(fd, "GET / HTTP/1.0\r\n\r\n");
	hear(&r, fd, NULL, heard, sizeof(heard));
	assert_has(heard, " 403 Forbidden\r\n");
	close(fd);
	tt_server_get_stats(r.server, &stats);
	assert_int_equal(stats.refused_hosts, 3);
	close_room(&r);
}

static void allows_reading_only(void **state)
{
	static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FROB"};
	struct room r;

	open_room(&r, 8);
	for (size_t i = 0; i < TT_ARRAY_LEN(methods); i++) {
		const char *reply = ask(&r, methods[i], "/api/v1/map", LOCAL "Content-Length: 0\r\n");
		assert_has(reply, "HTTP/1.1 405 Method Not Allowed\r\n");
		assert_has(reply, "Allow: GET, HEAD\r\n");
	}
	/* A body nobody wants is read over. */
	int fd = dial(&r);
	say(fd, "GET /api/x HTTP/1.1\r\n" LOCAL "Content-Length: 4\r\nConnection: close\r\n\r\nbody");
	hear(&r, fd, NULL, heard, sizeof(heard));
	assert_has(heard, "[/api/x][]");
	close(fd);
	close_room(&r);
}

static void refuses_long_and_broken_requests(void **state)
{
	static const char *const broken[] = {"\r\n\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\x01junk\r\n\r\n",
					     "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n"};
	struct room r;
	char text[5200];

	open_room(&r, 8);
	snprintf(text, sizeof(text), "GET /%05000d HTTP/1.1\r\n" LOCAL "Connection: close\r\n\r\n", 0);
	int fd = dial(&r);
	say(fd, text);
	hear(&r, fd, NULL, heard, sizeof(heard));
	assert_has(heard, "HTTP/1.1 414 ");
	close(fd);

	for (size_t i = 0; i < TT_ARRAY_LEN(broken); i++) {
		fd = dial(&r);
		say(fd, broken[i]);
		close(fd); /* whatever it makes of it, the server lives on */
	}
	assert_has(ask(&r, "GET", "/api/x", LOCAL), "HTTP/1.1 200 OK\r\n");
	close_room(&r);
}

static void does_not_wait_for_ever(void **state)
{
	struct room r;
	struct tt_server_stats stats;
	struct tt_mailbox_stats letters;

	open_room(&r, 8);
	int fd = dial(&r);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	say(fd, "GET /api/x HTTP/1.1\r\n" LOCAL "Connection: close\r\n\r\n");
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1); /* nobody serves the mailbox meanwhile */
	hear(&r, fd, NULL, heard, sizeof(heard));
	assert_has(heard, "HTTP/1.1 503 Service Unavailable\r\n");
	close(fd);

	/* The late answer does no harm, and the next question is answered. */
	assert_has(ask(&r, "GET", "/api/y", LOCAL), "[/api/y][]");
	tt_server_get_stats(r.server, &stats);
	tt_mailbox_get_stats(r.mailbox, &letters);
	assert_int_equal(stats.timeouts, 1);
	assert_int_equal(letters.abandoned, 1);
	close_room(&r);
}

static void survives_clients_that_leave(void **state)
{
	struct room r;

	open_room(&r, 32);
	for (int i = 0; i < 20; i++) {
		int fd = dial(&r);
		say(fd, "GET /api/x HTTP/1.1\r\n" LOCAL "\r\n");
		close(fd);
	}
	assert_has(ask(&r, "GET", "/", LOCAL), "HTTP/1.1 200 OK\r\n");
	/* And its own end while a question is under way. */
	int fd = dial(&r);
	struct pollfd p = {.fd = tt_mailbox_fd(r.mailbox), .events = POLLIN};
	say(fd, "GET /api/x HTTP/1.1\r\n" LOCAL "\r\n");
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	close_room(&r);
	close(fd);
}

static void serves_so_many_and_no_more(void **state)
{
	struct room r;
	struct tt_server_stats stats;
	int fd[2];

	open_room(&r, 2);
	for (int i = 0; i < 2; i++) {
		fd[i] = dial(&r);
		say(fd[i], "GET /api/x HTTP/1.1\r\n" LOCAL "\r\n");
		hear(&r, fd[i], "[/api/x][]", heard, sizeof(heard));
	}
	const char *reply = ask(&r, "GET", "/api/x", LOCAL);
	assert_has(reply, "HTTP/1.1 503 Service Unavailable\r\n");
	assert_has(reply, "Connection: close\r\n");
	tt_server_get_stats(r.server, &stats);
	assert_int_equal(stats.refused_clients, 1);

	/* Those who were there first go on; when one leaves, there is room again. */
	say(fd[0], "GET /api/y HTTP/1.1\r\n" LOCAL "Connection: close\r\n\r\n");
	hear(&r, fd[0], NULL, heard, sizeof(heard));
	assert_has(heard, "[/api/y][]");
	close(fd[0]);
	assert_has(ask(&r, "GET", "/api/x", LOCAL), "HTTP/1.1 200 OK\r\n");
	close(fd[1]);
	close_room(&r);
}

/* ---- streams ---- */

static int open_stream(struct room *r)
{
	int fd = dial(r);

	say(fd, "GET /api/v1/exchanges/stream HTTP/1.1\r\n" LOCAL "\r\n");
	hear(r, fd, "\r\n\r\n", heard, sizeof(heard));
	return fd;
}

static void push(struct room *r, const char *line)
{
	tt_mailbox_push(r->mailbox, tt_span_str(line));
	tt_mailbox_serve(r->mailbox, render, NULL);
}

/* The server notices a client's end by itself; the draining thread sees it at its next round. */
static void await_watchers(struct room *r, bool expect)
{
	for (int i = 0; i < PATIENCE_MS / 5 && tt_mailbox_watched(r->mailbox) != expect; i++) {
		poll(NULL, 0, 5);
		tt_mailbox_serve(r->mailbox, render, NULL);
	}
	assert_int_equal(tt_mailbox_watched(r->mailbox), expect);
}

static void streams_lines(void **state)
{
	struct room r;

	open_room(&r, 8);
	assert_false(tt_mailbox_watched(r.mailbox));
	int fd = open_stream(&r);
	assert_has(heard, "HTTP/1.1 200 OK\r\n");
	assert_has(heard, "Content-Type: application/x-ndjson\r\n");
	assert_true(tt_mailbox_watched(r.mailbox)); /* as soon as the client has the head, nothing is missed */

	push(&r, "{\"a\":1}");
	hear(&r, fd, "{\"a\":1}\n\r\n", heard, sizeof(heard));
	push(&r, "{\"a\":2}");
	hear(&r, fd, "{\"a\":2}\n\r\n", heard, sizeof(heard));
	assert_has(ask(&r, "GET", "/api/x", LOCAL), "HTTP/1.1 200 OK\r\n");

	close(fd);
	await_watchers(&r, false);
	close_room(&r);
}

static void tells_slow_readers_what_they_missed(void **state)
{
	struct room r;
	struct tt_mailbox_stats stats;
	char line[1024];
	int small = 4096, sent = 0;

	open_room(&r, 8);
	int fd = open_stream(&r);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	do {
		push(&r, line);
		tt_mailbox_get_stats(r.mailbox, &stats);
		sent++;
	} while (stats.dropped < 5 && sent < 100000);
	assert_true(stats.dropped >= 5);

	/* Reading on, all that was pushed is there or told as dropped. */
	uint64_t lines = 0, dropped = 0, run = 0;
	while (lines + dropped < (uint64_t)sent) {
		char block[4096];
		await(&r, fd);
		ssize_t n = recv(fd, block, sizeof(block) - 1, 0);
		assert_true(n > 0);
		tt_mailbox_serve(r.mailbox, render, NULL);
		for (ssize_t i = 0; i < n; i++) {
			static char notice[64];
			static size_t len;
			run += block[i] == 'x';
			if (run == sizeof(line) - 1) {
				lines++;
				run = 0;
			}
			if (block[i] == '{')
				len = 0;
			if (len < sizeof(notice) - 1)
				notice[len++] = block[i];
			notice[len] = 0;
			uint64_t count;
			if (block[i] == '}' && sscanf(notice, "{\"dropped\":%lu}", &count) == 1)
				dropped += count;
		}
	}
	assert_int_equal(lines + dropped, sent);
	assert_true(dropped >= 5);
	close(fd);
	await_watchers(&r, false);
	close_room(&r);
}

static void keeps_room_beside_streams(void **state)
{
	struct room r;

	open_room(&r, 4);
	int first = open_stream(&r), second = open_stream(&r);
	assert_has(ask(&r, "GET", "/api/v1/exchanges/stream", LOCAL), "HTTP/1.1 503 Service Unavailable\r\n");
	assert_has(ask(&r, "GET", "/api/x", LOCAL), "HTTP/1.1 200 OK\r\n");
	close(first);
	close(second);
	close_room(&r);
}

static void ends_streams_at_its_end(void **state)
{
	struct room r;

	open_room(&r, 4);
	int fd = open_stream(&r);
	push(&r, "last");
	r.server = tt_server_free(r.server);
	hear(&r, fd, NULL, heard, sizeof(heard));
	assert_has(heard, "last\n");
	close(fd);
	close_room(&r);
}

static void says_what_is_wrong_with_the_address(void **state)
{
	struct room r;
	struct tt_server *second = NULL;
	char listen[32];

	open_room(&r, 2);
	struct tt_server_config config = {.listen = listen, .limits = &r.limits};
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", tt_server_port(r.server));
	assert_int_equal(tt_server_new(&second, &config, r.mailbox), -EADDRINUSE);
	config.listen = "192.0.2.1:0";
	assert_int_equal(tt_server_new(&second, &config, r.mailbox), -EADDRNOTAVAIL);
	config.listen = "nonsense";
	assert_int_equal(tt_server_new(&second, &config, r.mailbox), -EINVAL);
	assert_null(second);
	close_room(&r);
}

TT_UNIT_TESTS(cmocka_unit_test(passes_questions_on), cmocka_unit_test(keeps_connections),
	      cmocka_unit_test(sends_large_bodies_whole), cmocka_unit_test(serves_the_page),
	      cmocka_unit_test(refuses_foreign_names), cmocka_unit_test(allows_reading_only),
	      cmocka_unit_test(refuses_long_and_broken_requests), cmocka_unit_test(does_not_wait_for_ever),
	      cmocka_unit_test(survives_clients_that_leave), cmocka_unit_test(serves_so_many_and_no_more),
	      cmocka_unit_test(streams_lines), cmocka_unit_test(tells_slow_readers_what_they_missed),
	      cmocka_unit_test(keeps_room_beside_streams), cmocka_unit_test(ends_streams_at_its_end),
	      cmocka_unit_test(says_what_is_wrong_with_the_address))
