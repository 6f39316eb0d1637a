// SPDX-License-Identifier: Apache-2.0
/* Functions of this very program, and names as they may stand in a stack. */
#include "symbols/symbols.h"

#include <errno.h>
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

static int look_perf_map(void *ctx, uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to)
{
	return tt_perf_map_read(pid, offset, most, to);
}

static const struct tt_symbols_source source = {look_maps, look_file, look_perf_map};

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

	tt_limits_init(&limits);
	assert_int_equal(tt_symbols_new(&s, &source, NULL, &limits), 0);
	check_name(s, (uint32_t)getpid(), address, false, "tt_symbols_test_function");
	check_name(s, (uint32_t)getpid(), address + 1, true, "tt_symbols_test_function");
	check_name(s, (uint32_t)getpid(), 16, false, "[unknown]");
	assert_int_equal(looks, 1); /* not again so soon */
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
	      cmocka_unit_test(odd_files_are_refused), cmocka_unit_test(names_of_cpp_are_for_people))
