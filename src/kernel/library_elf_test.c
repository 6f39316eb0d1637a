// SPDX-License-Identifier: Apache-2.0
/* Files made to be dear: parts larger than what stands in them, and many of the same bytes. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "kernel/library.h"

#define NAMES "\0.shstrtab"
#define WANTED "SSL_read"

enum { NONE, TEXT_NAMES, SYMBOLS, SYMBOL_NAMES, SECTIONS };

/* Where everything stands in the file. */
#define NAMES_AT 0x200u
#define WORDS_AT 0x240u
#define SYMBOLS_AT 0x280u
#define HEADS_AT 0x400u
#define CODE_AT 0x1000u
#define LARGE (256ull << 20)

struct made {
	Elf64_Ehdr head;
	Elf64_Phdr code;
	Elf64_Sym symbols[2];
	Elf64_Shdr sections[SECTIONS];
};

static struct made sound(void)
{
	struct made m = {
		.head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			 .e_type = ET_DYN,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_phoff = sizeof(Elf64_Ehdr),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 1,
			 .e_ehsize = sizeof(Elf64_Ehdr),
			 .e_shoff = HEADS_AT,
			 .e_shentsize = sizeof(Elf64_Shdr),
			 .e_shnum = SECTIONS,
			 .e_shstrndx = TEXT_NAMES},
		.code = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = CODE_AT, .p_vaddr = CODE_AT, .p_filesz = 0x100}};

	m.symbols[1] = (Elf64_Sym){
		.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1, .st_value = CODE_AT + 0x20};
	m.sections[TEXT_NAMES] =
		(Elf64_Shdr){.sh_name = 1, .sh_type = SHT_STRTAB, .sh_offset = NAMES_AT, .sh_size = sizeof(NAMES)};
	m.sections[SYMBOLS] = (Elf64_Shdr){.sh_type = SHT_DYNSYM,
					   .sh_offset = SYMBOLS_AT,
					   .sh_size = sizeof(m.symbols),
					   .sh_entsize = sizeof(Elf64_Sym),
					   .sh_link = SYMBOL_NAMES};
	m.sections[SYMBOL_NAMES] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = WORDS_AT, .sh_size = sizeof(WANTED) + 1};
	return m;
}

static void put(int fd, const void *bytes, size_t n, off_t at)
{
	assert_true(pwrite(fd, bytes, n, at) == (ssize_t)n);
}

/* What is found in it; the status is kept beside. */
static uint64_t found_as(const char *name, const struct made *m, int *status)
{
	const char *const names[] = {name};
	struct tt_function_place place = {0};
	char path[64];
	int fd = memfd_create("made", 0);

	put(fd, &m->head, sizeof(m->head), 0);
	put(fd, &m->code, sizeof(m->code), sizeof(m->head));
	put(fd, NAMES, sizeof(NAMES), NAMES_AT);
	put(fd, "\0" WANTED, sizeof(WANTED) + 1, WORDS_AT);
	put(fd, m->symbols, sizeof(m->symbols), SYMBOLS_AT);
	put(fd, m->sections, sizeof(m->sections), HEADS_AT);
	assert_true(ftruncate(fd, 2 * LARGE) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*status = tt_elf_functions(path, names, &place, 1);
	close(fd);
	return place.at;
}

static uint64_t found(const struct made *m, int *status)
{
	return found_as(WANTED, m, status);
}

static void finds(void **state)
{
	(void)state;
	struct made m = sound();
	int status;

	assert_int_equal(found(&m, &status), CODE_AT + 0x20);
	assert_int_equal(status, 0);
}

static void finds_by_a_part_of_the_name(void **state)
{
	(void)state;
	struct made m = sound();
	int status;

	assert_int_equal(found_as("SSL_*", &m, &status), CODE_AT + 0x20);
	assert_int_equal(found_as("*_read", &m, &status), CODE_AT + 0x20);
	assert_int_equal(found_as("SS*ead", &m, &status), CODE_AT + 0x20);
	assert_int_equal(status, 0);
	assert_int_equal(found_as("SSL_*_read", &m, &status), 0);
	assert_int_equal(found_as("*_write", &m, &status), 0);
	assert_int_equal(found_as("SSL_*rea", &m, &status), 0);
	assert_int_equal(status, 0);
}

static void which_of_several_is_not_sure(void **state)
{
	(void)state;
	struct made m = sound();
	int status;

	m.symbols[0] = m.symbols[1];
	found_as("SSL_*", &m, &status);
	assert_int_equal(status, 0); /* it is told twice */
	m.symbols[0].st_value += 0x20;
	found_as("SSL_*", &m, &status);
	assert_int_equal(status, -ENOTUNIQ);
}

static void large_tables_are_not_read(void **state)
{
	(void)state;
	static const int each[] = {SYMBOLS, SYMBOL_NAMES};

	for (size_t i = 0; i < TT_ARRAY_LEN(each); i++) {
		struct made m = sound();
		int status;

		m.sections[each[i]].sh_size = LARGE;
		assert_int_equal(found(&m, &status), 0);
		assert_int_equal(status, 0);
	}
}

static void large_names_of_sections(void **state)
{
	(void)state;
	struct made m = sound();
	int status;

	m.sections[TEXT_NAMES].sh_size = LARGE;
	assert_int_equal(found(&m, &status), 0);
	assert_int_equal(status, -EFBIG);
}

static void many_sections(void **state)
{
	(void)state;
	struct made m = sound();
	int status;

	m.head.e_shnum = 60000;
	assert_int_equal(found(&m, &status), 0);
	assert_int_equal(status, -EFBIG);
}

static void many_segments(void **state)
{
	(void)state;
	struct made m = sound();
	int status;

	m.head.e_phnum = 1170;
	assert_int_equal(found(&m, &status), CODE_AT + 0x20);
	assert_int_equal(status, 0);
	m.head.e_phnum = 1171;
	assert_int_equal(found(&m, &status), 0);
	assert_int_equal(status, -EFBIG);
	/* The first section says how many there are. */
	m.head.e_phnum = PN_XNUM;
	m.sections[NONE].sh_info = 1u << 20;
	assert_int_equal(found(&m, &status), 0);
	assert_int_equal(status, -EFBIG);
}

TT_UNIT_TESTS(cmocka_unit_test(finds), cmocka_unit_test(finds_by_a_part_of_the_name),
	      cmocka_unit_test(which_of_several_is_not_sure), cmocka_unit_test(large_tables_are_not_read),
	      cmocka_unit_test(large_names_of_sections), cmocka_unit_test(many_sections), cmocka_unit_test(many_segments))
