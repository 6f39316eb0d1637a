// SPDX-License-Identifier: Apache-2.0
#include "sink/recent.h"

#include <errno.h>

#include "sink/clock.h"
#include "sink/measure.h"

struct tt_recent_entry {
	uint64_t time_ns; /* when it ended */
	uint64_t rank;	  /* the larger the better kept: duration, or its number */
	uint32_t len;
	char *json; /* owned */
};

/* A heap: the entry that goes first is at the top. */
struct tt_heap {
	struct tt_recent_entry *entries;
	size_t count;
};

struct tt_recent {
	struct tt_sink sink;
	struct tt_jsonl_options options;
	size_t limit;
	struct tt_heap slowest;
	struct tt_heap failed;
	struct tt_buf text;
	uint64_t failures;
	uint64_t second; /* the one `this_second` counts failures of */
	uint64_t this_second;
	uint64_t swept_ns;
	uint64_t dropped;
	struct tt_clock clock;
};

/* --- the heap
 * ------------------------------------------------------------------------------------------------------------------- */

static void tt_heap_swap(struct tt_heap *h, size_t a, size_t b)
{
	struct tt_recent_entry kept = h->entries[a];
	h->entries[a] = h->entries[b];
	h->entries[b] = kept;
}

static void tt_heap_sink(struct tt_heap *h, size_t at)
{
	for (;;) {
		size_t least = at;
		for (size_t below = 2 * at + 1; below <= 2 * at + 2 && below < h->count; below++) {
			if (h->entries[below].rank < h->entries[least].rank)
				least = below;
		}
		if (least == at)
			return;
		tt_heap_swap(h, at, least);
		at = least;
	}
}

static void tt_heap_add(struct tt_heap *h, struct tt_recent_entry entry)
{
	size_t at = h->count++;
	h->entries[at] = entry;
	while (at && h->entries[(at - 1) / 2].rank > h->entries[at].rank) {
		tt_heap_swap(h, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static void tt_heap_drop_top(struct tt_heap *h)
{
	free(h->entries[0].json);
	h->entries[0] = h->entries[--h->count];
	tt_heap_sink(h, 0);
}

static void tt_heap_expire(struct tt_heap *h, uint64_t now_ns)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->count; i++) {
		if (now_ns - h->entries[i].time_ns >= TT_RECENT_KEEP_NS)
			free(h->entries[i].json);
		else
			h->entries[kept++] = h->entries[i];
	}
	h->count = kept;
	for (size_t i = kept / 2; i-- > 0;)
		tt_heap_sink(h, i);
}

/* --- taking in
 * ------------------------------------------------------------------------------------------------------------------ */

static void tt_recent_keep(struct tt_recent *r, struct tt_heap *h, uint64_t rank, const struct tt_event *e,
			   const struct tt_exchange *x, uint64_t now_ns)
{
	struct tt_recent_entry entry = {.time_ns = now_ns, .rank = rank};

	tt_buf_clear(&r->text);
	if (tt_jsonl_write(&r->text, e, x, &r->options) == 0) {
		entry.len = (uint32_t)r->text.len - 1; /* without the line's end */
		entry.json = malloc(entry.len);
	}
	if (!entry.json) {
		r->dropped++;
		return;
	}
	memcpy(entry.json, r->text.data, entry.len);
	if (h->count == r->limit)
		tt_heap_drop_top(h);
	tt_heap_add(h, entry);
}

static bool tt_recent_admits_failure(struct tt_recent *r, uint64_t now_ns)
{
	uint64_t second = now_ns / 1000000000;
	if (second != r->second) {
		r->second = second;
		r->this_second = 0;
	}
	if (r->this_second++ < r->limit)
		return true;
	r->dropped++;
	return false;
}

static void tt_recent_exchange(struct tt_sink *s, const struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_recent *r = (struct tt_recent *)s;
	uint64_t now_ns = tt_clock_exchange(&r->clock, x);
	uint64_t ns = 0;

	if (tt_measure_duration(x, &ns) && (r->slowest.count < r->limit || ns > r->slowest.entries[0].rank))
		tt_recent_keep(r, &r->slowest, ns, e, x, now_ns);
	if (tt_exchange_failed(x) && tt_recent_admits_failure(r, now_ns))
		tt_recent_keep(r, &r->failed, ++r->failures, e, x, now_ns);
}

static void tt_recent_advance(struct tt_sink *s, uint64_t now_ns)
{
	struct tt_recent *r = (struct tt_recent *)s;
	now_ns = tt_clock_tick(&r->clock, now_ns);
	if (now_ns - r->swept_ns < 1000000000)
		return;
	r->swept_ns = now_ns;
	tt_heap_expire(&r->slowest, now_ns);
	tt_heap_expire(&r->failed, now_ns);
}

static void tt_heap_free(struct tt_heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->entries[i].json);
	free(h->entries);
}

static void tt_recent_free(struct tt_sink *s)
{
	struct tt_recent *r = (struct tt_recent *)s;
	tt_heap_free(&r->slowest);
	tt_heap_free(&r->failed);
	tt_buf_free(&r->text);
	free(r);
}

static const struct tt_sink_ops tt_recent_ops = {
	.name = "recent",
	.exchange = tt_recent_exchange,
	.advance = tt_recent_advance,
	.free = tt_recent_free,
};

int tt_recent_new(struct tt_sink **ret, const struct tt_limits *limits, const struct tt_jsonl_options *options)
{
	struct tt_recent *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->sink.ops = &tt_recent_ops;
	r->options = *options;
	r->limit = limits->value[TT_LIMIT_RECENT];
	r->text = TT_BUF(TT_RECENT_ENTRY_MAX);
	r->slowest.entries = calloc(r->limit, sizeof(struct tt_recent_entry));
	r->failed.entries = calloc(r->limit, sizeof(struct tt_recent_entry));
	if (!r->slowest.entries || !r->failed.entries) {
		tt_recent_free(&r->sink);
		return -ENOMEM;
	}
	*ret = &r->sink;
	return 0;
}

/* --- giving out
 * ----------------------------------------------------------------------------------------------------------------- */

static int tt_recent_compare(const void *a, const void *b)
{
	const struct tt_recent_entry *x = a;
	const struct tt_recent_entry *y = b;
	return x->rank < y->rank ? 1 : x->rank > y->rank ? -1 : 0;
}

int tt_recent_json(struct tt_json *j, const struct tt_sink *s, int64_t wall_minus_mono_ns, bool failed, size_t limit)
{
	const struct tt_recent *r = (const struct tt_recent *)s;
	const struct tt_heap *h = failed ? &r->failed : &r->slowest;
	tt_free_auto struct tt_recent_entry *sorted = calloc(h->count + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, h->entries, h->count * sizeof(*sorted));
	qsort(sorted, h->count, sizeof(*sorted), tt_recent_compare);

	tt_json_object(j);
	tt_json_key(j, "time_unix_ns");
	tt_json_i64(j, (int64_t)r->clock.now_ns + wall_minus_mono_ns);
	tt_json_key_text(j, "kind", failed ? "failed" : "slowest");
	tt_json_key(j, "exchanges");
	tt_json_array(j);
	for (size_t i = 0; i < h->count && i < limit; i++)
		tt_json_raw(j, tt_span(sorted[i].json, sorted[i].len));
	tt_json_array_end(j);
	tt_json_key_u64(j, "dropped", r->dropped);
	tt_json_object_end(j);
	return 0;
}

uint64_t tt_recent_dropped(const struct tt_sink *s)
{
	return ((const struct tt_recent *)s)->dropped;
}
