// SPDX-License-Identifier: Apache-2.0
/*
 * Waits for a line, allocates as its first argument says, says "done", and ends when its standard input does; "step" waits for a
 * line before each of its steps. What is kept is kept in static memory, so that nothing but what is told is allocated.
 */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone))
#define MOST 200000

static void *kept[MOST];
static int files[MOST];
static size_t count, size;

static void say(const char *text)
{
	(void)!write(STDOUT_FILENO, text, strlen(text));
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

APART void leaks_here(void)
{
	for (size_t i = 0; i < count; i++)
		kept[i] = malloc(size);
}

APART void callocs_here(void)
{
	for (size_t i = 0; i < count; i++)
		kept[i] = calloc(2, size / 2);
}

APART void aligns_here(void)
{
	for (size_t i = 0; i < count; i += 4) {
		if (posix_memalign(&kept[i], 64, size))
			abort();
		kept[i + 1] = aligned_alloc(64, size);
		kept[i + 2] = reallocarray(NULL, 2, size / 2);
		kept[i + 3] = malloc(size);
	}
}

/* `size` entries, each replaced again and again. */
APART void caches_here(void)
{
	for (size_t i = 0; i < count; i++) {
		free(kept[i % size]);
		kept[i % size] = malloc(100);
	}
}

/* A queue that keeps itself at half of `size`, its most. */
APART void queues_here(void)
{
	size_t there = 0;

	srand(1);
	for (size_t i = 0; i < count; i++) {
		if ((size_t)rand() % size >= there)
			kept[there++] = malloc(100);
		else
			free(kept[--there]);
	}
}

/* `count` stacks, each one call deeper, which allocate and free 100 blocks and keep one. */
APART void deeper_here(size_t depth)
{
	for (size_t i = 0; i < 100; i++)
		free(malloc(size));
	kept[depth] = malloc(size);
	if (depth + 1 < count)
		deeper_here(depth + 1);
}

static void many_stacks(void)
{
	deeper_here(0);
}

/* Frees all it has, by another name than it had. */
static void renamed(void)
{
	leaks_here();
	prctl(PR_SET_NAME, "another");
	for (size_t i = 0; i < count; i++)
		free(kept[i]);
}

/* One block in the end, of `size` bytes. */
APART void reallocs_here(void)
{
	char *block = NULL;

	for (size_t n = 1; n < 3000; n += 100) /* moves */
		block = realloc(block, n);
	block = realloc(block, size);	  /* shrinks */
	if (realloc(block, SIZE_MAX / 4)) /* fails, and it stays */
		abort();
	void *other = realloc(NULL, 10);
	other = realloc(other, 0); /* is free(3) */
	kept[0] = block;
	kept[1] = other;
}

static void *frees(void *unused)
{
	for (size_t i = 0; i < count; i++)
		free(kept[i]);
	return unused;
}

APART void frees_elsewhere(void)
{
	pthread_t thread;

	leaks_here();
	if (pthread_create(&thread, NULL, frees, NULL) || pthread_join(thread, NULL))
		abort();
}

APART void maps_here(void)
{
	for (size_t i = 0; i < count; i++) {
		void *other = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		kept[i] = mmap(NULL, 2 * size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(other, size);
		munmap(kept[i], size); /* its first half */
	}
	char *both = mmap(NULL, 2 * size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(both, 2 * size);
	for (size_t i = 0; i < 2; i++)
		mmap(both + i * size, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	munmap(both, 2 * size); /* two at once */
}

/* x86's breakpoint. */
static void wait_for_probes(void)
{
	while (*(volatile unsigned char *)(uintptr_t)free != 0xcc)
		usleep(10000);
}

/* A child may still have its parent's breakpoints: who looks at it says when it has probes of its own. */
static void wait_for_own_probes(void)
{
	char told[32];

	snprintf(told, sizeof(told), "waits %d\n", getpid());
	say(told);
	(void)wait_for_line();
}

static void late(void)
{
	wait_for_probes();
	leaks_here();
}

/* A process that comes and goes: if it is observed within a second, it leaks, and stays a little. */
static void passing(void)
{
	for (int i = 0; i < 100; i++) {
		if (*(volatile unsigned char *)(uintptr_t)free == 0xcc) {
			leaks_here();
			sleep(1);
			break;
		}
		usleep(10000);
	}
	_exit(0);
}

/* A child that leaks and one that has its number then. */
static void same_number(void)
{
	pid_t first = 0;
	char told[32];

	for (int i = 0; i < 2; i++) {
		struct clone_args args = {
			.exit_signal = SIGCHLD, .set_tid = i ? (uintptr_t)&first : 0, .set_tid_size = (size_t)i};
		pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

		if (child == 0) {
			wait_for_own_probes();
			leaks_here();
			_exit(0);
		}
		if (child < 0)
			say("no such number\n");
		waitpid(child, NULL, 0);
		first = child;
	}
	snprintf(told, sizeof(told), "child %d\n", first);
	say(told);
}

static void forks(void)
{
	int ready[2], status;

	if (pipe(ready))
		abort();
	pid_t child = fork();
	if (child == 0) {
		char c;

		wait_for_own_probes();
		leaks_here();
		(void)!write(ready[1], "", 1);
		while (read(STDIN_FILENO, &c, 1) == 1)
			;
		_exit(0);
	}
	char told[32], c;
	(void)!read(ready[0], &c, 1);
	snprintf(told, sizeof(told), "child %d\n", child);
	say(told);
	say("done\n");
	waitpid(child, &status, 0);
	exit(0);
}

APART void opens_here(void)
{
	for (size_t i = 0; i < count; i++)
		files[i] = eventfd(0, 0);
}

static void closes(void)
{
	for (size_t i = 0; i < count; i++)
		close(files[i]);
}

static void files_kept_and_closed(void)
{
	opens_here();
	say("done\n");
	wait_for_line();
	closes();
}

/* With each line so many more, and a cache that stays as large as it is. */
APART void grows_here(size_t from)
{
	for (size_t i = 0; i < count; i++)
		kept[MOST / 2 + from + i] = malloc(size);
}

static void steps(void)
{
	for (size_t from = 0; wait_for_line(); from += count) {
		grows_here(from);
		for (size_t i = 0; i < 1000; i++) {
			free(kept[i % 10]);
			kept[i % 10] = malloc(100);
		}
		say("stepped\n");
	}
	exit(0);
}

static const struct {
	const char *name;
	void (*work)(void);
} works[] = {
	{"malloc", leaks_here},
	{"calloc", callocs_here},
	{"align", aligns_here},
	{"cache", caches_here},
	{"queue", queues_here},
	{"stacks", many_stacks},
	{"renamed", renamed},
	{"late", late},
	{"passing", passing},
	{"number", same_number},
	{"realloc", reallocs_here},
	{"elsewhere", frees_elsewhere},
	{"mmap", maps_here},
	{"fork", forks},
	{"files", files_kept_and_closed},
	{"step", steps},
};

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	count = strtoul(argv[2], NULL, 10);
	size = strtoul(argv[3], NULL, 10);
	wait_for_line();
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		if (strcmp(works[i].name, argv[1]) == 0)
			works[i].work();
	}
	say("done\n");
	while (wait_for_line())
		;
	return 0;
}
