/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two parts: this process, which parses what strangers sent and serves HTTP, and the attach part, a child that holds the links
 * and programs and keeps the few capabilities that are needed while observing. First the child is forked, once everything is
 * attached; then this process opens what it still wants to open, and gives up every capability. If either ends, so does the
 * other, and nothing stays attached.
 */
#ifndef TT_ATTACH_ATTACH_H
#define TT_ATTACH_ATTACH_H

#include <stdbool.h>

#include "base/command.h"
#include "identity/proc.h"
#include "kernel/load.h"

struct tt_attach;

/* A tool inside the agent, with programs of its own. */
struct tt_attach_tool {
	struct tt_kernel *kernel; /* attached */
	/* In the attach part: adds what was counted since it was last asked. 0 or a negative errno. NULL: nothing is. */
	int (*collect)(void *ctx, struct tt_buf *to);
	void *ctx;
};

/* All borrowed for the call, but the kernels and command, which must outlive the attach part. */
struct tt_attach_config {
	struct tt_kernel *kernel;	    /* attached */
	struct tt_command *command;	    /* NULL: none. Its signals go through the attach part from now on */
	const char *config_file;	    /* may be read again; NULL: none */
	bool stacks;			    /* processes' code and its files may be asked for */
	const struct tt_attach_tool *tools; /* at most TT_ATTACH_TOOLS_MOST (attach/wire.h) */
	size_t tool_count;
	const char *user; /* what both parts become, if this is root; NULL or empty: they stay */
};

/*
 * Forks the attach part and hands the kernel over to it. There must be no other thread. 0; -ENOENT: there is no such user; or
 * what fork and pipe failed with. *ret is untouched on failure.
 */
int tt_attach_new(struct tt_attach **ret, const struct tt_attach_config *config);

/*
 * Gives up this process's user and capabilities, all of them; with `own_maps` CAP_BPF stays where this kernel wants it for every
 * bpf(2), for who looks into maps that are not mapped. Call it before the first other thread. 0 or a negative errno.
 */
int tt_attach_drop(struct tt_attach *a, bool own_maps);

/* Ends it; afterwards nothing is attached. NULL-safe, returns NULL. */
struct tt_attach *tt_attach_free(struct tt_attach *a);

/* Readable only when the attach part is gone. */
int tt_attach_fd(const struct tt_attach *a);
/* Logs one line saying how it ended. -ECHILD. */
int tt_attach_gone(struct tt_attach *a);

/* A tt_proc_fn: what only it may read. `attach` is the attach part. */
int tt_attach_process(void *attach, uint32_t pid, struct tt_proc *ret);

/* A tt_libraries_look (agent/libraries.h); `attach` is the attach part. */
void tt_attach_libraries(void *attach, uint32_t pid);

/*
 * What only it may read of processes, where stacks are wanted: as tt_mapped_lines, tt_mapped_read and tt_perf_map_read
 * (identity/mapped.h), but a piece at a time. `attach` is the attach part.
 */
int tt_attach_maps(void *attach, uint32_t pid, struct tt_buf *to);
int tt_attach_mapped(void *attach, uint32_t pid, uint64_t start, uint64_t offset, size_t most, struct tt_buf *to);
int tt_attach_perf_map(void *attach, uint32_t pid, uint64_t offset, size_t most, struct tt_buf *to);

/* Adds all the tool (from 0 on) counted since it was last asked. 0 or a negative errno. */
int tt_attach_rows(struct tt_attach *a, size_t tool, struct tt_buf *to);

/* Adds the configuration file as it is now. 0, -ENOENT: none was named, or what reading it failed with. */
int tt_attach_config_file(struct tt_attach *a, struct tt_buf *text);

#endif
