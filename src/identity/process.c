// SPDX-License-Identifier: Apache-2.0
#include "identity/process.h"

#include <errno.h>

#include "base/own.h"
#include "identity/proc.h"

int tt_processes_init(struct tt_processes *t, const struct tt_limits *limits)
{
	size_t buckets = 64;

	*t = (struct tt_processes){.max = limits->value[TT_LIMIT_PROCESSES]};
	while (buckets < t->max)
		buckets *= 2;
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	if (!t->buckets)
		return -ENOMEM;
	t->mask = buckets - 1;
	return 0;
}

static struct tt_process **tt_processes_bucket(const struct tt_processes *t, uint32_t tgid)
{
	return &t->buckets[tgid & t->mask]; /* numbers are given out in order: no better hash is needed */
}

static struct tt_process_list *tt_processes_list(struct tt_processes *t, const struct tt_process *p)
{
	return p->end_ns ? &t->ended : &t->living;
}

static void tt_process_unlink(struct tt_process_list *l, struct tt_process *p)
{
	*(p->prev ? &p->prev->next : &l->first) = p->next;
	*(p->next ? &p->next->prev : &l->last) = p->prev;
}

static void tt_process_link(struct tt_process_list *l, struct tt_process *p)
{
	p->prev = l->last;
	p->next = NULL;
	*(l->last ? &l->last->next : &l->first) = p;
	l->last = p;
}

void tt_processes_drop(struct tt_processes *t, struct tt_process *p)
{
	struct tt_process **at = tt_processes_bucket(t, p->identity.tgid);

	while (*at != p)
		at = &(*at)->bucket_next;
	*at = p->bucket_next;
	tt_process_unlink(tt_processes_list(t, p), p);
	free(p);
	t->count--;
}

void tt_processes_free(struct tt_processes *t)
{
	while (t->living.first)
		tt_processes_drop(t, t->living.first);
	while (t->ended.first)
		tt_processes_drop(t, t->ended.first);
	free(t->buckets);
	t->buckets = NULL;
}

/* /proc knows starts only by the tick; within one no number is used twice. */
static bool tt_process_started(const struct tt_process *p, uint64_t start_ns)
{
	uint64_t a = p->identity.start_ns, b = start_ns;
	return !a || !b || (a > b ? a - b : b - a) < TT_PROC_TICK_NS;
}

struct tt_process *tt_processes_find(struct tt_processes *t, uint32_t tgid, uint64_t start_ns)
{
	struct tt_process *found = NULL;

	for (struct tt_process *p = *tt_processes_bucket(t, tgid); p; p = p->bucket_next) {
		if (p->identity.tgid != tgid || !tt_process_started(p, start_ns))
			continue;
		if (!p->nothing)
			return p;
		found = found ? found : p;
	}
	return found;
}

struct tt_process *tt_processes_add(struct tt_processes *t, uint32_t tgid, uint64_t start_ns)
{
	if (t->count >= t->max) {
		tt_processes_drop(t, t->ended.first ? t->ended.first : t->living.first);
		t->evicted++;
	}
	struct tt_process *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->identity.tgid = tgid;
	p->identity.start_ns = start_ns;
	struct tt_process **bucket = tt_processes_bucket(t, tgid);
	p->bucket_next = *bucket;
	*bucket = p;
	tt_process_link(&t->living, p);
	t->count++;
	return p;
}

void tt_processes_used(struct tt_processes *t, struct tt_process *p)
{
	if (p->end_ns || t->living.last == p)
		return;
	tt_process_unlink(&t->living, p);
	tt_process_link(&t->living, p);
}

void tt_processes_end(struct tt_processes *t, struct tt_process *p, uint64_t end_ns)
{
	if (p->end_ns)
		return;
	tt_process_unlink(&t->living, p);
	p->end_ns = end_ns ? end_ns : 1;
	tt_process_link(&t->ended, p);
}
