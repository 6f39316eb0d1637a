/* SPDX-License-Identifier: Apache-2.0 */
/* Connected pairs of sockets, bytes that tell where they stand, and saying what was moved: for live_calls.c. */
#ifndef TT_TESTS_LIVE_PAIR_H
#define TT_TESTS_LIVE_PAIR_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BIG (1 << 20)

static uint8_t out[BIG];
static uint8_t in[BIG];

static uint8_t pattern(unsigned seed, size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + seed * 13 + 1);
}

static void fill(unsigned seed, size_t from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = pattern(seed, from + i);
}

/* This kernel has not what a case needs. */
static void absent(const char *what)
{
	printf("note absent what=%s\n", what);
}

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("note fail ");
	vprintf(fmt, args);
	printf(": %s\n", strerror(errno));
	va_end(args);
	exit(1);
}

#define MUST(call)                                       \
	({                                               \
		__typeof__(call) _r = (call);            \
		if (_r < 0)                              \
			fail("%d: %s", __LINE__, #call); \
		_r;                                      \
	})

static unsigned long long inode_of(int fd)
{
	struct stat st;

	MUST(fstat(fd, &st));
	return st.st_ino;
}

enum transport { TCP4, TCP6, UNIX_STREAM, MPTCP };

static const char *const transport_names[] = {"tcp", "tcp", "unix", "tcp"};

struct pair {
	int a; /* client */
	int b; /* server */
	enum transport transport;
};

static socklen_t address_any(enum transport t, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (t == TCP4 || t == MPTCP) {
		struct sockaddr_in *a = (struct sockaddr_in *)ret;
		a->sin_family = AF_INET;
		a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*a);
	}
	if (t == TCP6) {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)ret;
		a->sin6_family = AF_INET6;
		a->sin6_addr = in6addr_loopback;
		return sizeof(*a);
	}
	static int serial;
	struct sockaddr_un *a = (struct sockaddr_un *)ret;
	a->sun_family = AF_UNIX;
	int n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "tt-live-%d-%d", getpid(), serial++);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static int family_of(enum transport t)
{
	return t == TCP4 || t == MPTCP ? AF_INET : t == TCP6 ? AF_INET6 : AF_UNIX;
}

static int stream_socket(enum transport t)
{
	return socket(family_of(t), SOCK_STREAM, t == MPTCP ? IPPROTO_MPTCP : 0);
}

static struct pair pair_open(enum transport t)
{
	struct sockaddr_storage address;
	socklen_t len = address_any(t, &address);
	int l = MUST(stream_socket(t));
	int one = 1;

	MUST(bind(l, (struct sockaddr *)&address, len));
	MUST(listen(l, 1));
	len = sizeof(address);
	MUST(getsockname(l, (struct sockaddr *)&address, &len));
	struct pair p = {.transport = t};
	p.a = MUST(stream_socket(t));
	MUST(connect(p.a, (struct sockaddr *)&address, len));
	p.b = MUST(accept(l, NULL, NULL));
	close(l);
	if (t != UNIX_STREAM)
		setsockopt(p.a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return p;
}

static void pair_close(struct pair *p)
{
	close(p->a);
	close(p->b);
}

static void moved(const char *name, int fd, const char *dir, const char *transport, size_t bytes, unsigned seed)
{
	printf("moved %s ino=%llu dir=%s transport=%s bytes=%zu seed=%u", name, inode_of(fd), dir, transport, bytes, seed);
}

#endif
