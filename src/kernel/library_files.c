// SPDX-License-Identifier: Apache-2.0
/* Where libraries lie: what processes have mapped, and what the dynamic loader knows (ld.so.cache). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/command.h"
#include "base/cursor.h"
#include "base/own.h"
#include "kernel/library.h"
#include "kernel/library_elf.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct tt_file_state tt_file_state(const struct stat *st)
{
	return (struct tt_file_state){.changed_ns = (uint64_t)st->st_ctim.tv_sec * 1000000000u + (uint64_t)st->st_ctim.tv_nsec,
				      .size = (uint64_t)st->st_size,
				      .links = st->st_nlink};
}

static struct tt_mapped mapped_of(const struct stat *st, const char *name, const char *path)
{
	return (struct tt_mapped){.dev = st->st_dev, .inode = st->st_ino, .state = tt_file_state(st), .name = name, .path = path};
}

static bool wanted(const char *name)
{
	return tt_library_of(name) || tt_library_is(&tt_library_middle, name) || tt_library_is(&tt_library_nghttp2, name) ||
	       tt_library_grpc_of(name);
}

/* proc_pid_maps(5): begin-end permissions offset major:minor inode name. */
static int maps_line(uint32_t pid, char *line, tt_mapped_fn fn, void *ctx)
{
	char *range, *permissions, *name, *rest = line, path[64];
	struct stat st;

	line[strcspn(line, "\n")] = 0;
	name = strchr(line, '/');
	range = strsep(&rest, " ");
	permissions = strsep(&rest, " ");
	if (!name || !permissions || strnlen(permissions, 4) < 4 || permissions[2] != 'x' || !wanted(base_name(name)))
		return 0;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/map_files/%s", pid, range);
	/* The device of the line is another one than stat's on some file systems (btrfs, overlay). Opened, as the process may
	 * end. */
	tt_close_auto int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const struct tt_mapped file = mapped_of(&st, base_name(name), path);
	return fn(ctx, &file);
}

int tt_mapped_files(uint32_t pid, tt_mapped_fn fn, void *ctx)
{
	char path[32];
	tt_free_auto char *line = NULL;
	size_t size = 0;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (r == 0 && getline(&line, &size, maps) > 0)
		r = maps_line(pid, line, fn, ctx);
	fclose(maps);
	return r;
}

int tt_program_file(uint32_t pid, tt_mapped_fn fn, void *ctx)
{
	char path[32], name[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	ssize_t n = readlink(path, name, sizeof(name) - 1);
	/* It may end before its file is read: the next one that runs it is not to be missed, too. */
	tt_close_auto int fd = open(path, O_PATH | O_CLOEXEC);
	if (n < 0 || fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	name[n] = 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const struct tt_mapped file = mapped_of(&st, base_name(name), path);
	return fn(ctx, &file);
}

/* --- ld.so.cache, as glibc's dl-cache.h has it since 2.2 (the format "glibc-ld.so.cache1.1") --- */

#define LOADER_CACHE "/etc/ld.so.cache"
#define LOADER_MAGIC "glibc-ld.so.cache1.1"
#define LOADER_HEAD 48u
#define LOADER_ENTRY 24u
#define LOADER_MOST (8u << 20)

/* The text at that offset; NULL where it does not end within the file. */
static const char *loader_text(struct tt_span file, uint32_t at)
{
	if (at >= file.len || !memchr(file.data + at, 0, file.len - at))
		return NULL;
	return (const char *)file.data + at;
}

static int loader_entry(struct tt_span file, size_t at, bool ours, tt_mapped_fn fn, void *ctx)
{
	struct tt_cursor c = tt_cursor(tt_span(file.data + at, LOADER_ENTRY));
	struct stat st;

	(void)tt_cursor_le32(&c); /* flags */
	const char *name = loader_text(file, tt_cursor_le32(&c));
	const char *path = loader_text(file, tt_cursor_le32(&c));
	if (!name || !path || (ours && !tt_library_of(name)) || stat(path, &st) < 0)
		return 0;
	const struct tt_mapped found = mapped_of(&st, name, path);
	return fn(ctx, &found);
}

static int loader_entries(struct tt_span file, bool ours, tt_mapped_fn fn, void *ctx)
{
	if (file.len < LOADER_HEAD || memcmp(file.data, LOADER_MAGIC, strlen(LOADER_MAGIC)) != 0)
		return -ENOEXEC;
	struct tt_cursor c = tt_cursor(tt_span(file.data + strlen(LOADER_MAGIC), 4));
	uint32_t count = tt_cursor_le32(&c);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count && LOADER_HEAD + (size_t)(i + 1) * LOADER_ENTRY <= file.len; i++)
		r = loader_entry(file, LOADER_HEAD + (size_t)i * LOADER_ENTRY, ours, fn, ctx);
	return r;
}

static int loader_files(bool ours, tt_mapped_fn fn, void *ctx)
{
	tt_close_auto int fd = open(LOADER_CACHE, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	size_t size = (size_t)st.st_size;
	if (!size || size > LOADER_MOST)
		return -EFBIG;
	void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	int r = loader_entries(tt_span(p, size), ours, fn, ctx);
	munmap(p, size);
	return r;
}

int tt_loader_files(tt_mapped_fn fn, void *ctx)
{
	return loader_files(true, fn, ctx);
}

int tt_loader_all(tt_mapped_fn fn, void *ctx)
{
	return loader_files(false, fn, ctx);
}

/* --- what a command that is not there yet will have --- */

#define INTERPRETERS_MOST 5 /* of a script, whose interpreter is a script: execve(2) takes no more */
#define DIRECTORIES_MOST 64
#define ORIGIN "$ORIGIN"

static int file_tell(const char *path, tt_mapped_fn fn, void *ctx)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	const struct tt_mapped file = mapped_of(&st, base_name(path), path);
	return fn(ctx, &file);
}

/* Tells what is executed by that name, and leaves the last of it: what has the libraries. */
static int programs_tell(const char *command, tt_mapped_fn fn, void *ctx, char *path, size_t size)
{
	int r = 0;

	tt_command_file(command, path, size);
	for (int i = 0; r == 0 && i <= INTERPRETERS_MOST; i++) {
		r = fn ? file_tell(path, fn, ctx) : 0;
		if (!tt_command_interpreter(path, size))
			break;
	}
	return r;
}

int tt_command_programs(const char *command, tt_mapped_fn fn, void *ctx)
{
	char path[PATH_MAX];

	return programs_tell(command, fn, ctx, path, sizeof(path));
}

static bool is_elf(const char *path)
{
	tt_close_auto int fd = -1;
	Elf *elf;

	if (tt_elf_open(path, &fd, &elf) < 0)
		return false;
	elf_end(elf);
	return true;
}

static int directory_files(const char *directory, tt_mapped_fn fn, void *ctx)
{
	DIR *d = opendir(directory);
	const struct dirent *entry;
	char path[PATH_MAX];
	int r = 0;

	while (d && r == 0 && (entry = readdir(d))) {
		if (tt_library_of(entry->d_name) &&
		    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) < (int)sizeof(path) && is_elf(path))
			r = file_tell(path, fn, ctx);
	}
	if (d)
		closedir(d);
	return r;
}

/* `origin`: the directory of who says it; what else would have to be put in is for the loader alone. */
static int directories_files(const char *list, const char *separators, const char *origin, tt_mapped_fn fn, void *ctx)
{
	char path[PATH_MAX];
	int r = 0;

	for (int i = 0; list && *list && r == 0 && i < DIRECTORIES_MOST; i++) {
		size_t len = strcspn(list, separators);
		size_t skip = strncmp(list, ORIGIN, strlen(ORIGIN)) == 0 ? strlen(ORIGIN) : 0;

		if (snprintf(path, sizeof(path), "%s%.*s", skip ? origin : "", (int)(len - skip), list + skip) <
			    (int)sizeof(path) &&
		    !strchr(path, '$'))
			r = directory_files(path[0] ? path : ".", fn, ctx);
		list += len + (list[len] != 0);
	}
	return r;
}

int tt_command_libraries(const char *command, tt_mapped_fn fn, void *ctx)
{
	char path[PATH_MAX], said[PATH_MAX];
	int r = directories_files(getenv("LD_LIBRARY_PATH"), ":;", "$", fn, ctx);

	(void)programs_tell(command, NULL, NULL, path, sizeof(path));
	tt_free_auto char *real = realpath(path, NULL);
	if (r != 0 || !real || tt_elf_search_path(real, said, sizeof(said)) < 0)
		return r;
	*strrchr(real, '/') = 0;
	return directories_files(said, ":", real, fn, ctx);
}
