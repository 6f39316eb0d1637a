// SPDX-License-Identifier: Apache-2.0
#include "kernel/library_traces.h"

#include <string.h>

#include "base/cursor.h"
#include "base/own.h"
#include "kernel/library_code.h"
#include "kernel/library_elf.h"

#define LONGEST_TEXT 64u
#define LONGEST_POINTING 7u /* bytes of an instruction that points or goes somewhere */
#define NAME_BYTES 256u	    /* of a source file */

/* --- through segments, in pieces that overlap --- */

/* Some bytes of a segment that are loaded at that address; of the last `n` only such beginnings are new that fit in. */
typedef bool (*piece_fn)(struct tt_traces *t, struct tt_span piece, uint64_t address, void *ctx);

static bool pieces(struct tt_traces *t, const GElf_Phdr *segment, uint64_t bytes, size_t overlap, piece_fn fn, void *ctx)
{
	for (uint64_t at = 0; at < bytes; at += TT_WINDOW_BYTES - overlap) {
		size_t n = (size_t)TT_MIN(bytes - at, (uint64_t)TT_WINDOW_BYTES);
		struct tt_span piece = tt_window_some(t->code, segment->p_offset + at, n);

		if (!fn(t, piece, segment->p_vaddr + at, ctx))
			return false;
		if (at + piece.len >= bytes || piece.len < TT_WINDOW_BYTES)
			break;
	}
	return true;
}

static bool segments(struct tt_traces *t, uint32_t flags, size_t overlap, piece_fn fn, void *ctx)
{
	uint64_t left = TT_TRACES_FILE;
	size_t count = 0;
	GElf_Phdr segment;

	if (elf_getphdrnum(t->elf, &count) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(t->elf, (int)i, &segment) || segment.p_type != PT_LOAD || (segment.p_flags & flags) != flags)
			continue;
		const uint64_t bytes = TT_MIN(segment.p_filesz, left);

		if (!pieces(t, &segment, bytes, overlap, fn, ctx))
			return false;
		left -= bytes;
	}
	return true;
}

/* --- texts --- */

static bool place_add(struct tt_traces *t, size_t text, uint64_t address)
{
	for (size_t i = 0; i < t->place_count[text]; i++) {
		if (t->place[text][i] == address)
			return true;
	}
	if (t->place_count[text] == TT_TRACES_PLACES)
		return false;
	t->place[text][t->place_count[text]++] = address;
	return true;
}

static bool texts_piece(struct tt_traces *t, struct tt_span piece, uint64_t address, void *ctx)
{
	for (size_t i = 0; piece.len && i < t->text_count; i++) {
		const size_t len = strlen(t->texts[i]) + 1;
		const uint8_t *at = piece.data, *end = piece.data + piece.len;

		while ((at = memmem(at, (size_t)(end - at), t->texts[i], len))) {
			if (!place_add(t, i, address + (uint64_t)(at - piece.data)))
				return false;
			at++;
		}
	}
	return true;
}

bool tt_traces_texts(struct tt_traces *t)
{
	memset(t->place_count, 0, sizeof(t->place_count));
	return segments(t, 0, LONGEST_TEXT, texts_piece, NULL);
}

/* --- who points or goes there --- */

struct sought {
	const uint64_t *targets;
	size_t count;
	bool going;
	struct tt_unwind_function last; /* found */
	struct tt_traces_functions *found;
};

static uint32_t word(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_sought(const struct sought *s, uint64_t target)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->targets[i] == target)
			return true;
	}
	return false;
}

/* Whether bytes there could be an instruction that points (lea, mov) or goes (call, jmp) to what is sought. */
static bool may_be(const struct sought *s, const uint8_t *p, uint64_t address)
{
	if (s->going)
		return (p[0] & 0xfe) == 0xe8 && is_sought(s, address + 5 + (uint64_t)(int64_t)(int32_t)word(p + 1));
	if ((p[0] & 0xf8) == 0x48 && p[1] == 0x8d && (p[2] & 0xc7) == 5)
		return is_sought(s, address + 7 + (uint64_t)(int64_t)(int32_t)word(p + 3));
	return (p[0] & 0xf8) == 0xb8 && is_sought(s, word(p + 1));
}

static void function_add(struct tt_traces_functions *f, const struct tt_unwind_function *one)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->at[i].begin == one->begin)
			return;
	}
	if (f->count < TT_TRACES_PLACES)
		f->at[f->count++] = *one;
}

/* False: nothing more is to be looked for. */
static bool reference(struct tt_traces *t, struct sought *s, uint64_t address)
{
	if (address - s->last.begin < s->last.size)
		return true;
	if (tt_unwind_find(&t->unwind, address, &s->last))
		function_add(s->found, &s->last);
	else
		s->last = (struct tt_unwind_function){0};
	return s->found->count < TT_TRACES_PLACES && tt_unwind_work(&t->unwind, 0);
}

static bool references_piece(struct tt_traces *t, struct tt_span piece, uint64_t address, void *ctx)
{
	struct sought *s = ctx;

	for (size_t i = 0; i + LONGEST_POINTING <= piece.len; i++) {
		if (may_be(s, piece.data + i, address + i) && !reference(t, s, address + i))
			return false;
	}
	return true;
}

void tt_traces_pointing(struct tt_traces *t, size_t text, struct tt_traces_functions *ret)
{
	struct sought s = {.targets = t->place[text], .count = t->place_count[text], .found = ret};

	ret->count = 0;
	if (s.count)
		(void)segments(t, PF_X, LONGEST_POINTING, references_piece, &s);
}

void tt_traces_going(struct tt_traces *t, uint64_t address, struct tt_traces_functions *ret)
{
	struct sought s = {.targets = &address, .count = 1, .going = true, .found = ret};

	ret->count = 0;
	(void)segments(t, PF_X, LONGEST_POINTING, references_piece, &s);
}

/* --- one function --- */

struct tt_span tt_trace_code(struct tt_traces *t, const struct tt_unwind_function *at, size_t most)
{
	uint64_t offset = tt_elf_code_offset(t->elf, at->begin);

	return offset && at->size <= most ? tt_window_at(t->code, offset, (size_t)at->size) : tt_span(NULL, 0);
}

#define WORK_SOURCE 64u

/* The name of the source file stands there, whatever directory before it. */
static bool is_source(struct tt_traces *t, uint64_t address)
{
	uint64_t offset = tt_unwind_work(&t->unwind, WORK_SOURCE) ? tt_elf_offset(t->elf, address) : 0;
	struct tt_span s = offset ? tt_window_some(t->data, offset, NAME_BYTES) : tt_span(NULL, 0);
	const uint8_t *end = s.len ? memchr(s.data, 0, s.len) : NULL;
	const size_t len = strlen(t->source);

	return end && (size_t)(end - s.data) >= len && memcmp(end - len, t->source, len) == 0;
}

static void pointed(struct tt_traces *t, struct tt_trace *trace, uint64_t address, bool absolute)
{
	for (size_t i = 0; i < t->text_count; i++) {
		for (size_t p = 0; p < t->place_count[i]; p++) {
			if (t->place[i][p] == address)
				trace->texts |= 1u << i;
		}
	}
	trace->points |= !absolute; /* else it may be any number */
	trace->source |= is_source(t, address);
}

static bool step_take(struct tt_traces *t, struct tt_trace *trace, const struct tt_code_step *step)
{
	const uint64_t target = step->absolute ? (uint64_t)step->target : trace->at.begin + (uint64_t)step->target;
	const bool leaves = step->calls || (step->jumps && target - trace->at.begin >= trace->at.size);

	trace->locks |= step->locks;
	if (step->points)
		pointed(t, trace, target, step->absolute);
	if (leaves && trace->call_count < TT_TRACES_CALLS)
		trace->calls[trace->call_count++] = target;
	return trace->call_count < TT_TRACES_CALLS;
}

bool tt_trace_read(struct tt_traces *t, const struct tt_unwind_function *at, struct tt_trace *ret)
{
	static const uint8_t test[] = {0x48, 0x85, 0xff}; /* test %rdi,%rdi */
	struct tt_span code = tt_trace_code(t, at, TT_CODE_MOST);
	struct tt_code_step step;

	*ret = (struct tt_trace){.at = *at};
	for (size_t i = 0; i < code.len; i = step.end) {
		if (!tt_code_step(code, i, &step) || !step_take(t, ret, &step))
			return false;
		ret->tests |= step.end - i == sizeof(test) && memcmp(code.data + i, test, sizeof(test)) == 0;
	}
	return code.len;
}

bool tt_trace_calls(const struct tt_trace *trace, uint64_t address)
{
	for (size_t i = 0; i < trace->call_count; i++) {
		if (trace->calls[i] == address)
			return true;
	}
	return false;
}
