// SPDX-License-Identifier: Apache-2.0
/* What was counted in the kernel in one interval, with what tasks are in the middle of. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/tables.h"
#include "tools/sched/state.h"

/* Programs under way when the set of rows changes have ended by then. */
#define TT_SCHED_SETTLE_NS 2000000

static int now_set(struct tt_tool_run *run)
{
	const struct tt_sched_run *s = run->state;

	return tt_kernel_map_set(run->kernel, "tt_sched_sets", &(uint32_t){0}, &s->now);
}

int tt_sched_start(struct tt_tool_run *run, struct tt_sched_run *s)
{
	if (!run->kernel)
		return 0;
	s->began_ns = s->now.begun_ns[0] = s->now.begun_ns[1] = tt_now_ns();
	int r = now_set(run);
	return r < 0 ? r : tt_kernel_iterate(run->kernel, "tt_sched_first");
}

int tt_sched_begin(struct tt_tool_run *run)
{
	struct tt_sched_run *s = calloc(1, sizeof(*s));

	run->state = s;
	return s ? tt_sched_start(run, s) : -ENOMEM;
}

void tt_sched_free(struct tt_tool_run *run)
{
	free(run->state);
	run->state = NULL;
}

/* --- the interval's end --- */

struct list {
	void *items;
	size_t count, room, size;
};

static void *list_add(struct list *l)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		void *items = reallocarray(l->items, room, l->size);
		if (!items)
			return NULL;
		l->items = items;
		l->room = room;
	}
	return (char *)l->items + l->size * l->count++;
}

struct taking {
	uint32_t set;
	struct list list;
};

static int take_task(void *ctx, const void *key, const void *value)
{
	struct taking *t = ctx;
	void *to = list_add(&t->list);

	if (!to)
		return -ENOMEM;
	memcpy(to, value, sizeof(struct tt_sched_task));
	return 0;
}

static int take_row(void *ctx, const void *key, const void *value)
{
	struct taking *t = ctx;
	const struct tt_sched_key *k = key;

	if (k->set != t->set)
		return 0;
	struct tt_sched_sum *sum = list_add(&t->list);
	if (!sum)
		return -ENOMEM;
	sum->key = *k;
	memcpy(&sum->row, value, sizeof(sum->row));
	return 1;
}

static int compare(const void *a, const void *b)
{
	const struct tt_sched_key *x = &((const struct tt_sched_sum *)a)->key, *y = &((const struct tt_sched_sum *)b)->key;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	return x->tid != y->tid ? x->tid < y->tid ? -1 : 1 : 0;
}

/* The other set is counted in from now on. */
static int change_sets(struct tt_tool_run *run, struct tt_sched_view *v)
{
	struct tt_sched_run *s = run->state;
	const struct timespec settle = {.tv_nsec = TT_SCHED_SETTLE_NS};
	uint32_t set = s->now.set;

	v->set = set;
	v->from_ns = s->now.begun_ns[set];
	v->now_ns = tt_now_ns();
	s->now.begun_ns[set ^ 1] = v->now_ns;
	int r = now_set(run);
	if (r < 0)
		return r;
	/* Together: spans are split by the beginning of the new set only. */
	s->now.set = set ^ 1;
	s->now.split = 1;
	r = now_set(run);
	nanosleep(&settle, NULL);
	s->now.split = 0;
	return r < 0 ? r : now_set(run);
}

static int by_task(const void *a, const void *b)
{
	const struct tt_sched_task *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x->since_ns < y->since_ns ? -1 : x->since_ns > y->since_ns;
}

size_t tt_sched_once(struct tt_sched_task *tasks, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(tasks, count, sizeof(*tasks), by_task);
	for (size_t i = 0; i < count; i++) {
		if (!kept || tasks[kept - 1].tid != tasks[i].tid)
			tasks[kept++] = tasks[i];
	}
	return kept;
}

bool tt_sched_open(const struct tt_sched_view *v, const struct tt_sched_task *t, uint32_t *part, uint64_t *ns)
{
	uint64_t from = TT_MAX(t->since_ns, v->from_ns);

	if (t->since_ns >= v->now_ns)
		return false;
	*ns = v->now_ns - from;
	if (t->state == TT_SCHED_BLOCKED)
		*part = t->part;
	else if (t->state == TT_SCHED_WAITING)
		*part = t->throttled ? TT_SCHED_THROTTLED : TT_SCHED_WAIT;
	else
		*part = t->in_memory ? TT_SCHED_MEMORY : TT_SCHED_RUN;
	return *part < TT_SCHED_PART_MAX;
}

/* What a task is in the middle of, as a row of its own. */
static int add_open(const struct tt_sched_view *v, const struct tt_sched_task *t, bool threads, struct list *sums)
{
	uint32_t part;
	uint64_t ns;

	if (!tt_sched_open(v, t, &part, &ns))
		return 0;
	struct tt_sched_sum *sum = list_add(sums);
	if (!sum)
		return -ENOMEM;
	*sum = (struct tt_sched_sum){.key = {.tgid = t->tgid, .tid = threads ? t->tid : 0}, .row.start_ns = t->start_ns};
	memcpy(sum->row.comm, threads ? t->name : t->comm, sizeof(sum->row.comm));
	sum->row.part[part] = (struct tt_sched_time){.ns = ns, .most_ns = v->now_ns - t->since_ns};
	return 0;
}

static void add_row(struct tt_sched_row *to, const struct tt_sched_row *more)
{
	for (uint32_t i = 0; i < TT_SCHED_PART_MAX; i++) {
		to->part[i].ns += more->part[i].ns;
		to->part[i].count += more->part[i].count;
		to->part[i].most_ns = TT_MAX(to->part[i].most_ns, more->part[i].most_ns);
	}
	to->preempted += more->preempted;
}

/* Rows of one process, or thread, become one. */
static void join(struct list *sums)
{
	struct tt_sched_sum *list = sums->items;
	size_t kept = 0;

	if (sums->count)
		qsort(list, sums->count, sizeof(*list), compare);
	for (size_t i = 0; i < sums->count; i++) {
		if (kept && compare(&list[kept - 1], &list[i]) == 0)
			add_row(&list[kept - 1].row, &list[i].row);
		else
			list[kept++] = list[i];
	}
	sums->count = kept;
}

int tt_sched_view(struct tt_tool_run *run, struct tt_sched_view *ret)
{
	const struct tt_sched_settings *settings = run->settings;
	struct tt_sched_view v = {0};
	int r = change_sets(run, &v);
	struct taking tasks = {.list = {.size = sizeof(struct tt_sched_task)}},
		      rows = {.set = v.set, .list = {.size = sizeof(struct tt_sched_sum)}};

	if (r == 0)
		r = tt_kernel_map_walk(run->kernel, "tt_sched_tasks", sizeof(uint32_t), sizeof(struct tt_sched_task), take_task,
				       &tasks);
	if (r == 0)
		r = tt_kernel_map_walk(run->kernel, "tt_sched_rows", sizeof(struct tt_sched_key), sizeof(struct tt_sched_row),
				       take_row, &rows);
	tasks.list.count = tt_sched_once(tasks.list.items, tasks.list.count);
	for (size_t i = 0; r == 0 && i < tasks.list.count; i++)
		r = add_open(&v, (struct tt_sched_task *)tasks.list.items + i, settings->config.threads, &rows.list);
	join(&rows.list);
	v.sums = rows.list.items;
	v.sum_count = rows.list.count;
	v.tasks = tasks.list.items;
	v.task_count = tasks.list.count;
	if (r < 0)
		tt_sched_view_free(&v);
	else
		*ret = v;
	return r;
}

const struct tt_sched_sum *tt_sched_sum_find(const struct tt_sched_view *v, uint32_t tgid, uint32_t tid)
{
	const struct tt_sched_sum key = {.key = {.tgid = tgid, .tid = tid}};

	return v->sum_count ? bsearch(&key, v->sums, v->sum_count, sizeof(key), compare) : NULL;
}

void tt_sched_view_free(struct tt_sched_view *v)
{
	free(v->sums);
	free(v->tasks);
	*v = (struct tt_sched_view){0};
}

/* --- what was turned away --- */

int tt_sched_end(struct tt_tool_run *run)
{
	struct tt_sched_counts one;

	for (uint32_t cpu = 0; tt_kernel_map_get(run->kernel, "tt_sched_counts", &cpu, &one) == 0; cpu++) {
		run->notes[TT_SCHED_NOTE_TASK_WAITS] += one.task_waits;
		run->notes[TT_SCHED_NOTE_TASK_BLOCKS] += one.task_blocks;
		run->notes[TT_SCHED_NOTE_NO_WAIT] += one.no_wait;
		run->notes[TT_SCHED_NOTE_NO_ROW] += one.no_row;
		run->notes[TT_SCHED_NOTE_NO_AHEAD] += one.no_ahead;
		run->notes[TT_SCHED_NOTE_NO_BLOCK] += one.no_block;
		run->notes[TT_SCHED_NOTE_NO_WAKER] += one.no_waker;
		run->notes[TT_SCHED_NOTE_TURNS_GONE] += one.turns_gone;
		run->notes[TT_SCHED_NOTE_UNTOLD] += one.untold;
	}
	return 0;
}
