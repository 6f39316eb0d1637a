// SPDX-License-Identifier: Apache-2.0
#include "symbols/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "symbols/functions.h"

/* kallsyms has no sizes: behind the last function of a module, where nothing follows for long, nothing is named any more. */
#define REACH (64u << 10)
#define BYTES_MOST (96u << 20)

struct tt_kernel_symbols {
	FILE *file; /* NULL: it was read */
	struct tt_functions_budget budget;
	struct tt_functions functions;
};

/* "ffffffff82a5e0a8 t name[\t[module]]\n"; code has one of the letters t and w. False: it is none. */
static bool line_read(char *line, uint64_t *address, char **name)
{
	char *end;

	*address = strtoull(line, &end, 16);
	if (end == line || strlen(end) < 4 || !strchr("tTwW", end[1]))
		return false;
	*name = end + 3;
	(*name)[strcspn(*name, "\t\n")] = 0;
	return *address != 0;
}

static void read_all(struct tt_kernel_symbols *s)
{
	tt_free_auto char *line = NULL;
	size_t size = 0;
	uint64_t address;
	char *name;

	while (getline(&line, &size, s->file) > 0) {
		if (line_read(line, &address, &name) && tt_functions_add(&s->functions, address, 0, name, strlen(name)) < 0)
			break;
	}
	fclose(s->file);
	s->file = NULL;
}

int tt_kernel_symbols_new(struct tt_kernel_symbols **ret, const char *path)
{
	struct tt_kernel_symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->budget.left = BYTES_MOST;
	s->functions = TT_FUNCTIONS(&s->budget);
	s->functions.reach = REACH;
	s->file = fopen(path, "re");
	if (!s->file) {
		int r = -errno;
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct tt_kernel_symbols *tt_kernel_symbols_free(struct tt_kernel_symbols *s)
{
	if (!s)
		return NULL;
	if (s->file)
		fclose(s->file);
	tt_functions_free(&s->functions);
	free(s);
	return NULL;
}

const char *tt_kernel_symbol(struct tt_kernel_symbols *s, uint64_t address)
{
	if (!s)
		return NULL;
	if (s->file)
		read_all(s);
	return tt_functions_find(&s->functions, address);
}

bool tt_kernel_function(const char *name, uint64_t *from, uint64_t *to)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	tt_free_auto char *line = NULL;
	size_t size = 0;
	uint64_t begin = 0, end = 0, address;
	char *found;

	while (f && getline(&line, &size, f) > 0) {
		if (!line_read(line, &address, &found))
			continue;
		if (!begin && strcmp(found, name) == 0) {
			begin = address;
		} else if (begin && address > begin) {
			/* The kernel's own come in the order of their addresses. */
			end = address;
			break;
		}
	}
	if (f)
		fclose(f);
	if (!begin || !end)
		return false;
	*from = begin;
	*to = end;
	return true;
}
