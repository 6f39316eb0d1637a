/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of Thrift share: the way through a structure's values, which may come in pieces. */
#ifndef TT_PROTO_THRIFT_H
#define TT_PROTO_THRIFT_H

#include "base/varint.h"
#include "proto/proto.h"

#define THRIFT_DEPTH 24
#define THRIFT_TEXT 256

/* One open structure or container. */
struct thrift_level {
	uint8_t what; /* enum thrift_what */
	uint8_t key;  /* types, in the encoding's own numbers */
	uint8_t value;
	bool at_value; /* of a map's entry */
	uint32_t left; /* elements */
	int16_t field; /* compact: the last field's number */
};

struct thrift_walk {
	bool compact;
	bool exception; /* a TApplicationException: its text and type are wanted */
	bool over;
	uint8_t depth;
	struct thrift_level level[THRIFT_DEPTH];
	bool has_field;
	int16_t first_field; /* of the outermost structure */
	int16_t field;	     /* of the outermost structure, the one being read */
	bool has_type;
	int32_t type;
	uint16_t text_len;
	uint8_t text[THRIFT_TEXT];
};

/* At the beginning of a message's structure. */
void thrift_walk_begin(struct thrift_walk *w, bool compact, bool exception);

/*
 * Goes on as far as the bytes go, from the cursor's position. TT_PARSED with w->over: the structure ended there. TT_PARSED else:
 * the next *ret_skip bytes (0: none) are to be passed over, then it is called again. TT_MORE: a value's head is cut.
 * TT_LOST_SYNC: no such values, or nested too deep.
 */
enum tt_step thrift_walk_on(struct thrift_walk *w, struct tt_cursor *c, uint64_t *ret_skip);

static inline uint32_t thrift_varint(struct tt_cursor *c)
{
	return (uint32_t)tt_varint(c, TT_VARINT_32);
}

#endif
