// SPDX-License-Identifier: Apache-2.0
#include "kernel/symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

/* "ffffffff82a5e0a8 D page_offset_base[\t[module]]\n". Returns how many of them it is. */
static size_t line_take(const char *line, struct tt_symbol *symbols, size_t count)
{
	char *end;
	uint64_t address = strtoull(line, &end, 16);

	size_t taken = 0;

	if (end == line || strlen(end) < 4)
		return 0;
	const char *name = end + 3;
	size_t len = strcspn(name, "\t\n");
	for (size_t i = 0; i < count; i++) {
		if (symbols[i].address || strncmp(symbols[i].name, name, len) != 0 || symbols[i].name[len])
			continue;
		symbols[i].address = address;
		symbols[i].listed = true;
		taken += address != 0;
	}
	return taken;
}

int tt_symbols_find(struct tt_symbol *symbols, size_t count)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	tt_free_auto char *line = NULL;
	size_t size = 0, left = count;

	if (!f)
		return -errno;
	while (left && getline(&line, &size, f) > 0)
		left -= line_take(line, symbols, count);
	fclose(f);
	return 0;
}
