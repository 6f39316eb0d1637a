// SPDX-License-Identifier: Apache-2.0
#include "identity/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/own.h"
#include "base/regular.h"
#include "identity/text.h"

#define STATUS_MOST (16u << 10)
#define PATH_MOST 4352

/* "begin-end rwxp offset major:minor inode  path" */
struct mapping {
	uint64_t start, end, inode;
	dev_t device;
	const char *path; /* of the line; empty: none */
};

/* False: it is no code. */
static bool mapping_read(const char *line, struct mapping *ret)
{
	char *at = NULL;

	ret->start = strtoull(line, &at, 16);
	if (*at != '-')
		return false;
	ret->end = strtoull(at + 1, &at, 16);
	/* " rwxp offset major:minor inode" */
	if (strnlen(at, 6) < 6 || at[3] != 'x')
		return false;
	strtoull(at + 6, &at, 16);
	unsigned major = (unsigned)strtoul(at, &at, 16);
	if (*at != ':')
		return false;
	ret->device = makedev(major, (unsigned)strtoul(at + 1, &at, 16));
	ret->inode = strtoull(at, &at, 10);
	ret->path = at + strspn(at, " ");
	return true;
}

static FILE *maps_open(uint32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	return fopen(path, "re");
}

int tt_mapped_lines(uint32_t pid, struct tt_buf *to)
{
	FILE *f = maps_open(pid);
	tt_free_auto char *line = NULL;
	size_t size = 0;
	struct mapping m;
	ssize_t n;
	int r = f ? 0 : -errno;

	while (f && r == 0 && (n = getline(&line, &size, f)) > 0) {
		if (mapping_read(line, &m))
			r = tt_buf_add(to, line, (size_t)n);
	}
	if (f)
		fclose(f);
	return r == -ENOBUFS ? 0 : r;
}

/* What has that path in the process's own tree, as a descriptor made with O_PATH; a negative errno. The last part is no link that
 * is followed, the others neither with RESOLVE_NO_SYMLINKS. */
static int place_below(int root, const char *path, uint64_t resolve)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* By its name, if that is still the same file. */
static int open_named(uint32_t pid, const struct mapping *m)
{
	char path[PATH_MOST];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/root", pid);
	tt_close_auto int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(m->path, "\n"), m->path);
	tt_close_auto int place = place_below(root, path, RESOLVE_NO_SYMLINKS);
	if (place < 0)
		return place;
	tt_close_auto int fd = tt_regular_open_at(place, &st);
	if (fd < 0)
		return fd;
	return st.st_ino == m->inode && st.st_dev == m->device ? TT_TAKE_FD(fd) : -ENOENT;
}

/* The program itself can be had by anybody who may look at the process. */
static int open_program(uint32_t pid, const struct mapping *m)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	tt_close_auto int fd = tt_regular_open(path, &st);
	if (fd < 0)
		return fd;
	return st.st_ino == m->inode ? TT_TAKE_FD(fd) : -ENOENT;
}

/* By the mapping itself; only where that is not allowed, as it may need CAP_CHECKPOINT_RESTORE, by its name. */
static int open_mapping(uint32_t pid, const struct mapping *m)
{
	char path[96];
	struct stat st;

	if (!m->inode || *m->path != '/')
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/map_files/%" PRIx64 "-%" PRIx64, pid, m->start, m->end);
	int fd = tt_regular_open(path, &st);
	if (fd != -EPERM && fd != -EACCES)
		return fd;
	fd = open_named(pid, m);
	return fd >= 0 ? fd : open_program(pid, m);
}

static int find_and_open(uint32_t pid, uint64_t start)
{
	FILE *f = maps_open(pid);
	tt_free_auto char *line = NULL;
	size_t size = 0;
	struct mapping m;
	int r = f ? -ENOENT : -errno;

	while (f && getline(&line, &size, f) > 0) {
		if (mapping_read(line, &m) && m.start == start) {
			r = open_mapping(pid, &m);
			break;
		}
	}
	if (f)
		fclose(f);
	return r;
}

static int add_from(int fd, uint64_t offset, size_t most, struct tt_buf *to)
{
	most = TT_MIN(most, to->max - to->len);
	int r = tt_buf_reserve(to, most);

	while (r == 0 && most) {
		ssize_t n = pread(fd, to->data + to->len, most, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		to->len += (size_t)n;
		offset += (uint64_t)n;
		most -= (size_t)n;
	}
	return r;
}

static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static int add_stamp(int fd, struct tt_buf *to)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	const struct tt_mapped_stamp stamp = {st.st_dev, st.st_ino, (uint64_t)st.st_size, time_ns(&st.st_ctim),
					      time_ns(&st.st_mtim)};
	return tt_buf_add(to, &stamp, sizeof(stamp));
}

int tt_mapped_read(struct tt_mapped_file *last, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to)
{
	bool stamp = offset == TT_MAPPED_STAMP;

	if (!stamp && offset > INT64_MAX - most)
		return -EINVAL;
	/* From a file's beginning on it is looked for anew: the number may be another process's by now. */
	if (last->fd < 0 || last->pid != pid || last->start != start || offset == 0 || stamp) {
		tt_mapped_close(last);
		int fd = find_and_open(pid, start);
		if (fd < 0)
			return fd;
		*last = (struct tt_mapped_file){fd, pid, start};
	}
	return stamp ? add_stamp(last->fd, to) : add_from(last->fd, offset, most, to);
}

void tt_mapped_close(struct tt_mapped_file *last)
{
	if (last->fd >= 0)
		close(last->fd);
	*last = TT_MAPPED_NONE;
}

/* --- what just-in-time compilers write --- */

/* The number it has in its own namespace. 0: not known. */
static uint32_t own_number(int dir)
{
	tt_buf_auto struct tt_buf text = TT_BUF(STATUS_MOST);

	if (tt_text_read(dir, "status", &text) < 0 || tt_buf_add_char(&text, 0) < 0)
		return 0;
	const char *at = strstr((const char *)text.data, "\nNSpid:");
	uint32_t number = 0;
	for (at = at ? at + 7 : ""; *at == '\t' || (*at >= '0' && *at <= '9');) {
		char *end = NULL;
		number = (uint32_t)strtoul(at, &end, 10);
		at = end;
	}
	return number;
}

int tt_perf_map_read(uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to)
{
	char path[96];
	struct stat process, st;

	if (offset > INT64_MAX - most)
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	tt_close_auto int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &process) < 0)
		return -errno;
	tt_close_auto int root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	snprintf(path, sizeof(path), "/tmp/perf-%" PRIu32 ".map", own_number(dir));
	tt_close_auto int place = place_below(root, path, 0);
	if (place < 0)
		return place;
	tt_close_auto int fd = tt_regular_open_at(place, &st);
	if (fd < 0)
		return fd;
	/* Anybody may write into /tmp, and link there to a file of root's. */
	if (st.st_uid != process.st_uid && (st.st_uid != 0 || st.st_nlink > 1))
		return -EPERM;
	return add_from(fd, offset, most, to);
}
