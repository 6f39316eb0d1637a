// SPDX-License-Identifier: Apache-2.0
#include "symbols/functions.h"

#include <errno.h>
#include <string.h>

/* Functions that begin before an address and may have it within them, though another one began later. */
#define NESTED_MOST 16

static size_t leading(const char *name)
{
	return strspn(name, "_");
}

static int compare(const void *a, const void *b, void *table)
{
	const struct tt_functions *f = table;
	const struct tt_function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	/* Names are kept in the order they came in. */
	if (f->newest)
		return x->name > y->name ? -1 : x->name < y->name;
	const char *first = (const char *)f->names.data + x->name, *second = (const char *)f->names.data + y->name;
	if (leading(first) != leading(second))
		return leading(first) < leading(second) ? -1 : 1;
	return strcmp(first, second);
}

static bool spend(struct tt_functions *f, uint64_t bytes)
{
	if (!f->budget)
		return true;
	if (f->budget->left < bytes || (f->most && f->spent + bytes > f->most)) {
		f->budget->refused++;
		return false;
	}
	f->budget->left -= bytes;
	f->spent += bytes;
	return true;
}

int tt_functions_add(struct tt_functions *f, uint64_t start, uint64_t size, const char *name, size_t len)
{
	len = TT_MIN(len, (size_t)TT_FUNCTION_NAME_MOST);
	if (!spend(f, sizeof(*f->list) + len + 1))
		return -ENOBUFS;
	if (f->count == f->room) {
		size_t room = f->room ? f->room + f->room / 2 : 64;
		struct tt_function *more = reallocarray(f->list, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		f->list = more;
		f->room = room;
	}
	uint32_t at = (uint32_t)f->names.len;
	int r = tt_buf_reserve(&f->names, len + 1);
	if (r < 0)
		return r;
	tt_buf_add(&f->names, name, len);
	tt_buf_add_char(&f->names, 0);
	f->list[f->count++] = (struct tt_function){start, (uint32_t)TT_MIN(size, (uint64_t)UINT32_MAX), at};
	return 0;
}

/* Of several at one address the first stays. */
static void sort(struct tt_functions *f)
{
	size_t kept = 0;

	if (f->sorted == f->count)
		return;
	qsort_r(f->list, f->count, sizeof(*f->list), compare, f);
	for (size_t i = 0; i < f->count; i++) {
		if (!kept || f->list[kept - 1].start != f->list[i].start)
			f->list[kept++] = f->list[i];
		else if (!f->list[kept - 1].size)
			f->list[kept - 1].size = f->list[i].size;
	}
	f->count = f->sorted = kept;
}

static bool has(const struct tt_functions *f, size_t i, uint64_t address)
{
	const struct tt_function *one = &f->list[i];
	uint64_t within = address - one->start;

	if (one->size)
		return within < one->size;
	if (i + 1 < f->count && address >= f->list[i + 1].start)
		return false;
	/* Of the last one without a size no end is known. */
	return f->reach ? within < f->reach : i + 1 < f->count;
}

const char *tt_functions_find(struct tt_functions *f, uint64_t address)
{
	size_t low = 0, high;

	sort(f);
	high = f->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (f->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t back = 0; back < NESTED_MOST && low > back; back++) {
		if (has(f, low - 1 - back, address))
			return (const char *)f->names.data + f->list[low - 1 - back].name;
	}
	return NULL;
}

void tt_functions_free(struct tt_functions *f)
{
	if (f->budget)
		f->budget->left += f->spent;
	free(f->list);
	tt_buf_free(&f->names);
	f->list = NULL;
	f->count = f->room = f->sorted = 0;
	f->spent = 0;
}
