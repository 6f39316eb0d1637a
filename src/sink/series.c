// SPDX-License-Identifier: Apache-2.0
#include "sink/series.h"

#include <errno.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sink/utf8.h"

#define TT_KEY_MAX (1 + TT_SERIES_LABELS * (1 + TT_SERIES_LABEL_MAX))

struct tt_family_state {
	struct tt_metric_family family;
	unsigned labels;
	struct tt_series *first;
	struct tt_series **last;
	struct tt_series *overflow;
	uint64_t overflowed;
};

struct tt_series_set {
	struct tt_series **slots; /* open addressing, a power of two */
	size_t mask;
	uint64_t count;
	uint64_t limit;
	uint64_t seed; /* random, so that nobody can choose names that collide */
	int families;
	struct tt_family_state family[TT_SERIES_FAMILIES];
};

int tt_series_set_new(struct tt_series_set **ret, const struct tt_limits *limits)
{
	struct tt_series_set *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->mask = 255;
	set->slots = calloc(set->mask + 1, sizeof(struct tt_series *));
	if (!set->slots) {
		tt_series_set_free(set);
		return -ENOMEM;
	}
	set->limit = limits->value[TT_LIMIT_SERIES];
	if (getrandom(&set->seed, sizeof(set->seed), GRND_NONBLOCK) < 0)
		set->seed = (uint64_t)(uintptr_t)set;
	*ret = set;
	return 0;
}

struct tt_series_set *tt_series_set_free(struct tt_series_set *set)
{
	if (!set)
		return NULL;
	for (int i = 0; i < set->families; i++) {
		struct tt_series *s = set->family[i].first;
		while (s) {
			struct tt_series *next = s->next;
			free(s);
			s = next;
		}
		free(set->family[i].overflow);
	}
	free(set->slots);
	free(set);
	return NULL;
}

static struct tt_series *tt_series_alloc(enum tt_series_type type, const uint8_t *key, uint32_t len)
{
	size_t size = sizeof(struct tt_series) + len;
	size_t at = (size + 7) & ~(size_t)7; /* where the histogram stands */
	struct tt_series *s = calloc(1, type == TT_HISTOGRAM ? at + sizeof(struct tt_histogram) : size);
	if (!s)
		return NULL;
	if (type == TT_HISTOGRAM)
		s->histogram = (struct tt_histogram *)((uint8_t *)s + at);
	s->key_len = len;
	memcpy(s->key, key, len);
	return s;
}

int tt_series_family(struct tt_series_set *set, const struct tt_metric_family *family)
{
	if (set->families == TT_SERIES_FAMILIES)
		return -ENOSPC;

	unsigned labels = 0;
	while (labels < TT_SERIES_LABELS && family->labels[labels])
		labels++;

	struct tt_family_state *f = &set->family[set->families];
	uint8_t key = (uint8_t)set->families;
	struct tt_series *overflow = tt_series_alloc(family->type, &key, 1);
	if (!overflow)
		return -ENOMEM;
	overflow->overflow = true;
	*f = (struct tt_family_state){.family = *family, .labels = labels, .last = &f->first, .overflow = overflow};
	return set->families++;
}

int tt_series_family_find(const struct tt_series_set *set, const char *name)
{
	for (int i = 0; i < set->families; i++) {
		if (strcmp(set->family[i].family.name, name) == 0)
			return i;
	}
	return -ENOENT;
}

const struct tt_metric_family *tt_series_family_at(const struct tt_series_set *set, int family)
{
	return &set->family[family].family;
}

/* Copies at most TT_SERIES_LABEL_MAX bytes of whole, valid characters. */
static size_t tt_key_clean(uint8_t *to, struct tt_span value)
{
	size_t len = 0;
	for (size_t i = 0; i < value.len;) {
		const uint8_t *c = value.data + i;
		size_t bytes = *c < 0x80 ? 1 : tt_utf8_length(c, value.len - i);
		size_t need = bytes ? bytes : 3;
		if (len + need > TT_SERIES_LABEL_MAX)
			break;
		memcpy(to + len, bytes ? c : (const uint8_t *)"\xef\xbf\xbd", need);
		len += need;
		i += bytes ? bytes : 1;
	}
	return len;
}

static bool tt_key_is_ascii(const uint8_t *p, size_t len)
{
	uint64_t high = 0;
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		high |= word;
	}
	for (; len; p++, len--)
		high |= *p;
	return !(high & UINT64_C(0x8080808080808080));
}

static size_t tt_key_build(uint8_t key[TT_KEY_MAX], int family, unsigned labels, const struct tt_span *values)
{
	uint8_t *at = key;
	*at++ = (uint8_t)family;
	for (unsigned i = 0; i < labels; i++) {
		size_t len = TT_MIN(values[i].len, (size_t)TT_SERIES_LABEL_MAX);
		if (len && !tt_key_is_ascii(values[i].data, len))
			len = tt_key_clean(at + 1, values[i]);
		else if (len)
			memcpy(at + 1, values[i].data, len);
		*at = (uint8_t)len;
		at += 1 + len;
	}
	return (size_t)(at - key);
}

static bool tt_series_grow(struct tt_series_set *set)
{
	size_t mask = set->mask * 2 + 1;
	struct tt_series **slots = calloc(mask + 1, sizeof(struct tt_series *));
	if (!slots)
		return false;
	for (size_t i = 0; i <= set->mask; i++) {
		struct tt_series *s = set->slots[i];
		if (!s)
			continue;
		size_t at = s->hash & mask;
		while (slots[at])
			at = (at + 1) & mask;
		slots[at] = s;
	}
	free(set->slots);
	set->slots = slots;
	set->mask = mask;
	return true;
}

static struct tt_series *tt_series_overflow(struct tt_family_state *f)
{
	f->overflowed++;
	return f->overflow;
}

static struct tt_series *tt_series_insert(struct tt_series_set *set, int family, const uint8_t *key, size_t len, uint64_t hash)
{
	struct tt_family_state *f = &set->family[family];
	if (set->count >= set->limit)
		return tt_series_overflow(f);
	if (set->count * 2 >= set->mask && !tt_series_grow(set))
		return tt_series_overflow(f);

	struct tt_series *s = tt_series_alloc(f->family.type, key, (uint32_t)len);
	if (!s)
		return tt_series_overflow(f);
	s->hash = hash;
	size_t at = hash & set->mask;
	while (set->slots[at])
		at = (at + 1) & set->mask;
	set->slots[at] = s;
	set->count++;
	*f->last = s;
	f->last = &s->next;
	return s;
}

struct tt_series *tt_series_get(struct tt_series_set *set, int family, const struct tt_span *values)
{
	uint8_t key[TT_KEY_MAX];
	size_t len = tt_key_build(key, family, set->family[family].labels, values);
	uint64_t hash = XXH3_64bits_withSeed(key, len, set->seed);

	for (size_t at = hash & set->mask; set->slots[at]; at = (at + 1) & set->mask) {
		struct tt_series *s = set->slots[at];
		if (s->hash == hash && s->key_len == len && memcmp(s->key, key, len) == 0)
			return s;
	}
	return tt_series_insert(set, family, key, len, hash);
}

int tt_series_families(const struct tt_series_set *set)
{
	return set->families;
}

const struct tt_series *tt_series_next(const struct tt_series_set *set, int family, const struct tt_series *s)
{
	const struct tt_family_state *f = &set->family[family];
	const struct tt_series *next = s ? s->next : f->first;
	if (next || (s && s->overflow))
		return next;
	return f->overflowed ? f->overflow : NULL;
}

void tt_series_values(const struct tt_series_set *set, const struct tt_series *s, struct tt_span values[TT_SERIES_LABELS])
{
	const uint8_t *at = s->key + 1;
	unsigned labels = set->family[s->key[0]].labels;

	for (unsigned i = 0; i < labels; i++) {
		values[i] = tt_span(at + 1, *at);
		at += 1 + *at;
	}
}

uint64_t tt_series_count(const struct tt_series_set *set)
{
	return set->count;
}

uint64_t tt_series_limit(const struct tt_series_set *set)
{
	return set->limit;
}

uint64_t tt_series_overflowed(const struct tt_series_set *set, int family)
{
	return set->family[family].overflowed;
}
