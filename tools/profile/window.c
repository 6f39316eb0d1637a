// SPDX-License-Identifier: Apache-2.0
#include "tools/profile/window.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"

/* A row's text has, beside itself, a row and two slots of a table that may be half empty. */
#define ROW_BYTES (2 * (sizeof(struct tt_fold_row) + 4 * sizeof(uint32_t)))

struct part {
	uint64_t number; /* of the part of time; 0: it has none */
	struct tt_fold fold;
};

struct tt_profile_window {
	uint64_t part_ns;
	uint64_t part_bytes;
	uint64_t refused;
	struct part parts[TT_PROFILE_PARTS + 1]; /* the present one, and the whole time before it */
};

int tt_profile_window_new(struct tt_profile_window **ret, uint64_t length_ns, uint64_t bytes)
{
	struct tt_profile_window *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->part_ns = TT_MAX(length_ns / TT_PROFILE_PARTS, (uint64_t)1);
	w->part_bytes = bytes / TT_ARRAY_LEN(w->parts);
	for (size_t i = 0; i < TT_ARRAY_LEN(w->parts); i++)
		w->parts[i].fold = TT_FOLD(w->part_bytes);
	*ret = w;
	return 0;
}

struct tt_profile_window *tt_profile_window_free(struct tt_profile_window *w)
{
	for (size_t i = 0; w && i < TT_ARRAY_LEN(w->parts); i++)
		tt_fold_free(&w->parts[i].fold);
	free(w);
	return NULL;
}

/* The rows count as well as their text. */
static bool has_room(const struct tt_profile_window *w, const struct tt_fold *f, size_t len)
{
	return f->texts.len + len + (f->count + 1) * ROW_BYTES <= w->part_bytes;
}

bool tt_profile_window_add(struct tt_profile_window *w, uint64_t now_ns, const char *text, size_t len)
{
	uint64_t number = now_ns / w->part_ns + 1;
	struct part *p = &w->parts[number % TT_ARRAY_LEN(w->parts)];

	if (p->number != number) {
		tt_fold_free(&p->fold);
		p->number = number;
	}
	struct tt_fold_row *row = tt_fold_find(&p->fold, text, len);
	if (row)
		row->value++;
	else if (has_room(w, &p->fold, len))
		row = tt_fold_add(&p->fold, text, len, 1);
	w->refused += !row;
	return row != NULL;
}

static void part_fold(const struct part *p, struct tt_span service, struct tt_fold *to)
{
	for (size_t i = 0; i < p->fold.count; i++) {
		const struct tt_fold_row *row = &p->fold.rows[i];
		const char *text = (const char *)p->fold.texts.data + row->text;
		size_t front = service.len ? service.len + 1 : 0;

		if (service.len &&
		    (row->len <= front || memcmp(text, service.data, service.len) != 0 || text[service.len] != ';'))
			continue;
		(void)tt_fold_add(to, text + front, row->len - front, row->value);
	}
}

void tt_profile_window_fold(const struct tt_profile_window *w, uint64_t now_ns, uint64_t length_ns, struct tt_span service,
			    struct tt_fold *to)
{
	uint64_t last = now_ns / w->part_ns + 1, first = (now_ns > length_ns ? now_ns - length_ns : 0) / w->part_ns + 1;

	for (size_t i = 0; i < TT_ARRAY_LEN(w->parts); i++) {
		if (w->parts[i].number >= first && w->parts[i].number <= last)
			part_fold(&w->parts[i], service, to);
	}
}

uint64_t tt_profile_window_refused(const struct tt_profile_window *w)
{
	return w->refused;
}
