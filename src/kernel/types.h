/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's types (BTF) as they lie in /sys/kernel/btf/vmlinux. libbpf reads that file whole, copies it, and goes through all
 * of its 130 000 types for each name it looks for; here it is mapped where the kernel allows (6.16, a539e2a6d51d), and gone
 * through once for all the names.
 */
#ifndef TT_KERNEL_TYPES_H
#define TT_KERNEL_TYPES_H

#include <linux/btf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tt_types;

/* A name that is looked for. */
struct tt_type_name {
	const char *text; /* borrowed; need not end with 0 */
	size_t len;
	uint32_t kind; /* BTF_KIND_…; an enumeration of 64 bits is one as any other */
};

static inline struct tt_type_name tt_type_named(const char *text, uint32_t kind)
{
	return (struct tt_type_name){.text = text, .len = strlen(text), .kind = kind};
}

/* Gets each type of that name and kind, in the order of their numbers; `name` is its place among those looked for. */
typedef void (*tt_type_fn)(void *ctx, size_t name, uint32_t id);

/* -ENOENT: there are none, or they cannot be made sense of; -EPERM: they may not be read; -ENOMEM. Freed with tt_types_free. */
int tt_types_open(struct tt_types **ret);
/* The same of a BTF in memory, borrowed as long as the types are. */
int tt_types_parse(struct tt_types **ret, const void *data, size_t size);
struct tt_types *tt_types_free(struct tt_types *t);

/* Borrowed; NULL: there is no such number. Numbers are from 1 to the count. */
const struct btf_type *tt_types_get(const struct tt_types *t, uint32_t id);
uint32_t tt_types_count(const struct tt_types *t);
const char *tt_types_text(const struct tt_types *t, uint32_t offset); /* never NULL */

/* 0, or -ENOMEM. */
int tt_types_each(const struct tt_types *t, const struct tt_type_name *names, size_t count, tt_type_fn fn, void *ctx);

/*
 * Writes those that programs with these types of their own may ask for fields, sizes and values of, and what lies within them, to
 * the file as a BTF. A pointer there leads nowhere: where a field lies does not depend on it, but bpf_core_type_exists() and its
 * kin are not to be asked of a typedef of a pointer. `ids`: of its first types, those asked for foremost, the kernel's own
 * numbers by theirs; 0: there is none. 0, -ENOMEM, -E2BIG, or why it cannot be written.
 */
struct btf;
int tt_types_extract(const struct tt_types *t, const struct btf *programs, int fd, uint32_t *ids, size_t most);

#endif
