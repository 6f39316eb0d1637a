// SPDX-License-Identifier: Apache-2.0
/* Does the chosen set really see bytes? Asked before anything is believed. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/own.h"
#include "kernel/internal.h"

static const char pattern[] = "telltale self-test";

struct seen {
	uint32_t own_tgid;
	bool sent;
	bool received;
	bool stamped; /* the call's entry left something for its exit */
};

static int look(void *ctx, const struct tt_record *rec)
{
	struct seen *s = ctx;
	const struct tt_chunk *chunk = (const struct tt_chunk *)rec;

	if (rec->type != TT_REC_CHUNK || rec->tgid != s->own_tgid || chunk->captured != sizeof(pattern) ||
	    memcmp((const char *)rec + chunk->data_off, pattern, sizeof(pattern)) != 0)
		return 0;
	s->stamped |= chunk->entry_ns != 0;
	if (chunk->direction == TT_TX)
		s->sent = true;
	else
		s->received = true;
	return 0;
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

int tt_kernel_selftest(struct tt_kernel *k, char *reason, size_t size)
{
	tt_close_auto int a = -1;
	tt_close_auto int b = -1;
	int pair[2];
	char got[sizeof(pattern)];

	__atomic_store_n(&k->self->phase, TT_PHASE_TESTING, __ATOMIC_RELEASE);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	a = pair[0];
	b = pair[1];
	if (write(a, pattern, sizeof(pattern)) != sizeof(pattern) || recv(b, got, sizeof(got), 0) != sizeof(got)) {
		snprintf(reason, size, "self-test: socket pair: %s", strerror(errno));
		return -EOPNOTSUPP;
	}
	__atomic_store_n(&k->self->phase, TT_PHASE_CLOSED, __ATOMIC_RELEASE);

	struct seen seen = {.own_tgid = k->self->own_tgid};
	/* The calls have returned, so their records are complete: no need to wait for a horizon. */
	int r = tt_rings_poll(k->rings, UINT64_MAX - 1, 0, look, &seen);
	if (r < 0)
		return r;
	if (!seen.sent || !seen.received) {
		snprintf(reason, size, "self-test: bytes %s over a socket pair were not seen", seen.sent ? "received" : "sent");
		return -EOPNOTSUPP;
	}
	if (!seen.stamped) {
		snprintf(reason, size, "self-test: what a call's entry leaves is not there at its exit");
		return -ENODATA;
	}
	return begin_live(k);
}
