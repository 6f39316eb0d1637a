// SPDX-License-Identifier: Apache-2.0
/* Functions told by the traces they leave are where the symbols say they are; what is not as expected is refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "kernel/library.h"

#define SYMBOLS 7
static const char *const symbols[SYMBOLS] = {"SSL_read", "SSL_write",	     "SSL_read_ex", "SSL_write_ex",
					     "SSL_free", "SSL_do_handshake", "SSL_clear"};

static char directory[] = "/tmp/telltale-openssl-XXXXXX";

static void path_of(char *ret, size_t size, const char *name)
{
	snprintf(ret, size, "%s/%s", directory, name);
}

#define NO_OPENSSL "there is no compiler, or no OpenSSL to be linked into a program (libssl-dev)"

/* The compiler tells the archive's path only where there is one. */
static bool can_be_linked(void)
{
	return system("case $(cc -print-file-name=libssl.a 2>/dev/null) in */*) ;; *) exit 1 ;; esac") == 0;
}

/* A program that OpenSSL is linked into, which takes these options of the linker; skips where there is none. */
static void linked(char *ret, size_t size, const char *name, const char *options)
{
	char command[512];

	path_of(ret, size, name);
	snprintf(command, sizeof(command),
		 "printf '#include <openssl/ssl.h>\\nint main(void) { size_t n; SSL *s = SSL_new(0); return SSL_do_handshake(s) "
		 "+ SSL_read(s, &n, 1) +"
		 " SSL_read_ex(s, &n, 1, &n) + SSL_write(s, &n, 1) + SSL_write_ex(s, &n, 1, &n); }' | cc -O2 -o %s -x c - -x "
		 "none %s"
		 " -l:libssl.a -l:libcrypto.a -lpthread -ldl >/dev/null 2>&1",
		 ret, options);
	if (!can_be_linked())
		TT_UNIT_LEAVE_OUT(NO_OPENSSL);
	if (access(ret, F_OK) != 0 && system(command) != 0)
		fail_msg("the program is not made: %s", command);
}

static void same_as_symbols(const char *path)
{
	struct tt_function_place told[SYMBOLS], want[SYMBOLS];

	assert_int_equal(tt_elf_functions(path, symbols, want, SYMBOLS), 0);
	assert_int_equal(tt_openssl_functions(path, symbols, told, SYMBOLS), 0);
	for (size_t i = 0; i < SYMBOLS; i++) {
		if (!want[i].at || told[i].at != want[i].at || told[i].size != want[i].size)
			fail_msg("%s: %lx, %lu bytes, by its symbol %lx, %lu", symbols[i], (unsigned long)told[i].at,
				 (unsigned long)told[i].size, (unsigned long)want[i].at, (unsigned long)want[i].size);
	}
}

static void finds_what_symbols_say(void **state)
{
	(void)state;
	char path[128];

	linked(path, sizeof(path), "dynamic", "");
	same_as_symbols(path);
	/* No table of functions, only .eh_frame. */
	linked(path, sizeof(path), "static", "-static -no-pie");
	same_as_symbols(path);
}

/* A copy of the program in which the first `from` is `to`, of the same length. */
static int status_with(const char *from, const char *to, size_t len)
{
	struct tt_function_place told[SYMBOLS];
	char path[128], copy[64];
	struct stat st = {0};

	linked(path, sizeof(path), "dynamic", "");
	FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	assert_true(fstat(fileno(f), &st) == 0);
	char *data = malloc((size_t)st.st_size + 1);
	assert_true(data && fread(data, 1, (size_t)st.st_size, f) == (size_t)st.st_size);
	fclose(f);
	char *at = memmem(data, (size_t)st.st_size, from, len);
	assert_non_null(at);
	memcpy(at, to, len);
	tt_close_auto int fd = memfd_create("copy", MFD_CLOEXEC);
	assert_true(write(fd, data, (size_t)st.st_size) == st.st_size);
	free(data);
	snprintf(copy, sizeof(copy), "/proc/self/fd/%d", fd);
	int r = tt_openssl_functions(copy, symbols, told, SYMBOLS);
	for (size_t i = 0; r < 0 && i < SYMBOLS; i++)
		assert_int_equal(told[i].at, 0);
	return r;
}

#define STATUS_WITH(from, to) status_with(from, to, sizeof(from) - 1)

/* Names of others, or of another source. */
static void refuses_what_is_not_sure(void **state)
{
	(void)state;
	assert_int_equal(STATUS_WITH("ssl/ssl_lib.c", "ssl/ssl_lib.c"), 0);
	assert_int_equal(STATUS_WITH("ssl/ssl_lib.c", "ssl/ssl_lob.c"), -ENOENT);
	assert_int_equal(STATUS_WITH("ssl_write_internal", "ssl_wrote_internal"), -ENOENT);
	assert_int_equal(STATUS_WITH("ssl_start_async_job", "ssl_start_asink_job"), -ENOENT);
	assert_int_equal(STATUS_WITH("\0SSL_do_handshake\0", "\0SSL_do_handstand\0"), -ENOENT);
	assert_int_equal(STATUS_WITH("\0SSL_new\0", "\0SSL_old\0"), -ENOENT);
	/* Two of a name: the one that writes says it reads. */
	assert_int_equal(STATUS_WITH("\0SSL_write\0", "\0SSL_read\0\0"), -ENOENT);
}

/* Another form of the table of functions, or of what it says of one. */
static void refuses_other_tables(void **state)
{
	(void)state;
	assert_int_equal(STATUS_WITH("\1\33\3\73", "\1\33\3\74"), -ENOENT);
	assert_int_equal(STATUS_WITH("\1\33\3\73", "\2\33\3\73"), -ENOENT);
}

static void refuses_other_files(void **state)
{
	(void)state;
	struct tt_function_place told[SYMBOLS];

	assert_int_equal(tt_openssl_functions("/proc/self/exe", symbols, told, SYMBOLS), -ENOENT);
	assert_int_equal(tt_openssl_functions("/proc/self/status", symbols, told, SYMBOLS), -ENOEXEC);
	assert_int_equal(tt_openssl_functions("/no/such/file", symbols, told, SYMBOLS), -ENOENT);
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
	static const char *const made[] = {"dynamic", "static"};

	(void)state;
	for (size_t i = 0; i < TT_ARRAY_LEN(made); i++) {
		char path[128];

		path_of(path, sizeof(path), made[i]);
		(void)unlink(path);
	}
	return rmdir(directory);
}

TT_UNIT_TESTS_WITHIN(begin, end, cmocka_unit_test(finds_what_symbols_say), cmocka_unit_test(refuses_what_is_not_sure),
		     cmocka_unit_test(refuses_other_tables), cmocka_unit_test(refuses_other_files))
