// SPDX-License-Identifier: Apache-2.0
/* What is shown: a row for each stack with blocks that are not freed, and one for all together. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "tools/leak/state.h"

#define STACK_LEN 2048
#define FUNCTION_LEN 128
#define AGES_LEN 96

struct stack_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t pid;
	uint64_t blocks, bytes;
	uint64_t blocks_error, bytes_error;
	uint64_t grew_bytes, shrank_bytes;
	uint64_t allocated, allocated_bytes;
	uint64_t freed, freed_bytes;
	uint64_t missed;
	uint64_t oldest_ns;
	uint64_t ages[TT_LEAK_AGES];
	char state[12];
	char comm[TT_LEAK_COMM_LEN];
	char of[8];
	char cache[32];
	char function[FUNCTION_LEN];
	char stack[STACK_LEN];
};

static const struct tt_field stack_fields[] = {
	TT_FIELD_MORE(struct stack_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "when that was so"),
	TT_FIELD_MORE(struct stack_row, interval_ns, "interval_ns", TT_FIELD_NS, "since the row before, or the beginning"),
	TT_FIELD(struct stack_row, state, "STATE", TT_UNIT_NONE, 8, "state", TT_FIELD_TEXT,
		 "`growing`, `kept` (nothing of it was freed), `steady` (with `--all`), or `untold` (its ends are not all told)"),
	TT_FIELD(struct stack_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID,
		 "whose memory it is; unknown of the kernel's"),
	TT_FIELD(struct stack_row, comm, "COMM", TT_UNIT_NONE, 15, "comm", TT_FIELD_TEXT,
		 "the thread that first allocated there"),
	TT_FIELD(struct stack_row, of, "OF", TT_UNIT_NONE, 7, "of", TT_FIELD_TEXT, "`process`, `slab`, `pages` or `percpu`"),
	TT_FIELD(struct stack_row, cache, "CACHE", TT_UNIT_NONE, 16, "cache", TT_FIELD_TEXT,
		 "the kernel's: its cache, or how large its blocks are"),
	TT_FIELD(struct stack_row, blocks, "BLOCKS", TT_UNIT_NONE, 9, "blocks", TT_FIELD_COUNT, "allocated and not freed"),
	TT_FIELD(struct stack_row, bytes, "BYTES", TT_UNIT_KIB, 11, "outstanding_bytes", TT_FIELD_BYTES,
		 "their size, as it was asked for"),
	TT_FIELD_MORE(struct stack_row, blocks_error, "blocks_error", TT_FIELD_COUNT,
		      "with `--sample`: standard error of the estimated number of blocks"),
	TT_FIELD_MORE(struct stack_row, bytes_error, "error_bytes", TT_FIELD_BYTES, "with `--sample`: the same of their bytes"),
	TT_FIELD(struct stack_row, grew_bytes, "GREW", TT_UNIT_KIB, 10, "grew_bytes", TT_FIELD_BYTES,
		 "more than at the last interval's end"),
	TT_FIELD_MORE(struct stack_row, shrank_bytes, "shrank_bytes", TT_FIELD_BYTES, "or less"),
	TT_FIELD(struct stack_row, allocated, "ALLOCS", TT_UNIT_NONE, 9, "allocated", TT_FIELD_COUNT,
		 "blocks allocated since the beginning"),
	TT_FIELD_MORE(struct stack_row, allocated_bytes, "allocated_bytes", TT_FIELD_BYTES, "their size"),
	TT_FIELD(struct stack_row, freed, "FREES", TT_UNIT_NONE, 9, "freed", TT_FIELD_COUNT, "of those, freed"),
	TT_FIELD_MORE(struct stack_row, freed_bytes, "freed_bytes", TT_FIELD_BYTES, "their size"),
	TT_FIELD_MORE(struct stack_row, missed, "missed", TT_FIELD_COUNT,
		      "of those, blocks whose end was not told: their address was given out anew"),
	TT_FIELD(struct stack_row, oldest_ns, "OLDEST", TT_UNIT_S, 10, "oldest_ns", TT_FIELD_NS, "age of the oldest block"),
	TT_FIELD_MORE(struct stack_row, ages[0], "age_under_1s", TT_FIELD_COUNT, "blocks by age"),
	TT_FIELD_MORE(struct stack_row, ages[1], "age_under_10s", TT_FIELD_COUNT, "at least 1 s"),
	TT_FIELD_MORE(struct stack_row, ages[2], "age_under_60s", TT_FIELD_COUNT, "at least 10 s"),
	TT_FIELD_MORE(struct stack_row, ages[3], "age_under_600s", TT_FIELD_COUNT, "at least 1 min"),
	TT_FIELD_MORE(struct stack_row, ages[4], "age_over", TT_FIELD_COUNT, "at least 10 min"),
	TT_FIELD_MORE(struct stack_row, function, "function", TT_FIELD_TEXT, "who called the allocator"),
	TT_FIELD(struct stack_row, stack, "STACK", TT_UNIT_NONE, 0, "stack", TT_FIELD_TEXT,
		 "functions that led there, outermost first; of a longer one the end"),
};

struct total_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t stacks, steady;
	uint64_t blocks, bytes;
	uint64_t blocks_error, bytes_error;
	uint64_t grew_bytes, shrank_bytes;
	uint64_t allocated, freed;
	uint64_t sample_bytes;
};

static const struct tt_field total_fields[] = {
	TT_FIELD_MORE(struct total_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "when that was so"),
	TT_FIELD_MORE(struct total_row, interval_ns, "interval_ns", TT_FIELD_NS, "since the row before, or the beginning"),
	TT_FIELD(struct total_row, stacks, "STACKS", TT_UNIT_NONE, 7, "stacks", TT_FIELD_COUNT,
		 "stacks with blocks that are not freed, as far as there was room for a row (limit tool_rows)"),
	TT_FIELD(struct total_row, steady, "STEADY", TT_UNIT_NONE, 7, "steady", TT_FIELD_COUNT, "of those, steady"),
	TT_FIELD(struct total_row, blocks, "BLOCKS", TT_UNIT_NONE, 10, "blocks", TT_FIELD_COUNT,
		 "of all stacks, with a row or without"),
	TT_FIELD(struct total_row, blocks_error, "+-", TT_UNIT_NONE, 8, "blocks_error", TT_FIELD_COUNT,
		 "with `--sample`: standard error of that estimate"),
	TT_FIELD(struct total_row, bytes, "BYTES", TT_UNIT_KIB, 12, "outstanding_bytes", TT_FIELD_BYTES, "their size"),
	TT_FIELD(struct total_row, bytes_error, "+-", TT_UNIT_KIB, 10, "error_bytes", TT_FIELD_BYTES,
		 "with `--sample`: standard error of that estimate"),
	TT_FIELD(struct total_row, grew_bytes, "GREW", TT_UNIT_KIB, 10, "grew_bytes", TT_FIELD_BYTES,
		 "more than at the last interval's end"),
	TT_FIELD_MORE(struct total_row, shrank_bytes, "shrank_bytes", TT_FIELD_BYTES, "or less"),
	TT_FIELD(struct total_row, allocated, "ALLOCS", TT_UNIT_NONE, 11, "allocated", TT_FIELD_COUNT,
		 "blocks allocated since the beginning, those of stacks that have none now included; as for STACKS"),
	TT_FIELD(struct total_row, freed, "FREES", TT_UNIT_NONE, 11, "freed", TT_FIELD_COUNT, "of those, freed"),
	TT_FIELD_MORE(struct total_row, sample_bytes, "sample_bytes", TT_FIELD_BYTES, "as `--sample` says"),
};

const struct tt_table tt_leak_stacks_table = {
	.kind = "stack",
	.help = "blocks one stack allocated that are not freed",
	.fields = {stack_fields, TT_ARRAY_LEN(stack_fields)},
	.row_size = sizeof(struct stack_row),
	.rank = 8, /* bytes */
};

const struct tt_table tt_leak_total_table = {
	.kind = "total",
	.help = "all of them together, whether they are shown or not",
	.fields = {total_fields, TT_ARRAY_LEN(total_fields)},
	.row_size = sizeof(struct total_row),
	.rank = 6, /* bytes */
	.in_order = true,
};

static uint64_t rounded(double v)
{
	return v > 0 ? (uint64_t)(v + 0.5) : 0;
}

static uint64_t error_of(const struct tt_leak_settings *s, double variance)
{
	return s->config.sample > 1 ? rounded(sqrt(variance)) : TT_UNKNOWN;
}

static uint64_t blocks_of(uint64_t parts)
{
	return (parts + TT_LEAK_ONE / 2) / TT_LEAK_ONE;
}

/* --- names --- */

/* As the kernel names its general caches. */
static void general_name(unsigned long long bytes, char *to, size_t size)
{
	if (bytes < 1024)
		snprintf(to, size, "kmalloc-%llu", bytes);
	else
		snprintf(to, size, "kmalloc-%lluk", bytes / 1024);
}

static void cache_name(const struct tt_leak_sum *sum, char *to, size_t size)
{
	unsigned long long what = sum->key.what;

	to[0] = 0;
	if (sum->row.cache[0])
		snprintf(to, size, "%.*s", (int)sizeof(sum->row.cache), sum->row.cache);
	else if (sum->key.of == TT_LEAK_OF_SLAB && what & TT_LEAK_GENERAL)
		general_name(what & ~TT_LEAK_GENERAL, to, size);
	else if (sum->key.of == TT_LEAK_OF_SLAB)
		snprintf(to, size, "(%llu bytes)", what);
	else if (sum->key.of == TT_LEAK_OF_PAGES)
		snprintf(to, size, "order %llu", what);
	else if (sum->key.of == TT_LEAK_OF_PERCPU)
		snprintf(to, size, "%llu bytes", what);
}

/* The last but one: the last is the allocator's. */
static void function_name(const struct tt_buf *text, char *to, size_t size)
{
	const char *begin = (const char *)text->data, *last = begin ? memrchr(begin, ';', text->len) : NULL;
	const char *from = last ? memrchr(begin, ';', (size_t)(last - begin)) : NULL;

	from = from ? from + 1 : begin;
	snprintf(to, size, "%.*s", last ? (int)(last - from) : 0, last ? from : "");
}

static const char *of_name(uint32_t of)
{
	return of == TT_LEAK_OF_SLAB ? "slab" : of == TT_LEAK_OF_PAGES ? "pages" : of == TT_LEAK_OF_PERCPU ? "percpu" : "process";
}

/* --- rows --- */

static void grew(double by, uint64_t *more, uint64_t *less)
{
	*more = rounded(by);
	*less = rounded(-by);
}

static int show_stack(struct tt_tool_run *run, const struct tt_leak_sum *sum, uint64_t now_ns)
{
	const struct tt_leak_settings *s = run->settings;
	const struct tt_leak_run *l = run->state;
	tt_buf_auto struct tt_buf text = TT_BUF(256u << 10);
	struct stack_row row = {
		.time_ns = now_ns,
		.interval_ns = now_ns - l->shown_ns,
		.pid = sum->key.of ? TT_UNKNOWN : sum->key.tgid,
		.blocks = rounded(sum->now.blocks),
		.bytes = rounded(sum->now.bytes),
		.blocks_error = error_of(s, sum->now.blocks_variance),
		.bytes_error = error_of(s, sum->now.bytes_variance),
		.allocated = blocks_of(sum->row.allocated),
		.allocated_bytes = sum->row.allocated_bytes,
		.freed = blocks_of(sum->row.freed),
		.freed_bytes = sum->row.freed_bytes,
		.missed = blocks_of(sum->row.missed),
		.oldest_ns = now_ns > sum->now.oldest_ns ? now_ns - sum->now.oldest_ns : 0,
	};

	for (size_t i = 0; i < TT_LEAK_AGES; i++)
		row.ages[i] = rounded(sum->now.ages[i]);
	grew(tt_leak_grew(sum), &row.grew_bytes, &row.shrank_bytes);
	snprintf(row.state, sizeof(row.state), "%s", tt_leak_state_names[tt_leak_state_of(sum)]);
	snprintf(row.of, sizeof(row.of), "%s", of_name(sum->key.of));
	memcpy(row.comm, sum->row.comm, sizeof(row.comm));
	cache_name(sum, row.cache, sizeof(row.cache));
	tt_leak_text(run, &sum->key, &text);
	function_name(&text, row.function, sizeof(row.function));
	tt_stacks_tail(row.stack, sizeof(row.stack), &text);
	if (run->stacks && l->last)
		tt_stacks_fold(run->stacks, (const char *)text.data, text.len, row.bytes);
	return tt_tool_row(run, TT_LEAK_TABLE_STACKS, &row);
}

int tt_leak_show(struct tt_tool_run *run, uint64_t now_ns)
{
	const struct tt_leak_settings *s = run->settings;
	struct tt_leak_run *l = run->state;
	struct tt_leak_now all = {0};
	struct total_row total = {.time_ns = now_ns, .interval_ns = now_ns - l->shown_ns};
	double by = tt_leak_rest_grew(&l->sums);

	tt_leak_now_join(&all, &l->sums.rest);
	for (size_t i = 0; i < l->sums.count; i++) {
		const struct tt_leak_sum *sum = &l->sums.list[i];
		bool steady = tt_leak_state_of(sum) == TT_LEAK_STEADY;

		by += tt_leak_grew(sum);
		total.allocated += sum->row.allocated;
		total.freed += sum->row.freed;
		if (!sum->now.seen)
			continue;
		tt_leak_now_join(&all, &sum->now);
		total.stacks++;
		total.steady += steady;
		int r = steady && !s->all ? 0 : show_stack(run, sum, now_ns);
		if (r < 0)
			return r;
	}
	run->notes[TT_LEAK_NOTE_STEADY] = s->all ? 0 : total.steady;
	total.allocated = blocks_of(total.allocated);
	total.freed = blocks_of(total.freed);
	total.blocks = rounded(all.blocks);
	total.bytes = rounded(all.bytes);
	total.blocks_error = error_of(s, all.blocks_variance);
	total.bytes_error = error_of(s, all.bytes_variance);
	total.sample_bytes = s->config.sample > 1 ? s->config.sample : TT_UNKNOWN;
	grew(by, &total.grew_bytes, &total.shrank_bytes);
	l->shown_ns = now_ns;
	tt_leak_sums_end(&l->sums);
	return tt_tool_row(run, TT_LEAK_TABLE_TOTAL, &total);
}
