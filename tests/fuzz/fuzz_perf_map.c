// SPDX-License-Identifier: Apache-2.0
/* What just-in-time compilers write, of any content and in pieces: the same functions whatever the pieces, and names that end. */
#include <assert.h>
#include <string.h>

#include "symbols/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t parse(struct tt_functions *f, const uint8_t *data, size_t size, size_t piece)
{
	uint64_t bad = 0;
	size_t at = 0, seen = 0;

	/* As it grows: what was not taken comes again with more behind it. */
	while (seen < size) {
		seen = TT_MIN(seen + piece, size);
		size_t n = tt_perf_map_parse(f, tt_span(data + at, seen - at), &bad);
		assert(n <= seen - at);
		at += n;
	}
	return bad;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_functions_budget budget = {.left = 16u << 10};
	struct tt_functions whole = TT_FUNCTIONS(&budget), pieces = TT_FUNCTIONS(NULL);

	/* A line that long is none, and its pieces may be. */
	if (size > 4096)
		return 0;
	whole.newest = pieces.newest = true;
	uint64_t bad = parse(&whole, data, size, size), again = parse(&pieces, data, size, 7);
	assert(whole.count + budget.refused + bad == pieces.count + again);
	for (size_t i = 0; i < pieces.count; i++) {
		uint64_t start = pieces.list[i].start;
		const char *name = tt_functions_find(&pieces, start);
		assert(!name || (*name && strlen(name) <= TT_FUNCTION_NAME_MOST));
	}
	tt_functions_free(&whole);
	tt_functions_free(&pieces);
	assert(budget.left == 16u << 10);
	return 0;
}
