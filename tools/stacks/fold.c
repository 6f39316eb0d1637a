// SPDX-License-Identifier: Apache-2.0
#include "tools/stacks/fold.h"

#include <errno.h>
#include <string.h>

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
	return h;
}

/* The slot of that text, or the free one where it would be. */
static uint32_t *slot_of(const struct tt_fold *f, uint64_t hash, const char *text, size_t len)
{
	size_t at = hash & (f->slot_count - 1);

	for (;; at = (at + 1) & (f->slot_count - 1)) {
		uint32_t *slot = &f->slots[at];
		if (!*slot)
			return slot;
		const struct tt_fold_row *row = &f->rows[*slot - 1];
		if (row->hash == hash && row->len == len && memcmp(f->texts.data + row->text, text, len) == 0)
			return slot;
	}
}

static int slots_grow(struct tt_fold *f)
{
	size_t count = f->slot_count ? 2 * f->slot_count : 256;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(f->slots);
	f->slots = slots;
	f->slot_count = count;
	for (size_t i = 0; i < f->count; i++) {
		size_t at = f->rows[i].hash & (count - 1);
		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	return 0;
}

static struct tt_fold_row *row_new(struct tt_fold *f, uint64_t hash, const char *text, size_t len)
{
	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 128;
		struct tt_fold_row *more = reallocarray(f->rows, room, sizeof(*more));
		if (!more)
			return NULL;
		f->rows = more;
		f->room = room;
	}
	uint32_t at = (uint32_t)f->texts.len;
	if (len > UINT32_MAX - f->texts.len || tt_buf_add(&f->texts, text, len) < 0)
		return NULL;
	f->rows[f->count] = (struct tt_fold_row){.hash = hash, .text = at, .len = (uint32_t)len};
	return &f->rows[f->count++];
}

struct tt_fold_row *tt_fold_add(struct tt_fold *f, const char *text, size_t len, uint64_t value)
{
	uint64_t hash = hash_of(text, len);

	if (len && 2 * f->count >= f->slot_count && slots_grow(f) < 0)
		len = 0;
	uint32_t *slot = len ? slot_of(f, hash, text, len) : NULL;
	struct tt_fold_row *row = !slot ? NULL : *slot ? &f->rows[*slot - 1] : row_new(f, hash, text, len);
	if (!row) {
		f->refused += value;
		return NULL;
	}
	*slot = (uint32_t)(row - f->rows) + 1;
	row->value += value;
	return row;
}

struct tt_fold_row *tt_fold_find(const struct tt_fold *f, const char *text, size_t len)
{
	const uint32_t *slot = f->slot_count ? slot_of(f, hash_of(text, len), text, len) : NULL;

	return slot && *slot ? &f->rows[*slot - 1] : NULL;
}

void tt_fold_free(struct tt_fold *f)
{
	free(f->rows);
	free(f->slots);
	tt_buf_free(&f->texts);
	*f = (struct tt_fold){.texts = {.max = f->texts.max}};
}

/* The end of a frame comes before everything else, so that "a;b" and "a;c" have no "a b;c" between them. */
static int compare(const void *a, const void *b, void *texts)
{
	const struct tt_fold_row *x = a, *y = b;
	const uint8_t *first = (const uint8_t *)texts + x->text, *second = (const uint8_t *)texts + y->text;
	size_t i = 0, most = TT_MIN(x->len, y->len);

	while (i < most && first[i] == second[i])
		i++;
	int p = i == x->len ? -1 : first[i] == ';' ? 0 : first[i];
	int q = i == y->len ? -1 : second[i] == ';' ? 0 : second[i];
	return p - q;
}

void tt_fold_sort(struct tt_fold *f)
{
	if (f->count)
		qsort_r(f->rows, f->count, sizeof(*f->rows), compare, f->texts.data);
	free(f->slots);
	f->slots = NULL;
	f->slot_count = 0;
}

void tt_fold_text(const struct tt_fold *f, struct tt_buf *to)
{
	for (size_t i = 0; i < f->count; i++) {
		tt_buf_add(to, f->texts.data + f->rows[i].text, f->rows[i].len);
		tt_buf_add_char(to, ' ');
		tt_buf_add_u64(to, f->rows[i].value);
		tt_buf_add_char(to, '\n');
	}
}
