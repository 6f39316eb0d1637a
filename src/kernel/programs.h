/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tool's own programs (tools/NAME/NAME.bpf.c), loaded and attached. What comes of them is a struct tt_kernel like the probes':
 * the same rings, counts, scope and horizon (kernel/load.h, kernel/stats.h).
 */
#ifndef TT_KERNEL_PROGRAMS_H
#define TT_KERNEL_PROGRAMS_H

#include "kernel/load.h"
#include "shared/tool.h"

/* As many entries as there are CPUs: scratch that programs of process context find by CPU number. */
#define TT_MAP_PER_CPU TT_LIMIT_MAX

/* A map of the programs that is sized at load. */
struct tt_map_row {
	const char *name;
	enum tt_limit limit; /* or TT_MAP_PER_CPU */
};

/* All members are borrowed for the call. */
struct tt_programs {
	const void *elf; /* the object file, as its skeleton holds it */
	size_t elf_size;
	/*
	 * Attached in this order; the scope's own programs behind them. Those that need TT_FEATURE_UPROBE are only loaded, for
	 * kernel/process_probes.h.
	 */
	const struct tt_hook_row *rows;
	size_t row_count;
	bool data_rings;    /* they report to those, not only to the control ring */
	uint32_t sample_hz; /* how often those of the rows that a clock runs (SEC "perf_event") look at each processor */
	bool sample_idle;   /* those that are idle, too */
	uint64_t by_cycles; /* of these rows the clock is the processor's cycles, not its timer: one bit a row */
	uint64_t unwanted;  /* rows that are not loaded: one bit a row */
	const struct tt_map_row *maps;
	size_t map_count;
	const void *config; /* goes to the read-only variable tt_tool_config; NULL: there is none */
	size_t config_size;
	const struct tt_tool_filter *filter; /* goes to tt_tool_filter; NULL: none */
};

/*
 * Loads, attaches and begins to observe `scope`. `report` is always filled; its `error` holds one line where this fails: -ENOENT
 * no kernel BTF, -EPERM no privilege, -EOPNOTSUPP a required program does not load or attach here, -EINVAL the object is not one
 * that tools/tool.bpf.h makes, and what the scope's parts return. *ret is untouched on failure; freed with tt_kernel_free.
 */
int tt_programs_load(struct tt_kernel **ret, const struct tt_programs *programs, const struct tt_limits *limits,
		     const struct tt_scope *scope, struct tt_kernel_report *report);

/*
 * Whether no process is left of a scope of TT_SCOPE_PIDS: neither those named, which are looked at first, nor any that they
 * began. Also after the hand-over, unless that took the tables.
 */
bool tt_kernel_scope_empty(const struct tt_kernel *k, const uint32_t *pids, size_t count);

/* Descriptor of one of its maps, borrowed; -ENOENT. */
int tt_kernel_map_fd(const struct tt_kernel *k, const char *name);

#endif
