// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "stream/internal.h"

static struct tt_mark *tt_marks_base(struct tt_marks *m)
{
	return m->list ? m->list : &m->one;
}

static int tt_marks_grow(struct tt_marks *m, size_t max)
{
	if (m->list && m->first > 0) {
		memmove(m->list, m->list + m->first, m->count * sizeof(*m->list));
		m->first = 0;
		return 0;
	}
	if (m->count >= max)
		return -ENOBUFS;

	size_t cap = TT_MAX(m->cap * 2, 8u);
	struct tt_mark *list = realloc(m->list, cap * sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (!m->list && m->count)
		list[0] = m->one;
	m->list = list;
	m->cap = (uint32_t)cap;
	return 0;
}

/* 0, or -ENOBUFS, -ENOMEM: then the newest mark is stretched over the bytes, which keeps their end's time true. */
int tt_marks_add(struct tt_marks *m, const struct tt_mark *mark, size_t max)
{
	int r = 0;

	if (m->count == 0)
		m->first = 0;
	if (m->first + m->count >= (m->list ? m->cap : 1))
		r = tt_marks_grow(m, max);
	if (r < 0) {
		struct tt_mark *newest = &tt_marks_base(m)[m->first + m->count - 1];
		newest->end = mark->end;
		newest->last_ns = mark->last_ns;
		return r;
	}
	tt_marks_base(m)[m->first + m->count++] = *mark;
	return 0;
}

/* tt_marks_find where it is not the first. */
const struct tt_mark *tt_marks_search(const struct tt_marks *m, uint64_t offset)
{
	uint32_t low = 0, high = m->count;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (tt_marks_get(m, mid)->end > offset)
			high = mid;
		else
			low = mid + 1;
	}
	const struct tt_mark *mark = low < m->count ? tt_marks_get(m, low) : NULL;
	if (mark && offset >= mark->begin)
		return mark;
	return offset >= m->gone.begin && offset < m->gone.end ? &m->gone : NULL;
}

void tt_marks_free(struct tt_marks *m)
{
	free(m->list);
	*m = (struct tt_marks){0};
}
