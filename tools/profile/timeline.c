// SPDX-License-Identifier: Apache-2.0
/* A picture of what threads did when: a row each, coloured by what they did most in each stretch of the picture's grain. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "symbols/symbols.h"
#include "tools/profile/state.h"
#include "tools/stacks/svg.h"

#define LEFT 190
#define WIDTH 1000 /* of the rows: as many stretches */
#define ROW 18
#define HEAD 66
#define FILE_MOST (64u << 20)

/* Runs green, queues red, locks orange, disks purple, network blue, all else pale. */
static const struct {
	uint32_t colour;
	bool idle; /* not what a thread is busy with */
} looks[TT_SCHED_PART_MAX] = {
	[TT_SCHED_RUN] = {0x4caf50, false},	    [TT_SCHED_INTERRUPT] = {0x8bc34a, false},
	[TT_SCHED_WAIT] = {0xe53935, false},	    [TT_SCHED_THROTTLED] = {0xad1457, false},
	[TT_SCHED_MEMORY] = {0x6d4c41, false},	    [TT_SCHED_LOCK] = {0xfb8c00, false},
	[TT_SCHED_KERNEL_LOCK] = {0xef6c00, false}, [TT_SCHED_DISK] = {0x8e24aa, false},
	[TT_SCHED_NETWORK] = {0x1e88e5, false},	    [TT_SCHED_LOCAL] = {0x64b5f6, false},
	[TT_SCHED_PIPE] = {0xb0bec5, true},	    [TT_SCHED_EVENTS] = {0xe0e0e0, true},
	[TT_SCHED_AIO] = {0xba68c8, false},	    [TT_SCHED_SLEEP] = {0xeeeeee, true},
	[TT_SCHED_CHILD] = {0xcfd8dc, true},	    [TT_SCHED_FAULT] = {0x795548, false},
	[TT_SCHED_SWAP] = {0x5d4037, false},	    [TT_SCHED_SIGNAL] = {0xd7ccc8, true},
	[TT_SCHED_DEVICE] = {0xc5cae9, true},	    [TT_SCHED_KERNEL] = {0xffb300, false},
	[TT_SCHED_OTHER] = {0xfff176, false},
};

struct span {
	uint64_t from_ns, to_ns;
	uint32_t part;
	uint32_t before; /* the thread's span before: 1 + index; 0: none */
};

struct thread {
	uint32_t tgid, tid;
	uint64_t busy_ns;
	uint32_t last; /* its last span: 1 + index; 0: none */
	char name[TT_SCHED_COMM_LEN + 1];
};

struct tt_timeline {
	const char *file;
	int fd;
	struct span *spans;
	size_t count, room, most;
	struct thread *threads;
	size_t thread_count, thread_room;
	uint32_t *slots; /* threads by number: 1 + index; 0: free */
	size_t slot_count;
};

int tt_timeline_new(struct tt_timeline **ret, const char *file, uint64_t most)
{
	struct tt_timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return tt_error_errno(-ENOMEM, "--timeline");
	t->file = file;
	t->most = most;
	t->fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (t->fd < 0) {
		int r = tt_error_errno(-errno, "--timeline %s", file);
		free(t);
		return r;
	}
	*ret = t;
	return 0;
}

struct tt_timeline *tt_timeline_free(struct tt_timeline *t)
{
	if (!t)
		return NULL;
	close(t->fd);
	free(t->spans);
	free(t->threads);
	free(t->slots);
	free(t);
	return NULL;
}

/* The slot of that thread, or the free one where it would be. */
static uint32_t *slot_of(const struct tt_timeline *t, uint32_t tgid, uint32_t tid)
{
	size_t at = (tid * 2654435761u ^ tgid) & (t->slot_count - 1);

	for (;; at = (at + 1) & (t->slot_count - 1)) {
		uint32_t *slot = &t->slots[at];
		if (!*slot || (t->threads[*slot - 1].tid == tid && t->threads[*slot - 1].tgid == tgid))
			return slot;
	}
}

static bool slots_grow(struct tt_timeline *t)
{
	size_t count = t->slot_count ? 2 * t->slot_count : 64;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return false;
	free(t->slots);
	t->slots = slots;
	t->slot_count = count;
	for (size_t i = 0; i < t->thread_count; i++)
		*slot_of(t, t->threads[i].tgid, t->threads[i].tid) = (uint32_t)i + 1;
	return true;
}

/* Its index. SIZE_MAX: no memory. */
static size_t thread_of(struct tt_timeline *t, const struct tt_sched_span_record *span)
{
	if (2 * t->thread_count >= t->slot_count && !slots_grow(t))
		return SIZE_MAX;
	uint32_t *slot = slot_of(t, span->rec.tgid, span->rec.tid);
	if (*slot)
		return *slot - 1;
	if (t->thread_count == t->thread_room) {
		size_t room = t->thread_room ? 2 * t->thread_room : 32;
		struct thread *more = reallocarray(t->threads, room, sizeof(*more));
		if (!more)
			return SIZE_MAX;
		t->threads = more;
		t->thread_room = room;
	}
	t->threads[t->thread_count] = (struct thread){.tgid = span->rec.tgid, .tid = span->rec.tid};
	*slot = (uint32_t)t->thread_count + 1;
	return t->thread_count++;
}

bool tt_timeline_add(struct tt_timeline *t, const struct tt_sched_span_record *span)
{
	if (t->count == t->most || span->part >= TT_SCHED_PART_MAX || span->to_ns <= span->from_ns)
		return false;
	if (t->count == t->room) {
		size_t room = TT_MIN(t->room ? 2 * t->room : 1024, t->most);
		struct span *more = reallocarray(t->spans, room, sizeof(*more));
		if (!more)
			return false;
		t->spans = more;
		t->room = room;
	}
	size_t thread = thread_of(t, span);
	if (thread == SIZE_MAX)
		return false;
	struct thread *of = &t->threads[thread];
	of->busy_ns += looks[span->part].idle ? 0 : span->to_ns - span->from_ns;
	memcpy(of->name, span->name, TT_SCHED_COMM_LEN);
	t->spans[t->count++] = (struct span){span->from_ns, span->to_ns, span->part, of->last};
	of->last = (uint32_t)t->count;
	return true;
}

/* --- drawing --- */

/* How long each part took in each stretch, of one thread. */
typedef uint64_t grid[WIDTH][TT_SCHED_PART_MAX];

struct drawing {
	const struct tt_timeline *t;
	struct tt_buf *to;
	uint64_t from_ns, each_ns;
	grid *grid;
};

static void grid_add(const struct drawing *d, const struct span *s)
{
	uint64_t end = d->from_ns + d->each_ns * WIDTH;
	uint64_t from = TT_MAX(s->from_ns, d->from_ns), to = TT_MIN(s->to_ns, end);

	while (from < to) {
		uint64_t at = (from - d->from_ns) / d->each_ns, next = d->from_ns + (at + 1) * d->each_ns;
		next = TT_MIN(next, to);
		(*d->grid)[at][s->part] += next - from;
		from = next;
	}
}

/* The part most of a stretch went to; TT_SCHED_PART_MAX: nothing is known of it. */
static uint32_t most_of(const struct drawing *d, unsigned at)
{
	uint32_t most = TT_SCHED_PART_MAX;

	for (uint32_t part = 0; part < TT_SCHED_PART_MAX; part++) {
		uint64_t ns = (*d->grid)[at][part];
		if (ns && (most == TT_SCHED_PART_MAX || ns > (*d->grid)[at][most]))
			most = part;
	}
	return most;
}

static void run_draw(const struct drawing *d, unsigned from, unsigned to, uint32_t part, unsigned y)
{
	uint64_t ns = 0;

	for (unsigned at = from; at < to; at++)
		ns += (*d->grid)[at][part];
	tt_buf_printf(d->to,
		      "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"#%06x\"><title>%s: %.3f ms of %.3f, from %.3f "
		      "s on</title></rect>\n",
		      LEFT + from, y, to - from, ROW - 4, looks[part].colour, tt_sched_part_names[part], (double)ns / 1e6,
		      (double)(d->each_ns * (to - from)) / 1e6, (double)(d->each_ns * from) / 1e9);
}

static void thread_draw(const struct drawing *d, size_t thread, unsigned y)
{
	const struct thread *t = &d->t->threads[thread];
	tt_buf_auto struct tt_buf name = TT_BUF(256);
	uint32_t part = TT_SCHED_PART_MAX;
	unsigned begun = 0;

	memset(d->grid, 0, sizeof(*d->grid));
	for (uint32_t at = t->last; at; at = d->t->spans[at - 1].before)
		grid_add(d, &d->t->spans[at - 1]);
	tt_symbols_clean(&name, t->name);
	tt_buf_printf(d->to, "<text x=\"4\" y=\"%u\">", y + ROW - 7);
	tt_xml_text(d->to, (const char *)name.data, name.len);
	tt_buf_printf(d->to, " %" PRIu32 "</text>\n", t->tid);
	for (unsigned at = 0; at <= WIDTH; at++) {
		uint32_t now = at < WIDTH ? most_of(d, at) : TT_SCHED_PART_MAX;
		if (now == part && at < WIDTH)
			continue;
		if (part != TT_SCHED_PART_MAX)
			run_draw(d, begun, at, part, y);
		part = now;
		begun = at;
	}
}

/* Which parts there are at all, and their colours; a scale below. */
static void head_draw(const struct drawing *d, unsigned height)
{
	bool there[TT_SCHED_PART_MAX] = {false};
	unsigned x = LEFT;

	for (size_t i = 0; i < d->t->count; i++)
		there[d->t->spans[i].part] = true;
	for (uint32_t part = 0; part < TT_SCHED_PART_MAX; part++) {
		if (!there[part])
			continue;
		tt_buf_printf(
			d->to,
			"<rect x=\"%u\" y=\"28\" width=\"10\" height=\"10\" fill=\"#%06x\"/><text x=\"%u\" y=\"37\">%s</text>\n",
			x, looks[part].colour, x + 13, tt_sched_part_names[part]);
		x += 26 + 7 * (unsigned)strlen(tt_sched_part_names[part]);
	}
	for (unsigned i = 0; i <= 10; i++) {
		x = LEFT + WIDTH / 10 * i;
		tt_buf_printf(d->to,
			      "<line x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\" stroke=\"#ccc\" stroke-width=\".5\"/><text x=\"%u\" "
			      "y=\"%u\">%.3f s</text>\n",
			      x, HEAD - 10, x, height, x + 2, HEAD - 12, (double)d->each_ns * WIDTH / 10 * i / 1e9);
	}
}

static int busiest(const void *a, const void *b, void *threads)
{
	const struct thread *x = (const struct thread *)threads + *(const size_t *)a,
			    *y = (const struct thread *)threads + *(const size_t *)b;

	if (x->busy_ns != y->busy_ns)
		return x->busy_ns > y->busy_ns ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static int by_number(const void *a, const void *b, void *threads)
{
	const struct thread *x = (const struct thread *)threads + *(const size_t *)a,
			    *y = (const struct thread *)threads + *(const size_t *)b;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

void tt_timeline_draw(struct tt_timeline *t, uint64_t from_ns, uint64_t to_ns, size_t rows, struct tt_buf *to)
{
	tt_free_auto grid *cells = malloc(sizeof(*cells));
	tt_free_auto size_t *order = calloc(t->thread_count + 1, sizeof(*order));
	struct drawing d = {
		.t = t, .to = to, .from_ns = from_ns, .each_ns = TT_MAX((to_ns - from_ns) / WIDTH, (uint64_t)1), .grid = cells};

	if (!cells || !order) {
		to->failed = true;
		return;
	}
	for (size_t i = 0; i < t->thread_count; i++)
		order[i] = i;
	size_t shown = TT_MIN(rows, t->thread_count);
	if (t->thread_count)
		qsort_r(order, t->thread_count, sizeof(*order), busiest, t->threads);
	if (shown)
		qsort_r(order, shown, sizeof(*order), by_number, t->threads);
	unsigned height = HEAD + ROW * (unsigned)shown + 8, width = LEFT + WIDTH + 60;
	tt_buf_printf(to,
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" "
		      "height=\"%u\" viewBox=\"0 0 %u %u\" font-family=\"monospace\" font-size=\"11\">\n"
		      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"4\" y=\"18\" font-size=\"15\">telltale: "
		      "what %zu "
		      "of %zu threads did</text>\n",
		      width, height, width, height, shown, t->thread_count);
	head_draw(&d, height);
	for (size_t i = 0; i < shown; i++)
		thread_draw(&d, order[i], HEAD + ROW * (unsigned)i);
	tt_buf_add_str(to, "</svg>\n");
}

int tt_timeline_write(struct tt_timeline *t, uint64_t from_ns, uint64_t to_ns, size_t rows)
{
	tt_buf_auto struct tt_buf b = TT_BUF(FILE_MOST);

	tt_timeline_draw(t, from_ns, to_ns, rows, &b);
	if (b.failed)
		return tt_error_errno(-ENOMEM, "--timeline %s", t->file);
	for (size_t at = 0; at < b.len;) {
		ssize_t n = write(t->fd, b.data + at, b.len - at);
		if (n < 0 && errno != EINTR)
			return tt_error_errno(-errno, "--timeline %s", t->file);
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}
