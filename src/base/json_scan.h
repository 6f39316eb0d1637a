/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picks values out of JSON text (RFC 8259) that may be cut anywhere and is not trusted: one pass, no memory, bounded depth. It
 * does not judge whether the text is valid; where it stops making sense, the scan ends.
 */
#ifndef TT_BASE_JSON_SCAN_H
#define TT_BASE_JSON_SCAN_H

#include "base/span.h"

#define TT_JSON_DEPTH 32

enum tt_json_type {
	TT_JSON_NONE = 0, /* not there, or null */
	TT_JSON_STRING,	  /* without its quotes, escapes as they are */
	TT_JSON_NUMBER,
	TT_JSON_BOOL,
	TT_JSON_OBJECT, /* text: what of it is there */
	TT_JSON_ARRAY,
};

struct tt_json_value {
	struct tt_span text;
	uint8_t type; /* enum tt_json_type */
	bool cut;     /* the text ended inside it */
};

/*
 * Looks for `count` paths ("usage.prompt_tokens") and fills in values[i] with the first value at paths[i]. Arrays have no name in
 * a path: "choices.delta" is found in the first element that has it, "method" in the first object of a list.
 */
void tt_json_scan(struct tt_span json, const char *const *paths, size_t count, struct tt_json_value *values);

/* A number without sign, fraction and exponent; false otherwise. */
bool tt_json_value_u64(const struct tt_json_value *v, uint64_t *ret);

#endif
