// SPDX-License-Identifier: Apache-2.0
/*
 * Probes in the processes of the scope alone, where these are few and given by their numbers: others with the same library have
 * no trap then. The kernel takes such probes out of a forked child, so with the first process that comes into scope and has a
 * library the same probes are put into all that have the files, for good. The first ones stay and count for their processes
 * (tt_plain_mine of bpf/libraries/uprobe.h), so no call is told twice or missed there. What the new process may have been missed
 * of is on connections that were there by then: nothing is told of the plaintext of those it uses, and that is counted
 * (TT_EARLY_LOST).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "kernel/internal.h"
#include "kernel/plaintext.h"

static uint8_t *mark_of(const struct tt_kernel *k, uint32_t pid)
{
	return k->scope_pids && pid < TT_SCOPE_ROW * TT_SCOPE_ROWS ? &k->scope_pids[pid / TT_SCOPE_ROW].in[pid % TT_SCOPE_ROW]
								   : NULL;
}

static bool is_marked(const struct tt_kernel *k, uint32_t pid, enum tt_scope_mark what)
{
	const uint8_t *mark = mark_of(k, pid);

	return mark && __atomic_load_n(mark, __ATOMIC_ACQUIRE) == what;
}

/* Unless it is gone by now. */
static void mark_change(struct tt_kernel *k, uint32_t pid, uint8_t before, uint8_t now)
{
	uint8_t *mark = mark_of(k, pid);

	if (mark)
		(void)__atomic_compare_exchange_n(mark, &before, now, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* --- whether --- */

static bool same_program(uint32_t one, uint32_t other)
{
	char path[2][32];
	struct stat st[2];

	snprintf(path[0], sizeof(path[0]), "/proc/%" PRIu32 "/exe", one);
	snprintf(path[1], sizeof(path[1]), "/proc/%" PRIu32 "/exe", other);
	return stat(path[0], &st[0]) == 0 && stat(path[1], &st[1]) == 0 && st[0].st_dev == st[1].st_dev &&
	       st[0].st_ino == st[1].st_ino;
}

/* It has children that go on as itself, as servers with workers have, and may begin more of them. (Kernels that do not tell the
 * children of a process: none.) */
static bool has_workers(uint32_t pid)
{
	tt_free_auto char *line = NULL;
	char path[64];
	size_t size = 0;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu32 "/children", pid, pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	if (getline(&line, &size, f) > 0) {
		char *at = line, *end;

		for (unsigned long child = strtoul(at, &end, 10); end != at && !found; child = strtoul(at, &end, 10)) {
			found = same_program(pid, (uint32_t)child);
			at = end;
		}
	}
	fclose(f);
	return found;
}

bool tt_plaintext_alone(const struct tt_kernel *k, const struct tt_scope *scope, uint64_t most)
{
	if (!k->plaintext || scope->mode != TT_SCOPE_PIDS || scope->command || !scope->pid_count || scope->pid_count > most)
		return false;
	for (size_t i = 0; i < scope->pid_count; i++) {
		if (has_workers(scope->pids[i]))
			return false;
	}
	return true;
}

void tt_plaintext_alone_begin(struct tt_kernel *k, const struct tt_scope *scope)
{
	if (!k->alone)
		return;
	for (size_t i = 0; i < scope->pid_count; i++)
		mark_change(k, scope->pids[i], TT_MARK_IN, TT_MARK_ALONE);
	__atomic_store_n(&k->self->plaintext_alone, TT_ALONE, __ATOMIC_RELEASE);
}

static bool has_library(const struct tt_kernel *k, uint32_t pid)
{
	for (const struct tt_library_file *f = k->libraries; f; f = f->next) {
		if (f->only == pid && tt_library_has_sessions(f->library))
			return true;
	}
	return false;
}

/* One that uses no library itself, as a shell, is there for those it begins. */
void tt_plaintext_alone_judge(struct tt_kernel *k, const struct tt_scope *scope)
{
	for (size_t i = 0; k->alone && i < scope->pid_count; i++) {
		if (!has_library(k, scope->pids[i]))
			tt_plaintext_alone_not(k, scope->pids[i]);
	}
}

uint32_t tt_plaintext_only(const struct tt_kernel *k, uint32_t pid)
{
	return is_marked(k, pid, TT_MARK_ALONE) ? pid : 0;
}

bool tt_plaintext_forks(const struct tt_kernel *k)
{
	return k->self && __atomic_load_n(&k->self->plaintext_alone, __ATOMIC_ACQUIRE) != TT_ALONE_NOT;
}

/* --- no more --- */

/* Only the list of those for a while grows at its front meanwhile, as that of the others does. */
static void widen_all(struct tt_kernel *k, const struct tt_library_file *files)
{
	for (const struct tt_library_file *f = files; f; f = f->next) {
		if (f->only && f->probe_count && !f->written_ns)
			(void)tt_plaintext_add(k, f, 0);
	}
}

bool tt_plaintext_widen(struct tt_kernel *k, uint32_t pid)
{
	uint64_t begin_ns = tt_now_ns();

	if (!k->alone)
		return false;
	k->alone = false;
	widen_all(k, k->libraries);
	widen_all(k, k->libraries_middle);
	/* From here on what begins in scope, and each new connection, has all probes. */
	__atomic_store_n(&k->self->plaintext_alone, TT_ALONE_NOT, __ATOMIC_RELEASE);
	tt_debug("probes of TLS libraries are in all processes that have the files now, after %.3f ms, for process %" PRIu32,
		 (double)(tt_now_ns() - begin_ns) / 1e6, pid);
	tt_plaintext_ahead(k);
	return true;
}

void tt_plaintext_alone_not(struct tt_kernel *k, uint32_t pid)
{
	mark_change(k, pid, TT_MARK_ALONE, TT_MARK_LATE);
	(void)tt_plaintext_widen(k, pid);
}

static int is_library(void *ctx, const struct tt_mapped *mapped)
{
	const struct tt_kernel *k = ctx;
	const struct tt_library *library = tt_library_of(mapped->name);

	if (library)
		return tt_library_has_sessions(library) && tt_plaintext_takes(k, library);
	return !tt_library_is(&tt_library_middle, mapped->name);
}

struct program {
	const struct tt_kernel *k;
	bool found;
};

/* A child goes on as the program that has it in itself. */
static int is_observed(void *ctx, const struct tt_mapped *mapped)
{
	struct program *p = ctx;

	for (const struct tt_library_file *f = p->k->libraries; f && !p->found; f = f->next)
		p->found = f->only && f->dev == mapped->dev && f->inode == mapped->inode;
	return 0;
}

bool tt_plaintext_alone_look(struct tt_kernel *k, uint32_t pid)
{
	struct program p = {.k = k};

	if (!k->alone)
		return true;
	if (!is_marked(k, pid, TT_MARK_LATE) && !is_marked(k, pid, TT_MARK_IN))
		return false;
	(void)tt_program_file(pid, is_observed, &p);
	if (p.found || tt_mapped_files(pid, is_library, k) > 0)
		(void)tt_plaintext_widen(k, pid);
	return true;
}

void tt_plaintext_alone_turn(struct tt_kernel *k)
{
	if (k->alone && __atomic_load_n(&k->self->plaintext_alone, __ATOMIC_ACQUIRE) == TT_ALONE_LEAVES)
		(void)tt_plaintext_widen(k, 0);
}
