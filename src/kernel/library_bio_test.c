// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "kernel/library.h"

#if defined(__x86_64__)
int read_of_bio(void);
int write_of_bio(void);
int destroy_of_bio(void);

int read_of_bio(void)
{
	return 1;
}

int write_of_bio(void)
{
	return 2;
}

int destroy_of_bio(void)
{
	return 3;
}

/* As in OpenSSL 3: a table the loader fills in, and a function that returns it. */
__asm__(".section .data.rel.ro.bio, \"aw\"\n"
	"1: .asciz \"ssl\"\n"
	".balign 32\n"
	"table_of_bio: .quad 0x207, 1b, write_of_bio, 0, read_of_bio, 0, 0, 0, 0, 0, destroy_of_bio, 0\n"
	".text\n"
	".globl BIO_f_ssl\n.type BIO_f_ssl, @function\n"
	"BIO_f_ssl: endbr64\n lea table_of_bio(%rip), %rax\n ret\n"
	".size BIO_f_ssl, . - BIO_f_ssl\n");

static const char *const names[] = {"SSL_read", "BIO_f_ssl.bread", "BIO_f_ssl.bwrite", "BIO_f_ssl.destroy"};
static const char *const own[] = {"BIO_f_ssl", "read_of_bio", "write_of_bio", "destroy_of_bio"};

static void finds_what_the_table_names(void **state)
{
	struct tt_function_place found[TT_ARRAY_LEN(names)] = {0}, want[TT_ARRAY_LEN(own)];

	(void)state;
	tt_bio_functions("/proc/self/exe", names, found, TT_ARRAY_LEN(names));
	assert_int_equal(tt_elf_functions("/proc/self/exe", own, want, TT_ARRAY_LEN(own)), 0);
	assert_int_equal(found[0].at, 0);
	for (size_t i = 1; i < TT_ARRAY_LEN(names); i++) {
		assert_int_not_equal(found[i].at, 0);
		assert_int_equal(found[i].at, want[i].at);
	}
}

/* How many are found in this program where it has another byte there. */
static size_t found_in_changed(uint64_t at, uint8_t byte)
{
	tt_close_auto int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = memfd_create("changed", MFD_CLOEXEC);
	struct tt_function_place found[TT_ARRAY_LEN(names)] = {0};
	struct stat st;
	char path[32];
	size_t count = 0;

	assert_int_equal(fstat(from, &st), 0);
	void *all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, from, 0);
	assert_ptr_not_equal(all, MAP_FAILED);
	assert_int_equal(write(to, all, (size_t)st.st_size), st.st_size);
	munmap(all, (size_t)st.st_size);
	assert_int_equal(pwrite(to, &byte, 1, (off_t)at), 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	tt_bio_functions(path, names, found, TT_ARRAY_LEN(names));
	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++)
		count += found[i].at != 0;
	return count;
}

/* Another instruction, and one that gives another address. */
static void what_is_otherwise_is_not_guessed(void **state)
{
	struct tt_function_place place;

	(void)state;
	assert_int_equal(tt_elf_functions("/proc/self/exe", own, &place, 1), 0);
	assert_int_equal(found_in_changed(place.at, 0xf3), 3);
	assert_int_equal(found_in_changed(place.at + 4, 0x90), 0);
	assert_int_equal(found_in_changed(place.at + 7, 0x01), 0);
	assert_int_equal(found_in_changed(place.at + 11, 0x90), 0);
}

TT_UNIT_TESTS(cmocka_unit_test(finds_what_the_table_names), cmocka_unit_test(what_is_otherwise_is_not_guessed))
#else
static void is_not_read_here(void **state)
{
	static const char *const names[] = {"BIO_f_ssl.bread"};
	struct tt_function_place found = {0};

	(void)state;
	tt_bio_functions("/proc/self/exe", names, &found, 1);
	assert_int_equal(found.at, 0);
}

TT_UNIT_TESTS(cmocka_unit_test(is_not_read_here))
#endif
