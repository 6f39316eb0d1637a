// SPDX-License-Identifier: Apache-2.0
/* Which programs serve what is asked for, and what this kernel has of them. */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "kernel/tables.h"
#include "tools/leak/state.h"

/* Wanted for … */
#define SLAB TT_LEAK_OF_SLAB
#define PAGES TT_LEAK_OF_PAGES
#define PERCPU TT_LEAK_OF_PERCPU
#define OWN 8u	  /* processes' own memory */
#define MMAP 16u  /* and of that, mappings */
#define MAYBE 32u /* not every kernel has it */

static const char nothing[] = "nothing is seen";
static const char missed[] = "what an interrupt frees while another block is being freed there is not seen";

/* Which of them are loaded is told by `wanted_for`, in the same order. */
const struct tt_hook_row tt_leak_hooks[TT_LEAK_HOOKS] = {
	{"tt_leak_kmalloc", "kmalloc", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_kmalloc_node", "kmalloc_node", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_cache_alloc", "kmem_cache_alloc", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_cache_alloc_node", "kmem_cache_alloc_node", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_kfree", "kfree", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_kfree_again", "kfree", TT_FEATURE_RDONLY_CAST, TT_HOOK_IF_THERE, missed},
	{"tt_leak_cache_free", "kmem_cache_free", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_cache_free_again", "kmem_cache_free", TT_FEATURE_RDONLY_CAST, TT_HOOK_IF_THERE, missed},
	{"tt_leak_bulk_free", "rcu_invoke_kfree_bulk_callback", TT_FEATURE_BTF, TT_HOOK_REQUIRED, "what kfree_rcu() frees stays"},
	{"tt_leak_page_alloc", "mm_page_alloc", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_page_free", "mm_page_free", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_page_free_again", "mm_page_free", TT_FEATURE_RDONLY_CAST, TT_HOOK_IF_THERE, missed},
	{"tt_leak_percpu_alloc", "percpu_alloc_percpu", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_percpu_free", "percpu_free_percpu", TT_FEATURE_BTF, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_malloc", "malloc", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_calloc", "calloc", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_realloc", "realloc", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_reallocarray", "reallocarray", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_memalign", "memalign", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_posix_memalign", "posix_memalign", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_new", "operator new", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_freed", "free", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_returned", "returns", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_mmap", "mmap", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_mremap", "mremap", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_munmap", "munmap", TT_FEATURE_UPROBE, TT_HOOK_REQUIRED, nothing},
	{"tt_leak_begun", "sched_process_fork", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED, "children are not followed"},
	{"tt_leak_became", "sched_process_exec", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED,
	 "memory of programs that are gone stays"},
	{"tt_leak_ended", "sched_process_exit", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED,
	 "memory of processes that are gone stays"},
};

static const uint8_t wanted_for[TT_LEAK_HOOKS] = {
	SLAB, SLAB | MAYBE, SLAB, SLAB | MAYBE, SLAB, SLAB, SLAB, SLAB, SLAB | MAYBE, PAGES, PAGES, PAGES, PERCPU, PERCPU, OWN,
	OWN,  OWN,	    OWN,  OWN,		OWN,  OWN,  OWN,  OWN,	MMAP,	      MMAP,  MMAP,  OWN,   OWN,	   OWN,
};

const struct tt_map_row tt_leak_maps[TT_LEAK_MAPS] = {
	{"tt_leak_blocks", TT_LIMIT_TOOL_ALLOCATIONS},
	{"tt_leak_rows", TT_LIMIT_TOOL_KERNEL_ROWS},
	{"tt_leak_calls", TT_LIMIT_TOOL_TASKS},
	{"tt_leak_counts", TT_MAP_PER_CPU},
	TT_STACK_MAPS,
};

/* Nothing but what becomes of processes goes through rings. */
const struct tt_tool_preset tt_leak_presets[TT_LEAK_PRESETS] = {
	{TT_LIMIT_RING_BYTES, 64u << 10}, {TT_LIMIT_CONTROL_RING_BYTES, 1u << 20}, {TT_LIMIT_TOOL_TASKS, 2048},
	{TT_LIMIT_TOOL_STACKS, 8192},	  {TT_LIMIT_TOOL_KERNEL_ROWS, 8192},
};

int tt_leak_of_read(const char *text)
{
	static const struct {
		const char *name;
		int of;
	} words[] = {{"slab", SLAB}, {"pages", PAGES}, {"percpu", PERCPU}};
	int of = 0;

	while (text) {
		size_t len = strcspn(text, ","), i = 0;

		while (i < TT_ARRAY_LEN(words) && (strlen(words[i].name) != len || memcmp(words[i].name, text, len) != 0))
			i++;
		if (i == TT_ARRAY_LEN(words))
			return -EINVAL;
		of |= words[i].of;
		text = text[len] ? text + len + 1 : NULL;
	}
	return of;
}

void tt_leak_hooks_choose(struct tt_leak_settings *s)
{
	struct tt_kernel_question q[TT_LEAK_HOOKS] = {{0}};
	unsigned wanted = s->config.of ? s->config.of : OWN | (s->mmap ? MMAP : 0);
	unsigned kmalloc = 0;
	bool with_node = false;

	for (size_t i = 0; i < TT_LEAK_HOOKS; i++)
		q[i].tracepoint = tt_leak_hooks[i].hook ? tt_leak_hooks[i].hook : "";
	/* Without BTF nothing loads, which is said then. */
	(void)tt_kernel_ask(q, TT_LEAK_HOOKS);
	s->unwanted = 0;
	for (size_t i = 0; i < TT_LEAK_HOOKS && tt_leak_hooks[i].hook; i++) {
		const char *hook = tt_leak_hooks[i].hook;

		if (!(wanted_for[i] & wanted) || (wanted_for[i] & MAYBE && !q[i].has))
			s->unwanted |= 1ull << i;
		if (strcmp(hook, "kmalloc") == 0)
			kmalloc = q[i].arguments;
		with_node |= strcmp(hook, "kmalloc_node") == 0 && q[i].has;
		if (strcmp(hook, "percpu_alloc_percpu") == 0)
			s->config.percpu_caller = q[i].arguments >= 10;
	}
	s->config.slab_form = !with_node ? TT_LEAK_SLAB_NEW : kmalloc >= 6 ? TT_LEAK_SLAB_CACHE : TT_LEAK_SLAB_OLD;
}
