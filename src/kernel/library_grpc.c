// SPDX-License-Identifier: Apache-2.0
/*
 * Files with gRPC's C core whose functions and structs are known (bpf/libraries/grpc.bpf.c reads them). It exports few of either,
 * or none, and where they are changes with each build: so a row is one build, known by its id, and any other is left out
 * (docs/how-to/add-a-grpc-build.md).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "kernel/library.h"
#include "kernel/library_elf.h"
#include "shared/kernel.h"

struct build {
	const char *id; /* the build's, in hexadecimal */
	struct tt_grpc_layout layout;
	struct tt_function_place parse;	 /* grpc_chttp2_header_parser_parse … */
	struct tt_function_place finish; /* grpc_core::HPackCompressor::Framer::FinishFrame */
	struct tt_function_place write;	 /* endpoint_write of secure_endpoint.cc */
};

/* All of gRPC 1.51.1, on x86-64. */
static const struct build builds[] = {
	/* Debian 12: libgrpc29 1.51.1-3+b1, libgrpc.so.29.0.0 */
	{"8325a7e552baef0bfc1629db007c59aeec792785", {0x18, 0x500}, {0x2f1d20, 0x309}, {0x2ecf10, 0x12b}, {0x4c5bc0, 0x6f7}},
	/* … python3-grpcio 1.51.1-3+b1, cygrpc.cpython-311-x86_64-linux-gnu.so */
	{"ab749dfdea32de05cc37cdf0b2717acf07f42768", {0x10, 0x458}, {0x1b0900, 0x2a9}, {0x1abdf0, 0x0de}, {0x36bf20, 0x681}},
};

static bool is_build(const struct build *b, const uint8_t *id)
{
	char hex[2 * TT_BUILD_ID_BYTES + 1];

	for (size_t i = 0; i < TT_BUILD_ID_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	return strcmp(b->id, hex) == 0;
}

/* NULL: the file is none of them. */
static const struct build *build_of(const char *path)
{
	uint8_t id[TT_BUILD_ID_BYTES];

	if (tt_elf_build_id(path, id) < 0)
		return NULL;
	for (size_t i = 0; i < TT_ARRAY_LEN(builds); i++) {
		if (is_build(&builds[i], id))
			return &builds[i];
	}
	return NULL;
}

int tt_grpc_functions(const char *path, const char *const *names, struct tt_function_place *ret, size_t count)
{
	const struct build *b = build_of(path);

	memset(ret, 0, count * sizeof(*ret));
	if (!b)
		return -ENOENT;
	const struct {
		const char *name;
		struct tt_function_place place;
	} rows[] = {
		{"grpc_chttp2_header_parser_parse", b->parse},
		{"HPackCompressor::Framer::FinishFrame", b->finish},
		{"secure_endpoint.endpoint_write", b->write},
	};

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < TT_ARRAY_LEN(rows); j++) {
			if (strcmp(names[i], rows[j].name) == 0)
				ret[i] = rows[j].place;
		}
	}
	return 0;
}

int tt_grpc_layout(const char *path, struct tt_grpc_layout *ret)
{
	const struct build *b = build_of(path);

	if (!b)
		return -ENOENT;
	*ret = b->layout;
	return 0;
}
