// SPDX-License-Identifier: Apache-2.0
/* Functions of the kernel by their addresses: /proc/kallsyms, read once when the first stack is to be shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "kernel/tables.h"
#include "tools/sched/state.h"

#define SYMBOLS_MOST (1u << 20)
#define NAMES_MOST (64u << 20)

struct symbol {
	uint64_t address;
	size_t name; /* where it begins in the names */
};

struct tt_sched_symbols {
	struct symbol *list; /* by address */
	size_t count;
	struct tt_buf names; /* each ended by 0 */
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

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

static int symbols_read(struct tt_sched_symbols *s, FILE *f)
{
	tt_free_auto char *line = NULL;
	size_t size = 0, room = 0;
	uint64_t address;
	char *name;

	while (getline(&line, &size, f) > 0 && s->count < SYMBOLS_MOST) {
		if (!line_read(line, &address, &name))
			continue;
		if (s->count == room) {
			room = room ? 2 * room : 16384;
			struct symbol *more = reallocarray(s->list, room, sizeof(*more));
			if (!more)
				return -1;
			s->list = more;
		}
		s->list[s->count] = (struct symbol){address, s->names.len};
		if (tt_buf_add(&s->names, (const uint8_t *)name, strlen(name) + 1) < 0)
			return -1;
		s->count++;
	}
	if (s->count)
		qsort(s->list, s->count, sizeof(*s->list), by_address);
	return 0;
}

void tt_sched_symbols_free(struct tt_sched_symbols *s)
{
	if (!s)
		return;
	free(s->list);
	tt_buf_free(&s->names);
	free(s);
}

static struct tt_sched_symbols *symbols_of(struct tt_sched_run *state)
{
	if (state->resolved || !state->symbols)
		return state->resolved;
	state->resolved = calloc(1, sizeof(*state->resolved));
	if (state->resolved) {
		state->resolved->names = TT_BUF(NAMES_MOST);
		(void)symbols_read(state->resolved, state->symbols);
	}
	fclose(state->symbols);
	state->symbols = NULL;
	return state->resolved;
}

/* The last one that begins at or before the address. NULL: there is none. */
static const char *name_of(const struct tt_sched_symbols *s, uint64_t address)
{
	size_t low = 0, high = s ? s->count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? (const char *)s->names.data + s->list[low - 1].name : NULL;
}

void tt_sched_stack(struct tt_tool_run *run, int32_t id, char *to, size_t size)
{
	uint64_t frames[TT_SCHED_DEPTH] = {0};
	uint32_t key = (uint32_t)id;
	size_t len = 0;
	unsigned depth = 0;

	to[0] = 0;
	if (id < 0 || tt_kernel_map_get(run->kernel, "tt_sched_stacks", &key, frames) < 0)
		return;
	const struct tt_sched_symbols *s = symbols_of(run->state);
	while (depth < TT_SCHED_DEPTH && frames[depth])
		depth++;
	while (depth-- && len < size) {
		const char *name = name_of(s, frames[depth]);
		/* Below that is only what looks. */
		if (name && strcmp(name, "__schedule") == 0)
			break;
		int n = name ? snprintf(to + len, size - len, "%s%s", len ? ";" : "", name)
			     : snprintf(to + len, size - len, "%s%#llx", len ? ";" : "", (unsigned long long)frames[depth]);
		len += (size_t)n;
	}
}

bool tt_sched_function(const char *name, uint64_t *from, uint64_t *to)
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
