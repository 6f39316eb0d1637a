// SPDX-License-Identifier: Apache-2.0
/*
 * The client of the guest's benchmark: a fixed number of requests on one connection (or a connection each), and what the clock
 * and the watching processes' own clocks moved meanwhile. Under -icount a nanosecond is an instruction.
 *
 *     guest_load http|short|redis PORT REQUESTS SETTLE_MS
 *
 * It connects, warms up, says `ready`, and for each line of process numbers (those that watch; may be empty) on its input makes
 * its requests and answers `NANOSECONDS WATCHERS_MEANWHILE WATCHERS_AFTERWARDS`: the last is what they still did within SETTLE_MS
 * after it, less what they do in that time when nothing happens.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIPELINE 16
#define WARM_UP 160 /* a whole number of pipelines */

static int port;
static int watchers[64];
static size_t watcher_count;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "guest_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* The first number of schedstat: nanoseconds on a processor. */
static uint64_t thread_ns(int pid, const char *tid)
{
	char path[320], text[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, tid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	bool read = fgets(text, sizeof(text), f);
	fclose(f);
	return read ? strtoull(text, NULL, 10) : 0;
}

static uint64_t watchers_ns(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < watcher_count; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/task", watchers[i]);
		DIR *dir = opendir(path);
		struct dirent *entry;
		while (dir && (entry = readdir(dir))) {
			if (entry->d_name[0] != '.')
				sum += thread_ns(watchers[i], entry->d_name);
		}
		if (dir)
			closedir(dir);
	}
	return sum;
}

static int connected(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void send_all(int fd, const char *text, size_t len)
{
	if (write(fd, text, len) != (ssize_t)len)
		fail("write");
}

/* Reads until the text holds `count` times `end`. */
static void read_until(int fd, const char *end, int count)
{
	static char text[65536];
	size_t len = 0;

	for (int found = 0; found < count;) {
		ssize_t n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			fail("read");
		len += (size_t)n;
		text[len] = 0;
		found = 0;
		for (const char *at = text; (at = strstr(at, end)); at += strlen(end))
			found++;
	}
}

static const char request[] = "GET /index HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: guest_load\r\nAccept: */*\r\n\r\n";

static void http(int fd, int count)
{
	for (int i = 0; i < count; i++) {
		send_all(fd, request, sizeof(request) - 1);
		read_until(fd, "hello from nginx", 1);
	}
}

static void short_lived(int unused, int count)
{
	for (int i = 0; i < count; i++) {
		int fd = connected();
		send_all(fd, request, sizeof(request) - 1);
		read_until(fd, "hello from nginx", 1);
		close(fd);
	}
}

static void redis(int fd, int count)
{
	char text[PIPELINE * 64];
	size_t len = 0;

	for (int i = 0; i < PIPELINE; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"*3\r\n$3\r\nSET\r\n$6\r\nkey:%02d\r\n$8\r\nvalue %02d\r\n", i, i);
	for (int i = 0; i < count; i += PIPELINE) {
		send_all(fd, text, len);
		read_until(fd, "+OK\r\n", PIPELINE);
	}
}

static const struct {
	const char *name;
	void (*run)(int fd, int count);
	bool stays; /* one connection for all */
} loads[] = {{"http", http, true}, {"short", short_lived, false}, {"redis", redis, true}};

static void watchers_read(const char *line)
{
	char *end;

	watcher_count = 0;
	for (long pid; watcher_count < sizeof(watchers) / sizeof(watchers[0]) && (pid = strtol(line, &end, 10)) > 0; line = end)
		watchers[watcher_count++] = (int)pid;
}

int main(int argc, char **argv)
{
	char line[512];
	size_t i = 0;

	if (argc != 5)
		return 2;
	port = atoi(argv[2]);
	int count = atoi(argv[3]), settle_ms = atoi(argv[4]);
	while (strcmp(loads[i].name, argv[1]) != 0) {
		if (++i == sizeof(loads) / sizeof(loads[0]))
			return 2;
	}
	int fd = loads[i].stays ? connected() : -1;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		watchers_read(line);
		loads[i].run(fd, WARM_UP);
		sleep_ms(settle_ms);
		uint64_t idle = watchers_ns();
		sleep_ms(settle_ms);
		uint64_t before = watchers_ns(), begin = now_ns();
		idle = before - idle;
		loads[i].run(fd, count);
		uint64_t end = now_ns(), after = watchers_ns();
		sleep_ms(settle_ms);
		uint64_t late = watchers_ns() - after;
		printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", end - begin, after - before, late > idle ? late - idle : 0);
		fflush(stdout);
	}
	return 0;
}
