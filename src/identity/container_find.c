// SPDX-License-Identifier: Apache-2.0
#include "identity/container_find.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "identity/container.h"
#include "identity/text.h"

#define TT_CGROUPS_MOST 65536
#define TT_CGROUP_DEPTH 48
#define TT_CGROUP_PATH 4096
#define TT_CGROUP_ROOT "/sys/fs/cgroup"
#define TT_CGROUP_UNIFIED TT_CGROUP_ROOT "/unified" /* of hosts that have version 1 beside it */

static void tt_closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* --- cgroups below each other --- */

struct tt_cgroup_walk {
	char path[TT_CGROUP_PATH];
	size_t seen;
	/* Each directory, those above before those below. 0 or a negative errno, which ends the walk. */
	int (*take)(struct tt_cgroup_walk *w, const char *name);
	void *ctx;
};

/* w->path of that length and what lies below it. 0 or a negative errno; what is gone meanwhile is left out. */
static int tt_cgroup_walk(struct tt_cgroup_walk *w, size_t len, unsigned depth) /* NOLINT(misc-no-recursion) */
{
	tt_cleanup(tt_closedirp) DIR *dir = opendir(w->path);
	int r = 0;

	if (!dir)
		return depth ? 0 : -errno;
	for (const struct dirent *entry; r == 0 && (entry = readdir(dir));) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		size_t more = strlen(entry->d_name) + 1;
		if (++w->seen > TT_CGROUPS_MOST || depth == TT_CGROUP_DEPTH || len + more >= sizeof(w->path))
			return -ENOSPC;
		w->path[len] = '/';
		memcpy(w->path + len + 1, entry->d_name, more);
		r = w->take(w, entry->d_name);
		if (r == 0)
			r = tt_cgroup_walk(w, len + more, depth + 1);
		w->path[len] = 0;
	}
	return r;
}

static int tt_cgroup_walk_from(struct tt_cgroup_walk *w, const char *path)
{
	int n = snprintf(w->path, sizeof(w->path), "%s", path);

	return n < 0 || (size_t)n >= sizeof(w->path) ? -ENAMETOOLONG : tt_cgroup_walk(w, (size_t)n, 0);
}

/* --- which one --- */

struct tt_container_search {
	const char *root;
	const char *name;
	bool unified;
	bool by_name;			  /* they are of that name */
	char (*ids)[TT_CONTAINER_ID_LEN]; /* ret->count of them */
	struct tt_container_place *ret;
};

/* cgroups(7): a cgroup of version 2 says whether there is a process in it or below it. */
static bool tt_cgroup_empty(const char *directory)
{
	char path[TT_CGROUP_PATH + 32];
	tt_buf_auto struct tt_buf text = TT_BUF(1024);

	snprintf(path, sizeof(path), "%s/cgroup.events", directory);
	return tt_text_read(AT_FDCWD, path, &text) == 0 && tt_span_contains(tt_buf_span(&text), TT_SPAN_LIT("populated 0"));
}

static int tt_container_take(struct tt_cgroup_walk *w, const char *name)
{
	struct tt_container_search *s = w->ctx;
	struct tt_container_place *ret = s->ret;
	char id[TT_CONTAINER_ID_LEN], called[TT_IDENTITY_NAME_LEN] = "";

	if (!tt_container_id(tt_span_str(name), id) || tt_cgroup_empty(w->path))
		return 0;
	tt_container_name(s->root, id, called);
	bool by_name = strcmp(called, s->name) == 0;
	if (!by_name && (s->by_name || strncmp(id, s->name, strlen(s->name)) != 0))
		return 0;
	if (by_name && !s->by_name) /* a name comes before an id that begins so */
		ret->count = 0;
	s->by_name = by_name;
	/* It may have several: in it, or beside it. */
	for (size_t i = 0; i < ret->count; i++) {
		if (strcmp(s->ids[i], id) == 0)
			return 0;
	}
	char(*ids)[TT_CONTAINER_ID_LEN] = reallocarray(s->ids, ret->count + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	s->ids = ids;
	memcpy(s->ids[ret->count++], id, sizeof(id));
	if (ret->count > 1)
		return 0;
	free(ret->directory);
	memcpy(ret->id, id, sizeof(id));
	ret->unified = s->unified;
	ret->directory = strdup(w->path);
	return ret->directory ? 0 : -ENOMEM;
}

/* Version 1's hierarchies: the first that has it. */
static int tt_container_search_old(struct tt_cgroup_walk *w, const char *base)
{
	struct tt_container_search *s = w->ctx;
	tt_cleanup(tt_closedirp) DIR *dir = opendir(base);
	int r = dir ? 0 : -errno;

	for (const struct dirent *entry; r == 0 && !s->ret->count && dir && (entry = readdir(dir));) {
		char path[TT_CGROUP_PATH];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || strcmp(entry->d_name, "unified") == 0)
			continue;
		int n = snprintf(path, sizeof(path), "%s/%s", base, entry->d_name);
		r = n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : tt_cgroup_walk_from(w, path);
	}
	return r;
}

int tt_container_find(struct tt_container_place *ret, const char *root, const char *name)
{
	struct tt_container_search s = {.root = root, .name = name, .unified = true, .ret = ret};
	struct tt_cgroup_walk w = {.take = tt_container_take, .ctx = &s};
	char whole[TT_CGROUP_PATH], unified[TT_CGROUP_PATH], mark[TT_CGROUP_PATH];

	*ret = (struct tt_container_place){0};
	snprintf(whole, sizeof(whole), "%s" TT_CGROUP_ROOT, root);
	snprintf(unified, sizeof(unified), "%s" TT_CGROUP_UNIFIED, root);
	snprintf(mark, sizeof(mark), "%s" TT_CGROUP_ROOT "/cgroup.controllers", root);
	bool only = access(mark, F_OK) == 0;
	int r = tt_cgroup_walk_from(&w, only ? whole : unified);
	r = r == -ENOENT && !only ? 0 : r;
	if (r == 0 && !only && !ret->count) {
		s.unified = false;
		r = tt_container_search_old(&w, whole);
	}
	if (r == 0 && ret->count != 1)
		r = ret->count ? -ENOTUNIQ : -ENOENT;
	free(s.ids);
	if (r < 0) {
		free(ret->directory);
		ret->directory = NULL;
	}
	return r;
}

/* --- its processes --- */

struct tt_container_members {
	uint32_t *pids;
	size_t count;
};

static int tt_container_members_take(struct tt_cgroup_walk *w, const char *name)
{
	struct tt_container_members *m = w->ctx;
	char path[TT_CGROUP_PATH + 16];
	uint32_t pid;
	int r = 0;

	(void)name;
	snprintf(path, sizeof(path), "%s/cgroup.procs", w->path);
	FILE *f = fopen(path, "re");
	while (r == 0 && f && fscanf(f, "%" SCNu32, &pid) == 1) { /* NOLINT(cert-err34-c): the kernel's own numbers */
		uint32_t *more = reallocarray(m->pids, m->count + 1, sizeof(*more));
		r = more ? 0 : -ENOMEM;
		if (more) {
			m->pids = more;
			m->pids[m->count++] = pid;
		}
	}
	if (f)
		fclose(f);
	return r;
}

int tt_container_pids(uint32_t **ret, size_t *ret_count, const char *directory)
{
	struct tt_container_members m = {0};
	struct tt_cgroup_walk w = {.take = tt_container_members_take, .ctx = &m};
	int n = snprintf(w.path, sizeof(w.path), "%s", directory);
	int r = n < 0 || (size_t)n >= sizeof(w.path) ? -ENAMETOOLONG : tt_container_members_take(&w, "");

	if (r == 0)
		r = tt_cgroup_walk(&w, (size_t)n, 0);
	if (r == 0 && !m.count)
		r = -ENOENT;
	if (r < 0) {
		free(m.pids);
		return r;
	}
	*ret = m.pids;
	*ret_count = m.count;
	return 0;
}
