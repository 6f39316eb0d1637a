// SPDX-License-Identifier: Apache-2.0
/* Who still has the files that are attached. A process that was seen to have one is asked first, then all are. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "kernel/internal.h"
#include "kernel/library.h"
#include "kernel/library_guard.h"
#include "probes.skel.h"

struct users {
	struct tt_kernel *k;
	uint32_t pid;
};

static int mark(void *ctx, const struct tt_mapped *mapped)
{
	const struct users *u = ctx;

	for (struct tt_library_file *f = u->k->libraries; f; f = f->next) {
		if (f->dev == mapped->dev && f->inode == mapped->inode && (!f->only || f->only == u->pid)) {
			f->used = true;
			f->user = f->user ? u->pid : 0;
		}
	}
	return 0;
}

/* Which of the files this process has; none where it is gone. */
static void mark_process(struct tt_kernel *k, uint32_t pid)
{
	struct users u = {k, pid};

	(void)tt_mapped_files(pid, mark, &u);
	(void)tt_program_file(pid, mark, &u);
}

static bool all_used(const struct tt_kernel *k)
{
	for (const struct tt_library_file *f = k->libraries; f; f = f->next) {
		if (!f->used)
			return false;
	}
	return true;
}

/* False: processes could not be listed, so nothing is known. */
static bool mark_everywhere(struct tt_kernel *k)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	if (!proc)
		return false;
	while (!all_used(k) && (entry = readdir(proc))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (pid)
			mark_process(k, pid);
	}
	closedir(proc);
	return true;
}

/* --- files that were written --- */

struct sought {
	const struct tt_library_file *file;
	bool found;
};

static int is_sought(void *ctx, const struct tt_mapped *mapped)
{
	struct sought *s = ctx;

	s->found |= s->file->dev == mapped->dev && s->file->inode == mapped->inode;
	return s->found;
}

/* As far as the kernel tells it: in hundredths of a second. */
static bool began_before(uint32_t pid, uint64_t boot_ns)
{
	uint64_t ticks = tt_process_began(pid);

	return ticks && ticks < boot_ns / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

/*
 * Whether a process has the file from before it was written. While it is within a function the kernel keeps that function's
 * probe with its old instruction, and would give it to the new one at the same place. A program that runs is not written.
 */
static bool had_before(const struct tt_kernel *k, struct tt_library_file *file)
{
	uint64_t now = tt_clock_ns(CLOCK_BOOTTIME);
	struct sought s = {.file = file};
	const struct dirent *entry;

	if (file->library->form != TT_LIBRARY_SHARED)
		return false;
	if (now < file->held_until_ns)
		return true;
	file->held_until_ns = now + k->libraries_tidy_s * 1000000000u;
	DIR *proc = opendir("/proc");
	while (proc && !s.found && (entry = readdir(proc))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (pid && began_before(pid, file->written_ns))
			(void)tt_mapped_files(pid, is_sought, &s);
	}
	if (proc)
		closedir(proc);
	return !proc || s.found;
}

void tt_plaintext_written(struct tt_kernel *k)
{
	tt_library_guard_look(k);
	for (struct tt_library_file **at = &k->libraries; *at;) {
		struct tt_library_file *f = *at;

		if (!f->written_ns || k->process_probes || tt_library_being_written(k, f) || had_before(k, f))
			at = &f->next;
		else
			tt_plaintext_again(k, at);
	}
}

static void link_destroy(struct bpf_link *link)
{
	bpf_link__destroy(link);
}

/* --- what is kept of processes --- */

/* As in bpf/lib/plaintext.h. */
struct plain_key {
	__u64 address;
	__u32 tgid;
	__u32 reserved;
};

/* Forgets what a table, as large as it may be, has of processes that are gone. Returns how many rows. */
static unsigned forget_gone(const struct bpf_map *map)
{
	unsigned gone = 0;
	struct plain_key key, following;
	int fd = bpf_map__fd(map);
	int r = bpf_map_get_next_key(fd, NULL, &key);

	for (__u32 i = 0; r == 0 && i < bpf_map__max_entries(map); i++) {
		r = bpf_map_get_next_key(fd, &key, &following);
		if (kill((pid_t)key.tgid, 0) < 0 && errno == ESRCH)
			gone += bpf_map_delete_elem(fd, &key) == 0;
		key = following;
	}
	return gone;
}

static void processes_tidy(struct tt_kernel *k)
{
	if (!tt_scope_ids_are_the_kernels())
		return;
	unsigned sessions = forget_gone(k->skel->maps.tt_plain_sessions);
	(void)forget_gone(k->skel->maps.tt_plain_goroutines);
	(void)forget_gone(k->skel->maps.tt_go_sending);
	(void)forget_gone(k->skel->maps.tt_held);
	if (sessions)
		tt_debug("%u TLS sessions of processes that are gone are forgotten", sessions);
}

void tt_plaintext_tidy(struct tt_kernel *k)
{
	processes_tidy(k);
	for (struct tt_library_file *f = k->libraries; f; f = f->next)
		f->used = !f->user;
	for (struct tt_library_file *f = k->libraries; f; f = f->next) {
		if (!f->used)
			mark_process(k, f->user);
	}
	if (all_used(k) || !mark_everywhere(k))
		return;
	for (struct tt_library_file **at = &k->libraries; *at;) {
		struct tt_library_file *f = *at;

		if (f->used) {
			at = &f->next;
			continue;
		}
		(void)tt_library_file_leave(at);
		k->library_count--;
		tt_debug("%s of device %" PRIx64 ", inode %" PRIu64 ": no process has it any more, %zu probes are gone",
			 f->library->name, f->dev, f->inode, f->probe_count);
		tt_library_file_free(f, link_destroy);
	}
}
