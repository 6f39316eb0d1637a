/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * What the kernel side reports to the user side, and what a recording holds: one header, then a typed body.
 *
 * Compiled by both sides, so only fixed-width kernel types are used and every layout is pinned below. A recording
 * is these records as they are, in host byte order. All times are CLOCK_MONOTONIC nanoseconds; TT_REC_CLOCK ties
 * them to the wall clock. Ports are in host byte order, addresses in network byte order.
 */
#ifndef TT_SHARED_RECORD_H
#define TT_SHARED_RECORD_H

#if defined(__bpf__)
#define static_assert _Static_assert
#else
#include <assert.h>
#include <linux/types.h>
#endif

#define TT_RECORD_VERSION 1
#define TT_COMM_LEN 16

enum tt_record_type {
	TT_REC_CHUNK = 1,      /* struct tt_chunk: bytes moved on a connection */
	TT_REC_OPEN = 2,       /* struct tt_conn_record: a connection was opened, or could not be */
	TT_REC_CLOSE = 3,      /* struct tt_conn_record: it is gone; carries the final offsets */
	TT_REC_L4 = 4,	       /* struct tt_conn_record: a sample of its layer-4 figures */
	TT_REC_FORK = 5,       /* struct tt_process_record: process start */
	TT_REC_EXEC = 6,       /* struct tt_process_record: it became another program */
	TT_REC_EXIT = 7,       /* struct tt_process_record: it ended */
	TT_REC_CLOCK = 8,      /* struct tt_clock_record: written by the user side */
	TT_REC_LOSS = 9,       /* struct tt_loss_record: written by the user side */
	TT_REC_UNIX = 11,      /* struct tt_unix_record: what the ends of a Unix connection are bound to */
	TT_REC_IDENTITY = 10,  /* struct tt_identity_record: written by the user side */
	TT_REC_HANDSHAKE = 13, /* struct tt_handshake_record: what a library says of a TLS handshake */
	TT_REC_TOOL = 128,     /* and above: a tool's own records, defined in its header; never in a recording */
};

/* In front of every record. */
struct tt_record {
	__u16 type;   /* enum tt_record_type */
	__u8 version; /* TT_RECORD_VERSION */
	__u8 reserved;
	__u32 len;	 /* bytes of the whole record, this header included; the ring slot may be larger */
	__u64 time_ns;	 /* exit of the call, or when the event happened */
	__u32 tid;	 /* thread the event happened in; 0: no process context */
	__u32 tgid;	 /* its process */
	__u64 start_ns;	 /* when the process started (boot clock): with tgid it names a process for good; 0 unknown */
	__u64 cgroup_id; /* cgroup v2 id; 0 unknown */
};

/* A connection for good: socket pointers are recycled, so the socket's inode number goes with it. */
struct tt_conn_id {
	__u64 sock;
	__u64 ino;
};

enum tt_transport {
	TT_TRANSPORT_UNKNOWN = 0,
	TT_TRANSPORT_TCP = 1,
	TT_TRANSPORT_UDP = 2,
	TT_TRANSPORT_UNIX = 3, /* stream */
	TT_TRANSPORT_UNIX_DGRAM = 4,
	TT_TRANSPORT_MAX,
};

enum tt_family {
	TT_FAMILY_NONE = 0,
	TT_FAMILY_INET = 2,   /* AF_INET */
	TT_FAMILY_INET6 = 10, /* AF_INET6 */
	TT_FAMILY_UNIX = 1,   /* AF_UNIX */
};

/* For Unix sockets addr holds the first 16 bytes of the path (an abstract one begins with 0; TT_REC_UNIX has the whole) and port
 * is 0. */
struct tt_sockaddr {
	__u16 family; /* enum tt_family */
	__u16 port;
	__u32 scope; /* IPv6 scope id; Unix: inode number of the socket itself, low 32 bits */
	__u8 addr[16];
};

/* Which end of the connection the observed socket is. */
enum tt_role {
	TT_ROLE_UNKNOWN = 0,
	TT_ROLE_CLIENT = 1,
	TT_ROLE_SERVER = 2,
};

enum tt_direction {
	TT_TX = 0, /* the observed process sent it */
	TT_RX = 1, /* the observed process received it */
};

/* Where the bytes were seen; the socket is layer 0, plaintext of a library a layer above it. */
enum tt_origin {
	TT_ORIGIN_SOCKET = 0,
	TT_ORIGIN_PCAP = 1,
	TT_ORIGIN_OPENSSL = 2,
	TT_ORIGIN_GNUTLS = 3,
	TT_ORIGIN_GO_TLS = 4,
	TT_ORIGIN_NSS = 5,
	TT_ORIGIN_RUSTLS = 6,
	TT_ORIGIN_MAX,
};

enum tt_chunk_flags {
	TT_CHUNK_EOF = 1 << 0,	      /* the stream ended in this direction at offset; length is 0 */
	TT_CHUNK_ERROR = 1 << 1,      /* the call failed with error; length is 0 */
	TT_CHUNK_DATAGRAM = 1 << 2,   /* one datagram; length is its whole size */
	TT_CHUNK_NO_PAYLOAD = 1 << 3, /* counted only: sendfile, splice, MSG_TRUNC, io_uring */
	TT_CHUNK_FIRST_SEEN = 1 << 4, /* nothing was known of this connection before this chunk */
	TT_CHUNK_FROM_START = 1 << 5, /* offset is counted from the stream's true first byte */
	TT_CHUNK_HANDSHAKE = 1 << 6,  /* moved within a library, and no plaintext has been yet */
};

/* Optional blocks between the fixed part and the data, in this order, each present if its bit is set. */
enum tt_chunk_blocks {
	TT_BLOCK_GOROUTINE = 1 << 0, /* __u64 goroutine id */
	TT_BLOCK_SCHED = 1 << 1,     /* struct tt_sched_block */
};

/* Cumulative figures of the thread; the difference of two is what a span of its work cost. */
struct tt_sched_block {
	__u64 on_cpu_ns;
	__u64 run_queue_ns;
	__u64 blocked_ns;
};

/*
 * Bytes moved on a connection by one call, or one part of them: a call larger than a ring slot is several chunks with
 * following offsets. captured <= length always; a byte not captured is visible by offset and length. Offsets count
 * from an arbitrary origin per connection and direction unless TT_CHUNK_FROM_START; only their differences carry meaning.
 */
struct tt_chunk {
	struct tt_record rec; /* rec.time_ns is the call's exit */
	struct tt_conn_id conn;
	__u64 entry_ns; /* the call's entry; 0 where it was not stamped */
	__u64 offset;	/* stream offset of the first byte */
	__u32 length;	/* bytes moved */
	__u32 captured; /* bytes of them that follow at data_off */
	__u32 tcp_seq;	/* raw sequence number of the first byte; 0 for other transports */
	__s32 error;	/* positive errno with TT_CHUNK_ERROR */
	__u8 direction; /* enum tt_direction */
	__u8 transport; /* enum tt_transport */
	__u8 origin;	/* enum tt_origin */
	__u8 role;	/* enum tt_role */
	__u16 flags;	/* enum tt_chunk_flags */
	__u16 blocks;	/* enum tt_chunk_blocks */
	__u32 netns;	/* inode number of the network namespace */
	__u16 data_off; /* bytes from the record's start to the data */
	__u16 reserved;
	struct tt_sockaddr local;
	struct tt_sockaddr peer;
};

enum tt_conn_flags {
	TT_CONN_RESET_RECEIVED = 1 << 0,
	TT_CONN_RESET_SENT = 1 << 1,
	TT_CONN_CONNECT_FAILED = 1 << 2, /* TT_REC_OPEN that did not open; error says why */
	TT_CONN_OFFSETS = 1 << 3,	 /* tx_offset and rx_offset are the final ones */
	TT_CONN_TCP_INFO = 1 << 4,	 /* the TCP figures are filled in */
	TT_CONN_SEEN_OPEN = 1 << 5,	 /* its opening was observed, not only later traffic */
	TT_CONN_FIN_SENT = 1 << 6,	 /* what is sent ended in order: all bytes of it were given to the connection */
};

/* Opening, end and layer-4 sample of a connection. Counters are cumulative since it opened. */
struct tt_conn_record {
	struct tt_record rec;
	struct tt_conn_id conn;
	struct tt_sockaddr local;
	struct tt_sockaddr peer;
	__u32 netns;
	__u8 transport;
	__u8 role;
	__u16 flags;  /* enum tt_conn_flags */
	__s32 error;  /* positive errno, or 0 */
	__u32 rtt_us; /* smoothed */
	__u32 rtt_var_us;
	__u32 retransmits; /* segments */
	__u64 connect_ns;  /* SYN sent to established; 0 unknown */
	__u64 tx_offset;   /* next stream offset, same origin as the chunks' */
	__u64 rx_offset;
	__u64 tx_bytes; /* moved since this connection was first seen */
	__u64 rx_bytes;
};

/* What a library says of a handshake, in the order it may be said. */
enum tt_handshake {
	TT_HANDSHAKE_UNTOLD = 0,
	TT_HANDSHAKE_WATCHED = 1,  /* by TT_CHUNK_HANDSHAKE, or where a session's hello is found: it may say more */
	TT_HANDSHAKE_UNDERWAY = 2, /* it waits for its peer, or has failed and does not say so */
	TT_HANDSHAKE_DONE = 3,	   /* on this side: before TLS 1.3's server has looked at it, on the client's */
	TT_HANDSHAKE_FAILED = 4,
};

/* Of error, of OpenSSL and BoringSSL: the part of the library that raised it, and its reason there (ERR_GET_LIB, ERR_GET_REASON).
 */
#define TT_HANDSHAKE_PART_SHIFT 16
/* Of Go: beside the alert's number, which may be 0. */
#define TT_HANDSHAKE_ALERT 0x100

struct tt_handshake_record {
	struct tt_record rec;
	struct tt_conn_id conn;
	__s32 error; /* the library's own number: as above, or what gnutls_handshake returned; 0: not known */
	__u8 origin; /* enum tt_origin */
	__u8 state;  /* enum tt_handshake */
	__u16 reserved;
};

#define TT_UNIX_PATH_LEN 108

/* Given once a connection, when it is first seen, if an end is bound to a name. A length of 0: this one is not. */
struct tt_unix_record {
	struct tt_record rec;
	struct tt_conn_id conn;
	__u16 local_len;
	__u16 peer_len;
	__u32 reserved;
	char local[TT_UNIX_PATH_LEN]; /* an abstract name begins with 0 */
	char peer[TT_UNIX_PATH_LEN];
};

#define TT_PROCESS_FILE_LEN 128
#define TT_PROCESS_ARGS_LEN 256

struct tt_process_record {
	struct tt_record rec; /* tgid and start_ns of the process itself; for a fork, the child */
	__u32 ppid;
	__u32 uid;
	__s32 exit_code; /* wait status of TT_REC_EXIT */
	__u16 file_len;	 /* bytes used in file */
	__u16 args_len;	 /* bytes used in args */
	char comm[TT_COMM_LEN];
	char file[TT_PROCESS_FILE_LEN]; /* what was executed, as it was named */
	char args[TT_PROCESS_ARGS_LEN]; /* argv, each ended by 0, cut at the limit */
};

/* wall clock = monotonic + wall_minus_mono_ns at the time of the record */
struct tt_clock_record {
	struct tt_record rec;
	__s64 wall_minus_mono_ns;
	__s64 boot_minus_mono_ns;
};

/*
 * Why something that was to be reported was not. Every loss is counted under one of these, in events and in bytes.
 * X(id, name used in metrics, meaning)
 */
#define TT_LOSS_CAUSES(X)                                                                   \
	X(RING_FULL, "ring_full", "the data ring had no room")                              \
	X(CONTROL_FULL, "control_full", "the control ring had no room")                     \
	X(FD_GONE, "fd_gone", "the descriptor was closed before the call's exit")           \
	X(FD_RACE, "fd_race", "the descriptor named another connection by the call's exit") \
	X(CONN_TABLE_FULL, "conn_table_full", "no room for the connection's state")         \
	X(SCRATCH_FULL, "scratch_full", "no room for the call's entry stamp")               \
	X(USER_FAULT, "user_fault", "the buffer could not be read")                         \
	X(IOV_LIMIT, "iov_limit", "more segments or messages than the limit rows allow")    \
	X(COMPAT_CALL, "compat_call", "a 32-bit caller")                                    \
	X(MISSED_RUN, "missed_run", "the kernel did not run the program (recursion)")       \
	X(IO_URING, "io_uring", "moved by io_uring: bytes counted, payload not seen")       \
	X(SESSION, "session", "plaintext of a TLS session whose socket is not known")       \
	X(BAD_RECORD, "bad_record", "the user side could not make sense of a record")

enum tt_loss_cause {
#define TT_LOSS_ENUM(id, name, meaning) TT_LOSS_##id,
	TT_LOSS_CAUSES(TT_LOSS_ENUM)
#undef TT_LOSS_ENUM
		TT_LOSS_MAX,
};

/* Written into a recording when a loss counter moved. */
struct tt_loss_record {
	struct tt_record rec;
	__u32 cause; /* enum tt_loss_cause */
	__u32 reserved;
	__u64 events; /* since the last such record */
	__u64 bytes;
};

#define TT_IDENTITY_NAME_LEN 64
#define TT_CONTAINER_ID_LEN 72 /* 64 hexadecimal digits and the 0 that ends them */

/* Written into a recording by the user side: what was known of a process, so that a replay needs no /proc. */
struct tt_identity_record {
	struct tt_record rec;
	char comm[TT_COMM_LEN];
	char service[TT_IDENTITY_NAME_LEN];
	char instance[TT_IDENTITY_NAME_LEN];
	char container_id[TT_CONTAINER_ID_LEN];
};

static_assert(sizeof(struct tt_record) == 40, "layout");
static_assert(sizeof(struct tt_conn_id) == 16, "layout");
static_assert(sizeof(struct tt_sockaddr) == 24, "layout");
static_assert(sizeof(struct tt_chunk) == 152, "layout");
static_assert(sizeof(struct tt_conn_record) == 168, "layout");
static_assert(sizeof(struct tt_unix_record) == 280, "layout");
static_assert(sizeof(struct tt_process_record) == 456, "layout");
static_assert(sizeof(struct tt_clock_record) == 56, "layout");
static_assert(sizeof(struct tt_loss_record) == 64, "layout");
static_assert(sizeof(struct tt_identity_record) == 256, "layout");

#endif
