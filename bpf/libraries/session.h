/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TLS sessions of libraries: which socket one uses, and the chunks that come of its plaintext. The socket is the one the thread
 * moves bytes on while it is inside the library, or the one whose hello the session holds (hello.h); no field of the library's
 * structs is known, but the beginning of one of OpenSSL 1.1.1's.
 */
#ifndef TT_BPF_SESSION_H
#define TT_BPF_SESSION_H

#include "lib/plaintext.h"

/*
 * The call's place. One that has begun and not returned is left aside where the new one lies below it on the stack: another
 * session's, the handshake that a call makes first, or what a callback asks of the same session. Else its return was not seen (an
 * exception, a thread that jumped), and the new one takes its place.
 */
TT_INLINE struct tt_plain_call *tt_plain_begin(struct tt_plain_calls *calls, __u64 session, __u64 stack, __u32 handshake)
{
	struct tt_plain_call *call = &calls->call[0];

	if (call->session && stack < call->stack)
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
	call->error = 0;
	return call;
}

/* Within a call that told the socket of what is written. */
TT_INLINE void tt_plain_told(const struct tt_plain_writing *writing, struct tt_plain_call *call)
{
	__u64 back = 0;

	if (!writing->sock || call->stack >= writing->stack ||
	    bpf_probe_read_user(&back, sizeof(back), (const void *)writing->stack) || back != writing->back)
		return;
	call->sock = writing->sock;
	call->ino = writing->ino;
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
	tt_plain_told(&calls->writing, call);
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

/* What stands in the place of a socket in an entry of sessions, below where sockets lie. */
#define TT_PLAIN_LOST 0	 /* two were seen, and which is its own nobody can tell */
#define TT_PLAIN_WAITS 1 /* none is known yet */

/* Beside the inode. */
#define TT_PLAIN_SURE (1ull << 63) /* it is this socket, whatever others the thread uses */
#define TT_PLAIN_GUESS \
	(1ull << 62)	  /* its thread used it in a handshake, which may have been a callback: its hello may tell better */
#define TT_PLAIN_SIDE 60  /* two bits: the hello this side receives, TT_HELLO_CLIENT or TT_HELLO_SERVER; 0: not known */
#define TT_PLAIN_TRIES 56 /* four bits: how often its hello was looked for */
#define TT_PLAIN_CORKED (1ull << 55) /* what is sent is kept by the library until it is told to send it */
#define TT_PLAIN_INO (TT_PLAIN_CORKED - 1)

/* How often a session's hello is looked for, and in how much of its object. */
#define TT_HELLO_TRIES 15
#define TT_SESSION_BYTES 1024

TT_INLINE __u64 tt_plain_side_of(const struct tt_conn_id *bound)
{
	return bound ? bound->ino >> TT_PLAIN_SIDE & 3 : 0;
}

/* Looks whether what the work area has of a session's object `at` there is the random of a hello that was heard. */
__noinline int tt_hello_at(__u32 at, __u32 kind)
{
	struct tt_work *w = tt_work_here();
	struct tt_hello wanted = {.tgid = bpf_get_current_pid_tgid() >> 32, .kind = kind};
	struct tt_conn_id id;

	if (!w || at > TT_SESSION_BYTES - sizeof(wanted.random))
		return 0;
	TT_BOUND(at, TT_SESSION_BYTES - 1);
	__builtin_memcpy(wanted.random, w->data + at, sizeof(wanted.random));
	if (!wanted.random[1] || !tt_hello_take(&wanted, &id))
		return 0;
	w->found.sk = (struct sock *)id.sock;
	w->found.ino = id.ino;
	return 1;
}

/* BoringSSL keeps randoms in the front of a struct of its own, to which one of the object's first words points. */
#define TT_SESSION_POINTERS 24
#define TT_SESSION_BEHIND 96

/* How OpenSSL 1.1.1's state begins (ssl/ssl_local.h, SSL3_STATE), to which one of these words points, too. */
#define TT_STATE_KEY 64
struct tt_session_state {
	__u64 flags; /* 32 bits are used */
	__u64 read_key_size;
	__u8 read_key[TT_STATE_KEY];
	__u64 write_key_size;
	__u8 write_key[TT_STATE_KEY];
	__u8 server_random[32];
	__u8 client_random[32];
};

/*
 * Looks there, if what the work area has begins so. Else it may be a smaller object, and what comes after it in memory another
 * session's.
 */
TT_INLINE int tt_hello_in_state(struct tt_work *w, __u64 behind, __u32 kind)
{
	const __u32 to = TT_SESSION_POINTERS * sizeof(__u64);
	const struct tt_session_state *state = (const struct tt_session_state *)(w->data + to);

	if (state->flags >> 32 || state->read_key_size > TT_STATE_KEY || state->write_key_size > TT_STATE_KEY ||
	    bpf_probe_read_user(w->data + to, sizeof(*state), (const void *)behind))
		return 0;
	return tt_hello_at(to + (kind == TT_HELLO_SERVER ? offsetof(struct tt_session_state, server_random)
							 : offsetof(struct tt_session_state, client_random)),
			   kind);
}

/* The same of what that word of the object points to; it takes the place of the object's further words, which were looked at. */
__noinline int tt_hello_behind(__u32 pointer, __u32 kind)
{
	const __u32 to = TT_SESSION_POINTERS * sizeof(__u64);
	struct tt_work *w = tt_work_here();

	if (!w || pointer >= TT_SESSION_POINTERS)
		return 0;
	__u64 behind = ((const __u64 *)w->data)[pointer];
	if (!behind || behind % sizeof(__u64) || bpf_probe_read_user(w->data + to, TT_SESSION_BEHIND, (const void *)behind))
		return 0;
	for (__u32 at = 0; at <= TT_SESSION_BEHIND - TT_HELLO_WORDS * sizeof(__u64); at += sizeof(__u64)) {
		if (tt_hello_at(to + at, kind))
			return 1;
	}
	return tt_hello_in_state(w, behind, kind);
}

/* The object itself, then what is behind its pointers. */
__noinline int tt_hello_within(__u32 kind)
{
	for (__u32 at = 0; at <= TT_SESSION_BYTES - TT_HELLO_WORDS * sizeof(__u64); at += sizeof(__u64)) {
		if (tt_hello_at(at, kind))
			return 1;
	}
	for (__u32 pointer = 0; pointer < TT_SESSION_POINTERS; pointer++) {
		if (tt_hello_behind(pointer, kind))
			return 1;
	}
	return 0;
}

/*
 * The socket that received the hello this session holds. Wherever in its object the library keeps the random, it is found there;
 * only what the peer of this side sends is looked for, as a program that has both sides keeps each random twice.
 */
TT_INLINE bool tt_plain_recognise(__u64 session, __u32 kind, struct tt_conn_id *ret)
{
	struct tt_work *w = tt_work_here();

	if (!w || bpf_probe_read_user(w->data, TT_SESSION_BYTES, (const void *)session) || !tt_hello_within(kind))
		return false;
	ret->sock = (__u64)w->found.sk;
	ret->ino = w->found.ino;
	return true;
}

TT_INLINE void tt_plain_bound(const struct tt_plain_key *key, const struct tt_conn_id *id)
{
	if (bpf_map_update_elem(&tt_plain_sessions, key, id, BPF_ANY))
		tt_failed(TT_PLACE_CONN_UPDATE);
}

/* The session takes a side in a new connection: it waits for this hello. */
__noinline int tt_plain_side(__u64 session, __u32 kind)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	struct tt_conn_id waits = {.sock = TT_PLAIN_WAITS, .ino = (__u64)kind << TT_PLAIN_SIDE};

	tt_plain_bound(&key, &waits);
	return 0;
}

/* Looks for the hello of a session whose socket is not known, or only guessed. Returns whether it was found: then it is known. */
__noinline int tt_plain_wait(__u64 session)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	struct tt_conn_id *waits = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	__u64 side = tt_plain_side_of(waits);
	struct tt_conn_id id;

	if (!waits || !side || (waits->ino >> TT_PLAIN_TRIES & TT_HELLO_TRIES) == TT_HELLO_TRIES)
		return 0;
	waits->ino += 1ull << TT_PLAIN_TRIES;
	if (!tt_plain_recognise(session, side, &id))
		return 0;
	id.ino |= side << TT_PLAIN_SIDE | TT_PLAIN_SURE;
	tt_plain_bound(&key, &id);
	return 1;
}

/* Of the connection of a session, if it is known (handshake.h). */
__noinline int tt_handshake_tell(__u64 session, __u32 origin, __u32 state, __s32 error)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	const struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);

	if (!bound || bound->sock <= TT_PLAIN_WAITS)
		return 0;
	struct tt_handshake_record r = {.conn = {.sock = bound->sock, .ino = bound->ino & TT_PLAIN_INO},
					.error = error,
					.origin = origin,
					.state = state};
	tt_record_here(&r.rec, TT_REC_HANDSHAKE);
	tt_control_submit(&r.rec, sizeof(r));
	return 0;
}

/*
 * By the sockets its thread used within the library; of two neither is taken, and the session is lost for good. `beside`: what
 * else is kept of it.
 */
TT_INLINE bool tt_plain_nested(const struct tt_plain_key *key, __u64 beside, const struct tt_plain_call *call,
			       struct tt_conn_id *ret)
{
	if (!call->sock)
		return false;
	ret->sock = call->several ? TT_PLAIN_LOST : call->sock;
	ret->ino = call->ino | beside;
	tt_plain_bound(key, ret);
	ret->ino = call->ino;
	return !call->several;
}

/*
 * The socket a session uses, until that connection ends: the one whose hello it holds, or the first its thread used within the
 * library. A callback of the program may use another meanwhile (a cache of sessions, a log), so what was used in a handshake
 * counts only until the first plaintext shows another. False: it is not known.
 */
TT_INLINE bool tt_plain_bind(struct tt_plain_call *call, __u32 origin, __u64 length, bool ends, struct tt_conn_id *ret)
{
	struct tt_plain_key key = {.session = call->session, .tgid = bpf_get_current_pid_tgid() >> 32};

	struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);

	if (bound && bound->sock == TT_PLAIN_LOST)
		return false;
	if (bound && (bound->sock == TT_PLAIN_WAITS || (bound->ino & TT_PLAIN_GUESS)) && tt_plain_wait(call->session)) {
		call->begins = 1;
		tt_handshake_tell(call->session, origin, TT_HANDSHAKE_WATCHED, 0);
		bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	}
	__u64 side = tt_plain_side_of(bound) << TT_PLAIN_SIDE;
	if (!bound || bound->sock == TT_PLAIN_WAITS) {
		/* What returns without plaintext when the session was closed meanwhile must not bring it back: nobody ends it
		 * then. */
		if (!length && !call->begins)
			return false;
		__u64 tries = bound ? bound->ino & (__u64)TT_HELLO_TRIES << TT_PLAIN_TRIES : 0;

		call->begins |= side != 0; /* it was told its side, and nothing was said of it since */
		return tt_plain_nested(&key, side | (side && !length ? TT_PLAIN_GUESS | tries : 0), call, ret);
	}
	ret->sock = bound->sock;
	ret->ino = bound->ino & TT_PLAIN_INO;
	if ((length || ends) && (bound->ino & TT_PLAIN_GUESS)) {
		if (call->sock && call->sock != ret->sock)
			bound->sock = TT_PLAIN_LOST;
		bound->ino &= ~TT_PLAIN_GUESS;
		if (call->sock && call->sock != ret->sock)
			return false;
	}
	bool sure = bound->ino & TT_PLAIN_SURE;
	struct tt_conn *conn = tt_conn_find(ret->sock);
	if (call->sock && !(conn && conn->ino == ret->ino && (sure || !call->several)))
		return tt_plain_nested(&key, side, call, ret);
	return true;
}

/* What this session sends and receives is the ciphertext of the one outside of it. */
TT_INLINE bool tt_plain_within(const struct tt_plain_calls *calls, const struct tt_plain_call *call, const struct tt_conn_id *id)
{
	struct tt_plain_key key = {.session = calls->call[0].session, .tgid = bpf_get_current_pid_tgid() >> 32};

	if (call == &calls->call[0] || !key.session || key.session == call->session)
		return false;
	struct tt_conn_id *outer = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	return outer && outer->sock == id->sock && (outer->ino & TT_PLAIN_INO) == id->ino;
}

/* Plaintext whose segments are in the work area. */
TT_INLINE void tt_plain_report_here(struct tt_work *w, struct tt_conn *conn, const struct tt_conn_id *id, __u64 entry_ns,
				    __u8 direction, __u8 origin, __u32 length)
{
	struct tt_kernel_counters *c = tt_counters_here();

	if (conn->plain_early == TT_EARLY_LOST && length)
		tt_lost(TT_LOSS_SESSION, length);
	if (!c || conn->plain_early == TT_EARLY_LOST)
		return;
	tt_chunk_fill(&w->chunk, id->sock, conn, direction, direction == TT_TX ? entry_ns : 0);
	w->chunk.origin = origin;
	w->chunk.flags &= ~TT_CHUNK_FROM_START;
	if (conn->plain_begins)
		w->chunk.flags |= TT_CHUNK_FROM_START;
	w->chunk.offset = conn->plain_next[direction & 1];
	w->chunk.tcp_seq = 0;
	if (!length)
		w->chunk.flags |= TT_CHUNK_EOF;
	w->chunk.rec.time_ns = tt_data_begin(c);
	tt_report_wanted(length);
	tt_data_end(c);
	conn->plain_next[direction & 1] += length;
	conn->fresh = 0;
}

TT_INLINE void tt_plain_report(struct tt_conn *conn, const struct tt_conn_id *id, const struct tt_plain_call *call,
			       __u8 direction, __u8 origin, __u32 length)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return;
	tt_iov_one(w, call->buffer, length);
	tt_plain_report_here(w, conn, id, call->entry_ns, direction, origin, length);
}

TT_INLINE struct tt_plain_call *tt_plain_returned(struct tt_plain_calls *calls, __u64 stack)
{
	for (int i = TT_PLAIN_DEPTH - 1; i >= 0; i--) {
		if (calls->call[i].session && calls->call[i].stack == stack)
			return &calls->call[i];
	}
	return NULL;
}

/*
 * Processes with a session whose socket is not known. The user side takes them out again; who finds no room asks with its next
 * call.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} tt_plain_asking SEC(".maps");

TT_INLINE void tt_plain_ask(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	bpf_map_update_elem(&tt_plain_asking, &tgid, &tgid, BPF_NOEXIST);
}

/* nghttp2.bpf.c: within a call that sends frames of HTTP/2, or after one, these bytes were written. */
int tt_nghttp2_wrote(__u64 sock, __u64 ino, __u64 data, __u64 length);

/* For libraries of HTTP/2, which have got these bytes, or get them next. */
TT_INLINE void tt_plain_pass_on(struct tt_plain_calls *calls, const struct tt_plain_call *call, const struct tt_conn_id *id,
				__u32 direction, __u64 length)
{
	if (direction == TT_RX) {
		calls->received.sock = id->sock;
		calls->received.ino = id->ino;
		calls->received.buffer = call->buffer;
		calls->received.length = length;
	} else if (calls->frames.before)
		tt_nghttp2_wrote(id->sock, id->ino, call->buffer, length);
}

/* What is to be said of a call that moved `length` bytes, or whose side of the stream `ends`. */
TT_INLINE void tt_plain_moved(struct tt_plain_calls *calls, struct tt_plain_call *call, __u32 direction, __u32 origin,
			      __u64 length, bool ends)
{
	struct tt_conn_id id = {};
	bool bound = tt_plain_bind(call, origin, length, ends, &id);

	if (!bound && !length)
		return;
	struct tt_conn *conn = bound ? tt_conn_find(id.sock) : NULL;
	if (conn && conn->ino != id.ino)
		conn = NULL;
	if (conn && call->begins && !conn->plain_next[TT_TX] && !conn->plain_next[TT_RX])
		conn->plain_begins = 1;
	if (length && !conn) {
		tt_lost(TT_LOSS_SESSION, length);
		tt_plain_ask();
	} else if (conn && (length || ends) && !tt_plain_within(calls, call, &id)) {
		tt_plain_report(conn, &id, call, direction, origin, length);
		tt_plain_pass_on(calls, call, &id, direction, length);
	}
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
	if (call->error && !length)
		tt_handshake_tell(call->session, origin, TT_HANDSHAKE_FAILED, call->error);
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

/* The same of goroutine g. Returns whether its entry was seen. A call about no bytes has a `result` below 0; 0: the peer has said
 * that nothing follows. */
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
	return 1;
}

/* The library frees the session, or begins a new one in its place. */
__noinline int tt_plain_end(__u64 session)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};

	bpf_map_delete_elem(&tt_plain_sessions, &key);
	return 0;
}

/* The session begins anew, on the same side if it has one: the library does so itself before its first handshake. */
__noinline int tt_plain_again(__u64 session)
{
	struct tt_plain_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	const struct tt_conn_id *bound = bpf_map_lookup_elem(&tt_plain_sessions, &key);
	__u32 side = tt_plain_side_of(bound);

	return side ? tt_plain_side(session, side) : tt_plain_end(session);
}

#endif
