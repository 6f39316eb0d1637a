// SPDX-License-Identifier: Apache-2.0
/* Functions of this very program, and names as they may stand in a stack. */
#include "symbols/symbols.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "harness/unit.h"
#include "identity/mapped.h"
#include "symbols/demangle.h"
#include "symbols/elf.h"

static struct tt_mapped_file file = {.fd = -1};
static unsigned looks;

static int look_maps(void *ctx, uint32_t pid, struct tt_buf *to)
{
	looks++;
	return tt_mapped_lines(pid, to);
}

static int look_file(void *ctx, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to)
{
	return tt_mapped_read(&file, pid, start, offset, most, to);
}

static int look_stamp(void *ctx, uint32_t pid, uint64_t start, struct tt_buf *to)
{
	return tt_mapped_read(&file, pid, start, TT_MAPPED_STAMP, sizeof(struct tt_mapped_stamp), to);
}

static int look_perf_map(void *ctx, uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to)
{
	return tt_perf_map_read(pid, offset, most, to);
}

static const struct tt_symbols_source source = {look_maps, look_file, look_stamp, look_perf_map};

#define NATIVE_DATA (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

/* Its address is looked for. */
int tt_symbols_test_function(int n);
int __attribute__((noinline)) tt_symbols_test_function(int n)
{
	return n + getpid();
}

static void check_name(struct tt_symbols *s, uint32_t pid, uint64_t address, bool returned, const char *want)
{
	tt_buf_auto struct tt_buf b = TT_BUF(4096);

	assert_int_equal(tt_symbols_add(s, pid, 1, address, returned, &b), 0);
	tt_buf_add_char(&b, 0);
	assert_string_equal(b.data, want);
}

static void own_functions_are_found(void **state)
{
	struct tt_limits limits;
	struct tt_symbols *s = NULL;
	uint64_t address = (uint64_t)&tt_symbols_test_function;
	time_t began = time(NULL);

	tt_limits_init(&limits);
	assert_int_equal(tt_symbols_new(&s, &source, NULL, &limits), 0);
	check_name(s, (uint32_t)getpid(), address, false, "tt_symbols_test_function");
	check_name(s, (uint32_t)getpid(), address + 1, true, "tt_symbols_test_function");
	/* Not again so soon: ten times a second. */
	for (int i = 0; i < 1000; i++)
		check_name(s, (uint32_t)getpid(), 16, false, "[unknown]");
	assert_true(looks <= 2 + (uint64_t)(time(NULL) - began + 1) * 10);
	assert_int_equal(tt_symbols_counts(s).gone, 0);
	check_name(s, INT32_MAX, address, false, "[unknown]");
	assert_int_equal(tt_symbols_counts(s).gone, 1);
	tt_symbols_free(s);
	tt_mapped_close(&file);
}

static void check_clean(const char *name, const char *want)
{
	tt_buf_auto struct tt_buf b = TT_BUF(256);

	assert_int_equal(tt_symbols_clean(&b, name), 0);
	tt_buf_add_char(&b, 0);
	assert_string_equal(b.data, want);
}

static void names_are_made_fit(void **state)
{
	check_clean("std::map<int, a>", "std::map<int, a>");
	check_clean("a;b\nc\x7f", "a:b?c?");
	check_clean("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	check_clean("\xc3", "?");
	check_clean("\xff\xed\xa0\x80\xc0\xaf", "??????");
	check_clean("", "?");
}

/* A file of zeros but for its head says it is larger than it is: nothing is read beyond it, and nothing is found. */
struct bytes {
	uint8_t data[4096];
	size_t len;
};

static int bytes_read(void *ctx, uint64_t offset, size_t most, struct tt_buf *to)
{
	const struct bytes *b = ctx;

	return offset < b->len ? tt_buf_add(to, b->data + offset, TT_MIN(most, b->len - offset)) : 0;
}

static void odd_files_are_refused(void **state)
{
	struct tt_functions f = TT_FUNCTIONS(NULL);
	struct bytes b = {.len = 4096};
	struct tt_elf elf;

	assert_int_equal(tt_elf_read(bytes_read, &b, &f, &elf), -ENOEXEC);
	memcpy(b.data, "\177ELF\2\1\1", 7);
	assert_int_equal(tt_elf_read(bytes_read, &b, &f, &elf), 0);
	srandom(1);
	for (int round = 0; round < 3000; round++) {
		for (size_t i = 16; i < 600; i++)
			b.data[i] = random() % 3 ? 0 : (uint8_t)random();
		(void)tt_elf_read(bytes_read, &b, &f, &elf);
		assert_true(elf.segment_count <= TT_ELF_SEGMENTS_MOST && elf.build_id_len <= TT_ELF_BUILD_ID_MOST);
	}
	for (b.len = 0; b.len < 64; b.len++)
		assert_int_equal(tt_elf_read(bytes_read, &b, &f, &elf), -ENOEXEC);
	tt_functions_free(&f);
}

/* What a process that means harm has: code of no file, a list of functions without end, a file that is all tables of symbols. */
#define HARM_ADDRESS 0x5000

struct harm {
	const char *maps;
	const char *lines;	  /* of the list, again and again; NULL: zeros */
	const struct bytes *file; /* zeros behind it */
	uint64_t looks, read;	  /* bytes */
};

static int harm_maps(void *ctx, uint32_t pid, struct tt_buf *to)
{
	return tt_buf_add_str(to, ((const struct harm *)ctx)->maps);
}

static int zeros_read(const struct bytes *b, uint64_t offset, size_t most, struct tt_buf *to)
{
	size_t begin = to->len;

	for (size_t i = 0; i < most; i++)
		tt_buf_add_char(to, (char)(offset + i < b->len ? b->data[offset + i] : 0));
	return to->len == begin + most ? 0 : -ENOMEM;
}

static int harm_file(void *ctx, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to)
{
	struct harm *h = ctx;

	h->read += most;
	return zeros_read(h->file, offset, most, to);
}

static int harm_stamp(void *ctx, uint32_t pid, uint64_t start, struct tt_buf *to)
{
	return tt_buf_add_str(to, "evil");
}

static int harm_perf_map(void *ctx, uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to)
{
	struct harm *h = ctx;
	size_t len = h->lines ? strlen(h->lines) : 0;

	h->looks++;
	h->read += most;
	for (size_t i = 0; i < most; i++)
		tt_buf_add_char(to, (char)(len ? h->lines[(offset + i) % len] : 0));
	return 0;
}

static const struct tt_symbols_source harmful = {harm_maps, harm_file, harm_stamp, harm_perf_map};

/* Whoever does not stop at the bound is caught by this, and not by the clock. */
static uint64_t list_read(const char *lines, uint64_t *ret_too_much)
{
	struct harm h = {.maps = "5000-6000 rwxp 00000000 00:00 0 \n", .lines = lines};
	struct tt_limits limits;
	struct tt_symbols *s = NULL;

	tt_limits_init(&limits);
	limits.value[TT_LIMIT_SYMBOL_BYTES] = 1u << 20;
	assert_int_equal(tt_symbols_new(&s, &harmful, &h, &limits), 0);
	check_name(s, 1, HARM_ADDRESS, false, "[unknown]");
	*ret_too_much = tt_symbols_counts(s).too_much;
	tt_symbols_free(s);
	return h.read;
}

static void lists_without_end_are_left(void **state)
{
	uint64_t over = 0;

	/* A hole. */
	assert_true(list_read(NULL, &over) <= 256u << 10);
	assert_int_equal(over, 1);
	/* Lines that are none. */
	assert_true(list_read("no line\n", &over) <= 256u << 10);
	assert_int_equal(over, 1);
	/* More functions than there is room for. */
	assert_true(list_read("1 1 some_function\n", &over) <= 2u << 20);
	assert_int_equal(over, 1);
	/* No line ends: so much a look. */
	assert_true(list_read("x", &over) <= 9u << 20);
}

/* As many sections as there can be, all of them tables of symbols at one place, where the file has a hole. */
static void files_of_tables_alone_are_left(void **state)
{
	enum { SECTIONS = 60 };
	static struct bytes b = {.len = sizeof(b.data)};
	Elf64_Ehdr head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, NATIVE_DATA, EV_CURRENT},
			   .e_phoff = sizeof(head),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1,
			   .e_shoff = 128,
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = SECTIONS};
	const Elf64_Phdr code = {.p_type = PT_LOAD, .p_flags = PF_X, .p_offset = 0, .p_vaddr = 0x1000, .p_filesz = 4096};
	struct harm h = {.maps = "5000-6000 r-xp 00000000 08:01 77 /evil\n", .file = &b};
	struct tt_limits limits;
	struct tt_symbols *s = NULL;

	memcpy(b.data, &head, sizeof(head));
	memcpy(b.data + head.e_phoff, &code, sizeof(code));
	for (size_t i = 0; i < SECTIONS; i++) {
		const Elf64_Shdr strings = {.sh_type = SHT_STRTAB, .sh_offset = 8192, .sh_size = 16};
		const Elf64_Shdr table = {.sh_type = i % 2 ? SHT_SYMTAB : SHT_DYNSYM,
					  .sh_offset = 8192,
					  .sh_size = 24u << 20,
					  .sh_entsize = sizeof(Elf64_Sym)};
		memcpy(b.data + head.e_shoff + i * sizeof(table), i ? &table : &strings, sizeof(table));
	}
	tt_limits_init(&limits);
	assert_int_equal(tt_symbols_new(&s, &harmful, &h, &limits), 0);
	check_name(s, 1, HARM_ADDRESS, false, "[evil+0x1000]");
	assert_true(h.read < 50u << 20);
	tt_symbols_free(s);

	/* Too many sections are not looked at. */
	head.e_shnum = 60000;
	memcpy(b.data, &head, sizeof(head));
	h.read = 0;
	assert_int_equal(tt_symbols_new(&s, &harmful, &h, &limits), 0);
	check_name(s, 1, HARM_ADDRESS, false, "[evil+0x1000]");
	assert_true(h.read < 1u << 20);
	tt_symbols_free(s);
}

/* A program of so many functions, its own name first: "one" or "two", at the address of the head. */
struct program {
	const char *name;
	uint64_t stamp, spare; /* functions besides */
	unsigned reads;	       /* from its beginning on */
};

#define PROGRAM_CODE 0x1000
#define PROGRAM_NAMES 0x2000
#define PROGRAM_SYMBOLS 0x3000

static int program_maps(void *ctx, uint32_t pid, struct tt_buf *to)
{
	return tt_buf_printf(to, "5000-6000 r-xp 00001000 08:01 %u /program\n", 77 + pid / 1000);
}

static int program_stamp(void *ctx, uint32_t pid, uint64_t start, struct tt_buf *to)
{
	const struct program *p = ctx;

	return tt_buf_add(to, &p->stamp, sizeof(p->stamp));
}

/* Byte by byte is slow enough for tests only. */
static int program_file(void *ctx, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to)
{
	struct program *p = ctx;
	size_t size = (p->spare + 2) * sizeof(Elf64_Sym), len = PROGRAM_SYMBOLS + size;
	uint8_t *all = calloc(1, len);
	const Elf64_Ehdr head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, NATIVE_DATA, EV_CURRENT},
				 .e_phoff = sizeof(head),
				 .e_phentsize = sizeof(Elf64_Phdr),
				 .e_phnum = 1,
				 .e_shoff = 128,
				 .e_shentsize = sizeof(Elf64_Shdr),
				 .e_shnum = 3};
	const Elf64_Phdr code = {
		.p_type = PT_LOAD, .p_flags = PF_X, .p_offset = PROGRAM_CODE, .p_vaddr = PROGRAM_CODE, .p_filesz = 4096};
	const Elf64_Shdr sections[3] = {[1] = {.sh_type = SHT_STRTAB, .sh_offset = PROGRAM_NAMES, .sh_size = 64},
					[2] = {.sh_type = SHT_SYMTAB,
					       .sh_offset = PROGRAM_SYMBOLS,
					       .sh_size = size,
					       .sh_entsize = sizeof(Elf64_Sym),
					       .sh_link = 1}};

	p->reads += !offset;
	memcpy(all, &head, sizeof(head));
	memcpy(all + head.e_phoff, &code, sizeof(code));
	memcpy(all + head.e_shoff, sections, sizeof(sections));
	snprintf((char *)all + PROGRAM_NAMES + 1, 63, "%s", p->name);
	for (size_t i = 1; i < p->spare + 2; i++) {
		const Elf64_Sym s = {.st_name = 1,
				     .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				     .st_shndx = 1,
				     .st_value = i == 1 ? PROGRAM_CODE : 0x100000 + i,
				     .st_size = 16};
		memcpy(all + PROGRAM_SYMBOLS + i * sizeof(s), &s, sizeof(s));
	}
	int r = offset < len ? tt_buf_add(to, all + offset, TT_MIN(most, len - (size_t)offset)) : 0;
	free(all);
	return r;
}

static int program_perf_map(void *ctx, uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to)
{
	return -ENOENT;
}

static const struct tt_symbols_source programs = {program_maps, program_file, program_stamp, program_perf_map};

static void a_file_written_anew_is_another_one(void **state)
{
	struct program p = {.name = "one", .stamp = 1};
	struct tt_limits limits;
	struct tt_symbols *s = NULL;

	tt_limits_init(&limits);
	assert_int_equal(tt_symbols_new(&s, &programs, &p, &limits), 0);
	check_name(s, 1, HARM_ADDRESS, false, "one");
	check_name(s, 2, HARM_ADDRESS, false, "one");
	assert_int_equal(p.reads, 1);
	/* By its inode it is the same. */
	p.name = "two";
	p.stamp = 2;
	check_name(s, 3, HARM_ADDRESS, false, "two");
	check_name(s, 1, HARM_ADDRESS, false, "one");
	assert_int_equal(p.reads, 2);
	tt_symbols_free(s);
}

static void a_large_file_leaves_room_for_others(void **state)
{
	struct program p = {.name = "large", .stamp = 1, .spare = 60000};
	struct tt_limits limits;
	struct tt_symbols *s = NULL;

	tt_limits_init(&limits);
	limits.value[TT_LIMIT_SYMBOL_BYTES] = 1u << 20;
	assert_int_equal(tt_symbols_new(&s, &programs, &p, &limits), 0);
	for (p.stamp = 1; p.stamp < 8; p.stamp++)
		check_name(s, (uint32_t)p.stamp, HARM_ADDRESS, false, "large");
	p = (struct program){.name = "small", .stamp = 100};
	check_name(s, 100, HARM_ADDRESS, false, "small");
	assert_true(tt_symbols_counts(s).no_room > 0);
	tt_symbols_free(s);
}

static void names_of_cpp_are_for_people(void **state)
{
	char *name = tt_demangle("_ZN3foo3barEi");

	if (name)
		assert_string_equal(name, "foo::bar(int)");
	free(name);
	assert_null(tt_demangle("main"));
	assert_null(tt_demangle("_Z"));
}

TT_UNIT_TESTS(cmocka_unit_test(own_functions_are_found), cmocka_unit_test(names_are_made_fit),
	      cmocka_unit_test(odd_files_are_refused), cmocka_unit_test(lists_without_end_are_left),
	      cmocka_unit_test(files_of_tables_alone_are_left), cmocka_unit_test(a_file_written_anew_is_another_one),
	      cmocka_unit_test(a_large_file_leaves_room_for_others), cmocka_unit_test(names_of_cpp_are_for_people))
