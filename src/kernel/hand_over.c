// SPDX-License-Identifier: Apache-2.0
/*
 * Links and programs in one process, records in another. What that one keeps of the tables is what it cannot do without: the
 * rings, the counters to be read, the capture wishes.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/internal.h"
#include "probes.skel.h"

/* Closes our descriptor only: destroying a link that is a perf event would switch the event off for the other process too. */
static void link_let_go(struct bpf_link *link)
{
	int fd = bpf_link__fd(link);

	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	if (fd >= 0)
		close(fd);
}

/* libbpf keeps the descriptor of a perf event beside its link's and has no way to it. Without /proc they stay. */
static void events_let_go(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char to[64];
		int at = dirfd(dir);
		ssize_t n = at < 0 ? 0 : readlinkat(at, entry->d_name, to, sizeof(to) - 1);

		to[n > 0 ? n : 0] = 0;
		if (strcmp(to, "anon_inode:[perf_event]") == 0)
			close((int)strtol(entry->d_name, NULL, 10));
	}
	if (dir)
		closedir(dir);
}

/* In the place of a writable mapping one that can only be read: the kernel lets nobody make it writable again. */
static int only_read(void *at, size_t size, const struct bpf_map *map)
{
	if (!at)
		return 0;
	return mmap(at, size, PROT_READ, MAP_SHARED | MAP_FIXED, bpf_map__fd(map), 0) == MAP_FAILED ? -errno : 0;
}

static void scope_let_go(struct tt_kernel *k)
{
	if (k->scope_pids)
		munmap(k->scope_pids, TT_SCOPE_ROWS * sizeof(*k->scope_pids));
	k->scope_pids = NULL;
}

/* The scope is filled by now; who we are and whether anything is observed is for the programs and the other process to say. */
static int mappings_let_go(struct tt_kernel *k, bool tables)
{
	scope_let_go(k);
	int r = only_read(k->counters, k->counters_size, k->maps.counters);
	if (r < 0 || !k->skel)
		return r < 0 || !tables ? r : only_read(k->own_page, k->own_size, bpf_object__find_map_by_name(k->obj, ".bss"));
	return only_read(k->skel->bss, tt_kernel_whole_pages(bpf_map__value_size(k->skel->maps.bss)), k->skel->maps.bss);
}

/* With a map's descriptor anything could be written into it. The object wants a descriptor to close: it gets an empty file's. */
static int maps_let_go(struct tt_kernel *k)
{
	tt_close_auto int empty = memfd_create("telltale", MFD_CLOEXEC);
	const struct bpf_map *map;

	if (empty < 0)
		return -errno;
	bpf_object__for_each_map(map, k->obj)
	{
		int fd = bpf_map__fd(map);

		if (fd >= 0 && dup3(empty, fd, O_CLOEXEC) < 0)
			return -errno;
	}
	return 0;
}

int tt_kernel_hand_over(struct tt_kernel *k, bool tables, const struct tt_kernel_remote *remote, void *ctx)
{
	struct bpf_program *p;

	k->remote = remote;
	k->remote_ctx = ctx;
	for (size_t i = 0; i < k->link_count; i++) {
		if (k->links[i])
			link_let_go(k->links[i]);
		k->links[i] = NULL;
	}
	tt_kernel_sample_end(k, link_let_go);
	tt_plaintext_let_go(k, link_let_go);
	events_let_go();
	bpf_object__for_each_program(p, k->obj) bpf_program__unload(p);
	int r = mappings_let_go(k, tables);
	if (r == 0 && (k->skel || tables))
		r = maps_let_go(k);
	if (r < 0) { /* the other process is to end */
		k->remote = NULL;
		k->self = NULL;
	}
	return r;
}

void tt_kernel_unmap(struct tt_kernel *k)
{
	k->rings = tt_rings_free(k->rings);
	if (!k->skel || !k->skel->rodata->tt_config.alone) /* plaintext_alone.c asks it */
		scope_let_go(k);
}

int tt_kernel_try_call(struct tt_kernel *k)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_map__fd(k->maps.counters), &info, &len) < 0 ? -errno : 0;
}
