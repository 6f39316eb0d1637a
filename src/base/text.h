/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes are text in a protocol: ASCII without what controls, and above it any language's. Of no bytes all is true. */
#ifndef TT_BASE_TEXT_H
#define TT_BASE_TEXT_H

#include "base/span.h"

static inline bool tt_is_text(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < ' ' || s.data[i] == 0x7f)
			return false;
	}
	return true;
}

/* The same with tabs. */
static inline bool tt_is_tabbed_text(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7f)
			return false;
	}
	return true;
}

/* The same without spaces. */
static inline bool tt_is_word(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] <= ' ' || s.data[i] == 0x7f)
			return false;
	}
	return true;
}

/* A word in ASCII. */
static inline bool tt_is_ascii_word(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] <= ' ' || s.data[i] >= 0x7f)
			return false;
	}
	return true;
}

#endif
