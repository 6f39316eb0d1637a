// SPDX-License-Identifier: Apache-2.0
#include "agent/kin.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "identity/descendants.h"

/* PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h). */
#define PIDS_MOST (4u << 20)
#define WORD_BITS 64
#define LOOK_NS UINT64_C(1000000000)

struct tt_kin {
	uint64_t there[PIDS_MOST / WORD_BITS]; /* a bit a process; pages nobody writes to cost nothing */
	size_t count;
	uint32_t *roots;
	size_t root_count;
	uint64_t looked_ns;
};

static bool is_there(const struct tt_kin *f, uint32_t pid)
{
	return pid < PIDS_MOST && f->there[pid / WORD_BITS] >> pid % WORD_BITS & 1;
}

static void set_there(struct tt_kin *f, uint32_t pid, bool there)
{
	if (!pid || pid >= PIDS_MOST || is_there(f, pid) == there)
		return;
	f->there[pid / WORD_BITS] ^= UINT64_C(1) << pid % WORD_BITS;
	f->count += there ? 1 : (size_t)-1;
}

/* A root may have ended already: the first look will tell. */
static void seed(struct tt_kin *f, uint32_t root)
{
	tt_free_auto uint32_t *pids = NULL;
	size_t count = 0;
	uint32_t missing;

	set_there(f, root, true);
	if (tt_descendants(&pids, &count, &root, 1, &missing) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		set_there(f, pids[i], true);
}

int tt_kin_new(struct tt_kin **ret, const uint32_t *roots, size_t count)
{
	struct tt_kin *f = calloc(1, sizeof(*f));
	uint32_t *copy = calloc(count + 1, sizeof(*copy));

	if (!f || !copy) {
		free(f);
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, roots, count * sizeof(*roots));
	f->roots = copy;
	f->root_count = count;
	for (size_t i = 0; i < count; i++)
		seed(f, roots[i]);
	*ret = f;
	return 0;
}

struct tt_kin *tt_kin_free(struct tt_kin *f)
{
	if (f)
		free(f->roots);
	free(f);
	return NULL;
}

void tt_kin_record(struct tt_kin *f, const struct tt_record *rec)
{
	if (rec->type == TT_REC_FORK || rec->type == TT_REC_EXEC)
		set_there(f, rec->tgid, true);
	else if (rec->type == TT_REC_EXIT)
		set_there(f, rec->tgid, false);
}

/* Calls for each: `each` returns false to end it. */
static void walk(const struct tt_kin *f, bool (*each)(void *ctx, uint32_t pid), void *ctx)
{
	size_t left = f->count;

	for (uint32_t word = 0; left && word < PIDS_MOST / WORD_BITS; word++) {
		for (uint64_t bits = f->there[word]; bits; bits &= bits - 1, left--) {
			if (!each(ctx, word * WORD_BITS + (uint32_t)__builtin_ctzll(bits)))
				return;
		}
	}
}

/* Somebody else's process may not be signalled, but is there. */
static bool look(void *ctx, uint32_t pid)
{
	if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
		set_there(ctx, pid, false);
	return true;
}

void tt_kin_advance(struct tt_kin *f, uint64_t now_ns)
{
	if (now_ns - f->looked_ns < LOOK_NS)
		return;
	f->looked_ns = now_ns;
	walk(f, look, f);
}

size_t tt_kin_count(const struct tt_kin *f)
{
	return f->count;
}

size_t tt_kin_roots(const struct tt_kin *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->root_count; i++)
		n += is_there(f, f->roots[i]);
	return n;
}

struct listing {
	uint32_t *pids;
	size_t count;
	size_t most;
};

static bool list(void *ctx, uint32_t pid)
{
	struct listing *l = ctx;

	if (l->count == l->most)
		return false;
	l->pids[l->count++] = pid;
	return true;
}

size_t tt_kin_list(const struct tt_kin *f, uint32_t *pids, size_t most)
{
	struct listing l = {.pids = pids, .most = most};

	walk(f, list, &l);
	return l.count;
}
