/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding/), field by field, without a schema. */
#ifndef TT_BASE_PROTOBUF_H
#define TT_BASE_PROTOBUF_H

#include "base/varint.h"

enum tt_pb_type {
	TT_PB_VARINT = 0,
	TT_PB_FIXED64 = 1,
	TT_PB_BYTES = 2,
	TT_PB_FIXED32 = 5,
};

struct tt_pb_field {
	uint32_t number;
	uint8_t type;	      /* enum tt_pb_type */
	uint64_t value;	      /* of a number */
	struct tt_span bytes; /* of TT_PB_BYTES; borrowed from the cursor */
};

/* The next field. False at the end, and (with short_) where there is none that is whole: groups count as that. */
static inline bool tt_pb_next(struct tt_cursor *c, struct tt_pb_field *ret)
{
	if (!tt_cursor_left(c))
		return false;
	uint64_t key = tt_varint(c, TT_VARINT_64);
	struct tt_pb_field f = {.number = (uint32_t)(key >> 3), .type = key & 7};

	if (f.type == TT_PB_VARINT) {
		f.value = tt_varint(c, TT_VARINT_64);
	} else if (f.type == TT_PB_FIXED64) {
		f.value = tt_cursor_le64(c);
	} else if (f.type == TT_PB_FIXED32) {
		f.value = tt_cursor_le32(c);
	} else if (f.type == TT_PB_BYTES) {
		uint64_t len = tt_varint(c, TT_VARINT_64);
		if (len > tt_cursor_left(c))
			c->short_ = true;
		else
			f.bytes = tt_cursor_take(c, (size_t)len);
	} else {
		c->short_ = true;
	}
	if (key >> 3 == 0 || key >> 3 > UINT32_MAX)
		c->short_ = true;
	if (tt_cursor_short(c))
		return false;
	*ret = f;
	return true;
}

#endif
