/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * HPACK's dynamic table (RFC 7541, 2.3.2) of one direction of a connection, as a library keeps it: a record beside those of
 * record.h, in the same rings and recordings. Compiled by both sides; fixed width.
 */
#ifndef TT_SHARED_HEADER_TABLE_H
#define TT_SHARED_HEADER_TABLE_H

#include "shared/record.h"

#define TT_REC_HEADER_TABLE 12 /* a type as those of enum tt_record_type */

#define TT_TABLE_ENTRIES_MOST                                                                             \
	128 /* as many as the size every table begins with has room for: 4096 bytes, 32 an entry at least \
	     */
#define TT_TABLE_TEXT_BYTES 8192
#define TT_TABLE_BLOCK_BYTES 16

struct tt_table_entry {
	__u16 name_len;
	__u16 value_len;
};

/*
 * Beside a length: what the library does not have as a text.
 */
#define TT_TABLE_LENGTH 0x3fff
#define TT_TABLE_FLAGS 0xc000
#define TT_TABLE_CODED 0x8000	/* of a name: it is that of this number (enum tt_table_name), and none follows */
#define TT_TABLE_NUMBER 0x8000	/* of a value: a number of 64 bits follows that the library made of a text so long … */
#define TT_TABLE_UNKNOWN 0x4000 /* … or nothing. Of a name: it is none, and the value's length is that of both */

/* Names a library does not keep beside their values. X(id) */
#define TT_TABLE_TEXT_PATH ":path"
#define TT_TABLE_TEXT_AUTHORITY ":authority"
#define TT_TABLE_TEXT_TE "te"
#define TT_TABLE_TEXT_CONTENT_TYPE "content-type"
#define TT_TABLE_TEXT_USER_AGENT "user-agent"
#define TT_TABLE_TEXT_GRPC_STATUS "grpc-status"
#define TT_TABLE_TEXT_GRPC_ENCODING "grpc-encoding"
#define TT_TABLE_TEXT_GRPC_ACCEPT_ENCODING "grpc-accept-encoding"
#define TT_TABLE_TEXT_GRPC_TAGS "grpc-tags-bin"
#define TT_TABLE_TEXT_GRPC_TRACE "grpc-trace-bin"
#define TT_TABLE_TEXT_GRPC_TIMEOUT "grpc-timeout"
#define TT_TABLE_NAMES(X)       \
	X(PATH)                 \
	X(AUTHORITY)            \
	X(TE)                   \
	X(CONTENT_TYPE)         \
	X(USER_AGENT)           \
	X(GRPC_STATUS)          \
	X(GRPC_ENCODING)        \
	X(GRPC_ACCEPT_ENCODING) \
	X(GRPC_TAGS)            \
	X(GRPC_TRACE)           \
	X(GRPC_TIMEOUT)

enum tt_table_name {
#define TT_TABLE_NAME_ENUM(id) TT_TABLE_NAME_##id,
	TT_TABLE_NAMES(TT_TABLE_NAME_ENUM)
#undef TT_TABLE_NAME_ENUM
		TT_TABLE_NAME_MAX,
};

/*
 * The table as it was at one header block, which is told by its stream and how its first frame begins: before it was read, or
 * after it was written. What could not be copied are the oldest entries.
 */
struct tt_table_record {
	struct tt_record rec;
	struct tt_conn_id conn;
	__u32 stream;	/* of the block's first frame … */
	__u32 fragment; /* … and how many bytes of the block are in it */
	__u32 size;	/* of the whole table, as RFC 7541, 4.1 counts */
	__u32 most;	/* that it may have */
	__u32 entries;	/* that follow, the newest first */
	__u32 in_all;	/* that there are */
	__u8 direction; /* enum tt_direction */
	__u8 after;	/* 1: as the block left it */
	__u8 reserved[6];
	__u8 block[TT_TABLE_BLOCK_BYTES]; /* how the block begins */
	struct tt_table_entry entry[TT_TABLE_ENTRIES_MOST];
	/* name and value of each follow */
};

static_assert(sizeof(struct tt_table_record) == 104 + 4 * TT_TABLE_ENTRIES_MOST, "layout");

#endif
