// SPDX-License-Identifier: Apache-2.0
#include "kernel/program_types.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/types.h"
#include "shared/tool.h"

#define NAME_MOST 64

/* The functions of the calls, in their order. */
static const char *const call_names[] = {"bpf_rdonly_cast", "bpf_preempt_disable", "bpf_preempt_enable"};

static_assert(TT_ARRAY_LEN(call_names) == TT_ARRAY_LEN(((struct tt_program_types *)0)->calls), "one each");

/* What sections say, and which of the kernel's types that is. */
static const struct section {
	const char *prefix;
	enum bpf_prog_type program;
	const char *type_prefix; /* NULL: there is none */
	uint32_t type_kind;
	enum bpf_attach_type attach;
} sections[] = {
	{"tt_tracepoint", BPF_PROG_TYPE_TRACING, "btf_trace_", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP},
	{"tt_iter", BPF_PROG_TYPE_TRACING, "bpf_iter_", BTF_KIND_FUNC, BPF_TRACE_ITER},
	{.prefix = "tt_uprobe", .program = BPF_PROG_TYPE_KPROBE},
	{.prefix = "tt_uretprobe", .program = BPF_PROG_TYPE_KPROBE},
	{.prefix = "tt_clock", .program = BPF_PROG_TYPE_PERF_EVENT},
};

/* The section, if it has a type, with the name behind its slash; NULL: it has none. */
static const struct section *typed_section(const struct bpf_program *program, const char **ret_name)
{
	const char *text = bpf_program__section_name(program);
	size_t len = strcspn(text, "/");

	for (size_t i = 0; i < TT_ARRAY_LEN(sections) && text[len]; i++) {
		if (sections[i].type_prefix && strlen(sections[i].prefix) == len && strncmp(sections[i].prefix, text, len) == 0) {
			*ret_name = text + len + 1;
			return &sections[i];
		}
	}
	return NULL;
}

/* --- what libbpf calls while it loads --- */

static const struct tt_program_types *loading;

/* The calls become those of the kernel's functions. */
static int calls_put(struct bpf_program *program, const uint32_t *calls)
{
	size_t count = bpf_program__insn_cnt(program);
	tt_free_auto struct bpf_insn *insns = malloc(count * sizeof(*insns));

	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(program), count * sizeof(*insns));
	for (size_t i = 0; i < count; i++) {
		uint32_t call = (uint32_t)insns[i].imm - TT_CALL_RDONLY_CAST;

		if (insns[i].code != (BPF_JMP | BPF_CALL) || insns[i].src_reg || call >= TT_ARRAY_LEN(call_names) || !calls[call])
			continue;
		insns[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
		insns[i].imm = (__s32)calls[call];
	}
	return bpf_program__set_insns(program, insns, count);
}

/* `cookie`: the section. */
static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	const struct section *s = &sections[cookie];
	int r = loading ? calls_put(program, loading->calls) : -EINVAL;

	if (r < 0 || !s->type_prefix)
		return r;
	for (size_t i = 0; i < loading->count; i++) {
		if (loading->at[i].program == program)
			opts->attach_btf_id = loading->at[i].id;
	}
	opts->expected_attach_type = s->attach;
	/* Only now is it of the kind that libbpf would look types up for. */
	return bpf_program__set_type(program, s->program);
}

/* For as long as the process lives: programs keep what is registered. */
static int sections_register(void)
{
	static bool registered;
	char prefix[32];

	for (size_t i = 0; !registered && i < TT_ARRAY_LEN(sections); i++) {
		const struct section *s = &sections[i];
		LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)i, .prog_prepare_load_fn = prepare);

		snprintf(prefix, sizeof(prefix), "%s+", s->prefix);
		int r = libbpf_register_prog_handler(prefix, s->type_prefix ? BPF_PROG_TYPE_RAW_TRACEPOINT : s->program,
						     s->attach, &opts);
		if (r < 0)
			return r;
	}
	registered = true;
	return 0;
}

/* --- before --- */

int tt_program_types_open(struct tt_program_types *p, struct bpf_object **ret, const void *elf, size_t size)
{
	char path[64];

	*p = (struct tt_program_types){.fd = memfd_create("types", MFD_CLOEXEC)};
	if (p->fd < 0)
		return -errno;
	int r = sections_register();
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = path);
	*ret = bpf_object__open_mem(elf, size, &opts);
	return *ret ? 0 : -errno;
}

void tt_program_types_close(struct tt_program_types *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void type_found(void *ctx, size_t name, uint32_t id)
{
	struct tt_program_types *p = ctx;
	uint32_t *to = name < p->count ? &p->at[name].id : &p->calls[name - p->count];

	if (!*to)
		*to = id;
}

int tt_program_types_find(struct tt_program_types *p, struct bpf_object *obj, const struct tt_types *types, uint32_t *ids)
{
	char texts[TT_PROGRAM_TYPES_MOST][NAME_MOST];
	struct tt_type_name names[TT_PROGRAM_TYPES_MOST + TT_ARRAY_LEN(call_names)];
	struct bpf_program *program;
	const char *name;

	bpf_object__for_each_program(program, obj)
	{
		const struct section *s = typed_section(program, &name);
		if (!s || !bpf_program__autoload(program))
			continue;
		if (p->count == TT_PROGRAM_TYPES_MOST)
			return -ENOSPC;
		snprintf(texts[p->count], NAME_MOST, "%s%s", s->type_prefix, name);
		names[p->count] = tt_type_named(texts[p->count], s->type_kind);
		p->at[p->count++].program = program;
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(call_names); i++)
		names[p->count + i] = tt_type_named(call_names[i], BTF_KIND_FUNC);
	int r = tt_types_each(types, names, p->count + TT_ARRAY_LEN(call_names), type_found, p);
	for (size_t i = 0; r == 0 && i < p->count; i++) {
		if (p->at[i].id)
			continue;
		p->missing = bpf_program__section_name(p->at[i].program);
		return -ENOENT;
	}
	return r < 0 ? r : tt_types_extract(types, bpf_object__btf(obj), p->fd, ids, TT_TYPE_IDS);
}

int tt_program_types_load(struct tt_program_types *p, struct bpf_object *obj)
{
	loading = p;
	int r = bpf_object__load(obj);
	loading = NULL;
	return r;
}
