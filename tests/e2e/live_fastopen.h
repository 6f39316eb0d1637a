/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections opened by what is sent first (TCP Fast Open), in a network namespace of their own, as the kernel's setting for it
 * is the namespace's: for live_calls.c.
 */
#ifndef TT_TESTS_LIVE_FASTOPEN_H
#define TT_TESTS_LIVE_FASTOPEN_H

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "live_pair.h"

/* Into the new namespace, its loopback up and Fast Open on at both ends. False: it is not to be had here. */
static int fastopen_on(void)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (unshare(CLONE_NEWNET) < 0)
		return 0;
	int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	MUST(ioctl(s, SIOCSIFFLAGS, &up));
	close(s);
	FILE *setting = fopen("/proc/sys/net/ipv4/tcp_fastopen", "we");
	if (!setting)
		return 0;
	fputs("3", setting);
	return fclose(setting) == 0;
}

static int fastopen_listen(struct sockaddr_storage *ret)
{
	socklen_t len = address_any(TCP4, ret);
	int l = MUST(stream_socket(TCP4));

	MUST(bind(l, (struct sockaddr *)ret, len));
	MUST(setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN, &(int){8}, sizeof(int)));
	MUST(listen(l, 8));
	len = sizeof(*ret);
	MUST(getsockname(l, (struct sockaddr *)ret, &len));
	return l;
}

/* Whether the data went with the SYN. */
static int with_syn(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info.tcpi_options & 32; /* TCPI_OPT_SYN_DATA */
}

/* The ways to open so; the first call only fetches the cookie. */
static const struct {
	const char *name;
	int by_option; /* connect() is put off until something is sent */
	int flags;
	int with_syn;
} fastopen_ways[] = {
	{"fastopen-asks", 0, 0, 0},
	{"fastopen", 0, 0, 1},
	{"fastopen-nowait", 0, MSG_DONTWAIT, 1},
	{"fastopen-option", 1, 0, 1},
	{"fastopen-option-nowait", 1, MSG_DONTWAIT, 1},
};

/* What sends so and fails has failed to connect, and so has what it opened; where Fast Open is off, nothing was tried. */
static void fastopen_fails(const void *address, int error)
{
	int a = MUST(stream_socket(TCP4));

	if (sendto(a, out, 10, MSG_FASTOPEN, address, sizeof(struct sockaddr_in)) >= 0 || errno != error)
		fail("fastopen: %s was due", strerror(error));
	if (error != EOPNOTSUPP)
		printf("note refused ino=%llu error=%d\n", inode_of(a), error);
	else
		printf("note untried ino=%llu\n", inode_of(a));
	close(a);
}

static void case_fastopen(void)
{
	struct sockaddr_storage address;

	if (!fastopen_on()) {
		absent("fastopen");
		return;
	}
	int l = fastopen_listen(&address);
	for (unsigned i = 0; i < sizeof(fastopen_ways) / sizeof(fastopen_ways[0]); i++) {
		int a = MUST(stream_socket(TCP4));
		unsigned seed = 90 + 2 * i;

		fill(seed, 0, 900);
		if (fastopen_ways[i].by_option) {
			MUST(setsockopt(a, IPPROTO_TCP, 30 /* TCP_FASTOPEN_CONNECT */, &(int){1}, sizeof(int)));
			MUST(connect(a, (struct sockaddr *)&address, sizeof(struct sockaddr_in)));
			if (send(a, out, 700, fastopen_ways[i].flags) != 700)
				fail("%s", fastopen_ways[i].name);
		} else if (sendto(a, out, 700, MSG_FASTOPEN | fastopen_ways[i].flags, (struct sockaddr *)&address,
				  sizeof(struct sockaddr_in)) != 700) {
			fail("%s", fastopen_ways[i].name);
		}
		int b = MUST(accept(l, NULL, NULL));
		MUST(send(a, out + 700, 200, 0));
		if (recv(b, in, 900, MSG_WAITALL) != 900)
			fail("%s", fastopen_ways[i].name);
		fill(seed + 1, 0, 50);
		MUST(send(b, out, 50, 0));
		if (recv(a, in, 50, MSG_WAITALL) != 50)
			fail("%s", fastopen_ways[i].name);
		if (!with_syn(a) != !fastopen_ways[i].with_syn)
			fail("%s: the SYN was to carry %s", fastopen_ways[i].name, fastopen_ways[i].with_syn ? "data" : "none");
		for (int end = 0; end < 2; end++) {
			moved(fastopen_ways[i].name, end ? b : a, "tx", "tcp", end ? 50 : 900, seed + !!end);
			printf("\n");
			moved(fastopen_ways[i].name, end ? b : a, "rx", "tcp", end ? 900 : 50, seed + !end);
			printf("\nnote opened ino=%llu role=%d\n", inode_of(end ? b : a), 1 + end);
		}
		close(a);
		close(b);
	}
	close(l);
	fastopen_fails(&address, ECONNREFUSED); /* nobody listens there any more */
	struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xc0000201)};
	fastopen_fails(&nowhere, ENETUNREACH);
	FILE *setting = fopen("/proc/sys/net/ipv4/tcp_fastopen", "we");
	if (!setting || fputs("0", setting) < 0 || fclose(setting) != 0)
		fail("fastopen off");
	fastopen_fails(&address, EOPNOTSUPP);
}

#endif
