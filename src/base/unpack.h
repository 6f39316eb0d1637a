/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression of one block that is there whole, for protocols that compress messages. Bounded by the buffer's maximum. */
#ifndef TT_BASE_UNPACK_H
#define TT_BASE_UNPACK_H

#include "base/buf.h"

enum tt_packing {
	TT_PACKED_NOT,
	TT_PACKED_SNAPPY, /* the block format (google/snappy, format_description.txt), without frames */
	TT_PACKED_LZ4,	  /* the block format (lz4, doc/lz4_Block_format.md), without frames or sizes */
	TT_PACKED_ZLIB,	  /* RFC 1950 */
	TT_PACKED_ZSTD,	  /* RFC 8878 */
};

/*
 * Adds to `out`. 0: all of it. -ENOBUFS: out->max is reached; -ENODATA: zlib and zstd: the block is cut; in both cases what was
 * added is a true beginning. -EBADMSG: not such a block, or a broken one; -ENOMEM: what was added is not to be used.
 */
int tt_unpack(enum tt_packing how, struct tt_span in, struct tt_buf *out);

#endif
