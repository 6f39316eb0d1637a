// SPDX-License-Identifier: Apache-2.0
/*
 * live_race flip-tcp | flip-unix SECONDS: one thread receives on a descriptor that another makes mean one connection, then the
 * other, as fast as it can, while both are fed bytes that tell them apart ('A', 'B'). live_race churn THREADS ROUNDS: threads
 * open, use and close connections whose descriptors are reused by each other at once; every byte sent on a connection is its
 * number. live_race crowd-tcp | crowd-unix SECONDS: threads receive what is sent on one connection as fast as they can; over
 * Unix sockets threads send it, too. What is sent is words that count, so each tells where in the stream it stands.
 *
 * live_race senders THREADS MESSAGES BYTES: threads send on one connection of TCP at the same time, each so many messages of so
 * many bytes, whose words tell the sender and count; one thread receives.
 *
 * live_race queued COUNT: on each of so many connections of TCP one thread sends and does not get on, as its message is not in
 * memory yet, and another waits for it within send(); then both get on. What they send are their words.
 *
 * Says: "ino A=… B=…" and "received bytes=N calls=N" (flip, crowd, senders, queued: of each connection), or "connections N
 * bytes=N" (churn).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MUST(call)                                                               \
	({                                                                       \
		__typeof__(call) _r = (call);                                    \
		if (_r < 0) {                                                    \
			printf("note fail %d: %s\n", __LINE__, strerror(errno)); \
			exit(1);                                                 \
		}                                                                \
		_r;                                                              \
	})

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int listener(struct sockaddr_in *a)
{
	socklen_t len = sizeof(*a);
	int l = MUST(socket(AF_INET, SOCK_STREAM, 0));

	*a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	MUST(bind(l, (struct sockaddr *)a, len));
	MUST(listen(l, 128));
	MUST(getsockname(l, (struct sockaddr *)a, &len));
	return l;
}

static void pair_open(int p[2], int is_unix)
{
	struct sockaddr_in a;

	if (is_unix) {
		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
		return;
	}
	int l = listener(&a);
	p[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(connect(p[0], (struct sockaddr *)&a, sizeof(a)));
	p[1] = MUST(accept(l, NULL, NULL));
	close(l);
}

/* --- flip --- */

static int pairs[2][2];
static int flipped;
static volatile int stop;

static void *flipper(void *ctx)
{
	while (!stop) {
		dup2(pairs[0][1], flipped);
		dup2(pairs[1][1], flipped);
	}
	return ctx;
}

static void *feeder(void *ctx)
{
	while (!stop) {
		send(pairs[0][0], "AAAAAAAA", 8, MSG_DONTWAIT);
		send(pairs[1][0], "BBBBBBBB", 8, MSG_DONTWAIT);
	}
	return ctx;
}

static unsigned long long inode_of(int fd)
{
	struct stat st;

	MUST(fstat(fd, &st));
	return st.st_ino;
}

static void flip(int is_unix, double seconds)
{
	pthread_t threads[2];
	struct timeval wait = {.tv_usec = 10000};
	unsigned long long bytes = 0, calls = 0;
	char data[8];

	for (int i = 0; i < 2; i++) {
		pair_open(pairs[i], is_unix);
		setsockopt(pairs[i][1], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	}
	flipped = MUST(dup(pairs[0][1]));
	printf("ino A=%llu B=%llu\n", inode_of(pairs[0][1]), inode_of(pairs[1][1]));
	pthread_create(&threads[0], NULL, flipper, NULL);
	pthread_create(&threads[1], NULL, feeder, NULL);
	for (double end = now() + seconds; now() < end;) {
		ssize_t n = recv(flipped, data, sizeof(data), 0);
		if (n > 0) {
			bytes += (unsigned long long)n;
			calls++;
		}
	}
	stop = 1;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	printf("received bytes=%llu calls=%llu\n", bytes, calls);
}

/* --- crowd --- */

#define CROWD 4

static int crowd_pair[2];
static size_t receive_bytes = 512;

static void *crowd_receiver(void *ret)
{
	uint64_t words[2048];

	for (;;) {
		ssize_t n = recv(crowd_pair[1], words, receive_bytes, 0);
		if (n <= 0)
			return ret;
		*(unsigned long long *)ret += (unsigned long long)n;
	}
}

static void *crowd_sender(void *ctx)
{
	uint64_t words[8] = {0};

	for (uint64_t next = 0; !stop;) {
		for (size_t i = 0; i < 8; i++)
			words[i] = next++;
		MUST(send(crowd_pair[0], words, sizeof(words), 0));
	}
	return ctx;
}

static void crowd(int is_unix, double seconds)
{
	pthread_t senders[CROWD], receivers[CROWD];
	unsigned long long bytes[CROWD] = {0}, all = 0;
	int sending = is_unix ? CROWD : 1; /* several would mix their words */

	pair_open(crowd_pair, is_unix);
	printf("ino A=%llu B=%llu\n", inode_of(crowd_pair[0]), inode_of(crowd_pair[1]));
	for (int i = 0; i < CROWD; i++)
		pthread_create(&receivers[i], NULL, crowd_receiver, &bytes[i]);
	for (int i = 0; i < sending; i++)
		pthread_create(&senders[i], NULL, crowd_sender, NULL);
	nanosleep(&(struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)},
		  NULL);
	stop = 1;
	for (int i = 0; i < sending; i++)
		pthread_join(senders[i], NULL);
	shutdown(crowd_pair[0], SHUT_WR);
	for (int i = 0; i < CROWD; i++) {
		pthread_join(receivers[i], NULL);
		all += bytes[i];
	}
	printf("received bytes=%llu calls=0\n", all);
}

/* --- senders --- */

static int messages;
static size_t message_bytes;

static void *sender(void *ctx)
{
	size_t count = message_bytes / sizeof(uint64_t);
	uint64_t next = (uint64_t)(uintptr_t)ctx << 48;
	uint64_t *words = calloc(count, sizeof(*words));

	for (int m = 0; m < messages && words; m++) {
		for (size_t i = 0; i < count; i++)
			words[i] = next++;
		if ((size_t)MUST(send(crowd_pair[0], words, message_bytes, 0)) != message_bytes)
			printf("note fail a send was cut\n");
	}
	free(words);
	return NULL;
}

static void senders(int count)
{
	pthread_t threads[16], receiver;
	unsigned long long bytes = 0;

	pair_open(crowd_pair, 0);
	receive_bytes = 16384;
	printf("ino A=%llu B=%llu\n", inode_of(crowd_pair[0]), inode_of(crowd_pair[1]));
	pthread_create(&receiver, NULL, crowd_receiver, &bytes);
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, sender, (void *)(uintptr_t)(i + 1));
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	shutdown(crowd_pair[0], SHUT_WR);
	pthread_join(receiver, NULL);
	printf("received bytes=%llu calls=0\n", bytes);
}

/* --- queued --- */

#define QUEUED_BYTES 1000
#define PAGE_BYTES 4096

struct queued {
	int fd;
	const void *message;
	volatile pid_t tid;
};

static void *queued_sender(void *ctx)
{
	struct queued *q = ctx;

	q->tid = (pid_t)syscall(SYS_gettid);
	if (MUST(send(q->fd, q->message, QUEUED_BYTES, 0)) != QUEUED_BYTES)
		printf("note fail a send was cut\n");
	return NULL;
}

/* Until the thread sleeps within send(). */
static void wait_in_send(const struct queued *q)
{
	char path[64], line[32] = "", want[32];

	snprintf(want, sizeof(want), "%ld ", (long)SYS_sendto);
	while (strncmp(line, want, strlen(want)) != 0) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", q->tid);
		FILE *f = q->tid ? fopen(path, "r") : NULL;
		if (f && !fgets(line, sizeof(line), f))
			line[0] = 0;
		if (f)
			fclose(f);
	}
}

/* A page that is not in memory; *ret tells when it is wanted. */
static char *page_absent(int *ret)
{
	struct uffdio_api api = {.api = UFFD_API};
	char *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register area = {.range = {(uintptr_t)page, PAGE_BYTES}, .mode = UFFDIO_REGISTER_MODE_MISSING};

	*ret = MUST((int)syscall(SYS_userfaultfd, 0));
	MUST(ioctl(*ret, UFFDIO_API, &api));
	MUST(ioctl(*ret, UFFDIO_REGISTER, &area));
	return page;
}

static void queued(void)
{
	static char words[PAGE_BYTES], other[QUEUED_BYTES], got[2 * QUEUED_BYTES];
	struct uffd_msg wanted;
	pthread_t threads[2];
	int pair[2], uffd;

	memset(words, 'A', sizeof(words));
	memset(other, 'B', sizeof(other));
	pair_open(pair, 0);
	printf("ino A=%llu B=%llu\n", inode_of(pair[0]), inode_of(pair[1]));
	char *page = page_absent(&uffd);
	struct queued first = {.fd = pair[0], .message = page}, second = {.fd = pair[0], .message = other};
	pthread_create(&threads[0], NULL, queued_sender, &first);
	MUST(read(uffd, &wanted, sizeof(wanted)));
	pthread_create(&threads[1], NULL, queued_sender, &second);
	wait_in_send(&second);
	MUST(ioctl(uffd, UFFDIO_COPY, &(struct uffdio_copy){.dst = (uintptr_t)page, .src = (uintptr_t)words, .len = PAGE_BYTES}));
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("received bytes=%zd calls=0\n", MUST(recv(pair[1], got, sizeof(got), MSG_WAITALL)));
	close(pair[0]);
	close(pair[1]);
	close(uffd);
	munmap(page, PAGE_BYTES);
}

/* --- churn --- */

static int rounds;

static void fill(uint32_t *words, size_t count, uint32_t number)
{
	for (size_t i = 0; i < count; i++)
		words[i] = number;
}

static void read_all(int fd, void *data, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = MUST(read(fd, (char *)data + got, len - got));
		if (n == 0) {
			printf("note fail early end\n");
			exit(1);
		}
		got += (size_t)n;
	}
}

static void *churner(void *ctx)
{
	uint32_t base = (uint32_t)(uintptr_t)ctx * 1000000;
	struct sockaddr_in a;
	uint32_t words[25];
	int l = listener(&a);

	for (int i = 0; i < rounds; i++) {
		uint32_t number = base + (uint32_t)i + 1;
		int c = MUST(socket(AF_INET, SOCK_STREAM, 0));
		MUST(connect(c, (struct sockaddr *)&a, sizeof(a)));
		int s = MUST(accept(l, NULL, NULL));
		fill(words, 25, number);
		MUST(write(c, words, sizeof(words)));
		memset(words, 0, sizeof(words));
		read_all(s, words, sizeof(words));
		MUST(send(s, words, sizeof(words), 0));
		read_all(c, words, sizeof(words));
		if (i % 2) {
			close(c);
			close(s);
		} else {
			close(s);
			close(c);
		}
	}
	close(l);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strncmp(argv[1], "flip-", 5) == 0) {
		flip(strcmp(argv[1], "flip-unix") == 0, atof(argv[2]));
	} else if (argc == 3 && strncmp(argv[1], "crowd-", 6) == 0) {
		crowd(strcmp(argv[1], "crowd-unix") == 0, atof(argv[2]));
	} else if (argc == 5 && strcmp(argv[1], "senders") == 0 && atoi(argv[2]) <= 16) {
		messages = atoi(argv[3]);
		message_bytes = (size_t)atoi(argv[4]);
		senders(atoi(argv[2]));
	} else if (argc == 3 && strcmp(argv[1], "queued") == 0) {
		for (int i = 0; i < atoi(argv[2]); i++)
			queued();
	} else if (argc == 4 && strcmp(argv[1], "churn") == 0) {
		pthread_t threads[16];
		int count = atoi(argv[2]);

		rounds = atoi(argv[3]);
		for (int i = 0; i < count && i < 16; i++)
			pthread_create(&threads[i], NULL, churner, (void *)(uintptr_t)(i + 1));
		for (int i = 0; i < count && i < 16; i++)
			pthread_join(threads[i], NULL);
		printf("connections %d bytes=%d\n", count * rounds, count * rounds * 200);
	} else {
		return 2;
	}
	return 0;
}
