// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harness/unit.h"
#include "kernel/library.h"
#include "shared/kernel.h"

#define LIBRARY "/usr/lib/x86_64-linux-gnu/libgrpc.so.29"
#define PYTHONS "/usr/lib/python3/dist-packages/grpc/_cython/cygrpc.cpython-311-x86_64-linux-gnu.so"

static const char *const names[] = {"grpc_chttp2_header_parser_parse", "HPackCompressor::Framer::FinishFrame",
				    "secure_endpoint.endpoint_write"};

/* What the table has is where the library says it is, as far as it says. */
static void says_what_symbols_say(void **state)
{
	static const char *const symbols[] = {
		"_Z31grpc_chttp2_header_parser_parsePvP21grpc_chttp2_transportP18grpc_chttp2_streamRK10grpc_slicei",
		"_ZN9grpc_core15HPackCompressor6Framer11FinishFrameEb"};
	struct tt_function_place known[3], told[2];
	struct tt_grpc_layout layout;

	(void)state;
	if (tt_grpc_functions(LIBRARY, names, known, 3) < 0)
		skip();
	assert_int_equal(tt_elf_functions(LIBRARY, symbols, told, 2), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(known[i].at, told[i].at);
		assert_int_equal(known[i].size, told[i].size);
	}
	assert_true(known[2].at);
	assert_int_equal(tt_grpc_layout(LIBRARY, &layout), 0);
	assert_true(layout.endpoint && layout.compressor);
}

static void knows_pythons(void **state)
{
	struct tt_function_place known[3];
	struct tt_grpc_layout layout;

	(void)state;
	if (tt_grpc_functions(PYTHONS, names, known, 3) < 0)
		skip();
	assert_true(known[0].at && known[1].at && known[2].at);
	assert_int_equal(tt_grpc_layout(PYTHONS, &layout), 0);
	assert_true(layout.endpoint && layout.compressor);
}

static void others_are_not_known(void **state)
{
	struct tt_function_place known[3];
	struct tt_grpc_layout layout;

	(void)state;
	assert_int_equal(tt_grpc_functions("/proc/self/exe", names, known, 3), -ENOENT);
	assert_int_equal(tt_grpc_layout("/proc/self/exe", &layout), -ENOENT);
	assert_int_equal(tt_grpc_functions("/nowhere", names, known, 3), -ENOENT);
	assert_int_equal(tt_grpc_functions("/etc/passwd", names, known, 3), -ENOENT);
}

static void files(void **state)
{
	(void)state;
	assert_non_null(tt_library_grpc_of("libgrpc.so.29.0.0"));
	assert_non_null(tt_library_grpc_of("cygrpc.cpython-311-x86_64-linux-gnu.so"));
	assert_null(tt_library_grpc_of("libgrpc++.so.1.51"));
	assert_null(tt_library_grpc_of("libgrpc_unsecure.so.29"));
}

TT_UNIT_TESTS(cmocka_unit_test(says_what_symbols_say), cmocka_unit_test(knows_pythons), cmocka_unit_test(others_are_not_known),
	      cmocka_unit_test(files))
