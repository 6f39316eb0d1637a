/* SPDX-License-Identifier: Apache-2.0 */
/* The conversations of fuzz targets; README.md has the format. */
#ifndef TT_FUZZ_CONVERSATION_H
#define TT_FUZZ_CONVERSATION_H

#include "proto/proto.h"

enum tt_fuzz_flags {
	TT_FUZZ_MID = 1,
	TT_FUZZ_ROLE_UNKNOWN = 2,
	TT_FUZZ_AT_CLIENT = 4,
	TT_FUZZ_DATAGRAMS = 8,
	TT_FUZZ_MEMORY_SHORT = 16,
	TT_FUZZ_TABLES = 32, /* libraries tell tables of headers */
};

enum tt_fuzz_say {
	TT_FUZZ_CLIENT = 0,
	TT_FUZZ_SERVER = 1,
	TT_FUZZ_CLIENT_HOLE = 2,
	TT_FUZZ_SERVER_HOLE = 3,
	TT_FUZZ_CLIENT_EOF = 4,
	TT_FUZZ_SERVER_EOF = 5,
	TT_FUZZ_PAUSE = 6,
	TT_FUZZ_RESET = 7,
	TT_FUZZ_LATE = 8,
	TT_FUZZ_TWICE = 16,
	TT_FUZZ_TABLE = 32, /* a record of a library's */
};

/* Plays one input to the streams with these protocols. Aborts where a promise is broken. */
void tt_fuzz_conversation(const uint8_t *data, size_t size, const struct tt_proto *const *protos, size_t count);

#endif
