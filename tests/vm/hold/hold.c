// SPDX-License-Identifier: Apache-2.0
/*
 * live_hold interrupts|softirqs|receive MS: holds the processor it is on up in the kernel for so long, once, while a thread that
 * must not wait (SCHED_FIFO) is to run there. Prints how long both were, as a JSON line. Exit status 77: this kernel cannot.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/types.h>

#include "hold.h"

#include "hold.skel.h"

#define MS 1000000ull
/* From when all is ready to when the thread is to run, and how long before that the processor is held up. */
#define SOON_NS (200 * MS)
#define BEFORE_NS (1 * MS)

static const char *const kinds[] = {"", "interrupts", "softirqs", "receive"};

struct victim {
	__u64 due_ns;
	__u64 late_ns;
};

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (__u64)t.tv_sec * 1000 * MS + (__u64)t.tv_nsec;
}

static void sleep_until(__u64 ns)
{
	const struct timespec t = {.tv_sec = (time_t)(ns / (1000 * MS)), .tv_nsec = (long)(ns % (1000 * MS))};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void fail(const char *what)
{
	fprintf(stderr, "live_hold: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *victim_run(void *argument)
{
	struct victim *v = argument;
	const struct sched_param first = {.sched_priority = 10};

	errno = pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
	if (errno)
		fail("SCHED_FIFO");
	sleep_until(v->due_ns);
	v->late_ns = now_ns() - v->due_ns;
	return NULL;
}

static void *reader_run(void *argument)
{
	char byte;

	return read(*(const int *)argument, &byte, 1) == 1 ? argument : NULL;
}

/* What makes the kernel come by the place. */
static void come_by(enum tt_hold_kind kind, int to_reader)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	if (kind == TT_HOLD_INTERRUPTS) {
		if (write(to_reader, "x", 1) != 1)
			fail("pipe");
		return;
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)) != 1)
		fail("loopback");
	close(fd);
}

static struct tt_hold hold_once(int map, enum tt_hold_kind kind, __u64 ns, struct victim *v)
{
	const __u32 zero = 0;
	struct tt_hold h = {.kind = kind, .tid = (__u32)gettid(), .ns = ns + BEFORE_NS};
	pthread_t reader, victim;
	int ends[2];

	v->due_ns = now_ns() + SOON_NS;
	if (pipe(ends) < 0 || pthread_create(&reader, NULL, reader_run, &ends[0]) || pthread_create(&victim, NULL, victim_run, v))
		fail("threads");
	sleep_until(v->due_ns - BEFORE_NS);
	if (bpf_map_update_elem(map, &zero, &h, BPF_ANY) < 0)
		fail("map");
	come_by(kind, ends[1]);
	pthread_join(victim, NULL);
	if (kind != TT_HOLD_INTERRUPTS && write(ends[1], "x", 1) != 1)
		fail("pipe");
	pthread_join(reader, NULL);
	if (bpf_map_lookup_elem(map, &zero, &h) < 0)
		fail("map");
	return h;
}

int main(int argc, char **argv)
{
	struct victim v = {0};
	cpu_set_t one;
	unsigned kind = 1;

	while (argc == 3 && kind < sizeof(kinds) / sizeof(*kinds) && strcmp(argv[1], kinds[kind]) != 0)
		kind++;
	if (argc != 3 || kind == sizeof(kinds) / sizeof(*kinds)) {
		fprintf(stderr, "usage: live_hold interrupts|softirqs|receive MS\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		fail("processor");
	struct hold *programs = hold__open_and_load();
	if (!programs || hold__attach(programs) < 0) {
		fprintf(stderr, "live_hold: this kernel does not take the programs\n");
		return 77;
	}
	struct tt_hold h = hold_once(bpf_map__fd(programs->maps.hold), kind, strtoull(argv[2], NULL, 10) * MS, &v);
	printf("{\"pid\":%d,\"held_ns\":%llu,\"late_ns\":%llu,\"ended_ns\":%llu}\n", getpid(), h.ended_ns - h.began_ns, v.late_ns,
	       h.ended_ns);
	hold__destroy(programs);
	return 0;
}
