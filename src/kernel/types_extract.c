// SPDX-License-Identifier: Apache-2.0
/*
 * The part of the kernel's types that a program's fields are looked for in, as a BTF of its own: libbpf goes through all types it
 * is given for each type the programs name, and 130 000 of them take it half of what a start costs.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"
#include "kernel/types.h"

#define NAMES_MOST 4096
#define BYTES_MOST (32u << 20)

/* Types in the order they are met; `number` is where each has come, 0: it has not. */
struct extract {
	const struct tt_types *from;
	uint32_t *number;
	uint32_t *order;
	uint32_t count;
	struct tt_buf types;
	struct tt_buf texts;
};

static bool is_kept(const struct btf_type *t);

/* 0: nothing, or a kind that has no fields. */
static uint32_t number_of(struct extract *x, uint32_t id)
{
	const struct btf_type *t = tt_types_get(x->from, id);

	if (!t || !is_kept(t))
		return 0;
	if (!x->number[id]) {
		x->order[x->count++] = id;
		x->number[id] = x->count;
	}
	return x->number[id];
}

static void text_take(struct extract *x, __u32 *offset)
{
	const char *text = tt_types_text(x->from, *offset);

	*offset = 0;
	if (!*text)
		return;
	*offset = (__u32)x->texts.len;
	tt_buf_add(&x->texts, text, strlen(text) + 1);
}

/* --- one type --- */

static void members_take(struct extract *x, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t);

	for (size_t i = 0; i < btf_vlen(t); i++) {
		struct btf_member copy = m[i];

		text_take(x, &copy.name_off);
		copy.type = number_of(x, copy.type);
		tt_buf_add(&x->types, &copy, sizeof(copy));
	}
}

static void values_take(struct extract *x, const struct btf_type *t)
{
	const struct btf_enum *e = btf_enum(t);

	for (size_t i = 0; i < btf_vlen(t); i++) {
		struct btf_enum copy = e[i];

		text_take(x, &copy.name_off);
		tt_buf_add(&x->types, &copy, sizeof(copy));
	}
}

static void wide_values_take(struct extract *x, const struct btf_type *t)
{
	const struct btf_enum64 *e = btf_enum64(t);

	for (size_t i = 0; i < btf_vlen(t); i++) {
		struct btf_enum64 copy = e[i];

		text_take(x, &copy.name_off);
		tt_buf_add(&x->types, &copy, sizeof(copy));
	}
}

static void array_take(struct extract *x, const struct btf_type *t)
{
	struct btf_array copy = *btf_array(t);

	copy.type = number_of(x, copy.type);
	copy.index_type = number_of(x, copy.index_type);
	tt_buf_add(&x->types, &copy, sizeof(copy));
}

static void number_take(struct extract *x, const struct btf_type *t)
{
	tt_buf_add(&x->types, t + 1, sizeof(__u32));
}

/* What becomes of each kind. Others than these lie behind pointers, or are functions a typedef names. */
static const struct {
	bool is;
	bool refers;						   /* to another type, in its header */
	void (*rest)(struct extract *x, const struct btf_type *t); /* what follows the header; NULL: nothing does */
} kinds[] = {
	[BTF_KIND_INT] = {true, false, number_take},
	[BTF_KIND_PTR] = {true, false, NULL}, /* of anything: where a field lies does not depend on it */
	[BTF_KIND_ARRAY] = {true, false, array_take},
	[BTF_KIND_STRUCT] = {true, false, members_take},
	[BTF_KIND_UNION] = {true, false, members_take},
	[BTF_KIND_ENUM] = {true, false, values_take},
	[BTF_KIND_FWD] = {true, false, NULL},
	[BTF_KIND_TYPEDEF] = {true, true, NULL},
	[BTF_KIND_VOLATILE] = {true, true, NULL},
	[BTF_KIND_CONST] = {true, true, NULL},
	[BTF_KIND_RESTRICT] = {true, true, NULL},
	[BTF_KIND_FLOAT] = {true, false, NULL},
	[BTF_KIND_TYPE_TAG] = {true, true, NULL},
	[BTF_KIND_ENUM64] = {true, false, wide_values_take},
};

static bool is_kept(const struct btf_type *t)
{
	return btf_kind(t) < TT_ARRAY_LEN(kinds) && kinds[btf_kind(t)].is;
}

static int type_take(struct extract *x, uint32_t id)
{
	const struct btf_type *t = tt_types_get(x->from, id);
	struct btf_type copy = *t;
	size_t kind = btf_kind(t);

	text_take(x, &copy.name_off);
	if (kinds[kind].refers)
		copy.type = number_of(x, copy.type);
	else if (kind == BTF_KIND_PTR)
		copy.type = 0;
	tt_buf_add(&x->types, &copy, sizeof(copy));
	if (kinds[kind].rest)
		kinds[kind].rest(x, t);
	return x->types.failed || x->texts.failed ? -E2BIG : 0;
}

/* --- all of them --- */

/* A name as libbpf compares it: without "___" and what follows. */
static size_t plain_len(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = len; i-- > 1;) {
		if (i + 4 <= len && name[i - 1] != '_' && strncmp(name + i, "___", 3) == 0 && name[i + 3] != '_')
			return i;
	}
	return len;
}

static bool is_wanted(const struct btf_type *t)
{
	return btf_is_composite(t) || btf_is_any_enum(t) || btf_is_typedef(t) || btf_is_int(t);
}

/* Each name of the programs' own types once is enough, but more do no harm. */
static size_t names_of(const struct btf *programs, struct tt_type_name *names)
{
	size_t count = 0;

	for (__u32 id = 1; id < btf__type_cnt(programs) && count < NAMES_MOST; id++) {
		const struct btf_type *t = btf__type_by_id(programs, id);
		const char *text = btf__name_by_offset(programs, t->name_off);

		if (is_wanted(t) && text && *text)
			names[count++] = (struct tt_type_name){.text = text, .len = plain_len(text), .kind = btf_kind(t)};
	}
	return count;
}

static void root_add(void *ctx, size_t name, uint32_t id)
{
	number_of(ctx, id);
}

static int extract_fill(struct extract *x, const struct btf *programs)
{
	tt_free_auto struct tt_type_name *names = malloc(NAMES_MOST * sizeof(*names));
	if (!names)
		return -ENOMEM;
	size_t count = names_of(programs, names);
	if (count == NAMES_MOST)
		return -E2BIG;
	tt_buf_add_char(&x->texts, 0);
	int r = tt_types_each(x->from, names, count, root_add, x);
	/* Those met on the way are appended. */
	for (uint32_t i = 0; r == 0 && i < x->count; i++)
		r = type_take(x, x->order[i]);
	return r;
}

static int write_whole(int fd, const void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, (const char *)data + at, len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int extract_write(const struct extract *x, int fd)
{
	const struct btf_header h = {.magic = BTF_MAGIC,
				     .version = 1,
				     .hdr_len = sizeof(h),
				     .type_len = (__u32)x->types.len,
				     .str_off = (__u32)x->types.len,
				     .str_len = (__u32)x->texts.len};
	int r = write_whole(fd, &h, sizeof(h));

	if (r == 0)
		r = write_whole(fd, x->types.data, x->types.len);
	return r < 0 ? r : write_whole(fd, x->texts.data, x->texts.len);
}

static void extract_done(struct extract *x)
{
	tt_buf_free(&x->types);
	tt_buf_free(&x->texts);
	free(x->number);
	free(x->order);
}

int tt_types_extract(const struct tt_types *t, const struct btf *programs, int fd, uint32_t *ids, size_t most)
{
	size_t room = (size_t)tt_types_count(t) + 1;
	tt_cleanup(extract_done) struct extract x = {.from = t,
						     .number = calloc(room, sizeof(*x.number)),
						     .order = malloc(room * sizeof(*x.order)),
						     .types = TT_BUF(BYTES_MOST),
						     .texts = TT_BUF(BYTES_MOST)};

	if (!x.number || !x.order)
		return -ENOMEM;
	int r = extract_fill(&x, programs);
	if (r < 0)
		return r;
	for (size_t i = 0; i < most; i++)
		ids[i] = i && i <= x.count ? x.order[i - 1] : 0;
	return extract_write(&x, fd);
}
