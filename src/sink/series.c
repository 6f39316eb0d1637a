// SPDX-License-Identifier: Apache-2.0
#include "sink/series.h"

#include <errno.h>

#include "sink/same.h"
#include "sink/table.h"
#include "sink/utf8.h"

#define TT_KEY_MAX (1 + TT_SERIES_LABELS * (1 + TT_SERIES_LABEL_MAX))

/* Found last, one for each tint of its values: on a connection the same ones come again and again. */
#define TT_SERIES_RECALLED 8

struct tt_family_state {
	struct tt_metric_family family;
	unsigned labels;
	struct tt_series *first;
	struct tt_series **last;
	struct tt_series *overflow;
	uint64_t overflowed;
	struct tt_series *recalled[TT_SERIES_RECALLED];
};

struct tt_series_set {
	struct tt_table table;
	uint64_t limit;
	uint64_t idle_ns; /* 0: none expires */
	uint64_t now_ns;  /* of the last tt_series_expire */
	uint64_t look_ns; /* when it looks next */
	uint64_t expired;
	int families;
	struct tt_family_state family[TT_SERIES_FAMILIES];
};

int tt_series_set_new(struct tt_series_set **ret, const struct tt_limits *limits)
{
	tt_free_auto struct tt_series_set *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	int r = tt_table_init(&set->table);
	if (r < 0)
		return r;
	set->limit = limits->value[TT_LIMIT_SERIES];
	set->idle_ns = limits->value[TT_LIMIT_IDLE_EXPIRY] * UINT64_C(1000000000);
	*ret = TT_TAKE_PTR(set);
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
	tt_table_free(&set->table);
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
			tt_copy_short(at + 1, values[i].data, len);
		*at = (uint8_t)len;
		at += 1 + len;
	}
	return (size_t)(at - key);
}

static struct tt_series *tt_series_overflow(struct tt_family_state *f)
{
	f->overflowed++;
	return f->overflow;
}

static struct tt_series *tt_series_insert(struct tt_series_set *set, int family, struct tt_span key, uint64_t hash)
{
	struct tt_family_state *f = &set->family[family];
	if (set->table.count >= set->limit)
		return tt_series_overflow(f);

	struct tt_series *s = tt_series_alloc(f->family.type, key.data, (uint32_t)key.len);
	if (!s)
		return tt_series_overflow(f);
	if (tt_table_add(&set->table, hash, s) < 0) {
		free(s);
		return tt_series_overflow(f);
	}
	*f->last = s;
	f->last = &s->next;
	return s;
}

static bool tt_series_same(const void *item, const void *key)
{
	const struct tt_series *s = item;
	const struct tt_span *k = key;
	return s->key_len == k->len && memcmp(s->key, k->data, k->len) == 0;
}

static struct tt_series *tt_series_find(struct tt_series_set *set, int family, const struct tt_span *values)
{
	uint8_t text[TT_KEY_MAX];
	struct tt_span key = tt_span(text, tt_key_build(text, family, set->family[family].labels, values));
	uint64_t hash = tt_table_hash(&set->table, key.data, key.len);
	struct tt_series *s = tt_table_find(&set->table, hash, tt_series_same, &key);
	return s ? s : tt_series_insert(set, family, key, hash);
}

/* Is it the series of these values? One that had to be cleaned is not known again, and looked up. */
static bool tt_series_is(const struct tt_series *s, unsigned labels, const struct tt_span *values)
{
	const uint8_t *at = s->key + 1;
	for (unsigned i = 0; i < labels; i++) {
		if (values[i].len != *at || !tt_same_bytes(at + 1, values[i].data, *at))
			return false;
		at += 1 + *at;
	}
	return true;
}

static struct tt_series **tt_series_recalled(struct tt_family_state *f, const struct tt_span *values)
{
	unsigned tint = 0;
	/* The first ones say who it is, the next ones what was asked: of one process that is what changes. */
	for (unsigned i = 3; i < f->labels && i < 6; i++)
		tint = tint * 3 + tt_span_tint(values[i]);
	return &f->recalled[(tint ^ tint >> 3 ^ tint >> 6) % TT_SERIES_RECALLED];
}

struct tt_series *tt_series_get(struct tt_series_set *set, int family, const struct tt_span *values)
{
	struct tt_family_state *f = &set->family[family];
	struct tt_series **recalled = tt_series_recalled(f, values);
	struct tt_series *s = *recalled;

	if (!s || !tt_series_is(s, f->labels, values)) {
		s = tt_series_find(set, family, values);
		*recalled = s->overflow ? NULL : s;
	}
	s->used_ns = set->now_ns;
	return s;
}

void tt_series_hold(struct tt_series *s)
{
	s->held++;
}

void tt_series_release(struct tt_series_set *set, struct tt_series *s)
{
	s->held--;
	s->used_ns = set->now_ns;
}

static bool tt_series_idle(const struct tt_series_set *set, struct tt_series *s)
{
	if (!s->used_ns)
		s->used_ns = set->now_ns;
	return !s->held && set->now_ns - s->used_ns > set->idle_ns;
}

static void tt_series_expire_family(struct tt_series_set *set, struct tt_family_state *f)
{
	struct tt_series **at = &f->first;

	memset(f->recalled, 0, sizeof(f->recalled));
	while (*at) {
		struct tt_series *s = *at;
		if (!tt_series_idle(set, s)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		tt_table_remove(&set->table, tt_table_hash(&set->table, s->key, s->key_len), s);
		free(s);
		set->expired++;
	}
	f->last = at;
}

void tt_series_expire(struct tt_series_set *set, uint64_t now_ns)
{
	set->now_ns = TT_MAX(set->now_ns, now_ns);
	if (!set->idle_ns || now_ns < set->look_ns)
		return;
	set->look_ns = now_ns + TT_EXPIRY_LOOK_NS(set->idle_ns);
	for (int i = 0; i < set->families; i++)
		tt_series_expire_family(set, &set->family[i]);
}

uint64_t tt_series_expired(const struct tt_series_set *set)
{
	return set->expired;
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
	return set->table.count;
}

uint64_t tt_series_limit(const struct tt_series_set *set)
{
	return set->limit;
}

uint64_t tt_series_overflowed(const struct tt_series_set *set, int family)
{
	return set->family[family].overflowed;
}
