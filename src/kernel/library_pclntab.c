// SPDX-License-Identifier: Apache-2.0
#include "kernel/library_pclntab.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "base/own.h"

#define MAGIC_1_2 0xfffffffbu
#define MAGIC_1_16 0xfffffffau
#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u
#define HEAD_BYTES 72
/* More functions than any program has, and longer ones: what says more is no such table. */
#define FUNCTIONS_MOST (1u << 24)
#define STEPS_MOST (1u << 20)

/* Of an entry of the index, and of the fields of struct _func that matter. */
#define ENTRY_BYTES 8
#define FUNCTION_BYTES 20
#define FUNCTION_NAME 4
#define FUNCTION_STACKS 16

static bool known_magic(uint32_t magic)
{
	return magic == MAGIC_1_18 || magic == MAGIC_1_20;
}

int tt_pclntab_open(struct tt_pclntab *ret, struct tt_window *w, uint64_t at, uint64_t size)
{
	struct tt_cursor c = tt_cursor(tt_window_at(w, at, HEAD_BYTES));
	struct tt_pclntab t = {.at = at, .size = size};

	uint32_t magic = tt_cursor_le32(&c);
	if (size < HEAD_BYTES || tt_cursor_short(&c))
		return -ENOEXEC;
	if (!known_magic(magic))
		return magic == MAGIC_1_16 || magic == MAGIC_1_2 ? -EOPNOTSUPP : -ENOEXEC;
	(void)tt_cursor_le16(&c);
	uint8_t quantum = tt_cursor_u8(&c);
	uint8_t pointer = tt_cursor_u8(&c);
	if (quantum != 1 || pointer != 8)
		return -EOPNOTSUPP;
	t.functions = tt_cursor_le64(&c);
	(void)tt_cursor_le64(&c); /* files */
	t.text = tt_cursor_le64(&c);
	t.names = tt_cursor_le64(&c);
	t.names_end = tt_cursor_le64(&c); /* units of compilation follow … */
	(void)tt_cursor_le64(&c);	  /* … and names of files */
	t.stacks = tt_cursor_le64(&c);
	t.index = tt_cursor_le64(&c);
	if (t.names > t.names_end || t.names_end > size || t.stacks > size || t.index > size || t.functions > FUNCTIONS_MOST ||
	    t.functions * ENTRY_BYTES > size - t.index)
		return -ENOEXEC;
	*ret = t;
	return 0;
}

/* --- names --- */

/* Looks in one piece of the names, which are ended by 0 each; `first`: nothing stands before it. */
static void names_search(struct tt_span piece, bool first, const char *name, uint64_t base, uint64_t *ret)
{
	size_t len = strlen(name) + 1;
	const uint8_t *at = piece.data;

	while (piece.len && (at = memmem(at, (size_t)(piece.data + piece.len - at), name, len))) {
		if ((first && at == piece.data) || (at > piece.data && !at[-1])) {
			*ret = base + (uint64_t)(at - piece.data);
			return;
		}
		at++;
	}
}

/* The offsets of names[i] among the names, UINT64_MAX where it is not there. */
static void names_find(const struct tt_pclntab *t, struct tt_window *w, const char *const *names, uint64_t *ret, size_t count)
{
	uint64_t end = t->names_end - t->names;
	size_t longest = 0;

	for (size_t i = 0; i < count; i++) {
		ret[i] = UINT64_MAX;
		longest = TT_MAX(longest, strlen(names[i]) + 2);
	}
	for (uint64_t at = 0; at < end; at += TT_WINDOW_BYTES - longest) {
		struct tt_span piece =
			tt_window_some(w, t->at + t->names + at, (size_t)TT_MIN(end - at, (uint64_t)TT_WINDOW_BYTES));

		for (size_t i = 0; i < count; i++) {
			if (ret[i] == UINT64_MAX)
				names_search(piece, at == 0, names[i], at, &ret[i]);
		}
		if (at + piece.len >= end || piece.len <= longest)
			return;
	}
}

/* --- how deep the stack is --- */

/* A number in groups of seven bits, the lowest first. */
static bool varint(struct tt_window *w, uint64_t *at, uint64_t end, uint32_t *ret)
{
	uint32_t v = 0;

	for (int shift = 0; shift < 32; shift += 7) {
		struct tt_span s = *at < end ? tt_window_at(w, *at, 1) : tt_span(NULL, 0);

		if (!s.len)
			return false;
		++*at;
		v |= (uint32_t)(*s.data & 0x7f) << shift;
		if (!(*s.data & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Changes of a value and for how many bytes it holds, from -1 on; a change of none ends them, but as the first. */
static int levels_read(const struct tt_pclntab *t, struct tt_window *w, uint32_t stacks, struct tt_pclntab_function *f)
{
	uint64_t at = t->at + t->stacks + stacks;
	uint64_t end = t->at + t->size;
	int64_t depth = -1;
	uint64_t pc = 0;
	uint32_t change;
	uint32_t bytes;

	for (uint32_t step = 0; step < STEPS_MOST; step++) {
		if (!varint(w, &at, end, &change))
			return -ENOEXEC;
		if (!change && step)
			return 0;
		if (!varint(w, &at, end, &bytes))
			return -ENOEXEC;
		depth += change & 1 ? ~(int64_t)(change >> 1) : (int64_t)(change >> 1);
		if (!depth && pc) {
			if (f->level_count == TT_PCLNTAB_LEVELS_MOST)
				return -E2BIG;
			f->level[f->level_count++] = (uint32_t)pc;
		}
		pc += bytes;
		if (pc > UINT32_MAX)
			return -ENOEXEC;
	}
	return -ENOEXEC;
}

/* --- functions --- */

static int function_read(const struct tt_pclntab *t, struct tt_window *w, uint64_t at, const uint64_t *names, bool levels,
			 struct tt_pclntab_function *ret, size_t count)
{
	struct tt_span s = at <= t->size ? tt_window_at(w, t->at + at, FUNCTION_BYTES) : tt_span(NULL, 0);
	struct tt_cursor c = tt_cursor(s);
	uint32_t entry = tt_cursor_le32(&c);
	uint32_t name = tt_cursor_le32(&c);
	(void)tt_cursor_skip(&c, FUNCTION_STACKS - FUNCTION_NAME - 4);
	uint32_t stacks = tt_cursor_le32(&c);

	if (tt_cursor_short(&c))
		return -ENOEXEC;
	for (size_t i = 0; i < count; i++) {
		if (name != names[i] || ret[i].found)
			continue;
		ret[i].found = true;
		ret[i].entry = entry;
		return levels ? levels_read(t, w, stacks, &ret[i]) : 0;
	}
	return 0;
}

int tt_pclntab_find(const struct tt_pclntab *t, struct tt_window *w, const char *const *names, bool levels,
		    struct tt_pclntab_function *ret, size_t count)
{
	uint64_t at[TT_PCLNTAB_NAMES_MOST];
	struct tt_window index = {.fd = w->fd};
	int r = 0;

	memset(ret, 0, count * sizeof(*ret));
	if (count > TT_PCLNTAB_NAMES_MOST)
		return -E2BIG;
	names_find(t, w, names, at, count);
	for (uint64_t i = 0; r == 0 && i < t->functions; i++) {
		struct tt_cursor c = tt_cursor(tt_window_at(&index, t->at + t->index + i * ENTRY_BYTES, ENTRY_BYTES));

		(void)tt_cursor_le32(&c); /* its begin, which it says itself, too */
		uint32_t function = tt_cursor_le32(&c);
		r = tt_cursor_short(&c) ? -ENOEXEC : function_read(t, w, t->index + function, at, levels, ret, count);
	}
	return r;
}
