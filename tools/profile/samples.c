// SPDX-License-Identifier: Apache-2.0
/* Samples of an interval: stacks by name, functions by process or thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "kernel/tables.h"
#include "symbols/symbols.h"
#include "tools/profile/state.h"

#define TEXT_MOST (64u << 10)
#define FUNCTIONS_MOST (32u << 20)
#define COMMS_MOST (4u << 20)

struct front {
	uint32_t tgid, tid;
	uint32_t comm; /* in the names of processes */
};

/* --- functions --- */

static void function_add(struct tt_fold *f, const struct front *front, const char *name, size_t len, uint64_t count)
{
	char key[sizeof(*front) + TT_FUNCTION_NAME_KEPT];

	len = TT_MIN(len, sizeof(key) - sizeof(*front));
	memcpy(key, front, sizeof(*front));
	memcpy(key + sizeof(*front), name, len);
	(void)tt_fold_add(f, key, sizeof(*front) + len, count);
}

/* The same function may be in a stack several times, and was there once. */
static bool earlier(const char *text, const char *at, size_t len)
{
	for (const char *frame = text; frame < at;) {
		const char *end = strchr(frame, ';');
		if ((size_t)(end - frame) == len && memcmp(frame, at, len) == 0)
			return true;
		frame = end + 1;
	}
	return false;
}

/* `text` is ended by 0. */
static void functions_add(struct tt_profile_seen *s, const struct front *front, const char *text, uint64_t count)
{
	for (const char *at = text; *at;) {
		size_t len = strcspn(at, ";");
		if (!earlier(text, at, len))
			function_add(&s->total, front, at, len, count);
		if (!at[len]) {
			function_add(&s->self, front, at, len, count);
			return;
		}
		at += len + 1;
	}
}

/* Name of the process or thread, once: those of one are together in the map by chance only. */
static uint32_t comm_of(struct tt_profile_seen *s, const char *comm)
{
	char text[TT_SCHED_COMM_LEN + 1] = "";

	memcpy(text, comm, TT_SCHED_COMM_LEN);
	const struct tt_fold_row *row = tt_fold_add(&s->comms, text, strlen(text) + 1, 0);
	return row ? row->text : 0;
}

static int take_sample(void *ctx, const void *key, const void *value)
{
	struct tt_profile_seen *s = ctx;
	const struct tt_profile_key *k = key;
	const struct tt_profile_sample *sample = value;
	const struct tt_stack stack = {.tgid = k->tgid, .user = k->user, .kernel = k->kernel, .by_clock = true};
	tt_buf_auto struct tt_buf text = TT_BUF(TEXT_MOST);

	if (k->set != s->set)
		return 0;
	struct front front = {k->tgid, k->tid, comm_of(s, sample->comm)};
	s->looks += sample->count;
	if (tt_symbols_clean(&text, (const char *)s->comms.texts.data + front.comm) < 0 || tt_buf_add_char(&text, ';') < 0)
		return -ENOMEM;
	size_t begin = text.len;
	(void)tt_stacks_text(s->run->stacks, &stack, &text); /* what does not fit is cut */
	if (text.len == begin)
		tt_buf_add_str(&text, "[unknown]");
	tt_stacks_fold(s->run->stacks, (const char *)text.data, text.len,
		       s->wall ? sample->count * 1000000 / s->hz : sample->count);
	if (tt_buf_add_char(&text, 0) < 0)
		text.data[text.len - 1] = 0;
	functions_add(s, &front, (const char *)text.data + begin, sample->count);
	return 1;
}

/* By process and thread, most running itself first. */
static int compare(const void *a, const void *b)
{
	const struct tt_profile_function *x = a, *y = b;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Every function of the totals; a name is ended where the next one begins, so the texts are copied with ends. */
static int list_make(struct tt_profile_seen *s)
{
	struct tt_buf names = TT_BUF(2 * FUNCTIONS_MOST);

	s->list = calloc(s->total.count + 1, sizeof(*s->list));
	int r = s->list ? tt_buf_reserve(&names, s->total.texts.len + s->total.count + 1) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < s->total.count; i++) {
		const struct tt_fold_row *row = &s->total.rows[i];
		const uint8_t *text = s->total.texts.data + row->text;
		const struct tt_fold_row *self = tt_fold_find(&s->self, (const char *)text, row->len);
		struct front front;
		memcpy(&front, text, sizeof(front));
		s->list[s->count++] = (struct tt_profile_function){.tgid = front.tgid,
								   .tid = front.tid,
								   .self = self ? self->value : 0,
								   .total = row->value,
								   .name = (const char *)names.data + names.len,
								   .comm = (const char *)s->comms.texts.data + front.comm};
		tt_buf_add(&names, text + sizeof(front), row->len - sizeof(front));
		tt_buf_add_char(&names, 0);
	}
	tt_buf_free(&s->names);
	s->names = names;
	if (s->list && s->count)
		qsort(s->list, s->count, sizeof(*s->list), compare);
	return r;
}

int tt_profile_see(struct tt_tool_run *run, uint32_t set, struct tt_profile_seen *ret)
{
	const struct tt_profile_settings *settings = run->settings;
	struct tt_profile_seen s = {.run = run,
				    .set = set,
				    .hz = settings->hz,
				    .wall = settings->wall,
				    .self = TT_FOLD(FUNCTIONS_MOST),
				    .total = TT_FOLD(FUNCTIONS_MOST),
				    .comms = TT_FOLD(COMMS_MOST)};

	/* Its place 0 stands for what has no room. */
	int r = tt_fold_add(&s.comms, "?", 2, 0) ? 0 : -ENOMEM;
	if (r == 0)
		r = tt_kernel_map_walk(run->kernel, "tt_profile_samples", sizeof(struct tt_profile_key),
				       sizeof(struct tt_profile_sample), take_sample, &s);
	if (r == 0)
		r = list_make(&s);
	run->notes[TT_PROFILE_NOTE_NO_FUNCTION] += s.self.refused;
	if (r < 0)
		tt_profile_seen_free(&s);
	else
		*ret = s;
	return r;
}

void tt_profile_seen_free(struct tt_profile_seen *s)
{
	free(s->list);
	tt_fold_free(&s->self);
	tt_fold_free(&s->total);
	tt_fold_free(&s->comms);
	tt_buf_free(&s->names);
	s->list = NULL;
	s->count = 0;
}

/* --- blocked --- */

struct blocks {
	struct tt_tool_run *run;
	const struct tt_sched_view *view;
	bool wall;
};

/* Who it was; "[lock]" behind the functions says what for. */
static void block_fold(const struct blocks *b, const char *comm, const struct tt_stack *stack, uint32_t part, uint64_t ns)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TEXT_MOST);
	char name[TT_SCHED_COMM_LEN + 1] = "";

	memcpy(name, comm, TT_SCHED_COMM_LEN);
	tt_symbols_clean(&text, name);
	tt_buf_add_char(&text, ';');
	size_t begin = text.len;
	(void)tt_stacks_text(b->run->stacks, stack, &text); /* what does not fit is cut */
	tt_buf_printf(&text, "%s[%s]", text.len > begin ? ";" : "", part < TT_SCHED_PART_MAX ? tt_sched_part_names[part] : "?");
	tt_stacks_fold(b->run->stacks, (const char *)text.data, text.len, ns / 1000);
}

static int take_block(void *ctx, const void *key, const void *value)
{
	const struct blocks *b = ctx;
	const struct tt_sched_block_key *k = key;
	const struct tt_sched_blocked *blocked = value;

	if (k->set != b->view->set)
		return 0;
	if (b->wall)
		block_fold(b, blocked->comm,
			   &(struct tt_stack){.tgid = k->tgid, .user = k->user_stack, .kernel = k->kernel_stack}, k->part,
			   blocked->ns);
	return 1;
}

/* What tasks are blocked by now, and for how long they waited for a processor, which has no stack. */
static void rest_fold(const struct blocks *b)
{
	const struct tt_sched_view *v = b->view;
	const struct tt_stack none = {.user = TT_STACK_NONE, .kernel = TT_STACK_NONE};
	uint32_t part;
	uint64_t ns;

	for (size_t i = 0; i < v->task_count; i++) {
		const struct tt_sched_task *t = &v->tasks[i];
		if (t->state == TT_SCHED_BLOCKED && tt_sched_open(v, t, &part, &ns))
			block_fold(b, t->comm,
				   &(struct tt_stack){.tgid = t->tgid, .user = t->user_stack, .kernel = t->kernel_stack}, part,
				   ns);
	}
	for (size_t i = 0; i < v->sum_count; i++) {
		const struct tt_sched_row *row = &v->sums[i].row;
		block_fold(b, row->comm, &none, TT_SCHED_WAIT, row->part[TT_SCHED_WAIT].ns);
		block_fold(b, row->comm, &none, TT_SCHED_THROTTLED, row->part[TT_SCHED_THROTTLED].ns);
	}
}

int tt_profile_blocks(struct tt_tool_run *run, const struct tt_sched_view *v)
{
	const struct tt_profile_settings *settings = run->settings;
	struct blocks b = {run, v, settings->wall};
	int r = tt_kernel_map_walk(run->kernel, "tt_sched_blocks", sizeof(struct tt_sched_block_key),
				   sizeof(struct tt_sched_blocked), take_block, &b);

	if (r == 0 && settings->wall)
		rest_fold(&b);
	return r;
}
