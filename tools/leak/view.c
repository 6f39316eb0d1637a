// SPDX-License-Identifier: Apache-2.0
/* Blocks and rows as the programs have them now, joined to the sums of this run. */
#include <errno.h>
#include <string.h>

#include "kernel/process_probes.h"
#include "kernel/tables.h"
#include "tools/leak/state.h"

struct reading {
	struct tt_leak_sums *sums;
	uint64_t now_ns;
	uint64_t older_ns;
	uint64_t sample;
	bool only_gone; /* nothing but what processes left that are gone */
};

/* What is left by a process that is gone is taken out of the kernel, once. */
static int take_block(void *ctx, const void *key, const void *value)
{
	const struct reading *r = ctx;
	const struct tt_leak_block *block = value;
	const struct tt_leak_gone *gone = block->row.of ? NULL : tt_leak_sums_gone_of(r->sums, block->row.tgid, block->row.image);
	uint64_t at_ns = gone ? gone->time_ns : r->now_ns;
	uint64_t age_ns = at_ns > block->time_ns ? at_ns - block->time_ns : 0;

	if (gone && !gone->ended)
		return 1;
	if ((r->only_gone && !gone) || age_ns < r->older_ns)
		return gone != NULL;
	struct tt_leak_sum *sum = tt_leak_sum_of(r->sums, &block->row);
	if (gone)
		tt_leak_now_add(sum ? &sum->left : &r->sums->rest_left, r->sample, block, age_ns);
	if (!r->only_gone)
		tt_leak_now_add(sum ? &sum->now : &r->sums->rest, r->sample, block, age_ns);
	return gone != NULL;
}

static int take_row(void *ctx, const void *key, const void *value)
{
	const struct reading *r = ctx;
	const struct tt_leak_row_key *k = key;
	const struct tt_leak_gone *gone = k->of ? NULL : tt_leak_sums_gone_of(r->sums, k->tgid, k->image);

	if (r->only_gone && !gone)
		return 0;
	/* Of one that is gone only what its blocks made a row for is told. */
	struct tt_leak_sum *sum = gone ? tt_leak_sum_find(r->sums, k) : tt_leak_sum_of(r->sums, k);
	if (!sum)
		return gone != NULL;
	memcpy(&sum->row, value, sizeof(sum->row));
	sum->over = gone != NULL;
	return gone != NULL;
}

static int read_all(struct tt_tool_run *run, struct reading *r)
{
	if (!run->kernel)
		return 0;
	int e = tt_kernel_map_read(run->kernel, "tt_leak_blocks", sizeof(struct tt_leak_key), sizeof(struct tt_leak_block),
				   take_block, r);

	if (e >= 0)
		e = tt_kernel_map_read(run->kernel, "tt_leak_rows", sizeof(struct tt_leak_row_key), sizeof(struct tt_leak_row),
				       take_row, r);
	if (e >= 0)
		tt_leak_sums_read(r->sums);
	return e;
}

static void notes_read(struct tt_tool_run *run)
{
	struct tt_leak_counts one, all = {0};
	const struct tt_leak_run *l = run->state;

	for (uint32_t cpu = 0; run->kernel && tt_kernel_map_get(run->kernel, "tt_leak_counts", &cpu, &one) == 0; cpu++) {
		all.sampled += one.sampled;
		all.no_room += one.no_room;
		all.no_row += one.no_row;
		all.no_call += one.no_call;
		all.replaced += one.replaced;
		all.unknown += one.unknown;
		all.unread += one.unread;
		all.busy += one.busy;
	}
	run->notes[TT_LEAK_NOTE_SAMPLED] = all.sampled;
	run->notes[TT_LEAK_NOTE_MISSED] = run->kernel ? tt_process_probes_missed(run->kernel) : 0;
	run->notes[TT_LEAK_NOTE_NO_ROOM] = all.no_room;
	run->notes[TT_LEAK_NOTE_NO_ROW] = all.no_row + l->sums.rest.seen;
	run->notes[TT_LEAK_NOTE_NO_GONE] = l->sums.gone_refused;
	run->notes[TT_LEAK_NOTE_NO_CALL] = all.no_call;
	run->notes[TT_LEAK_NOTE_REPLACED] = all.replaced;
	run->notes[TT_LEAK_NOTE_UNKNOWN] = all.unknown;
	run->notes[TT_LEAK_NOTE_UNREAD] = all.unread;
	run->notes[TT_LEAK_NOTE_BUSY] = all.busy;
}

int tt_leak_view(struct tt_tool_run *run, uint64_t now_ns)
{
	const struct tt_leak_settings *s = run->settings;
	struct tt_leak_run *l = run->state;
	struct reading r = {.sums = &l->sums, .now_ns = now_ns, .older_ns = s->older_ns, .sample = s->config.sample};

	tt_leak_sums_begin(&l->sums);
	int e = read_all(run, &r);
	notes_read(run);
	return e;
}

int tt_leak_sweep(struct tt_tool_run *run, uint64_t now_ns)
{
	const struct tt_leak_settings *s = run->settings;
	struct tt_leak_run *l = run->state;
	struct reading r = {
		.sums = &l->sums, .now_ns = now_ns, .older_ns = s->older_ns, .sample = s->config.sample, .only_gone = true};

	l->ended = false;
	l->swept_ns = now_ns;
	return read_all(run, &r);
}
