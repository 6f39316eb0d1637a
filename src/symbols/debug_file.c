// SPDX-License-Identifier: Apache-2.0
#include "symbols/debug_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/own.h"
#include "base/regular.h"

#define PATH_MOST 4608
#define FILE_MOST (2ll << 30)
/* A checksum is of all of it, and the file's user says which file. */
#define CHECKED_MOST (256ll << 20)
#define DEBUG "/usr/lib/debug"

static int file_read(void *ctx, uint64_t offset, size_t most, struct tt_buf *to)
{
	int r = tt_buf_reserve(to, most);

	if (r < 0)
		return r;
	ssize_t n = pread(*(int *)ctx, to->data + to->len, most, (off_t)offset);
	if (n < 0)
		return -errno;
	to->len += (size_t)n;
	return 0;
}

static uint32_t file_crc(int fd)
{
	uint8_t piece[16384];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, piece, sizeof(piece), at)) > 0) {
		crc = crc32(crc, piece, (uInt)n);
		at += n;
	}
	return (uint32_t)crc;
}

/* By build ID; where the file has none, by the checksum it names. */
static bool same_build(int fd, const struct tt_elf *elf)
{
	struct tt_elf other;

	if (tt_elf_read(file_read, &fd, NULL, &other) < 0)
		return false;
	if (elf->build_id_len)
		return other.build_id_len == elf->build_id_len && memcmp(other.build_id, elf->build_id, elf->build_id_len) == 0;
	return file_crc(fd) == elf->link_crc;
}

static bool try(const char *path, const struct tt_elf *elf, struct tt_functions *functions)
{
	struct tt_elf other;
	struct stat st;
	tt_close_auto int fd = tt_regular_open(path, &st);

	if (fd < 0 || st.st_size > (elf->build_id_len ? FILE_MOST : CHECKED_MOST) || !same_build(fd, elf))
		return false;
	return tt_elf_read(file_read, &fd, functions, &other) == 0 && other.whole;
}

static bool by_build_id(const char *root, const struct tt_elf *elf, struct tt_functions *functions)
{
	char path[PATH_MOST];

	if (elf->build_id_len < 2)
		return false;
	int at = snprintf(path, sizeof(path), "%s" DEBUG "/.build-id/%02x/", root, elf->build_id[0]);
	for (size_t i = 1; i < elf->build_id_len && (size_t)at + 16 < sizeof(path); i++)
		at += snprintf(path + at, sizeof(path) - (size_t)at, "%02x", elf->build_id[i]);
	snprintf(path + at, sizeof(path) - (size_t)at, ".debug");
	return try(path, elf, functions);
}

bool tt_debug_file_read(const char *root, const char *path, const struct tt_elf *elf, struct tt_functions *functions)
{
	static const struct {
		const char *above, *below;
	} places[] = {{"", ""}, {"", "/.debug"}, {DEBUG, ""}};
	const char *slash = strrchr(path, '/');
	char at[PATH_MOST];

	if (by_build_id(root, elf, functions))
		return true;
	if (!elf->link[0] || *path != '/')
		return false;
	for (size_t i = 0; i < TT_ARRAY_LEN(places); i++) {
		int n = snprintf(at, sizeof(at), "%s%s%.*s%s/%s", root, places[i].above, (int)(slash - path), path,
				 places[i].below, elf->link);
		if (n > 0 && (size_t)n < sizeof(at) && try(at, elf, functions))
			return true;
	}
	return false;
}
