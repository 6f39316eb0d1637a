/* SPDX-License-Identifier: Apache-2.0 */
/* The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B). */
#ifndef TT_PROTO_HPACK_HUFFMAN_H
#define TT_PROTO_HPACK_HUFFMAN_H

#include <sys/types.h>

#include "base/span.h"

/* The most bytes n coded ones can stand for: no code is shorter than five bits. */
static inline size_t tt_huffman_most(size_t n)
{
	return n * 8 / 5;
}

/* Decodes into `to`, which has room for tt_huffman_most(coded.len). Returns the length; -EBADMSG: not such a string. */
ssize_t tt_huffman_decode(uint8_t *to, struct tt_span coded);

#endif
