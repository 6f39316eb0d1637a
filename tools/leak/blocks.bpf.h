/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Blocks that are allocated and not freed, and the rows they are counted in. A block is taken out where its end is told, whatever
 * processor or context that is in; whoever takes it out counts it, and nobody else can.
 */
#ifndef TT_LEAK_BLOCKS_BPF_H
#define TT_LEAK_BLOCKS_BPF_H

#include "tools/tool.bpf.h"

#include "tools/leak/leak.h"
#include "tools/stacks/stacks.bpf.h"

TT_TOOL_CONFIG(struct tt_leak_config);

/* errno.h */
#define TT_LEAK_NONE (-2)
#define TT_LEAK_EXISTS (-17)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_leak_key);
	__type(value, struct tt_leak_block);
} tt_leak_blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_leak_row_key);
	__type(value, struct tt_leak_row);
} tt_leak_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_leak_counts);
} tt_leak_counts SEC(".maps");

#define TT_COUNT(member)                                                                 \
	do {                                                                             \
		__u32 _cpu = bpf_get_smp_processor_id();                                 \
		struct tt_leak_counts *_c = bpf_map_lookup_elem(&tt_leak_counts, &_cpu); \
		if (_c)                                                                  \
			__sync_fetch_and_add(&_c->member, 1);                            \
	} while (0)

/* --- sampling --- */

/*
 * A block of so many bytes is followed with a chance of size / sample, so that each byte has the same one, and stands for
 * sample / size blocks then. What is as large is always followed.
 */
TT_INLINE bool tt_leak_sampled(__u64 size)
{
	if (tt_tool_config.sample <= 1 || size >= tt_tool_config.sample)
		return true;
	/* Below 2^32 both: the option's most. */
	return (bpf_get_prandom_u32() * tt_tool_config.sample) >> 32 < (size ? size : 1);
}

TT_INLINE __u64 tt_leak_blocks_of(__u64 size)
{
	if (tt_tool_config.sample <= 1 || size >= tt_tool_config.sample)
		return TT_LEAK_ONE;
	return tt_tool_config.sample * TT_LEAK_ONE / (size ? size : 1);
}

TT_INLINE __u64 tt_leak_bytes_of(__u64 size)
{
	return size && size < tt_tool_config.sample ? tt_tool_config.sample : size;
}

/* --- rows --- */

TT_INLINE struct tt_leak_row *tt_leak_row_of(const struct tt_leak_row_key *key)
{
	static const struct tt_leak_row none = {};
	struct tt_leak_row *row = bpf_map_lookup_elem(&tt_leak_rows, key);

	if (row)
		return row;
	bpf_map_update_elem(&tt_leak_rows, key, &none, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&tt_leak_rows, key);
	if (!row)
		TT_COUNT(no_row);
	else if (!key->of)
		bpf_get_current_comm(row->comm, sizeof(row->comm));
	return row;
}

/*
 * Before a block is added: of what there is, the least is then. Others may add and begin a window meanwhile; it is as much as
 * there was at some moment all the same.
 */
TT_INLINE void tt_leak_row_course(struct tt_leak_row *row)
{
	__u64 allocated = row->allocated, freed = row->freed, there = allocated > freed ? allocated - freed : 0;

	if (allocated >= row->next) {
		row->next = allocated + allocated / 4 + 1;
		row->low[row->windows++ % TT_LEAK_WINDOWS] = there;
		return;
	}
	__u64 *low = &row->low[(row->windows - 1) % TT_LEAK_WINDOWS];
	if (there < *low)
		*low = there;
}

TT_INLINE void tt_leak_row_add(struct tt_leak_row *row, __u64 size)
{
	__u64 blocks = tt_leak_blocks_of(size);

	tt_leak_row_course(row);
	__sync_fetch_and_add(&row->allocated, blocks);
	__sync_fetch_and_add(&row->allocated_bytes, tt_leak_bytes_of(size));
}

TT_INLINE void tt_leak_row_remove(const struct tt_leak_row_key *key, __u64 size, bool missed)
{
	struct tt_leak_row *row = bpf_map_lookup_elem(&tt_leak_rows, key);

	if (!row)
		return;
	__sync_fetch_and_add(&row->freed, tt_leak_blocks_of(size));
	__sync_fetch_and_add(&row->freed_bytes, tt_leak_bytes_of(size));
	if (missed)
		__sync_fetch_and_add(&row->missed, tt_leak_blocks_of(size));
}

/* --- blocks --- */

/* False: there was none, or another one took it. */
TT_INLINE bool tt_leak_take(const struct tt_leak_key *key, struct tt_leak_block *ret, bool missed)
{
	const struct tt_leak_block *block = bpf_map_lookup_elem(&tt_leak_blocks, key);

	if (!block)
		return false;
	*ret = *block;
	/* Kernels from 5.11 on refuse what interrupts a change of the same part of the table; once more may do. */
	long r = bpf_map_delete_elem(&tt_leak_blocks, key);
	if (r && r != TT_LEAK_NONE)
		r = bpf_map_delete_elem(&tt_leak_blocks, key);
	if (r && r != TT_LEAK_NONE)
		TT_COUNT(busy);
	if (r)
		return false;
	tt_leak_row_remove(&ret->row, ret->size, missed);
	return true;
}

/* One that is there already ended without its end being told. A block that has no row is not followed. */
TT_INLINE void tt_leak_put(const struct tt_leak_key *key, const struct tt_leak_block *block)
{
	struct tt_leak_block before;
	struct tt_leak_row *row = tt_leak_row_of(&block->row);
	long r = row ? bpf_map_update_elem(&tt_leak_blocks, key, block, BPF_NOEXIST) : TT_LEAK_EXISTS;

	if (r == TT_LEAK_EXISTS) {
		if (tt_leak_take(key, &before, true))
			TT_COUNT(replaced);
		if (!row)
			return;
		r = bpf_map_update_elem(&tt_leak_blocks, key, block, BPF_NOEXIST);
	}
	if (r)
		TT_COUNT(no_room);
	else
		tt_leak_row_add(row, block->size);
}

#endif
