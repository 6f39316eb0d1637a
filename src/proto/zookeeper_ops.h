/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ZooKeeper's requests and what they are made of (Apache ZooKeeper, zookeeper-jute/src/main/resources/zookeeper.jute and
 * ZooDefs.OpCode). A layout's letters: P path, s string, B buffer (length in 4 bytes each), b, i, q: 1, 4, 8 bytes, ( ) array
 * with its count in 4 bytes.
 */
#ifndef TT_PROTO_ZOOKEEPER_OPS_H
#define TT_PROTO_ZOOKEEPER_OPS_H

#include "base/cursor.h"

enum zookeeper_type {
	ZOOKEEPER_ERROR = -1,
	ZOOKEEPER_CREATE = 1,
	ZOOKEEPER_EXISTS = 3,
	ZOOKEEPER_PING = 11,
	ZOOKEEPER_MULTI = 14,
	ZOOKEEPER_MULTI_READ = 22,
	ZOOKEEPER_AUTH = 100,
	ZOOKEEPER_SET_WATCHES = 101,
	ZOOKEEPER_SET_WATCHES2 = 105,
};

struct zookeeper_op {
	int32_t type;
	const char *name;
	const char *layout;
	const char *result; /* layout of the result inside a multi's response; NULL: never inside one */
};

/* NULL if there is none. */
const struct zookeeper_op *zookeeper_op_find(int32_t type);

enum zookeeper_read {
	ZOOKEEPER_FITS, /* all of it was there */
	ZOOKEEPER_CUT,	/* as far as it was there */
	ZOOKEEPER_WRONG,
};

/* Goes through one record; *ret_path is set by the first path that is there whole. NULL: not wanted. */
enum zookeeper_read zookeeper_read(struct tt_cursor *c, const char *layout, struct tt_span *ret_path);

/* The requests inside a multi: how many, and the first path. */
enum zookeeper_read zookeeper_read_multi(struct tt_cursor *c, struct tt_span *ret_path, uint64_t *ret_count);

/* The results of a multi: the first error that is the reason for the others, or 0. */
enum zookeeper_read zookeeper_read_results(struct tt_cursor *c, int32_t *ret_error);

/* Name of an error, of an event; NULL if there is none. */
const char *zookeeper_error_name(int32_t code);
const char *zookeeper_event_name(int32_t type);

#endif
