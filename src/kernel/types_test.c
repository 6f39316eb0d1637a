// SPDX-License-Identifier: Apache-2.0
#include "kernel/types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/own.h"
#include "harness/unit.h"

/* A kernel's types, as libbpf writes them. */
struct made {
	struct btf *btf;
	struct tt_types *types;
	uint32_t size, task, list, state, wide;
};

static struct made make(void)
{
	struct made m = {.btf = btf__new_empty()};
	struct btf *b = m.btf;

	int number = btf__add_int(b, "int", 4, BTF_INT_SIGNED);
	m.size = (uint32_t)btf__add_typedef(b, "size_t", number);
	int words = btf__add_array(b, number, number, 4);
	m.list = (uint32_t)btf__add_struct(b, "list_head", 16);
	int to_list = btf__add_ptr(b, (int)m.list + 3);
	assert_int_equal(to_list, m.list + 1);
	btf__add_func_proto(b, number);
	btf__add_func_param(b, "data", to_list);
	m.task = (uint32_t)btf__add_struct(b, "task_struct", 64);
	btf__add_field(b, "pid", number, 0, 0);
	btf__add_field(b, "words", words, 32, 0);
	btf__add_field(b, "tasks", to_list, 192, 0);
	m.state = (uint32_t)btf__add_enum(b, "state", 4);
	btf__add_enum_value(b, "RUNNING", 0);
	btf__add_enum_value(b, "ASLEEP", 1);
	m.wide = (uint32_t)btf__add_enum64(b, "wide", 8, false);
	btf__add_enum64_value(b, "MOST", 1ull << 40);
	btf__add_struct(b, "task_struct", 32); /* another of the name */
	btf__add_func(b, "wake_up", BTF_FUNC_GLOBAL, (int)m.list + 2);
	__u32 len;
	const void *data = btf__raw_data(b, &len);
	assert_non_null(data);
	assert_int_equal(tt_types_parse(&m.types, data, len), 0);
	return m;
}

static void made_free(struct made *m)
{
	tt_types_free(m->types);
	btf__free(m->btf);
}

struct found {
	size_t count;
	struct {
		size_t name;
		uint32_t id;
	} row[8];
};

static void found_add(void *ctx, size_t name, uint32_t id)
{
	struct found *f = ctx;

	assert_true(f->count < TT_ARRAY_LEN(f->row));
	f->row[f->count].name = name;
	f->row[f->count++].id = id;
}

static void types_are_as_libbpf_has_them(void **state)
{
	struct made m = make();

	assert_int_equal(tt_types_count(m.types) + 1, btf__type_cnt(m.btf));
	for (uint32_t id = 1; id <= tt_types_count(m.types); id++) {
		const struct btf_type *ours = tt_types_get(m.types, id), *theirs = btf__type_by_id(m.btf, id);

		assert_memory_equal(ours, theirs, sizeof(*ours));
		assert_string_equal(tt_types_text(m.types, ours->name_off), btf__name_by_offset(m.btf, theirs->name_off));
	}
	assert_null(tt_types_get(m.types, 0));
	assert_null(tt_types_get(m.types, tt_types_count(m.types) + 1));
	made_free(&m);
}

static void names_are_found_by_their_kind(void **state)
{
	struct made m = make();
	const struct tt_type_name names[] = {
		tt_type_named("size_t", BTF_KIND_TYPEDEF),
		tt_type_named("size_t", BTF_KIND_STRUCT),
		tt_type_named("task_struct", BTF_KIND_STRUCT),
		tt_type_named("wide", BTF_KIND_ENUM),
		tt_type_named("nothing", BTF_KIND_FUNC),
		tt_type_named("list_head", BTF_KIND_STRUCT),
		tt_type_named("list_head", BTF_KIND_STRUCT), /* asked twice */
		{.text = "state of mind", .len = 5, .kind = BTF_KIND_ENUM64},
	};
	struct found f = {0};

	assert_int_equal(tt_types_each(m.types, names, TT_ARRAY_LEN(names), found_add, &f), 0);
	assert_int_equal(f.count, 7);
	const struct {
		size_t name;
		uint32_t id;
	} want[] = {{0, m.size}, {5, m.list}, {6, m.list}, {2, m.task}, {7, m.state}, {3, m.wide}, {2, m.wide + 1}};
	for (size_t i = 0; i < f.count; i++) {
		assert_int_equal(f.row[i].name, want[i].name);
		assert_int_equal(f.row[i].id, want[i].id);
	}
	made_free(&m);
}

static void what_is_cut_off_or_foreign_is_refused(void **state)
{
	struct made m = make();
	struct tt_types *t = NULL;
	__u32 len;
	const char *data = btf__raw_data(m.btf, &len);
	tt_free_auto char *copy = malloc(len);

	for (__u32 size = 0; size < len; size++) {
		memcpy(copy, data, size);
		assert_int_equal(tt_types_parse(&t, copy, size), -ENOENT);
	}
	memcpy(copy, data, len);
	copy[sizeof(struct btf_header) + 7] = 31; /* a kind that nobody knows */
	assert_int_equal(tt_types_parse(&t, copy, len), -ENOENT);
	memcpy(copy, data, len);
	copy[len - 1] = 'x'; /* the last text does not end */
	assert_int_equal(tt_types_parse(&t, copy, len), -ENOENT);
	memcpy(copy, data, len);
	memset(copy + sizeof(struct btf_header), 0xff, 4); /* a name beyond them */
	assert_int_equal(tt_types_parse(&t, copy, len), -ENOENT);
	made_free(&m);
}

/* The extract as libbpf reads it, with the kernel's own numbers of its first types. */
static struct btf *extract(struct made *m, const struct btf *programs, uint32_t *ids, size_t most)
{
	tt_close_auto int fd = memfd_create("extract", MFD_CLOEXEC);
	char path[64];

	assert_int_equal(tt_types_extract(m->types, programs, fd, ids, most), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct btf *b = btf__parse(path, NULL);
	assert_non_null(b);
	return b;
}

static const struct btf_type *type_named(const struct btf *b, const char *name, uint32_t kind)
{
	__s32 id = btf__find_by_name_kind(b, name, kind);

	return id > 0 ? btf__type_by_id(b, (__u32)id) : NULL;
}

static void fields_stay_where_they_are(void **state)
{
	struct made m = make();
	struct btf *programs = btf__new_empty();
	uint32_t ids[8];

	btf__add_struct(programs, "task_struct___another", 8);
	btf__add_enum(programs, "wide", 4); /* that of the kernel has 64 bits */
	btf__add_struct(programs, "task_struct__", 8);
	struct btf *b = extract(&m, programs, ids, TT_ARRAY_LEN(ids));
	const struct btf_type *task = type_named(b, "task_struct", BTF_KIND_STRUCT);
	assert_non_null(task);
	assert_int_equal(task->size, 64);
	assert_int_equal(btf_vlen(task), 3);
	const struct btf_type *kernels = tt_types_get(m.types, m.task);
	for (unsigned i = 0; i < 3; i++) {
		const struct btf_member *ours = btf_members(task) + i, *theirs = btf_members(kernels) + i;

		assert_string_equal(btf__name_by_offset(b, ours->name_off), tt_types_text(m.types, theirs->name_off));
		assert_int_equal(ours->offset, theirs->offset);
	}
	const struct btf_type *words = btf__type_by_id(b, btf_members(task)[1].type);
	assert_true(btf_is_array(words));
	assert_int_equal(btf__resolve_size(b, btf_members(task)[1].type), 16);
	assert_true(btf_is_int(btf__type_by_id(b, btf_array(words)->type)));
	const struct btf_type *pointer = btf__type_by_id(b, btf_members(task)[2].type);
	assert_true(btf_is_ptr(pointer));
	assert_int_equal(pointer->type, 0);
	const struct btf_type *wide = type_named(b, "wide", BTF_KIND_ENUM64);
	assert_non_null(wide);
	assert_int_equal(btf_enum64_value(btf_enum64(wide)), 1ull << 40);
	/* Nobody asked for these. */
	assert_null(type_named(b, "list_head", BTF_KIND_STRUCT));
	assert_null(type_named(b, "state", BTF_KIND_ENUM));
	assert_null(type_named(b, "wake_up", BTF_KIND_FUNC));
	btf__free(b);
	btf__free(programs);
	made_free(&m);
}

static void numbers_are_the_kernels(void **state)
{
	struct made m = make();
	struct btf *programs = btf__new_empty();
	uint32_t ids[5] = {9, 9, 9, 9, 9};

	btf__add_struct(programs, "task_struct", 8);
	struct btf *b = extract(&m, programs, ids, TT_ARRAY_LEN(ids));
	/* Both of the name, then what the first one has. */
	assert_int_equal(ids[0], 0);
	assert_int_equal(ids[1], m.task);
	assert_int_equal(ids[2], m.wide + 1);
	for (uint32_t id = 1; id < TT_ARRAY_LEN(ids); id++)
		assert_int_equal(btf_kind(btf__type_by_id(b, id)), btf_kind(tt_types_get(m.types, ids[id])));
	btf__free(b);
	btf__free(programs);
	made_free(&m);
}

/* The running kernel's, where it shows them. */
static void the_kernels_own(void **state)
{
	struct tt_types *t = NULL;
	struct btf *btf = btf__load_vmlinux_btf();
	struct found f = {0};
	const struct tt_type_name names[] = {tt_type_named("task_struct", BTF_KIND_STRUCT),
					     tt_type_named("schedule", BTF_KIND_FUNC)};

	if (!btf || tt_types_open(&t) < 0) {
		btf__free(btf);
		TT_UNIT_LEAVE_OUT("the kernel shows no types");
	}
	assert_int_equal(tt_types_count(t) + 1, btf__type_cnt(btf));
	assert_int_equal(tt_types_each(t, names, TT_ARRAY_LEN(names), found_add, &f), 0);
	assert_int_equal(f.count, 2);
	for (size_t i = 0; i < f.count; i++)
		assert_int_equal(f.row[i].id, btf__find_by_name_kind(btf, names[f.row[i].name].text, names[f.row[i].name].kind));
	tt_types_free(t);
	btf__free(btf);
}

TT_UNIT_TESTS(cmocka_unit_test(types_are_as_libbpf_has_them), cmocka_unit_test(names_are_found_by_their_kind),
	      cmocka_unit_test(what_is_cut_off_or_foreign_is_refused), cmocka_unit_test(fields_stay_where_they_are),
	      cmocka_unit_test(numbers_are_the_kernels), cmocka_unit_test(the_kernels_own))
