/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory of the kernel. What tasks in scope allocate is followed; what ends is looked for whoever ends it, in interrupts, too.
 *
 * Tracepoints of slabs: until 5.19 (call site, block, bytes wanted, bytes taken, flags), and apart from them _node forms; 6.0
 * (b347aa7b5747) has the cache behind the block; since 6.1 (11e9734bcb6a) there are no _node forms, kmalloc is as it was, and
 * kmem_cache_alloc is (call site, block, cache, flags, node). Those of per-CPU memory begin with the call site since 5.19
 * (f67bed134a05).
 */
#ifndef TT_LEAK_KERNEL_BPF_H
#define TT_LEAK_KERNEL_BPF_H

#include "tools/leak/blocks.bpf.h"
#include "tools/leak/types.bpf.h"

#define TT_PAGE_SIZE 4096ull
#define TT_BULK_MOST 512 /* blocks that are freed at once: as many as one page has addresses of */

TT_INLINE void tt_leak_kernel_add(void *ctx, struct tt_leak_block *block, __u64 address, const struct kmem_cache *cache)
{
	struct tt_leak_key key = {.address = address};

	if (!address || !tt_leak_sampled(block->size)) {
		if (address)
			TT_COUNT(sampled);
		else
			TT_COUNT(failed);
		return;
	}
	block->row.stack = tt_stack_kernel(ctx);
	block->time_ns = bpf_ktime_get_ns();
	tt_leak_put(&key, block);
	struct tt_leak_row *row = bpf_map_lookup_elem(&tt_leak_rows, &block->row);
	if (row && cache && !row->cache[0]) {
		const char *name = TT_READ(struct kmem_cache, cache, name);
		if (bpf_probe_read_kernel_str(row->cache, sizeof(row->cache), name) < 0)
			tt_failed(TT_PLACE_KERNEL_READ);
	}
}

TT_INLINE void tt_leak_slab_add(void *ctx, __u64 caller, __u64 address, __u64 size, const struct kmem_cache *cache, bool of_cache)
{
	struct tt_leak_block block = {.row = {.caller = caller, .what = cache ? (__u64)cache : size, .of = TT_LEAK_OF_SLAB},
				      .size = size};

	if (!of_cache)
		block.row.what = TT_LEAK_GENERAL | size;
	tt_leak_kernel_add(ctx, &block, address, cache);
}

TT_INLINE int tt_leak_kernel_remove(__u64 address)
{
	struct tt_leak_key key = {.address = address};
	struct tt_leak_block block;

	tt_leak_take(&key, &block, false);
	return 0;
}

/* An argument as the plain number it is: which one depends on the kernel, and the verifier wants neither that nor typed pointers
 * as keys. */
TT_INLINE __u64 tt_leak_word(const unsigned long long *at)
{
	return tt_first_argument(at);
}

/* The arguments are not the same on all kernels, so they are taken as the words they are. */
TT_INLINE int tt_leak_alloc(unsigned long long *ctx, bool of_cache)
{
	const struct kmem_cache *cache = NULL;
	__u64 size;

	if (!tt_tool_in_scope())
		return 0;
	if (tt_tool_config.slab_form == TT_LEAK_SLAB_OLD) {
		size = tt_leak_word(&ctx[3]);
	} else if (tt_tool_config.slab_form == TT_LEAK_SLAB_CACHE) {
		cache = of_cache ? (const struct kmem_cache *)tt_leak_word(&ctx[2]) : NULL;
		size = tt_leak_word(&ctx[4]);
	} else if (of_cache) {
		cache = (const struct kmem_cache *)tt_leak_word(&ctx[2]);
		size = TT_READ(struct kmem_cache, cache, object_size);
	} else {
		size = tt_leak_word(&ctx[3]);
	}
	tt_leak_slab_add(ctx, tt_leak_word(&ctx[0]), tt_leak_word(&ctx[1]), size, cache, of_cache);
	return 0;
}

#define TT_LEAK_ALLOC(name, tracepoint, of_cache)    \
	SEC("tt_tracepoint/" tracepoint)             \
	int TT_PROG(name)                            \
	{                                            \
		return tt_leak_alloc(ctx, of_cache); \
	}

TT_LEAK_ALLOC(tt_leak_kmalloc, "kmalloc", false)
TT_LEAK_ALLOC(tt_leak_kmalloc_node, "kmalloc_node", false)
TT_LEAK_ALLOC(tt_leak_cache_alloc, "kmem_cache_alloc", true)
TT_LEAK_ALLOC(tt_leak_cache_alloc_node, "kmem_cache_alloc_node", true)

/*
 * Since 6.2 (05b24ff9b2cf) a program does not run while it is running on that processor already: what an interrupt frees then
 * would not be seen. A second one behind the first is not running as long as the first is, and what is gone it does not find.
 */
#define TT_LEAK_FREE(name, tracepoint, at)                            \
	SEC("tt_tracepoint/" tracepoint)                              \
	int TT_PROG(name)                                             \
	{                                                             \
		return tt_leak_kernel_remove(tt_leak_word(&ctx[at])); \
	}

TT_LEAK_FREE(tt_leak_kfree, "kfree", 1)
TT_LEAK_FREE(tt_leak_kfree_again, "kfree", 1)
TT_LEAK_FREE(tt_leak_cache_free, "kmem_cache_free", 1)
TT_LEAK_FREE(tt_leak_cache_free_again, "kmem_cache_free", 1)
TT_LEAK_FREE(tt_leak_page_free, "mm_page_free", 0)
TT_LEAK_FREE(tt_leak_page_free_again, "mm_page_free", 0)
TT_LEAK_FREE(tt_leak_percpu_free, "percpu_free_percpu", 2)

/* kfree_rcu(), whose blocks are freed many at once, and not told one by one. */
SEC("tt_tracepoint/rcu_invoke_kfree_bulk_callback")
int TT_PROG(tt_leak_bulk_free, const char *name, unsigned long count, void **blocks)
{
	for (__u32 i = 0; i < TT_BULK_MOST && i < count; i++) {
		__u64 address = 0;

		if (bpf_probe_read_kernel(&address, sizeof(address), &blocks[i]))
			tt_failed(TT_PLACE_KERNEL_READ);
		else
			tt_leak_kernel_remove(address);
	}
	return 0;
}

SEC("tt_tracepoint/mm_page_alloc")
int TT_PROG(tt_leak_page_alloc)
{
	__u32 order = tt_leak_word(&ctx[1]);
	struct tt_leak_block block = {.row = {.what = order, .of = TT_LEAK_OF_PAGES}, .size = TT_PAGE_SIZE << (order & 31)};

	if (tt_tool_in_scope())
		tt_leak_kernel_add(ctx, &block, tt_leak_word(&ctx[0]), NULL);
	return 0;
}

SEC("tt_tracepoint/percpu_alloc_percpu")
int TT_PROG(tt_leak_percpu_alloc)
{
	struct tt_leak_block block = {.row = {.of = TT_LEAK_OF_PERCPU}};
	__u64 address;

	if (!tt_tool_in_scope())
		return 0;
	if (tt_tool_config.percpu_caller) {
		block.row.caller = tt_leak_word(&ctx[0]);
		block.row.what = tt_leak_word(&ctx[3]);
		block.size = tt_leak_word(&ctx[8]);
		address = tt_leak_word(&ctx[7]);
	} else {
		block.row.what = tt_leak_word(&ctx[2]);
		block.size = tt_leak_word(&ctx[2]) * tt_tool_config.cpus;
		address = tt_leak_word(&ctx[6]);
	}
	tt_leak_kernel_add(ctx, &block, address, NULL);
	return 0;
}

#endif
