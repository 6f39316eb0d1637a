// SPDX-License-Identifier: Apache-2.0
/* Programs made to be dear: much code that may point at what is sought, and much to be looked through for each place of it. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "kernel/library.h"
#include "kernel/library_elf.h"
#include "kernel/library_traces.h"

#define SECTION_NAMES "\0.shstrtab\0.eh_frame"
#define TEXTS "\0ssl_read_internal\0ssl_write_internal"

/* Where everything stands in the file, and is loaded. */
#define NAMES_AT 0x200u
#define HEADS_AT 0x280u
#define TEXTS_AT 0x400u
#define TARGET 0x800u
#define CODE_AT 0x1000u
#define CODE_BYTES 0x80000u
#define TOLD_AT (CODE_AT + CODE_BYTES) /* .eh_frame */
#define FUNCTIONS 0x8000u
#define TABLE_AT (TOLD_AT + 32 + FUNCTIONS * 16)
#define FILE_BYTES (TABLE_AT + 12 + FUNCTIONS * 8)

enum { NONE, TEXT_NAMES, TOLD, SECTIONS };

struct program {
	uint8_t *file;
	size_t size;	 /* of a function, in bytes */
	bool table;	 /* of functions, beside .eh_frame */
	size_t ended_at; /* a function before which .eh_frame ends; 0: none */
};

static void put(const struct program *p, size_t at, uint64_t value, size_t n)
{
	memcpy(p->file + at, &value, n);
}

/* What is told of functions, from the begin of the code on or, `elsewhere`, behind all of it. */
static void functions_put(const struct program *p, bool elsewhere)
{
	static const uint8_t common[] = {20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b};
	size_t at = TOLD_AT + 24;

	memcpy(p->file + TOLD_AT, common, sizeof(common));
	put(p, TABLE_AT, 0x3b031b01, 4);
	put(p, TABLE_AT + 8, FUNCTIONS, 4);
	for (size_t i = 0; i < FUNCTIONS; i++, at += 16) {
		size_t begin = (elsewhere ? FILE_BYTES : CODE_AT) + i * p->size;

		if (i && i == p->ended_at)
			at += 4; /* 0 */
		put(p, at, 12, 4);
		put(p, at + 4, at + 4 - TOLD_AT, 4);
		put(p, at + 8, begin - (at + 8), 4);
		put(p, at + 12, p->size, 4);
		put(p, TABLE_AT + 12 + i * 8, begin - TABLE_AT, 4);
		put(p, TABLE_AT + 16 + i * 8, at - TABLE_AT, 4);
	}
}

static void heads_put(const struct program *p)
{
	const Elf64_Ehdr head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
				 .e_type = ET_DYN,
				 .e_machine = EM_X86_64,
				 .e_version = EV_CURRENT,
				 .e_phoff = sizeof(Elf64_Ehdr),
				 .e_phentsize = sizeof(Elf64_Phdr),
				 .e_phnum = p->table ? 2 : 1,
				 .e_ehsize = sizeof(Elf64_Ehdr),
				 .e_shoff = HEADS_AT,
				 .e_shentsize = sizeof(Elf64_Shdr),
				 .e_shnum = SECTIONS,
				 .e_shstrndx = TEXT_NAMES};
	const Elf64_Phdr segments[] = {{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = FILE_BYTES},
				       {.p_type = PT_GNU_EH_FRAME, .p_offset = TABLE_AT, .p_vaddr = TABLE_AT}};
	const Elf64_Shdr sections[SECTIONS] = {
		[TEXT_NAMES] = {.sh_name = 1, .sh_type = SHT_STRTAB, .sh_offset = NAMES_AT, .sh_size = sizeof(SECTION_NAMES)},
		[TOLD] = {.sh_name = 11,
			  .sh_type = SHT_PROGBITS,
			  .sh_offset = TOLD_AT,
			  .sh_addr = TOLD_AT,
			  .sh_size = TABLE_AT - TOLD_AT}};

	memcpy(p->file, &head, sizeof(head));
	memcpy(p->file + sizeof(head), segments, sizeof(segments));
	memcpy(p->file + NAMES_AT, SECTION_NAMES, sizeof(SECTION_NAMES));
	memcpy(p->file + HEADS_AT, sections, sizeof(sections));
	memcpy(p->file + TEXTS_AT, TEXTS, sizeof(TEXTS));
}

/* Code of nothing but calls of TARGET, or but such as point at the first text. */
static void code_put(const struct program *p, bool calls)
{
	const size_t n = calls ? 5 : 7;

	for (size_t at = CODE_AT; at + n <= TOLD_AT; at += n) {
		put(p, at, calls ? 0xe8 : 0x3d8d48, n - 4);
		put(p, at + n - 4, (calls ? TARGET : TEXTS_AT + 1) - (at + n), 4);
	}
}

static int made(struct program *p, bool elsewhere, bool calls)
{
	int fd = memfd_create("made", MFD_CLOEXEC);

	p->file = calloc(1, FILE_BYTES);
	assert_true(fd >= 0 && p->file);
	heads_put(p);
	functions_put(p, elsewhere);
	code_put(p, calls);
	assert_true(write(fd, p->file, FILE_BYTES) == FILE_BYTES);
	free(p->file);
	return fd;
}

struct asked {
	size_t count; /* of functions that may call TARGET */
	uint64_t work;
};

static struct asked ask(struct program p, bool elsewhere)
{
	static struct tt_window code, unwind;
	tt_close_auto int made_fd = made(&p, elsewhere, true), fd = -1;
	struct tt_traces t = {.code = &code};
	struct tt_traces_functions found;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", made_fd);
	assert_int_equal(tt_elf_open(path, &fd, &t.elf), 0);
	code = (struct tt_window){.fd = fd};
	unwind = (struct tt_window){.fd = fd};
	assert_int_equal(tt_unwind_open(&t.unwind, t.elf, &unwind), 0);
	assert_int_equal(t.unwind.count, p.table ? FUNCTIONS : 0);
	tt_traces_going(&t, TARGET, &found);
	elf_end(t.elf);
	return (struct asked){found.count, t.unwind.work};
}

/* None of the places lies in a function. */
static void work_is_bounded(void **state)
{
	(void)state;
	for (int table = 0; table < 2; table++) {
		struct asked a = ask((struct program){.size = 16, .table = table}, true);

		assert_int_equal(a.count, 0);
		assert_in_range(a.work, TT_WORK_MOST, TT_WORK_MOST + TT_WORK_FIND);
	}
}

static void one_function_is_asked_once(void **state)
{
	(void)state;
	for (int table = 0; table < 2; table++) {
		struct asked a = ask((struct program){.size = CODE_BYTES, .table = table}, false);

		assert_int_equal(a.count, 1);
		assert_in_range(a.work, TT_WORK_FIND, TT_WORK_FIND + 64);
	}
}

static void ends_where_there_are_too_many(void **state)
{
	(void)state;
	for (int table = 0; table < 2; table++) {
		struct asked a = ask((struct program){.size = 16, .table = table}, false);

		assert_int_equal(a.count, TT_TRACES_PLACES);
		assert_in_range(a.work, TT_TRACES_PLACES * TT_WORK_FIND, TT_TRACES_PLACES * (TT_WORK_FIND + 64));
	}
}

static void length_0_ends(void **state)
{
	(void)state;
	struct asked a = ask((struct program){.size = 16, .ended_at = 3}, false);

	assert_int_equal(a.count, 3);
}

/* And the whole file is refused then. */
static void refused(void **state)
{
	(void)state;
	static const char *const symbols[] = {"SSL_read"};
	struct tt_function_place place;

	for (int table = 0; table < 2; table++) {
		struct program p = {.size = 16, .table = table};
		tt_close_auto int fd = made(&p, true, false);
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		assert_int_equal(tt_openssl_functions(path, symbols, &place, 1), -E2BIG);
		assert_int_equal(place.at, 0);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(work_is_bounded), cmocka_unit_test(one_function_is_asked_once),
	      cmocka_unit_test(ends_where_there_are_too_many), cmocka_unit_test(length_0_ends), cmocka_unit_test(refused))
