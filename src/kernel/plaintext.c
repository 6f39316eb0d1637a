// SPDX-License-Identifier: Apache-2.0
#include "kernel/plaintext.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "kernel/hazards.h"
#include "kernel/internal.h"
#include "kernel/library.h"
#include "kernel/library_guard.h"
#include "probes.skel.h"

/* Programs without a library in themselves are many: those looked at last are known by this. */
#define PROGRAMS_SEEN 256

struct tt_program_seen {
	uint64_t dev;
	uint64_t inode;
	uint64_t changed_ns;
};

/*
 * From 6.11 on a return probe is a system call on x86 (ff474a78cef5), for which a service's seccomp filter may end it, until
 * filters let it pass (cf6cb56ef244: 6.14, and 6.13.3 and 6.12.14 of the stable trees).
 */
static const struct {
	struct tt_version first;
	struct tt_version fixed;
} ended_by_seccomp[] = {{{6, 11, 0}, {6, 12, 14}}, {{6, 13, 0}, {6, 13, 3}}};

static unsigned version_number(struct tt_version v)
{
	return v.major << 20 | v.minor << 10 | TT_MIN(v.patch, 1023u);
}

const char *tt_plaintext_refused(void)
{
#if defined(__x86_64__)
	struct tt_running running;

	tt_running_ask(&running);
	for (size_t i = 0; i < TT_ARRAY_LEN(ended_by_seccomp); i++) {
		if (version_number(running.version) >= version_number(ended_by_seccomp[i].first) &&
		    version_number(running.version) < version_number(ended_by_seccomp[i].fixed))
			return "on this kernel return probes may end a service under seccomp (mended in 6.12.14, 6.13.3 and "
			       "6.14)";
	}
#endif
	return NULL;
}

bool tt_plaintext_takes(const struct tt_kernel *k, const struct tt_library *library)
{
	return !(k->without & tt_library_bit(library->name)) && (library->spare || !k->by_instruction);
}

static void program_choose(struct tt_kernel *k, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(k->obj, name);

	bpf_program__set_autoload(p, true);
	tt_library_program_prepare(k, p);
}

/* The programs at a library's functions, which are attached when it is found. */
static void programs_choose(struct tt_kernel *k, const struct tt_library *library)
{
	if (!tt_plaintext_takes(k, library))
		return;
	for (size_t i = 0; i < library->function_count; i++) {
		const struct tt_library_function *f = &library->functions[i];

		program_choose(k, f->enter);
		if (f->returns)
			program_choose(k, f->returns);
	}
}

void tt_plaintext_programs_choose(struct tt_kernel *k)
{
	for (size_t i = 0; i < tt_library_count; i++)
		programs_choose(k, &tt_libraries[i]);
	programs_choose(k, &tt_library_rustls);
	programs_choose(k, &tt_library_middle);
	programs_choose(k, &tt_library_http2);
	programs_choose(k, &tt_library_nghttp2);
	for (size_t i = 0; i < tt_libraries_grpc_count; i++)
		programs_choose(k, &tt_libraries_grpc[i]);
}

static void file_forget(struct tt_kernel *k, struct tt_library_file **at)
{
	struct tt_library_file *file = tt_library_file_leave(at);

	k->library_count--;
	tt_library_file_detach(file);
	free(file->links);
	free(file);
}

/* For all processes, or with `only` for this one. One that was refused is for all; one that was written since is not known. */
static bool known(struct tt_kernel *k, const struct tt_mapped *mapped, uint32_t only)
{
	struct tt_library_file **at = &k->libraries;

	while (*at && ((*at)->dev != mapped->dev || (*at)->inode != mapped->inode || ((*at)->only != only && (*at)->fd)))
		at = &(*at)->next;
	if (*at && !(*at)->fd && tt_file_written(&(*at)->state, &mapped->state)) {
		file_forget(k, at);
		return false;
	}
	return *at;
}

struct look {
	struct tt_kernel *k;
	uint32_t pid;  /* whose files they are; 0: of one that is not there yet */
	uint32_t only; /* the same, if its probes are to be in it alone */
	int attached;
	bool grpc; /* one of them is known to give its library the bytes in memory */
};

bool tt_plaintext_room(struct tt_kernel *k, size_t count)
{
	if (count < k->libraries_most)
		return true;
	k->libraries_refused++;
	return false;
}

static const char *refusal(const struct tt_library *library, int r)
{
	if (library->form == TT_LIBRARY_STRIPPED && r == -E2BIG)
		return "OpenSSL or BoringSSL is linked into it, its symbols are stripped, and where its functions are is not "
		       "sure: to "
		       "find them takes more work than is done for one file";
	if (r == -ENOTUNIQ)
		return "several versions of what seals for it are linked into it";
	if (r != -EOPNOTSUPP)
		return strerror(-r);
	return library->form == TT_LIBRARY_GO ? "linked by a Go older than 1.18"
					      : "return probes are not to be used, and where its functions return is not sure";
}

/* Takes the file into the list, with nothing attached. */
static int file_enter(struct tt_kernel *k, const struct tt_library *library, const struct tt_mapped *mapped, uint32_t user,
		      uint32_t only)
{
	if (!tt_plaintext_room(k, k->library_count))
		return -ENOSPC;
	struct tt_library_file *file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	*file = (struct tt_library_file){.library = library,
					 .dev = mapped->dev,
					 .inode = mapped->inode,
					 .state = mapped->state,
					 .user = user,
					 .only = only,
					 .cookie = TT_LIBRARY_COOKIE(only)};
	tt_library_file_enter(&k->libraries, file);
	k->library_count++;
	return 0;
}

/* A refused one stays in the list, so that it is not tried again and again. */
static void refused(struct tt_kernel *k, const struct tt_mapped *mapped, const char *library, const char *reason)
{
	k->libraries_refused++;
	tt_warn("%s (%s): its plaintext is not observed: %s", mapped->name, library, reason);
}

/* Attaches the file and takes it into the list. -ENOEXEC, -ENOENT: a program without the library is left out of it. */
static int file_add(struct tt_kernel *k, const struct tt_library *library, const struct tt_mapped *mapped, uint32_t user,
		    uint32_t only)
{
	struct tt_function_sites sites[TT_FUNCTIONS_MOST];
	uint64_t begin_ns = tt_now_ns();
	int r = tt_library_find(library, mapped->path, k->by_instruction, sites);

	if (library->form != TT_LIBRARY_SHARED && (r == -ENOEXEC || r == -ENOENT))
		return r;
	if (r == 0 && !only && tt_plaintext_widen(k, user) && known(k, mapped, 0))
		return 0;
	int entered = file_enter(k, library, mapped, user, only);
	if (entered < 0)
		return entered;
	int found = r;
	if (r == 0)
		r = tt_library_file_attach(k, k->libraries, mapped->path, sites);
	if (r == -ETXTBSY || (r == -ESRCH && only)) { /* a later look finds what it has become; it is gone */
		file_forget(k, &k->libraries);
		return r;
	}
	if (r < 0 && found == 0 && only) {
		file_forget(k, &k->libraries);
		tt_plaintext_alone_not(k, only);
		return known(k, mapped, 0) ? 0 : file_add(k, library, mapped, user, 0);
	}
	if (r < 0) {
		refused(k, mapped, library->name, refusal(library, r));
		return r;
	}
	if (library->form == TT_LIBRARY_GO)
		__atomic_store_n(&k->skel->bss->tt_plain_go, 1, __ATOMIC_RELEASE);
	if (library == &tt_library_rustls)
		__atomic_store_n(&k->skel->bss->tt_plain_records, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&k->self->plaintext, 1, __ATOMIC_RELEASE);
	tt_debug("%s (%s): in %.3f ms %zu probes%s", mapped->name, library->name, (double)(tt_now_ns() - begin_ns) / 1e6,
		 k->libraries->probe_count, only ? ", in one process alone" : "");
	/* Without it less is known of some connections. */
	if (library->form == TT_LIBRARY_GO)
		(void)tt_plaintext_awhile(k, &tt_library_http2, mapped, user);
	else if (library->form == TT_LIBRARY_STATIC)
		(void)tt_plaintext_awhile(k, &tt_library_nghttp2, mapped, user);
	return 0;
}

static int look_file(void *ctx, const struct tt_mapped *mapped)
{
	struct look *look = ctx;
	const struct tt_library *library = tt_library_of(mapped->name);

	if (tt_library_is(&tt_library_nghttp2, mapped->name))
		(void)tt_plaintext_awhile(look->k, &tt_library_nghttp2, mapped, look->pid); /* as below */
	const struct tt_library *grpc = tt_library_grpc_of(mapped->name);
	if (grpc && tt_plaintext_takes(look->k, grpc)) {
		look->grpc = true;
		(void)tt_plaintext_awhile(look->k, grpc, mapped, look->pid);
	}
	if (!library || !tt_plaintext_takes(look->k, library) || known(look->k, mapped, look->only))
		return 0;
	int r = file_add(look->k, library, mapped, look->pid, look->only);
	look->attached += r == 0;
	return r == -ENOMEM ? r : 0;
}

/* Its place among those looked at, which it takes if it was not there; `seen`: it was. NULL: no memory. */
static struct tt_program_seen *program_seen(struct tt_kernel *k, const struct tt_mapped *mapped, bool *seen)
{
	if (!k->programs_seen)
		k->programs_seen = calloc(PROGRAMS_SEEN, sizeof(*k->programs_seen));
	if (!k->programs_seen)
		return NULL;
	struct tt_program_seen *place = &k->programs_seen[(mapped->inode ^ mapped->dev) % PROGRAMS_SEEN];
	*seen = place->dev == mapped->dev && place->inode == mapped->inode && place->changed_ns == mapped->state.changed_ns;
	return place;
}

/* A program that has a library in itself without its symbols: what cannot be observed there is named. */
static int look_signs(struct look *look, const struct tt_mapped *mapped)
{
	struct tt_kernel *k = look->k;
	const struct tt_library_sign *sign = tt_library_sign_find(mapped->path);
	if (sign && k->without & tt_library_bit(sign->library.name))
		return 0;
	int r = sign ? file_add(k, sign->otherwise, mapped, look->pid, look->only) : -ENOENT;

	look->attached += r == 0;
	if (!sign || (r != -ENOENT && r != -ENOEXEC))
		return r == -ENOMEM ? r : 0;
	r = file_enter(k, &sign->library, mapped, look->pid, look->only);
	if (r == 0)
		refused(k, mapped, sign->library.name, sign->reason);
	return r == -ENOMEM ? r : 0;
}

/* A program with the library in itself. */
static int look_program(void *ctx, const struct tt_mapped *mapped)
{
	struct look *look = ctx;
	struct tt_kernel *k = look->k;
	bool seen = false;
	struct tt_program_seen *place = program_seen(k, mapped, &seen);

	if (!place)
		return -ENOMEM;
	if (seen || known(k, mapped, look->only))
		return 0;
	for (size_t i = 0; i < tt_library_count; i++) {
		if (tt_libraries[i].form == TT_LIBRARY_SHARED || !tt_plaintext_takes(k, &tt_libraries[i]))
			continue;
		int r = file_add(k, &tt_libraries[i], mapped, look->pid, look->only);
		look->attached += r == 0;
		if (r != -ENOEXEC && r != -ENOENT)
			return r == -ENOMEM ? r : 0;
	}
	*place = (struct tt_program_seen){mapped->dev, mapped->inode, mapped->state.changed_ns};
	return look_signs(look, mapped);
}

int tt_plaintext_add(struct tt_kernel *k, const struct tt_library_file *file, uint32_t only)
{
	char path[32], name[PATH_MAX] = "";
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	if (fstat(file->fd, &st) < 0 || readlink(path, name, sizeof(name) - 1) <= 0)
		return -errno;
	const struct tt_mapped now = {file->dev, file->inode, tt_file_state(&st),
				      strrchr(name, '/') ? strrchr(name, '/') + 1 : name, path};

	if (file->until_ns)
		return tt_plaintext_awhile(k, file->library, &now, only);
	return known(k, &now, only) ? 0 : file_add(k, file->library, &now, file->user, only);
}

void tt_plaintext_again(struct tt_kernel *k, struct tt_library_file **at)
{
	struct tt_library_file *file = tt_library_file_leave(at);

	k->library_count--;
	(void)tt_plaintext_add(k, file, file->only); /* else it is another program now, which who runs it shows */
	tt_library_file_detach(file);
	free(file->links);
	free(file);
}

/* --- whom --- */

static int look_at(struct tt_kernel *k, uint32_t pid, uint32_t only)
{
	struct look look = {.k = k, .pid = pid, .only = only};
	int r = tt_mapped_files(pid, look_file, &look);
	if (r == 0)
		r = tt_program_file(pid, look_program, &look);
	if (look.grpc)
		tt_plaintext_middle_of(k, pid);
	return r < 0 ? r : look.attached;
}

int tt_plaintext_look(struct tt_kernel *k, uint32_t pid)
{
	uint32_t only = k->plaintext ? tt_plaintext_only(k, pid) : 0;

	if (!k->plaintext || pid == (uint32_t)getpid() || (!only && !tt_plaintext_alone_look(k, pid)))
		return 0;
	tt_plaintext_written(k);
	int r = look_at(k, pid, only);
	return only && !k->alone && r >= 0 ? look_at(k, pid, 0) : r; /* for its children */
}

void tt_plaintext_ahead(struct tt_kernel *k)
{
	struct look look = {.k = k};

	(void)tt_loader_files(look_file, &look); /* without the cache it is found in who has it */
}

/* The same of a command that is about to begin: what it says first is seen, too. */
static void look_command(struct tt_kernel *k, const char *command)
{
	struct look look = {.k = k};

	(void)tt_command_programs(command, look_program, &look); /* what is not found so is found once it is mapped */
	(void)tt_command_libraries(command, look_file, &look);
}

static void look_everywhere(struct tt_kernel *k, const struct tt_scope *scope)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (pid && tt_scope_contains(scope, pid))
			(void)tt_plaintext_look(k, pid);
	}
	if (proc)
		closedir(proc);
}

/* By perf each probe is two descriptors, and a program in Go has some forty. */
void tt_plaintext_descriptors_allow(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* without it probes are refused sooner, which is said then */
}

void tt_plaintext_start(struct tt_kernel *k, const struct tt_scope *scope)
{
	if (!k->plaintext)
		return;
	tt_plaintext_descriptors_allow();
	if (!k->alone && (scope->mode == TT_SCOPE_ALL || (scope->mode == TT_SCOPE_PIDS && scope->pid_count)))
		tt_plaintext_ahead(k);
	if (scope->command)
		look_command(k, scope->command);
	look_everywhere(k, scope);
	tt_plaintext_alone_judge(k, scope);
}

void tt_plaintext_let_go(struct tt_kernel *k, void (*let_go)(struct bpf_link *link))
{
	tt_plaintext_worker_end(k);
	tt_library_guard_stop(k);
	tt_library_files_free(&k->libraries, let_go);
	tt_library_files_free(&k->libraries_middle, let_go);
	tt_library_release_free(k, let_go);
	tt_process_probes_free(k);
	free(k->programs_seen);
	k->programs_seen = NULL;
}

bool tt_plaintext_on(const struct tt_kernel *k)
{
	return k->plaintext || k->process_probes;
}

/* A file that several processes have probes of their own in is one. */
static bool is_further(const struct tt_kernel *k, const struct tt_library_file *file)
{
	for (const struct tt_library_file *f = k->libraries; f != file; f = f->next) {
		if (f->probe_count && f->dev == file->dev && f->inode == file->inode)
			return true;
	}
	return false;
}

void tt_plaintext_stats(const struct tt_kernel *k, struct tt_plaintext_stats *ret)
{
	*ret = (struct tt_plaintext_stats){.refused = k->libraries_refused, .unguarded = k->libraries_unguarded};
	for (const struct tt_library_file *f = k->libraries; f; f = f->next) {
		ret->files += f->probe_count != 0 && !is_further(k, f);
		ret->functions += f->probe_count;
	}
}
