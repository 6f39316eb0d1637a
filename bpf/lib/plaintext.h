/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Plaintext at a TLS library's functions, as the sockets see it: which session a thread is in, and which socket it moves bytes on
 * meanwhile. In a Go program a goroutine takes the thread's place: it may wait in a call and go on in another thread. What comes
 * of it is in libraries/session.h.
 */
#ifndef TT_BPF_PLAINTEXT_H
#define TT_BPF_PLAINTEXT_H

#include "hello.h"
#include "report.h"

/* A call into a library, from its entry to its return. */
struct tt_plain_call {
	__u64 session; /* the library's object; 0: no call */
	__u64 buffer;
	__u64 size_at; /* where the library says how many bytes it moved; 0: it returns that */
	__u64 stack;   /* at the entry, by which the return is known */
	__u64 entry_ns;
	__u64 sock; /* moved bytes meanwhile; 0: none did */
	__u64 ino;
	union {
		__u64 top; /* of the goroutine's stack, which may be moved meanwhile; 0: a thread's stays */
		__u64 tag; /* of a record that is sealed: where that will lie */
	};
	__u32 begins;  /* the connection's first bytes were among them, or a handshake was asked for */
	__u32 several; /* more than one connection moved bytes meanwhile */
	__s32 error;   /* the first that the library raised (TT_HANDSHAKE_PART_SHIFT); 0: none */
};

/* A session within a session (HTTPS to a proxy) is a call within a call. */
#define TT_PLAIN_DEPTH 2

/* A call that reads ciphertext out of memory, from its entry to its return (libraries/middle.h). */
struct tt_plain_read {
	__u64 session; /* that is being looked for; 0: no call */
	__u64 buffer;
	__u64 stack;
};

/* What a thread has received, plaintext of TLS or in the clear, until somebody asks for it (libraries/nghttp2.bpf.c). */
struct tt_plain_received {
	__u64 sock;
	__u64 ino;
	__u64 buffer;
	__u64 length; /* 0: none */
};

/* A call that makes frames of HTTP/2, from its entry to its return (the same). */
struct tt_plain_frames {
	__u64 session; /* 0: no call */
	__u64 stack;
	__u64 data_at; /* where it says the frame is; 0: it sends it itself */
	__u32 layout;  /* of the library's objects */
	__u32 reserved;
	__u64 before; /* the session of the last call that sent some itself; 0: none */
};

/*
 * A library within which a session writes has told the socket of what it writes, from its entry on until the thread uses a
 * socket (libraries/grpc.bpf.c).
 */
struct tt_plain_writing {
	__u64 sock; /* 0: none */
	__u64 ino;
	__u64 stack; /* at the entry … */
	__u64 back;  /* … and what stands there until it returns */
};

struct tt_plain_calls {
	struct tt_plain_call call[TT_PLAIN_DEPTH];
	struct tt_plain_read read;
	struct tt_plain_received received;
	struct tt_plain_frames frames;
	struct tt_plain_writing writing;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tt_plain_calls);
} tt_plain_calls SEC(".maps");

/* Before task storage (5.13): by thread id, deleted at the thread's exit. Sized at load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_plain_calls);
} tt_plain_calls_by_tid SEC(".maps");

/* Something of a process, by its address. */
struct tt_plain_key {
	__u64 session;
	__u32 tgid;
	__u32 reserved;
};

/* Goroutines in a call, by the address of their struct g, which is never moved. Sized at load (limit kernel_sessions). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_plain_key);
	__type(value, struct tt_plain_calls);
} tt_plain_goroutines SEC(".maps");

/* Written by the user side at run time: a Go program is attached. */
__u32 tt_plain_go = 0;

/* The same: a program whose library seals and opens records in memory is. */
__u32 tt_plain_records = 0;

/* libraries/aead.bpf.c: what the work area says was moved may be records of such a program; what was sealed before is told. */
int tt_records_pass(__u64 sock, __u64 ino);
int tt_records_sent(__u64 context);

/* libraries/nghttp2.bpf.c: what the work area says was written may be frames of HTTP/2 that the thread has made. */
int tt_nghttp2_written(__u64 sock, __u64 ino);

/* The socket a session uses. Sized at load (limit kernel_sessions). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_plain_key);
	__type(value, struct tt_conn_id);
} tt_plain_sessions SEC(".maps");

TT_INLINE struct tt_plain_calls *tt_plain_find(void)
{
	if (tt_config.has_task_storage)
		return bpf_task_storage_get(&tt_plain_calls, bpf_get_current_task_btf(), 0, 0);

	__u32 tid = bpf_get_current_pid_tgid();
	return bpf_map_lookup_elem(&tt_plain_calls_by_tid, &tid);
}

TT_INLINE struct tt_plain_calls *tt_plain_place(void)
{
	if (tt_config.has_task_storage)
		return bpf_task_storage_get(&tt_plain_calls, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	__u32 tid = bpf_get_current_pid_tgid();
	struct tt_plain_calls *calls = bpf_map_lookup_elem(&tt_plain_calls_by_tid, &tid);
	if (!calls) {
		struct tt_plain_calls empty = {};

		bpf_map_update_elem(&tt_plain_calls_by_tid, &tid, &empty, BPF_NOEXIST);
		calls = bpf_map_lookup_elem(&tt_plain_calls_by_tid, &tid);
	}
	return calls;
}

/* --- goroutines --------------------------------------------------------------------------------------------------------------
 */

#if defined(__TARGET_ARCH_x86)
struct thread_struct___base {
	unsigned long fsbase;
} __attribute__((preserve_access_index));

struct task_struct___base {
	struct thread_struct___base thread;
} __attribute__((preserve_access_index));

/*
 * The goroutine the current thread runs, if it is one of a Go program, and else any number: the runtime keeps it in the word
 * below the thread's pointer (runtime.tlsg), system calls and threads of C included.
 */
TT_INLINE __u64 tt_plain_goroutine_here(void)
{
	struct task_struct___base *task = (struct task_struct___base *)bpf_get_current_task();
	unsigned long base = 0;
	__u64 g = 0;

	if (bpf_core_read(&base, sizeof(base), &task->thread.fsbase) || !base ||
	    bpf_probe_read_user(&g, sizeof(g), (const void *)(base - sizeof(g))))
		return 0;
	return g;
}
#else
TT_INLINE __u64 tt_plain_goroutine_here(void)
{
	return 0; /* not kept where the kernel could find it: src/kernel/library.c attaches no Go program there */
}
#endif

TT_INLINE struct tt_plain_calls *tt_plain_goroutine_find(__u64 g)
{
	struct tt_plain_key key = {.session = g, .tgid = bpf_get_current_pid_tgid() >> 32};

	return bpf_map_lookup_elem(&tt_plain_goroutines, &key);
}

TT_INLINE struct tt_plain_calls *tt_plain_goroutine_place(__u64 g)
{
	struct tt_plain_calls *calls = tt_plain_goroutine_find(g);

	if (!calls) {
		struct tt_plain_key key = {.session = g, .tgid = bpf_get_current_pid_tgid() >> 32};
		struct tt_plain_calls empty = {};

		bpf_map_update_elem(&tt_plain_goroutines, &key, &empty, BPF_NOEXIST);
		calls = tt_plain_goroutine_find(g);
	}
	return calls;
}

/*
 * A stack that is moved keeps its distances from its top, so they are what calls are told apart by: as addresses below a top that
 * is the same for all.
 */
#define TT_PLAIN_TOP (1ull << 62)

/* Where the stack of goroutine g ends: the second word of its struct, whose first field is struct stack { lo, hi }. 0: not known.
 */
TT_INLINE __u64 tt_plain_top(__u64 g)
{
	__u64 top = 0;

	if (!g || bpf_probe_read_user(&top, sizeof(top), (const void *)(g + sizeof(top))))
		return 0;
	return top;
}

/* --- from the socket ---------------------------------------------------------------------------------------------------------
 */

/* Returns whether it was within a call. */
TT_INLINE bool tt_plain_mark(struct tt_plain_calls *calls, __u64 sock, __u64 ino, __u32 begins)
{
	bool within = false;

	for (int i = 0; i < TT_PLAIN_DEPTH; i++) {
		struct tt_plain_call *call = &calls->call[i];

		if (!call->session)
			continue;
		call->several |= call->sock && (call->sock != sock || call->ino != ino);
		call->sock = sock;
		call->ino = ino;
		call->begins |= begins;
		within = true;
	}
	return within;
}

/* A process that began while only others had probes uses the connection. */
TT_INLINE void tt_plain_late(struct tt_conn *conn)
{
	const __u8 *mark = tt_scope_mark(bpf_get_current_pid_tgid() >> 32);

	if (conn->plain_early == TT_EARLY && mark && *mark >= TT_MARK_LATE)
		conn->plain_early = TT_EARLY_LOST;
}

/* The beginning of what the work area says was moved: up to the end of its segment. False: it is not the program's memory. */
TT_INLINE bool tt_plain_front(const struct tt_work *w, __u64 *ret, __u64 *length)
{
	__u32 at = w->at;

	if (w->in_kernel || at >= w->segments)
		return false;
	TT_BOUND(at, TT_SEGMENTS_MOST - 1);
	*ret = w->segment[at].iov_base + w->at_offset;
	*length = w->segment[at].iov_len - w->at_offset;
	if (*length > w->move.moved)
		*length = w->move.moved;
	return true;
}

/* For libraries of HTTP/2 in the clear: what was received in one piece they get next. */
TT_INLINE void tt_plain_received_here(struct tt_plain_received *received, __u64 sock, __u64 ino)
{
	const struct tt_work *w = tt_work_here();
	__u64 buffer, length;

	received->length = 0;
	if (!w || !tt_plain_front(w, &buffer, &length) || length < w->move.moved)
		return;
	received->sock = sock;
	received->ino = ino;
	received->buffer = buffer;
	received->length = length;
}

/* The same of both directions, where it is no ciphertext that a call of TLS moves. */
TT_INLINE void tt_plain_clear(struct tt_plain_calls *calls, __u64 sock, __u64 ino)
{
	const struct tt_work *w = tt_work_here();

	if (!w || calls->call[0].session)
		return;
	if (w->move.direction == TT_RX)
		tt_plain_received_here(&calls->received, sock, ino);
	else if (calls->frames.before)
		tt_nghttp2_written(sock, ino);
}

/*
 * The current thread moved bytes on this connection: at its very beginning, if `begins`. Also within a call they may be another
 * session's, which a callback has; and the call may be one whose return was not seen. Returns whether it was within one.
 */
__noinline int tt_plain_socket(__u64 sock, __u64 ino, __u32 begins)
{
	struct tt_plain_calls *calls = tt_plain_find();
	bool within = false;

	if (calls) {
		within = tt_plain_mark(calls, sock, ino, begins);
		calls->writing.sock = 0;
		tt_plain_clear(calls, sock, ino);
	}
	if (tt_plain_go) {
		__u64 g = tt_plain_goroutine_here();

		calls = g ? tt_plain_goroutine_find(g) : NULL;
		if (calls)
			within |= tt_plain_mark(calls, sock, ino, begins);
	}
	tt_hello_hear(sock, ino);
	if (tt_plain_records)
		tt_records_pass(sock, ino);
	return within;
}

#endif
