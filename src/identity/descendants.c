// SPDX-License-Identifier: Apache-2.0
#include "identity/descendants.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

struct tt_pair_of_pids {
	uint32_t pid;
	uint32_t parent;
};

static void tt_closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void tt_fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* proc(5): "pid (comm) state ppid ...", and comm may hold anything, parentheses too. 0: it is gone. */
static uint32_t tt_parent_of(const char *pid)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	tt_cleanup(tt_fclosep) FILE *file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return 0;
	const char *after = strrchr(line, ')');
	if (!after || strlen(after) < 4)
		return 0;
	return (uint32_t)strtoul(after + 4, NULL, 10);
}

static int tt_processes(struct tt_pair_of_pids **ret, size_t *ret_count)
{
	tt_cleanup(tt_closedirp) DIR *dir = opendir("/proc");
	tt_free_auto struct tt_pair_of_pids *list = NULL;
	size_t count = 0, room = 0;

	if (!dir)
		return -errno;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (count == room) {
			room = room ? room * 2 : 256;
			struct tt_pair_of_pids *more = realloc(list, room * sizeof(*more));
			if (!more)
				return -ENOMEM;
			list = more;
		}
		list[count++] = (struct tt_pair_of_pids){(uint32_t)strtoul(entry->d_name, NULL, 10), tt_parent_of(entry->d_name)};
	}
	*ret = TT_TAKE_PTR(list);
	*ret_count = count;
	return 0;
}

static bool tt_pids_have(const uint32_t *pids, size_t count, uint32_t pid)
{
	for (size_t i = 0; i < count; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

static bool tt_process_exists(const struct tt_pair_of_pids *all, size_t count, uint32_t pid)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].pid == pid)
			return true;
	}
	return false;
}

int tt_descendants(uint32_t **ret, size_t *ret_count, const uint32_t *roots, size_t count, uint32_t *ret_missing)
{
	tt_free_auto struct tt_pair_of_pids *all = NULL;
	size_t all_count = 0;

	int r = tt_processes(&all, &all_count);
	if (r < 0)
		return r;
	tt_free_auto uint32_t *list = calloc(all_count + count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;

	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		if (!tt_process_exists(all, all_count, roots[i])) {
			*ret_missing = roots[i];
			return -ESRCH;
		}
		if (!tt_pids_have(list, n, roots[i]))
			list[n++] = roots[i];
	}
	/* The list grows while it is walked: children of children follow. */
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < all_count; j++) {
			if (all[j].parent == list[i] && !tt_pids_have(list, n, all[j].pid))
				list[n++] = all[j].pid;
		}
	}
	*ret = TT_TAKE_PTR(list);
	*ret_count = n;
	return 0;
}
