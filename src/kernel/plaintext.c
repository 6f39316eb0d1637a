// SPDX-License-Identifier: Apache-2.0
#include "kernel/plaintext.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "kernel/hazards.h"
#include "kernel/internal.h"
#include "kernel/library.h"
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
	return library->spare || !k->by_instruction;
}

/* --- one probe --- */

/* The numbers perf knows uprobes by, as the kernel says them. Negative errno. */
static int told_number(const char *path, const char *before)
{
	char line[32] = "", *end;
	FILE *f = fopen(path, "re");

	if (!f)
		return -ENOENT;
	const char *got = fgets(line, sizeof(line), f);
	fclose(f);
	if (!got || strncmp(line, before, strlen(before)) != 0)
		return -ENOENT;
	long number = strtol(line + strlen(before), &end, 10);
	return end == line + strlen(before) ? -ENOENT : (int)number;
}

static int uprobe_type(void)
{
	return told_number("/sys/bus/event_source/devices/uprobe/type", "");
}

static int retprobe_bit(void)
{
	return told_number("/sys/bus/event_source/devices/uprobe/format/retprobe", "config:");
}

/*
 * perf_event_open(2), for every process that maps the file. Not for some only: their children would be without, and an event that
 * is inherited (attr.inherit) makes fork(2) fail, because the kernel reads the path anew in the memory of who forks. With `only`
 * for this process alone, whose children are for who asks to look after.
 */
static int uprobe_open(const char *path, uint64_t offset, bool returns, uint32_t only)
{
	int type = uprobe_type();
	int bit = retprobe_bit();
	struct perf_event_attr attr = {.size = sizeof(attr), .type = (uint32_t)type};

	if (type < 0 || bit < 0)
		return -EOPNOTSUPP;
	attr.config = returns ? 1ull << bit : 0;
	attr.uprobe_path = (uint64_t)(uintptr_t)path;
	attr.probe_offset = offset;
	int fd = (int)syscall(SYS_perf_event_open, &attr, only ? (pid_t)only : -1, only ? -1 : 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * The offset is no file's: who may is told it is invalid. (Since 6.17, ba677dbe77af, and in stable trees CAP_PERFMON is not
 * enough for uprobes.)
 */
int tt_plaintext_try(void *unused)
{
	tt_close_auto int fd = uprobe_open("/proc/self/exe", 1ull << 62, false, 0);

	return fd == -EACCES || fd == -EPERM ? -EPERM : 0;
}

static int probe_attach(struct tt_kernel *k, struct tt_library_file *file, const char *program, const char *path, uint64_t offset,
			bool returns)
{
	struct bpf_program *p = bpf_object__find_program_by_name(k->obj, program);

	if (!p || bpf_program__fd(p) < 0)
		return -ENOENT;
	if (!file->links || file->link_count >= file->links_size)
		return -ENOBUFS;
	int fd = uprobe_open(path, offset, returns, file->only);
	if (fd < 0)
		return fd;
	struct bpf_link *link = bpf_program__attach_perf_event(p, fd);
	if (!link) {
		int r = -errno;

		close(fd);
		return r;
	}
	file->links[file->link_count++] = link;
	return 0;
}

static int links_reserve(struct tt_library_file *file, size_t more)
{
	if (file->link_count + more <= file->links_size)
		return 0;
	struct bpf_link **links = realloc(file->links, (file->link_count + more) * sizeof(*links));
	if (!links)
		return -ENOMEM;
	file->links = links;
	file->links_size = file->link_count + more;
	return 0;
}

/* At its instructions that return where they are known, else by a return probe. */
static int returns_attach(struct tt_kernel *k, struct tt_library_file *file, const char *program, const char *path,
			  const struct tt_function_sites *sites)
{
	int r = 0;

	if (!sites->return_count)
		return probe_attach(k, file, program, path, sites->entry, true);
	for (size_t i = 0; r == 0 && i < sites->return_count; i++)
		r = probe_attach(k, file, program, path, sites->returns[i], false);
	return r;
}

static int function_attach(struct tt_kernel *k, struct tt_library_file *file, const struct tt_library_function *f,
			   const char *path, const struct tt_function_sites *sites)
{
	int r = links_reserve(file, 2 + sites->return_count);
	/* The return first: a call under way then has both or none. */
	if (r == 0 && f->returns)
		r = returns_attach(k, file, f->returns, path, sites);
	return r < 0 ? r : probe_attach(k, file, f->enter, path, sites->entry, false);
}

/* --- one file --- */

void tt_library_file_detach(struct tt_library_file *file)
{
	while (file->link_count)
		bpf_link__destroy(file->links[--file->link_count]);
}

void tt_library_file_free(struct tt_library_file *file, void (*let_go)(struct bpf_link *link))
{
	while (file->link_count)
		let_go(file->links[--file->link_count]);
	free(file->links);
	free(file);
}

int tt_library_file_attach(struct tt_kernel *k, struct tt_library_file *file, const char *path,
			   const struct tt_function_sites *sites)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < file->library->function_count; i++) {
		if (sites[i].entry)
			r = function_attach(k, file, &file->library->functions[i], path, &sites[i]);
	}
	if (r < 0)
		tt_library_file_detach(file);
	return r;
}

static bool known(const struct tt_kernel *k, const struct tt_mapped *mapped)
{
	for (const struct tt_library_file *f = k->libraries; f; f = f->next) {
		if (f->dev == mapped->dev && f->inode == mapped->inode)
			return true;
	}
	return false;
}

struct look {
	struct tt_kernel *k;
	uint32_t pid; /* whose files they are; 0: the loader's */
	int attached;
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
	if (r != -EOPNOTSUPP)
		return strerror(-r);
	return library->form == TT_LIBRARY_GO ? "linked by a Go older than 1.18"
					      : "return probes are not to be used, and where its functions return is not sure";
}

/* Takes the file into the list, with nothing attached. */
static int file_enter(struct tt_kernel *k, const struct tt_library *library, const struct tt_mapped *mapped, uint32_t user)
{
	if (!tt_plaintext_room(k, k->library_count))
		return -ENOSPC;
	struct tt_library_file *file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	*file = (struct tt_library_file){
		.next = k->libraries, .library = library, .dev = mapped->dev, .inode = mapped->inode, .user = user};
	k->libraries = file;
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
static int file_add(struct tt_kernel *k, const struct tt_library *library, const struct tt_mapped *mapped, uint32_t user)
{
	struct tt_function_sites sites[TT_FUNCTIONS_MOST];
	uint64_t begin_ns = tt_now_ns();
	int r = tt_library_find(library, mapped->path, k->by_instruction, sites);

	if (library->form != TT_LIBRARY_SHARED && (r == -ENOEXEC || r == -ENOENT))
		return r;
	int entered = file_enter(k, library, mapped, user);
	if (entered < 0)
		return entered;
	if (r == 0)
		r = tt_library_file_attach(k, k->libraries, mapped->path, sites);
	if (r < 0) {
		refused(k, mapped, library->name, refusal(library, r));
		return r;
	}
	if (library->form == TT_LIBRARY_GO)
		__atomic_store_n(&k->skel->bss->tt_plain_go, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&k->self->plaintext, 1, __ATOMIC_RELEASE);
	tt_debug("%s (%s): in %.3f ms %zu probes", mapped->name, library->name, (double)(tt_now_ns() - begin_ns) / 1e6,
		 k->libraries->link_count);
	if (library->form == TT_LIBRARY_GO)
		(void)tt_plaintext_awhile(k, &tt_library_http2, mapped, user); /* without it less is known of some connections */
	return 0;
}

static int look_file(void *ctx, const struct tt_mapped *mapped)
{
	struct look *look = ctx;
	const struct tt_library *library = tt_library_of(mapped->name);

	if (!library || !tt_plaintext_takes(look->k, library) || known(look->k, mapped))
		return 0;
	int r = file_add(look->k, library, mapped, look->pid);
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
	*seen = place->dev == mapped->dev && place->inode == mapped->inode && place->changed_ns == mapped->changed_ns;
	return place;
}

/* A program that has a library in itself without its symbols: what cannot be observed there is named. */
static int look_signs(struct look *look, const struct tt_mapped *mapped)
{
	struct tt_kernel *k = look->k;
	const struct tt_library_sign *sign = tt_library_sign_find(mapped->path);
	int r = sign && sign->stripped ? file_add(k, &tt_library_stripped, mapped, look->pid) : -ENOENT;

	look->attached += r == 0;
	if (!sign || (r != -ENOENT && r != -ENOEXEC))
		return r == -ENOMEM ? r : 0;
	r = file_enter(k, &sign->library, mapped, look->pid);
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
	if (seen || known(k, mapped))
		return 0;
	for (size_t i = 0; i < tt_library_count; i++) {
		if (tt_libraries[i].form == TT_LIBRARY_SHARED || !tt_plaintext_takes(k, &tt_libraries[i]))
			continue;
		int r = file_add(k, &tt_libraries[i], mapped, look->pid);
		look->attached += r == 0;
		if (r != -ENOEXEC && r != -ENOENT)
			return r == -ENOMEM ? r : 0;
	}
	*place = (struct tt_program_seen){mapped->dev, mapped->inode, mapped->changed_ns};
	return look_signs(look, mapped);
}

/* --- whom --- */

int tt_plaintext_look(struct tt_kernel *k, uint32_t pid)
{
	struct look look = {.k = k, .pid = pid};

	if (!k->plaintext || pid == (uint32_t)getpid())
		return 0;
	int r = tt_mapped_files(pid, look_file, &look);
	if (r == 0)
		r = tt_program_file(pid, look_program, &look);
	return r < 0 ? r : look.attached;
}

/* What the loader would give a program that is not there yet. */
static void look_ahead(struct tt_kernel *k)
{
	struct look look = {.k = k};

	(void)tt_loader_files(look_file, &look); /* without the cache it is found in who has it */
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

/* Each probe is two descriptors, and a program in Go has some forty. */
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
	if (scope->mode == TT_SCOPE_ALL || (scope->mode == TT_SCOPE_PIDS && scope->pid_count))
		look_ahead(k);
	look_everywhere(k, scope);
}

static void files_free(struct tt_library_file **files, void (*let_go)(struct bpf_link *link))
{
	while (*files) {
		struct tt_library_file *file = *files;

		*files = file->next;
		tt_library_file_free(file, let_go);
	}
}

void tt_plaintext_let_go(struct tt_kernel *k, void (*let_go)(struct bpf_link *link))
{
	tt_plaintext_worker_end(k);
	files_free(&k->libraries, let_go);
	files_free(&k->libraries_middle, let_go);
	tt_process_probes_free(k);
	free(k->programs_seen);
	k->programs_seen = NULL;
}

bool tt_plaintext_on(const struct tt_kernel *k)
{
	return k->plaintext || k->process_probes;
}

void tt_plaintext_stats(const struct tt_kernel *k, struct tt_plaintext_stats *ret)
{
	*ret = (struct tt_plaintext_stats){.refused = k->libraries_refused};
	for (const struct tt_library_file *f = k->libraries; f; f = f->next) {
		ret->files += f->link_count != 0;
		ret->functions += f->link_count;
	}
}
