// SPDX-License-Identifier: Apache-2.0
#include "proto/sqltable.h"

#include <stdlib.h>

#include "base/own.h"
#include "shared/limits.h"

struct tt_sql_entry {
	struct tt_sql_entry *next; /* in its bucket */
	struct tt_sql_entry *older;
	struct tt_sql_entry *newer;
	struct tt_sql_text *text;
	uint32_t hash;
	uint32_t name_len;
	uint8_t name[];
};

static uint32_t hash_name(struct tt_span s)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * 16777619u;
	return h;
}

static uint64_t entry_bytes(const struct tt_sql_entry *e)
{
	return sizeof(*e) + e->name_len + (e->text ? sizeof(*e->text) + e->text->len : 0);
}

static void use_unlink(struct tt_sql_table *t, struct tt_sql_entry *e)
{
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
}

static void use_append(struct tt_sql_table *t, struct tt_sql_entry *e)
{
	e->newer = NULL;
	e->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = e;
	t->newest = e;
}

/* Where the pointer to the entry stands; points to NULL at the place for a new one. NULL for a table without buckets. */
static struct tt_sql_entry **find(const struct tt_sql_table *t, struct tt_span name, uint32_t hash)
{
	if (!t->bucket_count)
		return NULL;
	struct tt_sql_entry **at = &t->bucket[hash & (t->bucket_count - 1)];
	while (*at && !((*at)->hash == hash && tt_span_eq(tt_span((*at)->name, (*at)->name_len), name)))
		at = &(*at)->next;
	return at;
}

/* Twice the buckets; the table stays as it is without memory. */
static void grow(struct tt_sql_table *t)
{
	uint32_t n = t->bucket_count ? t->bucket_count * 2 : 8;
	struct tt_sql_entry **bucket = calloc(n, sizeof(struct tt_sql_entry *));
	if (!bucket)
		return;
	for (struct tt_sql_entry *e = t->oldest; e; e = e->newer) {
		e->next = bucket[e->hash & (n - 1)];
		bucket[e->hash & (n - 1)] = e;
	}
	free(t->bucket);
	t->bucket = bucket;
	t->bucket_count = n;
}

static void drop(struct tt_sql_table *t, struct tt_sql_entry **at)
{
	struct tt_sql_entry *e = *at;

	*at = e->next;
	use_unlink(t, e);
	t->count--;
	t->bytes -= entry_bytes(e);
	if (t->link)
		tt_keep_less(t->link, entry_bytes(e));
	tt_sql_text_unref(e->text);
	free(e);
}

static struct tt_sql_entry *add(struct tt_sql_table *t, struct tt_span name, uint32_t hash)
{
	if (t->count >= t->bucket_count)
		grow(t);
	if (!t->bucket_count)
		return NULL;
	struct tt_sql_entry *e = calloc(1, sizeof(*e) + name.len);
	if (!e)
		return NULL;
	e->hash = hash;
	e->name_len = (uint32_t)name.len;
	if (name.len)
		memcpy(e->name, name.data, name.len);
	e->next = t->bucket[hash & (t->bucket_count - 1)];
	t->bucket[hash & (t->bucket_count - 1)] = e;
	t->count++;
	t->bytes += entry_bytes(e);
	use_append(t, e);
	return e;
}

uint32_t tt_sql_table_put(struct tt_sql_table *t, struct tt_span name, struct tt_sql_text *text, uint64_t max_count,
			  uint64_t max_bytes)
{
	uint32_t hash = hash_name(name);
	uint32_t turned_away = 0;
	struct tt_sql_entry **at = find(t, name, hash);
	struct tt_sql_entry *e = at && *at ? *at : add(t, name, hash);
	if (!e)
		return 1;

	t->bytes -= entry_bytes(e);
	tt_sql_text_ref(text);
	tt_sql_text_unref(e->text);
	e->text = text;
	t->bytes += entry_bytes(e);
	use_unlink(t, e);
	use_append(t, e);

	while (t->oldest && (t->count > max_count || t->bytes > max_bytes)) {
		struct tt_sql_entry *old = t->oldest;
		drop(t, find(t, tt_span(old->name, old->name_len), old->hash));
		turned_away++;
	}
	return turned_away;
}

void tt_sql_remember(struct tt_link *link, struct tt_sql_table *t, struct tt_span name, struct tt_sql_text *text)
{
	uint64_t count = tt_link_limit(link, TT_LIMIT_STATEMENTS);
	uint64_t bytes = tt_link_limit(link, TT_LIMIT_STATEMENT_BYTES);
	struct tt_sql_entry e = {.text = text, .name_len = (uint32_t)name.len};
	size_t kept = (size_t)t->bytes, more = (size_t)entry_bytes(&e);

	/* Where all tables together have no room for more this one's older entries make it. */
	if (tt_keep(link, more))
		kept += more;
	else
		bytes = TT_MIN(bytes, t->bytes);
	t->link = NULL;
	tt_statements_turned_away(link, tt_sql_table_put(t, name, text, count, bytes));
	t->link = link;
	tt_keep_less(link, kept - (size_t)t->bytes);
}

struct tt_sql_text *tt_sql_table_get(struct tt_sql_table *t, struct tt_span name)
{
	struct tt_sql_entry **at = find(t, name, hash_name(name));
	if (!at || !*at)
		return NULL;
	use_unlink(t, *at);
	use_append(t, *at);
	return (*at)->text;
}

void tt_sql_table_remove(struct tt_sql_table *t, struct tt_span name)
{
	struct tt_sql_entry **at = find(t, name, hash_name(name));
	if (at && *at)
		drop(t, at);
}

void tt_sql_table_clear(struct tt_sql_table *t)
{
	if (t->link)
		tt_keep_less(t->link, (size_t)t->bytes);
	while (t->oldest) {
		struct tt_sql_entry *e = t->oldest;
		t->oldest = e->newer;
		tt_sql_text_unref(e->text);
		free(e);
	}
	free(t->bucket);
	*t = (struct tt_sql_table){0};
}
