// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "kernel/library.h"
#include "shared/kernel.h"

#if defined(__x86_64__)
#define FUNCTION(name, code) ".globl " name "\n.type " name ", @function\n" name ":\n" code ".size " name ", . - " name "\n"

/* As Debian's library and Node.js have them: compiled by GCC, the tables' functions called or, as Clang does it, in place. */
__asm__(".text\n" FUNCTION("nghttp2_session_get_hd_deflate_dynamic_table_size",
			   "add $0x3e0, %rdi\njmp nghttp2_hd_deflate_get_dynamic_table_size\n")		       /**/
	FUNCTION("nghttp2_session_get_hd_inflate_dynamic_table_size", "endbr64\nmov 0x860(%rdi), %rax\nret\n") /**/
	FUNCTION("nghttp2_hd_deflate_get_dynamic_table_size", "mov 0x28(%rdi), %rax\nret\n")		       /**/
	FUNCTION("nghttp2_hd_inflate_get_dynamic_table_size", "mov 0x28(%rdi), %rax\nret\n")		       /**/
	FUNCTION("nghttp2_hd_inflate_get_max_dynamic_table_size",
		 "push %rbp\nmov %rsp, %rbp\nmov 0x30(%rdi), %rax\npop %rbp\nret\n")
		FUNCTION("nghttp2_hd_inflate_get_num_table_entries", "mov 0x18(%rdi), %rax\nadd $0x3d, %rax\nret\n") /**/
	FUNCTION("nghttp2_rcbuf_get_buf", "mov 0x18(%rdi), %rdx\nmov 0x10(%rdi), %rax\nret\n")			     /**/
	FUNCTION("nghttp2_session_get_next_stream_id", "mov 0xac8(%rdi), %eax\nret\n"));

static const char *const functions[] = {
	"nghttp2_session_get_hd_deflate_dynamic_table_size",
	"nghttp2_session_get_hd_inflate_dynamic_table_size",
	"nghttp2_hd_deflate_get_dynamic_table_size",
	"nghttp2_hd_inflate_get_dynamic_table_size",
	"nghttp2_hd_inflate_get_max_dynamic_table_size",
	"nghttp2_hd_inflate_get_num_table_entries",
	"nghttp2_rcbuf_get_buf",
	"nghttp2_session_get_next_stream_id",
};

static void says_where_tables_are(void **state)
{
	struct tt_nghttp2_layout layout;

	(void)state;
	assert_int_equal(tt_nghttp2_layout("/proc/self/exe", &layout), 0);
	assert_int_equal(layout.table[TT_TX], 0x3e0);
	assert_int_equal(layout.table[TT_RX], 0x860 - 0x28);
	assert_int_equal(layout.next_stream, 0xac8);
}

/* This program with another byte there. */
static int layout_of_changed(uint64_t at, uint8_t byte)
{
	tt_close_auto int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = memfd_create("changed", MFD_CLOEXEC);
	struct tt_nghttp2_layout layout;
	struct stat st;
	char path[32];

	assert_int_equal(fstat(from, &st), 0);
	void *all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, from, 0);
	assert_ptr_not_equal(all, MAP_FAILED);
	assert_int_equal(write(to, all, (size_t)st.st_size), st.st_size);
	munmap(all, (size_t)st.st_size);
	assert_int_equal(pwrite(to, &byte, 1, (off_t)at), 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	return tt_nghttp2_layout(path, &layout);
}

/* A function that does something else, and one whose field lies elsewhere. */
static void what_is_otherwise_is_not_guessed(void **state)
{
	struct tt_function_place places[TT_ARRAY_LEN(functions)];

	(void)state;
	assert_int_equal(tt_elf_functions("/proc/self/exe", functions, places, TT_ARRAY_LEN(functions)), 0);
	for (size_t i = 0; i < TT_ARRAY_LEN(functions); i++)
		assert_int_equal(layout_of_changed(places[i].at, 0x90), -ENOENT);
	for (size_t i = 2; i < 4; i++)
		assert_int_equal(layout_of_changed(places[i].at + 3, 0x38), -ENOENT);
	assert_int_equal(layout_of_changed(0, 0), -ENOEXEC);
}

static void another_program_has_none(void **state)
{
	struct tt_nghttp2_layout layout;

	(void)state;
	assert_int_equal(tt_nghttp2_layout("/bin/sh", &layout), -ENOENT);
}

TT_UNIT_TESTS(cmocka_unit_test(says_where_tables_are), cmocka_unit_test(what_is_otherwise_is_not_guessed),
	      cmocka_unit_test(another_program_has_none))
#else
static void is_not_read_here(void **state)
{
	struct tt_nghttp2_layout layout;

	(void)state;
	assert_int_equal(tt_nghttp2_layout("/proc/self/exe", &layout), -ENOENT);
}

TT_UNIT_TESTS(cmocka_unit_test(is_not_read_here))
#endif
