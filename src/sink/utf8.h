/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TT_SINK_UTF8_H
#define TT_SINK_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes (2 to 4) of the character that begins at p, of which `left` may be read; 0 if none begins there. p[0] is not ASCII. */
static inline size_t tt_utf8_length(const uint8_t *p, size_t left)
{
	size_t len = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
	if (!len || left < len)
		return 0;

	/* The second byte's range depends on the first; this is where overlong forms and surrogates fall out. */
	uint8_t least = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	uint8_t most = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < least || p[1] > most)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

#endif
