// SPDX-License-Identifier: Apache-2.0
/*
 * A thread that looks for libraries and lets go of those nobody has any more: both may take long (a probe is put into every
 * process that maps the file), and who asks has other things to do.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "kernel/internal.h"
#include "kernel/library_guard.h"
#include "kernel/plaintext.h"
#include "kernel/process_probes.h"

/* Processes to be looked at. More at a time than this are told again by a later look, or by a handshake. */
#define QUEUE_MOST 1024
#define TURN_S 2

struct tt_plaintext_worker {
	struct tt_kernel *k;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t woken;
	bool ending;
	bool looking; /* at the one that was taken off the queue */
	size_t first;
	size_t count;
	uint32_t queue[QUEUE_MOST];
};

static bool queued(const struct tt_plaintext_worker *w, uint32_t pid)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->queue[(w->first + i) % QUEUE_MOST] == pid)
			return true;
	}
	return false;
}

/* The next process; 0: its turn is due. False: it is to end. */
static bool next(struct tt_plaintext_worker *w, struct timespec *due, uint32_t *pid)
{
	int r = 0;

	*pid = 0;
	pthread_mutex_lock(&w->lock);
	w->looking = false;
	while (!w->ending && !w->count && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&w->woken, &w->lock, due);
	if (w->count) {
		*pid = w->queue[w->first];
		w->first = (w->first + 1) % QUEUE_MOST;
		w->count--;
		w->looking = true;
	}
	bool goes_on = !w->ending;
	pthread_mutex_unlock(&w->lock);
	return goes_on;
}

static void *work(void *arg)
{
	struct tt_plaintext_worker *w = arg;
	struct timespec due, now;
	uint32_t pid;

	clock_gettime(CLOCK_MONOTONIC, &due);
	time_t tidy_s = due.tv_sec + (time_t)w->k->libraries_tidy_s;
	due.tv_sec += TURN_S;
	while (next(w, &due, &pid)) {
		/* It may have ended. */
		if (pid && w->k->process_probes)
			tt_process_probes_new(w->k, pid);
		else if (pid)
			(void)tt_plaintext_look(w->k, pid);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec < due.tv_sec)
			continue;
		if (w->k->process_probes) {
			tt_process_probes_turn(w->k);
		} else {
			tt_plaintext_alone_turn(w->k);
			tt_plaintext_middle(w->k);
		}
		tt_plaintext_written(w->k);
		if (!w->k->process_probes && now.tv_sec >= tidy_s) {
			tt_plaintext_tidy(w->k);
			tidy_s = now.tv_sec + (time_t)w->k->libraries_tidy_s;
		}
		clock_gettime(CLOCK_MONOTONIC, &due);
		due.tv_sec += TURN_S;
	}
	return NULL;
}

static int start(struct tt_kernel *k)
{
	struct tt_plaintext_worker *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (!w)
		return -ENOMEM;
	int guard = tt_library_guard_start(k);
	if (guard < 0)
		tt_warn("files with probes are not guarded against being rewritten in place: %s", strerror(-guard));
	w->k = k;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->woken, &attr);
	pthread_condattr_destroy(&attr);
	int r = pthread_create(&w->thread, NULL, work, w);
	if (r) {
		free(w);
		return -r;
	}
	k->plaintext_worker = w;
	return 0;
}

int tt_plaintext_work(struct tt_kernel *k)
{
	return !tt_plaintext_on(k) || k->plaintext_worker ? 0 : start(k);
}

int tt_plaintext_look_later(struct tt_kernel *k, uint32_t pid)
{
	int r = tt_plaintext_work(k);
	if (r < 0 || !tt_plaintext_on(k))
		return r;
	struct tt_plaintext_worker *w = k->plaintext_worker;
	pthread_mutex_lock(&w->lock);
	if (w->count == QUEUE_MOST && k->process_probes)
		__atomic_fetch_add(&k->self->processes_missed, 1, __ATOMIC_RELAXED);
	if (w->count == QUEUE_MOST)
		r = -ENOSPC;
	else if (!queued(w, pid))
		w->queue[(w->first + w->count++) % QUEUE_MOST] = pid;
	pthread_cond_signal(&w->woken);
	pthread_mutex_unlock(&w->lock);
	return r;
}

bool tt_plaintext_busy(struct tt_kernel *k)
{
	struct tt_plaintext_worker *w = k->plaintext_worker;

	pthread_mutex_lock(&w->lock);
	bool r = !w->ending && (w->count || w->looking);
	pthread_mutex_unlock(&w->lock);
	return r;
}

void tt_plaintext_worker_end(struct tt_kernel *k)
{
	struct tt_plaintext_worker *w = k->plaintext_worker;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->woken);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	tt_library_release_end(k);
	pthread_cond_destroy(&w->woken);
	pthread_mutex_destroy(&w->lock);
	free(w);
	k->plaintext_worker = NULL;
}
