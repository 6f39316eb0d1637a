/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fixed part of a chunk, and its place in the stream. */
#ifndef TT_BPF_CHUNK_H
#define TT_BPF_CHUNK_H

#include "conn.h"
#include "iov.h"
#include "senders.h"

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
	chunk->flags = conn->fresh * TT_CHUNK_FIRST_SEEN | conn->seen_open * TT_CHUNK_FROM_START;
	chunk->blocks = 0;
	chunk->netns = conn->netns;
	chunk->data_off = sizeof(*chunk);
	chunk->reserved = 0;
	chunk->local = conn->local;
	chunk->peer = conn->peer;
}

TT_INLINE void tt_chunk_at(struct tt_chunk *chunk, const struct tt_conn *conn, __u64 position)
{
	chunk->flags |= conn->seen_open * TT_CHUNK_FROM_START; /* this call may have opened it */
	chunk->offset = position - conn->origin[chunk->direction & 1];
	chunk->tcp_seq = conn->sequence ? (__u32)position : 0;
}

/* Marks the chunk as the end of its direction (error 0) or as a failure. False: this was reported before. */
TT_INLINE bool tt_conn_mark_end(struct tt_conn *conn, struct tt_chunk *chunk, __s32 error)
{
	__u8 direction = chunk->direction & 1;

	if (error) {
		if (conn->error[direction] == error)
			return false;
		conn->error[direction] = error;
		chunk->flags |= TT_CHUNK_ERROR;
		chunk->error = error;
	} else {
		if (conn->ended)
			return false;
		conn->ended = 1;
		chunk->flags |= TT_CHUNK_EOF;
	}
	if (!conn->placed[direction])
		tt_conn_place(conn, direction, conn->sequence ? tt_sequence((struct sock *)chunk->conn.sock, direction) : 0,
			      false);
	return true;
}

/* A message of several, or a part of one, may follow. */
TT_INLINE void tt_chunk_advance(struct tt_chunk *chunk, __u32 bytes)
{
	chunk->offset += bytes;
	if (chunk->tcp_seq)
		chunk->tcp_seq += bytes;
}

/* The descriptor of the system call that is being reported still means the file it meant at the entry. */
TT_INLINE bool tt_same_file(void)
{
	struct tt_work *w = tt_work_here();

	return w && (!w->fd || tt_file_of(tt_files_here(), w->fd - 1) == w->found.file);
}

/* What is to become of bytes that are not where they would be after those before them. */
enum tt_off {
	TT_OFF_REFUSED, /* nobody can tell whose they are */
	TT_OFF_PLACED,	/* their direction begins with them */
	TT_OFF_COUNTED, /* the connection has no sequence to go by any more */
};

/*
 * `start`: where they begin by the sequence; `before`: where it was at the call's entry, if that is known. A call that opens the
 * connection (TCP Fast Open) sends the SYN before its bytes, which counts as one; its socket may have had no sequence at all.
 * Apart, as it is off the common way and proved once.
 */
__noinline int tt_position_off(__u64 sock, __u32 direction, __u32 start, __u32 before, __u32 known)
{
	struct sock *sk = (struct sock *)sock;
	struct tt_conn *conn = tt_conn_find(sock);

	if (!conn || (known && !tt_same_file()))
		return TT_OFF_REFUSED;
	if (known && direction == TT_TX && !conn->bytes[TT_TX] && (conn->connecting || conn->seen_open) &&
	    (!before || (start == before + 1 && tt_sock_opened_fast(sk)))) {
		tt_conn_place(conn, TT_TX, start, true);
		conn->seen_open = 1;
		conn->fresh = 0;
		return TT_OFF_PLACED;
	}
	if (!tt_sock_is_redirected(sk))
		return TT_OFF_REFUSED;
	conn->sequence = 0;
	return TT_OFF_COUNTED;
}

/*
 * Without a sequence the calls of this side are counted. Two that end at the very same time must not get one place: what is read
 * behind the addition is what was read before it and these bytes, or another came between. (5.10 has no addition that tells what
 * it found.)
 */
TT_INLINE bool tt_position_by_count(struct tt_conn *conn, __u8 direction, __u32 bytes, __u64 *ret)
{
	direction &= 1;
	volatile __u64 *next = &conn->next[direction];

	conn->placed[direction] = 1;
	*ret = *next;
	__sync_fetch_and_add(&conn->next[direction], bytes);
	return *next - *ret == bytes || conn->transport == TT_TRANSPORT_UDP || conn->transport == TT_TRANSPORT_UNIX_DGRAM;
}

/* Where bytes begin that are not where the call's entry saw its socket, with what is to become of them. */
TT_INLINE int tt_position_moved_on(__u64 sock, __u8 direction, __u32 before, __u32 bytes, __u32 *start)
{
	int off = tt_position_off(sock, direction, *start, before, true);

	if (off != TT_OFF_REFUSED || direction != TT_TX || !tt_same_file())
		return off;
	__u64 among = tt_senders_among(sock, before, bytes);
	*start = (__u32)among;
	return among ? TT_OFF_PLACED : TT_OFF_REFUSED;
}

/*
 * Where `bytes` bytes just moved begin. With a sequence they must be what the socket's sequence moved by since the entry. If it
 * moved by more, others moved bytes at the same time, and whose are whose only of some that send can be told.
 */
TT_INLINE bool tt_position_by_sequence(__u64 sock, struct tt_conn *conn, const struct tt_view *view,
				       const struct tt_before *before, __u8 direction, __u32 bytes, __u64 *ret)
{
	direction &= 1;
	__u32 start = view->sequence - bytes - view->fin_read;
	bool placed = conn->placed[direction];
	__u32 next = conn->next[direction];

	if (before->known && before->has_sequence) {
		if (start != before->sequence) {
			int off = tt_position_moved_on(sock, direction, before->sequence, bytes, &start);

			if (off == TT_OFF_COUNTED)
				return tt_position_by_count(conn, direction, bytes, ret);
			if (off != TT_OFF_PLACED)
				return false;
			placed = conn->placed[direction];
		} else if (direction == TT_TX) {
			tt_senders_alone(conn, start, start + bytes);
		}
	} else if (placed && start != next) {
		if (tt_position_off(sock, direction, start, 0, false) == TT_OFF_COUNTED)
			return tt_position_by_count(conn, direction, bytes, ret);
		/* Whose the bytes in between are nobody can tell: they are left to nobody. */
		if (before->shared || (__s32)(start - next) < 0) {
			if ((__s32)(start - next) > 0)
				conn->next[direction] = tt_conn_unwrap(conn, direction, start + bytes);
			return false;
		}
	}
	if (!placed)
		tt_conn_place(conn, direction, start, false);
	*ret = tt_conn_unwrap(conn, direction, start);
	if ((__s64)(*ret + bytes - conn->next[direction]) > 0)
		conn->next[direction] = *ret + bytes;
	return true;
}

TT_INLINE bool tt_position(__u64 sock, struct tt_conn *conn, const struct tt_view *view, const struct tt_before *before,
			   __u8 direction, __u32 bytes, __u64 *ret)
{
	/* Kernel TLS may have been switched on since: then the sequence counts its own bytes too. */
	if (conn->sequence && !(view->has_sequence && (!before->known || before->has_sequence)))
		conn->sequence = 0;
	if (conn->sequence)
		return tt_position_by_sequence(sock, conn, view, before, direction, bytes, ret);
	/* Of a redirected socket the sequence says nothing of the descriptor. */
	if (before->known && before->has_sequence && !tt_same_file())
		return false;
	return tt_position_by_count(conn, direction, bytes, ret);
}

#endif
