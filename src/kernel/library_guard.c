// SPDX-License-Identifier: Apache-2.0
/*
 * A file with probes that is written: the kernel keeps the instructions of probes as they were, at the places where they were, so
 * the next process with the new contents would have breakpoints within other instructions. A lease on the file (fcntl(2)) lets
 * who opens it to write, or truncates it, wait until a thread has let go of its probes. Where a file system has no leases, the
 * file's times and size are looked at instead, which is later.
 */
#include "kernel/library_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "kernel/internal.h"

/* What a lease that is to be given back says to this one thread. Where too many wait, the kernel says SIGIO. */
#define SIGNAL_LEASE SIGRTMIN

struct tt_library_guard {
	struct tt_kernel *k;
	pthread_t thread;
	pid_t tid; /* 0: it has not begun */
	bool ending;
	bool told; /* that a file has no lease */
};

/* Of the lists, and of what their files have attached. Nothing that is done with it takes long but letting go. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void tt_library_lists_lock(void)
{
	pthread_mutex_lock(&lock);
}

void tt_library_lists_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* --- one file --- */

bool tt_file_written(const struct tt_file_state *before, const struct tt_file_state *now)
{
	/* A name that comes or goes changes the time, too. */
	return before->size != now->size || (before->changed_ns != now->changed_ns && before->links == now->links);
}

static bool written_since(const struct tt_library_file *file)
{
	struct tt_file_state now;
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return false;
	now = tt_file_state(&st);
	return tt_file_written(&file->state, &now);
}

/* 0; -ETXTBSY: somebody has it open to write; others: there are no leases. */
static int lease_take(const struct tt_library_guard *g, struct tt_library_file *file)
{
	const struct f_owner_ex owner = {F_OWNER_TID, g->tid};

	if (fcntl(file->fd, F_SETSIG, SIGNAL_LEASE) < 0 || fcntl(file->fd, F_SETOWN_EX, &owner) < 0)
		return -errno;
	if (fcntl(file->fd, F_SETLEASE, F_RDLCK) < 0)
		return errno == EAGAIN ? -ETXTBSY : -errno;
	file->leased = true;
	return 0;
}

static void lease_give(struct tt_library_file *file)
{
	if (file->leased)
		(void)fcntl(file->fd, F_SETLEASE, F_UNLCK); /* closing it does so, too */
	file->leased = false;
}

static bool lease_asked_for(const struct tt_library_file *file)
{
	return file->leased && fcntl(file->fd, F_GETLEASE) != F_RDLCK;
}

static int guarded(struct tt_kernel *k, struct tt_library_file *file)
{
	struct tt_library_guard *g = k->library_guard;

	if (!g)
		return 0;
	int r = lease_take(g, file);
	if (r < 0 && r != -ETXTBSY) {
		k->libraries_unguarded++;
		if (!g->told)
			tt_warn("a file with probes has no lease (%s): when it or another such is rewritten in place, that is "
				"seen only "
				"up to two seconds later",
				strerror(-r));
		g->told = true;
		r = 0;
	}
	return r;
}

int tt_library_guard_begin(struct tt_kernel *k, struct tt_library_file *file, const char *path)
{
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd <= 0)
		return -errno;
	tt_library_lists_lock();
	file->attaching = true;
	int r = guarded(k, file);
	tt_library_lists_unlock();
	return r == 0 && file->state.size && written_since(file) ? -ETXTBSY : r;
}

int tt_library_guard_done(struct tt_library_file *file)
{
	tt_library_lists_lock();
	file->attaching = false;
	bool asked = lease_asked_for(file);
	tt_library_lists_unlock();
	return asked ? -ETXTBSY : 0;
}

void tt_library_guard_end(struct tt_library_file *file)
{
	lease_give(file);
	if (file->fd > 0)
		close(file->fd);
	file->fd = 0;
}

bool tt_library_being_written(const struct tt_kernel *k, struct tt_library_file *file)
{
	if (!k->library_guard || file->fd <= 0 || lease_take(k->library_guard, file) != -ETXTBSY) {
		lease_give(file);
		return false;
	}
	return true;
}

/* --- all --- */

static void let_go(struct tt_library_file *file)
{
	uint64_t begin_ns = tt_now_ns();
	size_t count = file->probe_count;

	tt_library_probes_detach(file);
	lease_give(file);
	file->written_ns = tt_clock_ns(CLOCK_BOOTTIME);
	tt_debug("%s of device %" PRIx64 ", inode %" PRIu64 ": it is written, %zu probes are gone in %.3f ms",
		 file->library->name, file->dev, file->inode, count, (double)(tt_now_ns() - begin_ns) / 1e6);
}

static void let_go_of(struct tt_library_file *files, bool (*is)(const struct tt_library_file *file))
{
	for (struct tt_library_file *f = files; f; f = f->next) {
		if (f->fd > 0 && !f->attaching && !f->written_ns && is(f))
			let_go(f);
	}
}

static void both_let_go_of(struct tt_kernel *k, bool (*is)(const struct tt_library_file *file))
{
	tt_library_lists_lock();
	let_go_of(k->libraries, is);
	let_go_of(k->libraries_middle, is);
	tt_library_lists_unlock();
}

static bool written_unseen(const struct tt_library_file *file)
{
	return file->probe_count && !file->leased && written_since(file);
}

void tt_library_guard_look(struct tt_kernel *k)
{
	both_let_go_of(k, written_unseen);
}

/* --- the thread --- */

static void signals_block(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGNAL_LEASE);
	sigaddset(ret, SIGIO);
	pthread_sigmask(SIG_BLOCK, ret, NULL);
}

static void *watch(void *arg)
{
	struct tt_library_guard *g = arg;
	sigset_t signals;

	signals_block(&signals);
	prctl(PR_SET_NAME, "telltale-guard", 0, 0, 0);
	__atomic_store_n(&g->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	while (!__atomic_load_n(&g->ending, __ATOMIC_ACQUIRE)) {
		both_let_go_of(g->k, lease_asked_for);
		(void)sigwaitinfo(&signals, NULL);
	}
	return NULL;
}

/* Those that were attached before. */
static void leases_take(struct tt_kernel *k, struct tt_library_file *files)
{
	for (struct tt_library_file *f = files; f; f = f->next) {
		if (f->fd > 0 && !f->written_ns && (guarded(k, f) < 0 || written_since(f)))
			let_go(f);
	}
}

int tt_library_guard_start(struct tt_kernel *k)
{
	struct tt_library_guard *g = calloc(1, sizeof(*g));
	sigset_t signals, before;

	if (!g)
		return -ENOMEM;
	g->k = k;
	/* The thread has them blocked from its first moment on. */
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	signals_block(&signals);
	int r = pthread_create(&g->thread, NULL, watch, g);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r) {
		free(g);
		return -r;
	}
	while (!__atomic_load_n(&g->tid, __ATOMIC_ACQUIRE))
		usleep(100);
	tt_library_lists_lock();
	k->library_guard = g;
	leases_take(k, k->libraries);
	leases_take(k, k->libraries_middle);
	tt_library_lists_unlock();
	return 0;
}

void tt_library_guard_stop(struct tt_kernel *k)
{
	struct tt_library_guard *g = k->library_guard;

	if (!g)
		return;
	__atomic_store_n(&g->ending, true, __ATOMIC_RELEASE);
	pthread_kill(g->thread, SIGNAL_LEASE);
	pthread_join(g->thread, NULL);
	k->library_guard = NULL;
	free(g);
}
