// SPDX-License-Identifier: Apache-2.0
#include "kernel/programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/own.h"
#include "kernel/internal.h"
#include "kernel/program_types.h"

/* What every tool has beside its own (tools/tool.bpf.h): the scope grows by fork and shrinks by exit. */
static const struct tt_hook_row scope_rows[] = {
	{"tt_scope_fork", "sched_process_fork", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED, "children are not followed"},
	{"tt_scope_exit", "sched_process_exit", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED, "the scope only grows"},
};

/* Run once in our own context. */
#define TT_OWN_PROGRAM "tt_own"

/* Where a variable of the object lies in its section's map. */
struct variable {
	struct bpf_map *map;
	size_t offset;
	size_t size;
};

static int variable_find(const struct bpf_object *obj, const char *section, const char *name, struct variable *ret)
{
	const struct btf *btf = bpf_object__btf(obj);
	__s32 id = btf ? btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC) : -ENOENT;
	struct bpf_map *map = bpf_object__find_map_by_name(obj, section);

	if (id < 0 || !map)
		return -ENOENT;
	const struct btf_type *datasec = btf__type_by_id(btf, (__u32)id);
	const struct btf_var_secinfo *v = btf_var_secinfos(datasec);
	for (__u16 i = 0; i < btf_vlen(datasec); i++, v++) {
		const struct btf_type *type = btf__type_by_id(btf, v->type);
		if (strcmp(btf__name_by_offset(btf, type->name_off), name) == 0) {
			*ret = (struct variable){.map = map, .offset = v->offset, .size = v->size};
			return 0;
		}
	}
	return -ENOENT;
}

/* Before the load: read-only variables are set in the section's first contents. NULL: not there, or of another size. */
static void *variable_preset(const struct bpf_object *obj, const char *name, size_t size)
{
	struct variable v;
	size_t section = 0;

	if (variable_find(obj, ".rodata", name, &v) < 0 || v.size != size)
		return NULL;
	char *contents = (char *)bpf_map__initial_value(v.map, &section);
	return contents && v.offset + size <= section ? contents + v.offset : NULL;
}

static int self_map(struct tt_kernel *k)
{
	struct variable v;

	int r = variable_find(k->obj, ".bss", "tt_self", &v);
	if (r < 0)
		return r;
	size_t size = tt_kernel_whole_pages(bpf_map__value_size(v.map));
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(v.map), 0);
	if (page == MAP_FAILED)
		return -errno;
	k->own_page = page;
	k->own_size = size;
	k->self = (struct tt_kernel_self *)((char *)page + v.offset);
	return 0;
}

/* Who we are in the kernel's eyes: our own process number may be another where we run in a pid namespace. */
static int own_learn(struct tt_kernel *k)
{
	const struct bpf_program *p = bpf_object__find_program_by_name(k->obj, TT_OWN_PROGRAM);
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	return p ? bpf_prog_test_run_opts(bpf_program__fd(p), &opts) : -ENOENT;
}

static int maps_size(struct tt_kernel *k, const struct tt_programs *p, const struct tt_limits *limits)
{
	for (size_t i = 0; i < p->map_count; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(k->obj, p->maps[i].name);
		uint64_t entries = p->maps[i].limit == TT_MAP_PER_CPU ? k->cpus : limits->value[p->maps[i].limit];
		int r = map ? bpf_map__set_max_entries(map, (uint32_t)entries) : -ENOENT;
		if (r < 0)
			return r;
	}
	return 0;
}

/* One list of what is attached: the tool's rows that are wanted, then the scope's. */
struct choice {
	const struct tt_hook_row *rows[TT_LINKS_MOST];
	size_t count;
};

static int choice_add(struct choice *c, const struct tt_hook_row *row, struct tt_kernel_report *report)
{
	char why[256];

	if (!report->features.has[row->needs]) {
		if (row->need != TT_HOOK_REQUIRED)
			return 0;
		return tt_kernel_refuse(report, -EOPNOTSUPP, "this needs %s; %s: %s", row->hook, tt_feature_rows[row->needs].name,
					tt_feature_why(&report->features, row->needs, why, sizeof(why)));
	}
	if (c->count == TT_LINKS_MOST)
		return -ENOSPC;
	c->rows[c->count++] = row;
	return 0;
}

static int choice_make(struct choice *c, const struct tt_programs *p, const struct tt_scope *scope,
		       struct tt_kernel_report *report)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->row_count; i++) {
		if (!(p->unwanted & 1ull << i))
			r = choice_add(c, &p->rows[i], report);
	}
	for (size_t i = 0; r == 0 && scope->mode == TT_SCOPE_PIDS && i < TT_ARRAY_LEN(scope_rows); i++)
		r = choice_add(c, &scope_rows[i], report);
	return r;
}

/* Everything else is left out of the load, but what is run once. */
static int choice_autoload(struct tt_kernel *k, const struct choice *c)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, k->obj) bpf_program__set_autoload(p, strcmp(bpf_program__name(p), TT_OWN_PROGRAM) == 0);
	for (size_t i = 0; i < c->count; i++) {
		p = bpf_object__find_program_by_name(k->obj, c->rows[i]->program);
		if (!p)
			return -EINVAL;
		bpf_program__set_autoload(p, true);
		if (c->rows[i]->needs == TT_FEATURE_UPROBE)
			tt_library_program_prepare(k, p);
	}
	return 0;
}

/* Its runs count with those of the others, though its links are elsewhere. */
static int row_keep(struct tt_kernel *k, struct bpf_program *p)
{
	if (k->link_count == TT_LINKS_MOST)
		return -ENOSPC;
	k->programs[k->link_count] = p;
	k->links[k->link_count++] = NULL;
	return 0;
}

static int row_attach(struct tt_kernel *k, const struct tt_hook_row *row, const struct tt_programs *programs)
{
	const struct tt_sampler how = {
		.hz = programs->sample_hz,
		.idle = programs->sample_idle,
		.cycles = row >= programs->rows && row < programs->rows + programs->row_count &&
			  programs->by_cycles & 1ull << (row - programs->rows),
	};
	struct bpf_program *p = bpf_object__find_program_by_name(k->obj, row->program);

	if (p && bpf_program__type(p) == BPF_PROG_TYPE_PERF_EVENT)
		return tt_kernel_sample(k, p, &how);
	return row->needs == TT_FEATURE_UPROBE ? row_keep(k, p) : tt_kernel_attach(k, row->program);
}

static int choice_attach(struct tt_kernel *k, const struct choice *c, const struct tt_programs *p,
			 struct tt_kernel_report *report)
{
	for (size_t i = 0; i < c->count; i++) {
		int r = row_attach(k, c->rows[i], p);
		if (r < 0 && c->rows[i]->need == TT_HOOK_REQUIRED)
			return tt_kernel_refuse(report, -EOPNOTSUPP, "%s does not attach: %s", c->rows[i]->hook, strerror(-r));
	}
	return 0;
}

static int config_set(struct tt_kernel *k, const struct tt_programs *p, const struct tt_scope *scope,
		      struct tt_kernel_report *report)
{
	struct tt_kernel_config *config = variable_preset(k->obj, "tt_config", sizeof(*config));
	void *own = p->config ? variable_preset(k->obj, "tt_tool_config", p->config_size) : NULL;
	struct tt_tool_filter *filter = p->filter ? variable_preset(k->obj, "tt_tool_filter", sizeof(*filter)) : NULL;

	if (!config || (p->config && !own) || (p->filter && !filter))
		return -EINVAL;
	if (own)
		memcpy(own, p->config, p->config_size);
	if (filter)
		*filter = *p->filter;
	return tt_kernel_config_common(config, scope, report);
}

static int programs_load(struct tt_kernel *k, struct tt_program_types *types, struct tt_kernel_report *report)
{
	uint32_t *ids = variable_preset(k->obj, "tt_type_ids", TT_TYPE_IDS * sizeof(*ids));
	const struct tt_types *all;

	if (!ids)
		return -EINVAL;
	int r = tt_kernel_types(&all);
	if (r == 0)
		r = tt_program_types_find(types, k->obj, all, ids);
	if (r < 0)
		return types->missing ? tt_kernel_refuse(report, -EOPNOTSUPP, "this kernel has no %s", types->missing) : r;
	r = tt_program_types_load(types, k->obj);
	if (tt_kernel_forbidden(r))
		return tt_kernel_not_permitted(report);
	return r < 0 ? tt_kernel_refuse(report, -EOPNOTSUPP, "refused by the kernel (%s): %.160s", strerror(-r),
					tt_kernel_complaint())
		     : 0;
}

static int programs_open(struct tt_kernel *k, const struct tt_programs *p, const struct tt_limits *limits,
			 const struct tt_scope *scope, struct tt_kernel_report *report)
{
	tt_cleanup(tt_program_types_close) struct tt_program_types types = {.fd = -1};
	struct choice choice = {.count = 0};
	int r = tt_kernel_ask_features(report, false);
	if (r < 0)
		return r;
	k->no_data_rings = !p->data_rings;
	k->uprobe_multi = report->features.has[TT_FEATURE_UPROBE_MULTI];
	if ((r = tt_program_types_open(&types, &k->obj, p->elf, p->elf_size)) < 0)
		return r;
	if ((r = config_set(k, p, scope, report)) < 0 || (r = tt_kernel_maps_find(k, limits)) < 0 ||
	    (r = maps_size(k, p, limits)) < 0 || (r = choice_make(&choice, p, scope, report)) < 0)
		return r;
	if ((r = choice_autoload(k, &choice)) < 0 || (r = programs_load(k, &types, report)) < 0)
		return r;
	if ((r = tt_kernel_maps_open(k, limits)) < 0 || (r = self_map(k)) < 0 || (r = own_learn(k)) < 0 ||
	    (r = tt_kernel_scope_fill(k, scope, report)) < 0 || (r = choice_attach(k, &choice, p, report)) < 0)
		return r;
	__atomic_store_n(&k->self->phase, TT_PHASE_LIVE, __ATOMIC_RELEASE);
	return 0;
}

int tt_programs_load(struct tt_kernel **ret, const struct tt_programs *p, const struct tt_limits *limits,
		     const struct tt_scope *scope, struct tt_kernel_report *report)
{
	*report = (struct tt_kernel_report){0};
	struct tt_kernel *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;

	libbpf_print_fn_t before = tt_kernel_complaint_begin();
	int r = programs_open(k, p, limits, scope, report);
	libbpf_set_print(before);
	tt_kernel_types_forget();
	tt_kernel_give_back();
	if (r < 0) {
		if (!report->error[0])
			tt_kernel_refuse(report, r, "loading the programs: %.150s (%s)", tt_kernel_complaint(), strerror(-r));
		tt_kernel_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

/* A mark may stay where the program that takes it away did not run. Somebody else's process may not be signalled, but is there.
 */
static bool row_empty(const struct tt_scope_row *row, uint32_t first)
{
	for (uint32_t i = 0; i < TT_SCOPE_ROW; i++) {
		if (row->in[i] >= TT_MARK_IN && (kill((pid_t)(first + i), 0) == 0 || errno != ESRCH))
			return false;
	}
	return true;
}

bool tt_kernel_scope_empty(const struct tt_kernel *k, const uint32_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tt_scope_row row;
		uint32_t at = pids[i] / TT_SCOPE_ROW;
		if (bpf_map_lookup_elem(bpf_map__fd(k->maps.scope_pids), &at, &row) == 0 && !row_empty(&row, at * TT_SCOPE_ROW))
			return false;
	}
	static const struct tt_scope_row none;
	const size_t size = TT_SCOPE_ROWS * sizeof(none);
	bool empty = true;

	/* Mapped for this look alone, as it is 4 MiB: mostly for the last one. */
	const struct tt_scope_row *rows = mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(k->maps.scope_pids), 0);
	if (rows == MAP_FAILED)
		return false;
	for (uint32_t i = 0; i < TT_SCOPE_ROWS && empty; i++)
		empty = memcmp(&rows[i], &none, sizeof(none)) == 0 || row_empty(&rows[i], i * TT_SCOPE_ROW);
	munmap((void *)rows, size);
	return empty;
}

int tt_kernel_map_fd(const struct tt_kernel *k, const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(k->obj, name);

	return map ? bpf_map__fd(map) : -ENOENT;
}
