// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP over io_uring alone, both ends, with liburing:
 *
 *   live_http_uring REQUESTS BODY
 *
 * A server in a child accepts, receives and sends by its ring; the client does the same. Request N asks for /uring/N and is
 * answered with a body of BODY bytes. Prints "asked N", or "note skip …" where the kernel has no io_uring.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUFFER 65536

static void fail(const char *what, int error)
{
	printf("note fail %s: %s\n", what, strerror(error));
	exit(1);
}

/* Submits what was prepared and waits for its result. */
static int done(struct io_uring *ring, const char *what)
{
	struct io_uring_cqe *cqe;

	int r = io_uring_submit_and_wait(ring, 1);
	if (r >= 0)
		r = io_uring_wait_cqe(ring, &cqe);
	if (r < 0)
		fail(what, -r);
	r = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	if (r < 0)
		fail(what, -r);
	return r;
}

static void send_all(struct io_uring *ring, int fd, const char *data, size_t len)
{
	while (len) {
		io_uring_prep_send(io_uring_get_sqe(ring), fd, data, len, 0);
		size_t n = (size_t)done(ring, "send");
		data += n;
		len -= n;
	}
}

static size_t receive(struct io_uring *ring, int fd, char *data, size_t size)
{
	io_uring_prep_recv(io_uring_get_sqe(ring), fd, data, size, 0);
	return (size_t)done(ring, "recv");
}

/* A request is received whole: it is small, and nothing follows before its answer. */
static int serve(int listener, size_t body)
{
	static char buffer[BUFFER];
	struct io_uring ring;

	int r = io_uring_queue_init(8, &ring, 0);
	if (r < 0)
		fail("server's ring", -r);
	io_uring_prep_accept(io_uring_get_sqe(&ring), listener, NULL, NULL, 0);
	int fd = done(&ring, "accept");
	int head = snprintf(buffer, sizeof(buffer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body);
	memset(buffer + head, 'b', body);
	char request[1024];
	while (receive(&ring, fd, request, sizeof(request)))
		send_all(&ring, fd, buffer, (size_t)head + body);
	close(fd);
	io_uring_queue_exit(&ring);
	return 0;
}

static void ask(struct io_uring *ring, int fd, int number, size_t body)
{
	static char buffer[BUFFER];
	char request[128];

	int len = snprintf(request, sizeof(request), "GET /uring/%d HTTP/1.1\r\nHost: ring\r\n\r\n", number);
	send_all(ring, fd, request, (size_t)len);
	size_t got = 0, want = sizeof(buffer);
	while (got < want) {
		size_t n = receive(ring, fd, buffer + got, sizeof(buffer) - got);
		if (!n)
			fail("answer", ECONNRESET);
		got += n;
		const char *end = memmem(buffer, got, "\r\n\r\n", 4);
		if (end)
			want = (size_t)(end + 4 - buffer) + body;
	}
}

int main(int argc, char **argv)
{
	int requests = argc > 1 ? atoi(argv[1]) : 100;
	size_t body = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	struct io_uring ring;

	int r = io_uring_queue_init(8, &ring, 0);
	if (r < 0) {
		printf("note skip io_uring: %s\n", strerror(-r));
		return 0;
	}
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (body > BUFFER - 1024 || bind(listener, (struct sockaddr *)&address, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		fail("listening", errno);
	fflush(stdout);
	pid_t server = fork();
	if (!server)
		_exit(serve(listener, body));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	io_uring_prep_connect(io_uring_get_sqe(&ring), fd, (struct sockaddr *)&address, len);
	done(&ring, "connect");
	for (int i = 0; i < requests; i++)
		ask(&ring, fd, i, body);
	close(fd);
	waitpid(server, NULL, 0);
	printf("asked %d\n", requests);
	return 0;
}
