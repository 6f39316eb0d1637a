// SPDX-License-Identifier: Apache-2.0
#include "kernel/tables.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/internal.h"
#include "kernel/types.h"

#define SIZE_MOST 4096
#define BATCH 1024 /* entries at a time: more than any bucket has */

#define NAME_MOST 64
#define QUESTIONS_MOST 128

/* One look for all. */
struct look {
	const struct tt_types *types;
	struct tt_kernel_question *questions;
};

/* A tracepoint's type is a typedef of a pointer to a function, whose first parameter is the kernel's own. */
static unsigned arguments_of(const struct tt_types *types, uint32_t id)
{
	const struct btf_type *t = tt_types_get(types, id);

	t = tt_types_get(types, t->type);
	t = t && btf_is_ptr(t) ? tt_types_get(types, t->type) : NULL;
	return t && btf_is_func_proto(t) && btf_vlen(t) > 0 ? btf_vlen(t) - 1u : 0;
}

static void answer(void *ctx, size_t name, uint32_t id)
{
	const struct look *look = ctx;
	struct tt_kernel_question *q = &look->questions[name];

	if (!q->has && q->tracepoint)
		q->arguments = arguments_of(look->types, id);
	q->has = true;
}

int tt_kernel_ask(struct tt_kernel_question *questions, size_t count)
{
	char texts[QUESTIONS_MOST][NAME_MOST];
	struct tt_type_name names[QUESTIONS_MOST];
	struct look look = {.questions = questions};

	if (count > QUESTIONS_MOST)
		return -E2BIG;
	for (size_t i = 0; i < count; i++) {
		struct tt_kernel_question *q = &questions[i];

		q->has = false;
		q->arguments = 0;
		snprintf(texts[i], sizeof(texts[i]), "%s%s", q->function ? "" : "btf_trace_", q->function ?: q->tracepoint);
		names[i] = tt_type_named(texts[i], q->function ? BTF_KIND_FUNC : BTF_KIND_TYPEDEF);
	}
	int r = tt_kernel_types(&look.types);
	return r < 0 ? -ENOENT : tt_types_each(look.types, names, count, answer, &look);
}

int tt_kernel_count_time(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	return fd < 0 ? -errno : fd;
}

int tt_kernel_iterate(const struct tt_kernel *k, const char *program)
{
	const struct bpf_program *p = bpf_object__find_program_by_name(k->obj, program);
	struct bpf_link *link = p ? bpf_program__attach_iter(p, NULL) : NULL;
	char text[64];
	ssize_t n;

	if (!link)
		return p ? -errno : -ENOENT;
	tt_close_auto int fd = bpf_iter_create(bpf_link__fd(link));
	int r = fd < 0 ? -errno : 0;
	while (r == 0 && (n = read(fd, text, sizeof(text)))) {
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			r = -errno;
	}
	bpf_link__destroy(link);
	return r;
}

/* Its descriptor; `most`: entries it has room for. */
static int map_find(const struct tt_kernel *k, const char *name, size_t key_size, size_t value_size, uint32_t *most)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(k->obj, name);

	if (!map)
		return -ENOENT;
	if (key_size > SIZE_MOST || bpf_map__key_size(map) != key_size || bpf_map__value_size(map) != value_size)
		return -EINVAL;
	*most = bpf_map__max_entries(map);
	return bpf_map__fd(map);
}

int tt_kernel_map_walk(const struct tt_kernel *k, const char *name, size_t key_size, size_t value_size, tt_kernel_entry_fn take,
		       void *ctx)
{
	uint32_t most;
	int fd = map_find(k, name, key_size, value_size, &most);
	if (fd < 0)
		return fd;
	tt_free_auto char *memory = malloc(2 * key_size + value_size);
	if (!memory)
		return -ENOMEM;
	char *key = memory, *next = memory + key_size, *value = memory + 2 * key_size;
	int r = bpf_map_get_next_key(fd, NULL, next);
	if (r < 0)
		return errno == ENOENT ? 0 : -errno;
	/* Where others remove entries it may begin anew, as often as they do. */
	bool more = true;
	for (uint64_t steps = 0; more && steps < 2 * (uint64_t)most; steps++) {
		memcpy(key, next, key_size);
		/* Before this one goes: from an entry that is gone the walk would begin anew. */
		more = bpf_map_get_next_key(fd, key, next) == 0;
		if (!more && errno != ENOENT)
			return -errno;
		if (bpf_map_lookup_elem(fd, key, value) < 0) {
			if (errno == ENOENT)
				continue;
			return -errno;
		}
		if ((r = take(ctx, key, value)) < 0)
			return r;
		if (r == 1 && bpf_map_delete_elem(fd, key) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* One batch: 0, or a negative errno. */
static int batch_take(int fd, const char *keys, const char *values, uint32_t count, size_t key_size, size_t value_size,
		      tt_kernel_entry_fn take, void *ctx)
{
	for (uint32_t i = 0; i < count; i++) {
		int r = take(ctx, keys + i * key_size, values + i * value_size);
		if (r < 0)
			return r;
		if (r == 1 && bpf_map_delete_elem(fd, keys + i * key_size) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

int tt_kernel_map_read(const struct tt_kernel *k, const char *name, size_t key_size, size_t value_size, tt_kernel_entry_fn take,
		       void *ctx)
{
	uint32_t most, at = 0, next = 0;
	int fd = map_find(k, name, key_size, value_size, &most);
	if (fd < 0)
		return fd;
	tt_free_auto char *keys = malloc(BATCH * (key_size + value_size));
	if (!keys)
		return -ENOMEM;
	char *values = keys + BATCH * key_size;
	for (bool first = true, more = true; more; first = false) {
		uint32_t count = BATCH;

		more = bpf_map_lookup_batch(fd, first ? NULL : &at, &next, keys, values, &count, NULL) == 0;
		if (!more && errno != ENOENT)
			return -errno;
		int r = batch_take(fd, keys, values, count, key_size, value_size, take, ctx);
		if (r < 0)
			return r;
		at = next;
	}
	return 0;
}

int tt_kernel_map_get(const struct tt_kernel *k, const char *name, const void *key, void *value)
{
	int fd = tt_kernel_map_fd(k, name);

	if (fd < 0)
		return fd;
	return bpf_map_lookup_elem(fd, key, value) < 0 ? -errno : 0;
}

int tt_kernel_map_set(const struct tt_kernel *k, const char *name, const void *key, const void *value)
{
	int fd = tt_kernel_map_fd(k, name);

	if (fd < 0)
		return fd;
	return bpf_map_update_elem(fd, key, value, BPF_ANY) < 0 ? -errno : 0;
}
