/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of `telltale leak` agree on. */
#ifndef TT_LEAK_H
#define TT_LEAK_H

#include "shared/record.h"

#define TT_LEAK_COMM_LEN 16
#define TT_LEAK_CACHE_LEN 24

/* Counts of blocks are in parts of one, because a block that was sampled may stand for two and a half. */
#define TT_LEAK_ONE 1024

/*
 * A row's course, by windows of its allocations: each is a fourth of all allocations before it, so these are the last four fifths
 * of them. A power of two.
 */
#define TT_LEAK_WINDOWS 8

/* What is followed in the kernel. */
enum tt_leak_of {
	TT_LEAK_OF_SLAB = 1 << 0,
	TT_LEAK_OF_PAGES = 1 << 1,
	TT_LEAK_OF_PERCPU = 1 << 2,
};

/* In `what` of a row of slabs: it is not the cache's address but the size of a general one. */
#define TT_LEAK_GENERAL (1ull << 63)

/* The arguments of the tracepoints of slabs, as kernels have them (tools/leak/kernel.bpf.h). */
enum tt_leak_slab_form {
	TT_LEAK_SLAB_OLD,   /* until 5.19: sizes, and those with a node are apart */
	TT_LEAK_SLAB_CACHE, /* 6.0: the same behind the cache */
	TT_LEAK_SLAB_NEW,   /* from 6.1 on: the cache, and no sizes where it says them */
};

/* A block. What is the kernel's belongs to no process. */
struct tt_leak_key {
	__u64 address;
	__u32 tgid;
	__u32 image; /* which process of that number, and which program of it: what it had before is gone */
};

/* Blocks that were allocated alike are one row. */
struct tt_leak_row_key {
	__u64 caller; /* who called the allocator, as it is told beside the stack; 0: not told */
	__u64 what;   /* the kernel's: its cache, or how large a block is */
	__u32 tgid;
	__u32 image;
	__s32 stack;
	__u32 of; /* enum tt_leak_of; 0: a process's */
};

struct tt_leak_block {
	struct tt_leak_row_key row;
	__u64 size;
	__u64 time_ns;
};

struct tt_leak_row {
	__u64 allocated; /* blocks, in parts of one */
	__u64 allocated_bytes;
	__u64 freed;
	__u64 freed_bytes;
	__u64 missed;		    /* blocks whose end was not told: their address was given out anew */
	__u64 next;		    /* the next window begins when so much is allocated */
	__u64 windows;		    /* that have begun */
	__u64 low[TT_LEAK_WINDOWS]; /* blocks there were at least in each of the last, from window % TT_LEAK_WINDOWS on */
	char comm[TT_LEAK_COMM_LEN];
	char cache[TT_LEAK_CACHE_LEN]; /* the kernel's: where from */
};

/* One a CPU, added to atomically. */
struct tt_leak_counts {
	__u64 sampled;	/* blocks that were left out, for others stand for them */
	__u64 no_room;	/* blocks not followed for want of room (limit tool_allocations) */
	__u64 no_row;	/* blocks not followed for want of a row (limit tool_kernel_rows) */
	__u64 no_call;	/* calls not followed for want of room (limit tool_tasks) */
	__u64 replaced; /* blocks whose end was not told */
	__u64 unknown;	/* ends of blocks whose allocation was not seen */
	__u64 failed;	/* calls that got no memory */
	__u64 unread;	/* what a process has on its stack could not be read */
	__u64 busy;	/* ends that could not be noted: the table was in use right there */
};

enum tt_leak_record_type {
	TT_LEAK_PROCESS = TT_REC_TOOL, /* struct tt_leak_process */
};

/* A process in scope was begun, became another program, or ended. */
enum tt_leak_event {
	TT_LEAK_BEGUN,
	TT_LEAK_BECAME,
	TT_LEAK_ENDED,
	TT_LEAK_LEFT, /* became a program that is not in scope */
};

struct tt_leak_process {
	struct tt_record rec;
	__u32 tgid;
	__u32 event; /* enum tt_leak_event */
	__u32 image; /* now; of one that became another program the one before is 1 less */
	__u32 reserved;
};

struct tt_leak_config {
	__u64 sample; /* bytes; 0 or 1: every block is followed */
	__u32 cpus;
	__u8 of;	    /* enum tt_leak_of; 0: processes' own memory */
	__u8 slab_form;	    /* enum tt_leak_slab_form */
	__u8 percpu_caller; /* since 5.19 the tracepoint of per-CPU memory tells it, and what is taken in all */
	__u8 reserved;
};

static_assert(sizeof(struct tt_leak_key) == 16, "layout");
static_assert(sizeof(struct tt_leak_row_key) == 32, "layout");
static_assert(sizeof(struct tt_leak_block) == 48, "layout");
static_assert(sizeof(struct tt_leak_row) == 160, "layout");
static_assert(sizeof(struct tt_leak_counts) == 72, "layout");
static_assert(sizeof(struct tt_leak_process) == sizeof(struct tt_record) + 16, "layout");
static_assert(sizeof(struct tt_leak_config) == 16, "layout");

#endif
