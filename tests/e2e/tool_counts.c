// SPDX-License-Identifier: Apache-2.0
/*
 * Waits for a line, does so much of what its first argument says, as fast as it can, and says how often that was; ends when its
 * standard input does. Half of the workers are on each of two processors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MOST 256
#define BLOCK 512 /* of a disk */
#define KEPT 100

static size_t workers, rounds;
static const char *name;
static int ends[WORKERS_MOST][2]; /* of pipes */
static struct {
	pthread_barrier_t begin, done;
	atomic_ulong blocked, turns;
} *together; /* processes, too */

static void say(const char *what, unsigned long a, unsigned long b)
{
	char text[80];
	int len = snprintf(text, sizeof(text), "%s %lu %lu\n", what, a, b);

	(void)!write(STDOUT_FILENO, text, (size_t)len);
}

/* Until a line came; false: there are no more. */
static int wait_for_line(void)
{
	char c;
	ssize_t n;

	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		;
	return n == 1;
}

/* The n-th of those this process may run on, from the first two. */
static void on_processor(size_t n)
{
	cpu_set_t all, one;
	size_t left = n % 2;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!left--)
			break;
	}
	sched_setaffinity(0, sizeof(one), &one);
}

/* How often it was let run (proc(5), schedstat), also of one that ended and was not waited for. */
static unsigned long turns(const char *path)
{
	char text[128] = "", *end = text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		abort();
	close(fd);
	strtoul(text, &end, 10);
	strtoul(end, &end, 10);
	return strtoul(end, NULL, 10);
}

/* One of a pair that hands a byte to and fro. */
static void to_and_fro(size_t i)
{
	char c = 0;

	for (size_t n = 0; n < rounds; n++) {
		if (i % 2 == 0 && write(ends[i][1], &c, 1) != 1)
			abort();
		if (read(ends[i ^ 1][0], &c, 1) != 1)
			abort();
		if (i % 2 && write(ends[i][1], &c, 1) != 1)
			abort();
	}
}

/* --- processes --- */

static unsigned long times_blocked(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (unsigned long)use.ru_nvcsw;
}

/* Each pair hands a byte to and fro; nothing else has it block between the two looks, and each time is in read(2). */
static void hand(size_t i)
{
	on_processor(i / 2);
	pthread_barrier_wait(&together->begin);
	unsigned long before = times_blocked();
	to_and_fro(i);
	atomic_fetch_add(&together->blocked, times_blocked() - before);
	atomic_fetch_add(&together->turns, turns("/proc/self/schedstat"));
	_exit(0);
}

static void pipes(void)
{
	pid_t pids[WORKERS_MOST];

	for (size_t i = 0; i < workers; i++) {
		if (pipe(ends[i]))
			abort();
	}
	for (size_t i = 0; i < workers; i++) {
		pids[i] = fork();
		if (!pids[i])
			hand(i);
	}
	for (size_t i = 0; i < workers; i++) {
		siginfo_t info;
		if (waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT) < 0)
			abort();
		/* It has ended, and may be on its way off the processor. */
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/schedstat", pids[i]);
		for (unsigned long before = 0, now; (now = turns(path)) != before; usleep(20000))
			before = now;
		say("turns", (unsigned long)pids[i], turns(path));
	}
	say("blocked", together->blocked, 0);
	say("turns-before-exit", together->turns, 0);
}

/* --- threads --- */

static void in_threads(void *(*work)(void *))
{
	pthread_t threads[WORKERS_MOST];

	for (size_t i = 0; i < workers; i++) {
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			abort();
	}
	for (size_t i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
}

/* The same as hand(), by threads; and how often each was let run. */
static void *hands(void *number)
{
	size_t i = (size_t)number;

	on_processor(i / 2);
	pthread_barrier_wait(&together->begin);
	to_and_fro(i);
	atomic_fetch_add(&together->turns, turns("/proc/thread-self/schedstat"));
	return NULL;
}

static void threads(void)
{
	for (size_t i = 0; i < workers; i++) {
		if (pipe(ends[i]))
			abort();
	}
	in_threads(hands);
	say("turns", (unsigned long)getpid(), together->turns);
}

static void *allocates(void *number)
{
	on_processor((size_t)number);
	pthread_barrier_wait(&together->begin);
	/* They are kept in a list, so that each is. */
	void **last = NULL;
	for (size_t n = 0; n < rounds; n++) {
		void **block = malloc(BLOCK);
		*block = last;
		last = block;
	}
	return last;
}

static void allocations(void)
{
	in_threads(allocates);
	say("allocated", workers * rounds, BLOCK);
}

/* Each reads its own part of the file. */
static void *reads(void *number)
{
	size_t i = (size_t)number;
	void *buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open(name, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (buffer == MAP_FAILED || fd < 0)
		abort();
	on_processor(i);
	pthread_barrier_wait(&together->begin);
	for (size_t n = 0; n < rounds; n++) {
		if (pread(fd, buffer, BLOCK, (off_t)((i * rounds + n) * BLOCK)) != BLOCK)
			abort();
	}
	return NULL;
}

static void direct_reads(void)
{
	in_threads(reads);
	say("read", workers * rounds, BLOCK);
}

static void *starts(void *number)
{
	char *const argv[] = {(char *)"x", NULL};

	on_processor((size_t)number);
	pthread_barrier_wait(&together->begin);
	for (size_t n = 0; n < rounds; n++)
		execv("/no/such/file", argv);
	return NULL;
}

static void failed_starts(void)
{
	in_threads(starts);
	say("failed", workers * rounds, 0);
}

/* The same, but they are there until all is over: of a thread that ends perf does not count the last moments. */
static void in_lasting_threads(void *(*work)(void *))
{
	pthread_t thread;

	pthread_barrier_init(&together->done, NULL, (unsigned)workers + 1);
	for (size_t i = 0; i < workers; i++) {
		if (pthread_create(&thread, NULL, work, (void *)i))
			abort();
	}
	pthread_barrier_wait(&together->done);
}

static void *last(void)
{
	pthread_barrier_wait(&together->done);
	for (;;)
		pause();
}

/* To itself over the loopback device: each is a softirq. */
static void *sends(void *number)
{
	struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(self);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char c = 0;

	on_processor((size_t)number);
	if (fd < 0 || bind(fd, (struct sockaddr *)&self, len) < 0 || getsockname(fd, (struct sockaddr *)&self, &len) < 0)
		abort();
	pthread_barrier_wait(&together->begin);
	for (size_t n = 0; n < rounds; n++) {
		if (sendto(fd, &c, 1, 0, (struct sockaddr *)&self, len) != 1 || recv(fd, &c, 1, 0) != 1)
			abort();
	}
	return last();
}

static void packets(void)
{
	in_lasting_threads(sends);
	say("sent", workers * rounds, 0);
}

/* Things of the kernel's: objects, and now and then per-CPU memory and pages. The last ones are kept. */
static void *makes(void *number)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	on_processor((size_t)number);
	pthread_barrier_wait(&together->begin);
	for (size_t n = 0; n < rounds; n++) {
		int fd = eventfd(0, EFD_CLOEXEC);
		if (fd < 0 || page == MAP_FAILED)
			abort();
		if (n + KEPT < rounds)
			close(fd);
		if (n % 1024)
			continue;
		aio_context_t context = 0;
		if (syscall(SYS_io_setup, 1, &context) < 0 || syscall(SYS_io_destroy, context) < 0)
			abort();
		page[0] = 1;
		madvise(page, 4096, MADV_DONTNEED);
	}
	return last();
}

static void objects(void)
{
	in_lasting_threads(makes);
	say("kept", workers * KEPT, 0);
}

/* --- */

static const struct {
	const char *name;
	void (*work)(void);
} works[] = {{"pipe", pipes},	      {"threads", threads}, {"malloc", allocations}, {"read", direct_reads},
	     {"exec", failed_starts}, {"packet", packets},  {"object", objects}};

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	workers = strtoul(argv[2], NULL, 10);
	rounds = strtoul(argv[3], NULL, 10);
	name = argv[4];
	together = mmap(NULL, sizeof(*together), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (workers > WORKERS_MOST || together == MAP_FAILED || !wait_for_line())
		return 2;
	pthread_barrierattr_t shared;
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&together->begin, &shared, (unsigned)workers);
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		if (strcmp(works[i].name, argv[1]) == 0)
			works[i].work();
	}
	say("done", 0, 0);
	while (wait_for_line())
		;
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 0;
}
