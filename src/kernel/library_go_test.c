// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "kernel/library.h"

#define BASE 0x400000u
#define TEXT_AT 0x100u
#define TABLE_AT 0x200u
#define RELA_AT 0x500u
#define MODULE_AT 0x600u
#define NAMES_AT 0x800u
#define HEADS_AT 0x900u
#define FILE_BYTES 0x1000u

/* Parts of the table, counted from its begin. */
#define PART_NAMES 72u
#define PART_UNITS 144u
#define PART_STACKS 160u
#define PART_INDEX 200u

#define SECTION_NAMES "\0.text\0.gopclntab\0.rela\0.go.module\0.shstrtab"

struct program {
	uint8_t file[FILE_BYTES];
	size_t size;
};

static void put(struct program *p, size_t at, uint64_t value, size_t n)
{
	memcpy(p->file + at, &value, n);
}

static void section(struct program *p, size_t i, uint32_t name, uint32_t type, uint64_t at, uint64_t size)
{
	Elf64_Shdr head = {.sh_name = name, .sh_type = type, .sh_offset = at, .sh_addr = BASE + at, .sh_size = size};

	memcpy(p->file + HEADS_AT + i * sizeof(head), &head, sizeof(head));
}

static void function(struct program *p, size_t i, uint32_t entry, uint32_t name, uint32_t stacks)
{
	uint32_t at = 40 + (uint32_t)i * 48;

	put(p, TABLE_AT + PART_INDEX + i * 8, entry, 4);
	put(p, TABLE_AT + PART_INDEX + i * 8 + 4, at, 4);
	put(p, TABLE_AT + PART_INDEX + at, entry, 4);
	put(p, TABLE_AT + PART_INDEX + at + 4, name, 4);
	put(p, TABLE_AT + PART_INDEX + at + 16, stacks, 4);
}

/*
 * Three functions: one without a frame, tls.Read, which returns twice, the second time behind padding, and ends with the code for
 * a larger stack, and tls.ReadAll.
 */
static struct program program(void)
{
	static const char names[] = "runtime.text\0tls.Read\0tls.ReadAll";
	/* push; (body) pop, ret; (body) pop, nop, ret; call. Depths: 0 for 1 byte, 8 for 3, 0 for 1, 8 for 2, 0 for 7. */
	static const uint8_t code[] = {0x55, 1, 2, 0x5d, 0xc3, 1, 0x5d, 0x90, 0xc3, 0xe8, 0, 0, 0, 0};
	static const uint8_t flat[] = {2, 14, 0};
	static const uint8_t deep[] = {2, 1, 16, 3, 15, 1, 16, 2, 15, 2, 16, 0x80, 0x00, 15, 5, 0};
	static const Elf64_Ehdr head = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_shoff = HEADS_AT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 6,
		.e_shstrndx = 5,
	};
	static const Elf64_Phdr segment = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = BASE, .p_filesz = FILE_BYTES, .p_memsz = FILE_BYTES};
	struct program p = {.size = FILE_BYTES};

	memcpy(p.file, &head, sizeof(head));
	memcpy(p.file + sizeof(head), &segment, sizeof(segment));
	memcpy(p.file + NAMES_AT, SECTION_NAMES, sizeof(SECTION_NAMES));
	section(&p, 1, 1, SHT_PROGBITS, TEXT_AT, 0x100);
	section(&p, 2, 7, SHT_PROGBITS, TABLE_AT, 0x300);
	section(&p, 3, 18, SHT_RELA, RELA_AT, 48);
	section(&p, 4, 24, SHT_PROGBITS, MODULE_AT, 0x100);
	section(&p, 5, 35, SHT_STRTAB, NAMES_AT, sizeof(SECTION_NAMES));
	memcpy(p.file + TEXT_AT + 16, code, sizeof(code));
	memcpy(p.file + TEXT_AT + 32, code, sizeof(code));

	const uint64_t words[] = {3, 1, BASE + TEXT_AT, PART_NAMES, PART_UNITS, PART_UNITS, PART_STACKS, PART_INDEX};
	put(&p, TABLE_AT, 0x08010000fffffff1, 8);
	memcpy(p.file + TABLE_AT + 8, words, sizeof(words));
	memcpy(p.file + TABLE_AT + PART_NAMES, names, sizeof(names));
	memcpy(p.file + TABLE_AT + PART_STACKS, flat, sizeof(flat));
	memcpy(p.file + TABLE_AT + PART_STACKS + 8, deep, sizeof(deep));
	function(&p, 0, 0, 0, 0);
	function(&p, 1, 16, 13, 8);
	function(&p, 2, 32, 22, 8);
	return p;
}

static const char *const names[] = {"tls.Read", "tls.Write", "Read", "tls.ReadAll"};

static int look(const struct program *p, struct tt_function_sites *ret)
{
	tt_close_auto int fd = memfd_create("program", MFD_CLOEXEC);
	char path[32];

	assert_int_equal(write(fd, p->file, p->size), p->size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return tt_go_functions(path, names, true, ret, TT_ARRAY_LEN(names));
}

static void check_read(const struct tt_function_sites *sites)
{
	assert_int_equal(sites[0].entry, TEXT_AT + 16);
	assert_int_equal(sites[0].return_count, 2);
	assert_int_equal(sites[0].returns[0], TEXT_AT + 16 + 4);
	assert_int_equal(sites[0].returns[1], TEXT_AT + 16 + 8);
	assert_int_equal(sites[1].entry, 0);
	assert_int_equal(sites[2].entry, 0); /* only the end of a name */
	assert_int_equal(sites[3].entry, TEXT_AT + 32);
}

static void finds(void **state)
{
	struct program p = program();
	struct tt_function_sites sites[4];

	assert_int_equal(look(&p, sites), 0);
	check_read(sites);
}

/* What the linker leaves to relocations, and since Go 1.26 to another table. */
static void finds_text(void **state)
{
	struct program p = program();
	struct tt_function_sites sites[4];

	put(&p, TABLE_AT + 24, 0, 8);
	put(&p, HEADS_AT + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_addr), 0, 8); /* no help from there */
	assert_int_equal(look(&p, sites), -ENOEXEC);
	put(&p, RELA_AT + 24, BASE + TABLE_AT + 24, 8);
	put(&p, RELA_AT + 32, R_X86_64_RELATIVE, 8);
	put(&p, RELA_AT + 40, BASE + TEXT_AT, 8);
	assert_int_equal(look(&p, sites), 0);
	check_read(sites);
	put(&p, RELA_AT + 24, 0, 8);
	put(&p, MODULE_AT + 176, BASE + TEXT_AT, 8);
	assert_int_equal(look(&p, sites), 0);
	check_read(sites);
}

static void refuses(void **state)
{
	struct program p = program();
	struct tt_function_sites sites[4];

	put(&p, TEXT_AT + 16 + 4, 0xcc, 1); /* no return where one must be */
	assert_int_equal(look(&p, sites), -ENOEXEC);
	p = program();
	put(&p, TABLE_AT, 0x08010000fffffffa, 8);
	assert_int_equal(look(&p, sites), -EOPNOTSUPP);
	put(&p, TABLE_AT, 0x08010000fffffff2, 8);
	assert_int_equal(look(&p, sites), -ENOEXEC);
	put(&p, TABLE_AT, 0x08040000fffffff1, 8); /* instructions of four bytes */
	assert_int_equal(look(&p, sites), -EOPNOTSUPP);
	p = program();
	put(&p, 18, EM_AARCH64, 2);
	assert_int_equal(look(&p, sites), -ENOEXEC);
}

/* Cut off anywhere, and with any word of the table as large as can be, it is refused, or the function is found where it is. */
static void survives(void **state)
{
	struct tt_function_sites sites[4];

	for (size_t cut = 0; cut < FILE_BYTES; cut += 3) {
		struct program p = program();

		p.size = cut;
		assert_true(look(&p, sites) < 0 || !sites[0].entry || sites[0].return_count == 2);
	}
	for (size_t at = TABLE_AT; at < TABLE_AT + 0x300; at += 4) {
		struct program p = program();

		put(&p, at, UINT64_MAX, 8);
		(void)look(&p, sites);
		p = program();
		put(&p, at, 0x7fffffff, 4);
		(void)look(&p, sites);
		put(&p, at, 0x80808080, 4);
		(void)look(&p, sites);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(finds), cmocka_unit_test(finds_text), cmocka_unit_test(refuses), cmocka_unit_test(survives))
