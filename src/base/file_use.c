// SPDX-License-Identifier: Apache-2.0
#include "base/file_use.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Of a file that is not there: its folder, and the name in it. */
struct tt_file_place {
	bool known;
	dev_t dev;
	ino_t ino;
	const char *missing; /* NULL: the file itself is there */
};

static bool tt_file_place_folder(struct tt_file_place *place, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct stat st;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash + 1 - path) : 1, slash ? path : ".");
	if (stat(folder, &st) < 0)
		return false;
	*place = (struct tt_file_place){true, st.st_dev, st.st_ino, slash ? slash + 1 : path};
	return true;
}

/* What cannot be looked at cannot be opened either, and that is said then. */
static bool tt_file_place(struct tt_file_place *place, const struct tt_file_use *use)
{
	const char *path = strcmp(use->path, "-") != 0 ? use->path : use->writer ? "/dev/stdout" : "/dev/stdin";
	struct stat st;

	*place = (struct tt_file_place){0};
	if (stat(path, &st) < 0)
		return errno == ENOENT && tt_file_place_folder(place, path);
	*place = (struct tt_file_place){S_ISREG(st.st_mode), st.st_dev, st.st_ino, NULL};
	return place->known;
}

static bool tt_file_same(const struct tt_file_place *a, const struct tt_file_use *other)
{
	struct tt_file_place b;

	if (!tt_file_place(&b, other) || a->dev != b.dev || a->ino != b.ino || !a->missing != !b.missing)
		return false;
	return !a->missing || strcmp(a->missing, b.missing) == 0;
}

/* One that writes and one that stands before it, or reads. */
static bool tt_file_clash(const struct tt_file_use *uses, const struct tt_file_place *place, size_t at, size_t other)
{
	const struct tt_file_use *a = &uses[at], *b = &uses[other];

	if (!b->path || other == at || (b->writer && other > at))
		return false;
	if (b->writer && strcmp(a->path, "-") == 0 && strcmp(b->path, "-") == 0)
		return false;
	return tt_file_same(place, b);
}

int tt_file_uses_check(const struct tt_file_use *uses, size_t count, struct tt_file_clash *ret)
{
	struct tt_file_place place;

	for (size_t i = 0; i < count; i++) {
		const struct tt_file_use *a = &uses[i];
		if (!a->writer || !a->path || !tt_file_place(&place, a))
			continue;
		for (size_t j = 0; j < count; j++) {
			const struct tt_file_use *b = &uses[j];
			if (!tt_file_clash(uses, &place, i, j))
				continue;
			if (b->writer)
				snprintf(ret->text, sizeof(ret->text), "%s %.100s: %s writes to this file too", a->writer,
					 a->path, b->writer);
			else
				snprintf(ret->text, sizeof(ret->text), "%s %.100s: this file is read, it would be overwritten",
					 a->writer, a->path);
			return -EBUSY;
		}
	}
	return 0;
}
