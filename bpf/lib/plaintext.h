/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Plaintext at a TLS library's functions: which session a thread is in, which socket that session uses, and the chunks that come
 * of it. The socket is the one the thread moves bytes on while it is inside the library; no field of the library's structs is
 * read. In a Go program a goroutine takes the thread's place: it may wait in a call and go on in another thread.
 */
#ifndef TT_BPF_PLAINTEXT_H
#define TT_BPF_PLAINTEXT_H

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
	__u64 top;     /* of the goroutine's stack, which may be moved meanwhile; 0: a thread's stays */
	__u32 begins;  /* the connection's first bytes were among them, or a handshake was asked for */
	__u32 several; /* more than one connection moved bytes meanwhile */
};

/* A session within a session (HTTPS to a proxy) is a call within a call. */
#define TT_PLAIN_DEPTH 2

struct tt_plain_calls {
	struct tt_plain_call call[TT_PLAIN_DEPTH];
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

TT_INLINE void tt_plain_mark(struct tt_plain_calls *calls, __u64 sock, __u64 ino, __u32 begins)
{
	for (int i = 0; i < TT_PLAIN_DEPTH; i++) {
		struct tt_plain_call *call = &calls->call[i];

		if (!call->session)
			continue;
		call->several |= call->sock && (call->sock != sock || call->ino != ino);
		call->sock = sock;
		call->ino = ino;
		call->begins |= begins;
	}
}

/* The current thread moved bytes on this connection: at its very beginning, if `begins`. */
__noinline int tt_plain_socket(__u64 sock, __u64 ino, __u32 begins)
{
	struct tt_plain_calls *calls = tt_plain_find();

	if (calls)
		tt_plain_mark(calls, sock, ino, begins);
	if (!tt_plain_go)
		return 0;
	__u64 g = tt_plain_goroutine_here();
	calls = g ? tt_plain_goroutine_find(g) : NULL;
	if (calls)
		tt_plain_mark(calls, sock, ino, begins);
	return 0;
}

/* --- from the library --------------------------------------------------------------------------------------------------------
 */

/*
 * The call's place. One that has begun and not returned is left aside where the new one lies below it on the stack and is another
 * session's, or the handshake that a call makes first; else its return was not seen (an exception, a thread that jumped), and the
 * new one takes its place.
 */
TT_INLINE struct tt_plain_call *tt_plain_begin(struct tt_plain_calls *calls, __u64 session, __u64 stack, __u32 handshake)
{
	struct tt_plain_call *call = &calls->call[0];

	if (call->session && stack < call->stack && (call->session != session || handshake))
		call = &calls->call[1];
	else
		calls->call[1].session = 0;
	call->session = session;
	call->stack = stack;
	call->entry_ns = bpf_ktime_get_ns();
	call->sock = 0;
	call->several = 0;
	call->top = 0;
	call->begins = handshake;
	return call;
}

__noinline int tt_plain_enter(__u64 session, __u64 buffer, __u64 size_at, __u64 stack, __u32 handshake)
{
	struct tt_plain_calls *calls = session ? tt_plain_place() : NULL;

	if (!calls) {
		if (session)
			tt_failed(TT_PLACE_STAMP_CREATE);
		return 0;
	}
	struct tt_plain_call *call = tt_plain_begin(calls, session, stack, handshake);
	call->buffer = buffer;
	call->size_at = size_at;
	return 0;
}

/* The same of goroutine g, whose stack pointer is `stack`. A function that finds its stack too small begins twice. */
__noinline int tt_plain_enter_go(__u64 session, __u64 buffer, __u64 stack, __u64 g, __u32 handshake)
{
	__u64 top = tt_plain_top(g);
	struct tt_plain_calls *calls = session && top ? tt_plain_goroutine_place(g) : NULL;

	if (!calls) {
		if (session)
			tt_failed(TT_PLACE_STAMP_CREATE);
		return 0;
	}
	struct tt_plain_call *call = tt_plain_begin(calls, session, TT_PLAIN_TOP - (top - stack), handshake);
	call->buffer = buffer;
	call->size_at = 0;
	if (buffer > stack && buffer < top) /* it moves with the stack */
		call->top = top;
	return 0;
}

/* The socket of an entry of sessions that has none any more: two were seen, and which is its own nobody can tell. */
#define TT_PLAIN_LOST 0

/*
 * The socket a session uses: the first its thread used within the library, until that connection ends. A callback of the program
 * may use another meanwhile (a cache of sessions, a log): of two within one call neither is taken, and the session is lost for
 * good. False: it is not known.
 */
TT_INLINE bool tt_plain_bind(const struct tt_plain_call *call, struct tt_conn_id *ret)
{
	struct tt_plain_key key = {.session = call->session, .tgid = bpf_get_current_pid_tgid() >> 32};
	struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	struct tt_conn_id now = {.sock = call->several ? TT_PLAIN_LOST : call->sock, .ino = call->ino};

	if (bound && bound->sock == TT_PLAIN_LOST)
		return false;
	if (bound && !call->several) {
		struct tt_conn *conn = tt_conn_find(bound->sock);

		if (!call->sock || (conn && conn->ino == bound->ino))
			now = *bound;
	}
	if (!bound && !call->sock)
		return false;
	if ((!bound || bound->sock != now.sock || bound->ino != now.ino) &&
	    bpf_map_update_elem(&tt_plain_sessions, &key, &now, BPF_ANY))
		tt_failed(TT_PLACE_CONN_UPDATE);
	*ret = now;
	return now.sock != TT_PLAIN_LOST;
}

/* What this session sends and receives is the ciphertext of the one outside of it. */
TT_INLINE bool tt_plain_within(const struct tt_plain_calls *calls, const struct tt_plain_call *call, const struct tt_conn_id *id)
{
	struct tt_plain_key key = {.session = calls->call[0].session, .tgid = bpf_get_current_pid_tgid() >> 32};

	if (call == &calls->call[0] || !key.session)
		return false;
	struct tt_conn_id *outer = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	return outer && outer->sock == id->sock && outer->ino == id->ino;
}

TT_INLINE void tt_plain_report(struct tt_conn *conn, const struct tt_conn_id *id, const struct tt_plain_call *call,
			       __u8 direction, __u8 origin, __u32 length)
{
	struct tt_work *w = tt_work_here();
	struct tt_kernel_counters *c = tt_counters_here();

	if (!w || !c)
		return;
	tt_chunk_fill(&w->chunk, id->sock, conn, direction, direction == TT_TX ? call->entry_ns : 0);
	w->chunk.origin = origin;
	w->chunk.flags &= ~TT_CHUNK_FROM_START;
	if (conn->plain_begins)
		w->chunk.flags |= TT_CHUNK_FROM_START;
	w->chunk.offset = conn->plain_next[direction & 1];
	w->chunk.tcp_seq = 0;
	if (!length)
		w->chunk.flags |= TT_CHUNK_EOF;
	tt_iov_one(w, call->buffer, length);
	w->chunk.rec.time_ns = tt_data_begin(c);
	tt_report_wanted(length);
	tt_data_end(c);
	conn->plain_next[direction & 1] += length;
	conn->fresh = 0;
}

TT_INLINE struct tt_plain_call *tt_plain_returned(struct tt_plain_calls *calls, __u64 stack)
{
	for (int i = TT_PLAIN_DEPTH - 1; i >= 0; i--) {
		if (calls->call[i].session && calls->call[i].stack == stack)
			return &calls->call[i];
	}
	return NULL;
}

/* What is to be said of a call that moved `length` bytes, or whose side of the stream `ends`. */
TT_INLINE void tt_plain_moved(struct tt_plain_calls *calls, struct tt_plain_call *call, __u32 direction, __u32 origin,
			      __u64 length, bool ends)
{
	struct tt_conn_id id = {};
	bool bound = tt_plain_bind(call, &id);

	if (!bound && !length)
		return;
	struct tt_conn *conn = bound ? tt_conn_find(id.sock) : NULL;
	if (conn && conn->ino != id.ino)
		conn = NULL;
	if (conn && call->begins && !conn->plain_next[TT_TX] && !conn->plain_next[TT_RX])
		conn->plain_begins = 1;
	if (length && !conn)
		tt_lost(TT_LOSS_SESSION, length);
	else if (conn && (length || ends) && !tt_plain_within(calls, call, &id))
		tt_plain_report(conn, &id, call, direction, origin, length);
}

/*
 * The call that was entered with this stack returns; `result` bytes of plaintext were moved, none or less: none were, or it was
 * not about any.
 */
__noinline int tt_plain_exit(__u64 stack, __u32 direction, __u32 origin, __s64 result)
{
	struct tt_plain_calls *calls = tt_plain_find();
	struct tt_plain_call *call = calls ? tt_plain_returned(calls, stack) : NULL;
	__u64 length = result > 0 ? result : 0;

	if (!call)
		return 0;
	/* A read of none: the peer has said that nothing follows. (Where the result says only whether it failed, it does not.) */
	bool ends = !result && direction == TT_RX && !call->size_at && call->buffer;
	if (length && call->size_at && bpf_probe_read_user(&length, sizeof(length), (const void *)call->size_at)) {
		tt_failed(TT_PLACE_USER_DATA);
		length = 0;
	}
	tt_plain_moved(calls, call, direction, origin, length, ends);
	call->session = 0;
	return 0;
}

/* A string of Go. */
struct tt_go_string {
	__u64 data;
	__u64 len;
};

/* What an interface of Go holds is io.EOF: an errors.errorString of that text. */
TT_INLINE bool tt_go_is_eof(__u64 type, __u64 data)
{
	struct tt_go_string s = {};
	__u32 text = 0;

	return type && !bpf_probe_read_user(&s, sizeof(s), (const void *)data) && s.len == 3 &&
	       !bpf_probe_read_user(&text, 3, (const void *)s.data) && text == ('E' | 'O' << 8 | 'F' << 16);
}

/* The same of goroutine g. A call about no bytes has a `result` below 0; 0: the peer has said that nothing follows. */
__noinline int tt_plain_exit_go(__u64 stack, __u64 g, __u32 direction, __s64 result)
{
	__u64 top = tt_plain_top(g);
	struct tt_plain_calls *calls = top ? tt_plain_goroutine_find(g) : NULL;
	struct tt_plain_call *call = calls ? tt_plain_returned(calls, TT_PLAIN_TOP - (top - stack)) : NULL;
	struct tt_plain_key key = {.session = g, .tgid = bpf_get_current_pid_tgid() >> 32};

	if (!call)
		return 0;
	if (call->top)
		call->buffer += top - call->top;
	tt_plain_moved(calls, call, direction, TT_ORIGIN_GO_TLS, result > 0 ? result : 0, !result && direction == TT_RX);
	call->session = 0;
	if (!calls->call[0].session && !calls->call[1].session)
		bpf_map_delete_elem(&tt_plain_goroutines, &key);
	return 0;
}

/* The library frees the session, or begins a new one in its place. */
__noinline int tt_plain_end(__u64 session)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};

	bpf_map_delete_elem(&tt_plain_sessions, &key);
	return 0;
}

#endif
