// SPDX-License-Identifier: Apache-2.0
#include "tools/leak/sums.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"

const char *const tt_leak_state_names[TT_LEAK_STATE_MAX] = {
	[TT_LEAK_KEPT] = "kept", [TT_LEAK_GROWING] = "growing", [TT_LEAK_STEADY] = "steady", [TT_LEAK_UNTOLD] = "untold"};

void tt_leak_sums_free(struct tt_leak_sums *s)
{
	free(s->list);
	free(s->gone);
	*s = (struct tt_leak_sums){0};
}

/* --- tables --- */

/* One more in a list that grows by half at least; false: there is no room. */
static bool list_grow(void **list, size_t *room, size_t count, size_t size, size_t most)
{
	if (count < *room)
		return true;
	size_t more = TT_MIN(*room + *room / 2 + 64, most);
	void *longer = count < more ? reallocarray(*list, more, size) : NULL;
	if (!longer)
		return false;
	*list = longer;
	*room = more;
	return true;
}

static size_t bucket_of(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b << 32 | b >> 32)) * 0x9e3779b97f4a7c15u;

	return (size_t)(h >> 54);
}

static size_t *row_bucket(struct tt_leak_sums *s, const struct tt_leak_row_key *key)
{
	return &s->buckets[bucket_of(key->caller ^ key->what,
				     (uint64_t)key->tgid << 20 ^ key->image ^ (uint64_t)(uint32_t)key->stack << 7)];
}

struct tt_leak_sum *tt_leak_sum_find(struct tt_leak_sums *s, const struct tt_leak_row_key *key)
{
	for (size_t i = *row_bucket(s, key); i; i = s->list[i - 1].next) {
		if (memcmp(&s->list[i - 1].key, key, sizeof(*key)) == 0)
			return &s->list[i - 1];
	}
	return NULL;
}

/* Its process is gone and has left nothing, and that is no news. */
static bool is_done(const struct tt_leak_sum *sum)
{
	return sum->over && !sum->now.seen && !sum->left.seen && tt_leak_grew(sum) == 0;
}

static void rows_give_way(struct tt_leak_sums *s)
{
	size_t kept = 0;

	s->full = true;
	memset(s->buckets, 0, sizeof(s->buckets));
	for (size_t i = 0; i < s->count; i++) {
		if (is_done(&s->list[i]))
			continue;
		s->list[kept] = s->list[i];
		size_t *bucket = row_bucket(s, &s->list[kept].key);
		s->list[kept].next = *bucket;
		*bucket = ++kept;
	}
	s->count = kept;
}

struct tt_leak_sum *tt_leak_sum_of(struct tt_leak_sums *s, const struct tt_leak_row_key *key)
{
	struct tt_leak_sum *known = tt_leak_sum_find(s, key);

	if (known)
		return known;
	if (s->count == s->most && !s->full)
		rows_give_way(s);
	if (!list_grow((void **)&s->list, &s->room, s->count, sizeof(*s->list), s->most))
		return NULL;
	size_t *bucket = row_bucket(s, key);
	struct tt_leak_sum *sum = &s->list[s->count++];
	*sum = (struct tt_leak_sum){.key = *key, .next = *bucket};
	*bucket = s->count;
	return sum;
}

void tt_leak_sums_gone(struct tt_leak_sums *s, uint32_t tgid, uint32_t image, bool ended, uint64_t time_ns)
{
	size_t *bucket = &s->gone_buckets[bucket_of(tgid, image)];

	if (tt_leak_sums_gone_of(s, tgid, image))
		return;
	if (!list_grow((void **)&s->gone, &s->gone_room, s->gone_count, sizeof(*s->gone), s->most)) {
		s->gone_refused++;
		return;
	}
	s->gone[s->gone_count++] =
		(struct tt_leak_gone){.tgid = tgid, .image = image, .ended = ended, .time_ns = time_ns, .next = *bucket};
	*bucket = s->gone_count;
}

const struct tt_leak_gone *tt_leak_sums_gone_of(const struct tt_leak_sums *s, uint32_t tgid, uint32_t image)
{
	for (size_t i = s->gone_buckets[bucket_of(tgid, image)]; i; i = s->gone[i - 1].next) {
		if (s->gone[i - 1].tgid == tgid && s->gone[i - 1].image == image)
			return &s->gone[i - 1];
	}
	return NULL;
}

static void chain_gone(struct tt_leak_sums *s)
{
	memset(s->gone_buckets, 0, sizeof(s->gone_buckets));
	for (size_t i = 0; i < s->gone_count; i++) {
		size_t *bucket = &s->gone_buckets[bucket_of(s->gone[i].tgid, s->gone[i].image)];
		s->gone[i].next = *bucket;
		*bucket = i + 1;
	}
}

void tt_leak_sums_read(struct tt_leak_sums *s)
{
	size_t kept = 0;

	s->full = false;
	for (size_t i = 0; i < s->gone_count; i++) {
		if (++s->gone[i].readings < TT_LEAK_READINGS)
			s->gone[kept++] = s->gone[i];
	}
	if (kept == s->gone_count)
		return;
	s->gone_count = kept;
	chain_gone(s);
}

/* --- blocks there are now --- */

void tt_leak_sums_begin(struct tt_leak_sums *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->list[i].now = s->list[i].left;
	s->rest = s->rest_left;
}

static size_t age_of(uint64_t age_ns)
{
	static const uint64_t under_s[TT_LEAK_AGES - 1] = {1, 10, 60, 600};
	size_t i = 0;

	while (i < TT_ARRAY_LEN(under_s) && age_ns >= under_s[i] * 1000000000u)
		i++;
	return i;
}

/*
 * A block of `size` bytes was followed with the chance p = size / sample, and stands for 1/p of its kind. What that adds to the
 * variance of the sum of all blocks is estimated by (1 - p) / p² of each (Horvitz and Thompson, 1952), and of bytes by size² of
 * that.
 */
void tt_leak_now_add(struct tt_leak_now *n, uint64_t sample, const struct tt_leak_block *block, uint64_t age_ns)
{
	double size = (double)TT_MAX(block->size, (uint64_t)1);
	double stands = sample > 1 && size < (double)sample ? (double)sample / size : 1;
	double variance = stands * (stands - 1);

	n->seen++;
	n->blocks += stands;
	n->bytes += stands * (double)block->size;
	n->blocks_variance += variance;
	n->bytes_variance += variance * (double)block->size * (double)block->size;
	n->ages[age_of(age_ns)] += stands;
	if (!n->oldest_ns || block->time_ns < n->oldest_ns)
		n->oldest_ns = block->time_ns;
}

void tt_leak_now_join(struct tt_leak_now *n, const struct tt_leak_now *more)
{
	n->seen += more->seen;
	n->blocks += more->blocks;
	n->bytes += more->bytes;
	n->blocks_variance += more->blocks_variance;
	n->bytes_variance += more->bytes_variance;
	for (size_t i = 0; i < TT_LEAK_AGES; i++)
		n->ages[i] += more->ages[i];
	if (more->oldest_ns && (!n->oldest_ns || more->oldest_ns < n->oldest_ns))
		n->oldest_ns = more->oldest_ns;
}

/* --- what becomes of them --- */

static double highest_before(const struct tt_leak_sum *s)
{
	double most = 0;

	for (size_t i = 0; i < TT_LEAK_HISTORY && i < s->intervals; i++)
		most = TT_MAX(most, s->ends[i]);
	return most;
}

/*
 * Whether values that follow each other rise: of all pairs so many more do than not that it happens by chance once in some 700
 * times, of five once in 120 (M. G. Kendall, A New Measure of Rank Correlation, Biometrika 30, 1938; H. B. Mann, Econometrica 13,
 * 1945). Of fewer nothing can be said.
 */
static bool rises(const double *values, size_t count)
{
	static const int least[] = {[5] = 10, [6] = 15, [7] = 19, [8] = 24, [9] = 28};
	int pairs = 0;

	if (count < TT_LEAK_TREND_LEAST || count >= TT_ARRAY_LEN(least))
		return false;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = i + 1; k < count; k++)
			pairs += (values[k] > values[i]) - (values[k] < values[i]);
	}
	return pairs >= least[count];
}

/* The last of a ring of `room`, of which `total` were written in all, and `now` behind them. How many they are. */
static size_t in_order(const double *ring, size_t room, uint64_t total, double now, double *ret)
{
	size_t count = (size_t)TT_MIN(total, (uint64_t)room);

	for (size_t i = 0; i < count; i++)
		ret[i] = ring[(total - count + i) % room];
	ret[count] = now;
	return count + 1;
}

static bool ends_rise(const struct tt_leak_sum *s)
{
	double values[TT_LEAK_HISTORY + 1];
	size_t count = in_order(s->ends, TT_LEAK_HISTORY, s->intervals, s->now.bytes, values);

	return rises(values, count);
}

/*
 * The least there was in each window of allocations rises, and by more than a sixteenth and a block: a queue or a cache of a
 * bound comes back to as few as before, however it varies.
 */
static bool course_rises(const struct tt_leak_row *row)
{
	double lows[TT_LEAK_WINDOWS], values[TT_LEAK_WINDOWS + 1];
	double now = row->allocated > row->freed ? (double)(row->allocated - row->freed) : 0;

	for (size_t i = 0; i < TT_LEAK_WINDOWS; i++)
		lows[i] = (double)row->low[i];
	/* The window that has begun has as little as there is now, or less. */
	size_t last = (size_t)((row->windows - 1) % TT_LEAK_WINDOWS);
	lows[last] = TT_MIN(lows[last], now);
	size_t count = in_order(lows, TT_LEAK_WINDOWS, row->windows, now, values);
	return rises(values, count) && now > values[0] + values[0] / 16 + TT_LEAK_ONE && values[count - 2] > values[0];
}

/* Each tenth block that ended did so untold, or more. */
static bool is_untold(const struct tt_leak_row *row)
{
	return row->missed && row->missed >= row->freed / 10;
}

/*
 * What is never freed can only become more. Of what is, the ends of intervals tell if there were some; until then, and without
 * any, its own course.
 */
enum tt_leak_state tt_leak_state_of(const struct tt_leak_sum *s)
{
	bool by_ends = s->intervals + 1 >= TT_LEAK_TREND_LEAST;

	if (is_untold(&s->row))
		return TT_LEAK_UNTOLD;
	if (!s->row.freed && !s->intervals)
		return TT_LEAK_KEPT;
	if (!s->row.freed)
		return s->now.bytes > highest_before(s) ? TT_LEAK_GROWING : TT_LEAK_STEADY;
	return (by_ends ? ends_rise(s) : course_rises(&s->row)) ? TT_LEAK_GROWING : TT_LEAK_STEADY;
}

double tt_leak_grew(const struct tt_leak_sum *s)
{
	return s->now.bytes - (s->intervals ? s->ends[(s->intervals - 1) % TT_LEAK_HISTORY] : 0);
}

double tt_leak_rest_grew(const struct tt_leak_sums *s)
{
	return s->rest.bytes - s->rest_end;
}

void tt_leak_sums_end(struct tt_leak_sums *s)
{
	s->rest_end = s->rest.bytes;
	for (size_t i = 0; i < s->count; i++) {
		struct tt_leak_sum *sum = &s->list[i];
		sum->ends[sum->intervals++ % TT_LEAK_HISTORY] = sum->now.bytes;
	}
}
