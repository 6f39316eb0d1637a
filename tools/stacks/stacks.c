// SPDX-License-Identifier: Apache-2.0
#include "tools/stacks/stacks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach/attach.h"
#include "base/log.h"
#include "base/own.h"
#include "identity/mapped.h"
#include "kernel/tables.h"
#include "symbols/kernel.h"
#include "symbols/symbols.h"
#include "tools/stacks/fold.h"
#include "tools/stacks/svg.h"

#define FILE_MOST (1u << 30)
#define TEXT_MOST (256u << 10)
/* Where a program at a tracepoint looks, these stand outside it, one by the other: functions whose names begin so. */
static const char *const ends[] = {"__schedule", "__traceiter_", "__bpf_trace_", "bpf_trace_run"};
/* It is so deep itself at most, and some of what stands outside may have other names. */
#define OWN_MOST 12
#define OWN_GAP 2

struct tt_stacks {
	struct tt_tool_run *run;
	const struct tt_stack_wish *wish;
	struct tt_kernel_symbols *kernel; /* NULL: not to be had */
	struct tt_symbols *symbols;
	struct tt_mapped_file file; /* where there is no attach part */
	/* Texts of stacks that were looked up: the key's bytes in front, as one text. */
	struct tt_fold known;
	struct tt_buf texts;
	struct tt_fold folded;
	int folded_fd, svg_fd;
	uint64_t forgotten; /* texts that were not kept */
};

/* --- processes: by the attach part, which may look; in tests there is none --- */

static int look_maps(void *ctx, uint32_t pid, struct tt_buf *to)
{
	struct tt_stacks *s = ctx;

	return s->run->attach ? tt_attach_maps(s->run->attach, pid, to) : tt_mapped_lines(pid, to);
}

static int look_file(void *ctx, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to)
{
	struct tt_stacks *s = ctx;

	return s->run->attach ? tt_attach_mapped(s->run->attach, pid, start, offset, most, to)
			      : tt_mapped_read(&s->file, pid, start, offset, most, to);
}

static int look_stamp(void *ctx, uint32_t pid, uint64_t start, struct tt_buf *to)
{
	return look_file(ctx, pid, start, TT_MAPPED_STAMP, sizeof(struct tt_mapped_stamp), to);
}

static int look_perf_map(void *ctx, uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to)
{
	struct tt_stacks *s = ctx;

	return s->run->attach ? tt_attach_perf_map(s->run->attach, pid, offset, most, to)
			      : tt_perf_map_read(pid, offset, most, to);
}

static const struct tt_symbols_source source = {look_maps, look_file, look_stamp, look_perf_map};

/* --- life --- */

static int file_open(const char *option, const char *name, int *ret)
{
	*ret = -1;
	if (!name)
		return 0;
	*ret = strcmp(name, "-") == 0 ? dup(STDOUT_FILENO) : open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	return *ret < 0 ? tt_error_errno(-errno, "--%s %s", option, name) : 0;
}

int tt_stacks_new(struct tt_stacks **ret, struct tt_tool_run *run, const struct tt_stack_wish *wish)
{
	struct tt_stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return tt_error_errno(-ENOMEM, "stacks");
	*s = (struct tt_stacks){.run = run,
				.wish = wish,
				.file = TT_MAPPED_NONE,
				.known = TT_FOLD(run->limits->value[TT_LIMIT_TOOL_STACK_BYTES]),
				.texts = TT_BUF(run->limits->value[TT_LIMIT_TOOL_STACK_BYTES]),
				.folded = TT_FOLD(run->limits->value[TT_LIMIT_TOOL_STACK_BYTES]),
				.folded_fd = -1,
				.svg_fd = -1};
	/* Without it addresses are shown. */
	(void)tt_kernel_symbols_new(&s->kernel, "/proc/kallsyms");
	int r = tt_symbols_new(&s->symbols, &source, s, run->limits);
	if (r == 0)
		r = file_open("folded", wish->folded, &s->folded_fd);
	if (r == 0)
		r = file_open("svg", wish->svg, &s->svg_fd);
	if (r < 0)
		tt_stacks_free(s);
	else
		*ret = s;
	return r;
}

struct tt_stacks *tt_stacks_free(struct tt_stacks *s)
{
	if (!s)
		return NULL;
	tt_kernel_symbols_free(s->kernel);
	tt_symbols_free(s->symbols);
	tt_mapped_close(&s->file);
	tt_fold_free(&s->known);
	tt_fold_free(&s->folded);
	tt_buf_free(&s->texts);
	if (s->folded_fd >= 0)
		close(s->folded_fd);
	if (s->svg_fd >= 0)
		close(s->svg_fd);
	free(s);
	return NULL;
}

/* --- frames --- */

/* How many frames there are, innermost first; 0: the stack is not there. */
static unsigned frames_of(const struct tt_stacks *s, int32_t id, uint64_t frames[static TT_STACK_DEPTH])
{
	uint32_t key = (uint32_t)id;
	unsigned depth = 0;

	memset(frames, 0, TT_STACK_DEPTH * sizeof(*frames));
	if (id < 0 || !s->run->kernel || tt_kernel_map_get(s->run->kernel, "tt_stacks", &key, frames) < 0)
		return 0;
	while (depth < TT_STACK_DEPTH && frames[depth])
		depth++;
	return depth;
}

static int separate(struct tt_buf *to, size_t begin)
{
	return to->len > begin ? tt_buf_add_char(to, ';') : 0;
}

static bool is_end(const char *name)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(ends); i++) {
		if (strncmp(name, ends[i], strlen(ends[i])) == 0)
			return true;
	}
	return false;
}

unsigned tt_stacks_own(const char *const names[], unsigned depth)
{
	unsigned own = 0;

	for (unsigned i = 0; i < depth && i < (own ? own + OWN_GAP : OWN_MOST); i++) {
		if (names[i] && is_end(names[i]))
			own = i + 1;
	}
	return own;
}

static int kernel_frames(struct tt_stacks *s, const uint64_t *frames, unsigned depth, bool by_clock, struct tt_buf *to)
{
	const char *names[TT_STACK_DEPTH] = {NULL};
	size_t begin = to->len;
	int r = 0;

	for (unsigned i = 0; i < depth; i++)
		names[i] = tt_kernel_symbol(s->kernel, i ? frames[i] - 1 : frames[i]);
	unsigned own = by_clock ? 0 : tt_stacks_own(names, depth);
	while (r == 0 && depth-- > own) {
		r = separate(to, begin);
		if (r == 0)
			r = names[depth] ? tt_symbols_clean(to, names[depth])
					 : tt_buf_printf(to, "%#llx", (unsigned long long)frames[depth]);
	}
	return r;
}

static int kernel_text(struct tt_stacks *s, int32_t id, bool by_clock, struct tt_buf *to)
{
	uint64_t frames[TT_STACK_DEPTH];
	unsigned depth = frames_of(s, id, frames);

	return id == TT_STACK_LOST ? tt_buf_add_str(to, "[lost]") : kernel_frames(s, frames, depth, by_clock, to);
}

int tt_stacks_kernel_text(struct tt_stacks *s, int32_t id, struct tt_buf *to)
{
	return kernel_text(s, id, false, to);
}

struct key {
	uint64_t caller;
	uint32_t tgid;
	int32_t id;
};

/*
 * Code that uses the frame pointer for something else leads the kernel astray: what stands behind the first address that is no
 * code is chance. Code of just-in-time compilers that tell no names is some.
 */
static unsigned frames_sure(struct tt_stacks *s, const struct key *key, uint64_t image, const uint64_t *frames, unsigned depth)
{
	unsigned sure = 0;

	while (sure < depth && tt_symbols_is_code(s->symbols, key->tgid, image, frames[sure], sure > 0))
		sure++;
	return sure;
}

static int user_frames(struct tt_stacks *s, const struct key *key, uint64_t image, const uint64_t *frames, unsigned count,
		       struct tt_buf *to)
{
	unsigned sure = frames_sure(s, key, image, frames, count);
	unsigned depth = TT_MIN(count, sure + 1); /* the first that is not sure is [unknown], and stands for the rest */
	bool called = key->caller && !(count > 1 && frames[1] == key->caller);
	size_t begin = to->len;
	int r = 0;

	while (r == 0 && depth--) {
		if (!depth && called) {
			r = separate(to, begin);
			r = r < 0 ? r : tt_symbols_add(s->symbols, key->tgid, image, key->caller, true, to);
		}
		r = r < 0 ? r : separate(to, begin);
		if (r == 0)
			r = tt_symbols_add(s->symbols, key->tgid, image, frames[depth], depth > 0, to);
	}
	return r;
}

static int user_text(struct tt_stacks *s, const struct key *key, uint64_t image, struct tt_buf *to)
{
	uint64_t frames[TT_STACK_DEPTH];
	unsigned depth = frames_of(s, key->id, frames);
	int r = user_frames(s, key, image, frames, depth, to);

	return r == 0 && !depth ? tt_buf_add_str(to, "[unknown]") : r;
}

int tt_stacks_frames_text(struct tt_stacks *s, const struct tt_stack_frames *f, struct tt_buf *to)
{
	const struct key key = {.tgid = f->tgid};
	size_t begin = to->len;
	int r = user_frames(s, &key, f->image, f->user, f->user_count, to);

	if (r == 0 && f->kernel_count)
		r = separate(to, begin);
	return r < 0 ? r : kernel_frames(s, f->kernel, f->kernel_count, true, to);
}

struct tt_symbols_counts tt_stacks_counts(const struct tt_stacks *s)
{
	return tt_symbols_counts(s->symbols);
}

void tt_stacks_tail(char *to, size_t size, const struct tt_buf *text)
{
	const char *from = (const char *)text->data;
	size_t len = text->len;

	to[0] = 0;
	if (len >= size) {
		from += len - (size - 5);
		len = size - 5;
		const char *frame = memchr(from, ';', len);
		len -= frame ? (size_t)(frame - from) : 0;
		from = frame ? frame : from;
		memcpy(to, "...", 3);
		to += 3;
	}
	if (len)
		memcpy(to, from, len);
	to[len] = 0;
}

/* --- what is known already --- */

/* Looks the stack up now, while its process is there, and keeps its text. */
static void learn(struct tt_stacks *s, const struct key *key, uint64_t image)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TEXT_MOST);
	size_t at = s->texts.len;

	(void)user_text(s, key, image, &text); /* what does not fit is cut */
	if (tt_buf_add(&s->texts, text.data, text.len) < 0 || tt_buf_add_char(&s->texts, 0) < 0) {
		s->texts.len = at;
		s->forgotten++;
		return;
	}
	struct tt_fold_row *row = tt_fold_add(&s->known, (const char *)key, sizeof(*key), 0);
	if (row)
		row->value = at; /* the newest, where numbers are used again */
}

bool tt_stacks_take(struct tt_stacks *s, const struct tt_record *rec)
{
	const struct tt_stack_seen *seen = (const struct tt_stack_seen *)rec;

	if (rec->type != (uint16_t)TT_STACK_RECORD || rec->len < sizeof(*seen))
		return false;
	const struct key key = {seen->caller, rec->tgid, seen->id};
	if (seen->id >= 0)
		learn(s, &key, seen->image);
	return true;
}

int tt_stacks_user_text(struct tt_stacks *s, uint32_t tgid, int32_t id, struct tt_buf *to)
{
	return tt_stacks_called_text(s, tgid, id, 0, to);
}

int tt_stacks_called_text(struct tt_stacks *s, uint32_t tgid, int32_t id, uint64_t caller, struct tt_buf *to)
{
	const struct key key = {caller, tgid, id};

	if (id == TT_STACK_LOST)
		return tt_buf_add_str(to, "[lost]");
	if (id < 0)
		return 0;
	const struct tt_fold_row *row = tt_fold_find(&s->known, (const char *)&key, sizeof(key));
	return row ? tt_buf_add_str(to, (const char *)s->texts.data + row->value) : user_text(s, &key, 0, to);
}

int tt_stacks_text(struct tt_stacks *s, const struct tt_stack *stack, struct tt_buf *to)
{
	size_t begin = to->len;
	int r = tt_stacks_user_text(s, stack->tgid, stack->user, to);

	if (r == 0 && stack->kernel != TT_STACK_NONE) {
		size_t middle = to->len;
		r = separate(to, begin);
		size_t behind = to->len;
		if (r == 0)
			r = kernel_text(s, stack->kernel, stack->by_clock, to);
		if (to->len == behind)
			to->len = middle;
	}
	return r;
}

/* --- files --- */

void tt_stacks_fold(struct tt_stacks *s, const char *text, size_t len, uint64_t value)
{
	if (value && (s->folded_fd >= 0 || s->svg_fd >= 0))
		(void)tt_fold_add(&s->folded, text, len, value);
}

static int file_write(int fd, const struct tt_buf *b)
{
	size_t at = 0;

	if (b->failed)
		return -ENOMEM;
	while (at < b->len) {
		ssize_t n = write(fd, b->data + at, b->len - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int tt_stacks_write(struct tt_stacks *s)
{
	const char *unit = s->wish->unit ? s->wish->unit : "samples";
	int r = 0;

	tt_fold_sort(&s->folded);
	if (s->folded_fd >= 0) {
		tt_buf_auto struct tt_buf b = TT_BUF(FILE_MOST);
		tt_fold_text(&s->folded, &b);
		r = file_write(s->folded_fd, &b);
		if (r < 0)
			return tt_error_errno(r, "--folded %s", s->wish->folded);
	}
	if (s->svg_fd >= 0) {
		tt_buf_auto struct tt_buf b = TT_BUF(FILE_MOST);
		char title[96];
		snprintf(title, sizeof(title), "telltale: %s by stack", unit);
		tt_flame_graph(&s->folded, title, unit, &b);
		r = file_write(s->svg_fd, &b);
		if (r < 0)
			return tt_error_errno(r, "--svg %s", s->wish->svg);
	}
	return 0;
}

static void tell(struct tt_buf *b, uint64_t count, const char *what)
{
	if (count)
		tt_buf_printf(b, "; %llu %s", (unsigned long long)count, what);
}

void tt_stacks_tell(struct tt_stacks *s, struct tt_buf *b)
{
	struct tt_symbols_counts c = tt_symbols_counts(s->symbols);
	struct tt_stack_counts one, all = {0};

	for (uint32_t cpu = 0; tt_kernel_map_get(s->run->kernel, "tt_stack_counts", &cpu, &one) == 0; cpu++) {
		all.collided += one.collided;
		all.missed += one.missed;
		all.untold += one.untold;
	}
	tell(b, all.collided, "stacks not kept, as another one had their place (limit tool_stacks)");
	tell(b, all.missed, "stacks the kernel did not give");
	tell(b, all.untold + s->forgotten, "stacks looked up late, for want of room (limits tool_stacks, tool_stack_bytes)");
	tell(b, s->folded.refused, "of the flame graph left out, for want of room (limit tool_stack_bytes)");
	tell(b, c.gone, "addresses of processes that had ended");
	tell(b, c.too_much, "times a file or perf-PID.map was not read on, as it was too long or none");
	tell(b, c.no_room, "processes, files and functions not kept, for want of room (limits symbol_…)");
}
