/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What the two sides of `telltale io` agree on. */
#ifndef TT_IO_H
#define TT_IO_H

#include "tools/times.h"

#define TT_IO_COMM_LEN 16
#define TT_IO_NAME_LEN 96   /* of a path's part, its end included */
#define TT_IO_NAMES_MOST 12 /* parts of a path, the file itself first */
#define TT_IO_BUCKETS 32    /* by powers of two of the units below, what is less than one in the first */
#define TT_IO_LATENCY_UNIT 1000
#define TT_IO_SECTOR 512

/* As the disks' own counts tell them apart (Documentation/admin-guide/iostats.rst). */
enum tt_io_op {
	TT_IO_READ,
	TT_IO_WRITE,
	TT_IO_DISCARD,
	TT_IO_FLUSH,
	TT_IO_OP_MAX,
};

enum tt_io_file_kind {
	TT_IO_FILE_NONE, /* not known */
	TT_IO_FILE,
	TT_IO_FILE_DISK, /* the page cache of a block device: what a file system keeps beside files' contents, or the device
			    itself */
};

/* What a call does with the file whose descriptor is its first argument. */
enum tt_io_call {
	TT_IO_CALL_NONE,
	TT_IO_CALL_READ,
	TT_IO_CALL_WRITE, /* or has it written */
};

#define TT_IO_CALL_NUMBERS 512

/* dev is of the file system, or the block device itself; a generation tells inodes of the same number apart. */
struct tt_io_file {
	__u64 ino;
	__u32 dev;
	__u32 generation;
	__u32 kind; /* enum tt_io_file_kind */
	__u32 reserved;
};

/* How the kernel came to that file's name; of what the programs have met. */
struct tt_io_names {
	__u64 dentry;
	__u64 name_hash; /* the kernel's own, with the length: another one, another name */
	__u32 count;
	__u8 deleted;
	__u8 cut; /* there are more parts above */
	__u8 reserved[2];
	char name[TT_IO_NAMES_MOST][TT_IO_NAME_LEN];
};

struct tt_io_who {
	__u64 start_ns;
	__u64 cgroup_id;
	__u32 tgid;
	__u32 reserved;
	char comm[TT_IO_COMM_LEN];
};

/* Where a request begins, and the one of its row that was asked for before ended. */
enum tt_io_order {
	TT_IO_ORDER_UNKNOWN, /* none was before it, or it moves nothing */
	TT_IO_ORDER_NEXT,    /* at the same sector */
	TT_IO_ORDER_ELSEWHERE,
	TT_IO_ORDER_MAX,
};

/* Rows are counted in one of two sets, so that the other can be read and emptied meanwhile. */
struct tt_io_key {
	struct tt_io_file file;
	__u64 start_ns;
	__u32 tgid;
	__u32 disk; /* kernel's device number of the whole disk: major << 20 | minor */
	__u32 op;   /* enum tt_io_op */
	__u32 set;  /* 0 or 1 */
};

struct tt_io_value {
	__u64 requests;
	__u64 bytes;
	__u64 wait_ns;	 /* until the driver got them … */
	__u64 device_ns; /* … and from then on until they were done */
	__u64 most_ns;	 /* the slowest, both together */
	__u64 errors;
	__u64 order[TT_IO_ORDER_MAX]; /* how many requests came how */
	__u64 end_sector;	      /* of the one asked for last; 0: none in this set */
	__u64 cgroup_id;
	char comm[TT_IO_COMM_LEN];
};

/* Inside the agent: by process, not by file. */
struct tt_io_figure_key {
	__u64 start_ns;
	__u32 tgid;
	__u32 disk;
	__u32 op;
	__u32 set;
};

struct tt_io_figure {
	__u64 requests;
	__u64 bytes;
	__u64 ns; /* all together, from the moment they were handed to the block layer */
	__u64 errors;
	__u64 cgroup_id;
	char comm[TT_IO_COMM_LEN]; /* written late, its process may be forgotten */
	__u64 times[TT_TOOL_TIMES];
};

enum tt_io_histogram_kind {
	TT_IO_HISTOGRAM_LATENCY,
	TT_IO_HISTOGRAM_SIZE,
	TT_IO_HISTOGRAM_MAX,
};

struct tt_io_histogram_key {
	__u32 disk;
	__u32 op;
	__u32 set;
	__u32 kind; /* enum tt_io_histogram_kind */
};

struct tt_io_histogram {
	__u64 count[TT_IO_BUCKETS];
};

/* A bio under way. */
struct tt_io_bio {
	struct tt_io_who who;
	struct tt_io_file file;
	__u64 queued_ns;
	__u64 inserted_ns; /* of the request it is in, for --slow. 0: not yet */
	__u64 issued_ns;
	__u64 bytes;
	__s64 left; /* of them: it may be split */
	__u64 sector;
	__u32 disk;
	__u32 op;
	__u32 alone; /* the disk takes bios as they are, without requests (device mapper, RAID, zram) */
	__u32 order; /* enum tt_io_order */
};

/* A page's dirtying is remembered for so many pages around it. */
#define TT_IO_DIRTY_PAGES 16

struct tt_io_dirty_key {
	struct tt_io_file file;
	__u64 place;
};

/* A request the driver, or a scheduler before it, has. 0: not yet. */
struct tt_io_request {
	__u64 inserted_ns;
	__u64 issued_ns;
	__u32 bytes; /* when it was issued, so with all that was merged into it */
	__u32 order; /* enum tt_io_order */
};

/* One a CPU, added to atomically: completions interrupt. */
struct tt_io_counts {
	__u64 seen;	    /* bios in scope */
	__u64 no_bio;	    /* … that had no room (limit tool_requests) */
	__u64 completed;    /* requests of the others */
	__u64 no_row;	    /* … whose row had no room (limit tool_rows) */
	__u64 no_request;   /* … whose time at the driver had no room */
	__u64 no_dirtier;   /* bios the kernel wrote of its own accord, nobody known to have dirtied them */
	__u64 no_histogram; /* … not among latencies or sizes */
	__u64 no_end;	    /* bios whose memory came again though the kernel had not said that they were done */
};

enum tt_io_record_type {
	TT_IO_SLOW = TT_REC_TOOL, /* struct tt_io_slow */
};

struct tt_io_slow {
	struct tt_record rec; /* of whom it is; its time is the end */
	struct tt_io_file file;
	char comm[TT_IO_COMM_LEN];
	__u64 queued_ns;
	__u64 inserted_ns; /* 0: it went to the driver without a scheduler */
	__u64 issued_ns;
	__u64 sector;
	__u32 bytes;
	__u32 disk;
	__u32 op;
	__s32 error; /* the block layer's status */
};

struct tt_io_config {
	__u8 call[TT_IO_CALL_NUMBERS]; /* enum tt_io_call by number */
	__u64 slow_ns;		       /* 0: rows are counted; else each request that takes so long is a record */
	__u64 iomap_end;	       /* address of iomap_dio_bio_end_io; 0: not known */
	__u64 chain_end;	       /* and of bio_chain_endio; 0: not known */
	__u32 disk;		       /* only this one; 0: all */
	__u8 request_queue;	       /* before 5.11, but for late 5.10, the tracepoints of requests have the queue in front */
	__u8 bio_queue;		       /* before 5.11 those of bios have */
	__u8 latency;
	__u8 sizes;
	__u8 has_task_regs;
	__u8 figures; /* by process, for the agent */
};

static_assert(sizeof(struct tt_io_file) == 24, "layout");
static_assert(sizeof(struct tt_io_names) == 24 + TT_IO_NAMES_MOST * TT_IO_NAME_LEN, "layout");
static_assert(sizeof(struct tt_io_key) == 48, "layout");
static_assert(sizeof(struct tt_io_value) == 104, "layout");
static_assert(sizeof(struct tt_io_figure_key) == 24, "layout");
static_assert(sizeof(struct tt_io_figure) == 56 + 8 * TT_TOOL_TIMES, "layout");
static_assert(sizeof(struct tt_io_bio) == 40 + 24 + 64, "layout");
static_assert(sizeof(struct tt_io_slow) == 40 + 24 + 16 + 48, "layout");
static_assert(sizeof(struct tt_io_config) == TT_IO_CALL_NUMBERS + 40, "layout");

#endif
