// SPDX-License-Identifier: Apache-2.0
#include "sink/refused.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "sink/address.h"

struct tt_refused_row {
	uint64_t count;
	int error;
	uint8_t service_len;
	uint8_t address_len;
	char text[]; /* service, address */
};

struct tt_refused_key {
	struct tt_span service;
	struct tt_span address;
	int error;
};

int tt_refused_init(struct tt_refused *r, uint64_t limit)
{
	*r = (struct tt_refused){.limit = limit};
	return tt_table_init(&r->rows);
}

void tt_refused_free(struct tt_refused *r)
{
	size_t at = 0;

	for (void *row; (row = tt_table_each(&r->rows, &at));)
		free(row);
	tt_table_free(&r->rows);
}

static struct tt_span tt_refused_service(const struct tt_refused_row *row)
{
	return tt_span(row->text, row->service_len);
}

static struct tt_span tt_refused_address(const struct tt_refused_row *row)
{
	return tt_span(row->text + row->service_len, row->address_len);
}

static bool tt_refused_same(const void *item, const void *key)
{
	const struct tt_refused_row *row = item;
	const struct tt_refused_key *k = key;

	return row->error == k->error && tt_span_eq(tt_refused_service(row), k->service) &&
	       tt_span_eq(tt_refused_address(row), k->address);
}

static struct tt_refused_row *tt_refused_row(struct tt_refused *r, const struct tt_refused_key *k)
{
	uint64_t hash = tt_table_hash(&r->rows, k->service.data, k->service.len) ^
			tt_table_hash(&r->rows, k->address.data, k->address.len) ^ (uint64_t)k->error;
	struct tt_refused_row *row = tt_table_find(&r->rows, hash, tt_refused_same, k);
	if (row || r->rows.count >= r->limit)
		return row;

	row = calloc(1, sizeof(*row) + k->service.len + k->address.len);
	if (!row)
		return NULL;
	row->error = k->error;
	row->service_len = (uint8_t)k->service.len;
	row->address_len = (uint8_t)k->address.len;
	memcpy(row->text, k->service.data, k->service.len);
	memcpy(row->text + k->service.len, k->address.data, k->address.len);
	if (tt_table_add(&r->rows, hash, row) < 0) {
		free(row);
		return NULL;
	}
	return row;
}

void tt_refused_count(struct tt_refused *r, const struct tt_event *e, const struct tt_conn_report *report)
{
	struct tt_address_text text;

	if (!report->connect_failed)
		return;
	struct tt_span address = tt_address_format(&text, &report->ends->peer, true);
	struct tt_refused_key key = {.service = tt_span_sub(tt_span_str(e->self->service), 0, UINT8_MAX),
				     .address = address.data ? address : TT_SPAN_LIT("?"),
				     .error = report->error};
	struct tt_refused_row *row = tt_refused_row(r, &key);

	if (row)
		row->count++;
	else
		r->others++;
}

static int tt_refused_order(const void *a, const void *b)
{
	const struct tt_refused_row *x = *(const struct tt_refused_row *const *)a, *y = *(const struct tt_refused_row *const *)b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	size_t n = TT_MIN((size_t)x->service_len + x->address_len, (size_t)y->service_len + y->address_len);
	return memcmp(x->text, y->text, n);
}

/* Names are as the kernel has them: nothing in them may reach a terminal as a command. */
static void tt_refused_text(struct tt_buf *out, struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++)
		tt_buf_add_char(out, s.data[i] < ' ' || (s.data[i] >= 127 && s.data[i] < 160) ? '.' : (char)s.data[i]);
}

static void tt_refused_line(struct tt_buf *out, const struct tt_refused_row *row)
{
	const char *name = strerrorname_np(row->error);

	tt_buf_printf(out, "%9llu %s not opened: ", (unsigned long long)row->count,
		      row->count == 1 ? "connection" : "connections");
	tt_refused_text(out, tt_refused_service(row));
	tt_buf_add_str(out, " to ");
	tt_refused_text(out, tt_refused_address(row));
	tt_buf_printf(out, " (%s)\n", row->error && name ? name : "no reason seen");
}

void tt_refused_write(struct tt_buf *out, const struct tt_refused *r, size_t rows)
{
	tt_free_auto struct tt_refused_row **list = calloc(r->rows.count + 1, sizeof(*list));
	size_t at = 0, count = 0;
	uint64_t others = r->others;

	if (!list)
		return;
	for (struct tt_refused_row *row; (row = tt_table_each(&r->rows, &at));)
		list[count++] = row;
	qsort(list, count, sizeof(struct tt_refused_row *), tt_refused_order);
	for (size_t i = 0; i < count; i++) {
		if (i < rows)
			tt_refused_line(out, list[i]);
		else
			others += list[i]->count;
	}
	if (others)
		tt_buf_printf(out, "%9llu other connections not opened\n", (unsigned long long)others);
}
