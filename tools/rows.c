// SPDX-License-Identifier: Apache-2.0
#include "tools/rows.h"

#include <errno.h>
#include <string.h>

#define TT_ROWS_BUFFER (1u << 20)

struct output {
	int fd;
	int error;
	struct tt_buf buf;
};

struct tt_rows {
	struct tt_rows_options o;
	struct output text, json;
	char *kept;   /* rows, in no order */
	size_t *heap; /* their places, the least first */
	size_t count, room;
	bool headed;
	uint64_t shown, left_out;
};

int tt_rows_new(struct tt_rows **ret, const struct tt_rows_options *options)
{
	struct tt_rows *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->o = *options;
	r->text = (struct output){.fd = options->text_fd, .buf = TT_BUF(TT_ROWS_BUFFER)};
	r->json = (struct output){.fd = options->json_fd, .buf = TT_BUF(TT_ROWS_BUFFER)};
	*ret = r;
	return 0;
}

struct tt_rows *tt_rows_free(struct tt_rows *r)
{
	if (!r)
		return NULL;
	tt_buf_free(&r->text.buf);
	tt_buf_free(&r->json.buf);
	free(r->kept);
	free(r->heap);
	free(r);
	return NULL;
}

/* --- writing --- */

static void write_out(struct output *o)
{
	size_t at = 0;

	if (o->buf.failed && !o->error)
		o->error = -ENOMEM;
	while (at < o->buf.len && !o->error) {
		ssize_t n = write(o->fd, o->buf.data + at, o->buf.len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			o->error = -errno;
	}
	tt_buf_clear(&o->buf);
}

static void write_row(struct tt_rows *r, const void *row)
{
	if (r->text.fd >= 0 && !r->headed) {
		tt_fields_heading(&r->o.fields, &r->text.buf);
		r->headed = true;
	}
	if (r->text.fd >= 0)
		tt_fields_text(&r->o.fields, row, r->o.wall_minus_mono_ns, &r->text.buf);
	if (r->json.fd >= 0)
		tt_fields_json(&r->o.fields, row, r->o.wall_minus_mono_ns, &r->json.buf);
	if (r->text.buf.len > TT_ROWS_BUFFER / 2)
		write_out(&r->text);
	if (r->json.buf.len > TT_ROWS_BUFFER / 2)
		write_out(&r->json);
	r->shown++;
}

/* --- keeping the greatest: a heap with the least of them on top --- */

static uint64_t rank_of(const struct tt_rows *r, const void *row)
{
	uint64_t v;

	memcpy(&v, (const char *)row + r->o.fields.list[r->o.rank].offset, sizeof(v));
	return v == TT_UNKNOWN ? 0 : v;
}

static void *kept_at(const struct tt_rows *r, size_t place)
{
	return r->kept + place * r->o.row_size;
}

static uint64_t heap_rank(const struct tt_rows *r, size_t i)
{
	return rank_of(r, kept_at(r, r->heap[i]));
}

static void heap_swap(struct tt_rows *r, size_t a, size_t b)
{
	size_t place = r->heap[a];

	r->heap[a] = r->heap[b];
	r->heap[b] = place;
}

static void heap_up(struct tt_rows *r, size_t i)
{
	while (i && heap_rank(r, i) < heap_rank(r, (i - 1) / 2)) {
		heap_swap(r, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void heap_down(struct tt_rows *r, size_t count)
{
	for (size_t i = 0, least;; i = least) {
		least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++) {
			if (heap_rank(r, child) < heap_rank(r, least))
				least = child;
		}
		if (least == i)
			return;
		heap_swap(r, i, least);
	}
}

static int make_room(struct tt_rows *r)
{
	if (r->count < r->room)
		return 0;
	size_t room = r->room ? 2 * r->room : 64;
	if (room > r->o.most)
		room = r->o.most;
	char *kept = reallocarray(r->kept, room, r->o.row_size);
	if (!kept)
		return -ENOMEM;
	r->kept = kept;
	size_t *heap = reallocarray(r->heap, room, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	r->heap = heap;
	r->room = room;
	return 0;
}

static int keep(struct tt_rows *r, const void *row)
{
	if (r->count == r->o.most) {
		r->left_out++;
		if (rank_of(r, row) <= heap_rank(r, 0))
			return 0;
		memcpy(kept_at(r, r->heap[0]), row, r->o.row_size);
		heap_down(r, r->count);
		return 0;
	}
	int e = make_room(r);
	if (e < 0)
		return e;
	memcpy(kept_at(r, r->count), row, r->o.row_size);
	r->heap[r->count] = r->count;
	heap_up(r, r->count++);
	return 0;
}

int tt_rows_add(struct tt_rows *r, const void *row)
{
	if (r->o.gather)
		return keep(r, row);
	write_row(r, row);
	return r->text.error ? r->text.error : r->json.error;
}

int tt_rows_flush(struct tt_rows *r)
{
	/* The least goes behind the rest, again and again: the heap becomes a list, the greatest first. */
	for (size_t left = r->count; left > 1;) {
		heap_swap(r, 0, --left);
		heap_down(r, left);
	}
	if (r->count)
		r->headed = false;
	for (size_t i = 0; i < r->count; i++)
		write_row(r, kept_at(r, r->heap[i]));
	r->count = 0;
	write_out(&r->text);
	write_out(&r->json);
	return r->text.error ? r->text.error : r->json.error;
}

uint64_t tt_rows_shown(const struct tt_rows *r)
{
	return r->shown;
}

uint64_t tt_rows_left_out(const struct tt_rows *r)
{
	return r->left_out;
}
