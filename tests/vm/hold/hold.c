// SPDX-License-Identifier: Apache-2.0
/*
 * live_hold interrupts|softirqs|receive|lock|processor MS [TIMES [alone]]: holds the processor it is on up in the kernel for so
 * long, once or so often, while a thread that must not wait (SCHED_FIFO) is to run there. Prints how long both were, as a JSON
 * line for each time. `alone`: one time follows the other at once, and there is no such thread. Exit status 77: this kernel
 * cannot.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
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
/* From when all is ready to when the thread is to run, once or each time; and how long before that the processor is held up. */
#define SOON_NS (200 * MS)
#define SOON_AGAIN_NS (20 * MS)
#define BEFORE_NS (1 * MS)

static const char *const kinds[] = {"", "interrupts", "softirqs", "receive", "lock", "processor"};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct victim {
	__u64 due_ns;
	__u64 late_ns;
	int wants_lock;
	pid_t tid;
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

static void prefer(int priority)
{
	const struct sched_param first = {.sched_priority = priority};

	errno = pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
	if (errno)
		fail("SCHED_FIFO");
}

static void *victim_run(void *argument)
{
	struct victim *v = argument;

	prefer(10);
	v->tid = gettid();
	sleep_until(v->due_ns);
	if (v->wants_lock) {
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
	}
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

/* In user space. */
static void hold_here(struct tt_hold *h)
{
	h->began_ns = now_ns();
	if (h->kind == TT_HOLD_LOCK) {
		pthread_mutex_lock(&lock);
		sleep_until(h->began_ns + h->ns);
		pthread_mutex_unlock(&lock);
	} else {
		while (now_ns() < h->began_ns + h->ns)
			;
	}
	h->ended_ns = now_ns();
}

static struct tt_hold hold_once(int map, enum tt_hold_kind kind, __u64 ns, __u64 soon_ns, struct victim *v)
{
	const __u32 zero = 0;
	struct tt_hold h = {.kind = kind, .tid = (__u32)gettid(), .ns = ns + BEFORE_NS};
	pthread_t reader, victim;
	int ends[2];

	v->due_ns = now_ns() + soon_ns;
	v->wants_lock = kind == TT_HOLD_LOCK;
	if (pipe(ends) < 0 || pthread_create(&reader, NULL, reader_run, &ends[0]) || pthread_create(&victim, NULL, victim_run, v))
		fail("threads");
	sleep_until(v->due_ns - BEFORE_NS);
	if (map < 0) {
		hold_here(&h);
	} else {
		if (bpf_map_update_elem(map, &zero, &h, BPF_ANY) < 0)
			fail("map");
		come_by(kind, ends[1]);
	}
	pthread_join(victim, NULL);
	if (kind != TT_HOLD_INTERRUPTS && write(ends[1], "x", 1) != 1)
		fail("pipe");
	pthread_join(reader, NULL);
	if (map >= 0 && bpf_map_lookup_elem(map, &zero, &h) < 0)
		fail("map");
	close(ends[0]);
	close(ends[1]);
	return h;
}

static void *reads_all(void *argument)
{
	char byte;

	while (read(*(const int *)argument, &byte, 1) == 1)
		;
	return NULL;
}

static void say(const struct tt_hold *h, const struct victim *v)
{
	printf("{\"pid\":%d,\"held_ns\":%llu,\"late_ns\":%llu,\"late_tid\":%d,\"ended_ns\":%llu}\n", getpid(),
	       h->ended_ns - h->began_ns, v->late_ns, v->tid, h->ended_ns);
}

/* The kernel does not come by while the reader is not waiting, so it may take more than one call. */
static void hold_alone(int map, enum tt_hold_kind kind, __u64 ns, unsigned long times)
{
	const struct timespec while_it_waits = {.tv_nsec = 100000};
	const struct victim none = {0};
	const __u32 zero = 0;
	pthread_t reader;
	int ends[2];

	if (pipe(ends) < 0 || pthread_create(&reader, NULL, reads_all, &ends[0]))
		fail("threads");
	for (unsigned long n = 0; n < times; n++) {
		struct tt_hold h = {.kind = kind, .tid = (__u32)gettid(), .ns = ns};
		if (bpf_map_update_elem(map, &zero, &h, BPF_ANY) < 0)
			fail("map");
		come_by(kind, ends[1]);
		while (bpf_map_lookup_elem(map, &zero, &h) == 0 && h.kind) {
			nanosleep(&while_it_waits, NULL);
			come_by(kind, ends[1]);
		}
		say(&h, &none);
	}
	close(ends[1]);
	pthread_join(reader, NULL);
}

int main(int argc, char **argv)
{
	const bool usual = argc >= 3 && argc <= 5 && (argc < 5 || strcmp(argv[4], "alone") == 0);
	const unsigned long times = usual && argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
	struct victim v = {0};
	cpu_set_t one;
	unsigned kind = 1;

	while (usual && kind < sizeof(kinds) / sizeof(*kinds) && strcmp(argv[1], kinds[kind]) != 0)
		kind++;
	if (!usual || kind == sizeof(kinds) / sizeof(*kinds)) {
		fprintf(stderr, "usage: live_hold interrupts|softirqs|receive|lock|processor MS [TIMES [alone]]\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		fail("processor");
	const bool by_program = kind >= TT_HOLD_LOCK;
	struct hold *programs = by_program ? NULL : hold__open_and_load();
	if (kind == TT_HOLD_PROCESSOR)
		prefer(20);
	if (!by_program && (!programs || hold__attach(programs) < 0)) {
		fprintf(stderr, "live_hold: this kernel does not take the programs\n");
		return 77;
	}
	const int map = by_program ? -1 : bpf_map__fd(programs->maps.hold);
	const __u64 ns = strtoull(argv[2], NULL, 10) * MS;
	if (argc == 5 && !by_program)
		hold_alone(map, kind, ns, times);
	for (unsigned long n = 0; argc < 5 && n < times; n++) {
		struct tt_hold h = hold_once(map, kind, ns, times > 1 ? SOON_AGAIN_NS : SOON_NS, &v);
		say(&h, &v);
	}
	hold__destroy(programs);
	return 0;
}
