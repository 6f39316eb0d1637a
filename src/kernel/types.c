// SPDX-License-Identifier: Apache-2.0
#include "kernel/types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/own.h"

#define KERNEL_TYPES "/sys/kernel/btf/vmlinux"
/* Five megabytes are usual. */
#define BYTES_MOST (256u << 20)

struct tt_types {
	void *memory; /* all of the file, mapped or allocated; NULL: it is not ours */
	size_t mapped;
	const char *types;
	const char *texts;
	uint32_t texts_size;
	uint32_t *offsets; /* of type id - 1, from `types` */
	uint32_t *hashes;  /* of their names; 0: it has none */
	uint32_t count;
};

/* Never 0. By eight bytes at a time, the last ones again where there are more. */
static uint32_t hash_of(const char *text, size_t len)
{
	uint64_t hash = len, word = 0;
	size_t at = 0;

	for (; at + sizeof(word) <= len; at += sizeof(word)) {
		memcpy(&word, text + at, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, text + at, len - at);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(hash >> 32) | 1;
}

/* --- reading --- */

/* What follows the header of a type, by its kind; SIZE_MAX: unheard of. */
static size_t rest_size(const struct btf_type *t)
{
	static const uint8_t fixed[] = {
		[BTF_KIND_INT] = sizeof(__u32),
		[BTF_KIND_ARRAY] = sizeof(struct btf_array),
		[BTF_KIND_VAR] = sizeof(struct btf_var),
		[BTF_KIND_DECL_TAG] = sizeof(struct btf_decl_tag),
		[BTF_KIND_ENUM64] = 0,
	};
	static const uint8_t each[] = {
		[BTF_KIND_STRUCT] = sizeof(struct btf_member),	     [BTF_KIND_UNION] = sizeof(struct btf_member),
		[BTF_KIND_ENUM] = sizeof(struct btf_enum),	     [BTF_KIND_FUNC_PROTO] = sizeof(struct btf_param),
		[BTF_KIND_DATASEC] = sizeof(struct btf_var_secinfo), [BTF_KIND_ENUM64] = sizeof(struct btf_enum64),
	};
	size_t kind = btf_kind(t);

	if (!kind || kind >= TT_ARRAY_LEN(fixed))
		return SIZE_MAX;
	return fixed[kind] + (size_t)each[kind] * btf_vlen(t);
}

/* Where each of them begins. At least 12 bytes are one, so there is room for all. */
static int offsets_fill(struct tt_types *t, size_t size)
{
	size_t at = 0;

	t->offsets = malloc((size / sizeof(struct btf_type) + 1) * sizeof(*t->offsets));
	t->hashes = malloc((size / sizeof(struct btf_type) + 1) * sizeof(*t->hashes));
	if (!t->offsets || !t->hashes)
		return -ENOMEM;
	while (size - at >= sizeof(struct btf_type)) {
		const struct btf_type *type = (const struct btf_type *)(t->types + at);
		size_t rest = rest_size(type);

		if (rest > size - at - sizeof(*type) || type->name_off >= t->texts_size)
			return -ENOENT;
		const char *name = t->texts + type->name_off;
		t->hashes[t->count] = type->name_off ? hash_of(name, strlen(name)) : 0;
		t->offsets[t->count++] = (uint32_t)at;
		at += sizeof(*type) + rest;
	}
	return at == size ? 0 : -ENOENT;
}

static bool within(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

static int parse(struct tt_types *t, const void *data, size_t size)
{
	struct btf_header h;

	if (size < sizeof(h))
		return -ENOENT;
	memcpy(&h, data, sizeof(h));
	uint64_t types = (uint64_t)h.hdr_len + h.type_off, texts = (uint64_t)h.hdr_len + h.str_off;
	if (h.magic != BTF_MAGIC || h.hdr_len < sizeof(h) || h.type_off % 4 || h.hdr_len % 4 || !h.str_len ||
	    !within(types, h.type_len, size) || !within(texts, h.str_len, size))
		return -ENOENT;
	t->types = (const char *)data + types;
	t->texts = (const char *)data + texts;
	t->texts_size = h.str_len;
	return t->texts[h.str_len - 1] ? -ENOENT : offsets_fill(t, h.type_len);
}

int tt_types_parse(struct tt_types **ret, const void *data, size_t size)
{
	struct tt_types *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	int r = parse(t, data, size);
	if (r < 0)
		tt_types_free(t);
	else
		*ret = t;
	return r;
}

static int read_whole(int fd, char *to, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = read(fd, to + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOENT;
		at += (size_t)n;
	}
	return 0;
}

/* Mapped, or where that is not to be had, read. */
static int file_take(int fd, size_t size, void **ret, size_t *ret_mapped)
{
	void *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (memory != MAP_FAILED) {
		*ret = memory;
		*ret_mapped = size;
		return 0;
	}
	tt_free_auto char *copy = malloc(size);
	int r = copy ? read_whole(fd, copy, size) : -ENOMEM;
	if (r == 0)
		*ret = TT_TAKE_PTR(copy);
	return r;
}

static void memory_free(void *memory, size_t mapped)
{
	if (mapped)
		munmap(memory, mapped);
	else
		free(memory);
}

int tt_types_open(struct tt_types **ret)
{
	tt_close_auto int fd = open(KERNEL_TYPES, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *memory = NULL;
	size_t mapped = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == EPERM || errno == EACCES ? -EPERM : -ENOENT;
	if (st.st_size <= 0 || st.st_size > BYTES_MOST)
		return -ENOENT;
	int r = file_take(fd, (size_t)st.st_size, &memory, &mapped);
	if (r < 0)
		return r == -EACCES ? -EPERM : r == -EPERM || r == -ENOMEM ? r : -ENOENT;
	struct tt_types *t = NULL;
	r = tt_types_parse(&t, memory, (size_t)st.st_size);
	if (r < 0) {
		memory_free(memory, mapped);
		return r;
	}
	t->memory = memory;
	t->mapped = mapped;
	*ret = t;
	return 0;
}

struct tt_types *tt_types_free(struct tt_types *t)
{
	if (!t)
		return NULL;
	if (t->memory)
		memory_free(t->memory, t->mapped);
	free(t->offsets);
	free(t->hashes);
	free(t);
	return NULL;
}

/* --- asking --- */

uint32_t tt_types_count(const struct tt_types *t)
{
	return t->count;
}

const struct btf_type *tt_types_get(const struct tt_types *t, uint32_t id)
{
	return id && id <= t->count ? (const struct btf_type *)(t->types + t->offsets[id - 1]) : NULL;
}

const char *tt_types_text(const struct tt_types *t, uint32_t offset)
{
	return offset < t->texts_size ? t->texts + offset : "";
}

#define FILTER_BITS 65536

/* Names by their hash. */
struct names {
	struct {
		uint32_t hash; /* 0: it is free */
		uint32_t name;
	} *slots;
	uint32_t mask;
	uint64_t filter[FILTER_BITS / 64]; /* by the hash's lower bits: most types end here */
};

static uint32_t kind_of(uint32_t kind)
{
	return kind == BTF_KIND_ENUM64 ? BTF_KIND_ENUM : kind;
}

static int names_make(struct names *n, const struct tt_type_name *names, size_t count)
{
	uint32_t size = 64;

	while (size < 4 * count)
		size *= 2;
	memset(n, 0, sizeof(*n));
	n->slots = calloc(size, sizeof(*n->slots));
	n->mask = size - 1;
	if (!n->slots)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		uint32_t hash = hash_of(names[i].text, names[i].len), slot = hash >> 1 & n->mask;

		while (n->slots[slot].hash)
			slot = (slot + 1) & n->mask;
		n->filter[hash % FILTER_BITS / 64] |= 1ull << hash % 64;
		n->slots[slot].hash = hash;
		n->slots[slot].name = (uint32_t)i;
	}
	return 0;
}

static bool is_named(const struct tt_types *t, uint32_t id, const struct tt_type_name *name)
{
	const struct btf_type *type = tt_types_get(t, id);
	const char *text = t->texts + type->name_off;

	return kind_of(name->kind) == kind_of(btf_kind(type)) && strncmp(name->text, text, name->len) == 0 && !text[name->len];
}

int tt_types_each(const struct tt_types *t, const struct tt_type_name *names, size_t count, tt_type_fn fn, void *ctx)
{
	struct names n;
	int r = names_make(&n, names, count);
	if (r < 0)
		return r;
	for (uint32_t id = 1; id <= t->count; id++) {
		uint32_t hash = t->hashes[id - 1];

		if (!(n.filter[hash % FILTER_BITS / 64] & 1ull << hash % 64) || !hash)
			continue;
		for (uint32_t slot = hash >> 1 & n.mask; n.slots[slot].hash; slot = (slot + 1) & n.mask) {
			uint32_t name = n.slots[slot].name;

			if (n.slots[slot].hash == hash && is_named(t, id, &names[name]))
				fn(ctx, name, id);
		}
	}
	free(n.slots);
	return 0;
}
