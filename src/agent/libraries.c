// SPDX-License-Identifier: Apache-2.0
#include "agent/libraries.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define NS_PER_MS 1000000u
/* Those waiting for their time. The one that has waited longest gives way; a handshake brings it back. */
#define WAITING_MOST 1024

/* So long after exec a process is looked at: its own file, what the loader has mapped, what it opens itself, late starters. */
static const uint64_t delays_ms[] = {0, 20, 200, 2000, 20000};

struct waiting {
	uint32_t pid; /* 0: free */
	uint32_t step;
	uint64_t due_ns;
	uint64_t begun_ns;
};

struct tt_libraries {
	tt_libraries_look look;
	void *ctx;
	tt_libraries_forks forks;
	const void *forks_ctx;
	struct waiting waiting[WAITING_MOST];
	size_t count; /* used places are all before this */
	uint64_t next_due_ns;
};

int tt_libraries_new(struct tt_libraries **ret, tt_libraries_look look, void *ctx)
{
	struct tt_libraries *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->look = look;
	l->ctx = ctx;
	l->next_due_ns = UINT64_MAX;
	*ret = l;
	return 0;
}

struct tt_libraries *tt_libraries_free(struct tt_libraries *l)
{
	free(l);
	return NULL;
}

/* Its place, else the one to take: a free one, else that of who has waited longest. */
static struct waiting *place(struct tt_libraries *l, uint32_t pid)
{
	struct waiting *best = NULL;

	for (size_t i = 0; i < l->count; i++) {
		struct waiting *w = &l->waiting[i];

		if (w->pid == pid)
			return w;
		if (!best || (best->pid && (!w->pid || w->begun_ns < best->begun_ns)))
			best = w;
	}
	if (best && !best->pid)
		return best;
	return l->count < WAITING_MOST ? &l->waiting[l->count++] : best;
}

static void wait_from(struct tt_libraries *l, uint32_t pid, uint64_t now_ns)
{
	struct waiting *w = place(l, pid);

	*w = (struct waiting){.pid = pid, .begun_ns = now_ns, .due_ns = now_ns + delays_ms[0] * NS_PER_MS};
	l->next_due_ns = TT_MIN(l->next_due_ns, w->due_ns);
}

void tt_libraries_of_forks(struct tt_libraries *l, tt_libraries_forks forks, const void *ctx)
{
	l->forks = forks;
	l->forks_ctx = ctx;
}

void tt_libraries_record(struct tt_libraries *l, const struct tt_record *rec)
{
	bool begins = rec->type == TT_REC_EXEC || (rec->type == TT_REC_FORK && l->forks && l->forks(l->forks_ctx));

	if (begins && rec->tgid)
		wait_from(l, rec->tgid, rec->time_ns);
}

void tt_libraries_handshake(struct tt_libraries *l, uint32_t pid, uint64_t now_ns)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->waiting[i].pid == pid) /* is looked at soon, or was not long ago */
			return;
	}
	if (pid)
		wait_from(l, pid, now_ns);
}

void tt_libraries_advance(struct tt_libraries *l, uint64_t now_ns)
{
	if (now_ns < l->next_due_ns)
		return;
	l->next_due_ns = UINT64_MAX;
	for (size_t i = 0; i < l->count; i++) {
		struct waiting *w = &l->waiting[i];

		if (w->pid && w->due_ns <= now_ns) {
			l->look(l->ctx, w->pid);
			if (++w->step < TT_ARRAY_LEN(delays_ms))
				w->due_ns = w->begun_ns + delays_ms[w->step] * NS_PER_MS;
			else
				w->pid = 0;
		}
		if (w->pid)
			l->next_due_ns = TT_MIN(l->next_due_ns, w->due_ns);
	}
}
