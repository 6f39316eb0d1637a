// SPDX-License-Identifier: Apache-2.0
/* Does the chosen set really see bytes, where they belong in the stream and when they were sent? Asked before anything is
 * believed. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "base/own.h"
#include "kernel/internal.h"

static const char pattern[] = "telltale self-test";

/* Each message is sent in two segments and received in one, twice. */
#define TT_TEST_MESSAGES 2

struct side {
	size_t messages;  /* whole and right */
	uint64_t next;	  /* offset of the next one */
	uint64_t last_ns; /* exit of the last one */
	bool stamped;	  /* the call's entry left something for its exit */
	bool wrong;	  /* an offset or a time was */
};

struct seen {
	uint32_t own_tgid;
	uint8_t transport;
	struct side side[2]; /* by enum tt_direction */
};

static int look(void *ctx, const struct tt_record *rec)
{
	struct seen *s = ctx;
	const struct tt_chunk *chunk = (const struct tt_chunk *)rec;

	if (rec->type != TT_REC_CHUNK || rec->tgid != s->own_tgid || chunk->transport != s->transport ||
	    chunk->captured != sizeof(pattern) || memcmp((const char *)rec + chunk->data_off, pattern, sizeof(pattern)) != 0)
		return 0;
	struct side *side = &s->side[chunk->direction == TT_RX];
	if (side->messages && chunk->offset != side->next)
		side->wrong = true;
	/* What was sent was begun after the one before it was done. */
	if (chunk->entry_ns && (chunk->entry_ns > rec->time_ns || chunk->entry_ns < side->last_ns))
		side->wrong = true;
	side->stamped |= chunk->entry_ns != 0;
	side->next = chunk->offset + chunk->length;
	side->last_ns = rec->time_ns;
	side->messages++;
	return 0;
}

static int converse(int a, int b)
{
	/* writev() does not change what it is given. */
	struct iovec parts[] = {{.iov_base = (void *)(uintptr_t)pattern, .iov_len = 5},
				{.iov_base = (void *)(uintptr_t)(pattern + 5), .iov_len = sizeof(pattern) - 5}};
	char got[sizeof(pattern)];

	for (int i = 0; i < TT_TEST_MESSAGES; i++) {
		if (writev(a, parts, 2) != (ssize_t)sizeof(pattern) ||
		    recv(b, got, sizeof(got), MSG_WAITALL) != (ssize_t)sizeof(got))
			return -errno;
	}
	return 0;
}

static int converse_unix(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	tt_close_auto int a = pair[0];
	tt_close_auto int b = pair[1];
	return converse(a, b);
}

/* Both ends are reset, so that nothing of them is left for later. -ENETUNREACH and its like: there is no loopback here. */
static int converse_tcp(void)
{
	const struct linger reset = {.l_onoff = 1};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	tt_close_auto int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	tt_close_auto int a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || a < 0 || bind(listener, (struct sockaddr *)&address, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0 || connect(a, (struct sockaddr *)&address, len) < 0)
		return -errno;
	tt_close_auto int b = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (b < 0)
		return -errno;
	setsockopt(a, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(b, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return converse(a, b);
}

static int judge(const struct seen *s, const char *over, char *reason, size_t size)
{
	static const char *const ways[] = {"sent", "received"};

	for (int i = 0; i < 2; i++) {
		const struct side *side = &s->side[i];

		if (side->messages < TT_TEST_MESSAGES)
			snprintf(reason, size, "self-test: bytes %s over %s were not seen", ways[i], over);
		else if (side->messages > TT_TEST_MESSAGES)
			snprintf(reason, size, "self-test: bytes %s over %s were seen more than once", ways[i], over);
		else if (side->wrong)
			snprintf(reason, size, "self-test: bytes %s over %s were told with a wrong offset or time", ways[i],
				 over);
		else
			continue;
		/* Where every record is made of what the entry left (kprobe), none is there without it. */
		return i == TT_TX && !side->messages ? -ENODATA : -EOPNOTSUPP;
	}
	if (s->side[TT_TX].stamped)
		return 0;
	snprintf(reason, size, "self-test: what a call's entry leaves is not there at its exit");
	return -ENODATA;
}

/* Nothing of the test may show in what is counted later. */
static int begin_live(struct tt_kernel *k)
{
	for (unsigned cpu = 0; cpu < k->cpus; cpu++) {
		uint32_t ring = k->counters[cpu].ring;

		memset(&k->counters[cpu], 0, sizeof(k->counters[cpu]));
		k->counters[cpu].ring = ring;
	}
	tt_rings_reset(k->rings);
	__atomic_store_n(&k->self->phase, TT_PHASE_LIVE, __ATOMIC_RELEASE);
	return 0;
}

static const struct test {
	uint8_t transport;
	const char *over;
	int (*converse)(void);
	bool may_fail; /* a network namespace without loopback */
} tests[] = {
	{TT_TRANSPORT_UNIX, "a pair of Unix sockets", converse_unix, false},
	{TT_TRANSPORT_TCP, "TCP", converse_tcp, true},
};

static int run(struct tt_kernel *k, const struct test *t, char *reason, size_t size)
{
	struct seen seen = {.transport = t->transport};

	__atomic_store_n(&k->self->phase, TT_PHASE_TESTING, __ATOMIC_RELEASE);
	int r = t->converse();
	__atomic_store_n(&k->self->phase, TT_PHASE_CLOSED, __ATOMIC_RELEASE);
	if (r < 0 && !t->may_fail) {
		snprintf(reason, size, "self-test: %s: %s", t->over, strerror(-r));
		return -EOPNOTSUPP;
	}
	seen.own_tgid = k->self->own_tgid;
	/* The calls have returned, so their records are complete: no need to wait for a horizon. */
	int polled = tt_rings_poll(k->rings, UINT64_MAX - 1, 0, look, &seen);
	if (polled < 0)
		return polled;
	return r < 0 ? 0 : judge(&seen, t->over, reason, size);
}

int tt_kernel_selftest(struct tt_kernel *k, char *reason, size_t size)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tests); i++) {
		int r = run(k, &tests[i], reason, size);
		if (r < 0)
			return r;
	}
	return begin_live(k);
}
