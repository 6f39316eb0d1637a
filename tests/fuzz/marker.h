/* SPDX-License-Identifier: Apache-2.0 */
/* For targets that hide things: a word that stands only where a value stands, and so may never come out. */
#ifndef TT_FUZZ_MARKER_H
#define TT_FUZZ_MARKER_H

#include <stdlib.h>

#include "base/buf.h"

#define MARKER "ZQXZ"

/* A byte of the input as it may stand anywhere: never part of the marker. */
static inline void marker_byte(struct tt_buf *b, uint8_t c)
{
	tt_buf_add_char(b, (char)(c == 'Z' ? 'z' : c));
}

static inline void marker_must(bool holds)
{
	if (!holds)
		abort();
}

/* It did not come out, nor more than there may be. */
static inline void marker_check(const struct tt_buf *out, size_t most)
{
	marker_must(out->len <= most);
	marker_must(!out->len || !memmem(out->data, out->len, MARKER, sizeof(MARKER) - 1));
}

#endif
