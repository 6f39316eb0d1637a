// SPDX-License-Identifier: Apache-2.0
#include "kernel/symbols.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

/* "ffffffff82a5e0a8 D page_offset_base[\t[module]]\n". Returns how many of them it is. */
static size_t line_take(const char *line, struct tt_symbol *symbols, size_t count)
{
	char *end;
	uint64_t address = strtoull(line, &end, 16);

	size_t taken = 0;

	if (end == line || strlen(end) < 4)
		return 0;
	const char *name = end + 3;
	size_t len = strcspn(name, "\t\n");
	for (size_t i = 0; i < count; i++) {
		if (symbols[i].address || strncmp(symbols[i].name, name, len) != 0 || symbols[i].name[len])
			continue;
		symbols[i].address = address;
		symbols[i].listed = true;
		taken += address != 0;
	}
	return taken;
}

/* --- by a program --- */

#define NAME_MOST 56

/* What the program reads and writes, one each in the value of a map. */
struct place {
	char name[NAME_MOST];
	uint64_t address;
	int64_t result; /* of the helper */
};

/* A register gets the address of a place's member. */
static void address_put(struct bpf_insn *to, uint8_t reg, int map, size_t offset)
{
	to[0] = (struct bpf_insn){.code = BPF_LD | BPF_DW, .dst_reg = reg & 15, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map};
	to[1] = (struct bpf_insn){.imm = (__s32)offset};
}

static struct bpf_insn number_put(uint8_t reg, __s32 value)
{
	return (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = reg & 15, .imm = value};
}

#define INSNS_EACH 10

/* bpf_kallsyms_lookup_name(name, its length with the end, 0, &address), and its result. */
static void call_put(struct bpf_insn *to, int map, size_t place, size_t len)
{
	address_put(to, BPF_REG_1, map, place + offsetof(struct place, name));
	to[2] = number_put(BPF_REG_2, (__s32)len + 1);
	to[3] = number_put(BPF_REG_3, 0);
	address_put(to + 4, BPF_REG_4, map, place + offsetof(struct place, address));
	to[6] = (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_kallsyms_lookup_name};
	address_put(to + 7, BPF_REG_1, map, place + offsetof(struct place, result));
	to[9] = (struct bpf_insn){.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_0};
}

static int program_run(int map, const struct place *places, size_t count)
{
	struct bpf_insn insns[TT_SYMBOLS_MOST * INSNS_EACH + 2];
	LIBBPF_OPTS(bpf_prog_load_opts, load, .prog_flags = BPF_F_SLEEPABLE);
	LIBBPF_OPTS(bpf_test_run_opts, run);
	size_t n = 0;

	for (size_t i = 0; i < count; i++, n += INSNS_EACH)
		call_put(&insns[n], map, i * sizeof(*places), strlen(places[i].name));
	insns[n++] = number_put(BPF_REG_0, 0);
	insns[n++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	tt_close_auto int program = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "tt_symbols", "GPL", insns, n, &load);
	return program < 0 ? -errno : bpf_prog_test_run_opts(program, &run);
}

/* Asks the kernel itself, which has an index since 6.2 (60443c88f3a8): a hundredth of reading the list. A negative errno where
 * it has no such helper (before 5.16), or hides addresses. */
static int ask(struct tt_symbol *symbols, size_t count)
{
	struct place places[TT_SYMBOLS_MOST] = {0};
	__u32 zero = 0;

	if (count > TT_SYMBOLS_MOST)
		return -E2BIG;
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(symbols[i].name);

		if (len >= NAME_MOST)
			return -E2BIG;
		memcpy(places[i].name, symbols[i].name, len);
	}
	tt_close_auto int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tt_symbols", sizeof(zero), (__u32)sizeof(places), 1, NULL);
	if (map < 0 || bpf_map_update_elem(map, &zero, places, BPF_ANY) < 0)
		return -errno;
	int r = program_run(map, places, count);
	if (r < 0 || bpf_map_lookup_elem(map, &zero, places) < 0)
		return r < 0 ? r : -errno;
	for (size_t i = 0; i < count; i++) {
		if (places[i].result && places[i].result != -ENOENT)
			return (int)places[i].result;
	}
	for (size_t i = 0; i < count; i++) {
		symbols[i].address = places[i].result ? 0 : places[i].address;
		symbols[i].listed = !places[i].result;
	}
	return 0;
}

int tt_symbols_find(struct tt_symbol *symbols, size_t count)
{
	return ask(symbols, count) == 0 ? 0 : tt_symbols_read(symbols, count);
}

int tt_symbols_read(struct tt_symbol *symbols, size_t count)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	tt_free_auto char *line = NULL;
	size_t size = 0, left = count;

	if (!f)
		return -errno;
	while (left && getline(&line, &size, f) > 0)
		left -= line_take(line, symbols, count);
	fclose(f);
	return 0;
}
