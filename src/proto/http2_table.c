// SPDX-License-Identifier: Apache-2.0
/*
 * A connection that was open before anybody looked has a table of headers nobody saw. A library may tell it as it is at a header
 * block: then the block, and all after it, are read with that. Until one tells it the first block waits, but for no longer than a
 * missing range is waited for; one that comes later helps from its block on.
 */
#include "proto/http2_internal.h"

/* It is told of this block. */
static bool http2_table_of(const struct tt_header_table *t, uint32_t stream, struct tt_span block)
{
	return t->stream == stream && t->fragment <= block.len && tt_span_starts(block, t->block);
}

bool tt_http2_table_awaited(const struct http2_at *a, struct tt_span part)
{
	struct http2_side *side = &a->h->side[a->side];
	const struct tt_header_table *t;

	if (!side->hpack.below || side->unaided)
		return false;
	for (size_t i = 0; (t = tt_header_table(a->link, a->side, i)); i++) {
		if (http2_table_of(t, a->frame.stream, part))
			return false;
	}
	side->unaided = !tt_header_table_awaited(a->link, a->side);
	return !side->unaided;
}

/* Memory it takes is asked for. */
static bool http2_table_use(const struct http2_at *a, const struct tt_header_table *t, struct tt_span block)
{
	struct tt_hpack *h = &a->h->side[a->side].hpack;
	const struct tt_hpack_table table = {
		.header = t->header, .count = t->count, .size = t->size, .most = t->most, .whole = t->whole};
	ssize_t newer = t->after ? tt_hpack_inserts(block) : 0;
	size_t before = tt_hpack_bytes(h);

	if (newer < 0 || tt_hpack_take(h, &table, (size_t)newer) < 0)
		return false;
	size_t after = tt_hpack_bytes(h);
	if (after > before && !tt_keep(a->link, after - before)) {
		tt_keep_less(a->link, before);
		tt_hpack_forget(h);
		return false;
	}
	if (after < before)
		tt_keep_less(a->link, before - after);
	return true;
}

void tt_http2_table_take(const struct http2_at *a, uint32_t stream, struct tt_span block)
{
	struct http2_side *side = &a->h->side[a->side];
	const struct tt_header_table *t;

	for (size_t i = 0; side->hpack.below && (t = tt_header_table(a->link, a->side, i)); i++) {
		if (!http2_table_of(t, stream, block))
			continue;
		bool fits = http2_table_use(a, t, block);
		tt_header_table_taken(a->link, a->side, i, fits);
		side->unaided = fits;
		return;
	}
}
