// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bytes moved by io_uring, which makes no system call on the socket. The kernel's own account of each send and receive
 * (since 6.3) names socket and length exactly; buffers are not to be found from here, so the bytes are counted and placed, not
 * shown.
 */
#include "lib/operation.h"
#include "lib/prog.h"

/* io_uring moves the bytes and not a system call of this thread: those all leave a stamp in a task that has a ring. */
TT_INLINE bool tt_moved_by_ring(struct task_struct *task, __u64 sock)
{
	if (TT_READ(struct task_struct, task, flags) & TT_PF_IO_WORKER)
		return true;
	struct tt_stamp *stamp = tt_stamp_find();
	return !stamp || stamp->number == TT_STAMP_NONE || stamp->sock != sock;
}

/* Its own counters, as these programs may come between those of system calls. */
TT_INLINE void tt_ring_submit(struct tt_kernel_counters *c, struct tt_chunk *chunk)
{
	__u32 index = c->ring;
	void *ring = bpf_map_lookup_elem(&tt_data_rings, &index);
	bool payload = chunk->length;

	/* Two events where there are bytes: the chunk, and its payload, which is not seen. */
	__sync_fetch_and_add(&c->control.produced, 1 + payload);
	__sync_fetch_and_add(&c->control.produced_bytes, 2ull * chunk->length);
	if (payload) {
		__sync_fetch_and_add(&c->control.lost[TT_LOSS_IO_URING], 1);
		__sync_fetch_and_add(&c->control.lost_bytes[TT_LOSS_IO_URING], chunk->length);
	}
	if (ring && !bpf_ringbuf_output(ring, chunk, sizeof(*chunk), BPF_RB_NO_WAKEUP))
		return;
	__sync_fetch_and_add(&c->control.lost[TT_LOSS_RING_FULL], 1);
	__sync_fetch_and_add(&c->control.lost_bytes[TT_LOSS_RING_FULL], chunk->length);
}

TT_INLINE void tt_ring_lost(enum tt_loss_cause cause, __u64 bytes)
{
	struct tt_kernel_counters *c = tt_counters_here();

	if (!c)
		return;
	__sync_fetch_and_add(&c->control.produced, 1);
	__sync_fetch_and_add(&c->control.produced_bytes, bytes);
	__sync_fetch_and_add(&c->control.lost[cause], 1);
	__sync_fetch_and_add(&c->control.lost_bytes[cause], bytes);
}

/* Sees to it that the state of the socket is kept; apart from the report for the stack's sake. 0: it is not one to report. */
__noinline int tt_ring_conn(__u64 sock, __s32 moved)
{
	struct tt_found found = {.sk = (struct sock *)sock};
	struct socket *socket = TT_READ(struct sock, found.sk, sk_socket);
	__u8 transport = tt_transport_of(found.sk);

	if (!socket || transport == TT_TRANSPORT_UNKNOWN || tt_sock_is_kernels(found.sk))
		return 0;
	found.ino = TT_READ(struct socket_alloc, socket, vfs_inode.i_ino);
	if (tt_conn_get(&found, transport))
		return 1;
	tt_ring_lost(TT_LOSS_CONN_TABLE_FULL, moved > 0 ? moved : 0);
	return 0;
}

__noinline int tt_ring_report(__u64 sock, __u32 direction, __s32 moved)
{
	struct tt_kernel_counters *c = tt_counters_here();
	struct tt_conn *conn = tt_conn_find(sock);
	struct tt_chunk chunk = {};
	const struct tt_before nothing = {};
	__u64 position;

	if (!c || !conn)
		return 0;
	direction &= 1;
	tt_chunk_fill(&chunk, sock, conn, direction, 0);
	chunk.rec.len = sizeof(chunk);
	chunk.flags |= TT_CHUNK_NO_PAYLOAD;
	if (conn->transport == TT_TRANSPORT_UDP || conn->transport == TT_TRANSPORT_UNIX_DGRAM)
		chunk.flags |= TT_CHUNK_DATAGRAM;
	if (moved > 0 || (!moved && conn->transport == TT_TRANSPORT_UDP)) {
		struct tt_view view = {};

		if (conn->sequence)
			tt_view_take((struct sock *)sock, direction, tt_sock_has_sequence((struct sock *)sock), &view);
		if (!tt_position(sock, conn, &view, &nothing, direction, moved, &position)) {
			tt_ring_lost(TT_LOSS_FD_RACE, moved);
			return 0;
		}
		chunk.length = moved;
		__sync_fetch_and_add(&conn->bytes[direction], moved);
	} else {
		if (!tt_conn_mark_end(conn, &chunk, -moved))
			return 0;
		position = conn->next[direction];
	}
	conn->fresh = 0;
	tt_chunk_at(&chunk, conn, position);
	__u64 outer;
	chunk.rec.time_ns = tt_control_begin(c, &outer);
	tt_ring_submit(c, &chunk);
	tt_control_end(c, outer);
	return 0;
}

/*
 * A call of this thread on a socket that has no sequence to check by, while other threads could change the descriptor: the socket
 * it really used is this one.
 */
TT_INLINE void tt_note_used(const void *at, struct sock *sk)
{
	if (TT_READ(struct sock, sk, sk_protocol) == TT_IPPROTO_TCP)
		return;
	struct files_struct *files = tt_files_here();
	if (!files || !tt_files_shared(files))
		return;
	struct tt_stamp *stamp = tt_stamp_find();
	if (stamp && stamp->number != TT_STAMP_NONE)
		stamp->used = tt_first_argument(at);
}

/* `at`: where the socket's address stands in the event. */
TT_INLINE void tt_length(const void *at, struct sock *sk, __u32 direction, __s32 moved)
{
	struct task_struct *task = tt_task_here();

	/* Nearly every task has no ring: asked first, with what costs nothing. */
	if (!(TT_READ(struct task_struct, task, flags) & TT_PF_IO_WORKER) && !tt_task_has_ring(task)) {
		tt_note_used(at, sk);
		return;
	}
	__u64 sock = tt_first_argument(at);
	if (!tt_in_scope())
		return;
	if (!tt_moved_by_ring(task, sock)) {
		tt_note_used(at, sk);
		return;
	}
	if (moved < 0 && !tt_error_matters(-moved))
		return;
	if (!moved && direction == TT_TX)
		return;
	if (tt_ring_conn(sock, moved))
		tt_ring_report(sock, direction, moved);
}

SEC("tp_btf/sock_send_length")
int TT_PROG(tt_send_length, struct sock *sk, int moved, int flags)
{
	tt_length(ctx, sk, TT_TX, moved);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int TT_PROG(tt_recv_length, struct sock *sk, int moved, int flags)
{
	if (!(flags & MSG_PEEK))
		tt_length(ctx, sk, TT_RX, moved);
	return 0;
}

/* The same by way of perf (socket_data.bpf.c says why). */
SEC("tp/sock/sock_send_length")
int tt_perf_send_length(struct tt_perf_sock_length *event)
{
	tt_length(&event->sk, (struct sock *)event->sk, TT_TX, event->ret);
	return 0;
}

SEC("tp/sock/sock_recv_length")
int tt_perf_recv_length(struct tt_perf_sock_length *event)
{
	if (!(event->flags & MSG_PEEK))
		tt_length(&event->sk, (struct sock *)event->sk, TT_RX, event->ret);
	return 0;
}
