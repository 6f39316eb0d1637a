// SPDX-License-Identifier: Apache-2.0
/*
 * A file's probes: by perf, one at a time, or by links that each have all places of one program (uprobe.multi). To let go of a
 * probe by perf takes the kernel up to 100 ms, under a lock; of a link with many that long once, and of several at a time.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/internal.h"
#include "kernel/library.h"
#include "kernel/library_guard.h"
#include "kernel/plaintext.h"

/* --- by perf --- */

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
	LIBBPF_OPTS(bpf_perf_event_opts, opts, .bpf_cookie = file->cookie);
	struct bpf_link *link = bpf_program__attach_perf_event_opts(p, fd, &opts);
	if (!link) {
		int r = -errno;

		close(fd);
		return r;
	}
	file->links[file->link_count++] = link;
	file->probe_count++;
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

/* --- by links with many places --- */

#define ATTACH_MULTI 48 /* BPF_TRACE_UPROBE_MULTI of the kernel's interface, which libbpf 1.1 does not know */
#define MULTI_RETURN 1	/* BPF_F_UPROBE_MULTI_RETURN */

/* What bpf(2) takes for BPF_LINK_CREATE then, as in include/uapi/linux/bpf.h since 6.6. */
struct multi_attr {
	__u32 program;
	__u32 target;
	__u32 attach_type;
	__u32 flags;
	__aligned_u64 path;
	__aligned_u64 offsets;
	__aligned_u64 counters;
	__aligned_u64 cookies;
	__u32 count;
	__u32 multi_flags;
	__u32 pid; /* the process whose functions are meant; 0: all that have the file */
	__u32 reserved;
};

#define PLACES_MOST (TT_FUNCTIONS_MOST * TT_RETURNS_MOST)

/* Where one program belongs. */
struct places {
	uint64_t at[PLACES_MOST];
	uint64_t cookie[PLACES_MOST];
	size_t count;
};

static int multi_link(struct tt_kernel *k, struct tt_library_file *file, const char *program, const char *path, struct places *p,
		      bool returns)
{
	const struct bpf_program *prog = bpf_object__find_program_by_name(k->obj, program);

	if (!prog || bpf_program__fd(prog) < 0)
		return -ENOENT;
	if (file->multi_count == TT_ARRAY_LEN(file->multi))
		return -ENOBUFS;
	for (size_t i = 0; i < p->count; i++)
		p->cookie[i] = file->cookie;
	struct multi_attr attr = {.program = (__u32)bpf_program__fd(prog),
				  .attach_type = ATTACH_MULTI,
				  .path = (__u64)(uintptr_t)path,
				  .offsets = (__u64)(uintptr_t)p->at,
				  .cookies = (__u64)(uintptr_t)p->cookie,
				  .count = (__u32)p->count,
				  .multi_flags = returns ? MULTI_RETURN : 0,
				  .pid = file->only};
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return -errno;
	file->multi[file->multi_count++] = fd;
	file->probe_count += p->count;
	return 0;
}

/* The program of that function's entry, or of its returns; NULL: it is not there, or has none. *probe: a return probe is meant.
 */
static const char *program_at(const struct tt_library_function *f, const struct tt_function_sites *sites, bool returns,
			      bool *probe)
{
	*probe = returns && !sites->return_count;
	return !sites->entry ? NULL : returns ? f->returns : f->enter;
}

static void places_add(struct places *p, const struct tt_function_sites *sites, bool returns, bool probe)
{
	if (!returns || probe) {
		p->at[p->count++] = sites->entry;
		return;
	}
	for (size_t i = 0; i < sites->return_count; i++)
		p->at[p->count++] = sites->returns[i];
}

/* All places of the program that function `first` has; 0, too, where an earlier function had them attached. */
static int multi_group(struct tt_kernel *k, struct tt_library_file *file, const char *path, const struct tt_function_sites *sites,
		       size_t first, bool returns, struct places *p)
{
	bool probe, same;
	const char *program = program_at(&file->library->functions[first], &sites[first], returns, &probe);

	p->count = 0;
	for (size_t i = 0; program && i < file->library->function_count; i++) {
		const char *other = program_at(&file->library->functions[i], &sites[i], returns, &same);

		if (!other || same != probe || strcmp(other, program) != 0)
			continue;
		if (i < first)
			return 0;
		places_add(p, &sites[i], returns, probe);
	}
	return p->count ? multi_link(k, file, program, path, p, probe) : 0;
}

static int multi_attach(struct tt_kernel *k, struct tt_library_file *file, const char *path,
			const struct tt_function_sites *sites)
{
	tt_free_auto struct places *p = malloc(sizeof(*p));
	int r = p ? 0 : -ENOMEM;

	/* The returns first: a call under way then has both or none. */
	for (int enter = 0; enter < 2; enter++) {
		for (size_t i = 0; r == 0 && i < file->library->function_count; i++)
			r = multi_group(k, file, path, sites, i, !enter, p);
	}
	return r;
}

void tt_library_program_prepare(const struct tt_kernel *k, struct bpf_program *p)
{
	unsigned number = ATTACH_MULTI; /* beyond the enumeration of the headers of libbpf 1.1 */
	enum bpf_attach_type type;

	memcpy(&type, &number, sizeof(type));
	if (k->uprobe_multi)
		bpf_program__set_expected_attach_type(p, type);
}

/* --- letting go --- */

#define CLOSERS_MOST 16

static void *closer(void *fd)
{
	close((int)(intptr_t)fd);
	return NULL;
}

/* Each waits until no processor is in one of its programs: all at a time. */
static void descriptors_close(const int *fds, size_t count)
{
	while (count) {
		pthread_t thread[CLOSERS_MOST];
		size_t n = 0;

		while (count && n < CLOSERS_MOST) {
			void *fd = (void *)(intptr_t)fds[--count];

			if (count == 0 || pthread_create(&thread[n], NULL, closer, fd))
				closer(fd);
			else
				n++;
		}
		while (n)
			pthread_join(thread[--n], NULL);
	}
}

void tt_library_probes_detach(struct tt_library_file *file)
{
	while (file->link_count)
		bpf_link__destroy(file->links[--file->link_count]);
	descriptors_close(file->multi, file->multi_count);
	file->multi_count = 0;
	file->probe_count = 0;
}

void tt_library_file_detach(struct tt_library_file *file)
{
	tt_library_lists_lock();
	tt_library_probes_detach(file);
	tt_library_guard_end(file);
	tt_library_lists_unlock();
}

void tt_library_file_free(struct tt_library_file *file, void (*let_go)(struct bpf_link *link))
{
	while (file->link_count)
		let_go(file->links[--file->link_count]);
	tt_library_file_detach(file);
	free(file->links);
	free(file);
}

/* The descriptors of all, of which the files are rid then; NULL: no memory, or there are none. */
static int *descriptors_take(struct tt_library_file *files, size_t *count)
{
	size_t n = 0;

	for (const struct tt_library_file *f = files; f; f = f->next)
		n += f->multi_count;
	int *all = n ? malloc(n * sizeof(*all)) : NULL;
	*count = all ? n : 0;
	n = 0;
	for (struct tt_library_file *f = files; all && f; f = f->next) {
		memcpy(all + n, f->multi, f->multi_count * sizeof(*all));
		n += f->multi_count;
		f->multi_count = 0;
	}
	return all;
}

void tt_library_files_free(struct tt_library_file **files, void (*let_go)(struct bpf_link *link))
{
	size_t count;
	tt_free_auto int *all = descriptors_take(*files, &count);

	descriptors_close(all, count);
	while (*files) {
		struct tt_library_file *file = *files;

		*files = file->next;
		tt_library_file_free(file, let_go);
	}
}

/* --- a file --- */

void tt_library_file_enter(struct tt_library_file **list, struct tt_library_file *file)
{
	tt_library_lists_lock();
	file->next = *list;
	*list = file;
	tt_library_lists_unlock();
}

struct tt_library_file *tt_library_file_leave(struct tt_library_file **at)
{
	struct tt_library_file *file = *at;

	tt_library_lists_lock();
	*at = file->next;
	tt_library_lists_unlock();
	return file;
}

int tt_library_file_attach(struct tt_kernel *k, struct tt_library_file *file, const char *path,
			   const struct tt_function_sites *sites)
{
	int r = tt_library_guard_begin(k, file, path);

	if (r == 0 && k->uprobe_multi)
		r = multi_attach(k, file, path, sites);

	for (size_t i = 0; !k->uprobe_multi && r == 0 && i < file->library->function_count; i++) {
		if (sites[i].entry)
			r = function_attach(k, file, &file->library->functions[i], path, &sites[i]);
	}
	if (r == 0)
		r = tt_library_guard_done(file);
	if (r < 0)
		tt_library_file_detach(file);
	return r;
}
