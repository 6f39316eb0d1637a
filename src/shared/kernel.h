/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * What the two sides of the live source agree on besides the records themselves: configuration, counters, capture wishes.
 * Not part of a recording. Compiled by both sides; fixed width.
 */
#ifndef TT_SHARED_KERNEL_H
#define TT_SHARED_KERNEL_H

#include "shared/record.h"

/* What a system call does with a socket. The user side fills the table by number, so the programs know no numbers. */
enum tt_call {
	TT_CALL_NONE,
	TT_CALL_READ,	  /* fd, buffer, length */
	TT_CALL_RECVFROM, /* fd, buffer, length, flags, address, address length */
	TT_CALL_READV,	  /* fd, iovec, count */
	TT_CALL_RECVMSG,  /* fd, msghdr, flags */
	TT_CALL_RECVMMSG, /* fd, mmsghdr array, count, flags */
	TT_CALL_WRITE,
	TT_CALL_SENDTO,
	TT_CALL_WRITEV,
	TT_CALL_SENDMSG,
	TT_CALL_SENDMMSG,
	TT_CALL_SENDFILE, /* out fd, in fd, … */
	TT_CALL_SPLICE,	  /* in fd, in offset, out fd, … */
	TT_CALL_ACCEPT,
	TT_CALL_CONNECT,
	TT_CALL_CLOSE,
	TT_CALL_MAX,
};

/* The number means such a call for a 32-bit caller (what it means for others stands in the low bits). */
#define TT_CALL_COMPAT 0x80
#define TT_CALL_MASK 0x1f
#define TT_CALL_NUMBERS 512

enum tt_scope_mode {
	TT_SCOPE_ALL,
	TT_SCOPE_PIDS,	 /* a set of processes and their descendants */
	TT_SCOPE_CGROUP, /* a cgroup v2 and those below it */
	TT_SCOPE_NETNS,	 /* a network namespace */
};

/* Parts of a call's payload; a call larger than a part is several chunks. A power of two. */
#define TT_PART_BYTES 16384
#define TT_PARTS_MOST 8
#define TT_SEGMENTS_MOST 64
#define TT_MESSAGES_MOST 16

/* Read-only for the programs: set before load, so what is not wanted or not there is cut out by the verifier. */
struct tt_kernel_config {
	__u8 call[TT_CALL_NUMBERS]; /* enum tt_call, TT_CALL_COMPAT */
	__u64 page_offset_base;	    /* addresses of the kernel's variables of these names; 0: not known … */
	__u64 vmemmap_base;	    /* … then pages are not read */
	__u64 pidns_dev;	    /* telltale's own pid namespace … */
	__u64 pidns_ino;
	__u64 since_ns; /* of the boot's clock: processes that began before were found in /proc */
	__u32 own_pid;	/* … and its id there */
	__u32 scope;	/* enum tt_scope_mode */
	__u32 netns;	/* with TT_SCOPE_NETNS */
	__u32 capture_bytes;
	__u32 iov_segments;
	__u32 mmsg_messages;
	__u32 wish_mask;       /* slots of the wish table - 1 */
	__u8 report_own;       /* do not leave telltale's own calls out */
	__u8 has_task_storage; /* features: src/kernel/features.c says since when */
	__u8 has_rdonly_cast;
	__u8 preemptible;	  /* programs are not safe from preemption by themselves */
	__u8 stamps_all;	  /* the entry of what receives leaves a stamp, too */
	__u8 preemptible_uprobes; /* the same of programs at a library's functions */
	__u8 has_attach_cookie;
	__u8 alone; /* probes of libraries may be in some processes alone, which a probe's cookie has above its 32 bits */
	__u8 reserved[4];
};

/* Versions of nghttp2 that are known at a time, and where a session has what is read of it, in bytes. */
#define TT_NGHTTP2_LAYOUTS 8

struct tt_nghttp2_layout {
	__u32 table[2];	   /* of headers, by enum tt_direction; never 0 */
	__u32 next_stream; /* 32 bits: the number of the next stream that this side opens; never 0 */
};

/* Files with gRPC's C core that are known at a time, and what differs between them, in bytes. */
#define TT_GRPC_LAYOUTS 4

struct tt_grpc_layout {
	__u32 endpoint;	  /* of a transport; never 0 */
	__u32 compressor; /* the same, of what it sends; never 0 */
};

enum tt_phase {
	TT_PHASE_CLOSED,  /* nothing is observed */
	TT_PHASE_TESTING, /* only telltale itself, for the self-test */
	TT_PHASE_LIVE,	  /* what the scope says */
};

/* Written by both sides at run time. */
struct tt_kernel_self {
	__u32 phase;		/* enum tt_phase */
	__u32 own_tgid;		/* telltale's id as the kernel has it: learned in the self-test */
	__u32 stamp_failed;	/* a call's entry could not be remembered: calls without a stamp are not trusted any more */
	__u32 plaintext;	/* a library is attached */
	__u64 processes_missed; /* the user side's: kernel/process_probes.h */
	__u32 plaintext_alone;	/* enum tt_alone: probes of libraries are in some processes alone */
	__u32 reserved;
};

/* With tt_kernel_config.alone. */
enum tt_alone {
	TT_ALONE_NOT,	/* they are in all that have the files, for good */
	TT_ALONE,	/* in those that are marked TT_MARK_ALONE */
	TT_ALONE_LEAVES /* one of these cannot be observed alone any more: the user side is to change that */
};

/* One byte for each process id (the kernel's most is 2^22): whether it is in scope. */
enum tt_scope_mark {
	TT_MARK_NONE,  /* not that anybody had said so */
	TT_MARK_OUT,   /* looked at, and not */
	TT_MARK_IN,    /* and all above it */
	TT_MARK_ALONE, /* it has probes of its own at libraries' functions */
	TT_MARK_LATE,  /* it began while only those had probes, or was one: of connections that are open then calls may be missed
			*/
	TT_MARK_BORROWS, /* the same, and it has its parent's memory until it executes something */
};
#define TT_SCOPE_ROW 64
#define TT_SCOPE_ROWS 65536

struct tt_scope_row {
	__u8 in[TT_SCOPE_ROW];
};

/* Capture wishes: a table the user side writes and the programs read, mapped into both. Open addressing over TT_WISH_PROBES
 * slots. */
#define TT_WISH_PROBES 4

struct tt_wish_slot {
	__u64 sock; /* TT_WISH_FREE, TT_WISH_GONE, or the connection's */
	__u64 ino;
	__u64 from[2];	/* by enum tt_direction; from this offset on … */
	__u32 bytes[2]; /* … so many bytes of each call are captured, and none before. TT_WISH_NONE: no wish */
	__u64 used_ns;	/* user side: when it was last written */
};

/* How an entry of the programs' table of connections begins, by socket: what the user side looks at before it forgets one. */
struct tt_conn_head {
	__u64 ino;
	__u64 sampled_ns; /* a connection in use renews it about once a second (TT_SAMPLE_NS) */
	__u8 transport;	  /* enum tt_transport */
	__u8 role;	  /* enum tt_role */
	__u8 multipath;	  /* MPTCP */
	__u8 reserved;
	__u32 reserved2;
};

/* A connection in use is sampled at most so often. */
#define TT_SAMPLE_NS 1000000000ull

#define TT_WISH_NONE 0xffffffffu
#define TT_WISH_FREE 0 /* looking for a connection ends here */
#define TT_WISH_GONE 1 /* and goes on here */

/* Where a helper failed. X(id, meaning) */
#define TT_PLACES(X)                                                 \
	X(STAMP_CREATE, "entry stamp could not be stored")           \
	X(CONN_UPDATE, "connection state could not be stored")       \
	X(USER_IOVEC, "iovec could not be read")                     \
	X(USER_MSGHDR, "msghdr could not be read")                   \
	X(USER_DATA, "payload could not be read")                    \
	X(USER_ADDRESS, "socket address could not be read")          \
	X(USER_ARGS, "arguments of a new program could not be read") \
	X(KERNEL_READ, "kernel memory could not be read")            \
	X(SCOPE_UPDATE, "a child could not be added to the scope")   \
	X(NO_RING, "no ring for this CPU")

enum tt_place {
#define TT_PLACE_ENUM(id, meaning) TT_PLACE_##id,
	TT_PLACES(TT_PLACE_ENUM)
#undef TT_PLACE_ENUM
		TT_PLACE_MAX,
};

/*
 * One a CPU. `data` is only written by programs in process context, which cannot interrupt each other on one CPU; `control` is
 * written atomically. produced = submitted to a ring + lost, counted in that order, so a reader that reads lost before produced
 * never sees more lost than produced.
 */
struct tt_counts {
	__u64 produced;
	__u64 produced_bytes;
	__u64 lost[TT_LOSS_MAX];
	__u64 lost_bytes[TT_LOSS_MAX];
	/* A program is under way whose record will carry this time or a later one; 1: it has not read the clock yet; 0: none. */
	__u64 busy_ns;
};

struct tt_kernel_counters {
	struct tt_counts data;
	struct tt_counts control;
	__u64 failed[TT_PLACE_MAX];
	__u32 ring; /* which data ring this CPU uses; written by the user side before the programs run */
	__u32 reserved;
} __attribute__((aligned(64)));

/* Which local ports had a listener when the source started: tells the role of connections that were there before. */
struct tt_listener {
	__u32 netns;
	__u16 port;
	__u16 reserved;
};

static_assert(sizeof(struct tt_conn_head) == 24, "layout");
static_assert(sizeof(struct tt_wish_slot) == 48, "layout");
static_assert(sizeof(struct tt_kernel_config) == TT_CALL_NUMBERS + 80, "layout");
static_assert(sizeof(struct tt_kernel_self) == 32, "layout");
static_assert(sizeof(struct tt_kernel_counters) % 64 == 0, "layout");

#endif
