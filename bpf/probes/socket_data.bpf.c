// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bytes moved by system calls on sockets. The entry program remembers which socket a call is about to use (always for writes, whose
 * first byte is dated to the entry; for reads where another thread could change the descriptor meanwhile); the exit program reports.
 */
#include "lib/args.h"
#include "lib/conn.h"
#include "lib/iov.h"
#include "lib/stamp.h"

#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000



TT_INLINE bool tt_call_reads(__u8 call)
{
	return call >= TT_CALL_READ && call <= TT_CALL_RECVMMSG;
}

/* --- entry --- */

TT_INLINE void tt_stamp_set(__u32 number, __u32 fd, __u32 argument, const struct tt_found *found, __u8 transport, __u8 direction)
{
	struct tt_stamp *stamp = tt_stamp_place();

	if (!stamp) {
		tt_failed(TT_PLACE_STAMP_CREATE);
		return;
	}
	stamp->file = found->file;
	stamp->sock = (__u64)found->sk;
	stamp->ino = found->ino;
	stamp->fd = fd;
	stamp->argument = argument;
	stamp->direction = direction;
	stamp->transport = transport;
	stamp->has_sequence = transport == TT_TRANSPORT_TCP && tt_sock_has_sequence(found->sk);
	if (stamp->has_sequence)
		stamp->sequence = tt_sequence(found->sk, direction);
	stamp->entry_ns = direction == TT_TX ? bpf_ktime_get_ns() : 0;
	stamp->number = number;
}

/* connect(): its time counts from here, and the outcome may come in softirq context, before the exit or long after it. */
TT_INLINE void tt_connect_enter(__u32 number, __u32 fd, __u32 argument, const struct tt_found *found, __u8 transport)
{
	tt_stamp_set(number, fd, argument, found, transport, TT_TX);
	if (transport != TT_TRANSPORT_TCP)
		return;
	__u8 state = TT_READ(struct sock, found->sk, __sk_common.skc_state);
	if (state != TT_TCP_CLOSE) /* a second connect(), asking for the outcome of the first */
		return;
	__u64 sock = (__u64)found->sk;
	struct tt_conn *conn = tt_conn_find(sock);
	if (conn && conn->ino == found->ino) /* the socket had another connection before */
		tt_conn_end(sock, false);
	conn = tt_conn_get(found, transport);
	if (!conn)
		return;
	conn->role = TT_ROLE_CLIENT;
	conn->connect_ns = bpf_ktime_get_ns();
	conn->flags |= TT_STATE_CONNECTING;
}

TT_INLINE bool tt_find_here(__u32 fd, struct tt_found *found, bool only_shared)
{
	struct files_struct *files = tt_files_here();

	if (!files || (only_shared && !tt_files_shared(files)))
		return false;
	__u64 file = tt_file_of(files, fd);
	return file && tt_sock_of(file, found);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(tt_sys_enter, struct pt_regs *regs, long id)
{
	if ((__u64)id >= TT_CALL_NUMBERS)
		return 0;
	__u8 call = tt_config.call[id & (TT_CALL_NUMBERS - 1)] & TT_CALL_MASK;
	if (call == TT_CALL_NONE || call == TT_CALL_ACCEPT)
		return 0;
	if (!tt_in_scope())
		return 0;

	struct tt_found found = {};
	__u32 fd = call == TT_CALL_SPLICE ? TT_ARG3(regs) : TT_ARG1(regs);
	__u8 direction = tt_call_reads(call) ? TT_RX : TT_TX;
	if (!tt_find_here(fd, &found, direction == TT_RX)) {
		if (call != TT_CALL_SPLICE)
			return 0;
		/* splice() out of a socket, as a read. */
		fd = TT_ARG1(regs);
		direction = TT_RX;
		if (!tt_find_here(fd, &found, true))
			return 0;
	}
	__u8 transport = tt_transport_of(found.sk);
	if (transport == TT_TRANSPORT_UNKNOWN || tt_is_compat(tt_task_here()))
		return 0;
	if (call == TT_CALL_CONNECT)
		tt_connect_enter(id, fd, TT_ARG2(regs), &found, transport);
	else
		tt_stamp_set(id, fd, TT_ARG2(regs), &found, transport, direction);
	return 0;
}

/* --- exit: the payload --- */

/*
 * Copies up to `want` bytes from the segments behind the cursor into the work area. Returns how many; less than `want` means
 * the segments ended or a page was not there. A function of its own for the verifier, which proves it once.
 */
__noinline int tt_gather(__u32 want)
{
	struct tt_work *w = tt_work_here();

	if (!w || want > TT_PART_BYTES)
		return 0;
	w->gathered = 0;
	for (int i = 0; i < TT_SEGMENTS_MOST; i++) {
		__u32 got = w->gathered;
		__u32 at = w->at;
		if (got >= want || at >= w->segments)
			break;
		TT_BOUND(at, TT_SEGMENTS_MOST - 1);
		__u64 left = w->segment[at].iov_len - w->at_offset;
		__u64 base = w->segment[at].iov_base + w->at_offset;
		bool last = left > want - got;
		if (last)
			left = want - got;
		__u32 n = left;
		TT_BOUND(got, TT_PART_BYTES - 1);
		TT_BOUND(n, 2 * TT_PART_BYTES - 1);
		if (n && bpf_probe_read_user(w->data + got, n, (const void *)base)) {
			tt_failed(TT_PLACE_USER_DATA);
			break;
		}
		w->gathered += n;
		if (last) {
			w->at_offset += n;
			break;
		}
		w->at = at + 1;
		w->at_offset = 0;
	}
	return w->gathered;
}

/* Moves the cursor `bytes` on. */
__noinline int tt_skip(__u32 bytes)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	for (int i = 0; i < TT_SEGMENTS_MOST; i++) {
		__u32 at = w->at;
		if (at >= w->segments)
			break;
		TT_BOUND(at, TT_SEGMENTS_MOST - 1);
		__u64 left = w->segment[at].iov_len - w->at_offset;
		if (left > bytes) {
			w->at_offset += bytes;
			break;
		}
		bytes -= left;
		w->at = at + 1;
		w->at_offset = 0;
	}
	return 0;
}

/* A message of several, or a part of one, may follow. */
TT_INLINE void tt_chunk_advance(struct tt_chunk *chunk, __u32 bytes)
{
	chunk->offset += bytes;
	if (chunk->tcp_seq)
		chunk->tcp_seq += bytes;
}

/*
 * Reports `length` bytes beginning at the chunk's offset, the first `capture` of them with payload, in as many parts as it takes.
 * Returns the bytes of payload that were wanted and not had.
 */
__noinline int tt_report(__u32 length, __u32 capture)
{
	struct tt_work *w = tt_work_here();
	struct tt_kernel_counters *c = tt_counters_here();

	if (!w || !c)
		return 0;
	w->left = length;
	w->capture = capture;
	w->missing = 0;
	for (int part = 0; part <= TT_PARTS_MOST; part++) {
		__u32 want = w->capture;
		__u32 named = w->left;
		if (want > TT_PART_BYTES) {
			want = TT_PART_BYTES;
			named = TT_PART_BYTES;
		}
		__u32 got = want ? tt_gather(want) : 0;
		if (got < want) { /* no more of it: the last part names the rest */
			w->missing = w->capture - got;
			w->capture = got;
			named = w->left;
		}
		w->chunk.length = named;
		w->chunk.captured = got;
		__u64 size = sizeof(w->chunk) + got;
		TT_BOUND(size, 2 * TT_PART_BYTES - 1);
		w->chunk.rec.len = size;
		tt_data_submit(c, w, size, named);
		tt_chunk_advance(&w->chunk, named);
		w->left -= named;
		w->capture -= got;
		if (!w->left)
			break;
	}
	return w->missing;
}

/* What of a call is to be captured: from `skip` bytes on, `bytes` of them. */
struct tt_want {
	__u32 skip;
	__u32 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_wish_slot);
} tt_wishes SEC(".maps");

/* Multiplicative hash; src/kernel/wish.c does the same. */
TT_INLINE __u32 tt_wish_hash(__u64 sock)
{
	return (sock * 0x9e3779b97f4a7c15ull) >> 32;
}

TT_INLINE struct tt_want tt_wanted(const struct tt_chunk *chunk, __u32 length)
{
	struct tt_want want = {.skip = 0, .bytes = tt_config.capture_bytes};
	__u32 hash = tt_wish_hash(chunk->conn.sock);
	__u8 direction = chunk->direction & 1;

	for (int i = 0; i < TT_WISH_PROBES; i++) {
		__u32 index = (hash + i) & tt_config.wish_mask;
		struct tt_wish_slot *slot = bpf_map_lookup_elem(&tt_wishes, &index);

		if (!slot || slot->sock != chunk->conn.sock)
			continue;
		__u32 bytes = slot->bytes[direction];
		if (slot->ino == chunk->conn.ino && bytes != TT_WISH_NONE) {
			__s64 ahead = slot->from[direction] - chunk->offset;

			if (ahead > 0)
				want.skip = ahead < (__s64)length ? ahead : length;
			want.bytes = bytes;
		}
		break;
	}
	return want;
}

#define TT_SMALL_BYTES 128

struct tt_small {
	struct tt_chunk chunk;
	__u8 data[TT_SMALL_BYTES];
};

/* The common case without detours: one segment, few bytes. Returns false where they could not be read. */
TT_INLINE bool tt_report_small(struct tt_work *w, struct tt_kernel_counters *c, __u32 length)
{
	struct tt_small *r = tt_data_reserve(c, sizeof(*r), length);

	if (r)
		r->chunk = w->chunk;
	tt_chunk_advance(&w->chunk, length);
	if (!r)
		return true;
	r->chunk.length = length;
	r->chunk.captured = length;
	r->chunk.rec.len = sizeof(w->chunk) + length;
	TT_BOUND(length, 2 * TT_SMALL_BYTES - 1);
	if (length > TT_SMALL_BYTES || bpf_probe_read_user(r->data, length, (const void *)w->segment[0].iov_base)) {
		r->chunk.captured = 0;
		r->chunk.rec.len = sizeof(w->chunk);
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
		tt_failed(TT_PLACE_USER_DATA);
		return false;
	}
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return true;
}

/* Reports one message or stretch of `length` bytes whose segments are in the work area. */
__noinline int tt_report_wanted(__u32 length)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	if ((w->chunk.flags & TT_CHUNK_NO_PAYLOAD) || !length) {
		tt_report(length, 0);
		return 0;
	}
	struct tt_want want = tt_wanted(&w->chunk, length);
	if (want.skip) {
		tt_skip(want.skip);
		tt_report(want.skip, 0);
		length -= want.skip;
		if (!length)
			return 0;
	}
	__u32 capture = want.bytes < length ? want.bytes : length;
	if (capture == length && length <= TT_SMALL_BYTES && w->segments == 1 && w->available >= length && !w->at_offset) {
		struct tt_kernel_counters *c = tt_counters_here();

		if (c && !tt_report_small(w, c, length))
			tt_lost(TT_LOSS_USER_FAULT, length);
		return 0;
	}
	if (capture > TT_PARTS_MOST * TT_PART_BYTES)
		capture = TT_PARTS_MOST * TT_PART_BYTES;
	/* A datagram longer than the buffer (MSG_TRUNC): only what was copied is there. */
	if ((w->chunk.flags & TT_CHUNK_DATAGRAM) && !w->cut && capture > w->available)
		capture = w->available;
	__u32 missing = tt_report(length, capture);
	if (missing)
		tt_lost(w->cut ? TT_LOSS_IOV_LIMIT : TT_LOSS_USER_FAULT, missing);
	return 0;
}

/* --- exit: the peer of a datagram --- */

/* An address as a program gave it or got it. */
struct tt_user_sockaddr {
	__u16 family;
	__u16 port;
	__u32 words[5]; /* IPv4: the address. IPv6: flow, then the address */
	__u32 scope;
};

__noinline int tt_peer_read(void)
{
	struct tt_work *w = tt_work_here();
	struct tt_user_sockaddr a = {};

	if (!w)
		return 0;
	__u32 len = w->name_len;
	if (len > sizeof(a))
		len = sizeof(a);
	TT_BOUND(len, 31);
	if (len < 8 || len > sizeof(a))
		return 0;
	if (bpf_probe_read_user(&a, len, (const void *)w->name)) {
		tt_failed(TT_PLACE_USER_ADDRESS);
		return 0;
	}
	if (a.family == TT_FAMILY_INET)
		tt_address_set4(&w->chunk.peer, bpf_ntohs(a.port), a.words[0]);
	else if (a.family == TT_FAMILY_INET6)
		tt_address_set(&w->chunk.peer, bpf_ntohs(a.port), a.scope, a.words[1], a.words[2], a.words[3], a.words[4]);
	return 0;
}

/* --- exit: the place in the stream --- */

/*
 * Where `bytes` bytes just moved begin. With a sequence they must be what the socket's sequence moved by since the entry, or all of
 * its movement that no other call has claimed; on doubt nothing is attributed.
 */
TT_INLINE bool tt_position_by_sequence(struct tt_conn *conn, struct sock *sk, const struct tt_stamp *stamp, __u8 direction,
				       __u32 bytes, __u64 *ret)
{
	__u32 now = tt_sequence(sk, direction);
	__u32 start = now - bytes;
	bool fin = direction == TT_RX && tt_fin_was_read(sk, now);
	bool placed = conn->flags & TT_STATE_PLACED(direction);
	__u32 next = conn->next[direction];

	if (stamp && stamp->has_sequence && (start == stamp->sequence || (fin && start - 1 == stamp->sequence)))
		start = stamp->sequence;
	else if (placed && fin && start - 1 == next)
		start = next;
	else if (placed && start == next)
		;
	else if (stamp && stamp->has_sequence)
		return false;
	else if (placed && (__s32)(start - next) < 0)
		return false;
	else if (fin)
		start--;

	if (!placed)
		tt_conn_place(conn, direction, start, false);
	*ret = tt_conn_unwrap(conn, direction, start);
	if ((__s64)(*ret + bytes - conn->next[direction]) > 0)
		conn->next[direction] = *ret + bytes;
	return true;
}

TT_INLINE bool tt_position(struct tt_conn *conn, struct sock *sk, const struct tt_stamp *stamp, __u8 direction, __u32 bytes, __u64 *ret)
{
	if (conn->flags & TT_STATE_SEQUENCE)
		return tt_position_by_sequence(conn, sk, stamp, direction, bytes, ret);
	if (!(conn->flags & TT_STATE_PLACED(direction)))
		tt_conn_place(conn, direction, 0, conn->flags & TT_STATE_SEEN_OPEN);
	*ret = conn->next[direction];
	conn->next[direction] = *ret + bytes;
	return true;
}

/* --- exit: the calls --- */

/* What a call's arguments say, put into the work area. */
struct tt_given {
	__u32 flags;  /* MSG_* asked for or given back */
	bool payload; /* the bytes can be read from the segments */
	bool messages; /* there are several, at the second argument */
};

/* Takes a msghdr in user memory. The kernel has already written msg_namelen and msg_flags back. */
TT_INLINE void tt_msghdr_take(struct tt_work *w, const struct user_msghdr *m, __u8 direction, struct tt_given *given)
{
	tt_iov_read(m->msg_iov, m->msg_iovlen);
	w->name = m->msg_name;
	w->name_len = m->msg_namelen;
	if (direction == TT_RX)
		given->flags |= m->msg_flags & MSG_ERRQUEUE;
}

TT_INLINE void tt_arguments(struct tt_work *w, struct pt_regs *regs, __u8 call, __u8 direction, struct tt_given *given)
{
	given->flags = 0;
	given->payload = true;
	given->messages = false;
	switch (call) {
	case TT_CALL_RECVFROM:
	case TT_CALL_SENDTO:
		given->flags = TT_ARG4(regs);
		tt_iov_one(w, TT_ARG2(regs), TT_ARG3(regs));
		w->name = TT_ARG5(regs);
		if (w->name && direction == TT_TX)
			w->name_len = TT_ARG6(regs);
		else if (w->name && bpf_probe_read_user(&w->name_len, sizeof(w->name_len), (const void *)TT_ARG6(regs)))
			w->name_len = 0;
		break;
	case TT_CALL_READ:
	case TT_CALL_WRITE:
		tt_iov_one(w, TT_ARG2(regs), TT_ARG3(regs));
		break;
	case TT_CALL_READV:
	case TT_CALL_WRITEV:
		tt_iov_read(TT_ARG2(regs), TT_ARG3(regs));
		break;
	case TT_CALL_RECVMSG:
	case TT_CALL_SENDMSG: {
		struct user_msghdr m = {};

		given->flags = TT_ARG3(regs);
		if (bpf_probe_read_user(&m, sizeof(m), (const void *)TT_ARG2(regs)))
			tt_failed(TT_PLACE_USER_MSGHDR);
		tt_msghdr_take(w, &m, direction, given);
		break;
	}
	case TT_CALL_RECVMMSG:
	case TT_CALL_SENDMMSG:
		given->flags = TT_ARG4(regs);
		given->messages = true;
		tt_iov_none(w);
		break;
	default:
		tt_iov_none(w);
		given->payload = false;
	}
}

TT_INLINE void tt_chunk_fill(struct tt_chunk *chunk, __u64 sock, const struct tt_conn *conn, __u8 direction, __u64 entry_ns)
{
	tt_record_here(&chunk->rec, TT_REC_CHUNK);
	chunk->conn.sock = sock;
	chunk->conn.ino = conn->ino;
	chunk->entry_ns = entry_ns;
	chunk->error = 0;
	chunk->direction = direction;
	chunk->transport = conn->transport;
	chunk->origin = TT_ORIGIN_SOCKET;
	chunk->role = conn->role;
	chunk->flags = 0;
	if (conn->flags & TT_STATE_NEW)
		chunk->flags |= TT_CHUNK_FIRST_SEEN;
	if (conn->flags & TT_STATE_SEEN_OPEN)
		chunk->flags |= TT_CHUNK_FROM_START;
	chunk->blocks = 0;
	chunk->netns = conn->netns;
	chunk->data_off = sizeof(*chunk);
	chunk->reserved = 0;
	chunk->local = conn->local;
	chunk->peer = conn->peer;
}

TT_INLINE void tt_chunk_at(struct tt_chunk *chunk, const struct tt_conn *conn, __u64 position)
{
	chunk->offset = position - conn->origin[chunk->direction & 1];
	chunk->tcp_seq = conn->flags & TT_STATE_SEQUENCE ? (__u32)position : 0;
}

/* sendmmsg() and recvmmsg() take at most so many messages (UIO_MAXIOV). */
#define TT_VECTOR_MOST 1024

/* Bytes moved by `count` messages. */
__noinline __u64 tt_messages_length(__u64 messages, __u32 count)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	w->total = 0;
	for (__u32 i = 0; i < TT_VECTOR_MOST; i++) {
		if (i >= count)
			break;
		__u32 len = 0;
		const struct mmsghdr *m = (const struct mmsghdr *)messages + i;
		if (bpf_probe_read_user(&len, sizeof(len), (const char *)m + offsetof(struct mmsghdr, msg_len)))
			break;
		w->total += len;
	}
	return w->total;
}

/* Reports one message of sendmmsg() or recvmmsg(). Returns its length. */
__noinline int tt_report_message(__u64 message)
{
	struct tt_work *w = tt_work_here();
	struct mmsghdr m = {};

	if (!w || bpf_probe_read_user(&m, sizeof(m), (const void *)message)) {
		tt_failed(TT_PLACE_USER_MSGHDR);
		return 0;
	}
	tt_iov_read(m.msg_hdr.msg_iov, m.msg_hdr.msg_iovlen);
	w->name = m.msg_hdr.msg_name;
	w->name_len = m.msg_hdr.msg_namelen;
	w->chunk.peer = w->peer;
	if (w->chunk.transport == TT_TRANSPORT_UDP && w->name)
		tt_peer_read();
	tt_report_wanted(m.msg_len);
	return 0;
}

/* `count` messages at `messages` were moved: as many as the limit allows one by one, the rest counted. */
__noinline int tt_report_messages(__u64 messages, __u32 count)
{
	struct tt_work *w = tt_work_here();
	__u32 most = tt_config.mmsg_messages;

	if (!w)
		return 0;
	for (__u32 i = 0; i < TT_MESSAGES_MOST; i++) {
		if (i >= count || i >= most)
			break;
		tt_report_message(messages + i * sizeof(struct mmsghdr));
	}
	if (count <= most)
		return 0;
	__u64 rest = tt_messages_length(messages + (__u64)most * sizeof(struct mmsghdr), count - most);
	if (w->chunk.flags & TT_CHUNK_DATAGRAM) {
		tt_lost_many(TT_LOSS_IOV_LIMIT, count - most, rest);
		return 0;
	}
	tt_iov_none(w);
	w->chunk.flags |= TT_CHUNK_NO_PAYLOAD;
	tt_report(rest, 0);
	tt_lost(TT_LOSS_IOV_LIMIT, rest);
	return 0;
}

/* The chunk that says a direction ended (error 0) or failed. */
TT_INLINE void tt_report_end(struct tt_work *w, struct tt_conn *conn, __s32 error)
{
	__u8 direction = w->chunk.direction & 1;

	if (error) {
		if (conn->error == error)
			return;
		conn->error = error;
		w->chunk.flags |= TT_CHUNK_ERROR;
		w->chunk.error = error;
	} else {
		if (conn->flags & TT_STATE_RX_END)
			return;
		conn->flags |= TT_STATE_RX_END;
		w->chunk.flags |= TT_CHUNK_EOF;
	}
	if (!(conn->flags & TT_STATE_PLACED(direction)))
		tt_conn_place(conn, direction, 0, false);
	tt_chunk_at(&w->chunk, conn, conn->next[direction]);
	tt_report(0, 0);
}

/* Errors that tell something of the connection: not EAGAIN, EINTR, EBADF, EFAULT, … */
TT_INLINE bool tt_error_matters(__u64 error)
{
	switch (error) {
	case 32:  /* EPIPE */
	case 100: /* ENETDOWN */
	case 101: /* ENETUNREACH */
	case 102: /* ENETRESET */
	case 103: /* ECONNABORTED */
	case 104: /* ECONNRESET */
	case 108: /* ESHUTDOWN */
	case 110: /* ETIMEDOUT */
	case 111: /* ECONNREFUSED */
	case 112: /* EHOSTDOWN */
	case 113: /* EHOSTUNREACH */
		return true;
	default:
		return false;
	}
}

/* The stamped socket, if its file still is that socket: the call held the file, and the last fput comes after this tracepoint. */
TT_INLINE bool tt_found_by_stamp(const struct tt_stamp *stamp, struct tt_found *found)
{
	struct socket *socket = TT_READ(struct file, stamp->file, private_data);

	if (!socket || tt_sock_in(socket) != stamp->sock)
		return false;
	found->file = stamp->file;
	found->sk = (struct sock *)stamp->sock;
	found->ino = stamp->ino;
	return true;
}

TT_INLINE void tt_data_exit(struct pt_regs *regs, __u8 call, __u32 number, long ret)
{
	struct tt_found found = {};
	__u32 fd = TT_ARG1(regs);
	__u8 direction = tt_call_reads(call) ? TT_RX : TT_TX;
	__u64 entry_ns = 0;
	__u8 transport;

	if (call == TT_CALL_SPLICE)
		fd = TT_ARG3(regs);
	struct tt_stamp *stamp = tt_stamp_take(number, fd, TT_ARG2(regs));
	if (!stamp && call == TT_CALL_SPLICE) {
		fd = TT_ARG1(regs);
		direction = TT_RX;
		stamp = tt_stamp_take(number, fd, TT_ARG2(regs));
	}
	if (ret < 0 && !tt_error_matters(-ret))
		return;
	__u64 moved = ret > 0 ? ret : 0;
	if (stamp) {
		if (!tt_found_by_stamp(stamp, &found)) {
			tt_lost(TT_LOSS_FD_GONE, moved);
			return;
		}
		entry_ns = stamp->entry_ns;
		transport = stamp->transport;
	} else {
		struct files_struct *files = tt_files_here();
		__u64 file = files ? tt_file_of(files, fd) : 0;

		if (!file || !tt_sock_of(file, &found))
			return;
		transport = tt_transport_of(found.sk);
		if (transport == TT_TRANSPORT_UNKNOWN)
			return;
	}

	struct tt_work *w = tt_work_here();
	struct tt_kernel_counters *c = tt_counters_here();
	if (!w || !c)
		return;
	struct tt_given given;
	tt_arguments(w, regs, call, direction, &given);
	if (given.flags & MSG_ERRQUEUE)
		return;
	if (direction == TT_RX && (given.flags & (MSG_PEEK | MSG_OOB)))
		return;
	if (!ret && transport != TT_TRANSPORT_UDP && (direction == TT_TX || !w->available))
		return;

	__u32 messages = 0;
	if (given.messages && ret > 0) {
		messages = ret;
		moved = tt_messages_length(TT_ARG2(regs), messages);
	}

	/* Without a sequence to check by, the descriptor must still mean the same file. */
	if (stamp && !stamp->has_sequence && tt_file_of(tt_files_here(), fd) != stamp->file) {
		tt_lost(TT_LOSS_FD_RACE, moved);
		return;
	}
	struct tt_conn *conn = tt_conn_get(&found, transport);
	if (!conn) {
		tt_lost(TT_LOSS_CONN_TABLE_FULL, moved);
		return;
	}

	__u64 sock = (__u64)found.sk;
	tt_chunk_fill(&w->chunk, sock, conn, direction, entry_ns);
	if (ret < 0 || (!ret && transport != TT_TRANSPORT_UDP)) {
		w->chunk.rec.time_ns = tt_data_begin(c);
		tt_report_end(w, conn, ret < 0 ? -ret : 0);
		tt_data_end(c);
		conn->flags &= ~TT_STATE_NEW;
		return;
	}

	__u64 position;
	if (!tt_position(conn, found.sk, stamp, direction, moved, &position)) {
		tt_lost(TT_LOSS_FD_RACE, moved);
		return;
	}
	tt_chunk_at(&w->chunk, conn, position);
	if (transport == TT_TRANSPORT_UDP || transport == TT_TRANSPORT_UNIX_DGRAM)
		w->chunk.flags |= TT_CHUNK_DATAGRAM;
	if (messages)
		w->peer = w->chunk.peer;
	else if (transport == TT_TRANSPORT_UDP && w->name)
		tt_peer_read();
	if (!given.payload || transport == TT_TRANSPORT_UNIX_DGRAM || (transport == TT_TRANSPORT_TCP && (given.flags & MSG_TRUNC)))
		w->chunk.flags |= TT_CHUNK_NO_PAYLOAD;
	__u64 now = tt_data_begin(c);
	w->chunk.rec.time_ns = now;
	if (messages)
		tt_report_messages(TT_ARG2(regs), messages);
	else
		tt_report_wanted(moved);
	tt_data_end(c);
	conn->bytes[direction & 1] += moved;
	conn->flags &= ~TT_STATE_NEW;
	if (now - conn->sampled_ns >= TT_SAMPLE_NS)
		tt_conn_sample(sock);
}

TT_INLINE void tt_accept_exit(long ret)
{
	struct tt_found found = {};

	if (ret < 0 || !tt_find_here(ret, &found, false))
		return;
	__u8 transport = tt_transport_of(found.sk);
	if (transport != TT_TRANSPORT_TCP && transport != TT_TRANSPORT_UNIX)
		return;
	struct tt_conn *conn = tt_conn_get(&found, transport);
	if (!conn) {
		tt_lost(TT_LOSS_CONN_TABLE_FULL, 0);
		return;
	}
	conn->role = TT_ROLE_SERVER;
	conn->flags |= TT_STATE_SEEN_OPEN;
	conn->flags &= ~TT_STATE_NEW;
	bool sequence = conn->flags & TT_STATE_SEQUENCE;
	tt_conn_place(conn, TT_TX, sequence ? tt_sequence(found.sk, TT_TX) : 0, true);
	tt_conn_place(conn, TT_RX, sequence ? tt_sequence(found.sk, TT_RX) : 0, true);
	tt_conn_opened((__u64)found.sk, 0);
}

/* TCP: a failure that never reached the wire (no route, no port); what did is told by the state's change (connection.bpf.c). */
TT_INLINE void tt_connect_exit(struct pt_regs *regs, __u32 number, long ret)
{
	struct tt_found found = {};
	struct tt_stamp *stamp = tt_stamp_take(number, TT_ARG1(regs), TT_ARG2(regs));

	if (!stamp || !tt_found_by_stamp(stamp, &found))
		return;
	__u8 transport = stamp->transport;
	__u64 sock = (__u64)found.sk;
	if (transport == TT_TRANSPORT_TCP) {
		struct tt_conn *conn = tt_conn_find(sock);

		if (!conn || conn->ino != found.ino || !(conn->flags & TT_STATE_CONNECTING))
			return;
		if (ret >= 0 || !(tt_error_matters(-ret) || ret == -99 /* EADDRNOTAVAIL */ || ret == -13 || ret == -1))
			return;
		conn->flags &= ~TT_STATE_CONNECTING;
		tt_conn_readdress(sock);
		tt_conn_opened(sock, -ret);
		return;
	}
	if (ret < 0)
		return;
	if (transport == TT_TRANSPORT_UDP) { /* another peer from now on */
		struct tt_conn *conn = tt_conn_find(sock);

		if (conn && conn->ino == found.ino)
			tt_conn_readdress(sock);
		return;
	}
	if (transport != TT_TRANSPORT_UNIX)
		return;
	struct tt_conn *conn = tt_conn_get(&found, transport);
	if (!conn) {
		tt_lost(TT_LOSS_CONN_TABLE_FULL, 0);
		return;
	}
	conn->role = TT_ROLE_CLIENT;
	conn->flags |= TT_STATE_SEEN_OPEN;
	conn->flags &= ~TT_STATE_NEW;
	tt_conn_place(conn, TT_TX, 0, true);
	tt_conn_place(conn, TT_RX, 0, true);
	tt_conn_opened(sock, 0);
}

/* A 32-bit caller: its number means another call, its structs are laid out otherwise. Counted if it moved bytes on a socket. */
TT_INLINE void tt_compat_exit(struct pt_regs *regs, long ret)
{
	struct tt_found found = {};

	if (ret > 0 && tt_find_here(TT_COMPAT_ARG1(regs), &found, false) && tt_transport_of(found.sk) != TT_TRANSPORT_UNKNOWN)
		tt_lost(TT_LOSS_COMPAT_CALL, ret);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(tt_sys_exit, struct pt_regs *regs, long ret)
{
	__u64 number = TT_ARG_NUMBER(regs);

	if (number >= TT_CALL_NUMBERS)
		return 0;
	__u8 call = tt_config.call[number & (TT_CALL_NUMBERS - 1)];
	if (!call)
		return 0;
	if (!tt_in_scope())
		return 0;
	if ((call & TT_CALL_COMPAT) && tt_is_compat(tt_task_here())) {
		tt_compat_exit(regs, ret);
		return 0;
	}
	call &= TT_CALL_MASK;
	if (call == TT_CALL_ACCEPT)
		tt_accept_exit(ret);
	else if (call == TT_CALL_CONNECT)
		tt_connect_exit(regs, number, ret);
	else if (call)
		tt_data_exit(regs, call, number, ret);
	return 0;
}
