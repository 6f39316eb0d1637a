// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"
#include "kernel/library.h"
#include "kernel/library_window.h"

/* What is found in a file with this text at that offset; "": nothing. */
static const char *found(const char *text, off_t at)
{
	tt_close_auto int fd = memfd_create("program", MFD_CLOEXEC);
	char path[32];

	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const struct tt_library_sign *sign = tt_library_sign_find(path);
	return sign ? sign->library.name : "";
}

static void finds_the_names_of_sources(void **state)
{
	(void)state;
	assert_string_equal(found("../ssl/ssl_lib.c", 0), "openssl");
	assert_string_equal(found("../../third_party/boringssl/src/ssl/ssl_lib.cc", 100), "openssl");
	assert_string_equal(found("/registry/src/index.crates.io-1949cf8c6b5b557f/rustls-0.23.37/src/conn.rs", 5000), "rustls");
	assert_string_equal(found("libssl.so.3 SSL_read /rustls-native-certs-0.8", 0), "");
	assert_string_equal(found("", 0), "");
}

static void wherever_pieces_are_cut(void **state)
{
	(void)state;
	for (off_t at = TT_WINDOW_BYTES - 100; at < TT_WINDOW_BYTES + 10; at++)
		assert_string_equal(found("ssl/ssl_lib.c", at), "openssl");
}

static void of_a_large_file_not_all_is_read(void **state)
{
	(void)state;
	assert_string_equal(found("ssl/ssl_lib.c", 100 << 20), "openssl");
	assert_string_equal(found("ssl/ssl_lib.c", 200 << 20), "");
}

TT_UNIT_TESTS(cmocka_unit_test(finds_the_names_of_sources), cmocka_unit_test(wherever_pieces_are_cut),
	      cmocka_unit_test(of_a_large_file_not_all_is_read))
