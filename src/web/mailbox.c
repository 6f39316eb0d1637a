// SPDX-License-Identifier: Apache-2.0
#include "web/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/own.h"

#define TT_MAILBOX_BATCH 4 /* questions answered between two drains */

/* One writer, one reader. The writer never has more than `mask + 1` letters under way, so it cannot overflow. */
struct tt_post_ring {
	_Atomic uint64_t written;
	_Atomic uint64_t read;
	struct tt_letter **slot;
};

struct tt_mailbox {
	size_t slots;
	size_t mask;
	size_t body_max;
	int ask_fd;
	int answer_fd;
	struct tt_post_ring asks;
	struct tt_post_ring answers;
	size_t under_way; /* serving thread's: posted, not taken back */

	/* Draining thread's. */
	struct tt_watch **watches;
	size_t watch_count;
	bool news; /* watches have lines the serving thread was not told of */

	struct {
		_Atomic uint64_t asked, full, answered, abandoned, too_large, watches, dropped;
	} stats;
};

static void tt_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void tt_post_ring_put(const struct tt_mailbox *m, struct tt_post_ring *r, struct tt_letter *l)
{
	uint64_t at = atomic_load_explicit(&r->written, memory_order_relaxed);

	r->slot[at & m->mask] = l;
	atomic_store_explicit(&r->written, at + 1, memory_order_release);
}

static struct tt_letter *tt_post_ring_get(const struct tt_mailbox *m, struct tt_post_ring *r)
{
	uint64_t at = atomic_load_explicit(&r->read, memory_order_relaxed);

	if (at == atomic_load_explicit(&r->written, memory_order_acquire))
		return NULL;
	struct tt_letter *l = r->slot[at & m->mask];
	atomic_store_explicit(&r->read, at + 1, memory_order_release);
	return l;
}

/* A counter so full that the write would block is readable anyway. */
static void tt_ring_bell(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));
	(void)n;
}

static void tt_silence(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));
	(void)n;
}

int tt_mailbox_new(struct tt_mailbox **ret, size_t slots, size_t body_max)
{
	struct tt_mailbox *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;

	m->slots = TT_MAX(slots, (size_t)1);
	m->body_max = body_max;
	m->ask_fd = m->answer_fd = -1;
	size_t size = 1;
	while (size < m->slots)
		size <<= 1;
	m->mask = size - 1;
	m->asks.slot = calloc(size, sizeof(*m->asks.slot));
	m->answers.slot = calloc(size, sizeof(*m->answers.slot));
	m->watches = calloc(m->slots, sizeof(*m->watches));
	int r = m->asks.slot && m->answers.slot && m->watches ? 0 : -ENOMEM;
	if (r == 0 && (m->ask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		r = -errno;
	if (r == 0 && (m->answer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		r = -errno;
	if (r < 0) {
		tt_mailbox_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

struct tt_mailbox *tt_mailbox_free(struct tt_mailbox *m)
{
	if (!m)
		return NULL;

	struct tt_post_ring *rings[] = {&m->asks, &m->answers};
	for (size_t i = 0; i < TT_ARRAY_LEN(rings); i++) {
		struct tt_letter *l;
		while (rings[i]->slot && (l = tt_post_ring_get(m, rings[i])))
			tt_letter_free(l);
		free(rings[i]->slot);
	}
	for (size_t i = 0; i < m->watch_count; i++) {
		tt_watch_close(m->watches[i]);
		tt_watch_unref(m->watches[i]);
	}
	free(m->watches);
	if (m->ask_fd >= 0)
		close(m->ask_fd);
	if (m->answer_fd >= 0)
		close(m->answer_fd);
	free(m);
	return NULL;
}

void tt_mailbox_get_stats(const struct tt_mailbox *m, struct tt_mailbox_stats *ret)
{
#define TT_GET(field) .field = atomic_load_explicit(&m->stats.field, memory_order_relaxed)
	*ret = (struct tt_mailbox_stats){TT_GET(asked),	    TT_GET(full),    TT_GET(answered), TT_GET(abandoned),
					 TT_GET(too_large), TT_GET(watches), TT_GET(dropped)};
#undef TT_GET
}

int tt_mailbox_fd(const struct tt_mailbox *m)
{
	return m->ask_fd;
}

/* ---- draining thread ---- */

static void tt_watch_take_up(struct tt_mailbox *m, struct tt_letter *l)
{
	if (m->watch_count == m->slots || tt_watch_closed(l->watch)) {
		l->answer.status = 503;
		return;
	}
	m->watches[m->watch_count++] = TT_TAKE_PTR(l->watch);
}

static void tt_letter_answer(struct tt_mailbox *m, struct tt_letter *l, tt_render_fn render, void *ctx)
{
	if (atomic_load_explicit(&l->abandoned, memory_order_acquire)) {
		tt_count(&m->stats.abandoned, 1);
		return;
	}
	if (l->watch) {
		tt_watch_take_up(m, l);
		return;
	}
	render(ctx, &l->ask, &l->answer);
	tt_count(&m->stats.answered, 1);
	if (l->answer.body.failed) {
		tt_count(&m->stats.too_large, 1);
		tt_buf_free(&l->answer.body);
		l->answer.status = 507;
	}
}

/* Lets go of watches nobody reads, and tells the others of losses. */
static void tt_watches_tend(struct tt_mailbox *m)
{
	for (size_t i = 0; i < m->watch_count;) {
		if (tt_watch_closed(m->watches[i])) {
			tt_watch_unref(m->watches[i]);
			m->watches[i] = m->watches[--m->watch_count];
			continue;
		}
		m->news |= tt_watch_settle(m->watches[i]);
		i++;
	}
	atomic_store_explicit(&m->stats.watches, m->watch_count, memory_order_relaxed);
}

size_t tt_mailbox_serve(struct tt_mailbox *m, tt_render_fn render, void *ctx)
{
	size_t taken = 0;
	struct tt_letter *l;

	tt_silence(m->ask_fd);
	while (taken < TT_MAILBOX_BATCH && (l = tt_post_ring_get(m, &m->asks))) {
		tt_letter_answer(m, l, render, ctx);
		tt_post_ring_put(m, &m->answers, l);
		taken++;
	}
	if (taken == TT_MAILBOX_BATCH)
		tt_ring_bell(m->ask_fd); /* perhaps there are more: come again after the next drain */

	tt_watches_tend(m);
	if (taken || m->news)
		tt_ring_bell(m->answer_fd);
	m->news = false;
	return taken;
}

bool tt_mailbox_watched(const struct tt_mailbox *m)
{
	return m->watch_count > 0;
}

void tt_mailbox_push(struct tt_mailbox *m, struct tt_span line)
{
	for (size_t i = 0; i < m->watch_count; i++) {
		if (tt_watch_closed(m->watches[i]))
			continue;
		if (tt_watch_push(m->watches[i], line))
			m->news = true;
		else
			tt_count(&m->stats.dropped, 1);
	}
}

/* ---- serving thread ---- */

static int tt_letter_new(struct tt_letter **ret, const struct tt_ask *ask)
{
	struct tt_letter *l = calloc(1, sizeof(*l) + ask->path.len + ask->query.len);
	if (!l)
		return -ENOMEM;

	if (ask->path.len)
		memcpy(l->text, ask->path.data, ask->path.len);
	if (ask->query.len)
		memcpy(l->text + ask->path.len, ask->query.data, ask->query.len);
	l->ask.path = tt_span(l->text, ask->path.len);
	l->ask.query = tt_span(l->text + ask->path.len, ask->query.len);
	*ret = l;
	return 0;
}

struct tt_letter *tt_letter_free(struct tt_letter *l)
{
	if (!l)
		return NULL;
	tt_buf_free(&l->answer.body);
	tt_watch_unref(l->watch);
	free(l);
	return NULL;
}

int tt_mailbox_post(struct tt_mailbox *m, const struct tt_ask *ask, struct tt_watch *watch, void *owner, struct tt_letter **ret)
{
	if (m->under_way == m->slots) {
		tt_count(&m->stats.full, 1);
		return -EAGAIN;
	}
	struct tt_letter *l = NULL;
	int r = tt_letter_new(&l, ask);
	if (r < 0)
		return r;

	l->answer = (struct tt_answer){.status = 200, .content_type = "application/json", .body = TT_BUF(m->body_max)};
	l->watch = watch ? tt_watch_ref(watch) : NULL;
	l->owner = owner;
	m->under_way++;
	tt_count(&m->stats.asked, 1);
	*ret = l;
	tt_post_ring_put(m, &m->asks, l);
	tt_ring_bell(m->ask_fd);
	return 0;
}

void tt_letter_abandon(struct tt_letter *l)
{
	l->owner = NULL;
	atomic_store_explicit(&l->abandoned, true, memory_order_release);
}

struct tt_letter *tt_mailbox_take(struct tt_mailbox *m)
{
	struct tt_letter *l = tt_post_ring_get(m, &m->answers);
	if (l)
		m->under_way--;
	return l;
}

int tt_mailbox_answer_fd(const struct tt_mailbox *m)
{
	return m->answer_fd;
}

void tt_mailbox_quiet(struct tt_mailbox *m)
{
	tt_silence(m->answer_fd);
}
